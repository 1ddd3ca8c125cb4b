"""The frame both worlds share: day by day, in time order, with reactions let in between two events."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from sevenfold.simulate.draws import Stream
from sevenfold.simulate.responses import CHANNELS, DAY_MS, PUT_OFF, Message, Responses, SimulationError
from sevenfold.simulate.segment import Disorder, Event, Writer

START_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z, a Monday."""
REACTS = 70


class Simulation(ABC):
    """A seeded world. `events()` starts it anew; `respond()` may be called between two events."""

    def __init__(self, seed: int, days: int, start_ms: int, disorder: Disorder | None) -> None:
        if days < 1:
            raise SimulationError(f"{days} days cannot be simulated", fix="ask for at least 1 day")
        if start_ms % DAY_MS:
            raise SimulationError(
                f"start {start_ms} is not midnight UTC", fix="round it to a multiple of 86,400,000 ms"
            )
        self.seed, self.days, self.start_ms = seed, days, start_ms
        self._disorder = disorder or Disorder()
        self._reactions: list[tuple[int, int, int, Event]] = []
        self._made = 0
        self._now_ms = start_ms

    @abstractmethod
    def _begin(self) -> None:
        """Set the world to its first morning."""

    @abstractmethod
    def _day(self, day: int) -> Iterator[tuple[int, Event]]:
        """Live one day and yield its events by time."""

    @abstractmethod
    def truth(self) -> dict[str, pa.Table]:
        """The hidden truth as far as it has been simulated."""

    @abstractmethod
    def catalogues(self) -> dict[str, list[dict[str, Any]]]:
        """What the company has on file: rows by catalogue name."""

    @abstractmethod
    def respond(self, person: str, message: Message) -> None:
        """Let a message reach a person; it acts from the next day on, its receipts follow within hours.

        Raises SimulationError for an unknown person, channel or purpose.
        """

    def events(self) -> Iterator[Event]:
        """All events as JSON-ready dictionaries, in time order (or of delivery, with disorder)."""
        for _, event in self.timed_events():
            yield event

    def timed_events(self) -> Iterator[tuple[int, Event]]:
        """The same as (time in ms UTC, event)."""
        return self._disorder.applied(self._lived(), self.seed)

    def _lived(self) -> Iterator[tuple[int, Event]]:
        self._reactions = []
        self._made = 0
        self._now_ms = self.start_ms
        self._begin()
        for day in range(self.days):
            for time_ms, event in self._day(day):
                if self._reactions:
                    yield from self._due(time_ms)
                self._now_ms = time_ms
                yield time_ms, event
            yield from self._due(self.start_ms + (day + 1) * DAY_MS)

    def _due(self, time_ms: int) -> Iterator[tuple[int, Event]]:
        while self._reactions and self._reactions[0][0] < time_ms:
            due = heapq.heappop(self._reactions)
            self._now_ms = due[0]
            yield due[0], due[3]

    def _react(self, responses: Responses, row: int, writer: Writer, message: Message, alive: float) -> None:
        """Receipts of a message: delivered, opened, clicked, unsubscribed; seen and clicked in-app; a task
        done."""
        stream = Stream(
            writer.key,
            max(message.time - self.start_ms, 0) // DAY_MS,
            REACTS + int(responses.people.received[row]) % 64,
        )
        if message.channel == "email" and responses.people.unsubscribed[row]:
            return
        liked = CHANNELS[responses.people.preferred[row]] == message.channel
        tired = 0.85 ** max(0, int(responses.log[-1]["messages_7d_before"]) - 1)
        sees = float(responses.people.opens[row]) * (1.5 if liked else 1.0) * tired * (0.4 + 0.6 * alive)
        opens, clicks = stream.happens(min(sees, 0.95)), stream.happens(0.3)
        number = int(responses.people.received[row])
        about = {
            "email_id": f"{writer.user}-{number}",
            "campaign_id": message.kind,
            "channel": message.channel,
        }
        seen_at = message.time + 60_000 + int(stream.exponential(2.5 * 3_600_000))
        if message.channel == "in_app":
            steps = [(message.time + 1_000, "In-App Shown")]
            steps += [(message.time + 20_000, "In-App Clicked")] if opens and clicks else []
        elif message.channel == "human":
            about = {"kind": message.purpose, "outcome": "reached" if opens else "unreachable"}
            steps = [(seen_at, "Task Completed")]
        else:
            name = {"email": "Email"}.get(message.channel, message.channel.replace("_", " ").title())
            steps = [(message.time + 4_000, f"{name} Delivered")]
            steps += [(seen_at, f"{name} Opened")] if opens else []
            steps += [(seen_at + 25_000, f"{name} Link Clicked")] if opens and clicks else []
            steps += self._unsubscribes(responses, row, message, seen_at, stream)
        for time_ms, name in steps:  # under ids of their own, so that no other event's id moves
            self._made += 1
            event = writer.track(time_ms, name, dict(about))
            writer.count -= 1
            event["messageId"] = f"{writer.key:016x}-m{self._made}"
            heapq.heappush(self._reactions, (max(time_ms, self._now_ms), writer.key, self._made, event))

    def _unsubscribes(
        self, responses: Responses, row: int, message: Message, seen_at: int, stream: Stream
    ) -> list[tuple[int, str]]:
        p = responses.parameters
        put_off = responses.people.kind[row] == PUT_OFF and not responses.no_effect
        if message.channel != "email" or not stream.happens(
            p.unsubscribe_put_off if put_off else p.unsubscribe
        ):
            return []
        responses.people.unsubscribed[row] = True
        return [(seen_at + 40_000, "Email Unsubscribed")]

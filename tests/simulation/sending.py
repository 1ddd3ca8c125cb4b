"""A sender that dies at any moment: a seed makes a script of events, providers that fail in every way,
and crashes wherever the sender waits for something; then the law is asked whether what happened was
right.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from sevenfold.channels.base import Adapter, Outgoing, Result
from sevenfold.clock import SetClock
from sevenfold.effects import Effect
from sevenfold.log.base import Entry, New, NewEvents, Receipt
from sevenfold.log.memory import MemoryLog
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.server.inprocess import InProcess
from sevenfold.server.live import BusyError, Told, UnavailableError, Watched
from sevenfold.server.sender import Sender
from sevenfold.server.sender.versions import MemoryVersions
from sevenfold.workspace.models import Workspace
from tests.edges.sender.world import DAY, MINUTE, SECRETS, START, Shelf, VirtualTime, journey, mail, workspace

USERS = tuple(f"user{number}" for number in range(16))
HELD, AGAIN, ONCE, APP = "held", "again", "once", "app"
TTL = "2d"
FINAL = ("sent", "bounced", "failed", "render_error", "expired")


def world() -> Workspace:
    """Channels of every rule for the unknown, one with another to fall back on, one that waits to be
    shown.
    """
    fields = {"ttl": TTL}
    return workspace(
        channels={
            HELD: {"type": "email", "fallback": "spare", "rate": "5 per 1s"},
            "spare": {"type": "email"},
            AGAIN: {"type": "email", "unknown": "retry"},
            ONCE: {"type": "email", "fallback": "other"},
            "other": {"type": "email"},
            APP: {"type": "in_app"},
        },
        templates={
            "held": mail(channel=HELD, transactional=False),
            "again": mail(channel=AGAIN),
            "once": mail(channel=ONCE, transactional=False),
            "tip": {"channel": APP, "body": "Tip"},
            "broken": mail(
                channel=HELD, transactional=False, text="{{ event.nothing }} {{ links.unsubscribe }}"
            ),
        },
        journeys={
            "go": journey("Go", "held", "again", **fields),
            "more": journey("More", "once", "held", "tip", **fields),
            "paced": journey("Paced", "held", "again", "once", **fields, limits={"rate": "3 per 1m"}),
            "stay": {
                **journey("Stay", **fields),
                "re_entry": "once",
                "steps": {
                    "one": {"kind": "message", "template": "held"},
                    "two": {"kind": "message", "template": "once"},
                    "rest": {"kind": "wait", "for": "30d"},
                },
            },
            "bad": journey("Bad", "broken", "held", **fields),
        },
    )


class Fate:
    """Decides what goes wrong. `calm` ends all of it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.deaths = self.random.choice([0.0, 0.01, 0.03, 0.1])
        self.faults = self.random.choice([0.0, 0.1, 0.4])
        self.calm = False
        self.dead = asyncio.Event()

    async def point(self) -> None:
        """Something that takes a while; the process may die here."""
        for _ in range(self.random.randrange(3)):
            await asyncio.sleep(0)
        if self.dead.is_set() or (not self.calm and self.random.random() < self.deaths):
            self.dead.set()
            await asyncio.Event().wait()


class Providers:
    """All providers, and what they have accepted."""

    def __init__(self, fate: Fate, time: VirtualTime) -> None:
        self.fate, self.time = fate, time
        self.accepted: list[tuple[str, Outgoing]] = []
        self.busy: dict[tuple[str, str], int] = defaultdict(int)

    def make(self, name: str, model: DeliveryChannel) -> Adapter:
        return Fickle(self, name)


class Fickle:
    """A provider that fails in every way that one can."""

    rate_per_s = None
    concurrency = 2

    def __init__(self, providers: Providers, name: str) -> None:
        self._all, self._name = providers, name
        self.deduplicates = name == ONCE

    async def send(self, message: Outgoing) -> Result:
        fate, line = self._all.fate, (message.channel, message.person)
        assert not self._all.busy[line], "two messages of one person are on their way over one channel"
        self._all.busy[line] += 1
        try:
            await fate.point()
            fails = not fate.calm and fate.random.random() < fate.faults
            verdict = fate.random.choice(VERDICTS) if fails else "accepted"
            known = any(
                one.effect == message.effect for name, one in self._all.accepted if name == self._name
            )
            taken = verdict == "accepted" or (verdict == "unknown" and fate.random.random() < 0.5)
            if taken and not (self.deduplicates and known):
                self._all.accepted.append((self._name, message))
            await fate.point()
            scope = fate.random.choice(("message", "recipient", "account"))
            after = fate.random.choice((None, 1.0, 90.0)) if verdict == "throttled" else None
            return Result(verdict=verdict, reason=verdict, scope=scope, retry_after_s=after)
        finally:
            self._all.busy[line] -= 1

    async def check(self) -> Result:
        await self._all.fate.point()
        works = self._all.fate.calm or self._all.fate.random.random() < 0.5
        return Result(verdict="accepted" if works else "config_error")

    async def close(self) -> None:
        return


VERDICTS: Any = ("permanent", "transient", "throttled", "config_error", "unknown", "unknown")


class FickleLive:
    """The service as a process sees it that may die before or after anything."""

    def __init__(self, live: InProcess, fate: Fate, meddle: Callable[[], Awaitable[None]]) -> None:
        self._live, self._fate, self._meddle = live, fate, meddle

    @property
    def workspace(self) -> Workspace:
        return self._live.workspace

    async def append(self, new: Sequence[New]) -> list[Receipt]:
        await self._fate.point()
        self._trouble()
        found = await self._live.append(new)
        await self._fate.point()
        return found

    async def control(self, record: dict[str, Any]) -> Told:
        await self._fate.point()
        self._trouble()
        if not self._fate.calm and self._fate.random.random() < 0.1:
            # Somebody was faster, and the sender has not heard of it.
            await self._meddle()
        found = await self._live.control(record)
        await self._fate.point()
        if not self._fate.calm and self._fate.random.random() < self._fate.faults / 5:
            raise UnavailableError("the fold starts again")
        return found

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        await self._fate.point()
        found = await self._live.ask(question, **arguments)
        # As it comes over a wire.
        found = msgspec.msgpack.decode(msgspec.msgpack.encode(found))
        await self._fate.point()
        return found

    def _trouble(self) -> None:
        if not self._fate.calm and self._fate.random.random() < self._fate.faults / 5:
            raise self._fate.random.choice([BusyError(), UnavailableError("starting")])


class Simulation:
    """One seed."""

    def __init__(self, seed: int) -> None:
        self.fate = Fate(seed)
        self.clock = SetClock(START)
        self.time = VirtualTime(self.clock)
        self.log = MemoryLog(self.clock)
        self.providers = Providers(self.fate, self.time)
        self.shelf, self.versions = Shelf(), MemoryVersions()
        self.effects: list[Effect] = []
        self.sender: Sender | None = None
        self.lives = self.count = 0
        self._coming: list[Watched] = []
        self._arrived = asyncio.Event()
        self.live = InProcess(world(), clock=self.clock, log=self.log, take=self._take)

    def _take(self, watched: Watched) -> None:
        # A fold that was started again says what it said before; readers leave that out by number.
        new = watched.effects[max(0, len(self.effects) - watched.first) :]
        assert watched.first <= len(self.effects)
        at = watched.first + len(watched.effects) - len(new)
        self.effects += new
        if new:
            self._coming.append(Watched(at, new))
            self._arrived.set()

    async def _pass_on(self) -> None:
        """Effects come to the sender some time later, and some once more after it was started again."""
        while True:
            await self.fate.point()
            while self._coming and self.sender is not None:
                self.sender.take(self._coming.pop(0))
                if self.fate.random.random() < 0.2:
                    await self.fate.point()
            self._arrived.clear()
            await self._arrived.wait()

    def _start(self) -> None:
        self.lives += 1
        self.fate.dead = asyncio.Event()
        self.sender = Sender(
            FickleLive(self.live, self.fate, self._merge),  # type: ignore[arg-type]  # watching is not asked of it
            clock=self.clock,
            store=self.shelf,
            secrets=SECRETS,
            public_url="https://shop.example",
            make=self.providers.make,
            versions=self.versions,
            time=self.time,
            threads=False,
            room=self.fate.random.choice([3, 6, 1_000]),
        )
        again = self.fate.random.choice([0, 0, 5, 60])
        self._coming[:0] = [
            Watched(max(0, len(self.effects) - again), self.effects[-again:] if again else [])
        ]
        self._running = asyncio.ensure_future(self.sender.run())
        self._passing = asyncio.ensure_future(self._pass_on())

    async def _end(self, gracefully: bool) -> None:
        sender, self.sender = self.sender, None
        if gracefully and sender is not None and not self.fate.dead.is_set():
            await sender.stop(0.02)
        here = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not here]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.shelf._added.clear()
        self.providers.busy.clear()

    async def run(self, steps: int = 40) -> None:
        """Runs the script, calms down, and lets everything come to its end."""
        draw = self.fate.random
        self._start()
        for user in USERS:
            await self._event("identify", user, traits={"email": f"{user}@example.com"})
        for _ in range(steps):
            for _ in range(draw.choice([1, 1, 1, 8])):
                name = draw.choice(("Go", "Go", "More", "More", "Paced", "Bad", "Stay", "Stay"))
                await self._event("track", draw.choice(USERS), event=name)
            if draw.random() < 0.15:
                await self._merge()
            if draw.random() < 0.1:
                await self._hear()
            if draw.random() < 0.5:
                # Things happen while the sender is in the middle of something.
                for _ in range(draw.randrange(20)):
                    await asyncio.sleep(0)
            else:
                await self.time.advance(draw.choice([0, 0, 50, 1_000, 15_000, 30_000, 10 * MINUTE]))
            if self.fate.dead.is_set() or draw.random() < 0.03:
                await self._restart()
        self.fate.calm = True
        if self.fate.dead.is_set() or draw.random() < 0.3:
            await self._restart()
        await self.time.advance(5 * DAY)
        assert not self._running.done(), self._running
        await self._end(gracefully=True)

    async def _restart(self) -> None:
        draw = self.fate.random
        await self._end(gracefully=draw.random() < 0.3)
        if draw.random() < 0.3:
            # The fold dies as well, and begins from the log.
            self.live = InProcess(clock=self.clock, log=self.log, take=self._take)
        self._start()

    async def _event(self, type_: str, user: str, **fields: Any) -> None:
        self.count += 1
        raw = {"type": type_, "userId": user, "messageId": f"m{self.count}", **fields}
        entry = Entry("test", self.clock.now(), msgspec.json.encode(raw))
        await self.live.append([NewEvents([entry], [self.count.to_bytes(16, "big")])])

    async def _merge(self) -> None:
        one, other = self.fate.random.sample(USERS, 2)
        await self.live.control({"op": "merge", "members": [{"user_id": one}, {"user_id": other}]})

    async def _hear(self) -> None:
        """A provider's webhook tells of something that it accepted."""
        if self.providers.accepted:
            _, message = self.fate.random.choice(self.providers.accepted)
            await self.live.control({"op": "outcome", "effect": message.effect, "outcome": "delivered"})

    # ------------------------------------------------------------------------------------------- the law

    def check(self) -> None:
        """Raises AssertionError where something happened that must not."""
        decided = {one.data["effect"]: one for one in self.effects if one.kind == "message"}
        told: dict[str, list[str]] = defaultdict(list)
        for one in self.effects:
            if one.kind == "outcome" and not one.data.get("stranger"):
                told[one.data["effect"]].append(one.data["outcome"])
            if one.kind in ("cancelled", "revoked"):
                told[one.data["effect"]].append(one.kind)
        accepted: dict[str, list[str]] = defaultdict(list)
        for name, message in self.providers.accepted:
            accepted[message.effect].append(name)
        assert accepted.keys() <= decided.keys()
        states = {one["effect"]: one["state"] for one in self._unresolved()}
        for effect, decision in decided.items():
            self._check_one(decision, told[effect], accepted[effect], states.get(effect))
        self._check_order(decided)
        self._check_claims(decided)
        desk: Any = self.live.fold.journeys.services["messages"]  # type: ignore[union-attr]
        assert list(desk.book.to_send()) == []

    def _check_one(self, decision: Effect, told: list[str], accepted: list[str], state: str | None) -> None:
        channel, about = decision.data["channel"], (decision.data, told, accepted, state)
        ends = [one for one in told if one in (*FINAL, "delivered", "cancelled", "revoked")]
        if channel == APP:
            # It was shown to nobody, so it came to its end, or was taken back.
            assert told in (["sent", "expired"], ["expired"], ["cancelled"], ["sent", "revoked"]), about
            lease = self.shelf.leases.get(decision.data["effect"])
            assert lease is None or lease["until"] <= self.clock.now(), about
            return
        if state is None:
            # A webhook may tell of what was sent before the sender does, or of what failed when sent again.
            assert ends == ["delivered"] or len([one for one in ends if one != "delivered"]) == 1, about
        else:
            assert state == "unknown" and not ends, about
        if "cancelled" in ends:
            assert not accepted, about
        if channel in (HELD, ONCE):
            assert len(accepted) <= 1, about
        if "sent" in ends:
            assert accepted, about
        if (
            channel == AGAIN
            and state is None
            and ends[-1] not in ("cancelled", "expired", "bounced", "failed")
        ):
            assert accepted, about
        if ends == ["expired"]:
            assert not accepted, about

    def _check_order(self, decided: dict[str, Effect]) -> None:
        place = {effect: number for number, effect in enumerate(decided)}
        last: dict[tuple[str, str, bool], int] = {}
        seen: set[str] = set()
        for _, message in self.providers.accepted:
            line = (message.channel, message.person, message.transactional)
            if message.effect in seen:
                continue
            seen.add(message.effect)
            assert place[message.effect] > last.get(line, -1), (line, message.effect)
            last[line] = place[message.effect]

    def _check_claims(self, decided: dict[str, Effect]) -> None:
        """Of each line one thing is claimed at a time, and told of before the next."""
        claimed: dict[tuple[str, str, bool], str] = {}
        for one in self.effects:
            decision = decided.get(one.data.get("effect", ""))
            if one.kind != "outcome" or decision is None:
                continue
            data = decision.data
            line = (data["channel"], data["recipient"], data["transactional"])
            if one.data["outcome"] == "claimed":
                assert line not in claimed, (line, claimed[line], data["effect"])
                claimed[line] = data["effect"]
            elif claimed.get(line) == data["effect"]:
                del claimed[line]

    def _unresolved(self) -> list[dict[str, Any]]:
        from sevenfold.server.questions import answer

        found: list[dict[str, Any]] = answer(self.live.fold, "unresolved", {"limit": 1_000})["items"]
        return found


def simulate(seed: int) -> Simulation:
    """Runs a seed and asks the law."""
    made: list[Simulation] = []

    async def go() -> None:
        made.append(Simulation(seed))
        await made[0].run()

    asyncio.run(go())
    made[0].check()
    return made[0]


if __name__ == "__main__":
    import sys

    for given in sys.argv[1:]:
        simulate(int(given))

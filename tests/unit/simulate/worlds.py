"""What the simulator's tests share: running a world to lines, messaging people while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from sevenfold.simulate import Message, SaasParameters, Simulation

DAY_MS = 86_400_000
Policy = Callable[[int, dict[str, Any]], Message | None]


def lean(**more: Any) -> SaasParameters:
    """Sessions of hardly more than the log-in: hidden state does not depend on what a session holds, so
    worlds that differ in nothing else live the same lives in a fifth of the time."""
    return SaasParameters(actions_per_session=0.3, **more)


def lines(simulation: Simulation) -> list[bytes]:
    """Every event as JSON."""
    return [msgspec.json.encode(event) for event in simulation.events()]


def lived(simulation: Simulation, policy: Policy) -> list[dict[str, Any]]:
    """Run in a closed loop: the policy sees each event and may answer it with a message to its person."""
    events = []
    for time_ms, event in simulation.timed_events():
        events.append(event)
        message = policy(time_ms, event)
        if message is not None:
            simulation.respond(event["userId"], message)
    return events


def every(days: int, purpose: str, channel: str = "email") -> Policy:
    """A policy: message each person at their first own event after so many days since the last message."""
    last: dict[str, int] = {}

    def policy(time_ms: int, event: dict[str, Any]) -> Message | None:
        person = event.get("userId")
        if (
            person is None
            or "-m" in event["messageId"]
            or time_ms - last.get(person, -(10**15)) < days * DAY_MS
        ):
            return None
        last[person] = time_ms
        return Message("check_in", channel, purpose, time_ms)

    return policy

"""Delays that cases evaluate by name, answered by the timers of a fold: when does a clock reach its point?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sevenfold.effects import ENTERED
from sevenfold.engine import Fold
from sevenfold.events.times import parse_ms
from sevenfold.profiles.expressions import ExpressionError, parse_duration
from sevenfold.workspace import models as m
from tests.peer_cases.outcome import SkipError

_USER = "userId"


def delay_until_property(args: dict[str, Any]) -> dict[str, Any]:
    """How long until a date trait; null once it is past."""
    _only(args, "now", "value", "offset_seconds", "offset_direction")
    now = _instant(args["now"])
    sign = -1 if args.get("offset_direction", "before") == "before" else 1
    at = _date_reached(now, args["value"], sign * int(args.get("offset_seconds", 0) * 1_000))
    return {"delay_ms": at - now if at is not None and at > now else None}


def delay_until(args: dict[str, Any]) -> dict[str, Any]:
    """When a date with an offset is reached; null once it is past."""
    _only(args, "now", "value", "offset")
    now, offset = _instant(args["now"]), args.get("offset", "0s")
    sign = -1 if offset.startswith("-") else 1
    at = _date_reached(now, args["value"], sign * parse_duration(offset.lstrip("+-")))
    return {"wake_at": _shown(at) if at is not None and at > now else None}


def fixed_delay(args: dict[str, Any]) -> dict[str, Any]:
    """When a duration after the start of a step has passed."""
    _only(args, "now", "step_started", "duration")
    if not args["step_started"]:
        raise SkipError("whether a step has started is known to a journey; journeys are not built yet")
    try:
        length = parse_duration(args["duration"])
    except ExpressionError:
        return {"error": "invalid_duration"}
    started = _instant(args["step_started"])
    workspace = m.Workspace(
        name="wait",
        signals={"waited": m.Since(event="Started")},
        segments={"over": m.Segment(when=f"waited >= {length}ms")},
    )
    event = {"type": "track", "event": "Started", "userId": _USER}
    at = _entered(workspace, started, event, started + length)
    return {"wake_at": _shown(at) if at is not None else None}


def _date_reached(now: int, value: Any, offset_ms: int) -> int | None:
    """When `value` + offset is reached, by a clock's timer; `now` when it is past; None: no date."""
    clock: m.Signal = m.UntilDate(date="trait.when") if offset_ms <= 0 else m.SinceDate(date="trait.when")
    sign = "<=" if offset_ms <= 0 else ">="
    workspace = m.Workspace(
        name="wait",
        traits={"when": m.Trait(type="date")},
        signals={"clock": clock},
        segments={"over": m.Segment(when=f"clock {sign} {abs(offset_ms)}ms")},
    )
    event = {"type": "identify", "userId": _USER, "traits": {"when": value}}
    return _entered(workspace, now, event, (parse_ms(value) or now) + offset_ms)


def _entered(workspace: m.Workspace, t: int, event: dict[str, Any], until: int) -> int | None:
    fold = Fold(workspace)
    effects = fold.events([(t, json.dumps(event).encode())]) + fold.advance(max(t, until))
    return next((effect.time for effect in effects if effect.kind == ENTERED), None)


def _instant(text: Any) -> int:
    at = parse_ms(text)
    if at is None:
        raise ValueError(f"{text!r} is no instant")
    return at


def _shown(ms: int) -> str:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _only(args: dict[str, Any], *known: str) -> None:
    """Whatever else is asked for belongs to a journey's step."""
    if others := sorted(key for key, value in args.items() if key not in known and value is not None):
        raise SkipError(f"`{others[0]}` belongs to a step of a journey; journeys are not built yet")

"""Delays that cases evaluate by name, answered by the timers of a fold: when does a clock reach its point?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sevenfold.effects import ENTERED
from sevenfold.engine import Fold
from sevenfold.events.times import parse_ms
from sevenfold.journeys.inference import resolve_zone
from sevenfold.journeys.times import next_at, next_weekday_at
from sevenfold.journeys.windows import Windows, next_open, parse_window
from sevenfold.journeys.zones import HOUR, MINUTE, zone
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
    if args.get("value_error"):
        return _unknown_date()
    _only(args, "now", "value", "offset", "max_delay")
    now, offset = _instant(args["now"]), args.get("offset", "0s")
    sign = -1 if offset.startswith("-") else 1
    at = _date_reached(now, args["value"], sign * parse_duration(offset.lstrip("+-")))
    if at is not None and args.get("max_delay") is not None:
        # A wait for the date with a `timeout`: whichever comes first.
        at = min(at, now + parse_duration(args["max_delay"]))
    return {"wake_at": _shown(at) if at is not None and at > now else None}


def fixed_delay(args: dict[str, Any]) -> dict[str, Any]:
    """When a duration after the start of a step has passed."""
    _only(args, "now", "step_started", "duration", "recheck_cap_seconds")
    if not args["step_started"]:
        raise SkipError("a run always knows when it came to its step; there is no such error to answer with")
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
    if at is not None and args.get("recheck_cap_seconds") is not None:
        # Theirs looks again after the cap; with us that is a wait of its own, whichever comes first.
        at = min(at, _instant(args["now"]) + args["recheck_cap_seconds"] * 1_000)
    return {"wake_at": _shown(at) if at is not None else None}


def _unknown_date() -> dict[str, Any]:
    """What a run does that waits for a date which nobody knows, and is told to give up then."""
    steps = {"w": {"kind": "wait", "date": {"date": "trait.when", "past": "exit"}}}
    journey = {"triggers": [{"kind": "event", "event": "Started"}], "steps": steps}
    workspace = m.Workspace(
        name="wait",
        traits={"when": m.Trait(type="date")},
        journeys=msgspec.convert({"j": journey}, dict[str, m.Journey]),
    )
    event = {"type": "track", "event": "Started", "userId": _USER}
    effects = Fold(workspace).events([(0, json.dumps(event).encode())])
    ended = next(effect.data["reason"] for effect in effects if effect.kind == "ended")
    return {"error": "unreadable", "unresolved": ended == "date_past"}


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
        raise SkipError(f"`{others[0]}` has no counterpart")


def time_window(args: dict[str, Any]) -> dict[str, Any]:
    """When a weekly window is open next; at once when it is open now."""
    config, now = args["config"], _instant(args["now"])
    if config["time"] == "any":
        # Theirs waits for the next day even when any time on any day will do; so does asking for 00:00.
        wake = next_at(now, 0, zone(config["timezone"]), inclusive=False)
    else:
        fallback = config.get("fallback_timezone", config["timezone"])
        person = args["person_timezone"] if config.get("use_person_timezone") else None
        days = config["day"] if isinstance(config["day"], list) else [config["day"]]
        windows = Windows([parse_window(days, *config["time"])])
        wake = next_open(now, windows, resolve_zone(person, None, None, fallback).zone)
    return {"wake_at": _shown(wake) if wake > now else None}


def next_local_time(args: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The next local time of day on one of the weekdays, told as the case asks for it."""
    now, point = _instant(args["now"]), None
    if "lat_lon" in args:
        latitude, longitude = (round(float(part) * 1e6) for part in args["lat_lon"].split(","))
        point = (latitude, longitude)
    choice = resolve_zone(
        args.get("user_timezone"), None, None, args.get("default_timezone", "UTC"), coordinates=point
    )
    # Their week begins with Sunday.
    days = frozenset((number - 1) % 7 for number in args.get("allowed_weekdays", range(7)))
    at = next_weekday_at(now, days, args["hour"] * HOUR + args.get("minute", 0) * MINUTE, choice.zone)
    told = {
        "whole_hours_from_now": (at - now) // HOUR,
        "utc_minute": at // MINUTE % 60,
        "instant": _shown(at),
    }
    return {name: told[name] for name in wanted if name in told}


def weekday_differs(args: dict[str, Any]) -> bool:
    """Whether the local weekday of the wanted time is not the one in UTC, which theirs looks at."""
    if "allowed_weekdays" not in args:
        return False
    theirs = next_local_time({**args, "user_timezone": "UTC"}, {"instant": ""})["instant"]
    ours = next_local_time(args, {"instant": ""})["instant"]
    return _instant(theirs) // (24 * HOUR) != _instant(ours) // (24 * HOUR)

"""Scenarios as data: a timeline in YAML becomes records for the engine and questions to ask it.

A file has a `title` (a sentence) and a `timeline`; perhaps `with` (objects laid over the workspace, in its
own shape), `start` (the date of day 1), `delivery`, `nothing_else_sent` and `holdouts`. Each entry says
when and, by one key, what:

    - {at: day 1 09:00, who: ana, track: Signed Up, with: {plan: team}}
    - {at: +5m, who: ana, page: Pricing, with: {path: /pricing, referrer: "https://www.g2.com/"}}
    - {at: day 1 09:06, who: ana, identify: {role: developer, email: ana@example.com}}
    - {at: day 1 09:07, who: ana, group: acme, with: {tier: mid}}
    - {at: day 2 09:00, who: ana, account: acme, track: Signed In, every: 1d, times: 5}
    - {at: day 2 10:00, who: ana, outcome: opened, template: welcome}
    - {at: day 2 10:30, who: ana, predictions: {churn_risk: 0.8, next_order: day 9 12:00}}
    - {at: day 2 11:00, control: {op: pause, journey: onboarding}}
    - {at: day 2 12:00, expect: ana, stage: {customer: engagement}, in: [activated], sent: [welcome]}

`who` is a user id; `device` adds an anonymous id, alone for visitors. `+5m` is five minutes after the entry
before. Day 1 is Monday, 2024-01-01, unless `start` says another; dates are times as well. All times are UTC.
docs/guides/testing-journeys.md says what an `expect` may ask.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from sevenfold.errors import SevenfoldError
from sevenfold.events.times import parse_ms
from sevenfold.limits import SCENARIO_ENTRIES_MAX
from sevenfold.playback.delivery import LATENCY_MS, Delivering
from sevenfold.playback.tables import iso
from sevenfold.profiles.expressions import parse_duration
from sevenfold.workspace.base import ACCOUNT, PERSON
from sevenfold.workspace.problems import likely
from sevenfold.workspace.reading import Node, read

DAY_MS: Final = 86_400_000
DAY_ONE_MS: Final = 1_704_067_200_000
EVENTS: Final = ("track", "page", "screen", "identify", "group", "alias")
STATE: Final = frozenset(
    {"stage", "in", "not_in", "score", "band", "signals", "identifiers", "traits", "prediction"}
)
HISTORY: Final = frozenset({"path", "ever_in", "never_in"})
JOURNEYS: Final = frozenset(
    {"sent", "held", "deferred", "would_send", "waits", "inside", "outside", "entered", "refused",
     "exits", "goals", "steps", "tasks", "says", "evidence", "owners", "saves"}
)  # fmt: skip
EXPECTATIONS: Final = frozenset({"of", *STATE, *HISTORY, *JOURNEYS})
_COMMON: Final = frozenset({"at", "every", "times", "who", "device", "account", "number"})
_FIELDS: Final = frozenset(
    {
        "title",
        "description",
        "workspace",
        "with",
        "start",
        "delivery",
        "timeline",
        "nothing_else_sent",
        "holdouts",
    }
)
_ID = re.compile(r"day (\d+) (\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?")


class ScenarioError(SevenfoldError):
    """A scenario file says something that is none."""

    code = "bad_scenario"


class Step(Struct):
    """One moment: an event as JSON bytes, a control record, an outcome of a message, what is foretold of
    somebody, or an expectation.
    """

    time_ms: int
    line: int
    raw: bytes = b""
    number: int = 0
    """The event's number in the log it comes from; 0: the next one."""
    control: dict[str, Any] | None = None
    subject: str = ""
    outcome: dict[str, Any] | None = None
    predictions: dict[str, Any] | None = None
    """Values by name, in natural units (a date as a moment); `of` says of what the subject is one."""
    of: str = PERSON
    expected: dict[str, Any] | None = None


class Scenario(Struct):
    """A scenario in order of time; entries of one moment keep their written order."""

    title: str
    file: str
    steps: list[Step]
    workspace: str = ""
    overlay: dict[str, Any] = {}
    start_ms: int = DAY_ONE_MS
    delivering: Delivering | None = Delivering()
    nothing_else_sent: bool = False
    holdouts: bool = False
    """Whether the workspace's holdout for every journey holds; without it nobody is kept from anything."""


def moment(text: Any, start: int = DAY_ONE_MS, before: int | None = None) -> int:
    """`day 3 14:30`, `day 3 14:30:15.250`, `+2h` after `before`, or a date as ms UTC. Raises ValueError."""
    said = str(text).strip()
    if said.startswith("+"):
        return (start if before is None else before) + duration(said[1:])
    match = _ID.fullmatch(said)
    if match is not None:
        day, hour, minute, second, ms = (int(part or 0) for part in match.groups())
        if hour < 24 and minute < 60 and second < 60:
            return start + (day - 1) * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms
    found = parse_ms(said)
    if found is None or match is not None:
        raise ValueError(f"`{said}` is no time; write `day 3 14:30`, `+2h` or `2024-03-01T09:00:00Z`")
    return found


def duration(text: str) -> int:
    """`90m`, `12h`, `1d`, `1d 2h` in ms. Raises ValueError."""
    return sum(parse_duration(part) for part in text.split()) if text.split() else 0


def shown(time_ms: int, start: int = DAY_ONE_MS) -> str:
    """A time as scenarios write it: `day 3 14:30`; before day 1 as a date."""
    if time_ms < start:
        return iso(time_ms)
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=time_ms - start)
    fine = f":{at:%S}" if time_ms % 60_000 else ""
    fine += f".{time_ms % 1000:03d}" if time_ms % 1000 else ""
    return f"day {(time_ms - start) // DAY_MS + 1} {at:%H:%M}{fine}"


def load_scenario(path: Path) -> Scenario:
    """Reads one file. Raises ScenarioError with file and line for anything that says nothing we know."""
    return parse_scenario(path.read_bytes(), str(path), path.stem)


def parse_scenario(data: bytes, file: str, stem: str = "scenario") -> Scenario:
    """The same from bytes; `stem` begins the ids of events."""
    node, problems = read(data, file)
    if problems:
        raise ScenarioError(
            problems[0].message, where=f"{file}:{problems[0].line}", fix=problems[0].suggestion
        )
    if node is None or not isinstance(node.value, dict):
        raise ScenarioError("a scenario is a mapping with a title and a timeline", where=file)
    given = {key: each.plain() for key, each in node.value.items() if key != "timeline"}
    for key in node.value:
        if key not in _FIELDS:
            fix = likely(key, sorted(_FIELDS)) or f"it has {', '.join(sorted(_FIELDS))}"
            raise ScenarioError(f"unknown field `{key}`", where=f"{file}:{node.keys[key]}", fix=fix)
    timeline = node.value.get("timeline")
    if timeline is None or not isinstance(timeline.value, list) or not str(given.get("title") or ""):
        raise ScenarioError("a scenario has a `title` and a list `timeline`", where=file)
    try:
        start = moment(given["start"]) if "start" in given else DAY_ONE_MS
        delivering = _delivering(given.get("delivery"))
    except (ValueError, TypeError, AttributeError) as error:
        raise ScenarioError(f"`start` or `delivery`: {error}", where=file) from error
    steps = _steps(timeline.value, file, stem, start)
    return Scenario(
        " ".join(str(given["title"]).split()), file, steps, str(given.get("workspace") or ""),
        given.get("with") or {}, start, delivering, given.get("nothing_else_sent") is True,
        given.get("holdouts") is True,
    )  # fmt: skip


def _delivering(given: Any) -> Delivering | None:
    if given is None:
        return Delivering()
    if given is False or given == "off":
        return None
    unknown = set(given) - {"latency", "failing", "failed_percent"}
    if unknown:
        raise ValueError(f"unknown {', '.join(sorted(unknown))}; it has latency, failing, failed_percent")
    latency = duration(str(given["latency"])) if "latency" in given else LATENCY_MS
    failing = frozenset(map(str, given.get("failing") or ()))
    return Delivering(
        latency_ms=latency, failing=failing, failed_percent=float(given.get("failed_percent") or 0)
    )


def _steps(nodes: list[Node], file: str, stem: str, start: int) -> list[Step]:
    steps: list[Step] = []
    before: int | None = None
    for node in nodes:
        entry = node.plain()
        try:
            if not isinstance(entry, dict):
                raise ValueError("an entry is a mapping")
            before = moment(entry.get("at", ""), start, before)
            gap = duration(str(entry.get("every", "1d")))
            for place in range(int(entry.get("times", 1))):
                steps.append(_step(entry, before + place * gap, node.line, f"{stem}-{len(steps)}"))
                if len(steps) > SCENARIO_ENTRIES_MAX:
                    raise ValueError(f"more than {SCENARIO_ENTRIES_MAX} moments in one scenario")
        except (ValueError, TypeError, SevenfoldError) as error:
            said = error.message if isinstance(error, SevenfoldError) else str(error)
            raise ScenarioError(said, where=f"{file}:{node.line}") from error
    steps.sort(key=lambda step: step.time_ms)
    return steps


def _step(entry: dict[str, Any], time: int, line: int, message: str) -> Step:
    if "expect" in entry:
        expected = {key: value for key, value in entry.items() if key not in ("at", "expect")}
        _known(expected, EXPECTATIONS)
        return Step(time, line, subject=str(entry["expect"]), expected=expected)
    if "control" in entry:
        _known(entry, frozenset({"at", "control"}))
        return Step(time, line, control=dict(entry["control"]))
    if "outcome" in entry:
        known = frozenset({"at", "who", "of", "outcome", "template", "reason", "permanent", "machine"})
        _known(entry, known)
        about = {key: value for key, value in entry.items() if key not in ("at", "who", "of")}
        return Step(time, line, subject=str(entry.get("who", "")), outcome=about)
    if "predictions" in entry:
        _known(entry, frozenset({"at", "every", "times", "who", "account", "predictions"}))
        of = PERSON if "who" in entry else ACCOUNT
        subject = str(entry["who" if of == PERSON else "account"])
        return Step(time, line, subject=subject, predictions=dict(entry["predictions"]), of=of)
    if "event" in entry:
        _known(entry, frozenset({"at", "event", "number"}))
        event = {"messageId": message, "timestamp": iso(time), **dict(entry["event"])}
        return Step(time, line, msgspec.json.encode(event), int(entry.get("number", 0)))
    kind = next((kind for kind in EVENTS if kind in entry), None)
    if kind is None or not ("who" in entry or "device" in entry):
        raise ValueError(
            "neither `expect`, `control`, `outcome` or `predictions`, nor `who` or `device` with one of "
            + ", ".join(EVENTS)
        )
    _known(entry, _COMMON | {kind, "with", "campaign"})
    return Step(time, line, event_of(entry, kind, time, message), int(entry.get("number", 0)))


def event_of(entry: dict[str, Any], kind: str, time: int, message: str) -> bytes:
    """The Segment event that an entry stands for."""
    event = {"type": kind, "messageId": message, "timestamp": iso(time), "context": _context(entry, kind)}
    names = {"who": "userId", "device": "anonymousId"}
    event |= {field: str(entry[name]) for name, field in names.items() if name in entry}
    return msgspec.json.encode(event | _body(kind, entry))


def _known(entry: dict[str, Any], keys: frozenset[str]) -> None:
    for unknown in entry.keys() - keys:
        fix = likely(unknown, sorted(keys)) or f"it may have {', '.join(sorted(keys))}"
        raise ValueError(f"unknown `{unknown}`; {fix}")


def _context(entry: dict[str, Any], kind: str) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if "account" in entry:
        context["groupId"] = str(entry["account"])
    if "campaign" in entry:
        context["campaign"] = entry["campaign"]
    if kind == "page":
        context["page"] = {key: entry.get("with", {}).get(key) for key in ("path", "url", "referrer")}
    return context


def _body(kind: str, entry: dict[str, Any]) -> dict[str, Any]:
    said, more = entry[kind], entry.get("with", {})
    match kind:
        case "track":
            return {"event": said, "properties": more}
        case "page" | "screen":
            return {"name": said, "properties": more}
        case "identify":
            return {"traits": said}
        case "group":
            return {"groupId": said, "traits": more}
        case _:
            return {"previousId": said}


__all__ = [
    "EXPECTATIONS", "Scenario", "ScenarioError", "Step", "duration", "event_of", "load_scenario", "moment",
    "parse_scenario", "shown",
]  # fmt: skip

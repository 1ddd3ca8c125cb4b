"""Scenarios as data: a timeline in YAML becomes records for the engine and questions to ask it.

A file has a `title`, the `workspace` it runs on (a pack's name or a folder below the repository's root),
perhaps `with` (objects laid over the workspace, in its own shape), and a `timeline`. Each entry says when
and, by one key, what:

    - {at: day 1 09:00, who: ana, track: Signed Up, with: {plan: team}}
    - {at: day 1 09:05, who: ana, page: Pricing, with: {path: /pricing, referrer: "https://www.g2.com/"}}
    - {at: day 1 09:06, who: ana, identify: {role: developer}}
    - {at: day 1 09:07, who: ana, group: acme, with: {tier: mid}}
    - {at: day 2 09:00, who: ana, account: acme, track: Signed In, every: 1d, times: 5}
    - {at: day 2 12:00, expect: ana, stage: {customer: engagement}, in: [activated], not_in: [stalled]}

`who` is a user id; `device` adds an anonymous id, alone for visitors.
Day 1 is Monday, 2024-01-01, and all times are UTC. What an `expect` may say is in `EXPECTATIONS`.
"""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DAY_MS = 86_400_000
DAY_ONE_MS = 1_704_067_200_000
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}
KINDS = ("track", "page", "identify", "group", "alias")
EXPECTATIONS = frozenset(
    {"of", "stage", "path", "in", "not_in", "ever_in", "never_in", "score", "band", "signals", "identifiers"}
)
PLACE = frozenset({"at", "every", "times", "who", "device", "account", "with", "campaign", *KINDS})


@dataclass(frozen=True)
class Step:
    """One moment of a scenario: an event as JSON bytes, or an expectation (`subject` and what to find)."""

    time_ms: int
    raw: bytes = b""
    subject: str = ""
    expected: dict[str, Any] | None = None


@dataclass(frozen=True)
class Scenario:
    """A scenario in order of time; entries of one moment keep their written order."""

    title: str
    workspace: str
    overlay: dict[str, Any]
    steps: tuple[Step, ...]


def moment(text: str) -> int:
    """`day 3 14:30` or `day 3 14:30:15.250` as ms UTC. Raises ValueError for anything else."""
    match = re.fullmatch(r"day (\d+) (\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?", text)
    if match is None:
        raise ValueError(f"`{text}` is not a moment such as `day 3 14:30`")
    day, hour, minute, second, ms = (int(part or 0) for part in match.groups())
    return DAY_ONE_MS + (day - 1) * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms


def duration(text: str) -> int:
    """`90m`, `12h`, `1d`, `2w` in ms."""
    match = re.fullmatch(r"(\d+)([mhdw])", text)
    if match is None:
        raise ValueError(f"`{text}` is not a duration such as `1d`")
    return int(match[1]) * UNITS_MS[match[2]]


def load_scenario(path: Path) -> Scenario:
    """Reads one file. Raises ValueError for an entry that says nothing we know."""
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    steps: list[Step] = []
    for entry in given["timeline"]:
        start, gap = moment(entry["at"]), duration(str(entry.get("every", "1d")))
        for number in range(int(entry.get("times", 1))):
            steps.append(_step(entry, start + number * gap, f"{path.stem}-{len(steps)}"))
    steps.sort(key=lambda step: step.time_ms)
    return Scenario(given["title"], given["workspace"], given.get("with", {}), tuple(steps))


def _step(entry: dict[str, Any], time_ms: int, message: str) -> Step:
    if "expect" in entry:
        expected = {key: value for key, value in entry.items() if key not in ("at", "expect")}
        _known(expected, EXPECTATIONS)
        return Step(time_ms, subject=str(entry["expect"]), expected=expected)
    _known(entry, PLACE)
    kind = next((kind for kind in KINDS if kind in entry), None)
    if kind is None or not ("who" in entry or "device" in entry):
        raise ValueError(f"neither `expect` nor `who` or `device` with one of {', '.join(KINDS)}: {entry}")
    event = {"type": kind, "messageId": message, "timestamp": iso(time_ms), "context": _context(entry)}
    event |= _ids(entry) | _body(kind, entry)
    return Step(time_ms, raw=json.dumps(event, default=str).encode())


def _known(entry: dict[str, Any], keys: frozenset[str]) -> None:
    unknown = entry.keys() - keys
    if unknown:
        raise ValueError(f"unknown {', '.join(sorted(unknown))} in {entry}")


def _ids(entry: dict[str, Any]) -> dict[str, str]:
    names = {"who": "userId", "device": "anonymousId"}
    return {field: str(entry[name]) for name, field in names.items() if name in entry}


def _context(entry: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if "account" in entry:
        context["groupId"] = str(entry["account"])
    if "campaign" in entry:
        context["campaign"] = entry["campaign"]
    if "page" in entry:
        context["page"] = {key: entry.get("with", {}).get(key) for key in ("path", "url", "referrer")}
    return context


def _body(kind: str, entry: dict[str, Any]) -> dict[str, Any]:
    said, more = entry[kind], entry.get("with", {})
    match kind:
        case "track":
            return {"event": said, "properties": more}
        case "page":
            return {"name": said, "properties": more}
        case "identify":
            return {"traits": said}
        case "group":
            return {"groupId": said, "traits": more}
        case _:
            return {"previousId": said}


def iso(time_ms: int) -> str:
    """ms UTC as clients write it."""
    at = datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"

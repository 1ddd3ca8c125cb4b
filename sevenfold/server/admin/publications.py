"""Versions of journeys that nobody is in any more: when each was put in force, and its plan, from the
history.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ..history import Control, History

_PAGE = 500
_OPS = ("publish", "promote", "workspace")
"""Control records that put a version of a journey in force."""


class Published(Struct, kw_only=True):
    """A version that was put in force: when (ms UTC), and whom it took in."""

    number: int
    version: int
    time: int
    enter: str


def published(history: History, name: str) -> list[Published]:
    """Every version of a journey that was ever put in force, the newest first. Raises HistoryError."""
    found: list[Published] = []
    before: int | None = None
    while True:
        page = history.effects(kind="published", before=before, limit=_PAGE)
        for one in page.items:
            if one.name == name:
                version, enter = int(one.data.get("version", 0)), str(one.data.get("enter", "future"))
                found.append(Published(number=one.number, version=version, time=one.time, enter=enter))
        if page.next is None:
            return found
        before = page.next


def plan_of(history: History, name: str, version: int) -> dict[str, Any] | None:
    """The plan of a version, from the record that put it in force; None when it was promoted by a decided
    test (whose record names no plan), or is not known.
    """
    known = published(history, name)
    times = [one.time for one in known if one.version == version]
    if not times:
        return None
    # Of several at one instant the order decides: records and effects have the same.
    same = [one.version for one in known if one.time == times[0]]
    records = [one for one in _records(history, times[0]) if _speaks_of(one, name)]
    place = same.index(version)
    if place >= len(records):
        return None
    data = records[place].data
    plan = data.get("plan") if records[place].op == "publish" else _journeys(data).get(name)
    return plan if isinstance(plan, dict) else None


def _records(history: History, time: int) -> Iterator[Control]:
    """Control records of this very time that publish something, the newest first."""
    found: list[Control] = []
    for op in _OPS:
        before: int | None = None
        while True:
            page = history.controls(op=op, before=before, limit=_PAGE)
            found += [one for one in page.items if one.time == time]
            if page.next is None or (page.items and page.items[-1].time < time):
                break
            before = page.next
    yield from sorted(found, key=lambda one: -one.position)


def _speaks_of(one: Control, name: str) -> bool:
    return name in _journeys(one.data) if one.op == "workspace" else one.data.get("journey") == name


def _journeys(data: dict[str, Any]) -> dict[str, Any]:
    workspace = data.get("workspace") or {}
    found = workspace.get("journeys") if isinstance(workspace, dict) else None
    return found if isinstance(found, dict) else {}

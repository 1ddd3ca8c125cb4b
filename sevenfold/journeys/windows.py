"""Weekly windows of local time: waiting for one, and quiet hours.

A window is open whenever the clock on the wall shows a time inside it, half-open [start, end). So on days
with a clock change an hour that happens twice is open twice, and one that is skipped is not open at all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable
from typing import Literal, NamedTuple

from ..limits import QUIET_SEARCH_MS_MAX, WINDOWS_ITEMS_MAX
from .times import EVERY_DAY, NEVER, JourneyTimeError, parse_time_of_day, parse_weekdays
from .zones import DAY, HOUR, Zone

WEEK = 7 * DAY
# 1970-01-01 was a Thursday: a wall clock of 0 is three days into its week.
_FROM_MONDAY = 3 * DAY
_WESTERNMOST = -12 * HOUR
_EASTERNMOST = 14 * HOUR


class Window(NamedTuple):
    """From `start_ms` to `end_ms` after 00:00, beginning on each of `days` (Monday = 0).

    With `end_ms` before `start_ms` it ends on the next day. 24:00 (86,400,000) is an end, never a start.
    """

    days: frozenset[int]
    start_ms: int
    end_ms: int


def parse_window(days: Iterable[str], start: str, end: str) -> Window:
    """A window as a journey writes it: `mon`, `weekday`; `22:00`, `06:00`. No days: every day.

    Raises `JourneyTimeError`.
    """
    chosen = parse_weekdays(days) or EVERY_DAY
    return Window(chosen, parse_time_of_day(start), parse_time_of_day(end))


class Windows:
    """Several weekly windows together; overlapping ones are one. Immutable.

    Raises `JourneyTimeError` when there is none, one is empty, or they are more than `WINDOWS_ITEMS_MAX`.
    """

    __slots__ = ("_edges", "always", "week_ms")

    def __init__(self, windows: Iterable[Window]) -> None:
        pieces: list[tuple[int, int]] = []
        given = list(windows)
        if not 0 < len(given) <= WINDOWS_ITEMS_MAX:
            raise JourneyTimeError(
                f"{len(given)} windows", fix=f"name 1 to {WINDOWS_ITEMS_MAX} weekly windows"
            )
        for window in given:
            pieces += _pieces(window)
        merged: list[list[int]] = []
        for start, end in sorted(pieces):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        self.always = merged == [[0, WEEK]]
        """Open all week."""
        self.week_ms = sum(end - start for start, end in merged)
        """How long a week is open."""
        # What is open at the end of Sunday goes on as the next week begins.
        if not self.always and merged[0][0] == 0 and merged[-1][1] == WEEK:
            merged[-1][1] += merged.pop(0)[1]
        # With a week before and a week after, every place in a week has a neighbour on both sides.
        self._edges = [edge + shift for shift in (-WEEK, 0, WEEK) for turn in merged for edge in turn]

    def open_wall(self, wall: int) -> int:
        """The first wall time >= `wall` inside a window, were there no clock changes."""
        place = (wall + _FROM_MONDAY) % WEEK
        index = bisect_right(self._edges, place)
        return wall if index & 1 else wall + self._edges[index] - place

    def closed_wall(self, wall: int) -> int:
        """The first wall time >= `wall` outside all windows; `NEVER` when they cover the week."""
        if self.always:
            return NEVER
        place = (wall + _FROM_MONDAY) % WEEK
        index = bisect_right(self._edges, place)
        return wall + self._edges[index] - place if index & 1 else wall


def _pieces(window: Window) -> list[tuple[int, int]]:
    """A window in its week, from Monday 00:00, cut where the week ends."""
    length = (window.end_ms - window.start_ms) % DAY or (DAY if window.end_ms - window.start_ms == DAY else 0)
    fits = 0 <= window.start_ms < DAY and 0 <= window.end_ms <= DAY and window.days <= EVERY_DAY
    if not (fits and length and window.days):
        fix = "start and end differ; a whole day is 00:00 to 24:00"
        raise JourneyTimeError("a window is empty or outside the day", fix=fix)
    pieces = []
    for day in window.days:
        start = day * DAY + window.start_ms
        pieces.append((start, min(start + length, WEEK)))
        if start + length > WEEK:
            pieces.append((0, start + length - WEEK))
    return pieces


def first_instant(ms: int, zone: Zone, first_wall: Callable[[int], int]) -> int:
    """The first instant >= `ms` whose wall time is one that `first_wall` returns unchanged.

    `first_wall` gives the first such wall time at or after one. Between clock changes both clocks run alike.
    """
    while True:
        _, end, offset = zone.span(ms)
        at = first_wall(ms + offset) - offset
        if at < end:
            return at
        if at > NEVER >> 1:
            return NEVER
        ms = end


def open_at(ms: int, windows: Windows, zone: Zone) -> bool:
    """Whether a window is open at an instant."""
    wall = zone.wall(ms)
    return windows.open_wall(wall) == wall


def next_open(ms: int, windows: Windows, zone: Zone) -> int:
    """The first instant >= `ms` at which a window is open; `ms` itself when one is."""
    return first_instant(ms, zone, windows.open_wall)


def closes_at(ms: int, windows: Windows, zone: Zone) -> int:
    """The first instant >= `ms` at which none is open: `ms` when none is, `NEVER` when one always is."""
    return NEVER if windows.always else first_instant(ms, zone, windows.closed_wall)


def quiet_until(ms: int, windows: Windows, zone: Zone) -> int | None:
    """None when it is not quiet; else when it ends, `NEVER` for quiet hours that cover the week."""
    until = closes_at(ms, windows, zone)
    return None if until == ms else until


class Quiet(NamedTuple):
    """When a message may go to somebody whose zone is not known for certain."""

    until: int | None
    """The instant it is no longer quiet; None: it is not quiet now."""
    basis: Literal["candidates", "everywhere", "workspace"]
    """Whose quiet hours: all zones they may be in, all there are, or, as neither ends in time, the
    workspace's."""


def quiet_until_any(ms: int, windows: Windows, zones: Collection[Zone]) -> int | None:
    """The first instant >= `ms` at which it is quiet in none of `zones`; `ms` when that is now.

    None: there is none within `QUIET_SEARCH_MS_MAX`.
    """
    at, last = ms, ms + QUIET_SEARCH_MS_MAX
    while at <= last:
        latest = at
        for zone in zones:
            latest = max(latest, closes_at(latest, windows, zone))
        if latest == at:
            return at
        at = latest
    return None


def quiet_until_everywhere(ms: int, windows: Windows) -> int | None:
    """As `quiet_until_any` for every clock from UTC-12 to UTC+14, whatever its minutes."""
    at, last = ms, ms + QUIET_SEARCH_MS_MAX
    while at <= last:
        west = at + _WESTERNMOST
        clear = windows.closed_wall(west)
        if clear == west and windows.open_wall(west) > at + _EASTERNMOST:
            return at
        # Quiet in the west still, or soon in the east: either way not before the westernmost has passed it.
        after = clear if clear > west else windows.closed_wall(windows.open_wall(west))
        at = after - _WESTERNMOST
    return None


def quiet_unknown(ms: int, windows: Windows, candidates: Collection[Zone], workspace: Zone) -> Quiet:
    """The strictest possible, never off, for somebody whose zone is not known.

    It must be quiet in none of `candidates` (the zones of their country); without candidates, in no zone on
    Earth. Where no such instant comes within `QUIET_SEARCH_MS_MAX`, the workspace's zone decides, and `basis`
    says so.
    """
    free = quiet_until_any(ms, windows, candidates) if candidates else quiet_until_everywhere(ms, windows)
    if free is None:
        return Quiet(quiet_until(ms, windows, workspace), "workspace")
    return Quiet(None if free == ms else free, "candidates" if candidates else "everywhere")

"""Business hours: a clock that runs only while somebody is at work.

A business hour is an hour of time that lies inside the windows and not on a holiday, both as the wall clock
and the calendar of the zone show them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection

from ..limits import BUSINESS_WEEK_MS_MIN, HOLIDAYS_DAYS_MAX
from .times import NEVER, JourneyTimeError
from .windows import Windows, first_instant
from .zones import DAY, MINUTE, Zone


class BusinessCalendar:
    """Weekly windows in a zone without the holidays (days since 1970-01-01). Immutable.

    Raises `JourneyTimeError` for less than `BUSINESS_WEEK_MS_MIN` a week, or too many holidays.
    """

    __slots__ = ("_holidays", "_sorted", "windows", "zone")

    def __init__(self, windows: Windows, zone: Zone, holidays: Collection[int] = ()) -> None:
        if windows.week_ms < BUSINESS_WEEK_MS_MIN:
            fix = f"open at least {BUSINESS_WEEK_MS_MIN // MINUTE} minutes a week"
            raise JourneyTimeError("business hours are too few", fix=fix)
        if len(holidays) > HOLIDAYS_DAYS_MAX:
            raise JourneyTimeError(f"{len(holidays)} holidays", fix=f"name at most {HOLIDAYS_DAYS_MAX}")
        self.windows = windows
        self.zone = zone
        self._holidays = frozenset(holidays)
        self._sorted = sorted(self._holidays)

    def open_at(self, ms: int) -> bool:
        """Whether the clock runs at an instant."""
        return self.next_open(ms) == ms

    def next_open(self, ms: int) -> int:
        """The first instant >= `ms` at which the clock runs."""
        return first_instant(ms, self.zone, self._open_wall)

    def closes_at(self, ms: int) -> int:
        """The first instant >= `ms` at which it does not; `NEVER` if it always will."""
        return first_instant(ms, self.zone, self._closed_wall)

    def add(self, ms: int, work_ms: int) -> int:
        """The first instant >= `ms` by which the clock has run for `work_ms`; `ms` itself for 0.

        The last minute of work may be the last of a day: eight hours from Friday 09:00 are Friday 17:00.
        """
        while work_ms > 0:
            start = self.next_open(ms)
            ms = min(self.closes_at(start), start + work_ms)
            work_ms -= ms - start
        return ms

    def between(self, start: int, end: int) -> int:
        """How long the clock runs in [start, end), in milliseconds; negative when `end` is earlier."""
        if end < start:
            return -self.between(end, start)
        work, at = 0, self.next_open(start)
        while at < end:
            closes = min(self.closes_at(at), end)
            work += closes - at
            at = self.next_open(closes)
        return work

    def _open_wall(self, wall: int) -> int:
        while True:
            wall = self.windows.open_wall(wall)
            if wall // DAY not in self._holidays:
                return wall
            wall = (wall // DAY + 1) * DAY

    def _closed_wall(self, wall: int) -> int:
        day = wall // DAY
        if day in self._holidays:
            return wall
        after = bisect_right(self._sorted, day)
        holiday = self._sorted[after] * DAY if after < len(self._sorted) else NEVER
        return min(self.windows.closed_wall(wall), holiday)

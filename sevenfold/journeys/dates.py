"""Dates that people have: a time before or after them, and their anniversaries.

A date attribute is an instant. One of exactly 00:00 UTC was written as a date alone (`2026-03-01`) and is
that calendar day in every zone; any other is on the day that the zone's calendar shows then.
"""

from __future__ import annotations

from typing import NamedTuple

from .civil import add_months, civil, day_number, month_days
from .times import Duration, add_duration, at_local, local, next_at
from .zones import DAY, UTC_ZONE, Zone

NO_OFFSET = Duration(0)
_MONTH_MS_MAX = 31 * DAY


class Anniversary(NamedTuple):
    """When an anniversary is due, and which: 1 a year after the date."""

    at: int
    years: int


def date_due(date_ms: int, offset: Duration, at: int | None, zone: Zone) -> int:
    """When `trait.renewal_date - 7d at 09:00` is due; `at` in ms after 00:00.

    With `at`, days, weeks and months count on the calendar from the date's day, then it is the first instant
    of that local time; other offsets are exact from 00:00 of the date's day, then the next such local time.
    Without `at` the result is the date's instant + offset as `add_duration` has it (in UTC for a date alone).
    """
    if at is None:
        return add_duration(date_ms, offset, _written_in(date_ms, zone))
    return _on(calendar_day(date_ms, zone), offset, at, zone)


def calendar_day(date_ms: int, zone: Zone) -> int:
    """The day a date attribute means: its own if it was written without a time, else that in the zone."""
    return local(date_ms, _written_in(date_ms, zone)).day


def _written_in(date_ms: int, zone: Zone) -> Zone:
    return UTC_ZONE if date_ms % DAY == 0 else zone


def next_anniversary(
    date_ms: int, ms: int, zone: Zone, *, offset: Duration = NO_OFFSET, at: int | None = None
) -> Anniversary:
    """The first anniversary whose due time, as in `date_due`, is >= `ms`.

    The first is a year after the date. One of 29 February is on 28 February in common years. Without `at` it
    is at the date's own local time of day, or at 00:00 UTC when it has none.
    """
    written = _written_in(date_ms, zone)
    place = local(date_ms, written).ms
    year, month, date = civil(calendar_day(date_ms, zone))
    # Years that cannot be it yet, whatever the offset does.
    before = ms - abs(offset.ms) - abs(offset.months) * _MONTH_MS_MAX
    years = max(1, civil(before // DAY)[0] - year - 1)
    while True:
        day = day_number(year + years, month, min(date, month_days(year + years, month)))
        if at is None:
            due = add_duration(at_local(day, place, written), offset, written)
        else:
            due = _on(day, offset, at, zone)
        if due >= ms:
            return Anniversary(due, years)
        years += 1


def _on(day: int, offset: Duration, at: int, zone: Zone) -> int:
    if offset.months:
        return at_local(add_months(day, offset.months), at, zone)
    if offset.days or not offset.ms:
        return at_local(day + offset.days, at, zone)
    return next_at(at_local(day, 0, zone) + offset.ms, at, zone)

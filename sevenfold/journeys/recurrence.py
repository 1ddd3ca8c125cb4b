"""Repeated schedules: the RRULE of RFC 5545 in local time.

`python-dateutil` expands the rule over wall times without a zone; each then becomes an instant by the rules
of :mod:`.times`: a time that a clock change skips is the first valid instant after it, one that happens twice
is the first.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from dateutil.rrule import rrulestr

from ..limits import (
    RECURRENCE_CACHED_VALUES_MAX,
    RECURRENCE_CHARS_MAX,
    RECURRENCE_VALUES_MAX,
)
from .civil import day_number, month_days
from .times import JourneyTimeError
from .zones import DAY, HOUR, MINUTE, Zone

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - what a wall clock shows has no zone
_MILLISECOND = timedelta(milliseconds=1)
# Dates further apart are worked out when they are near.
_AT_ONCE_MS = 366 * DAY
# No time in the log is as late (`NUMBER_MAGNITUDE_MAX` is in 2255).
_COUNTED_UNTIL_MS = day_number(2300, 1, 1) * DAY
# What the interpreter's calendar can show.
_FIRST_MS = day_number(1, 1, 1) * DAY
_LAST_MS = day_number(9999, 12, 31) * DAY
_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
# The periods that can be skipped without losing count, because all are of one length.
_PERIODS_MS = {"WEEKLY": 7 * DAY, "DAILY": DAY, "HOURLY": HOUR}
_PARTS = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYSETPOS", "BYMONTH", "BYMONTHDAY", "BYYEARDAY"}
    | {"BYWEEKNO", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "BYEASTER"}
)
_DAY_PARTS = frozenset({"BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY", "BYEASTER"})
_WHEN = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?", re.ASCII)


class RecurrenceError(JourneyTimeError):
    """A schedule is no RRULE we can follow."""

    code = "recurrence_invalid"


class Recurrence:
    """The instants of an RRULE that starts at the wall time `start` (ms since 1970-01-01 00:00) of a zone.

    `text` is `FREQ=WEEKLY;BYDAY=MO`, with or without `RRULE:` before it, and `EXDATE:` lines below. `start`
    counts itself only where it fits the rule; its second is whole. UNTIL is inclusive: with `Z` an instant,
    without it a local time, and a date alone the whole local day. An EXDATE that is a date alone leaves out
    that day. COUNT counts before EXDATE. Raises `RecurrenceError`; also for a rule that allows more than one
    instant an hour, or never comes true.
    """

    def __init__(self, text: str, start: int, zone: Zone) -> None:
        self.text = text
        self.start = start // 1_000 * 1_000
        self.zone = zone
        rule, exclusions = _lines(text)
        parts = _parts(rule)
        self._frequency = parts["FREQ"]
        self._interval = _number(parts, "INTERVAL", 1)
        count = _number(parts, "COUNT", 0)
        self._until = _until(parts.pop("UNTIL", None), zone)
        if count and self._until is not None:
            raise RecurrenceError("COUNT and UNTIL exclude each other", fix="keep one of them")
        self._days_out, self._walls_out = _excluded(exclusions, zone)
        parts.pop("COUNT", None)
        self._rule = _expand(parts, _naive(self.start))
        if not _has_days(parts, _naive(self.start)):
            raise RecurrenceError(f"`{rule[:200]}` never comes true", fix="there is no such day in any year")
        # The latest dates worked out, with the wall time from which on they are all there are.
        self._from, self._walls = self.start, self._next_walls(self.start)
        if not self._walls:
            raise RecurrenceError(
                f"`{rule[:200]}` never comes true", fix="look at its BY parts and its UNTIL"
            )
        self._counted = self._all(count) if count else None

    def __repr__(self) -> str:
        return f"Recurrence({self.text!r}, {self.start}, {self.zone!r})"

    def after(self, ms: int) -> int | None:
        """The first instant of the schedule > `ms`; None when there is none any more."""
        wall = max(self.zone.wall(ms), self.start - 1)
        while True:
            found = self._first(wall)
            if found is None:
                return None
            at = self.zone.instant(found)
            # In an hour that happens twice, what is later on the wall may be past already.
            if at > ms and found not in self._walls_out and found // DAY not in self._days_out:
                return at
            wall = found

    def _first(self, wall: int) -> int | None:
        """The first wall time of the rule after `wall`, exclusions not yet left out."""
        if self._counted is not None:
            place = bisect_right(self._counted, wall)
            return self._counted[place] if place < len(self._counted) else None
        if not (self._walls and self._from <= wall + 1 and wall < self._walls[-1]):
            self._from, self._walls = wall + 1, self._next_walls(wall + 1)
            if not self._walls:
                return None
        return self._walls[bisect_right(self._walls, wall)]

    def _next_walls(self, wall: int) -> list[int]:
        """The next dates of the rule from `wall` on, some at once."""
        period = _PERIODS_MS.get(self._frequency, 0) * self._interval
        # Rules of one length of period can begin later in the same step; the others are few a year.
        begin = self.start + max(0, (wall - self.start) // period - 1) * period if period else self.start
        if self._until is not None and self._until < max(begin, wall):
            return []
        until = None if self._until is None else _naive(self._until)
        rule = self._rule.replace(dtstart=_naive(begin), until=until)
        found: list[int] = []
        for at in islice(rule.xafter(_naive(wall), inc=True), RECURRENCE_CACHED_VALUES_MAX):
            if found and _wall(at) > found[0] + _AT_ONCE_MS:
                break
            found.append(_wall(at))
        return found

    def _all(self, count: int) -> list[int]:
        """The dates of a rule with COUNT, those that lie beyond all times left out."""
        rule = self._rule.replace(until=_naive(_COUNTED_UNTIL_MS))
        return [_wall(at) for at in islice(rule, count)]


def _lines(text: str) -> tuple[str, list[str]]:
    """The rule, and the values of EXDATE lines."""
    if len(text) > RECURRENCE_CHARS_MAX:
        raise RecurrenceError("a schedule is too long", fix=f"at most {RECURRENCE_CHARS_MAX} characters")
    rules: list[str] = []
    exclusions: list[str] = []
    for line in filter(None, map(str.strip, text.upper().splitlines())):
        name, _, value = line.rpartition(":")
        if name in ("", "RRULE"):
            rules.append(value)
        elif name.partition(";")[0] == "EXDATE" and "TZID" not in name:
            exclusions += value.split(",")
        else:
            fix = "write one RRULE and any EXDATE; start and time zone are fields of their own"
            raise RecurrenceError(f"`{line[:64]}` is not understood", fix=fix)
    if len(rules) != 1:
        raise RecurrenceError(f"{len(rules)} rules where one is needed", fix="such as FREQ=WEEKLY;BYDAY=MO")
    return rules[0], exclusions


def _parts(rule: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for piece in filter(None, rule.split(";")):
        key, equals, value = piece.partition("=")
        if key not in _PARTS or not equals or not value or key in parts:
            raise RecurrenceError(f"`{piece[:64]}` is no part of an RRULE, or is there twice")
        parts[key] = value
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES:
        fix = "FREQ is one of " + ", ".join(_FREQUENCIES)
        raise RecurrenceError(f"FREQ={frequency[:64]} is missing, unknown or too often", fix=fix)
    if "BYSETPOS" in parts and frequency in ("DAILY", "HOURLY"):
        raise RecurrenceError(
            f"BYSETPOS with FREQ={frequency} picks nothing", fix="it is for weeks and longer"
        )
    for part in ("BYMINUTE", "BYSECOND"):
        if "," in parts.get(part, ""):
            raise RecurrenceError(f"several values of {part} are too often", fix="at most once an hour")
    return parts


def _number(parts: dict[str, str], part: str, default: int) -> int:
    text = parts.get(part, str(default))
    if part not in parts:
        return default
    if not (
        text.isascii() and text.isdigit() and 0 < int(text[:9]) <= RECURRENCE_VALUES_MAX and len(text) < 9
    ):
        raise RecurrenceError(f"{part}={text[:64]}", fix=f"a whole number from 1 to {RECURRENCE_VALUES_MAX}")
    return int(text)


def _expand(parts: dict[str, str], start: datetime) -> Any:
    rule = ";".join(f"{key}={value}" for key, value in parts.items())
    try:
        return rrulestr(rule, dtstart=start)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise RecurrenceError(f"`{rule[:200]}` is no RRULE: {error}") from None


def _has_days(parts: dict[str, str], start: datetime) -> bool:
    """Whether any year has a day that the rule could mean.

    A rule that never comes true would be followed day by day or hour by hour to the end of the calendar; year
    by year that takes no time.
    """
    days = {part: parts[part] for part in _DAY_PARTS & parts.keys()}
    if not days or parts["FREQ"] in ("YEARLY", "MONTHLY"):
        return True
    yearly = _expand({"FREQ": "YEARLY", **days}, start)
    return next(iter(yearly), None) is not None


def _until(text: str | None, zone: Zone) -> int | None:
    if text is None:
        return None
    wall, whole_day = _read(text, zone)
    return wall + DAY - 1 if whole_day else wall


def _excluded(texts: Iterable[str], zone: Zone) -> tuple[frozenset[int], frozenset[int]]:
    """Days and wall times left out."""
    read = [_read(text.strip(), zone) for text in texts]
    if len(read) > RECURRENCE_VALUES_MAX:
        raise RecurrenceError(f"{len(read)} excluded dates", fix=f"at most {RECURRENCE_VALUES_MAX}")
    days = frozenset(wall // DAY for wall, whole in read if whole)
    return days, frozenset(wall for wall, whole in read if not whole)


def _read(text: str, zone: Zone) -> tuple[int, bool]:
    """The wall time of `20261231T090000`, with `Z` in UTC, and whether it was a date alone."""
    match = _WHEN.fullmatch(text)
    if match is not None:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        if (
            0 < month <= 12
            and 0 < day <= month_days(year, month)
            and hour < 24
            and minute < 60
            and second < 60
        ):
            wall = day_number(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * 1_000
            return (zone.wall(wall) if match[7] else wall), match[4] is None
    raise RecurrenceError(f"`{text[:64]}` is no date", fix="such as 20261231 or 20261231T090000Z")


def _naive(wall: int) -> datetime:
    return _EPOCH + min(max(wall, _FIRST_MS), _LAST_MS) * _MILLISECOND


def _wall(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND

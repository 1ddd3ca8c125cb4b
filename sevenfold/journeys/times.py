"""Local times and lengths of time in journeys.

Instants are int milliseconds UTC. A *day* is the number of days since 1970-01-01 on the wall calendar;
a *time of day* is milliseconds after 00:00 on the wall clock, below 86,400,000. Weekdays count from
Monday = 0. All functions are total: any instants, any zone. The rules, for people:
docs/explain/journey-times.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from ..errors import SevenfoldError
from ..limits import WINDOW_MS_MAX
from ..profiles.expressions import ExpressionError
from ..profiles.expressions import parse_duration as parse_exact
from .civil import add_months
from .zones import DAY, HOUR, MINUTE, Zone

NEVER = 1 << 62
"""The instant that does not come."""
EVERY_DAY = frozenset(range(7))
MONTHS_MAX = WINDOW_MS_MAX // (365 * DAY) * 12
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_GROUPS = {"any": EVERY_DAY, "weekday": frozenset(range(5)), "weekend": frozenset((5, 6))}
_TIME = re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?", re.ASCII)
_MONTHS = re.compile(r"(\d{1,4})mo", re.ASCII)


class JourneyTimeError(SevenfoldError):
    """A time, weekday, length or window of a journey cannot be read."""

    code = "journey_time_invalid"


class LocalTime(NamedTuple):
    """What calendar and clock on the wall show."""

    day: int
    """Days since 1970-01-01."""
    ms: int
    """Milliseconds after 00:00."""

    @property
    def weekday(self) -> int:
        return (self.day + 3) % 7


class Duration(NamedTuple):
    """A length of time. Exactly one of `ms` and `months` is not 0, unless the length is 0."""

    ms: int
    """Exact milliseconds; of `d` and `w` too."""
    days: int = 0
    """Whole days, where it was written in `d` or `w`: what counts when a local time follows."""
    months: int = 0


def parse_duration(text: str, *, signed: bool = False) -> Duration:
    """`90s`, `30m`, `1.5h`, `3d`, `2w`, `1mo`; with `signed` also `-7d` and `+1h`.

    Raises `JourneyTimeError`; also for more than `WINDOW_MS_MAX`, which is refused, never shortened.
    """
    body, sign = text.strip(), 1
    if signed and body.startswith(("+", "-", "\u2212")):
        body, sign = body[1:].lstrip(), 1 if body[0] == "+" else -1
    months = _MONTHS.fullmatch(body)
    if months is not None:
        length = Duration(0, months=int(months[1]))
        if length.months > MONTHS_MAX:
            raise JourneyTimeError(f"`{text[:64]}` is too long", fix=f"at most {MONTHS_MAX}mo")
    else:
        try:
            exact = parse_exact(body)
        except ExpressionError:
            fix = "write a number and one of s, m, h, d, w, mo, such as 3d"
            raise JourneyTimeError(f"`{text[:64]}` is no length of time", fix=fix) from None
        if exact > WINDOW_MS_MAX:
            raise JourneyTimeError(f"`{text[:64]}` is too long", fix=f"at most {WINDOW_MS_MAX // DAY}d")
        whole = body.endswith(("d", "w")) and exact % DAY == 0
        length = Duration(exact, days=exact // DAY if whole else 0)
    return Duration(*(sign * part for part in length))


def parse_time_of_day(text: str) -> int:
    """Milliseconds after 00:00 of `9:00`, `09:30`, `23:59:59`, and `24:00` as the end of a window.

    Raises `JourneyTimeError`.
    """
    match = _TIME.fullmatch(text.strip())
    if match is not None:
        hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
        of_day = hour * HOUR + minute * MINUTE + second * 1_000
        if minute < 60 and second < 60 and of_day <= DAY:
            return of_day
    raise JourneyTimeError(f"`{text[:64]}` is no time of day", fix="write hours and minutes, such as '09:30'")


def parse_weekdays(names: Iterable[str]) -> frozenset[int]:
    """Monday = 0 of `mon`, `Monday`; also `weekday`, `weekend`, `any`. Raises `JourneyTimeError`."""
    days: set[int] = set()
    for name in names:
        plain = name.strip().lower()
        found = [place for place, day in enumerate(_WEEKDAYS) if plain in (day, day[:3])]
        if plain not in _GROUPS and not found:
            fix = "mon, tue, wed, thu, fri, sat, sun, weekday, weekend or any"
            raise JourneyTimeError(f"`{name[:64]}` is no day of the week", fix=fix)
        days.update(_GROUPS.get(plain, found))
    return frozenset(days)


def local(ms: int, zone: Zone) -> LocalTime:
    """Calendar day and time of day that the wall shows at an instant."""
    return LocalTime(*divmod(ms + zone.span(ms)[2], DAY))


def at_local(day: int, time_of_day_ms: int, zone: Zone) -> int:
    """The instant of a local time.

    A time that a clock change skips is the first valid instant after it; one that happens twice, the first.
    """
    return zone.instant(day * DAY + time_of_day_ms)


def next_at(ms: int, time_of_day_ms: int, zone: Zone, *, inclusive: bool = True) -> int:
    """The first instant >= `ms` (> `ms` unless `inclusive`) at which it is that time of day, by `at_local`.

    A calendar day that a zone left out altogether (Apia, 2011-12-30) has no times of day.
    """
    return next_weekday_at(ms, EVERY_DAY, time_of_day_ms, zone, inclusive=inclusive)


def next_weekday_at(
    ms: int, weekdays: frozenset[int], time_of_day_ms: int, zone: Zone, *, inclusive: bool = True
) -> int:
    """As `next_at`, on one of `weekdays` (not empty) of the local calendar."""
    assert weekdays, "a set of weekdays has one at least"
    start, _, offset = zone.span(ms)
    day = (ms + offset) // DAY
    if start == ms:
        # A change of the clock may have skipped a time of the day before, which then is now.
        day -= 1
    earliest = ms if inclusive else ms + 1
    while True:
        if (day + 3) % 7 in weekdays:
            at = zone.instant(day * DAY + time_of_day_ms)
            if at >= earliest and exists(day, zone, at):
                return at
        day += 1


def exists(day: int, zone: Zone, at: int) -> bool:
    """Whether the zone has the calendar day of which `at` is an instant, or one moved out of it."""
    return (at + zone.span(at)[2]) // DAY == day or zone.instant(day * DAY) < zone.instant((day + 1) * DAY)


def add_duration(ms: int, duration: Duration, zone: Zone) -> int:
    """`ms` + a length of time, or - if it is negative.

    All of s, m, h, d and w are exact: `1d` is 24 hours, `1w` 7 x 24 hours, whatever clocks do. Months are
    months of the local calendar: same day and time of day, the month's last day where it has no such day.
    """
    if not duration.months:
        return ms + duration.ms
    day, of_day = local(ms, zone)
    return at_local(add_months(day, duration.months), of_day, zone)


def add_then_at(ms: int, duration: Duration, time_of_day_ms: int, zone: Zone) -> int:
    """A length of time, then a local time: `3d at 09:00`.

    Days, weeks and months are calendar days of the zone here: the local day of `ms` + 3, at 09:00. Other
    lengths are exact, then the first such time of day at or after: `36h at 09:00`; so is no length at all.
    """
    if duration.months:
        return at_local(add_months(local(ms, zone).day, duration.months), time_of_day_ms, zone)
    if duration.days:
        return at_local(local(ms, zone).day + duration.days, time_of_day_ms, zone)
    return next_at(ms + duration.ms, time_of_day_ms, zone)


def jitter(ms: int, width_ms: int, *key: str | int) -> int:
    """`ms` moved later by less than `width_ms`, uniform over keys and the same for the same key.

    The key is made of stable ids: run, step and visit.
    """
    if width_ms <= 0:
        return ms
    digest = blake2b(digest_size=8, person=b"jitter")
    for part in key:
        # With its type and length, so that different keys never read the same.
        text = str(part).encode("utf-8", "surrogatepass")
        digest.update(b"%c%d:%b" % (b"s" if isinstance(part, str) else b"i", len(text), text))
    return ms + (int.from_bytes(digest.digest(), "big") * width_ms >> 64)

"""When a digest is due: `weekly monday 09:00` or an RRULE, in a time zone. Pure."""

from __future__ import annotations

import re
from typing import Final

from ...errors import SevenfoldError
from ...journeys.recurrence import Recurrence
from ...journeys.zones import Zone

_START: Final = 4 * 86_400_000
"""1970-01-05, a Monday: where rules begin."""
_BACK_MS: Final = 400 * 86_400_000
"""What fell due longer ago than this is not looked for."""
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME: Final = re.compile(r"(\d{1,2}):(\d\d)", re.ASCII)


class ScheduleError(SevenfoldError):
    """A schedule cannot be read."""

    code = "schedule_invalid"


def rule_of(text: str) -> str:
    """The RRULE of a schedule: one as it stands, or `daily 08:00`, `weekdays 08:00`,
    `weekly monday 09:00`, `monthly 1 09:00`, `monthly last 09:00`. Raises ScheduleError.
    """
    if "FREQ=" in text.upper():
        return text
    words = text.lower().split()
    time = _TIME.fullmatch(words[-1]) if words else None
    if time is None or int(time[1]) > 23 or int(time[2]) > 59:
        raise _unread(text)
    return f"{_days(words[:-1], text)};BYHOUR={int(time[1])};BYMINUTE={int(time[2])};BYSECOND=0"


def _days(words: list[str], text: str) -> str:
    if words == ["daily"]:
        return "FREQ=DAILY"
    if words == ["weekdays"]:
        return "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    if len(words) == 2 and words[0] == "weekly":
        days = [one for one in _DAYS if len(words[1]) >= 2 and one.startswith(words[1])]
        if len(days) == 1:
            return f"FREQ=WEEKLY;BYDAY={days[0][:2].upper()}"
    if len(words) == 2 and words[0] == "monthly":
        if words[1] == "last":
            return "FREQ=MONTHLY;BYMONTHDAY=-1"
        if words[1].isascii() and words[1].isdigit() and 1 <= int(words[1]) <= 28:
            return f"FREQ=MONTHLY;BYMONTHDAY={int(words[1])}"
    raise _unread(text)


def _unread(text: str) -> ScheduleError:
    fix = "write weekly monday 09:00, daily 08:00, weekdays 08:00, monthly 1 09:00, or an RRULE"
    return ScheduleError(f"`{text[:100]}` is no schedule", where="schedule", fix=fix)


def following(schedule: str, zone: Zone, after: int) -> int | None:
    """The first instant of a schedule after ms UTC. Raises ScheduleError, RecurrenceError."""
    return Recurrence(rule_of(schedule), _START, zone).after(after)


def last_due(schedule: str, zone: Zone, after: int, now: int) -> tuple[int | None, int]:
    """The last instant in (after, now], and how many others lie before it. Raises what `following` does."""
    rule = Recurrence(rule_of(schedule), _START, zone)
    found, missed = None, -1
    at = rule.after(max(after, now - _BACK_MS))
    while at is not None and at <= now:
        found, missed = at, missed + 1
        at = rule.after(at)
    return found, max(missed, 0)

"""Times as clients write them -> int milliseconds UTC.

ISO 8601 with or without a zone (none means UTC), and numbers: seconds below 1e11, else milliseconds.
The grammar is ours, not the interpreter's, so that replay gives the same answer under every Python version.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sevenfold.limits import EVENT_TIME_MS_MIN

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIME_MS_MAX = 253_402_300_799_999
_SECONDS_BELOW = 100_000_000_000
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r"\s?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?)?",
    re.ASCII,
)

# The usual form, 2026-05-01T12:34:56.789Z, is looked up in three parts: hours that were met before, and two
# tables that are small enough to stay in the processor's cache. The fold's short way does the same in its
# place.
HOURS: dict[str, int] = {}
_HOURS_MAX = 50_000
SECONDS = {f":{second // 60:02}:{second % 60:02}.": second * 1_000 for second in range(3_600)}
MILLIS = {f"{milli:03}Z": milli for milli in range(1_000)}
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d\.\d{3}Z", re.ASCII)


def parse_ms(value: Any) -> int | None:
    """Milliseconds UTC, or None when `value` is no time between 1970 and 9999."""
    try:
        return HOURS[value[:13]] + SECONDS[value[13:20]] + MILLIS[value[20:]]
    except (KeyError, TypeError):
        pass
    if isinstance(value, str):
        return _parse_iso(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_number(value)
    return None


def _from_number(value: int | float) -> int | None:
    if not EVENT_TIME_MS_MIN <= value <= _TIME_MS_MAX:
        return None
    return int(value * 1_000) if value < _SECONDS_BELOW else int(value)


def _parse_iso(text: str) -> int | None:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, zone_hour, zone_minute = match.groups()
    try:
        midnight = (datetime(int(year), int(month), int(day), tzinfo=UTC) - _EPOCH) // _MILLISECOND
        # A leap second is the last millisecond we can name before it ends.
        whole = min(int(second or 0), 59)
        if int(second or 0) > 60 or int(hour or 0) > 23 or int(minute or 0) > 59:
            return None
    except ValueError:
        return None
    millis = int((fraction or "0")[:3].ljust(3, "0"))
    at = midnight + (int(hour or 0) * 60 + int(minute or 0)) * 60_000 + whole * 1_000 + millis
    if sign:
        if int(zone_hour) > 23 or int(zone_minute or 0) > 59:
            return None
        offset = (int(zone_hour) * 60 + int(zone_minute or 0)) * 60_000
        at -= offset if sign == "+" else -offset
    if not EVENT_TIME_MS_MIN <= at <= _TIME_MS_MAX:
        return None
    if _USUAL.fullmatch(text):
        _remember(text, at)
    return at


def _remember(text: str, at: int) -> None:
    if len(HOURS) >= _HOURS_MAX:
        HOURS.clear()
    HOURS[text[:13]] = at - at % 3_600_000

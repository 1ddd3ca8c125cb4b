"""Time zones from the pinned `tzdata` package: what the clock on the wall shows at an instant, and back.

The data are constants of an installed, locked package, read when a zone is first named, as code is when it is
first imported; the system's own zone files, which differ between machines, are never looked at. Which data
decided is `tz_version()`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

import tzdata

from ..errors import SevenfoldError
from ..limits import ZONE_CACHED_ENTRIES_MAX, ZONE_NAMES_CACHED_ENTRIES_MAX

DAY = 86_400_000
HOUR = 3_600_000
MINUTE = 60_000
# Further from UTC than any clock has ever been (Manila before 1844: 15:56).
REACH = 16 * HOUR
# A piece of time is 2^34 ms, about 199 days: few clock changes in each, and a shift finds it.
_PIECE_BITS = 34
_MILLISECOND = timedelta(milliseconds=1)
# The interpreter's calendar ends with year 9999; outside, a zone keeps the offset it has at the edge.
_FIRST_SECOND = int(datetime(2, 1, 1, tzinfo=UTC).timestamp())
_LAST_SECOND = int(datetime(9998, 12, 31, tzinfo=UTC).timestamp())
_FIXED = re.compile(r"(?:(?:UTC|GMT)\s*)?([+\-\u2212])(\d{1,2})(?::?([0-5]\d))?", re.ASCII | re.IGNORECASE)

Span = tuple[int, int, int]
"""(start ms, end ms, offset ms): the offset from UTC is this at every instant of [start, end)."""


class ZoneError(SevenfoldError):
    """A time zone is named that does not exist."""

    code = "zone_unknown"


class Zone:
    """A time zone as spans of constant offset; made by :func:`zone`, one object for each name.

    Spans are computed once for each piece of about 199 days, and `ZONE_CACHED_ENTRIES_MAX` pieces are kept.
    """

    __slots__ = ("_info", "_pieces", "name")

    def __init__(self, name: str, info: ZoneInfo | int) -> None:
        self.name = name
        self._info = info
        self._pieces: dict[int, tuple[Span, ...]] = {}

    def __repr__(self) -> str:
        return f"Zone({self.name!r})"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return zone, (self.name,)

    def span(self, ms: int) -> Span:
        """The span around an instant; it may end where a piece does, with the same offset after it."""
        pieces = self._pieces.get(ms >> _PIECE_BITS)
        if pieces is None:
            pieces = self._load(ms >> _PIECE_BITS)
        for span in pieces:
            if ms < span[1]:
                return span
        raise AssertionError("a piece covers its instants")

    def offset(self, ms: int) -> int:
        """Milliseconds that the wall clock is ahead of UTC at an instant."""
        return self.span(ms)[2]

    def wall(self, ms: int) -> int:
        """What the wall clock shows, as milliseconds since 1970-01-01 00:00 on that clock."""
        return ms + self.span(ms)[2]

    def instant(self, wall: int) -> int:
        """The first instant at which the wall clock shows `wall` or later.

        So a time that a clock change skips is the first valid instant after it, and a time that happens twice
        is its first occurrence.
        """
        span = self.span(wall - REACH)
        at = wall - span[2]
        while at >= span[1]:
            span = self.span(span[1])
            at = max(span[0], wall - span[2])
        return at

    def _load(self, piece: int) -> tuple[Span, ...]:
        start, end = piece << _PIECE_BITS, (piece + 1) << _PIECE_BITS
        spans: list[Span] = []
        since, offset = start, self._offset_of(start)
        # From one 00:00 UTC to the next, and a little beyond the piece's own ends.
        before = self._offset_of(start // DAY * DAY)
        for day in range(start // DAY, end // DAY + 1):
            then = self._offset_of((day + 1) * DAY)
            if then != before:
                changed = self._change(day * DAY, (day + 1) * DAY)
                if start < changed < end:
                    spans.append((since, changed, offset))
                    since, offset = changed, then
                before = then
        spans.append((since, end, offset))
        if len(self._pieces) >= ZONE_CACHED_ENTRIES_MAX:
            self._pieces.clear()
        self._pieces[piece] = tuple(spans)
        return self._pieces[piece]

    def _change(self, low: int, high: int) -> int:
        """The instant in (low, high] from which the offset is no longer that at `low`."""
        before = self._offset_of(low)
        while high - low > 1_000:
            middle = (low + high) // 2_000 * 1_000
            if self._offset_of(middle) == before:
                low = middle
            else:
                high = middle
        return high

    def _offset_of(self, ms: int) -> int:
        if isinstance(self._info, int):
            return self._info
        # Clocks change at whole seconds.
        seconds = min(max(ms // 1_000, _FIRST_SECOND), _LAST_SECOND)
        offset = datetime.fromtimestamp(seconds, self._info).utcoffset()
        assert offset is not None
        return offset // _MILLISECOND


UTC_ZONE = Zone("UTC", 0)


def tz_version() -> str:
    """The release of the time zone data that decides, such as ``2026f``; a control record pins it."""
    return str(tzdata.IANA_VERSION)


@lru_cache(maxsize=ZONE_NAMES_CACHED_ENTRIES_MAX)
def zone(name: str) -> Zone:
    """The zone of an IANA name (case does not matter) or a fixed offset: `UTC+2`, `GMT-03:30`, `+02:00`, `Z`.

    `Etc/GMT+2` is an IANA name and means two hours *behind* UTC, as POSIX counts. Offsets outside -12:00 to
    +14:00 are no zone. Raises `ZoneError`.
    """
    text = name.strip()
    canonical = _names().get(text.lower())
    if canonical is not None:
        return _named(canonical)
    match = _FIXED.fullmatch(text)
    if match is None:
        if text.lower() == "z":
            return UTC_ZONE
        fix = "name one such as `Europe/Berlin` or `UTC+2`"
        raise ZoneError(f"there is no time zone `{name[:64]}`", fix=fix)
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    minutes = minutes if match[1] == "+" else -minutes
    if not -12 * 60 <= minutes <= 14 * 60:
        raise ZoneError(f"no clock is set to `{name[:64]}`", fix="offsets go from UTC-12:00 to UTC+14:00")
    return _fixed(minutes)


def zone_names() -> frozenset[str]:
    """Every IANA name that the pinned data know."""
    return frozenset(_names().values())


def data(name: str) -> str:
    """A text table of the pinned data, such as `zone.tab`."""
    return resources.files("tzdata.zoneinfo").joinpath(name).read_text("utf-8")


@cache
def _names() -> dict[str, str]:
    listed = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    return {name.lower(): name for name in listed if name != "Factory"}


def info(name: str) -> ZoneInfo:
    """The zone of an IANA name for the interpreter's calendar, from the pinned data. Raises `ZoneError`."""
    canonical = _names().get(name.strip().lower())
    if canonical is None:
        raise ZoneError(f"there is no time zone `{name[:64]}`", fix="name one such as `Europe/Berlin`")
    return _info(canonical)


@cache
def _info(canonical: str) -> ZoneInfo:
    with resources.files("tzdata.zoneinfo").joinpath(*canonical.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=canonical)


@cache
def _named(name: str) -> Zone:
    return UTC_ZONE if name == "UTC" else Zone(name, info(name))


@lru_cache(maxsize=26 * 60 + 1)
def _fixed(minutes: int) -> Zone:
    if minutes == 0:
        return UTC_ZONE
    sign = "+" if minutes > 0 else "-"
    return Zone(f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}", minutes * MINUTE)

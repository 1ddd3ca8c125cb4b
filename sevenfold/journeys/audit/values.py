"""What checks of journeys ask of one value: lengths of time, local times, windows, zones, shares, limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...errors import SevenfoldError
from ...workspace.problems import likely
from ..limits_text import limit_of
from ..steps.wait import WeeklyWindow
from ..times import Duration, parse_duration, parse_time_of_day
from ..windows import Windows, parse_window
from ..zones import DAY, Zone, zone, zone_names
from .reporting import Place, Reporting


class Values(Reporting):
    """The values of one object of the workspace."""

    def read(self, place: Place, code: str, reader: Callable[[], Any]) -> Any:
        """What a parser of texts gives, or None with its complaint reported."""
        try:
            return reader()
        except SevenfoldError as error:
            self.error(place, code, error.message, error.fix)
            return None

    def duration(self, place: Place, text: str | None) -> int | None:
        """A length of time in ms: more than nothing, at most five years."""
        before = len(self.desk.report.problems)
        ms = self.desk.report.duration(self.path(place), text)
        self.errors += len(self.desk.report.problems) - before
        return ms

    def calendar_duration(self, place: Place, text: str | None) -> Duration | None:
        """A length of time that may count months, more than nothing."""
        if text is None:
            return None
        found: Duration | None = self.read(place, "bad_duration", lambda: parse_duration(text))
        if found is not None and not (found.ms or found.months):
            self.error(place, "bad_duration", f"`{text}` is no time at all", "it must be more than nothing")
            return None
        return found

    def offset(self, place: Place, text: str) -> None:
        """A length of time with a sign, or ``0d``."""
        self.read(place, "bad_duration", lambda: parse_duration(text, signed=True))

    def time_of_day(self, place: Place, text: str | None) -> int | None:
        """A local time, in ms after 00:00; 24:00 is none."""
        if text is None:
            return None
        found: int | None = self.read(place, "bad_time", lambda: parse_time_of_day(text))
        if found is not None and found >= DAY:
            self.error(place, "bad_time", f"`{text}` is no time to come", "write 00:00 and mean the next day")
            return None
        return found

    def zone(self, place: Place, text: str | None, words: Sequence[str] = ()) -> Zone | None:
        """A time zone's name, or one of ``words``."""
        if text is None or text in words:
            return None
        try:
            return zone(text)
        except SevenfoldError as error:
            fix = likely(text, [*zone_names(), *words]) or error.fix
            self.error(place, "bad_time", error.message, fix)
            return None

    def windows(self, place: Place, given: Sequence[WeeklyWindow]) -> Windows | None:
        """Weekly windows; None when there are none, or one cannot be read."""
        if not given:
            return None
        read = []
        for index, window in enumerate(given):
            at = (*self.path(place)[len(self.root) :], index)
            one = self.read(at, "bad_time", lambda w=window: parse_window(w.days, w.from_, w.to))  # type: ignore[misc]
            if one is not None and self.read(at, "bad_time", lambda o=one: Windows([o])) is not None:  # type: ignore[misc]
                read.append(one)
        if len(read) < len(given):
            return None
        found: Windows | None = self.read(place, "bad_time", lambda: Windows(read))
        return found

    def limit(self, place: Place, text: str | None) -> tuple[int, int] | None:
        """A limit such as ``3 per 30d``: (how many, in how many ms)."""
        if text is None:
            return None
        found: tuple[int, int] | None = self.read(place, "wrong_value", lambda: limit_of(text))
        return found

    def number(self, place: Place, value: float | None, low: float, high: float) -> bool:
        """Whether a number lies within bounds, both included."""
        before = len(self.desk.report.problems)
        self.desk.report.number(self.path(place), value, low, high)
        self.errors += len(self.desk.report.problems) - before
        return len(self.desk.report.problems) == before

    def share(self, place: Place, value: float) -> int | None:
        """A share in per cent, as how many of 10,000; it counts in steps of 0.01."""
        if not self.number(place, value, 0, 100):
            return None
        places = round(value * 100)
        if abs(value * 100 - places) > 1e-6:
            self.error(place, "wrong_value", f"{value:g} is finer than 0.01", f"write {places / 100:g}")
            return None
        return places

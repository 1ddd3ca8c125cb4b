"""Where the checks put what they find: problems with the place of the value they are about."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, Protocol

from ..limits import NUMBER_MAGNITUDE_MAX, WINDOW_MS_MAX
from ..profiles.expressions import ExpressionError, parse_duration
from .problems import Path, Problem, dotted

DAY_MS = 86_400_000


class HasPlace(Protocol):
    """Anything with a file and a line."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...


Origins = Callable[[Path], HasPlace]
"""Where the value at a path stands."""
TextOrigins = Callable[[Path, int], HasPlace]
"""Where a line of the text at a path stands."""


class Report:
    """Collects problems in the order they are found."""

    def __init__(self, origins: Origins | None = None, texts: TextOrigins | None = None) -> None:
        self.problems: list[Problem] = []
        self._origins = origins
        self._texts = texts

    def error(self, path: Path, code: str, message: str, fix: str = "") -> None:
        """Something that keeps the workspace from being used."""
        self._add(path, code, message, fix, "error")

    def warning(self, path: Path, code: str, message: str, fix: str = "") -> None:
        """Something doubtful."""
        self._add(path, code, message, fix, "warning")

    def text(
        self,
        path: Path,
        line: int,
        code: str,
        message: str,
        fix: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Something wrong in a line of a text; line 0 is the field that holds it."""
        if self._texts is None or not line:
            self._add(path, code, message, fix, severity)
            return
        place = self._texts(path, line)
        self.problems.append(Problem(code, message, dotted(path), place.file, place.line, fix, severity))

    def _add(
        self, path: Path, code: str, message: str, fix: str, severity: Literal["error", "warning"]
    ) -> None:
        place = self._origins(path) if self._origins is not None else None
        file, line = (place.file, place.line) if place is not None else ("", 0)
        self.problems.append(Problem(code, message, dotted(path), file, line, fix, severity))

    def duration(
        self, path: Path, text: str | None, whole_days: bool = False, at_least_ms: int = 1
    ) -> int | None:
        """The duration in ms, or None with a problem reported; None is no duration and no problem."""
        if text is None:
            return None
        try:
            ms = parse_duration(text)
        except ExpressionError as error:
            self.error(path, "bad_duration", f"`{text[:40]}` is not a duration", str(error.message))
            return None
        if ms < at_least_ms:
            least = f"{at_least_ms // DAY_MS}d" if at_least_ms >= DAY_MS else "more than nothing"
            self.error(path, "bad_duration", f"`{text}` is too short", f"it must be at least {least}")
        elif ms > WINDOW_MS_MAX:
            self.error(path, "bad_duration", f"`{text}` is too long", f"at most {WINDOW_MS_MAX // DAY_MS}d")
        elif whole_days and ms % DAY_MS:
            self.error(path, "bad_duration", f"`{text}` is not in whole days", "write it in `d` or `w`")
        else:
            return ms
        return None

    def number(self, path: Path, value: float | None, low: float = -math.inf, high: float = math.inf) -> None:
        """Reports a number that is not finite, too large for the engine, or outside ``low`` to ``high``."""
        if value is None:
            return
        if not math.isfinite(value) or abs(value) > NUMBER_MAGNITUDE_MAX:
            self.error(path, "bad_number", f"{value} is not a finite number of at most 9e12")
        elif not low <= value <= high:
            within = f"from {low:g} to {high:g}" if high < math.inf else f"at least {low:g}"
            self.error(path, "wrong_value", f"{value:g} is out of range", f"it must be {within}")

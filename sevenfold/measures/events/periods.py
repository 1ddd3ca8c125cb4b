"""Which time is meant: from when until when, and the calendar's units."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from sevenfold.events.times import parse_ms
from sevenfold.measures.answer import QuestionError
from sevenfold.profiles.expressions import ExpressionError, parse_duration

Unit = Literal["day", "week", "month"]
DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
_MONDAY_MS: Final = 4 * DAY_MS
"""1970-01-05 was a Monday."""
DURATION_MS_MAX: Final = 36_525 * DAY_MS
Ints = npt.NDArray[np.int64]


def bounds(since: str, until: str) -> tuple[int | None, int | None]:
    """A period in ms UTC, `until` not included; None where it is open. Raises QuestionError."""
    start, end = _time(since, "since"), _time(until, "until")
    if start is not None and end is not None and start >= end:
        raise QuestionError("The period ends before it begins", where="until", fix="name a later time")
    return start, end


def _time(text: str, where: str) -> int | None:
    if not text:
        return None
    found = parse_ms(int(text) if text.isascii() and text.isdigit() and len(text) > 8 else text)
    if found is None:
        fix = "write 2024-03-01 or 2024-03-01T12:30:00Z"
        raise QuestionError(f"`{text}` is no time", where=where, fix=fix)
    return found


def within(start: int | None, end: int | None, column: str = "time") -> str:
    """The SQL condition of a period."""
    parts = []
    if start is not None:
        parts.append(f"{column} >= {start}")
    if end is not None:
        parts.append(f"{column} < {end}")
    return " AND ".join(parts) or "TRUE"


def duration(text: str, where: str) -> int:
    """A duration such as `14d` or `90m` in ms. Raises QuestionError."""
    try:
        found = parse_duration(text)
    except ExpressionError as error:
        message = f"`{text}` is no duration"
        raise QuestionError(message, where=where, fix="write 14d, 36h or 90m") from error
    if found <= 0:
        raise QuestionError("A duration is longer than nothing", where=where, fix="write 14d, 36h or 90m")
    if found > DURATION_MS_MAX:
        raise QuestionError(f"`{text}` is longer than a hundred years", where=where, fix="write 14d or 90m")
    return found


def bucket_sql(unit: Unit, column: str = "time") -> str:
    """The number of the calendar unit (UTC) that a time lies in, as SQL: days and ISO weeks from 1970 on,
    months from year 0 on.
    """
    if unit == "day":
        return f"({column} // {DAY_MS})"
    if unit == "week":
        return f"(({column} - {_MONDAY_MS}) // {WEEK_MS})"
    moment = f"epoch_ms({column})"
    return f"(CAST(year({moment}) AS BIGINT) * 12 + CAST(month({moment}) AS BIGINT) - 1)"


def bucket(unit: Unit, times: Ints) -> Ints:
    """The same for times at hand."""
    if unit == "day":
        return times // DAY_MS
    if unit == "week":
        return (times - _MONDAY_MS) // WEEK_MS
    return times.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) + 1970 * 12


def starts(unit: Unit, buckets: Ints) -> Ints:
    """When calendar units begin, ms UTC."""
    if unit == "day":
        return buckets * DAY_MS
    if unit == "week":
        return buckets * WEEK_MS + _MONDAY_MS
    return (buckets - 1970 * 12).astype("datetime64[M]").astype("datetime64[ms]").astype(np.int64)


def label(unit: Unit, number: int) -> str:
    """A calendar unit as people write it: 2024-03-01, or 2024-03 for a month."""
    start = int(starts(unit, np.array([number]))[0])
    day = str(np.datetime64(start, "ms").astype("datetime64[D]"))
    return day[:7] if unit == "month" else day

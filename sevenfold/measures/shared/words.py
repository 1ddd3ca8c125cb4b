"""Figures in words, for the sentence an answer begins with."""

from __future__ import annotations

from math import floor, isfinite, log10

from sevenfold.measures.statistics.intervals import Interval


def number(value: float) -> str:
    """A number with as many digits as one reads: 12,345 or 3.14 or 0.0062."""
    if not isfinite(value):
        return "unknown"
    if value == 0 or abs(value) >= 1_000:
        return f"{value:,.0f}"
    digits = max(0, 2 - floor(log10(abs(value))))
    text = f"{value:.{min(digits, 10)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(value: float) -> str:
    """A share as percent: 18.3%."""
    return f"{number(100 * value)}%" if isfinite(value) else "unknown"


def signed(value: float, share: bool = False) -> str:
    """A difference with its sign; of shares in percentage points."""
    if not isfinite(value):
        return "unknown"
    text = f"{number(abs(100 * value if share else value))}{' points' if share else ''}"
    return f"{'-' if value < 0 else '+'}{text}"


def between(interval: Interval, share: bool = False) -> str:
    """Bounds in brackets: (+6.5 to +8.8)."""
    factor = 100 if share else 1
    low, high = interval.low * factor, interval.high * factor
    return f"({signed(low)} to {signed(high)})" if isfinite(low) and isfinite(high) else "(no bounds yet)"


def days(count: int) -> str:
    """About how many days, in the words of a person."""
    if count >= 60:
        return f"about {round(count / 30)} more months"
    return f"about {count} more day{'' if count == 1 else 's'}"


def listed(names: list[str], most: int = 4) -> str:
    """a, b and c; the rest as a number."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"

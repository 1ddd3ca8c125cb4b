"""The stop-loss: whether those for whom something was chosen do worse than the ghosts, at whatever moment
one looks.

The interval of `measures.statistics.sequential` (Robbins's normal mixture as an asymptotic confidence
sequence: Waudby-Smith et al., Annals of Statistics 2024) in integers, because the fold decides by it (engine
rule 4). It misses at most one time in twenty over all looks together, so it may be looked at each time that
outcomes have come.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .fixed import ONE, ln

CASES_MIN: Final = 10
"""Looking begins when both sides have as many outcomes with the reward, and without it."""
TUNED_UNITS: Final = 2_000
"""Outcomes of both sides at which the interval is narrowest."""
_MINUS_2_LN_ALPHA: Final = 25_733_144_285
"""-2 ln 0.05 in fixed point."""
_RHO_TIMES_TUNED: Final = 34_085_524_470
"""-2 ln 0.05 + ln(1 - 2 ln 0.05) in fixed point (the paper's equation 32)."""


class Seen(NamedTuple):
    """Whole outcomes: how many were due, and how many of them had the reward."""

    tried: int = 0
    rewarded: int = 0

    def plus(self, tried: int, rewarded: int) -> Seen:
        return Seen(self.tried + tried, self.rewarded + rewarded)


def enough(one: Seen) -> bool:
    """Whether a side has cases enough to begin to look."""
    return CASES_MIN <= one.rewarded <= one.tried - CASES_MIN


def worse(chosen: Seen, control: Seen) -> bool:
    """Whether the rate of `chosen` lies below that of `control` beyond the interval of 95% that holds at
    every look.
    """
    if not enough(chosen) or not enough(control):
        return False
    n, m = chosen.tried, control.tried
    # The difference of the rates over the common denominator n m, negative when the chosen do worse.
    gap = chosen.rewarded * m - control.rewarded * n
    if gap >= 0:
        return False
    information = (n + m) * _RHO_TIMES_TUNED // TUNED_UNITS
    # ln(information + 1) - 2 ln alpha, times (information + 1) / information: the squared multiplier.
    spread = ln(information + ONE) - ln(ONE) + _MINUS_2_LN_ALPHA
    squared = spread * (information + ONE) // information
    # Variances p (1 - p) / n of both rates over (n m)^2: s (n - s) m m / n + ...
    variance = _binomial(chosen) * m * m * ONE // n + _binomial(control) * n * n * ONE // m
    return gap * gap * ONE * ONE > squared * variance


def _binomial(seen: Seen) -> int:
    return seen.rewarded * (seen.tried - seen.rewarded)


def said(seen: Seen) -> str:
    """A rate for people: `52 of 1,000 (5.2%)`."""
    if not seen.tried:
        return "none yet"
    tenths = (seen.rewarded * 2_000 + seen.tried) // (2 * seen.tried)
    return f"{seen.rewarded:,} of {seen.tried:,} ({tenths // 10}.{tenths % 10}%)"


__all__ = ["CASES_MIN", "Seen", "enough", "said", "worse"]

"""Intervals that hold at every look, so that a result may be watched and stopped when it is clear.

An interval of 95% that is looked at daily misses the truth far more often than one time in twenty. An
*any-time-valid* one is wider and misses it at most one time in twenty over all looks together. These are the
asymptotic confidence sequences of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform
central limit theory and asymptotic confidence sequences", Annals of Statistics 52(6), in Robbins's normal
mixture (1970), the one that the mixture sequential probability ratio test inverts (Johari, Pekelis and Walsh
2022, Operations Research 70).

All are functions of the estimate, its standard error and n; so whatever has an influence function has a
confidence sequence: ratios, adjusted means, effects clustered by account.

**The mixing parameter** is set by `tuned`, the n (units of both arms) at which the interval is to be at its
narrowest: rho^2 = (-2 ln alpha + ln(1 - 2 ln alpha)) / tuned (the paper, equation 32). It must not depend on
the data that are looked at. The price against an interval for one look is flat: at 95%, 1.55 times at `tuned`
itself, and at most 1.72 times from a fifth of it to twenty times it (`price` gives it). 2,000 is the default:
the smallest size at which usual effects on usual rates can be seen at all.
"""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np

from sevenfold.measures.statistics.intervals import Interval
from sevenfold.measures.statistics.special import Floats, normal_quantile

TUNED_UNITS = 2_000
"""Units of both arms at which any-time-valid intervals are narrowest, unless one says otherwise."""
SHARE_CASES_MIN = 10
"""Looking begins when each arm of a yes-or-no metric has as many of both: before, the normal theory these
intervals rest on fails, and an arm of 90:10 misses the truth in a third of all tests (simulated in the
tests).
"""
AMOUNT_CASES_MIN = 25
"""The same for an amount, such as revenue: as many in each arm that are not 0, because amounts are skewed."""


def enough(treated: Floats, control: Floats) -> bool:
    """Whether both arms have cases enough to begin to look; values of units, (treated,) and (control,)."""
    both = np.concatenate([treated, control])
    if len(both) == 0:
        return False
    if np.all((both == 0) | (both == 1)):
        cases = [float(arm.sum()) for arm in (treated, control)]
        fewest = min(*cases, len(treated) - cases[0], len(control) - cases[1])
        return bool(fewest >= SHARE_CASES_MIN)
    return bool(min(np.count_nonzero(treated), np.count_nonzero(control)) >= AMOUNT_CASES_MIN)


def information(n: float, level: float = 0.95, tuned: float = TUNED_UNITS) -> float:
    """n rho^2 of the mixture: how much has been seen, in units of what the mixture was tuned for."""
    alpha = 1 - level
    return n / tuned * (-2 * log(alpha) + log(1 - 2 * log(alpha)))


def multiplier(n: float, level: float = 0.95, tuned: float = TUNED_UNITS) -> float:
    """Half-width of the interval at every look, in standard errors at `n` units; infinite at none."""
    if n <= 0:
        return float("inf")
    seen = information(n, level, tuned)
    return sqrt((seen + 1) / seen * (log(seen + 1) - 2 * log(1 - level)))


def price(n: float, level: float = 0.95, tuned: float = TUNED_UNITS) -> float:
    """How much wider than an interval for one look."""
    return multiplier(n, level, tuned) / normal_quantile(0.5 + level / 2)


def interval(
    value: float, error: float, n: float, level: float = 0.95, tuned: float = TUNED_UNITS
) -> Interval:
    """The confidence sequence at `n` units around an estimate with standard error `error`."""
    half = multiplier(n, level, tuned) * error
    return Interval(value, value - half, value + half)


def e_value(value: float, error: float, n: float, tuned: float = TUNED_UNITS) -> float:
    """Evidence against no effect: at every look, at most 1 on average where there is none. 20 is as rare as a
    p value of .05; evidence may be multiplied and averaged, p values not.
    """
    if error <= 0 or n <= 0:
        return 1.0
    seen = information(n, 0.95, tuned)
    exponent = seen / (1 + seen) * (value / error) ** 2 / 2 - log(1 + seen) / 2
    return exp(min(exponent, 700.0))


def p_value(value: float, error: float, n: float, tuned: float = TUNED_UNITS) -> float:
    """p value that holds at every look: 1 / evidence, at most 1."""
    return min(1.0, 1.0 / e_value(value, error, n, tuned))


def units_until(
    error: float, n: float, half_width: float, level: float = 0.95, tuned: float = TUNED_UNITS
) -> float | None:
    """Units of both arms (as many again of each as now) at which the interval's half-width comes down to
    `half_width`; None beyond a thousand times today's.
    """
    if half_width <= 0 or n <= 0 or not error > 0:
        return None

    def half(units: float) -> float:
        return multiplier(units, level, tuned) * error * sqrt(n / units)

    if half(n) <= half_width:
        return n
    low, high = n, n * 1_000
    if half(high) > half_width:
        return None
    while high / low > 1.0001:
        middle = sqrt(low * high)
        low, high = (middle, high) if half(middle) > half_width else (low, middle)
    return high

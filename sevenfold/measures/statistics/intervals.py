"""Intervals that hold at one look: of a share, a mean, and the differences and ratios of two.

Counts and moments in, so that a warehouse can add them up; `sequential` makes intervals of them that hold at
every look.
"""

from __future__ import annotations

from math import exp, inf, log, nan, sqrt
from typing import NamedTuple

from sevenfold.measures.statistics.special import normal_cdf, normal_quantile, t_quantile, t_two_sided


class Interval(NamedTuple):
    """An estimate and the bounds around it; NaN where there is none."""

    value: float
    low: float
    high: float


class Moments(NamedTuple):
    """A sample as it is added up: how many, their mean, and their variance (over n - 1)."""

    n: int
    mean: float
    variance: float

    @classmethod
    def of_share(cls, hits: int, n: int) -> Moments:
        """Of `hits` ones among `n` zeros and ones."""
        share = hits / n if n else nan
        return cls(n, share, share * (1 - share) * n / (n - 1) if n > 1 else nan)

    @classmethod
    def of_sums(cls, n: int, total: float, squares: float) -> Moments:
        """Of `n` values with the sum `total` and the sum of squares `squares`."""
        mean = total / n if n else nan
        return cls(n, mean, max(squares - n * mean * mean, 0.0) / (n - 1) if n > 1 else nan)


def share(hits: float, n: float, level: float = 0.95) -> Interval:
    """Share of `hits` among `n`, with Wilson's score interval. Wilson (1927), JASA 22."""
    if n <= 0:
        return Interval(nan, 0.0, 1.0)
    p, z = hits / n, normal_quantile(0.5 + level / 2)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # Rounding must not leave the estimate outside its own interval.
    return Interval(p, min(max(middle - half, 0.0), p), max(min(middle + half, 1.0), p))


def share_difference(hits: int, n: int, control_hits: int, control_n: int, level: float = 0.95) -> Interval:
    """Difference of two shares, treated less control. Newcombe (1998), Stat. in Medicine 17, method 10."""
    if n <= 0 or control_n <= 0:
        return Interval(nan, -1.0, 1.0)
    a, b = share(hits, n, level), share(control_hits, control_n, level)
    difference = a.value - b.value
    low = difference - sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    high = difference + sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Interval(difference, low, high)


def share_ratio(hits: int, n: int, control_hits: int, control_n: int, level: float = 0.95) -> Interval:
    """Relative effect on a share, treated / control - 1, on the log scale. Katz et al. (1978), Biometrics."""
    if min(n, control_n) <= 0 or control_hits <= 0:
        return Interval(nan, -1.0, inf)
    ratio = (hits / n) / (control_hits / control_n)
    if hits == 0:
        return Interval(-1.0, -1.0, inf)
    half = normal_quantile(0.5 + level / 2) * sqrt(1 / hits - 1 / n + 1 / control_hits - 1 / control_n)
    return Interval(ratio - 1, ratio * exp(-half) - 1, ratio * exp(half) - 1)


def share_p_value(hits: int, n: int, control_hits: int, control_n: int) -> float:
    """Two-sided p value of equal shares: the pooled z test; 1 where it cannot be told."""
    if min(n, control_n) <= 0:
        return 1.0
    pooled = (hits + control_hits) / (n + control_n)
    error = sqrt(pooled * (1 - pooled) * (1 / n + 1 / control_n))
    if error == 0:
        return 1.0
    return 2 * normal_cdf(-abs(hits / n - control_hits / control_n) / error)


def mean(sample: Moments, level: float = 0.95) -> Interval:
    """Mean with Student's t interval. Student (1908), Biometrika 6."""
    if sample.n < 2:
        return Interval(sample.mean, -inf, inf)
    half = t_quantile(0.5 + level / 2, sample.n - 1) * sqrt(sample.variance / sample.n)
    return Interval(sample.mean, sample.mean - half, sample.mean + half)


class Welch(NamedTuple):
    """Difference of two means with its standard error, degrees of freedom and two-sided p value."""

    interval: Interval
    error: float
    df: float
    p: float


def mean_difference(treated: Moments, control: Moments, level: float = 0.95) -> Welch:
    """Difference of two means whose variances may differ, treated less control. Welch (1947), Biometrika."""
    difference = treated.mean - control.mean
    if min(treated.n, control.n) < 2:
        return Welch(Interval(difference, -inf, inf), nan, nan, 1.0)
    a, b = treated.variance / treated.n, control.variance / control.n
    error = sqrt(a + b)
    if error == 0:
        return Welch(Interval(difference, difference, difference), 0.0, inf, 1.0 if difference == 0 else 0.0)
    df = (a + b) ** 2 / (a * a / (treated.n - 1) + b * b / (control.n - 1))
    half = t_quantile(0.5 + level / 2, df) * error
    interval = Interval(difference, difference - half, difference + half)
    return Welch(interval, error, df, t_two_sided(difference / error, df))


def mean_ratio(treated: Moments, control: Moments, level: float = 0.95) -> Interval:
    """Relative effect on a mean, treated / control - 1, by the delta method on the log of both means
    (positive means only). Deng, Knoblich and Lu (2018), KDD, section 3.
    """
    if min(treated.n, control.n) < 2 or treated.mean <= 0 or control.mean <= 0:
        return Interval(nan, -inf, inf)
    ratio = treated.mean / control.mean
    relative = treated.variance / treated.n / treated.mean**2 + control.variance / control.n / control.mean**2
    half = normal_quantile(0.5 + level / 2) * sqrt(relative)
    return Interval(ratio - 1, exp(log(ratio) - half) - 1, exp(log(ratio) + half) - 1)

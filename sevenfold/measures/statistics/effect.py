"""The effect of a treatment on one metric: absolute and relative, at every look and at one, with evidence."""

from __future__ import annotations

from math import exp, inf, nan

import msgspec
import numpy as np

from sevenfold.measures.statistics import intervals, sequential
from sevenfold.measures.statistics.influence import Influenced, adjusted_mean, mean_of
from sevenfold.measures.statistics.intervals import Interval, Moments
from sevenfold.measures.statistics.special import Bools, Floats, Ints, normal_cdf, normal_quantile


class Effect(msgspec.Struct, frozen=True):
    """Treated against control.

    `mean` and `control_mean` are as observed; `absolute` and `relative` adjusted for covariates where there
    are some. `begun` is false while an arm has too few cases for intervals that hold at every look: those
    bounds are then infinite. `reduction` is the share of variance that covariates took out. `error` is the
    standard error of the absolute effect, `units` what was assigned: people, or accounts where clustered.
    """

    n: int
    control_n: int
    units: int
    mean: float
    control_mean: float
    absolute: Interval
    relative: Interval
    absolute_once: Interval
    relative_once: Interval
    error: float
    p: float
    p_once: float
    evidence: float
    begun: bool
    share: bool
    reduction: float


def effect_of(
    values: Floats, treated: Bools, *, denominators: Floats | None = None, covariates: Floats | None = None,
    clusters: Ints | None = None, level: float = 0.95, tuned: float = sequential.TUNED_UNITS,
) -> Effect:  # fmt: skip
    """The effect on `values` (units,) where `treated` against where not.

    `denominators` (units,) make it a ratio metric, sum over sum; `covariates` (units, k) were known before
    assignment; `clusters` number the account that was assigned whole.
    """
    arms = [_arm(values, treated, denominators, None), _arm(values, ~treated, denominators, None)]
    plain_error = (arms[0] - arms[1]).error(clusters)
    observed = (arms[0].value, arms[1].value)
    if covariates is not None and covariates.shape[1]:
        arms = [_arm(values, arm, denominators, covariates) for arm in (treated, ~treated)]
    difference, ratio = arms[0] - arms[1], arms[0].over(arms[1])
    error, relative_error = difference.error(clusters), ratio.error(clusters)
    units = len(values) if clusters is None else len(np.unique(clusters))
    n, control_n = int(treated.sum()), int((~treated).sum())
    share = denominators is None and bool(np.all((values == 0) | (values == 1)))
    absolute_once, relative_once, p_once = _once(
        values, treated, difference, ratio, error, relative_error, level,
        plain=denominators is None and covariates is None and clusters is None, share=share,
    )  # fmt: skip
    usable = min(n, control_n) > 1 and np.isfinite(error)
    begun = bool(usable and sequential.enough(values[treated], values[~treated]))
    reach = sequential.multiplier(units, level, tuned) if begun else float("inf")
    return Effect(
        n, control_n, units, *observed,
        _around(difference.value, reach, error), _relative(ratio.value, reach, relative_error),
        absolute_once, relative_once, error,
        sequential.p_value(difference.value, error, units, tuned) if begun else 1.0, p_once,
        sequential.e_value(difference.value, error, units, tuned) if begun else 1.0,
        begun, share, 1 - (error / plain_error) ** 2 if plain_error > 0 else 0.0,
    )  # fmt: skip


def _arm(values: Floats, arm: Bools, denominators: Floats | None, covariates: Floats | None) -> Influenced:
    everybody = np.ones(len(values), dtype=bool)

    def mean(of: Floats) -> Influenced:
        return mean_of(of, arm) if covariates is None else adjusted_mean(of, covariates, arm, everybody)

    return mean(values) if denominators is None else mean(values).over(mean(denominators))


def _around(value: float, reach: float, error: float) -> Interval:
    half = reach * error if error > 0 else float("inf")
    return Interval(value, value - half, value + half)


def _relative(ratio: float, reach: float, error: float) -> Interval:
    """The ratio less one, its bounds on the log scale, to agree with the difference."""
    if not ratio > 0 or not error > 0:
        return _around(ratio - 1, reach, error)
    half = min(reach * error / ratio, 700.0)
    return Interval(ratio - 1, ratio * exp(-half) - 1, ratio * exp(half) - 1 if half < 700 else inf)


def _once(
    values: Floats, treated: Bools, difference: Influenced, ratio: Influenced, error: float,
    relative_error: float, level: float, *, plain: bool, share: bool,
) -> tuple[Interval, Interval, float]:  # fmt: skip
    """Intervals and p value that hold at one look: Newcombe's and Katz's for plain shares, Welch's for plain
    means, else normal.
    """
    if plain and share:
        n, m = int(treated.sum()), int((~treated).sum())
        counts = (int(values[treated].sum()), n, int(values[~treated].sum()), m)
        absolute = intervals.share_difference(*counts, level)
        return absolute, intervals.share_ratio(*counts, level), intervals.share_p_value(*counts)
    z = normal_quantile(0.5 + level / 2)
    if not error > 0:
        return Interval(difference.value, nan, nan), Interval(ratio.value - 1, nan, nan), 1.0
    relative = _relative(ratio.value, z, relative_error)
    if plain and min(treated.sum(), (~treated).sum()) > 1:
        welch = intervals.mean_difference(_moments(values[treated]), _moments(values[~treated]), level)
        return welch.interval, relative, welch.p
    return _around(difference.value, z, error), relative, 2 * normal_cdf(-abs(difference.value) / error)


def _moments(values: Floats) -> Moments:
    return Moments(len(values), float(values.mean()), float(values.var(ddof=1)))


class Stratum(msgspec.Struct, frozen=True):
    """Counts of one test, day or group: hits among units, treated and control."""

    hits: int
    n: int
    control_hits: int
    control_n: int


def over_strata(strata: list[Stratum], level: float = 0.95) -> tuple[Interval, float]:
    """Difference of shares over many small tests, each compared within itself: the Mantel-Haenszel risk
    difference, with the variance between tests (Sato 1989, Biometrics 45, is for common effects; here effects
    may differ, so tests are the units that chance dealt). Returns (interval, standard error).
    """
    rows = [[s.hits, s.n, s.control_hits, s.control_n] for s in strata]
    n = np.array(rows, dtype=np.float64).reshape(-1, 4)
    n = n[(n[:, 1] > 0) & (n[:, 3] > 0)]
    weight = n[:, 1] * n[:, 3] / (n[:, 1] + n[:, 3])
    if len(n) < 2:
        return Interval(nan, nan, nan), nan
    each = n[:, 0] / n[:, 1] - n[:, 2] / n[:, 3]
    value = float(weight @ each / weight.sum())
    influence = weight * (each - value) / weight.sum()
    error = float(np.sqrt(influence @ influence * len(n) / (len(n) - 1)))
    return _around(value, normal_quantile(0.5 + level / 2), error), error

"""Estimates that know what each unit contributes: one way to the error of means, ratios, adjusted and
clustered effects.

An estimate is a value and its *influence*: one number a unit, summing to about 0, whose squares sum to the
variance. Ratios follow by the delta method (differentiating), clusters by summing influence within each
before squaring (Liang and Zeger 1986, Biometrika 73), covariates by taking out what they explain. So a ratio
metric, adjusted, clustered by account, is these steps one after the other, with nothing special for each mix.
"""

from __future__ import annotations

from math import sqrt

import msgspec
import numpy as np

from sevenfold.measures.statistics.special import Bools, Floats, Ints


class Influenced(msgspec.Struct, frozen=True):
    """`value`, and the influence of each unit on it, shape (units,)."""

    value: float
    influence: Floats

    def __add__(self, other: Influenced) -> Influenced:
        return Influenced(self.value + other.value, self.influence + other.influence)

    def __sub__(self, other: Influenced) -> Influenced:
        return Influenced(self.value - other.value, self.influence - other.influence)

    def scaled(self, factor: float) -> Influenced:
        """This times a constant."""
        return Influenced(self.value * factor, self.influence * factor)

    def over(self, other: Influenced) -> Influenced:
        """This divided by another, by the delta method; NaN where the other is 0."""
        if other.value == 0:
            return Influenced(float("nan"), np.full_like(self.influence, np.nan))
        ratio = self.value / other.value
        return Influenced(ratio, (self.influence - ratio * other.influence) / other.value)

    def error(self, clusters: Ints | None = None) -> float:
        """Standard error; `clusters` numbers (0..g-1, shape (units,)) the account each unit belongs to."""
        influence = self.influence
        if clusters is not None:
            influence = np.bincount(clusters, weights=influence).astype(np.float64)
            groups = len(influence)
            if groups < 2:
                return float("nan")
            return sqrt(float(influence @ influence) * groups / (groups - 1))
        return sqrt(float(influence @ influence))


def mean_of(values: Floats, arm: Bools) -> Influenced:
    """Mean of `values` where `arm`; both (units,). Its squared influence sums to variance / n, as s over
    n - 1.
    """
    n = int(arm.sum())
    if n == 0:
        return Influenced(float("nan"), np.zeros(len(values)))
    at = float(values[arm].mean())
    correction = sqrt(n / (n - 1)) if n > 1 else float("nan")
    return Influenced(at, np.where(arm, (values - at) / n * correction, 0.0))


def ratio_of(numerators: Floats, denominators: Floats, arm: Bools) -> Influenced:
    """Sum of numerators over sum of denominators where `arm` (revenue per order, clicks per message), with
    units, not orders, as what chance dealt. Deng et al. (2018), KDD.
    """
    return mean_of(numerators, arm).over(mean_of(denominators, arm))


def adjusted_mean(values: Floats, covariates: Floats, arm: Bools, everybody: Bools) -> Influenced:
    """Mean of `values` where `arm`, as it would be if the arm's covariates were those of `everybody`.

    CUPED with several covariates, with slopes of each arm's own: `covariates` is (units, k), known before
    assignment. The slopes are least squares within the arm, which in a randomised experiment cannot do harm
    in large samples, however unequal the arms. Deng et al. (2013), WSDM; Lin (2013), Annals of Applied
    Statistics 7(1); the second term below is what the covariates' own mean leaves in doubt (Negi and
    Wooldridge 2021, Econometric Reviews 40).
    """
    n, k = int(arm.sum()), covariates.shape[1]
    plain = mean_of(values, arm)
    if n < k + 10:
        return plain
    centre = covariates[everybody].mean(axis=0)
    x = covariates[arm] - covariates[arm].mean(axis=0)
    slopes, *_ = np.linalg.lstsq(x, values[arm] - plain.value, rcond=None)
    shift = centre - covariates[arm].mean(axis=0)
    fitted = (covariates - centre) @ slopes
    value = plain.value + float(shift @ slopes)
    residual = np.where(arm, (values - value - fitted) / n * sqrt(n / (n - k - 1)), 0.0)
    of_centre = np.where(everybody, fitted / int(everybody.sum()), 0.0)
    return Influenced(value, residual + of_centre)


def winsorised(values: Floats, share: float) -> Floats:
    """Values with the highest `share` of all (0.01: one in a hundred) pulled down to that quantile, and the
    same at the low end for values below 0. Both arms together, so that treatment does not move the cut.
    """
    if share <= 0 or len(values) == 0:
        return values
    high = float(np.quantile(values, 1 - share, method="lower"))
    low = float(np.quantile(values, share, method="higher")) if float(values.min()) < 0 else -np.inf
    return np.clip(values, low, high)

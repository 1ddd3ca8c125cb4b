"""Partial pooling: several estimates of like things, each drawn towards what they have in common as far as
its own doubt and their agreement say.

The hierarchical normal model (Gelman et al., Bayesian Data Analysis, section 5.4; Rubin 1981): each true
value theta_j is normal around a common mean with spread tau, each estimate normal around its theta_j with the
error it came with. The mean has a normal prior around nothing, tau a half-normal one, and tau is summed over
a grid, so that little data do not make it 0 or infinite: with one estimate alone the prior still says how far
to believe it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr  # type: ignore[import-untyped]

from ..errors import InputError

Floats = NDArray[np.float64]
_GRID: Final = 160


@dataclass(frozen=True)
class Pooled:
    """Posteriors, each (k,): ``mean`` with bounds, ``positive`` the chance that it is above 0, ``spread``
    (standard deviation). ``common`` is the posterior mean of what they share with its standard deviation
    ``common_spread``, ``between`` that of tau.
    """

    mean: Floats
    low: Floats
    high: Floats
    positive: Floats
    spread: Floats
    common: float
    common_spread: float
    between: float


def pooled(estimate: Floats, error: Floats, *, reach: float, between: float, level: float = 0.95) -> Pooled:
    """Posteriors of ``estimate`` (k,) with standard errors ``error`` (k,), above 0 (infinite: nothing known).

    ``reach`` is the prior's standard deviation of the common mean around 0, ``between`` the scale of how far
    single values lie from it; both in the unit of the estimates. Raises InputError for errors that are none.
    """
    if not len(estimate) or np.any(~(error > 0)):
        raise InputError("An estimate needs a standard error above 0", fix="leave out what is not known")
    precision = 1.0 / error**2
    known = np.where(np.isfinite(error), estimate, 0.0)
    tau = np.linspace(0.0, 4.0 * between, _GRID)
    # Marginal precisions of each estimate around the common mean, by tau: (grid, k).
    apart = np.where(precision > 0, 1.0 / (1.0 / np.maximum(precision, 1e-300) + tau[:, None] ** 2), 0.0)
    common_precision = apart.sum(axis=1) + 1.0 / reach**2
    common = (apart * known).sum(axis=1) / common_precision
    fit = 0.5 * np.log(np.where(apart > 0, apart, 1.0)).sum(axis=1) - 0.5 * np.log(common_precision)
    fit += -0.5 * ((apart * known**2).sum(axis=1) - common_precision * common**2)
    weight = fit - 0.5 * (tau / between) ** 2
    weight = np.exp(weight - weight.max())
    weight[0] *= 0.5
    weight /= weight.sum()
    # Given tau, theta_j is its estimate and the common mean weighed by their precisions.
    keep = precision / (precision + 1.0 / np.maximum(tau[:, None] ** 2, 1e-18))
    mean = keep * known + (1.0 - keep) * common[:, None]
    variance = keep / np.maximum(precision, 1e-300) * (precision > 0) + np.where(
        precision > 0, 0.0, tau[:, None] ** 2
    )
    variance = variance + (1.0 - keep) ** 2 / common_precision[:, None]
    deviation = np.sqrt(np.maximum(variance, 1e-18))
    middle = weight @ mean
    total = np.sqrt(weight @ (variance + mean**2) - middle**2)
    tail = (1.0 - level) / 2
    about = float(weight @ common)
    about_spread = float(np.sqrt(weight @ (1.0 / common_precision + common**2) - about**2))
    return Pooled(
        middle, _quantile(tail, weight, mean, deviation), _quantile(1 - tail, weight, mean, deviation),
        weight @ ndtr(mean / deviation), total, about, about_spread, float(weight @ tau),
    )  # fmt: skip


def _quantile(at: float, weight: Floats, mean: Floats, deviation: Floats) -> Floats:
    """Quantiles of mixtures of normals over the grid, (k,), by bisection."""
    low = (mean - 9 * deviation).min(axis=0)
    high = (mean + 9 * deviation).max(axis=0)
    for _ in range(60):
        middle = (low + high) / 2
        below = weight @ ndtr((middle - mean) / deviation) < at
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2, dtype=np.float64)

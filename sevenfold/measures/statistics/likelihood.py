"""Models with a few positive parameters, fitted by maximum likelihood, with the doubt of the fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from sevenfold.measures.statistics.special import Floats, minimise, normal_quantile

LOG_BOUND = 12.0
"""Parameters are sought between e^-12 and e^12; one that ends there is not determined by the data."""


class Fit(msgspec.Struct, frozen=True):
    """Parameters by name, the log-likelihood there, and the covariance of their logarithms.

    `at_bound` names parameters that ran away: the data do not determine them. `covariance` (k x k, in written
    order) is the inverse of the Hessian of the negative log-likelihood; None where that is not positive.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    log_likelihood: float
    n: int
    covariance: tuple[tuple[float, ...], ...] | None
    at_bound: tuple[str, ...]

    def __getitem__(self, name: str) -> float:
        return self.values[self.names.index(name)]

    def spread(self, function: Callable[[Sequence[float]], float]) -> float | None:
        """Standard error of a function of the parameters by the delta method; None without a covariance."""
        if self.covariance is None:
            return None
        at = np.log(np.asarray(self.values))
        gradient = np.empty(len(at))
        for i in range(len(at)):
            step = np.zeros(len(at))
            step[i] = 1e-4
            up, down = function(list(np.exp(at + step))), function(list(np.exp(at - step)))
            gradient[i] = (up - down) / 2e-4
        variance = float(gradient @ np.asarray(self.covariance) @ gradient)
        return float(np.sqrt(variance)) if np.isfinite(variance) and variance >= 0 else None

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float] | None:
        """Wald interval of one parameter on the log scale, so that it stays positive."""
        if self.covariance is None:
            return None
        i = self.names.index(name)
        half = normal_quantile(0.5 + level / 2) * float(np.sqrt(self.covariance[i][i]))
        return self.values[i] * float(np.exp(-half)), self.values[i] * float(np.exp(half))


def fit(
    negative: Callable[[Floats], float], names: tuple[str, ...], starts: Sequence[Sequence[float]], n: int
) -> Fit:
    """The parameters at which `negative` (a negative log-likelihood of positive parameters) is smallest.

    Several starts, because these likelihoods have ridges; `n` is the number of observations.
    """

    def of_logs(logs: Floats) -> float:
        value = negative(np.exp(logs))
        return value if np.isfinite(value) else 1e300

    begin = [np.log(np.asarray(start, dtype=np.float64)) for start in starts]
    logs, lowest = minimise(of_logs, begin, LOG_BOUND)
    hit = tuple(name for name, log in zip(names, logs, strict=True) if abs(float(log)) > LOG_BOUND - 0.01)
    values = tuple(float(v) for v in np.exp(logs))
    return Fit(names, values, -lowest, n, None if hit else _covariance(of_logs, logs), hit)


def _covariance(function: Callable[[Floats], float], at: Floats) -> tuple[tuple[float, ...], ...] | None:
    """Inverse of the Hessian by central differences."""
    k, h = len(at), 1e-3
    hessian = np.empty((k, k))
    unit = np.eye(k) * h
    for i in range(k):
        for j in range(i, k):
            corners = (
                function(at + unit[i] + unit[j]) - function(at + unit[i] - unit[j])
                - function(at - unit[i] + unit[j]) + function(at - unit[i] - unit[j])
            )  # fmt: skip
            hessian[i, j] = hessian[j, i] = corners / (4 * h * h)
    try:
        inverse = np.linalg.inv(hessian)
    except np.linalg.LinAlgError:
        return None
    if not np.all(np.isfinite(inverse)) or np.any(np.linalg.eigvalsh(inverse) <= 0):
        return None
    return tuple(tuple(float(v) for v in row) for row in inverse)

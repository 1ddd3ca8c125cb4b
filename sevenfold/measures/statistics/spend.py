"""What customers spend at a purchase: the gamma-gamma model, and whether its assumption holds."""

from __future__ import annotations

import numpy as np

from sevenfold.measures.statistics.likelihood import Fit, fit
from sevenfold.measures.statistics.purchases import Parameters, _values, alike
from sevenfold.measures.statistics.special import Floats, gammaln, normal_quantile, t_two_sided


def gamma_gamma_log_likelihood(parameters: Parameters, x: Floats, mean: Floats) -> Floats:
    """Log-likelihood of each customer with `x` >= 1 purchases of `mean` > 0 on average, (customers,). Fader
    and Hardie (2013), "The gamma-gamma model of monetary value", equation 1a.
    """
    p, q, v = _values(parameters)
    return np.asarray(
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(mean)
        + p * x * np.log(x) - (p * x + q) * np.log(v + mean * x)
    )  # fmt: skip


def fit_gamma_gamma(x: Floats, mean: Floats) -> Fit:
    """p, q, v; only of customers with at least one purchase of more than nothing. `mean` in money."""
    use = (x > 0) & (mean > 0)
    scale = float(np.mean(mean[use]))
    (x, mean), weights = alike(x[use], mean[use] / scale)

    def negative(parameters: Floats) -> float:
        return -float(np.dot(weights, gamma_gamma_log_likelihood(list(parameters), x, mean)))

    found = fit(negative, ("p", "q", "v"), [(5.0, 3.0, 1.0), (1.0, 1.5, 1.0)], int(weights.sum()))
    values = (found.values[0], found.values[1], found.values[2] * scale)
    likelihood = found.log_likelihood - float(weights.sum()) * float(np.log(scale))
    return Fit(found.names, values, likelihood, found.n, found.covariance, found.at_bound)


def gamma_gamma_expected(parameters: Parameters, x: Floats, mean: Floats) -> Floats:
    """Spend expected at a purchase of each customer, (customers,), in money: between their own mean and
    everybody's. Infinite where q <= 1 and nothing was bought. Same paper, equation 5.
    """
    p, q, v = _values(parameters)
    below = p * x + q - 1
    own = p * (v + np.where(x > 0, mean * x, 0.0))
    return np.asarray(np.where(below > 0, own / np.where(below > 0, below, 1.0), np.inf))


def independence(x: Floats, mean: Floats, level: float = 0.95) -> tuple[float, float, float, float]:
    """Pearson correlation of frequency and mean value, its Fisher interval, and the p value of none.

    The gamma-gamma model takes spend to be independent of how often somebody buys: a correlation that is far
    from 0 breaks it. Returns (r, low, high, p).
    """
    use = (x > 0) & (mean > 0)
    n = int(use.sum())
    if n < 4 or np.std(x[use]) == 0 or np.std(mean[use]) == 0:
        return 0.0, -1.0, 1.0, 1.0
    r = float(np.corrcoef(x[use], mean[use])[0, 1])
    r = float(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    half = normal_quantile(0.5 + level / 2) / np.sqrt(n - 3)
    low, high = np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)
    return r, float(low), float(high), t_two_sided(r * np.sqrt((n - 2) / (1 - r * r)), n - 2)

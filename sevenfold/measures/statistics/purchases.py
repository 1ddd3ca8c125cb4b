"""How often customers will buy: BG/NBD and Pareto/NBD for purchases at any time, BG/BB for one chance a
period.

All take *recency and frequency*: `x` repeat purchases, the last of them `t_x` after the first, observed until
`age` after the first (arrays of shape (customers,), one unit of time throughout; for BG/BB counts of
periods). `weights` count customers who are alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sevenfold.measures.statistics.likelihood import Fit, fit
from sevenfold.measures.statistics.special import Floats, betaln, gammaln, hyp2f1

Parameters = Fit | Sequence[float]


def _values(parameters: Parameters) -> tuple[float, ...]:
    return parameters.values if isinstance(parameters, Fit) else tuple(parameters)


def alike(*columns: Floats) -> tuple[list[Floats], Floats]:
    """Customers who are alike once, and how many they are: ([column, ...], weights)."""
    rows, counts = np.unique(np.stack([np.asarray(c, dtype=np.float64) for c in columns], axis=1), axis=0,
                             return_counts=True)  # fmt: skip
    return [rows[:, i] for i in range(rows.shape[1])], counts.astype(np.float64)


def _scaled(fitted: Fit, positions: Sequence[int], scale: float) -> Fit:
    """The fit in the caller's unit of time: `positions` are the parameters that carry it."""
    values = tuple(v * scale if i in positions else v for i, v in enumerate(fitted.values))
    return Fit(fitted.names, values, fitted.log_likelihood, fitted.n, fitted.covariance, fitted.at_bound)


# --- BG/NBD -------------------------------------------------------------------------------------------------


def bgnbd_log_likelihood(parameters: Parameters, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Log-likelihood of each customer, (customers,). Fader, Hardie and Lee (2005), Marketing Science 24(2),
    equation 6.
    """
    r, alpha, a, b = _values(parameters)
    common = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    )  # fmt: skip
    alive = -(r + x) * np.log(alpha + age)
    gone = np.where(
        x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x), -np.inf
    )
    return np.asarray(common + np.logaddexp(alive, gone))


def fit_bgnbd(x: Floats, t_x: Floats, age: Floats) -> Fit:
    """r, alpha, a, b of the beta-geometric/NBD model."""
    scale = float(np.max(age)) / 10.0
    (x, t_x, age), weights = alike(x, t_x / scale, age / scale)

    def negative(p: Floats) -> float:
        return -float(np.dot(weights, bgnbd_log_likelihood(list(p), x, t_x, age)))

    starts = [(1.0, 1.0, 1.0, 1.0), (0.3, 1.0, 0.5, 2.0)]
    fitted = fit(negative, ("r", "alpha", "a", "b"), starts, int(weights.sum()))
    # The density of x purchase times carries the unit: one factor for each purchase.
    found = _scaled(fitted, (1,), scale)
    shift = float(np.dot(weights, x)) * float(np.log(scale))
    return Fit(
        found.names, found.values, found.log_likelihood - shift, found.n, found.covariance, found.at_bound
    )


def bgnbd_alive(parameters: Parameters, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Probability that each customer still is one, (customers,). Fader and Hardie (2008), note 021."""
    r, alpha, a, b = _values(parameters)
    odds = a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + t_x)) ** (r + x)
    return np.asarray(1.0 / (1.0 + np.where(x > 0, odds, 0.0)))


def bgnbd_expected(parameters: Parameters, t: float, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Purchases expected of each customer within the next `t`, (customers,). Same paper, equation 10."""
    r, alpha, a, b = _values(parameters)
    a = a if abs(a - 1.0) > 1e-9 else 1.0 + 1e-9
    z = t / (alpha + age + t)
    bracket = 1.0 - ((alpha + age) / (alpha + age + t)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z)
    return np.asarray((a + b + x - 1) / (a - 1) * bracket * bgnbd_alive((r, alpha, a, b), x, t_x, age))


def bgnbd_expected_new(parameters: Parameters, t: Floats) -> Floats:
    """Repeat purchases expected of somebody new within `t` of the first, as `t`. Same paper, equation 9."""
    r, alpha, a, b = _values(parameters)
    a = a if abs(a - 1.0) > 1e-9 else 1.0 + 1e-9
    bracket = 1.0 - (alpha / (alpha + t)) ** r * hyp2f1(r, b, a + b - 1, t / (alpha + t))
    return np.asarray((a + b - 1) / (a - 1) * bracket)


def bgnbd_pmf(parameters: Parameters, count: int, t: Floats) -> Floats:
    """Probability that somebody new buys again exactly `count` times within `t`, as `t`. Same paper,
    equation 8.
    """
    r, alpha, a, b = _values(parameters)
    t = np.asarray(t, dtype=np.float64)
    share = t / (alpha + t)

    def nbd(j: int) -> Floats:
        return np.asarray(
            np.exp(gammaln(r + j) - gammaln(r) - gammaln(j + 1)) * (alpha / (alpha + t)) ** r * share**j
        )

    stays = np.exp(betaln(a, b + count) - betaln(a, b)) * nbd(count)
    if count == 0:
        return np.asarray(stays)
    below = sum((nbd(j) for j in range(count)), np.zeros_like(t))
    return np.asarray(stays + np.exp(betaln(a + 1, b + count - 1) - betaln(a, b)) * (1.0 - below))


# --- Pareto/NBD ---------------------------------------------------------------------------------------------


def _pareto_log_a0(parameters: Sequence[float], x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Log of A0 of Fader and Hardie (2005), "A note on deriving the Pareto/NBD model"."""
    r, alpha, s, beta = parameters
    big, small = max(alpha, beta), min(alpha, beta)
    second = s + 1 if alpha >= beta else r + x

    def part(t: Floats) -> Floats:
        z = (big - small) / (big + t)
        return np.asarray(np.log(hyp2f1(r + s + x, second, r + s + x + 1, z)) - (r + s + x) * np.log(big + t))

    first, last = part(t_x), part(age)
    with np.errstate(divide="ignore"):
        return np.asarray(first + np.log1p(-np.exp(np.minimum(last - first, 0.0))))


def pareto_nbd_log_likelihood(parameters: Parameters, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Log-likelihood of each customer, (customers,). Schmittlein, Morrison and Colombo (1987), Management
    Science 33(1), in the form of Fader and Hardie (2005).
    """
    r, alpha, s, beta = p = _values(parameters)
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    gone = np.log(s) - np.log(r + s + x) + _pareto_log_a0(p, x, t_x, age)
    return np.asarray(common + np.logaddexp(alive, gone))


def fit_pareto_nbd(x: Floats, t_x: Floats, age: Floats) -> Fit:
    """r, alpha, s, beta of the Pareto/NBD model."""
    scale = float(np.max(age)) / 10.0
    (x, t_x, age), weights = alike(x, t_x / scale, age / scale)

    def negative(p: Floats) -> float:
        with np.errstate(all="ignore"):
            return -float(np.dot(weights, pareto_nbd_log_likelihood(list(p), x, t_x, age)))

    fitted = fit(negative, ("r", "alpha", "s", "beta"), [(0.5, 2.0, 0.5, 2.0)], int(weights.sum()))
    found = _scaled(fitted, (1, 3), scale)
    shift = float(np.dot(weights, x)) * float(np.log(scale))
    return Fit(
        found.names, found.values, found.log_likelihood - shift, found.n, found.covariance, found.at_bound
    )


def pareto_nbd_alive(parameters: Parameters, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Probability that each customer still is one, (customers,)."""
    r, alpha, s, beta = p = _values(parameters)
    log_odds = (
        np.log(s) - np.log(r + s + x) + (r + x) * np.log(alpha + age) + s * np.log(beta + age)
        + _pareto_log_a0(p, x, t_x, age)
    )  # fmt: skip
    return np.asarray(1.0 / (1.0 + np.exp(log_odds)))


def pareto_nbd_expected(parameters: Parameters, t: float, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Purchases expected of each customer within the next `t`, (customers,)."""
    r, alpha, s, beta = p = _values(parameters)
    s = s if abs(s - 1.0) > 1e-9 else 1.0 + 1e-9
    future = 1.0 - ((beta + age) / (beta + age + t)) ** (s - 1)
    return np.asarray(
        pareto_nbd_alive(p, x, t_x, age) * (r + x) * (beta + age) / ((alpha + age) * (s - 1)) * future
    )


def pareto_nbd_expected_new(parameters: Parameters, t: Floats) -> Floats:
    """Repeat purchases expected of somebody new within `t` of the first, as `t`."""
    r, alpha, s, beta = _values(parameters)
    s = s if abs(s - 1.0) > 1e-9 else 1.0 + 1e-9
    return np.asarray(r * beta / (alpha * (s - 1)) * (1.0 - (beta / (beta + np.asarray(t))) ** (s - 1)))


# --- BG/BB --------------------------------------------------------------------------------------------------


def bgbb_log_likelihood(parameters: Parameters, x: Floats, t_x: Floats, n: Floats) -> Floats:
    """Log-likelihood of each customer, (customers,), with `n` chances. Fader, Hardie and Shang (2010),
    Marketing Science 29(6), equation 5.
    """
    alpha, beta, gamma, delta = _values(parameters)
    base = betaln(alpha, beta) + betaln(gamma, delta)
    total = betaln(alpha + x, beta + n - x) + betaln(gamma, delta + n) - base
    for i in range(int(np.max(n - t_x, initial=0))):
        # Gone after i more chances were let pass; only where that many are left.
        there = i <= n - t_x - 1
        at = np.where(there, t_x + i, n)
        term = betaln(alpha + x, beta + at - x) + betaln(gamma + 1, delta + at) - base
        total = np.logaddexp(total, np.where(there, term, -np.inf))
    return np.asarray(total)


def fit_bgbb(x: Floats, t_x: Floats, n: Floats, weights: Floats | None = None) -> Fit:
    """alpha, beta (of buying at a chance), gamma, delta (of leaving after it)."""
    counts = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)

    def negative(p: Floats) -> float:
        return -float(np.dot(counts, bgbb_log_likelihood(list(p), x, t_x, n)))

    return fit(negative, ("alpha", "beta", "gamma", "delta"), [(1.0, 1.0, 1.0, 2.0)], int(counts.sum()))


def bgbb_alive(parameters: Parameters, x: Floats, t_x: Floats, n: Floats) -> Floats:
    """Probability that each customer still is one at the chance after the n-th, (customers,)."""
    alpha, beta, gamma, delta = p = _values(parameters)
    base = betaln(alpha, beta) + betaln(gamma, delta)
    there = betaln(alpha + x, beta + n - x) + betaln(gamma, delta + n + 1) - base
    return np.asarray(np.exp(there - bgbb_log_likelihood(p, x, t_x, n)))


def bgbb_expected(parameters: Parameters, more: float, x: Floats, t_x: Floats, n: Floats) -> Floats:
    """Purchases expected of each customer at the next `more` chances, (customers,). Same paper, eq. 13."""
    alpha, beta, gamma, delta = p = _values(parameters)
    gamma = gamma if abs(gamma - 1.0) > 1e-9 else 1.0 + 1e-9
    log_first = betaln(alpha + x + 1, beta + n - x) - betaln(alpha, beta) - bgbb_log_likelihood(p, x, t_x, n)
    near = np.exp(
        gammaln(1 + delta + n) - gammaln(gamma + delta + n) + gammaln(gamma + delta) - gammaln(1 + delta)
    )
    end = n + more
    far = np.exp(
        gammaln(1 + delta + end) - gammaln(gamma + delta + end) + gammaln(gamma + delta) - gammaln(1 + delta)
    )
    return np.asarray(np.exp(log_first) * delta / (gamma - 1) * (near - far))


def bgbb_expected_new(parameters: Parameters, n: Floats) -> Floats:
    """Purchases expected of somebody new at `n` chances, as `n`. Same paper, equation 8."""
    alpha, beta, gamma, delta = _values(parameters)
    gamma = gamma if abs(gamma - 1.0) > 1e-9 else 1.0 + 1e-9
    n = np.asarray(n, dtype=np.float64)
    left = np.exp(
        gammaln(gamma + delta) - gammaln(gamma + delta + n) + gammaln(1 + delta + n) - gammaln(1 + delta)
    )
    return np.asarray(alpha / (alpha + beta) * delta / (gamma - 1) * (1.0 - left))

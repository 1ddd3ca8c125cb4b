"""How long customers stay: Kaplan-Meier, and the shifted beta-geometric for contracts renewed each period."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np

from sevenfold.measures.statistics.likelihood import Fit, fit
from sevenfold.measures.statistics.special import Bools, Floats, betaln, normal_quantile


class Survivors(NamedTuple):
    """At `time`: how many were at risk, how many left, the share still there after it with its interval, and
    the share of those at risk who left (the hazard of a discrete-time model).
    """

    time: float
    at_risk: int
    left: int
    staying: float
    low: float
    high: float
    hazard: float


def kaplan_meier(durations: Floats, left: Bools, level: float = 0.95) -> list[Survivors]:
    """Share still there after each time at which somebody left. `durations` (customers,) until they left, or
    until they were last seen where `left` is false.

    Kaplan and Meier (1958), JASA 53; interval by Greenwood's variance on the log-log scale (Borgan and
    Liestol 1990), which stays within 0 and 1.
    """
    times, which = np.unique(durations, return_inverse=True)
    which = which.reshape(-1)
    gone = np.bincount(which, weights=left.astype(np.float64), minlength=len(times))
    here = np.bincount(which, minlength=len(times))
    at_risk = here[::-1].cumsum()[::-1]
    found: list[Survivors] = []
    staying, greenwood, z = 1.0, 0.0, normal_quantile(0.5 + level / 2)
    for i in np.flatnonzero(gone):
        n, d = int(at_risk[i]), int(gone[i])
        staying *= 1 - d / n
        greenwood += d / (n * (n - d)) if n > d else float("inf")
        if 0 < staying < 1 and np.isfinite(greenwood):
            spread = z * sqrt(greenwood) / abs(log(staying))
            low, high = staying ** exp(spread), staying ** exp(-spread)
        else:
            low, high = 0.0, staying if staying > 0 else float(found[-1].high if found else 1.0)
        found.append(Survivors(float(times[i]), n, d, staying, low, high, d / n))
    return found


def restricted_mean(found: Sequence[Survivors], until: float) -> tuple[float, float]:
    """Mean time stayed within the first `until`, and its standard error. Klein, Moeschberger (2003), 4.5."""
    edges = [0.0, *(each.time for each in found if each.time < until), until]
    heights = [1.0, *(each.staying for each in found if each.time < until)]
    areas = [h * (b - a) for h, a, b in zip(heights, edges[:-1], edges[1:], strict=True)]
    total, variance = sum(areas), 0.0
    for i, each in enumerate(row for row in found if row.time < until):
        if each.at_risk > each.left:
            beyond = sum(areas[i + 1 :])
            variance += beyond**2 * each.left / (each.at_risk * (each.at_risk - each.left))
    return total, sqrt(variance)


def sbg_survival(parameters: Fit | Sequence[float], t: Floats) -> Floats:
    """Share still there after `t` renewals, as `t`. Fader and Hardie (2007), Journal of Interactive Marketing
    21(1), equation 6.
    """
    alpha, beta = parameters.values if isinstance(parameters, Fit) else tuple(parameters)
    return np.asarray(np.exp(betaln(alpha, beta + np.asarray(t)) - betaln(alpha, beta)))


def fit_sbg(periods: Floats, left: Bools, weights: Floats | None = None) -> Fit:
    """alpha, beta of the shifted beta-geometric: customers who `left` at the end of their `periods`-th period
    (1, 2, ...), or were still there after it. All (customers,).
    """
    counts = np.ones(len(periods)) if weights is None else np.asarray(weights, dtype=np.float64)

    def negative(p: Floats) -> float:
        alpha, beta = float(p[0]), float(p[1])
        at_end = betaln(alpha + 1, beta + periods - 1)
        after = betaln(alpha, beta + periods)
        return -float(np.dot(counts, np.where(left, at_end, after) - betaln(alpha, beta)))

    return fit(negative, ("alpha", "beta"), [(1.0, 1.0), (0.5, 2.0)], int(counts.sum()))


def sbg_expected(
    parameters: Fit | Sequence[float], renewed: int, discount: float, horizon: int = 1_000
) -> float:
    """Renewals expected, discounted by `discount` a period, of somebody who has renewed `renewed` times.
    Fader and Hardie (2010), Marketing Science 29(1).
    """
    ahead = np.arange(1, horizon + 1, dtype=np.float64)
    stays = sbg_survival(parameters, renewed + ahead) / sbg_survival(parameters, np.asarray([float(renewed)]))
    return float((stays / (1 + discount) ** (ahead - 1)).sum())

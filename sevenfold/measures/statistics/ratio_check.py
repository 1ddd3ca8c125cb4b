"""Are the groups of the sizes they were meant to be? Where they are not, something else sorted people too,
and no effect can be believed. Fabijan et al. (2019), KDD, "Diagnosing sample ratio mismatch".
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

import numpy as np

from sevenfold.measures.statistics.special import chi2_tail, gammaln

SUSPICIOUS_P = 0.01
"""A ratio rarer than this is worth a warning: a false alarm in a hundred experiments."""
CONCENTRATION = 10_000.0
"""Weight, in units, of the planned shares in the sequential check: departures of a percent are looked for."""


def _shares(counts: Sequence[int], weights: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    observed = np.asarray(counts, dtype=np.float64)
    expected = np.asarray(weights, dtype=np.float64)
    if len(observed) != len(expected) or np.any(expected <= 0):
        raise ValueError("each group needs a count and a weight above 0")
    return observed, expected / expected.sum()


def p_value(counts: Sequence[int], weights: Sequence[float]) -> float:
    """p value of counts this far from `weights` (any scale), by Pearson's chi-square, at one look."""
    observed, shares = _shares(counts, weights)
    total = observed.sum()
    if total == 0:
        return 1.0
    statistic = float(((observed - total * shares) ** 2 / (total * shares)).sum())
    return chi2_tail(statistic, len(observed) - 1)


def sequential_p_value(counts: Sequence[int], weights: Sequence[float]) -> float:
    """The same at every look: the multinomial mixture martingale of Lindon and Malek (2022), NeurIPS,
    "Anytime-valid inference for multinomial count data".
    """
    observed, shares = _shares(counts, weights)
    prior = CONCENTRATION * shares
    log_evidence = float(
        gammaln(prior.sum()) - gammaln(prior.sum() + observed.sum())
        + (gammaln(prior + observed) - gammaln(prior)).sum()
        - (observed * np.log(shares)).sum()
    )  # fmt: skip
    return min(1.0, exp(-min(log_evidence, 700.0))) if log_evidence > 0 else 1.0

"""How good a score is at saying who will: reliability, discrimination, lift by decile."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np

from sevenfold.measures.statistics.intervals import Interval, share
from sevenfold.measures.statistics.special import Bools, Floats, normal_quantile


class Bin(NamedTuple):
    """Cases with like predictions: bounds, mean prediction, n, hits, and the share that came true."""

    low: float
    high: float
    predicted: float
    n: int
    hits: int
    observed: Interval


def reliability(scores: Floats, outcomes: Bools, bins: int = 10, level: float = 0.95) -> list[Bin]:
    """Observed share by predicted value in `bins` of equal counts; equal scores stay together. Both (cases,).
    Intervals are Wilson's.
    """
    if len(scores) == 0:
        return []
    cuts = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    which = np.searchsorted(cuts, scores, side="right")
    found = []
    for number in np.unique(which):
        inside = which == number
        n, hits = int(inside.sum()), int(outcomes[inside].sum())
        values = scores[inside]
        found.append(
            Bin(
                float(values.min()), float(values.max()), float(values.mean()), n, hits, share(hits, n, level)
            )
        )
    return found


def expected_calibration_error(found: list[Bin]) -> float:
    """Mean distance of prediction and share over bins, weighted by cases. Naeini et al. (2015), AAAI."""
    total = sum(each.n for each in found)
    return sum(each.n * abs(each.predicted - each.observed.value) for each in found) / total if total else 0.0


def brier(probabilities: Floats, outcomes: Bools) -> float:
    """Mean squared error of probabilities. Brier (1950)."""
    return float(np.mean((probabilities - outcomes) ** 2))


def _midranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[where.reshape(-1)], dtype=np.float64)


def auc(scores: Floats, outcomes: Bools, level: float = 0.95) -> Interval:
    """Area under the ROC curve: how often a case that came true had the higher score. DeLong, DeLong and
    Clarke-Pearson (1988), Biometrics 44, by midranks (Sun and Xu 2014); the interval on the logit scale keeps
    within 0 and 1. NaN where all came true or none.
    """
    outcomes = np.asarray(outcomes, dtype=bool)
    m, n = int(outcomes.sum()), int((~outcomes).sum())
    if m == 0 or n == 0:
        return Interval(float("nan"), 0.0, 1.0)
    ranks = _midranks(scores)
    positive, negative = scores[outcomes], scores[~outcomes]
    value = float((ranks[outcomes].sum() - m * (m + 1) / 2) / (m * n))
    of_positive = (ranks[outcomes] - _midranks(positive)) / n
    of_negative = 1.0 - (ranks[~outcomes] - _midranks(negative)) / m
    if m < 2 or n < 2:
        return Interval(value, 0.0, 1.0)
    error = sqrt(float(np.var(of_positive, ddof=1)) / m + float(np.var(of_negative, ddof=1)) / n)
    z = normal_quantile(0.5 + level / 2)
    if error == 0.0 or value in (0.0, 1.0):
        # Perfect separation has no spread to estimate: what a share of all pairs would leave in doubt.
        bound = share(value * min(m, n), min(m, n), level)
        return Interval(value, bound.low, bound.high)
    logit, spread = log(value / (1 - value)), z * error / (value * (1 - value))
    return Interval(value, 1 / (1 + exp(spread - logit)), 1 / (1 + exp(-spread - logit)))


class Lift(NamedTuple):
    """One tenth of the cases, highest scores first: n, hits, share, lift over all, and hits so far as a share
    of all hits.
    """

    number: int
    low: float
    high: float
    n: int
    hits: int
    observed: Interval
    lift: float
    captured: float


def lift_by_decile(scores: Floats, outcomes: Bools, parts: int = 10, level: float = 0.95) -> list[Lift]:
    """Cases by falling score in `parts` of equal size (ties in the given order), and how many times the
    overall share each has.
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    overall, found, taken = float(np.mean(outcomes)) if len(outcomes) else 0.0, [], 0
    for number, part in enumerate(np.array_split(order, parts), start=1):
        if len(part) == 0:
            continue
        hits = int(outcomes[part].sum())
        taken += hits
        observed = share(hits, len(part), level)
        total = overall * len(outcomes)
        times = observed.value / overall if overall else float("nan")
        captured = taken / total if total else float("nan")
        found.append(
            Lift(
                number, float(scores[part].min()), float(scores[part].max()), len(part), hits, observed,
                times, captured,
            )
        )  # fmt: skip
    return found

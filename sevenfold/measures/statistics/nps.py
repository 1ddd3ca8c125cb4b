"""The Net Promoter Score: share of 9s and 10s less share of 0s to 6s, in points."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from sevenfold.measures.statistics.intervals import Interval
from sevenfold.measures.statistics.special import Floats, normal_quantile

PROMOTER_MIN, DETRACTOR_MAX, TOP = 9, 6, 10


class Score(NamedTuple):
    """Answers by kind, those that are no answer (blank, or no whole number of 0..10), and the score in
    points.
    """

    promoters: int
    passives: int
    detractors: int
    invalid: int
    score: Interval

    @property
    def n(self) -> int:
        """Answers counted."""
        return self.promoters + self.passives + self.detractors


def of_counts(
    promoters: float, passives: float, detractors: float, level: float = 0.95, effective: float | None = None
) -> Interval:
    """Score of counts (or sums of weights, with the `effective` number of answers), -100..100.

    The interval is the adjusted Wald interval of Rocks (2016), "Interval estimation for the Net Promoter
    Score", The American Statistician 70(4): three answers added, spread over the kinds, which covers well
    even when all answers are alike.
    """
    total = promoters + passives + detractors
    if total <= 0:
        return Interval(float("nan"), -100.0, 100.0)
    n = total if effective is None else effective
    value = (promoters - detractors) / total
    p = (promoters / total * n + 0.75) / (n + 3)
    d = (detractors / total * n + 0.75) / (n + 3)
    half = normal_quantile(0.5 + level / 2) * sqrt(max(p + d - (p - d) ** 2, 0.0) / (n + 3))
    low, high = 100 * (p - d - half), 100 * (p - d + half)
    return Interval(100 * value, max(min(low, 100 * value), -100.0), min(max(high, 100 * value), 100.0))


def score(answers: Floats, weights: Floats | None = None, level: float = 0.95) -> Score:
    """Score of `answers` (people,); whatever is not a whole number from 0 to 10 counts as no answer.

    With `weights` the shares are weighted and the interval allows for it by Kish's effective number of
    answers.
    """
    valid = np.isfinite(answers) & (answers >= 0) & (answers <= TOP) & (answers == np.floor(answers))
    promoter = valid & (answers >= PROMOTER_MIN)
    detractor = valid & (answers <= DETRACTOR_MAX)
    passive = valid & ~promoter & ~detractor
    p, neutral, d = (int(kind.sum()) for kind in (promoter, passive, detractor))
    if weights is None:
        found = of_counts(p, neutral, d, level)
    else:
        used = weights[valid]
        squares = float((used**2).sum())
        effective = float(used.sum()) ** 2 / squares if squares else 0.0
        sums = [float(weights[kind].sum()) for kind in (promoter, passive, detractor)]
        found = of_counts(sums[0], sums[1], sums[2], level, effective)
    return Score(p, neutral, d, len(answers) - p - neutral - d, found)

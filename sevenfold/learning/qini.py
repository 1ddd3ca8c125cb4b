"""Does a ranking find those who change? The Qini curve, its areas, and intervals that allow for doubt.

Cases are sorted by predicted effect; at a share q of them, treating those first gains the sum of their
effects over all cases. A ranking that says nothing gains q times the effect of treating all. What lies
between the curve and that line is the **Qini** coefficient, what lies under the curve the **AUUC** (Radcliffe
2007; Radcliffe and Surry 2011); with doubly robust scores as effects this is the rank-weighted average
treatment effect of Yadlowsky, Fleming, Shah, Brunskill and Wager (JASA 2025), whose bootstrap over units
stands here. Both are in outcomes per case: a Qini of 0.004 is four more outcomes in a thousand, averaged over
all shares, than as many treated by lot. Definitions of others differ in scale; the sign does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .encoding import Floats

DRAWS: Final = 400
POINTS: Final = 20
"""Points of the curve that are shown."""


@dataclass(frozen=True)
class Span:
    """A figure between bounds."""

    value: float
    low: float
    high: float

    @property
    def above(self) -> bool:
        """Whether it is above 0 beyond doubt."""
        return self.low > 0

    @property
    def below(self) -> bool:
        """Whether it is below 0 beyond doubt."""
        return self.high < 0


@dataclass(frozen=True)
class Curve:
    """``share`` of cases treated, the ``gain`` in outcomes a case with its bounds, and the gain ``by_lot``,
    each (points,); the areas ``qini`` and ``auuc``; ``effect`` is that of treating all.
    """

    share: Floats
    gain: Floats
    gain_low: Floats
    gain_high: Floats
    by_lot: Floats
    qini: Span
    auuc: Span
    effect: Span


def curve(
    ranking: Floats, score: Floats, *, units: NDArray[np.int64] | None = None, level: float = 0.95,
    draws: int = DRAWS, seed: int = 0,
) -> Curve:  # fmt: skip
    """The curve of a ranking, highest first. ``score`` are doubly robust effects, both (n,); equal ranks
    share their mean, so that a ranking that tells nobody apart gains nothing. Bounds are by a bootstrap of
    cases, or of ``units`` where they go together, with the ranking held fixed: it was made without these
    outcomes.
    """
    order = np.argsort(-ranking, kind="stable")
    ties = np.concatenate([[0], np.cumsum(np.diff(ranking[order]) != 0)]) if len(order) else order
    ordered = score[order]
    places = None if units is None else np.unique(units, return_inverse=True)[1][order]
    at = _marks(len(order))
    value = _areas(ordered, np.ones(len(order)), ties, at)
    chance = np.random.Generator(np.random.PCG64(seed))
    drawn = np.array([_areas(ordered, _weights(chance, len(order), places), ties, at) for _ in range(draws)])
    tail = (1 - level) / 2
    # Centred on the estimate: the plain bootstrap's bounds lean where the curve bends.
    spread = np.quantile(drawn - drawn.mean(axis=0), [tail, 1 - tail], axis=0)
    low, high = value + spread[0], value + spread[1]
    spans = [Span(float(v), float(a), float(b)) for v, a, b in zip(value, low, high, strict=True)]
    points = len(at)
    share = (at + 1) / len(order)
    return Curve(
        share, value[3 : 3 + points], low[3 : 3 + points], high[3 : 3 + points], share * value[2],
        spans[0], spans[1], spans[2],
    )  # fmt: skip


def _marks(n: int) -> NDArray[np.int64]:
    return np.unique(np.ceil(np.linspace(1, n, POINTS + 1)).astype(np.int64) - 1)[-POINTS:]


def _weights(chance: np.random.Generator, n: int, places: NDArray[np.int64] | None) -> Floats:
    """How often each case was drawn; those of one unit are drawn together."""
    if places is None:
        return np.bincount(chance.integers(0, n, n), minlength=n).astype(np.float64)
    units = int(places.max()) + 1
    return np.bincount(chance.integers(0, units, units), minlength=units).astype(np.float64)[places]


def _areas(score: Floats, weight: Floats, ties: NDArray[np.int64], at: NDArray[np.int64]) -> Floats:
    """[qini, auuc, effect of all, gains at the marks]."""
    groups = int(ties[-1]) + 1
    total = weight.sum()
    if groups < len(score):
        sums, sizes = np.bincount(ties, weight * score, groups), np.bincount(ties, weight, groups)
        mean = np.divide(sums, sizes, out=np.zeros(groups), where=sizes > 0)
        gains = np.cumsum(weight * mean[ties]) / total
    else:
        gains = np.cumsum(weight * score) / total
    share = np.cumsum(weight) / total
    effect = gains[-1]
    step = weight / total
    auuc = float(np.sum(step * gains))
    qini = auuc - effect * float(np.sum(step * share))
    return np.concatenate([[qini, auuc, effect], gains[at]])

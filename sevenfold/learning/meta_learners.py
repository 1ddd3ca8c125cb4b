"""Who changes because of an action: effects of single cases, each from models that have not seen the case.

Three ways to make regressions of outcomes into effects (Kuenzel, Sekhon, Bickel and Yu, PNAS 2019; Kennedy,
Electronic Journal of Statistics 2023):

* **T**: one model of the treated, one of the others; the effect is the difference of what they predict.
* **X**: the others' model fills in what the treated would have done and the other way round; two models of
  these differences, weighed by the propensity. Good where one arm is small.
* **DR**: a model of the doubly robust scores below. Right on average where the propensities are, whatever
  the models of outcomes miss.

The *score* of a case is its doubly robust effect (Robins and Rotnitzky, JASA 1995): noisy for one, unbiased
in the mean of any group that was chosen without its outcomes. Everything that is claimed of effects is a mean
of scores; models only say how to group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .encoding import Floats, folds_of, standardised

Learner = Literal["t", "x", "dr"]
Models = Literal["auto", "trees", "linear"]
TREES_ROWS_MIN: Final = 5_000
"""Cases from which on trees are taken by themselves; below, a straight line misses less: our judgement."""
_ARM_ROWS_MIN: Final = 30
"""Cases of each arm below which nothing is fitted: our judgement."""
_SHARE_OF_HOLD: Final = 0.02
"""Ridge penalty as a share of the cases: mild, for a straight line of few features."""


class Regression(Protocol):
    """A model of a number: ``fit(features (n, d), values (n,))`` and ``predict(features)``."""

    def fit(self, features: Floats, values: Floats) -> Regression: ...

    def predict(self, features: Floats) -> Floats: ...


@dataclass(frozen=True)
class Effects:
    """Of each case, (n,): the predicted ``effect``, the outcome predicted ``untreated`` and ``treated``, and
    the doubly robust ``score``; ``propensity`` is the chance with which it was treated.
    """

    effect: Floats
    untreated: Floats
    treated: Floats
    score: Floats
    propensity: Floats


def regression(models: Models, n: int, seed: int) -> Regression:
    """A fresh model for ``n`` cases. Trees are shallow and learn slowly: effects are small, noise large."""
    # Imported here: it takes seconds, and most commands learn nothing.
    if models == "trees" or (models == "auto" and n >= TREES_ROWS_MIN):
        from sklearn.ensemble import HistGradientBoostingRegressor  # type: ignore[import-untyped]

        least = max(20, n // 100)
        trees: Regression = HistGradientBoostingRegressor(
            max_iter=60, learning_rate=0.06, max_leaf_nodes=6, min_samples_leaf=least, l2_regularization=1.0,
            early_stopping=False, random_state=seed,
        )  # fmt: skip
        return trees
    from sklearn.linear_model import Ridge  # type: ignore[import-untyped]

    line: Regression = Ridge(alpha=max(1.0, _SHARE_OF_HOLD * n))
    return line


def effects(
    features: Floats, treated: NDArray[np.bool_], outcome: Floats, propensity: Floats,
    *, learner: Learner = "dr", models: Models = "auto", units: NDArray[np.int64] | None = None,
    folds: int = 5, seed: int = 0,
) -> Effects:  # fmt: skip
    """Cross-fitted effects: each case by models that were fitted on the other folds.

    ``features`` (n, d), NaN where unknown; ``treated`` (n,); ``outcome`` (n,); ``propensity`` (n,) the chance
    with which each case was treated, in (0, 1). Cases of one of ``units`` stay in one fold. Raises InputError
    for arms that are too small or propensities that are none.
    """
    n = len(outcome)
    if np.any((propensity <= 0) | (propensity >= 1)):
        raise InputError("Somebody was always or never treated", fix="leave out those without a chance")
    if min(int(treated.sum()), int((~treated).sum())) < _ARM_ROWS_MIN:
        raise InputError(
            f"{int(treated.sum()):,} treated and {int((~treated).sum()):,} others are too few to learn from",
            fix=f"at least {_ARM_ROWS_MIN} of each",
        )
    known = standardised(features)
    fold = folds_of(units, n, folds, seed)
    effect, low, high = np.zeros(n), np.zeros(n), np.zeros(n)
    for one in range(folds):
        rest, here = fold != one, fold == one
        if not here.any():
            continue
        case = _Cases(known[rest], treated[rest], outcome[rest], propensity[rest], models, seed)
        outcomes = case.outcomes()
        low[here], high[here] = outcomes.untreated(known[here]), outcomes.treated(known[here])
        if learner == "t":
            effect[here] = high[here] - low[here]
        elif learner == "x":
            effect[here] = case.crossed(outcomes, known[here], propensity[here])
        else:
            effect[here] = case.robust().predict(known[here])
    score = doubly_robust(outcome, treated, propensity, low, high)
    return Effects(effect, low, high, score, propensity)


def doubly_robust(
    outcome: Floats, treated: NDArray[np.bool_], propensity: Floats, untreated: Floats, as_treated: Floats
) -> Floats:
    """The doubly robust effect of each case, (n,), from outcomes predicted without it."""
    corrected = np.where(
        treated, (outcome - as_treated) / propensity, -(outcome - untreated) / (1.0 - propensity)
    )
    return np.asarray(as_treated - untreated + corrected, dtype=np.float64)


@dataclass(frozen=True)
class _Outcomes:
    """Models of the outcome with and without treatment."""

    without: Regression
    with_: Regression

    def untreated(self, features: Floats) -> Floats:
        return np.asarray(self.without.predict(features), dtype=np.float64)

    def treated(self, features: Floats) -> Floats:
        return np.asarray(self.with_.predict(features), dtype=np.float64)


@dataclass(frozen=True)
class _Cases:
    """The cases that models of one fold may see."""

    features: Floats
    treated: NDArray[np.bool_]
    outcome: Floats
    propensity: Floats
    models: Models
    seed: int

    def outcomes(self) -> _Outcomes:
        def of(arm: NDArray[np.bool_]) -> Regression:
            fresh = regression(self.models, int(arm.sum()), self.seed)
            return fresh.fit(self.features[arm], self.outcome[arm])

        return _Outcomes(of(~self.treated), of(self.treated))

    def crossed(self, outcomes: _Outcomes, features: Floats, propensity: Floats) -> Floats:
        """The X learner's effect for ``features``."""
        arm = self.treated
        gained = self.outcome[arm] - outcomes.untreated(self.features[arm])
        missed = outcomes.treated(self.features[~arm]) - self.outcome[~arm]
        of_treated = regression(self.models, int(arm.sum()), self.seed).fit(self.features[arm], gained)
        of_others = regression(self.models, int((~arm).sum()), self.seed).fit(self.features[~arm], missed)
        found = propensity * of_others.predict(features) + (1 - propensity) * of_treated.predict(features)
        return np.asarray(found, dtype=np.float64)

    def robust(self) -> Regression:
        """The DR learner: a model of scores, made with models of outcomes from the other half."""
        n = len(self.outcome)
        half = np.random.Generator(np.random.PCG64(self.seed + 1)).permutation(n) % 2
        scores = np.zeros(n)
        for one in (0, 1):
            fit, here = half != one, half == one
            outcomes = _Cases(
                self.features[fit], self.treated[fit], self.outcome[fit], self.propensity[fit], self.models,
                self.seed,
            ).outcomes()  # fmt: skip
            scores[here] = doubly_robust(
                self.outcome[here], self.treated[here], self.propensity[here],
                outcomes.untreated(self.features[here]), outcomes.treated(self.features[here]),
            )  # fmt: skip
        return regression(self.models, n, self.seed).fit(self.features, scores)

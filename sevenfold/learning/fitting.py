"""Fitting: what scikit-learn finds, as models of our own. Deterministic: one thread, fixed seeds, rows in
order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from .models import Blend, Floats, Linear, Model, Tree, Trees, standardised

Bools = NDArray[np.bool_]
Family = Literal["linear", "trees", "blend"]
FAMILIES: Final[tuple[Family, ...]] = ("linear", "trees", "blend")
_KNOTS: Final = (-0.67, 0.0, 0.67)
"""Where a standardised feature may bend: about its quartiles."""
_HOLD: Final = 3.0
"""Strength of the ridge, in rows: a coefficient of 1 costs as much as half of it in log-likelihood."""
_MISSING_MIN: Final = 0.01
"""Share of unknown values from which being unknown counts by itself."""
_LINEAR_ROWS_MAX: Final = 20_000
"""Rows that a linear model is fitted on: more make it no better. They are taken evenly from all."""
_ROUNDS: Final = 120
_RATE: Final = 0.06
_LEAVES: Final = 8
_DEPTH: Final = 4
"""Features on the way to a leaf: their Shapley values are worked out one by one."""
_LEAF_ROWS_MIN: Final = 20


def fit(family: Family, x: Floats, y: Bools, *, hold: float = _HOLD) -> Model:
    """A model of one family for (n, d) features, NaN where unknown, and (n,) outcomes, both kinds present.

    linear: logistic regression with a ridge over standardised features, three hinges each and what being
    unknown means. trees: histogram gradient boosting. blend: the mean of both.
    """
    if family == "linear":
        return _linear(x, y, hold)
    if family == "trees":
        return _trees(x, y)
    return Blend(((0.5, _linear(x, y, hold)), (0.5, _trees(x, y))))


def _linear(x: Floats, y: Bools, hold: float) -> Linear:
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    d = x.shape[1]
    logs, means, spreads = [], [], []
    basis: list[Floats] = []
    owner: list[tuple[int, int]] = []
    """Of each column of the basis: its feature, and 0 for z, 1 to 3 for hinges, -1 for unknown."""
    for j in range(d):
        column = np.ascontiguousarray(x[:, j])
        log, mean, spread = _scale(column)
        logs.append(log)
        means.append(mean)
        spreads.append(spread)
        if spread != 1.0 or mean != 0.0:
            z = standardised(column, log, mean, spread)
            basis.append(z)
            owner.append((j, 0))
            # What is only yes or no cannot bend.
            if len(np.unique(z[:2_000])) > 4:
                for number, knot in enumerate(_KNOTS, start=1):
                    basis.append(np.where(np.isnan(column), 0.0, np.maximum(z - knot, 0.0)))
                    owner.append((j, number))
        unknown = np.isnan(column)
        share = float(unknown.mean()) if len(column) else 0.0
        if _MISSING_MIN <= share <= 1 - _MISSING_MIN:
            basis.append(unknown.astype(np.float64))
            owner.append((j, -1))
    weights: dict[tuple[int, int], float] = {}
    intercept = float(np.log(y.mean() / (1 - y.mean())))
    if basis:
        taken = slice(None, None, -(-len(y) // _LINEAR_ROWS_MAX))
        table = np.column_stack([one[taken] for one in basis])
        fitted = LogisticRegression(C=1.0 / hold, solver="newton-cholesky", max_iter=100, tol=1e-6)
        with one_thread():
            fitted.fit(table, y[taken])
        weights = dict(zip(owner, fitted.coef_[0].tolist(), strict=True))
        intercept = float(fitted.intercept_[0])
    return _centred(x, logs, means, spreads, weights, intercept)


def _centred(
    x: Floats, logs: list[bool], means: list[float], spreads: list[float],
    weights: dict[tuple[int, int], float], intercept: float,
) -> Linear:  # fmt: skip
    """The model with what each feature adds on average moved to the intercept."""
    d = x.shape[1]
    hinges = tuple(
        tuple((knot, weights[j, k]) for k, knot in enumerate(_KNOTS, start=1) if (j, k) in weights)
        for j in range(d)
    )
    plain = Linear(
        logs=tuple(logs), mean=tuple(means), spread=tuple(spreads),
        weight=tuple(weights.get((j, 0), 0.0) for j in range(d)), hinges=hinges,
        missing=tuple(weights.get((j, -1), 0.0) for j in range(d)), centre=(0.0,) * d, intercept=intercept,
    )  # fmt: skip
    centre = tuple(float(plain.part(j, x[:, j]).mean()) for j in range(d))
    moved = intercept
    for one in centre:
        moved += one
    return Linear(
        plain.logs, plain.mean, plain.spread, plain.weight, plain.hinges, plain.missing, centre, moved
    )


def _scale(column: Floats) -> tuple[bool, float, float]:
    """(logarithm?, mean, spread); (False, 0, 1) for what does not vary."""
    known = column[~np.isnan(column)]
    if len(known) == 0 or float(known.min()) == float(known.max()):
        return False, 0.0, 1.0
    bent = np.sign(known) * np.log1p(np.abs(known))
    log = _skewness(known) > 1.5 and _skewness(bent) < _skewness(known)
    value = bent if log else known
    spread = float(value.std())
    return (log, float(value.mean()), spread) if spread > 0 else (False, 0.0, 1.0)


def _skewness(values: Floats) -> float:
    spread = float(values.std())
    return abs(float((((values - values.mean()) / spread) ** 3).mean())) if spread > 0 else 0.0


def _trees(x: Floats, y: Bools) -> Trees:
    from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]

    n = len(y)
    fitted = HistGradientBoostingClassifier(
        max_iter=_ROUNDS, learning_rate=_RATE, max_leaf_nodes=_LEAVES, l2_regularization=1.0,
        min_samples_leaf=max(_LEAF_ROWS_MIN, n // 2_000), early_stopping=False, random_state=0,
        max_depth=_DEPTH, max_features=0.5,
    )  # fmt: skip
    with one_thread():
        fitted.fit(x, y)
    base = float(np.asarray(fitted._baseline_prediction).reshape(-1)[0])
    return Trees(base, tuple(_tree_of(round_[0].nodes) for round_ in fitted._predictors))


def _tree_of(nodes: Any) -> Tree:
    """A tree of scikit-learn: its nodes as it keeps them."""
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        feature=tuple(np.where(leaf, -1, nodes["feature_idx"]).astype(int).tolist()),
        threshold=tuple(np.where(leaf, 0.0, nodes["num_threshold"]).tolist()),
        unknown_left=tuple(nodes["missing_go_to_left"].astype(bool).tolist()),
        left=tuple(nodes["left"].astype(int).tolist()),
        right=tuple(nodes["right"].astype(int).tolist()),
        value=tuple(nodes["value"].tolist()),
        cover=tuple(nodes["count"].astype(int).tolist()),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in threads differ in their last bits from run to run."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=1):
        yield

"""The reward that a decision would bring, predicted without the decision itself: what DR needs."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Floats = NDArray[np.float64]
_HOLD: Final = 10.0
"""How strongly coefficients are held towards zero (ridge), in decisions' worth of standardised features."""


def cross_fitted(
    context: Floats,
    action: NDArray[np.int64],
    reward: Floats,
    policy: Floats,
    *,
    folds: int = 5,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """(prediction for the action taken, expectation under the policy), each (n,).

    ``context`` is (n, d), NaN where unknown; ``action`` (n,) numbers 0 to k - 1; ``policy`` (n, k) or (k,)
    the probabilities with which the policy would choose. Each decision is predicted by a model that was
    fitted on the other folds (Chernozhukov et al., Econometrics Journal 2018), so its own outcome is not in
    it: a ridge regression on context, action, and context by action. It may predict outside the range of
    rewards, which DR does not mind. Raises InputError for fewer decisions than two a fold.
    """
    n, count = len(reward), policy.shape[-1]
    if n < folds * 2:
        raise InputError(f"{n} decisions are too few to predict rewards from", fix=f"at least {folds * 2}")
    shares = np.broadcast_to(policy, (n, count))
    standard = _standardised(context)
    fold = np.random.Generator(np.random.PCG64(seed)).permutation(n) % folds
    taken, expected = np.empty(n), np.zeros(n)
    for one in range(folds):
        fit, rest = fold != one, fold == one
        weights = _fitted(_features(standard[fit], action[fit], count), reward[fit])
        taken[rest] = _features(standard[rest], action[rest], count) @ weights
        for choice in np.flatnonzero(shares[rest].any(axis=0)):
            chosen = np.full(int(rest.sum()), choice)
            expected[rest] += shares[rest, choice] * (_features(standard[rest], chosen, count) @ weights)
    return taken, expected


def _standardised(context: Floats) -> Floats:
    """Columns of mean 0 and spread 1; what is unknown is average."""
    mean = np.nanmean(context, axis=0) if len(context) else np.zeros(context.shape[1])
    spread = np.nanstd(context, axis=0)
    found = (context - mean) / np.where(spread > 0, spread, 1.0)
    return np.nan_to_num(found, nan=0.0)


def _features(context: Floats, action: NDArray[np.int64], count: int) -> Floats:
    n, width = context.shape
    by_action = np.zeros((n, count, width + 1))
    by_action[np.arange(n), action, 0] = 1.0
    by_action[np.arange(n), action, 1:] = context
    return np.column_stack([np.ones(n), context, by_action.reshape(n, -1)])


def _fitted(features: Floats, reward: Floats) -> Floats:
    held = np.full(features.shape[1], _HOLD)
    held[0] = 0.0
    return np.asarray(np.linalg.solve(features.T @ features + np.diag(held), features.T @ reward), np.float64)

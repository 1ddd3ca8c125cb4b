"""A policy for the next best action, learned from logged choices.

Doubly robust (Dudik, Langford and Li, ICML 2011; as policy learning Athey and Wager, Econometrica 2021): each
action's reward is predicted by a model that has not seen the choice (cross-fitting), and corrected where the
action was taken by the error, divided by the probability with which it had been chosen. A line through those
corrected rewards is the action's score; the best score wins. What the policy would have brought is estimated
on choices that its lines were not drawn through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..limits import OFF_POLICY_OUTCOMES_ITEMS_MIN
from .action_model import WEIGHT, ActionModel
from .bandits import MILLION
from .logged_choices import LoggedChoices, matrix

Floats = NDArray[np.float64]
DECISIONS_MIN: Final = 200
"""Choices below which no policy is trained; our judgement."""
ACTION_DECISIONS_MIN: Final = 20
"""Times that an action must have been taken to get a score of its own; else it promises what all do."""
_HOLD: Final = 10.0
"""How strongly lines are held flat (ridge), in decisions' worth of standardised features."""
_Z: Final = 1.959964


@dataclass(frozen=True)
class Trained:
    """A policy, and what it would have brought against what was logged: reward a choice, 95% intervals."""

    model: ActionModel
    value: float
    value_low: float
    value_high: float
    logged: float
    gain: float
    gain_low: float
    gain_high: float
    decisions: int
    shares: dict[str, float] = field(default_factory=dict)
    """How often the policy would take each action."""

    @property
    def better(self) -> bool:
        """Whether the policy beats what was logged beyond its interval."""
        return self.gain_low > 0

    def record(self, policy: str) -> dict[str, Any]:
        """The control record that hands the policy in."""
        return {"op": "policy_model", "policy": policy, **msgspec.to_builtins(self.model)}


def train(
    logged: LoggedChoices, *, features: list[str] | None = None, folds: int = 5, temperature: float = 0.0,
    trained_at: int = 0, as_of: int = 0, seed: int = 0,
) -> Trained:  # fmt: skip
    """A policy of linear scores over the logged context. `temperature` is in rewards; 0: the best takes all.

    Raises InputError for fewer than `DECISIONS_MIN` choices, or `OFF_POLICY_OUTCOMES_ITEMS_MIN` rewards.
    """
    names = list(logged.context) if features is None else features
    if unknown := [name for name in names if name not in logged.context]:
        raise InputError(f"`{unknown[0]}` was not logged", where="features", fix=", ".join(logged.context))
    n, reward = len(logged), np.asarray(logged.reward, np.float64)
    if n < DECISIONS_MIN or reward.sum() < OFF_POLICY_OUTCOMES_ITEMS_MIN:
        raise InputError(
            f"{n:,} choices with {int(reward.sum())} rewards are too few to train a policy from",
            fix=f"at least {DECISIONS_MIN} choices and {OFF_POLICY_OUTCOMES_ITEMS_MIN} rewards",
        )
    options = logged.options
    scale = _Scale.of(matrix(logged, names))
    x = scale.standard(matrix(logged, names))
    chances = np.array([[one.get(name, 0) for name in options] for one in logged.propensities]) / MILLION
    taken = np.array([options.index(name) for name in logged.chosen])
    people = np.unique(np.asarray(logged.subject), return_inverse=True)[1]
    fold = np.random.Generator(np.random.PCG64(seed)).permutation(people.max() + 1)[people] % folds
    gamma = _corrected(x, taken, chances, reward, fold, folds)
    lines = _lines(x, gamma, chances, taken)
    chosen, value = _held_out(x, gamma, chances, taken, fold, folds)
    gain = value - reward
    center, error = float(value.mean()), _error(value, people)
    more, of_gain = float(gain.mean()), _error(gain, people)
    model = _model(names, options, lines, scale, gamma, chances, taken, temperature)
    shares = {name: float((chosen == place).mean()) for place, name in enumerate(options)}
    found = Trained(
        model, center, center - _Z * error, center + _Z * error, float(reward.mean()), more,
        more - _Z * of_gain, more + _Z * of_gain, n, shares,
    )  # fmt: skip
    return _sealed(found, trained_at, as_of)


@dataclass(frozen=True)
class _Scale:
    """How features are standardised: what is unknown is average, what is extreme is held."""

    mean: Floats
    spread: Floats
    low: Floats
    high: Floats

    @staticmethod
    def of(context: Floats) -> _Scale:
        known = np.where(np.isnan(context).all(axis=0), 0.0, context) if len(context) else context
        low = np.floor(np.nanquantile(known, 0.005, axis=0)) if known.shape[1] else np.zeros(0)
        high = np.ceil(np.nanquantile(known, 0.995, axis=0)) if known.shape[1] else np.zeros(0)
        held = np.clip(known, low, high)
        mean = np.asarray(np.nanmean(held, axis=0), np.float64)
        spread = np.asarray(np.nanstd(held, axis=0), np.float64)
        return _Scale(np.round(mean), np.where(spread > 0, spread, 1.0), low, high)

    def standard(self, context: Floats) -> Floats:
        held = np.clip(context, self.low, self.high)
        return np.nan_to_num((held - self.mean) / self.spread, nan=0.0)


def _ridge(x: Floats, y: Floats) -> Floats:
    design = np.column_stack([np.ones(len(x)), x])
    held = np.full(design.shape[1], _HOLD)
    held[0] = 1e-9
    return np.asarray(np.linalg.solve(design.T @ design + np.diag(held), design.T @ y), np.float64)


def _read(x: Floats, line: Floats) -> Floats:
    return np.asarray(line[0] + x @ line[1:], np.float64)


def _corrected(
    x: Floats, taken: NDArray[np.int64], chances: Floats, reward: Floats, fold: NDArray[np.int64], folds: int
) -> Floats:
    """The doubly robust reward of every action in every choice, (n, k)."""
    n, count = chances.shape
    gamma = np.zeros((n, count))
    for one in range(folds):
        fit, rest = fold != one, fold == one
        for action in range(count):
            mine = fit & (taken == action)
            enough = int(mine.sum()) >= ACTION_DECISIONS_MIN
            line = _ridge(x[mine], reward[mine]) if enough else _ridge(x[fit], reward[fit])
            gamma[rest, action] = _read(x[rest], line)
    rows = np.arange(n)
    gamma[rows, taken] += (reward - gamma[rows, taken]) / chances[rows, taken]
    return gamma


def _lines(x: Floats, gamma: Floats, chances: Floats, taken: NDArray[np.int64]) -> list[Floats]:
    """A line for each action, through the choices in which it was allowed."""
    found = []
    for action in range(gamma.shape[1]):
        allowed = chances[:, action] > 0
        line = _ridge(x[allowed], gamma[allowed, action])
        if int((taken == action).sum()) < ACTION_DECISIONS_MIN:
            line = np.concatenate((line[:1], np.zeros(x.shape[1])))
        found.append(line)
    return found


def _held_out(
    x: Floats, gamma: Floats, chances: Floats, taken: NDArray[np.int64], fold: NDArray[np.int64], folds: int
) -> tuple[NDArray[np.int64], Floats]:
    """(the action that a policy takes which has not seen the choice, its corrected reward), both (n,)."""
    chosen = np.zeros(len(x), np.int64)
    for one in range(folds):
        fit, rest = fold != one, fold == one
        lines = _lines(x[fit], gamma[fit], chances[fit], taken[fit])
        scores = np.column_stack([_read(x[rest], line) for line in lines])
        chosen[rest] = np.where(chances[rest] > 0, scores, -np.inf).argmax(axis=1)
    return chosen, gamma[np.arange(len(x)), chosen]


def _error(each: Floats, people: NDArray[np.int64]) -> float:
    """Standard error of a mean over choices of which one person's go together."""
    sums = np.bincount(people, weights=each - each.mean())
    units = len(sums)
    return math.sqrt(float((sums**2).sum()) * units / max(units - 1, 1)) / len(each)


def _model(
    names: list[str], options: list[str], lines: list[Floats], scale: _Scale, gamma: Floats, chances: Floats,
    taken: NDArray[np.int64], temperature: float,
) -> ActionModel:  # fmt: skip
    actions, errors, decisions = dict[str, list[int]](), dict[str, int](), dict[str, int]()
    for place, name in enumerate(options):
        weights = [round(float(w) * WEIGHT * MILLION) for w in lines[place][1:] / scale.spread]
        shift = sum(w * int(m) for w, m in zip(weights, scale.mean, strict=True)) // WEIGHT
        actions[name] = [round(float(lines[place][0]) * MILLION) - shift, *weights]
        mine = gamma[chances[:, place] > 0, place]
        errors[name] = round(float(mine.std()) / math.sqrt(max(len(mine), 1)) * MILLION)
        decisions[name] = int((taken == place).sum())
    return ActionModel(
        version="", features=names, actions=actions, missing=[int(one) for one in scale.mean],
        low=[int(one) for one in scale.low], high=[int(one) for one in scale.high],
        temperature=round(temperature * MILLION), errors=errors, decisions=decisions,
    )  # fmt: skip


def _sealed(found: Trained, trained_at: int, as_of: int) -> Trained:
    """The same with its version (a digest of what decides), and its quality in words."""
    model = found.model
    content = msgspec.json.encode([model.features, model.actions, model.missing, model.low, model.high])
    model.version = blake2b(content + str(model.temperature).encode(), digest_size=8).hexdigest()
    model.trained_at, model.as_of = trained_at, as_of
    because = (
        f"which would have brought {found.value:.2%} ({found.value_low:.2%} to {found.value_high:.2%}) of "
        f"rewards against {found.logged:.2%}, from {found.decisions:,} choices"
    )
    model.quality = {
        "because": because, "value": found.value, "low": found.value_low, "high": found.value_high,
        "logged": found.logged, "gain": found.gain, "gain_low": found.gain_low, "gain_high": found.gain_high,
        "decisions": found.decisions, "better": found.better,
    }  # fmt: skip
    return found


__all__ = ["ACTION_DECISIONS_MIN", "DECISIONS_MIN", "Trained", "train"]

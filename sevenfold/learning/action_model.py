"""A policy for the next best action as a record of integers: a linear score for each action over the context,
and shares made of scores. Trained outside (`next_best_action`), applied in the fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import mul
from typing import Any, Final

import msgspec

from ..errors import SevenfoldError
from ..limits import CHOICE_ACTIONS_ITEMS_MAX, CHOICE_CONTEXT_ITEMS_MAX, NUMBER_MAGNITUDE_MAX
from .bandits import MILLION, rounded
from .fixed import ONE, exp2_down

WEIGHT: Final = 10**12
"""Weights are in 1e-18 of a reward for each unit of a feature; so much of their sum is 1e-6."""
_LOG2_E: Final = 6_196_328_019
"""The binary logarithm of e in fixed point."""
_MOST: Final = 10**24


class ActionModelError(SevenfoldError):
    """A record of a policy that cannot be applied."""

    code = "bad_policy"


class ActionModel(msgspec.Struct, kw_only=True):
    """The content of a record `policy_model`.

    ``actions``: of each its bias (1e-6 of a reward) and its weights (see `WEIGHT`), one a feature.
    Features are in the fold's own units, held within ``low`` and ``high`` (what was seen in training), and
    ``missing`` where unknown. ``temperature`` is 0 (the best takes all that is not explored) or how much
    better (1e-6 of a reward) makes an action e times as likely. ``errors`` are standard errors of the mean
    rewards (1e-6), ``decisions`` how many each rests on.
    """

    version: str
    features: list[str]
    actions: dict[str, list[int]]
    missing: list[int]
    low: list[int]
    high: list[int]
    temperature: int = 0
    errors: dict[str, int] = {}
    decisions: dict[str, int] = {}
    trained_at: int = 0
    as_of: int = 0
    quality: dict[str, Any] = {}

    def held(self, values: Sequence[int | None]) -> list[int]:
        """The values as they are weighed: what is unknown as `missing`, all within their bounds."""
        bounds = zip(values, self.missing, self.low, self.high, strict=True)
        return [min(max(missing if x is None else x, low), high) for x, missing, low, high in bounds]

    def promise(self, action: str, held: Sequence[int]) -> int | None:
        """The reward that an action promises, in 1e-6; None for one that the model does not know."""
        weights = self.actions.get(action)
        return None if weights is None else weights[0] + sum(map(mul, weights[1:], held)) // WEIGHT

    def score(self, action: str, values: Sequence[int | None]) -> int | None:
        """`promise` of values as they are."""
        return self.promise(action, self.held(values))

    def shares(self, net: Mapping[str, int]) -> list[int]:
        """Shares of actions with such net scores, before anything is kept for exploring; the first written
        of equal ones is the best.
        """
        best = max(net.values())
        if not self.temperature:
            at = list(net.values()).index(best)
            return [MILLION if place == at else 0 for place in range(len(net))]
        # e^(-gap / temperature) as a power of two.
        return rounded([exp2_down((best - one) * _LOG2_E // self.temperature) for one in net.values()])


def model_of(given: Any) -> ActionModel:
    """The model in a record. Raises ActionModelError."""
    try:
        model = msgspec.convert(given, ActionModel)
    except msgspec.ValidationError as error:
        raise ActionModelError(
            f"the policy cannot be read: {error}", fix="see docs/guides/choices.md"
        ) from None
    width = len(model.features)
    if width > CHOICE_CONTEXT_ITEMS_MAX or not 0 < len(model.actions) <= CHOICE_ACTIONS_ITEMS_MAX:
        fix = f"at most {CHOICE_CONTEXT_ITEMS_MAX} features and 1 to {CHOICE_ACTIONS_ITEMS_MAX} actions"
        raise ActionModelError(f"{width} features and {len(model.actions)} actions", fix=fix)
    lists = (model.missing, model.low, model.high)
    if any(len(one) != width for one in lists) or any(len(w) != width + 1 for w in model.actions.values()):
        raise ActionModelError(
            "the lists do not have one number a feature", fix="weights begin with the bias"
        )
    if any(low > high for low, high in zip(model.low, model.high, strict=True)) or model.temperature < 0:
        raise ActionModelError("a bound or the temperature is none", fix="low <= high, temperature >= 0")
    numbers = [number for one in (*lists, *model.actions.values()) for number in one]
    if any(abs(number) > _MOST for number in numbers) or not model.version:
        raise ActionModelError("a number is out of bounds, or there is no version", fix=f"within {_MOST:.0e}")
    return model


assert NUMBER_MAGNITUDE_MAX < _MOST and ONE < _LOG2_E
__all__ = ["WEIGHT", "ActionModel", "ActionModelError", "model_of"]

"""Off-policy evaluation: what another policy would have brought, from decisions that were logged with their
propensities.

Each logged decision has the reward that came of it, the probability with which the action that was taken had
been chosen (its *propensity*), and the probability with which the policy in question would have chosen that
same action. Their ratio is the decision's weight.

* **IPS**, inverse propensity scoring: the mean of weight times reward. Unbiased where the propensities are
  right and every action the policy would take had a chance (Horvitz and Thompson, JASA 1952).
* **SNIPS**, self-normalised: divided by the mean weight instead of by one. Slightly biased, far steadier
  (Swaminathan and Joachims, NeurIPS 2015).
* **DR**, doubly robust: a model's prediction, corrected by the weighted errors where an outcome is known.
Right when either the model or the propensities are (Dudik, Langford and Li, ICML 2011).

The *effective sample size* is the number of equally weighted decisions that would be as informative,
(sum w)^2 / sum w^2 (Kish 1965). Where it is small, or the weights do not average one, or the policy takes
actions that were hardly ever taken, there is no answer: `evaluate` refuses and says what data it would take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit  # type: ignore[import-untyped]

from ..errors import InputError
from ..limits import OFF_POLICY_EFFECTIVE_ROWS_MIN, OFF_POLICY_OUTCOMES_ITEMS_MIN

Floats = NDArray[np.float64]
Method = Literal["ips", "snips", "dr"]
_FAR: float = 4.0
"""Standard errors by which the mean weight may miss one before the propensities are not believed."""


@dataclass(frozen=True)
class Logged:
    """Logged decisions, all arrays of length n: ``reward``, ``propensity`` in (0, 1], ``target`` in [0, 1].

    ``group`` marks decisions that go together (one person's, one account's), which the interval then allows
    for. ``predicted`` is a model's reward of the action taken and ``expected`` that of the policy's own
    choice, both made without the decision itself; they are needed for DR. Raises InputError.
    """

    reward: Floats
    propensity: Floats
    target: Floats
    group: NDArray[np.int64] | None = None
    predicted: Floats | None = None
    expected: Floats | None = None

    def __post_init__(self) -> None:
        n = len(self.reward)
        arrays = [self.propensity, self.target, self.group, self.predicted, self.expected]
        if any(one is not None and len(one) != n for one in arrays):
            raise InputError("The columns have different lengths", fix="pass one value a decision")
        if n == 0:
            raise InputError("There is no logged decision", fix="pass at least one")
        if not (np.all(np.isfinite(self.reward)) and np.all(np.isfinite(self.target))):
            raise InputError("A reward or a probability is no number", fix="leave those without one out")
        wrong = int(np.sum(~((self.propensity > 0) & (self.propensity <= 1))))
        if wrong:
            fix = "it is the probability with which the action taken had been chosen: above 0, at most 1"
            raise InputError(f"{wrong:,} of {n:,} decisions have a propensity that is none", fix=fix)
        if np.any((self.target < 0) | (self.target > 1)):
            raise InputError(
                "A probability of the policy lies outside 0 to 1",
                fix="give the probability of the action taken",
            )

    @property
    def weight(self) -> Floats:
        """Target over propensity, (n,)."""
        return self.target / self.propensity


@dataclass(frozen=True)
class Value:
    """The value of a policy by one method: reward a decision, with its interval."""

    method: Method
    value: float
    low: float
    high: float
    error: float
    """Standard error."""


@dataclass(frozen=True)
class Evaluation:
    """What can be said of a policy. ``values`` is empty where the data do not support an answer; ``refused``
    then says why, and ``needed`` what it would take.
    """

    n: int
    effective: float
    mean_weight: float
    largest_weight: float
    unsupported: float
    """Share of the policy's probability on actions that were never taken; 0 where it is not known."""
    logged: Value
    """What the logging policy itself brought, for comparison."""
    values: tuple[Value, ...] = ()
    refused: tuple[str, ...] = ()
    needed: tuple[str, ...] = field(default=())

    @property
    def best(self) -> Value | None:
        """The steadiest of the methods at hand: DR, else SNIPS."""
        by_method = {one.method: one for one in self.values}
        return by_method.get("dr") or by_method.get("snips")


def evaluate(logged: Logged, *, level: float = 0.95, unsupported: float = 0.0) -> Evaluation:
    """The value of a policy from logged decisions, or a refusal.

    ``unsupported`` is the share of the policy's choices that the logging policy could not have made, where
    the caller knows it. Intervals are by the influence of each decision (of each group, if given) on the
    estimate, with Student's t for the number of effective decisions.
    """
    weight, reward = logged.weight, logged.reward
    n = len(reward)
    effective = _effective(weight)
    mean_weight = float(weight.mean())
    spread = _error(weight - mean_weight, logged.group)
    refused, needed = _doubts(logged, effective, mean_weight, spread, unsupported)
    values: tuple[Value, ...] = ()
    if not refused:
        freedom = max(1.0, effective - 1)
        values = (
            _value("ips", weight * reward, logged.group, freedom, level),
            _normalised(weight, reward, logged.group, freedom, level),
        )
        if logged.predicted is not None and logged.expected is not None:
            corrected = logged.expected + weight * (reward - logged.predicted)
            values = (*values, _value("dr", corrected, logged.group, freedom, level))
    own = _value("ips", reward, logged.group, max(1.0, n - 1.0), level)
    largest = float(weight.max())
    return Evaluation(
        n, effective, mean_weight, largest, unsupported, own, values, tuple(refused), tuple(needed)
    )


def difference(logged: Logged, *, level: float = 0.95) -> Value:
    """How much more a decision brings under the policy than under the one that was logged, by SNIPS: paired
    on the same decisions, so narrower than the two intervals would suggest.
    """
    weight, reward = logged.weight, logged.reward
    total = float(weight.mean())
    value = float((weight * reward).mean() / total)
    influence = weight * (reward - value) / total - (reward - float(reward.mean()))
    error = _error(influence, logged.group)
    reach = error * float(stdtrit(max(1.0, _effective(weight) - 1), 0.5 + level / 2))
    gain = value - float(reward.mean())
    return Value("snips", gain, gain - reach, gain + reach, error)


def _doubts(
    logged: Logged, effective: float, mean_weight: float, spread: float, unsupported: float
) -> tuple[list[str], list[str]]:
    refused, needed = [], []
    n = len(logged.reward)
    if effective < OFF_POLICY_EFFECTIVE_ROWS_MIN:
        refused.append(
            f"the {n:,} decisions are worth {effective:.1f} under this policy, "
            f"{OFF_POLICY_EFFECTIVE_ROWS_MIN} are needed"
        )
        times = OFF_POLICY_EFFECTIVE_ROWS_MIN / max(effective, 1e-9)
        needed.append(
            f"about {_rounded(n * times)} decisions made as these were, or far fewer made by a policy that "
            "gives every action a larger share"
        )
    met = float(np.sum((logged.weight > 0) & (logged.reward != 0)))
    if met < OFF_POLICY_OUTCOMES_ITEMS_MIN:
        refused.append(
            f"only {met:.0f} decisions that the policy might have made had an outcome, "
            f"{OFF_POLICY_OUTCOMES_ITEMS_MIN} are needed"
        )
        needed.append("more time for outcomes to come, or an outcome that is less rare")
    if spread > 0 and abs(mean_weight - 1) > _FAR * spread and abs(mean_weight - 1) > 0.05:
        refused.append(
            f"the weights average {mean_weight:.3f} instead of 1: the propensities are not those of the "
            "decisions, or the policy takes actions that had no chance"
        )
        needed.append("the probability with which each action was chosen, as it was when it was chosen")
    if unsupported > 0.01:
        refused.append(f"{unsupported:.0%} of what the policy would do was never done")
        needed.append("a share of exploration for those actions")
    return refused, needed


def _value(
    method: Method, each: Floats, group: NDArray[np.int64] | None, freedom: float, level: float
) -> Value:
    mean = float(each.mean())
    error = _error(each - mean, group)
    reach = error * float(stdtrit(freedom, 0.5 + level / 2))
    return Value(method, mean, mean - reach, mean + reach, error)


def _normalised(
    weight: Floats, reward: Floats, group: NDArray[np.int64] | None, freedom: float, level: float
) -> Value:
    total = float(weight.mean())
    mean = float((weight * reward).mean() / total)
    error = _error(weight * (reward - mean) / total, group)
    reach = error * float(stdtrit(freedom, 0.5 + level / 2))
    return Value("snips", mean, mean - reach, mean + reach, error)


def _error(influence: Floats, group: NDArray[np.int64] | None) -> float:
    """Standard error of the mean of ``influence``, which averages zero; of groups, their sums vary."""
    n = len(influence)
    if group is not None:
        _, place = np.unique(group, return_inverse=True)
        influence = np.bincount(place, weights=influence).astype(np.float64)
    units = len(influence)
    if units < 2:
        return math.inf
    return math.sqrt(float(np.sum(influence**2)) * units / (units - 1)) / n


def _effective(weight: Floats) -> float:
    squares = float(np.sum(weight**2))
    return float(np.sum(weight)) ** 2 / squares if squares else 0.0


def _rounded(count: float) -> str:
    digits = max(0, int(math.log10(max(count, 1))) - 1)
    return f"{round(count, -digits):,.0f}"

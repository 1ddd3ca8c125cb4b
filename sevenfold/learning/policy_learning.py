"""A policy learned on one half of a randomised comparison, and what it brings on the other half.

On the first half a model of each action's outcome is fitted, and the best single action is found. The learned
policy takes, for each case of the other half, the action with the highest predicted outcome, but leaves the
best single action only where the prediction says that it gains more than the prediction's own error. Both are
then valued on the other half, which neither has seen, by doubly robust scores (Dudik, Langford and Li, ICML
2011; Athey and Wager, Econometrica 2021), and compared on the same cases.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import InputError
from ..measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from ..measures.shared.columns import as_table, codes, numbers, table_of
from .encoding import Floats, encoded, folds_of, standardised
from .meta_learners import Models, regression
from .qini import Span
from .spans import mean_span

LEARNED: Final = "learned"
_ARM_ROWS_MIN: Final = 50
"""Cases of each action in a half below which nothing is learned: our judgement."""


class LearnedPolicy(Question, frozen=True, tag="learned_policy"):
    """A row a decision: the ``action`` taken at random, the ``reward`` that came of it, the ``context`` known
    before; ``propensity`` is a column with the action's probability, or one number; the actions' own shares
    otherwise. ``group`` says whose decisions go together. ``held_out`` is the share that judges.
    """

    action: str = "action"
    reward: str = "reward"
    context: tuple[str, ...] = ()
    propensity: str = ""
    group: str = ""
    models: Models = "auto"
    held_out: float = 0.5
    level: float = 0.95
    seed: int = 0

    def check(self) -> None:
        """Raises QuestionError."""
        if not self.context:
            raise QuestionError("A policy needs something to go by", where="context", fix="name some columns")
        if not 0.1 <= self.held_out <= 0.9 or not 0.5 <= self.level < 1:
            raise QuestionError("held_out is 0.1 to 0.9, level 0.5 to 1", where="held_out")


def learn_policy(
    frame: Any, *, action: str, reward: str, context: tuple[str, ...], propensity: str = "", group: str = "",
    models: Models = "auto", held_out: float = 0.5, level: float = 0.95, seed: int = 0,
) -> Answer:  # fmt: skip
    """Whether choosing by what is known of each case beats the best single action, on cases kept back.

    Estimates: ``learned``, ``best_fixed`` and ``gain`` (their difference, paired), per decision. Tables:
    ``values`` (each action for all, and the learned policy), ``choices`` (how often it takes which). Raises
    QuestionError and InputError.
    """
    question = LearnedPolicy(
        action=action, reward=reward, context=tuple(context), propensity=propensity, group=group,
        models=models, held_out=held_out, level=level, seed=seed,
    )  # fmt: skip
    question.check()
    table = table_of(frame)
    rewards = numbers(table, reward)
    known = np.isfinite(rewards)
    table, rewards = table.filter(pa.array(known)), rewards[known]
    taken, names = codes(table, action)
    groups = codes(table, group)[0] if group else None
    tenths = folds_of(groups, len(taken), 100, seed)
    judging = tenths < round(100 * held_out)
    features = standardised(encoded(table, context)[0])
    chances = _chances(table, propensity, taken, len(names))
    first = _Half(features[~judging], taken[~judging], rewards[~judging], chances[~judging], names)
    other = _Half(features[judging], taken[judging], rewards[judging], chances[judging], names)
    scores = other.scores(first, models, seed)
    best = int(np.argmax(first.scores(first, models, seed).mean(axis=0)))
    chosen = first.chosen(other.features, best, models, seed)
    units = groups[judging] if groups is not None else None
    return _told(question, scores, chosen, best, names, units, int((~known).sum()))


def _chances(table: pa.Table, given: str, taken: NDArray[np.int64], count: int) -> Floats:
    if not given:
        shares = np.bincount(taken, minlength=count) / max(len(taken), 1)
        return np.asarray(shares[taken], dtype=np.float64)
    try:
        found = np.full(len(taken), float(given))
    except ValueError:
        found = numbers(table, given)
    if np.any(~((found > 0) & (found <= 1))):
        raise InputError(
            "A propensity is none", fix="the probability of the action taken: above 0, at most 1"
        )
    return found


class _Half:
    """Half of the cases."""

    def __init__(
        self, features: Floats, taken: NDArray[np.int64], reward: Floats, chance: Floats, names: list[str]
    ) -> None:
        self.features, self.taken, self.reward, self.chance, self.names = (
            features,
            taken,
            reward,
            chance,
            names,
        )
        counts = np.bincount(taken, minlength=len(names))
        if counts.min() < _ARM_ROWS_MIN:
            least = names[int(counts.argmin())]
            raise InputError(
                f"{least!r} was taken {counts.min()} times in one half", fix=f"at least {_ARM_ROWS_MIN} each"
            )

    def predicted(
        self, features: Floats, models: Models, seed: int, rows: NDArray[np.bool_] | None = None
    ) -> Floats:
        """What each action would bring, (n, k), by models of this half (of ``rows`` of it)."""
        use = np.ones(len(self.taken), dtype=bool) if rows is None else rows
        found = np.empty((len(features), len(self.names)))
        for one in range(len(self.names)):
            mine = use & (self.taken == one)
            model = regression(models, int(mine.sum()), seed).fit(self.features[mine], self.reward[mine])
            found[:, one] = model.predict(features)
        return found

    def scores(self, learned: _Half, models: Models, seed: int) -> Floats:
        """Doubly robust values of each action for each case of this half, (n, k)."""
        guess = learned.predicted(self.features, models, seed)
        rows = np.arange(len(self.taken))
        error = (self.reward - guess[rows, self.taken]) / self.chance
        guess[rows, self.taken] += error
        return guess

    def chosen(self, features: Floats, best: int, models: Models, seed: int) -> NDArray[np.int64]:
        """The action for each of ``features``: another than ``best`` only where both halves of this half
        predict that it brings more.
        """
        part = folds_of(None, len(self.taken), 2, seed) == 0
        both = [self.predicted(features, models, seed, rows) for rows in (part, ~part)]
        mean, least = (
            (both[0] + both[1]) / 2,
            np.minimum(both[0] - both[0][:, [best]], both[1] - both[1][:, [best]]),
        )
        mean[least <= 0] = -np.inf
        mean[:, best] = (both[0][:, best] + both[1][:, best]) / 2
        return np.asarray(np.argmax(mean, axis=1), dtype=np.int64)


def _told(
    question: LearnedPolicy, scores: Floats, chosen: NDArray[np.int64], best: int, names: list[str],
    units: NDArray[np.int64] | None, blank: int,
) -> Answer:  # fmt: skip
    level, n = question.level, len(scores)
    own = scores[np.arange(n), chosen]
    fixed = [mean_span(scores[:, one], units, level) for one in range(len(names))]
    learned, gain = mean_span(own, units, level), mean_span(own - scores[:, best], units, level)
    rows = [_row(f"always {name}", span) for name, span in zip(names, fixed, strict=True)]
    values = [*rows, _row(LEARNED, learned)]
    shares = np.bincount(chosen, minlength=len(names)) / n
    caveats = [Doubt(Caveat.UNKNOWN_LEFT_OUT, f"{blank:,} decisions without a reward.")] if blank else []
    if not gain.above and not gain.below:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"Of {n:,} decisions that judged."))
    return Answer(
        question=question,
        sentence=(
            f"On {n:,} decisions kept back, the learned policy brings {learned.value:.4g} a decision and "
            f"`always {names[best]}`, the best single action of the other half, {fixed[best].value:.4g}: "
            f"it {_verdict(gain)} ({gain.value:+.4g}, {gain.low:.4g} to {gain.high:.4g})."
        ),
        estimates=tuple(
            Estimate(name, span.value, span.low, span.high, n, level)
            for name, span in ((LEARNED, learned), ("best_fixed", fixed[best]), ("gain", gain))
        ),
        caveats=tuple(caveats),
        tables={
            "values": as_table(values),
            "choices": as_table(
                [{"action": name, "share": float(share)} for name, share in zip(names, shares, strict=True)]
            ),
        },
    )  # fmt: skip


def _row(policy: str, span: Span) -> dict[str, Any]:
    return {"policy": policy, "value": span.value, "low": span.low, "high": span.high}


def _verdict(gain: Span) -> str:
    if gain.above:
        return "beats it"
    return "does worse" if gain.below else "does not beat it beyond doubt"

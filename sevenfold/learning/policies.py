"""What another policy would have brought: of any frame of logged decisions."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from ..measures.shared.columns import as_table, codes, numbers, table_of
from ..workspace.problems import likely
from .encoding import encoded
from .off_policy import Evaluation, Floats, Logged, Value, difference, evaluate
from .reward_model import cross_fitted

UNIFORM: Final = "uniform"
LOGGED: Final = "logged"
_NAMES: Final = {
    "ips": "inverse propensities", "snips": "inverse propensities, self-normalised", "dr": "doubly robust",
}  # fmt: skip


class PolicyValue(Question, frozen=True, tag="policy_value"):
    """A row a decision: the columns with the ``action`` taken, the ``reward`` that came of it, and the
    ``propensity`` (a column, or one number for all). ``policy`` is ``uniform``, ``always:ACTION``, or
    ``column:NAME`` with the probability of the action taken under the policy. ``context`` are columns to
    predict rewards from, for the doubly robust estimate; ``group`` one that says whose decisions go together.
    """

    action: str = "action"
    reward: str = "reward"
    propensity: str = "propensity"
    policy: str = UNIFORM
    context: tuple[str, ...] = ()
    group: str = ""
    level: float = 0.95


def evaluate_policy(
    frame: Any, *, action: str, reward: str, propensity: str, policy: str = UNIFORM,
    context: tuple[str, ...] = (), group: str = "", level: float = 0.95,
) -> Answer:  # fmt: skip
    """What a decision would have brought under ``policy``, or a refusal that says what data it would take.

    Estimates: ``logged`` (what decisions brought), and unless refused ``ips``, ``snips``, with ``context``
    ``dr``, and ``gain`` (the difference to what was logged, paired). Table: ``weights``, how the policy's
    choices lie over the actions. Decisions without a reward are left out. Raises QuestionError and
    InputError.
    """
    question = PolicyValue(action, reward, propensity, policy, context, group, level)
    table = table_of(frame)
    rewards = numbers(table, reward)
    known = np.isfinite(rewards)
    table, rewards = table.filter(pa.array(known)), rewards[known]
    taken, names = codes(table, action)
    chosen = _propensities(table, propensity)
    shares, target, unsupported = _target(table, policy, taken, names)
    predicted = expected = None
    if context and shares is not None and len(rewards):
        predicted, expected = cross_fitted(encoded(table, context)[0], taken, rewards, shares)
    groups = codes(table, group)[0] if group else None
    logged = Logged(rewards, chosen, target, groups, predicted, expected)
    found = evaluate(logged, level=level, unsupported=unsupported)
    return _answer(question, found, logged, taken, names, int((~known).sum()))


def _propensities(table: pa.Table, given: str) -> Floats:
    try:
        return np.full(table.num_rows, float(given))
    except ValueError:
        return numbers(table, given)


def _target(
    table: pa.Table, policy: str, taken: NDArray[np.int64], names: list[str]
) -> tuple[Floats | None, Floats, float]:
    """(probabilities of all actions, of the one taken, share of the policy on actions never taken)."""
    kind, _, rest = policy.partition(":")
    count = len(names)
    if kind == "column" and rest:
        return None, numbers(table, rest), 0.0
    if kind == "always" and rest:
        if rest not in names:
            raise QuestionError(
                f"The action {rest!r} was never taken", where="policy",
                fix=likely(rest, names) or f"there are {', '.join(names[:8])}",
            )  # fmt: skip
        shares = np.zeros(count)
        shares[names.index(rest)] = 1.0
        return shares, shares[taken], 0.0
    if policy == UNIFORM:
        shares = np.full(count, 1.0 / max(count, 1))
        return shares, shares[taken], 0.0
    raise QuestionError(
        f"{policy!r} is no policy", where="policy", fix="write uniform, always:ACTION or column:NAME"
    )


def _answer(
    question: PolicyValue, found: Evaluation, logged: Logged, taken: NDArray[np.int64], names: list[str],
    blank: int,
) -> Answer:  # fmt: skip
    estimates = [_estimate("logged", found.logged, found.n, question.level)]
    caveats = []
    if blank:
        caveats.append(Doubt(Caveat.UNKNOWN_LEFT_OUT, f"{blank:,} decisions without a reward."))
    if found.refused:
        needed = "; ".join(found.needed)
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"It would take {needed}."))
        reasons = "; ".join(found.refused)
        sentence = f"These decisions cannot say what `{question.policy}` would have brought: {reasons}."
    else:
        sentence, more = _told(question, found, logged)
        estimates += more
    return Answer(
        question=question,
        sentence=sentence,
        estimates=tuple(estimates),
        caveats=tuple(caveats),
        tables={"weights": _weights(logged, taken, names)},
    )


def _told(question: PolicyValue, found: Evaluation, logged: Logged) -> tuple[str, list[Estimate]]:
    """The sentence and the estimates of an evaluation that was not refused."""
    effective = round(found.effective)
    estimates = [_estimate(one.method, one, effective, question.level) for one in found.values]
    gain = difference(logged, level=question.level)
    estimates.append(_estimate("gain", gain, effective, question.level))
    best = found.best
    assert best is not None
    verdict = (
        "more than" if gain.low > 0 else "less than" if gain.high < 0 else "not distinguishably other than"
    )
    return (
        f"Under `{question.policy}` a decision would have brought {best.value:.4g} ({best.low:.4g} to "
        f"{best.high:.4g}, by {_NAMES[best.method]}), {verdict} the {found.logged.value:.4g} it brought; "
        f"the {found.n:,} decisions are worth {effective:,}."
    ), estimates


def _estimate(name: str, value: Value, n: int, level: float) -> Estimate:
    return Estimate(name=name, value=value.value, low=value.low, high=value.high, n=n, level=level)


def _weights(logged: Logged, taken: NDArray[np.int64], names: list[str]) -> pa.Table:
    rows = []
    for number, name in enumerate(names):
        mine = taken == number
        rows.append(
            {
                "action": name, "decisions": int(mine.sum()),
                "rewarded": int(np.sum(logged.reward[mine] != 0)),
                "mean_propensity": float(logged.propensity[mine].mean()),
                "largest_weight": float(logged.weight[mine].max()),
            }
        )  # fmt: skip
    return as_table(sorted(rows, key=lambda row: -row["largest_weight"]))

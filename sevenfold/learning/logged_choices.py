"""Choices as they were logged, with what came of them: what policies are evaluated on, and trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from ..errors import InputError
from ..measures.answer import Answer, QuestionError
from ..workspace.problems import likely
from .action_model import ActionModel
from .bandits import MILLION, floored
from .policies import evaluate_policy

if TYPE_CHECKING:
    from ..warehouse.base import Warehouse

NOTHING: Final = "nothing"
_DECODE: Final = msgspec.json.Decoder().decode
_SQL: Final = """
SELECT c.number, c.time, c.subject, c.step, c.chosen, c.propensity, c.context, c.propensities,
    r.choice IS NOT NULL AS rewarded
FROM choices AS c LEFT JOIN rewards AS r ON r.choice = c.choice
WHERE c.policy = $policy AND NOT c.ghost AND c.due <= $until ORDER BY c.number
"""


class LoggedChoices(msgspec.Struct, frozen=True):
    """Choices of one policy whose reward is known, in order. All lists have one entry a choice."""

    policy: str
    subject: list[int]
    chosen: list[str]
    reward: list[float]
    propensities: list[dict[str, int]]
    """Of every option that was allowed, in millionths."""
    context: dict[str, list[float]]
    """Values by name, in the engine's own units; NaN where unknown."""

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def options(self) -> list[str]:
        """Every option that was ever allowed, in the order in which they were met."""
        return list(dict.fromkeys(name for one in self.propensities for name in one))


def logged_choices(warehouse: Warehouse, policy: str, until: int | None = None) -> LoggedChoices:
    """The choices of `policy` (`journey/step`) whose reward's time is over by `until` (ms UTC; the end of
    what the warehouse has). Those of ghosts are left out. Raises InputError when there is none.
    """
    end = warehouse.through().time if until is None else until
    table = warehouse.query(_SQL, {"policy": policy, "until": end})
    if not table.num_rows:
        known = warehouse.query("SELECT DISTINCT policy FROM choices ORDER BY policy")["policy"].to_pylist()
        fix = likely(policy, known) or (
            f"there are {', '.join(known)}" if known else "no journey has chosen yet"
        )
        raise InputError(f"No choice of `{policy}` has a reward that is known", where="choices", fix=fix)
    contexts = [_DECODE(one) for one in table["context"].to_pylist()]
    names = list(dict.fromkeys(name for one in contexts for name in one))
    return LoggedChoices(
        policy,
        table["subject"].to_pylist(),
        table["chosen"].to_pylist(),
        [float(one) for one in table["rewarded"].to_pylist()],
        [_DECODE(one) for one in table["propensities"].to_pylist()],
        {name: [_number(one.get(name)) for one in contexts] for name in names},
    )


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def targets(
    logged: LoggedChoices, policy: str, model: ActionModel | None = None, explore: int = 0
) -> list[float]:
    """The probability of each choice that was made, under `policy`: `uniform` over what was allowed,
    `always:ACTION` (where it was not allowed: nothing, else as it was), or `model`.
    """
    kind, _, action = policy.partition(":")
    if kind == "always" and action not in logged.options:
        fix = likely(action, logged.options) or f"there are {', '.join(logged.options)}"
        raise QuestionError(f"`{action}` was never allowed", where="policy", fix=fix)
    if kind == "model" and model is None:
        raise QuestionError("there is no model to evaluate", where="policy", fix="name its file")
    if kind not in ("uniform", "always", "model"):
        raise QuestionError(
            f"{policy!r} is no policy", where="policy", fix="uniform, always:ACTION or model:FILE"
        )
    found = []
    for place, (chosen, shares) in enumerate(zip(logged.chosen, logged.propensities, strict=True)):
        if kind == "uniform":
            found.append(1 / len(shares))
        elif model is not None and kind == "model":
            found.append(_by_model(logged, place, chosen, shares, model, explore))
        else:
            meant = action if action in shares else NOTHING
            found.append(float(chosen == meant) if meant in shares else shares[chosen] / MILLION)
    return found


def _by_model(
    logged: LoggedChoices, place: int, chosen: str, shares: dict[str, int], model: ActionModel, explore: int
) -> float:
    values = [
        logged.context[name][place] if name in logged.context else float("nan") for name in model.features
    ]
    whole = [None if value != value else int(value) for value in values]
    scores = {name: model.score(name, whole) for name in shares}
    least = min((one for one in scores.values() if one is not None), default=0)
    net = {name: least if one is None else one for name, one in scores.items()}
    by_name = dict(zip(net, floored(model.shares(net), explore), strict=True))
    return by_name[chosen] / MILLION


def evaluate_choices(
    warehouse: Warehouse, choices: str, policy: str = "uniform", *, model: ActionModel | None = None,
    explore: float = 0.0, level: float = 0.95, until: int | None = None,
) -> Answer:  # fmt: skip
    """What `policy` would have brought in place of the choices that were made (`journey/step`), from the
    propensities that were logged: see `evaluate_policy`. One person's choices go together in the intervals.
    Raises InputError and QuestionError.
    """
    logged = logged_choices(warehouse, choices, until)
    wanted = targets(logged, policy, model, round(explore * 10_000))
    made = [shares[name] / MILLION for name, shares in zip(logged.chosen, logged.propensities, strict=True)]
    frame = pa.table(
        {
            "action": logged.chosen,
            "reward": pa.array(logged.reward, pa.float64()),
            "propensity": pa.array(made, pa.float64()),
            "target": pa.array(wanted, pa.float64()),
            "person": [f"{one:016x}" for one in logged.subject],
        }
    )
    found = evaluate_policy(
        frame, action="action", reward="reward", propensity="propensity", policy="column:target",
        group="person", level=level,
    )  # fmt: skip
    sentence = found.sentence.replace("`column:target`", f"`{policy}`")
    return msgspec.structs.replace(found, sentence=sentence)


def matrix(logged: LoggedChoices, features: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The context as numbers, (n, d)."""
    columns = [np.asarray(logged.context[name], np.float64) for name in features]
    return np.column_stack(columns) if columns else np.zeros((len(logged), 0))


__all__ = ["LoggedChoices", "evaluate_choices", "logged_choices", "matrix", "targets"]

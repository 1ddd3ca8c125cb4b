"""The standing next best action of a person: what would be done for them now, asked between two records.

Asking changes nothing. When somebody accepts an action it is done in a journey of its own, `action NAME`,
with every gate, cap and holdout that any message has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..learning.guard import Seen, said
from ..workspace.base import PERSON
from .action_bank import Reading
from .choice_plan import Action
from .choice_policies import NOTHING
from .plan import Journey, OnCall, ReEntry
from .steps.choose import done

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..learning.action_model import ActionModel
    from .choices import Choices
    from .compiled import CompiledJourney

STANDING = "standing"
"""The name of the policy of standing actions in a record `policy_model`."""


def journey_name(action: str) -> str:
    """The journey in which an accepted action is done."""
    return f"action {action}"


def journeys_of(actions: dict[str, Action]) -> dict[str, Journey]:
    """The journeys of one step that do what somebody accepted, by name; the runtime publishes them."""
    found = {}
    for name, action in actions.items():
        step = done(name, action, "exit")
        if step is not None and action.of == PERSON and action.wait is None:
            found[journey_name(name)] = Journey(
                title=action.title, triggers=[OnCall()], re_entry=ReEntry(unlimited=1), steps={"do": step}
            )
    return found


@dataclass
class _Asked:
    """A run that is not there, for gates to look at."""

    plan: CompiledJourney
    row: int
    t: int
    subject: str
    ghost: bool = False
    id: str = ""
    step: str = "do"
    number: int = -1
    visit: int = 1
    decided: list[Any] = field(default_factory=list)

    @property
    def person(self) -> int:
        return self.row

    @property
    def since(self) -> int:
        return self.t

    def unit_id(self, *, account: bool = False) -> str:
        return self.subject


def standing(fold: Fold, row: int) -> dict[str, Any]:
    """The standing record of a person: `action`, `reason`, `confidence`, and all `actions` of the bank with
    their scores, or why they may not be taken. Scores are in 1e-6 of a reward.
    """
    runtime = fold.journeys
    found: Any = runtime.services.get("choices") if runtime is not None else None
    actions = {name: one for name, one in fold.workspace.actions.items() if one.of == PERSON}
    if found is None or not actions:
        return {"action": NOTHING, "reason": "the workspace has no bank of actions", "actions": [],
                "confidence": "none", "policy": None, "as_of": fold.t, "answered": None}  # fmt: skip
    choices: Choices = found
    model = choices.standing
    values = _values(fold, row, model)
    listed = [_looked_at(fold, choices, name, action, row, model, values) for name, action in actions.items()]
    allowed = [one for one in listed if one["reason"] is None]
    best = max(allowed, key=lambda one: one["score"]) if model is not None and allowed else None
    if model is None and allowed:
        best = allowed[0]
    nothing = None if model is None else model.score(NOTHING, values)
    if best is not None and nothing is not None and nothing >= best["score"]:
        best = None
    last = choices.answers.get(row)
    answered = (
        None if last is None else {"at": last.t, "answer": last.answer, "action": last.action, "by": last.by}
    )
    return {
        "action": NOTHING if best is None else best["action"],
        "reason": _reason(best, allowed, listed, model),
        "confidence": _confidence(best, allowed, nothing, model),
        "policy": None if model is None else model.version,
        "as_of": fold.t,
        "actions": listed,
        "answered": answered,
    }  # fmt: skip


def _values(fold: Fold, row: int, model: ActionModel | None) -> list[int | None]:
    names = [] if model is None else model.features
    return [Reading(fold.person, name).read(row, fold.t) for name in names]


def _looked_at(
    fold: Fold, choices: Choices, name: str, action: Action, row: int, model: ActionModel | None,
    values: list[int | None],
) -> dict[str, Any]:  # fmt: skip
    score = None if model is None else model.score(name, values)
    seen = Seen()
    for policy in choices.policies.values():
        held = policy.state.seen.get(name)
        if held is not None and not policy.split:
            seen = seen.plus(*held)
    return {
        "action": name,
        "title": action.title,
        "score": 0 if score is None else score,
        "known": score is not None,
        "cost": choices.bank.cost(name),
        "tried": seen.tried,
        "rewarded": seen.rewarded,
        "reason": _refused(fold, choices, name, action, row) or None,
    }  # fmt: skip


def _refused(fold: Fold, choices: Choices, name: str, action: Action, row: int) -> str:
    ask = choices.eligible.get(name)
    if ask is not None and not ask(row):
        return "not_eligible"
    refused = choices.bank.refuses(name, (fold.person.index, row), fold.t)
    runtime = fold.journeys
    assert runtime is not None
    place = runtime.current.get(journey_name(name))
    if refused or place is None:
        return refused
    plan = runtime.plans[place]
    would: Any = getattr(plan.steps[0], "would", None)
    if would is None:
        return ""
    return str(would(_Asked(plan, row, fold.t, fold.id_of(fold.person, row))))


def _reason(
    best: dict[str, Any] | None, allowed: list[Any], listed: list[Any], model: ActionModel | None
) -> str:
    refused = ", ".join(f"{one['action']}: {one['reason']}" for one in listed if one["reason"])
    ending = f"; not allowed are {refused}" if refused else ""
    if best is None:
        start = "no action is allowed" if not allowed else "no action promises more than doing nothing"
        return start + ending
    known = f", rewarded {said(Seen(best['tried'], best['rewarded']))} so far" if best["tried"] else ""
    if model is None:
        return f"{best['action']} is the first written of those allowed{known}{ending}"
    share = best["score"] / 10_000
    return f"{best['action']} promises {share:.2f}% of a reward, the most of {len(allowed)}{known}{ending}"


def _confidence(
    best: dict[str, Any] | None, allowed: list[Any], nothing: int | None, model: ActionModel | None
) -> str:
    """`none` without a policy; else by how many standard errors the best is ahead of the next: `low` below
    one, `medium` below two, `high`.
    """
    if best is None or model is None:
        return "none"
    others = [(one["score"], one["action"]) for one in allowed if one is not best]
    if nothing is not None:
        others.append((nothing, NOTHING))
    if not others:
        return "none"
    score, name = max(others)
    errors = [model.errors.get(one, 0) for one in (best["action"], name)]
    spread = errors[0] ** 2 + errors[1] ** 2
    ahead = (best["score"] - score) ** 2
    return "high" if ahead >= 4 * spread else "medium" if ahead >= spread else "low"


__all__ = ["STANDING", "journey_name", "journeys_of", "standing"]

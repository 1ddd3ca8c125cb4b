"""Control records about choices: how far they may move, answers to suggestions, policies that were trained,
ways that are stopped, and answers to somebody's standing next best action.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..engine.controls import ControlError, control, find
from ..learning.action_model import model_of
from ..workspace.problems import likely
from .choice_policies import NOTHING, Policy
from .choices import Answer, Choices
from .serving import QUEUED, is_run
from .standing import STANDING, journey_name

if TYPE_CHECKING:
    from ..engine.fold import Fold

LEVELS: Final = ("off", "suggest", "act")
ANSWERS: Final = ("accept", "refuse", "change")


def choices_of(fold: Fold) -> Choices:
    """The choices of a fold. Raises ControlError."""
    found = fold.journeys.services.get("choices") if fold.journeys is not None else None
    if not isinstance(found, Choices):
        raise ControlError("no journey runs here", fix="publish one")
    return found


def _policy(choices: Choices, key: str) -> Policy:
    found = choices.policies.get(key)
    if found is None:
        fix = likely(key, choices.policies) or "name it `journey/step`"
        raise ControlError(f"there is no learned choice `{key}`", fix=fix)
    return found


@control("autonomy")
def _autonomy(fold: Fold, record: dict[str, Any]) -> None:
    """`journey`, `level` (off, suggest, act; empty: as written), `moved_per_day` in per cent, `by`."""
    choices, journey = choices_of(fold), str(record.get("journey"))
    level, most = str(record.get("level") or ""), record.get("moved_per_day")
    if level and level not in LEVELS:
        raise ControlError(f"`{level}` is no level of autonomy", fix=f"one of {', '.join(LEVELS)}")
    if most is not None and (
        isinstance(most, bool) or not isinstance(most, int | float) or not 0 <= most <= 100
    ):
        raise ControlError("`moved_per_day` is no share", fix="from 0 to 100 per cent")
    policies = [one for _, one in sorted(choices.policies.items()) if one.journey == journey]
    if not policies:
        raise ControlError(f"journey `{journey}` has no learned choice", fix="see `split` and `choose`")
    for policy in policies:
        policy.set_level(level, most)
    data = {"level": policies[0].level, "moved_per_day": policies[0].most / 10_000, "by": record.get("by")}
    fold.emit_about("autonomy", journey, data)


@control("suggestion")
def _suggestion(fold: Fold, record: dict[str, Any]) -> None:
    """`suggestion` (its id), `accept` or not, `by`."""
    choices, ident = choices_of(fold), str(record.get("suggestion"))
    for _, policy in sorted(choices.policies.items()):
        waiting = policy.state.suggestion
        if waiting is not None and waiting.id == ident:
            choices.say(
                policy, policy.answer(record.get("accept") is True, str(record.get("by") or ""), fold.t)
            )
            return
    raise ControlError("no suggestion with this id waits", fix="another one may have taken its place")


@control("policy_model")
def _policy_model(fold: Fold, record: dict[str, Any]) -> None:
    """A policy for the next best action: `policy` (`journey/step`, or `standing`) and the model's fields."""
    choices, key = choices_of(fold), str(record.get("policy"))
    model = model_of({name: value for name, value in record.items() if name not in ("op", "policy")})
    if key == STANDING:
        choices.standing = model
        fold.emit_about(
            "policy", STANDING, {"policy": key, "version": model.version, "quality": model.quality}
        )
        return
    policy = _policy(choices, key)
    if policy.split:
        raise ControlError(f"`{key}` is a split, which learns by itself", fix="name a step `choose`")
    context = choices.contexts.get(key, [])
    if strange := [name for name in model.features if name not in context]:
        fix = f"its context is {', '.join(context) or 'empty'}"
        raise ControlError(f"`{key}` does not look at `{strange[0]}`", fix=fix)
    choices.arm_for(policy.take_model(model, fold.t), policy)


@control("choice_option")
def _option(fold: Fold, record: dict[str, Any]) -> None:
    """A person stops a way of a choice (`halt: true`) or lets it go on: `policy`, `option`, `by`."""
    choices = choices_of(fold)
    policy, option = _policy(choices, str(record.get("policy"))), str(record.get("option"))
    if option not in policy.names:
        raise ControlError(f"`{policy.key}` has no way `{option}`", fix=likely(option, policy.names))
    halt = record.get("halt") is True
    if policy.halt(option, fold.t, halt):
        data = {"policy": policy.key, "step": policy.step, "option": option, "by": record.get("by")}
        fold.emit_about("halted" if halt else "resumed_option", policy.journey, data)


@control("next_best_action")
def _next_best_action(fold: Fold, record: dict[str, Any]) -> None:
    """An answer to a person's standing action: `person`, `answer` (accept, refuse, change), `action`, `by`,
    `reason`. What is accepted, or taken instead, is done.
    """
    choices, answer = choices_of(fold), str(record.get("answer"))
    row, action = find(fold, record.get("person")), str(record.get("action"))
    if answer not in ANSWERS:
        raise ControlError(f"`{answer}` is no answer", fix=f"one of {', '.join(ANSWERS)}")
    if not row:
        raise ControlError("there is no such person", fix="name them by an identifier of theirs")
    if action != NOTHING and action not in choices.bank.actions:
        raise ControlError(f"there is no action `{action}`", fix=likely(action, choices.bank.actions))
    by = str(record.get("by") or "")
    choices.answers[row] = Answer(fold.t, answer, action, by)
    data: dict[str, Any] = {"answer": answer, "by": by}
    if record.get("reason"):
        data["reason"] = str(record["reason"])
    runtime = choices.runtime
    if answer != "refuse" and journey_name(action) in runtime.current:
        started = runtime.start(journey_name(action), fold.person, row, "api", {})
        data["run" if is_run(started) else "refused"] = started
        if is_run(started) or started == QUEUED:
            choices.bank.take(action, (fold.person.index, row), fold.t)
    fold.emit(fold.person, row, "action_answered", action, data)


__all__ = ["ANSWERS", "LEVELS", "choices_of"]

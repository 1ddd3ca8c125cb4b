"""Choices that are learned: how far they may move, what they suggest, and somebody's next best action."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import JSONBody, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ...limits import TASK_TEXT_CHARS_MAX
from ..errors import InvalidError
from ..history import Numbered, Page
from .base import PAGE, Asked, Done, Id, Limit, Newer, Older, done
from .subjects import Moment, moments

CHANGES = ("moved", "suggestion", "suggestion_accepted", "suggestion_refused", "halted", "resumed_option")
"""What the change log holds, besides levels that were set and policies that were trained."""
Who = Annotated[str, Meta(min_length=1, max_length=200)]
Note = Annotated[str, Meta(max_length=TASK_TEXT_CHARS_MAX)]
Journey = Annotated[str, Parameter(min_length=1, max_length=200, description="The journey.")]


class Rate(Struct, kw_only=True):
    """Outcomes that were due, and how many of them had the reward."""

    tried: int
    rewarded: int


class Option(Struct, kw_only=True):
    """A way of a choice. `share` is the present one (of a split), `halted` since when it is stopped."""

    name: str
    share: float | None
    tried: int
    rewarded: int
    halted: int | None


class Suggestion(Struct, kw_only=True):
    """What is proposed: the shares of a split, or of a next best action the `policy` to use."""

    id: str
    at: int
    because: str
    to: dict[str, float]
    policy: str | None


class Choice(Struct, kw_only=True):
    """A learned choice. `version` counts how often what is known has changed; of a next best action `policy`
    is the one that decides, and `mix` how much of the `coming` one does already.
    """

    step: str
    kind: Literal["split", "choose"]
    version: int
    options: list[Option]
    held_out: Rate
    policy: str | None
    coming: str | None
    mix: float
    suggestion: Suggestion | None


class JourneyAutonomy(Struct, kw_only=True):
    """How far the choices of a journey may move: `level` now, `written` in its plan, and the per cent of
    shares that may change hands in a day.
    """

    journey: str
    level: Literal["off", "suggest", "act"]
    written: Literal["off", "suggest", "act"]
    moved_per_day: float
    choices: list[Choice]


class AutonomyChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """`level` null: as written. `moved_per_day` in per cent; not given: as written."""

    level: Literal["off", "suggest", "act"] | None
    moved_per_day: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET


class SuggestionAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a person says to a suggestion."""

    answer: Literal["accept", "refuse"]


class OptionChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """Stops a way of a choice, or lets it go on."""

    step: Who
    option: Who
    halt: bool


class PolicyGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """A trained policy for `policy` (`journey/step`, or `standing`): the fields of its record in `model`."""

    policy: Who
    model: dict[str, Any]


class Considered(Struct, kw_only=True):
    """An action of the bank for somebody: `score` in 1e-6 of a reward if `known` to the policy, `cost` in
    1e-6 of the currency, what came of it so far, and why it may not be taken now.
    """

    action: str
    title: str
    score: int
    known: bool
    cost: int
    tried: int
    rewarded: int
    reason: str | None


class Answered(Struct, kw_only=True):
    """What was last said to it."""

    at: int
    answer: str
    action: str
    by: str


class NextBestAction(Struct, kw_only=True):
    """What would be done for somebody now (`nothing` is an answer), why, and how sure that is: `none` without
    a trained policy, else `low`, `medium` or `high` by standard errors ahead of the next.
    """

    person: str
    action: str
    reason: str
    confidence: Literal["none", "low", "medium", "high"]
    policy: str | None
    as_of: int
    actions: list[Considered]
    answered: Answered | None


class ActionAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """`accept` the standing action, `refuse` it, or `change` it to another `action`. What is accepted or
    taken instead is done, with every gate of a message.
    """

    answer: Literal["accept", "refuse", "change"]
    action: Who | UnsetType = UNSET
    reason: Note = ""
    by: Who | UnsetType = UNSET


@get("/autonomy", scope="read", tags=["autonomy"], operation_id="list_autonomy")
async def list_autonomy(caller: Asked) -> list[JourneyAutonomy]:
    """The journeys with learned choices: how far they may move, and what is known of every way."""
    return msgspec.convert(await caller.ask("autonomy"), list[JourneyAutonomy])


@get("/autonomy/changes", scope="read", tags=["autonomy"], operation_id="list_autonomy_changes")
async def list_changes(
    caller: Asked, before: Older = None, after: Newer = None, limit: Limit = PAGE
) -> Page[Moment]:
    """The change log: every move with its reason, suggestions and answers, ways that were stopped, levels
    that were set, policies that came; newest first unless `after` is given.
    """
    kinds = (*CHANGES, "autonomy", "policy")
    found: Page[Numbered] = caller.history.effects(kind=kinds, before=before, after=after, limit=limit)
    return moments(found)


@get("/autonomy/{journey:str}", scope="read", tags=["autonomy"], operation_id="get_autonomy")
async def get_autonomy(caller: Asked, journey: Journey) -> JourneyAutonomy:
    """One journey's choices."""
    found = await caller.ask("autonomy", journey=journey)
    return msgspec.convert(found[0], JourneyAutonomy)


@post(
    "/autonomy/{journey:str}",
    scope="write",
    role="publisher",
    once=True,
    status_code=200,
    tags=["autonomy"],
    operation_id="set_autonomy",
)
async def set_autonomy(caller: Asked, journey: Journey, data: JSONBody[AutonomyChange]) -> Done:
    """Says how far a journey's choices may move from now on."""
    record: dict[str, Any] = {"op": "autonomy", "journey": journey, "level": data.level, "by": caller.by}
    if data.moved_per_day is not UNSET:
        record["moved_per_day"] = data.moved_per_day
    return done(await caller.tell("autonomy.set", journey, record, level=data.level))


@post(
    "/autonomy/suggestions/{id:str}",
    scope="write",
    role="publisher",
    once=True,
    status_code=200,
    tags=["autonomy"],
    operation_id="answer_suggestion",
)
async def answer_suggestion(caller: Asked, id: Id, data: JSONBody[SuggestionAnswer]) -> Done:  # noqa: A002
    """Accepts or refuses what a choice suggests. What is accepted holds at once."""
    accept = data.answer == "accept"
    record = {"op": "suggestion", "suggestion": id, "accept": accept, "by": caller.by}
    return done(await caller.tell(f"suggestion.{data.answer}", id, record))


@post(
    "/autonomy/{journey:str}/options",
    scope="write",
    role="publisher",
    once=True,
    status_code=200,
    tags=["autonomy"],
    operation_id="change_option",
)
async def change_option(caller: Asked, journey: Journey, data: JSONBody[OptionChange]) -> Done:
    """Stops one way of a choice, or lets it go on after it was stopped."""
    record = {"op": "choice_option", "policy": f"{journey}/{data.step}", "option": data.option}
    record |= {"halt": data.halt, "by": caller.by}  # type: ignore[dict-item]
    word = "halt" if data.halt else "resume"
    return done(await caller.tell(f"option.{word}", f"{journey}/{data.step}", record, option=data.option))


@post(
    "/policies",
    scope="admin",
    once=True,
    status_code=201,
    tags=["autonomy"],
    operation_id="give_policy",
)
async def give_policy(caller: Asked, data: JSONBody[PolicyGiven]) -> Done:
    """Hands in a policy that was trained. Whether it decides is for the journey's autonomy to say."""
    if {"op", "policy"} & data.model.keys():
        raise InvalidError("a model has no `op` and no `policy`", where="model", fix="leave them out")
    record = {"op": "policy_model", "policy": data.policy, **data.model}
    return done(await caller.tell("policy.give", data.policy, record, version=data.model.get("version")))


@get(
    "/people/{id:str}/next-best-action",
    scope="read",
    tags=["people"],
    operation_id="get_next_best_action",
    summary="Their next best action",
)
async def get_next_best_action(caller: Asked, id: Id) -> NextBestAction:  # noqa: A002
    """What would be done for a person now, of the bank of actions, and why; `nothing` is an answer."""
    return msgspec.convert(await caller.ask("next_best_action", id=id), NextBestAction)


@post(
    "/people/{id:str}/next-best-action",
    scope="write",
    once=True,
    status_code=200,
    tags=["people"],
    operation_id="answer_next_best_action",
    summary="Answer to their next best action",
)
async def answer_next_best_action(caller: Asked, id: Id, data: JSONBody[ActionAnswer]) -> Done:  # noqa: A002
    """Accepts, refuses or changes a person's next best action; the audit log and their timeline keep it."""
    if (data.action is UNSET) == (data.answer == "change"):
        raise InvalidError("`change` names another `action`, the others none", where="action")
    found = await caller.ask("next_best_action", id=id)
    action = found["action"] if data.action is UNSET else data.action
    profile = await caller.ask("profile", of="person", id=id)
    named = {kind: values[0] for kind, values in profile["identifiers"].items() if values}
    by = caller.by if data.by is UNSET else data.by
    record = {"op": "next_best_action", "person": named, "answer": data.answer, "action": action, "by": by}
    if data.reason:
        record["reason"] = data.reason
    return done(await caller.tell(f"next_best_action.{data.answer}", id, record, by=by, chosen=action))


HANDLERS = [
    list_autonomy,
    list_changes,
    get_autonomy,
    set_autonomy,
    answer_suggestion,
    change_option,
    give_policy,
    get_next_best_action,
    answer_next_best_action,
]

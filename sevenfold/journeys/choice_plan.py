"""What authors say of choices that are learned: the reward, how much is explored, how far they may move, and
the bank of actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..limits import CHOICE_REFRESH_MS_MIN, NUMBER_MAGNITUDE_MAX
from ..profiles.expressions import ExpressionError, parse_duration
from ..workspace.base import ACCOUNT, PERSON, Condition, Model

if TYPE_CHECKING:
    from .audit.step import StepFields

WEEK_MS = 7 * 86_400_000
Level = Literal["off", "suggest", "act"]


class Reward(Model, frozen=True, kw_only=True):
    """What a choice is for, within a time after it: a ``goal`` of the journey (not given: any of them), an
    ``event`` of the person (narrowed by ``where``), or a ``response`` to a message of the journey. It is
    counted once, when the time is over. ``worth`` is what one is worth, in the workspace's currency: where
    costs differ, the next best action weighs them by it.
    """

    goal: str | None = None
    event: str | list[str] | None = None
    where: Condition | None = None
    response: Literal["opened", "clicked"] | None = None
    within: str = "7d"
    worth: float = 0.0


class Learn(Model, frozen=True, kw_only=True):
    """How a choice learns. ``explore`` is the per cent that each way keeps, whatever is known of it;
    ``minimum`` the outcomes of each way before shares are learned at all; ``keep`` the per cent of what is
    known that stays after each day of engine time (below 100 what was long ago counts less); ``refresh`` how
    often outcomes become known to the choice. A choice that is stopped goes ``otherwise`` (of a split:
    default the first path; of a next best action it is doing nothing).
    """

    reward: Reward = Reward()
    explore: float = 5.0
    minimum: int = 50
    keep: float = 100.0
    refresh: str = "1h"
    otherwise: str | None = None


class Autonomy(Model, frozen=True, kw_only=True):
    """How far a journey's choices may move by themselves. ``off``: they are made as written. ``suggest``:
    what is learned is proposed, and a person accepts or refuses. ``act``: shares move, at most
    ``moved_per_day`` per cent of them in a day (UTC).
    """

    level: Level = "suggest"
    moved_per_day: float = 10.0


class BestTime(Model, frozen=True, kw_only=True):
    """The hour of the week at which the person is most likely to answer, among those that begin ``within``
    so long; by their own answers, drawn towards those of people like them (``messaging.alike``) and of all.
    ``explore`` per cent are spread over all of these hours.
    """

    within: str = "20h"
    explore: float = 10.0


class ActionLimits(Model, frozen=True, kw_only=True):
    """How often an action may be chosen: for one ``person`` (any subject of the journey) and in ``all``
    (``2 per 30d``), and what it may cost in all (``budget``: ``500 per 1d``, in the workspace's currency).
    """

    person: str | None = None
    all: str | None = None
    budget: str | None = None


class Action(Model, frozen=True, kw_only=True):
    """An action of the bank: something that can be done for a subject. One of ``template`` (a message; with
    ``offer`` a code goes with it), ``task`` (a human is asked), ``playbook``, or ``wait`` (a delay).

    ``when`` says for whom it may be chosen; ``cost`` what it costs each time, in the workspace's currency.
    """

    of: str = PERSON
    title: str = ""
    description: str = ""
    template: str | list[str] | None = None
    offer: str | None = None
    task: str | None = None
    reason: str = ""
    playbook: str | None = None
    wait: str | None = None
    roles: list[str] = []
    """Of an account's message: the members with one of these roles, of whom the earliest joined gets it."""
    when: Condition | None = None
    cost: float = 0.0
    limits: ActionLimits = ActionLimits()
    topic: str | None = None
    intent: str | None = None
    ttl: str | None = None
    expires: str | None = None
    """Of what is shown in the product: for how long."""

    def forms(self) -> dict[str, bool]:
        """What it does, by field."""
        return {name: getattr(self, name) is not None for name in ("template", "task", "playbook", "wait")}


def audit_learn(at: StepFields, learn: Learn, options: list[str]) -> None:
    """Reports what is wrong with how a choice learns."""
    reward = learn.reward
    given = [name for name in ("goal", "event", "response") if getattr(reward, name) is not None]
    place = ("learn", "reward")
    if len(given) > 1:
        message = f"a reward has one of {', '.join(f'`{name}`' for name in given)}"
        at.error(place, "wrong_value", message, "choose one")
    if reward.goal is not None:
        goals = [*at.journey.goals, *at.step_goals()]
        at.known((*place, "goal"), "goal", reward.goal, goals, "declare it under the journey's `goals`")
    elif not given and not (at.journey.goals or at.step_goals()):
        at.error(
            place, "missing_field", "there is nothing to learn from", "give the journey a goal, or an event"
        )
    if reward.event is not None:
        at.events((*place, "event"), reward.event)
        at.condition((*place, "where"), reward.where, at.of, where=True)
        message = "events are those of people, and of the accounts they belong to"
        at.without(at.of not in (PERSON, ACCOUNT), (*place, "event"), message, "use a goal of the journey")
    at.without(reward.where is not None and reward.event is None, place, "`where` is about an `event`")
    at.duration((*place, "within"), reward.within)
    at.number((*place, "worth"), reward.worth, 0, NUMBER_MAGNITUDE_MAX)
    at.share(("learn", "explore"), learn.explore)
    if learn.explore * len(options) > 100:
        fix = f"at most {100 // len(options)}"
        message = f"{len(options)} ways of {learn.explore:g}% each are more than there is"
        at.error(("learn", "explore"), "wrong_value", message, fix)
    at.number(("learn", "minimum"), learn.minimum, 0, NUMBER_MAGNITUDE_MAX)
    at.number(("learn", "keep"), learn.keep, 1, 100)
    refresh = at.duration(("learn", "refresh"), learn.refresh)
    if refresh is not None and refresh < CHOICE_REFRESH_MS_MIN:
        message = "outcomes become known at whole seconds at most"
        at.error(("learn", "refresh"), "bad_duration", message, f"at least {CHOICE_REFRESH_MS_MIN // 1000}s")
    if learn.otherwise is not None:
        at.known(("learn", "otherwise"), "path", learn.otherwise, options)


def audit_best_time(at: StepFields, place: str, best: BestTime, ttl: str | None) -> None:
    """Reports what is wrong with the choice of an hour; a message must still live when it comes."""
    within = at.duration((place, "within"), best.within)
    at.share((place, "explore"), best.explore)
    at.without(at.of == ACCOUNT, place, "an account has no hour at which it answers")
    if within is None:
        return
    if within > WEEK_MS:
        at.error((place, "within"), "wrong_value", "a week holds every hour there is", "at most 7d")
    try:
        lives = parse_duration(ttl) if ttl is not None else None
    except ExpressionError:
        return
    if lives is not None and within >= lives:
        message = f"the message may be over (its `ttl` is {ttl}) before the hour comes"
        at.error((place, "within"), "wrong_value", message, "a shorter time, or a longer `ttl`")


__all__ = [
    "Action",
    "ActionLimits",
    "Autonomy",
    "BestTime",
    "Learn",
    "Level",
    "Reward",
    "audit_best_time",
    "audit_learn",
]

"""The plan of a journey: versioned data that says who enters, what happens to them, and when they
leave.

A journey is a mapping of step ids to steps. A run goes through them in written order; a step's
``next``, a branch's path or an outcome may lead elsewhere, and ``exit`` is the end. Conditions are
those of the rest of the workspace, about the journey's subject, and may read the event that started
the run as ``event.NAME``. The exact rules are docs/explain/journeys.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ..workspace.base import PERSON, Condition, Model
from .choice_plan import Autonomy
from .steps import STEP_KINDS

if TYPE_CHECKING:
    from .steps.base import StepBase

    Step = StepBase
else:
    from typing import Union

    Step = Union[tuple(kind.model for kind in STEP_KINDS.values())]  # noqa: UP007

EXIT = "exit"
"""The target that ends a run."""


# --------------------------------------------------------------------------------------------------- triggers


class TriggerBase(Model, tag_field="kind", frozen=True, kw_only=True):
    """What may start a run. Value triggers fire when the value changes, never because it is already so."""

    description: str = ""


class OnEvent(TriggerBase, tag="event", frozen=True, kw_only=True):
    """An event of this name (a name, several, or a prefix with ``*``), narrowed by ``where``."""

    event: str | list[str]
    where: Condition | None = None


class OnSegment(TriggerBase, tag="segment", frozen=True, kw_only=True):
    """The subject entered (or left) a segment."""

    segment: str
    change: Literal["entered", "left"] = "entered"


class OnStage(TriggerBase, tag="stage", frozen=True, kw_only=True):
    """The subject entered (or left) a stage of a lifecycle; ``from`` restricts where it came from."""

    lifecycle: str
    stage: str
    change: Literal["entered", "left"] = "entered"
    from_: list[str] | None = msgspec.field(default=None, name="from")


class OnCondition(TriggerBase, tag="condition", frozen=True, kw_only=True):
    """A condition became true: ``score.health < 60``, ``account.plan == "pro"``."""

    when: Condition


class OnScore(TriggerBase, tag="score", frozen=True, kw_only=True):
    """A score crossed a bound: fell ``below`` or rose to ``above`` (at least). A jump from a
    change of weights is no crossing.
    """

    score: str
    below: float | None = None
    above: float | None = None


class OnPrediction(TriggerBase, tag="prediction", frozen=True, kw_only=True):
    """A prediction crossed a bound: fell ``below`` or rose to ``above`` (at least), in the units of its
    kind; becoming known beyond the bound is a crossing.
    """

    prediction: str
    below: float | None = None
    above: float | None = None


class OnTrait(TriggerBase, tag="trait", frozen=True, kw_only=True):
    """A trait took another value (becoming known is one); ``to`` asks for one value."""

    trait: str
    to: str | float | bool | None = None


class OnDate(TriggerBase, tag="date", frozen=True, kw_only=True):
    """A date of the subject (``trait.renewal_date``, a date signal) plus ``offset`` (``-7d``) has
    come, at the local time ``at`` if given. ``yearly`` repeats it on each anniversary. A date
    already past starts nothing.
    """

    date: str
    offset: str = "0d"
    at: str | None = None
    yearly: bool = False


class OnSchedule(TriggerBase, tag="schedule", frozen=True, kw_only=True):
    """A recurrence (RFC 5545 RRULE) in the workspace's time zone: everybody in the audience enters."""

    rrule: str
    start: str | None = None
    zone: str | None = None


class OnCall(TriggerBase, tag="api", frozen=True, kw_only=True):
    """A call of the API (a control record ``start``), or a ``start_journey`` step of another journey."""


class OnBusinessEvent(TriggerBase, tag="business", frozen=True, kw_only=True):
    """A business event (price drop, back in stock, incident) that concerns everybody in the
    audience; ``per`` says at which pace they enter (``1000/1h``). The event's properties are
    the run's ``event.``. ``match`` names a signal of the subject and a property that must be
    among its values (``{signal: viewed_products, property: product_id}``).
    """

    event: str
    where: Condition | None = None
    match: dict[str, str] | None = None
    pace: str | None = None


Trigger = (
    OnEvent
    | OnSegment
    | OnStage
    | OnCondition
    | OnScore
    | OnPrediction
    | OnTrait
    | OnDate
    | OnSchedule
    | OnCall
    | OnBusinessEvent
)


# -------------------------------------------------------------------------------------- entry, exits, goals


class ReEntry(Model, frozen=True, kw_only=True):
    """Who may come again: ``after`` a time since the last entry, once ``per_entity`` (the run's key), or
    ``unlimited`` with at most so many runs at the same time.
    """

    after: str | None = None
    per_entity: bool = False
    unlimited: int | None = None


class ExitRule(Model, frozen=True, kw_only=True):
    """Ends a run at once, also in the middle of a wait: an event, or a condition becoming or being true."""

    event: str | list[str] | None = None
    where: Condition | None = None
    when: Condition | None = None
    reason: str = ""


class GoalRule(Model, frozen=True, kw_only=True):
    """What the journey is for: an event or a condition, within a time of entry. ``value`` is a
    number or the name of a property of the event. A goal reached ends the run unless ``exit:
    false``.
    """

    event: str | list[str] | None = None
    where: Condition | None = None
    when: Condition | None = None
    value: float | str | None = None
    within: str | None = None
    exit: bool = True


class JourneyLimits(Model, frozen=True, kw_only=True):
    """Limits of one journey: ``entries`` of a subject (``3 per 30d``), ``runs`` at the same time
    in the whole journey, ``messages`` of a run, ``rate`` of messages of the whole journey
    (``500 per 1h``, kept by the sender).
    """

    entries: str | None = None
    runs: int | None = None
    messages: int | None = None
    rate: str | None = None


class Journey(Model, frozen=True, kw_only=True):
    """A journey. ``of`` is the kind of subject whose conditions it reads; messages go to the
    person (for an entity its person, for an account the members a step names).

    ``key`` is the property of the trigger event that names what the run is about (``order_id``):
    with it there is a run for each key, and events concern a run only when they carry the same key
    or do not carry it at all. ``priority``: the higher is decided first. ``holdout``: per cent of
    subjects who walk as ghosts (not given: ``messaging.journey_holdout``, if there is one).
    ``suppressed_by``: segments or stages (``stage.customer == "engagement"``) that hold every message of the
    journey.
    """

    of: str = PERSON
    title: str = ""
    description: str = ""
    state: Literal["published", "draft", "paused", "archived", "shadow"] = "published"
    shadow_of: str | None = None
    """Of a draft in ``shadow``: the journey in whose place it decides, as if that one were not there. Nothing
    that it decides is done, and nobody else notices it.
    """
    triggers: list[Trigger]
    audience: Condition | None = None
    key: str | None = None
    re_entry: Literal["once", "after_exit"] | ReEntry = "once"
    late_after: str = "48h"
    exits: list[ExitRule] = []
    goals: dict[str, GoalRule] = {}
    suppressed_by: Condition | None = None
    priority: int = 50
    programme: str | None = None
    holdout: float | None = None
    limits: JourneyLimits = JourneyLimits()
    autonomy: Autonomy = Autonomy()
    """How far its learned choices (a `split` by `bandit`, a `choose`) may move by themselves."""
    category: str | None = None
    topic: str | None = None
    intent: str | None = None
    tags: list[str] = []
    ttl: str = "24h"
    quiet_hours: Literal["defer", "discard", "ignore"] | None = None
    visits_max: int = 10
    """How often a run may come to one step."""
    steps: dict[str, Step]
    meta: dict[str, Any] = {}
    """For the console: positions of steps. Changes nothing."""


__all__ = ["EXIT", "ExitRule", "GoalRule", "Journey", "JourneyLimits", "ReEntry", "Step", "Trigger"]

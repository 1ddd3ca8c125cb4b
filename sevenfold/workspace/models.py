"""The objects of a workspace: what a folder of YAML says, typed.

Every object is a frozen ``msgspec`` struct, so the same definition validates YAML, generates the JSON Schema
that editors use, and feeds the compiler. Conditions are written in the expression language of
:mod:`sevenfold.profiles.expressions`; they are kept here as the text their author wrote and parsed by whoever
compiles them. Durations are texts such as ``30m``, ``7d`` or ``8w`` (``s``, ``m``, ``h``, ``d``, ``w``).

``of`` names the kind of subject that carries an object: ``person`` (the default), ``account``, or the name of
an entity declared under ``entities`` (an order, an application).
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from ..connectors.model import Connector as Connector
from ..journeys.choice_plan import Action as Action
from ..journeys.people import Broadcast as Broadcast
from ..journeys.people import Calendar as Calendar
from ..journeys.people import OfferPool as OfferPool
from ..journeys.people import People as People
from ..journeys.people import Playbook as Playbook
from ..journeys.people import Save as Save
from ..journeys.people import TaskKind as TaskKind
from ..journeys.plan import Journey as Journey
from ..messages.policy import Consent as Consent
from ..messages.policy import DeliveryChannel as DeliveryChannel
from ..messages.policy import Messaging as Messaging
from ..messages.policy import Referrals as Referrals
from ..messages.templates import Template as Template
from ..messages.templates import Text as Text
from .base import ACCOUNT as ACCOUNT
from .base import PERSON as PERSON
from .base import Condition as Condition
from .base import Group as Group
from .base import Model as Model
from .base import type_of_value as type_of_value
from .predictions import Prediction as Prediction
from .predictions import PredictionFallback as PredictionFallback
from .predictions import PredictionTarget as PredictionTarget

# ----------------------------------------------------------------------------------------------------- traits


class Trait(Model, frozen=True, kw_only=True):
    """A trait the workspace names, and so a typed column. All other traits are kept packed, and cannot be in
    conditions.

    ``path`` is the place inside the traits object (``address.city``, ``$["odd key"]``); it defaults to the
    name. A value of another type than ``type`` leaves the column unknown, with reason ``type``.
    """

    type: type_of_value = "string"
    of: str = PERSON
    path: str | None = None
    description: str = ""


# ---------------------------------------------------------------------------------------------------- signals


class SignalBase(Model, tag_field="kind", frozen=True, kw_only=True):
    """What every signal has: the subject that carries it and a line for people."""

    of: str = PERSON
    description: str = ""
    source: str = ""
    """Where a default number comes from (a paper, a product page) or ``our judgement``."""


class StreamSignal(SignalBase, frozen=True, kw_only=True):
    """A signal over a stream of events: one name or several (a name ending in ``*`` matches by prefix, ``*``
    alone is any event of type track, page or screen), narrowed by ``where`` on the event's properties.

    Derived events can be streams too: ``$stage LIFECYCLE/STAGE`` (entered), ``$segment SEGMENT`` (entered),
    ``$left SEGMENT``.
    """

    event: str | list[str]
    where: Condition | None = None


class Count(StreamSignal, tag="count", frozen=True, kw_only=True):
    """How many events happened in ``(t - window, t]``, or ever. Never unknown: nothing counts 0."""

    window: str | None = None


class Sum(StreamSignal, tag="sum", frozen=True, kw_only=True):
    """Sum of a numeric property in 1e-6 units, in the window or ever. 0 when nothing happened."""

    property: str
    window: str | None = None


class Min(StreamSignal, tag="min", frozen=True, kw_only=True):
    """Smallest value of a numeric property. A window counts whole UTC days."""

    property: str
    window: str | None = None


class Max(StreamSignal, tag="max", frozen=True, kw_only=True):
    """Largest value of a numeric property. A window counts whole UTC days."""

    property: str
    window: str | None = None


class Average(StreamSignal, tag="average", frozen=True, kw_only=True):
    """Mean of a numeric property over the events that carry it; unknown when there are none."""

    property: str
    window: str | None = None


class First(StreamSignal, tag="first", frozen=True, kw_only=True):
    """The property's value at the earliest (event time, log position); unknown when never seen."""

    property: str
    type: type_of_value = "string"


class Last(StreamSignal, tag="last", frozen=True, kw_only=True):
    """The property's value at the latest (event time, log position); ``property: $`` keeps the whole body
    (type json).
    """

    property: str
    type: type_of_value = "string"


class Since(StreamSignal, tag="since", frozen=True, kw_only=True):
    """Time since the last (or first) event, in ms. Unknown when never seen.

    Compared with durations only; ``x > 14d`` and ``x >= 14d`` both mean: no such event in ``(t - 14d, t]``.
    """

    edge: Literal["last", "first"] = "last"


class SinceChange(SignalBase, tag="since_change", frozen=True, kw_only=True):
    """Time since a trait last took another value. Unknown while the trait is unknown."""

    trait: str


class SinceDate(SignalBase, tag="since_date", frozen=True, kw_only=True):
    """Time since the instant in a date trait or a date ``last``/``first`` signal; negative before it."""

    date: str


class UntilDate(SignalBase, tag="until_date", frozen=True, kw_only=True):
    """Time until the instant in a date trait (``renewal <= 90d`` is true from 90 days before,
    and afterwards).
    """

    date: str


class StageTime(SignalBase, tag="stage_time", frozen=True, kw_only=True):
    """Time since the subject entered its current stage of a lifecycle."""

    lifecycle: str


class Distinct(StreamSignal, tag="distinct", frozen=True, kw_only=True):
    """How many different values of a property, in the window or ever; at most 256 are told apart."""

    property: str
    window: str | None = None


class ActiveDays(StreamSignal, tag="active_days", frozen=True, kw_only=True):
    """On how many different UTC days an event happened. In a window a day counts while its last event is
    inside.
    """

    window: str | None = None


class Sessions(StreamSignal, tag="sessions", frozen=True, kw_only=True):
    """Sessions: events with gaps of at most ``gap``. Sub-values: the number of sessions started in the window
    or ever (the bare name), ``.current`` length of the open session in ms (0 when none), ``.previous`` length
    of the last ended one, ``.average`` mean length of ended ones (unknown before the first), ``.events``
    events in the open session.
    """

    gap: str = "30m"
    window: str | None = None


class Ratio(SignalBase, tag="ratio", frozen=True, kw_only=True):
    """One signal over another, in 1e-6; unknown when the divisor is 0 or either side is unknown."""

    numerator: str
    denominator: str


class Formula(SignalBase, tag="formula", frozen=True, kw_only=True):
    """A linear combination of numeric signals of the same subject (``opened - resolved``), in 1e-6 units."""

    formula: str
    at_least: float | None = None


class Trend(StreamSignal, tag="trend", frozen=True, kw_only=True):
    """Slope of the daily counts over the last ``window`` closed UTC days, in events a day per day, 1e-6.

    Least squares over all days of the window, days without events counting 0. Evaluated at day close.
    """

    window: str = "28d"


class Baseline(StreamSignal, tag="baseline", frozen=True, kw_only=True):
    """The subject against itself: the rate in the last ``window`` over its own rate in the ``baseline``
    before it, in 1e-6 (0.4 = 40 % of the usual). Unknown until the baseline holds ``minimum`` events.
    """

    window: str = "7d"
    baseline: str = "28d"
    minimum: int = 4


class MilestoneStep(Model, frozen=True, kw_only=True):
    """One milestone of a path; ``within`` is the time after the one before (or after the start) it is
    expected in.
    """

    name: str
    event: str | list[str]
    where: Condition | None = None
    within: str | None = None


class Milestones(SignalBase, tag="milestones", frozen=True, kw_only=True):
    """Progress along a critical path. The bare name is the number of milestones reached; ``.NAME`` says
    whether that one was; ``.stalled`` turns true when the first unreached milestone's ``within`` has passed
    since the latest of the start and the last progress, and false on progress; ``.next`` is the name of the
    first unreached one.

    ``start`` is the event that starts the clock (the path is unknown before it; a milestone starts it too).
    """

    start: str | list[str]
    steps: list[MilestoneStep]


class Sequence(SignalBase, tag="sequence", frozen=True, kw_only=True):
    """How many times ``then`` followed ``first`` within ``within`` (or, with ``outcome: not_followed``, did
    not).

    ``first`` re-arms at each occurrence; a ``then`` consumes it. The count covers the window or ever.
    """

    first: str | list[str]
    first_where: Condition | None = None
    then: str | list[str]
    then_where: Condition | None = None
    within: str
    outcome: Literal["followed", "not_followed"] = "followed"
    window: str | None = None


class Values(StreamSignal, tag="values", frozen=True, kw_only=True):
    """Memory keyed by a property's value (features used, categories bought), at most 64 values a subject, the
    least recently used forgotten first. The bare name is how many values are remembered; ``.abandoned`` how
    many were used at least ``minimum`` times and not within ``quiet``; ``.top`` the most used (ties: the
    value seen first by the log); ``.recent`` the last one; ``.unused`` how many of ``catalogue`` (a catalogue
    name) were never used. Two lists of names are for templates and evidence: ``.untouched``, the abandoned
    ones, most used first, and ``.untried``, those of the catalogue never used, in its order.
    """

    property: str
    quiet: str = "28d"
    minimum: int = 3
    catalogue: str | None = None


class Channel(SignalBase, tag="channel", frozen=True, kw_only=True):
    """The channel of the first touch by the workspace's acquisition table; ``.intent`` is its level,
    0-100.
    """


class ScoreHistory(SignalBase, tag="score_history", frozen=True, kw_only=True):
    """A fact about a score's closed days: ``slope`` (points a day), ``min`` or ``change`` over ``days`` (28
    or 182).

    Jumps from a change of weights are taken out, so that a new stage is never read as a decline.
    """

    score: str
    measure: Literal["slope", "min", "change"]
    days: Literal[28, 182] = 28


class Rollup(SignalBase, tag="rollup", frozen=True, kw_only=True):
    """An account's total over its members: ``sum`` of a member signal, ``count`` of members for whom ``when``
    holds, or ``average`` (sum over the members that know it). ``over: accounts`` sums over child accounts
    instead, and ``weight`` names the numeric trait that weighs them. Brought up to date when the account
    closes at a tick.
    """

    aggregate: Literal["sum", "count", "average", "max", "min"]
    signal: str | None = None
    when: Condition | None = None
    over: Literal["members", "accounts"] = "members"
    weight: str | None = None


Signal = (
    Count
    | Sum
    | Min
    | Max
    | Average
    | First
    | Last
    | Since
    | SinceChange
    | SinceDate
    | UntilDate
    | StageTime
    | Distinct
    | ActiveDays
    | Sessions
    | Ratio
    | Formula
    | Trend
    | Baseline
    | Milestones
    | Sequence
    | Values
    | Channel
    | ScoreHistory
    | Rollup
)


# ------------------------------------------------------------------------------- segments, stages, scores


class Segment(Model, frozen=True, kw_only=True):
    """Who belongs: a condition, or ``manual: true`` for a list kept by hand. Unknown means out."""

    of: str = PERSON
    when: Condition | None = None
    manual: bool = False
    description: str = ""


class Stage(Model, frozen=True, kw_only=True):
    """One stage. Stages later in the list outrank earlier ones unless ``rank`` says otherwise.

    ``enter``: may be entered when true, from any stage of lower rank, or from any at all once the present
    stage's ``exit`` is true. ``from_`` restricts where from. ``exit``: the stage must be left when true, to
    the highest-ranked stage whose ``enter`` is true, else to ``exit_to`` (default: the lifecycle's initial
    stage).
    """

    name: str
    enter: Condition | None = None
    exit: Condition | None = None
    exit_to: str | None = None
    from_: list[str] | None = msgspec.field(default=None, name="from")
    rank: int | None = None
    question: str = ""
    output: str = ""
    goal: str = ""


class Lifecycle(Model, frozen=True, kw_only=True):
    """Stages; a subject that ``applies`` is in exactly one. ``initial`` defaults to the first stage."""

    of: str = PERSON
    stages: list[Stage]
    initial: str | None = None
    applies: Condition | None = None
    description: str = ""


class Measure(Model, frozen=True, kw_only=True):
    """One part of a score: a numeric ``signal`` mapped to 0-100 by ``points`` (straight lines between ``[x,
    score]`` pairs, flat outside), a text ``signal`` by ``values``, or a condition ``when`` worth 100 or 0.
    Unknown is absent. ``x`` is in the signal's own unit; for time signals a duration such as ``7d`` (the
    score steps at each point).
    """

    signal: str | None = None
    when: Condition | None = None
    points: list[tuple[float | str, float]] | None = None
    values: dict[str, float] | None = None
    default: float | None = None
    description: str = ""
    source: str = ""


class Weights(Model, frozen=True, kw_only=True):
    """Weights that hold for a stage, a segment, a tier, or any mix. The most specific set present is the one
    used.
    """

    weights: dict[str, float]
    stage: str | None = None
    segment: str | None = None
    tier: str | None = None
    source: str = ""


class Band(Model, frozen=True, kw_only=True):
    """A named range of a score, from ``from`` (0-100) up to the next band."""

    name: str
    from_: float = msgspec.field(name="from")


class Override(Model, frozen=True, kw_only=True):
    """While ``when`` holds, the score is at most ``cap``."""

    when: Condition
    cap: float
    reason: str


class Score(Model, frozen=True, kw_only=True):
    """A score from 0 to 100: the weighted mean of the measures present, with bands and a daily history.

    ``lifecycle`` names the lifecycle whose stages choose the weights. ``tier`` is the trait that names the
    tier. Account scores may take ``members``: the weight of the role-weighted mean of a member score.

    With ``per`` the score is the weighted *sum* of the measures, each from 0 to 100, divided by the value of
    that signal (a count or number, such as all potential touchpoints) and not by the weights, at most 100;
    unknown where the signal is unknown or not above 0.
    """

    of: str = PERSON
    lifecycle: str | None = None
    tier: str | None = None
    per: str | None = None
    measures: dict[str, Measure]
    weights: list[Weights]
    coverage_floor: float = 0.5
    bands: list[Band]
    hysteresis: float = 3.0
    history: bool = True
    velocity_noise: float = 0.15
    """Points a day within which the slope over 28 days is called flat."""
    overrides: list[Override] = []
    members: MemberScore | None = None
    description: str = ""


class MemberScore(Model, frozen=True, kw_only=True):
    """How member scores enter an account's score: as a measure named ``members`` with this weight; roles
    weigh in.
    """

    score: str
    weight: float
    roles: dict[str, float] = {}


# ------------------------------------------------------------------------------- workspace and the rest


class Entity(Model, frozen=True, kw_only=True):
    """A subject that is neither person nor account: the property (or ``context.X``) whose value names it."""

    key: str
    person: bool = True
    """Whether its events count for the person as well."""


class AcquisitionRule(Model, frozen=True, kw_only=True):
    """One row of the acquisition table; the first whose ``when`` is true names the channel. ``when`` may use
    ``page.path``, ``page.referrer``, ``page.url``, ``campaign.source`` (any campaign key), ``property.X`` and
    ``trait.X``.
    """

    channel: str
    intent: float
    when: Condition | None = None
    survey: bool = False
    """A rule on a survey answer beats the first touch."""


class IdentifierType(Model, frozen=True, kw_only=True):
    """How many values of an identifier one profile may hold (``limit``) in a sliding ``per`` (None: for
    ever).
    """

    limit: int = 5
    per: str | None = None
    path: str | None = None


class Identity(Model, frozen=True, kw_only=True):
    """Identity resolution. ``order`` runs from the strongest identifier to the weakest."""

    order: tuple[str, ...] = ("user_id", "email", "phone", "device", "anonymous_id")
    types: dict[str, IdentifierType] = {}
    blocked: list[str] = []
    default_region: str | None = None
    """Two-letter region for phone numbers written without a country code."""
    retire_after: str | None = None
    """A visitor of whom nothing but anonymous ids is known, and to whom nothing happens for so long (`90d`),
    is forgotten; when they come again they are somebody new. Not given: nobody is. It lasts at least as long
    as the longest window of a signal. Who is in a journey, on a manual list, or has an entity (an order) or
    an open task stays.
    """


class Catalogue(Model, frozen=True, kw_only=True):
    """A table of the business: plans, features, products, contracts, people who act. Rows are in ``file``
    (CSV) or here.

    ``subject`` and ``key`` tie a row to an account or person: its columns then act as traits of that subject.
    """

    key: str
    file: str | None = None
    rows: list[dict[str, Any]] = []
    subject: str | None = None
    columns: dict[str, type_of_value] = {}


class Phase(Model, frozen=True, kw_only=True):
    """A part of the set-up's calendar: the ``weeks`` it takes (``[1, 4]``, counted from 1, both included;
    ``[13]`` is from then on), the stages it is about (``LIFECYCLE/STAGE``), the journeys that go live in it,
    and the events that must arrive before. ``goal`` says by what one knows that it is done. A journey may be
    in one phase only; those in none are live from the start.
    """

    title: str
    weeks: list[int]
    stages: list[str] = []
    journeys: list[str] = []
    events: list[str] = []
    goal: str = ""
    description: str = ""
    source: str = ""


class Touchpoint(Model, frozen=True, kw_only=True):
    """A place where customers meet us, told by events (a name, several, or a prefix with ``*``), offline ones
    too. ``where`` narrows them, ``good`` and ``bad`` say which meetings went well or badly; all three are
    conditions on the events' properties. ``interventions`` are journeys that answer what goes wrong here.
    """

    title: str = ""
    channel: str = ""
    """Where it is: website, trial, call, onboarding, in_app, service, store ..."""
    event: str | list[str]
    where: str = ""
    good: str = ""
    bad: str = ""
    team: str = ""
    interventions: list[str] = []
    description: str = ""


class TouchpointOutcome(Model, frozen=True, kw_only=True):
    """What should come of a stage: one of these ``stages`` is reached, or an ``event`` happens."""

    stages: list[str] = []
    event: str | list[str] | None = None
    where: str = ""


class TouchpointStage(Model, frozen=True, kw_only=True):
    """A stage of the touchpoint map, named after the stage of ``lifecycle`` unless ``stage`` says otherwise.

    Moments of truth are looked for among meetings in the first ``meet_within`` of the stage, by whether the
    ``outcome`` comes in the time ``within`` after that. Without an outcome it is any later stage of the map
    that is not ``lost``.
    """

    lifecycle: str
    stage: str = ""
    title: str = ""
    goal: str = ""
    """What the customer wants to have reached."""
    expectation: str = ""
    """What they expect of us on the way."""
    pain_points: list[str] = []
    team: str = ""
    """Who owns the stage."""
    outcome: TouchpointOutcome | None = None
    within: str = "30d"
    meet_within: str = "7d"
    lost: bool = False
    """Whether who is here has been lost (attrition)."""
    touchpoints: dict[str, Touchpoint] = {}
    interventions: list[str] = []


class Workspace(Model, frozen=True, kw_only=True):
    """A whole workspace, after loading and merging what it extends."""

    name: str
    title: str = ""
    description: str = ""
    timezone: str = "UTC"
    currency: str = "USD"
    extends: str | list[str] | None = None
    """A pack or folder to stand on, or several, the lowest first."""
    entities: dict[str, Entity] = {}
    identity: Identity = Identity()
    traits: dict[str, Trait] = {}
    acquisition: list[AcquisitionRule] = []
    catalogues: dict[str, Catalogue] = {}
    signals: dict[str, Signal] = {}
    segments: dict[str, Segment] = {}
    lifecycles: dict[str, Lifecycle] = {}
    scores: dict[str, Score] = {}
    predictions: dict[str, Prediction] = {}
    channels: dict[str, DeliveryChannel] = {}
    consent: Consent = Consent()
    messaging: Messaging = Messaging()
    templates: dict[str, Template] = {}
    partials: dict[str, Text] = {}
    people: People | None = None
    referrals: Referrals | None = None
    calendars: dict[str, Calendar] = {}
    tasks: dict[str, TaskKind] = {}
    playbooks: dict[str, Playbook] = {}
    saves: dict[str, Save] = {}
    offers: dict[str, OfferPool] = {}
    broadcasts: dict[str, Broadcast] = {}
    actions: dict[str, Action] = {}
    connectors: dict[str, Connector] = {}
    journeys: dict[str, Journey] = {}
    phases: dict[str, Phase] = {}
    touchpoints: dict[str, TouchpointStage] = {}
    events: dict[str, str | list[str]] = {}
    """What events are called where they come from: the name used here, and one or several that are sent."""


SECTION_TYPES: dict[str, Any] = {
    "entities": Entity,
    "traits": Trait,
    "catalogues": Catalogue,
    "signals": Signal,
    "segments": Segment,
    "lifecycles": Lifecycle,
    "scores": Score,
    "predictions": Prediction,
    "channels": DeliveryChannel,
    "templates": Template,
    "partials": Text,
    "calendars": Calendar,
    "tasks": TaskKind,
    "playbooks": Playbook,
    "saves": Save,
    "offers": OfferPool,
    "broadcasts": Broadcast,
    "actions": Action,
    "connectors": Connector,
    "journeys": Journey,
    "phases": Phase,
    "touchpoints": TouchpointStage,
    "events": str | list[str],
}
"""What each named object of a section is."""
OBJECT_TYPES: dict[str, Any] = {
    "identity": Identity,
    "acquisition": list[AcquisitionRule],
    "consent": Consent,
    "messaging": Messaging,
    "people": People,
    "referrals": Referrals,
}
"""What the fields are that are one object each, with a file of their own."""

UNDEFINED: Final = Workspace(name="undefined")
"""The definition before the first: events of people are taken, and mean nothing."""

"""A subject of the reference fold: a person, an account or an entity, and every fact a condition can name."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Any

from sevenfold.effects import subject_id
from sevenfold.profiles import expressions as ex
from sevenfold.workspace import models
from sevenfold.workspace.models import ACCOUNT, PERSON, Workspace

from .memory import OF_STREAMS, ChannelState, ReadState, ValuesState
from .signals import Seen, State, dig, slope
from .values import (
    MICRO,
    Clock,
    Cursor,
    Date,
    Span,
    Value,
    durations,
    linear,
    parse,
    parse_linear,
    shown,
    truth,
    typed,
)


@dataclass
class ScoreState:
    """A score's value in 1/1000 point (None below the coverage floor), its band, its closed days in 1/100
    point."""

    value: int | None = None
    band: str | None = None
    weights: int | None = None
    """Which weight set: its place in the written list, -1 for none, None before the first evaluation."""
    numerator: int = 0
    denominator: int = 0
    contributions: dict[str, int] = field(default_factory=dict)
    daily: list[int | None] = field(default_factory=list)
    weekly: list[int | None] = field(default_factory=list)
    jumps: int = 0
    velocity: str | None = None


@dataclass
class Foretold:
    """A prediction of a subject, in the units of its records; None when nothing is foretold."""

    value: int | None = None
    as_of: int = 0
    asked: bool = False
    """Whether the subject was in the population when last looked at."""


@dataclass
class TraitState:
    """The newest non-empty value of a trait by (te, seq)."""

    te: int
    seq: int
    raw: Any


@dataclass
class Membership:
    """A person's place in an account."""

    joined: int
    role: str | None
    role_seq: int


class Subject:
    """Its row numbers it among its kind; ``id`` is made of the record that created it."""

    def __init__(self, workspace: Workspace, of: str, kind: int, row: int, seq: int) -> None:
        self.workspace, self.of, self.kind, self.row = workspace, of, kind, row
        self.id = subject_id(of, seq)
        self.born = seq
        self.last = 0
        """When something last happened to a person: an event of theirs, or one derived that a signal takes.
        """
        self.traits: dict[str, TraitState] = {}
        self.changed: dict[str, int] = {}
        """By declared trait: the te of the event that gave it another value."""
        self.members: dict[str, bool] = {n: False for n, s in workspace.segments.items() if s.of == of}
        self.manual: set[str] = set()
        self.stages: dict[str, str | None] = {n: None for n, x in workspace.lifecycles.items() if x.of == of}
        self.stage_since: dict[str, int] = {}
        self.scores = {n: ScoreState() for n, s in workspace.scores.items() if s.of == of}
        self.moves: list[tuple[str, int | None, int | None]] = []
        """Moves of scores that were no jumps, as (score, before, after), until journeys have seen them."""
        self.predictions = {n: Foretold() for n, p in workspace.predictions.items() if p.of == of}
        self.accounts: dict[Subject, Membership] = {}
        self.held: dict[str, dict[str, Membership | int]] = {}
        self.member_score: dict[str, int | None] = {}
        self.published: dict[tuple[str, ...], Value] = {}
        self.contribution: Any = None
        self.lifecycle_inputs: dict[str, Any] = {}
        self.linked: dict[tuple[str, str], int] = {}
        thresholds = clock_thresholds(workspace)
        self.signals: dict[str, State] = {}
        for index, (name, model) in enumerate(workspace.signals.items()):
            if model.of == of:
                self.signals[name] = self._state(model, (kind, row, index), sorted(thresholds.get(name, ())))

    def _state(self, model: Any, place: tuple[int, int, int], thresholds: list[int]) -> State:
        if isinstance(model, models.Channel):
            return ChannelState(model, place, self.workspace.acquisition, self.trait)
        if isinstance(model, models.Values):
            table = self.workspace.catalogues.get(model.catalogue or "")
            keys = [] if table is None else [str(row[table.key]) for row in table.rows]
            return ValuesState(model, place, thresholds, keys)
        known = OF_STREAMS.get(type(model))
        if known is not None:
            return known(model, place, thresholds)
        return ReadState(model, place, thresholds, lambda now: self._derived(model, now))

    # ------------------------------------------------------------------------------------------ facts

    def fact(self, name: ex.Name, now: Cursor) -> Value:
        """The value of a name in a condition about this subject."""
        scope, *rest = name.parts
        if not rest:
            return self.signal(scope, "", now)
        if scope == "trait":
            return self.trait(".".join(rest))
        if scope == "segment":
            return self.members.get(rest[0])
        if scope == "stage":
            return self.stages.get(rest[0])
        if scope in ("score", "band", "velocity"):
            state = self.scores.get(rest[0])
            if state is None:
                return None
            if scope == "score":
                return None if state.value is None else Fraction(state.value, 1_000)
            return state.band if scope == "band" else state.velocity
        if scope == "prediction":
            foretold = self.predictions.get(rest[0])
            if foretold is None or foretold.value is None:
                return None
            dated = self.workspace.predictions[rest[0]].kind == "time_to"
            return Date(foretold.value) if dated else Fraction(foretold.value, MICRO)
        if scope == "account":
            account = self.account()
            return None if account is None else account.published.get(tuple(rest))
        return self.signal(scope, ".".join(rest), now)

    def signal(self, name: str, part: str, now: Cursor) -> Value:
        state = self.signals.get(name)
        return None if state is None else state.read(now).get(part)

    def trait(self, name: str) -> Value:
        model = self.workspace.traits.get(name)
        if model is None or model.of != self.of:
            return None
        head, *rest = [name] if model.path is None else model.path.split(".")
        state = self.traits.get(head)
        # A value of another type than declared is the newest all the same, and leaves the trait unknown.
        return None if state is None else typed(dig(state.raw, rest), model.type)

    def account(self) -> Subject | None:
        """The only, or first joined, account of a person."""
        return min(self.accounts, key=lambda a: self.accounts[a].joined, default=None)

    def input_of(self, atom: ex.Node, now: Cursor) -> Any:
        """What an atom of a condition says to who depends on it. Choice: a number or clock compared with a
        constant says true, false or unknown; everything else says the values themselves."""
        values = {str(name): self.fact(name, now) for name in ex.names(atom)}
        plain_text = any(isinstance(v, str | bool) for v in values.values())
        sides = {type(atom.left), type(atom.right)} if isinstance(atom, ex.Compare) else set()
        simple = sides == {ex.Name, ex.Literal} and not plain_text
        if simple or any(isinstance(v, Clock) for v in values.values()):
            return truth(atom, lambda name: values[str(name)])
        return repr(values)

    def tier(self, name: str) -> Value:
        """The trait that names a tier: the subject's own, or its account's."""
        model = self.workspace.traits.get(name)
        if model is not None and model.of != self.of:
            return self.fact(ex.Name(("account", "trait", name)), (0,))
        return self.trait(name)

    def _derived(self, model: Any, now: Cursor) -> Value:
        if isinstance(model, models.Ratio):
            above, below = self._numeric(model.numerator, now), self._numeric(model.denominator, now)
            return None if above is None or not below else shown(above / below)
        if isinstance(model, models.Formula):
            value = linear(parse_linear(model.formula), lambda name: self.fact(name, now))
            if value is None or model.at_least is None:
                return None if value is None else shown(value)
            return max(shown(value), Fraction(str(model.at_least)))
        if isinstance(model, models.SinceChange):
            return None if self.trait(model.trait) is None else Date(self.changed[model.trait])
        if isinstance(model, models.SinceDate | models.UntilDate):
            if model.date.startswith("prediction."):
                foretold = self.fact(ex.Name(tuple(model.date.split("."))), now)
                return foretold if isinstance(foretold, Date) else None
            name = model.date.removeprefix("trait.")
            trait = model.date.startswith("trait.") or name in self.workspace.traits
            date = self.trait(name) if trait else self.signal(name, "", now)
            return date if isinstance(date, Date) else None
        if isinstance(model, models.StageTime):
            since = self.stage_since.get(model.lifecycle)
            return None if since is None or self.stages[model.lifecycle] is None else Date(since)
        assert isinstance(model, models.ScoreHistory), model
        return self._history(model)

    def _numeric(self, name: str, now: Cursor) -> Fraction | None:
        value = self.fact(ex.Name(tuple(name.split("."))), now)
        return value if isinstance(value, Fraction) else None

    def _history(self, model: models.ScoreHistory) -> Value:
        state = self.scores[model.score]
        values, step, enough = (state.daily, 1, 7) if model.days == 28 else (state.weekly, 7, 4)
        known = [(i * step, v) for i, v in enumerate(values) if v is not None]
        if len(known) < enough:
            return None
        if model.measure == "slope":
            return shown(slope(known) / 100)
        if model.measure == "min":
            return Fraction(min(v for _, v in known), 100) + Fraction(state.jumps, 1_000)
        return Fraction(known[-1][1] - known[0][1], 100)

    # ---------------------------------------------------------------------------------------- changes

    def see(self, event: Seen, now: Cursor) -> None:
        for state in self.signals.values():
            state.see(event, now)

    def set_traits(self, traits: dict[str, Any], te: int, seq: int) -> None:
        """Per trait the newest value by (te, seq) wins; null and "" are no values."""
        before = {name: self.trait(name) for name in self.workspace.traits}
        for name, raw in traits.items():
            old = self.traits.get(name)
            if raw is not None and raw != "" and (old is None or (te, seq) > (old.te, old.seq)):
                self.traits[name] = TraitState(te, seq, raw)
        self.changed |= {name: te for name in before if self.trait(name) != before[name]}

    def absorb(self, other: Subject, now: Cursor) -> None:
        """Takes over all of a merged subject, but for its stages, segments and score history."""
        for name, state in self.signals.items():
            state.absorb(other.signals[name], now)
        for name, theirs in other.traits.items():
            self.set_traits({name: theirs.raw}, theirs.te, theirs.seq)
        # Choice: after a merge a trait has changed when it last did for either.
        for name, te in other.changed.items():
            self.changed[name] = max(te, self.changed.get(name, te))
        for account, role in other.accounts.items():
            kept = self.accounts.setdefault(account, role)
            # Choice: who joined earlier says the role, if any was said.
            first, second = sorted((kept, role), key=lambda m: m.joined)
            said = first if first.role else second
            self.accounts[account] = Membership(first.joined, said.role, said.role_seq)
        self.manual |= other.manual
        for name, theirs in other.predictions.items():
            mine = self.predictions[name]
            if theirs.as_of > mine.as_of:
                mine.value, mine.as_of = theirs.value, theirs.as_of
            mine.asked |= theirs.asked

    # ---------------------------------------------------------------------------------------- showing

    def shape(self, now: Cursor) -> dict[str, Any]:
        """The subject in natural units: clocks and lengths in ms, scores in points. A part of a signal is
        ``name.part``; what is unknown is None."""
        signals: dict[str, Any] = {}
        for name, state in self.signals.items():
            for part, value in state.read(now).items():
                signals[f"{name}.{part}" if part else name] = natural(state.model, value, part)
        return {
            "signals": signals,
            "traits": {
                n: natural(None, self.trait(n)) for n, m in self.workspace.traits.items() if m.of == self.of
            },
            "segments": {n for n, inside in self.members.items() if inside},
            "stages": dict(self.stages),
            "bands": {n: s.band for n, s in self.scores.items()},
            "scores": {n: score_shape(s) for n, s in self.scores.items()},
            "predictions": {
                n: (natural(None, self.fact(ex.Name(("prediction", n)), now)), p.as_of or None)
                for n, p in self.predictions.items()
            },
        }


def score_shape(state: ScoreState) -> dict[str, Any]:
    """``contributions``: weight times value of each measure present; they add up to the numerator."""
    return {
        "value": None if state.value is None else state.value / 1_000,
        "numerator": state.numerator,
        "denominator": state.denominator,
        "contributions": dict(state.contributions),
        "velocity": state.velocity,
        "daily": list(state.daily),
    }


COUNTED = (
    models.Count,
    models.Distinct,
    models.ActiveDays,
    models.Milestones,
    models.Sequence,
    models.Values,
)


def in_units(model: Any, value: Fraction, part: str = "") -> int:
    """A number in the signal's units: 1 for counts, 1e-6 for all others, rounded down."""
    counted = isinstance(model, COUNTED) or (isinstance(model, models.Sessions) and part in ("", "events"))
    counted = counted or (isinstance(model, models.Rollup) and model.aggregate == "count")
    return floor(value if counted else value * MICRO)


def natural(model: Any, value: Value, part: str = "") -> Any:
    """A value as people read it: numbers rounded down to the signal's unit, times in ms."""
    if isinstance(value, Fraction):
        units = in_units(model, value, part)
        return units if in_units(model, Fraction(1), part) == 1 else units / MICRO
    if isinstance(value, Span | Date):
        return value.ms
    if isinstance(value, Clock):
        return value.base - value.now[0] if value.until else value.now[0] - value.base
    return value


def conditions(workspace: Workspace) -> list[tuple[str, models.Condition]]:
    """Every condition with the kind of subject it is about."""
    found: list[tuple[str, models.Condition | None]] = []
    for segment in workspace.segments.values():
        found.append((segment.of, segment.when))
    for prediction in workspace.predictions.values():
        found.append((prediction.of, prediction.population))
    for lifecycle in workspace.lifecycles.values():
        found.append((lifecycle.of, lifecycle.applies))
        for stage in lifecycle.stages:
            found += [(lifecycle.of, stage.enter), (lifecycle.of, stage.exit)]
    for score in workspace.scores.values():
        found += [(score.of, m.when) for m in score.measures.values()]
        found += [(score.of, o.when) for o in score.overrides]
    for signal in workspace.signals.values():
        if isinstance(signal, models.Rollup):
            found.append((PERSON if signal.over == "members" else ACCOUNT, signal.when))
    for journey in workspace.journeys.values():
        found += [(journey.of, condition) for condition in conditions_of_journey(journey)]
    return [(of, condition) for of, condition in found if condition is not None]


def conditions_of_journey(journey: Any) -> list[models.Condition | None]:
    """What a journey asks about its subjects."""
    rules = [*journey.exits, *journey.goals.values()]
    found = [journey.audience, journey.suppressed_by, *(rule.when for rule in rules)]
    found += [getattr(trigger, "when", None) for trigger in journey.triggers]
    for step in journey.steps.values():
        found += [path.when for path in getattr(step, "paths", ()) if hasattr(path, "when")]
    return found


_THRESHOLDS: dict[int, tuple[Workspace, dict[str, set[int]]]] = {}


def clock_thresholds(workspace: Workspace) -> dict[str, set[int]]:
    """For each signal the durations it is compared with anywhere, in conditions and in points of scores."""
    cached = _THRESHOLDS.get(id(workspace))
    if cached is not None and cached[0] is workspace:
        return cached[1]
    found: dict[str, set[int]] = {}
    for _, condition in conditions(workspace):
        for name, ms in durations(parse(condition)):
            signal = name.parts[1] if name.parts[0] == "account" else name.parts[0]
            found.setdefault(signal, set()).add(ms)
    for score in workspace.scores.values():
        for measure in score.measures.values():
            for x, _ in measure.points or ():
                if isinstance(x, str) and measure.signal is not None:
                    found.setdefault(measure.signal, set()).add(ex.parse_duration(x))
    _THRESHOLDS.clear()
    _THRESHOLDS[id(workspace)] = (workspace, found)
    return found

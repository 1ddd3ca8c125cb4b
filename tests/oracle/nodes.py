"""Segments, scores and lifecycles of one subject, evaluated in the fixed order, in passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any

from sevenfold.limits import EVALUATION_PASSES_MAX
from sevenfold.profiles import expressions as ex
from sevenfold.workspace import models
from sevenfold.workspace.models import Workspace

from .signals import Seen, slope
from .subject import Foretold, ScoreState, Subject, in_units
from .values import MICRO, Clock, Cursor, Span, parse, parse_linear, truth

Emit = Callable[[str, Subject, str, dict[str, Any]], None]
UNKNOWN_BAND = "unknown"


def in_points(value: int | None) -> float | None:
    """A score in points."""
    return None if value is None else value / 1_000


def milli(points: float) -> int:
    """Points (or a weight) in 1/1000."""
    return round(Fraction(str(points)) * 1_000)


# ------------------------------------------------------------------------------------------ the order


def segment_order(workspace: Workspace, of: str) -> tuple[list[str], list[str]]:
    """The segments that depend on no stage, score or band, and the others, by dependency, then as written."""
    needs = {n: set(_needs_of_segment(workspace, n)) for n, s in workspace.segments.items() if s.of == of}

    def late(name: str) -> bool:
        return any(kind == "node" or late(other) for kind, other in needs[name])

    # Choice: "in dependency then written order" takes, again and again, the first written one that is ready.
    ordered: list[str] = []
    while len(ordered) < len(needs):
        waiting = [n for n in needs if n not in ordered]
        ordered.append(
            next(n for n in waiting if not {o for k, o in needs[n] if k == "segment"} & set(waiting))
        )
    return [n for n in ordered if not late(n)], [n for n in ordered if late(n)]


def _needs_of_segment(workspace: Workspace, name: str) -> Iterator[tuple[str, str]]:
    condition = workspace.segments[name].when
    if condition is not None:
        for fact in ex.names(parse(condition)):
            yield from _needs_of_fact(workspace, fact.parts)


def _needs_of_fact(workspace: Workspace, parts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if parts[0] == "segment":
        yield "segment", parts[1]
    elif parts[0] in ("stage", "score", "band", "velocity"):
        yield "node", parts[1]
    elif parts[0] in workspace.signals:
        yield from _needs_of_signal(workspace, workspace.signals[parts[0]])


def _needs_of_signal(workspace: Workspace, signal: Any) -> Iterator[tuple[str, str]]:
    """Choice: a dependency goes through stage_time, score_history, ratio and formula, but not through derived
    events, which are events like others."""
    if isinstance(signal, models.StageTime):
        yield "node", signal.lifecycle
    if isinstance(signal, models.ScoreHistory):
        yield "node", signal.score
    if isinstance(signal, models.Ratio):
        for name in (signal.numerator, signal.denominator):
            yield from _needs_of_fact(workspace, tuple(name.split(".")))
    if isinstance(signal, models.Formula):
        for _, fact in parse_linear(signal.formula).terms:
            yield from _needs_of_fact(workspace, fact.parts)


# ----------------------------------------------------------------------------------------- the passes


class Evaluator:
    """Evaluates one subject to its fixed point. ``oscillated`` tells whether a move was ever held back."""

    def __init__(self, workspace: Workspace, emit: Emit) -> None:
        self.workspace = workspace
        self.emit = emit
        self.orders: dict[str, tuple[list[str], list[str]]] = {}
        self.left: set[tuple[str, str]] = set()
        self.oscillated = False

    def evaluate(self, subject: Subject, now: Cursor, seq: int) -> None:
        if subject.of not in self.orders:
            self.orders[subject.of] = segment_order(self.workspace, subject.of)
        self.left = set()
        for _ in range(EVALUATION_PASSES_MAX):
            if not self._pass(subject, now, seq):
                return
        # Choice: the eighth pass still changed something.
        self.emit("overflow", subject, "", {})

    def _pass(self, subject: Subject, now: Cursor, seq: int) -> bool:
        early, late = self.orders[subject.of]
        changed = False
        for name in early:
            changed |= self._segment(subject, name, now, seq)
        for name in subject.scores:
            changed |= self._score(subject, name, now)
        for name in subject.stages:
            if self._lifecycle(subject, name, now, seq):
                changed = True
                for score in subject.scores:
                    if self.workspace.scores[score].lifecycle == name:
                        self._score(subject, score, now)
        for name in late:
            changed |= self._segment(subject, name, now, seq)
        for name, foretold in subject.predictions.items():
            changed |= self._population(subject, name, foretold, now)
        return changed

    def _population(self, subject: Subject, name: str, foretold: Foretold, now: Cursor) -> bool:
        """Who leaves the population has no value any more."""
        population = self.workspace.predictions[name].population
        if population is None or self.holds(subject, population, now):
            foretold.asked = True
            return False
        left, known = foretold.asked, foretold.value is not None
        foretold.asked = False
        if left:
            foretold.value, foretold.as_of = None, 0
        return left and known

    def holds(self, subject: Subject, condition: models.Condition | None, now: Cursor) -> bool:
        """Whether a condition is true; unknown is not, and no condition is not."""
        if condition is None:
            return False
        return truth(parse(condition), lambda name: subject.fact(name, now)) is True

    def _derived(self, subject: Subject, name: str, now: Cursor, seq: int) -> None:
        seen = Seen(name, now[0], seq)
        if any(state.takes(seen) for state in subject.signals.values()):
            subject.last = now[0]
        subject.see(seen, now)

    # --------------------------------------------------------------------------------------- segments

    def _segment(self, subject: Subject, name: str, now: Cursor, seq: int) -> bool:
        segment = self.workspace.segments[name]
        inside = name in subject.manual if segment.manual else self.holds(subject, segment.when, now)
        if inside == subject.members[name]:
            return False
        subject.members[name] = inside
        self.emit("entered" if inside else "left", subject, name, {})
        self._derived(subject, f"$segment {name}" if inside else f"$left {name}", now, seq)
        return True

    # ------------------------------------------------------------------------------------- lifecycles

    def _lifecycle(self, subject: Subject, name: str, now: Cursor, seq: int) -> bool:
        """One move at most. Evaluated only when an input (or the stage itself) changed: a move held back
        because its stage was left in that operation is not made up for by the next operation alone."""
        lifecycle = self.workspace.lifecycles[name]
        read = [lifecycle.applies, *(c for s in lifecycle.stages for c in (s.enter, s.exit))]
        atoms = [atom for c in read if c is not None for atom in ex.atoms(parse(c))]
        inputs = subject.stages[name], [subject.input_of(atom, now) for atom in atoms]
        if subject.lifecycle_inputs.get(name) == inputs:
            return False
        subject.lifecycle_inputs[name] = inputs
        to = self._move(subject, name, lifecycle, now)
        if to == subject.stages[name]:
            return False
        came_from = subject.stages[name]
        subject.stages[name] = to
        subject.stage_since[name] = now[0]
        if came_from is not None:
            self.left.add((name, came_from))
        self.emit("stage", subject, name, {"from": came_from, "to": to})
        if to is not None:
            self._derived(subject, f"$stage {name}/{to}", now, seq)
        return True

    def _move(self, subject: Subject, name: str, lifecycle: models.Lifecycle, now: Cursor) -> str | None:
        """The stage to be in after this pass."""
        present = subject.stages[name]
        stages = {stage.name: stage for stage in lifecycle.stages}
        initial = lifecycle.initial or lifecycle.stages[0].name
        if lifecycle.applies is not None and not self.holds(subject, lifecycle.applies, now):
            return None
        if present is None:
            # Choice: entering the initial stage, the first time or again, is the move of its pass.
            return present if self._held_back(name, initial) else initial
        rank = {s.name: i if s.rank is None else s.rank for i, s in enumerate(lifecycle.stages)}
        leaving = self.holds(subject, stages[present].exit, now)
        for stage in self._by_rank(lifecycle, rank):
            allowed = stage.from_ is None or present in stage.from_
            open_ = stage.name != present and allowed and (leaving or rank[stage.name] > rank[present])
            if open_ and self.holds(subject, stage.enter, now) and not self._held_back(name, stage.name):
                return stage.name
        fallback = stages[present].exit_to or initial
        if leaving and fallback != present and not self._held_back(name, fallback):
            return fallback
        return present

    def _by_rank(self, lifecycle: models.Lifecycle, rank: dict[str, int]) -> list[models.Stage]:
        """Falling rank. Choice: of equal ranks the one written later, though neither outranks the other."""
        places = {stage.name: place for place, stage in enumerate(lifecycle.stages)}
        return sorted(lifecycle.stages, key=lambda s: (-rank[s.name], -places[s.name]))

    def _held_back(self, lifecycle: str, stage: str) -> bool:
        held = (lifecycle, stage) in self.left
        self.oscillated |= held
        return held

    # ----------------------------------------------------------------------------------------- scores

    def _score(self, subject: Subject, name: str, now: Cursor) -> bool:
        score, state = self.workspace.scores[name], subject.scores[name]
        before, band_before, weights_before = state.value, state.band, state.weights
        state.weights = self._weight_set(subject, score)
        self._value(subject, score, state, now)
        if before is not None and weights_before != state.weights:
            # Choice: "before" is the value as it last stood, also when measures changed at the same time; a
            # change from unknown is no jump, and one that leaves the value as it was is none either.
            state.band = plain_band(score, state.value)
            if state.value != before:
                self.emit(
                    "jump", subject, name, {"before": in_points(before), "after": in_points(state.value)}
                )
            if state.value is not None:
                state.jumps += state.value - before
        else:
            if state.value != before:
                subject.moves.append((name, before, state.value))
            state.band = next_band(score, state.value, band_before)
            if state.band != band_before:
                data = {"from": band_before or UNKNOWN_BAND, "to": state.band or UNKNOWN_BAND}
                self.emit("band", subject, name, data | {"value": in_points(state.value)})
        return (before, band_before, weights_before) != (state.value, state.band, state.weights)

    def _weight_set(self, subject: Subject, score: models.Score) -> int:
        """The place of the most specific set present, -1 when none is."""
        stage = None if score.lifecycle is None else subject.stages[score.lifecycle]
        tier = None if score.tier is None else subject.tier(score.tier)
        segments = list(self.workspace.segments)
        fitting: list[tuple[int, int, int]] = []
        for i, one in enumerate(score.weights):
            fits = one.stage in (None, stage) and one.tier in (None, tier)
            if fits and (one.segment is None or subject.members[one.segment]):
                shape = one.stage is not None, one.segment is not None, one.tier is not None
                # Choice: of several segments the one that the workspace writes first.
                place = 0 if one.segment is None else segments.index(one.segment)
                fitting.append((SPECIFIC.index(shape), place, i))
        return min(fitting)[2] if fitting else -1

    def _value(self, subject: Subject, score: models.Score, state: ScoreState, now: Cursor) -> None:
        chosen = score.weights[state.weights].weights if state.weights not in (None, -1) else {}
        weights = {name: milli(w) for name, w in chosen.items() if name in score.measures}
        parts = {n: self._measure(subject, m, now) for n, m in score.measures.items()}
        if score.members is not None:
            weights["members"] = milli(score.members.weight)
            parts["members"] = subject.member_score.get(score.members.score)
        known = {n: s for n, s in parts.items() if s is not None and weights.get(n, 0)}
        state.contributions = {n: weights[n] * s for n, s in known.items()}
        state.numerator = sum(state.contributions.values())
        state.denominator = sum(weights[n] for n in known)
        total = sum(weights.values())
        if not state.denominator or state.denominator < Fraction(str(score.coverage_floor)) * total:
            state.value = None
            return
        caps = [milli(o.cap) for o in score.overrides if self.holds(subject, o.when, now)]
        if score.per is None:
            value = Fraction(state.numerator, state.denominator)
        else:
            per = subject.fact(ex.Name(tuple(score.per.split("."))), now)
            if per is None or per <= 0:
                state.value = None
                return
            value = min(Fraction(state.numerator, 1_000) / per, Fraction(100_000))
        state.value = min([floor(value), *caps])

    def _measure(self, subject: Subject, measure: models.Measure, now: Cursor) -> int | None:
        """A measure's s in 1/1000 point; None is absent. Choice: a default stands in for what is unknown."""
        absent = None if measure.default is None else milli(measure.default)
        s = self._known_measure(subject, measure, now)
        return absent if s is None else s

    def _known_measure(self, subject: Subject, measure: models.Measure, now: Cursor) -> int | None:
        if measure.when is not None:
            held = truth(parse(measure.when), lambda name: subject.fact(name, now))
            return None if held is None else 100_000 * held
        assert measure.signal is not None
        signal, _, part = measure.signal.partition(".")
        value = subject.fact(ex.Name(tuple(measure.signal.split("."))), now)
        if value is None:
            return None
        if measure.values is not None:
            worth = measure.values.get(value) if isinstance(value, str) else None
            return None if worth is None else milli(worth)
        assert measure.points is not None
        if isinstance(value, Clock):
            return step_points(measure.points, value)
        if isinstance(value, Span):
            return line_points([(ex.parse_duration(str(x)), y) for x, y in measure.points], value.ms)
        if not isinstance(value, Fraction):
            return None
        model = self.workspace.signals.get(signal)
        if model is None and signal != "prediction":  # a score, in 1/1000 point
            return line_points([(milli(float(x)), y) for x, y in measure.points], floor(value * 1_000))
        unit = 1 if in_units(model, Fraction(1), part) == 1 else MICRO
        points = [(Fraction(str(x)) * unit, y) for x, y in measure.points]
        return line_points(points, in_units(model, value, part))


SPECIFIC = [
    (True, True, True),
    (True, False, True),
    (True, True, False),
    (True, False, False),
    (False, True, True),
    (False, False, True),
    (False, True, False),
    (False, False, False),
]
"""Which of stage, segment and tier a weight set names, the most specific first."""


def line_points(points: list[tuple[Any, float]], x: int) -> int:
    """Straight lines between the points, flat outside, in integers."""
    if x <= points[0][0]:
        return milli(points[0][1])
    for (x0, p0), (x1, p1) in pairwise(points):
        y0, y1 = milli(p0), milli(p1)
        if x < x1:
            return y0 + floor(Fraction((x - x0) * (y1 - y0)) / Fraction(x1 - x0))
    return milli(points[-1][1])


def step_points(points: list[tuple[float | str, float]], clock: Clock) -> int:
    """The score at the last point that time since (or until) has reached; before all of them the first."""
    reached = [y for x, y in points if clock.at_least(ex.parse_duration(str(x)))]
    return milli(reached[-1] if reached else points[0][1])


def plain_band(score: models.Score, value: int | None) -> str | None:
    """The highest band whose bound the value reaches; None without a value."""
    if value is None:
        return None
    reached = [b for b in score.bands if value >= milli(b.from_)]
    return max(reached, key=lambda b: b.from_).name if reached else None


def next_band(score: models.Score, value: int | None, present: str | None) -> str | None:
    """A fall counts at once; a rise from the bound plus the hysteresis on."""
    plain = plain_band(score, value)
    bounds = {b.name: milli(b.from_) for b in score.bands}
    if plain is None or present is None or bounds[plain] <= bounds[present]:
        return plain
    assert value is not None
    risen = [n for n, bound in bounds.items() if bounds[present] < bound <= value - milli(score.hysteresis)]
    return max(risen, key=lambda n: bounds[n]) if risen else present


# ------------------------------------------------------------------------------------------ day close


def close_scores(workspace: Workspace, subject: Subject, day: int, emit: Emit) -> None:
    """Appends each score's value to its history and judges its velocity. ``day`` numbers the day that closes,
    in the workspace's zone, from 1970-01-01. Choices: values are kept in 1/100 point rounded down, without
    their jumps; a week's value is that of each day whose number leaves 6 when divided by 7."""
    for name, state in subject.scores.items():
        score = workspace.scores[name]
        if not score.history:
            continue
        kept = None if state.value is None else (state.value - state.jumps) // 10
        state.daily = [*state.daily, kept][-28:]
        if day % 7 == 6:
            state.weekly = [*state.weekly, kept][-26:]
        velocity = _velocity(state, score)
        if velocity != state.velocity:
            emit("velocity", subject, name, {"from": state.velocity, "to": velocity})
            state.velocity = velocity


def _velocity(state: ScoreState, score: models.Score) -> str | None:
    known = [(i, v) for i, v in enumerate(state.daily) if v is not None]
    if len(known) < 7:
        return None
    rate, noise = slope(known) / 100, Fraction(str(score.velocity_noise))
    return "up" if rate > noise else "down" if rate < -noise else "flat"

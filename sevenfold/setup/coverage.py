"""What a workspace can do with the events there are: which stages can be reached, how much of each score is
known, which journeys can start, and what is missing for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ..journeys import plan
from ..profiles import expressions
from ..profiles.expressions import AllOf, AnyOf, ExpressionError, Node, NotOf
from ..workspace import models
from ..workspace.event_names import event_names, is_own
from ..workspace.names import Names, Reference, condition, parse_name
from ..workspace.order import dependencies, reachable
from ..workspace.problems import UnknownNameError

State = Literal["covered", "partly", "missing"]


@dataclass(frozen=True, slots=True)
class StageCoverage:
    """``covered``: all that its conditions name arrives; ``partly``: it can be entered on what arrives, and
    ``missing`` events would make it surer; ``missing``: nobody can enter it until some of them arrive.
    """

    lifecycle: str
    stage: str
    state: State
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreCoverage:
    """The share of a score's weight, 0 to 1, whose measures can be known, for the weights of one stage (None:
    those that hold always). Below the score's floor its band is ``unknown``.
    """

    score: str
    stage: str | None
    share: float
    floor: float
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JourneyCoverage:
    """Whether a journey can start, and which events it listens to that do not arrive."""

    journey: str
    can_start: bool
    missing: tuple[str, ...]


class Coverage:
    """The coverage of a workspace by the events ``present`` and the traits of people and accounts."""

    def __init__(
        self, workspace: models.Workspace, present: Iterable[str], traits: Iterable[str] | None = None
    ) -> None:
        self.workspace = workspace
        self.present = frozenset(present)
        self._traits = None if traits is None else frozenset(traits)
        self._names = Names(workspace)
        self._signals: dict[str, bool] = {}
        self._busy: set[tuple[str, str]] = set()

    # -------------------------------------------------------------------------------------------- the answers

    def stages(self) -> list[StageCoverage]:
        """Each stage of each lifecycle in written order."""
        found = []
        for name, lifecycle in self.workspace.lifecycles.items():
            initial = lifecycle.initial or lifecycle.stages[0].name
            for stage in lifecycle.stages:
                missing = self._missing_of(stage.enter, lifecycle.of)
                can = stage.name == initial or self._possible(stage.enter, lifecycle.of)
                state: State = "missing" if not can else "partly" if missing else "covered"
                found.append(StageCoverage(name, stage.name, state, missing))
        return found

    def scores(self) -> list[ScoreCoverage]:
        """Each set of weights of each score in written order."""
        found = []
        for name, score in self.workspace.scores.items():
            known = {key: self._measure(measure, score.of) for key, measure in score.measures.items()}
            for weights in score.weights:
                total = sum(weights.weights.values())
                have = sum(weight for key, weight in weights.weights.items() if known.get(key))
                lacking = [key for key in weights.weights if not known.get(key, True)]
                events = (self._missing_of_measure(score.measures[key], score.of) for key in lacking)
                missing = tuple(dict.fromkeys(event for one in events for event in one))
                share = have / total if total else 0.0
                found.append(ScoreCoverage(name, weights.stage, share, score.coverage_floor, missing))
        return found

    def journeys(self) -> list[JourneyCoverage]:
        """Each journey in written order."""
        found = []
        for name, journey in self.workspace.journeys.items():
            missing = dict.fromkeys(
                event for event, _ in event_names(journey) if not is_own(event) and event not in self.present
            )
            can = any(self._starts(trigger, journey.of) for trigger in journey.triggers)
            found.append(JourneyCoverage(name, can, tuple(missing)))
        return found

    # ----------------------------------------------------------------------------------------- what can be
    # known

    def signal(self, name: str) -> bool:
        """Whether anything that arrives could move a signal."""
        if name not in self._signals:
            if ("signal", name) in self._busy:
                return False
            self._busy.add(("signal", name))
            self._signals[name] = self._signal(self.workspace.signals[name])
        return self._signals[name]

    def _signal(self, signal: models.Signal) -> bool:
        match signal:
            case models.Sequence():
                return self._arrives(signal.first) and (
                    signal.outcome == "not_followed" or self._arrives(signal.then)
                )
            case models.Milestones():
                return any(self._arrives(step.event) for step in signal.steps)
            case models.Ratio():
                return self._named(signal.numerator, signal.of) and self._named(signal.denominator, signal.of)
            case models.Formula():
                try:
                    terms = expressions.parse_linear(signal.formula).terms
                except ExpressionError:
                    return False
                return any(self._named(str(name), signal.of) for _, name in terms)
            case models.SinceDate() | models.UntilDate():
                return self._known(lambda: self._names.date(signal.date, signal.of))
            case models.ScoreHistory():
                return self._score(signal.score)
            case models.Rollup():
                of = models.ACCOUNT if signal.over == "accounts" else models.PERSON
                inner = signal.signal is None or self._named(signal.signal, of)
                return inner and (signal.when is None or self._possible(signal.when, of))
            case models.StageTime() | models.Channel() | models.SinceChange():
                return True
        return self._arrives(signal.event)

    def _arrives(self, events: str | list[str]) -> bool:
        return any(
            one in self.present
            or one.startswith("$")
            or (one.endswith("*") and any(name.startswith(one[:-1]) for name in self.present))
            for one in ([events] if isinstance(events, str) else events)
        )

    def _named(self, text: str, of: str) -> bool:
        try:
            return self._known(lambda: self._names.resolve(parse_name(text), of))
        except ExpressionError:
            return False

    def _known(self, resolve: Callable[[], Reference]) -> bool:
        try:
            return self._reference(resolve())
        except (UnknownNameError, ExpressionError):
            return False

    def _reference(self, reference: Reference) -> bool:
        match reference.kind:
            case "signal":
                return self.signal(reference.name)
            case "segment":
                return self._segment(reference.name)
            case "score" | "band" | "velocity":
                return self._score(reference.name)
            case "prediction":
                return self._prediction(reference.name)
            case "trait":
                return self._trait(reference.name)
        return True

    def _trait(self, name: str) -> bool:
        """Without a list of traits all are taken to come; a catalogue brings its own columns."""
        if self._traits is None or name in self._traits:
            return True
        return any(
            name in catalogue.columns for catalogue in self.workspace.catalogues.values() if catalogue.subject
        )

    def _prediction(self, name: str) -> bool:
        """What never happens cannot be learned."""
        prediction = self.workspace.predictions[name]
        if prediction.target.event is not None:
            return self._arrives(prediction.target.event)
        return self._possible(prediction.target.when, prediction.of)

    def _segment(self, name: str) -> bool:
        segment = self.workspace.segments[name]
        if segment.when is None or ("segment", name) in self._busy:
            return True
        self._busy.add(("segment", name))
        try:
            return self._possible(segment.when, segment.of)
        finally:
            self._busy.discard(("segment", name))

    def _score(self, name: str) -> bool:
        score = self.workspace.scores[name]
        return any(self._measure(measure, score.of) for measure in score.measures.values()) or (
            score.members is not None and self._score(score.members.score)
        )

    def _measure(self, measure: models.Measure, of: str) -> bool:
        if measure.signal is not None:
            return self._named(measure.signal, of)
        return self._possible(measure.when, of)

    def _possible(self, given: models.Condition | None, of: str) -> bool:
        """Whether a condition could come true: what is not there cannot be counted, but can be missing."""
        if given is None:
            return False
        try:
            return self._node(condition(given), of)
        except ExpressionError:
            return False

    def _node(self, node: Node, of: str) -> bool:
        match node:
            case AllOf():
                return all(self._node(member, of) for member in node.members)
            case AnyOf():
                return any(self._node(member, of) for member in node.members)
            case NotOf():
                return True
        return all(self._resolved(name, of) for name in expressions.names(node))

    def _resolved(self, name: expressions.Name, of: str) -> bool:
        return self._known(lambda: self._names.resolve(name, of))

    def _starts(self, trigger: plan.Trigger, of: str) -> bool:
        match trigger:
            case plan.OnEvent() | plan.OnBusinessEvent():
                return self._arrives(trigger.event)
            case plan.OnSegment():
                return self._segment(trigger.segment)
            case plan.OnStage():
                return any(
                    one.state != "missing"
                    for one in self._by_stage
                    if (one.lifecycle, one.stage) == (trigger.lifecycle, trigger.stage)
                )
            case plan.OnCondition():
                return self._possible(trigger.when, of)
            case plan.OnScore():
                return self._score(trigger.score)
            case plan.OnPrediction():
                return self._prediction(trigger.prediction)
            case plan.OnTrait():
                return self._trait(trigger.trait)
            case plan.OnDate():
                return self._known(lambda: self._names.date(trigger.date, of))
        return True

    @cached_property
    def _by_stage(self) -> list[StageCoverage]:
        return self.stages()

    # ------------------------------------------------------------------------------------------ what is
    # missing

    @cached_property
    def _graph(self) -> dict[tuple[str, str], frozenset[str]]:
        """The events behind every object, through all that it depends on."""
        graph = dependencies(self._names)
        own = {
            ("signal", name): frozenset(event for event, _ in event_names(signal))
            for name, signal in self.workspace.signals.items()
        }
        vias = frozenset({"now", "account", "member", "history"})
        stop = frozenset({"lifecycle"})
        return {
            node: own.get(node, frozenset()).union(
                *(own.get(one, frozenset()) for one in reachable(graph, node, stop, vias))
            )
            for node in graph
        }

    def _missing_of(self, given: models.Condition | None, of: str) -> tuple[str, ...]:
        if given is None:
            return ()
        try:
            names = list(expressions.names(condition(given)))
        except ExpressionError:
            return ()
        found: dict[str, None] = {}
        for name in names:
            try:
                reference = self._names.resolve(name, of)
            except UnknownNameError:
                continue
            found.update(dict.fromkeys(self._behind(reference)))
        return tuple(found)

    def _missing_of_measure(self, measure: models.Measure, of: str) -> tuple[str, ...]:
        if measure.signal is None:
            return self._missing_of(measure.when, of)
        return self._missing_of(measure.signal, of)

    def _behind(self, reference: Reference) -> list[str]:
        kind = {"score": "score", "band": "score", "velocity": "score"}.get(reference.kind, reference.kind)
        events = self._graph.get((kind, reference.name), frozenset())
        return sorted(event for event in events if not is_own(event) and event not in self.present)

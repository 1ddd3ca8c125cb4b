"""What a prediction must fulfil: its target, its population, what may be learned from, what stands in."""

from __future__ import annotations

from ..profiles.expressions import ExpressionError
from . import models
from .conditions import Conditions
from .models import ACCOUNT, PERSON
from .names import Names, Reference, parse_name
from .order import Graph, Node, reachable
from .problems import Path, UnknownNameError, likely
from .report import Report
from .signal_checks import SignalChecks

_TYPES = ("count", "number", "score", "duration", "clock", "boolean", "text", "date")
"""What a model can be given; dates and times count from the moment of the prediction."""


class PredictionChecks:
    """Checks the predictions of one workspace."""

    def __init__(self, names: Names, conditions: Conditions, report: Report, graph: Graph) -> None:
        self.names = names
        self.workspace = names.workspace
        self.conditions = conditions
        self.report = report
        self.graph = graph

    def check(self, name: str, prediction: models.Prediction) -> None:
        """Reports everything wrong with one prediction."""
        path: Path = ("predictions", name)
        report = self.report
        if prediction.of not in (PERSON, ACCOUNT):
            fix = "say `of: person` or `of: account`"
            message = f"nothing is foretold of a {prediction.of}"
            report.error((*path, "of"), "wrong_subject", message, fix)
            return
        self._target((*path, "target"), name, prediction)
        for field in ("horizon", "retrain", "rescore"):
            report.duration((*path, field), getattr(prediction, field))
        report.number((*path, "minimum_outcomes"), prediction.minimum_outcomes, 1)
        self.conditions.check(prediction.population, (*path, "population"), prediction.of)
        self._population((*path, "population"), name)
        for field in ("features", "excluded"):
            for index, feature in enumerate(getattr(prediction, field) or ()):
                self._feature((*path, field, index), feature, name, prediction)
        if prediction.features == []:
            fix = "leave `features` out for all numeric signals and scores"
            report.error((*path, "features"), "wrong_value", "a model needs something to learn from", fix)
        if prediction.features is None:
            self.conditions.used |= {
                k for k, one in self.workspace.signals.items() if one.of == prediction.of
            }
        if prediction.fallback is not None:
            self._fallback((*path, "fallback"), prediction, prediction.fallback)

    def _target(self, path: Path, name: str, prediction: models.Prediction) -> None:
        target, report = prediction.target, self.report
        if (target.event is None) == (target.when is None):
            fix = "such as `target: {event: Subscription Cancelled}`"
            report.error(path, "wrong_value", "a target is either an `event` or a condition `when`", fix)
        if target.event is not None:
            SignalChecks(self.names, self.conditions, report).events(
                (*path, "event"), target.event, prediction.of
            )
        elif target.where is not None:
            report.error((*path, "where"), "wrong_value", "`where` narrows an `event`, and there is none")
        self.conditions.check(target.where, (*path, "where"), prediction.of, where=True)
        self.conditions.check(target.when, (*path, "when"), prediction.of)
        if prediction.kind == "amount" and (target.event is None or target.property is None):
            fix = "such as `{event: Order Completed, property: total}`"
            report.error(path, "missing_field", "an amount is added up from a `property` of an event", fix)
        elif prediction.kind != "amount" and target.property is not None:
            message = f"a prediction of kind `{prediction.kind}` adds nothing up"
            report.error((*path, "property"), "wrong_value", message, "say `kind: amount`, or remove it")

    def _population(self, path: Path, name: str) -> None:
        """Who is asked must not hang on the answer, but for a stage that a subject may move to by it."""
        node: Node = ("prediction", name)
        vias = frozenset({"now", "population"})
        if node in reachable(self.graph, node, frozenset({"lifecycle"}), vias):
            message = f"whom `{name}` is asked about depends on `{name}` itself, so it is never known"
            fix = "use a stage, or what the prediction is learned from"
            self.report.error(path, "cycle", message, fix)

    def _feature(self, path: Path, text: str, name: str, prediction: models.Prediction) -> None:
        found = self._named(path, text, prediction.of)
        if found is None:
            return
        if found.kind == "prediction" and found.name == name:
            self.report.error(path, "cycle", f"`{name}` cannot be learned from itself")
        elif found.type not in _TYPES:
            self.report.error(path, "type_mismatch", f"`{text}` is a {found.type}, which no model can use")

    def _named(self, path: Path, text: str, of: str) -> Reference | None:
        try:
            found = self.conditions.resolve(parse_name(text), path, of, where=False, acquisition=False)
        except ExpressionError as error:
            self.report.error(path, "bad_name", str(error.message))
            return None
        except UnknownNameError as error:
            self.report.error(path, error.code, error.message, error.fix)
            return None
        return found

    def _fallback(self, path: Path, prediction: models.Prediction, given: models.PredictionFallback) -> None:
        score, scores = self.workspace.scores.get(given.score), self.workspace.scores
        at = (*path, "score")
        if prediction.kind != "probability":
            message = f"a score says nothing about {prediction.kind.replace('_', ' ')}"
            self.report.error(path, "wrong_value", message, "remove it")
        elif score is None:
            self.report.error(
                at, "unknown_name", f"unknown score `{given.score}`", likely(given.score, scores)
            )
        elif score.of != prediction.of:
            message = f"score `{given.score}` is of {score.of}, not of {prediction.of}"
            self.report.error(at, "wrong_subject", message)


__all__ = ["PredictionChecks"]

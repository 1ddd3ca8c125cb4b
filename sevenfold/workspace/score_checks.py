"""What a score must fulfil: measures, weights, bands, overrides and members."""

from __future__ import annotations

from ..profiles.expressions import ExpressionError
from . import models
from .conditions import Conditions
from .models import ACCOUNT, PERSON
from .names import Names, Reference, parse_name
from .order import Graph, is_late, reachable
from .problems import Path, UnknownNameError, likely
from .report import Report

MEMBERS = "members"
"""The name under which an account's member scores take part in its score."""


class ScoreChecks:
    """Checks the scores of one workspace."""

    def __init__(self, names: Names, conditions: Conditions, report: Report, graph: Graph) -> None:
        self.names = names
        self.workspace = names.workspace
        self.conditions = conditions
        self.report = report
        self.graph = graph

    def check(self, name: str, score: models.Score) -> None:
        """Reports everything wrong with one score."""
        path: Path = ("scores", name)
        report = self.report
        unknowable: set[str] = set()
        if not score.measures and score.members is None:
            report.error((*path, "measures"), "wrong_value", "the score has no measures")
        for measure_name, measure in score.measures.items():
            if self._measure((*path, "measures", measure_name), measure, score):
                unknowable.add(measure_name)
        if MEMBERS in score.measures and score.members is not None:
            message = f"`{MEMBERS}` is the name of the members' part of the score"
            report.error((*path, "measures", MEMBERS), "bad_name", message, "rename the measure")
        if score.per is not None:
            self._per((*path, "per"), score.per, score.of)
        self._weights(path, score, unknowable)
        self._bands(path, score)
        self._references(path, score)
        report.number((*path, "coverage_floor"), score.coverage_floor, 0, 1)
        report.number((*path, "hysteresis"), score.hysteresis, 0, 100)
        report.number((*path, "velocity_noise"), score.velocity_noise, 0, 100)
        for index, override in enumerate(score.overrides):
            self.conditions.check(override.when, (*path, "overrides", index, "when"), score.of)
            report.number((*path, "overrides", index, "cap"), override.cap, 0, 100)

    # ---------------------------------------------------------------------------------------------- measures

    def _measure(self, path: Path, measure: models.Measure, score: models.Score) -> bool:
        """Checks a measure; whether it can never be known."""
        report = self.report
        report.number((*path, "default"), measure.default, 0, 100)
        if (measure.signal is None) == (measure.when is None):
            report.error(path, "wrong_value", "a measure has either a `signal` or a condition `when`")
            return False
        if measure.when is not None:
            if measure.points is not None or measure.values is not None:
                message = "`when` is worth 100 or 0 and takes neither `points` nor `values`"
                report.error((*path, "when"), "wrong_value", message)
            self.conditions.check(measure.when, (*path, "when"), score.of)
            return False
        found = self._signal((*path, "signal"), str(measure.signal), score.of)
        if found is None:
            return False
        if found.type == "json":
            message = f"`{measure.signal}` is of type json, so the measure is never known"
            report.warning((*path, "signal"), "never_known", message)
            return measure.default is None
        if found.type in ("text", "boolean"):
            self._by_values(path, measure, found)
        elif measure.values is not None:
            message = f"`{measure.signal}` is a {found.type}; `values` maps texts"
            report.error((*path, "values"), "type_mismatch", message, "use `points`")
        elif found.type == "date":
            fix = "define a `since_date` or `until_date` signal"
            report.error((*path, "signal"), "type_mismatch", f"`{measure.signal}` is a date", fix)
        elif measure.points is None:
            fix = "such as `points: [[0, 0], [10, 100]]`"
            report.error(path, "missing_field", "the field `points` is missing", fix)
        else:
            self._points((*path, "points"), measure.points, found)
        return False

    def _per(self, path: Path, text: str, of: str) -> None:
        """What the weighted sum is divided by has to be a count or a number."""
        found = self._signal(path, text, of)
        if found is not None and found.type not in ("count", "number"):
            self.report.error(path, "type_mismatch", f"`{text}` is a {found.type}, not a count or a number")

    def _signal(self, path: Path, text: str, of: str) -> Reference | None:
        try:
            name = parse_name(text)
        except ExpressionError as error:
            self.report.error(path, "bad_name", str(error.message))
            return None
        return self.conditions.resolve(name, path, of, where=False, acquisition=False)

    def _by_values(self, path: Path, measure: models.Measure, found: Reference) -> None:
        if measure.values is None or measure.points is not None:
            message = f"`{measure.signal}` is a {found.type}; it needs `values`, not `points`"
            self.report.error(path, "type_mismatch", message, "such as `values: {gold: 100, silver: 60}`")
            return
        for value, points in measure.values.items():
            self.report.number((*path, "values", value), points, 0, 100)
            if found.type == "boolean" and value not in ("true", "false"):
                message = f"`{measure.signal}` is true or false, never `{value}`"
                self.report.error((*path, "values", value), "type_mismatch", message)

    def _points(self, path: Path, points: list[tuple[float | str, float]], found: Reference) -> None:
        last: float | None = None
        if not points:
            self.report.error(path, "wrong_value", "there are no points")
        for index, (at, worth) in enumerate(points):
            self.report.number((*path, index, 1), worth, 0, 100)
            x: float | None
            if isinstance(at, str):
                if found.type not in ("clock", "duration"):
                    message = f"`{found.name}` is a {found.type}, so `{at}` must be a number"
                    self.report.error((*path, index, 0), "type_mismatch", message)
                    return
                x = self.report.duration((*path, index, 0), at, at_least_ms=0)
            elif found.type == "clock":
                message = f"`{found.name}` is a time, so {at:g} must be a duration"
                self.report.error((*path, index, 0), "type_mismatch", message, "such as `7d`")
                return
            else:
                self.report.number((*path, index, 0), at)
                x = at
            if x is not None and last is not None and x <= last:
                message = f"the points must ascend, but {at} does not follow"
                self.report.error((*path, index), "wrong_value", message)
            last = x if x is not None else last

    # ----------------------------------------------------------------------------------------------- weights

    def _weights(self, path: Path, score: models.Score, unknowable: set[str]) -> None:
        report = self.report
        known = [*score.measures, *([MEMBERS] if score.members is not None else [])]
        seen: dict[tuple[str | None, str | None, str | None], int] = {}
        if not score.weights:
            report.error((*path, "weights"), "wrong_value", "there are no weights")
        for index, weights in enumerate(score.weights):
            at: Path = (*path, "weights", index)
            first = seen.setdefault((weights.stage, weights.segment, weights.tier), index)
            if first != index:
                message = f"weights[{first}] holds for the same stage, segment and tier, so these never do"
                report.warning(at, "unreachable", message)
            for name, weight in weights.weights.items():
                report.number((*at, "weights", name), weight, 0)
                if name not in known:
                    message = f"unknown measure `{name}`"
                    report.error((*at, "weights", name), "unknown_name", message, likely(name, known))
            self._weights_hold_for(at, weights, score)
            total = sum(weights.weights.values())
            reach = sum(weight for name, weight in weights.weights.items() if name not in unknowable)
            if total <= 0:
                report.error((*at, "weights"), "wrong_value", "the weights add up to nothing")
            elif reach < score.coverage_floor * total:
                message = f"at most {reach / total:.0%} of the weight can ever be known"
                fix = f"the coverage floor is {score.coverage_floor:.0%}, so the score would never be"
                report.warning((*at, "weights"), "never_known", message, fix)
        self._uncovered_stages(path, score)

    def _weights_hold_for(self, path: Path, weights: models.Weights, score: models.Score) -> None:
        report = self.report
        if weights.stage is not None:
            lifecycle = self.workspace.lifecycles.get(score.lifecycle or "")
            stages = [stage.name for stage in lifecycle.stages] if lifecycle is not None else []
            if score.lifecycle is None:
                message = "weights by stage need the score to name a `lifecycle`"
                report.error((*path, "stage"), "missing_field", message)
            elif lifecycle is not None and weights.stage not in stages:
                message = f"lifecycle `{score.lifecycle}` has no stage `{weights.stage}`"
                report.error((*path, "stage"), "unknown_name", message, likely(weights.stage, stages))
        if weights.segment is not None:
            segment = self.workspace.segments.get(weights.segment)
            if segment is None:
                fix = likely(weights.segment, self.workspace.segments)
                message = f"unknown segment `{weights.segment}`"
                report.error((*path, "segment"), "unknown_name", message, fix)
            elif segment.of != score.of:
                message = f"segment `{weights.segment}` is of {segment.of}, not of {score.of}"
                report.error((*path, "segment"), "wrong_subject", message)
        if weights.tier is not None and score.tier is None:
            message = "weights by tier need the score to name the `tier` trait"
            report.error((*path, "tier"), "missing_field", message)

    def _uncovered_stages(self, path: Path, score: models.Score) -> None:
        """Warns of stages in which no weight set is sure to hold."""
        lifecycle = self.workspace.lifecycles.get(score.lifecycle or "")
        sure = {
            weights.stage for weights in score.weights if weights.segment is None and weights.tier is None
        }
        if lifecycle is None or None in sure:
            return
        left = [stage.name for stage in lifecycle.stages if stage.name not in sure]
        if left:
            message = f"no weights hold in stage {', '.join(f'`{name}`' for name in left)}"
            fix = "add weights for it, or one set that names no stage"
            self.report.warning((*path, "weights"), "never_known", message, fix)

    # ------------------------------------------------------------------------------------- bands and the rest

    def _bands(self, path: Path, score: models.Score) -> None:
        report = self.report
        if not score.bands or score.bands[0].from_ != 0:
            report.error((*path, "bands"), "wrong_value", "the first band starts at 0")
        for index, band in enumerate(score.bands):
            at: Path = (*path, "bands", index)
            report.number((*at, "from"), band.from_, 0, 100)
            if index and band.from_ <= score.bands[index - 1].from_:
                message = f"bands must ascend, but {band.from_:g} does not follow"
                report.error((*at, "from"), "wrong_value", message)
            if band.name in [other.name for other in score.bands[:index]]:
                report.error((*at, "name"), "duplicate_key", f"the band `{band.name}` stands twice")
            if band.name == "unknown" or not band.name:
                fix = "`unknown` is what the band is called below the coverage floor"
                report.error((*at, "name"), "bad_name", f"`{band.name}` cannot name a band", fix)

    def _references(self, path: Path, score: models.Score) -> None:
        report = self.report
        if score.lifecycle is not None:
            lifecycle = self.workspace.lifecycles.get(score.lifecycle)
            if lifecycle is None:
                message = f"unknown lifecycle `{score.lifecycle}`"
                fix = likely(score.lifecycle, self.workspace.lifecycles)
                report.error((*path, "lifecycle"), "unknown_name", message, fix)
            elif lifecycle.of != score.of:
                message = f"lifecycle `{score.lifecycle}` is of {lifecycle.of}, not of {score.of}"
                report.error((*path, "lifecycle"), "wrong_subject", message)
        if score.tier is not None:
            try:
                tier = self.names.trait(score.tier, score.of)
            except UnknownNameError as error:
                report.error((*path, "tier"), error.code, error.message, error.fix)
            else:
                if tier.type != "text":
                    message = f"trait `{score.tier}` is a {tier.type}; a tier is a text"
                    report.error((*path, "tier"), "type_mismatch", message)
        if score.members is not None:
            self._members((*path, "members"), score, score.members)
        self._late(path, score)

    def _members(self, path: Path, score: models.Score, members: models.MemberScore) -> None:
        report = self.report
        if score.of != ACCOUNT:
            report.error(path, "wrong_subject", "only an account has members", "say `of: account`")
        member = self.workspace.scores.get(members.score)
        if member is None:
            fix = likely(members.score, self.workspace.scores)
            report.error((*path, "score"), "unknown_name", f"unknown score `{members.score}`", fix)
        elif member.of != PERSON:
            message = f"score `{members.score}` is of {member.of}, not of person"
            report.error((*path, "score"), "wrong_subject", message)
        report.number((*path, "weight"), members.weight, 0)
        for role, weight in members.roles.items():
            report.number((*path, "roles", role), weight, 0)

    def _late(self, path: Path, score: models.Score) -> None:
        """Scores come before the segments that need other scores; stages alone may come round again."""
        name = str(path[1])
        for kind, segment in sorted(
            reachable(self.graph, ("score", name), frozenset({"lifecycle", "score"}))
        ):
            if kind != "segment" or not is_late(self.graph, ("segment", segment)):
                continue
            behind = reachable(self.graph, ("segment", segment), frozenset({"lifecycle"}))
            scores = sorted(other for other_kind, other in behind if other_kind == "score" and other != name)
            if scores:
                message = (
                    f"segment `{segment}` needs score `{scores[0]}`, so it is known only after the scores"
                )
                fix = f"use `score.{scores[0]}` or `band.{scores[0]}` in the measure instead"
                self.report.error(path, "cycle", message, fix)

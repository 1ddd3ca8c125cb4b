"""The touchpoint map: for each stage what the customer wants, what hurts, where they meet us, and who owns
it.
"""

from __future__ import annotations

from ..profiles import expressions as x
from ..profiles.expressions import ExpressionError
from .models import TouchpointOutcome, Workspace
from .problems import Path, likely
from .report import Report


def check_touchpoints(workspace: Workspace, report: Report) -> None:
    """Reports lifecycles, stages and journeys that do not exist, and conditions that cannot be read."""
    for name, one in workspace.touchpoints.items():
        path: Path = ("touchpoints", name)
        lifecycle = workspace.lifecycles.get(one.lifecycle)
        if lifecycle is None:
            message = f"unknown lifecycle `{one.lifecycle}`"
            fix = likely(one.lifecycle, workspace.lifecycles)
            report.error((*path, "lifecycle"), "unknown_name", message, fix)
            continue
        if lifecycle.of not in ("person", "account"):
            message = f"`{one.lifecycle}` is of {lifecycle.of}; touchpoints are met by people and accounts"
            report.error((*path, "lifecycle"), "wrong_subject", message)
        stages = [stage.name for stage in lifecycle.stages]
        _stage((*path, "stage") if one.stage else path, one.stage or name, stages, one.lifecycle, report)
        report.duration((*path, "within"), one.within)
        report.duration((*path, "meet_within"), one.meet_within)
        if one.outcome is not None:
            _outcome((*path, "outcome"), one.outcome, stages, one.lifecycle, report)
        _journeys((*path, "interventions"), one.interventions, workspace, report)
        for label, touchpoint in one.touchpoints.items():
            at: Path = (*path, "touchpoints", label)
            for field in ("where", "good", "bad"):
                _condition((*at, field), getattr(touchpoint, field), report)
            _journeys((*at, "interventions"), touchpoint.interventions, workspace, report)


def _outcome(path: Path, one: TouchpointOutcome, stages: list[str], lifecycle: str, report: Report) -> None:
    if bool(one.stages) == (one.event is not None):
        report.error(path, "wrong_value", "an outcome has either `stages` or an `event`")
    for index, stage in enumerate(one.stages):
        _stage((*path, "stages", index), stage, stages, lifecycle, report)
    _condition((*path, "where"), one.where, report)


def _stage(path: Path, name: str, stages: list[str], lifecycle: str, report: Report) -> None:
    if name not in stages:
        fix = likely(name, stages) or f"it has {', '.join(stages)}"
        report.error(path, "unknown_name", f"lifecycle `{lifecycle}` has no stage `{name}`", fix)


def _journeys(path: Path, names: list[str], workspace: Workspace, report: Report) -> None:
    for index, name in enumerate(names):
        if name not in workspace.journeys:
            fix = likely(name, workspace.journeys)
            report.error((*path, index), "unknown_name", f"unknown journey `{name}`", fix)


def _condition(path: Path, text: str, report: Report) -> None:
    if not text:
        return
    try:
        outside = sorted({str(one) for one in names_in(x.parse(text)) if one.parts[0] != "property"})
    except ExpressionError as error:
        report.error(path, "bad_expression", str(error.message))
        return
    if outside:
        message = f"`{outside[0]}` is no property of the event"
        report.error(path, "unknown_name", message, "conditions of touchpoints ask `property.NAME`")


def names_in(node: x.Node) -> list[x.Name]:
    """The names that a condition asks for."""
    match node:
        case x.AllOf(members) | x.AnyOf(members):
            return [name for member in members for name in names_in(member)]
        case x.NotOf(member):
            return names_in(member)
        case x.Compare(_, left, right):
            return [one for one in (left, right) if isinstance(one, x.Name)]
        case x.Member(left, _) | x.TextTest(_, left, _):
            return [left]
        case x.Exists(name):
            return [name]
        case x.Truth(operand):
            return [operand] if isinstance(operand, x.Name) else []

"""Whether a workspace makes sense: every name, type, duration, number and circle. Everything wrong is
reported."""

from __future__ import annotations

import re
import zoneinfo

from ..journeys.audit import audit
from ..journeys.audit.variables import Uses
from ..profiles import expressions
from . import models
from .channel_checks import check_channels
from .conditions import Conditions
from .models import ACCOUNT, PERSON
from .names import RESERVED, Names, split_path
from .order import Graph, account_feedback, circles, dependencies, said
from .phases import check_phases
from .prediction_checks import PredictionChecks
from .problems import Path, Problem, likely
from .report import Origins, Report, TextOrigins
from .score_checks import ScoreChecks
from .signal_checks import SignalChecks
from .template_checks import TemplateChecks
from .touchpoints import check_touchpoints

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[^\W_][\w \-]*|_[\w \-]+")
_SECTION = {"signal": "signals", "segment": "segments", "lifecycle": "lifecycles", "score": "scores"}


def check(
    workspace: models.Workspace, origins: Origins | None = None, texts: TextOrigins | None = None
) -> list[Problem]:
    """Every error and warning of a workspace, in written order; ``origins`` gives the place of a path,
    ``texts`` that of a line in a text.
    """
    report = Report(origins, texts)
    names = Names(workspace)
    conditions = Conditions(names, report)
    graph = dependencies(names)
    _workspace(workspace, report)
    _names(names, report)
    _traits(names, report)
    for index, rule in enumerate(workspace.acquisition):
        _acquisition_rule(workspace, conditions, report, index, rule)
    signals = SignalChecks(names, conditions, report)
    for name, signal in workspace.signals.items():
        signals.check(name, signal)
    for name, segment in workspace.segments.items():
        path: Path = ("segments", name)
        if segment.manual == (segment.when is not None):
            message = "a segment has a condition `when`, or is kept by hand with `manual: true`"
            report.error(path, "wrong_value", message)
        conditions.check(segment.when, (*path, "when"), segment.of)
    for name, lifecycle in workspace.lifecycles.items():
        _lifecycle(conditions, report, name, lifecycle)
    scores = ScoreChecks(names, conditions, report, graph)
    for name, score in workspace.scores.items():
        scores.check(name, score)
    predictions = PredictionChecks(names, conditions, report, graph)
    for name, prediction in workspace.predictions.items():
        predictions.check(name, prediction)
    for circle in circles(graph):
        kind, name = circle[0]
        message = f"a circle: {said([*circle, circle[0]])}"
        report.error((_SECTION[kind], name), "cycle", message, "only a stage and a score may need each other")
    _account_feedback(workspace, graph, report)
    shown, uses = _templates(names, report)
    audit(names, conditions, report, uses)
    check_channels(workspace.channels, report)
    check_phases(workspace, report)
    check_touchpoints(workspace, report)
    if workspace.connectors:
        # Only where there are any: it brings along what verifies and what reads files.
        from ..connectors.checks import check_connectors

        check_connectors(workspace, report)
    used = conditions.used | shown
    used |= {name for edges in graph.values() for (kind, name), _ in edges if kind == "signal"}
    for name in workspace.signals:
        if name not in used:
            fix = "remove it, or use it in a segment, stage or score"
            report.warning(("signals", name), "unused", f"nothing uses signal `{name}`", fix)
    return report.problems


def check_journey(workspace: models.Workspace, name: str, origins: Origins | None = None) -> list[Problem]:
    """What is wrong with one journey of a workspace that is fine otherwise: what publishing it asks."""
    report = Report(origins)
    names = Names(workspace)
    _, uses = _templates(names, Report())
    audit(names, Conditions(names, report), report, uses, only=name)
    return report.problems


def _templates(names: Names, report: Report) -> tuple[set[str], Uses]:
    """Checks templates; the signals that they show, and the names that each of them reads."""
    checks = TemplateChecks(names, report)
    for name, template in names.workspace.templates.items():
        checks.check(name, template)
    return checks.signals, checks.uses


def _account_feedback(workspace: models.Workspace, graph: Graph, report: Report) -> None:
    for name, signal in workspace.signals.items():
        if not isinstance(signal, models.Rollup) or signal.over != "members":
            continue
        if chain := account_feedback(graph, ("signal", name)):
            message = f"a fact of the account feeds its own roll-up: {said(chain)}"
            fix = "members may use account traits here, not account signals, segments, stages or scores"
            report.error(("signals", name), "cycle", message, fix)
    for name, score in workspace.scores.items():
        if score.members is not None and (chain := account_feedback(graph, ("score", score.members.score))):
            message = f"a fact of the account feeds its own score: {said([('score', name), *chain])}"
            report.error(("scores", name, "members"), "cycle", message)


def _workspace(workspace: models.Workspace, report: Report) -> None:
    if not _NAME.fullmatch(workspace.name):
        fix = "use letters, digits, spaces, - and _"
        report.error(("name",), "bad_name", f"`{workspace.name}` cannot name a workspace", fix)
    try:
        zoneinfo.ZoneInfo(workspace.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        fix = likely(workspace.timezone, zoneinfo.available_timezones()) or "such as `Europe/Berlin`"
        report.error(("timezone",), "unknown_name", f"unknown time zone `{workspace.timezone}`", fix)
    if not re.fullmatch(r"[A-Z]{3}", workspace.currency):
        message = f"`{workspace.currency}` is not a currency code"
        report.error(("currency",), "wrong_value", message, "three capital letters, such as `USD`")
    for name, entity in workspace.entities.items():
        path: Path = ("entities", name)
        if name in (PERSON, ACCOUNT) or not _WORD.fullmatch(name):
            fix = "use letters, digits and _; `person` and `account` are taken"
            report.error(path, "bad_name", f"`{name}` cannot name an entity", fix)
        _path_text(report, (*path, "key"), entity.key)
    identity = workspace.identity
    if len(set(identity.order)) != len(identity.order) or not identity.order:
        message = "the order names each identifier once"
        report.error(("identity", "order"), "wrong_value", message)
    if identity.retire_after is not None:
        report.duration(("identity", "retire_after"), identity.retire_after)
    if identity.default_region is not None and not re.fullmatch(r"[A-Z]{2}", identity.default_region):
        message = f"`{identity.default_region}` is not a region"
        report.error(("identity", "default_region"), "wrong_value", message, "such as `US` or `DE`")
    for name, type_ in identity.types.items():
        at: Path = ("identity", "types", name)
        report.number((*at, "limit"), type_.limit, 1)
        report.duration((*at, "per"), type_.per)
        if type_.path is not None:
            _path_text(report, (*at, "path"), type_.path)
        if name not in identity.order:
            fix = likely(name, identity.order) or "add it to `order`"
            report.error(at, "unknown_name", f"identifier `{name}` is not in the order", fix)


def _path_text(report: Report, path: Path, text: str) -> None:
    try:
        split_path(text)
    except ValueError as error:
        report.error(path, "wrong_value", str(error))


def _names(names: Names, report: Report) -> None:
    """Names that conditions can write, and subjects that exist."""
    workspace = names.workspace
    for name in workspace.signals:
        if not _WORD.fullmatch(name) or name in RESERVED | expressions.KEYWORDS:
            taken = name in RESERVED | expressions.KEYWORDS
            fix = "the word has a meaning of its own" if taken else "use letters, digits and _"
            report.error(("signals", name), "bad_name", f"`{name}` cannot name a signal", fix)
    for section in ("segments", "lifecycles", "scores", "predictions", "catalogues"):
        for name in getattr(workspace, section):
            if not _NAME.fullmatch(name):
                message = f"`{name}` cannot stand in a condition"
                report.error((section, name), "bad_name", message, "use letters, digits, spaces, - and _")
    for section in ("signals", "segments", "lifecycles", "scores", "predictions"):
        for name, given in getattr(workspace, section).items():
            if given.of not in names.kinds:
                fix = likely(given.of, names.kinds) or "declare it under `entities`"
                message = f"unknown kind of subject `{given.of}`"
                report.error((section, name, "of"), "unknown_name", message, fix)


def _traits(names: Names, report: Report) -> None:
    workspace = names.workspace
    for name, trait in workspace.traits.items():
        if trait.of not in (PERSON, ACCOUNT):
            fix = "only a person and an account have traits"
            report.error(("traits", name, "of"), "wrong_subject", f"`{trait.of}` has no traits", fix)
        if trait.path is not None:
            _path_text(report, ("traits", name, "path"), trait.path)
    columns: dict[tuple[str, str], str] = {}
    for name, catalogue in workspace.catalogues.items():
        path: Path = ("catalogues", name)
        if catalogue.subject is None:
            continue
        if catalogue.subject not in (PERSON, ACCOUNT):
            message = f"`{catalogue.subject}` has no traits"
            fix = "`subject` is person or account"
            report.error((*path, "subject"), "wrong_subject", message, fix)
        for column in catalogue.columns:
            trait_named = workspace.traits.get(column)
            other = columns.setdefault((catalogue.subject, column), name)
            if trait_named is not None and trait_named.of == catalogue.subject:
                message = f"the column `{column}` and the trait `{column}` would be one name"
                report.error((*path, "columns", column), "bad_name", message, "rename one")
            elif other != name and column != catalogue.key:
                message = f"the column `{column}` stands in catalogue `{other}` too"
                report.error((*path, "columns", column), "bad_name", message, "rename one")


def _acquisition_rule(
    workspace: models.Workspace,
    conditions: Conditions,
    report: Report,
    index: int,
    rule: models.AcquisitionRule,
) -> None:
    path: Path = ("acquisition", index)
    report.number((*path, "intent"), rule.intent, 0, 100)
    conditions.check(rule.when, (*path, "when"), PERSON, acquisition=True)
    later = any(other.survey == rule.survey for other in workspace.acquisition[index + 1 :])
    if rule.when is None and later:
        message = f"`{rule.channel}` has no condition, so the rules after it are never reached"
        report.warning(path, "unreachable", message, "put it last")


def _lifecycle(conditions: Conditions, report: Report, name: str, lifecycle: models.Lifecycle) -> None:
    path: Path = ("lifecycles", name)
    stages = [stage.name for stage in lifecycle.stages]
    initial = lifecycle.initial if lifecycle.initial is not None else (stages[0] if stages else "")
    if not stages:
        report.error((*path, "stages"), "wrong_value", "the lifecycle has no stages")
    elif initial not in stages:
        message = f"the initial stage `{initial}` is not among the stages"
        report.error((*path, "initial"), "unknown_name", message, likely(initial, stages))
    conditions.check(lifecycle.applies, (*path, "applies"), lifecycle.of)
    targets = {initial, *(stage.exit_to for stage in lifecycle.stages if stage.exit is not None)}
    ranks: dict[int, str] = {}
    for index, stage in enumerate(lifecycle.stages):
        at: Path = (*path, "stages", index)
        if stage.name in stages[:index]:
            report.error((*at, "name"), "duplicate_key", f"the stage `{stage.name}` stands twice")
        if not stage.name.strip() or "/" in stage.name:
            message = f"`{stage.name}` cannot name a stage"
            report.error((*at, "name"), "bad_name", message, "a stage has a name without /")
        conditions.check(stage.enter, (*at, "enter"), lifecycle.of)
        conditions.check(stage.exit, (*at, "exit"), lifecycle.of)
        for position, origin in enumerate(stage.from_ or []):
            if origin not in stages:
                message = f"unknown stage `{origin}`"
                report.error((*at, "from", position), "unknown_name", message, likely(origin, stages))
        if stage.exit_to is not None and stage.exit_to not in stages:
            message = f"unknown stage `{stage.exit_to}`"
            report.error((*at, "exit_to"), "unknown_name", message, likely(stage.exit_to, stages))
        elif stage.exit_to is not None and stage.exit is None:
            message = "`exit_to` means nothing without `exit`"
            report.warning((*at, "exit_to"), "unreachable", message)
        rank = stage.rank if stage.rank is not None else index
        if rank in ranks:
            message = f"rank {rank} is that of stage `{ranks[rank]}` too"
            report.error((*at, "rank"), "wrong_value", message, "give each stage a rank of its own")
        ranks.setdefault(rank, stage.name)
        unreachable = stage.enter is None or stage.from_ == [] or stage.from_ == [stage.name]
        if unreachable and stage.name not in targets:
            message = f"nothing leads to stage `{stage.name}`"
            report.warning(at, "unreachable", message, "give it an `enter` condition")

"""The touchpoint map of a workspace, asked of a replay: which meetings separate what people do later."""

from __future__ import annotations

from pathlib import Path

from sevenfold.engine import Fold
from sevenfold.errors import InputError
from sevenfold.measures.answer import Answer
from sevenfold.measures.touchpoints import Stage, Touch, Touchpoints, touchpoints
from sevenfold.playback.feed import log_folder, open_log, records
from sevenfold.warehouse import FILE
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.projector import Following, Projector
from sevenfold.workspace.models import TouchpointStage, Workspace
from sevenfold.workspace.problems import likely


def lifecycles_of(workspace: Workspace) -> list[str]:
    """The lifecycles that have a touchpoint map, in written order."""
    return list(dict.fromkeys(one.lifecycle for one in workspace.touchpoints.values()))


def question_of(
    workspace: Workspace, lifecycle: str = "", *, minimum: int = 30, level: float = 0.95, since: str = "",
    until: str = "",
) -> Touchpoints:  # fmt: skip
    """The question that the map of a lifecycle asks (the first one's, where none is named), stages in the
    order of the lifecycle. Raises InputError for a workspace without a map.
    """
    known = lifecycles_of(workspace)
    if not known:
        fix = "write `touchpoints.yaml`, or extend the pack engagement-model"
        raise InputError("The workspace has no touchpoints", where=workspace.name, fix=fix)
    chosen = lifecycle or known[0]
    if chosen not in known:
        fix = likely(chosen, known) or f"there is one for {', '.join(known)}"
        raise InputError(f"There is no touchpoint map for `{chosen}`", where=workspace.name, fix=fix)
    order = [stage.name for stage in workspace.lifecycles[chosen].stages]
    stages = [_stage(name, one) for name, one in workspace.touchpoints.items() if one.lifecycle == chosen]
    stages.sort(key=lambda stage: order.index(stage.stage))
    return Touchpoints(
        lifecycle=chosen, stages=tuple(stages), by=workspace.lifecycles[chosen].of, minimum=minimum,
        level=level, since=since, until=until,
    )  # fmt: skip


def _stage(name: str, one: TouchpointStage) -> Stage:
    outcome = one.outcome
    return Stage(
        stage=one.stage or name,
        touchpoints=tuple(
            Touch(label, _names(met.event), met.where, met.good, met.bad)
            for label, met in one.touchpoints.items()
        ),
        stages=tuple(outcome.stages) if outcome is not None else (),
        event=_names(outcome.event) if outcome is not None and outcome.event is not None else (),
        where=outcome.where if outcome is not None else "",
        within=one.within,
        meet_within=one.meet_within,
        lost=one.lost,
    )


def _names(event: str | list[str]) -> tuple[str, ...]:
    return (event,) if isinstance(event, str) else tuple(event)


def warehouse_of(workspace: Workspace, folder: Path) -> DuckWarehouse:
    """The warehouse in a replay's folder; where it has none, one made in memory by folding its log again."""
    if (folder / FILE).is_file():
        return DuckWarehouse(folder / FILE)
    warehouse = DuckWarehouse()
    log = open_log(log_folder(folder))
    try:
        fold = Fold(workspace)
        projector = Projector(warehouse, workspace)
        following = Following(projector, fold)
        numbered = 0
        for record in records(log):
            if record.kind == "events":
                effects = fold.events([(entry.time, entry.raw) for entry in record.entries])
                following.took_events(record.entries)
            elif record.control is not None:
                effects = fold.tell(record.time, record.control)
                following.took_control(record.time)
            else:
                effects = fold.advance(record.time)
            following.took_effects(numbered, effects)
            numbered += len(effects)
        projector.flush()
    finally:
        log.close()
    return warehouse


def moments_of_truth(
    workspace: Workspace, folder: Path | str, lifecycle: str = "", *, minimum: int = 30, level: float = 0.95,
    since: str = "", until: str = "",
) -> Answer:  # fmt: skip
    """Drop-off by stage and moments of truth, over a replay's output. Raises InputError, QuestionError."""
    asked = question_of(workspace, lifecycle, minimum=minimum, level=level, since=since, until=until)
    warehouse = warehouse_of(workspace, Path(folder))
    try:
        return touchpoints(asked, warehouse)
    finally:
        warehouse.close()

"""Control records of journeys: publish, pause, resume, archive, and starting runs by hand or by a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..engine.controls import ControlError, control, find
from ..profiles import expressions as x
from ..profiles.wheel import NEVER
from ..workspace.problems import likely
from .compiled import expand
from .entry import Pause, Trigger
from .migration import check_choices, migrate, take_in
from .plan import Journey, OnCall
from .times import jitter

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from .choice_plan import Action
    from .runtime import Journeys


ENTERING: Final = ("future", "now", "both")
"""Whom a new version takes in: those who come, those who match at present, or both."""
REPLANNING: Final = frozenset({"publish", "workspace"})
"""Control records after which another definition is in force."""


@control("publish")
def _publish(fold: Fold, record: dict[str, Any]) -> None:
    """A journey's next version: `plan`, the `choices` for people in flight, and whom it takes in (`enter`:
    `future`, `now` for those who match, or `both`). Without runs and changes elsewhere nothing else moves.
    """
    from ..carry import switch

    name = str(record.get("journey"))
    try:
        model = msgspec.convert(record.get("plan"), Journey)
    except msgspec.ValidationError as error:
        raise ControlError(
            f"the plan of journey `{name}` is none: {error}", fix="see `sevenfold check`"
        ) from error
    check_publishing(name, model, record, fold.workspace.actions)
    workspace = msgspec.structs.replace(fold.workspace, journeys={**fold.workspace.journeys, name: model})
    cause = fold._cause
    if fold.journeys is not None:
        fold.journeys.archived.discard(name)
    switch(fold, workspace)
    fold._cause = cause
    published(fold, name, record)


def check_publishing(
    name: str, model: Journey, record: dict[str, Any], bank: Mapping[str, Action] | None = None
) -> None:
    """Refuses what a record asks for beside the plan, before anything has changed. Raises ControlError and
    MigrationError.
    """
    if record.get("enter", "future") not in ENTERING:
        why = f"`{record['enter']}` does not say whom journey `{name}` takes in"
        raise ControlError(why, fix=f"one of {', '.join(ENTERING)}")
    choices, unchanged = record.get("choices") or {}, str(record.get("unchanged", "migrate_keep"))
    check_choices(expand(model.steps, bank), choices, unchanged)


def published(fold: Fold, name: str, record: dict[str, Any]) -> None:
    """A journey has a version that is new: timers are set, people in flight follow the `choices`, and those
    whom `enter` means come in.
    """
    journeys = _runtime(fold)
    journeys.view.t = fold.t
    journeys.holding = True
    journeys.triggers.arm_all(fold.t, name)
    plan = journeys.plans[journeys.current[name]]
    fold.emit_about("published", name, {"version": plan.version, "enter": record.get("enter", "future")})
    migrate(journeys, plan, record.get("choices") or {}, str(record.get("unchanged", "migrate_keep")))
    if record.get("enter", "future") in ("now", "both"):
        take_in(journeys, plan)


@control("pause")
def _pause(fold: Fold, record: dict[str, Any]) -> None:
    """`clock`: freeze or run; `entries`: queue or drop; `finish`: those inside go on."""
    journeys, name = _known(fold, record)
    if name in journeys.entries.paused:
        raise ControlError(f"journey `{name}` is paused already", fix="resume it first")
    clock, entries = str(record.get("clock", "freeze")), str(record.get("entries", "queue"))
    if clock not in ("freeze", "run") or entries not in ("queue", "drop"):
        raise ControlError("a pause has `clock` freeze or run and `entries` queue or drop")
    finish = bool(record.get("finish", False))
    journeys.entries.paused[name] = Pause(fold.t, clock, entries == "queue", finish)
    data = {"clock": clock, "entries": entries, "finish": finish}
    fold.emit_about("paused", name, data)


@control("resume")
def _resume(fold: Fold, record: dict[str, Any]) -> None:
    """Timers go on, woken runs move, queued entries enter. `spread`: overdue runs are released over so
    long.
    """
    journeys, name = _known(fold, record)
    pause = journeys.entries.paused.pop(name, None)
    if pause is None:
        raise ControlError(f"journey `{name}` is not paused")
    fold.emit_about("resumed", name, {"after": fold.t - pause.at})
    spread = x.parse_duration(str(record["spread"])) if record.get("spread") else 0
    runs, t = journeys.runs, fold.t
    slots = [slot for plan in journeys.plans if plan.name == name for slot in runs.of_plan(plan.index)]
    for slot in sorted(slots, key=lambda one: runs.number[one]):
        run = journeys.view.at(slot)
        run.t, run.end_reason = t, "completed"
        if slot in journeys.pending:
            journeys.ready(slot, journeys.pending.pop(slot))
        elif runs.due[slot] != NEVER and not pause.finish:
            due = runs.due[slot]
            if pause.clock == "freeze":
                still = t - pause.timed.get(slot, pause.at)
                due = run.plan.steps[runs.step[slot]].thawed(run, due, still)
            if due <= t:
                due = t + 1 + jitter(0, spread, run.id, "resume")
            run.until(due)
    for row, trigger, seq, te, key, properties, by_event in pause.waiting:
        plan = journeys.plans[journeys.current[name]]
        row = fold.forward.get(row, row) if plan.of_person else row
        # Lateness was looked at when it was queued: it enters as if it came now.
        fired = Trigger(trigger, seq, max(te, t - plan.late_after), key, properties, by_event)
        slot, _ = journeys.entries.admit(plan, row, t, fired)
        if slot:
            journeys.ready(slot, 0)


@control("archive")
def _archive(fold: Fold, record: dict[str, Any]) -> None:
    """Nobody enters any more, and whoever is inside leaves."""
    journeys, name = _known(fold, record)
    journeys.view.t = fold.t
    slots = [s for plan in journeys.plans if plan.name == name for s in journeys.runs.of_plan(plan.index)]
    fold.emit_about("archived", name, {"runs": len(slots)})
    for slot in sorted(slots, key=lambda one: journeys.runs.number[one]):
        journeys.end_run(slot, "archived")
    journeys.archived.add(name)
    journeys.current.pop(name, None)
    journeys.entries.paused.pop(name, None)


@control("start")
def _start(fold: Fold, record: dict[str, Any]) -> None:
    """Somebody is put into a journey that has the trigger `api`; `id` makes a repeated call harmless."""
    journeys, name = _known(fold, record)
    plan = journeys.plans[journeys.current[name]]
    if not any(isinstance(trigger, OnCall) for trigger in plan.model.triggers):
        raise ControlError(f"journey `{name}` has no trigger `api`", fix="add `- kind: api` to its triggers")
    row = _subject(fold, plan.model.of, record)
    if not row:
        raise ControlError(
            "nobody has that identifier", fix="name a person by `person`, an account by `account`"
        )
    properties = {str(k): v for k, v in dict(record.get("properties") or {}).items()}
    key = str(record.get("key") or (properties.get(plan.model.key) if plan.model.key else "") or "")
    journeys.start(name, plan.unit, row, "api", properties, key)


def _subject(fold: Fold, of: str, record: dict[str, Any]) -> int:
    if of == "person":
        return find(fold, record.get("person"))
    if of == "account":
        return fold.account_rows.get(str(record.get("account")), 0)
    return fold.entity_rows[of].get(str(record.get(of)), 0)


def _runtime(fold: Fold) -> Journeys:
    if fold.journeys is None:
        raise ControlError("the workspace has no journeys", fix="publish one first")
    return fold.journeys


def _known(fold: Fold, record: dict[str, Any]) -> tuple[Journeys, str]:
    journeys, name = _runtime(fold), str(record.get("journey"))
    if name not in journeys.current:
        fix = likely(name, journeys.current) or f"published are {', '.join(journeys.current) or 'none'}"
        raise ControlError(f"no journey `{name}` is published", fix=fix)
    return journeys, name


@control("promote")
def _promote(fold: Fold, record: dict[str, Any]) -> None:
    """A decided test: the split `step` of a journey sends everybody the way `path` from now on, as a new
    version.
    """
    journeys, name = _known(fold, record)
    plan: dict[str, Any] = msgspec.to_builtins(journeys.plans[journeys.current[name]].model)
    step = plan["steps"].get(str(record.get("step")))
    if step is None or step.get("kind") != "split" or record.get("path") not in step["paths"]:
        raise ControlError(
            f"journey `{name}` has no split with that path", fix="name its `step` and a `path` of it"
        )
    for path, one in step["paths"].items():
        one["share"] = 100.0 if path == record["path"] else 0.0
    _publish(
        fold, {"op": "publish", "journey": name, "plan": plan, "choices": {record["step"]: "migrate_keep"}}
    )

"""People's work: open tasks with whom they are about, and how much everybody has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...journeys.tasks import Tasks
from ...profiles.wheel import NEVER
from . import QuestionError, question
from .profiles import row_with_id, summary, unit_of

if TYPE_CHECKING:
    from ...engine import Fold
    from ...journeys.task_table import Task


def tasks_of(fold: Fold) -> Tasks | None:
    """The tasks of a fold, if its workspace has any."""
    found = fold.journeys.services.get("tasks") if fold.journeys is not None else None
    return found if isinstance(found, Tasks) else None


@question("open_tasks")
def open_tasks(
    fold: Fold,
    owner: str | None = None,
    kind: str | None = None,
    of: str | None = None,
    id: str | None = None,  # noqa: A002
    overdue: bool | None = None,
    limit: int = 50,
    after: int = 0,
) -> dict[str, Any] | None:
    """Open tasks in order of opening: of an owner (`` for nobody's), a kind, a subject; overdue ones.
    None: ask again.
    """
    tasks = tasks_of(fold)
    if tasks is None:
        return {"items": [], "next": None}
    row = 0
    if id is not None:
        row = row_with_id(fold, unit_of(fold, of or "person").kind, id)
        if row < 0:
            return None
    wanted = sorted(
        (
            task
            for task in tasks.open_tasks
            if task.number > after
            and (owner is None or (task.owner or "") == owner)
            and (kind is None or task.kind == kind)
            and (of is None or task.of == of)
            and (not row or task.row == row)
            and (overdue is None or task.overdue == overdue)
        ),
        key=lambda task: task.number,
    )
    items = [_task(fold, tasks, task) for task in wanted[:limit]]
    return {"items": items, "next": items[-1]["number"] if len(wanted) > limit else None}


@question("open_task")
def open_task(fold: Fold, id: str) -> dict[str, Any]:  # noqa: A002
    """One open task. Raises QuestionError."""
    tasks = tasks_of(fold)
    task = tasks.open_tasks.with_id(id) if tasks is not None else None
    if tasks is None or task is None:
        raise QuestionError(f"there is no open task `{id[:64]}`", where="id")
    return _task(fold, tasks, task)


def _task(fold: Fold, tasks: Tasks, task: Task) -> dict[str, Any]:
    model = tasks.kinds[task.kind].model
    return {
        "id": task.id,
        "number": task.number,
        "kind": task.kind,
        "subject": summary(fold, unit_of(fold, task.of), task.row),
        "reason": task.reason,
        "owner": task.owner,
        "opened": task.opened,
        "due": None if task.due == NEVER else task.due,
        "overdue": task.overdue,
        "level": task.level,
        "snoozes": task.snoozes,
        "turn": tasks.turn(task),
        "outcomes": list(model.outcomes),
    }


@question("people_who_act")
def people_who_act(fold: Fold) -> list[dict[str, Any]]:
    """Everybody in the catalogue of people, with how many open tasks they have."""
    tasks = tasks_of(fold)
    if tasks is None:
        return []
    loads: dict[str, int] = {}
    for task in tasks.open_tasks:
        if task.owner is not None:
            loads[task.owner] = loads.get(task.owner, 0) + 1
    names = [
        *tasks.roster.directory.actors,
        *(one for one in loads if one not in tasks.roster.directory.actors),
    ]
    return [{"person": name, "open": loads.get(name, 0)} for name in names]

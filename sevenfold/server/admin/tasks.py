"""Human tasks: who has what to do by when, claimed, put off, commented, closed with an outcome."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import JSONBody, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ...limits import TASK_TEXT_CHARS_MAX
from ..errors import InvalidError
from ..history import Numbered, Page, Task
from ..questions import QuestionError
from .base import PAGE, After, Asked, Done, Items, Limit, Newer, Older, Person, done
from .journeys import Duration
from .subjects import Moment, Subject, moments

Id = Annotated[str, Parameter(min_length=1, max_length=64, description="The task's id.")]
Who = Annotated[str, Meta(min_length=1, max_length=200)]
Note = Annotated[str, Meta(max_length=TASK_TEXT_CHARS_MAX)]


class OpenTask(Struct, kw_only=True):
    """An open task. Times ms UTC; `outcomes` are those it can be closed with; `turn` (lower first) where the
    kind is called in an order drawn by chance.
    """

    id: str
    number: int
    kind: str
    subject: Subject
    reason: str
    owner: str | None
    opened: int
    due: int | None
    overdue: bool
    level: int
    snoozes: int
    turn: int | None
    outcomes: list[str]


class TaskFull(Struct, kw_only=True, omit_defaults=True):
    """A task with everything that happened to it. `open` is null once it is closed; evidence and talk
    track are in the data of its first moment (kind `task`).
    """

    task: Task
    moments: list[Moment]
    open: OpenTask | None = None


class TaskChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """`claim` for oneself (`by`), `assign` `to` somebody, `snooze` `for` so long or `until` a time,
    `note`, or `close` with an `outcome`. `by` says which person acts; the member who is logged in or the
    key's name when not given.
    """

    action: Literal["claim", "assign", "snooze", "note", "close"]
    by: Who | UnsetType = UNSET
    to: Who | UnsetType = UNSET
    for_: Duration | UnsetType = msgspec.field(default=UNSET, name="for")
    until: int | str | UnsetType = UNSET
    outcome: Who | UnsetType = UNSET
    note: Note | UnsetType = UNSET


class TaskOpened(Struct, kw_only=True, forbid_unknown_fields=True):
    """A task by hand, about a `person`, or by its key an `account` or `entity`."""

    kind: Who
    person: Person | UnsetType = UNSET
    account: Who | UnsetType = UNSET
    entity: Who | UnsetType = UNSET
    reason: Note = ""
    note: Note | UnsetType = UNSET
    by: Who | UnsetType = UNSET


class Absence(Struct, kw_only=True, forbid_unknown_fields=True):
    """Away from a day to a day, both included; without both they are back."""

    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None


class Load(Struct, kw_only=True):
    """Somebody who acts, with how many open tasks they have."""

    person: str
    open: int


@get("/tasks", scope="read", tags=["tasks"], operation_id="list_tasks")
async def list_tasks(
    caller: Asked,
    owner: Annotated[str | None, Parameter(description="Of this owner; empty: of nobody yet.")] = None,
    kind: Annotated[str | None, Parameter(description="Of this kind.")] = None,
    overdue: Annotated[bool | None, Parameter(description="Only overdue ones, or only others.")] = None,
    limit: Limit = PAGE,
    after: After = 0,
) -> Items[OpenTask]:
    """Open tasks, in order of opening."""
    found = await caller.ask("open_tasks", owner=owner, kind=kind, overdue=overdue, limit=limit, after=after)
    return msgspec.convert(found, Items[OpenTask])


@get("/tasks/history", scope="read", tags=["tasks"], operation_id="list_task_history")
async def task_history(
    caller: Asked,
    owner: Annotated[str | None, Parameter(description="Of this owner.")] = None,
    kind: Annotated[str | None, Parameter(description="Of this kind.")] = None,
    open: Annotated[bool | None, Parameter(description="Only open, or only closed ones.")] = None,  # noqa: A002
    before: Older = None,
    after: Newer = None,
    limit: Limit = PAGE,
) -> Page[Task]:
    """Every task there was, with its outcome; newest first unless `after` is given."""
    found: Page[Task] = caller.history.tasks(
        owner=owner, kind=kind, is_open=open, before=before, after=after, limit=limit
    )
    return found


@get("/tasks/people", scope="read", tags=["tasks"], operation_id="list_people_who_act")
async def people_who_act(caller: Asked) -> list[Load]:
    """Everybody in the catalogue of people, with how many open tasks they have."""
    return msgspec.convert(await caller.ask("people_who_act"), list[Load])


@get("/tasks/{id:str}", scope="read", tags=["tasks"], operation_id="get_task")
async def get_task(caller: Asked, id: Id) -> TaskFull:  # noqa: A002
    """One task, open or closed, with everything that happened to it."""
    task: Task | None = caller.history.task(id)
    if task is None:
        raise QuestionError("there is no task with this id", where="id")
    kinds = (
        "task",
        "task_joined",
        "task_assigned",
        "task_snoozed",
        "task_escalated",
        "task_noted",
        "task_overdue",
        "task_closed",
    )
    found: Page[Numbered] = caller.history.effects(subject=task.subject, kind=kinds, limit=200)
    mine = [one for one in moments(found).items if one.data.get("task") == id]
    open_task = None
    if task.closed is None:
        open_task = msgspec.convert(await caller.ask("open_task", id=id), OpenTask)
    return TaskFull(task=task, moments=mine, open=open_task)


@post("/tasks", scope="write", once=True, status_code=201, tags=["tasks"], operation_id="open_task")
async def open_task(caller: Asked, data: JSONBody[TaskOpened]) -> Done:
    """Opens a task by hand; one that is open for the same reason is joined."""
    record: dict[str, Any] = {"op": "task", "action": "open", "kind": data.kind, "reason": data.reason}
    record["by"] = caller.by if data.by is UNSET else data.by
    if data.person is not UNSET:
        record["person"] = data.person.named()
    if data.account is not UNSET:
        record["account"] = data.account
    kinds = caller.live.workspace.tasks
    if data.entity is not UNSET and data.kind in kinds:
        record[kinds[data.kind].of] = data.entity
    if data.note is not UNSET:
        record["note"] = data.note
    return done(await caller.tell("task.open", data.kind, record))


@post(
    "/tasks/{id:str}", scope="write", once=True, status_code=200, tags=["tasks"], operation_id="change_task"
)
async def change_task(caller: Asked, id: Id, data: JSONBody[TaskChange]) -> Done:  # noqa: A002
    """Claims, assigns, puts off, comments or closes a task. What comes too late changes nothing and has
    the effect `task_refused`.
    """
    by = caller.by if data.by is UNSET else data.by
    record: dict[str, Any] = {"op": "task", "task": id, "action": data.action, "by": by}
    if data.note is not UNSET:
        record["note"] = data.note
    if data.action == "claim":
        if data.by is UNSET and caller.member is None:
            raise InvalidError("a task is claimed `by` somebody", where="by")
        record |= {"action": "assign", "to": by}
    elif data.action == "assign":
        record["to"] = _given(data.to, "to")
    elif data.action == "snooze":
        if data.for_ is not UNSET:
            record["for"] = data.for_
        else:
            record["until"] = _given(data.until, "until")
    elif data.action == "close":
        record["outcome"] = _given(data.outcome, "outcome")
    return done(await caller.tell(f"task.{data.action}", id, record, by=by))


def _given(value: Any, name: str) -> Any:
    if value is UNSET:
        raise InvalidError(f"`{name}` is missing", where=name)
    return value


@post(
    "/tasks/people/{person:str}/absence",
    scope="write",
    once=True,
    status_code=200,
    tags=["tasks"],
    operation_id="set_absence",
)
async def set_absence(
    caller: Asked,
    person: Annotated[
        str, Parameter(min_length=1, max_length=200, description="In the catalogue of people.")
    ],
    data: JSONBody[Absence],
) -> Done:
    """Somebody who acts is away, or back: new tasks go to others meanwhile."""
    record = {"op": "absence", "person": person, "from": data.from_, "to": data.to}
    return done(await caller.tell("person.absence", person, record, dates=[data.from_, data.to]))


HANDLERS = [
    list_tasks,
    task_history,
    people_who_act,
    get_task,
    open_task,
    change_task,
    set_absence,
]

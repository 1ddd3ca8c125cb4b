"""Human tasks: one for a subject, kind and reason, with an owner, a clock of business hours and an outcome.

What happens to a task while it is open is `task_course`. The rules: docs/explain/people-and-tasks.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from ..messages.holdouts import PLACES
from ..workspace.base import ACCOUNT, PERSON
from .notices import withdraw
from .task_course import TaskCourse, Told
from .task_kinds import CompiledKind, TaskError
from .task_table import Task, Waiting

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..events.model import Event
    from ..lifecycle.compile import CompiledUnit
    from .runs import RunView
    from .runtime import Journeys

COMPLETED = "Task Completed"
"""The event by which a help desk or CRM says that a task is done."""
JOINED = "joined"
"""The outcome of a task that became part of an older one when two people turned out to be one."""


class Tasks(TaskCourse):
    """The tasks of a fold."""

    def __init__(self, fold: Fold, runtime: Journeys) -> None:
        super().__init__(fold, runtime)
        self.on_closed: list[Callable[[Task, str, Task | None], None]] = []
        """Told of each task that was closed, its outcome, and the task that goes on in its place."""

    def declare(self) -> None:
        self._low = self.runtime.timer("tasks", self._fire)
        for model in self.fold.workspace.tasks.values():
            for rule in model.owners:
                if rule.when is not None:
                    self.runtime.watch_later(self.fold._unit(model.of), rule.when)
            for field in ("task_id", "kind", "outcome"):
                self.fold.person.properties.setdefault(field, "")

    def finish(self) -> None:
        workspace = self.fold.workspace
        for name, model in workspace.tasks.items():
            unit = self.fold._unit(model.of)
            asks = [None if r.when is None else self.runtime.asks(unit, r.when) for r in model.owners]
            self.kinds[name] = CompiledKind(name, model, workspace, unit, asks)

    def kind(self, name: str) -> CompiledKind:
        """A kind of task. Raises `TaskError` when there is none of this name."""
        found = self.kinds.get(name)
        if found is None:
            known = ", ".join(sorted(self.kinds)) or "none is written"
            raise TaskError(f"there is no kind of task `{name}`", fix=f"one of {known}")
        return found

    # ------------------------------------------------------------------------------------------ opening

    def subject(self, kind: str, unit: CompiledUnit, row: int) -> tuple[CompiledUnit, int]:
        """Whom a task of a kind is about when a run over `unit` asks for it."""
        return self.about(self.kinds[kind].model.of, unit, row)

    def open(
        self, kind: str, unit: CompiledUnit, row: int, reason: str, ident: str, evidence: Told, told: Told,
        due: int | None = None,
    ) -> Task:  # fmt: skip
        """Opens a task about a subject, or joins the one that is open for this kind and reason.

        `ident` is the id of what asks for it, `evidence` what is known there beside the kind's own, `due`
        another SLA than the kind's, in business ms.
        """
        compiled, t = self.kinds[kind], self.fold.t
        evidence = self.evidence.values(unit, row, compiled.model.evidence, {}) | evidence
        known = self.open_tasks.find(unit.kind, row, kind, reason)
        if known is not None:
            data = {"task": known.id, "id": ident, "reason": reason, "owner": known.owner}
            self.fold.emit(unit, row, "task_joined", kind, data | {"evidence": evidence} | told)
            return known
        table = self.open_tasks
        table.last += 1
        task = Task(
            id=ident, number=table.last, kind=kind, of=unit.kind, row=row, reason=reason, opened=t,
            due=compiled.due_at(t) if due is None else compiled.clock.add(t, due),
            escalations=[compiled.clock.add(t, after) for after in compiled.after],
        )  # fmt: skip
        table.add(task)
        self._opened(task, unit, evidence, told)
        return task

    def _opened(self, task: Task, unit: CompiledUnit, evidence: Told, told: Told) -> None:
        compiled, row = self.kinds[task.kind], task.row
        choice = compiled.choose(self.roster, unit, row, self.day())
        task.owner = choice.owner
        self.roster.carry(choice.owner, 1)
        model, more = compiled.model, {"reason": task.reason, "owner": choice.owner or "nobody yet"}
        data: Told = {
            "task": task.id, "reason": task.reason,
            "title": self.evidence.render(unit, row, model.title, {}, more),
            "owner": task.owner, "rule": choice.rule, "why": choice.why, "due": task.due,
            "escalations": list(task.escalations), "evidence": evidence,
            "talk_track": self.evidence.render(unit, row, model.talk_track, {}, more),
            "outcomes": list(model.outcomes), "channel": model.channel, "template": model.template,
        }  # fmt: skip
        turn = self.turn(task)
        if turn is not None:
            # Who is called in the first half of all turns is chance, and its probability is known.
            data |= {"turn": turn, "arm": "first" if turn < PLACES // 2 else "later", "probability": 0.5}
        self.fold.emit(unit, row, "task", task.kind, data | told)
        self._notify(task, task.id, [task.owner], data)
        self._touch(unit, row, task.kind, task.id)
        self._arm(task)

    # --------------------------------------------------------------------------------------------- runs

    def wait(self, task: Task, run: RunView) -> None:
        """The run is to be woken with the task's outcome, as long as it stays at its step."""
        self.open_tasks.wait(task, Waiting(run.slot, run.number, run.since))

    def forget(self, run: RunView) -> None:
        """The run waits no longer; the task stays, for somebody may be at it."""
        self.open_tasks.forget(run.number)

    run_ended = forget

    def is_waiting(self, run: RunView) -> bool:
        """Whether the run waits for a task."""
        return run.number in self.open_tasks.waits

    def outcome_of(self, kind: str, code: int) -> str:
        """The outcome that a woken run has heard."""
        return self.kinds[kind].model.outcomes[code]

    def would(self, unit: CompiledUnit, row: int, kind: str, ident: str) -> None:
        """A ghost came to where people get a task."""
        self._touch(unit, row, kind, ident, ghost=True)

    # ------------------------------------------------------------------------------------------ changes

    def close(self, task: Task, outcome: str, told: Told) -> None:
        """The task is over with one of its kind's outcomes; who waits for it goes on, older runs first."""
        code = self.kinds[task.kind].model.outcomes.index(outcome)
        waiting = sorted(task.waiting, key=lambda one: one.number)
        self._remove(task)
        data: Told = {"outcome": outcome, "reason": task.reason, "owner": task.owner}
        data |= {"after": self.fold.t - task.opened, "in_time": not task.overdue}
        ident = self._tell(task, "task_closed", data | told)
        withdraw(self.runtime, task)
        self._touch(self.fold._unit(task.of), task.row, task.kind, ident)
        self.derive(self.fold._unit(task.of), task.row, f"$task {outcome} {task.kind}")
        self.retry()
        for hear in self.on_closed:
            hear(task, outcome, None)
        runs = self.runtime.runs
        for slot, number, since in waiting:
            if runs.number[slot] == number and runs.since[slot] == since:
                self.runtime.wake_task(slot, number, code)

    # ------------------------------------------------------------------------------------------- events

    def listens(self, type_: str, event: str) -> bool:
        return type_ == "track" and event == COMPLETED and bool(self.kinds)

    def on_event(self, row: int, event: Event, key: tuple[str, str], te: int, t: int) -> None:
        """A task was done elsewhere: the one named, else the oldest of its kind that the person has."""
        fields = self.fold.person.properties
        ident, kind, outcome = (
            getattr(event.properties, fields[field], UNSET) for field in ("task_id", "kind", "outcome")
        )
        if ident.__class__ is str:
            task = self.open_tasks.with_id(ident)
        else:
            owned = [(PERSON, row), *((ACCOUNT, account) for account, _, _ in self.fold.accounts_of(row))]
            held = (task for one in owned for task in self.open_tasks.of(*one))
            task = next((one for one in held if one.kind == kind), None)
        if task is None or te < task.opened:
            return
        if outcome in self.kinds[task.kind].model.outcomes:
            self.close(task, outcome, {"by": COMPLETED})
        else:
            data = {"task": task.id, "action": "close", "reason": "unknown_outcome", "by": COMPLETED}
            self.fold.emit(self.fold._unit(task.of), task.row, "task_refused", task.kind, data)

    # --------------------------------------------------------------------------------- merging and keeping

    def keeps(self, unit: CompiledUnit, row: int) -> bool:
        return bool(self.open_tasks.of(unit.kind, row))

    def erase(self, unit: CompiledUnit, row: int) -> int:
        """Tasks about a subject are closed; who has them sees that they are gone."""
        found = self.open_tasks.of(unit.kind, row)
        for task in found:
            self._remove(task)
            self._tell(task, "task_closed", {"outcome": "erased", "owner": task.owner})
            withdraw(self.runtime, task)
        return len(found)

    def merge(self, winner: int, loser: int, t: int) -> None:
        """The loser's tasks are the winner's; of two of one kind and reason the older stays."""
        for task in self.open_tasks.of(PERSON, loser):
            other = self.open_tasks.find(PERSON, winner, task.kind, task.reason)
            if other is None:
                self.open_tasks.move(task, winner)
            else:
                self._join(task, other, winner)

    def _join(self, task: Task, other: Task, row: int) -> None:
        """Of two tasks about one subject for one reason the older stays, with everybody who waits."""
        older, younger = sorted((task, other), key=lambda one: one.number)
        self._remove(younger)
        if older is task:
            self.open_tasks.move(task, row)
        younger.row = row
        for run in younger.waiting:
            self.open_tasks.wait(older, run)
        self._tell(younger, "task_closed", {"outcome": JOINED, "into": older.id, "owner": younger.owner})
        withdraw(self.runtime, younger)
        for hear in self.on_closed:
            hear(younger, JOINED, older)
        self.retry()

    def dump(self) -> Any:
        return [self.open_tasks.dump(), self.roster.dump()]

    def load(self, held: Any) -> None:
        table, roster = held
        self.open_tasks.load(table)
        self.roster.put(roster)
        for task in list(self.open_tasks):
            # A kind that the workspace no longer has takes its tasks with it.
            if task.kind not in self.fold.workspace.tasks:
                self._remove(task)
            else:
                levels = len(self.fold.workspace.tasks[task.kind].escalate)
                task.escalations = task.escalations[:levels]


__all__ = ["JOINED", "Tasks", "Told"]

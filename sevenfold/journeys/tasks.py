"""Human tasks: one for a subject, kind and reason, with an owner, a clock of business hours and an outcome.

Who is chosen is read and written at once: the fold is one sequence of operations, so what comes second sees
what came first, however records are batched. The rules: docs/explain/people-and-tasks.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..limits import TASK_SNOOZE_MS_MAX, TASKS_RETRIED_MAX
from ..profiles.wheel import OP_BITS
from ..workspace.base import PERSON
from .evidence import Evidence
from .owners import Directory, Roster
from .serving import Service
from .task_kinds import Clock, CompiledKind, TaskError
from .task_table import Task, TaskTable, Waiting
from .telling import stable_id
from .times import NEVER, local
from .zones import zone

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..lifecycle.compile import CompiledUnit
    from .runs import RunView
    from .runtime import Journeys

JOINED = "joined"
"""The outcome of a task that became part of an older one when two people turned out to be one."""
Told = dict[str, Any]
"""What goes into an effect beside its own data: who did it, in which run."""


class Tasks(Service):
    """The open tasks of a fold."""

    def __init__(self, fold: Fold, runtime: Journeys) -> None:
        super().__init__(fold, runtime)
        self.evidence = Evidence(fold)
        people, catalogues = fold.workspace.people, fold.workspace.catalogues
        catalogue = catalogues.get(people.catalogue) if people is not None else None
        self.roster = Roster(Directory.of(people, catalogue.rows if catalogue is not None else []))
        self.kinds: dict[str, CompiledKind] = {}
        self.open_tasks = TaskTable()
        self.on_closed: list[Callable[[Task, str, Task | None], None]] = []
        """Told of each task that was closed, its outcome, and the task that goes on in its place."""
        self._low = 0
        self._zone = zone(fold.workspace.timezone)

    def declare(self) -> None:
        self._low = self.runtime.timer("tasks", self._fire)
        for model in self.fold.workspace.tasks.values():
            for rule in model.owners:
                if rule.when is not None:
                    self.runtime.watch_later(self.fold._unit(model.of), rule.when)

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
        data = {
            "task": task.id, "reason": task.reason,
            "title": self.evidence.render(unit, row, model.title, {}, more),
            "owner": task.owner, "rule": choice.rule, "why": choice.why, "due": task.due,
            "escalations": list(task.escalations), "evidence": evidence,
            "talk_track": self.evidence.render(unit, row, model.talk_track, {}, more),
            "outcomes": list(model.outcomes), "channel": model.channel, "template": model.template,
        }  # fmt: skip
        self.fold.emit(unit, row, "task", task.kind, data | told)
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
        self._touch(self.fold._unit(task.of), task.row, task.kind, ident)
        self.derive(self.fold._unit(task.of), task.row, f"$task {outcome} {task.kind}")
        self.retry()
        for hear in self.on_closed:
            hear(task, outcome, None)
        runs = self.runtime.runs
        for slot, number, since in waiting:
            if runs.number[slot] == number and runs.since[slot] == since:
                self.runtime.wake_task(slot, number, code)

    def assign(self, task: Task, owner: str | None, why: str, told: Told) -> None:
        """The task has another owner."""
        before, task.owner = task.owner, owner
        self.roster.carry(before, -1)
        self.roster.carry(owner, 1)
        model = self.kinds[task.kind].model
        data: Told = {"from": before, "to": owner, "why": why, "reason": task.reason, "due": task.due}
        data |= {"channel": model.channel, "template": model.template}
        self._tell(task, "task_assigned", data | told)

    def snooze(self, task: Task, until: int, told: Told) -> str:
        """The task sleeps until then, and its clock with it: "" or the reason why not."""
        t, compiled = self.fold.t, self.kinds[task.kind]
        if task.snoozes >= compiled.model.snooze_max:
            return "snoozed_too_often"
        if not t < until <= t + TASK_SNOOZE_MS_MAX:
            return "until_out_of_bounds"
        task.snoozes += 1
        task.due = later(compiled.clock, t, until, task.due)
        task.escalations = [later(compiled.clock, t, until, one) for one in task.escalations]
        data = {"until": until, "due": task.due, "left": compiled.model.snooze_max - task.snoozes}
        self._tell(task, "task_snoozed", data | told)
        self._arm(task)
        return ""

    def note(self, task: Task, told: Told) -> None:
        """Somebody wrote something down."""
        self._tell(task, "task_noted", told)

    def retry(self) -> None:
        """Tasks that nobody owns are offered again, the oldest first, to whoever has room now."""
        unowned = sorted((one for one in self.open_tasks if one.owner is None), key=lambda one: one.number)
        for task in unowned[:TASKS_RETRIED_MAX]:
            compiled = self.kinds[task.kind]
            choice = compiled.choose(self.roster, self.fold._unit(task.of), task.row, self.day())
            if choice.owner is not None:
                self.assign(task, choice.owner, "room", {})

    def day(self) -> int:
        """Today in the workspace's time zone, as days since 1970-01-01."""
        return local(self.fold.t, self._zone).day

    def _remove(self, task: Task) -> None:
        self.open_tasks.remove(task)
        self.roster.carry(task.owner, -1)

    def _tell(self, task: Task, effect: str, data: Told) -> str:
        task.changes += 1
        ident = stable_id(task.id, effect, task.changes)
        unit = self.fold._unit(task.of)
        self.fold.emit(unit, task.row, effect, task.kind, {"task": task.id, "id": ident} | data)
        return ident

    def _touch(self, unit: CompiledUnit, row: int, kind: str, ident: str, *, ghost: bool = False) -> None:
        saves: Any = self.runtime.services.get("saves")
        if saves is not None:
            saves.touched(unit, row, self.fold.t, "task", kind, ident, ghost=ghost)

    # ------------------------------------------------------------------------------------------- timers

    def _arm(self, task: Task) -> None:
        coming = task.escalations[task.level] if task.level < len(task.escalations) else NEVER
        due = min(coming, NEVER if task.overdue else task.due)
        if due != task.timer:
            task.timer = due
            if due != NEVER:
                self.fold.wheel.push(due, self._low + (self.open_tasks.by_id[task.id] << OP_BITS))

    def _fire(self, slot: int, due: int) -> None:
        task = self.open_tasks.at(slot)
        if task is None or task.timer != due:
            return
        if not task.overdue and task.due <= due:
            task.overdue = True
            self._tell(task, "task_overdue", {"reason": task.reason, "owner": task.owner, "due": task.due})
        while task.level < len(task.escalations) and task.escalations[task.level] <= due:
            task.level += 1
            self._escalate(task)
        self._arm(task)

    def _escalate(self, task: Task) -> None:
        model = self.kinds[task.kind].model
        roles = [rule.role for rule in model.owners if rule.role is not None]
        rule = model.escalate[task.level - 1]
        shown, owner = self.roster.above(rule, task.owner, roles, self.day())
        data = {"level": task.level, "to": shown, "reason": task.reason, "owner": task.owner, "due": task.due}
        self._tell(task, "task_escalated", data)
        if owner is not None and owner != task.owner:
            self.assign(task, owner, f"escalation {task.level}", {})
        elif task.owner is None:
            self.retry()

    # --------------------------------------------------------------------------------- merging and keeping

    def merge(self, winner: int, loser: int, t: int) -> None:
        """The loser's tasks are the winner's; of two of one kind and reason the older stays."""
        for task in self.open_tasks.of(PERSON, loser):
            other = self.open_tasks.find(PERSON, winner, task.kind, task.reason)
            if other is None:
                self.open_tasks.move(task, winner)
                continue
            older, younger = sorted((task, other), key=lambda one: one.number)
            self._remove(younger)
            if older is task:
                self.open_tasks.move(task, winner)
            younger.row = winner
            for run in younger.waiting:
                self.open_tasks.wait(older, run)
            self._tell(younger, "task_closed", {"outcome": JOINED, "into": older.id, "owner": younger.owner})
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


def later(clock: Clock, t: int, until: int, due: int) -> int:
    """A time by the clock, moved as if the clock stood still from `t` to `until`; what is over stays."""
    return due if due <= t else clock.add(until, clock.between(t, due))


__all__ = ["JOINED", "Tasks", "later"]

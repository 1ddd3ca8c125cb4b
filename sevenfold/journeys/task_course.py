"""What happens to an open task: assignments, snoozes, what falls due, escalation, and who is told.

Who is chosen is read and written at once: the fold is one sequence of operations, so what comes second sees
what came first, however records are batched. The rules: docs/explain/people-and-tasks.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..limits import TASK_SNOOZE_MS_MAX, TASKS_RETRIED_MAX
from ..messages.holdouts import draw
from ..profiles.wheel import OP_BITS
from .evidence import Evidence
from .notices import notify
from .owners import Directory, Roster
from .serving import Service
from .task_kinds import Clock, CompiledKind
from .task_table import Task, TaskTable
from .telling import stable_id
from .times import NEVER, local
from .zones import zone

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..lifecycle.compile import CompiledUnit
    from .runtime import Journeys

Told = dict[str, Any]
"""What goes into an effect beside its own data: who did it, in which run."""


class TaskCourse(Service):
    """Open tasks, and what happens to them while they are open."""

    def __init__(self, fold: Fold, runtime: Journeys) -> None:
        super().__init__(fold, runtime)
        self.evidence = Evidence(fold)
        people, catalogues = fold.workspace.people, fold.workspace.catalogues
        catalogue = catalogues.get(people.catalogue) if people is not None else None
        self.roster = Roster(Directory.of(people, catalogue.rows if catalogue is not None else []))
        self.kinds: dict[str, CompiledKind] = {}
        self.open_tasks = TaskTable()
        self._low = 0
        self._zone = zone(fold.workspace.timezone)

    def assign(self, task: Task, owner: str | None, why: str, told: Told) -> None:
        """The task has another owner."""
        before, task.owner = task.owner, owner
        self.roster.carry(before, -1)
        self.roster.carry(owner, 1)
        model = self.kinds[task.kind].model
        data: Told = {"from": before, "to": owner, "why": why, "reason": task.reason, "due": task.due}
        data |= {"channel": model.channel, "template": model.template}
        self._notify(task, self._tell(task, "task_assigned", data | told), [owner], data)

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

    def turn(self, task: Task) -> int | None:
        """The turn of a task whose kind is called in random order, 0 to 9,999; it is the same for ever."""
        random = self.kinds[task.kind].model.order == "random"
        return draw(f"task order {task.kind}", task.id) if random else None

    def _in_turn(self, tasks: list[Task]) -> list[Task]:
        """Tasks the oldest first; those of a kind with turns change places among themselves."""
        turns = {task.number: turn for task in tasks if (turn := self.turn(task)) is not None}
        if not turns:
            return tasks
        queues: dict[str, list[Task]] = {}
        for task in sorted(tasks, key=lambda one: (turns.get(one.number, 0), one.number), reverse=True):
            queues.setdefault(task.kind, []).append(task)
        return [queues[task.kind].pop() if task.number in turns else task for task in tasks]

    def retry(self) -> None:
        """Tasks that nobody owns are offered again, in their order, to whoever has room now."""
        unowned = sorted((one for one in self.open_tasks if one.owner is None), key=lambda one: one.number)
        for task in self._in_turn(unowned)[:TASKS_RETRIED_MAX]:
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

    def _notify(self, task: Task, ident: str, to: list[str | None], data: Told) -> None:
        model = self.kinds[task.kind].model
        notify(self.fold, self.runtime, model, task, ident, [one for one in to if one is not None], data)

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
        self._notify(task, self._tell(task, "task_escalated", data), [*shown], data)
        if owner is not None and owner != task.owner:
            self.assign(task, owner, f"escalation {task.level}", {})
        self.retry()


def later(clock: Clock, t: int, until: int, due: int) -> int:
    """A time by the clock, moved as if the clock stood still from `t` to `until`; what is over stays."""
    return due if due <= t else clock.add(until, clock.between(t, due))


__all__ = ["TaskCourse", "Told", "later"]

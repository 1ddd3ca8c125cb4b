"""Open tasks in slots: found by id, by subject, and by who waits for them. State, without rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from .times import NEVER


class Waiting(NamedTuple):
    """A run that waits: its slot and number, and since when it is at its step."""

    slot: int
    number: int
    since: int


class Task(msgspec.Struct, kw_only=True):
    """An open task. Times are ms UTC; ``of`` and ``row`` are the subject's."""

    id: str
    number: int
    kind: str
    of: str
    row: int
    reason: str
    opened: int
    due: int
    escalations: list[int]
    """When each level of the escalation chain is due."""
    owner: str | None = None
    level: int = 0
    """Levels that have come already."""
    overdue: bool = False
    snoozes: int = 0
    changes: int = 0
    """How often it changed; part of the ids of those changes."""
    timer: int = NEVER
    waiting: list[Waiting] = []


class TaskTable:
    """Tasks by slot. A slot freed is taken again, the last freed first."""

    def __init__(self) -> None:
        self.slots: list[Task | None] = []
        self.last = 0
        """The number of the last task opened."""
        self.by_id: dict[str, int] = {}
        self.waits: dict[int, int] = {}
        """Of each run that waits, by its number, the task's slot."""
        self._free: list[int] = []
        self._open: dict[tuple[str, int, str, str], int] = {}
        self._of_subject: dict[tuple[str, int], list[int]] = {}

    def __iter__(self) -> Iterator[Task]:
        return (task for task in self.slots if task is not None)

    def at(self, slot: int) -> Task | None:
        """The task in a slot, if there is one."""
        return self.slots[slot] if 0 <= slot < len(self.slots) else None

    def with_id(self, ident: str) -> Task | None:
        """The open task of this id."""
        return self.at(self.by_id.get(ident, -1))

    def find(self, of: str, row: int, kind: str, reason: str) -> Task | None:
        """The open task of a subject, kind and reason."""
        return self.at(self._open.get((of, row, kind, reason), -1))

    def of(self, of: str, row: int) -> list[Task]:
        """A subject's open tasks, the oldest first."""
        held = [self.slots[slot] for slot in self._of_subject.get((of, row), ())]
        return sorted((task for task in held if task is not None), key=lambda task: task.number)

    def add(self, task: Task) -> int:
        """A new task takes a slot."""
        if self._free:
            slot = self._free.pop()
            self.slots[slot] = task
        else:
            slot = len(self.slots)
            self.slots.append(task)
        self._index(slot, task)
        return slot

    def remove(self, task: Task) -> None:
        """The task's slot is free; its timers find nobody there."""
        slot = self._unindex(task)
        self.slots[slot] = None
        self._free.append(slot)

    def move(self, task: Task, row: int) -> None:
        """The task is about another row of its kind of subject, which has none of its kind and reason."""
        slot = self._unindex(task)
        task.row = row
        self._index(slot, task)

    def wait(self, task: Task, run: Waiting) -> None:
        """A run waits for the task."""
        task.waiting.append(run)
        self.waits[run.number] = self.by_id[task.id]

    def forget(self, number: int) -> None:
        """The run of this number waits no longer."""
        task = self.at(self.waits.pop(number, -1))
        if task is not None:
            task.waiting = [one for one in task.waiting if one.number != number]

    def _index(self, slot: int, task: Task) -> None:
        self.by_id[task.id] = slot
        self._open[task.of, task.row, task.kind, task.reason] = slot
        self._of_subject.setdefault((task.of, task.row), []).append(slot)
        for run in task.waiting:
            self.waits[run.number] = slot

    def _unindex(self, task: Task) -> int:
        slot = self.by_id.pop(task.id)
        del self._open[task.of, task.row, task.kind, task.reason]
        held = self._of_subject[task.of, task.row]
        held.remove(slot)
        if not held:
            del self._of_subject[task.of, task.row]
        for run in task.waiting:
            self.waits.pop(run.number, None)
        return slot

    def dump(self) -> Any:
        """The state, for msgpack."""
        return [[msgspec.to_builtins(task) for task in self.slots], self._free, self.last]

    def load(self, held: Any) -> None:
        """What `dump` gave."""
        self.__init__()  # type: ignore[misc]
        slots, self._free, self.last = held
        self.slots = [None if one is None else msgspec.convert(one, Task) for one in slots]
        for slot, task in enumerate(self.slots):
            if task is not None:
                self._index(slot, task)


__all__ = ["Task", "TaskTable", "Waiting"]

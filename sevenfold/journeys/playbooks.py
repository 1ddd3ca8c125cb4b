"""Playbooks: ordered checklists for a subject, opened once and re-opened rather than duplicated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..profiles.expressions import parse_duration
from ..workspace.base import ACCOUNT, PERSON
from .checklist import CANCELLED, DONE, Checklist, Needs, PlaybookError, needs_of
from .people import Playbook
from .plan import Journey, OnCall, ReEntry
from .serving import QUEUED, Service, is_run
from .steps.message import Message, Recipients
from .task_kinds import business_ms
from .task_table import Task
from .tasks import Tasks, Told
from .telling import stable_id

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..lifecycle.compile import CompiledUnit
    from .runs import RunView
    from .runtime import Journeys

Key = tuple[str, str, int]
"""Playbook, kind of subject, row."""


def journey_name(playbook: str, item: str) -> str:
    """The journey that says the message of a playbook's item."""
    return f"playbook {playbook}/{item}"


def journeys_of(playbooks: dict[str, Playbook]) -> dict[str, Journey]:
    """The journeys of one step that say the messages of playbooks, by name; the runtime publishes them."""
    found: dict[str, Journey] = {}
    for name, playbook in playbooks.items():
        to = Recipients(roles=playbook.roles) if playbook.of == ACCOUNT else None
        for label, item in playbook.items.items():
            if item.template is not None:
                found[journey_name(name, label)] = Journey(
                    of=playbook.of,
                    title=item.title,
                    triggers=[OnCall()],
                    re_entry=ReEntry(unlimited=1),
                    steps={"message": Message(template=item.template, to=to)},
                )
    return found


class Playbooks(Service):
    """The checklists of a fold: those that are open, and those that may be opened again."""

    def __init__(self, fold: Fold, runtime: Journeys, tasks: Tasks) -> None:
        super().__init__(fold, runtime)
        self.tasks = tasks
        self.models = fold.workspace.playbooks
        self.needs: dict[str, dict[str, list[Needs]]] = {}
        self.held: dict[Key, Checklist] = {}
        self._by_task: dict[str, list[tuple[Checklist, str]]] = {}
        self._items = {journey_name(p, i): (p, i) for p, model in self.models.items() for i in model.items}
        tasks.on_closed.append(self._task_closed)

    def finish(self) -> None:
        self.needs = {name: needs_of(name, model) for name, model in self.models.items()}
        self._again = {name: parse_duration(model.reopen_within) for name, model in self.models.items()}
        self._due = {
            (name, label): None if item.due is None else business_ms(item.due)
            for name, model in self.models.items()
            for label, item in model.items.items()
        }

    def model(self, name: str) -> Playbook:
        """A playbook of the workspace. Raises `PlaybookError` when there is none of this name."""
        found = self.models.get(name)
        if found is None:
            known = ", ".join(sorted(self.models)) or "none is written"
            raise PlaybookError(f"there is no playbook `{name}`", fix=f"one of {known}")
        return found

    # ------------------------------------------------------------------------------------------ opening

    def open(self, playbook: str, unit: CompiledUnit, row: int, reason: str, told: Told) -> Checklist:
        """Opens a playbook for a subject; joins the open one, or opens again the one closed not long ago."""
        t, key = self.fold.t, (playbook, unit.kind, row)
        held = self.held.get(key)
        if held is not None and held.closed is None:
            self._tell(held, "joined", {"reason": reason} | told)
            return held
        if held is not None and held.closed is not None and t - held.closed < self._again[playbook]:
            held.round += 1
            held.reason = reason
            action = "reopened"
        else:
            ident = stable_id("playbook", playbook, self.fold.id_of(unit, row), t)
            held = Checklist(id=ident, playbook=playbook, of=unit.kind, row=row, reason=reason, opened=t)
            self.held[key] = held
            action = "opened"
        held.begin(t)
        title = self.models[playbook].title
        self._tell(held, action, {"title": title, "reason": reason, "round": held.round} | told)
        self._go_on(held)
        return held

    def _go_on(self, held: Checklist) -> None:
        """Opens what is next, in written order; closes the playbook when nothing is left."""
        needs, before = self.needs[held.playbook], set(held.done)
        opened = held.ready(needs, self.fold.t)
        for label in [label for label in needs if label in held.done and label not in before]:
            self._item(held, label, held.done[label])
        for label in opened:
            if label in held.open:
                self._open_item(held, label)
        if held.closed is None and held.over(needs):
            held.closed = self.fold.t
            self._tell(held, "completed", {"after": held.closed - held.opened})

    def _open_item(self, held: Checklist, label: str) -> None:
        item, unit = self.models[held.playbook].items[label], self.fold._unit(held.of)
        self._item(held, label, "open", title=item.title, decide=item.decide)
        ident = stable_id(held.id, held.round, label)
        if item.task is not None:
            reason = f"{held.playbook}: {label}"
            told = {"playbook": held.id, "item": label}
            about, row = self.about(self.tasks.kinds[item.task].model.of, unit, held.row)
            due = self._due[held.playbook, label]
            task = self.tasks.open(item.task, about, row, reason, ident, {}, told, due)
            held.tasks[label] = task.id
            self._by_task.setdefault(task.id, []).append((held, label))
        elif item.template is not None:
            name = journey_name(held.playbook, label)
            run = self.runtime.start(name, unit, held.row, "playbook", {})
            if label in held.open and run != QUEUED and not is_run(run):
                self.done(held, label, run, {})

    def done(self, held: Checklist, label: str, outcome: str, told: Told) -> None:
        """An open item is over; what it held back opens."""
        held.finish(label, outcome)
        self._item(held, label, outcome, **told)
        self._go_on(held)

    def close(self, held: Checklist, told: Told) -> None:
        """Closed by hand: what was not done is cancelled; tasks that are open stay."""
        for label in list(held.open):
            held.finish(label, CANCELLED)
        held.closed = self.fold.t
        self._tell(held, CANCELLED, {"after": held.closed - held.opened, "done": len(held.done)} | told)

    # ----------------------------------------------------------------------------------------- hearing

    def _task_closed(self, task: Task, outcome: str, into: Task | None) -> None:
        for held, label in self._by_task.pop(task.id, ()):
            if held.tasks.get(label) != task.id:
                continue
            if into is not None:
                held.tasks[label] = into.id
                self._by_task.setdefault(into.id, []).append((held, label))
            else:
                self.done(held, label, outcome, {"task": task.id})

    def run_ended(self, run: RunView) -> None:
        found = self._items.get(run.plan.name)
        held = self.held.get((found[0], run.plan.unit.kind, run.row)) if found is not None else None
        if found is not None and held is not None and found[1] in held.open:
            slot = run.slot
            self.done(held, found[1], DONE, {"run": run.id})
            # What opened next may be a run, at which the view has looked meanwhile.
            self.runtime.view.at(slot)

    def erase(self, unit: CompiledUnit, row: int) -> int:
        found = [self.held.pop((name, unit.kind, row), None) for name in self.models]
        return sum(one is not None for one in found)

    def merge(self, winner: int, loser: int, t: int) -> None:
        """The loser's playbooks are the winner's; of two of one name the one opened first stays."""
        for name in self.models:
            theirs = self.held.pop((name, PERSON, loser), None)
            if theirs is None:
                continue
            theirs.row = winner
            mine = self.held.get((name, PERSON, winner))
            if mine is None:
                self.held[name, PERSON, winner] = theirs
                continue
            kept, other = sorted((theirs, mine), key=lambda one: (one.closed is not None, one.opened, one.id))
            self.held[name, PERSON, winner] = kept
            if other.closed is None:
                self.close(other, {"into": kept.id})

    # ----------------------------------------------------------------------------------------- telling

    def _tell(self, held: Checklist, action: str, data: Told) -> None:
        held.changes += 1
        ids = {"playbook": held.id, "id": stable_id(held.id, held.changes), "action": action}
        unit = self.fold._unit(held.of)
        self.fold.emit(unit, held.row, "playbook", held.playbook, ids | data)

    def _item(self, held: Checklist, label: str, state: str, **data: Any) -> None:
        held.changes += 1
        ids = {"playbook": held.id, "id": stable_id(held.id, held.changes), "item": label, "state": state}
        unit = self.fold._unit(held.of)
        self.fold.emit(unit, held.row, "playbook_item", held.playbook, ids | data)

    def dump(self) -> Any:
        return [msgspec.to_builtins(held) for held in self.held.values()]

    def load(self, held: Any) -> None:
        self.held, self._by_task = {}, {}
        for one in held:
            made = msgspec.convert(one, Checklist)
            items = self.models[made.playbook].items if made.playbook in self.models else {}
            # Of a playbook that was rewritten meanwhile what is left stays.
            made.open = {label: at for label, at in made.open.items() if label in items}
            made.done = {label: outcome for label, outcome in made.done.items() if label in items}
            if not items:
                continue
            self.held[made.playbook, made.of, made.row] = made
            for label, task in made.tasks.items():
                self._by_task.setdefault(task, []).append((made, label))


__all__ = ["Playbooks", "journey_name", "journeys_of"]

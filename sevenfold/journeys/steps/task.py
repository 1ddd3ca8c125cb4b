"""`kind: task`: a human is asked to act."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...profiles.expressions import parse_duration
from ...workspace.base import ACCOUNT, PERSON
from ..evidence import event_properties, names_in
from ..times import NEVER
from .base import STAY, Logic, Move, Run, Site, StepBase, StepKind, Why

if TYPE_CHECKING:
    from ..audit.step import StepFields

TIMEOUT = "timeout"
"""The outcome when nobody closed the task in time."""


class Task(StepBase, tag="task", frozen=True, kw_only=True):
    """Opens a task of the workspace's kind ``task`` (see `tasks`), with the evidence at this
    moment. One open task per (subject, kind, reason): a second one joins the first. ``reason``
    may name values in braces (``stalled at {onboarding.next}``). With ``on`` the run waits for
    the outcome (saved, not_saved, false_alarm, unreachable, or the kind's own; ``timeout`` after
    ``within``).
    """

    task: str
    reason: str = ""
    evidence: list[str] = []
    """Names of the journey's subject (and ``event.NAME``) whose values go with the kind's own."""
    on: dict[str, str] = {}
    within: str | None = None
    data: dict[str, Any] = {}

    def targets(self) -> Iterable[tuple[str, str]]:
        return ((f"on.{outcome}", step) for outcome, step in self.on.items())

    def waits(self) -> bool:
        return bool(self.on)

    def audit(self, at: StepFields) -> None:
        for index, name in enumerate(self.evidence):
            at.shown(("evidence", index), name, at.of, at.knows_event)
        for name in names_in(self.reason):
            at.shown("reason", name, at.of, at.knows_event)
        at.duration("within", self.within)
        message = "without `on` nobody waits for the outcome"
        at.without(self.within is not None and not self.on, "within", message)
        if not at.known("task", "task", self.task, at.workspace.tasks):
            return
        kind = at.workspace.tasks[self.task]
        about = {at.of, ACCOUNT} if at.of == ACCOUNT else {at.of, ACCOUNT, PERSON}
        if kind.of not in about:
            message = f"tasks `{self.task}` are about {kind.of}, and this journey is of {at.of}"
            at.error("task", "wrong_subject", message, f"use a kind of task with `of: {at.of}`")
        for outcome in self.on:
            place, known = ("on", outcome), (*kind.outcomes, TIMEOUT)
            fix = f"it has {', '.join(known)}"
            if at.known(place, f"outcome of task `{self.task}`", outcome, known, fix):
                without = outcome == TIMEOUT and self.within is None
                at.without(without, place, "there is no `within` after which it could happen")

    def reads(self) -> Iterable[str]:
        return event_properties([*self.evidence, *names_in(self.reason)])


class TaskLogic(Logic):
    """Owner, SLA and escalation are `journeys.tasks`; the run waits for the outcome."""

    def __init__(self, model: Task, site: Site) -> None:
        super().__init__(model, site)
        self._tasks: Any = site.service("tasks")
        self._tasks.kind(model.task)
        self._ways = {outcome: site.target(step) for outcome, step in model.on.items()}
        self._within = parse_duration(model.within) if model.within is not None else None

    def enter(self, run: Run) -> Move:
        model, tasks = self.model, self._tasks
        unit, row = tasks.subject(model.task, run.plan.unit, run.row)
        event = run.all_properties()
        reason = tasks.evidence.render(run.plan.unit, run.row, model.reason, event, {})
        if run.ghost:
            run.tell("would_task", self.site.journey, task=model.task, reason=reason)
            if not run.plan.shadow:
                tasks.would(unit, row, model.task, run.effect_id())
            return self._stay(run, None)
        evidence = tasks.evidence.values(run.plan.unit, run.row, model.evidence, event)
        told = {"journey": self.site.journey, "run": run.id, "step": run.step, "visit": run.visit}
        if model.data:
            told["data"] = model.data
        return self._stay(run, tasks.open(model.task, unit, row, reason, run.effect_id(), evidence, told))

    def _stay(self, run: Run, task: Any) -> Move:
        """Waits for the outcome, if the step leads anywhere by it; a ghost waits as long as people get."""
        if not self._ways:
            outcome = "would_task" if task is None else "opened" if task.id == run.effect_id() else "joined"
            run.tell("step", self.site.journey, outcome=outcome)
            return self.following
        if self._within is not None:
            due = run.t + self._within
        else:
            due = NEVER if task is not None else self._tasks.kinds[self.model.task].due_at(run.t)
        told: dict[str, Any] = {"until": None if due == NEVER else due, "for": "task"}
        if task is not None:
            self._tasks.wait(task, run)
            told["task"] = task.id
        run.tell("wait", self.site.journey, **told)
        run.until(due)
        return STAY

    def wake(self, run: Run, why: Why) -> Move:
        outcome, run.end_reason = TIMEOUT, "completed"
        if why == "task":
            outcome = self._tasks.outcome_of(self.model.task, run.heard)
        self._tasks.forget(run)
        run.tell("step", self.site.journey, outcome=outcome)
        return self._ways.get(outcome, self.following)

    def alive(self, run: Run) -> bool:
        return bool(self._tasks.is_waiting(run))


KIND = StepKind(Task, TaskLogic, "Human task")

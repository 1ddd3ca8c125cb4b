"""`kind: task`: a human is asked to act."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .base import Logic, StepBase, StepKind


class Task(StepBase, tag="task", frozen=True, kw_only=True):
    """Opens a task of the workspace's kind ``task`` (see `tasks`), with the evidence at this
    moment. One open task per (subject, kind, reason): a second one joins the first. With ``on``
    the run waits for the outcome (saved, not_saved, false_alarm, unreachable, or the kind's
    own; ``timeout`` after ``within``).
    """

    task: str
    reason: str = ""
    evidence: list[str] = []
    """Names whose values go with the task; default: the kind's."""
    on: dict[str, str] = {}
    within: str | None = None
    data: dict[str, Any] = {}

    def targets(self) -> Iterable[tuple[str, str]]:
        return ((f"on.{outcome}", step) for outcome, step in self.on.items())


class TaskLogic(Logic):
    """Owner, SLA and escalation are `journeys.tasks`; the run waits for the outcome."""


KIND = StepKind(Task, TaskLogic, "Human task")

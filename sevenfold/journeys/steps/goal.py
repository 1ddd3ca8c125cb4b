"""`kind: goal`: coming here counts as a goal of the journey."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...limits import NUMBER_MAGNITUDE_MAX
from .base import Logic, Move, Run, StepBase, StepKind

if TYPE_CHECKING:
    from ..audit.step import StepFields


class Goal(StepBase, tag="goal", frozen=True, kw_only=True):
    """The run has reached the goal ``goal``; ``value`` is a number or the name of a property of
    the event that started the run. The run goes on.
    """

    goal: str
    value: float | str | None = None

    def audit(self, at: StepFields) -> None:
        if not self.goal.strip():
            at.error("goal", "wrong_value", "the goal has no name")
        if isinstance(self.value, str) and self.value.startswith("event."):
            fix = f"write `{self.value.removeprefix('event.')}`"
            at.error("value", "bad_name", "this is the name of a property of the event", fix)
        elif isinstance(self.value, str):
            at.event_property("value", self.value)
        else:
            at.number("value", self.value, -NUMBER_MAGNITUDE_MAX, NUMBER_MAGNITUDE_MAX)

    def reads(self) -> Iterable[str]:
        if isinstance(self.value, str):
            yield self.value


class GoalLogic(Logic):
    """Counts the goal once a run."""

    def enter(self, run: Run) -> Move:
        value = self.model.value
        if isinstance(value, str):
            value = run.property(value)
        run.reach(self.model.goal, value if isinstance(value, int | float) else None)
        run.tell("step", self.site.journey, outcome="reached")
        return self.following


KIND = StepKind(Goal, GoalLogic, "Goal")

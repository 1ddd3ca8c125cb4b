"""`kind: goal`: coming here counts as a goal of the journey."""

from __future__ import annotations

from .base import Logic, Move, Run, Site, StepBase, StepKind


class Goal(StepBase, tag="goal", frozen=True, kw_only=True):
    """The run has reached the goal ``goal``; ``value`` is a number or the name of a property of
    the event that started the run. The run goes on.
    """

    goal: str
    value: float | str | None = None


class GoalLogic(Logic):
    """Counts the goal once a run."""

    def __init__(self, model: Goal, site: Site) -> None:
        super().__init__(model, site)

    def enter(self, run: Run) -> Move:
        value = self.model.value
        if isinstance(value, str):
            value = run.property(value)
        run.reach(self.model.goal, value if isinstance(value, int | float) else None)
        return self.following


KIND = StepKind(Goal, GoalLogic, "Goal")

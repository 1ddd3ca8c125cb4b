"""`kind: exit`: the run ends here, with a reason."""

from __future__ import annotations

from .base import END, Logic, Move, Run, StepBase, StepKind


class Exit(StepBase, tag="exit", frozen=True, kw_only=True):
    """Ends the run. ``reason`` is counted in reports."""

    reason: str = "completed"

    def falls_through(self) -> bool:
        return False


class ExitLogic(Logic):
    """Ends the run with the author's reason."""

    def enter(self, run: Run) -> Move:
        run.end_reason = self.model.reason
        return END


KIND = StepKind(Exit, ExitLogic, "Exit")

"""`kind: start_journey`: the subject enters another journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...workspace.base import ACCOUNT, PERSON
from .base import Logic, Move, Run, StepBase, StepKind

if TYPE_CHECKING:
    from ..audit.step import StepFields


class StartJourney(StepBase, tag="start_journey", frozen=True, kw_only=True):
    """Starts a run of another journey for the same subject (for an entity's journey: also its
    person). Its own audience and re-entry rules decide; the refusal is in the trace. The event
    that started this run is handed on.
    """

    journey: str

    def audit(self, at: StepFields) -> None:
        if not at.known("journey", "journey", self.journey, at.workspace.journeys):
            return
        other = at.workspace.journeys[self.journey]
        if other.of not in (at.of, *([PERSON] if at.of != ACCOUNT else [])):
            message = f"journey `{self.journey}` is of {other.of}, and here is {at.of}"
            at.error("journey", "wrong_subject", message, f"start one of {at.of}")
        if not any(trigger.__struct_config__.tag == "api" for trigger in other.triggers):
            message = (
                f"journey `{self.journey}` has no trigger of kind `api`, so nothing can hand people to it"
            )
            at.error("journey", "wrong_value", message, "add `{kind: api}` to its triggers")


class StartJourneyLogic(Logic):
    """Hands the subject over; this run goes on."""

    def enter(self, run: Run) -> Move:
        journeys, slot = self.site.plan.journeys, run.slot
        if run.plan.shadow:
            run.tell("step", self.site.journey, outcome="would_start", journey=self.model.journey)
            return self.following
        if self.model.journey not in journeys.current:
            run.tell(
                "step", self.site.journey, outcome="handed on", journey=self.model.journey, answer="closed"
            )
            return self.following
        other = journeys.plans[journeys.current[self.model.journey]]
        row = run.row if other.unit is run.plan.unit else run.person
        trigger = f"journey {self.site.journey}"
        answer = journeys.start(self.model.journey, other.unit, row, trigger, run.all_properties(), run.key)
        journeys.view.at(slot)
        run.tell("step", self.site.journey, outcome="handed on", journey=self.model.journey, answer=answer)
        return self.following


KIND = StepKind(StartJourney, StartJourneyLogic, "Start journey")

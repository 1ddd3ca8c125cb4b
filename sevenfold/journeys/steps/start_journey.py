"""`kind: start_journey`: the subject enters another journey."""

from __future__ import annotations

from .base import Logic, StepBase, StepKind


class StartJourney(StepBase, tag="start_journey", frozen=True, kw_only=True):
    """Starts a run of another journey for the same subject (for an entity's journey: also its
    person). Its own audience and re-entry rules decide; the refusal is in the trace. The event
    that started this run is handed on.
    """

    journey: str


class StartJourneyLogic(Logic):
    """Hands the subject over; this run goes on."""


KIND = StepKind(StartJourney, StartJourneyLogic, "Start journey")

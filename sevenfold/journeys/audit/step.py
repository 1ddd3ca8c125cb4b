"""What a step's own audit sees: its fields, its journey, and what may be asked about conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...profiles.expressions import Name
from ...workspace.conditions import RunScope
from ...workspace.problems import Path
from ..plan import OnBusinessEvent, OnCall, OnEvent
from .fields import Desk, Fields, Place

if TYPE_CHECKING:
    from ..plan import Journey
    from ..steps.base import StepBase


class StepFields(Fields):
    """The fields of one step. What is wrong with a block's inner steps (``whole``) stands at the block."""

    def __init__(
        self,
        desk: Desk,
        journey_name: str,
        journey: Journey,
        step_id: str,
        step: StepBase,
        *,
        whole: bool = False,
    ) -> None:
        super().__init__(desk, ("journeys", journey_name, "steps", step_id), step)
        self.step = step
        self.journey_name = journey_name
        self.journey = journey
        self.step_id = step_id
        self.scope = scope_of(journey)
        self._whole = whole

    def path(self, place: Place) -> Path:
        return self.root if self._whole else super().path(place)

    def error(self, place: Place, code: str, message: str, fix: str = "") -> None:
        if self._first(message):
            super().error(place, code, message, fix)

    def warning(self, place: Place, code: str, message: str, fix: str = "") -> None:
        if self._first(message):
            super().warning(place, code, message, fix)

    def _first(self, message: str) -> bool:
        """Whether it is the first time this is said; of steps that their author wrote it always is."""
        key = (self.root, message)
        if self._whole and key in self.desk.told:
            return False
        self.desk.told.add(key)
        return True

    @property
    def of(self) -> str:
        """The kind of subject of the journey."""
        return self.journey.of

    @property
    def knows_event(self) -> bool:
        """Whether a run may know an event that started it."""
        return self.scope.event

    @property
    def is_written(self) -> bool:
        """Whether its author wrote the step, and no block did."""
        return not self._whole

    def step_goals(self) -> list[str]:
        """The goals that steps of the journey count."""
        found = [getattr(step, "goal", None) for step in self.journey.steps.values()]
        return [one for one in found if isinstance(one, str)]

    def event_property(self, place: Place, name: str) -> None:
        """A property of the event that started the run, written `event.NAME` or `NAME`."""
        if "." in name.removeprefix("event."):
            message = f"`{name}` is inside a property, and here is one as a whole"
            self.error(place, "bad_name", message, "name one at the top of the event")
        elif not self.knows_event:
            message = f"`{name}` is never known: no trigger of this journey brings an event"
            self.error(place, "unknown_name", message, "add a trigger of kind `event`, `business` or `api`")

    def counts(self, name: Name) -> bool:
        """Whether a name is a count of the journey's own subject."""
        return self.is_count(name, self.of)


def scope_of(journey: Journey) -> RunScope:
    """What conditions that are asked may read."""
    brings = OnEvent | OnBusinessEvent | OnCall
    return RunScope(event=any(isinstance(trigger, brings) for trigger in journey.triggers))


__all__ = ["StepFields", "scope_of"]

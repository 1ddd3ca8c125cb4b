"""`kind: update_trait`: the journey writes traits of its subject."""

from __future__ import annotations

from .base import Logic, StepBase, StepKind


class UpdateTrait(StepBase, tag="update_trait", frozen=True, kw_only=True):
    """Sets traits: a value, or ``{from: event.NAME}`` / ``{from: SIGNAL}`` to copy one, or ``{add:
    1}`` to add to a number (unknown counts as 0). It is the newest value, at engine time.
    """

    set: dict[str, str | float | bool | dict[str, str | float]]


class UpdateTraitLogic(Logic):
    """Writes the traits; what they change is evaluated in the same operation."""


KIND = StepKind(UpdateTrait, UpdateTraitLogic, "Update trait")

"""`kind: update_trait`: the journey writes traits of its subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...profiles import expressions as x
from .base import Logic, Move, Run, Site, StepBase, StepKind


class UpdateTrait(StepBase, tag="update_trait", frozen=True, kw_only=True):
    """Sets traits: a value, or ``{from: event.NAME}`` / ``{from: SIGNAL}`` to copy one, or ``{add:
    1}`` to add to a number (unknown counts as 0). It is the newest value, at engine time.
    """

    set: dict[str, str | float | bool | dict[str, str | float]]

    def reads(self) -> Iterable[str]:
        for given in self.set.values():
            if isinstance(given, dict) and str(given.get("from", "")).startswith("event."):
                yield str(given["from"]).split(".")[1]


class UpdateTraitLogic(Logic):
    """Writes the traits; what they change is evaluated in the same operation."""

    def __init__(self, model: UpdateTrait, site: Site) -> None:
        super().__init__(model, site)
        self._unit = site.plan.unit

    def enter(self, run: Run) -> Move:
        unit, journeys = self._unit, self.site.plan.journeys
        known = unit.traits.values(run.row)
        told: dict[str, Any] = {}
        for trait, given in self.model.set.items():
            value = given
            if isinstance(given, dict):
                if "from" in given:
                    value = self._copied(run, str(given["from"]))
                else:
                    before = known.get(trait)
                    value = (before if isinstance(before, int | float) else 0) + float(given.get("add", 0))
                    value = int(value) if value == int(value) else value
            if value is not None:
                told[trait] = value
        if told:
            mask = unit.traits.set(run.row, told, run.t, journeys.fold.seq, run.t)
            run.tell("step", self.site.journey, outcome="updated", traits=told)
            journeys.trait_written(unit, run.row, mask)
        else:
            run.tell("step", self.site.journey, outcome="unknown")
        return self.following

    def _copied(self, run: Run, source: str) -> Any:
        head, _, rest = source.partition(".")
        if head == "event":
            return run.property(rest)
        return self._unit.read_name(x.Name(tuple(source.split("."))), run.row)


KIND = StepKind(UpdateTrait, UpdateTraitLogic, "Update trait")

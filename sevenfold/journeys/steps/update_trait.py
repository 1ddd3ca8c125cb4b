"""`kind: update_trait`: the journey writes traits of its subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...events.times import parse_ms
from ...limits import NUMBER_MAGNITUDE_MAX
from ...profiles import expressions as x
from ...workspace.base import ACCOUNT, PERSON
from .base import Logic, Move, Run, Site, StepBase, StepKind

if TYPE_CHECKING:
    from ..audit.step import StepFields


class UpdateTrait(StepBase, tag="update_trait", frozen=True, kw_only=True):
    """Sets traits: a value, or ``{from: event.NAME}`` / ``{from: SIGNAL}`` to copy one, or ``{add:
    1}`` to add to a number (unknown counts as 0). It is the newest value, at engine time.
    """

    set: dict[str, str | float | bool | dict[str, str | float]]

    def audit(self, at: StepFields) -> None:
        if not self.set:
            at.error("set", "wrong_value", "no trait is named", "such as `set: {welcomed: true}`")
        for trait, given in self.set.items():
            place = ("set", trait)
            if at.of not in (PERSON, ACCOUNT):
                message = f"`{at.of}` has no traits"
                at.error(place, "wrong_subject", message, "use a journey of the person, with `key`")
                return
            own = {n: t for n, t in at.workspace.traits.items() if t.of == at.of}
            fix = f"declare it: traits: {{{trait}: {{type: string, of: {at.of}}}}}"
            if at.known(place, f"trait of {at.of}", trait, own, fix):
                self._audit_value(at, place, own[trait].type, given)

    def _audit_value(self, at: StepFields, place: tuple[str, str], type_: str, given: Any) -> None:
        if not isinstance(given, dict):
            fits = {"string": str, "date": str, "number": float | int, "boolean": bool}.get(type_, object)
            if not isinstance(given, fits) or (type_ == "number" and isinstance(given, bool)):
                at.error(place, "type_mismatch", f"`{place[1]}` is a {type_}, and {given!r} is none")
            elif type_ == "date" and parse_ms(given) is None:
                at.error(place, "type_mismatch", f"`{given}` is no date", "such as 2026-03-01")
            return
        if not at.exactly_one(place, {"from": "from" in given, "add": "add" in given}, "a value"):
            return
        for key in given.keys() - {"from", "add"}:
            at.error(place, "unknown_field", f"unknown field `{key}`", "there are `from` and `add`")
        source = given.get("from")
        if "add" in given:
            if isinstance(given["add"], str):
                at.error(place, "type_mismatch", f"`{given['add']}` is no number that could be added")
            elif type_ != "number":
                at.error(place, "type_mismatch", f"`{place[1]}` is a {type_}, to which nothing can be added")
            else:
                at.number(place, given["add"], -NUMBER_MAGNITUDE_MAX, NUMBER_MAGNITUDE_MAX)
        elif not isinstance(source, str):
            at.error(place, "wrong_type", "`from` takes a name", "such as `event.plan` or a signal")
        elif source.startswith("event."):
            at.event_property(place, source)
        else:
            found = at.value(place, source, at.of)
            if found is not None and not at.fits(found, type_):
                at.error(place, "type_mismatch", f"`{source}` is a {found.type}, and `{place[1]}` a {type_}")

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
        if told and run.plan.shadow:
            run.tell("step", self.site.journey, outcome="would_update", traits=told)
        elif told:
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

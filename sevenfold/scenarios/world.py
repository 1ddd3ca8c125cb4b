"""A fold that lives through a scenario, and everything it has decided about everybody so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sevenfold.effects import MERGED, Effect
from sevenfold.engine import Fold
from sevenfold.playback.delivery import DeliveringFold
from sevenfold.scenarios.foretelling import foretelling
from sevenfold.scenarios.timeline import Scenario, Step
from sevenfold.workspace import models as m


class UnknownSubjectError(Exception):
    """Nobody, or more than one, has the identifier."""


class World:
    """The fold of a scenario. `effects` are all so far; `told` those about messages that were asked for."""

    def __init__(
        self, workspace: m.Workspace, scenario: Scenario, fresh: DeliveringFold | None = None
    ) -> None:
        """`fresh` is a fold of the workspace that has lived nothing yet, where there is one already."""
        self.scenario = scenario
        if fresh is None:
            fresh = DeliveringFold(workspace)
        fresh.deliver(scenario.delivering)
        self.fold: Fold = fresh
        self.effects: list[Effect] = []
        self.told: set[int] = set()
        """Places in `effects` of messages that an expectation has named."""
        self._became: dict[str, str] = {}
        self._looked: dict[tuple[str, str], int] = {}

    def live(self, step: Step) -> None:
        """Something happens."""
        fold = self.fold
        if step.control is not None:
            self._take(fold.control(step.time_ms, step.control))
        elif step.predictions is not None:
            self.pass_to(step.time_ms)
            for record in foretelling(self, step):
                self._take(fold.control(step.time_ms, record))
        elif step.outcome is not None:
            # The message may be due in the very time that has passed.
            self.pass_to(step.time_ms)
            self._take(fold.control(step.time_ms, self._outcome(step)))
        else:
            if step.number:
                # In its log it had this number, from which ids and draws come.
                self._take(fold.advance(step.time_ms - 1))
                fold.seq = step.number - 1
            self._take(fold.events([(step.time_ms, step.raw)]))

    def pass_to(self, time: int) -> None:
        """Time passes."""
        self._take(self.fold.advance(time))

    def _take(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if effect.kind == MERGED:
                self._became[str(effect.data["loser"])] = effect.subject
            self.effects.append(effect)

    def _outcome(self, step: Step) -> dict[str, Any]:
        """The control record for an outcome of the last message to somebody (of one template)."""
        about = dict(step.outcome or {})
        template = about.pop("template", None)
        subject, _ = self.subject(m.PERSON, step.subject)
        for _, effect in reversed(self.about(m.PERSON, subject)):
            if effect.kind in ("message", "webhook") and template in (None, effect.data.get("template")):
                return {"op": "outcome", "effect": effect.data["effect"], **about}
        what = f"a message `{template}`" if template else "any message"
        raise UnknownSubjectError(f"`{step.subject}` was not sent {what} yet")

    # ---------------------------------------------------------------------------------------- subjects

    def row(self, of: str, name: str) -> int:
        """The row of the one subject of a kind with an identifier. Raises UnknownSubjectError."""
        fold = self.fold
        if of == m.ACCOUNT:
            found = fold.account_rows.get(name, 0)
        elif of != m.PERSON:
            found = fold.entity_rows.get(of, {}).get(name, 0)
        else:
            rows = {row for kind in fold.identity.order if (row := fold.identity.find(kind, name))}
            if len(rows) > 1:
                raise UnknownSubjectError(f"{len(rows)} people are known as `{name}`")
            found = next(iter(rows), 0)
            found = fold.forward.get(found, found)
        if not found:
            raise UnknownSubjectError(
                f"nobody is known as `{name}`" if of == m.PERSON else f"no {of} `{name}`"
            )
        return found

    def subject(self, of: str, name: str) -> tuple[str, dict[str, Any]]:
        """The id of a subject, and how it stands now."""
        row = self.row(of, name)
        return self.fold.id_of(self.fold._unit(of), row), self.fold.read(of, row)

    def _final(self, subject: str) -> str:
        while subject in self._became:
            subject = self._became[subject]
        return subject

    def about(self, of: str, subject: str) -> list[tuple[int, Effect]]:
        """(place, effect) of everything decided about a subject, or to a person, in order. What journeys over
        orders and the like decide is about their person, too.
        """
        own = self._owned(subject) if of == m.PERSON else set()
        found = []
        for place, effect in enumerate(self.effects):
            mine = effect.of == of and self._final(effect.subject) == subject
            to_me = of == m.PERSON and self._final(str(effect.data.get("recipient", ""))) == subject
            if mine or to_me or ("run" in effect.data and effect.subject in own):
                found.append((place, effect))
        return found

    def _owned(self, person: str) -> set[str]:
        """Ids of the entities that belong to a person."""
        fold, owned = self.fold, set()
        for unit in fold.entities:
            for row in range(1, unit.table.rows):
                holder = fold.entity_ids[unit.kind][row][1]
                if holder and fold.id_of(fold.person, fold.forward.get(holder, holder)) == person:
                    owned.add(fold.id_of(unit, row))
        return owned

    def since_asked(self, question: str, of: str, subject: str) -> list[tuple[int, Effect]]:
        """What is new about a subject since this was asked of it last."""
        at = self._looked.get((question, subject), 0)
        self._looked[question, subject] = len(self.effects)
        return [(place, effect) for place, effect in self.about(of, subject) if place >= at]

    def runs(self, of: str, row: int) -> list[dict[str, Any]]:
        """Active runs of a subject (of a person: of their entities as well): journey, key, step, due."""
        fold = self.fold
        if fold.journeys is None:
            return []
        pairs = [(fold._unit(of), row)]
        if of == m.PERSON:
            for unit in fold.entities:
                holders = [fold.forward.get(holder, holder) for _, holder in fold.entity_ids[unit.kind]]
                pairs += [(unit, other) for other, holder in enumerate(holders) if other and holder == row]
        found = []
        for unit, each in pairs:
            for slot in fold.journeys.of_subject(unit, each):
                run = fold.journeys.view.at(slot)
                found.append(
                    {"journey": run.plan.name, "key": run.key, "step": run.step, "due": run.due,
                     "ghost": run.ghost}
                )  # fmt: skip
        return found


__all__ = ["UnknownSubjectError", "World"]

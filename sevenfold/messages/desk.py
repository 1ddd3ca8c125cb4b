"""The message desk: the service of the journeys' runtime that keeps consent, suppressions, ledgers and what
is owed.

Steps ask it to decide (`deciding`), control records and events tell it what people said and what became of
messages (`hearing`). Pure: state and a question in, effects out.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import msgspec

from ..events.model import Event
from ..journeys.serving import Service
from ..journeys.steps.exit import Exit
from ..profiles.where import dig
from . import hearing
from .candidates import spoken_of
from .channels import Channel, Channels
from .choice import Responses
from .consent import Consents
from .deciding import StepMessages
from .ledger import CODE_MASK, NONE, Kind, Kinds, Ledger, released, reserved, united
from .outcomes import Book, Owed
from .pinned import Pinned
from .quiet import Whereabouts, whereabouts
from .rules import Rules
from .suppression import Suppressions, normal_address

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..journeys.compiled import StepSite
    from ..journeys.runs import RunView
    from ..journeys.runtime import Journeys
    from ..journeys.steps.message import Message
    from ..lifecycle.compile import CompiledUnit

DEVICE = "device"
"""The identifier of which people have several at a time; of others the present one counts."""


class Messages(Service):
    """Everything about messages that outlasts a step. One for each fold."""

    def __init__(self, fold: Fold, runtime: Journeys) -> None:
        super().__init__(fold, runtime)
        workspace = fold.workspace
        kinds = [template.channel for template in workspace.templates.values()]
        self.channels = Channels(workspace.channels, kinds or ["email"])
        self.rules = Rules(workspace, self.channels)
        self.kinds = Kinds(self.rules.mask)
        self.suppressions = Suppressions(workspace.name)
        self.book = Book()
        self.pinned = Pinned(fold)
        self.run_counts: dict[int, int] = {}
        """Messages of active runs whose journey limits them, by the run's number."""
        self.hearing = hearing.Hearing(self)
        self.overheard = True
        """Whether any service wants to know what becomes of messages."""

    # -------------------------------------------------------------------------------------- compiling

    def declare(self) -> None:
        person = self.fold.person
        self.consents = Consents(self.fold.workspace.consent, self.channels, person.table)
        self.responses = Responses(self.channels, person.table)
        self._real = person.table.add_bag(".messages")
        self._ghosts = person.table.add_bag(".messages_of_ghosts")
        for condition in self.rules.conditions():
            self.runtime.watch_later(person, condition)
        self.hearing.declare(person)
        for plan in self.runtime.plans:
            for step in plan.models:
                # What templates say of the event that started a run is kept with the run.
                plan.kept |= spoken_of(self.fold.workspace, step)

    def finish(self) -> None:
        person = self.fold.person
        paths = {f"trait.{one.label}": (one.head, *one.rest) for one in person.traits.columns}
        for channel in self.channels.all:
            kind = channel.address or ""
            if kind.startswith("trait."):
                channel.trait = paths.get(kind) or (kind.removeprefix("trait."),)
        services = self.runtime.services.values()
        self.overheard = any(type(one).on_message is not Service.on_message for one in services)
        self.rules.finish(person, self.runtime)
        self.hearing.finish(person)

    def step(self, model: Message, site: StepSite) -> StepMessages:
        """A message step, compiled."""
        return StepMessages(self, model, site)

    def call(self, run: RunView, channel: str | None, data: dict[str, Any], awaited: bool) -> str:
        """A webhook's call is owed; gives the effect's id."""
        effect = run.effect_id()
        kind = Kind(run.plan.name, run.step, "", channel or "", None, None, None, (), True)
        data = {"effect": effect, "channel": channel, **data}
        template = data.get("template")
        if template is not None:
            version = self.pinned.version(template)
            data["version"] = version.digest if version is not None else ""
            data["values"] = self.pinned.values(template, run.person, run.row if run.plan.of_account else 0)
        run.tell("webhook", run.plan.name, **data)
        packed = {"journey": run.plan.name, "step": run.step, "visit": run.visit, **data}
        self.book.add(
            Owed(
                effect=effect,
                unit=run.plan.unit.index,
                row=run.row,
                run=run.id,
                slot=run.slot,
                number=run.number,
                visit=run.visit,
                code=self.kinds.code(kind),
                t=run.t,
                placed=False,
                awaited=awaited,
                data=msgspec.msgpack.encode(packed),
            )
        )
        return effect

    # ------------------------------------------------------------------------------------------ people

    def ledger(self, row: int) -> Ledger:
        """A person's real messages."""
        return self.fold.env.scope[self._real][row] or NONE

    def ledgers(self, row: int, ghost: bool) -> tuple[Ledger, ...]:
        """What a decision sees: a ghost's both ledgers, everybody else's only the real one."""
        scope = self.fold.env.scope
        real = scope[self._real][row] or NONE
        return (real, scope[self._ghosts][row] or NONE) if ghost else (real,)

    def ledgers_without(self, row: int, ghost: bool, journeys: frozenset[str]) -> tuple[Ledger, ...]:
        """The same without the messages of some journeys."""
        kinds = self.kinds.all
        return tuple(
            array("q", [entry for entry in ledger if kinds[entry & CODE_MASK].journey not in journeys])
            for ledger in self.ledgers(row, ghost)
        )

    def reserve(self, row: int, t: int, code: int, ghost: bool) -> None:
        """A message takes its place at `t`."""
        bag = self.fold.env.scope[self._ghosts if ghost else self._real]
        bag[row] = reserved(bag[row], t, code, self.rules.horizon_ms)

    def release(self, row: int, t: int, code: int) -> None:
        """The place of a real message is free again."""
        released(self.fold.env.scope[self._real][row], t, code)

    def addresses(self, row: int, channel: Channel) -> tuple[str, ...]:
        """A person's normalised addresses for a channel, the preferred first: the newest; of e-mail and
        phone only the present one.
        """
        kind = channel.address
        if kind is None or not row:
            return ()
        fold = self.fold
        region = fold.identity.model.default_region
        if channel.trait:
            told = dig(fold.person.traits.values(row), channel.trait)
            if told.__class__ not in (str, int) or told == "":
                return ()
            return (normal_address(channel, str(told), region),)
        held = fold.identity.values_of(row, kind)
        held.reverse()
        if len(held) < 2 or kind == DEVICE:
            return tuple(held)
        told = fold.person.traits.values(row).get(kind)
        present = normal_address(channel, told, region) if isinstance(told, str) else held[0]
        return (present if present in held else held[0],)

    def whereabouts(self, row: int) -> Whereabouts:
        """Whose local time counts for a person."""
        return whereabouts(*self.runtime.zones_of(row))

    def switch(self, name: str, on: bool) -> None:
        """Switches a channel on or off; messages already on their way go on."""
        if name not in self.channels.named or (name not in self.channels.off) == on:
            return
        if on:
            self.channels.off.discard(name)
        else:
            self.channels.off.add(name)
        self.fold.emit_about("channel", name, {"on": on})

    def forwarded(self, row: int) -> int:
        """The person of a row, after merges."""
        return self.fold.forward.get(row, row)

    # ------------------------------------------------------------------------------------- the service

    def listens(self, type_: str, event: str) -> bool:
        return self.hearing.listens(type_, event)

    def on_event(self, row: int, event: Event, key: tuple[str, str], te: int, t: int) -> None:
        self.hearing.event(row, event, key, te)

    def consents_given(self, row: int, given: dict[str, Any], te: int) -> None:
        """What the context of an event says of the person's consent."""
        self.hearing.preferences(row, given.get("categoryPreferences"), te)

    def run_ended(self, run: RunView) -> None:
        """Takes back what a run that was cut short shows in the product; of a merged one all that nobody has
        claimed. A run that came to its end leaves what it said.
        """
        self.run_counts.pop(run.number, None)
        if run.end_reason == "merged":
            self.cancel(run.id)
        if run.end_reason == "completed" or isinstance(
            run.plan.models[self.runtime.runs.step[run.slot]], Exit
        ):
            return
        for owed in self.book.of_run(run.id):
            if owed.leased and owed.revoke:
                self._take_back(owed, "revoked")

    def cancel(self, run_id: str) -> None:
        """What a run owes and nobody has claimed is not sent."""
        for owed in self.book.of_run(run_id):
            if not owed.was("claimed") and not owed.was("sent"):
                self._take_back(owed, "cancelled")

    def _take_back(self, owed: Owed, kind: str) -> None:
        self.hearing.tell(owed, kind, {})
        self.hearing.free(owed, kind)
        self.book.settle(owed, self.fold.t)

    def erase(self, unit: CompiledUnit, row: int) -> int:
        """What is on its way to a subject is not sent, and nothing is remembered of what was."""
        found = self.book.of_row(unit.index, row)
        for owed in found:
            if not owed.settled and not owed.was("claimed"):
                self.hearing.tell(owed, "cancelled", {})
            self.book.forget(owed)
        return len(found)

    def retire(self, unit: CompiledUnit, row: int) -> int:
        # The book is long, and to most visitors nothing was ever sent.
        return self.erase(unit, row) if self.fold.env.scope[self._real][row] is not None else 0

    def merge(self, winner: int, loser: int, t: int) -> None:
        changes = self.consents.merge(winner, loser)
        self.hearing.tell_consent(winner, changes, "merge")
        self.responses.merge(winner, loser)
        for name in (self._real, self._ghosts):
            bag = self.fold.env.scope[name]
            bag[winner] = united(bag[winner], bag[loser])

    def take_over(self, old: Service) -> None:
        """What was said and counted under the workspace before this one; the rest came with `load`."""
        assert isinstance(old, Messages)
        rows = self.fold.person.table.rows
        self.consents.take_over(old.consents, rows)
        self.responses.take_over(old.responses, rows)

    def dump(self) -> Any:
        return {
            "kinds": self.kinds.dump(),
            "suppressions": self.suppressions.dump(),
            "off": sorted(self.channels.off),
            "book": self.book.dump(),
            "run_counts": list(self.run_counts.items()),
        }

    def load(self, held: Any) -> None:
        self.kinds.load(held["kinds"])
        self.suppressions.load(held["suppressions"])
        self.channels.off = set(held["off"])
        self.book.load(held["book"])
        self.run_counts = dict(held["run_counts"])


__all__ = ["Messages"]

"""What comes back: outcomes of messages, what people say about consent, and addresses to leave alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from ..events.model import Event
from ..journeys.compiled import Listener
from ..journeys.serving import MessageNews, announce
from ..profiles.segments import NO_PROPERTIES
from ..profiles.where import dig
from ..workspace.paths import split_path
from .channels import Channel
from .consent import CODES as STATUS_CODES
from .consent import OUT, STATUSES, Change, allowed
from .outcomes import CODES as OUTCOME_CODES
from .outcomes import ENDING, RELEASING, RESPONSES, Owed
from .policy import ConsentEvents
from .suppression import normal_address

if TYPE_CHECKING:
    from ..lifecycle.compile import CompiledUnit
    from .desk import Messages

UNSUBSCRIBED = "Email Unsubscribed"
"""The event of the Segment specification by which somebody leaves all e-mail."""


class Hearing:
    """The desk's ears; the state is the desk's."""

    def __init__(self, desk: Messages) -> None:
        self.desk = desk
        events = list(desk.fold.workspace.consent.events)
        if not any(rule.event == UNSUBSCRIBED for rule in events):
            events.append(ConsentEvents(event=UNSUBSCRIBED, status="out", channel="email"))
        self._rules = [(rule, Listener(rule.event, rule.where, i)) for i, rule in enumerate(events)]
        self._categories: dict[str, str] = {}

    def declare(self, person: CompiledUnit) -> None:
        """Says which properties are read."""
        for rule, listener in self._rules:
            listener.name(person)
            path = _property_of(rule)
            if path is not None:
                person.properties.setdefault(split_path(path)[0], "")

    def finish(self, person: CompiledUnit) -> None:
        for _, listener in self._rules:
            listener.finish(person)
        self._fields = person.properties
        declared = self.desk.consents.categories
        self._categories = {name.casefold(): name for name in declared}

    # --------------------------------------------------------------------------------------- consent

    def listens(self, type_: str, event: str) -> bool:
        """Whether events of this name may change consent."""
        return any(listener.hears(type_, event) for _, listener in self._rules)

    def event(self, row: int, event: Event, key: tuple[str, str], te: int) -> None:
        """An event of a person that the workspace's rules listen for."""
        for rule, listener in self._rules:
            if not listener.hears(*key) or not listener.matches(event.properties, event):
                continue
            category, path = rule.category, _property_of(rule)
            if path is not None:
                head, *rest = split_path(path)
                named = dig(getattr(event.properties, self._fields[head], UNSET), tuple(rest))
                category = self._categories.get(named.casefold()) if named.__class__ is str else None
                if category is None:
                    continue
            self.say(row, rule.status, te, rule.channel, category, f"event {key[1] or key[0]}")

    def preferences(self, row: int, preferences: Any, te: int) -> None:
        """Segment's `context.consent.categoryPreferences`: `{category: true or false}`, for all channels."""
        if preferences.__class__ is not dict:
            return
        for name, given in preferences.items():
            category = self._categories.get(name.casefold())
            if category and given.__class__ is bool:
                self.say(row, "in" if given else "out", te, None, category, "context.consent")

    def say(
        self, row: int, status: str, te: int, channel: str | None, category: str | None, source: str
    ) -> None:
        """A person says something about a channel (or kind; None: all) and a category (None: all)."""
        desk = self.desk
        code = STATUS_CODES[status]
        changes = desk.consents.say(row, code, te, desk.channels.meant(channel), category)
        self.tell_consent(row, [(change, code) for change in changes], source)

    def tell_consent(self, row: int, changes: Iterable[tuple[Change, int]], source: str) -> None:
        """One effect for each status that changed things."""
        by_status: dict[int, list[dict[str, str]]] = {}
        for change, status in changes:
            told = {"channel": change.channel, "category": change.category, "from": STATUSES[change.before]}
            by_status.setdefault(status, []).append(told)
        for status, pairs in by_status.items():
            data = {"status": STATUSES[status], "source": source, "changed": pairs}
            self.desk.fold.emit(self.desk.fold.person, row, "consent", STATUSES[status], data)

    # ---------------------------------------------------------------------------------- suppressions

    def suppress(self, channel: Channel, address: str, reason: str, row: int = 0) -> None:
        """Nothing is sent to an address on a channel any more."""
        normal = normal_address(channel, address, self.desk.fold.identity.model.default_region)
        self._suppress(channel, self.desk.suppressions.digest(normal), reason, row)

    def _suppress(self, channel: Channel, digest: int, reason: str, row: int) -> None:
        desk = self.desk
        if not desk.suppressions.add(channel, digest, reason):
            return
        data = {"channel": channel.name, "address": _shown(digest), "reason": reason}
        if row:
            desk.fold.emit(desk.fold.person, row, "suppressed", channel.name, data)
        else:
            desk.fold.emit_about("suppressed", channel.name, data)

    def unsuppress(self, channel: Channel, address: str) -> None:
        """Messages may go to an address again."""
        desk = self.desk
        normal = normal_address(channel, address, desk.fold.identity.model.default_region)
        digest = desk.suppressions.digest(normal)
        if desk.suppressions.remove(channel, digest):
            data = {"channel": channel.name, "address": _shown(digest)}
            desk.fold.emit_about("unsuppressed", channel.name, data)

    def opt_out(self, row: int, channel: str | None, category: str | None, te: int, source: str) -> None:
        """An opt-out from a list."""
        self.say(row, STATUSES[OUT], te, channel, category, source)

    # -------------------------------------------------------------------------------------- outcomes

    def outcome(
        self,
        effect: str,
        outcome: str,
        te: int,
        *,
        reason: str | None = None,
        permanent: bool = False,
        machine: bool = False,
        once_more: bool = False,
    ) -> None:
        """What became of a message. `machine`: opened by a privacy proxy or clicked by a scanner, which
        counts as nothing. `once_more`: it is claimed although it may have arrived.
        """
        desk = self.desk
        owed = desk.book.get(effect)
        if owed is None:
            desk.book.strangers += 1
            desk.fold.emit_about("outcome", outcome, {"effect": effect, "outcome": outcome, "stranger": True})
            return
        first = not any(owed.was(response) for response in RESPONSES)
        if machine:
            self.tell(owed, "outcome", {"outcome": outcome, "machine": True})
            return
        if outcome == "claimed" and (why := self._barred(owed)) is not None:
            self._bar(owed, why, once_more)
            return
        again, over = owed.was(outcome), any(owed.was(one) for one in ENDING)
        if not desk.book.hear(owed, outcome, desk.fold.t):
            return
        told: dict[str, Any] = {"outcome": outcome}
        if reason is not None:
            told["reason"] = reason
        self.tell(owed, "outcome", told)
        kind = desk.kinds.all[owed.code]
        if outcome in RELEASING:
            self.free(owed, outcome)
        self._learn(owed, desk.channels.named.get(kind.channel), outcome, permanent, first)
        if outcome != "claimed":
            unit, row = desk.fold.compiled[owed.unit], owed.row if owed.unit else desk.forwarded(owed.row)
            about = (kind.journey, kind.step, kind.template, outcome, owed.effect)
            announce(desk.runtime, MessageNews(unit, row, *about, first=not again))
            self._derive(owed, outcome, kind.template, te)
            if not (over and outcome in ENDING) and self._awaited(owed, kind.step):
                desk.runtime.wake_outcome(owed.slot, owed.number, OUTCOME_CODES[outcome])

    def _barred(self, owed: Owed) -> str | None:
        """Why a message that was decided must not go out any more: its person has said no since, or its
        address is to be left alone. Asked at the claim, the last moment at which it is surely here.
        """
        desk = self.desk
        kind = desk.kinds.all[owed.code]
        channel = desk.channels.named.get(kind.channel)
        away = owed.settled or owed.was("claimed") or owed.was("unknown")
        if away or owed.unit or not owed.row or channel is None or not kind.template:
            return None
        if not kind.transactional:
            purpose = desk.consents.purpose(kind.category, channel)
            if not allowed(desk.consents.status(desk.forwarded(owed.row), purpose.pair), purpose):
                return "no_consent"
        listed = owed.address and desk.suppressions.lists(channel, owed.address)
        return "suppressed" if listed else None

    def _bar(self, owed: Owed, why: str, maybe: bool) -> None:
        """It is not sent: its places are free (unless `maybe` it was sent before), and a run that waits for
        it goes on as if it had failed.
        """
        desk = self.desk
        self.tell(owed, "cancelled", {"reason": why, "unknown": True} if maybe else {"reason": why})
        if not maybe:
            self.free(owed, why)
        desk.book.settle(owed, desk.fold.t)
        if self._awaited(owed, desk.kinds.all[owed.code].step):
            desk.runtime.wake_outcome(owed.slot, owed.number, OUTCOME_CODES["failed"])

    def _awaited(self, owed: Owed, step: str) -> bool:
        """Whether the run still waits at the step (and visit) that decided the message."""
        runtime = self.desk.runtime
        if not owed.awaited or owed.slot >= runtime.runs.count:
            return False
        if runtime.runs.number[owed.slot] != owed.number:
            return False
        run = runtime.view.at(owed.slot)
        return run.step == step and run.visit == owed.visit

    def _learn(self, owed: Owed, channel: Channel | None, outcome: str, permanent: bool, first: bool) -> None:
        """What an outcome says of the address, and of how the person answers on the channel."""
        desk = self.desk
        if channel is None or owed.unit or not owed.row:
            return
        row = desk.forwarded(owed.row)
        complained = outcome == "complained"
        if owed.address and (complained or (outcome == "bounced" and permanent)):
            self._suppress(channel, owed.address, "complaint" if complained else "bounce", row)
        if outcome == "sent":
            desk.responses.got(row, channel.index)
        elif outcome in RESPONSES and first:
            desk.responses.responded(row, channel.index)

    def _derive(self, owed: Owed, outcome: str, template: str, te: int) -> None:
        """The outcome is an event of the person: signals see `$message OUTCOME TEMPLATE` and `$message
        OUTCOME`.
        """
        if owed.unit or not template or not owed.row:
            return
        fold = self.desk.fold
        row, mask = self.desk.forwarded(owed.row), 0
        for name in (f"$message {outcome} {template}", f"$message {outcome}"):
            handler = fold.person.handler("derived", name)
            if handler is not None:
                mask |= handler(row, te, fold.t, fold.seq, NO_PROPERTIES, None)
        if mask:
            fold.person.evaluate(row, fold.t, mask)

    def free(self, owed: Owed, why: str) -> None:
        """Gives a message's places back."""
        if not owed.placed:
            return
        owed.placed = False
        self.desk.release(self.desk.forwarded(owed.row), owed.t, owed.code)
        self.tell(owed, "released", {"reason": why})

    def tell(self, owed: Owed, kind: str, data: dict[str, Any]) -> None:
        """An effect about a message on its way."""
        fold = self.desk.fold
        about = self.desk.kinds.all[owed.code]
        told = {"run": owed.run, "step": about.step, "effect": owed.effect, **data}
        if about.template:
            told["template"] = about.template
        told["channel"] = about.channel
        row = self.desk.forwarded(owed.row) if not owed.unit else owed.row
        fold.emit(fold.compiled[owed.unit], row, kind, about.journey, told)


def _property_of(rule: ConsentEvents) -> str | None:
    """The property that names the category, if one does."""
    if rule.category is not None and rule.category.startswith("property."):
        return rule.category.removeprefix("property.")
    return None


def _shown(digest: int) -> str:
    return f"{digest & 0xFFFF_FFFF_FFFF_FFFF:016x}"

"""What checks of journeys and messages ask of one field at a time: names, conditions, events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...limits import EVENT_NAME_CHARS_MAX
from ...profiles.expressions import ExpressionError, Name, Node
from ...workspace.base import Condition
from ...workspace.conditions import RunScope
from ...workspace.message_events import WORD
from ...workspace.models import ActiveDays, Count, Distinct
from ...workspace.names import NUMERIC, Reference, condition, derived, parse_name
from ...workspace.problems import Path, UnknownNameError, likely
from ..proof import always, never
from .reporting import Desk, Place
from .values import Values


class Fields(Values):
    """The fields of one object of the workspace, which stands at ``root``."""

    def known(self, place: Place, word: str, name: str, table: Iterable[str], fix: str = "") -> bool:
        """Whether ``name`` is in ``table``."""
        known = list(table)
        if name in known:
            return True
        self.error(place, "unknown_name", f"unknown {word} `{name}`", likely(name, known) or fix)
        return False

    def of_subject(
        self, place: Place, word: str, name: str, table: Mapping[str, Any], of: str, fix: str = ""
    ) -> bool:
        """Whether ``table`` has ``name``, and it is of that kind of subject."""
        if not self.known(place, word, name, table):
            return False
        if table[name].of != of:
            message = f"{word} `{name}` is of {table[name].of}, not of {of}"
            self.error(place, "wrong_subject", message, fix or f"use one of {of}")
            return False
        return True

    def condition(
        self, place: Place, given: Condition | None, of: str, where: bool = False, run: RunScope | None = None
    ) -> None:
        """A condition on subjects of a kind."""
        before = len(self.desk.report.problems)
        self.desk.conditions.check(given, self.path(place), of, where=where, run=run)
        self.errors += sum(p.severity == "error" for p in self.desk.report.problems[before:])

    def tree(self, given: Condition | None) -> Node | None:
        """A condition as a tree; None when there is none or it cannot be read, which is said elsewhere."""
        try:
            return condition(given) if given is not None else None
        except ExpressionError:
            return None

    def is_count(self, name: Name, of: str) -> bool:
        """Whether a name is a count of such a subject: never unknown, never below 0."""
        try:
            found = self.desk.names.resolve(name, of, run=True)
        except UnknownNameError:
            return False
        signal = self.workspace.signals.get(found.name)
        own = found.kind == "signal" and not found.via_account and not found.via_person
        return own and found.part is None and isinstance(signal, Count | Distinct | ActiveDays)

    def doubt(
        self,
        place: Place,
        given: Condition | None,
        of: str | None,
        *,
        if_never: str = "",
        if_always: str = "",
    ) -> None:
        """Doubts a condition that provably never or always holds; ``of`` is None for one on an event."""
        tree = self.tree(given)
        if tree is None:
            return

        def counts(name: Name) -> bool:
            return of is not None and self.is_count(name, of)

        if if_never and never(tree, counts):
            self.warning(place, "unreachable", f"this can never be true: {if_never}", "correct it")
        elif if_always and always(tree, counts):
            self.warning(place, "unreachable", f"this is always true: {if_always}", "correct it")

    def asked(self, place: Place, ask: Callable[[], Reference]) -> Reference | None:
        """What ``ask`` answers, or None with its complaint reported."""
        try:
            found = ask()
        except (UnknownNameError, ExpressionError) as error:
            code = error.code if isinstance(error, UnknownNameError) else "bad_name"
            self.error(place, code, str(error.message), error.fix)
            return None
        if found.kind == "signal":
            self.desk.conditions.used.add(found.name)
        return found

    def value(self, place: Place, text: str, of: str) -> Reference | None:
        """A value named as in conditions: a signal, ``trait.X``, ``stage.X`` and so on."""
        return self.asked(place, lambda: self.desk.names.resolve(parse_name(text), of))

    def shown(self, place: Place, text: str, of: str, event: bool) -> None:
        """A value that people are told: as in conditions, and ``event.X``."""
        try:
            name = parse_name(text)
        except ExpressionError as error:
            self.error(place, "bad_name", str(error.message))
            return
        if name.parts[0] != "event":
            self.asked(place, lambda: self.desk.names.resolve(name, of))
        elif not event or len(name.parts) < 2:
            self.error(place, "unknown_name", f"`{text}` is never known: nothing here brings an event")

    def date(self, place: Place, text: str, of: str) -> None:
        """A date of the subject itself: ``trait.X`` or a signal."""
        found = self.value(place, text, of)
        if found is not None and found.via_account:
            fix = "copy it to a trait of the person, or use a journey of the account"
            self.error(place, "wrong_subject", f"`{text}` is a date of the account", fix)
        elif found is not None and found.type != "date":
            message = f"`{text}` is a {found.type}, not a date"
            self.error(place, "type_mismatch", message, "declare it with `type: date`")

    @staticmethod
    def fits(found: Reference, type_: str) -> bool:
        """Whether a value can be that of a trait of some type."""
        if type_ == "number":
            return found.type in NUMERIC
        return type_ == "json" or found.type == {"string": "text"}.get(type_, type_)

    def kind_of_subject(self, place: Place, of: str) -> bool:
        """Whether the workspace has such subjects."""
        kinds = self.desk.names.kinds
        return self.known(place, "kind of subject", of, kinds, "declare it under `entities`")

    def events(self, place: Place, given: str | list[str]) -> None:
        """Names of events that clients send: one, several, or a prefix with ``*``."""
        listed = [given] if isinstance(given, str) else given
        if not listed:
            self.error(place, "wrong_value", "no event is named", "name one, or `*` for any")
        for index, event in enumerate(listed):
            at = self.path(place) if isinstance(given, str) else (*self.path(place), index)
            self._event(at[len(self.root) :], event)

    def _event(self, place: Path, event: str) -> None:
        if not event.strip() or len(event) > EVENT_NAME_CHARS_MAX:
            self.error(place, "wrong_value", f"an event name has 1 to {EVENT_NAME_CHARS_MAX} characters")
        elif "*" in event[:-1]:
            self.error(place, "wrong_value", f"`*` stands only at the end of an event name, not in `{event}`")
        elif derived(event) is not None:
            fix = "use a trigger of kind `stage` or `segment`, elsewhere `when`"
            self.error(place, "wrong_value", f"journeys do not listen for `{event}`", fix)
        elif event.startswith("$"):
            told = event.startswith(WORD)
            fix = "lead on by the message's `on`, or use a signal that counts them and `when`" if told else ""
            self.error(place, "wrong_value", f"journeys do not listen for `{event}`", fix)


__all__ = ["Desk", "Fields", "Place"]

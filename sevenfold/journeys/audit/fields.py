"""What checks of journeys and messages ask of one field at a time: names, times, windows, shares, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ...errors import SevenfoldError
from ...limits import EVENT_NAME_CHARS_MAX
from ...profiles.expressions import ExpressionError
from ...workspace.base import Condition
from ...workspace.conditions import Conditions, RunScope
from ...workspace.message_events import WORD
from ...workspace.models import Workspace
from ...workspace.names import NUMERIC, Names, Reference, derived, parse_name
from ...workspace.problems import Path, UnknownNameError, likely
from ...workspace.report import Report
from ..limits_text import limit_of
from ..steps.wait import WeeklyWindow
from ..times import Duration, parse_duration, parse_time_of_day
from ..windows import Windows, parse_window
from ..zones import DAY, Zone, zone, zone_names

Place = str | Path
"""A field of the object at hand: ``ttl``, ``("paths", 0, "when")`` or, as steps say it, ``paths.0.when``."""


class Desk:
    """What all checks of one workspace share."""

    def __init__(self, names: Names, conditions: Conditions, report: Report) -> None:
        self.names = names
        self.conditions = conditions
        self.report = report
        self.workspace: Workspace = names.workspace
        self.told: set[tuple[Path, str]] = set()
        """What was said about blocks: their inner steps often have the same fault."""


class Fields:
    """The fields of one object of the workspace, which stands at ``root``."""

    def __init__(self, desk: Desk, root: Path, model: Any = None) -> None:
        self.desk = desk
        self.workspace = desk.workspace
        self.root = root
        self.model = model
        self.errors = 0
        """How many errors these fields have."""

    # ----------------------------------------------------------------------------------------- reporting

    def path(self, place: Place) -> Path:
        """The path of a field in the workspace."""
        return (*self.root, *(place if isinstance(place, tuple) else _steps(self.model, place)))

    def error(self, place: Place, code: str, message: str, fix: str = "") -> None:
        """Something that keeps the workspace from being used."""
        self.errors += 1
        self.desk.report.error(self.path(place), code, message, fix)

    def warning(self, place: Place, code: str, message: str, fix: str = "") -> None:
        """Something doubtful."""
        self.desk.report.warning(self.path(place), code, message, fix)

    def exactly_one(self, place: Place, given: Mapping[str, bool], what: str) -> bool:
        """Whether one of several fields is there and the others are not."""
        there = [f"`{name}`" for name, present in given.items() if present]
        if len(there) == 1:
            return True
        choice = ", ".join(f"`{name}`" for name in given)
        if there:
            self.error(place, "wrong_value", f"{what} has {' and '.join(there)}", "keep one of them")
        else:
            self.error(place, "missing_field", f"{what} has none of {choice}", "give it one of them")
        return False

    def without(self, present: bool, place: Place, message: str, fix: str = "") -> None:
        """Reports a field that means nothing where it stands."""
        if present:
            self.error(place, "wrong_value", message, fix)

    # --------------------------------------------------------------------------------------------- names

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

    # --------------------------------------------------------------------------------------- time and number

    def read(self, place: Place, code: str, reader: Callable[[], Any]) -> Any:
        """What a parser of texts gives, or None with its complaint reported."""
        try:
            return reader()
        except SevenfoldError as error:
            self.error(place, code, error.message, error.fix)
            return None

    def duration(self, place: Place, text: str | None) -> int | None:
        """A length of time in ms: more than nothing, at most five years."""
        before = len(self.desk.report.problems)
        ms = self.desk.report.duration(self.path(place), text)
        self.errors += len(self.desk.report.problems) - before
        return ms

    def calendar_duration(self, place: Place, text: str | None) -> Duration | None:
        """A length of time that may count months, more than nothing."""
        if text is None:
            return None
        found: Duration | None = self.read(place, "bad_duration", lambda: parse_duration(text))
        if found is not None and not (found.ms or found.months):
            self.error(place, "bad_duration", f"`{text}` is no time at all", "it must be more than nothing")
            return None
        return found

    def offset(self, place: Place, text: str) -> None:
        """A length of time with a sign, or ``0d``."""
        self.read(place, "bad_duration", lambda: parse_duration(text, signed=True))

    def time_of_day(self, place: Place, text: str | None) -> int | None:
        """A local time, in ms after 00:00; 24:00 is none."""
        if text is None:
            return None
        found: int | None = self.read(place, "bad_time", lambda: parse_time_of_day(text))
        if found is not None and found >= DAY:
            self.error(place, "bad_time", f"`{text}` is no time to come", "write 00:00 and mean the next day")
            return None
        return found

    def zone(self, place: Place, text: str | None, words: Sequence[str] = ()) -> Zone | None:
        """A time zone's name, or one of ``words``."""
        if text is None or text in words:
            return None
        try:
            return zone(text)
        except SevenfoldError as error:
            fix = likely(text, [*zone_names(), *words]) or error.fix
            self.error(place, "bad_time", error.message, fix)
            return None

    def windows(self, place: Place, given: Sequence[WeeklyWindow]) -> Windows | None:
        """Weekly windows; None when there are none, or one cannot be read."""
        if not given:
            return None
        read = []
        for index, window in enumerate(given):
            at = (*self.path(place)[len(self.root) :], index)
            one = self.read(at, "bad_time", lambda w=window: parse_window(w.days, w.from_, w.to))  # type: ignore[misc]
            if one is not None and self.read(at, "bad_time", lambda o=one: Windows([o])) is not None:  # type: ignore[misc]
                read.append(one)
        if len(read) < len(given):
            return None
        found: Windows | None = self.read(place, "bad_time", lambda: Windows(read))
        return found

    def limit(self, place: Place, text: str | None) -> tuple[int, int] | None:
        """A limit such as ``3 per 30d``: (how many, in how many ms)."""
        if text is None:
            return None
        found: tuple[int, int] | None = self.read(place, "wrong_value", lambda: limit_of(text))
        return found

    def number(self, place: Place, value: float | None, low: float, high: float) -> bool:
        """Whether a number lies within bounds, both included."""
        before = len(self.desk.report.problems)
        self.desk.report.number(self.path(place), value, low, high)
        self.errors += len(self.desk.report.problems) - before
        return len(self.desk.report.problems) == before

    def share(self, place: Place, value: float) -> int | None:
        """A share in per cent, as how many of 10,000; it counts in steps of 0.01."""
        if not self.number(place, value, 0, 100):
            return None
        places = round(value * 100)
        if abs(value * 100 - places) > 1e-6:
            self.error(place, "wrong_value", f"{value:g} is finer than 0.01", f"write {places / 100:g}")
            return None
        return places


def _steps(model: Any, text: str) -> Path:
    """``paths.0.go`` as a path, by what the model has: keys of mappings may hold dots and digits."""
    steps: list[str | int] = []
    rest = text
    while rest:
        if isinstance(model, Mapping):
            fitting = [str(key) for key in model if rest == key or rest.startswith(f"{key}.")]
            head = max(fitting, key=len, default=rest.partition(".")[0])
            model = model.get(head)
        else:
            head = rest.partition(".")[0]
            if isinstance(model, list | tuple) and head.isdigit():
                steps.append(int(head))
                model = model[int(head)] if int(head) < len(model) else None
                rest = rest[len(head) + 1 :]
                continue
            model = _member(model, head)
        steps.append(head)
        rest = rest[len(head) + 1 :]
    return tuple(steps)


def _member(model: Any, name: str) -> Any:
    if not isinstance(model, msgspec.Struct) or name not in model.__struct_encode_fields__:
        return None
    return getattr(model, model.__struct_fields__[model.__struct_encode_fields__.index(name)])


__all__ = ["Desk", "Fields", "Place"]

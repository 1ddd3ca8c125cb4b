"""Their definitions -> one workspace of ours, and how to read the answers from it.

A trait has no declared type in the cases, so each place that a definition reads becomes several typed traits
over the same path; a condition names the ones it accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sevenfold.workspace import models as m
from tests.peer_cases import journeys
from tests.peer_cases import operators as ops
from tests.peer_cases.differences import DIFFERENCES
from tests.peer_cases.operators import Field, either, every
from tests.peer_cases.outcome import SkipError
from tests.peer_cases.paths import MISSING, MalformedPathError, Parts, at, keys_of, parts_of, text_of
from tests.peer_cases.records import POSITION, SUBSCRIPTION, Lifted

Definition = dict[str, Any]
Reader = Callable[[dict[str, Any]], Any]
"""From what the fold says of a person (`Fold.read`) to a property's value; None when it has none."""

_FIELDS = {
    "trait": {"path", "op", "value", "seconds", "instant", "duration"},
    "performed": {"event", "times", "within_seconds", "where", "path", "batch_evaluation"},
    "last_performed": {"event", "where", "has"},
    "keyed_performed": {"event", "key", "times", "within_seconds", "where", "path"},
    "and": {"children"},
    "or": {"children"},
    "any_of": {"children"},
    "everyone": set(),
    "user_id": set(),
    "anonymous_id": set(),
    "manual": {"version"},
    "random_bucket": {"percent", "name"},
    "subscription_group": {"group", "state"},
    "segment": {"segment"},
}


@dataclass
class Definitions:
    """What a case defines at one time: each name's latest definition."""

    user_properties: dict[str, Definition] = field(default_factory=dict)
    segments: dict[str, Definition] = field(default_factory=dict)
    subscription_groups: dict[str, Definition] = field(default_factory=dict)
    journeys: dict[str, Definition] = field(default_factory=dict)

    def updated(self, source: dict[str, Any]) -> Definitions:
        """With the definitions of `source` in place of those of the same names."""

        def merge(kind: str) -> dict[str, Definition]:
            return {**getattr(self, kind), **{one["name"]: one for one in source.get(kind) or []}}

        return Definitions(*(merge(kind) for kind in self.__dataclass_fields__))


class Translation:
    """A workspace made of `definitions`. `lifted` gathers what records must name, for a whole case."""

    def __init__(self, definitions: Definitions, lifted: Lifted, *, random: float | None = None) -> None:
        self.lifted = lifted
        self._definitions = definitions
        self._random = random
        self.traits: dict[str, m.Trait] = {}
        self.signals: dict[str, m.Signal] = {}
        self.segments: dict[str, m.Segment] = {}
        self.labels: dict[str, str] = {}
        """Their segment -> ours."""
        self.readers: dict[str, Reader] = {}
        self.unanswered: dict[str, str] = {}
        """Segments and properties that have no translation, with the reason."""
        self._places: dict[tuple[str, ...], str] = {}
        self._groups = definitions.subscription_groups
        for group in self._groups.values():
            self._subscriptions(group)
        for index, label in enumerate(definitions.segments):
            self.labels[label] = f"segment_{index}"
        for label, one in definitions.segments.items():
            try:
                self.segments[self.labels[label]] = self._segment(one["definition"])
            except SkipError as reason:
                self.unanswered[label] = str(reason)
        for label, one in definitions.user_properties.items():
            try:
                self.readers[label] = self.reader(one["definition"])
            except SkipError as reason:
                self.unanswered[label] = str(reason)
        self._journeys = journeys.Journeys(self, random)
        self.journeys: dict[str, dict[str, Any]] = {}
        """Every journey that runs or ran, as our YAML has it."""
        for label, one in definitions.journeys.items():
            try:
                self.journeys[label] = self._journeys.journey(label, one)
            except SkipError as reason:
                self.unanswered[f"journey {label}"] = str(reason)

    @property
    def workspace(self) -> m.Workspace:
        """Only ids identify: the cases exercise no merging, and two of their users may share an address."""
        identity = m.Identity(order=("user_id", "anonymous_id"))
        defined = self._definitions.journeys
        running = {
            label: {**one, "state": "published" if is_running(defined[label]) else "draft"}
            for label, one in self.journeys.items()
        }
        return m.Workspace(
            name="peer",
            identity=identity,
            entities=journeys.entities(defined),
            traits=self.traits,
            signals=self.signals,
            segments=self.segments,
            channels=msgspec.convert(journeys.channels(), dict[str, m.DeliveryChannel]),
            templates=msgspec.convert(journeys.templates(defined), dict[str, m.Template]),
            journeys=msgspec.convert(running, dict[str, m.Journey]),
        )

    # --------------------------------------------------------------------------------------------- journeys

    def event_name(self, event: dict[str, Any]) -> str:
        """Our name of the events that a definition listens to."""
        return _events(event)

    def in_journey(self, segment: str, key: str) -> str:
        """The condition that a segment is inside a journey with this key ("": without)."""
        definition = self._definitions.segments[segment]["definition"]
        if definition["type"] == "keyed_performed":
            if not key:
                raise SkipError(f"segment `{segment}` asks for a key, and the journey has none")
            return self._keyed(definition, journeys.kind_of(key))
        if segment in self.unanswered:
            raise SkipError(self.unanswered[segment])
        return ops.dotted(*(("person",) if key else ()), "segment", self.labels[segment])

    def _keyed(self, definition: Definition, kind: str) -> str:
        """How often an event happened to the thing that the run is about."""
        within = definition.get("within_seconds")
        window = ops.milliseconds(within) if within is not None else None
        where = self._where(definition.get("where") or [])
        count = m.Count(of=kind, event=_events(definition["event"]), where=where, window=window)
        times = definition.get("times") or {"cmp": "gte", "n": 1}
        return f"{self._signal('keyed', count)} {ops.ORDER[times['cmp']]} {times['n']}"

    def dates(self, label: str, key: str) -> list[str]:
        """Where a date property is read inside a journey, the best source first."""
        definition = self._definitions.user_properties[label]["definition"]
        children = definition["children"] if definition["type"] == "any_of" else [definition]
        found = []
        for child in children:
            parts = parts_of(child["path"])
            keys = keys_of(parts)
            if keys is None:
                raise SkipError("a date at a place in a list")
            if child["type"] == "trait":
                found.append(("person." if key else "") + self._typed(keys, "date"))
            else:
                # The newest such event has started the run, or it is the one that a signal keeps.
                found.append(ops.dotted("event", *keys))
        return found

    # --------------------------------------------------------------------------------------------- segments

    def _segment(self, definition: Definition) -> m.Segment:
        if definition["type"] == "manual":
            return m.Segment(manual=True)
        return m.Segment(when=self.condition(definition))

    def condition(self, definition: Definition) -> m.Condition:
        """The condition of a segment definition. Raises SkipError when we have none."""
        kind = _known(definition)
        if kind in ("and", "or"):
            members = [self.condition(child) for child in definition["children"]]
            return every(*members) if kind == "and" else either(*members)
        if kind == "everyone":
            return "true"
        if kind == "trait":
            return self._trait(definition)
        if kind == "performed":
            return self.performed(definition)
        if kind == "last_performed":
            return self._last_performed(definition)
        if kind == "random_bucket":
            if definition["percent"] in (0, 100, 1.0):
                return "true" if definition["percent"] else "false"
            raise SkipError.differs(DIFFERENCES["chance"], "which users a bucket holds")
        if kind == "segment":
            return ops.dotted("segment", self.labels[definition["segment"]])
        if kind == "subscription_group":
            return f"segment.{self.subscription(definition['group'], definition.get('state', 'subscribed'))}"
        raise SkipError(f"a segment of type `{kind}` is read inside a journey only")

    def _trait(self, definition: Definition) -> m.Condition:
        try:
            parts = parts_of(definition["path"])
        except MalformedPathError:
            return "false"
        if not parts:
            raise SkipError("all traits together are no value to compare")
        return ops.condition(self._trait_field(parts), definition)

    def performed(self, definition: Definition) -> m.Condition:
        """How often an event happened, against a number."""
        within = definition.get("within_seconds")
        window = ops.milliseconds(within) if within is not None else None
        where = self._where(definition.get("where") or [])
        count = self._signal("times", m.Count(event=_events(definition["event"]), where=where, window=window))
        times = definition.get("times") or {"cmp": "gte", "n": 1}
        return f"{count} {ops.ORDER[times['cmp']]} {times['n']}"

    def _last_performed(self, definition: Definition) -> m.Condition:
        # Numbers of events: the newest that was chosen, and the newest of those that passes the test as well.
        self.lifted.position = True
        chosen, test = definition.get("where") or [], definition.get("has") or []
        event = _events(definition["event"])

        def newest(tests: list[dict[str, Any]]) -> str:
            return self._signal(
                "newest", m.Last(event=event, where=self._where(tests), property=POSITION, type="number")
            )

        return f"{newest(chosen)} == {newest([*chosen, *test])}"

    def _where(self, tests: Iterable[dict[str, Any]]) -> m.Condition | None:
        members = []
        for test in tests:
            try:
                members.append(ops.condition(self._property_field(parts_of(test["path"])), test))
            except MalformedPathError:
                continue
        return every(*members) if members else None

    # ----------------------------------------------------------------------------------------------- fields

    def _property_field(self, parts: Parts) -> Field:
        keys = keys_of(parts)
        name = ops.dotted(
            "property", *(keys if keys is not None else (self.lifted.value(parts, "properties"),))
        )
        number = lambda: ops.dotted("property", self.lifted.number(parts, "properties"))  # noqa: E731
        return Field(name, name, name, name, number, lambda: name)

    def _trait_field(self, parts: Parts) -> Field:
        keys = keys_of(parts)
        path = keys if keys is not None else (self.lifted.value(parts, "traits"),)
        return Field(
            self._typed(path, "string"),
            self._typed(path, "number"),
            self._typed(path, "boolean"),
            self._typed(path, "json"),
            lambda: self._typed((self.lifted.number(parts, "traits"),), "number"),
            lambda: self._typed(path, "date"),
            lambda: self._signal("age", m.SinceDate(date=self._typed(path, "date"))),
            lambda name: self._signal("held", m.SinceChange(trait=name.removeprefix("trait."))),
        )

    def _typed(self, path: tuple[str, ...], type_: m.type_of_value) -> str:
        """A trait of one type over a path."""
        place = self._places.setdefault(path, f"place_{len(self._places)}")
        self.traits[f"{place}_{type_}"] = m.Trait(type=type_, path=text_of(path))
        return f"trait.{place}_{type_}"

    def _signal(self, word: str, signal: m.Signal) -> str:
        """The name of a signal; equal ones are one."""
        for label, known in self.signals.items():
            if known == signal:
                return label
        label = f"{word}_{len(self.signals)}"
        self.signals[label] = signal
        return label

    # ---------------------------------------------------------------------------------------- subscriptions

    def _subscriptions(self, group: Definition) -> None:
        """Two segments a group: who is in, and who has left it."""
        where = f"property.group == {ops.quoted(group['name'])}"
        said = self._signal("said", m.Last(event=SUBSCRIPTION, where=where, property="action"))
        left = f"{said} == 'unsubscribe'"
        joined = (
            f"{said} == 'subscribe'"
            if group["type"] == "opt_in"
            else f"missing {said} or {said} != 'unsubscribe'"
        )
        self.segments[self.subscription(group["name"], "subscribed")] = m.Segment(when=joined)
        self.segments[self.subscription(group["name"], "unsubscribed")] = m.Segment(when=left)

    def subscription(self, group: str, state: str) -> str:
        """Our segment of a group's subscribed or unsubscribed people."""
        if group not in self._groups or state not in ("subscribed", "unsubscribed"):
            raise SkipError(f"unknown subscription group `{group}` or state `{state}`")
        return f"{state}_{list(self._groups).index(group)}"

    # ------------------------------------------------------------------------------------------- properties

    def reader(self, definition: Definition, *, keyed: bool = False) -> Reader:
        """How to read a property. `keyed`: as inside a journey, where the key's events are known."""
        kind = _known(definition)
        if definition.get("batch_evaluation") is False and not keyed:
            return lambda person: None
        if kind == "any_of":
            readers = [self.reader(child, keyed=keyed) for child in definition["children"]]
            return lambda person: next((v for read in readers if (v := read(person)) is not None), None)
        if kind in ("user_id", "anonymous_id"):
            return lambda person: _identifier(person, kind)
        if kind == "keyed_performed" and not keyed:
            return lambda person: None
        try:
            parts = parts_of(definition["path"])
        except MalformedPathError:
            return lambda person: None
        if kind == "trait":
            return lambda person: _given(at(person["traits"], parts))
        if kind in ("performed", "keyed_performed"):
            return self._newest_value(definition, parts)
        raise SkipError(f"a property of type `{kind}` has no counterpart")

    def _newest_value(self, definition: Definition, parts: Parts) -> Reader:
        keys = keys_of(parts)
        path = text_of(keys) if keys is not None else text_of((self.lifted.value(parts, "properties"),))
        where = self._where(definition.get("where") or [])
        label = self._signal(
            "value", m.Last(event=_events(definition["event"]), where=where, property=path, type="json")
        )
        return lambda person: (
            self.lifted.without(person["signals"][label]) if path == "$" else person["signals"][label]
        )


def is_running(journey: dict[str, Any]) -> bool:
    """Whether a journey takes people now."""
    return bool(journey.get("status", "running") == "running")


def _given(value: Any) -> Any:
    return None if value is MISSING or value == "" else value


def _identifier(person: dict[str, Any], kind: str) -> Any:
    held = person["identifiers"]
    if kind == "anonymous_id" and "user_id" in held:
        return None
    return next(iter(held.get(kind, ())), None)


def _known(definition: Definition) -> str:
    """The type of a definition, once all its fields are ones we understand."""
    kind: str = definition["type"]
    if kind not in _FIELDS:
        raise SkipError(f"a definition of type `{kind}` has no counterpart")
    if unknown := definition.keys() - _FIELDS[kind] - {"type"}:
        raise SkipError(f"`{sorted(unknown)[0]}` of a `{kind}` definition has no counterpart")
    return kind


def _events(event: dict[str, Any]) -> str:
    if event["match"] == "any":
        return "*"
    name: str = event["value"]
    if event["match"] == "prefix":
        return f"{name}*"
    if event["match"] != "exact" or name.endswith("*") or name.startswith("$"):
        raise SkipError(f"the event `{name}`: * at the end and $ at the start have a meaning here")
    return name

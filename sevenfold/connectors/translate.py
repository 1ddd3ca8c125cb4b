"""From a connected service's documents to Segment events, by the rules of mapping files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from hashlib import blake2b
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml
from msgspec import Struct

from ..errors import MappingError
from ..importers.files import BadRow
from ..importers.mapping import Rule, Source, Spec, Test, Value
from ..importers.rules import FileRules
from ..importers.values import as_value, iso
from .documents import Document, rows_of
from .model import Connector, Part

IDENTIFIERS: Final = ("email", "phone")
"""Traits by which somebody is known where a service has no user id of ours."""


class News(Struct, frozen=True, kw_only=True):
    """What a service told: documents about one `topic`. `id` is the service's own id of it; `received` ISO
    8601.
    """

    topic: str
    id: str
    received: str
    documents: tuple[Document, ...]


class Translated(Struct, frozen=True):
    """Events as JSON, in order of time, and rows that became none, with why."""

    events: list[bytes]
    bad: list[BadRow]


class Translator:
    """The mapping of one connector, ready. `prepare` completes a document before its rules see it."""

    def __init__(
        self,
        name: str,
        parts: Sequence[Part],
        *,
        zone: str = "UTC",
        prepare: Callable[[str, Document], Document] | None = None,
    ) -> None:
        self.source = name
        self._parts = parts
        self._zone = zone
        self._prepare = prepare

    def events(self, news: News) -> Translated:
        """The events of some news. The same news gives the same events with the same message ids."""
        prepare = self._prepare
        bad: list[BadRow] = []
        found: list[tuple[int, int, bytes]] = []
        call = {"$topic": news.topic, "$id": news.id, "$received": news.received, "$source": self.source}
        documents = [
            {**(one if prepare is None else prepare(news.topic, one)), **call} for one in news.documents
        ]
        for part in self._parts:
            if not fnmatchcase(news.topic, part.match):
                continue
            source = Source(part.match, part.events, zone=self._zone)
            rules = FileRules(source, self.source, news.id, news.topic, {}, bad.append)
            rows = rows_of(documents, part.each, rules.columns())
            found.extend((one.time, len(found), one.raw) for one in rules.events([rows]))
        return Translated([identified(raw, time) for time, _, raw in sorted(found)], bad)


def translator(
    name: str, model: Connector, prepare: Callable[[str, Document], Document] | None = None
) -> Translator:
    """The mapping that a connector of the workspace uses: its own, the shipped one of its type, or both."""
    parts = [*model.map]
    if not parts or model.and_ours:
        parts += shipped(model.type)
    return Translator(model.source or name, named(parts), zone=model.zone, prepare=prepare)


def named(parts: Sequence[Part]) -> list[Part]:
    """The parts with a name for each rule; message ids are made of them."""
    return [
        msgspec.structs.replace(
            part,
            events=[
                msgspec.structs.replace(rule, name=rule.name or f"{rule.type}-{at}-{index}")
                for index, rule in enumerate(part.events)
            ],
        )
        for at, part in enumerate(parts)
    ]


@cache
def shipped(kind: str) -> tuple[Part, ...]:
    """The mapping that comes with a type of connector; none for the generic ones."""
    file = resources.files(__package__) / "mappings" / f"{kind}.yaml"
    if not file.is_file():
        return ()
    return tuple(msgspec.convert(yaml.safe_load(file.read_text("utf-8")), list[Part]))


def doubts(model: Connector) -> list[tuple[str, str]]:
    """What is wrong with a connector's mapping: (place in it, words)."""
    found = []
    if not model.map and not shipped(model.type):
        found.append(("map", f"a connector of type {model.type} needs a mapping"))
    try:
        ZoneInfo(model.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found.append(("zone", f"there is no zone `{model.zone}`"))
    for at, part in enumerate(model.map):
        for index, rule in enumerate(part.events):
            found += [(f"map[{at}].events[{index}]{place}", text) for place, text in _wrong(rule)]
    return found


def _wrong(rule: Rule) -> list[tuple[str, str]]:
    found = []
    if rule.type in ("track", "page", "screen") and rule.event is None:
        found.append(("", "the rule does not name the event"))
    for spec in _specs(rule):
        value = as_value(spec)
        if value.column == "" or "" in (value.sum or ()):
            found.append(("", "a column without a name"))
        if value.lookup is not None:
            found.append(("", "there are no tables to look up in; use `map`"))
    for column, test in (rule.where or {}).items():
        if isinstance(test, dict):
            try:
                msgspec.convert(test, Test)
            except msgspec.ValidationError as error:
                found.append((f".where.{column}", str(error).split(" - at")[0]))
    return found


def _specs(rule: Rule) -> Iterator[Spec]:
    """Every value of a rule."""
    todo: list[Spec | None] = [rule.time, rule.event, rule.user_id, rule.anonymous_id, rule.previous_id]
    todo += [rule.account, *rule.properties.values(), *rule.traits.values()]
    while todo:
        spec = todo.pop()
        if spec is not None and spec is not rule.event:
            yield spec
        if isinstance(spec, Value):
            todo += (spec.objects or {}).values()


def check(model: Connector, where: str) -> None:
    """Raises MappingError for the first thing that is wrong with a connector's mapping."""
    for place, text in doubts(model):
        raise MappingError(text, where=f"{where}, {place}", fix="docs/guides/connectors.md shows how")


def identified(raw: bytes, time: int | None = None) -> bytes:
    """The event with somebody in it. Who has no id of ours gets an anonymous one, always the same for an
    e-mail address (or phone number), which stands in `context.traits` and links them; an account alone gets
    one of its own. Traits of an event that is no identify call are context.
    """
    event: dict[str, Any] = msgspec.json.decode(raw)
    if time is not None:
        event["timestamp"] = iso(time)
    traits = event.get("traits") or {}
    if event["type"] not in ("identify", "group") and traits:
        event.setdefault("context", {})["traits"] = event.pop("traits")
    if event.get("userId") in (None, "") and event.get("anonymousId") in (None, ""):
        event.pop("userId", None)
        # The e-mail address among an account's traits is the company's, and nobody's.
        own = {} if event["type"] == "group" else traits or (event.get("context") or {}).get("traits") or {}
        known = next((str(own[name]) for name in IDENTIFIERS if own.get(name)), "")
        account = event.get("groupId") or (event.get("context") or {}).get("groupId")
        about = known.strip().lower() or (f"account {account}" if account else "")
        if about:
            event["anonymousId"] = stand_in(about)
    return msgspec.json.encode(event)


def stand_in(about: str) -> str:
    """An anonymous id for whom a service knows by something else; it reveals neither."""
    return f"in-{blake2b(about.encode(), digest_size=12).hexdigest()}"

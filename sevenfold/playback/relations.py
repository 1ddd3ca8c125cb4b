"""Which events of a log can have any influence on a subject: those of everybody it is connected with.

Subjects meet through identifiers, accounts and entity keys that stand in one event. What a subject is
depends on the events of its own connected part alone, so folding just those, each under the number it has
in the log, gives the same profile and the same effects as folding all (tests/edges/replay/test_explain.py
compares the two).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from sevenfold.effects import subject_id
from sevenfold.engine import Fold
from sevenfold.journeys.plan import OnBusinessEvent
from sevenfold.log.base import Log
from sevenfold.playback.feed import records
from sevenfold.profiles.where import dig
from sevenfold.workspace import models as m


class Numbered(Struct, gc=False):
    """An event (`raw`) or control change with its number in the log, from 1, and its engine time."""

    number: int
    time: int
    raw: bytes = b""
    control: dict[str, Any] | None = None


def numbered(log: Log, until: int | None) -> Iterator[Numbered]:
    """Everything in a log that takes a number, up to engine time `until`."""
    for record in records(log):
        if record.kind == "control" and (until is None or record.time <= until):
            yield Numbered(record.position + 1, record.time, control=record.control)
        for index, entry in enumerate(record.entries):
            if until is not None and entry.time > until:
                return
            yield Numbered(record.position + index + 1, entry.time, entry.raw)


class _Head(Struct, gc=False, rename="camel"):
    user_id: Any = None
    anonymous_id: Any = None
    previous_id: Any = None
    group_id: Any = None
    traits: Any = None
    context: Any = None
    properties: Any = None


NOBODY: Final = -1
_decode_head = msgspec.json.Decoder(_Head).decode


class Relations:
    """The connected parts of a log up to `until`. One pass over it, a few microseconds an event."""

    def __init__(self, workspace: m.Workspace, fold: Fold, log: Log, until: int | None) -> None:
        self._identity = fold.identity
        self._entities = [(of, model.key) for of, model in workspace.entities.items()]
        self._custom = [
            (kind, tuple((model.path or kind).split("."))) for kind, model in workspace.identity.types.items()
            if kind not in ("user_id", "anonymous_id", "email", "phone", "device")
        ]  # fmt: skip
        self._nodes: dict[str, int] = {}
        self._parent = array("l")
        self._of_event = array("l")
        self.whole = shares_over_people(workspace) or any(
            isinstance(one, m.Rollup) and one.over == "accounts" for one in workspace.signals.values()
        )
        """Whether subjects meet in ways that no single event shows, so that only the whole log will do."""
        for item in numbered(log, until):
            if item.control is not None:
                self.whole = self.whole or item.control.get("op") == "merge"
                for member in item.control.get("members", []):
                    self._join_all(self._member_keys(member))
                # A control change is folded whoever is asked about.
                self._of_event.append(NOBODY)
            else:
                self._take(item.raw)

    def _take(self, raw: bytes) -> None:
        self._of_event.append(self._join_all(self.keys(raw)))

    def _member_keys(self, member: Any) -> list[str]:
        """The keys of somebody on a list: an identifier, or an object of kind to identifier."""
        given = member if isinstance(member, dict) else {"user_id": member}
        known = [
            self._identity.key(kind, value) for kind, value in given.items() if kind in self._identity.order
        ]
        return [one for one in known if one is not None]

    def _join_all(self, keys: list[str]) -> int:
        """Connects all keys; one node of theirs, NOBODY for none."""
        found = NOBODY
        for key in keys:
            node = self._nodes.get(key)
            if node is None:
                node = self._nodes[key] = len(self._parent)
                self._parent.append(node)
            found = node if found == NOBODY else self._join(found, node)
        return found

    def keys(self, raw: bytes) -> list[str]:
        """Everything in an event that can connect it with others."""
        head = _decode_head(raw)
        context = head.context if isinstance(head.context, dict) else {}
        key = self._identity.key
        found = [key("user_id", head.user_id), key("anonymous_id", head.anonymous_id)]
        if head.previous_id is not None:
            found += [key("user_id", head.previous_id), key("anonymous_id", head.previous_id)]
        for traits in (head.traits, context.get("traits")):
            if isinstance(traits, dict):
                found += [key("email", traits.get("email")), key("phone", traits.get("phone"))]
                for kind, path in self._custom:
                    value = dig(traits, path)
                    found.append(key(kind, value) if isinstance(value, str | int | float) else None)
        device = context.get("device")
        if isinstance(device, dict):
            found.append(key("device", device.get("token")))
        for group in (head.group_id, context.get("groupId")):
            if group is not None and group != "":
                found.append(f"account {group_text(group)}")
        for of, at in self._entities:
            held = context.get("groupId") if at.startswith("context.") else _property(head.properties, at)
            if isinstance(held, str | int) and not isinstance(held, bool):
                found.append(f"entity {of} {held}")
        return [one for one in found if one is not None]

    def _join(self, a: int, b: int) -> int:
        a, b = self._root(a), self._root(b)
        if a == b:
            return a
        low, high = min(a, b), max(a, b)
        self._parent[high] = low
        return low

    def _root(self, node: int) -> int:
        parent = self._parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def connected(self, start: str) -> frozenset[int] | None:
        """The numbers of all events connected with a key as `keys` gives it; None when nobody has it."""
        node = self._nodes.get(start)
        return None if node is None else self._numbers(node)

    def _numbers(self, node: int) -> frozenset[int]:
        root, of_event = self._root(node), enumerate(self._of_event, start=1)
        return frozenset(number for number, of in of_event if of != NOBODY and self._root(of) == root)

    def number_of(self, of: str, subject: str) -> int:
        """The number of the event that created a subject, by its id; 0 when none did."""
        count = range(1, len(self._of_event) + 1)
        return (
            next((number for number in count if subject_id(of, number) == subject), 0)
            if len(subject) == 16
            else 0
        )

    def of_event(self, number: int) -> frozenset[int]:
        """The numbers of all events connected with one event, itself among them."""
        node = self._of_event[number - 1]
        return frozenset((number,)) if node == NOBODY else self._numbers(node)


def shares_over_people(workspace: m.Workspace) -> bool:
    """Whether what journeys decide about one may depend on any other: limits of a whole journey, tasks that
    go round, codes that run out, events of the business, broadcasts.
    """
    if workspace.tasks or workspace.playbooks or workspace.offers or workspace.broadcasts:
        return True
    return any(
        one.limits.runs is not None or one.limits.rate is not None
        or any(isinstance(trigger, OnBusinessEvent) for trigger in one.triggers)
        for one in workspace.journeys.values()
    )  # fmt: skip


def group_text(value: Any) -> str:
    """An account's id as the steps write it: 12 and 12.0 are both "12"."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _property(properties: Any, name: str) -> Any:
    return properties.get(name, UNSET) if isinstance(properties, dict) else UNSET

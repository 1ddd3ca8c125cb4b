"""``overrides.yaml``: single values laid over what a workspace extends, each by its path.

    segments.high_value.when: net_spend >= 500
    messaging.caps.a_week.limit: 3
    lifecycles.customer.stages[engagement].enter: segment.activated
    messaging.topics.+gift: {once_per: 30d}
    acquisition[+0]: {channel: partner, intent: 70, when: "campaign.source == 'partner'"}
    journeys.win_back.steps.call:

What a path names must be there, so that a slip of the pen is an error and not a new object; ``+NAME``,
``[+]`` (at the end) and ``[+0]`` (at that place) add what must not be there yet, an empty value removes.
Members of a list are named by their ``name``, weights by what they hold for (``[stage × tier]``,
``[always]``), anything by its place from 0. Keys with dots stand in brackets: ``locales[de.AT]``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from msgspec import inspect

from .models import OBJECT_TYPES, SECTION_TYPES
from .problems import likely
from .reading import Node

_PART = re.compile(r"\.?([^.\[\]]+)|\[([^\[\]]+)\]")
_INSIDE = ("stage", "segment", "tier")
ADD = "+"


class OverrideError(Exception):
    """An override that cannot be made; ``fix`` is what its author may have meant."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message, self.fix = message, fix


def parts_of(path: str) -> list[str]:
    """``a.b[c].+d`` as ``["a", "b", "c", "+d"]``. Raises OverrideError for what is no path."""
    found, at = [], 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None or (at == 0 and path.startswith(".")):
            raise OverrideError(f"`{path}` is no path", "write it as `messaging.caps.a_week.limit`")
        found.append((match[1] or match[2]).strip("'\""))
        at = match.end()
    return found


def overridden(node: Node, parts: list[str], value: Node, types: tuple[Any, ...]) -> tuple[Node, Node | None]:
    """(``node`` with ``value`` at ``parts`` below it, what stood there before).

    ``types`` are the types of ``node`` by the models; nodes on the way are copied, for an alias may share
    them. Raises OverrideError.
    """
    head, rest = parts[0], parts[1:]
    if isinstance(node.value, list):
        return _in_list(node, head, rest, value, types)
    if not isinstance(node.value, dict):
        raise OverrideError(f"`{node.value}` has no part `{head}`", "override the value itself")
    key = head.removeprefix(ADD) if not rest else head
    inner = _below(types, key, node)
    if rest:
        if key not in node.value:
            if not rest[-1].startswith(ADD) or inner is None:
                raise OverrideError(f"there is no `{key}` to override", _near(key, node, types))
            made = Node([] if rest[0].startswith(ADD) and _lists(inner) else {}, value.file, value.line)
            child, before = overridden(made, rest, value, inner)
        else:
            child, before = overridden(node.value[key], rest, value, inner or ())
        return _with_key(node, key, child), before
    before = node.value.get(key)
    if head.startswith(ADD) and before is not None:
        raise OverrideError(f"`{key}` is there already", f"write `{key}` to override it")
    if before is None and not head.startswith(ADD) and (inner is None or _names(types, node)):
        fix = _near(key, node, types) or f"write `{ADD}{key}` to add it"
        raise OverrideError(f"there is no `{key}` to override", fix)
    if value.value is None:
        if before is None:
            raise OverrideError(f"there is no `{key}` to remove", _near(key, node, types))
        return _without(node, key), before
    return _with_key(node, key, value), before


def _in_list(
    node: Node, head: str, rest: list[str], value: Node, types: tuple[Any, ...]
) -> tuple[Node, Node | None]:
    items = list(node.value)
    inner = tuple(one.item_type for one in types if isinstance(one, inspect.ListType))
    if head.startswith(ADD) and not rest:
        place = head.removeprefix(ADD)
        if place and not place.isdigit():
            fix = "write `[+]`, or `[+0]` for the first place"
            raise OverrideError(f"`[{head}]` is no place in a list", fix)
        items.insert(int(place) if place else len(items), value)
        return replace(node, value=items), None
    at = _place(items, head)
    before = items[at]
    if rest:
        items[at], before_inner = overridden(before, rest, value, _flat(inner, before))
        return replace(node, value=items), before_inner
    if value.value is None:
        del items[at]
    else:
        items[at] = value
    return replace(node, value=items), before


def _place(items: list[Node], head: str) -> int:
    """Where in a list the member called ``head`` is."""
    labels = [label(item) for item in items]
    if labels.count(head) > 1:
        raise OverrideError(f"several are called `{head}`", "name it by its place, such as `[0]`")
    if head in labels:
        return labels.index(head)
    if head.isdigit() and int(head) < len(items):
        return int(head)
    known = [one for one in labels if one]
    places = f"places 0 to {len(items) - 1}" if items else "the list is empty"
    fix = likely(head, known) or (f"there are {', '.join(known)}" if known else places)
    raise OverrideError(f"there is no `{head}` in the list", fix)


def label(item: Node) -> str:
    """What tells a member of a list from the others: its name, or for weights what they hold for."""
    if not isinstance(item.value, dict):
        return ""
    for key in ("name", "channel"):
        if key in item.value:
            return str(item.value[key].value)
    if "weights" in item.value:
        return " × ".join(str(item.value[key].value) for key in _INSIDE if key in item.value) or "always"
    return ""


def _with_key(node: Node, key: str, child: Node) -> Node:
    keys = node.keys if key in node.value else node.keys | {key: child.line}
    return replace(node, value=node.value | {key: child}, keys=keys)


def _without(node: Node, key: str) -> Node:
    return replace(node, value={name: child for name, child in node.value.items() if name != key})


# ------------------------------------------------------------------------------------ what the models say


@lru_cache(maxsize=64)
def types_of(section: str) -> tuple[Any, ...]:
    """The types of an object of a section, or of a field that is one object."""
    type_ = SECTION_TYPES.get(section) or OBJECT_TYPES[section]
    return (inspect.type_info(type_),)


def _flat(types: tuple[Any, ...], node: Node) -> tuple[Any, ...]:
    """Unions taken apart; of several tagged structs the one the node's tag names."""
    found: list[Any] = []
    for one in types:
        found.extend(one.types if isinstance(one, inspect.UnionType) else (one,))
    structs = [one for one in found if isinstance(one, inspect.StructType) and one.tag is not None]
    if len(structs) > 1 and isinstance(node.value, dict):
        tags = {one.tag_field for one in structs} & set(node.value)
        told = {tag: node.value[tag].value for tag in tags}
        found = [one for one in found if one not in structs or told.get(one.tag_field) == one.tag]
    return tuple(found)


def _below(types: tuple[Any, ...], key: str, node: Node) -> tuple[Any, ...] | None:
    """The types of the value at ``key``; None when no model has such a field."""
    found: list[Any] = []
    for one in _flat(types, node):
        if isinstance(one, inspect.DictType):
            found.append(one.value_type)
        elif isinstance(one, inspect.StructType):
            found.extend(field.type for field in one.fields if field.encode_name == key)
        elif isinstance(one, inspect.AnyType):
            found.append(one)
    return _flat(tuple(found), node) if found else None


def _names(types: tuple[Any, ...], node: Node) -> bool:
    """Whether the node maps names to objects, so that any key is possible and none is to be expected."""
    return any(isinstance(one, inspect.DictType | inspect.AnyType) for one in _flat(types, node))


def _lists(types: tuple[Any, ...]) -> bool:
    return any(isinstance(one, inspect.ListType) for one in types)


def _near(key: str, node: Node, types: tuple[Any, ...]) -> str:
    """The key that was meant: one that is there, or a field of the model."""
    structs = [one for one in _flat(types, node) if isinstance(one, inspect.StructType)]
    fields = [field.encode_name for one in structs for field in one.fields]
    return likely(key, [*node.value, *fields])

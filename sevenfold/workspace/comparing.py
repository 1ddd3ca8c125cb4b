"""What is different between two workspaces, in words: objects added, removed and changed, field by field.

Spelling is no difference: ``7d`` equals ``1w`` in a duration, and two conditions are equal when they read
the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ..profiles import expressions
from ..profiles.expressions import ExpressionError
from . import models
from .layers import OBJECTS, SCALARS, SECTIONS
from .names import condition
from .problems import Path, dotted

_CONDITIONS = frozenset({"when", "where", "enter", "exit", "applies", "first_where", "then_where"})
_DURATIONS = frozenset({"window", "within", "gap", "quiet", "baseline", "per"})
_PROSE = frozenset({"description", "source"})
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs; ``before`` or ``after`` is None where the field is absent."""

    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.field}: {_shown(self.before)} → {_shown(self.after)}"


@dataclass(frozen=True, slots=True)
class Change:
    """One object that differs. ``reordered`` is about a whole section, whose written order decides ties.

    ``prose`` says that only descriptions and sources differ, so nothing that is computed changes.
    """

    action: Literal["added", "removed", "changed", "reordered"]
    section: str
    name: str = ""
    fields: tuple[Difference, ...] = ()
    prose: bool = False

    def __str__(self) -> str:
        title = f"{self.action} {self.section}" + (f" `{self.name}`" if self.name else "")
        return "\n".join([title, *(f"    {field}" for field in self.fields)])


def diff(a: models.Workspace, b: models.Workspace) -> list[Change]:
    """What leads from ``a`` to ``b``, section by section in written order; empty when they mean the same."""
    changes: list[Change] = []
    for field in (*SCALARS, *OBJECTS):
        changes.extend(_changed("workspace", field, getattr(a, field), getattr(b, field)))
    for section in SECTIONS:
        before, after = getattr(a, section), getattr(b, section)
        changes.extend(Change("removed", section, name) for name in before if name not in after)
        for name, given in after.items():
            if name not in before:
                changes.append(Change("added", section, name))
            else:
                changes.extend(_changed(section, name, before[name], given))
        if [name for name in before if name in after] != [name for name in after if name in before]:
            changes.append(Change("reordered", section))
    return changes


def _changed(section: str, name: str, a: Any, b: Any) -> Iterator[Change]:
    path: Path = (name,) if section == "workspace" else ()
    found = tuple(_differences(msgspec.to_builtins(a), msgspec.to_builtins(b), path))
    if found:
        prose = all(difference.field.rpartition(".")[2] in _PROSE for difference in found)
        yield Change("changed", section, "" if section == "workspace" else name, found, prose)


def _differences(a: Any, b: Any, path: Path) -> Iterator[Difference]:
    if a is b or (a == b and type(a) is type(b)) or _same_meaning(a, b, path):
        return
    if isinstance(a, Mapping) and isinstance(b, Mapping) and path[-1:] not in [(key,) for key in _CONDITIONS]:
        for key in [*a, *(key for key in b if key not in a)]:
            yield from _differences(a.get(key, _ABSENT), b.get(key, _ABSENT), (*path, key))
    elif (left := _labelled(a)) is not None and (right := _labelled(b)) is not None:
        for name in [*left, *(name for name in right if name not in left)]:
            yield from _differences(left.get(name, _ABSENT), right.get(name, _ABSENT), (*path, name))
        if [n for n in left if n in right] != [n for n in right if n in left]:
            yield Difference(dotted((*path, "order")), list(left), list(right))
    else:
        before = None if a is _ABSENT else a
        after = None if b is _ABSENT else b
        yield Difference(dotted(path), before, after)


def _labelled(value: Any) -> dict[str, Any] | None:
    """The members of a list by what tells them apart: a name, or for weights what they hold for."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return None
    labels: dict[str, Any] = {}
    for item in value:
        holds_for = [str(item[key]) for key in ("stage", "segment", "tier") if key in item]
        label = item.get("name") or ("weights" in item and (" × ".join(holds_for) or "always"))
        if not isinstance(label, str) or label in labels:
            return None
        labels[label] = item
    return labels


def _same_meaning(a: Any, b: Any, path: Path) -> bool:
    field = path[-1] if path else ""
    if a is _ABSENT or b is _ABSENT:
        return False
    try:
        if field in _CONDITIONS:
            return _node(a) == _node(b)
        if field in _DURATIONS and isinstance(a, str) and isinstance(b, str):
            return expressions.parse_duration(a) == expressions.parse_duration(b)
    except (ExpressionError, msgspec.ValidationError):
        return False
    return (
        isinstance(a, int | float)
        and isinstance(b, int | float)
        and a == b
        and bool not in (type(a), type(b))
    )


def _node(given: Any) -> expressions.Node:
    return condition(msgspec.convert(given, models.Condition))


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

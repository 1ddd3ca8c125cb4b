"""Two journeys or parts of them, field by field, as people read it.

Spelling is no difference: ``7d`` equals ``1w``, and two conditions are equal when they read the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import msgspec

from ..profiles import expressions
from ..profiles.expressions import ExpressionError
from ..workspace.base import Group
from ..workspace.problems import Path, dotted
from .times import JourneyTimeError, parse_duration

PROSE = frozenset({"title", "description", "meta"})
"""Fields that say nothing to the engine."""
ABSENT = object()
_CONDITIONS = frozenset({"when", "where", "audience", "suppressed_by"})
_CALENDAR = frozenset({"for", "offset", "timeout"})
"""Lengths of time in which a day is not always 24 hours."""
_EXACT = frozenset({"ttl", "within", "late_after", "outcome_within", "expires", "jitter", "after"})


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs; ``before`` or ``after`` is None where the field is absent or at its default."""

    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if not self.field:
            return _shown(self.before if self.after is None else self.after)
        return f"{self.field}: {_shown(self.before)} → {_shown(self.after)}"


def differences(a: Any, b: Any, path: Path) -> Iterator[FieldChange]:
    """What differs between two plain values at a path."""
    if a is b or _same(path, a, b):
        return
    if isinstance(a, Mapping) and isinstance(b, Mapping) and (not path or path[-1] not in _CONDITIONS):
        for key in dict.fromkeys((*a, *b)):
            yield from differences(a.get(key, ABSENT), b.get(key, ABSENT), (*path, key))
        if list(a) != list(b) and set(a) == set(b) and path[-1:] == ("paths",):
            yield FieldChange(dotted((*path, "order")), list(a), list(b))
    elif isinstance(a, list) and isinstance(b, list) and (_of_mappings(a) or _of_mappings(b)):
        for place, before, after in aligned(a, b):
            yield from differences(before, after, (*path, place))
    else:
        yield FieldChange(dotted(path), None if a is ABSENT else a, None if b is ABSENT else b)


def aligned(a: list[Any], b: list[Any]) -> Iterator[tuple[int, Any, Any]]:
    """(place, before, after): place in the new list, of what went in the old."""
    left, right = [_key(one) for one in a], [_key(one) for one in b]
    codes = SequenceMatcher(None, left, right, autojunk=False)
    for tag, a1, a2, b1, b2 in codes.get_opcodes():
        if tag == "equal":
            continue
        for step in range(max(a2 - a1, b2 - b1)):
            before = a[a1 + step] if a1 + step < a2 else ABSENT
            after = b[b1 + step] if b1 + step < b2 else ABSENT
            yield (b1 + step if after is not ABSENT else a1 + step), before, after


def _of_mappings(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(item, Mapping) for item in value)


def _same(path: Path, a: Any, b: Any) -> bool:
    if a is ABSENT or b is ABSENT:
        return False
    if isinstance(a, Mapping) and isinstance(b, Mapping) and list(a) != list(b):
        return False  # the order of a split's paths decides its table
    if a == b and isinstance(a, bool) == isinstance(b, bool):
        return not isinstance(a, Mapping) or all(_same((), a[key], b[key]) for key in a)
    return bool(path) and bool(_meaning(str(path[-1]), a) == _meaning(str(path[-1]), b))


def _key(value: Any) -> str:
    """A text that is equal for what means the same."""
    return repr(_canonical(value))


def _canonical(value: Any, field: str = "") -> Any:
    if field in _CONDITIONS | _CALENDAR | _EXACT:
        return _meaning(field, value)
    if isinstance(value, Mapping):
        return {key: _canonical(one, key) for key, one in sorted(value.items())}
    return [_canonical(one) for one in value] if isinstance(value, list) else value


def _meaning(field: str, value: Any) -> Any:
    """What a value says, whatever its spelling; the value itself where it can be read in one way only."""
    readers: list[tuple[frozenset[str], Callable[[Any], Any]]] = [
        (_CONDITIONS, lambda one: expressions.show(_tree(one))),
        (_CALENDAR, lambda one: parse_duration(one, signed=True)),
        (_EXACT, lambda one: parse_duration(one)[::2]),
    ]
    for fields, reader in readers:
        if field in fields and isinstance(value, str | Mapping):
            try:
                return reader(value)
            except (ExpressionError, JourneyTimeError, msgspec.ValidationError, ValueError, TypeError):
                return value
    return value


def _tree(given: Any) -> expressions.Node:
    from ..workspace.names import condition

    return condition(msgspec.convert(given, str | Group))


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


__all__ = ["ABSENT", "PROSE", "FieldChange", "aligned", "differences"]

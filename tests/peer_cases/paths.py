"""Paths as the cases write them: `a.b`, `$.a`, `$["odd key"]`, `items[0].sku`; `$` is the whole object."""

from __future__ import annotations

import re
from typing import Any

from sevenfold.workspace.paths import join_path, split_path

Parts = tuple[str | int, ...]
_PLACE = re.compile(r"\[(\d+)\]")
_MARK = "\0"
MISSING: Any = object()


class MalformedPathError(ValueError):
    """A text that leads nowhere."""


def parts_of(path: str) -> Parts:
    """Keys and list places. Raises MalformedPathError."""
    # Our own paths have no list places; each travels as a key that nobody can write.
    marked = _PLACE.sub(lambda found: f'["{_MARK}{found[1]}"]', path)
    if marked.startswith("["):
        marked = f"${marked}"
    try:
        parts = split_path(marked)
    except ValueError as error:
        raise MalformedPathError(str(error)) from None
    return tuple(int(part[1:]) if part.startswith(_MARK) else part for part in parts)


def keys_of(parts: Parts) -> tuple[str, ...] | None:
    """The keys when the path leads through objects only, else None."""
    keys = tuple(part for part in parts if isinstance(part, str))
    return keys if len(keys) == len(parts) else None


def text_of(keys: tuple[str, ...]) -> str:
    """The path in our spelling."""
    return join_path(keys)


def at(value: Any, parts: Parts) -> Any:
    """The value at a path, MISSING when there is none."""
    for part in parts:
        in_object = isinstance(part, str) and isinstance(value, dict) and part in value
        in_list = isinstance(part, int) and isinstance(value, list) and part < len(value)
        if not (in_object or in_list):
            return MISSING
        value = value[part]
    return value


def holding(parts: Parts, value: Any) -> Any:
    """The smallest object that has `value` at the path."""
    for part in reversed(parts):
        value = {part: value} if isinstance(part, str) else [None] * part + [value]
    return value


def merged(a: Any, b: Any) -> Any:
    """Two such objects in one."""
    if isinstance(a, dict) and isinstance(b, dict):
        return {**a, **{key: merged(a[key], b[key]) if key in a else b[key] for key in b}}
    return b

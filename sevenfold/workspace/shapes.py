"""Whether a tree of nodes has the shape of a model: every mismatch is found, each with its line and likely
fix.

``msgspec`` stops at the first mismatch and knows no lines, so the same type information is walked here; what
passes is converted by ``msgspec`` itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import inspect

from . import models
from .problems import Path, Problem, dotted, likely
from .reading import Node


@lru_cache(maxsize=256)
def _info(type_: Any) -> inspect.Type:
    return inspect.type_info(type_)


def fit(node: Node, type_: Any, path: Path) -> tuple[Any, list[Problem]]:
    """The node as an object of ``type_``, or None with everything that keeps it from being one."""
    problems = list(_mismatches(node, _info(type_), path))
    if problems:
        return None, problems
    try:
        return msgspec.convert(node.plain(), type_), []
    except msgspec.ValidationError as error:
        return None, [_problem("wrong_value", str(error), node, path)]


def _problem(code: str, message: str, node: Node, path: Path, fix: str = "", line: int = 0) -> Problem:
    return Problem(code, message, dotted(path), node.file, line or node.line, fix)


def _mismatches(node: Node, info: inspect.Type, path: Path) -> Iterable[Problem]:
    if isinstance(info, inspect.AnyType):
        return
    if isinstance(info, inspect.UnionType):
        yield from _union(node, info.types, path)
    elif isinstance(info, inspect.StructType):
        yield from _struct(node, info, path)
    elif isinstance(info, inspect.DictType):
        if not isinstance(node.value, dict):
            yield _wrong(node, (info,), path)
            return
        for key, value in node.value.items():
            yield from _mismatches(value, info.value_type, (*path, key))
    elif isinstance(info, inspect.ListType | inspect.VarTupleType):
        if not isinstance(node.value, list):
            yield _wrong(node, (info,), path)
            return
        for index, item in enumerate(node.value):
            yield from _mismatches(item, info.item_type, (*path, index))
    elif isinstance(info, inspect.TupleType):
        if not isinstance(node.value, list) or len(node.value) != len(info.item_types):
            yield _wrong(node, (info,), path)
            return
        for index, item in enumerate(node.value):
            yield from _mismatches(item, info.item_types[index], (*path, index))
    elif isinstance(info, inspect.LiteralType):
        if not _one_of(node, info):
            yield _literal(node, info, path)
    elif not _scalar(node.value, info):
        yield _wrong(node, (info,), path)


def _one_of(node: Node, info: inspect.LiteralType) -> bool:
    return not isinstance(node.value, bool) and node.value in info.values


def _scalar(value: Any, info: inspect.Type) -> bool:
    match info:
        case inspect.StrType():
            return isinstance(value, str)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case inspect.NoneType():
            return value is None
    return False


def _union(node: Node, types: tuple[inspect.Type, ...], path: Path) -> Iterable[Problem]:
    structs = [type_ for type_ in types if isinstance(type_, inspect.StructType)]
    if isinstance(node.value, dict) and structs:
        if len(structs) == 1:
            yield from _struct(node, structs[0], path)
        else:
            yield from _tagged(node, structs, path)
        return
    for type_ in types:
        container = isinstance(type_, inspect.ListType | inspect.VarTupleType | inspect.TupleType)
        if (container and isinstance(node.value, list)) or (
            isinstance(type_, inspect.DictType) and isinstance(node.value, dict)
        ):
            yield from _mismatches(node, type_, path)
            return
        if _scalar(node.value, type_) or (isinstance(type_, inspect.LiteralType) and _one_of(node, type_)):
            return
    words = [type_ for type_ in types if isinstance(type_, inspect.LiteralType)]
    if words and isinstance(node.value, str):
        yield _literal(node, words[0], path)
    else:
        yield _wrong(node, types, path)


def _tagged(node: Node, structs: list[inspect.StructType], path: Path) -> Iterable[Problem]:
    field = structs[0].tag_field or "kind"
    known = {str(struct.tag): struct for struct in structs}
    tag = node.value.get(field)
    if tag is None:
        fix = f"one of {', '.join(sorted(known))}"
        yield _problem("missing_field", f"the field `{field}` is missing", node, path, fix)
    elif not isinstance(tag.value, str) or tag.value not in known:
        fix = likely(str(tag.value), known) if isinstance(tag.value, str) else ""
        message = f"{_said(tag.value)} is no {field} we know"
        yield _problem(
            "wrong_value", message, tag, (*path, field), fix or f"one of {', '.join(sorted(known))}"
        )
    else:
        yield from _struct(node, known[tag.value], path)


def _struct(node: Node, info: inspect.StructType, path: Path) -> Iterable[Problem]:
    if not isinstance(node.value, dict):
        yield _wrong(node, (info,), path)
        return
    fields = {field.encode_name: field for field in info.fields}
    known = {*fields, *([info.tag_field] if info.tag_field else [])}
    for key, value in node.value.items():
        if key not in known:
            fix = likely(key, known) or f"it has {', '.join(sorted(known))}"
            message = f"unknown field `{key}`"
            yield _problem("unknown_field", message, node, (*path, key), fix, node.keys.get(key, 0))
        elif key in fields and (value.value is not None or not _empty_allowed(fields[key].type)):
            yield from _mismatches(value, fields[key].type, (*path, key))
    for key, field in fields.items():
        if field.required and key not in node.value:
            yield _problem("missing_field", f"the field `{key}` is missing", node, path)
    if info.cls is models.Group and len(node.value) != 1:
        yield _problem("wrong_value", "a group has exactly one of `all`, `any` and `not`", node, path)


def _empty_allowed(info: inspect.Type) -> bool:
    return isinstance(info, inspect.AnyType) or (
        isinstance(info, inspect.UnionType) and any(isinstance(t, inspect.NoneType) for t in info.types)
    )


def _literal(node: Node, info: inspect.LiteralType, path: Path) -> Problem:
    values = [str(value) for value in info.values]
    fix = likely(str(node.value), values) if isinstance(node.value, str) else ""
    message = f"{_said(node.value)} is not one of {', '.join(values)}"
    return _problem("wrong_value", message, node, path, fix)


def _wrong(node: Node, types: tuple[inspect.Type, ...], path: Path) -> Problem:
    expected = " or ".join(dict.fromkeys(_described(t) for t in types if not isinstance(t, inspect.NoneType)))
    fix = ""
    if any(isinstance(t, inspect.StrType) for t in types) and isinstance(node.value, int | float):
        fix = "write it in quotes if it is meant as a text"
    return _problem("wrong_type", f"expected {expected}, found {_said(node.value)}", node, path, fix)


def _described(info: inspect.Type) -> str:
    match info:
        case inspect.StrType():
            return "a text"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
        case inspect.LiteralType():
            return f"one of {', '.join(str(value) for value in info.values)}"
        case inspect.TupleType():
            return f"a list of {len(info.item_types)}: {', '.join(_described(t) for t in info.item_types)}"
        case inspect.ListType() | inspect.VarTupleType():
            return "a list"
        case inspect.UnionType():
            return " or ".join(_described(t) for t in info.types)
    return "a mapping of fields"


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f"the number {value}" if isinstance(value, int | float) else f"the text `{str(value)[:60]}`"

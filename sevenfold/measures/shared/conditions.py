"""Conditions on properties in the workspace's language, as SQL on rows of `events`."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from sevenfold.measures.answer import QuestionError
from sevenfold.measures.events.selecting import property_sql, quoted
from sevenfold.profiles import expressions as x
from sevenfold.profiles.expressions import ExpressionError

_SIGNS: Final = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_LIKE: Final = {"contains": "%{}%", "starts_with": "{}%", "ends_with": "%{}"}


def events_sql(names: tuple[str, ...]) -> str:
    """Rows of events with one of these names; a name ending in `*` is a prefix, `*` alone any event."""
    if not names:
        raise QuestionError("A touchpoint has no event", fix="give it the name of an event")
    parts = []
    for name in names:
        if name == "*":
            return "type IN ('track', 'page', 'screen')"
        prefix = name.removesuffix("*")
        same = f"starts_with(name, {quoted(prefix)})" if prefix != name else f"name = {quoted(name)}"
        parts.append(same)
    return f"(type IN ('track', 'page', 'screen') AND ({' OR '.join(parts)}))"


def condition_sql(text: str) -> str:
    """A condition such as `property.rating >= 4`; what is unknown is false. Raises QuestionError."""
    if not text:
        return "TRUE"
    try:
        return f"COALESCE({_sql(x.parse(text))}, FALSE)"
    except ExpressionError as error:
        raise QuestionError(str(error.message), where=text) from error


def _sql(node: x.Node) -> str:
    match node:
        case x.AllOf(members):
            return "(" + " AND ".join(map(_sql, members)) + ")"
        case x.AnyOf(members):
            return "(" + " OR ".join(map(_sql, members)) + ")"
        case x.NotOf(member):
            return f"(NOT {_sql(member)})"
        case x.Exists(name):
            return f"({_property(name)} IS NOT NULL)"
        case x.Member(left, values):
            return "(" + " OR ".join(_compared("==", left, value) for value in values) + ")"
        case x.TextTest(op, left, wanted) if op in _LIKE:
            return f"({_property(left)} LIKE {quoted(_LIKE[op].format(_plain(wanted)))})"
        case x.Compare(op, x.Name() as left, x.Literal(value)):
            return _compared(op, left, value)
        case x.Compare(op, x.Literal(value), x.Name() as right):
            return _compared(_FLIPPED[op], right, value)
        case x.Truth(x.Name() as name):
            return _compared("==", name, True)
    raise QuestionError(
        "This condition cannot be asked of a warehouse", fix="compare a property with a value"
    )


def _compared(op: str, name: x.Name, value: x.Value) -> str:
    found = _property(name)
    if isinstance(value, bool):
        return f"({found} {_SIGNS[op]} {quoted(str(value).lower())})"
    if isinstance(value, Fraction):
        return f"(TRY_CAST({found} AS DOUBLE) {_SIGNS[op]} {float(value)!r})"
    if isinstance(value, str):
        return f"({found} {_SIGNS[op]} {quoted(value)})"
    raise QuestionError(f"`{name}` cannot be compared with a duration")


def _property(name: x.Name) -> str:
    if name.parts[0] != "property" or len(name.parts) < 2:
        raise QuestionError(f"`{name}` is no property of the event", fix="write `property.NAME`")
    return property_sql(".".join(name.parts[1:]))


def _plain(text: str) -> str:
    if "%" in text or "_" in text:
        raise QuestionError(f"`{text}` cannot hold % or _", fix="compare the whole value")
    return text

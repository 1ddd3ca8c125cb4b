"""Which events are meant, written as people write them, and as SQL.

    Order Completed
    Order Completed[value > 100, plan = pro]
    page: /pricing | Pricing Viewed
    *

Names of track calls stand alone; `page:`, `screen:`, `track:` say which kind of call (`page:` alone: any
page). ` | ` separates alternatives, `*` means any event. Conditions in brackets must all hold: `=`, `!=`,
`>`, `>=`, `<`, `<=`, `~` (contains), and a property alone (it is there). A property is looked up in the
event's properties, `context.page.path` in its context. `value` is the event's worth in units of money.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from sevenfold.measures.answer import QuestionError

_OPERATORS: Final = ("!=", ">=", "<=", "=", ">", "<", "~")
_CONDITION: Final = re.compile(r"\s*([\w.$-]+)\s*(?:(!=|>=|<=|=|>|<|~)\s*(.*?))?\s*$", re.ASCII)
_PATH: Final = re.compile(r"[\w$-]+(\.[\w$-]+)*", re.ASCII)
_KINDS: Final = ("track", "page", "screen")
MICRO: Final = 1_000_000


class Condition(Struct, frozen=True):
    """`property operator value`; without an operator, that the property is there."""

    property: str
    operator: str = ""
    value: str = ""


class Events(Struct, frozen=True):
    """One alternative: a kind of call ("" for any), a name ("" for any) and conditions."""

    kind: str
    name: str
    where: tuple[Condition, ...] = ()


def parse(text: str) -> tuple[Events, ...]:
    """The alternatives that a text names. Raises QuestionError."""
    found = tuple(_one(part.strip(), text) for part in _split(text, "|"))
    if not text.strip():
        raise QuestionError("An event has no name", fix="write its name, such as Order Completed, or *")
    return found


def _one(part: str, text: str) -> Events:
    head, bracket, inside = part.partition("[")
    head = head.strip()
    if bracket and not inside.rstrip().endswith("]"):
        raise QuestionError(f"`{text}` has no closing bracket", fix="Order Completed[value > 100]")
    conditions = _split(inside.rstrip()[:-1], ",") if bracket else []
    where = tuple(_condition(one, text) for one in conditions)
    if head in ("*", ""):
        return Events("", "", where)
    kind, colon, name = head.partition(":")
    if colon and kind.strip() in _KINDS:
        return Events(kind.strip(), name.strip(), where)
    return Events("track", head, where)


def _condition(text: str, whole: str) -> Condition:
    match = _CONDITION.match(text)
    if match is None or not _PATH.fullmatch(match[1]):
        fix = "write conditions such as plan = pro or value > 100"
        raise QuestionError(f"`{text.strip()}` in `{whole}` is no condition", fix=fix)
    return Condition(match[1], match[2] or "", (match[3] or "").strip("\"'"))


def _split(text: str, separator: str) -> list[str]:
    """Splits at a separator outside brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in '"' and depth:
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def quoted(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def sql_of(text: str, table: str = "") -> str:
    """The condition on rows of `events` (called `table` in the query, if it has a name there)."""
    prefix = f"{table}." if table else ""
    return _any([_sql(one, prefix) for one in parse(text)])


def _any(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"


def _sql(one: Events, prefix: str) -> str:
    parts = []
    if one.kind:
        parts.append(f"{prefix}type = {quoted(one.kind)}")
    if one.name:
        parts.append(f"{prefix}name = {quoted(one.name)}")
    parts += [_condition_sql(condition, prefix) for condition in one.where]
    return "(" + " AND ".join(parts) + ")" if len(parts) > 1 else parts[0] if parts else "TRUE"


def property_sql(path: str, prefix: str = "") -> str:
    """The SQL of a property as a text; null where it is not there. Raises QuestionError."""
    if not _PATH.fullmatch(path):
        raise QuestionError(f"`{path}` is no property", fix="such as plan, or context.page.path")
    if path in ("currency", "order_id", "source", "name", "type"):
        return f"{prefix}{path}"
    column, rest = ("context", path[8:]) if path.startswith("context.") else ("properties", path)
    # Engines do not agree on what is missing and what is empty, so an empty text is one that is not there.
    return f"NULLIF(json_extract_string({prefix}{column}, {quoted('$.' + _quoted_path(rest))}), '')"


def _quoted_path(path: str) -> str:
    return ".".join(part if re.fullmatch(r"\w+", part, re.ASCII) else f'"{part}"' for part in path.split("."))


def _condition_sql(condition: Condition, prefix: str) -> str:
    operator, value = condition.operator, condition.value
    number = _number(value)
    if condition.property == "value":
        if not operator:
            return f"{prefix}value IS NOT NULL"
        if number is None or operator == "~":
            raise QuestionError(f"`value` is compared with a number, not with `{value}`")
        return f"{prefix}value {_sign(operator)} {round(number * MICRO)}"
    text = property_sql(condition.property, prefix)
    if not operator:
        return f"{text} IS NOT NULL"
    if operator == "~":
        return f"{text} LIKE {quoted('%' + _escaped(value) + '%')}"
    if operator in ("=", "!="):
        return f"{text} {_sign(operator)} {quoted(value)}"
    if number is None:
        raise QuestionError(f"`{condition.property} {operator}` is compared with a number, not `{value}`")
    return f"TRY_CAST({text} AS DOUBLE) {operator} {number!r}"


def _escaped(value: str) -> str:
    if "%" in value or "_" in value:
        raise QuestionError(f"`~ {value}` cannot look for % or _", fix="leave them out")
    return value


def _sign(operator: str) -> str:
    return "<>" if operator == "!=" else operator


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if found == found and abs(found) < 1e15 else None

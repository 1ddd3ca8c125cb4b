"""Their operators as conditions of ours. A field is a place in a trait or a property; it has one name a type.

Their conditions are true or false. Ours may be unknown, so each translation is made to be true exactly where
theirs is; nothing is ever negated but `exists`, which is never unknown.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sevenfold.workspace import models as m
from tests.peer_cases.outcome import SkipError

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
ORDER = {"gte": ">=", "lt": "<", "gt": ">", "lte": "<=", "eq": "==", "ne": "!=", "not_eq": "!="}
_DATES = {"at_or_after": ">=", "after": ">", "at_or_before": "<=", "before": "<"}


def every(*members: m.Condition) -> m.Condition:
    """All of them; of none: true."""
    return "true" if not members else members[0] if len(members) == 1 else m.Group(all_=list(members))


def either(*members: m.Condition) -> m.Condition:
    """One of them; of none: false."""
    return "false" if not members else members[0] if len(members) == 1 else m.Group(any_=list(members))


def quoted(text: str) -> str:
    """A text constant."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def dotted(first: str, *parts: str) -> str:
    """A name of ours, with odd keys in brackets."""
    plain = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
    return first + "".join(f".{p}" if plain.fullmatch(p) else f"[{quoted(p)}]" for p in parts)


def milliseconds(seconds: Any) -> str:
    """A duration of ours."""
    return f"{round(float(seconds) * 1000)}ms"


def text_form(value: Any) -> str:
    """How a JSON value reads as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, separators=(",", ":"))


@dataclass(frozen=True)
class Field:
    """The names of one place by the type of value they read.

    `number_in_text` reads a text as a number. `age` (time since the date) and `held` (time since the value of
    a type changed) exist for traits only. Functions are called when the name is needed, and declare it.
    """

    text: str
    number: str
    truth: str
    anything: str
    number_in_text: Callable[[], str]
    date: Callable[[], str]
    age: Callable[[], str] | None = None
    held: Callable[[str], str] | None = None


def equal(field: Field, value: Any, also: Callable[[str], m.Condition] | None = None) -> m.Condition:
    """Text forms are equal; `also` adds a condition for each typed name."""
    text = text_form(value)
    typed = [(field.text, quoted(text))]
    if _NUMBER.fullmatch(text):
        typed.append((field.number, text))
    if text in ("true", "false"):
        typed.append((field.truth, text))
    return either(
        *(every(f"{name} == {constant}", *([also(name)] if also else [])) for name, constant in typed)
    )


def different(field: Field, value: Any) -> m.Condition:
    """Missing, or of another text form."""
    text = text_form(value)
    number, truth = field.number, field.truth
    return either(
        f"missing {field.anything}",
        f"{field.text} != {quoted(text)}",
        f"{number} != {text}" if _NUMBER.fullmatch(text) else f"{number} >= 0 or {number} < 0",
        f"{truth} != {text}" if text in ("true", "false") else f"{truth} or not {truth}",
    )


def ordered(field: Field, op: str, value: Any) -> m.Condition:
    """A number against a number; false for everything that is none."""
    try:
        constant = float(value)
    except (TypeError, ValueError):
        return "false"
    if not math.isfinite(constant):
        return "false"
    text = format(constant, "f").rstrip("0").rstrip(".")
    return either(f"{field.number} {ORDER[op]} {text}", f"{field.number_in_text()} {ORDER[op]} {text}")


def condition(field: Field, test: dict[str, Any]) -> m.Condition:
    """The condition of `{"op": ..., ...}` on a field. Raises SkipError for an operator we do not know."""
    op = test["op"]
    if op in ("equals", "eq"):
        return equal(field, test["value"])
    if op in ("not_equals", "ne"):
        return different(field, test["value"])
    if op == "exists":
        return f"exists {field.anything}"
    if op == "not_exists":
        return f"missing {field.anything}"
    if op in ORDER:
        return ordered(field, op, test["value"])
    if op in _DATES:
        return f"{field.date()} {_DATES[op]} {quoted(test['instant'])}"
    if op in ("within_last", "within"):
        if field.age is None:
            raise SkipError("no condition on an event's property is relative to now")
        age = field.age()
        return every(f"{age} >= 0ms", f"{age} < {milliseconds(test['seconds'])}")
    if op == "has_been":
        return _held(field, test)
    raise SkipError(f"unknown operator `{op}`")


def _held(field: Field, test: dict[str, Any]) -> m.Condition:
    if field.held is None:
        raise SkipError("an event's property does not last")
    held, length = field.held, milliseconds(test["seconds"])
    long = test.get("duration", "at_least") in ("at_least", "gte")
    if not long and test["duration"] not in ("less_than", "lt", "under", "at_most", "less"):
        raise SkipError(f"unknown duration `{test['duration']}`")
    sign = ">=" if long else "<"
    return equal(field, test["value"], lambda name: f"{held(name)} {sign} {length}")

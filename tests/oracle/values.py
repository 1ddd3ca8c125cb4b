"""Values and conditions of the reference fold: exact fractions, three truth values, clocks read at a cursor.

A cursor is the key of the operation being handled: ``(due ms, class, subject kind, row, index)``, or
``(t, RECORD)`` for a record. What falls due at key k has happened at cursor c exactly when ``k <= c``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Any

from sevenfold.events.times import parse_ms
from sevenfold.profiles import expressions as ex
from sevenfold.workspace import models

DAY = 86_400_000
MICRO = 1_000_000
EXPIRY, TIMER, DAY_CLOSE, ACCOUNT_TICK, RECORD = range(5)

Cursor = tuple[int, ...]
Place = tuple[int, int, int]
"""Where a signal of a subject stands in the order of operations: (subject kind, row, index)."""
END_OF_TIME = 1 << 62


@dataclass(frozen=True)
class Span:
    """A length of time in ms, such as a session's length."""

    ms: int


@dataclass(frozen=True)
class Date:
    """An instant in a date trait or property, ms UTC."""

    ms: int


@dataclass(frozen=True)
class Clock:
    """Time since (or until) a base instant, as it stands at the cursor ``now``."""

    base: int
    until: bool
    place: Place
    now: Cursor

    def passed(self, ms: int) -> bool:
        """Whether ``x > ms`` holds for time since, or ``x <= ms`` for time until."""
        due = self.base - ms if self.until else self.base + ms
        return (due, TIMER, *self.place) <= self.now

    def at_least(self, ms: int) -> bool:
        """Whether ``x >= ms`` (which is the same as ``x > ms``)."""
        return not self.passed(ms) if self.until else self.passed(ms)


Value = None | bool | str | Fraction | Span | Date | Clock | dict[str, Any] | list[Any]
Lookup = Callable[[ex.Name], Value]


def number(value: Any) -> Fraction | None:
    """A number of an event, rounded half to even to 1e-6; None for bools, NaN and what is beyond 9e12."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value != value or abs(value) > 9_000_000_000_000:
        return None
    return Fraction(round(Fraction(value) * MICRO), MICRO)


def typed(value: Any, kind: str) -> Value:
    """A JSON value as the declared type, or None when it is of another one."""
    if value is None:
        return None
    if kind == "string":
        return value if isinstance(value, str) and value else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "number":
        return number(value)
    if kind == "date":
        ms = None if isinstance(value, bool) else parse_ms(value)
        return None if ms is None else Date(ms)
    return value if isinstance(value, str | bool | dict | list) else number(value)


def bare(value: Any) -> Value:
    """A JSON value by its own type, as ``where`` sees it; null and the empty text are no values."""
    if value == "":
        return None
    return value if isinstance(value, str | bool | dict | list) else number(value)


def shown(value: Fraction) -> Fraction:
    """Rounded down to 1e-6."""
    return Fraction(floor(value * MICRO), MICRO)


# ----------------------------------------------------------------------------------------- conditions


def parse(condition: models.Condition) -> ex.Node:
    """The tree of a workspace condition, whatever form it was written in."""
    if isinstance(condition, str):
        return _parsed(condition)
    if condition.all_ is not None:
        return ex.AllOf(tuple(parse(c) for c in condition.all_))
    if condition.any_ is not None:
        return ex.AnyOf(tuple(parse(c) for c in condition.any_))
    assert condition.not_ is not None
    return ex.NotOf(parse(condition.not_))


@lru_cache(maxsize=10_000)
def _parsed(text: str) -> ex.Node:
    return ex.parse(text)


@lru_cache(maxsize=10_000)
def parse_linear(text: str) -> ex.Linear:
    """The linear form of a formula."""
    return ex.parse_linear(text)


def truth(node: ex.Node, lookup: Lookup) -> bool | None:
    """True, False, or None for unknown."""
    if isinstance(node, ex.AllOf):
        return _both([truth(m, lookup) for m in node.members])
    if isinstance(node, ex.AnyOf):
        return _negate(_both([_negate(truth(m, lookup)) for m in node.members]))
    if isinstance(node, ex.NotOf):
        return _negate(truth(node.member, lookup))
    if isinstance(node, ex.Exists):
        return lookup(node.name) is not None
    if isinstance(node, ex.Truth):
        value = node.operand.value if isinstance(node.operand, ex.Literal) else lookup(node.operand)
        return value if isinstance(value, bool) else None
    if isinstance(node, ex.Member):
        left = lookup(node.left)
        return _negate(_both([_negate(compare("==", left, _constant(v))) for v in node.values]))
    if isinstance(node, ex.TextTest):
        return _text_test(node, lookup(node.left))
    return compare(node.op, _operand(node.left, lookup), _operand(node.right, lookup))


def _both(members: list[bool | None]) -> bool | None:
    if False in members:
        return False
    return None if None in members else True


def _negate(value: bool | None) -> bool | None:
    return None if value is None else not value


def _constant(value: ex.Value) -> Value:
    return Span(value.ms) if isinstance(value, ex.Duration) else value


def _operand(operand: ex.Operand, lookup: Lookup) -> Value:
    if isinstance(operand, ex.Literal):
        return _constant(operand.value)
    if isinstance(operand, ex.Name):
        return lookup(operand)
    return linear(operand, lookup)


def linear(form: ex.Linear, lookup: Lookup) -> Fraction | None:
    """The value of a linear form; unknown if any part is."""
    total = form.constant
    for factor, name in form.terms:
        value = lookup(name)
        if not isinstance(value, Fraction):
            return None
        total += factor * value
    return total


MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def compare(op: str, left: Value, right: Value) -> bool | None:
    """Unknown with an unknown side, or between values of different types."""
    if left is None or right is None:
        return None
    if isinstance(right, Clock):
        left, right, op = right, left, MIRRORED[op]
    if isinstance(left, Clock):
        if not isinstance(right, Span) or op in ("==", "!="):
            return None
        at_least = left.at_least(right.ms)
        return at_least if op in (">", ">=") else not at_least
    if isinstance(left, Date) and isinstance(right, str):
        right = typed(right, "date")
    if isinstance(right, Date) and isinstance(left, str):
        left = typed(left, "date")
    if type(left) is not type(right):
        return None
    if op == "==":
        return left == right
    if op == "!=":
        return left != right
    if isinstance(left, Span | Date) and isinstance(right, Span | Date):
        return _ordered(op, left.ms, right.ms)
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return _ordered(op, left, right)
    return None


def _ordered(op: str, left: Any, right: Any) -> bool:
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op])


def _text_test(node: ex.TextTest, value: Value) -> bool | None:
    if not isinstance(value, str):
        return None
    if node.op == "contains":
        return node.text in value
    if node.op == "starts_with":
        return value.startswith(node.text)
    if node.op == "ends_with":
        return value.endswith(node.text)
    return _glob(node.text, value)


def _glob(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_glob(pattern[1:], text[i:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and _glob(pattern[1:], text[1:])


def durations(node: ex.Node) -> Iterator[tuple[ex.Name, int]]:
    """Every (name, ms) of a comparison between a name and a duration: the thresholds of clocks."""
    if isinstance(node, ex.AllOf | ex.AnyOf):
        for member in node.members:
            yield from durations(member)
    elif isinstance(node, ex.NotOf):
        yield from durations(node.member)
    elif isinstance(node, ex.Compare):
        for name, other in ((node.left, node.right), (node.right, node.left)):
            span = other.value if isinstance(other, ex.Literal) else None
            if isinstance(name, ex.Name) and isinstance(span, ex.Duration):
                yield name, span.ms

"""Conditions on an event's own values (`where`), compiled to expressions over its decoded properties.

A property's type is whatever the client sent, so each comparison first asks for the type of its constant:
values of
different types are neither equal nor different but unknown, and unknown does not match.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from msgspec import UNSET

from ..events.times import parse_ms
from . import expressions as x
from .build import Environment, conjunction, disjunction, expression
from .conditions import NEGATED, ConditionError, Pair, date_ms, text_test

Reader = Callable[[x.Name], ast.expr]


def dig(value: Any, path: tuple[str, ...]) -> Any:
    """The value at a path inside nested objects; UNSET when there is none."""
    for part in path:
        if value.__class__ is not dict:
            return UNSET
        value = value.get(part, UNSET)
    return value


def micro(value: Any) -> int | None:
    """A JSON number in 1e-6 units, rounded half to even; None for anything else."""
    if value.__class__ is int:
        scaled: int = value * 1_000_000
        return scaled if -9_000_000_000_000_000_000 <= scaled <= 9_000_000_000_000_000_000 else None
    if value.__class__ is float and -9e12 <= value <= 9e12:
        return round(value * 1e6)
    return None


def present(value: Any) -> bool:
    """Whether a client sent a value at all: null and the empty text are none."""
    return value is not UNSET and value is not None and value != ""


class Where:
    """Compiles `where` conditions; `reader` turns a name into the expression that reads it."""

    def __init__(self, env: Environment, reader: Reader) -> None:
        self.env = env
        self.reader = reader
        self._present = env.bind(present, "present")
        self._date = env.bind(parse_ms, "date")

    def truth(self, node: x.Node) -> Pair:
        """The expressions "is true" and "is false" over the event's locals."""
        if isinstance(node, x.AllOf):
            pairs = [self.truth(m) for m in node.members]
            return conjunction(t for t, _ in pairs), disjunction(f for _, f in pairs)
        if isinstance(node, x.AnyOf):
            pairs = [self.truth(m) for m in node.members]
            return disjunction(t for t, _ in pairs), conjunction(f for _, f in pairs)
        if isinstance(node, x.NotOf):
            true, false = self.truth(node.member)
            return false, true
        if isinstance(node, x.Exists):
            there = expression("P(V)", P=self._present, V=self.reader(node.name))
            return there, expression("not P(V)", P=self._present, V=self.reader(node.name))
        if isinstance(node, x.Truth):
            if isinstance(node.operand, x.Literal):
                return ast.Constant(node.operand.value is True), ast.Constant(node.operand.value is False)
            return self._compare("==", self.reader(node.operand), True)
        if isinstance(node, x.Member):
            pairs = [self._compare("==", self.reader(node.left), v) for v in node.values]
            return disjunction(t for t, _ in pairs), conjunction(f for _, f in pairs)
        if isinstance(node, x.TextTest):
            test = self.env.bind(text_test(node.op, node.text), node.op)
            value = self.reader(node.left)
            true = expression("V.__class__ is str and TEST(V)", V=value, TEST=test)
            return true, expression("V.__class__ is str and not TEST(V)", V=value, TEST=test)
        return self._comparison(node)

    def _comparison(self, node: x.Compare) -> Pair:
        op, left, right = node.op, node.left, node.right
        if isinstance(left, x.Literal) and isinstance(right, x.Name):
            op = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(op, op)
            left, right = right, left
        if not isinstance(left, x.Name) or not isinstance(right, x.Literal):
            raise ConditionError("a `where` compares one property with one constant")
        return self._compare(op, self.reader(left), right.value)

    def _compare(self, op: str, value: ast.expr, constant: x.Value) -> Pair:
        if isinstance(constant, bool):
            pair = expression("V is C", V=value, C=constant), expression("V is C", V=value, C=not constant)
            if op not in ("==", "!="):
                raise ConditionError("true and false are compared with == or !=")
            return pair if op == "==" else (pair[1], pair[0])
        if isinstance(constant, str):
            if op in ("==", "!="):
                equal = expression("V == C", V=value, C=constant)
                other = expression("V.__class__ is str and V != C", V=value, C=constant)
                return (equal, other) if op == "==" else (other, equal)
            return self._dates(op, value, date_ms(constant))
        number = constant.ms if isinstance(constant, x.Duration) else constant
        exact = int(number) if isinstance(number, int) or number.denominator == 1 else float(Fraction(number))
        typed = expression("V.__class__ is int or V.__class__ is float", V=value)
        plain = ast.Constant(exact)
        true = conjunction([typed, expression(f"V {op} C", V=value, C=plain)])
        return true, conjunction([typed, expression(f"V {NEGATED[op]} C", V=value, C=plain)])

    def _dates(self, op: str, value: ast.expr, at: int) -> Pair:
        known = expression("DATE(V) is not None", DATE=self._date, V=value)
        true = conjunction([known, expression(f"DATE(V) {op} C", DATE=self._date, V=value, C=at)])
        return true, conjunction(
            [known, expression(f"DATE(V) {NEGATED[op]} C", DATE=self._date, V=value, C=at)]
        )

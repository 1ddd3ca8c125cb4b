"""Conditions compiled to three-valued Python expressions over columns.

Each condition becomes two expressions, "is true" and "is false"; when neither holds it is unknown. Sentinels
are the smallest integers of their column, so `x >= 3` needs no test for unknown at all.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Protocol

from ..errors import SevenfoldError
from ..events.times import parse_ms
from . import expressions as x
from .build import Environment, conjunction, disjunction, expression, name
from .slots import SCALE, Slot


class ConditionError(SevenfoldError):
    """A condition cannot be compiled as it stands."""

    code = "bad_condition"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name leads: a slot, and whether it is read through the person's account."""

    slot: Slot
    via_account: bool


class Resolver(Protocol):
    """Finds the slot behind a name for one kind of subject."""

    def place(self, name: x.Name) -> Place: ...

    @property
    def account_of(self) -> str: ...

    @property
    def closed(self) -> str: ...


Pair = tuple[ast.expr, ast.expr]
NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
SWAPPED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


@lru_cache(maxsize=4096)
def glob(pattern: str) -> Callable[[str], bool]:
    """A matcher for a glob of `*` and `?`, linear in the text's length."""
    parts = pattern.split("*")

    def like(text: str, part: str, at: int) -> bool:
        return len(text) - at >= len(part) and all(c in ("?", text[at + i]) for i, c in enumerate(part))

    def matches(text: str) -> bool:
        if not like(text, parts[0], 0):
            return False
        if len(parts) == 1:
            return len(text) == len(parts[0])
        at = len(parts[0])
        for part in parts[1:-1]:
            while at + len(part) <= len(text) and not like(text, part, at):
                at += 1
            if at + len(part) > len(text):
                return False
            at += len(part)
        end = len(text) - len(parts[-1])
        return end >= at and like(text, parts[-1], end)

    return matches


def text_test(op: str, text: str) -> Callable[[str], bool]:
    """The predicate of `contains`, `starts_with`, `ends_with` or `matches`."""
    if op == "contains":
        return lambda value: text in value
    if op == "starts_with":
        return lambda value: value.startswith(text)
    if op == "ends_with":
        return lambda value: value.endswith(text)
    return glob(text)


def whole(op: str, value: Fraction) -> tuple[str, int] | None:
    """`x op value` for an integer x as an integer comparison; None when it is never true (== a fraction)."""
    if value.denominator == 1:
        return op, int(value)
    if op in ("==", "!="):
        return None
    return (op, ceil(value)) if op in ("<", ">=") else (op, floor(value))


class Conditions:
    """Compiles the conditions of one kind of subject."""

    def __init__(self, env: Environment, resolver: Resolver) -> None:
        self.env = env
        self.resolver = resolver

    # ----------------------------------------------------------------------------------------- phase 1: watch

    def watch(self, node: x.Node, mask: int) -> None:
        """Registers `mask` (nodes of this kind) with everything the condition reads."""
        if isinstance(node, (x.AllOf, x.AnyOf)):
            for member in node.members:
                self.watch(member, mask)
        elif isinstance(node, x.NotOf):
            self.watch(node.member, mask)
        elif isinstance(node, x.Compare):
            self._watch_compare(node, mask)
        else:
            for each in x.names(node):
                self.watch_name(each, mask)

    def watch_name(self, at: x.Name, mask: int) -> None:
        """Registers `mask` with every change of a name's value."""
        place = self.resolver.place(at)
        clock = place.slot.clock
        if clock is not None:
            if place.via_account:
                clock.member_known |= mask
            else:
                clock.known |= mask
            return
        watch = place.slot.members if place.via_account else place.slot.own
        watch.always |= mask

    def _watch_compare(self, node: x.Compare, mask: int) -> None:
        simple = self._simple(node)
        if simple is None:
            for each in x.names(node):
                self.watch_name(each, mask)
            return
        op, left, value = simple
        place = self.resolver.place(left)
        slot = place.slot
        if slot.clock is not None:
            slot.clock.watch(self._milliseconds(node, value), mask, place.via_account)
            return
        watch = slot.members if place.via_account else slot.own
        if slot.type in SCALE:
            number = whole(op, self._number(slot, value, node) * SCALE[slot.type])
            if number is not None:
                exact, at = number
                for cut in {"<": (at,), ">=": (at,), ">": (at + 1,), "<=": (at + 1,)}.get(
                    exact, (at, at + 1)
                ):
                    watch.cut(cut, mask)
        else:
            watch.always |= mask

    # --------------------------------------------------------------------------------------- phase 2: compile

    def truth(self, node: x.Node) -> Pair:
        """The expressions "is true" and "is false" over the local `row`."""
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
            known = self.known(self.resolver.place(node.name))
            return known, expression("not KNOWN", KNOWN=known)
        if isinstance(node, x.Truth):
            return self._truth_of(node.operand)
        if isinstance(node, x.Member):
            pairs = [self._compare("==", node.left, v, node) for v in node.values]
            return disjunction(t for t, _ in pairs), conjunction(f for _, f in pairs)
        if isinstance(node, x.TextTest):
            return self._text_test(node)
        simple = self._simple(node)
        return self._compare(*simple, node) if simple is not None else self._linear(node)

    def value(self, place: Place) -> ast.expr:
        """The slot's stored integer for the local `row`."""
        column = place.slot.shadow if place.via_account else place.slot.column
        return expression("COLUMN[ROW]", COLUMN=name(column), ROW=self._row(place))

    def known(self, place: Place) -> ast.expr:
        """Whether the slot has a value for the local `row`."""
        slot, row = place.slot, self._row(place)
        guard = self._guard(place)
        if slot.clock is not None:
            column = slot.clock.shadow_base if place.via_account else slot.clock.base
            base = expression(
                "COLUMN[ROW] != UNSET", COLUMN=name(column), ROW=row, UNSET=slot.clock.base_unknown
            )
            return conjunction([*guard, base])
        if slot.unknown is None or slot.bit:
            return conjunction(guard)
        return expression("VALUE != UNSET", VALUE=self.value(place), UNSET=slot.unknown)

    def _row(self, place: Place) -> ast.expr:
        if place.via_account:
            return expression("ACCOUNT[row]", ACCOUNT=name(self.resolver.account_of))
        return name("row")

    def _guard(self, place: Place) -> list[ast.expr]:
        # Without an account, or before its first tick, counts and segments read 0: they must be unknown
        # instead.
        if place.via_account and (place.slot.unknown is None or place.slot.bit):
            return [
                expression(
                    "CLOSED[ACCOUNT[row]]",
                    CLOSED=name(self.resolver.closed),
                    ACCOUNT=name(self.resolver.account_of),
                )
            ]
        return []

    def _truth_of(self, operand: x.Name | x.Literal) -> Pair:
        if isinstance(operand, x.Literal):
            return ast.Constant(operand.value is True), ast.Constant(operand.value is False)
        place = self.resolver.place(operand)
        slot = place.slot
        if slot.bit:
            member = expression("(VALUE & BIT) != 0", VALUE=self.value(place), BIT=slot.bit)
            outside = expression("(VALUE & BIT) == 0", VALUE=self.value(place), BIT=slot.bit)
            return conjunction([*self._guard(place), member]), conjunction([*self._guard(place), outside])
        if slot.type != "boolean":
            raise ConditionError(
                f"`{operand}` is not true or false but a {slot.type}; compare it with a value"
            )
        return expression("VALUE == 2", VALUE=self.value(place)), expression(
            "VALUE == 1", VALUE=self.value(place)
        )

    def _simple(self, node: x.Compare) -> tuple[str, x.Name, x.Value] | None:
        if isinstance(node.left, x.Name) and isinstance(node.right, x.Literal):
            return node.op, node.left, node.right.value
        if isinstance(node.right, x.Name) and isinstance(node.left, x.Literal):
            return SWAPPED[node.op], node.right, node.left.value
        return None

    def _compare(self, op: str, left: x.Name, value: x.Value, node: x.Node) -> Pair:
        place = self.resolver.place(left)
        slot = place.slot
        if slot.clock is not None:
            return self._clock(op, place, self._milliseconds(node, value))
        if slot.type == "boolean" or slot.bit:
            return self._boolean(op, left, value)
        if slot.type == "text":
            return self._text(op, place, value)
        if slot.type == "json":
            raise ConditionError(f"`{left}` holds JSON and cannot be compared")
        number = whole(op, self._number(slot, value, node) * SCALE[slot.type])
        if number is None:
            known = self.known(place)
            return (ast.Constant(False), known) if op == "==" else (known, ast.Constant(False))
        exact, k = number
        return self._integer(exact, place, k), self._integer(NEGATED[exact], place, k)

    def _integer(self, op: str, place: Place, k: int) -> ast.expr:
        value, unknown = self.value(place), place.slot.unknown
        if unknown is not None and op in ("<", "<=", "!="):
            made = expression(f"UNSET < VALUE {op} K", UNSET=unknown, VALUE=value, K=k)
        else:
            made = expression(f"VALUE {op} K", VALUE=value, K=k)
        return conjunction([*self._guard(place), made])

    def _text(self, op: str, place: Place, value: x.Value) -> Pair:
        if op not in ("==", "!="):
            raise ConditionError(f"`{place.slot.label}` is a text; compare it with == or !=")
        if not isinstance(value, str):
            return ast.Constant(False), ast.Constant(False)
        code = place.slot.code_of(value)
        equal = expression("VALUE == CODE", VALUE=self.value(place), CODE=code)
        # Codes 0 (unknown) and 1 (other) are neither equal nor different; fixed sets of names have no
        # "other".
        least = 0 if place.slot.codes is not None else 1
        other = expression("LEAST < VALUE != CODE", LEAST=least, VALUE=self.value(place), CODE=code)
        return (equal, other) if op == "==" else (other, equal)

    def _boolean(self, op: str, left: x.Name, value: x.Value) -> Pair:
        if op not in ("==", "!=") or not isinstance(value, bool):
            if not isinstance(value, bool):
                return ast.Constant(False), ast.Constant(False)
            raise ConditionError(f"`{left}` is true or false; compare it with == or !=")
        true, false = self._truth_of(left)
        return (true, false) if (op == "==") == value else (false, true)

    def _clock(self, op: str, place: Place, duration: int) -> Pair:
        if op in ("==", "!="):
            raise ConditionError(f"`{place.slot.label}` is a time; compare it with < or >")
        clock = place.slot.clock
        assert clock is not None
        column = clock.shadow_level if place.via_account else clock.level
        level = expression("LEVEL[ROW]", LEVEL=name(column), ROW=self._row(place))
        passed = expression("AT >= N", AT=level, N=clock.passed(duration))
        running = conjunction([self.known(place), expression("AT < N", AT=level, N=clock.passed(duration))])
        turned = op in ((">", ">=") if not clock.backward else ("<", "<="))
        return (passed, running) if turned else (running, passed)

    def _text_test(self, node: x.TextTest) -> Pair:
        place = self.resolver.place(node.left)
        slot = place.slot
        if slot.type != "text":
            raise ConditionError(f"`{node.left}` is a {slot.type}, and `{node.op}` needs a text")
        predicate = text_test(node.op, node.text)
        if slot.codes is not None:
            accepted = frozenset(code for text, code in slot.codes.items() if predicate(text))
            true = expression("VALUE in SET", VALUE=self.value(place), SET=self.env.bind(accepted, "codes"))
            false = expression(
                "0 < VALUE not in SET", VALUE=self.value(place), SET=self.env.bind(accepted, "codes")
            )
            return true, false
        assert slot.dictionary is not None
        texts = slot.dictionary.texts
        memo: dict[int, bool] = {0: False, 1: False}

        def holds(code: int) -> bool:
            found = memo.get(code)
            if found is None:
                found = memo[code] = predicate(texts[code] or "")
            return found

        test = self.env.bind(holds, f"{node.op}_{slot.label}")
        value = self.value(place)
        true = expression("TEST(VALUE)", TEST=test, VALUE=value)
        return true, expression("VALUE > 1 and not TEST(VALUE)", TEST=test, VALUE=value)

    def _linear(self, node: x.Compare) -> Pair:
        terms: dict[tuple[str, ...], Fraction] = {}
        constant = Fraction(0)
        for side, sign in ((node.left, 1), (node.right, -1)):
            if isinstance(side, x.Name):
                terms[side.parts] = terms.get(side.parts, Fraction(0)) + sign
            elif isinstance(side, x.Linear):
                constant += sign * side.constant
                for k, at in side.terms:
                    terms[at.parts] = terms.get(at.parts, Fraction(0)) + sign * k
            elif isinstance(side.value, Fraction):
                constant += sign * side.value
            else:
                raise ConditionError("texts and durations cannot be added to numbers")
        places = [(self.resolver.place(x.Name(parts)), k) for parts, k in terms.items()]
        for place, _ in places:
            if place.slot.type not in SCALE or place.slot.clock is not None:
                raise ConditionError(f"`{place.slot.label}` is a {place.slot.type}, not a number")
        # In one common unit: the least multiple of all denominators after dividing each column by its scale.
        factors = [k / SCALE[place.slot.type] for place, k in places]
        common = 1
        for f in [*factors, constant]:
            common = common * f.denominator // _gcd(common, f.denominator)
        total: ast.expr = ast.Constant(int(constant * common))
        for (place, _), f in zip(places, factors, strict=True):
            total = expression("A + K * V", A=total, K=int(f * common), V=self.value(place))
        known = conjunction(self.known(place) for place, _ in places)
        true = conjunction([known, expression(f"T {node.op} 0", T=total)])
        return true, conjunction([known, expression(f"T {NEGATED[node.op]} 0", T=total)])

    def _number(self, slot: Slot, value: x.Value, node: x.Node) -> Fraction:
        if slot.type == "duration" and isinstance(value, x.Duration):
            return Fraction(value.ms)
        if slot.type == "date" and isinstance(value, str):
            return Fraction(date_ms(value))
        if not isinstance(value, Fraction):
            raise ConditionError(f"`{slot.label}` is a {slot.type}; compare it with a number")
        return value

    @staticmethod
    def _milliseconds(node: x.Node, value: x.Value) -> int:
        if isinstance(value, x.Duration):
            return value.ms
        if value == 0 and not isinstance(value, bool):
            return 0
        raise ConditionError("a time is compared with a duration such as 14d")


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


def date_ms(text: str) -> int:
    """UTC milliseconds of an ISO date or date-time (without a zone: UTC). Raises ConditionError."""
    at = parse_ms(text)
    if at is None:
        raise ConditionError(f"`{text}` is not an ISO date such as 2026-03-31")
    return at

"""What can be proven about a condition without looking at anybody: that it always holds, or never can.

Only what follows from the words is claimed: constants, counts that are never below 0, and members of an `and`
that contradict each other. Everything else may be true, false or unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from ..profiles import expressions as x

Counts = Callable[[x.Name], bool]
"""Whether a name is a count: never unknown and never below 0."""
Plain = Fraction | str | bool
"""A constant; a time in ms."""
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def always(node: x.Node, counts: Counts) -> bool:
    """Whether the condition is certainly true, of everybody and at any time."""
    return _must(node, True, counts)


def never(node: x.Node, counts: Counts) -> bool:
    """Whether the condition can never be true."""
    return _cannot(node, True, counts)


def implies(stronger: x.Node, weaker: x.Node) -> bool:
    """Whether the second is true whenever the first is, by having no part that the first lacks."""
    return set(_parts(weaker)) <= set(_parts(stronger))


def _parts(node: x.Node) -> Iterator[x.Node]:
    """The members of an `and`, also of one inside another."""
    if isinstance(node, x.AllOf):
        for member in node.members:
            yield from _parts(member)
    else:
        yield node


def _must(node: x.Node, want: bool, counts: Counts) -> bool:
    match node:
        case x.NotOf(member):
            return _must(member, not want, counts)
        case x.AllOf(members) | x.AnyOf(members):
            every = all if isinstance(node, x.AllOf) == want else any
            return every(_must(member, want, counts) for member in members)
        case x.Truth(x.Literal(value)):
            return value is want
        case x.Exists(name):
            return want and counts(name)
        case x.Compare():
            return _of_count(node, counts) is want
    return False


def _cannot(node: x.Node, want: bool, counts: Counts) -> bool:
    match node:
        case x.NotOf(member):
            return _cannot(member, not want, counts)
        case x.AllOf(members) | x.AnyOf(members):
            every = any if isinstance(node, x.AllOf) == want else all
            if every(_cannot(member, want, counts) for member in members):
                return True
            return want and isinstance(node, x.AllOf) and _contradictory(list(_parts(node)))
    return _must(node, not want, counts)


def _of_count(node: x.Compare, counts: Counts) -> bool | None:
    """What a comparison of a count with a number below 0, or with 0, says of all counts."""
    found = _bound(node)
    if found is None:
        return None
    name, op, value = found
    if not isinstance(value, Fraction) or not counts(name):
        return None
    if value < 0:
        return op in (">", ">=", "!=")
    if value == 0 and op in (">=", "<"):
        return op == ">="
    return None


def _bound(node: x.Node) -> tuple[x.Name, str, Plain] | None:
    """A comparison of a name with a constant: (name, operator, constant in ms where it is a time)."""
    if not isinstance(node, x.Compare):
        return None
    left, op, right = node.left, node.op, node.right
    if isinstance(left, x.Literal):
        left, op, right = right, _MIRRORED[op], left
    if not isinstance(left, x.Name) or not isinstance(right, x.Literal):
        return None
    value = right.value
    return left, op, Fraction(value.ms) if isinstance(value, x.Duration) else value


def _contradictory(parts: list[x.Node]) -> bool:
    """Whether members of an `and` exclude each other."""
    said = {part.member for part in parts if isinstance(part, x.NotOf)}
    if any(part in said for part in parts):
        return True
    allowed: dict[x.Name, set[tuple[type, Plain]]] = {}
    refused: dict[x.Name, set[tuple[type, Plain]]] = {}
    low: dict[x.Name, tuple[Fraction, bool]] = {}
    high: dict[x.Name, tuple[Fraction, bool]] = {}
    for part in parts:
        inner, positive = (part.member, False) if isinstance(part, x.NotOf) else (part, True)
        if isinstance(inner, x.Member):
            _meet(allowed, refused, inner.left, {_told(value) for value in inner.values}, positive)
        found = _bound(part)
        if found is None:
            continue
        name, op, value = found
        if op in ("==", "!="):
            _meet(allowed, refused, name, {_told(value)}, op == "==")
        elif isinstance(value, Fraction) and op in (">", ">="):
            low[name] = max(low.get(name, (value, False)), (value, op == ">"))
        elif isinstance(value, Fraction):
            # Of two equal bounds the one that leaves the value out is the narrower.
            narrow = (value, op == "<")
            wide = high.get(name, narrow)
            high[name] = min(narrow, wide, key=lambda bound: (bound[0], not bound[1]))
    for name, values in allowed.items():
        left = values - refused.get(name, set())
        if not any(_within(value, low.get(name), high.get(name)) for _, value in left):
            return True
    return any(_empty(low[name], high[name]) for name in low if name in high)


def _meet(
    allowed: dict[x.Name, set[tuple[type, Plain]]],
    refused: dict[x.Name, set[tuple[type, Plain]]],
    name: x.Name,
    values: set[tuple[type, Plain]],
    positive: bool,
) -> None:
    if not positive:
        refused.setdefault(name, set()).update(values)
    elif name in allowed:
        allowed[name] &= values
    else:
        allowed[name] = set(values)


def _told(value: x.Value) -> tuple[type, Plain]:
    """A constant with its type, as values of different types are never equal."""
    plain = Fraction(value.ms) if isinstance(value, x.Duration) else value
    return type(plain), plain


def _within(value: Plain, low: tuple[Fraction, bool] | None, high: tuple[Fraction, bool] | None) -> bool:
    if not isinstance(value, Fraction):
        return True
    above = low is None or value > low[0] or (value == low[0] and not low[1])
    below = high is None or value < high[0] or (value == high[0] and not high[1])
    return above and below


def _empty(low: tuple[Fraction, bool], high: tuple[Fraction, bool]) -> bool:
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))


__all__ = ["Counts", "always", "implies", "never"]

"""Signals computed from other values: ratio, formula, score history and an account's roll-up over its
members.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import numpy as np

from ...workspace import models as m
from .. import expressions as x
from ..build import assigning, code, expression, name
from ..columns import COUNT, UNKNOWN, Array
from ..conditions import Place
from ..slots import SCALE, Slot
from .base import SignalKind


class LinkedKind(SignalKind):
    """A value kept by a node: whenever something it reads changes, the unit evaluates `node` in its order."""

    node: Any

    def declare(self) -> None:
        self.values = self.column(empty=UNKNOWN)
        self.slot = self.make_slot(self.values, "number", unknown=UNKNOWN)
        self.bit = self.unit.node(self._node)

    def sources(self) -> list[str]:
        raise AssertionError

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)
        self.unit.define(
            self.bit,
            f"computed_{self.label}",
            lambda rare: code(
                "o = COL[row]\nVALUE\nif o != n:\n    COL[row] = n\n    CHANGE",
                COL=name(self.values.name),
                VALUE=assigning(self._body()),
                CHANGE=self.change(self.slot, "o", "n"),
            ),
            self.slot.reach,
        )

    def watch(self) -> None:
        """Asks to be evaluated when a source changes."""
        for source in self.sources():
            self.unit.conditions.watch_name(x.Name(tuple(source.split("."))), self.bit)

    def _body(self) -> list[ast.stmt]:
        raise AssertionError

    def _read(self, local: str, place: Place) -> list[ast.stmt]:
        """Reads a value into a local; when it is unknown, so is the answer."""
        conditions, slot = self.unit.conditions, place.slot
        read = code("LOCAL = V", LOCAL=name(local), V=conditions.value(place))
        if place.via_account or slot.clock is not None:
            known = conditions.known(place)
            return [*code("if not KNOWN:\n    return UNSET", KNOWN=known, UNSET=UNKNOWN), *read]
        if slot.unknown is None:
            return read
        test = expression("LOCAL == NONE", LOCAL=name(local), NONE=slot.unknown)
        return [*read, *code("if TEST:\n    return UNSET", TEST=test, UNSET=UNKNOWN)]

    def _node(self, row: int, t: int) -> int:
        """Replaced by a generated function when compiled."""
        raise AssertionError("not compiled")

    def merge(self, winner: int, loser: int, t: int) -> None:
        """Evaluated again with everything else after the merge."""


class RatioKind(LinkedKind):
    """One signal over another in 1e-6, rounded down."""

    model: m.Ratio

    def sources(self) -> list[str]:
        return [self.model.numerator, self.model.denominator]

    def _body(self) -> list[ast.stmt]:
        above, below = (self.unit.place(x.Name(tuple(s.split(".")))) for s in self.sources())
        factor = Fraction(1_000_000 * SCALE[below.slot.type], SCALE[above.slot.type])
        return [
            *self._read("x", above),
            *self._read("y", below),
            *code(
                "if y == 0:\n    return UNSET\nreturn A // B",
                UNSET=UNKNOWN,
                A=_times("x", factor.numerator),
                B=_times("y", factor.denominator),
            ),
        ]


class FormulaKind(LinkedKind):
    """A linear combination in 1e-6, rounded down."""

    model: m.Formula

    def sources(self) -> list[str]:
        return [str(n) for _, n in x.parse_linear(self.model.formula).terms]

    def _body(self) -> list[ast.stmt]:
        linear = x.parse_linear(self.model.formula)
        common, factors = 1, []
        for k, at in linear.terms:
            place = self.unit.place(at)
            factors.append((place, k * 1_000_000 / SCALE[place.slot.type]))
        constant = linear.constant * 1_000_000
        for f in [constant, *(f for _, f in factors)]:
            common = common * f.denominator // _gcd(common, f.denominator)
        total: ast.expr = ast.Constant(int(constant * common))
        body: list[ast.stmt] = []
        for number, (place, f) in enumerate(factors):
            body += self._read(f"x{number}", place)
            total = expression("A + B", A=total, B=_times(f"x{number}", int(f * common)))
        body += code("n = T // COMMON", T=total, COMMON=common)
        if self.model.at_least is not None:
            body += code("if n < LEAST:\n    return LEAST", LEAST=round(self.model.at_least * 1_000_000))
        return body + code("return n")


def _times(local: str, factor: int) -> ast.expr:
    return name(local) if factor == 1 else expression("V * K", V=name(local), K=factor)


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


class ScoreHistoryKind(SignalKind):
    """A fact about a score's closed days; written by the day close (lifecycle.history)."""

    model: m.ScoreHistory

    def declare(self) -> None:
        self.values = self.column(empty=UNKNOWN)
        # Slopes are in 1e-6 points a day; minimum and change are points like the score itself.
        type_ = "number" if self.model.measure == "slope" else "score"
        self.slot = self.make_slot(self.values, type_, unknown=UNKNOWN)
        self.weighs: list[Callable[[Array], Array]] = []
        """Of each score that measures it: for whom of some rows it weighs anything."""
        self.unit.score_histories.append(self)

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)

    def concerning(self, new: Array, rows: Array) -> Array:
        """Of `rows` (numbers), for whom the change from the present values to `new` concerns somebody
        (booleans).
        """
        old = self.values.data[rows]
        changed: Array = old != new
        watch = self.slot.own
        if watch.always or self.slot.members:
            return changed
        found: Array = np.zeros(len(rows), bool)
        if watch.cuts:
            found |= changed & ((old == UNKNOWN) | (new == UNKNOWN))
        for cut in watch.cuts:
            found |= (old < cut) != (new < cut)
        for weighs in self.weighs:
            found |= changed & weighs(rows)
        return found

    def take(self, row: int, new: int) -> int:
        """The close found another value."""
        values = self.data(self.values)
        old = values[row]
        if old == new:
            return 0
        values[row] = new
        return self._changed(row, old, new)


class RollupKind(SignalKind):
    """An account's total over its members, or over its child accounts; shown from the next tick on.

    Sums, counts and means over members are running totals kept by differences (`moved`). Minimum, maximum,
    weighted and
    child-account roll-ups look at their members anew when the account closes and one of them has moved
    (`rescan`).
    """

    model: m.Rollup

    def declare(self) -> None:
        aggregate = self.model.aggregate
        self.of_accounts = self.model.over == "accounts"
        self.scans = self.of_accounts or self.model.weight is not None or aggregate in ("min", "max")
        whole = aggregate in ("sum", "count")
        # Heads are few, everything else needs 64 bits.
        width = COUNT if aggregate == "count" and self.model.weight is None else "int64"
        self.values = self.column(dtype=width, empty=0 if whole else UNKNOWN)
        self.totals = None if self.scans else self.column(".total", width)
        self.entries = self.column(".known", "int32") if aggregate == "average" and not self.scans else None
        self.member: Any = self.unit if self.of_accounts else self.unit.host.units[m.PERSON]
        if self.model.signal is not None:
            self.source: Slot = self.member.place(x.Name(tuple(self.model.signal.split(".")))).slot
        else:
            assert self.model.when is not None
            self.source = cast("Any", self.member).hidden_segment(self.model.when)
        fine = aggregate == "average" or self.model.weight is not None
        type_ = "number" if fine else "count" if aggregate == "count" else self.source.type
        # Means and weighted sums are in 1e-6 whatever they are of; totals keep the unit of what they add up.
        self.factor = 1_000_000 // SCALE[self.source.type] if fine and not self.source.bit else 1
        self.slot = self.make_slot(self.values, type_, unknown=None if whole else UNKNOWN)
        self.index = len(self.unit.rollups)
        self.unit.rollups.append(self)
        self.source.direct.append(self._emit)
        self.weight: Slot | None = None

    def link(self) -> None:
        if self.model.weight is not None:
            self.weight = self.member.place(x.Name(("trait", self.model.weight.removeprefix("trait.")))).slot
            self.weight.direct.append(self._emit)

    def _emit(self, old: ast.expr, new: ast.expr) -> list[ast.stmt]:
        if self.of_accounts:
            return code(
                "if PARENT[row]:\n    RESCAN(INDEX, PARENT[row])",
                PARENT=name(self.unit.parent_of),
                RESCAN=name("rescan"),
                INDEX=self.index,
            )
        account = name(self.member.account_of)
        if self.scans:
            return code(
                "if ACCOUNT[row]:\n    ROLL(INDEX, row)",
                ACCOUNT=account,
                ROLL=name("rescan_of"),
                INDEX=self.index,
            )
        return code(
            "if ACCOUNT[row]:\n    ROLL(INDEX, row, OLD, NEW)",
            ACCOUNT=account,
            ROLL=name("roll"),
            INDEX=self.index,
            OLD=old,
            NEW=new,
        )

    def share(self, row: int) -> int | None:
        """What a member contributes now: an int in the roll-up's units, None when unknown."""
        return self.of_value(self.unit.env.scope[self.source.column][row])

    def of_value(self, value: int) -> int | None:
        """The contribution of a stored value."""
        slot = self.source
        if slot.bit:
            return 1 if value & slot.bit else 0
        return None if slot.unknown is not None and value == slot.unknown else value * self.factor

    def moved(self, account: int, old: int | None, new: int | None, weight: int = 1) -> None:
        """A member's contribution went from `old` to `new` (None: unknown, or not a member)."""
        if self.totals is not None:
            total = self.data(self.totals)[account] + weight * ((new or 0) - (old or 0))
            self.put(self.totals, account, total)
        if self.entries is not None:
            self.data(self.entries)[account] += weight * ((new is not None) - (old is not None))

    def show_tick(self, account: int) -> int:
        """At the account's tick: the total becomes the value conditions see."""
        new = self._scanned(account) if self.scans else self._running(account)
        values = self.data(self.values)
        old = values[account]
        if old == new:
            return 0
        self.put(self.values, account, new)
        return self._changed(account, old, new)

    def _running(self, account: int) -> int:
        assert self.totals is not None
        total = self.data(self.totals)[account]
        if self.entries is None:
            return int(total)
        entries = self.data(self.entries)[account]
        return UNKNOWN if entries == 0 else int(total // entries)

    def _scanned(self, account: int) -> int:
        rows = self.unit.child_rows(account) if self.of_accounts else self.unit.member_rows(account)
        shares = [(share, self._weight(row)) for row in rows if (share := self.share(row)) is not None]
        aggregate = self.model.aggregate
        if aggregate in ("min", "max"):
            found = [share for share, _ in shares]
            return (max(found) if aggregate == "max" else min(found)) if found else UNKNOWN
        if self.weight is None:
            total = sum(share for share, _ in shares)
            return total if aggregate != "average" else total // len(shares) if shares else UNKNOWN
        # Weights are numbers in 1e-6; members without one weigh nothing.
        total = sum(share * weight for share, weight in shares)
        if aggregate == "average":
            whole = sum(weight for _, weight in shares)
            return total // whole if whole else UNKNOWN
        return total if self.source.bit else total // 1_000_000

    def _weight(self, row: int) -> int:
        if self.weight is None:
            return 1
        value: int = self.unit.env.scope[self.weight.column][row]
        return 0 if value == UNKNOWN else value

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)


KINDS: dict[type, Any] = {
    m.Ratio: RatioKind,
    m.Formula: FormulaKind,
    m.ScoreHistory: ScoreHistoryKind,
    m.Rollup: RollupKind,
}

"""Measures of a score: what one signal, condition or text is worth, from 0 to 100, in 1/1000 point.

A measure over one stored value has neither column nor node: whoever changes the value adds the difference to
the score's sums on the spot. Others keep their value and look again when something they read has changed.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SevenfoldError
from ..profiles import expressions as x
from ..profiles.build import assigning, code, expression, name
from ..profiles.columns import UNKNOWN32, Array
from ..profiles.signals.derived import ScoreHistoryKind
from ..profiles.slots import SCALE, Slot
from ..workspace import models as m

if TYPE_CHECKING:
    from .scores import ScoreNode

MILLI = 1_000
CODES_MAX = 100
"""Values of a measure that a byte tells apart."""


class ScoreError(SevenfoldError):
    """A score is defined in a way that cannot be computed."""

    code = "bad_score"


def exact(value: float) -> Fraction:
    """A number as its author wrote it."""
    return Fraction(str(value))


class Points:
    """Piecewise linear map of integers to 1/1000 point.

    Flat outside, `y0 + (x - x0)(y1 - y0) // (x1 - x0)` inside.
    """

    def __init__(self, xs: Sequence[int], ys: Sequence[int]) -> None:
        self.xs, self.ys = list(xs), list(ys)
        for x0, x1, y0, y1 in zip(self.xs, self.xs[1:], self.ys, self.ys[1:], strict=False):
            if (x1 - x0) * (abs(y1 - y0) + 1) >= 2**62:
                raise ScoreError(
                    "two points of a measure lie too far apart", fix="use a signal in larger units"
                )

    def __call__(self, at: int) -> int:
        xs, ys = self.xs, self.ys
        place = bisect_right(xs, at)
        if place == 0:
            return ys[0]
        if place == len(xs):
            return ys[-1]
        x0, y0 = xs[place - 1], ys[place - 1]
        return y0 + (at - x0) * (ys[place] - y0) // (xs[place] - x0)

    def chain(self, v: ast.expr, unknown: int | None = None, absent: int = UNKNOWN32) -> ast.expr:
        """The same map of `v` as comparisons, from the top: most values of a healthy business are there.

        `unknown`, less than any other value, maps to `absent`.
        """
        made: ast.expr = ast.Constant(self.ys[0])
        if unknown is not None:
            made = expression("A if V == UNSET else Y", A=absent, V=v, UNSET=unknown, Y=self.ys[0])
        for x0, x1, y0, y1 in zip(self.xs, self.xs[1:], self.ys, self.ys[1:], strict=False):
            made = expression(
                "INSIDE if V > X0 else REST", INSIDE=_line(v, x0, x1, y0, y1), V=v, X0=x0, REST=made
            )
        return expression("Y if V >= X else REST", Y=self.ys[-1], V=v, X=self.xs[-1], REST=made)

    def vector(self, at: Array) -> Array:
        """The same map of an int64 array, in the same integer arithmetic."""
        xs, ys = np.array(self.xs, np.int64), np.array(self.ys, np.int64)
        if len(xs) == 1:
            return np.full(len(at), ys[0])
        place = np.clip(np.searchsorted(xs, at, side="right"), 1, len(xs) - 1)
        x0, y0 = xs[place - 1], ys[place - 1]
        inside = y0 + (np.clip(at, xs[0], xs[-1]) - x0) * (ys[place] - y0) // (xs[place] - x0)
        found: Array = np.where(at >= xs[-1], ys[-1], np.where(at < xs[0], ys[0], inside))
        return found


def _line(v: ast.expr, x0: int, x1: int, y0: int, y1: int) -> ast.expr:
    """The height at `v` of the line from (x0, y0) to (x1, y1), rounded down."""
    if y0 == y1:
        return ast.Constant(y0)
    common = gcd(x1 - x0, y1 - y0)
    rise, run = (y1 - y0) // common, (x1 - x0) // common
    along = expression("V - X0", V=v, X0=x0) if x0 else v
    risen = along if rise == 1 else expression("AT * DY", AT=along, DY=rise)
    risen = risen if run == 1 else expression("AT // DX", AT=risen, DX=run)
    return expression("Y0 + AT", Y0=y0, AT=risen) if y0 else risen


class MeasureNode:
    """One measure of one score: its value in 1/1000 point in a column, UNKNOWN32 when absent."""

    def __init__(self, score: ScoreNode, index: int, label: str, model: m.Measure) -> None:
        self.score, self.index, self.label, self.model = score, index, label, model
        self.unit = score.unit
        self.bit = 0
        self._codes: dict[int, int] | None = None
        self.direct = self._over_one_value()
        self.coded = self._coded()
        """Whether its values are so few that its column holds their places in a table, 0 for absent."""
        self._places: dict[int, int] = {UNKNOWN32: 0}
        if not self.direct:
            dtype, empty = ("int8", 0) if self.coded else ("int32", UNKNOWN32)
            self.column = self.unit.table.add(f".score.{score.label}.{label}", dtype, empty)

    def _coded(self) -> bool:
        if self.direct:
            return False
        if self.model.when is not None:
            return True
        if self._name().parts[0] == m.ACCOUNT:
            # Accounts are declared after people.
            return False
        clock = self.unit.place(self._name()).slot.clock
        return clock is not None and len(self.model.points or ()) < CODES_MAX

    def _stored(self, value: int) -> int:
        """What the column holds for a value."""
        return self._places.setdefault(value, len(self._places)) if self.coded else value

    def _over_one_value(self) -> bool:
        """Whether it is a function of one stored value of its own subject, and needs no column and no node.

        Whoever changes that value knows the old one and the new one, and so by how much the score's sums
        move.
        """
        if self.model.signal is None or self._name().parts[0] == m.ACCOUNT:
            return False
        place = self.unit.place(self._name())
        return (
            not place.via_account
            and place.slot.clock is None
            and not place.slot.bit
            and place.slot.type != "boolean"
        )

    def watch(self) -> None:
        conditions = self.unit.conditions
        if self.model.when is not None:
            conditions.watch(self.unit.tree(self.model.when), self.bit)
            return
        at = self._name()
        place = self.unit.place(at)
        if self.direct:
            place.slot.direct.append(self._emit)
            place.slot.direct_nodes |= self.score.bit
            signal = self.unit.signals.get(place.slot.label)
            if isinstance(signal, ScoreHistoryKind):
                signal.weighs.append(self._weighs)
            return
        if place.slot.clock is not None:
            for duration, _ in self._clock_points():
                place.slot.clock.watch(duration, self.bit, place.via_account)
            if not self.model.points:
                raise ScoreError(f"measure `{self.label}` maps a time and needs `points`")
        else:
            conditions.watch_name(at, self.bit)

    def _name(self) -> x.Name:
        assert self.model.signal is not None
        tree = x.parse(f"exists {self.model.signal}")
        assert isinstance(tree, x.Exists)
        return tree.name

    def _clock_points(self) -> list[tuple[int, int]]:
        found = []
        for at, y in self.model.points or []:
            duration = x.parse_duration(at) if isinstance(at, str) else int(at)
            found.append((duration, int(exact(y) * MILLI)))
        return found

    @property
    def _weights(self) -> ast.Name:
        return self.unit.env.bind(self.score.column_of_weights(self.index), f"weights_{self.label}")

    def _emit(self, old: ast.expr, new: ast.expr) -> list[ast.stmt]:
        """The value moved: where this measure weighs at all, the score's sums move by the difference."""
        score, env = self.score, self.unit.env
        slot = self.unit.place(self._name()).slot
        parts: dict[str, Any] = {
            "WEIGHTS": self._weights,
            "SETS": name(score.sets.name),
            "BIT": score.bit,
            "OLD": old,
            "NEW": new,
        }
        if slot.type == "count" and slot.unknown is None and self.model.points is not None:
            table = self._table()
            return code(
                "w = WEIGHTS[SETS[row]]\nif w:\n"
                "    s = (TABLE[NEW] if NEW < SIZE else LAST) - (TABLE[OLD] if OLD < SIZE else LAST)\n"
                "    if s:\n        MOVED\n        d |= BIT",
                MOVED=score.adding("w * s"),
                TABLE=env.bind(table, "points"),
                SIZE=len(table),
                LAST=table[-1],
                **parts,
            )
        moved = score.adding("w * (s - r)")
        if self._may_be_absent(slot):
            moved = code(
                "if r == UNSET:\n    CAME\nelif s == UNSET:\n    WENT\nelse:\n    MOVED",
                UNSET=UNKNOWN32,
                CAME=score.adding("w * s", "w"),
                WENT=score.adding("-w * r", "-w"),
                MOVED=moved,
            )
        made = code(
            "r = BEFORE\ns = AFTER\nif r != s:\n    d |= BIT\n    MOVED",
            BEFORE=self._map(slot, old),
            AFTER=self._map(slot, new),
            MOVED=moved,
            **parts,
        )
        points = self.points()
        if points is not None and len(points.xs) > 1:
            # Above the last point nothing moves.
            made = code("if OLD < TOP or NEW < TOP:\n    MADE", TOP=points.xs[-1], MADE=made, **parts)
        return code("w = WEIGHTS[SETS[row]]\nif w:\n    MADE", MADE=made, **parts)

    def _may_be_absent(self, slot: Slot) -> bool:
        if self.model.values is not None:
            return UNKNOWN32 in (*self._by_code(slot).values(), self._absent())
        return slot.unknown is not None and self._absent() == UNKNOWN32

    def _map(self, slot: Slot, v: ast.expr) -> ast.expr:
        """The measure of `v`, a stored value of the slot (cheap to read often), as an expression."""
        if self.model.values is not None:
            table = self.unit.env.bind(self._by_code(slot), "values")
            return expression("TABLE.get(V, ABSENT)", TABLE=table, V=v, ABSENT=self._absent())
        points = self.points()
        if points is None:
            raise ScoreError(
                f"measure `{self.label}` of score `{self.score.label}` needs `points`, `values` or `when`"
            )
        if slot.unknown is None:
            return points.chain(v)
        return points.chain(v, slot.unknown, self._absent())

    def _by_code(self, slot: Slot) -> dict[int, int]:
        assert self.model.values is not None
        if self._codes is None:
            self._codes = {slot.code_of(text): int(exact(y) * MILLI) for text, y in self.model.values.items()}
            self._codes[slot.unknown or 0] = self._absent()
        return self._codes

    def _table(self) -> tuple[int, ...]:
        points = self.points()
        assert points is not None
        return tuple(points(at) for at in range(min(max(points.xs[-1], 0), 4_096) + 1))

    def finish(self) -> None:
        self._value: Callable[[int], int] = self.unit.env.function(
            f"measure_{self.label}", ["row"], self._body()
        )
        if self.direct:
            return
        score = self.score
        of = {"o": "o", "n": "n"}
        absent = UNKNOWN32
        if self.coded:
            # The function above has given all places.
            table = self.unit.env.bind(tuple(self._places), f"values_{self.label}")
            of, absent = {one: f"{table.id}[{one}]" for one in of}, 0
        # The score is looked at whenever one of its measures was.
        self.unit.define(
            self.bit,
            f"moved_{self.label}",
            lambda rare: code(
                "d |= SCORE\no = COL[row]\nVALUE\nif o != n:\n    COL[row] = n\n    w = WEIGHTS[SETS[row]]\n"
                "    if w:\n"
                "        if o == UNSET:\n            CAME\n"
                "        elif n == UNSET:\n            WENT\n"
                "        else:\n            MOVED",
                SCORE=score.bit,
                COL=name(self.column.name),
                VALUE=assigning(self._body()),
                UNSET=absent,
                WEIGHTS=self._weights,
                SETS=name(score.sets.name),
                CAME=score.adding(f"w * {of['n']}", "w"),
                WENT=score.adding(f"-w * {of['o']}", "-w"),
                MOVED=score.adding(f"w * ({of['n']} - {of['o']})"),
            ),
            score.bit,
        )

    def _weighs(self, rows: Array) -> Array:
        weights = np.array(self.score.column_of_weights(self.index), np.int64)
        found: Array = weights[self.score.sets.data[rows]] != 0
        return found

    def held(self, row: int) -> int:
        """The measure's value now, UNKNOWN32 when absent."""
        if self.direct:
            return self._value(row)
        value: int = self.unit.env.scope[self.column.name][row]
        return list(self._places)[value] if self.coded else value

    def vector(self, rows: Array) -> Array:
        """The measure's values of `rows` (their numbers), int64."""
        if not self.direct:
            found: Array = self.column.data[rows].astype(np.int64)
            return np.array(list(self._places), np.int64)[found] if self.coded else found
        slot = self.unit.place(self._name()).slot
        values = np.asarray(self.unit.env.scope[slot.column])[rows].astype(np.int64)
        if self.model.values is not None:
            table = self._by_code(slot)
            kinds, where = np.unique(values, return_inverse=True)
            known = np.array([table.get(kind, self._absent()) for kind in kinds.tolist()], np.int64)
            mapped: Array = known[where]
            return mapped
        points = self.points()
        assert points is not None
        mapped = points.vector(
            values if slot.unknown is None else np.where(values == slot.unknown, 0, values)
        )
        return mapped if slot.unknown is None else np.where(values == slot.unknown, self._absent(), mapped)

    def _absent(self) -> int:
        return UNKNOWN32 if self.model.default is None else int(exact(self.model.default) * MILLI)

    def _body(self) -> list[ast.stmt]:
        conditions, unit = self.unit.conditions, self.unit
        if self.model.when is not None:
            true, false = conditions.truth(unit.tree(self.model.when))
            return code(
                "if T:\n    return FULL\nif F:\n    return NOTHING\nreturn ABSENT",
                T=true,
                F=false,
                FULL=self._stored(100 * MILLI),
                NOTHING=self._stored(0),
                ABSENT=self._stored(self._absent()),
            )
        place = unit.place(self._name())
        slot = place.slot
        start = code(
            "if not KNOWN:\n    return ABSENT",
            KNOWN=conditions.known(place),
            ABSENT=self._stored(self._absent()),
        )
        clock = slot.clock
        if clock is not None:
            steps = sorted(self._clock_points(), key=lambda pair: pair[0], reverse=not clock.backward)
            row = (
                expression("ACCOUNT[row]", ACCOUNT=name(unit.account_of))
                if place.via_account
                else name("row")
            )
            column = clock.shadow_level if place.via_account else clock.level
            body = code("level = LEVEL[ROW]", LEVEL=name(column), ROW=row)
            for duration, y in steps:
                body += code("if level >= N:\n    return Y", N=clock.passed(duration), Y=self._stored(y))
            first = sorted(self._clock_points())[-1 if clock.backward else 0][1]
            return start + body + code("return Y", Y=self._stored(first))
        return [*start, *code("v = V\nreturn MAP", V=conditions.value(place), MAP=self._map(slot, name("v")))]

    def points(self) -> Points | None:
        """The measure's map in the stored units of its signal."""
        if self.model.points is None:
            return None
        slot = self.unit.place(self._name()).slot
        scale = SCALE[slot.type]
        xs = [
            x.parse_duration(at) if isinstance(at, str) else int(exact(at) * scale)
            for at, _ in self.model.points
        ]
        return Points(xs, [int(exact(y) * MILLI) for _, y in self.model.points])

    def node(self, row: int, t: int) -> int:
        """Replaced by a generated function when compiled."""
        raise AssertionError("not compiled")

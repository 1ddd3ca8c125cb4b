"""Scores from 0 to 100: weighted means of the measures present, in integers: bulk and scalar code agree.

For each subject the numerator sum(w * s) and denominator sum(w) are columns, changed by differences. A value
is numerator // denominator in 1/1000 point. Contributions w * s add up to the numerator exactly.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np

from ..effects import BAND
from ..errors import SevenfoldError
from ..profiles import expressions as x
from ..profiles.build import assigning, code, expression, name
from ..profiles.columns import UNKNOWN32, Array
from ..profiles.evaluation import Rare
from ..profiles.signals.derived import ScoreHistoryKind
from ..profiles.slots import SCALE, Slot
from ..profiles.unit import Unit
from ..workspace import models as m

MILLI = 1_000
VELOCITIES = {"down": 1, "flat": 2, "up": 3}


class ScoreError(SevenfoldError):
    """A score is defined in a way that cannot be computed."""

    code = "bad_score"


def exact(value: float) -> Fraction:
    """A number as its author wrote it."""
    return Fraction(str(value))


class Points:
    """Piecewise linear map of integers to 1/1000 point: flat outside, `y0 + (x - x0)(y1 - y0) // (x1 - x0)`
    inside.
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
        if not self.direct:
            self.column = self.unit.table.add(f".score.{score.label}.{label}", "int32", UNKNOWN32)

    def _over_one_value(self) -> bool:
        """Whether the measure is a function of one stored value of its own subject: then it needs no column
        and no node.

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
            "SUM": name(score.numerator.name),
            "BIT": score.bit,
            "OLD": old,
            "NEW": new,
        }
        if slot.type == "count" and slot.unknown is None and self.model.points is not None:
            table = self._table()
            return code(
                "w = WEIGHTS[SETS[row]]\nif w:\n"
                "    s = (TABLE[NEW] if NEW < SIZE else LAST) - (TABLE[OLD] if OLD < SIZE else LAST)\n"
                "    if s:\n        SUM[row] += w * s\n        d |= BIT",
                TABLE=env.bind(table, "points"),
                SIZE=len(table),
                LAST=table[-1],
                **parts,
            )
        moved = code("SUM[row] += w * (s - r)", **parts)
        if self._may_be_absent(slot):
            moved = code(
                "if r == UNSET:\n    SUM[row] += w * s\n    PRESENT[row] += w\n"
                "elif s == UNSET:\n    SUM[row] -= w * r\n    PRESENT[row] -= w\n"
                "else:\n    MOVED",
                PRESENT=name(score.denominator.name),
                UNSET=UNKNOWN32,
                MOVED=moved,
                **parts,
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
        # The score is looked at whenever one of its measures was.
        self.unit.define(
            self.bit,
            f"moved_{self.label}",
            lambda rare: code(
                "d |= SCORE\no = COL[row]\nVALUE\nif o != n:\n    COL[row] = n\n    w = WEIGHTS[SETS[row]]\n"
                "    if w:\n"
                "        if o == UNSET:\n            SUM[row] += w * n\n            PRESENT[row] += w\n"
                "        elif n == UNSET:\n            SUM[row] -= w * o\n            PRESENT[row] -= w\n"
                "        else:\n            SUM[row] += w * (n - o)",
                SCORE=score.bit,
                COL=name(self.column.name),
                VALUE=assigning(self._body()),
                UNSET=UNKNOWN32,
                WEIGHTS=self._weights,
                SETS=name(score.sets.name),
                SUM=name(score.numerator.name),
                PRESENT=name(score.denominator.name),
            ),
            score.bit,
        )

    def _weighs(self, rows: Array) -> Array:
        weights = np.array(self.score.column_of_weights(self.index), np.int64)
        found: Array = weights[self.score.sets.data[rows]] != 0
        return found

    def held(self, row: int) -> int:
        """The measure's value now, UNKNOWN32 when absent."""
        value: int = self._value(row) if self.direct else self.unit.env.scope[self.column.name][row]
        return value

    def vector(self, rows: Array) -> Array:
        """The measure's values of `rows` (their numbers), int64."""
        if not self.direct:
            found: Array = self.column.data[rows].astype(np.int64)
            return found
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
                "if T:\n    return 100000\nif F:\n    return 0\nreturn ABSENT",
                T=true,
                F=false,
                ABSENT=self._absent(),
            )
        place = unit.place(self._name())
        slot = place.slot
        start = code("if not KNOWN:\n    return ABSENT", KNOWN=conditions.known(place), ABSENT=self._absent())
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
                body += code("if level >= N:\n    return Y", N=clock.passed(duration), Y=y)
            first = sorted(self._clock_points())[-1 if clock.backward else 0][1]
            return start + body + code("return Y", Y=first)
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


class ScoreNode:
    """One score over one kind of subject: weight set, measures, value, band, overrides."""

    def __init__(self, unit: Unit, label: str, model: m.Score) -> None:
        self.unit, self.label, self.model = unit, label, model
        table = unit.table
        self.numerator = table.add(f".score.{label}.numerator")
        self.denominator = table.add(f".score.{label}.denominator", "int32")
        self.values = table.add(f"score.{label}", "int32", UNKNOWN32)
        self.bands = table.add(f".band.{label}", "int8")
        self.sets = table.add(f".score.{label}.weights", "int16", -1)
        self.jumps = table.add(f".score.{label}.jumps", "int32") if model.history else None
        self.slot = Slot(unit.kind, f"score.{label}", "score", self.values.name, UNKNOWN32)
        self.band_slot = Slot(unit.kind, f"band.{label}", "text", self.bands.name, 0)
        self.band_slot.codes = {band.name: i + 1 for i, band in enumerate(model.bands)}
        unit.add_slot(("score", label), self.slot)
        unit.add_slot(("band", label), self.band_slot)
        self.velocity = table.add(f".velocity.{label}", "int8") if model.history else None
        if self.velocity is not None:
            self.velocity_slot = Slot(unit.kind, f"velocity.{label}", "text", self.velocity.name, 0)
            self.velocity_slot.codes = VELOCITIES
            unit.add_slot(("velocity", label), self.velocity_slot)
        self.measures = [MeasureNode(self, i, k, v) for i, (k, v) in enumerate(model.measures.items())]
        self.bounds = [int(exact(band.from_) * MILLI) for band in model.bands]
        self.rise = int(exact(model.hysteresis) * MILLI)
        floor = exact(model.coverage_floor)
        self.floor_up, self.floor_down = floor.numerator, floor.denominator
        self.weights = [
            [int(exact(one.weights.get(measure, 0)) * MILLI) for measure in model.measures]
            for one in model.weights
        ]
        self.totals = [sum(row) for row in self.weights]
        self.least = self._least()
        """The least weight present at which a score is known, of each weight set."""
        # Read by generated code as WEIGHTS[set]; set -1 (none chosen yet) reads the 0 at the end.
        self._weight_columns: dict[int, list[int]] = {}
        self.bit = self.bit_late = self.bit_set = self.bit_set_late = 0

    # -------------------------------------------------------------------------------------------- weight sets

    def column_of_weights(self, measure: int) -> list[int]:
        """One measure's weight in each weight set, and a 0; the list is changed in place when weights are."""
        if measure not in self._weight_columns:
            self._weight_columns[measure] = [*(row[measure] for row in self.weights), 0]
        return self._weight_columns[measure]

    def _least(self) -> list[int]:
        return [max(1, -(-total * self.floor_up // self.floor_down)) for total in self.totals]

    def replace_weights(self, model: m.Score) -> None:
        """Takes other weights; generated code sees them at once."""
        self.model = model
        self.weights = [
            [int(exact(w.weights.get(k, 0)) * MILLI) for k in model.measures] for w in model.weights
        ]
        self.totals[:] = [sum(row) for row in self.weights]
        self.least[:] = self._least()
        for measure, column in self._weight_columns.items():
            column[:] = [*(row[measure] for row in self.weights), 0]
        self._choose = self.unit.env.function(f"weights_{self.label}", ["row"], self._chooser())

    def watch(self) -> None:
        """Registers the score's own nodes: what chooses the weights, and what the overrides look at."""
        conditions = self.unit.conditions
        for one in self.model.weights:
            if one.stage is not None and self.model.lifecycle is not None:
                conditions.watch_name(x.Name(("stage", self.model.lifecycle)), self.bit_set_late)
            if one.segment is not None:
                conditions.watch_name(x.Name(("segment", one.segment)), self.bit_set)
            if one.tier is not None and self.model.tier is not None:
                conditions.watch_name(self._tier(), self.bit_set)
        for override in self.model.overrides:
            conditions.watch(self.unit.tree(override.when), self.bit)
        for measure in self.measures:
            measure.watch()

    def _tier(self) -> x.Name:
        tier = self.model.tier or ""
        own = ("trait", tier) in self.unit.slots
        return x.Name(("trait", tier) if own else (m.ACCOUNT, "trait", tier))

    def finish(self) -> None:
        for measure in self.measures:
            measure.finish()
        self._value_changed = self.unit.changer(self.slot)
        self._band_changed = self.unit.changer(self.band_slot)
        self._choose = self.unit.env.function(f"weights_{self.label}", ["row"], self._chooser())
        self._caps = []
        for override in self.model.overrides:
            true = self.unit.conditions.truth(self.unit.tree(override.when))[0]
            holds = self.unit.env.function(f"override_{self.label}", ["row"], code("return TEST", TEST=true))
            self._caps.append((int(exact(override.cap) * MILLI), holds, override.reason))
        self._move_band = self.unit.env.bind(self._moving(), "band")
        for bit in (self.bit, self.bit_late):
            self.unit.define(bit, f"score_{self.label}", self._body, self.slot.reach)

    def _chooser(self) -> list[ast.stmt]:
        def specificity(index: int) -> tuple[int, int, int]:
            one = self.model.weights[index]
            # stage x segment x tier, stage x tier, stage x segment, stage, segment x tier, tier, segment,
            # none.
            return (4 if one.stage else 0) + (2 if one.tier else 0) + (1 if one.segment else 0), 0, -index

        def order(index: int) -> tuple[int, int]:
            one = self.model.weights[index]
            # Of several segments the one written first in the workspace wins.
            place = list(self.unit.workspace.segments).index(one.segment) if one.segment else 0
            return place, index

        body: list[ast.stmt] = []
        conditions = self.unit.conditions
        for index in sorted(range(len(self.model.weights)), key=lambda i: (-specificity(i)[0], order(i))):
            one = self.model.weights[index]
            tests: list[ast.expr] = []
            if one.stage is not None:
                at = x.Compare("==", x.Name(("stage", self.model.lifecycle or "")), x.Literal(one.stage))
                tests.append(conditions.truth(at)[0])
            if one.segment is not None:
                tests.append(conditions.truth(x.Truth(x.Name(("segment", one.segment))))[0])
            if one.tier is not None:
                tests.append(conditions.truth(x.Compare("==", self._tier(), x.Literal(one.tier)))[0])
            test: ast.expr = (
                ast.BoolOp(ast.And(), tests) if len(tests) > 1 else tests[0] if tests else ast.Constant(True)
            )
            body += code("if TEST:\n    return INDEX", TEST=test, INDEX=index)
        return body + code("return -1")

    def choose_node(self, row: int, t: int) -> int:
        """Which weight set holds; a change re-scores the subject and is marked as a jump, never as a
        crossing.
        """
        sets: Any = self.unit.env.scope[self.sets.name]
        old, new = sets[row], self._choose(row)
        if old == new:
            return 0
        sets[row] = new
        self.recompute(row)
        values = self.unit.env.scope[self.values.name]
        before = values[row]
        if before == UNKNOWN32:
            return self.bit if old == -1 else self.bit_late
        values[row] = after = self._value(row)
        bands: Any = self.unit.env.scope[self.bands.name]
        old_band = bands[row]
        # Under other weights the band starts anew, by plain bounds; that is no crossing and no effect of
        # its own.
        bands[row] = new_band = 0 if after == UNKNOWN32 else bisect_right(self.bounds, after)
        mask = 0 if new_band == old_band else self._band_changed(row, old_band, new_band)
        if after == before:
            return mask
        if after != UNKNOWN32 and self.jumps is not None:
            self.unit.env.scope[self.jumps.name][row] += after - before
        mask |= self._value_changed(row, before, after)
        data = {
            "before": before / MILLI,
            "after": None if after == UNKNOWN32 else after / MILLI,
            "weights": self.described(new),
        }
        self.unit.host.emit(self.unit, row, "jump", self.label, data)
        return mask

    def described(self, index: int) -> dict[str, str]:
        """What a weight set holds for."""
        if index < 0:
            return {}
        one = self.model.weights[index]
        return {
            k: v
            for k, v in (("stage", one.stage), ("segment", one.segment), ("tier", one.tier))
            if v is not None
        }

    def recompute(self, row: int) -> None:
        """Numerator and denominator from the measures as they stand (after a merge, or under another weight
        set).
        """
        numerator = denominator = 0
        index = self.unit.env.scope[self.sets.name][row]
        if index >= 0:
            for weight, measure in zip(self.weights[index], self.measures, strict=True):
                value = measure.held(row) if weight else UNKNOWN32
                if value != UNKNOWN32:
                    numerator += weight * value
                    denominator += weight
        self.unit.env.scope[self.numerator.name][row] = numerator
        self.unit.env.scope[self.denominator.name][row] = denominator

    # -------------------------------------------------------------------------------------------------- value

    def _value(self, row: int) -> int:
        scope = self.unit.env.scope
        denominator = scope[self.denominator.name][row]
        if denominator < self.least[scope[self.sets.name][row]]:
            return UNKNOWN32
        value: int = scope[self.numerator.name][row] // denominator
        for cap, holds, _ in self._caps:
            if value > cap and holds(row):
                value = cap
        return value

    def node(self, row: int, t: int) -> int:
        """Replaced by a generated function when compiled: the value from its parts, and the band with
        hysteresis.
        """
        raise AssertionError("not compiled")

    def _body(self, rare: Rare) -> list[ast.stmt]:
        env = self.unit.env
        capped: list[ast.stmt] = []
        for cap, holds, _ in self._caps:
            capped += code(
                "if n > CAP and HOLDS(row):\n    n = CAP", CAP=cap, HOLDS=env.bind(holds, "override")
            )
        # A band is left below its lower bound, or above its upper one by the hysteresis; from unknown always.
        lows = (2**31, *self.bounds)
        highs = (-(2**31), *(bound + self.rise for bound in self.bounds[1:]), 2**31)
        return code(
            "p = PRESENT[row]\nif p >= LEAST[SETS[row]]:\n    n = SUM[row] // p\n    CAPPED\n"
            "else:\n    n = UNSET\n"
            "o = COL[row]\nif o != n:\n    COL[row] = n\n    CHANGE\n"
            "    b = BANDS[row]\n    if not LOWS[b] <= n < HIGHS[b]:\n        MOVE",
            PRESENT=name(self.denominator.name),
            LEAST=env.bind(self.least, "least"),
            SUM=name(self.numerator.name),
            SETS=name(self.sets.name),
            UNSET=UNKNOWN32,
            CAPPED=capped,
            COL=name(self.values.name),
            CHANGE=self.unit.changes.after(self.slot, name("o"), name("n")),
            BANDS=name(self.bands.name),
            LOWS=env.bind(lows, "lows"),
            HIGHS=env.bind(highs, "highs"),
            MOVE=rare(expression("MOVE(row, b, n)", MOVE=self._move_band)),
        )

    def _moving(self) -> Callable[[int, int, int], int]:
        """(row, band before, value) -> who must look: the band with hysteresis, and its effect."""
        bounds, rise = self.bounds, self.rise
        names = ["unknown", *(band.name for band in self.model.bands)]
        bands, scope = self.bands.name, self.unit.env.scope
        emit = self.unit.host.emitter(self.unit, BAND, self.label)
        changed = self._band_changed

        def move(row: int, was: int, value: int) -> int:
            if value == UNKNOWN32:
                band, shown = 0, None
            else:
                band, shown = bisect_right(bounds, value), value / MILLI
                if 0 < was < band:
                    # A rise needs the bound of the band above plus the hysteresis; of several the highest.
                    while band > was and value < bounds[band - 1] + rise:
                        band -= 1
            if band == was:
                return 0
            scope[bands][row] = band
            emit(row, {"from": names[was], "to": names[band], "value": shown})
            return changed(row, was, band)

        return move

    def _band_name(self, band: int) -> str:
        return self.model.bands[band - 1].name if band else "unknown"

    # ------------------------------------------------------------------------------------------------ reading

    def read(self, row: int) -> dict[str, Any]:
        """The score explained: value, band, coverage and each measure's contribution; contributions add up
        exactly.

        `contributions` maps each measure to (value in points, weight, weight * value as an integer in 1e-6
        points).
        """
        scope = self.unit.env.scope
        index = scope[self.sets.name][row]
        value = scope[self.values.name][row]
        weights = self.weights[index] if index >= 0 else [0] * len(self.measures)
        parts: dict[str, Any] = {}
        for weight, measure in zip(weights, self.measures, strict=True):
            s = measure.held(row)
            known = s != UNKNOWN32
            parts[measure.label] = {
                "value": s / MILLI if known else None,
                "weight": weight / MILLI,
                "product": weight * s if known else None,
            }
        total = self.totals[index] if index >= 0 else 0
        return {
            "value": None if value == UNKNOWN32 else value / MILLI,
            "band": self._band_name(scope[self.bands.name][row]),
            "coverage": scope[self.denominator.name][row] / total if total else 0.0,
            "numerator": scope[self.numerator.name][row],
            "denominator": scope[self.denominator.name][row],
            "weights": self.described(index),
            "contributions": parts,
            "overrides": [reason for cap, holds, reason in self._caps if holds(row)],
            "velocity": self.unit.show(self.velocity_slot, row) if self.velocity is not None else None,
        }

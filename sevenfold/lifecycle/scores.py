"""Scores from 0 to 100: weighted means of the measures present, in integers: bulk and scalar code agree.

For each subject the numerator sum(w * s) and denominator sum(w) are columns, changed by differences. A value
is numerator // denominator in 1/1000 point; of a score `per` a signal, numerator // signal, at most 100
points. Contributions w * s add up to the numerator exactly.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable
from math import gcd
from typing import Any

import numpy as np

from ..effects import BAND, JUMP
from ..profiles import expressions as x
from ..profiles.build import code, expression, name
from ..profiles.columns import COUNT, UNKNOWN32, Array, Column
from ..profiles.evaluation import Rare
from ..profiles.slots import SCALE, Slot
from ..profiles.unit import Unit
from ..workspace import models as m
from .measures import MILLI, MeasureNode, exact

FULL = 100 * MILLI
Crossing = tuple[int, bool, Callable[[int, int, bool], None]]
"""(the bound in 1/1000 point, whether values below it count or those from it on, called with row, t,
True).
"""
VELOCITIES = {"down": 1, "flat": 2, "up": 3}


class ScoreNode:
    """One score over one kind of subject: weight set, measures, value, band, overrides."""

    def __init__(self, unit: Unit, label: str, model: m.Score) -> None:
        self.unit, self.label, self.model = unit, label, model
        table = unit.table
        # In units of the weights' common divisor, so that four bytes and one or two are nearly always enough.
        self.numerator = table.add(f".score.{label}.numerator", "int32", widens=True)
        self.denominator = table.add(f".score.{label}.denominator", COUNT)
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
        self.weights: list[list[int]] = []
        """In 1/1000, by weight set and measure."""
        self.reduced: list[list[int]] = []
        """The same in units of `divisor`, their greatest common divisor; sums are in these."""
        self.totals: list[int] = []
        self.divisor = 1
        self._weigh()
        self.least = self._least()
        """The least weight present at which a score is known, of each weight set."""
        # Read by generated code as WEIGHTS[set]; set -1 (none chosen yet) reads the 0 at the end.
        self._weight_columns: dict[int, list[int]] = {}
        self.crossings: list[Crossing] = []
        """Who wants to know when a value crosses a bound; by journeys. A jump from other weights is none."""
        self.bit = self.bit_late = self.bit_set = self.bit_set_late = 0

    # -------------------------------------------------------------------------------------------- weight sets

    def column_of_weights(self, measure: int) -> list[int]:
        """One measure's weight in each weight set, and a 0; the list is changed in place when weights are."""
        if measure not in self._weight_columns:
            self._weight_columns[measure] = [*(row[measure] for row in self.reduced), 0]
        return self._weight_columns[measure]

    def adding(self, more: str, weight: str | None = None) -> list[ast.stmt]:
        """What is added to the sum of a row, and to the weights present; expressions of this package."""
        made = self._adding(self.numerator, more)
        return made if weight is None else made + self._adding(self.denominator, weight)

    def _adding(self, column: Column, more: str) -> list[ast.stmt]:
        env, table = self.unit.env, self.unit.table
        return code(
            "z = COL[row] + MORE\ntry:\n    COL[row] = z\nexcept TOO_WIDE:\n    PUT(COLUMN, row, z)",
            COL=name(column.name),
            MORE=expression(more),
            TOO_WIDE=env.bind(ValueError, "too_wide"),
            PUT=env.bind(table.put, "put"),
            COLUMN=env.bind(column, "column"),
        )

    def _least(self) -> list[int]:
        return [max(1, -(-total * self.floor_up // self.floor_down)) for total in self.totals]

    def _weigh(self) -> None:
        """Takes the weights of the model."""
        self.weights = [
            [int(exact(one.weights.get(measure, 0)) * MILLI) for measure in self.model.measures]
            for one in self.model.weights
        ]
        # A score per a signal has a scale of its own.
        common = gcd(*(weight for row in self.weights for weight in row)) if self.model.per is None else 1
        self.divisor = common or 1
        self.reduced = [[weight // self.divisor for weight in row] for row in self.weights]
        self.totals[:] = [sum(row) for row in self.reduced]

    def replace_weights(self, model: m.Score) -> None:
        """Takes other weights; generated code sees them at once."""
        self.model = model
        self._weigh()
        self.least[:] = self._least()
        for measure, column in self._weight_columns.items():
            column[:] = [*(row[measure] for row in self.reduced), 0]
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
        if self.model.per is not None:
            conditions.watch_name(self._per_name(), self.bit)
        for measure in self.measures:
            measure.watch()

    def _per_name(self) -> x.Name:
        tree = x.parse(f"exists {self.model.per}")
        assert isinstance(tree, x.Exists)
        return tree.name

    def _per_scale(self) -> tuple[int, int]:
        """(times, over): the value in 1/1000 point is numerator * times // (signal as stored * over)."""
        scale = SCALE[self.unit.place(self._per_name()).slot.type]
        return (scale // MILLI, 1) if scale >= MILLI else (1, MILLI // scale)

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
        if self.model.per is not None:
            place = self.unit.place(self._per_name())
            known, value = self.unit.conditions.known(place), self.unit.conditions.value(place)
            body = code("return V if KNOWN else 0", V=value, KNOWN=known)
            self._per = self.unit.env.function(f"per_{self.label}", ["row"], body)
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
        self.unit.host.emit(self.unit, row, JUMP, self.label, data)
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
            for weight, measure in zip(self.reduced[index], self.measures, strict=True):
                value = measure.held(row) if weight else UNKNOWN32
                if value != UNKNOWN32:
                    numerator += weight * value
                    denominator += weight
        self.unit.table.put(self.numerator, row, numerator)
        self.unit.table.put(self.denominator, row, denominator)

    # -------------------------------------------------------------------------------------------------- value

    def _value(self, row: int) -> int:
        scope = self.unit.env.scope
        denominator = scope[self.denominator.name][row]
        if denominator < self.least[scope[self.sets.name][row]]:
            return UNKNOWN32
        value: int
        if self.model.per is None:
            value = scope[self.numerator.name][row] // denominator
        elif (per := self._per(row)) > 0:
            times, over = self._per_scale()
            value = min(scope[self.numerator.name][row] * times // (per * over), FULL)
        else:
            return UNKNOWN32
        for cap, holds, _ in self._caps:
            if value > cap and holds(row):
                value = cap
        return value

    def divided(self, rows: Array, above: Array, below: Array) -> Array:
        """The values of `rows` (their numbers) from their numerators and denominators, int64."""
        if self.model.per is None:
            found: Array = above // np.maximum(below, 1)
            return found
        times, over = self._per_scale()
        per = np.fromiter(map(self._per, rows.tolist()), np.int64, len(rows))
        found = np.minimum(above * times // np.maximum(per * over, 1), FULL)
        return np.where(per > 0, found, UNKNOWN32)

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
            "p = PRESENT[row]\nif p >= LEAST[SETS[row]]:\n    DIVIDED\n    CAPPED\n"
            "else:\n    n = UNSET\n"
            "o = COL[row]\nif o != n:\n    COL[row] = n\n    CHANGE\n    CROSSED\n"
            "    b = BANDS[row]\n    if not LOWS[b] <= n < HIGHS[b]:\n        MOVE",
            PRESENT=name(self.denominator.name),
            LEAST=env.bind(self.least, "least"),
            DIVIDED=self._divided(),
            SETS=name(self.sets.name),
            UNSET=UNKNOWN32,
            CAPPED=capped,
            COL=name(self.values.name),
            CHANGE=self.unit.changes.after(self.slot, name("o"), name("n")),
            CROSSED=self._crossed(),
            BANDS=name(self.bands.name),
            LOWS=env.bind(lows, "lows"),
            HIGHS=env.bind(highs, "highs"),
            MOVE=rare(expression("MOVE(row, b, n)", MOVE=self._move_band)),
        )

    def _crossed(self) -> list[ast.stmt]:
        """Tells of bounds between the value before and the one now; what was unknown was beyond none."""
        made: list[ast.stmt] = []
        for bound, below, tell in self.crossings:
            test = "UNSET < n < BOUND and not UNSET < o < BOUND" if below else "n >= BOUND > o"
            made += code(
                "if TEST:\n    TELL(row, t, True)",
                TEST=expression(test, UNSET=UNKNOWN32, BOUND=bound),
                TELL=self.unit.env.bind(tell, "crossed"),
            )
        return made

    def _divided(self) -> list[ast.stmt]:
        """The numerator over the weights present, or over the signal that the score is `per`."""
        total = name(self.numerator.name)
        if self.model.per is None:
            return code("n = SUM[row] // p", SUM=total)
        times, over = self._per_scale()
        place = self.unit.place(self._per_name())
        known, value = self.unit.conditions.known(place), self.unit.conditions.value(place)
        return code(
            "p = V if KNOWN else 0\nn = min(SUM[row] * TIMES // (p * OVER), FULL) if p > 0 else UNSET",
            V=value, KNOWN=known, SUM=total, TIMES=times, OVER=over, FULL=FULL, UNSET=UNKNOWN32,
        )  # fmt: skip

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
        points); `per` is the value of the signal that the score is per, 0 when unknown.
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
        told: dict[str, Any] = {}
        if self.model.per is not None:
            told["per"] = self._per(row) / SCALE[self.unit.place(self._per_name()).slot.type]
        return told | {
            "value": None if value == UNKNOWN32 else value / MILLI,
            "band": self._band_name(scope[self.bands.name][row]),
            "coverage": scope[self.denominator.name][row] / total if total else 0.0,
            "numerator": scope[self.numerator.name][row] * self.divisor,
            "denominator": scope[self.denominator.name][row] * self.divisor,
            "weights": self.described(index),
            "contributions": parts,
            "overrides": [reason for cap, holds, reason in self._caps if holds(row)],
            "velocity": self.unit.show(self.velocity_slot, row) if self.velocity is not None else None,
        }

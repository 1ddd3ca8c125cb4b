"""Totals over a window: count, sum, average, trend and the subject against its own baseline."""

from __future__ import annotations

import ast
from math import gcd
from typing import Any

import numpy as np

from ...limits import WINDOW_EXACT_MS_MAX
from ...workspace import models as m
from ..build import code, expression, name
from ..columns import COUNT, UNKNOWN, Array, Column
from ..slots import Slot
from .base import DAY, SignalKind, Stream, leaving, pushing, shifted_row, window_ms


class CountKind(SignalKind):
    """How many events; 1 to 4 bytes a subject and 8 a windowed event."""

    model: m.Count

    def declare(self) -> None:
        self.values = self.column(dtype=COUNT)
        self.slot = self.make_slot(self.values, "count")
        self.window = window_ms(self.model.window)
        self.op = self.unit.op(None) if self.window is not None else 0

    def finish(self) -> None:
        if self.window is not None:
            self.unit.fires(self.op, f"leaves_{self.label}", uncounting(self, self.values, self.slot))

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        return counting(self, self.values, self.slot, self.window, self.op)

    def merge(self, winner: int, loser: int, t: int) -> None:
        values = self.data(self.values)
        self.put(self.values, winner, values[winner] + values[loser])


def counting(signal: SignalKind, column: Column, slot: Slot, window: int | None, op: int) -> list[ast.stmt]:
    """One more event at `te` in a column of counts. Locals are b and c (before and after), u (due)."""
    up = code("c = COL[row] + 1", COL=name(column.name)) + signal.store(column, "c")
    if slot.watched:
        up += code("b = c - 1") + signal.change(slot, "b", "c", unit=True)
    if window is None:
        return up
    return code("u = DUE\nif u > t:\n    BODY", DUE=leaving(window), BODY=pushing(signal.unit.low(op)) + up)


def uncounting(signal: SignalKind, column: Column, slot: Slot) -> list[ast.stmt]:
    """Entries that leave a column of counts: nearly always one, and then one cut at most is crossed."""
    if not slot.watched:
        return code("COL[row] -= entries\nreturn 0", COL=name(column.name))
    return code(
        "b = COL[row]\nc = b - entries\nCOL[row] = c\nd = 0\n"
        "if entries == 1:\n    ONE\nelse:\n    MANY\nreturn d",
        COL=name(column.name),
        ONE=signal.change(slot, "b", "c", unit=True),
        MANY=signal.change(slot, "b", "c"),
    )


class SumKind(SignalKind):
    """Sum of a numeric property in 1e-6 units; 8 bytes a subject and 16 a windowed event."""

    model: m.Sum

    def declare(self) -> None:
        self.values = self.column()
        self.slot = self.make_slot(self.values, "number")
        self.window = window_ms(self.model.window)
        self.op = self.unit.op(None) if self.window is not None else 0

    def finish(self) -> None:
        if self.window is not None:
            leave = code("o = COL[row]\nn = o - value\nCOL[row] = n\nd = 0", COL=name(self.values.name))
            body = [*leave, *self.change(self.slot, "o", "n"), *code("return d")]
            self.unit.fires(self.op, f"leaves_{self.label}", body)

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        add = code("o = COL[row]\nn = o + x\nCOL[row] = n", COL=name(self.values.name)) + self.change(
            self.slot, "o", "n"
        )
        if self.window is not None:
            low = shifted_row(self.unit.low(self.op))
            add = code("PUSH(u, LOW, x)", PUSH=name("push_value"), LOW=low) + add
            add = code("u = DUE\nif u > t:\n    BODY", DUE=leaving(self.window), BODY=add)
        return code(
            "x = MICRO(V)\nif x is not None:\n    BODY",
            MICRO=name("micro"),
            V=self.unit.read_property(self.model.property),
            BODY=add,
        )

    def merge(self, winner: int, loser: int, t: int) -> None:
        values = self.data(self.values)
        values[winner] += values[loser]


class AverageKind(SignalKind):
    """Mean of a numeric property: sum and count, and their quotient rounded down to 1e-6."""

    model: m.Average

    def declare(self) -> None:
        self.sums = self.column(".sum")
        self.counts = self.column(".entries", "int32")
        self.values = self.column(empty=UNKNOWN)
        self.slot = self.make_slot(self.values, "number", unknown=UNKNOWN)
        self.window = window_ms(self.model.window)
        self.op = self.unit.op(None) if self.window is not None else 0

    def finish(self) -> None:
        if self.window is not None:
            left = code(
                "s = SUM[row] - value\nc = N[row] - entries\nSUM[row] = s\nN[row] = c\n"
                "o = COL[row]\nn = s // c if c else UNSET\nd = 0\n"
                "if o != n:\n    COL[row] = n\n    CHANGE\nreturn d",
                SUM=name(self.sums.name),
                N=name(self.counts.name),
                COL=name(self.values.name),
                UNSET=UNKNOWN,
                CHANGE=self.change(self.slot, "o", "n"),
            )
            self.unit.fires(self.op, f"leaves_{self.label}", left)

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        add = code(
            "s = SUM[row] + x\nc = N[row] + 1\nSUM[row] = s\nN[row] = c\n"
            "o = COL[row]\nn = s // c\nCOL[row] = n",
            SUM=name(self.sums.name),
            N=name(self.counts.name),
            COL=name(self.values.name),
        ) + self.change(self.slot, "o", "n")
        if self.window is not None:
            low = shifted_row(self.unit.low(self.op))
            add = code("PUSH(u, LOW, x)", PUSH=name("push_value"), LOW=low) + add
            add = code("u = DUE\nif u > t:\n    BODY", DUE=leaving(self.window), BODY=add)
        return code(
            "x = MICRO(V)\nif x is not None:\n    BODY",
            MICRO=name("micro"),
            V=self.unit.read_property(self.model.property),
            BODY=add,
        )

    def merge(self, winner: int, loser: int, t: int) -> None:
        sums, counts = self.data(self.sums), self.data(self.counts)
        sums[winner] += sums[loser]
        counts[winner] += counts[loser]
        self.data(self.values)[winner] = sums[winner] // counts[winner] if counts[winner] else UNKNOWN


class TrendKind(SignalKind):
    """Slope of daily counts, from two running totals (count and sum of day numbers) read at day close."""

    model: m.Trend

    def declare(self) -> None:
        self.values = self.column(empty=UNKNOWN)
        self.counts = self.column(".entries", "int32")
        self.days = self.column(".days")
        self.seen = self.column(".seen", "int8")
        self.slot = self.make_slot(self.values, "number", unknown=UNKNOWN)
        window = window_ms(self.model.window)
        assert window is not None
        self.length_days = window // DAY
        self.op = self.unit.op(self._fire)
        self.unit.trends.append(self)

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        return code(
            "SEEN[row] = 1\ny = te // DAY\nu = (y + LENGTH) * DAY\n"
            "if u > t:\n    PUSHED\n    N[row] += 1\n    S[row] += y",
            SEEN=name(self.seen.name),
            DAY=DAY,
            LENGTH=self.length_days + 1,
            PUSHED=pushing(self.unit.low(self.op)),
            N=name(self.counts.name),
            S=name(self.days.name),
        )

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        counts, days = self.data(self.counts), self.data(self.days)
        counts[row] -= entries
        days[row] -= entries * (due // DAY - self.length_days - 1)
        return 0

    def closed(self, today: int, rows: int) -> Array:
        """Every row's slope as of 00:00 of day `today`: int64 in 1e-6 events a day per day, UNKNOWN before
        any event.
        """
        n = self.length_days
        count = self.counts.data[:rows].astype(np.int64)
        centred = 2 * (self.days.data[:rows] - today * count) + (n + 1) * count
        slope = (centred * 6_000_000) // (n * (n * n - 1))
        found: Array = np.where(self.seen.data[:rows] != 0, slope, UNKNOWN)
        return found

    def merge(self, winner: int, loser: int, t: int) -> None:
        for column in (self.counts, self.days):
            data = self.data(column)
            data[winner] += data[loser]
        seen = self.data(self.seen)
        seen[winner] |= seen[loser]
        values = self.data(self.values)
        if values[winner] == UNKNOWN:
            values[winner] = values[loser]

    def resume(self, row: int, before: int, t: int) -> None:
        """A slope of half the events is none: that of the last day before stands until one ends."""
        self.data(self.values)[row] = UNKNOWN
        self.merge(row, before, t)


class BaselineKind(SignalKind):
    """The subject against itself: two window counts of one stream and the ratio of their rates."""

    model: m.Baseline

    def declare(self) -> None:
        recent, base = window_ms(self.model.window), window_ms(self.model.baseline)
        assert recent is not None and base is not None
        self.recent_ms, self.base_ms = recent, base
        self.recent = self.column(".recent", COUNT)
        self.base = self.column(".base", COUNT)
        self.values = self.column(empty=UNKNOWN)
        self.slot = self.make_slot(self.values, "number", unknown=UNKNOWN)
        self.op_recent = self.unit.op(None)
        self.op_base = self.unit.op(None)

    def finish(self) -> None:
        near, far = name(self.recent.name), name(self.base.name)
        # An entry that leaves the recent window enters the baseline, and leaves that `baseline` later.
        long = self.recent_ms + self.base_ms
        exact = long <= WINDOW_EXACT_MS_MAX
        enter = code(
            "k = NEAR[row] - entries\nNEAR[row] = k\nf = FAR[row] + entries\nSTORE\n"
            "te = due - RECENT\nu = LONG\nPUSHED\n"
            "if entries > 1:\n    for _ in range(entries - 1):\n        PUSHED",
            NEAR=near,
            FAR=far,
            STORE=self.store(self.base, "f"),
            RECENT=self.recent_ms,
            LONG=expression("due + LATER", LATER=self.base_ms) if exact else leaving(long),
            PUSHED=pushing(self.unit.low(self.op_base)),
        )
        leave = code("k = NEAR[row]\nf = FAR[row] - entries\nFAR[row] = f", NEAR=near, FAR=far)
        settle = [*code("d = 0"), *self._settled(), *code("return d")]
        self.unit.fires(self.op_recent, f"recent_{self.label}", enter + settle)
        self.unit.fires(self.op_base, f"base_{self.label}", leave + settle)
        held = code("k = NEAR[row]\nf = FAR[row]", NEAR=near, FAR=far)
        self._settle = self.unit.env.function(f"settle_{self.label}", ["row"], held + settle)

    def _settled(self) -> list[ast.stmt]:
        """The value anew from the locals `k`, the recent count, and `f`, the baseline's."""
        common = gcd(self.base_ms * 1_000_000, self.recent_ms)
        up, down = self.base_ms * 1_000_000 // common, self.recent_ms // common
        base = name("f") if down == 1 else expression("f * DOWN", DOWN=down)
        return code(
            "o = COL[row]\nn = k * UP // BASE if f >= LEAST else UNSET\n"
            "if o != n:\n    COL[row] = n\n    CHANGE",
            COL=name(self.values.name),
            UP=up,
            BASE=base,
            LEAST=max(1, self.model.minimum),
            UNSET=UNKNOWN,
            CHANGE=self.change(self.slot, "o", "n"),
        )

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        counted = code(
            "k = NEAR[row]\nf = FAR[row]\nu = RECENT\n"
            "if u > t:\n    PUSH_RECENT\n    k += 1\n    NEARER\n"
            "else:\n    u = LONG\n"
            "    if u > t:\n        PUSH_BASE\n        f += 1\n        FARTHER",
            NEAR=name(self.recent.name),
            FAR=name(self.base.name),
            NEARER=self.store(self.recent, "k"),
            FARTHER=self.store(self.base, "f"),
            RECENT=leaving(self.recent_ms),
            LONG=leaving(self.recent_ms + self.base_ms),
            PUSH_RECENT=pushing(self.unit.low(self.op_recent)),
            PUSH_BASE=pushing(self.unit.low(self.op_base)),
        )
        return [*counted, *self._settled()]

    def merge(self, winner: int, loser: int, t: int) -> None:
        for column in (self.recent, self.base):
            data = self.data(column)
            self.put(column, winner, data[winner] + data[loser])
        self._settle(winner)


KINDS: dict[type, Any] = {
    m.Count: CountKind,
    m.Sum: SumKind,
    m.Average: AverageKind,
    m.Trend: TrendKind,
    m.Baseline: BaselineKind,
}

"""Totals over a window: count, sum, average, trend and the subject against its own baseline."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from ...workspace import models as m
from ..build import code, expression, name
from ..columns import UNKNOWN, Array
from .base import DAY, SignalKind, Stream, leaves, leaving, shifted_row, window_ms


class CountKind(SignalKind):
    """How many events; 4 bytes a subject and 8 a windowed event."""

    model: m.Count

    def declare(self) -> None:
        self.values = self.column(dtype="int32")
        self.slot = self.make_slot(self.values, "count")
        self.window = window_ms(self.model.window)
        self.op = self.unit.op(self._fire) if self.window is not None else 0

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        up = code("c = COL[row] + 1\nCOL[row] = c", COL=name(self.values.name))
        if self.slot.watched:
            up += code("b = c - 1") + self.change(self.slot, "b", "c", unit=True)
        if self.window is None:
            return up
        push = code("PUSH(u, LOW)", PUSH=name("push"), LOW=shifted_row(self.unit.low(self.op)))
        return code("u = DUE\nif u > t:\n    BODY", DUE=leaving(self.window), BODY=push + up)

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        values = self.data(self.values)
        old = values[row]
        values[row] = new = old - entries
        return self._changed(row, old, new)

    def merge(self, winner: int, loser: int, t: int) -> None:
        values = self.data(self.values)
        values[winner] += values[loser]


class SumKind(SignalKind):
    """Sum of a numeric property in 1e-6 units; 8 bytes a subject and 16 a windowed event."""

    model: m.Sum

    def declare(self) -> None:
        self.values = self.column()
        self.slot = self.make_slot(self.values, "number")
        self.window = window_ms(self.model.window)
        self.op = self.unit.op(self._fire) if self.window is not None else 0

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        add = code("o = COL[row]\nn = o + x\nCOL[row] = n", COL=name(self.values.name)) + self.change(self.slot, "o", "n")
        if self.window is not None:
            low = shifted_row(self.unit.low(self.op))
            add = code("PUSH(u, LOW, x)", PUSH=name("push_value"), LOW=low) + add
            add = code("u = DUE\nif u > t:\n    BODY", DUE=leaving(self.window), BODY=add)
        return code("x = MICRO(V)\nif x is not None:\n    BODY", MICRO=name("micro"), V=self.unit.read_property(self.model.property), BODY=add)

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        values = self.data(self.values)
        old = values[row]
        values[row] = new = old - value
        return self._changed(row, old, new)

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
        self.op = self.unit.op(self._fire) if self.window is not None else 0

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        add = code(
            "s = SUM[row] + x\nc = N[row] + 1\nSUM[row] = s\nN[row] = c\no = COL[row]\nn = s // c\nCOL[row] = n",
            SUM=name(self.sums.name), N=name(self.counts.name), COL=name(self.values.name),
        ) + self.change(self.slot, "o", "n")
        if self.window is not None:
            low = shifted_row(self.unit.low(self.op))
            add = code("PUSH(u, LOW, x)", PUSH=name("push_value"), LOW=low) + add
            add = code("u = DUE\nif u > t:\n    BODY", DUE=leaving(self.window), BODY=add)
        return code("x = MICRO(V)\nif x is not None:\n    BODY", MICRO=name("micro"), V=self.unit.read_property(self.model.property), BODY=add)

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        sums, counts = self.data(self.sums), self.data(self.counts)
        sums[row] -= value
        counts[row] -= entries
        return self._settle(row)

    def _settle(self, row: int) -> int:
        sums, counts, values = self.data(self.sums), self.data(self.counts), self.data(self.values)
        old, entries = values[row], counts[row]
        values[row] = new = sums[row] // entries if entries else UNKNOWN
        return self._changed(row, old, new)

    def merge(self, winner: int, loser: int, t: int) -> None:
        for column in (self.sums, self.counts):
            data = self.data(column)
            data[winner] += data[loser]
        self._settle(winner)


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
            "SEEN[row] = 1\ny = te // DAY\nu = (y + LENGTH) * DAY\nif u > t:\n    PUSH(u, LOW)\n    N[row] += 1\n    S[row] += y",
            SEEN=name(self.seen.name), DAY=DAY, LENGTH=self.length_days + 1, PUSH=name("push"),
            LOW=shifted_row(self.unit.low(self.op)), N=name(self.counts.name), S=name(self.days.name),
        )

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        counts, days = self.data(self.counts), self.data(self.days)
        counts[row] -= entries
        days[row] -= entries * (due // DAY - self.length_days - 1)
        return 0

    def closed(self, today: int, rows: int) -> Array:
        """Every row's slope as of 00:00 of day `today`: int64 in 1e-6 events a day per day, UNKNOWN before any event."""
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


class BaselineKind(SignalKind):
    """The subject against itself: two window counts of one stream and the ratio of their rates."""

    model: m.Baseline

    def declare(self) -> None:
        recent, base = window_ms(self.model.window), window_ms(self.model.baseline)
        assert recent is not None and base is not None
        self.recent_ms, self.base_ms = recent, base
        self.recent = self.column(".recent", "int32")
        self.base = self.column(".base", "int32")
        self.values = self.column(empty=UNKNOWN)
        self.slot = self.make_slot(self.values, "number", unknown=UNKNOWN)
        self.op_recent = self.unit.op(self._recent_leaves)
        self.op_base = self.unit.op(self._base_leaves)

    def finish(self) -> None:
        self._changed = self.unit.changer(self.slot)
        self.unit.env.scope[f"settle_{self.values.name}"] = self._settle

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        long = self.recent_ms + self.base_ms
        return code(
            "u = RECENT\n"
            "if u > t:\n    PUSH(u, LOW_RECENT)\n    NEAR[row] += 1\n    d |= SETTLE(row)\n"
            "else:\n    u = LONG\n    if u > t:\n        PUSH(u, LOW_BASE)\n        FAR[row] += 1\n        d |= SETTLE(row)",
            RECENT=leaving(self.recent_ms), LONG=leaving(long), PUSH=name("push"),
            LOW_RECENT=shifted_row(self.unit.low(self.op_recent)), LOW_BASE=shifted_row(self.unit.low(self.op_base)),
            NEAR=name(self.recent.name), FAR=name(self.base.name), SETTLE=name(f"settle_{self.values.name}"),
        )

    def _recent_leaves(self, row: int, due: int, entries: int, value: int) -> int:
        # An entry that leaves the recent window enters the baseline, and leaves that `baseline` later.
        self.data(self.recent)[row] -= entries
        self.data(self.base)[row] += entries
        te = due - self.recent_ms
        leave = leaves(te, self.recent_ms + self.base_ms)
        for _ in range(entries):
            self.unit.push(leave, self.unit.low(self.op_base), row)
        return self._settle(row)

    def _base_leaves(self, row: int, due: int, entries: int, value: int) -> int:
        self.data(self.base)[row] -= entries
        return self._settle(row)

    def _settle(self, row: int) -> int:
        values, base = self.data(self.values), self.data(self.base)[row]
        old = values[row]
        if base < self.model.minimum or base == 0:
            new = UNKNOWN
        else:
            new = self.data(self.recent)[row] * self.base_ms * 1_000_000 // (base * self.recent_ms)
        if new == old:
            return 0
        values[row] = new
        return self._changed(row, old, new)

    def merge(self, winner: int, loser: int, t: int) -> None:
        for column in (self.recent, self.base):
            data = self.data(column)
            data[winner] += data[loser]
        self._settle(winner)


def ratio_value(numerator: int, denominator: int) -> int:
    """The quotient in 1e-6, rounded down; UNKNOWN when the divisor is 0."""
    return UNKNOWN if denominator == 0 else numerator * 1_000_000 // denominator


def scale_expression(value: ast.expr, factor: int) -> ast.expr:
    """`value * factor`, without the multiplication by one."""
    return value if factor == 1 else expression("V * K", V=value, K=factor)


KINDS: dict[type, Any] = {
    m.Count: CountKind, m.Sum: SumKind, m.Average: AverageKind, m.Trend: TrendKind, m.Baseline: BaselineKind,
}

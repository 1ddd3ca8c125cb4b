"""Totals over a window: count, sum, average, trend and the subject against its own baseline."""

from __future__ import annotations

import ast
from math import gcd
from typing import Any

import numpy as np

from ...workspace import models as m
from ..build import code, name
from ..columns import UNKNOWN, Array
from .base import DAY, SignalKind, Stream, leaving, shifted_row, window_ms


class CountKind(SignalKind):
    """How many events; 4 bytes a subject and 8 a windowed event."""

    model: m.Count

    def declare(self) -> None:
        self.values = self.column(dtype="int32")
        self.slot = self.make_slot(self.values, "count")
        self.window = window_ms(self.model.window)
        self.op = self.unit.op(None) if self.window is not None else 0

    def finish(self) -> None:
        if self.window is not None:
            self.unit.fires(self.op, f"leaves_{self.label}", self._leaves())

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

    def _leaves(self) -> list[ast.stmt]:
        """One entry leaves in nearly all cases, and then only one cut can be crossed."""
        many = self.change(self.slot, "b", "c")
        one = self.change(self.slot, "b", "c", unit=True)
        moved = code("b = COL[row]\nc = b - entries\nCOL[row] = c\nd = 0", COL=name(self.values.name))
        if many:
            moved += code("if entries == 1:\n    ONE\nelse:\n    MANY", ONE=one, MANY=many)
        return moved + code("return d")

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
            "SEEN[row] = 1\ny = te // DAY\nu = (y + LENGTH) * DAY\n"
            "if u > t:\n    PUSH(u, LOW)\n    N[row] += 1\n    S[row] += y",
            SEEN=name(self.seen.name),
            DAY=DAY,
            LENGTH=self.length_days + 1,
            PUSH=name("push"),
            LOW=shifted_row(self.unit.low(self.op)),
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
        self.op_recent = self.unit.op(None)
        self.op_base = self.unit.op(None)

    def finish(self) -> None:
        # An entry that leaves the recent window enters the baseline, and leaves that `baseline` later.
        enter = code(
            "NEAR[row] -= entries\nf = FAR[row] + entries\nFAR[row] = f\nte = due - RECENT\nu = LONG\n"
            "for _ in range(entries):\n    PUSH(u, LOW)\nd = 0",
            NEAR=name(self.recent.name),
            FAR=name(self.base.name),
            RECENT=self.recent_ms,
            LONG=leaving(self.recent_ms + self.base_ms),
            PUSH=name("push"),
            LOW=shifted_row(self.unit.low(self.op_base)),
        )
        self.unit.fires(self.op_recent, f"recent_{self.label}", [*enter, *self._settled(), *code("return d")])
        leave = code("f = FAR[row] - entries\nFAR[row] = f\nd = 0", FAR=name(self.base.name))
        self.unit.fires(self.op_base, f"base_{self.label}", [*leave, *self._settled(), *code("return d")])
        settle = code("f = FAR[row]\nd = 0", FAR=name(self.base.name))
        self._settle = self.unit.env.function(
            f"settle_{self.label}", ["row"], [*settle, *self._settled(), *code("return d")]
        )

    def _settled(self) -> list[ast.stmt]:
        """The value anew from the recent count and the local `f`, the baseline's."""
        common = gcd(self.base_ms * 1_000_000, self.recent_ms)
        return code(
            "o = COL[row]\nn = NEAR[row] * UP // (f * DOWN) if f >= LEAST else UNSET\n"
            "if o != n:\n    COL[row] = n\n    CHANGE",
            COL=name(self.values.name),
            NEAR=name(self.recent.name),
            UP=self.base_ms * 1_000_000 // common,
            DOWN=self.recent_ms // common,
            LEAST=max(1, self.model.minimum),
            UNSET=UNKNOWN,
            CHANGE=self.change(self.slot, "o", "n"),
        )

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        long = self.recent_ms + self.base_ms
        near = code(
            "PUSH(u, LOW)\nNEAR[row] += 1\nf = FAR[row]",
            PUSH=name("push"),
            LOW=shifted_row(self.unit.low(self.op_recent)),
            NEAR=name(self.recent.name),
            FAR=name(self.base.name),
        )
        far = code(
            "u = LONG\nif u > t:\n    PUSH(u, LOW)\n    f = FAR[row] + 1\n    FAR[row] = f\n    SETTLED",
            LONG=leaving(long),
            PUSH=name("push"),
            LOW=shifted_row(self.unit.low(self.op_base)),
            FAR=name(self.base.name),
            SETTLED=self._settled(),
        )
        return code(
            "u = RECENT\nif u > t:\n    NEARER\nelse:\n    FARTHER",
            RECENT=leaving(self.recent_ms),
            NEARER=[*near, *self._settled()],
            FARTHER=far,
        )

    def merge(self, winner: int, loser: int, t: int) -> None:
        for column in (self.recent, self.base):
            data = self.data(column)
            data[winner] += data[loser]
        self._settle(winner)


KINDS: dict[type, Any] = {
    m.Count: CountKind,
    m.Sum: SumKind,
    m.Average: AverageKind,
    m.Trend: TrendKind,
    m.Baseline: BaselineKind,
}

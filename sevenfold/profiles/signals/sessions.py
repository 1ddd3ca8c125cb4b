"""Sessions: visits told apart by silence, and how long the open one, the last one and the usual one are."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from ...workspace import models as m
from ..build import code, expression, name
from ..columns import COUNT, UNKNOWN, Column
from ..expressions import parse_duration
from .base import SignalKind, Stream, pushing, window_ms
from .totals import counting, uncounting


class SessionsKind(SignalKind):
    """Sessions by gap; closed by the next event or, when somebody watches, by a timer at end + gap."""

    model: m.Sessions
    close: Callable[[int], int]
    """(row) closes the open session; returns the mask of who must look. Made by `finish`."""

    def declare(self) -> None:
        self.gap = parse_duration(self.model.gap)
        self.window = window_ms(self.model.window)
        self.counts = self.column(dtype=COUNT)
        self.slot = self.make_slot(self.counts, "count")
        self.start = self.column(".start", empty=UNKNOWN)
        self.end = self.column(".end", empty=UNKNOWN)
        self.in_session = self.column(".events", COUNT)
        self.current = self.column(".current", "int32", widens=True)
        self.previous = self.column(".previous", empty=UNKNOWN)
        self.total = self.column(".total", "int32", widens=True)
        self.ended = self.column(".ended", COUNT)
        self.average = self.column(".average", empty=UNKNOWN)
        self.part_slots = {
            "current": self.make_slot(self.current, "duration", "current"),
            "previous": self.make_slot(self.previous, "duration", "previous", UNKNOWN),
            "average": self.make_slot(self.average, "duration", "average", UNKNOWN),
            "events": self.make_slot(self.in_session, "count", "events"),
        }
        self.op = self.unit.op(None) if self.window is not None else 0
        self.op_close = self.unit.op(None, timer=True)
        self.watched = False

    def finish(self) -> None:
        env = self.unit.env
        self.watched = any(slot.watched for slot in self.part_slots.values())
        self.close = env.function(f"close_{self.label}", ["row"], self._closing())
        env.scope[f"close_{self.counts.name}"] = self.close
        event = env.function(f"session_{self.label}", ["row", "te", "t"], self._beyond())
        env.scope[f"session_{self.counts.name}"] = event
        self.unit.fires(self.op_close, f"ends_{self.label}", self._ending())
        if self.window is not None:
            self.unit.fires(self.op, f"leaves_{self.label}", uncounting(self, self.counts, self.slot))

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    # --- generated: locals are g (start), e (end), u (due), o and n (a value before and now)

    def _emit(self) -> list[ast.stmt]:
        # The common case by far, an event inside the open session, only extends it.
        return code(
            "e = END[row]\nif 0 <= te - e < GAP and t - e < GAP:\n"
            "    END[row] = te\n    n = N[row] + 1\n    TAKEN\n    COUNTED\n"
            "    n = te - START[row]\n    LENGTHENED\n    LASTED\n"
            "else:\n    d |= SESSION(row, te, t)",
            END=name(self.end.name),
            GAP=self.gap,
            N=name(self.in_session.name),
            TAKEN=self.store(self.in_session, "n"),
            LASTED=self.store(self.current, "n"),
            START=name(self.start.name),
            SESSION=name(f"session_{self.counts.name}"),
            COUNTED=self._one_more(),
            LENGTHENED=self._following("current", self.current),
        )

    def _one_more(self) -> list[ast.stmt]:
        """After the open session's events became `n`, one more."""
        slot = self.part_slots["events"]
        return [*code("o = n - 1"), *self.change(slot, "o", "n", unit=True)] if slot.watched else []

    def _following(self, part: str, column: Column) -> list[ast.stmt]:
        """Before a part becomes `n`: who must look."""
        slot = self.part_slots[part]
        if not slot.watched:
            return []
        changed = self.change(slot, "o", "n")
        return code("o = COL[row]\nif o != n:\n    CHANGED", COL=name(column.name), CHANGED=changed)

    def _setting(self, part: str, column: Column, new: ast.expr) -> list[ast.stmt]:
        follow = self._following(part, column)
        stored = self.store(column, "n") if column.widens else code("COL[row] = n", COL=name(column.name))
        return code("n = NEW\nFOLLOW\nSTORED", NEW=new, FOLLOW=follow, STORED=stored)

    def _closing(self) -> list[ast.stmt]:
        begin = code(
            "d = 0\ne = END[row]\nlength = e - START[row]\nSTART[row] = UNSET\nEND[row] = UNSET\n"
            "total = TOTAL[row] + length\nLONGER\nended = ENDED[row] + 1\nONE_MORE",
            START=name(self.start.name),
            END=name(self.end.name),
            UNSET=UNKNOWN,
            TOTAL=name(self.total.name),
            ENDED=name(self.ended.name),
            LONGER=self.store(self.total, "total"),
            ONE_MORE=self.store(self.ended, "ended"),
        )
        return [
            *begin,
            *self._setting("previous", self.previous, name("length")),
            *self._setting("average", self.average, expression("total // ended")),
            *self._setting("events", self.in_session, ast.Constant(0)),
            *self._setting("current", self.current, ast.Constant(0)),
            *code("return d"),
        ]

    def _ending(self) -> list[ast.stmt]:
        """The timer of an open session: it waits longer, or the session is over."""
        return code(
            "e = END[row]\nif e == UNSET:\n    return 0\nu = e + GAP\n"
            "if u > due:\n    PUSHED\n    return 0\nreturn CLOSE(row)",
            END=name(self.end.name),
            UNSET=UNKNOWN,
            GAP=self.gap,
            PUSHED=pushing(self.unit.low(self.op_close)),
            CLOSE=name(f"close_{self.counts.name}"),
        )

    def _beyond(self) -> list[ast.stmt]:
        """An event that does not simply extend the open session."""
        parts: dict[str, Any] = {
            "START": name(self.start.name),
            "END": name(self.end.name),
            "GAP": self.gap,
            "UNSET": UNKNOWN,
            "CLOSE": name(f"close_{self.counts.name}"),
            "COUNTED": counting(self, self.counts, self.slot, self.window, self.op),
        }
        timer = code("u = te + GAP\nPUSHED", GAP=self.gap, PUSHED=pushing(self.unit.low(self.op_close)))
        # A session whose timer's instant has come is over, whether or not a timer was needed to say so. A
        # late event whose session is over already opens and closes it at once: a session of length 0.
        opened = code(
            "d = 0\ng = START[row]\ne = END[row]\n"
            "if g != UNSET and e + GAP <= t:\n    d = CLOSE(row)\n    g = UNSET\n"
            "if g == UNSET:\n    START[row] = te\n    END[row] = te\n    COUNTED\n"
            "    if te + GAP <= t:\n        return d | CLOSE(row)\n    TIMER\n    FIRST\n    return d",
            TIMER=timer if self.watched else [],
            FIRST=self._setting("events", self.in_session, ast.Constant(1)),
            **parts,
        )
        return opened + code(
            "if te >= g:\n    if te > e:\n        END[row] = e = te\n"
            "elif g - te <= GAP:\n    START[row] = g = te\nelse:\n    return d\n"
            "n = N[row] + 1\nTAKEN\nMORE\nLENGTH\nreturn d",
            N=name(self.in_session.name),
            TAKEN=self.store(self.in_session, "n"),
            MORE=self._one_more(),
            LENGTH=self._setting("current", self.current, expression("e - g")),
            **parts,
        )

    # --- merges and reading

    def settle(self, row: int, t: int) -> None:
        """Closes a session that is over but that no timer closed, before a value is shown."""
        end = self.data(self.end)[row]
        if end != UNKNOWN and end + self.gap <= t:
            self.close(row)

    def merge(self, winner: int, loser: int, t: int) -> None:
        self.settle(winner, t)
        self.settle(loser, t)
        for column in (self.counts, self.total, self.ended):
            data = self.data(column)
            self.put(column, winner, data[winner] + data[loser])
        starts, ends = self.data(self.start), self.data(self.end)
        if starts[loser] != UNKNOWN:
            if starts[winner] == UNKNOWN:
                starts[winner], ends[winner] = starts[loser], ends[loser]
                if self.watched:
                    self.unit.push(ends[winner] + self.gap, self.unit.low(self.op_close), winner)
            else:
                # Both open at the same time: one person on two devices is in one session, counted once.
                starts[winner] = min(starts[winner], starts[loser])
                ends[winner] = max(ends[winner], ends[loser])
            in_session = self.data(self.in_session)
            self.put(self.in_session, winner, in_session[winner] + in_session[loser])
            self.put(self.current, winner, ends[winner] - starts[winner])
        previous = self.data(self.previous)
        previous[winner] = max(previous[winner], previous[loser])
        ended = self.data(self.ended)[winner]
        self.data(self.average)[winner] = self.data(self.total)[winner] // ended if ended else UNKNOWN

    def resume(self, row: int, before: int, t: int) -> None:
        """The previous session is the later one, not the longer one."""
        self.settle(row, t)
        self.settle(before, t)
        lengths = self.data(self.previous)
        latest = lengths[row] if self.data(self.ended)[row] else lengths[before]
        self.merge(row, before, t)
        lengths[row] = latest

    def parts(self, row: int) -> dict[str, Any]:
        return {part: self.unit.show(slot, row) for part, slot in self.part_slots.items()}


KINDS: dict[type, Any] = {m.Sessions: SessionsKind}

"""Clocks: time since an event, a change, a date or a stage entry. Comparisons flip by timers, at exactly
their instant.

A clock keeps a base and a level: how many of the durations anybody compares it with have passed. One timer
at most is
out for a row of a `since` clock: an event that moves the base leaves the timer alone, and when it fires it
looks at the
base again and re-arms. Bases that move seldom (dates, stages) push a timer at each change and old ones fire
in vain.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from typing import Any

from ...workspace import models as m
from ..build import code, expression, name
from ..columns import UNKNOWN, Column
from ..slots import Clock, Slot
from .base import SignalKind, Stream, shifted_row


class ClockKind(SignalKind):
    """What every clock shares. Subclasses say where the base comes from."""

    backward = False
    timers_lazy = False

    def declare(self) -> None:
        self.base = self.column(empty=UNKNOWN)
        self.level = self.column(".level", "int8")
        self.clock = Clock(self.base.name, UNKNOWN, self.level.name, self.backward)
        self.slot = Slot(self.unit.kind, self.label, "clock", clock=self.clock)
        self.unit.add_slot((self.label,), self.slot)
        self.op = self.unit.op(self._fire, timer=True)
        self.offsets: list[int] = []
        self.out: Column | None = None
        self.every = self.every_members = 0

    def finish(self) -> None:
        clock = self.clock
        self.offsets = list(clock.offsets)
        self.every, self.every_members = clock.known, clock.member_known
        for mask in clock.masks.values():
            self.every |= mask
        for mask in clock.member_masks.values():
            self.every_members |= mask
        self.unit.env.scope[f"move_{self.base.name}"] = self.move

    def _level_at(self, base: int, t: int) -> int:
        return 0 if base == UNKNOWN else bisect_right(self.offsets, t - base)

    def move(self, row: int, base: int, t: int) -> int:
        """Sets the base (UNKNOWN clears it), arms the next timer and returns the mask of who must look."""
        bases, levels = self.data(self.base), self.data(self.level)
        old_base, old_level = bases[row], levels[row]
        if old_base == base:
            return 0
        bases[row] = base
        if not self.offsets:
            return self._flip(row, old_base == UNKNOWN, 0, 0)
        levels[row] = new_level = self._level_at(base, t)
        if base != UNKNOWN and new_level < len(self.offsets):
            self._arm(row, base + self.offsets[new_level])
        return self._flip(row, (old_base == UNKNOWN) != (base == UNKNOWN), old_level, new_level)

    def _flip(self, row: int, knownness: bool, old: int, new: int) -> int:
        if knownness:
            if self.every_members:
                self.unit.touch(row)
            return self.every
        mask = 0
        for offset in self.offsets[min(old, new) : max(old, new)]:
            mask |= self.clock.masks.get(offset, 0)
        if self.every_members and old != new:
            self.unit.touch(row)
        return mask

    def _arm(self, row: int, due: int) -> None:
        self.unit.push(due, self.unit.low(self.op), row)
        if self.out is not None:
            self.data(self.out)[row] = due

    def _fire(self, row: int, due: int, entries: int, value: int) -> int:
        bases, levels = self.data(self.base), self.data(self.level)
        base, level = bases[row], levels[row]
        if base == UNKNOWN or level >= len(self.offsets):
            return 0
        if self.out is not None and self.data(self.out)[row] != due:
            return 0
        at = base + self.offsets[level]
        if at != due:
            if self.timers_lazy and at > due:
                self._arm(row, at)
            return 0
        levels[row] = new = self._level_at(base, due)
        if new < len(self.offsets):
            self._arm(row, base + self.offsets[new])
        return self._flip(row, False, level, new)

    def merge(self, winner: int, loser: int, t: int) -> None:
        bases = self.data(self.base)
        if bases[loser] != UNKNOWN:
            self.move(winner, self.merged(bases[winner], bases[loser]), t)

    def merged(self, a: int, b: int) -> int:
        return max(a, b)

    def read(self, row: int) -> Any:
        base = self.data(self.base)[row]
        if base == UNKNOWN:
            return None
        return base - self.unit.now() if self.backward else self.unit.now() - base


class SinceKind(ClockKind):
    """Time since the last or first event of a stream."""

    model: m.Since

    def declare(self) -> None:
        super().declare()
        self.timers_lazy = self.model.edge == "last"

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        move = name(f"move_{self.base.name}")
        base = name(self.base.name)
        if self.model.edge == "first":
            return code(
                "b = BASE[row]\nif b == UNSET or te < b:\n    d |= MOVE(row, te, t)",
                BASE=base,
                UNSET=UNKNOWN,
                MOVE=move,
            )
        if not self.offsets:
            if not (self.every or self.every_members):
                return code("if te > BASE[row]:\n    BASE[row] = te", BASE=base)
            return code("if te > BASE[row]:\n    d |= MOVE(row, te, t)", BASE=base, MOVE=move)
        # The common case: a later event while nothing has passed yet moves the base and leaves the timer out.
        return code(
            "b = BASE[row]\nif te > b:\n"
            "    if b != UNSET and LEVEL[row] == 0:\n        BASE[row] = te\n        d |= 0\n"
            "    else:\n        d |= MOVE(row, te, t)",
            BASE=base,
            LEVEL=name(self.level.name),
            UNSET=UNKNOWN,
            MOVE=name(f"later_{self.base.name}"),
        )

    def finish(self) -> None:
        super().finish()
        self.unit.env.scope[f"later_{self.base.name}"] = self._later
        # With several offsets a timer for a later one may be out when an event brings the first one back;
        # the column
        # says which timer is the valid one.
        self.out = self.column(".due", empty=UNKNOWN) if len(self.offsets) > 1 and self.timers_lazy else None

    def _later(self, row: int, base: int, t: int) -> int:
        """`move` for a base that only grows: pushes a timer only when none is out."""
        bases, levels = self.data(self.base), self.data(self.level)
        old_base, old_level = bases[row], levels[row]
        bases[row] = base
        levels[row] = new = self._level_at(base, t)
        # While nothing has passed the timer that is out comes early enough, and looks at the base when it
        # fires.
        if (old_base == UNKNOWN or old_level > new or old_level == len(self.offsets)) and new < len(
            self.offsets
        ):
            self._arm(row, base + self.offsets[new])
        return self._flip(row, old_base == UNKNOWN, old_level, new)

    def merged(self, a: int, b: int) -> int:
        if self.model.edge == "last":
            return max(a, b)
        return b if a == UNKNOWN else min(a, b)

    def merge(self, winner: int, loser: int, t: int) -> None:
        # Without the shortcut of `later`: the loser's timer may be out for an older base, the winner's for
        # another.
        super().merge(winner, loser, t)


class SinceChangeKind(ClockKind):
    """Time since a trait took another value; the unit moves it when it sets the trait."""

    model: m.SinceChange

    def link(self) -> None:
        self.unit.trait_moves.setdefault(self.model.trait, []).append(self._trait_changed)

    def _trait_changed(self, row: int, te: int, t: int) -> int:
        known = self.unit.trait_known(self.model.trait, row)
        return self.move(row, te if known else UNKNOWN, t)


class DateKind(ClockKind):
    """Time since or until the date in a trait or a signal of type date."""

    model: m.SinceDate | m.UntilDate

    def link(self) -> None:
        self.backward = self.clock.backward = isinstance(self.model, m.UntilDate)
        source = self.model.date
        parts = ("trait", source.removeprefix("trait.")) if source.startswith("trait.") else (source,)
        slot = self.unit.slots.get(parts) or self.unit.slots.get(("trait", source))
        assert slot is not None, source
        self.unit.followers.setdefault(slot.column, []).append(self)
        self.source = slot

    def follow(self, row: int, t: int) -> int:
        """The source took another value."""
        return self.move(row, self.data_of(self.source.column)[row], t)

    def data_of(self, column: str) -> Any:
        return self.unit.env.scope[column]

    def merge(self, winner: int, loser: int, t: int) -> None:
        self.follow(winner, t)


class StageTimeKind(ClockKind):
    """Time since the subject entered its stage; the unit moves it at each transition."""

    model: m.StageTime

    def link(self) -> None:
        self.unit.stage_clocks.setdefault(self.model.lifecycle, []).append(self)

    def merge(self, winner: int, loser: int, t: int) -> None:
        """The winner's stage stays, and so does its clock."""


class SessionsKind(SignalKind):
    """Sessions by gap; closed by the next event or, when somebody watches, by a timer at end + gap."""

    model: m.Sessions

    def declare(self) -> None:
        from ..expressions import parse_duration
        from .base import window_ms

        self.gap = parse_duration(self.model.gap)
        self.window = window_ms(self.model.window)
        self.counts = self.column(dtype="int32")
        self.slot = self.make_slot(self.counts, "count")
        self.start = self.column(".start", empty=UNKNOWN)
        self.end = self.column(".end", empty=UNKNOWN)
        self.in_session = self.column(".events", "int32")
        self.current = self.column(".current")
        self.previous = self.column(".previous", empty=UNKNOWN)
        self.total = self.column(".total")
        self.ended = self.column(".ended", "int32")
        self.average = self.column(".average", empty=UNKNOWN)
        self.part_slots = {
            "current": self.make_slot(self.current, "duration", "current"),
            "previous": self.make_slot(self.previous, "duration", "previous", UNKNOWN),
            "average": self.make_slot(self.average, "duration", "average", UNKNOWN),
            "events": self.make_slot(self.in_session, "count", "events"),
        }
        self.op = self.unit.op(self._leaves) if self.window is not None else 0
        self.op_close = self.unit.op(self._close_due, timer=True)
        self.watched = False

    def finish(self) -> None:
        self.unit.env.scope[f"session_{self.counts.name}"] = self._event
        self.watched = any(slot.watched for slot in self.part_slots.values())

    def streams(self) -> list[Stream]:
        return [Stream(self.events(self.model.event), self.model.where, self._emit)]

    def _emit(self) -> list[ast.stmt]:
        # The common case by far, an event inside the open session, only extends it.
        return code(
            "e = END[row]\nif 0 <= te - e < GAP and t - e < GAP:\n"
            "    END[row] = te\n    o = N[row]\n    n = o + 1\n    N[row] = n\n    COUNTED\n"
            "    o = CUR[row]\n    n = te - START[row]\n    CUR[row] = n\n    LENGTHENED\n"
            "else:\n    d |= SESSION(row, te, t)",
            END=name(self.end.name),
            GAP=self.gap,
            N=name(self.in_session.name),
            CUR=name(self.current.name),
            START=name(self.start.name),
            SESSION=name(f"session_{self.counts.name}"),
            COUNTED=self.change(self.part_slots["events"], "o", "n", unit=True),
            LENGTHENED=self.change(self.part_slots["current"], "o", "n"),
        )

    def _set(self, part: str, column: Column, row: int, new: int) -> int:
        data = self.data(column)
        old = data[row]
        if old == new:
            return 0
        data[row] = new
        return self.changed(self.part_slots[part], row, old, new)

    def _close(self, row: int) -> int:
        length = self.data(self.end)[row] - self.data(self.start)[row]
        self.data(self.start)[row] = self.data(self.end)[row] = UNKNOWN
        total, ended = self.data(self.total), self.data(self.ended)
        total[row] += length
        ended[row] += 1
        mask = self._set("previous", self.previous, row, length)
        mask |= self._set("average", self.average, row, total[row] // ended[row])
        mask |= self._set("events", self.in_session, row, 0)
        return mask | self._set("current", self.current, row, 0)

    def _event(self, row: int, te: int, t: int) -> int:
        starts, ends = self.data(self.start), self.data(self.end)
        start, end = starts[row], ends[row]
        mask = 0
        if start != UNKNOWN and end + self.gap <= t:
            # Its timer's instant has come: the session is over, whether or not a timer was needed to say so.
            mask |= self._close(row)
            start = UNKNOWN
        if start == UNKNOWN:
            return mask | self._open(row, te, t)
        if te >= start:
            if te > end:
                ends[row] = te
        elif start - te <= self.gap:
            starts[row] = te
        else:
            return mask
        mask |= self._set("events", self.in_session, row, self.data(self.in_session)[row] + 1)
        return mask | self._set("current", self.current, row, ends[row] - starts[row])

    def _open(self, row: int, te: int, t: int) -> int:
        from .base import leaves

        if te + self.gap <= t:
            # A late event whose session is over already would open and close at once; it is a session of
            # length 0.
            counted = self._count(row, te, t, leaves)
            self.data(self.start)[row] = self.data(self.end)[row] = te
            return counted | self._close(row)
        self.data(self.start)[row] = self.data(self.end)[row] = te
        if self.watched:
            self.unit.push(te + self.gap, self.unit.low(self.op_close), row)
        mask = self._set("events", self.in_session, row, 1)
        return mask | self._count(row, te, t, leaves)

    def _count(self, row: int, te: int, t: int, leaves: Any) -> int:
        if self.window is not None:
            due = leaves(te, self.window)
            if due <= t:
                return 0
            self.unit.push(due, self.unit.low(self.op), row)
        counts = self.data(self.counts)
        counts[row] = new = counts[row] + 1
        return self.changed(self.slot, row, new - 1, new)

    def _leaves(self, row: int, due: int, entries: int, value: int) -> int:
        counts = self.data(self.counts)
        old = counts[row]
        counts[row] = old - entries
        return self.changed(self.slot, row, old, old - entries)

    def _close_due(self, row: int, due: int, entries: int, value: int) -> int:
        end = self.data(self.end)[row]
        if end == UNKNOWN:
            return 0
        if end + self.gap > due:
            self.unit.push(end + self.gap, self.unit.low(self.op_close), row)
            return 0
        return self._close(row)

    def settle(self, row: int, t: int) -> None:
        """Closes a session that is over but that no timer closed, before a value is shown."""
        end = self.data(self.end)[row]
        if end != UNKNOWN and end + self.gap <= t:
            self._close(row)

    def merge(self, winner: int, loser: int, t: int) -> None:
        self.settle(winner, t)
        self.settle(loser, t)
        for column in (self.counts, self.total, self.ended):
            data = self.data(column)
            data[winner] += data[loser]
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
            in_session[winner] += in_session[loser]
            self.data(self.current)[winner] = ends[winner] - starts[winner]
        previous = self.data(self.previous)
        previous[winner] = max(previous[winner], previous[loser])
        ended = self.data(self.ended)[winner]
        self.data(self.average)[winner] = self.data(self.total)[winner] // ended if ended else UNKNOWN

    def parts(self, row: int) -> dict[str, Any]:
        return {part: self.unit.show(slot, row) for part, slot in self.part_slots.items()}


KINDS: dict[type, Any] = {
    m.Since: SinceKind,
    m.SinceChange: SinceChangeKind,
    m.SinceDate: DateKind,
    m.UntilDate: DateKind,
    m.StageTime: StageTimeKind,
    m.Sessions: SessionsKind,
}

__all__ = ["KINDS", "ClockKind", "DateKind", "SessionsKind", "StageTimeKind", "expression", "shifted_row"]

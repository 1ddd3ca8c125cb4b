"""What members see of their account: its facts as of its last closed tick, in shadow columns.

A person's evaluation may fall anywhere between two ticks; reading the live columns would make it depend on
when. So each account value that a person's condition, weight or measure reads has a shadow, brought up to
date when the account closes. What then crossed a member's threshold is the mask of nodes its members look at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..profiles.build import code, expression, name
from ..profiles.columns import UNKNOWN, Column
from ..profiles.slots import Slot, crossing
from ..profiles.unit import Unit


class Exports:
    """The shadowed slots of the account unit, made after all have registered what they watch."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.closed = unit.table.add(".closed", "int8")
        """1 from the account's first tick on; before it members know nothing of it."""
        self.every = 0
        self._values: list[tuple[Slot, Column, Callable[[int, int], int]]] = []
        self._clocks: list[tuple[Slot, Column, Column]] = []
        for slot in dict.fromkeys(unit.slots.values()):
            clock = slot.clock
            if clock is not None and (clock.member_masks or clock.member_known):
                self._shadow_clock(slot)
            elif slot.members:
                self._shadow_value(slot)
        self.close = self._compiled()
        """`close(row)` brings the shadows of an account up to date; returns what its members look at."""

    def _shadow_value(self, slot: Slot) -> None:
        unknown = 0 if slot.unknown is None else slot.unknown
        column = self.unit.table.add(f".seen.{slot.label}", "int64", unknown)
        slot.shadow = column.name
        self._values.append((slot, column, crossing(slot.members, slot.unknown)))
        self.every |= slot.members.every

    def _shadow_clock(self, slot: Slot) -> None:
        clock = slot.clock
        assert clock is not None
        base = self.unit.table.add(f".seen.{slot.label}", "int64", UNKNOWN)
        level = self.unit.table.add(f".seen.{slot.label}.level", "int8")
        clock.shadow_base, clock.shadow_level = base.name, level.name
        self._clocks.append((slot, base, level))
        self.every |= clock.member_known
        for mask in clock.member_masks.values():
            self.every |= mask

    def _compiled(self) -> Callable[[int], int]:
        env = self.unit.env
        body = code("d = 0")
        for slot, column, crossed in self._values:
            live = expression("LIVE[row]", LIVE=name(slot.column))
            body += code(
                "n = VALUE\no = SEEN[row]\nif o != n:\n    SEEN[row] = n\n    d |= CROSSED(o, n)",
                VALUE=expression("VALUE & BIT", VALUE=live, BIT=slot.bit) if slot.bit else live,
                SEEN=name(column.name),
                CROSSED=env.bind(crossed, "crossed"),
            )
        for slot, base, level in self._clocks:
            closed = env.bind(partial(self._close_clock, slot, base, level), "clock")
            body += code("d |= CLOCK(row)", CLOCK=closed)
        body += code(
            "if not CLOSED[row]:\n    CLOSED[row] = 1\n    return EVERY\nreturn d",
            CLOSED=name(self.closed.name),
            EVERY=self.every,
        )
        made: Callable[[int], int] = env.function("close_account", ["row"], body)
        return made

    def _close_clock(self, slot: Slot, base: Column, level: Column, row: int) -> int:
        clock, scope = slot.clock, self.unit.env.scope
        assert clock is not None
        live_base, live_level = scope[clock.base][row], scope[clock.level][row]
        bases: Any = scope[base.name]
        levels: Any = scope[level.name]
        old_base, old_level = bases[row], levels[row]
        bases[row], levels[row] = live_base, live_level
        mask = 0
        if (old_base == UNKNOWN) != (live_base == UNKNOWN):
            mask = clock.member_known
            for one in clock.member_masks.values():
                mask |= one
        else:
            for offset in clock.offsets[min(old_level, live_level) : max(old_level, live_level)]:
                mask |= clock.member_masks.get(offset, 0)
        return mask

"""Segments: membership kept as bits of an int64 column, re-evaluated only when a condition's atom has
flipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import expressions as x
from .build import code, name
from .columns import Column
from .slots import Slot
from .unit import Unit

BITS_A_COLUMN = 62


class SegmentSet:
    """Hands out membership bits of one kind of subject."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.used = BITS_A_COLUMN
        self.columns: list[Column] = []

    def slot(self, label: str) -> Slot:
        """A fresh membership bit as a slot."""
        if self.used == BITS_A_COLUMN:
            self.columns.append(self.unit.table.add(f".segments{len(self.columns)}"))
            self.used = 0
        slot = Slot(self.unit.kind, label, "boolean", self.columns[-1].name, bit=1 << self.used)
        self.used += 1
        return slot


class SegmentNode:
    """One segment: true or not for each subject; unknown counts as not."""

    def __init__(
        self, unit: Unit, label: str, condition: x.Node | None, slot: Slot, announced: bool = True
    ) -> None:
        self.unit, self.label, self.condition, self.slot, self.announced = (
            unit,
            label,
            condition,
            slot,
            announced,
        )
        self.bit = 0
        self.told: list[Callable[[int, int, bool], None]] = []
        """Called with (row, t, member) when a membership changes; by journeys."""

    def watch(self) -> None:
        if self.condition is not None:
            self.unit.conditions.watch(self.condition, self.bit)

    def finish(self) -> None:
        """Compiles the membership test."""
        self._changed = self.unit.changer(self.slot)
        self._entered = self.unit.handler("derived", f"$segment {self.label}") if self.announced else None
        self._left = self.unit.handler("derived", f"$left {self.label}") if self.announced else None
        if self.condition is not None:
            true = self.unit.conditions.truth(self.condition)[0]
            self.unit.nodes[self.bit.bit_length() - 1] = self.unit.env.function(
                f"segment_{self.label}",
                ["row", "t"],
                code(
                    "if TEST:\n    return 0 if BITS[row] & BIT else SET(row, t, True)\n"
                    "return SET(row, t, False) if BITS[row] & BIT else 0",
                    TEST=true,
                    BITS=name(self.slot.column),
                    BIT=self.slot.bit,
                    SET=self.unit.env.bind(self.set, "set"),
                ),
            )

    def node(self, row: int, t: int) -> int:
        """Evaluates membership; a change is an effect and a derived event. A list kept by hand does not
        change by itself.
        """
        return 0

    def set(self, row: int, t: int, member: bool) -> int:
        """Makes a subject a member or not; returns who must look again."""
        bits: Any = self.unit.env.scope[self.slot.column]
        held = bits[row]
        if bool(held & self.slot.bit) == member:
            return 0
        new = held | self.slot.bit if member else held & ~self.slot.bit
        bits[row] = new
        mask = self._changed(row, held, new)
        for told in self.told:
            told(row, t, member)
        if self.announced:
            self.unit.host.emit(self.unit, row, "entered" if member else "left", self.label, {})
            derived = self._entered if member else self._left
            if derived is not None:
                mask |= derived(row, t, t, 0, NO_PROPERTIES, None)
        return mask

    def merge(self, winner: int, loser: int) -> None:
        """A list kept by hand: the merged person is on it when either was."""
        if self.condition is None:
            bits: Any = self.unit.env.scope[self.slot.column]
            bits[winner] |= bits[loser] & self.slot.bit


class _NoProperties:
    """The properties of a derived event: none, whatever is asked for."""

    def __getattr__(self, field: str) -> Any:
        from msgspec import UNSET

        return UNSET


NO_PROPERTIES = _NoProperties()

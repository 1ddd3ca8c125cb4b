"""Segments: membership as bits of an int64 column, looked at only when a condition's atom has flipped."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from . import expressions as x
from .build import code, expression, name
from .columns import Column
from .evaluation import Rare
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
            self._set = self.unit.env.bind(self.set, "set")
            self.unit.define(self.bit, f"segment_{self.label}", self._body, 0)

    def _body(self, rare: Rare) -> list[ast.stmt]:
        assert self.condition is not None
        return code(
            "if TEST:\n    if not BITS[row] & BIT:\n        ENTER\nelif BITS[row] & BIT:\n    LEAVE",
            TEST=self.unit.conditions.truth(self.condition)[0],
            BITS=name(self.slot.column),
            BIT=self.slot.bit,
            ENTER=rare(expression("SET(row, t, True)", SET=self._set)),
            LEAVE=rare(expression("SET(row, t, False)", SET=self._set)),
        )

    def node(self, row: int, t: int) -> int:
        """A list kept by hand does not change by itself; other segments have a generated function."""
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

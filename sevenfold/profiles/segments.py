"""Segments: membership as bits of an int64 column, looked at only when a condition's atom has flipped."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from ..effects import ENTERED, LEFT
from . import expressions as x
from .build import code, expression, name
from .columns import Column
from .evaluation import NodeFunction, Rare
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
        self.unit, self.label, self.slot = unit, label, slot
        self.condition, self.announced = condition, announced
        self.bit = 0
        self.told: list[Callable[[int, int, bool], None]] = []
        """Called with (row, t, member) when a membership changes; by journeys."""

    def watch(self) -> None:
        if self.condition is not None:
            self.unit.conditions.watch(self.condition, self.bit)

    def finish(self) -> None:
        """Compiles the membership test, and what entering and leaving do."""
        self._enter, self._leave = self._moving(True), self._moving(False)
        if self.condition is not None:
            self._true = self.unit.conditions.truth(self.condition)[0]
            self.unit.define(self.bit, f"segment_{self.label}", self._body, 0)

    def _body(self, rare: Rare) -> list[ast.stmt]:
        enter, leave = (self.unit.env.bind(f, "moved") for f in (self._enter, self._leave))
        return code(
            "if TEST:\n    if not BITS[row] & BIT:\n        ENTER\nelif BITS[row] & BIT:\n    LEAVE",
            TEST=self._true,
            BITS=name(self.slot.column),
            BIT=self.slot.bit,
            ENTER=rare(expression("MOVE(row, t)", MOVE=enter)),
            LEAVE=rare(expression("MOVE(row, t)", MOVE=leave)),
        )

    def _moving(self, enters: bool) -> NodeFunction:
        """A function that makes somebody who is none a member, or the other way round.

        A change is an effect and a derived event; the function says who must look again.
        """
        unit, env = self.unit, self.unit.env
        body = code(
            "o = BITS[row]\nn = o ^ BIT\nBITS[row] = n\nd = 0", BITS=name(self.slot.column), BIT=self.slot.bit
        )
        if self.slot.watched:
            body += unit.changes.after(self.slot, name("o"), name("n"))
        body += code(
            "for tell in TOLD:\n    tell(row, t, ENTERS)", TOLD=env.bind(self.told, "told"), ENTERS=enters
        )
        if self.announced:
            kind = ENTERED if enters else LEFT
            emit = env.bind(unit.host.emitter(unit, kind, self.label), "emit")
            body += code("EMIT(row, {})", EMIT=emit)
            derived = unit.handler("derived", f"${'segment' if enters else 'left'} {self.label}")
            if derived is not None:
                body += code(
                    "d |= DERIVED(row, t, t, 0, NOTHING, None)",
                    DERIVED=env.bind(derived, "derived"),
                    NOTHING=env.bind(NO_PROPERTIES, "nothing"),
                )
        return env.function(
            f"{'enter' if enters else 'leave'}_{self.label}", ["row", "t"], [*body, *code("return d")]
        )

    def node(self, row: int, t: int) -> int:
        """A list kept by hand does not change by itself; other segments have a generated function."""
        return 0

    def set(self, row: int, t: int, member: bool) -> int:
        """Makes a subject a member or not; returns who must look again."""
        bits: Any = self.unit.env.scope[self.slot.column]
        if bool(bits[row] & self.slot.bit) == member:
            return 0
        return self._enter(row, t) if member else self._leave(row, t)

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

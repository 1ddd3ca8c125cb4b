"""Predictions: a value of each subject that a record brings, unknown until then.

Beside the value stands a mark, which says as of when it was foretold and by which version of the model. Where
only some are asked about, a node after all others looks who they are: whoever leaves them has no value.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from ..workspace import models as m
from .build import code, expression, name
from .columns import UNKNOWN, UNKNOWN32, Array
from .evaluation import Rare
from .slots import Slot
from .unit import Unit

VERSION_BITS = 12
"""Of a mark: the version's number, below the time in ms as of which the value was foretold."""
VERSION_MASK = (1 << VERSION_BITS) - 1
MICRO = 1_000_000


class PredictionNode:
    """One prediction over one kind of subject: its column, marks, and who is asked about."""

    def __init__(self, unit: Unit, label: str, model: m.Prediction) -> None:
        self.unit, self.label, self.model = unit, label, model
        table = unit.table
        small = model.kind == "probability"
        self.unknown = UNKNOWN32 if small else UNKNOWN
        self.values = table.add(f"prediction.{label}", "int32" if small else "int64", self.unknown)
        self.marks = table.add(f".prediction.{label}.mark")
        type_: Any = "date" if model.kind == "time_to" else "number"
        self.slot = Slot(unit.kind, f"prediction.{label}", type_, self.values.name, self.unknown)
        unit.add_slot(("prediction", label), self.slot)
        self.asked = table.add(f".prediction.{label}.asked", "int8") if model.population else None
        self.bit = 0

    def order(self) -> None:
        """Takes the node's place in the order, if it has one."""
        if self.asked is not None:
            self.bit = self.unit.node(self.node)

    def watch(self) -> None:
        if self.model.population is not None:
            self.unit.conditions.watch(self.unit.tree(self.model.population), self.bit)

    def finish(self) -> None:
        """Compiles what leaving the population does."""
        self._changed = self.unit.changer(self.slot)
        if self.asked is None or self.model.population is None:
            return
        true = self.unit.conditions.truth(self.unit.tree(self.model.population))[0]
        leave = self.unit.env.bind(self.leave, "leave")

        def body(rare: Rare) -> list[ast.stmt]:
            assert self.asked is not None
            return code(
                "if TEST:\n    ASKED[row] = 1\nelif ASKED[row]:\n    LEAVE",
                TEST=true,
                ASKED=name(self.asked.name),
                LEAVE=rare(expression("LEAVE(row, t)", LEAVE=leave)),
            )

        self.unit.define(self.bit, f"population_{self.label}", body, 0)

    def node(self, row: int, t: int) -> int:
        """Replaced by a generated function when compiled."""
        raise AssertionError("not compiled")

    # ----------------------------------------------------------------------------------------------- changing

    def is_asked(self, row: int) -> bool:
        """Whether a subject belongs to the population."""
        return self.asked is None or bool(self._held(self.asked)[row])

    def leave(self, row: int, t: int) -> int:
        """Somebody is asked about no more; returns who must look again."""
        assert self.asked is not None
        self._held(self.asked)[row] = 0
        self._held(self.marks)[row] = 0
        return self.set(row, self.unknown, t)

    def set(self, row: int, value: int, t: int) -> int:
        """Another value in a column's units; returns who must look again."""
        values = self._held(self.values)
        old = values[row]
        if old == value:
            return 0
        values[row] = value
        mask = self._changed(row, old, value)
        return mask | self.unit.moved(self.values.name, row, t) if self.slot.type == "date" else mask

    def mark(self, row: int, mark: int) -> None:
        """Says as of when and by which version the value was foretold."""
        self._held(self.marks)[row] = mark

    def merge(self, winner: int, loser: int, t: int) -> None:
        """The value that was foretold as of a later time is the winner's; of equal ones its own."""
        marks = self._held(self.marks)
        if marks[loser] >> VERSION_BITS > marks[winner] >> VERSION_BITS:
            marks[winner] = marks[loser]
            self.set(winner, self._held(self.values)[loser], t)
        if self.asked is not None and self._held(self.asked)[loser]:
            # Looked at with all the rest: who is not asked about as one person loses the value then.
            self._held(self.asked)[winner] = 1

    # ------------------------------------------------------------------------------------------------ reading

    def as_of(self, row: int) -> int:
        """As of when the value was foretold, ms; 0 when there is none."""
        mark: int = self._held(self.marks)[row]
        return mark >> VERSION_BITS

    def version(self, row: int) -> int:
        """The number of the version that foretold it; 0 when there is no value."""
        mark: int = self._held(self.marks)[row]
        return mark & VERSION_MASK

    def known(self, rows: Array) -> Array:
        """Which of `rows` (numbers) have a value, as a vector of truth values."""
        found: Array = self.values.data[rows] != np.int64(self.unknown)
        return found

    def _held(self, column: Any) -> Any:
        return self.unit.env.scope[column.name]


__all__ = ["VERSION_BITS", "VERSION_MASK", "PredictionNode"]

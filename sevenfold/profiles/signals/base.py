"""What every signal kind shares: its place in a compile unit, its streams, its merge and its reading."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...limits import WINDOW_EXACT_MS_MAX
from ...workspace import models as m
from ..build import code, expression, name
from ..columns import UNKNOWN, Column
from ..expressions import parse_duration
from ..slots import Slot
from ..wheel import BUCKET_BITS, LOW_BITS, OFFSET_MASK, OP_BITS

if TYPE_CHECKING:
    from ..unit import Unit

DAY = 86_400_000
EPOCH_2000 = 946_684_800_000
SEQ_BITS = 21
Fire = Callable[[int, int, int, int], int]
"""(row, due ms, entries, sum of their values) -> mask of nodes to look at again."""


def stamp(te: int, seq: int) -> int:
    """(event time, log position) in one int64, for first and last: 42 signed bits of ms around 2000, 21 of
    position.
    """
    return (te - EPOCH_2000) << SEQ_BITS | (seq & 0x1FFFFF)


def stamp_ms(value: int) -> int:
    """The event time of a stamp."""
    return (value >> SEQ_BITS) + EPOCH_2000


@dataclass(slots=True)
class Stream:
    """Events a signal listens to and the statements it adds to their handler (locals row, te, t, seq, p, ev,
    d).
    """

    events: tuple[str, ...]
    where: m.Condition | None
    emit: Callable[[], list[ast.stmt]]


class SignalKind:
    """One signal compiled for one kind of subject. Subclasses say how it is kept; see the module of each
    family.

    Life: `declare` makes columns and slots; conditions then register what they watch; `finish` binds
    operations; the
    unit asks for `streams` to build handlers. `merge` folds a loser's row into a winner's; `read` shows a
    value.
    """

    model: Any
    coded: tuple[str, ...] = ()
    """Columns, by what follows the signal's name, that hold codes of its dictionary."""
    coded_words: int = 0
    """Of so many words of its memory the first holds a code in its low bits; 0: none does."""

    def __init__(self, unit: Unit, label: str, model: m.Signal) -> None:
        self.unit = unit
        self.label = label
        self.model = model

    def declare(self) -> None:
        raise AssertionError(f"{type(self).__name__} declares nothing")

    def link(self) -> None:
        """Looks up the slots of other signals, once all are declared."""

    def finish(self) -> None:
        """Binds what depends on the watches being complete."""

    def streams(self) -> list[Stream]:
        return []

    def merge(self, winner: int, loser: int, t: int) -> None:
        """Combines the loser's state into the winner's; both rows still hold theirs."""

    def resume(self, row: int, before: int, t: int) -> None:
        """Combines what a subject had until some record (in the row `before`) into what came since."""
        self.merge(row, before, t)

    def read(self, row: int) -> Any:
        """The value for people: numbers in natural units, texts, or None when unknown."""
        return self.unit.show(self.slot, row)

    def parts(self, row: int) -> dict[str, Any]:
        """The values of the sub-names, `{".stalled": False}`."""
        return {}

    # --------------------------------------------------------------------------------------------------
    # helpers

    slot: Slot

    def column(self, suffix: str = "", dtype: str = "int64", empty: int = 0, widens: bool = False) -> Column:
        return self.unit.table.add(f"{self.label}{suffix}", dtype, empty, widens=widens)

    def make_slot(
        self, column: Column, type_: Any, part: str | None = None, unknown: int | None = None
    ) -> Slot:
        label = self.label if part is None else f"{self.label}.{part}"
        slot = Slot(self.unit.kind, label, type_, column.name, unknown)
        self.unit.add_slot((self.label,) if part is None else (self.label, part), slot)
        return slot

    def store(self, column: Column, value: str) -> list[ast.stmt]:
        """Writes the local `value` to a column of counts, which grows wider when it has to."""
        env, table = self.unit.env, self.unit.table
        return code(
            "try:\n    COL[row] = V\nexcept TOO_WIDE:\n    PUT(COLUMN, row, V)",
            COL=name(column.name),
            V=name(value),
            TOO_WIDE=env.bind(ValueError, "too_wide"),
            PUT=env.bind(table.put, "put"),
            COLUMN=env.bind(column, "column"),
        )

    def put(self, column: Column, row: int, value: int) -> None:
        """The same outside generated code."""
        self.unit.table.put(column, row, value)

    def data(self, column: Column) -> Any:
        """The column's present memory (columns may have grown)."""
        return self.unit.env.scope[column.name]

    def events(self, events: str | list[str]) -> tuple[str, ...]:
        return (events,) if isinstance(events, str) else tuple(events)

    def change(self, slot: Slot, old: str, new: str, unit: bool = False) -> list[ast.stmt]:
        return self.unit.changes.after(slot, name(old), name(new), unit=unit) if slot.watched else []

    def changed(self, slot: Slot, row: int, old: int, new: int) -> int:
        """The mask after a change outside generated code (fires and merges)."""
        return self.unit.changed(slot, row, old, new)


def window_ms(text: str | None) -> int | None:
    return None if text is None else parse_duration(text)


def leaves(te: int, window: int) -> int:
    """When an entry of time `te` leaves a window: exactly, or by whole UTC days above 35 days."""
    if window <= WINDOW_EXACT_MS_MAX:
        return te + window
    return (te // DAY + -(-window // DAY)) * DAY


def stays(t: int, window: int) -> int:
    """The earliest time that is still in a window at `t`, as `leaves` says."""
    if window <= WINDOW_EXACT_MS_MAX:
        return t - window + 1
    return (t // DAY - -(-window // DAY) + 1) * DAY


def leaving(window: int) -> ast.expr:
    """`leaves` as an expression over the local `te`."""
    if window <= WINDOW_EXACT_MS_MAX:
        return expression("te + W", W=window)
    return expression("(te // DAY + DAYS) * DAY", DAY=DAY, DAYS=-(-window // DAY))


def shifted_row(low: int) -> ast.expr:
    """The packed constant of an operation with the local `row` in it."""
    return expression("LOW + (row << BITS)", LOW=low, BITS=OP_BITS)


def pushing(low: int) -> list[ast.stmt]:
    """An entry at the local `u` for an operation's packed constant and the local `row`.

    Nearly always its bucket has been opened before, and then it is one append.
    """
    return code(
        "q = BUCKET(u >> BUCKET_BITS)\n"
        "if q is None:\n    PUSH(u, LOW)\n"
        "else:\n    q.append(((u & OFFSETS) << ABOVE | row) << BITS | CONSTANT)",
        BUCKET=name("bucket"),
        BUCKET_BITS=BUCKET_BITS,
        PUSH=name("push"),
        LOW=shifted_row(low),
        OFFSETS=OFFSET_MASK,
        ABOVE=LOW_BITS - OP_BITS,
        BITS=OP_BITS,
        CONSTANT=low,
    )


def guarded(condition: ast.expr, body: list[ast.stmt]) -> list[ast.stmt]:
    """`if condition: body`, or just the body when there is no condition."""
    if isinstance(condition, ast.Constant) and condition.value is True:
        return body
    return code("if TEST:\n    BODY", TEST=condition, BODY=body)


__all__ = [
    "DAY",
    "UNKNOWN",
    "Fire",
    "SignalKind",
    "Stream",
    "guarded",
    "leaves",
    "leaving",
    "pushing",
    "shifted_row",
    "stamp",
    "stamp_ms",
    "stays",
    "window_ms",
]

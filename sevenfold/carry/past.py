"""The past of signals that began to gather late: taken out of a fold that has seen everything, brought into
the living one as records.

Three controls of the log, in this order. `gather` says at which record the signals begin anew. `restate`, as
many as needed, brings what some subjects had until there: columns, memories, and entries of the wheel that
were still to come. It is combined with what the living fold gathered since, as the state of two people is
when they turn out to be one. `restated` ends it: everybody sees the signals, and is evaluated once with cause
`restated`. Until then the signals are unknown to all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.controls import ControlError
from ..lifecycle.compile import CompiledUnit
from ..limits import RESTATED_SUBJECT_ROWS_MAX
from ..profiles.columns import Array, Column
from ..profiles.signals.values import CODE_MASK
from ..profiles.wheel import BUCKET_BITS, LOW_BITS, OP_BITS, OP_MASK, ROW_MASK
from ..workspace import models as m
from .carrying import switch
from .plan import NEEDS_HISTORY
from .timers import places

if TYPE_CHECKING:
    from ..engine.fold import Fold

_NONE: Array = np.zeros(0, np.int64)
_SCRATCH = 0
"""Row 0 belongs to nobody: what is brought stands there while it is combined with what a subject has."""


def waiting(fold: Fold) -> dict[str, list[str]]:
    """The signals of each kind of subject whose past is not known, and could be had from the log."""
    found = {}
    for kind, unit in fold.units.items():
        labels = sorted(getattr(unit, "pending", ()))
        held = [one for one in labels if isinstance(fold.workspace.signals[one], NEEDS_HISTORY)]
        if held:
            found[kind] = held
    return found


# ---------------------------------------------------------------------------------------------- taking out


@dataclass(frozen=True, slots=True)
class _Entries:
    """What is still to come of one signal, sorted by row: the operation's place among the signal's own."""

    rows: Array
    places: Array
    dues: Array
    values: Array
    carries: Array
    """Whether it carries a value: it is in the other wheel then."""


def past_of(side: Fold, kind: str, label: str) -> Iterator[dict[str, Any]]:
    """`restate` records with the state of a signal in `side`, for every subject that has any. At most
    `RESTATED_SUBJECT_ROWS_MAX` subjects a record. Subjects are named by the record that created them.
    """
    unit = side._unit(kind)
    columns = _columns(unit, label)
    entries = _entries(side, unit, label)
    mine = np.zeros(unit.table.rows, bool)
    for column in columns.values():
        mine |= column.data[: unit.table.rows] != column.empty
    mine[entries.rows] = True
    if label in unit.table.bags:
        mine |= np.array([one is not None for one in unit.table.bags[label][1]])
    mine[_SCRATCH] = False
    rows = np.flatnonzero(mine)
    for at in range(0, len(rows), RESTATED_SUBJECT_ROWS_MAX):
        yield _record(unit, label, columns, entries, rows[at : at + RESTATED_SUBJECT_ROWS_MAX])


def _columns(unit: CompiledUnit, label: str) -> dict[str, Column]:
    """The columns of a signal by what follows its name, without the addresses of its memories."""
    found = {}
    for name, column in unit.table.columns.items():
        if (name == label or name.startswith(f"{label}.")) and name != f"{label}.words":
            found[name.removeprefix(label)] = column
    return found


def _entries(side: Fold, unit: CompiledUnit, label: str) -> _Entries:
    numbers = {
        op: place for op, (owner, place, _) in enumerate(places(side)) if owner == f"{unit.kind}.{label}"
    }
    place_of = np.full(OP_MASK + 1, -1, np.int64)
    for op, place in numbers.items():
        place_of[op] = place
    forward = np.arange(unit.table.rows)
    if unit.kind == m.PERSON and side.forward:
        forward[list(side.forward)] = list(side.forward.values())
    pieces: list[tuple[Array, ...]] = []
    for wheel in (side.wheel, side.valued) if numbers else ():
        at_hand = np.array(wheel.at_hand(), np.int64).reshape(-1, 3)
        parts = [(at_hand[:, 0], at_hand[:, 1], at_hand[:, 2])]
        for bucket, held in wheel.buckets.items():
            packed = np.frombuffer(held[0] if wheel.valued else held, np.int64)
            values = np.frombuffer(held[1], np.int64) if wheel.valued else np.zeros(len(packed), np.int64)
            parts.append(((bucket << BUCKET_BITS) + (packed >> LOW_BITS), packed, values))
        for dues, packed, values in parts:
            which = place_of[packed & OP_MASK]
            own = which >= 0
            if own.any():
                rows = forward[packed[own] >> OP_BITS & ROW_MASK]
                carries = np.full(len(rows), wheel.valued)
                pieces.append((rows, which[own], dues[own], values[own], carries))
    if not pieces:
        return _Entries(*[_NONE] * 5)
    rows, which, dues, values, carries = (np.concatenate(one) for one in zip(*pieces, strict=True))
    order = np.lexsort((values, which, dues, rows))
    return _Entries(rows[order], which[order], dues[order], values[order], carries[order])


def _record(
    unit: CompiledUnit, label: str, columns: dict[str, Column], entries: _Entries, rows: Array
) -> dict[str, Any]:
    signal, numbers = unit.signals[label], rows.tolist()
    record: dict[str, Any] = {
        "op": "restate",
        "of": unit.kind,
        "signal": label,
        "born": unit.born.data[rows].tolist(),
        "columns": {part: column.data[rows].tolist() for part, column in columns.items()},
    }
    if label in unit.table.arenas:
        record["words"] = [signal.words(row) for row in numbers]
    if label in unit.table.bags:
        record["bag"] = [_plain(unit.table.bags[label][1][row]) for row in numbers]
    if label in unit.dictionaries:
        used = {code for part in signal.coded for code in record["columns"][part]}
        used |= {
            word & CODE_MASK
            for words in record.get("words", ())
            for word in words[:: signal.coded_words or 1]
        }
        texts = unit.dictionaries[label].texts
        record["texts"] = {
            str(code): texts[code] for code in sorted(used) if code and texts[code] is not None
        }
    first, last = np.searchsorted(entries.rows, rows), np.searchsorted(entries.rows, rows, side="right")
    record["entries"] = [
        [place, int(entries.places[i]), int(entries.dues[i])]
        + [int(entries.values[i])] * bool(entries.carries[i])
        for place, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True))
        for i in range(a, b)
    ]
    return record


def _plain(held: Any) -> Any:
    if isinstance(held, bytes):
        return held.decode()
    return sorted(held.items()) if isinstance(held, dict) else held


def _kept(plain: Any) -> Any:
    if isinstance(plain, str):
        return plain.encode()
    return {int(day): int(value) for day, value in plain} if isinstance(plain, list) else plain


# ---------------------------------------------------------------------------------------------- bringing in


def gather(fold: Fold, record: dict[str, Any]) -> None:
    """`{signals: {kind: [name]}}`: signals without their past forget what they gathered and begin here."""
    labels = _waiting(fold, record)
    cause = fold._cause
    switch(fold, fold.workspace, anew=labels)
    fold._cause = cause


def restate(fold: Fold, record: dict[str, Any]) -> None:
    """`{of, signal, born, columns, words?, bag?, texts?, entries}`: what subjects had before `gather`."""
    unit, label = fold._unit(str(record["of"])), str(record["signal"])
    if label not in unit.pending:
        raise ControlError(f"the past of `{label}` is known", fix="`gather` comes first")
    rows = _rows(fold, unit, record["born"])
    texts = {int(code): unit.dictionaries[label].code(text) for code, text in record.get("texts", {}).items()}
    columns, signal = _columns(unit, label), unit.signals[label]
    if set(columns) != set(record["columns"]):
        raise ControlError(f"`{label}` was kept otherwise when its past was written", fix="restate it again")
    ops = [op for op, (owner, _, _) in enumerate(places(fold)) if owner == f"{unit.kind}.{label}"]
    entries: dict[int, list[list[int]]] = {}
    for place, *entry in record["entries"]:
        entries.setdefault(place, []).append(entry)
    for place, row in enumerate(rows):
        if row == _SCRATCH:
            continue
        _lay(unit, label, columns, record, place, texts)
        signal.resume(row, _SCRATCH, fold.t)
        _clear(unit, label, columns)
        _push(fold, unit, row, ops, entries.get(place, ()))


def _rows(fold: Fold, unit: CompiledUnit, born: Iterable[int]) -> list[int]:
    """The rows of subjects by the records that created them, of whom they are now; 0 for who is no more."""
    known = unit.born.data[: unit.table.rows].astype(np.int64)
    order = np.argsort(known, kind="stable")
    asked = np.array(list(born), np.int64)
    at = np.minimum(np.searchsorted(known[order], asked), len(order) - 1)
    found = np.where(known[order][at] == asked, order[at], _SCRATCH).tolist()
    return [fold.forward.get(row, row) for row in found] if unit.kind == m.PERSON else found


def _lay(
    unit: CompiledUnit,
    label: str,
    columns: dict[str, Column],
    record: dict[str, Any],
    place: int,
    texts: dict[int, int],
) -> None:
    """What one subject had, laid into the row of nobody."""
    signal, table = unit.signals[label], unit.table
    for part, column in columns.items():
        value = record["columns"][part][place]
        table.put(column, _SCRATCH, texts.get(value, value) if part in signal.coded else value)
    if label in table.arenas:
        words, width = list(record["words"][place]), signal.coded_words
        if width:
            for i in range(0, len(words), width):
                code = words[i] & CODE_MASK
                words[i] += texts.get(code, code) - code
        arena = table.arenas[label]
        unit.env.scope[arena.at.name][_SCRATCH] = arena.keep(0, 0, words)
    if label in table.bags:
        table.bags[label][1][_SCRATCH] = _kept(record["bag"][place])


def _clear(unit: CompiledUnit, label: str, columns: dict[str, Column]) -> None:
    """Nobody has nothing again."""
    table = unit.table
    if label in table.arenas:
        signal, arena = unit.signals[label], table.arenas[label]
        signal.keep(_SCRATCH, [])
        unit.env.scope[arena.at.name][_SCRATCH] = 0
    for column in columns.values():
        table.put(column, _SCRATCH, column.empty)
    if label in table.bags:
        table.bags[label][1][_SCRATCH] = None


def _push(fold: Fold, unit: CompiledUnit, row: int, ops: list[int], entries: Iterable[list[int]]) -> None:
    """What was still to come for a subject; what came since happens now, in its order."""
    for which, due, *value in sorted(entries, key=lambda one: (one[1], one[0])):
        op = ops[which]
        if due <= fold.t:
            fold._fires[op](row, due, 1, *(value or (0,)))
        elif value:
            fold.valued.push_value(due, unit.low(op) + (row << OP_BITS), *value)
        else:
            fold.wheel.push(due, unit.low(op) + (row << OP_BITS))


def restated(fold: Fold, record: dict[str, Any]) -> None:
    """`{signals: {kind: [name]}}`: their past has come; everybody sees them and is evaluated once."""
    labels = _waiting(fold, record)
    fold._cause = ("restated", "", fold.seq)
    switch(fold, fold.workspace, restated=labels)


def _waiting(fold: Fold, record: dict[str, Any]) -> frozenset[str]:
    """The signals a record names. Raises ControlError when the past of one is known."""
    held = waiting(fold)
    found = []
    for kind, labels in dict(record.get("signals") or {}).items():
        for label in labels:
            if label not in held.get(kind, ()):
                raise ControlError(f"the past of `{label}` is known, or there is no such signal of {kind}")
            found.append(label)
    return frozenset(found)

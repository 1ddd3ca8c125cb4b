"""Who had the target in (t, t + horizon]: asked of the fold itself, at t + horizon.

A workspace gets, for each prediction, a clock since the target's last event. Whether the target came true
after t is whether that clock's base lies after t, so late events count by their own time, those of merged
people together, and nothing about the target is known at t that the fold did not know then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..engine import Fold
from ..lifecycle.compile import CompiledUnit
from ..profiles.columns import UNKNOWN
from ..profiles.slots import SCALE
from ..workspace import models as m
from .asked import STAGE_TIME, Asked

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
GONE: Final = 0
"""The row of a subject that is there no more."""


def with_targets(workspace: m.Workspace, predictions: Sequence[Asked]) -> m.Workspace:
    """The workspace with what learning has to know of each subject; it changes nothing else.

    Of each prediction a clock since the target's last event, membership in its population, and for amounts
    and times the count, the first time and the sum of its events. Of each lifecycle, how long the stage has
    lasted.
    """
    signals: dict[str, m.Signal] = {}
    segments: dict[str, m.Segment] = {}
    for one in predictions:
        events = list(one.events)
        stream: dict[str, Any] = {"of": one.of, "event": events, "where": one.where}
        signals[one.label("last")] = m.Since(**stream)
        if one.kind != "probability":
            signals[one.label("first")] = m.Since(**stream, edge="first")
            signals[one.label("days")] = m.ActiveDays(**stream)
            if one.amount:
                signals[one.label("sum")] = m.Sum(**stream, property=one.amount)
        if one.population is not None:
            segments[one.label("population")] = m.Segment(of=one.of, when=one.population)
        if one.becomes is not None:
            segments[one.label("becomes")] = m.Segment(of=one.of, when=one.becomes)
    kinds = {one.of for one in predictions}
    for label, lifecycle in workspace.lifecycles.items():
        if lifecycle.of in kinds:
            signals[f"{STAGE_TIME}{label}"] = m.StageTime(of=lifecycle.of, lifecycle=label)
    return msgspec.structs.replace(
        workspace,
        signals={**workspace.signals, **signals},
        segments={**workspace.segments, **segments},
    )


def unit_of(fold: Fold, of: str) -> CompiledUnit:
    """The compiled kind of subject."""
    unit = fold.units[of]
    assert isinstance(unit, CompiledUnit)
    return unit


def living(fold: Fold, of: str) -> Ints:
    """Rows of subjects that are there, ascending."""
    unit = unit_of(fold, of)
    there = np.ones(unit.table.rows, dtype=bool)
    there[0] = False
    if of == m.PERSON:
        there[list(fold.forward)] = False
    return np.flatnonzero(there).astype(np.int64)


def population(fold: Fold, asked: Asked) -> Ints:
    """Rows of whom the prediction is asked about now: in its population, not standing where it leads."""
    unit, rows = unit_of(fold, asked.of), living(fold, asked.of)
    if asked.population is not None:
        node = unit.segments[asked.label("population")]
        bits = column(unit, node.slot.column)[rows]
        rows = rows[(bits & node.slot.bit) != 0]
    if asked.standing is not None:
        lifecycle, stage = asked.standing
        stages = unit.lifecycles[lifecycle]
        if stage in stages.names:
            rows = rows[column(unit, stages.slot.column)[rows] != stages.names.index(stage) + 1]
    elif asked.becomes is not None:
        node = unit.segments[asked.label("becomes")]
        rows = rows[(column(unit, node.slot.column)[rows] & node.slot.bit) == 0]
    return rows


def column(unit: CompiledUnit, name: str) -> NDArray[Any]:
    """The present memory of a column, by its global name."""
    held: Any = unit.env.scope[name]
    return np.asarray(held)


def born(fold: Fold, of: str, rows: Ints) -> Ints:
    """The numbers of the records that made these subjects: what they are known by when rows move."""
    unit = unit_of(fold, of)
    found: Ints = column(unit, unit.born.name)[rows].astype(np.int64)
    return found


def rows_now(fold: Fold, of: str, rows: Ints, numbers: Ints) -> Ints:
    """Where subjects that had these rows and numbers are now; GONE where nobody knows."""
    now = rows.copy()
    if of == m.PERSON:
        for at in np.flatnonzero(np.isin(rows, np.fromiter(fold.forward, np.int64, len(fold.forward)))):
            row = int(rows[at])
            while row in fold.forward:
                row = fold.forward[row]
            now[at] = row
    same = now == rows
    moved = born(fold, of, rows) != numbers
    now[same & moved] = GONE
    return now


def came_true(fold: Fold, asked: Asked, rows: Ints, after: int) -> Bools:
    """Whether the target happened to these rows after `after` (ms), as far as the fold has come."""
    unit = unit_of(fold, asked.of)
    found: Bools = _base(unit, asked.label("last"))[rows] > after
    return found


def _base(unit: CompiledUnit, label: str) -> Ints:
    clock = unit.slots[(label,)].clock
    assert clock is not None
    found: Ints = column(unit, clock.base)
    return found


def purchases(fold: Fold, asked: Asked, rows: Ints) -> Floats:
    """(n, 5) of each row's target events so far: how many days had one, the first and the last time (ms), the
    sum of their amounts (0 without an amount), and now. NaN times where there was none.
    """
    unit = unit_of(fold, asked.of)
    days = _number(unit, asked.label("days"), rows)
    total = _number(unit, asked.label("sum"), rows) if asked.amount else np.zeros(len(rows))
    first = _base(unit, asked.label("first"))[rows]
    last = _base(unit, asked.label("last"))[rows]
    times = [np.where(one == UNKNOWN, np.nan, one.astype(np.float64)) for one in (first, last)]
    return np.column_stack([days, *times, total, np.full(len(rows), float(fold.t))])


def _number(unit: CompiledUnit, label: str, rows: Ints) -> Floats:
    slot = unit.slots[(label,)]
    values = column(unit, slot.column)[rows].astype(np.int64)
    known = values if slot.unknown is None else np.where(values == slot.unknown, 0, values)
    found: Floats = known / SCALE[slot.type]
    return found

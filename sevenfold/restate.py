"""Restatement: whatever needs the past. Back-fill of new or changed signals, and taking a merge back.

One mechanism: a side fold (the same code) goes over the log again, under the new workspace or with the
merge forbidden,
and becomes the live fold. Rows are created by identity alone, so they are the same rows. What was decided
stays decided:
stages, segments, bands and score history are carried over from the live fold, and past transitions are not
rewritten.
Each subject is then evaluated once, with cause `restated`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .effects import UNMERGED, Effect
from .engine import Entry, Fold
from .errors import SevenfoldError
from .lifecycle.compile import CompiledUnit
from .profiles.columns import UNKNOWN, UNKNOWN32
from .profiles.signals.clocks import StageTimeKind
from .workspace import models as m

History = Iterable[tuple[str, int, Any]]
"""The records so far, in order: ("event", engine ms, raw JSON), ("control", engine ms, the record)."""


class RestatementError(SevenfoldError):
    """A restatement cannot be made: the history is not the one the fold has seen, or there is nothing to
    take back.
    """

    code = "bad_restatement"


def back_fill(live: Fold, workspace: m.Workspace, history: History) -> tuple[Fold, list[Effect]]:
    """The fold under a new workspace, at the same moment, with every signal as if it had been there from the
    start.

    Returns the new fold and the effects of evaluating everybody once. `history` must hold the records
    `live` has folded.
    """
    side = Fold(workspace, capacity_rows=live.person.table.capacity)
    side.identity.apart = set(live.identity.apart)
    _refold(side, live, history)
    return side, _carry_over(side, live, set())


def unmerge(live: Fold, winner: str, loser: str, history: History) -> tuple[Fold, list[Effect]]:
    """Takes the merge of two people back, given their subject ids: both live on with what was theirs.

    Events that named both go to the one whose stronger identifier they carry, from the start and from now on.
    """
    ids = {live.id_of(live.person, row): row for row in range(1, live.person.table.rows)}
    if winner not in ids or loser not in ids or live.forward.get(ids[loser]) != ids[winner]:
        raise RestatementError(
            f"`{loser}` was not merged into `{winner}`",
            fix="take both ids from the `merged` effect: its subject and its `loser`",
        )
    side = Fold(live.workspace, capacity_rows=live.person.table.capacity)
    side.identity.apart = live.identity.apart | {(ids[winner], ids[loser])}
    _refold(side, live, history)
    side._cause = ("restated", "", live.seq)
    side.effects.append(Effect(live.t, UNMERGED, m.PERSON, winner, "", {"loser": loser}))
    return side, _carry_over(side, live, {ids[winner], ids[loser]})


def _refold(side: Fold, live: Fold, history: History) -> None:
    batch: list[Entry] = []
    for kind, t, payload in history:
        if kind == "event":
            batch.append((t, payload))
            if len(batch) >= 4_096:
                side.events(batch)
                batch = []
        else:
            side.events(batch)
            batch = []
            side.control(t, payload)
    side.events(batch)
    side.advance(live.t)
    side.effects = []
    if side.seq != live.seq or side.person.table.rows != live.person.table.rows:
        raise RestatementError(
            f"the history holds {side.seq} records, the fold has seen {live.seq}",
            fix="give all records, from the first one on",
        )


def _carry_over(side: Fold, live: Fold, fresh: set[int]) -> list[Effect]:
    """What was decided stays: copied by name from the live fold, except for the people in `fresh` when they
    are split.
    """
    side.t = live.t
    for unit in side.compiled:
        before = live.units.get(unit.kind)
        if isinstance(before, CompiledUnit):
            _carry_unit(unit, before, fresh if unit.kind == m.PERSON else set())
    for unit in side.compiled:
        gone = side.forward if unit.kind == m.PERSON else {}
        for row in range(1, unit.table.rows):
            if row not in gone:
                side._cause = ("restated", "", live.seq)
                unit.evaluate(row, live.t, unit.everything)
    return side._taken()


def _carry_unit(unit: CompiledUnit, before: CompiledUnit, fresh: set[int]) -> None:
    rows = np.array(
        [r for r in range(min(unit.table.rows, before.table.rows)) if r not in fresh], dtype=np.int64
    )
    # What is new to the workspace starts now: its past in the side fold was nobody's decision.
    every = np.arange(unit.table.rows)
    for label, lifecycle in unit.lifecycles.items():
        old = before.lifecycles.get(label)
        if old is None:
            lifecycle.column.data[every] = 0
        else:
            names = {place + 1: name for place, name in enumerate(old.names)}
            table = np.zeros(len(names) + 1, np.int8)
            for code, name in names.items():
                table[code] = lifecycle.names.index(name) + 1 if name in lifecycle.names else 0
            lifecycle.column.data[rows] = table[old.column.data[rows]]
    for label, segment in unit.segments.items():
        held = before.segments.get(label)
        bits = unit.table.columns[_label_of(unit, segment.slot.column)].data
        if held is None:
            bits[every] &= ~segment.slot.bit
        else:
            was = before.table.columns[_label_of(before, held.slot.column)].data
            member = (was[rows] & held.slot.bit) != 0
            bits[rows] = np.where(member, bits[rows] | segment.slot.bit, bits[rows] & ~segment.slot.bit)
    for label, signal in unit.signals.items():
        if isinstance(signal, StageTimeKind) and isinstance(before.signals.get(label), StageTimeKind):
            bases = before.signals[label].base.data
            for row in rows.tolist():
                signal.move(row, int(bases[row]) if bases[row] != UNKNOWN else UNKNOWN, unit.now())
    for label, score in unit.scores.items():
        kept = before.scores.get(label)
        if kept is not None and [b.name for b in kept.model.bands] == [b.name for b in score.model.bands]:
            score.values.data[rows] = kept.values.data[rows]
            score.bands.data[rows] = kept.bands.data[rows]
        else:
            score.values.data[every], score.bands.data[every] = UNKNOWN32, 0
        score.sets.data[every] = -1
    for history in unit.histories:
        same = next((h for h in before.histories if h.node.label == history.node.label), None)
        if same is None:
            history.forget()
        else:
            for new, old_column in (
                (history.daily, same.daily),
                (history.weekly, same.weekly),
                (history.moved, same.moved),
            ):
                if new is not None and old_column is not None:
                    new.data[rows] = old_column.data[rows]
            for new, old_column in (
                (history.node.velocity, same.node.velocity),
                (history.node.jumps, same.node.jumps),
            ):
                if new is not None and old_column is not None:
                    new.data[rows] = old_column.data[rows]


def _label_of(unit: CompiledUnit, column: str) -> str:
    return next(c.label for c in unit.table.columns.values() if c.name == column)

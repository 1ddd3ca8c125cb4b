"""The projection: what the fold decided and what the log holds become batches of rows, in order.

A projector gathers until `flush`. Batches are appended with the progress after them, in one transaction, so
that it may begin again anywhere before the progress that the warehouse has: what is there is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sevenfold.effects import MERGED, Effect
from sevenfold.engine import Fold
from sevenfold.lifecycle.compile import CompiledUnit
from sevenfold.lifecycle.history import ScoreHistory
from sevenfold.limits import WAREHOUSE_BATCH_ROWS
from sevenfold.log.base import Entry
from sevenfold.messages.holdouts import share_of
from sevenfold.warehouse.base import Batch, Progress, Warehouse
from sevenfold.warehouse.events import EventRows, Ids, Owners
from sevenfold.warehouse.rows import Rows, key
from sevenfold.warehouse.schema import BY_NAME, Table
from sevenfold.workspace.models import PERSON, Workspace

ARROW: Final[dict[str, Any]] = {
    "id": pa.uint64(), "time": pa.int64(), "integer": pa.int64(), "money": pa.int64(),
    "number": pa.float64(), "boolean": pa.bool_(), "text": pa.string(), "json": pa.string(),
}  # fmt: skip


def arrow_schema(table: Table) -> pa.Schema:
    """The columns of a table as pyarrow has them."""
    return pa.schema([(column.name, ARROW[column.type]) for column in table.columns])


SCHEMAS: Final = {name: arrow_schema(table) for name, table in BY_NAME.items()}


def arrow_table(name: str, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows, in the order of the schema's columns, as a table."""
    schema = SCHEMAS[name]
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


class Projector:
    """Fills a warehouse. `workspace` says how many are held out, as far as it is known."""

    def __init__(self, warehouse: Warehouse, workspace: Workspace | None = None) -> None:
        self.warehouse = warehouse
        self._workspace = workspace
        progress = warehouse.through()
        self._position, self._number, self._time = progress.position, progress.number, progress.time
        self._merges = merges_of(warehouse)
        self._moved = False
        self._events = EventRows()
        self._begin()

    def _begin(self) -> None:
        self._rows = Rows(self._events.accounts, self._treated)
        self._events.events, self._events.members = [], []
        self._gathered = 0

    def define(self, workspace: Workspace) -> None:
        """The definition in force from here on."""
        self._workspace = workspace

    @property
    def position(self) -> int:
        """The log position that is wanted next."""
        return self._position

    @property
    def number(self) -> int:
        """The number of the effect that is wanted next."""
        return self._number

    # ------------------------------------------------------------------------------------------- taking

    def take_events(self, position: int, entries: Sequence[Entry], people: Ids, accounts: Ids) -> None:
        """Events of the log from a position on, with whose they are (0: not taken)."""
        known = max(0, self._position - position)
        if known < len(entries):
            self._events.add(position + known, entries[known:], people[known:], accounts[known:])
            self._position, self._time = position + len(entries), entries[-1].time
            self._gathered += len(entries) - known

    def take_control(self, position: int, time: int) -> None:
        """A control record: it takes a position."""
        if position >= self._position:
            self._position, self._time = position + 1, time

    def reached(self, time: int) -> None:
        """Engine time has come so far."""
        self._time = max(self._time, time)

    def take_effects(self, first: int, effects: Sequence[Effect]) -> None:
        """Effects in order, the first of them with the number `first`."""
        add = self._rows.add
        new = effects[max(0, self._number - first) :]
        for number, effect in enumerate(new, max(first, self._number)):
            add(number, effect)
        self._number = max(self._number, first + len(effects))
        self._gathered += len(new)

    def take_day(
        self, number: int, t: int, unit: CompiledUnit, history: ScoreHistory, ids: Sequence[str],
        rows: Sequence[int], values: Sequence[float],
    ) -> None:  # fmt: skip
        """Scores of a kind of subject that closed elsewhere than the day before (NaN: not known). `number` is
        that of the effect that comes next.
        """
        node = history.node
        self._rows.tables["scores"].extend(
            (
                number, t, unit.kind, key(ids[row]), node.label, None if value != value else value,
                unit.show(node.band_slot, row), unit.show(node.velocity_slot, row),
            )
            for row, value in zip(rows, values, strict=True)
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------ storing

    def flush_some(self) -> None:
        """Stores what is gathered when that is a good deal."""
        if self._gathered >= WAREHOUSE_BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Stores what is gathered. Raises WarehouseError."""
        rows = self._rows
        rows.tables["events"], rows.tables["members"] = self._events.events, self._events.members
        tables = {name: arrow_table(name, held) for name, held in rows.tables.items() if held}
        gone = self._follow(rows.changes)
        progress = Progress(self._position, self._number, self._time)
        if tables or progress != self.warehouse.through():
            self.warehouse.append(Batch(tables, progress, forwards_of(self._merges) if self._moved else None))
        if gone:
            self.warehouse.erase(gone)
        self._moved = False
        self._begin()

    def _follow(self, changes: Sequence[tuple[str, int, int]]) -> list[int]:
        """Merges and what takes them back, in order; gives the people who are erased."""
        gone = []
        for what, subject, other in changes:
            if what == "erased":
                gone.append(subject)
                continue
            follow(self._merges, what, subject, other)
            self._moved = True
        return gone

    def _treated(self, journey: str, of: str) -> float | None:
        """The probability that somebody who enters is not held out."""
        workspace = self._workspace
        model = workspace.journeys.get(journey) if workspace is not None else None
        if workspace is None or model is None:
            return None
        messaging = workspace.messaging
        shares = [share_of(messaging, journey, model.holdout)]
        if messaging.holdout is not None:
            shares.append(messaging.holdout.share)
        programme = messaging.programmes.get(model.programme or "")
        if programme is not None:
            shares.append(programme.share)
        return float(np.prod([1 - share / 100 for share in shares]))


Merges = dict[int, int]
"""Who was merged into whom, as it happened: loser -> winner, who may be a loser of another merge."""


def follow(merges: Merges, what: str, winner: int, loser: int) -> None:
    """One merge, or one taken back."""
    if what == MERGED:
        merges[loser] = winner
    else:
        merges.pop(loser, None)


def forwards_of(merges: Merges) -> dict[int, int]:
    """Who is part of whom in the end: whoever was part of a loser goes with it."""
    found = {}
    for loser in merges:
        person, steps = loser, 0
        while person in merges and steps <= len(merges):
            person, steps = merges[person], steps + 1
        found[loser] = person
    return found


def merges_of(warehouse: Warehouse, as_of: int | None = None) -> Merges:
    """The merges that a warehouse knows of, now or as of ms UTC."""
    until = 1 << 62 if as_of is None else as_of
    table = warehouse.query(
        "SELECT change, subject, other FROM stored_identity WHERE change <> 'erased' AND time <= $until"
        " ORDER BY number",
        {"until": until},
    )
    merges: Merges = {}
    for change, winner, loser in zip(*(column.to_pylist() for column in table.columns), strict=True):
        follow(merges, change, winner, loser)
    return merges


class Following:
    """Projects one fold that is run here: a replay, or a log that is folded again."""

    def __init__(self, projector: Projector, fold: Fold, position: int = 0) -> None:
        self.projector, self.position = projector, position
        self._fold = fold
        self._owners = Owners()
        self._closed: dict[tuple[str, str], npt.NDArray[np.float64]] = {}
        self._ids: dict[str, list[str]] = {}
        fold.noted = []
        fold.closer.listeners.append(self._day_closed)

    def took_events(self, entries: Sequence[Entry]) -> None:
        """Events that were just folded."""
        fold = self._fold
        people, accounts = self._owners.of(fold, fold.noted or ())
        fold.noted = []
        self.projector.take_events(self.position, entries, people, accounts)
        self.position += len(entries)

    def took_control(self, time: int) -> None:
        """A control record that was just folded; it may have made another fold of this one."""
        self.projector.take_control(self.position, time)
        self.projector.define(self._fold.workspace)
        self.position += 1
        self._fold.noted = []
        if self._day_closed not in self._fold.closer.listeners:
            self._fold.closer.listeners.append(self._day_closed)

    def took_effects(self, first: int, effects: Sequence[Effect]) -> None:
        """Effects of what was just folded."""
        self.projector.take_effects(first, effects)
        self.projector.flush_some()

    def reached(self, time: int) -> None:
        """Time has come so far, though nothing more happened."""
        self.projector.reached(time)

    def _day_closed(self, t: int, unit: CompiledUnit, history: ScoreHistory) -> None:
        rows = unit.table.rows
        now = history.daily_values(0, slice(0, rows)).astype(np.float64)
        now[0] = np.nan
        if unit.kind == PERSON and self._fold.forward:
            now[list(self._fold.forward)] = np.nan
        before = np.full(rows, np.nan)
        held = self._closed.get((unit.kind, history.node.label))
        if held is not None:
            before[: len(held)] = held[:rows]
        differs = (now != before) & ~(np.isnan(now) & np.isnan(before))
        self._closed[unit.kind, history.node.label] = now
        ids = self._ids.setdefault(unit.kind, [""])
        ids.extend(self._fold.id_of(unit, row) for row in range(len(ids), rows))
        changed = np.flatnonzero(differs).tolist()
        number = self._fold.emitted + len(self._fold.effects)
        self.projector.take_day(number, t, unit, history, ids, changed, now[differs].tolist())

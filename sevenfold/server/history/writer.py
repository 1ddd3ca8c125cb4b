"""Writes the history: effects and log records in, rows out. One writer; readers read beside it.

Everything is idempotent. Effects are known by their number and records by their position, so that whoever
feeds the writer may begin again anywhere at or before `through` and `position`; what it has is left out. What
is taken is stored in groups: `commit` when nothing more is at hand, and the writer by itself when a group is
full. When storing fails, the group is undone, `through` and `position` go back to what is stored, and the
error says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from ...limits import HISTORY_GROUP_ROWS_MAX
from ...log.base import Record
from ...workspace import models as m
from ..live import Watched
from .effect_rows import Gathered, Row
from .event_keys import EventKeys
from .record_rows import GatheredRecords
from .removing import erase, forget
from .schema import FILE, HistoryGapError, connect, explained
from .shelf import ShelfWriter

_META: Final = "INSERT OR REPLACE INTO meta VALUES (?, ?)"


class HistoryWriter:
    """The history in `folder`, made when absent. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = threading.RLock()
        with explained(self.path):
            folder.mkdir(parents=True, exist_ok=True)
        self.shelf = ShelfWriter(folder)
        """Links and leases, which are no part of what can be made again."""
        self._connection = connect(self.path)
        self._rows = self._through = self._position = 0
        self._identity, self._keys = m.Identity(), EventKeys()
        self._recall()

    @property
    def through(self) -> int:
        """The number of the effect that is wanted next."""
        return self._through

    @property
    def position(self) -> int:
        """The position of the record that is wanted next."""
        return self._position

    # ---------------------------------------------------------------------------------------- taking

    def take_effects(self, watched: Watched) -> int:
        """Takes effects in order, those it has left out; gives how many were new. Raises HistoryGapError when
        some before them are missing, HistoryUnwritableError.
        """
        with self._lock:
            if watched.first > self._through:
                raise HistoryGapError(
                    f"effects from {watched.first} came, {self._through} is wanted next", where=str(self.path)
                )
            new = watched.effects[self._through - watched.first :]
            gathered = Gathered()
            for number, effect in enumerate(new, self._through):
                gathered.add(number, effect)
            if new:
                self._store(gathered.statements(), len(new))
                self._through += len(new)
                self._group()
            return len(new)

    def take_records(self, records: Sequence[Record]) -> int:
        """Takes records of the log in order, what it has left out; gives how many positions were new. Raises
        HistoryGapError, HistoryUnwritableError.
        """
        with self._lock:
            gathered, position = GatheredRecords(self._keys), self._position
            for record in records:
                if record.kind == "tick" or record.end <= position:
                    continue
                if record.position > position:
                    raise HistoryGapError(
                        f"records from {record.position} came, {position} is wanted next",
                        where=str(self.path),
                    )
                gathered.add(record, position)
                position = record.end
            new = position - self._position
            if new:
                self._store(gathered.statements(), new)
                self._keys, self._position = gathered.keys, position
                if gathered.identity is not None:
                    self._identity = gathered.identity
                self._group()
            return new

    # ----------------------------------------------------------------------------------- removing

    def erase(
        self, subjects: Sequence[str], digests: Sequence[int], names: Sequence[str], before: int
    ) -> dict[str, int]:
        """Removes everything about people (subject ids, digests of their identifiers, the identifiers as they
        are written), of the log before a position, durably; gives how many rows of each table went.
        """
        with self._lock:
            self.commit()
            counts: dict[str, int] = {}

            def run() -> None:
                self._connection.execute("BEGIN IMMEDIATE")
                counts.update(erase(self._connection, subjects, digests, names, before, self.shelf.erase))
                self._connection.execute("COMMIT")
                # What was overwritten still stands in the write-ahead log until that is emptied.
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

            self._guarded(run)
            return counts

    def forget(self, before: int, rows_max: int = HISTORY_GROUP_ROWS_MAX) -> int:
        """Removes some of what is older than `before`, ms UTC; gives how many rows, 0 when nothing is left to
        remove.
        """
        with self._lock:
            self.commit()
            removed: list[int] = []

            def run() -> None:
                self._connection.execute("BEGIN IMMEDIATE")
                removed.append(forget(self._connection, before, rows_max))
                self._connection.execute("COMMIT")

            self._guarded(run)
            return removed[0] + self.shelf.forget(before)

    # ------------------------------------------------------------------------------------- storing

    def commit(self) -> None:
        """Stores what was taken. Readers see it from here on. Raises HistoryUnwritableError."""
        with self._lock:
            self.shelf.commit()
            if self._connection.in_transaction:
                self._guarded(self._commit)
                self._rows = 0

    def _commit(self) -> None:
        identity = msgspec.json.encode(self._identity)
        marks = [("through", self._through), ("position", self._position), ("identity", identity)]
        self._connection.executemany(_META, marks)
        self._connection.execute("COMMIT")

    def _group(self) -> None:
        if self._rows >= HISTORY_GROUP_ROWS_MAX:
            self.commit()

    def _store(self, statements: Sequence[tuple[str, list[Row]]], rows: int) -> None:
        def store() -> None:
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            for statement, values in statements:
                if values:
                    self._connection.executemany(statement, values)

        self._guarded(store)
        self._rows += rows

    def _guarded(self, do: Callable[[], None]) -> None:
        """Runs `do`; when it fails, nothing of the group is stored, and the marks say so."""
        try:
            with explained(self.path):
                do()
        except Exception:
            self._undo()
            raise

    def _undo(self) -> None:
        with explained(self.path):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._recall()

    def _recall(self) -> None:
        with explained(self.path):
            meta = dict(self._connection.execute("SELECT name, value FROM meta").fetchall())
        self._through, self._position = int(meta.get("through", 0)), int(meta.get("position", 0))
        self._identity = msgspec.json.decode(meta.get("identity", b"{}"), type=m.Identity)
        self._keys = EventKeys(self._identity)
        self._rows = 0

    def close(self) -> None:
        """Stores what was taken and lets go of the file."""
        with self._lock:
            try:
                self.commit()
            finally:
                self._connection.close()
                self.shelf.close()

"""Dead letters of the embedded log: dropped events, kept with their reason in a table of their own."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from sevenfold.events.reasons import Reason
from sevenfold.events.steps import Dropped
from sevenfold.limits import DEAD_LETTERS_LIST_ROWS_MAX
from sevenfold.log import segments
from sevenfold.log.base import DeadLetter

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reason TEXT NOT NULL, detail TEXT NOT NULL, raw BLOB NOT NULL,
    received INTEGER NOT NULL, source TEXT NOT NULL, digest BLOB NOT NULL UNIQUE
);
CREATE INDEX IF NOT EXISTS dead_letters_by_reason ON dead_letters (reason, id);
"""
_REASONS: Final = {str(reason): reason for reason in Reason}


class DeadLetters:
    """The table at `path`; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection = segments.connect(path)
        with segments.explained(path):
            self._connection.executescript(_SCHEMA)

    def add(self, dropped: Sequence[Dropped]) -> None:
        """Keep `dropped`, durably; equal ones once, so that imports can be repeated."""
        rows = [(str(d.reason), d.detail, d.raw, d.received, d.source, _digest(d)) for d in dropped]
        with self._lock, segments.explained(self._path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT OR IGNORE INTO dead_letters (reason, detail, raw, received, source, digest)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )

    def list(self, after: int, limit: int, reason: str | None) -> list[DeadLetter]:
        """At most `limit` with an id beyond `after`, oldest first; of one reason, if given."""
        with self._lock, segments.explained(self._path):
            rows = self._connection.execute(
                "SELECT id, reason, detail, raw, received, source FROM dead_letters"
                " WHERE id > ? AND (? IS NULL OR reason = ?) ORDER BY id LIMIT ?",
                (after, reason, reason, min(limit, DEAD_LETTERS_LIST_ROWS_MAX)),
            ).fetchall()
        return [DeadLetter(row[0], Dropped(_REASONS[row[1]], *row[2:])) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many there are of each reason."""
        with self._lock, segments.explained(self._path):
            rows = self._connection.execute(
                "SELECT reason, count(*) FROM dead_letters GROUP BY reason ORDER BY reason"
            ).fetchall()
        return dict(rows)

    def remove(self, ids: Sequence[int]) -> None:
        """Forget these; unknown ids are no error."""
        with self._lock, segments.explained(self._path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("DELETE FROM dead_letters WHERE id = ?", [(i,) for i in ids])
        with self._lock, segments.explained(self._path):
            # The file has what was removed until the write-ahead log is emptied into it.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _digest(dropped: Dropped) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(dropped), digest_size=16).digest()

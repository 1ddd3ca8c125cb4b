"""What the sender leaves for others, in a file of its own: where links in messages lead, and what waits in
the product to be shown. It cannot be made again from the log, so it outlives the history, and writing it
waits for nobody who writes that.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is bound

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from .schema import SHELF_FILE, connect_shelf, explained, key

Row = tuple[Any, ...]
_ENCODE: Final = msgspec.json.Encoder().encode
_PIECE: Final = 500


class ShelfWriter:
    """The shelf in `folder`, made when absent. Safe to use from several threads and processes. What is added
    is there for readers from the next `commit` on.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / SHELF_FILE
        self._connection = connect_shelf(self.path)
        self._lock = threading.Lock()
        self._adding = threading.Lock()
        self._added: list[tuple[str, list[Row]]] = []
        """Kept until they are stored, for nobody would ask for them again."""

    def add_links(self, effect: str, links: Sequence[tuple[str, int, str]]) -> None:
        """Where links of a message lead: (link id, place in the message, URL)."""
        rows = [(link, effect, place, url) for link, place, url in links]
        self._add("INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?)", rows)

    def add_lease(
        self,
        effect: str,
        person: str,
        channel: str,
        content: dict[str, Any],
        shown_from: int,
        shown_until: int | None,
    ) -> None:
        """A message that waits to be shown, as JSON-ready `content`."""
        row = (effect, key(person), channel, _ENCODE(content), shown_from, shown_until)
        self._add("INSERT OR IGNORE INTO leases VALUES (?, ?, ?, ?, ?, ?, 0, NULL, NULL)", [row])

    def revoke_lease(self, effect: str) -> None:
        """The message is not shown any more."""
        self._add("UPDATE leases SET revoked = 1 WHERE effect = ?", [(effect,)])

    def lease_answered(self, effect: str, what: str, at: int) -> None:
        """Somebody saw, used or closed it (`what`) at ms UTC; the last answer stays."""
        self._add("UPDATE leases SET answered = ?, answered_at = ? WHERE effect = ?", [(what, at, effect)])

    def _add(self, statement: str, rows: list[Row]) -> None:
        with self._adding:
            self._added.append((statement, rows))

    def commit(self) -> None:
        """Stores what was added. Raises HistoryUnwritableError; then it is tried again with the next."""
        with self._lock:
            with self._adding:
                added = list(self._added)
            if added:
                self._store(added)
                with self._adding:
                    del self._added[: len(added)]

    def erase(self, people: Sequence[int], effects: Sequence[str]) -> dict[str, int]:
        """Removes what waits for people (keys of their ids) and the links of messages; how many rows of each
        table.
        """
        self.commit()
        counts = {"leases": 0, "links": 0}
        with self._lock, explained(self.path):
            for table, column, values in (("leases", "person", people), ("links", "effect", effects)):
                for at in range(0, len(values), _PIECE):
                    some = values[at : at + _PIECE]
                    statement = f"DELETE FROM {table} WHERE {column} IN ({', '.join('?' * len(some))})"
                    counts[table] += self._connection.execute(statement, some).rowcount
            # What was overwritten still stands in the write-ahead log until that is emptied.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return counts

    def forget(self, before: int) -> int:
        """Removes what was shown, revoked or over before a time, ms UTC; how many rows."""
        over = "(revoked OR answered IS NOT NULL OR shown_until < ?1) AND shown_from < ?1"
        with self._lock, explained(self.path):
            return self._connection.execute(f"DELETE FROM leases WHERE {over}", (before,)).rowcount

    def _store(self, added: Sequence[tuple[str, list[Row]]]) -> None:
        with explained(self.path):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                for statement, rows in added:
                    self._connection.executemany(statement, rows)
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Stores what was added and lets go of the file."""
        try:
            self.commit()
        finally:
            self._connection.close()

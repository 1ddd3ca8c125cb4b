"""`inbound.sqlite` in the data folder: what is known about news from outside that the log does not hold.

Keys of news that are in the log already, news about messages that nobody knows yet, when connectors were
fetched last, and what was written to a CRM. All of it only saves repeating: without the file an opening may
count twice, a query is asked from its beginning, and a CRM is told what it knows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from ..limits import NEWS_ENTRIES_MAX, NEWS_KEPT_DAYS, NEWS_WAITING_ROWS_MAX, REFERRAL_LANDED_DAYS
from .store import StoreError

FILE: Final = "inbound.sqlite"
_DAY_MS: Final = 86_400_000
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS news (key BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS news_by_time ON news (at);
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY, channel TEXT NOT NULL, provider_id TEXT NOT NULL, at INTEGER NOT NULL,
    record BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS fetches (connector TEXT PRIMARY KEY, begun INTEGER NOT NULL, since INTEGER NOT
NULL, error TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS written (
    connector TEXT NOT NULL, about TEXT NOT NULL, digest BLOB NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (connector, about)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS landed (anonymous TEXT PRIMARY KEY, code TEXT NOT NULL, at INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS landed_by_time ON landed (at);
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
"""


def news_key(channel: str, key: str) -> bytes:
    """By what a piece of news is known: 16 bytes."""
    return blake2b(f"{len(channel)}:{channel}{key}".encode("utf-8", "replace"), digest_size=16).digest()


class InboundStore:
    """One connection, used from one thread at a time; in memory without a folder. Raises StoreError."""

    def __init__(self, folder: Path | None) -> None:
        where = ":memory:" if folder is None else str(folder / FILE)
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / FILE).touch(mode=0o600)
            self._db = sqlite3.connect(where, isolation_level=None, check_same_thread=False, timeout=10)
            self._db.execute("PRAGMA journal_mode = WAL")
            # What a power cut takes from here is only said once more.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            fix = "check that the folder is writable; the file may be deleted"
            raise StoreError(
                f"what came in cannot be remembered: {error.__class__.__name__}", where=where, fix=fix
            ) from error

    # --------------------------------------------------------------------------------------------- news

    def seen(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of `keys` that are in the log already."""
        found: set[bytes] = set()
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            marks = ", ".join("?" * len(some))
            # Only marks for values are put into the statement.
            rows = self._db.execute(f"SELECT key FROM news WHERE key IN ({marks})", some)  # noqa: S608
            found.update(row[0] for row in rows)
        return found

    def remember(self, keys: Iterable[bytes], now: int) -> None:
        """These are in the log. Those older than NEWS_KEPT_DAYS are forgotten."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO news VALUES (?, ?)", [(key, now) for key in keys])
        self._db.execute("COMMIT")

    def forget_old(self, now: int) -> None:
        """Forgets what is too old to be repeated, and beyond NEWS_ENTRIES_MAX the oldest."""
        self._db.execute("DELETE FROM news WHERE at < ?", (now - NEWS_KEPT_DAYS * _DAY_MS,))
        self._db.execute("DELETE FROM waiting WHERE at < ?", (now - _DAY_MS,))
        (count,) = self._db.execute("SELECT count(*) FROM news").fetchone()
        if count > NEWS_ENTRIES_MAX:
            self._db.execute(
                "DELETE FROM news WHERE key IN (SELECT key FROM news ORDER BY at LIMIT ?)",
                (count - NEWS_ENTRIES_MAX,),
            )

    # ------------------------------------------------------------------------------------------ waiting

    def wait(self, channel: str, provider_id: str, at: int, record: bytes) -> bool:
        """Keeps news about a message that nobody knows yet; False when too many wait already."""
        (count,) = self._db.execute("SELECT count(*) FROM waiting").fetchone()
        if count >= NEWS_WAITING_ROWS_MAX:
            return False
        self._db.execute(
            "INSERT INTO waiting (channel, provider_id, at, record) VALUES (?, ?, ?, ?)",
            (channel, provider_id, at, record),
        )
        return True

    def waiting(self, limit: int = 1_000) -> list[tuple[int, str, str, bytes]]:
        """(number, channel, provider id, record) of what waits, oldest first."""
        rows = self._db.execute(
            "SELECT number, channel, provider_id, record FROM waiting ORDER BY number LIMIT ?", (limit,)
        )
        return list(rows)

    def waited(self, numbers: Iterable[int]) -> None:
        """These wait no more."""
        self._db.executemany("DELETE FROM waiting WHERE number = ?", [(one,) for one in numbers])

    # ------------------------------------------------------------------------- fetches, CRM, positions

    def fetched(self, connector: str) -> tuple[int, int, str]:
        """(when the last fetch began, since when what changed is still to be fetched, its error or "")."""
        row = self._db.execute(
            "SELECT begun, since, error FROM fetches WHERE connector = ?", (connector,)
        ).fetchone()
        return (row[0], row[1], row[2]) if row else (0, 0, "")

    def keep_fetch(self, connector: str, begun: int, since: int, error: str = "") -> None:
        """Keeps when a connector was fetched, and how it went."""
        self._db.execute("REPLACE INTO fetches VALUES (?, ?, ?, ?)", (connector, begun, since, error))

    def written(self, connector: str, about: str) -> tuple[bytes, str]:
        """(digest, id there) of what a CRM was told about something; empty when nothing."""
        row = self._db.execute(
            "SELECT digest, id FROM written WHERE connector = ? AND about = ?", (connector, about)
        ).fetchone()
        return (row[0], row[1]) if row else (b"", "")

    def keep_written(self, connector: str, about: str, digest: bytes, ident: str = "") -> None:
        """Keeps what a CRM was told."""
        self._db.execute("REPLACE INTO written VALUES (?, ?, ?, ?)", (connector, about, digest, ident))

    def mark(self, name: str) -> int | None:
        """A position that was kept."""
        row = self._db.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def keep_mark(self, name: str, value: int) -> None:
        """Keeps a position."""
        self._db.execute("REPLACE INTO marks VALUES (?, ?)", (name, value))

    # ------------------------------------------------------------------------------------ recommendations

    def land(self, anonymous: str, code: str, now: int) -> None:
        """A visitor came by somebody's link. Those of REFERRAL_LANDED_DAYS ago are forgotten."""
        self._db.execute("REPLACE INTO landed VALUES (?, ?, ?)", (anonymous, code, now))
        self._db.execute("DELETE FROM landed WHERE at < ?", (now - REFERRAL_LANDED_DAYS * _DAY_MS,))

    def landed(self, anonymous: str) -> str:
        """By whose link a visitor came last; "" for nobody's."""
        row = self._db.execute("SELECT code FROM landed WHERE anonymous = ?", (anonymous,)).fetchone()
        return row[0] if row else ""

    def forget_visitor(self, anonymous: Iterable[str], codes: Iterable[str] = ()) -> int:
        """Erases by whose link these visitors came, and who came by the links with these codes; how many rows
        went, and their bytes with them.
        """
        self._db.execute("PRAGMA secure_delete = ON")
        gone = 0
        for statement, values in (
            ("DELETE FROM landed WHERE anonymous = ?", anonymous),
            ("DELETE FROM landed WHERE code = ?", codes),
        ):
            for one in values:
                gone += self._db.execute(statement, (one,)).rowcount
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return gone

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()


def forget_person(folder: Path, anonymous: Iterable[str], codes: Iterable[str]) -> dict[str, int]:
    """Erases what a data folder's file holds of a person: their anonymous ids, and the codes of their
    profiles.
    """
    if not (folder / FILE).exists():
        return {"visits": 0}
    store = InboundStore(folder)
    try:
        return {"visits": store.forget_visitor(anonymous, codes)}
    finally:
        store.close()

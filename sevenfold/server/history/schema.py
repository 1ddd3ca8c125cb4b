"""The file of the history: its tables, its connections, and what is said when it cannot be used.

Two indexes hold one row for nearly everything that happens, in the order of random ids: effects by subject
and events by identifier. They are kept in *stretches* of about a million numbers, so that writing touches the
pages of the youngest stretch alone, however long the history is; a reader asks one stretch after the other.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is bound

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final

from ...errors import SevenfoldError

FILE: Final = "history.sqlite"
SHELF_FILE: Final = "shelf.sqlite"
FORMAT: Final = 2
STRETCH_BITS: Final = 20
_WRITER_CACHE_KIB: Final = 64 * 1024
_READER_CACHE_KIB: Final = 8 * 1024
_CHECKPOINT_PAGES: Final = 2_000

SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;

CREATE TABLE effects (
    number INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, of TEXT NOT NULL,
    subject TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL
);
CREATE INDEX effects_by_kind ON effects (kind, number);
CREATE TABLE subjects (
    stretch INTEGER, subject INTEGER, number INTEGER, PRIMARY KEY (stretch, subject, number)
) WITHOUT ROWID;
CREATE TABLE merges (loser TEXT PRIMARY KEY, winner TEXT NOT NULL, number INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE INDEX merges_by_winner ON merges (winner);

CREATE TABLE messages (
    number INTEGER PRIMARY KEY, effect INTEGER, decision TEXT NOT NULL, time INTEGER NOT NULL,
    person INTEGER, journey TEXT NOT NULL, run INTEGER, template TEXT, channel TEXT, reason TEXT,
    status INTEGER NOT NULL, status_time INTEGER NOT NULL
);
CREATE UNIQUE INDEX messages_by_effect ON messages (effect) WHERE effect IS NOT NULL;
CREATE INDEX messages_by_person ON messages (person, number);
CREATE INDEX messages_by_journey ON messages (journey, number);
CREATE INDEX messages_by_run ON messages (run, number);
CREATE INDEX messages_by_template ON messages (template, number);
CREATE INDEX messages_by_channel ON messages (channel, number);
CREATE INDEX messages_by_reason ON messages (reason, number) WHERE reason IS NOT NULL;
CREATE INDEX messages_by_status ON messages (status, number);

CREATE TABLE outcomes (
    position INTEGER, place INTEGER, effect INTEGER NOT NULL, outcome TEXT NOT NULL, time INTEGER NOT NULL,
    at INTEGER NOT NULL, reason TEXT, provider_id TEXT, channel TEXT, machine INTEGER NOT NULL,
    permanent INTEGER NOT NULL, data BLOB, PRIMARY KEY (position, place)
) WITHOUT ROWID;
CREATE INDEX outcomes_by_effect ON outcomes (effect);
CREATE INDEX outcomes_by_provider ON outcomes (provider_id) WHERE provider_id IS NOT NULL;

CREATE TABLE runs (
    run INTEGER PRIMARY KEY, id TEXT NOT NULL, number INTEGER NOT NULL, of TEXT NOT NULL,
    subject TEXT NOT NULL, about INTEGER NOT NULL, journey TEXT NOT NULL, version INTEGER, trigger TEXT,
    entity TEXT, ghost TEXT,
    started INTEGER NOT NULL, step TEXT, since INTEGER, until INTEGER, ended INTEGER, reason TEXT
);
CREATE INDEX runs_by_subject ON runs (about, number);
CREATE INDEX runs_by_journey ON runs (journey, number);
CREATE INDEX runs_active ON runs (journey, number) WHERE ended IS NULL;

CREATE TABLE tasks (
    task INTEGER PRIMARY KEY, id TEXT NOT NULL, number INTEGER NOT NULL, of TEXT NOT NULL,
    subject TEXT NOT NULL, about INTEGER NOT NULL, kind TEXT NOT NULL, reason TEXT, title TEXT, owner TEXT,
    due INTEGER, opened INTEGER NOT NULL, level INTEGER NOT NULL, snoozed INTEGER, overdue INTEGER NOT NULL,
    closed INTEGER, outcome TEXT
);
CREATE INDEX tasks_by_subject ON tasks (about, number);
CREATE INDEX tasks_by_kind ON tasks (kind, number);
CREATE INDEX tasks_open ON tasks (owner, number) WHERE closed IS NULL;

CREATE TABLE counts (
    hour INTEGER, kind TEXT, name TEXT, what TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (hour, kind, name, what)
) WITHOUT ROWID;
CREATE TABLE identifiers (
    stretch INTEGER, identifier INTEGER, position INTEGER, PRIMARY KEY (stretch, identifier, position)
) WITHOUT ROWID;
CREATE TABLE controls (
    position INTEGER PRIMARY KEY, time INTEGER NOT NULL, op TEXT NOT NULL, by TEXT, data BLOB NOT NULL
);
CREATE INDEX controls_by_op ON controls (op, position);
"""
"""Ids of subjects, effects, runs and tasks are kept as `key` makes integers of them, where they are looked
up.
"""

SHELF_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS links (
    id TEXT PRIMARY KEY, effect TEXT NOT NULL, place INTEGER NOT NULL, url TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_effect ON links (effect);
CREATE TABLE IF NOT EXISTS leases (
    effect TEXT PRIMARY KEY, person INTEGER NOT NULL, channel TEXT NOT NULL, content BLOB NOT NULL,
    shown_from INTEGER NOT NULL, shown_until INTEGER, revoked INTEGER NOT NULL, answered TEXT,
    answered_at INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS leases_by_person ON leases (person);
"""
"""In a file of its own: it cannot be made again."""


class HistoryError(SevenfoldError):
    """The history cannot be read: it is not there yet, damaged, or of another version."""

    code = "history_unreadable"


class HistoryUnwritableError(HistoryError):
    """The history cannot be written: the disk is full, or the folder read-only. Nothing is lost: what was not
    stored is asked for again from `through` and `position`.
    """

    code = "history_unwritable"


class HistoryGapError(HistoryError):
    """Effects or records came that do not follow on what is stored."""

    code = "history_gap"


def key(text: str) -> int:
    """An id as a 64-bit integer: its value when it is 16 hexadecimal digits, else its digest."""
    if len(text) == 16:
        try:
            return int.from_bytes(bytes.fromhex(text), "big", signed=True)
        except ValueError:
            pass
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to the history at `path`; the writer's makes the file and its tables."""
    mode = "ro" if read_only else "rwc"
    with explained(path):
        connection = sqlite3.connect(
            f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=30
        )
        try:
            kib = _READER_CACHE_KIB if read_only else _WRITER_CACHE_KIB
            connection.execute(f"PRAGMA cache_size=-{kib}")
            if read_only:
                # Its tables are asked by their names alone.
                shelf = f"file:{path.with_name(SHELF_FILE)}?mode=ro"
                connection.execute("ATTACH DATABASE ? AS shelf", (shelf,))
            else:
                _writable(connection)
                connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
                _found(connection)
            _check_format(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_shelf(path: Path) -> sqlite3.Connection:
    """A connection that writes the shelf at `path`, and makes it when absent."""
    with explained(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        try:
            _writable(connection)
            connection.executescript(SHELF_SCHEMA)
        except BaseException:
            connection.close()
            raise
    return connection


def _writable(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA secure_delete=ON")


def _found(connection: sqlite3.Connection) -> None:
    """Makes the tables where there are none."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    if known is None:
        connection.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA} INSERT INTO meta VALUES ('format', {FORMAT}); COMMIT;"
        )


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    row = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    if row is None or row[0] != FORMAT:
        raise HistoryError(
            f"The history has format {row[0] if row else 'none'}, this version reads {FORMAT}",
            where=str(path),
            fix="delete it while the service is stopped; it is made again from the log",
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what SQLite and the system say into errors with a way out."""
    try:
        yield
    except (SevenfoldError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        raise _explanation(error, path) from error
    except OSError as error:
        fix = "check that the folder exists and is writable"
        raise HistoryUnwritableError(f"{error.strerror or error}", where=str(path), fix=fix) from error


def _explanation(error: sqlite3.DatabaseError, path: Path) -> HistoryError:
    text = str(error)
    if "full" in text:
        fix = "free some space; what was not stored is taken again from the log"
        return HistoryUnwritableError("The disk is full", where=str(path), fix=fix)
    if "readonly" in text or "read-only" in text or "disk I/O" in text or "locked" in text:
        fix = "check that the folder is writable, its disk healthy, and no other process writes the history"
        return HistoryUnwritableError(f"The history cannot be written: {text}", where=str(path), fix=fix)
    if "unable to open" in text or "no such table" in text:
        return HistoryError(
            "There is no history yet", where=str(path), fix="it is made when the service runs"
        )
    fix = "delete it while the service is stopped; it is made again from the log"
    return HistoryError(f"The history cannot be read: {text}", where=str(path), fix=fix)

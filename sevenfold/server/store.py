"""`server.sqlite` in the data folder: what the server keeps beside the log.

Keys (as digests), members and their sessions, the audit log, drafts, notes, approvals, and answers by
idempotency key. Nothing in it changes
what the fold decides, and no log can rebuild it: it belongs in backups.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from ..errors import SevenfoldError

FILE: Final = "server.sqlite"
_VERSION: Final = 2
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, hint TEXT NOT NULL,
    name TEXT NOT NULL, source TEXT, scope TEXT, created INTEGER NOT NULL, used INTEGER,
    expires INTEGER, revoked INTEGER, replaces TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS audit (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT NOT NULL, action TEXT NOT NULL,
    target TEXT NOT NULL, position INTEGER, result TEXT NOT NULL, detail BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS audit_by_key ON audit (key, number);
CREATE INDEX IF NOT EXISTS audit_by_target ON audit (target, number);
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;
CREATE TRIGGER IF NOT EXISTS audit_remains BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;
CREATE TABLE IF NOT EXISTS drafts (
    journey TEXT PRIMARY KEY, plan BLOB NOT NULL, base INTEGER, created INTEGER NOT NULL,
    changed INTEGER NOT NULL, by TEXT NOT NULL, revision INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS answers (
    key TEXT NOT NULL, route TEXT NOT NULL, once TEXT NOT NULL, request BLOB NOT NULL, at INTEGER NOT NULL,
    status INTEGER, body BLOB, PRIMARY KEY (key, route, once)
) STRICT;
CREATE INDEX IF NOT EXISTS answers_by_time ON answers (at);
CREATE TABLE IF NOT EXISTS members (
    id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL, acts_as TEXT,
    created INTEGER NOT NULL, by TEXT NOT NULL, removed INTEGER, password TEXT, issuer TEXT, subject TEXT,
    seen INTEGER, UNIQUE (issuer, subject)
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, member TEXT NOT NULL, via TEXT NOT NULL,
    agent TEXT NOT NULL, created INTEGER NOT NULL, seen INTEGER NOT NULL, expires INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_member ON sessions (member);
CREATE TABLE IF NOT EXISTS invitations (
    digest BLOB PRIMARY KEY, member TEXT NOT NULL, expires INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS attempts (
    about BLOB PRIMARY KEY, failures INTEGER NOT NULL, first INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS flows (
    state BLOB PRIMARY KEY, nonce TEXT NOT NULL, verifier TEXT NOT NULL, back TEXT NOT NULL,
    began INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
    detail BLOB NOT NULL, by TEXT NOT NULL, created INTEGER NOT NULL, changed INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS notes_by_subject ON notes (subject, id);
CREATE TABLE IF NOT EXISTS judgements (
    subject TEXT NOT NULL, kind TEXT NOT NULL, value BLOB NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL,
    at INTEGER NOT NULL, number INTEGER PRIMARY KEY AUTOINCREMENT
) STRICT;
CREATE INDEX IF NOT EXISTS judgements_by_subject ON judgements (subject, kind, number);
CREATE TABLE IF NOT EXISTS approvals (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
    content BLOB NOT NULL, state TEXT NOT NULL, by TEXT NOT NULL, created INTEGER NOT NULL,
    decided INTEGER, decided_by TEXT, comments BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS approvals_by_state ON approvals (state, id);
CREATE TABLE IF NOT EXISTS file_drafts (
    path TEXT PRIMARY KEY, text TEXT, base TEXT NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL,
    by TEXT NOT NULL, revision INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS preferences (
    name TEXT PRIMARY KEY, value BLOB NOT NULL
) STRICT;
"""


class StoreError(SevenfoldError):
    """`server.sqlite` cannot be opened or written."""

    code = "store_unwritable"


def open_store(folder: Path | None) -> sqlite3.Connection:
    """A connection to the store of a data folder, made when absent and readable by its owner only; in memory
    without a folder. Statements commit on their own. Raises StoreError.
    """
    where = ":memory:" if folder is None else str(folder / FILE)
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / FILE).touch(mode=0o600)
        # One process uses a connection from one thread at a time; tests may serve from another thread than
        # the one that opened it.
        connection = sqlite3.connect(where, isolation_level=None, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise StoreError(
                f"the store was written by a newer Sevenfold (version {version})", where=where, fix="upgrade"
            )
        if version < _VERSION:
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"the store cannot be opened: {error.__class__.__name__}",
            where=where,
            fix="check that the folder is writable and the disk has room",
        ) from error
    return connection

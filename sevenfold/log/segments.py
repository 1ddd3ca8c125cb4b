"""One segment of the log: an SQLite file of records, and how a record is laid out in a row.

A row's id is twice its position, plus one unless it is a tick: ids are in log order, a tick goes before the
record at its position, and a tick that follows a tick takes its place.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import zstandard

from sevenfold.errors import LogDamagedError, LogError, LogUnwritableError, SevenfoldError
from sevenfold.log.base import Entry, Kind, Record

FORMAT: Final = 1
_KINDS: Final[tuple[Kind, ...]] = ("tick", "events", "control")
_SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE records (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, count INTEGER NOT NULL, time INTEGER NOT NULL,
    last_time INTEGER NOT NULL, keys BLOB NOT NULL, payload BLOB NOT NULL, checksum INTEGER NOT NULL
);
"""
INSERT: Final = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
Row = tuple[int, int, int, int, int, bytes, bytes, int]

_encode_entries = msgspec.msgpack.Encoder().encode
_decode_entries = msgspec.msgpack.Decoder(list[Entry]).decode


def path_of(folder: Path, first_position: int) -> Path:
    return folder / f"segment-{first_position:015}.sqlite"


def list_of(folder: Path) -> list[tuple[int, Path]]:
    """(first position, file) of each segment, in order."""
    return sorted((int(path.stem.split("-")[1]), path) for path in folder.glob("segment-*.sqlite"))


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection that commits only to the disk and leaves nothing deleted behind."""
    mode = "ro" if read_only else "rwc"
    with explained(path):
        connection = sqlite3.connect(
            f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=30
        )
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")
    return connection


def create(folder: Path, first_position: int, first_time: int) -> sqlite3.Connection:
    """A new, empty segment that goes on where the last one ended. It gets its name when it is whole."""
    path = path_of(folder, first_position)
    draft = folder / "draft.sqlite"
    with explained(path):
        draft.unlink(missing_ok=True)
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            connection.executescript(f"PRAGMA synchronous=FULL; BEGIN IMMEDIATE; {_SCHEMA}")
            meta = [("format", FORMAT), ("first_position", first_position), ("first_time", first_time)]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)
            connection.execute("COMMIT")
        finally:
            connection.close()
        draft.rename(path)
    return connect(path)


def state(connection: sqlite3.Connection, path: Path) -> tuple[int, int]:
    """Next position and last time at the end of this segment. Raises LogDamagedError."""
    with explained(path):
        meta: dict[str, int] = dict(connection.execute("SELECT name, value FROM meta").fetchall())
        if meta.get("format") != FORMAT:
            raise LogError(
                f"The log has format {meta.get('format')}, this version reads {FORMAT}",
                where=str(path),
                fix="open it with the version that wrote it",
            )
        row = connection.execute("SELECT * FROM records ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        return meta["first_position"], meta["first_time"]
    return decode(row, path).end, row[4]


def encode(record: Record, keys: list[bytes], compressor: zstandard.ZstdCompressor) -> Row:
    """The row of a record."""
    payload = b""
    last_time = record.time
    if record.kind == "events":
        payload = compressor.compress(_encode_entries(record.entries))
        last_time = record.entries[-1].time
    elif record.kind == "control":
        payload = msgspec.json.encode(record.control)
    kind = _KINDS.index(record.kind)
    row_id = 2 * record.position + (record.kind != "tick")
    head = (row_id, kind, record.count, record.time, last_time, b"".join(keys), payload)
    return (*head, checksum(head))


def read(connection: sqlite3.Connection, path: Path, from_position: int, limit: int) -> list[Record]:
    """At most `limit` records of one segment, from the one that holds `from_position`, as `base.Log.read`."""
    with explained(path):
        before = connection.execute(
            "SELECT id, count FROM records WHERE id <= ? AND count > 0 ORDER BY id DESC LIMIT 1",
            (2 * from_position + 1,),
        ).fetchone()
        begins_earlier = before is not None and before[0] // 2 < from_position < before[0] // 2 + before[1]
        rows = connection.execute(
            "SELECT * FROM records WHERE id >= ? ORDER BY id LIMIT ?",
            (before[0] if begins_earlier else 2 * from_position, limit),
        ).fetchall()
    return [decode(row, path) for row in rows]


def checksum(head: tuple[Any, ...]) -> int:
    return zlib.crc32(head[6], zlib.crc32(head[5], zlib.crc32(repr(head[:5]).encode())))


def decode(row: Row, path: Path) -> Record:
    """The record in a row. Raises LogDamagedError when it is not as it was written."""
    row_id, kind, count, time, _, _, payload, stored = row
    position = row_id // 2
    try:
        if checksum(row[:7]) != stored:
            raise ValueError("the checksum does not match")
        record = Record(position, time, _KINDS[kind])
        if record.kind == "events":
            record.entries = _decode_entries(zstandard.ZstdDecompressor().decompress(payload))
        elif record.kind == "control":
            record.control = msgspec.json.decode(payload)
        if record.count != count:
            raise ValueError("the number of entries does not match")
    except (ValueError, TypeError, IndexError, zstandard.ZstdError) as error:
        raise LogDamagedError(
            f"The record does not read back as it was written: {error}",
            where=f"{path}, position {position}",
            fix="restore the file from a backup, or cut the log there: "
            f"python -m sevenfold.log.repair {path.parent}",
        ) from error
    return record


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into errors with a way out."""
    try:
        yield
    except (SevenfoldError, sqlite3.ProgrammingError):
        raise  # explained already, or a defect of ours that must not look like a damaged file
    except sqlite3.DatabaseError as error:
        raise _explanation(error, path) from error
    except OSError as error:
        raise LogUnwritableError(
            f"{error.strerror or error}", where=str(path), fix="check that the folder exists and is writable"
        ) from error


def _explanation(error: sqlite3.DatabaseError, path: Path) -> SevenfoldError:
    text = str(error)
    if "full" in text:
        fix = "free some space; nothing acknowledged is lost and appending works again at once"
        return LogUnwritableError("The disk is full", where=str(path), fix=fix)
    if "readonly" in text or "read-only" in text or "unable to open" in text or "disk I/O" in text:
        fix = "check that the folder exists, is writable and its disk is healthy"
        return LogUnwritableError(f"The log cannot be written: {text}", where=str(path), fix=fix)
    if "locked" in text:
        fix = "one process owns the log; stop the other one"
        return LogUnwritableError("Another process is writing the log", where=str(path), fix=fix)
    fix = f"restore the file from a backup, or cut the log: python -m sevenfold.log.repair {path.parent}"
    return LogDamagedError(f"The file cannot be read: {text}", where=str(path), fix=fix)

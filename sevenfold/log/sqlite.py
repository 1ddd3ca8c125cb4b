"""The embedded log: a folder of SQLite segments, with dedup inside the append and group commit.

Appending threads queue up; whichever holds the lock commits for all that wait, so that a commit is
shared under load and never waited for without. One process owns the folder (a lock file says so).
"""

from __future__ import annotations

import bisect
import contextlib
import fcntl
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import msgspec
import zstandard

from sevenfold.clock import Clock
from sevenfold.errors import LogError, LogUnwritableError, SevenfoldError
from sevenfold.events.dedup import KEY_BYTES, SeenKeys
from sevenfold.events.steps import Dropped
from sevenfold.limits import (
    COMMIT_EVENTS_MAX,
    DEDUP_WINDOW_IDS_MAX,
    LOG_READ_RECORDS_MAX,
    RECORD_EVENTS_MAX,
    SEGMENT_BYTES_MAX,
)
from sevenfold.log import segments
from sevenfold.log.base import (
    DeadLetter,
    New,
    NewEvents,
    Placement,
    Receipt,
    Record,
    check_new,
    check_rewrite,
)
from sevenfold.log.dead_letters import DeadLetters
from sevenfold.log.key_runs import KeyRuns


class _Request:
    """What one thread wants appended, and what became of it."""

    def __init__(self, new: Sequence[New]) -> None:
        self.new = new
        self.receipts: list[Receipt] = []
        self.error: SevenfoldError | None = None
        self.done = False


def _keys_of(group: list[_Request]) -> list[bytes]:
    """The keys of all events that the group appends, in order."""
    return [
        key for request in group for item in request.new if isinstance(item, NewEvents) for key in item.keys
    ]


class SqliteLog:
    """Implements `base.Log` in `folder`, which is made when absent."""

    def __init__(self, folder: Path, clock: Clock, *, segment_bytes: int = SEGMENT_BYTES_MAX) -> None:
        self._folder = folder
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._waiting: deque[_Request] = deque()
        self._lock = threading.Lock()
        self._readers = threading.local()
        self._all_readers: list[sqlite3.Connection] = []
        self._closed = False
        with segments.explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._owner = (folder / "owner.lock").open("a")
        self._own()
        try:
            self._open()
        except BaseException:
            self._owner.close()
            raise

    def _own(self) -> None:
        try:
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._owner.close()
            raise LogUnwritableError(
                "Another process owns this log",
                where=str(self._folder),
                fix="stop the other process, or append through it",
            ) from error

    def _open(self) -> None:
        found = segments.list_of(self._folder)
        if not found:
            segments.create(self._folder, 0, 0).close()
            found = segments.list_of(self._folder)
        self._segments = found
        path = found[-1][1]
        self._writer = segments.connect(path)
        self._next_position, self._last_time = segments.state(self._writer, path)
        self._dead = DeadLetters(self._folder / "dead_letters.sqlite")
        with segments.explained(self._folder / "keys"):
            self._key_runs = KeyRuns(self._folder / "keys")
            if self._key_runs.covers > self._next_position:
                # The runs know of messages that the log has lost: those must be let in again.
                self._key_runs.clear()
        self._seen = SeenKeys(self._key_runs, DEDUP_WINDOW_IDS_MAX)
        self._seen.know_older(len(self._key_runs))
        self._relearn_keys()

    def _relearn_keys(self) -> None:
        """Add the keys stored beyond the position that the runs on disk cover."""
        covered = self._key_runs.covers
        for index, (_, path) in enumerate(self._segments):
            following = self._segments[index + 1][0] if index + 1 < len(self._segments) else None
            if following is not None and following <= covered:
                continue
            connection = segments.connect(path, read_only=True)
            with segments.explained(path):
                rows = connection.execute(
                    "SELECT id / 2 + count, keys FROM records WHERE id >= ? AND count > 0 ORDER BY id",
                    (2 * covered,),
                )
                for end, keys in rows:
                    self._key_runs.reaching = end
                    self._seen.add(keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES))
            connection.close()

    # --- appending ------------------------------------------------------------------------------------------

    def append(self, new: Sequence[New]) -> list[Receipt]:
        check_new(new)
        request = _Request(new)
        self._waiting.append(request)
        with self._lock:
            while not request.done:
                self._commit(self._next_group())
        if request.error is not None:
            raise request.error
        return request.receipts

    def _next_group(self) -> list[_Request]:
        group: list[_Request] = []
        events = 0
        while self._waiting and events < COMMIT_EVENTS_MAX:
            request = self._waiting.popleft()
            events += sum(len(item.entries) for item in request.new if isinstance(item, NewEvents))
            group.append(request)
        return group

    def _commit(self, group: list[_Request]) -> None:
        """One transaction for the whole group: all of it is durable afterwards, or none."""
        try:
            self._store(group)
        except SevenfoldError as error:
            for request in group:
                request.receipts, request.error = [], error
        finally:
            for request in group:
                request.done = True

    def _store(self, group: list[_Request]) -> None:
        path = self._segments[-1][1]
        if self._closed:
            raise LogError("The log is closed", where=str(self._folder))
        place = Placement(self._next_position, self._last_time, self._clock.now())
        with segments.explained(path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                keys, rows = self._place(group, place)
                self._writer.executemany(segments.INSERT, rows)
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        self._next_position, self._last_time = place.next_position, place.last_time
        self._key_runs.reaching = self._next_position
        # It is durable. If the disk has no room for what follows, that waits for the next append.
        with contextlib.suppress(OSError, LogUnwritableError), segments.explained(path):
            self._seen.add(keys)
            # No segment ends with a tick, so that a tick finds the one whose place it takes.
            if rows and rows[-1][0] % 2 and self._is_full():
                self._begin_segment()

    def _place(self, group: list[_Request], place: Placement) -> tuple[list[bytes], list[segments.Row]]:
        """Keys and rows of what the group appends; neighbours among small batches share a row."""
        rows: list[segments.Row] = []
        all_keys: list[bytes] = []
        pending: tuple[Record, list[bytes]] | None = None
        # Looked up for all together: it costs a single event as much as a thousand.
        wanted = _keys_of(group)
        seen = iter(self._seen.seen(wanted) if wanted else ())
        for request in group:
            for item in request.new:
                if not isinstance(item, NewEvents):
                    rows += self._encoded(pending)
                    record, receipt = place.other(item)
                    pending = None
                    rows.append(segments.encode(record, [], self._compressor))
                    request.receipts.append(receipt)
                    continue
                record, keys, receipt = place.events(item, list(islice(seen, len(item.keys))))
                request.receipts.append(receipt)
                all_keys += keys
                if pending is not None and pending[0].count + record.count <= RECORD_EVENTS_MAX:
                    pending[0].entries += record.entries
                    pending[1].extend(keys)
                elif record.entries:
                    rows += self._encoded(pending)
                    pending = (
                        Record(record.position, record.time, "events", list(record.entries)),
                        list(keys),
                    )
        return all_keys, rows + self._encoded(pending)

    def _encoded(self, pending: tuple[Record, list[bytes]] | None) -> list[segments.Row]:
        return [] if pending is None else [segments.encode(pending[0], pending[1], self._compressor)]

    def _is_full(self) -> bool:
        pages: int = self._writer.execute("PRAGMA page_count").fetchone()[0]
        size: int = self._writer.execute("PRAGMA page_size").fetchone()[0]
        return pages * size >= self._segment_bytes

    def _begin_segment(self) -> None:
        connection = segments.create(self._folder, self._next_position, self._last_time)
        self._writer.close()
        self._writer = connection
        entry = (self._next_position, segments.path_of(self._folder, self._next_position))
        self._segments = [*self._segments, entry]

    # --- reading --------------------------------------------------------------------------------------------

    def read(self, from_position: int = 0, limit: int = 1_000) -> list[Record]:
        if from_position < 0:
            raise LogError("Positions start at 0", where=f"position {from_position}")
        known = self._segments
        # The last record before a segment's first position lies in the segment before it.
        index = max(bisect.bisect_right(known, from_position, key=lambda s: s[0]) - 1, 0)
        records: list[Record] = []
        wanted = min(limit, LOG_READ_RECORDS_MAX)
        for first, path in known[index:]:
            if len(records) >= wanted:
                break
            left = wanted - len(records)
            records += segments.read(self._reader(path), path, max(from_position, first), left)
        return records

    def _reader(self, path: Path) -> sqlite3.Connection:
        if self._closed:
            raise LogError("The log is closed", where=str(self._folder))
        readers: dict[Path, sqlite3.Connection] = self._readers.__dict__.setdefault("by_path", {})
        if path not in readers:
            readers[path] = segments.connect(path, read_only=True)
            self._all_readers.append(readers[path])
        return readers[path]

    @property
    def next_position(self) -> int:
        return self._next_position

    @property
    def last_time(self) -> int:
        return self._last_time

    # --- erasure, dead letters, end -------------------------------------------------------------------------

    def rewrite(self, record: Record) -> None:
        with self._lock:
            index = max(bisect.bisect_right(self._segments, record.position, key=lambda s: s[0]) - 1, 0)
            path = self._segments[index][1]
            own = index < len(self._segments) - 1
            connection = segments.connect(path) if own else self._writer
            try:
                with segments.explained(path):
                    self._rewrite_in(connection, path, record)
            finally:
                if own:
                    connection.close()

    def _rewrite_in(self, connection: sqlite3.Connection, path: Path, record: Record) -> None:
        row_id = 2 * record.position + 1
        row = connection.execute("SELECT * FROM records WHERE id = ?", (row_id,)).fetchone()
        if row is None:
            raise LogError("There is no record", where=f"position {record.position}")
        old = segments.decode(row, path)
        check_rewrite(old, record)
        keys = [row[5][at : at + KEY_BYTES] for at in range(0, len(row[5]), KEY_BYTES)]
        kept = msgspec.structs.replace(record, time=old.time)
        connection.execute(segments.INSERT, segments.encode(kept, keys, self._compressor))
        # The old bytes are still in the write-ahead log until it is emptied.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def add_dead_letters(self, dropped: Sequence[Dropped]) -> None:
        self._dead.add(dropped)

    def dead_letters(self, after: int = 0, limit: int = 100, reason: str | None = None) -> list[DeadLetter]:
        return self._dead.list(after, limit, reason)

    def dead_letter_counts(self) -> dict[str, int]:
        return self._dead.counts()

    def remove_dead_letters(self, ids: Sequence[int]) -> None:
        self._dead.remove(ids)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._key_runs.settle()
            for reader in self._all_readers:
                reader.close()
            self._writer.close()
            self._dead.close()
            self._owner.close()

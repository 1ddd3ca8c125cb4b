"""Reads a log's folder without owning it: for the processes beside the one that appends.

What is durable is seen at once, new segments included. Nothing here writes to a segment.
"""

from __future__ import annotations

import bisect
import sqlite3
import threading
from pathlib import Path

from sevenfold.errors import LogError
from sevenfold.limits import LOG_READ_RECORDS_MAX
from sevenfold.log import segments
from sevenfold.log.base import Record


class LogReader:
    """The log in `folder`, which another process may be appending to. Threads may read at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False
        self._segments = segments.list_of(folder)

    def read(self, from_position: int = 0, limit: int = 1_000) -> list[Record]:
        """As `base.Log.read`: at most `limit` records in order, from the one that holds `from_position`.

        A record may begin before `from_position`, and the last tick before it is shown again. Raises
        LogDamagedError, and LogError for a position below 0.
        """
        if from_position < 0:
            raise LogError("Positions start at 0", where=f"position {from_position}")
        wanted = min(limit, LOG_READ_RECORDS_MAX)
        records: list[Record] = []
        while True:
            self._read_known(from_position, wanted, records)
            if len(records) >= wanted or not self._found_segments():
                return records
            # What was the last segment may have grown before the next one began: it is read on from there.
            if records and records[-1].kind == "tick":
                records.pop()
            if records:
                from_position = records[-1].end

    def _read_known(self, from_position: int, wanted: int, records: list[Record]) -> None:
        known = self._segments
        index = max(bisect.bisect_right(known, from_position, key=lambda s: s[0]) - 1, 0)
        for first, path in known[index:]:
            left = wanted - len(records)
            if left <= 0:
                return
            records += segments.read(self._connection(path), path, max(from_position, first), left)

    def _found_segments(self) -> bool:
        found = segments.list_of(self._folder)
        more = len(found) > len(self._segments)
        self._segments = found
        return more

    @property
    def next_position(self) -> int:
        """The position that the next event gets; 0 for an empty log."""
        self._found_segments()
        if not self._segments:
            return 0
        path = self._segments[-1][1]
        return segments.state(self._connection(path), path)[0]

    def _connection(self, path: Path) -> sqlite3.Connection:
        by_path: dict[Path, sqlite3.Connection] = self._local.__dict__.setdefault("by_path", {})
        found = by_path.get(path)
        if found is None:
            found = segments.connect(path, read_only=True)
            with self._lock:
                if self._closed:
                    found.close()
                    raise LogError("The reader is closed", where=str(self._folder))
                self._connections.append(found)
            by_path[path] = found
        return found

    def close(self) -> None:
        """Lets go of the files. Reading afterwards is an error."""
        with self._lock:
            self._closed = True
            for connection in self._connections:
                connection.close()
            self._connections.clear()

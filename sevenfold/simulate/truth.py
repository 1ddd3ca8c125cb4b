"""The hidden truth as tables: episodes that begin and end, and rows turned to Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa


class Episodes:
    """Spans of hidden state: (subject kind, subject, episode kind) is open at most once at a time."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int, str], int] = {}
        self._closed: list[tuple[str, int, str, int, int | None, str | None]] = []

    def begin(self, subject: str, row: int, kind: str, time_ms: int) -> None:
        """Open an episode, unless it is open."""
        self._open.setdefault((subject, row, kind), time_ms)

    def end(self, subject: str, row: int, kind: str, time_ms: int, ended_by: str) -> None:
        """Close an episode, if it is open."""
        started = self._open.pop((subject, row, kind), None)
        if started is not None:
            self._closed.append((subject, row, kind, started, max(time_ms, started), ended_by))

    def rows(self) -> list[tuple[str, int, str, int, int | None, str | None]]:
        """All episodes by start; those still open have no end."""
        still = [(*key, started, None, None) for key, started in self._open.items()]
        return sorted([*self._closed, *still], key=lambda row: (row[3], row[0], row[1], row[2]))


def table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as an Arrow table of exactly this schema; -1 in a column named `*_ms` means never and becomes
    null."""
    columns = {}
    for field in schema:
        values = [row[field.name] for row in rows]
        if field.name.endswith("_ms"):
            values = [None if value is None or value < 0 else int(value) for value in values]
        columns[field.name] = pa.array(values, type=field.type)
    return pa.table(columns, schema=schema)


def schema(text: str) -> pa.Schema:
    """A schema from `name:type` words; types are s (string), i (int64), f (float64), b (bool)."""
    types = {"s": pa.string(), "i": pa.int64(), "f": pa.float64(), "b": pa.bool_()}
    return pa.schema([(name, types[kind]) for name, kind in (word.split(":") for word in text.split())])

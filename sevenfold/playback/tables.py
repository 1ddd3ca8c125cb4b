"""Tables that are written row by row in bounded memory, each as Parquet and as NDJSON.

Times are ms UTC in rows, `timestamp[ms, UTC]` in Parquet and ISO 8601 in NDJSON. A `json` column is a text
in Parquet and the value itself in NDJSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sevenfold.limits import REPLAY_TABLE_BUFFER_ROWS

ColumnType = Literal["time", "day", "text", "integer", "number", "boolean", "json", "list"]
Columns = Mapping[str, ColumnType]
Row = Sequence[Any]

_ARROW: Final[dict[str, Any]] = {
    "time": pa.timestamp("ms", tz="UTC"),
    "day": pa.date32(),
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "json": pa.string(),
    "list": pa.list_(pa.string()),
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines

EFFECT_TABLES: Final[dict[str, Columns]] = {
    "transitions": {
        "n": "integer", "time": "time", "of": "text", "subject": "text", "lifecycle": "text", "from": "text",
        "to": "text", "rule": "text", "cause": "text", "cause_name": "text", "cause_seq": "integer",
        "atoms": "json",
    },
    "segments": {
        "n": "integer", "time": "time", "of": "text", "subject": "text", "segment": "text", "change": "text",
    },
    "bands": {
        "n": "integer", "time": "time", "of": "text", "subject": "text", "score": "text", "change": "text",
        "from": "text", "to": "text", "value": "number", "before": "number", "after": "number",
        "weights": "json",
    },
    "identity": {
        "n": "integer", "time": "time", "of": "text", "subject": "text", "change": "text", "name": "text",
        "data": "json",
    },
}  # fmt: skip
"""The tables that together hold every effect; `n` numbers effects over all four in the order they happened.
"""

SCORES: Final[Columns] = {
    "day": "day", "of": "text", "subject": "text", "score": "text", "value": "number", "band": "text",
    "velocity": "text",
}  # fmt: skip
"""A row for each day at whose close a score stood elsewhere than at the close before; days between repeat
it.
"""


def iso(ms: int) -> str:
    """ms UTC as `2024-01-01T08:15:30.250Z`; whole seconds without the fraction."""
    text = (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
    return text[:19] + (text[19:23] if text[19:23] != ".000" else "") + "Z"


def day_before(ms: int, zone: ZoneInfo) -> date:
    """The date of the day that ends at `ms` in `zone`."""
    return (_EPOCH + timedelta(milliseconds=ms - 1)).astimezone(zone).date()


class Table:
    """One table under way. Rows are tuples in the order of the columns."""

    def __init__(self, folder: Path, name: str, columns: Columns) -> None:
        self.name = name
        self.columns = dict(columns)
        self.rows_written = 0
        self._schema = pa.schema([(key, _ARROW[kind]) for key, kind in columns.items()])
        self._buffer: list[Row] = []
        self._stack = ExitStack()
        parquet = folder / f"{name}.parquet"
        self._parquet = self._stack.enter_context(pq.ParquetWriter(parquet, self._schema, compression="zstd"))
        self._ndjson = self._stack.enter_context((folder / f"{name}.ndjson").open("wb"))

    def add(self, row: Row) -> None:
        """Takes one row."""
        self._buffer.append(row)
        if len(self._buffer) >= REPLAY_TABLE_BUFFER_ROWS:
            self._flush()

    def extend(self, rows: Iterable[Row]) -> None:
        """Takes several rows."""
        self._buffer.extend(rows)
        if len(self._buffer) >= REPLAY_TABLE_BUFFER_ROWS:
            self._flush()

    def _flush(self) -> None:
        rows, self._buffer = self._buffer, []
        if not rows:
            return
        self.rows_written += len(rows)
        arrays = []
        shown: list[Sequence[Any]] = []
        for (_, kind), values in zip(self.columns.items(), zip(*rows, strict=True), strict=True):
            arrays.append(_array(kind, values))
            shown.append(_shown(kind, values))
        self._parquet.write_batch(pa.record_batch(arrays, schema=self._schema))
        keys = tuple(self.columns)
        self._ndjson.write(
            _encode_lines([dict(zip(keys, row, strict=True)) for row in zip(*shown, strict=True)])
        )

    def close(self) -> None:
        """Writes what is left and closes both files."""
        try:
            self._flush()
        finally:
            self._stack.close()

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


def _array(kind: ColumnType, values: Sequence[Any]) -> Any:
    if kind == "json":
        values = [None if value is None else _encode(value).decode() for value in values]
    return pa.array(values, type=_ARROW[kind])


def _shown(kind: ColumnType, values: Sequence[Any]) -> Sequence[Any]:
    if kind == "time":
        return [None if value is None else iso(value) for value in values]
    return values


def number(value: Any) -> float | None:
    """A value for a `number` column."""
    return None if value is None else float(value)

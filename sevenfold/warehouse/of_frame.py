"""A warehouse of a table of events, without a workspace: for notebooks, and for whoever has only a file."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from sevenfold.errors import InputError
from sevenfold.frames import ms_of, to_arrow
from sevenfold.warehouse.base import Batch, Progress
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.projector import SCHEMAS
from sevenfold.warehouse.rows import key

MICRO: Final = 1_000_000
_ENCODE: Final = msgspec.json.Encoder().encode
_OWN: Final = ("timestamp", "time", "event", "user_id", "account_id", "type", "value", "currency", "order_id")


def warehouse_of(data: Any, *, until: Any = None) -> DuckWarehouse:
    """A warehouse in memory with the events of a pandas, polars or pyarrow table.

    Columns: `timestamp` (or `time`), `event`, `user_id`, perhaps `account_id`, `type` (track), `value`
    (money), `currency` and `order_id`; all others are properties. Rows at the same time stay in the order of
    the table. A person's id is made of the user id; observation ends at the last event, or at `until`. Raises
    InputError.
    """
    table = to_arrow(data)
    if table is None:
        raise InputError(f"Events cannot be read from a {type(data).__name__}", fix="pass a table")
    names = table.column_names
    at = next((name for name in ("timestamp", "time") if name in names), None)
    for name, found in (("timestamp", at), ("event", "event" in names), ("user_id", "user_id" in names)):
        if not found:
            raise InputError(f"There is no column `{name}`", where="data", fix=f"it has {', '.join(names)}")
    times = _times(table[at])
    order = pc.sort_indices(pa.table({"t": times}), sort_keys=[("t", "ascending")])
    table, times = table.take(order), times.take(order)
    n = table.num_rows
    worth = table["value"].cast(pa.float64()) if "value" in names else pa.nulls(n, pa.float64())
    held = {
        "position": pa.array(range(n), pa.int64()),
        "time": times,
        "taken": times,
        "person": _ids(table["user_id"]),
        "account": _ids(table["account_id"]) if "account_id" in names else pa.array([0] * n, pa.uint64()),
        "type": _texts(table, "type", "track"),
        "name": _texts(table, "event", ""),
        "source": pa.array(["import"] * n, pa.string()),
        "value": pc.round(pc.multiply(worth, MICRO)).cast(pa.int64()),
        "currency": _texts(table, "currency", None),
        "order_id": _texts(table, "order_id", None),
        "properties": _properties(table),
        "context": pa.nulls(n, pa.string()),
    }
    schema = SCHEMAS["events"]
    events = pa.table([held[name] for name in schema.names], schema=schema)
    last = ms_of(until) if until is not None else None
    end = last if last is not None else int(pc.max(times).as_py() or 0)
    warehouse = DuckWarehouse()
    warehouse.append(Batch({"events": events, "subjects": _subjects(events)}, Progress(n, n, end)))
    return warehouse


def _times(column: Any) -> Any:
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    found = [ms_of(value) for value in column.to_pylist()]
    if None in found:
        bad = column[found.index(None)].as_py()
        raise InputError(f"`{bad}` is no time", where="timestamp", fix="write 2024-03-01T12:30:00Z")
    return pa.array(found, pa.int64())


def _ids(column: Any) -> Any:
    encoded = column.combine_chunks().cast(pa.string()).dictionary_encode()
    ids = pa.array([key(f"user:{text}") for text in encoded.dictionary.to_pylist()], pa.uint64())
    return pc.fill_null(ids.take(encoded.indices), pa.scalar(0, pa.uint64()))


def _texts(table: pa.Table, name: str, otherwise: str | None) -> Any:
    if name not in table.column_names:
        return pa.array([otherwise] * table.num_rows, pa.string())
    return table[name].cast(pa.string()).combine_chunks()


def _properties(table: pa.Table) -> Any:
    rest = table.select([name for name in table.column_names if name not in _OWN])
    if not rest.num_columns:
        return pa.array(["{}"] * table.num_rows, pa.string())
    rows = ({k: v for k, v in row.items() if v is not None} for row in rest.to_pylist())
    return pa.array([_ENCODE(row).decode() for row in rows], pa.string())


def _subjects(events: pa.Table) -> pa.Table:
    seen = events.group_by("person").aggregate([("time", "min")])
    n = seen.num_rows
    return pa.table(
        [
            pa.array(range(n), pa.int64()), seen["time_min"], pa.array(["person"] * n), seen["person"],
            pa.array([""] * n),
        ],
        schema=SCHEMAS["subjects"],
    )  # fmt: skip

"""A warehouse filled by hand, so that tests know what is true of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from sevenfold.warehouse.base import Batch, Progress, Warehouse
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.projector import SCHEMAS
from sevenfold.warehouse.schema import BY_NAME

DAY = 86_400_000
START = 1_704_067_200_000
"""2024-01-01."""
_NOTHING: dict[str, Any] = {"id": 0, "time": 0, "boolean": False}


def filled(
    rows: dict[str, Sequence[dict[str, Any]]], *, now: int, forwards: dict[int, int] | None = None
) -> DuckWarehouse:
    """A DuckDB warehouse with rows by table."""
    warehouse = DuckWarehouse(threads=1)
    fill(warehouse, rows, now=now, forwards=forwards)
    return warehouse


def fill(
    warehouse: Warehouse, rows: dict[str, Sequence[dict[str, Any]]], *, now: int,
    forwards: dict[int, int] | None = None,
) -> None:  # fmt: skip
    """Rows by table; columns that a row does not name are empty. Rows of a table are put in order of time."""
    tables = {}
    for name, given in rows.items():
        table = BY_NAME[name]
        ordered = sorted(given, key=lambda row: row.get("time", 0))
        columns = {}
        for column in table.columns:
            empty = _NOTHING.get(column.type)
            if column.name == "of":
                empty = "person"
            columns[column.name] = [
                number if column.name == table.key != "time" else row.get(column.name, empty)
                for number, row in enumerate(ordered)
            ]
        tables[name] = pa.table(columns, schema=SCHEMAS[name])
    warehouse.append(Batch(tables, Progress(10**9, 10**9, now), forwards))


def order(person: int, time: int, value: float, currency: str = "EUR", account: int = 0) -> dict[str, Any]:
    """An order as an event."""
    return {
        "person": person, "time": time, "taken": time, "type": "track", "name": "Order Completed",
        "account": account, "value": round(value * 1_000_000), "currency": currency,
    }  # fmt: skip


def event(
    person: int, time: int, name: str, properties: str | None = None, account: int = 0
) -> dict[str, Any]:
    """A track call."""
    return {
        "person": person, "time": time, "taken": time, "type": "track", "name": name,
        "properties": properties,
        "account": account,
    }  # fmt: skip

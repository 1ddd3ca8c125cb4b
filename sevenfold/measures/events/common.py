"""Small things that the analyses of events share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa

from sevenfold.measures.answer import QuestionError

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

By = Literal["person", "account"]
WHO: Final = {"person": "people", "account": "accounts"}
SMALL: Final = 30
"""Fewer cases than this are said to be few."""
ANY: Final = "*"


def now_of(warehouse: Warehouse, until: int | None) -> int:
    """When observation ends, ms UTC: where the warehouse is, or the end of the period when that is earlier.
    Periods that are not over by then are incomplete.
    """
    seen = warehouse.through().time or int(
        warehouse.query("SELECT MAX(taken) AS seen FROM events")["seen"][0].as_py() or 0
    )
    return seen if until is None else min(seen, until)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """A small table as dicts."""
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def table_of(rows: list[dict[str, Any]], types: dict[str, Any]) -> pa.Table:
    """Dicts as a table with these columns, in this order, also when there are none."""
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in types.items()})


def require(condition: bool, message: str, where: str, fix: str = "") -> None:
    """Raises QuestionError unless the condition holds."""
    if not condition:
        raise QuestionError(message, where=where, fix=fix)

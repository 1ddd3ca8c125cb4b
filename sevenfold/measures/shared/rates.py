"""Small things that reports share: a share with its interval as a row, and the period a question is about."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from sevenfold.measures.events.periods import bounds
from sevenfold.measures.statistics.intervals import Interval, share

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse


def rate(name: str, hits: float, n: float, level: float = 0.95) -> dict[str, float | None]:
    """Columns `name`, `name_low`, `name_high`: a share with Wilson's interval; None of nobody."""
    found = share(hits, n, level) if n > 0 else Interval(float("nan"), float("nan"), float("nan"))
    return columns(name, found)


def columns(name: str, found: Interval) -> dict[str, float | None]:
    """An interval as columns; None where there is no bound."""
    value, low, high = (each if isfinite(each) else None for each in found)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def period(since: str, until: str, warehouse: Warehouse) -> tuple[int, int]:
    """From when until when (ms UTC, the end not included); to now where it is open."""
    start, end = bounds(since, until)
    return start or 0, end if end is not None else warehouse.through().time + 1


def rows_of(warehouse: Warehouse, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    """A query's rows."""
    found: list[dict[str, Any]] = warehouse.query(sql, parameters).to_pylist()
    return found

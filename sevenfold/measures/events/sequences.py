"""What people did in order, as arrays: rows sorted by person, then as they happened.

Analyses that follow people from event to event (funnels, paths) are much for SQL and little for arrays: for
each row the place of the next row of a kind is one pass from the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array  # type: ignore[import-untyped]

from sevenfold.measures.events.selecting import quoted

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
CODED_MAX: Final = 5_000
"""Values of which the engine makes numbers."""


def in_order(sql: str, warehouse: Warehouse) -> str:
    """A SELECT of events whose rows come in the order of the log. DuckDB gives rows as they were stored; they
    are put in order of people here, which is quicker than there.
    """
    return sql if warehouse.dialect == "duckdb" else f"{sql} ORDER BY position"


def codes_of(column: pa.ChunkedArray) -> tuple[Places, int]:
    """Small numbers for values, in order of their first appearance, and how many there are."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32), len(encoded.dictionary)


def coded(expression: str, values: Sequence[str], warehouse: Warehouse) -> str:
    """An expression over texts, of which all values are known, as the engine gives it away quickest: DuckDB
    makes small numbers of them.
    """
    if warehouse.dialect != "duckdb" or not 0 < len(values) <= CODED_MAX:
        return expression
    return f"CAST({expression} AS ENUM({', '.join(quoted(one) for one in values)}))"


def codes_in(column: pa.ChunkedArray, values: Sequence[str]) -> Any:
    """The place of each text among the values, as narrow as the engine gives it."""
    if pa.types.is_dictionary(column.type):
        parts = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.chunks]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
    places = pc.index_in(column.combine_chunks(), value_set=pa.array(values, pa.string()))
    held: Places = places.to_numpy(zero_copy_only=False).astype(np.int32)
    return held


def order_by(codes: Places, count: int, times: Ints) -> tuple[Places, Places]:
    """The order of rows by code, then time, then as they stand; and how many rows each code has. Rows that
    stand in the order of time cost one counting sort.
    """
    if len(times) > 1 and bool(np.any(times[1:] < times[:-1])):
        first = np.argsort(times, kind="stable").astype(np.int32)
        order, sizes = _counted(codes[first], count)
        return first[order], sizes
    return _counted(codes, count)


def _counted(codes: Places, count: int) -> tuple[Places, Places]:
    rows = np.arange(len(codes) + 1, dtype=np.int32)
    # Turning rows into columns is a counting sort that keeps the order of what is equal.
    matrix = csr_array((np.empty(len(codes), dtype=np.int8), codes, rows), shape=(len(codes), max(count, 1)))
    turned = matrix.tocsc()
    sizes: Places = np.diff(turned.indptr).astype(np.int32, copy=False)
    order: Places = turned.indices.astype(np.int32, copy=False)
    return order, sizes


def repeated(sizes: Places) -> Places:
    """The codes of rows in order, from how many rows each has: what `codes[order]` would gather."""
    found: Places = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    return found


def next_of(mask: Mask) -> Places:
    """For each row the place of the next row after it that the mask marks; the number of rows for none."""
    n = len(mask)
    found = np.full(n + 1, n, dtype=np.int32)
    found[:n] = np.where(mask, np.arange(n, dtype=np.int32), n)
    # The least place at or after each row.
    found = np.minimum.accumulate(found[::-1])[::-1]
    return found[1:]


def next_after(mask: Mask, at: Places) -> Places:
    """The same for some rows only."""
    marked = np.flatnonzero(mask).astype(np.int32)
    places = np.searchsorted(marked, at, side="right")
    found = np.full(len(at), len(mask), dtype=np.int32)
    inside = places < len(marked)
    found[inside] = marked[places[inside]]
    return found


def first_rows(codes: Places) -> Places:
    """The places where another code begins."""
    if not len(codes):
        return np.zeros(0, dtype=np.int32)
    return np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]).astype(np.int32)


def integers(column: Any) -> Ints:
    """A column of whole numbers without nulls as an array."""
    found: Ints = column.to_numpy().astype(np.int64, copy=False)
    return found

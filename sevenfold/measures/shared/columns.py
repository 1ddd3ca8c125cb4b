"""Columns of any frame (pyarrow, pandas, polars) as NumPy arrays, with errors that name the column."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sevenfold.frames import ms_of, to_arrow
from sevenfold.measures.answer import QuestionError
from sevenfold.measures.statistics.special import Bools, Floats, Ints

DAY_MS = 86_400_000
_YES = frozenset({"yes", "true", "1", "y", "t"})
_NO = frozenset({"no", "false", "0", "n", "f"})


def table_of(frame: Any) -> pa.Table:
    """The frame as pyarrow. Raises QuestionError when it is none."""
    table = to_arrow(frame)
    if table is None:
        raise QuestionError(
            f"A {type(frame).__name__} is no table", where="frame", fix="pass pyarrow, pandas or polars"
        )
    return table


def column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """One column, dictionaries decoded. Raises QuestionError, with the names there are."""
    if name not in table.column_names:
        raise QuestionError(
            f"There is no column {name!r}", where=name, fix=f"it has {', '.join(table.column_names)}"
        )
    found = table.column(name)
    return found.cast(found.type.value_type) if pa.types.is_dictionary(found.type) else found


def numbers(table: pa.Table, name: str) -> Floats:
    """A column of numbers, or of yes and no as 1 and 0; NaN where there is none. Raises QuestionError."""
    values = column(table, name)
    kind = values.type
    if pa.types.is_boolean(kind):
        values = values.cast(pa.int8())
    elif pa.types.is_decimal(kind):
        values = values.cast(pa.float64())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _of_texts(values, name)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise QuestionError(f"Column {name!r} holds {kind}, not numbers", where=name)
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _of_texts(values: pa.ChunkedArray, name: str) -> Floats:
    found: list[float] = []
    for text in values.to_pylist():
        word = text.strip().lower() if text is not None else ""
        if not word:
            found.append(float("nan"))
        elif word in _YES or word in _NO:
            found.append(float(word in _YES))
        else:
            try:
                found.append(float(word))
            except ValueError as error:
                raise QuestionError(
                    f"Column {name!r} holds {text!r}, which is no number, yes or no", where=name
                ) from error
    return np.array(found, dtype=np.float64)


def codes(table: pa.Table, name: str) -> tuple[Ints, list[str]]:
    """A column as numbers of its distinct values, in the order they are first met, and those values as text;
    -1 where there is none.
    """
    encoded = column(table, name).combine_chunks().dictionary_encode()
    index = pc.fill_null(encoded.indices.cast(pa.int64()), -1)
    names = [str(value) for value in encoded.dictionary.to_pylist()]
    return np.asarray(index.to_numpy(), dtype=np.int64), names


def times(table: pa.Table, name: str) -> Ints:
    """A column of times as ms UTC: timestamps, dates, ISO texts, 20240131, or seconds or ms since 1970.
    Raises QuestionError at the first that is none.
    """
    values = column(table, name)
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        if values.null_count:
            raise QuestionError(f"Column {name!r} has rows without a time", where=name)
        in_ms = values.cast(pa.timestamp("ms", tz=getattr(values.type, "tz", None)), safe=False)
        return np.asarray(in_ms.cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
    distinct = values.combine_chunks().dictionary_encode()
    known = [_time(value, name) for value in distinct.dictionary.to_pylist()]
    if distinct.indices.null_count:
        raise QuestionError(f"Column {name!r} has rows without a time", where=name)
    return np.asarray(np.array(known, dtype=np.int64)[distinct.indices.to_numpy()], dtype=np.int64)


def _time(value: Any, name: str) -> int:
    text = str(value)
    if text.isdigit() and len(text) == 8 and text[:2] in ("19", "20"):
        value = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    ms = ms_of(value)
    if ms is None:
        raise QuestionError(f"Column {name!r} holds {value!r}, which is no time", where=name)
    return ms


def known(*columns: npt.NDArray[Any]) -> Bools:
    """Rows in which every number is there."""
    there = np.ones(len(columns[0]), dtype=bool)
    for each in columns:
        there &= np.isfinite(each) if each.dtype.kind == "f" else each >= 0
    return there


def as_table(rows: list[dict[str, Any]], columns: dict[str, str] | None = None) -> pa.Table:
    """Rows as pyarrow. `columns` ({name: text|number|integer|boolean}) gives the types, which rows alone do
    not when they are none or hold nulls only.
    """
    if columns is None:
        return pa.Table.from_pylist(rows)
    types = {"text": pa.string(), "number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
    return pa.Table.from_pylist(
        rows, schema=pa.schema([(name, types[kind]) for name, kind in columns.items()])
    )

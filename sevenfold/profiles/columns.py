"""Typed columns: one integer array a field, grown together, read as memoryviews by scalar code and NumPy by
bulk code.

Row 0 of every table belongs to nobody: it holds the values of "no such subject", so that a person without
an account
reads unknown without a branch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..limits import DICTIONARY_VALUES_MAX
from .arenas import Arena
from .build import Environment

UNKNOWN = -(2**63)
"""An unknown number, date or score in an int64 column."""
UNKNOWN32 = -(2**31)
"""An unknown value in an int32 column."""
UNKNOWN16 = -(2**15)
"""An unknown value in an int16 history."""
ROWS_MAX = 1 << 28
"""Rows of a table: what a row's number has room for on the wheel."""
COUNT = "count"
"""The dtype of counts and codes: as narrow as the largest value so far allows."""
_WIDTHS = ("int8", "int16", "int32", "int64")
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Column:
    """One field of a table. `name` is its global name in generated code; `empty` its value in a new row."""

    name: str
    label: str
    dtype: str
    empty: int
    width: int
    data: Array
    widens: bool = False


class Table:
    """The columns of one kind of subject. `rows` counts the rows in use, row 0 included.

    Once arranged, the fields of a row lie beside each other in one block of memory, and a column is a view of
    it: an event touches many fields of one row. Histories, which have several values a row, lie apart.
    """

    def __init__(self, env: Environment, kind: str, capacity_rows: int) -> None:
        self.env = env
        self.kind = kind
        self.capacity = capacity_rows
        self.rows = 1
        self.columns: dict[str, Column] = {}
        self.bags: dict[str, tuple[str, list[Any]]] = {}
        self.arenas: dict[str, Arena] = {}
        self._arranged = False

    def add(
        self, label: str, dtype: str = "int64", empty: int = 0, width: int = 1, widens: bool = False
    ) -> Column:
        """A new column named by `label`; `width` > 1 makes a row of values (a history).

        A column that `widens` is as wide as its dtype until a value needs more, one of dtype COUNT has a byte
        a row until then: who writes it uses `put`.
        """
        assert label not in self.columns, label
        if dtype == COUNT:
            dtype, widens = _WIDTHS[0], True
        shape = self.capacity if width == 1 else (self.capacity, width)
        data = np.zeros(shape, dtype=dtype)
        if empty:
            data[: self.rows] = empty
        buffer: Any = data
        view: Any = memoryview(buffer) if width == 1 else data
        name = self.env.bind(view, f"{self.kind}_{label}").id
        column = Column(name, label, dtype, empty, width, data, widens)
        self.columns[label] = column
        return column

    def add_bag(self, label: str) -> str:
        """A column of small Python objects (None when empty); returns its global name."""
        values: list[Any] = [None] * self.rows
        name = self.env.bind(values, f"{self.kind}_{label}").id
        self.bags[label] = (name, values)
        return name

    def add_arena(self, label: str, counts: Column, width: int) -> Arena:
        """A column of small lists of integers: `counts` says how many entries of `width` words each has."""
        made = self.arenas[label] = Arena(self.add(f"{label}.words", "int32"), counts, width)
        return made

    def new_row(self) -> int:
        """A fresh row holding every column's empty value."""
        row = self.rows
        if row >= self.capacity:
            self._grow()
        self.rows = row + 1
        for column in self._initialised:
            column.data[row] = column.empty
        for _, values in self.bags.values():
            values.append(None)
        return row

    @property
    def _initialised(self) -> list[Column]:
        cached = self.__dict__.get("_nonzero")
        if cached is None or cached[0] != len(self.columns):
            cached = (len(self.columns), [c for c in self.columns.values() if c.empty])
            self.__dict__["_nonzero"] = cached
        found: list[Column] = cached[1]
        return found

    def reset(self, row: int) -> None:
        """Gives every field of a row its empty value again (the loser of a merge)."""
        for arena in self.arenas.values():
            arena.reset(row)
        for column in self.columns.values():
            column.data[row] = column.empty
        for _, values in self.bags.values():
            values[row] = None

    def reserve(self, rows: int, capacity_rows: int, dtypes: dict[str, str] | None = None) -> None:
        """Makes room for rows whose values are about to be filled in; until then they hold zeros.

        `dtypes` are those of the columns that grow wider, by label.
        """
        self.rows, self.capacity = rows, capacity_rows
        for label, dtype in (dtypes or {}).items():
            self.columns[label].dtype = dtype
        for column, data in self._memory():
            self._replace(column, data)

    def arrange(self) -> None:
        """Lays the fields of each row beside each other; when all columns are there."""
        self._arranged = True
        self._move()

    def _move(self) -> None:
        """Gives every column new memory, as large as the capacity says."""
        for column, data in self._memory():
            data[: len(column.data)] = column.data
            self._replace(column, data)

    def _memory(self) -> Iterator[tuple[Column, Array]]:
        """Zeros for every column."""
        narrow = [column for column in self.columns.values() if self._arranged and column.width == 1]
        # The widest first, so that each lies where its size wants it.
        narrow.sort(key=lambda column: -np.dtype(column.dtype).itemsize)
        size = sum(np.dtype(column.dtype).itemsize for column in narrow)
        size += -size % 8
        block, at = np.zeros(self.capacity * size, np.uint8), 0
        for column in narrow:
            dtype = np.dtype(column.dtype)
            yield column, np.ndarray((self.capacity,), dtype, block.data, at, (size,))
            at += dtype.itemsize
        for column in self.columns.values():
            if not self._arranged or column.width > 1:
                yield column, np.zeros(self._shape(column), dtype=column.dtype)

    def put(self, column: Column, row: int, value: int) -> None:
        """Writes a value that may need a wider column."""
        held: Any = self.env.scope[column.name]
        try:
            held[row] = value
        except ValueError:
            self.widen(column, _WIDTHS[_WIDTHS.index(column.dtype) + 1])
            self.put(column, row, value)

    def put_all(self, column: Column, values: Array) -> None:
        """Writes rows 1 and on, whose values may need a wider column."""
        least, most = int(values.min(initial=0)), int(values.max(initial=0))
        while not np.iinfo(column.dtype).min <= least <= most <= np.iinfo(column.dtype).max:
            self.widen(column, _WIDTHS[_WIDTHS.index(column.dtype) + 1])
        column.data[1 : 1 + len(values)] = values

    def widen(self, column: Column, dtype: str) -> None:
        """Gives a column another width; some milliseconds at a million rows. It lies apart until the table
        grows.
        """
        assert column.widens, column.label
        column.dtype = dtype
        self._replace(column, column.data.astype(dtype))

    def _shape(self, column: Column) -> int | tuple[int, int]:
        return self.capacity if column.width == 1 else (self.capacity, column.width)

    def _replace(self, column: Column, data: Array) -> None:
        column.data = data
        buffer: Any = data
        self.env.rebind(column.name, memoryview(buffer) if column.width == 1 else data)

    def adopt(self, rows: int, capacity_rows: int, kept: dict[str, Array]) -> None:
        """Takes another table's rows: columns named in `kept` are those arrays, the others hold their empty
        value."""
        self.rows, self.capacity = rows, capacity_rows
        for column in self.columns.values():
            data = kept.get(column.label)
            if data is None:
                data = np.zeros(self._shape(column), dtype=column.dtype)
                if column.empty:
                    data[:rows] = column.empty
            if column.widens:
                column.dtype = data.dtype.name
            assert len(data) == capacity_rows and data.dtype == column.dtype, column.label
            self._replace(column, data)

    def _grow(self) -> None:
        self.capacity *= 2
        self._move()


def constant(value: int) -> memoryview:
    """A column of one value in every row a table may have; it takes no memory."""
    every: Any = np.broadcast_to(np.int64(value), ROWS_MAX)
    return memoryview(every)


class Dictionary:
    """Texts to int32 codes in order of first sight; 0 is unknown, and `OTHER` stands for texts beyond the
    limit.
    """

    OTHER = 1

    def __init__(self) -> None:
        self.texts: list[str | None] = [None, None]
        self.codes: dict[str, int] = {}
        self.overflowed = 0

    def code(self, text: str) -> int:
        """The code of a text, given one if it is new."""
        found = self.codes.get(text)
        if found is not None:
            return found
        if len(self.texts) > DICTIONARY_VALUES_MAX:
            self.overflowed += 1
            return self.OTHER
        code = len(self.texts)
        self.texts.append(text)
        self.codes[text] = code
        return code

    def forget(self, text: str) -> None:
        """A text that nobody says any more is not kept; its code stays taken."""
        code = self.codes.pop(text, 0)
        if code:
            self.texts[code] = kept = f"\0{code}"
            self.codes[kept] = code

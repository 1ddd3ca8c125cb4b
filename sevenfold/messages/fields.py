"""Many small numbers of each person in few int64 columns.

Which number stands where depends on the workspace's channels and categories, so columns are named after
them: a fold of another workspace cannot take them for its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from ..profiles.columns import Table

_BITS = 63
"""Bits used of a column: its sign stays free."""


def layout(names: Iterable[str]) -> str:
    """A short text that differs when what stands where does."""
    return blake2b("\0".join(names).encode(), digest_size=4).hexdigest()


class Fields:
    """`count` numbers of `bits` bits for each row of a table, all 0 in a new row."""

    def __init__(self, table: Table, label: str, count: int, bits: int) -> None:
        self.scope = table.env.scope
        self.count, self.bits = count, bits
        self.per = _BITS // bits
        self.most = (1 << bits) - 1
        self._made = [table.add(f"{label}{at}") for at in range(-(-count // self.per))]
        self.columns = [column.name for column in self._made]

    def get(self, row: int, place: int) -> int:
        """One number of a row."""
        column, at = divmod(place, self.per)
        held: int = self.scope[self.columns[column]][row]
        return held >> at * self.bits & self.most

    def put(self, row: int, place: int, value: int) -> None:
        """Sets one number, from 0 to `most`."""
        assert 0 <= value <= self.most
        column, at = divmod(place, self.per)
        values: Any = self.scope[self.columns[column]]
        shift = at * self.bits
        values[row] = values[row] & ~(self.most << shift) | value << shift

    def take_over(self, old: Fields, rows: int) -> bool:
        """Takes the numbers of a table with the same rows, if they lie as here; False when they do not."""
        labels = [column.label for column in self._made]
        if labels != [column.label for column in old._made]:
            return False
        for mine, theirs in zip(self._made, old._made, strict=True):
            mine.data[:rows] = theirs.data[:rows]
        return True

"""Rows by subject id, for records that name subjects: sorted vectors of ids, found in NumPy.

Ids are digests of numbers, so no row says its id by itself. Whoever is created is taken down as they come, in
one of sixteen parts; a part's new ones are put among its others when they have become some, which takes a
millisecond or two at millions. Rows are given again after visitors were retired: an entry counts while its
row is of who was taken down.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from ..profiles.columns import Array

if TYPE_CHECKING:
    from ..lifecycle.compile import CompiledUnit

_PART_BITS = 4
_FRESH_MAX = 4_096
"""New ones of a part that are kept apart from its many."""


class Subjects:
    """The ids of one kind of subject."""

    def __init__(self, unit: CompiledUnit) -> None:
        self._unit = unit
        self._prefix = f"{unit.kind}:".encode()
        self._parts = [_Part() for _ in range(1 << _PART_BITS)]

    def add(self, row: int, seq: int) -> None:
        """Takes down a subject that record number `seq` created."""
        digest = blake2b(b"%s%d" % (self._prefix, seq), digest_size=8).digest()
        self._parts[digest[0] >> 8 - _PART_BITS].add(int.from_bytes(digest), row, seq)

    def learn(self) -> None:
        """Takes down everybody there is: after a snapshot, or when the first prediction is published."""
        born = self._unit.env.scope[self._unit.born.name]
        for row in range(1, self._unit.table.rows):
            self.add(row, born[row])

    def take_over(self, old: Subjects | None) -> None:
        """Those taken down under the workspace before this one; everybody when nobody was."""
        if old is None:
            self.learn()
        else:
            self._parts = old._parts

    def rows(self, ids: list[str]) -> Array:
        """The row of each id, int64; 0 for nobody and for what is no id."""
        wanted = np.fromiter(map(_number, ids), np.uint64, len(ids))
        found = np.zeros(len(ids), np.int64)
        born = np.asarray(self._unit.env.scope[self._unit.born.name])
        of_part = wanted >> np.uint64(64 - _PART_BITS)
        for place, part in enumerate(self._parts):
            mine = np.flatnonzero(of_part == place)
            if len(mine):
                found[mine] = part.rows(wanted[mine], born)
        found[wanted == 0] = 0
        return found


class _Part:
    """Ids that begin alike: the many in order, with rows and the records that created them; and new ones."""

    def __init__(self) -> None:
        self.ids, self.at, self.born = np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.int64)
        self._ids, self._at, self._born = array("Q"), array("i"), array("q")

    def add(self, ident: int, row: int, seq: int) -> None:
        self._ids.append(ident)
        self._at.append(row)
        self._born.append(seq)
        if len(self._ids) >= _FRESH_MAX:
            ids, at, born = self._fresh()
            places = np.searchsorted(self.ids, ids)
            self.ids = np.insert(self.ids, places, ids)
            self.at, self.born = np.insert(self.at, places, at), np.insert(self.born, places, born)
            self._ids, self._at, self._born = array("Q"), array("i"), array("q")

    def _fresh(self) -> tuple[Array, Array, Array]:
        """The new ones in order."""
        ids = np.array(self._ids, np.uint64)
        order = np.argsort(ids, kind="stable")
        return ids[order], np.array(self._at, np.int32)[order], np.array(self._born, np.int64)[order]

    def rows(self, wanted: Array, born: Array) -> Array:
        """The rows of these ids, 0 for nobody; `born` says who created whoever is in a row now."""
        found = np.zeros(len(wanted), np.int64)
        # A row that is given again has another creator, so of two entries one counts at most.
        for ids, at, since in ((self.ids, self.at, self.born), self._fresh()):
            if len(ids):
                place = np.searchsorted(ids, wanted)
                place[place == len(ids)] = 0
                hits = ids[place] == wanted
                rows = at[place[hits]]
                found[hits] = np.where(born[rows] == since[place[hits]], rows, 0)
        return found


def _number(ident: str) -> int:
    try:
        return int(ident, 16) if len(ident) == 16 else 0
    except ValueError:
        return 0


__all__ = ["Subjects"]

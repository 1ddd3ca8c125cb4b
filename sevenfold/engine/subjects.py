"""Rows by subject id, for records that name subjects: two sorted vectors of ids, found in NumPy.

Ids are digests of numbers, so no row says its id by itself. Whoever is created is taken down as they come;
the few new ones are sorted when somebody asks, and put among the others when they have become many. Rows are
given again after visitors were retired: an entry counts while its row is of who was taken down.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from ..profiles.columns import Array

if TYPE_CHECKING:
    from ..lifecycle.compile import CompiledUnit

RECENT_MAX = 65_536
"""Subjects that are kept apart from the many; putting those together takes as long as copying them."""


class Subjects:
    """The ids of one kind of subject."""

    def __init__(self, unit: CompiledUnit) -> None:
        self._unit = unit
        self._prefix = f"{unit.kind}:".encode()
        self._fresh, self._rows, self._born = array("Q"), array("i"), array("q")
        self._parts = [_nobody(), _nobody()]
        """The many and the recent ones: (ids in order, rows, records that created them)."""

    def add(self, row: int, seq: int) -> None:
        """Takes down a subject that record number `seq` created."""
        digest = blake2b(b"%s%d" % (self._prefix, seq), digest_size=8).digest()
        self._fresh.append(int.from_bytes(digest))
        self._rows.append(row)
        self._born.append(seq)

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
            self._fresh, self._rows, self._born = old._fresh, old._rows, old._born
            self._parts = old._parts

    def rows(self, ids: list[str]) -> Array:
        """The row of each id, int64; 0 for nobody and for what is no id."""
        wanted = np.fromiter(map(_number, ids), np.uint64, len(ids))
        self._settle()
        found = np.zeros(len(ids), np.int64)
        born = np.asarray(self._unit.env.scope[self._unit.born.name])
        for keys, rows, since in self._parts:
            if not len(keys):
                continue
            place = np.searchsorted(keys, wanted)
            place[place == len(keys)] = 0
            hits = (keys[place] == wanted) & (wanted != 0)
            at = rows[place[hits]]
            found[hits] = np.where(born[at] == since[place[hits]], at, 0)
        return found

    def _settle(self) -> None:
        if not self._fresh:
            return
        many, recent = self._parts
        fresh = (
            np.frombuffer(self._fresh, np.uint64),
            np.frombuffer(self._rows, np.int32),
            np.frombuffer(self._born, np.int64),
        )
        recent = _joined(recent, fresh)
        if len(recent[0]) > RECENT_MAX:
            many, recent = _joined(many, recent), _nobody()
        self._parts = [many, recent]
        self._fresh, self._rows, self._born = array("Q"), array("i"), array("q")


def _nobody() -> Any:
    return np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.int64)


def _joined(many: Any, few: Any) -> Any:
    """Both sorted vectors in one: the few are put in their places, in time that grows with the many alone."""
    few = tuple(part[np.argsort(few[0], kind="stable")] for part in few)
    places = np.searchsorted(many[0], few[0])
    return tuple(np.insert(a, places, b) for a, b in zip(many, few, strict=True))


def _number(ident: str) -> int:
    try:
        return int(ident, 16) if len(ident) == 16 else 0
    except ValueError:
        return 0


__all__ = ["Subjects"]

"""The expiry wheel: packed integers in buckets of about four minutes, fired in exact order.

An entry is one int64: offset in its bucket (18 bits), class (1), subject kind (3), row (28), operation (12).
Sorting a bucket's integers sorts its entries by (due, class, kind, row, operation), which is the order the
fold promises. Entries that carry a value (windowed sums) live in a second wheel whose buckets hold the values
beside the keys.

Cost: one array append to push, one sort a bucket, one list read to fire. 8 bytes an entry, 16 with a value.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

import numpy as np

BUCKET_BITS = 18
OP_BITS = 12
ROW_BITS = 28
KIND_BITS = 3
LOW_BITS = OP_BITS + ROW_BITS + KIND_BITS + 1
LOW_MASK = (1 << LOW_BITS) - 1
OP_MASK = (1 << OP_BITS) - 1
ROW_MASK = (1 << ROW_BITS) - 1
SUBJECT_MASK = (1 << (ROW_BITS + KIND_BITS)) - 1
OFFSET_MASK = (1 << BUCKET_BITS) - 1
NEVER = 1 << 62
VECTOR_ENTRIES = 128
"""Entries of a bucket from which sorting them in NumPy is worth its start."""


def low(kind: int, op: int, timer: bool) -> int:
    """The constant part of an operation's entries, to which `row << OP_BITS` is added."""
    assert 0 <= op <= OP_MASK and 0 <= kind < 1 << KIND_BITS
    return (int(timer) << (LOW_BITS - 1)) | (kind << (OP_BITS + ROW_BITS)) | op


class Wheel:
    """Entries without values. `next_due` is a lower bound of the earliest entry's time, NEVER when empty.

    `active` holds the bucket under way as sorted keys `due << LOW_BITS | low`, of which those before `at` are
    done. `crowded` are those `due, class, kind, row` (`key >> OP_BITS`) that several of its entries share.
    """

    __slots__ = ("active", "active_bucket", "at", "buckets", "crowded", "heap", "next_due")

    def __init__(self) -> None:
        self.buckets: dict[int, Any] = {}
        self.heap: list[int] = []
        self.active: list[Any] = []
        self.active_bucket = -1
        self.at = 0
        self.crowded: set[int] = set()
        self.next_due = NEVER

    def push(self, due: int, low: int) -> None:
        """Adds an entry due at `due` ms. `low` is the operation's constant plus the row."""
        found = self.buckets.get(due >> BUCKET_BITS)
        if found is not None:
            found.append((due & OFFSET_MASK) << LOW_BITS | low)
        else:
            self._push(due, low)

    def _push(self, due: int, low: int) -> None:
        bucket = due >> BUCKET_BITS
        if bucket <= self.active_bucket:
            self.insert(due << LOW_BITS | low)
            return
        self.buckets[bucket] = array("q", ((due & OFFSET_MASK) << LOW_BITS | low,))
        self.opened(bucket, due)

    def opened(self, bucket: int, due: int) -> None:
        """A bucket has its first entry, due at `due`."""
        heappush(self.heap, bucket)
        if due < self.next_due:
            self.next_due = bucket << BUCKET_BITS

    def insert(self, entry: Any) -> None:
        """Adds an entry to the bucket under way."""
        active, at = self.active, self.at
        place = bisect_right(active, entry, at)
        subject = self.key(entry) >> OP_BITS
        for beside in active[max(place - 1, at) : place + 1]:
            if self.key(beside) >> OP_BITS == subject:
                self.crowded.add(subject)
        active.insert(place, entry)
        due = subject >> (LOW_BITS - OP_BITS)
        if due < self.next_due:
            self.next_due = due

    def head(self, until: int, forward: Mapping[int, int]) -> Any:
        """The first entry due at or before `until`, or None; `at` stands on it then.

        `forward` leads from people who were merged away to whom they are now: what was due for them is due
        for those.
        """
        while self.at >= len(self.active):
            if not self.heap or self.heap[0] << BUCKET_BITS > until:
                self.next_due = self.heap[0] << BUCKET_BITS if self.heap else NEVER
                return None
            self._activate(heappop(self.heap), forward)
        entry = self.active[self.at]
        self.next_due = due = self.key(entry) >> LOW_BITS
        return entry if due <= until else None

    def key(self, entry: Any) -> int:
        """The packed key of an active entry."""
        key: int = entry
        return key

    def redirect(self, row: int, to: int) -> None:
        """A person was merged into another: entries of the bucket under way go with them."""
        at = self.at
        if any(self.key(entry) >> OP_BITS & SUBJECT_MASK == row for entry in self.active[at:]):
            self.replace(self._moved(self.active[at:], {row: to}))

    def replace(self, entries: Iterable[Any]) -> None:
        """Other entries for the rest of the bucket under way."""
        self.active, self.at = sorted(entries), 0
        self.recount()

    def recount(self) -> None:
        """Finds what several active entries share."""
        subjects = [self.key(entry) >> OP_BITS for entry in self.active[self.at :]]
        self.crowded = set()
        if len(set(subjects)) < len(subjects):
            self.crowded = {one for one, other in pairwise(subjects) if one == other}

    def _moved(self, entries: list[Any], forward: Mapping[int, int]) -> list[Any]:
        return [
            key + (forward[row] - row << OP_BITS)
            if (row := key >> OP_BITS & SUBJECT_MASK) in forward
            else key
            for key in entries
        ]

    def _activate(self, bucket: int, forward: Mapping[int, int]) -> None:
        base = bucket << (BUCKET_BITS + LOW_BITS)
        keys = self.buckets.pop(bucket)
        self.active_bucket = bucket
        if len(keys) < VECTOR_ENTRIES or forward:
            entries = [base + key for key in keys]
            if forward:
                entries = self._moved(entries, forward)
            if len(entries) > 1:
                self.replace(entries)
            else:
                self.active, self.at, self.crowded = entries, 0, set()
            return
        packed = np.sort(np.frombuffer(keys, np.int64))
        subjects = packed >> OP_BITS
        shared = subjects[1:][subjects[1:] == subjects[:-1]]
        self.crowded = {(base >> OP_BITS) + subject for subject in shared.tolist()}
        self.active, self.at = [base + key for key in packed.tolist()], 0

    def purge(self, subjects: Collection[int]) -> int:
        """Takes out all entries of these subjects (kind and row); gives how many there were."""
        wanted = np.array(sorted(subjects), np.int64)
        rest = self.active[self.at :]
        kept = [one for one in rest if self.key(one) >> OP_BITS & SUBJECT_MASK not in subjects]
        removed = len(rest) - len(kept)
        if removed:
            self.replace(kept)
        for bucket, held in self.buckets.items():
            keys = np.frombuffer(self._keys(held), np.int64)
            stays = ~np.isin(keys >> OP_BITS & SUBJECT_MASK, wanted)
            if not stays.all():
                removed += int(len(keys) - stays.sum())
                self.buckets[bucket] = self._kept(held, stays)
        return removed

    def _keys(self, held: Any) -> Any:
        """The packed keys of a bucket."""
        return held

    def _kept(self, held: Any, stays: Any) -> Any:
        """A bucket without some of its entries."""
        return array("q", np.frombuffer(held, np.int64)[stays].tobytes())

    def entries(self) -> list[tuple[int, int, int]]:
        """Every entry as (due, low, value), sorted; for snapshots."""
        found = [(e >> LOW_BITS, e & LOW_MASK, 0) for e in self.active[self.at :]]
        for bucket, keys in self.buckets.items():
            found += [((bucket << BUCKET_BITS) + (k >> LOW_BITS), k & LOW_MASK, 0) for k in keys]
        return sorted(found)


class ValuedWheel(Wheel):
    """Entries with an int64 value each; an active entry is the pair (key, value)."""

    __slots__ = ()

    def push_value(self, due: int, low: int, value: int) -> None:
        """Adds an entry due at `due` ms that carries `value`."""
        bucket = due >> BUCKET_BITS
        found = self.buckets.get(bucket)
        if found is None:
            if bucket <= self.active_bucket:
                self.insert((due << LOW_BITS | low, value))
                return
            found = self.buckets[bucket] = (array("q"), array("q"))
            self.opened(bucket, due)
        found[0].append((due & OFFSET_MASK) << LOW_BITS | low)
        found[1].append(value)

    def key(self, entry: Any) -> int:
        key: int = entry[0]
        return key

    def _keys(self, held: Any) -> Any:
        return held[0]

    def _kept(self, held: Any, stays: Any) -> Any:
        keys, values = (array("q", np.frombuffer(one, np.int64)[stays].tobytes()) for one in held)
        return keys, values

    def _moved(self, entries: list[Any], forward: Mapping[int, int]) -> list[Any]:
        keys = super()._moved([key for key, _ in entries], forward)
        return [(key, value) for key, (_, value) in zip(keys, entries, strict=True)]

    def _activate(self, bucket: int, forward: Mapping[int, int]) -> None:
        base = bucket << (BUCKET_BITS + LOW_BITS)
        keys, values = self.buckets.pop(bucket)
        self.active_bucket = bucket
        entries = [(base + key, value) for key, value in zip(keys, values, strict=True)]
        self.replace(self._moved(entries, forward) if forward else entries)

    def entries(self) -> list[tuple[int, int, int]]:
        found = [(k >> LOW_BITS, k & LOW_MASK, v) for k, v in self.active[self.at :]]
        for bucket, (keys, values) in self.buckets.items():
            base = bucket << BUCKET_BITS
            found += [(base + (k >> LOW_BITS), k & LOW_MASK, v) for k, v in zip(keys, values, strict=True)]
        return sorted(found)

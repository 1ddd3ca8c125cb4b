"""The expiry wheel: packed integers in buckets of about four minutes, fired in exact order.

An entry is one int64: offset in its bucket (18 bits), class (1), subject kind (3), row (28), operation
(12). Sorting a
bucket's integers sorts its entries by (due, class, kind, row, operation), which is the order the fold
promises. Entries
that carry a value (windowed sums) live in a second wheel whose buckets hold the values beside the keys.

Cost: one array append to push, one sort a bucket, one list read to fire. 8 bytes an entry, 16 with a value.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort
from heapq import heappop, heappush
from typing import Any

BUCKET_BITS = 18
OP_BITS = 12
ROW_BITS = 28
KIND_BITS = 3
LOW_BITS = OP_BITS + ROW_BITS + KIND_BITS + 1
LOW_MASK = (1 << LOW_BITS) - 1
OP_MASK = (1 << OP_BITS) - 1
ROW_MASK = (1 << ROW_BITS) - 1
OFFSET_MASK = (1 << BUCKET_BITS) - 1
NEVER = 1 << 62


def low(kind: int, op: int, timer: bool) -> int:
    """The constant part of an operation's entries, to which `row << OP_BITS` is added."""
    assert 0 <= op <= OP_MASK and 0 <= kind < 1 << KIND_BITS
    return (int(timer) << (LOW_BITS - 1)) | (kind << (OP_BITS + ROW_BITS)) | op


class Wheel:
    """Entries without values. `next_due` is a lower bound of the earliest entry's time, NEVER when empty."""

    __slots__ = ("active", "active_bucket", "at", "buckets", "heap", "next_due", "size")

    def __init__(self) -> None:
        self.buckets: dict[int, Any] = {}
        self.heap: list[int] = []
        self.active: list[Any] = []
        self.active_bucket = -1
        self.at = 0
        self.next_due = NEVER
        self.size = 0

    def push(self, due: int, low: int) -> None:
        """Adds an entry due at `due` ms. `low` is the operation's constant plus the row."""
        bucket = due >> BUCKET_BITS
        if bucket > self.active_bucket:
            found = self.buckets.get(bucket)
            if found is None:
                self.buckets[bucket] = array("q", ((due & OFFSET_MASK) << LOW_BITS | low,))
                heappush(self.heap, bucket)
                if due < self.next_due:
                    self.next_due = bucket << BUCKET_BITS
            else:
                found.append((due & OFFSET_MASK) << LOW_BITS | low)
        else:
            insort(self.active, due << LOW_BITS | low, self.at)
            if due < self.next_due:
                self.next_due = due

    def head(self, until: int) -> Any:
        """The first entry due at or before `until` as `due << LOW_BITS | low`, or None. `take` removes it."""
        while self.at >= len(self.active):
            if not self.heap or self.heap[0] << BUCKET_BITS > until:
                if not self.heap:
                    self.next_due = NEVER
                else:
                    self.next_due = self.heap[0] << BUCKET_BITS
                return None
            self._activate(heappop(self.heap))
        entry = self.active[self.at]
        due = self.due(entry)
        self.next_due = due
        return entry if due <= until else None

    def due(self, entry: Any) -> int:
        """The time of an entry that `head` returned."""
        value: int = entry >> LOW_BITS
        return value

    def take(self) -> None:
        """Removes the entry that `head` returned."""
        self.at += 1

    def _activate(self, bucket: int) -> None:
        base = bucket << (BUCKET_BITS + LOW_BITS)
        self.active = [base + entry for entry in sorted(self.buckets.pop(bucket))]
        self.active_bucket = bucket
        self.at = 0

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
        if bucket > self.active_bucket:
            found = self.buckets.get(bucket)
            if found is None:
                found = self.buckets[bucket] = (array("q"), array("q"))
                heappush(self.heap, bucket)
                if due < self.next_due:
                    self.next_due = bucket << BUCKET_BITS
            found[0].append((due & OFFSET_MASK) << LOW_BITS | low)
            found[1].append(value)
        else:
            entry = (due << LOW_BITS | low, value)
            self.active.insert(bisect_right(self.active, entry, self.at), entry)
            if due < self.next_due:
                self.next_due = due

    def due(self, entry: Any) -> int:
        value: int = entry[0] >> LOW_BITS
        return value

    def _activate(self, bucket: int) -> None:
        base = bucket << (BUCKET_BITS + LOW_BITS)
        keys, values = self.buckets.pop(bucket)
        self.active = sorted((base + key, value) for key, value in zip(keys, values, strict=True))
        self.active_bucket = bucket
        self.at = 0

    def entries(self) -> list[tuple[int, int, int]]:
        found = [(k >> LOW_BITS, k & LOW_MASK, v) for k, v in self.active[self.at :]]
        for bucket, (keys, values) in self.buckets.items():
            base = bucket << BUCKET_BITS
            found += [(base + (k >> LOW_BITS), k & LOW_MASK, v) for k, v in zip(keys, values, strict=True)]
        return sorted(found)

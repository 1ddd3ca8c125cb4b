"""The expiry wheel: packed integers in buckets of about four minutes, fired in exact order.

An entry is one int64: offset in its bucket (18 bits), class (1), subject kind (3), row (28), operation (12).
Sorting a bucket's integers sorts its entries by (due, class, kind, row, operation), which is the order the
fold promises. Entries that carry a value (windowed sums) live in a second wheel whose buckets hold the values
beside the keys.

Cost: one array append to push, one sort a bucket. What is to fire is taken apart a few thousand entries at a
time, in NumPy: the fold reads due times, rows and operations from lists. 8 bytes an entry, 16 with a value.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from .columns import Array

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
VECTOR_ENTRIES = 48
"""Entries from which taking them apart in NumPy is worth its start."""
PART_ENTRIES = 4_096
"""Entries that are taken apart at once; what is pushed among them moves those behind it."""
Entry = tuple[int, int, int]
"""(due ms, low bits, value)."""
_NONE: Array = np.zeros(0, np.int64)


def low(kind: int, op: int, timer: bool) -> int:
    """The constant part of an operation's entries, to which `row << OP_BITS` is added."""
    assert 0 <= op <= OP_MASK and 0 <= kind < 1 << KIND_BITS
    return (int(timer) << (LOW_BITS - 1)) | (kind << (OP_BITS + ROW_BITS)) | op


class Wheel:
    """Entries without values. `next_due` is a lower bound of the earliest entry's time, NEVER when empty.

    Of the bucket under way, whose time begins at `base`, the part at hand lies in lists beside each other:
    `keys` (packed, as in a bucket), `dues`, `rows`, `ops` and, if they have any, `values`; before `at` they
    are done. The last of `dues` is NEVER. An operation that another of the same subject and instant follows
    stands in `ops` as its complement.
    """

    __slots__ = (
        "_added",
        "_gone",
        "_gone_to",
        "_rest",
        "_rest_values",
        "at",
        "base",
        "bucket",
        "buckets",
        "dues",
        "heap",
        "keys",
        "next_due",
        "ops",
        "rows",
        "values",
    )  # fmt: skip

    def __init__(self) -> None:
        self.buckets: dict[int, Any] = {}
        """By number. Generated code appends to them, so the dictionary stays the same one for good."""
        self.heap: list[int] = []
        self.bucket = -1
        self.next_due = NEVER
        self._gone = self._gone_to = _NONE
        self._take(_NONE, _NONE)

    def _take(self, packed: Array, values: Array) -> None:
        """The bucket under way holds these entries, which are sorted; nothing of them is at hand yet."""
        self.base = self.bucket << BUCKET_BITS
        self.keys: list[int] = []
        self.dues: list[int] = [NEVER]
        self.rows: list[int] = []
        self.ops: list[int] = []
        self.values: list[int] = []
        self.at = 0
        self._rest, self._rest_values = packed, values
        self._added: list[tuple[int, int]] = []

    # ------------------------------------------------------------------------------------------- pushing

    def push(self, due: int, low: int) -> None:
        """Adds an entry due at `due` ms. `low` is the operation's constant plus the row."""
        found = self.buckets.get(due >> BUCKET_BITS)
        if found is not None:
            found.append((due & OFFSET_MASK) << LOW_BITS | low)
            return
        bucket = due >> BUCKET_BITS
        if bucket <= self.bucket:
            self.insert(due, low, 0)
            return
        self.buckets[bucket] = array("q", ((due & OFFSET_MASK) << LOW_BITS | low,))
        self.opened(bucket)

    def opened(self, bucket: int) -> None:
        """A bucket has its first entry."""
        heappush(self.heap, bucket)
        if bucket << BUCKET_BITS < self.next_due:
            self.next_due = bucket << BUCKET_BITS

    def insert(self, due: int, low: int, value: int) -> None:
        """Adds an entry to the bucket under way."""
        key = (due - self.base) << LOW_BITS | low
        if due < self.next_due:
            self.next_due = due
        keys, ops = self.keys, self.ops
        if (len(self._rest) or self._added) and (not keys or key > keys[-1]):
            self._added.append((key, value))
            return
        place = bisect_right(keys, key, self.at)
        op = low & OP_MASK
        if place < len(keys) and keys[place] >> OP_BITS == key >> OP_BITS:
            op = ~op
        if place > self.at and keys[place - 1] >> OP_BITS == key >> OP_BITS and ops[place - 1] >= 0:
            ops[place - 1] = ~ops[place - 1]
        keys.insert(place, key)
        ops.insert(place, op)
        self.dues.insert(place, due)
        self.rows.insert(place, low >> OP_BITS & ROW_MASK)
        self.values.insert(place, value)

    # -------------------------------------------------------------------------------------------- firing

    def head(self, until: int, forward: Mapping[int, int]) -> bool:
        """Whether an entry is due at or before `until`; `at` stands on it then, and `next_due` is its time.

        `forward` leads from people who were merged away to whom they are now: what was due for them is due
        for those.
        """
        while True:
            due = self.dues[self.at]
            if due != NEVER:
                self.next_due = due
                return due <= until
            if len(self._rest) or self._added:
                self._next_part()
                continue
            if not self.heap or self.heap[0] << BUCKET_BITS > until:
                self.next_due = self.heap[0] << BUCKET_BITS if self.heap else NEVER
                return False
            self.bucket = bucket = heappop(self.heap)
            self._activate(self.buckets.pop(bucket), forward)

    def _activate(self, held: Any, forward: Mapping[int, int]) -> None:
        if len(held) < VECTOR_ENTRIES:
            keys = held
            if forward:
                keys = [
                    key + (forward[row] - row << OP_BITS)
                    if (row := key >> OP_BITS & SUBJECT_MASK) in forward
                    else key
                    for key in held
                ]
            self._few(sorted(keys))
            return
        packed = np.frombuffer(held, np.int64)
        self._take(np.sort(self._moved(packed, forward) if forward else packed), _NONE)

    def _few(self, keys: list[int]) -> None:
        """Puts a whole bucket of few entries at hand."""
        self.base = base = self.bucket << BUCKET_BITS
        self.keys = keys
        self.dues = [base + (key >> LOW_BITS) for key in keys]
        self.dues.append(NEVER)
        self.rows = [key >> OP_BITS & ROW_MASK for key in keys]
        self.ops = ops = [key & OP_MASK for key in keys]
        self.values = [0] * len(keys)
        self.at = 0
        before = -1
        for place, key in enumerate(keys):
            subject = key >> OP_BITS
            if subject == before:
                ops[place - 1] = ~ops[place - 1]
            before = subject

    def _next_part(self) -> None:
        """Puts the next part of the bucket under way at hand; who shares an instant stays together."""
        packed, values = self._rest, self._rest_values
        if self._added:
            self._added.sort()
            more = np.array(self._added, np.int64)
            packed = np.concatenate((packed, more[:, 0]))
            order = np.argsort(packed, kind="stable")
            packed = packed[order]
            if self.valued:
                values = np.concatenate((values, more[:, 1]))[order]
            self._added = []
        end = min(len(packed), PART_ENTRIES)
        while end < len(packed) and packed[end] >> OP_BITS == packed[end - 1] >> OP_BITS:
            end += 1
        self._rest, self._rest_values = packed[end:], values[end:]
        packed = packed[:end]
        subjects, ops = packed >> OP_BITS, packed & OP_MASK
        shared = np.flatnonzero(subjects[1:] == subjects[:-1])
        ops[shared] = ~ops[shared]
        self.keys, self.ops = packed.tolist(), ops.tolist()
        self.dues = ((packed >> LOW_BITS) + self.base).tolist()
        self.dues.append(NEVER)
        self.rows = (subjects & ROW_MASK).tolist()
        self.values = values[:end].tolist() if self.valued else [0] * end
        self.at = 0

    @property
    def valued(self) -> bool:
        """Whether entries carry values."""
        return False

    def _moved(self, packed: Array, forward: Mapping[int, int]) -> Array:
        """The keys with the rows of people merged away replaced by those of whom they are now."""
        if len(self._gone) != len(forward):
            rows = np.fromiter(forward, np.int64, len(forward))
            order = np.argsort(rows)
            self._gone, self._gone_to = (
                rows[order],
                np.fromiter(forward.values(), np.int64, len(forward))[order],
            )
        subjects = packed >> OP_BITS & SUBJECT_MASK
        place = np.minimum(np.searchsorted(self._gone, subjects), len(self._gone) - 1)
        by = np.where(self._gone[place] == subjects, self._gone_to[place] - subjects, 0)
        moved: Array = packed + (by << OP_BITS)
        return moved

    # --------------------------------------------------------------------------------------- all at once

    def forget_moves(self) -> None:
        """Rows lead elsewhere now than when this was last looked up."""
        self._gone = _NONE

    def redirect(self, row: int, to: int) -> None:
        """A person was merged into another: entries of the bucket under way go with them."""
        # Several losers may lead to other winners now, and be as many as before.
        self._gone = _NONE
        at_hand = self.at_hand()
        if any(entry[1] >> OP_BITS & SUBJECT_MASK == row for entry in at_hand):
            by = to - row << OP_BITS
            self.replace(
                (due, low + by if low >> OP_BITS & SUBJECT_MASK == row else low, value)
                for due, low, value in at_hand
            )

    def at_hand(self) -> list[Entry]:
        """What is left of the bucket under way, sorted but for what was pushed last."""
        keys, values = self.keys[self.at :], self.values[self.at :]
        keys += [*self._rest.tolist(), *(key for key, _ in self._added)]
        values += self._rest_values.tolist() if self.valued else [0] * len(self._rest)
        values += [value for _, value in self._added]
        return [
            (self.base + (key >> LOW_BITS), key & LOW_MASK, value)
            for key, value in zip(keys, values, strict=True)
        ]

    def replace(self, entries: Iterable[Entry]) -> None:
        """Other entries for the rest of the bucket under way."""
        rest = sorted(((due - self.base) << LOW_BITS | low, value) for due, low, value in entries)
        packed = np.array(rest, np.int64).reshape(-1, 2)
        self._take(packed[:, 0].copy(), packed[:, 1].copy() if self.valued else _NONE)

    def restore(self, buckets: Mapping[int, Any]) -> None:
        """Takes these buckets instead of those that are to come."""
        if buckets is not self.buckets:
            self.buckets.clear()
            self.buckets.update(buckets)
        self.heap = list(self.buckets)
        heapify(self.heap)
        self.next_due = self.heap[0] << BUCKET_BITS if self.heap else NEVER
        if self.at_hand():
            self.next_due = min(self.next_due, self.base)

    def purge(self, subjects: Collection[int]) -> int:
        """Takes out all entries of these subjects (kind and row); gives how many there were."""
        self._gone = _NONE
        wanted = np.array(sorted(subjects), np.int64)
        rest = self.at_hand()
        kept = [one for one in rest if one[1] >> OP_BITS & SUBJECT_MASK not in subjects]
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

    def entries(self) -> list[Entry]:
        """Every entry, sorted."""
        found = self.at_hand()
        for bucket, keys in self.buckets.items():
            found += [((bucket << BUCKET_BITS) + (k >> LOW_BITS), k & LOW_MASK, 0) for k in keys]
        return sorted(found)


class ValuedWheel(Wheel):
    """Entries with an int64 value each."""

    __slots__ = ()

    def push_value(self, due: int, low: int, value: int) -> None:
        """Adds an entry due at `due` ms that carries `value`."""
        bucket = due >> BUCKET_BITS
        found = self.buckets.get(bucket)
        if found is None:
            if bucket <= self.bucket:
                self.insert(due, low, value)
                return
            found = self.buckets[bucket] = (array("q"), array("q"))
            self.opened(bucket)
        found[0].append((due & OFFSET_MASK) << LOW_BITS | low)
        found[1].append(value)

    @property
    def valued(self) -> bool:
        return True

    def _activate(self, held: Any, forward: Mapping[int, int]) -> None:
        keys, values = (np.frombuffer(one, np.int64) for one in held)
        if forward:
            keys = self._moved(keys, forward)
        order = np.argsort(keys, kind="stable")
        self._take(keys[order], values[order])

    def _keys(self, held: Any) -> Any:
        return held[0]

    def _kept(self, held: Any, stays: Any) -> Any:
        keys, values = (array("q", np.frombuffer(one, np.int64)[stays].tobytes()) for one in held)
        return keys, values

    def entries(self) -> list[Entry]:
        found = self.at_hand()
        for bucket, (keys, values) in self.buckets.items():
            base = bucket << BUCKET_BITS
            found += [(base + (k >> LOW_BITS), k & LOW_MASK, v) for k, v in zip(keys, values, strict=True)]
        return sorted(found)

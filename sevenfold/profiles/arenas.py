"""Small lists of integers by row, in common memory: what a subject remembers of values and days.

An object a list would cost more than the list: two features used within a week are 16 bytes, and an array of
two integers is 120. Here a row has the address of a block of words, whose capacity follows from the size
that its column of counts tells; blocks that became free are linked through themselves and used again.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .columns import Array, Column

CHUNK_BITS = 15
CHUNK_WORDS = 1 << CHUNK_BITS
"""Words of 8 bytes in a piece of memory; no list may be longer."""
CHUNK_MASK = CHUNK_WORDS - 1
_SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16]
while _SIZES[-1] < CHUNK_WORDS:
    _SIZES += [_SIZES[-1] // 4 * k for k in (5, 6, 7, 8)]
_CLASS = np.array([bisect_left(_SIZES, size) for size in range(CHUNK_WORDS + 1)], np.int8)
_CAPACITY = np.array(_SIZES, np.int64)[_CLASS]
_CAPACITY[0] = 0
_CLASS_OF = _CLASS.tolist()


class Arena:
    """The lists of one signal: `at` is the column of addresses (0 for none), `counts` that of entries of
    `width` words.

    `chunks` are memoryviews of int64; word `a` is `chunks[a >> CHUNK_BITS][a & CHUNK_MASK]`.
    """

    def __init__(self, at: Column, counts: Column, width: int) -> None:
        self.at, self.counts, self.width = at, counts, width
        self.chunks: list[Any] = []
        self.free = [0] * len(_SIZES)
        """First free block of each capacity, 0 for none; its first word is the next one's address."""
        # Address 0 is none.
        self.used = CHUNK_WORDS

    def share(self, other: Arena) -> None:
        """Takes over the memory of the same signal's arena in another compilation."""
        self.chunks[:], self.free[:], self.used = other.chunks, other.free, other.used

    def take(self, size: int) -> int:
        """The address of a block for `size` words; they hold anything."""
        which = _CLASS_OF[size]
        at: int = self.free[which]
        if at:
            self.free[which] = self.chunks[at >> CHUNK_BITS][at & CHUNK_MASK]
            return at
        capacity = _SIZES[which]
        if (self.used & CHUNK_MASK) + capacity > CHUNK_WORDS or self.used >> CHUNK_BITS >= len(self.chunks):
            self._more()
        at, self.used = self.used, self.used + capacity
        return at

    def _more(self) -> None:
        # What is left of the chunk at hand stays unused; the first is a stand-in, so that no address is 0.
        if not self.chunks:
            self.chunks.append(_view(np.zeros(1, np.int64)))
        self.chunks.append(_view(np.zeros(CHUNK_WORDS, np.int64)))
        self.used = (len(self.chunks) - 1) << CHUNK_BITS

    def give_back(self, at: int, size: int) -> None:
        """Frees the block of `size` words at `at`."""
        which = _CLASS_OF[size]
        self.chunks[at >> CHUNK_BITS][at & CHUNK_MASK] = self.free[which]
        self.free[which] = at

    def words(self, at: int, size: int) -> list[int]:
        """The words of a block."""
        start = at & CHUNK_MASK
        found: list[int] = self.chunks[at >> CHUNK_BITS][start : start + size].tolist()
        return found

    def keep(self, at: int, size: int, words: list[int]) -> int:
        """Puts `words` in the place of the `size` words at `at` (0 and 0 for none); their address."""
        if size and (not words or _CLASS_OF[len(words)] != _CLASS_OF[size]):
            self.give_back(at, size)
            at = 0
        if not words:
            return 0
        at = at or self.take(len(words))
        chunk, start = self.chunks[at >> CHUNK_BITS], at & CHUNK_MASK
        for place, word in enumerate(words, start):
            chunk[place] = word
        return at

    def append(self, at: int, size: int, word: int) -> int:
        """Adds a word to the `size` words at `at` (0 and 0 for none); their address."""
        if not size or _CLASS_OF[size + 1] != _CLASS_OF[size]:
            return self.keep(at, size, [*self.words(at, size), word] if size else [word])
        self.chunks[at >> CHUNK_BITS][(at & CHUNK_MASK) + size] = word
        return at

    def reset(self, row: int) -> None:
        """Frees what a row has. Its columns are set to nothing by whoever asks."""
        size = int(self.counts.data[row]) * self.width
        if size:
            self.give_back(int(self.at.data[row]), size)

    # --------------------------------------------------------------------------------------------- all rows

    def dump(self, rows: slice) -> Array:
        """The words of some rows, one row's after another's."""
        sizes = self.counts.data[rows].astype(np.int64) * self.width
        starts = self.at.data[rows].astype(np.int64)
        if not sizes.any():
            return np.zeros(0, np.int64)
        wanted = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))
        found: Array = np.concatenate(self.chunks[1:])[wanted - CHUNK_WORDS]
        return found

    def load(self, rows: int, words: Array) -> None:
        """Takes the words of rows 0..rows-1 as `dump` gave them, into memory of its own without gaps."""
        sizes = self.counts.data[:rows].astype(np.int64) * self.width
        capacities = _CAPACITY[sizes]
        ends = np.cumsum(capacities)
        self.chunks[:], self.free[:], self.used = [], [0] * len(_SIZES), CHUNK_WORDS
        addresses = np.zeros(rows, np.int64)
        first, taken = 0, 0
        while first < rows and ends[-1] > (ends[first - 1] if first else 0):
            before = int(ends[first - 1]) if first else 0
            last = int(np.searchsorted(ends, before + CHUNK_WORDS, side="right"))
            self._more()
            base = self.used
            addresses[first:last] = base + ends[first:last] - capacities[first:last] - before
            some = sizes[first:last]
            count = int(some.sum())
            places = np.repeat(addresses[first:last] - base - (np.cumsum(some) - some), some)
            np.asarray(self.chunks[-1])[places + np.arange(count)] = words[taken : taken + count]
            self.used = base + int(ends[last - 1]) - before
            first, taken = last, taken + count
        self.at.data[:rows] = np.where(sizes > 0, addresses, 0)


def _view(array: Array) -> memoryview:
    whole: Any = array
    return memoryview(whole)

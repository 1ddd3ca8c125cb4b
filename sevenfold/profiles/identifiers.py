"""Identifiers to rows and back, some 60 bytes each: texts packed once, found by hash in tables of integers.

A dictionary of texts costs twice as much and more, most of it for objects: the text's, the row number's, the
tuple of a row's texts. Here an identifier has a number. Its text lies in common memory, the next identifier
of the same row in a column, and its row in one of 256 tables with open addressing.

Tables tell identifiers apart by 96 bits of two keyed hashes, of the whole key and of the key without its
first letter, and do not compare texts: at a hundred million identifiers two of them would be taken for one
with a probability of 1e-13. Hashes differ from process to process, decide nothing else and are never
written. Each table grows by itself, in about a millisecond at a million people.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .columns import Array

TABLES = 256
TABLE_BITS = 8
TABLE_MASK = TABLES - 1
ROW_BITS = 32
ROW_MASK = (1 << ROW_BITS) - 1
CHECK_MASK = ~ROW_MASK
"""Of what stands beside a hash: the other hash's upper half above the row."""
_TEXT_BITS = 20
_TEXT_BYTES = 1 << _TEXT_BITS
_TEXT_MASK = _TEXT_BYTES - 1
_UNIT_BITS = 2
"""Texts begin at multiples of four bytes, so that 32 bits reach 8 GB of them."""
_END = 255
"""Ends a text; no UTF-8 has this byte."""
_ENDED = "\udcff"
"""The same where bytes that are no text are let through."""
_SLOTS_LEAST = 16
Slots = tuple[Any, Any, int]
"""A table: hashes of keys (0 for none), and beside them the other hash's upper half above the row; its size
less one.
"""


class Identifiers:
    """Which row each identifier belongs to, and which identifiers each row has, oldest first."""

    def __init__(self) -> None:
        self.tables: list[Slots] = [_slots(_SLOTS_LEAST) for _ in range(TABLES)]
        self._used = [0] * TABLES
        self._texts: list[bytearray] = []
        self._end = 0
        """Where the next text goes, counted over all pieces of memory."""
        self.count = 0
        """Identifiers so far; they are numbered from 1."""
        self._at, self._next, self._first = (_zeros(64) for _ in range(3))

    # -------------------------------------------------------------------------------------------- reading

    @property
    def rows(self) -> int:
        """All rows with identifiers are below this one."""
        return len(self._first)

    def find(self, hashed: int, check: int) -> int:
        """The row of the identifier with these hashes, of its key and of its key but for the first letter; 0
        for none.
        """
        marks, rows, mask = self.tables[hashed & TABLE_MASK]
        place = hashed >> TABLE_BITS & mask
        while marks[place] != hashed:
            if not marks[place]:
                return 0
            place = place + 1 & mask
        found: int = rows[place]
        return 0 if (found ^ check) >> ROW_BITS else found & ROW_MASK

    def row_of(self, key: str) -> int:
        """The row an identifier belongs to, 0 for none."""
        return self.find(hash(key), hash(key[1:]))

    def of(self, row: int) -> tuple[str, ...]:
        """The identifiers of a row, oldest first."""
        return tuple(map(self._text, self._numbers(row)))

    def of_kind(self, row: int, letter: str) -> list[str]:
        """Those that begin with a letter, oldest first, without it."""
        wanted, found = ord(letter), []
        for number in self._numbers(row):
            at = self._at[number] << _UNIT_BITS
            if self._texts[at >> _TEXT_BITS][at & _TEXT_MASK] == wanted:
                found.append(self._text(number)[1:])
        return found

    def _numbers(self, row: int) -> list[int]:
        found, number = [], self._first[row] if row < len(self._first) else 0
        while number:
            found.append(number)
            number = self._next[number]
        return found

    def _text(self, number: int) -> str:
        at = self._at[number] << _UNIT_BITS
        piece, start = self._texts[at >> _TEXT_BITS], at & _TEXT_MASK
        text: bytes = piece[start : piece.index(_END, start)]
        return text.decode()

    # ------------------------------------------------------------------------------------------- changing

    def attach(self, key: str, row: int) -> None:
        """Gives an identifier to a row, after those that it has; whoever had it has it no more."""
        before = self.row_of(key)
        if before:
            numbers = self._numbers(before)
            place = next(i for i, one in enumerate(numbers) if self._text(one) == key)
            number = numbers.pop(place)
            self._chain(before, numbers)
        else:
            number = self._add(key)
        self._point(key, row)
        if row >= len(self._first):
            self._first = _grown(self._first, row + 1)
        self._chain(row, [*self._numbers(row), number])

    def absorb(self, winner: int, loser: int) -> None:
        """All identifiers of `loser` go to `winner`, after its own."""
        for key in self.of(loser):
            self.attach(key, winner)

    def forget(self, row: int) -> None:
        """Nothing is known of a row's identifiers any more, not even their texts."""
        for number in self._numbers(row):
            key = self._text(number)
            self._point(key, 0)
            at = self._at[number] << _UNIT_BITS
            start, size = at & _TEXT_MASK, len(key.encode())
            self._texts[at >> _TEXT_BITS][start : start + size] = b"~" * size
        self._chain(row, [])

    def _chain(self, row: int, numbers: list[int]) -> None:
        self._first[row] = numbers[0] if numbers else 0
        for number, following in pairwise([*numbers, 0]):
            self._next[number] = following

    def _add(self, key: str) -> int:
        """Keeps a new text; its number."""
        text = key.encode()
        size, at = len(text) + 1, self._end
        if at >> _TEXT_BITS >= len(self._texts) or (at & _TEXT_MASK) + size > _TEXT_BYTES:
            at = len(self._texts) << _TEXT_BITS
            self._texts.append(bytearray(_TEXT_BYTES))
        start = at & _TEXT_MASK
        self._texts[at >> _TEXT_BITS][start : start + size] = text + b"\xff"
        self._end = at + _padded(size)
        self.count = number = self.count + 1
        if number >= len(self._at):
            self._at, self._next = _grown(self._at, number + 1), _grown(self._next, number + 1)
        self._at[number] = at >> _UNIT_BITS
        return number

    def _point(self, key: str, row: int) -> None:
        """Says in its table which row an identifier has."""
        hashed, check = hash(key), hash(key[1:])
        which = hashed & TABLE_MASK
        marks, rows, mask = self.tables[which]
        place = hashed >> TABLE_BITS & mask
        while marks[place] and marks[place] != hashed:
            place = place + 1 & mask
        rows[place] = check >> ROW_BITS << ROW_BITS | row
        if not marks[place]:
            marks[place] = hashed
            self._used[which] += 1
            if self._used[which] * 3 > len(marks) * 2:
                self.tables[which] = _twice(marks, rows)

    # ----------------------------------------------------------------------------------------- all at once

    def dump(self) -> tuple[list[bytes], list[bytes]]:
        """Texts; and as int32 the columns of their places, of next numbers, and of rows' first numbers."""
        end = self.count + 1
        columns = (self._at[:end], self._next[:end], self._first)
        return [bytes(piece) for piece in self._texts], [bytes(one) for one in columns]

    def load(self, texts: list[bytes], columns: list[bytes]) -> None:
        """Takes what `dump` gave."""
        self._texts = [bytearray(piece) for piece in texts]
        self._at, self._next, self._first = (_view(np.frombuffer(one, np.int32).copy()) for one in columns)
        self.count = len(self._at) - 1
        # Texts follow each other by number, each with its end; before the next there may be room.
        keys: list[str] = []
        for piece in texts:
            keys += [text.lstrip("\0") for text in piece.decode(errors="surrogateescape").split(_ENDED)[:-1]]
        if keys:
            self._end = (self._at[self.count] << _UNIT_BITS) + _padded(len(keys[-1].encode()) + 1)
        hashed = np.fromiter(map(hash, keys), np.int64, len(keys))
        checks = np.fromiter(map(hash, [key[1:] for key in keys]), np.int64, len(keys))
        rows = checks >> ROW_BITS << ROW_BITS | self._rows_of_numbers()[1:]
        which = hashed & TABLE_MASK
        order = np.argsort(which, kind="stable")
        edges = np.searchsorted(which[order], np.arange(TABLES + 1)).tolist()
        for table in range(TABLES):
            mine = order[edges[table] : edges[table + 1]]
            size = _SLOTS_LEAST
            while len(mine) * 3 > size * 2:
                size *= 2
            self._used[table] = len(mine)
            self.tables[table] = _filled(hashed[mine], rows[mine], size)

    def _rows_of_numbers(self) -> Array:
        found = np.zeros(self.count + 1, np.int64)
        following, numbers = np.asarray(self._next), np.asarray(self._first)
        rows = np.flatnonzero(numbers)
        numbers = numbers[rows]
        while len(rows):
            found[numbers] = rows
            numbers = following[numbers]
            rows, numbers = rows[numbers != 0], numbers[numbers != 0]
        return found


def _slots(size: int) -> Slots:
    # Both of a place lie in one line of the cache.
    both = np.zeros((size, 2), np.int64)
    return _view(both[:, 0]), _view(both[:, 1]), size - 1


def _zeros(size: int) -> Any:
    return _view(np.zeros(size, np.int32))


def _view(array: Array) -> Any:
    whole: Any = array
    return memoryview(whole)


def _padded(size: int) -> int:
    return size + 3 & ~3


def _grown(column: Any, least: int) -> Any:
    made = np.zeros(max(2 * len(column), least), np.int32)
    made[: len(column)] = column
    return _view(made)


def _filled(marks: Array, rows: Array, size: int) -> Slots:
    """A table of `size` slots: each identifier at the first free place from its own on."""
    made = _slots(size)
    home = marks >> TABLE_BITS & (size - 1)
    order = np.argsort(home, kind="stable")
    steps = np.arange(len(marks))
    places = np.maximum.accumulate(home[order] - steps) + steps
    # Those beyond the end begin again at the front, wherever there is room.
    inside = places < size
    np.asarray(made[0])[places[inside]] = marks[order][inside]
    np.asarray(made[1])[places[inside]] = rows[order][inside]
    for mark, row in zip(marks[order][~inside].tolist(), rows[order][~inside].tolist(), strict=True):
        place = 0
        while made[0][place]:
            place += 1
        made[0][place], made[1][place] = mark, row
    return made


def _twice(marks: Any, rows: Any) -> Slots:
    held = np.asarray(marks)
    used = held != 0
    return _filled(held[used], np.asarray(rows)[used], 2 * len(held))

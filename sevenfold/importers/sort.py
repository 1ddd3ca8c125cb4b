"""Sorting in bounded memory: parts that are sorted, put on disk, and merged."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any, Generic, TypeVar

import msgspec

from sevenfold.limits import IMPORT_SORT_ITEMS_MAX

Item = TypeVar("Item")
_CHUNK_ITEMS = 1_000


class Sorter(Generic[Item]):
    """Takes items with `add`, then gives them in the order of `key`, stable. `kind` is their msgspec type."""

    def __init__(
        self, kind: type[Item], key: Callable[[Item], Any], at_most: int = IMPORT_SORT_ITEMS_MAX
    ) -> None:
        self._key = key
        self._at_most = at_most
        self._part: list[Item] = []
        self._files: list[IO[bytes]] = []
        self._decode: Callable[[bytes], list[Item]] = msgspec.msgpack.Decoder(list[kind]).decode  # type: ignore[valid-type]  # a type at run time

    def add(self, item: Item) -> None:
        self._part.append(item)
        if len(self._part) >= self._at_most:
            self._put_down()

    def sorted(self) -> Iterator[Item]:
        """All items in order. Afterwards the sorter is empty."""
        self._part.sort(key=self._key)
        try:
            if self._files:
                parts = [self._take_up(file) for file in self._files]
                yield from heapq.merge(*parts, self._part, key=self._key)
            else:
                yield from self._part
        finally:
            for file in self._files:
                file.close()
            self._files, self._part = [], []

    def _put_down(self) -> None:
        self._part.sort(key=self._key)
        # The temporary file has no name and goes when it is closed, also if the process is killed.
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `sorted`
        for start in range(0, len(self._part), _CHUNK_ITEMS):
            chunk = msgspec.msgpack.encode(self._part[start : start + _CHUNK_ITEMS])
            file.write(len(chunk).to_bytes(8, "little"))
            file.write(chunk)
        self._files.append(file)
        self._part = []

    def _take_up(self, file: IO[bytes]) -> Iterator[Item]:
        file.seek(0)
        while size := file.read(8):
            yield from self._decode(file.read(int.from_bytes(size, "little")))

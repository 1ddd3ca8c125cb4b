"""Message keys too old for memory: sorted, immutable runs on disk, each with a Bloom filter.

The folder is derived from the log. `runs.json` names the runs and the log position up to which they cover it;
when anything about them is doubtful they are thrown away and made again from the keys stored in the log.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from sevenfold.events.dedup import Halves, Keys
from sevenfold.limits import DEDUP_FILTER_BITS_PER_ID, DEDUP_RUNS_PER_TIER_MAX

log = logging.getLogger("sevenfold.log")
_MAGIC = 0x3155524E_53454E46
_HEADER = 4  # uint64: magic, keys, filter words, 0
_HASHES = 7  # the best number for ten bits an id: about 0.8 % are looked up in vain
_MERGE_PARTS = 256


class _Manifest(msgspec.Struct):
    covers: int = 0
    files: list[str] = []


class _Run:
    """One file: header, high halves, low halves, filter; all mapped, none of it loaded."""

    def __init__(self, path: Path) -> None:
        data = np.memmap(path, dtype="<u8", mode="r")
        count, words = int(data[1]), int(data[2])
        if int(data[0]) != _MAGIC or len(data) != _HEADER + 2 * count + words:
            raise ValueError(f"{path} is no run of keys")
        self.path = path
        self.keys = Keys(data[_HEADER : _HEADER + count], data[_HEADER + count : _HEADER + 2 * count])
        self.filter = data[_HEADER + 2 * count :]

    def contains_each(self, keys: Halves) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(keys), dtype=np.bool_)
        likely = np.flatnonzero(_in_filter(self.filter, keys))
        if len(likely):
            found[likely] = self.keys.contains_each(keys[likely])
        return found


class KeyRuns:
    """Implements `events.dedup.OlderKeys` in a folder. `covers` is the log position its runs reach."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: list[_Run] = []
        self._waiting: list[Keys] = []
        self._writing: threading.Thread | None = None
        self.covers = 0
        self.reaching = 0
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(OSError, ValueError, IndexError, msgspec.MsgspecError):
            manifest = msgspec.json.decode((folder / "runs.json").read_bytes(), type=_Manifest)
            self._runs = [_Run(folder / name) for name in manifest.files]
            self.covers = manifest.covers
        if not self.covers:
            self.clear()
        self._remove_strays()

    def __len__(self) -> int:
        return sum(len(run.keys) for run in self._runs)

    def clear(self) -> None:
        """Forget everything; the caller adds the log's keys again."""
        self.settle()
        self._runs, self._waiting = [], []
        self.covers = 0
        self._write_manifest()
        self._remove_strays()

    def contains_each(self, keys: Halves) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(keys), dtype=np.bool_)
        # What waits is looked at first: it leaves only once its run is there.
        for waiting in self._waiting:
            found |= waiting.contains_each(keys)
        for run in self._runs:
            found |= run.contains_each(keys)
        return found

    def add(self, keys: Keys) -> None:
        """Has a run written that reaches the log position `reaching`, and runs merged that have become many.

        That takes seconds, so a thread does it. What the last one could not write is tried again with this.
        """
        self.settle()
        self._waiting.append(keys)
        self._writing = threading.Thread(target=self._write_all, args=(self.reaching,), name="keys")
        self._writing.start()

    def settle(self) -> None:
        """Waits until everything is written, or cannot be."""
        if self._writing is not None:
            self._writing.join()
            self._writing = None

    def _write_all(self, reaching: int) -> None:
        try:
            while self._waiting:
                self._runs = [*self._runs, self._write([self._waiting[0]])]
                self._waiting = self._waiting[1:]
            while (group := self._crowded()) is not None:
                merged = self._write([run.keys for run in group])
                self._runs = [merged, *(run for run in self._runs if run not in group)]
            self.covers = reaching
            self._write_manifest()
            self._remove_strays()
        except OSError as error:
            log.warning("keys of messages stay in memory, for they cannot be written: %s", error.strerror)

    def _crowded(self) -> list[_Run] | None:
        tiers: dict[int, list[_Run]] = {}
        for run in self._runs:
            tiers.setdefault(len(run.keys).bit_length() // 3, []).append(run)
        return next((tier for tier in tiers.values() if len(tier) >= DEDUP_RUNS_PER_TIER_MAX), None)

    def _write(self, parts: list[Keys]) -> _Run:
        count = sum(map(len, parts))
        words = count * DEDUP_FILTER_BITS_PER_ID // 64 + 1
        number = 1 + max((int(p.stem.split("-")[1]) for p in self._folder.glob("run-*.keys")), default=0)
        path = self._folder / f"run-{number:06}.keys"
        data = np.memmap(path, dtype="<u8", mode="w+", shape=(_HEADER + 2 * count + words,))
        data[:_HEADER] = (_MAGIC, count, words, 0)
        filled = 0
        # Keys are digests, evenly spread: cut into parts by value, each is small enough to sort in memory.
        edges = [np.uint64(part << 56) for part in range(1, _MERGE_PARTS)]
        cuts = [[0, *np.searchsorted(keys.high, edges).tolist(), len(keys)] for keys in parts]
        for part in range(_MERGE_PARTS):
            slices = [
                Keys(k.high[c[part] : c[part + 1]], k.low[c[part] : c[part + 1]])
                for k, c in zip(parts, cuts, strict=True)
            ]
            piece = slices[0].merged(slices[1:]) if len(slices) > 1 else slices[0]
            to = filled + len(piece)
            data[_HEADER + filled : _HEADER + to] = piece.high
            data[_HEADER + count + filled : _HEADER + count + to] = piece.low
            _fill_filter(data[_HEADER + 2 * count :], np.stack((piece.high, piece.low), axis=1))
            filled = to
        data.flush()
        _sync(path)
        return _Run(path)

    def _write_manifest(self) -> None:
        manifest = _Manifest(self.covers, [run.path.name for run in self._runs])
        draft = self._folder / "runs.json.draft"
        draft.write_bytes(msgspec.json.encode(manifest))
        _sync(draft)
        draft.replace(self._folder / "runs.json")
        _sync(self._folder)

    def _remove_strays(self) -> None:
        named = {run.path for run in self._runs}
        for path in self._folder.glob("run-*.keys"):
            if path not in named:
                path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bits(keys: Halves, words: int) -> Halves:
    """For each key the bits it sets, shape (n, _HASHES)."""
    steps = np.arange(_HASHES, dtype=np.uint64)
    spread = keys[:, :1] + steps * (keys[:, 1:] | np.uint64(1))
    bits: Halves = spread % np.uint64(words * 64)
    return bits


def _fill_filter(words: Halves, keys: Halves) -> None:
    bits = _bits(keys, len(words)).ravel()
    np.bitwise_or.at(words, bits >> np.uint64(6), np.uint64(1) << (bits & np.uint64(63)))


def _in_filter(words: Halves, keys: Halves) -> npt.NDArray[np.bool_]:
    bits = _bits(keys, len(words))
    hit = (words[bits >> np.uint64(6)] >> (bits & np.uint64(63))) & np.uint64(1)
    answers: npt.NDArray[np.bool_] = hit.all(axis=1)
    return answers

"""Permanent deduplication by (source, messageId): which messages has the log seen?

A message is known by a 128-bit digest. The latest keys are held exactly in memory, in sorted arrays; what is
older moves to sorted runs that live elsewhere (`log/key_runs.py` keeps them on disk). Nothing is forgotten,
and there are no false answers: the filter of a run on disk only saves looking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from sevenfold.limits import DEDUP_FRESH_IDS_MAX, DEDUP_WINDOW_IDS_MAX

KEY_BYTES: Final = 16
Halves = npt.NDArray[np.uint64]
_HALF: Final = np.dtype("<u8")


def message_key(source: str, message_id: str) -> bytes:
    """The 128-bit digest by which a message is known. The length keeps ("a", "bc") from ("ab", "c")."""
    name = source.encode("utf-8", "surrogatepass")
    content = b"%d:%b%b" % (len(name), name, message_id.encode("utf-8", "surrogatepass"))
    return hashlib.blake2b(content, digest_size=KEY_BYTES).digest()


class Keys:
    """Keys as two arrays of uint64: `high` in order, and the `low` that belongs to each."""

    def __init__(self, high: Halves, low: Halves) -> None:
        self.high = high
        self.low = low

    @classmethod
    def of(cls, keys: Iterable[bytes]) -> Keys:
        halves = np.frombuffer(b"".join(keys), dtype=_HALF).reshape(-1, 2)
        return cls.sorted(halves[:, 0], halves[:, 1])

    @classmethod
    def sorted(cls, high: Halves, low: Halves) -> Keys:
        # A stable sort takes what is sorted in parts as a merge: in linear time, and others may run
        # meanwhile.
        order = np.argsort(high, kind="stable")
        return cls(high[order], low[order])

    def __len__(self) -> int:
        return len(self.high)

    def contains(self, high: int, low: int) -> bool:
        at = int(np.searchsorted(self.high, np.uint64(high)))
        while at < len(self.high) and int(self.high[at]) == high:
            if int(self.low[at]) == low:
                return True
            at += 1
        return False

    def contains_each(self, keys: Halves) -> npt.NDArray[np.bool_]:
        """For `keys` of shape (n, 2), high then low: which are here."""
        at = np.searchsorted(self.high, keys[:, 0])
        at_most = np.minimum(at, len(self.high) - 1) if len(self.high) else at
        found = np.zeros(len(keys), dtype=np.bool_)
        if not len(self.high):
            return found
        # Equal high halves are rare enough (once in 2^64 pairs) to look at the few candidates one by one.
        for index in np.flatnonzero(self.high[at_most] == keys[:, 0]):
            found[index] = self.contains(int(keys[index, 0]), int(keys[index, 1]))
        return found

    def merged(self, others: Sequence[Keys]) -> Keys:
        parts = (self, *others)
        return Keys.sorted(np.concatenate([p.high for p in parts]), np.concatenate([p.low for p in parts]))


class OlderKeys(Protocol):
    """Keys too old for memory."""

    def contains_each(self, keys: Halves) -> npt.NDArray[np.bool_]:
        """For `keys` of shape (n, 2): which are here."""
        ...

    def add(self, keys: Keys) -> None:
        """Take a full generation of keys over. They are found from now on, durably at the latest when the
        next one has been taken.
        """
        ...


class NoOlderKeys:
    """Where memory is all there is: a generation that is full simply stays."""

    def __init__(self) -> None:
        self._generations: list[Keys] = []

    def contains_each(self, keys: Halves) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(keys), dtype=np.bool_)
        for generation in self._generations:
            found |= generation.contains_each(keys)
        return found

    def add(self, keys: Keys) -> None:
        self._generations.append(keys)


class SeenKeys:
    """Every key ever added. The last `window` to 2 x `window` are answered from memory."""

    def __init__(self, older: OlderKeys, window: int = DEDUP_WINDOW_IDS_MAX) -> None:
        self._older = older
        self._window = window
        self._fresh: set[bytes] = set()
        self._runs: list[Keys] = []
        self._previous: Keys | None = None
        self._in_older = 0

    def seen(self, keys: Sequence[bytes]) -> list[bool]:
        """For each key, whether it was added before or stands earlier in `keys`."""
        answers = [key in self._fresh for key in keys]
        runs = self._runs if self._previous is None else [*self._runs, self._previous]
        if runs or self._in_older:
            halves = np.frombuffer(b"".join(keys), dtype=_HALF).reshape(-1, 2)
            found = np.array(answers, dtype=np.bool_)
            for run in runs:
                found |= run.contains_each(halves)
            if self._in_older and not found.all():
                unknown = np.flatnonzero(~found)
                found[unknown] = self._older.contains_each(halves[unknown])
            answers = found.tolist()
        if len(keys) > 1 and len(set(keys)) < len(keys):
            met: set[bytes] = set()
            for index, key in enumerate(keys):
                answers[index] = answers[index] or key in met
                met.add(key)
        return answers

    def add(self, keys: Iterable[bytes]) -> None:
        self._fresh.update(keys)
        if len(self._fresh) >= DEDUP_FRESH_IDS_MAX or len(self._fresh) >= self._window:
            self._settle()

    def know_older(self, count: int) -> None:
        """`count` keys lie with the older ones already, from an earlier process."""
        self._in_older += count

    def _settle(self) -> None:
        run = Keys.of(self._fresh)
        smaller: list[Keys] = []
        while self._runs and len(self._runs[-1]) <= len(run) + sum(map(len, smaller)):
            smaller.append(self._runs.pop())
        self._runs.append(run.merged(smaller) if smaller else run)
        self._fresh = set()
        if sum(map(len, self._runs)) >= self._window:
            full = self._runs[0].merged(self._runs[1:])
            self._older.add(full)
            self._in_older += len(full)
            self._previous, self._runs = full, []

"""A log in memory: for tests, replay and notebooks. Nothing survives the process."""

from __future__ import annotations

import bisect
import threading
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from sevenfold.clock import Clock
from sevenfold.errors import LogError
from sevenfold.events.dedup import NoOlderKeys, SeenKeys
from sevenfold.events.steps import Dropped
from sevenfold.limits import DEAD_LETTERS_LIST_ROWS_MAX, LOG_READ_RECORDS_MAX
from sevenfold.log.base import (
    DeadLetter,
    New,
    NewEvents,
    Placement,
    Receipt,
    Record,
    check_new,
    check_rewrite,
)


class MemoryLog:
    """Implements `base.Log`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: list[Record] = []
        self._next_position = 0
        self._last_time = 0
        self._seen = SeenKeys(NoOlderKeys())
        self._dead: list[DeadLetter] = []
        self._dead_given = 0
        self._lock = threading.Lock()
        self._closed = False

    def append(self, new: Sequence[New]) -> list[Receipt]:
        check_new(new)
        with self._lock:
            if self._closed:
                raise LogError("The log is closed")
            place = Placement(self._next_position, self._last_time, self._clock.now())
            receipts = [self._append_one(item, place) for item in new]
            self._next_position, self._last_time = place.next_position, place.last_time
        return receipts

    def _append_one(self, item: New, place: Placement) -> Receipt:
        if isinstance(item, NewEvents):
            record, keys, receipt = place.events(item, self._seen.seen(item.keys))
            self._seen.add(keys)
            if record.entries:
                self._records.append(record)
            return receipt
        record, receipt = place.other(item)
        if record.kind == "tick" and self._records and self._records[-1].kind == "tick":
            self._records.pop()
        self._records.append(record)
        return receipt

    def read(self, from_position: int = 0, limit: int = 1_000) -> list[Record]:
        if from_position < 0:
            raise LogError("Positions start at 0", where=f"position {from_position}")
        # A record that holds the position ends beyond it; a tick at the position ends there.
        first = bisect.bisect_left(
            self._records, (from_position, 1), key=lambda r: (r.end, int(r.kind == "tick"))
        )
        return self._records[first : first + min(limit, LOG_READ_RECORDS_MAX)]

    @property
    def next_position(self) -> int:
        return self._next_position

    @property
    def last_time(self) -> int:
        return self._last_time

    def rewrite(self, record: Record) -> None:
        with self._lock:
            for index, old in enumerate(self._records):
                if old.position == record.position and old.kind != "tick":
                    check_rewrite(old, record)
                    self._records[index] = replace(record, time=old.time)
                    return
        raise LogError("There is no record", where=f"position {record.position}")

    def add_dead_letters(self, dropped: Sequence[Dropped]) -> None:
        kept = {letter.dropped for letter in self._dead}
        for item in dropped:
            if item in kept:
                continue
            kept.add(item)
            self._dead_given += 1
            self._dead.append(DeadLetter(self._dead_given, item))

    def dead_letters(self, after: int = 0, limit: int = 100, reason: str | None = None) -> list[DeadLetter]:
        chosen = [d for d in self._dead if d.id > after and (reason is None or d.dropped.reason == reason)]
        return chosen[: min(limit, DEAD_LETTERS_LIST_ROWS_MAX)]

    def dead_letter_counts(self) -> dict[str, int]:
        return dict(sorted(Counter(str(letter.dropped.reason) for letter in self._dead).items()))

    def remove_dead_letters(self, ids: Sequence[int]) -> None:
        gone = set(ids)
        self._dead = [letter for letter in self._dead if letter.id not in gone]

    def close(self) -> None:
        self._closed = True

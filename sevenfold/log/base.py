"""The log's protocol: ten verbs, and the records they speak of.

Positions number what changes state: each event and each control change takes one, in order, without gaps; the
event at `index` of a record stands at `record.position + index`. Ticks take none, so that ticks more or fewer
change no id derived from a position, and records larger or smaller change none either.

Engine time belongs to each event: the log assigns max(last, clock), or max(last, given) for imports and
virtual time, inside the transaction that stores it. It never goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol

from msgspec import Struct

from sevenfold.errors import LogError
from sevenfold.events.dedup import KEY_BYTES
from sevenfold.events.steps import Dropped
from sevenfold.limits import RECORD_BYTES_MAX, RECORD_EVENTS_MAX

NOW: Final = -1
"""As the time of something new: take the clock's."""

Kind = Literal["events", "control", "tick"]


class Entry(Struct, array_like=True, gc=False):
    """One event as it came in. `received` and `time` are ms UTC; the log sets `time`, the engine time."""

    source: str
    received: int
    raw: bytes
    time: int = NOW


class Record(Struct, gc=False):
    """What one place in the log holds: events, a control change (a dict with `op`) or the passing of time."""

    position: int
    time: int
    kind: Kind
    entries: list[Entry] = []
    control: dict[str, Any] | None = None

    @property
    def count(self) -> int:
        """How many positions it takes."""
        return len(self.entries) if self.kind == "events" else int(self.kind == "control")

    @property
    def end(self) -> int:
        """The position after it."""
        return self.position + self.count


class NewEvents(Struct):
    """Events to append, at most RECORD_EVENTS_MAX, each with its key (`events.dedup.message_key`)."""

    entries: list[Entry]
    keys: list[bytes]


class NewControl(Struct):
    """A control change to append."""

    control: dict[str, Any]
    time: int = NOW


class NewTick(Struct):
    """The passing of time to append."""

    time: int = NOW


New = NewEvents | NewControl | NewTick


class Receipt(Struct):
    """What became of something new, once it is durable.

    `position` is that of its first event (of what follows, for ticks and when all were duplicates), `time`
    the last engine time, `duplicates` the indexes of entries that the log already had.
    """

    position: int
    time: int
    duplicates: tuple[int, ...] = ()


class DeadLetter(Struct):
    """A dropped event, kept with its reason under an `id` that grows."""

    id: int
    dropped: Dropped


class Readable(Protocol):
    """A log for whoever only reads it."""

    def read(self, from_position: int = 0, limit: int = 1_000) -> list[Record]:
        """As `Log.read`."""
        ...

    @property
    def next_position(self) -> int:
        """As `Log.next_position`."""
        ...


class Log(Protocol):
    """Ten verbs. Every implementation passes tests/edges/log/conformance.py."""

    def append(self, new: Sequence[New]) -> list[Receipt]:
        """Store all of `new`, durably, or none. Duplicates of earlier events are left out.

        Raises LogUnwritableError (disk full, read-only) and LogError (a batch beyond the limits). Threads may
        append at once; they share commits.
        """
        ...

    def read(self, from_position: int = 0, limit: int = 1_000) -> list[Record]:
        """At most `limit` records in order, from the one that holds `from_position`.

        A record may begin before `from_position`: skip what is known. The last tick before `from_position` is
        shown again. A tick that follows a tick takes its place. Raises LogDamagedError.
        """
        ...

    @property
    def next_position(self) -> int:
        """The position that the next event gets; 0 for an empty log."""
        ...

    @property
    def last_time(self) -> int:
        """Engine time of the last record, ms UTC; 0 for an empty log."""
        ...

    def rewrite(self, record: Record) -> None:
        """Put other entries, as many, in the place of the record at `record.position` (erasure).

        Engine times and keys stay. The bytes that stood there are gone from the disk when this returns.
        """
        ...

    def add_dead_letters(self, dropped: Sequence[Dropped]) -> None:
        """Keep what was dropped; equal ones once, so that imports can be repeated."""
        ...

    def dead_letters(self, after: int = 0, limit: int = 100, reason: str | None = None) -> list[DeadLetter]:
        """Dead letters with an id beyond `after`, oldest first; of one reason, if given."""
        ...

    def dead_letter_counts(self) -> dict[str, int]:
        """How many dead letters each reason has."""
        ...

    def remove_dead_letters(self, ids: Sequence[int]) -> None:
        """Forget dead letters, once replayed or looked at."""
        ...

    def close(self) -> None:
        """Let go of files and locks. Appending afterwards is an error."""
        ...


def check_new(new: Sequence[New]) -> None:
    """Refuse what no log takes. Raises LogError."""
    for item in new:
        if isinstance(item, NewControl):
            if not isinstance(item.control.get("op"), str):
                raise LogError(
                    "A control record has no `op`", fix="say what it does, e.g. {'op': 'erase', ...}"
                )
        elif isinstance(item, NewEvents):
            _check_events(item)


def _check_events(new: NewEvents) -> None:
    if len(new.entries) > RECORD_EVENTS_MAX:
        fix = f"append at most {RECORD_EVENTS_MAX} at a time"
        raise LogError(f"A batch of {len(new.entries)} events is too large for one record", fix=fix)
    if len(new.keys) != len(new.entries) or any(len(key) != KEY_BYTES for key in new.keys):
        raise LogError("Each event needs its key", fix="use sevenfold.events.dedup.message_key")
    if sum(len(entry.raw) for entry in new.entries) > RECORD_BYTES_MAX:
        raise LogError(
            f"A batch holds more than {RECORD_BYTES_MAX} bytes of events", fix="append fewer events at a time"
        )


def check_rewrite(old: Record, record: Record) -> None:
    """A rewritten record keeps its place: same kind, number of entries and times. Raises LogError."""
    same = (old.position, old.kind, old.count) == (record.position, record.kind, record.count)
    if not same or [e.time for e in old.entries] != [e.time for e in record.entries]:
        raise LogError(
            "A rewritten record must keep kind, number of entries and engine times",
            where=f"position {record.position}",
            fix="replace single entries by tombstones",
        )


class Placement:
    """Where the next thing goes: gives out positions and engine times in order."""

    def __init__(self, next_position: int, last_time: int, now: int) -> None:
        self.next_position = next_position
        self.last_time = last_time
        self._now = now

    def time(self, given: int) -> int:
        self.last_time = max(self.last_time, self._now if given == NOW else given)
        return self.last_time

    def events(self, new: NewEvents, seen: Sequence[bool]) -> tuple[Record, list[bytes], Receipt]:
        """The record of those not seen, their keys, and the receipt."""
        position = self.next_position
        entries, keys = new.entries, new.keys
        if any(seen):
            entries = [entry for entry, known in zip(new.entries, seen, strict=True) if not known]
            keys = [key for key, known in zip(new.keys, seen, strict=True) if not known]
        for entry in entries:
            entry.time = self.time(entry.time)
        self.next_position += len(entries)
        record = Record(position, entries[0].time if entries else self.last_time, "events", entries)
        duplicates = tuple(index for index, known in enumerate(seen) if known)
        return record, keys, Receipt(position, self.last_time, duplicates)

    def other(self, new: NewControl | NewTick) -> tuple[Record, Receipt]:
        position = self.next_position
        at = self.time(new.time)
        if isinstance(new, NewTick):
            return Record(position, at, "tick"), Receipt(position, at)
        self.next_position += 1
        return Record(position, at, "control", control=new.control), Receipt(position, at)

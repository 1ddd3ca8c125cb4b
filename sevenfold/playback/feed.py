"""What a replay folds: new events on their way through a log, or the records of a log that exists.

Events from files and tables pass the same steps as any others and are appended to a log, which drops those
it has seen; only then are they folded. So a replay of a file and a replay of the log it was imported into
are the same replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from sevenfold.clock import SystemClock
from sevenfold.errors import InputError
from sevenfold.events.dedup import message_key
from sevenfold.events.model import event_decoder
from sevenfold.events.reasons import Reason
from sevenfold.events.steps import Dropped, Intake
from sevenfold.importers.files import BadRow
from sevenfold.importers.rules import Imported
from sevenfold.importers.sort import Sorter
from sevenfold.limits import RECORD_BYTES_MAX, RECORD_EVENTS_MAX, REPLAY_READ_RECORDS_MAX
from sevenfold.log import segments
from sevenfold.log.base import Entry, Log, NewEvents, Record
from sevenfold.log.sqlite import SqliteLog

LOG_FOLDER = "log"
"""The name of the log in the folder that a replay writes."""


class Step(Struct):
    """Something to fold: events as (engine time ms, raw JSON), a control change, or time that passes."""

    time: int
    events: list[tuple[int, bytes]] = []
    sources: list[str] = []
    """The source of each event."""
    control: dict[str, Any] | None = None


class Intaken(Struct):
    """What became of the input: taken, left out as duplicates, dropped by reason, rows no rule wanted."""

    taken: int = 0
    duplicates: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    unmatched: int = 0


Items = Callable[[Callable[[BadRow], None]], Iterable[Imported]]
"""Events in order of time; rows that became none are given to the callback."""


def steps_of_items(items: Items, log: Log, until: int | None, counts: Intaken) -> Iterator[Step]:
    """Appends the events to `log` record by record, and gives those it did not have yet as steps."""
    bad: list[Dropped] = []
    entries: list[Entry] = []
    keys: list[bytes] = []
    size = 0
    accept = Intake(event_decoder(None)).accept

    def on_bad(row: BadRow) -> None:
        bad.append(Dropped(Reason.BAD_ROW, str(row), row.raw, 0, row.file))

    def flush() -> Iterator[Step]:
        if bad:
            log.add_dead_letters(bad)
            counts.dropped.update(str(one.reason) for one in bad)
            bad.clear()
        if entries:
            receipt = log.append([NewEvents(entries, keys)])[0]
            known = frozenset(receipt.duplicates)
            counts.duplicates += len(known)
            counts.taken += len(entries) - len(known)
            fresh = [one for place, one in enumerate(entries) if place not in known]
            if fresh:
                events = [(one.time, one.raw) for one in fresh]
                yield Step(fresh[-1].time, events, [one.source for one in fresh])

    for item in items(on_bad):
        if until is not None and item.time > until:
            break
        event = accept(item.raw, item.time, item.source)
        if isinstance(event, Dropped):
            bad.append(event)
            continue
        entries.append(Entry(item.source, item.time, item.raw, item.time))
        keys.append(message_key(item.source, str(event.message_id)))
        size += len(item.raw)
        if len(entries) >= RECORD_EVENTS_MAX or size >= RECORD_BYTES_MAX // 2:
            yield from flush()
            entries, keys, size = [], [], 0
    yield from flush()


def records(log: Log) -> Iterator[Record]:
    """Every record of a log in order, without the ticks between them."""
    at = 0
    while True:
        found = log.read(at, REPLAY_READ_RECORDS_MAX)
        # Ticks bound latency and change nothing, so only one that ends the log is of interest.
        yield from (record for record in found if record.count or record is found[-1])
        end = max((record.end for record in found), default=at)
        if end == at:
            return
        at = end


def steps_of_log(log: Log, until: int | None, counts: Intaken) -> Iterator[Step]:
    """The records of a log as steps, up to and including engine time `until`."""
    for record in records(log):
        if record.kind == "events":
            events = [
                (entry.time, entry.raw) for entry in record.entries if until is None or entry.time <= until
            ]
            if events:
                counts.taken += len(events)
                yield Step(events[-1][0], events, [entry.source for entry in record.entries[: len(events)]])
            if len(events) < len(record.entries):
                return
        elif until is not None and record.time > until:
            return
        else:
            yield Step(record.time, control=record.control)
    counts.dropped.update(log.dead_letter_counts())


def sort_events(events: Iterable[Imported]) -> Iterator[Imported]:
    """Events in order of (time, order), sorted on the disk when they are many."""
    sorter: Sorter[Imported] = Sorter(Imported, lambda item: (item.time, item.order))
    for event in events:
        sorter.add(event)
    return sorter.sorted()


def is_log(folder: Path) -> bool:
    """Whether a folder holds a log."""
    return folder.is_dir() and bool(segments.list_of(folder))


def log_folder(folder: Path) -> Path:
    """The log in a folder: the folder itself, or what a replay or import left in it. Raises InputError."""
    for place in (folder / LOG_FOLDER, folder):
        if is_log(place):
            return place
    fix = "name a folder that `sevenfold import` or `sevenfold replay` wrote"
    raise InputError("There is no log in this folder", where=str(folder), fix=fix)


def open_log(folder: Path) -> SqliteLog:
    """The log in `folder`, made when absent. Raises LogError."""
    return SqliteLog(folder, SystemClock())

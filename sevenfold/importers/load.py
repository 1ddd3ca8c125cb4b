"""Imported events -> the log, resumable and harmless to repeat.

Events pass the same steps as any others; what is dropped, and rows that became no event, go to the dead
letters. A cursor beside the log remembers how much of which input is in: an interrupted import goes on
there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sevenfold.events.dedup import message_key
from sevenfold.events.model import event_decoder
from sevenfold.events.reasons import Reason
from sevenfold.events.steps import Dropped, Intake
from sevenfold.importers.files import BadRow
from sevenfold.importers.read import Inputs, Tally
from sevenfold.importers.rules import Imported
from sevenfold.limits import RECORD_BYTES_MAX, RECORD_EVENTS_MAX
from sevenfold.log.base import Entry, Log, NewEvents


class Result(Struct):
    """What an import did. `dropped` counts dead letters by reason; `resumed_at` events were in before."""

    accepted: int = 0
    duplicates: int = 0
    dropped: Counter[str] = msgspec.field(default_factory=Counter)
    rows: int = 0
    unmatched: int = 0
    resumed_at: int = 0


class _Cursor(Struct):
    digest: str = ""
    done: int = 0


def load(
    inputs: Inputs,
    log: Log,
    *,
    cursor: Path | None = None,
    batch: int = RECORD_EVENTS_MAX,
    on_bytes: Callable[[int], None] | None = None,
) -> Result:
    """Append all events of `inputs` that the log does not have yet, in records of at most `batch` events."""
    result, tally = Result(), Tally()
    digest = inputs.digest()
    done = _read_cursor(cursor, digest)
    result.resumed_at = done
    bad: list[Dropped] = []

    def on_bad(row: BadRow) -> None:
        bad.append(Dropped(Reason.BAD_ROW, str(row), row.raw, 0, row.file))

    intake = Intake(event_decoder(None))
    pending = _Pending()
    count = 0
    for item in inputs.events(on_bad, on_bytes, tally):
        count += 1
        if count <= done:
            continue
        event = intake.accept(item.raw, item.time, item.source)
        if isinstance(event, Dropped):
            bad.append(event)
        else:
            pending.add(item, message_key(item.source, str(event.message_id)))
        if pending.is_full(batch):
            _flush(log, pending, bad, result)
            _write_cursor(cursor, digest, count)
    _flush(log, pending, bad, result)
    _write_cursor(cursor, digest, count)
    result.rows, result.unmatched = tally.rows, tally.unmatched
    return result


@contextmanager
def progress_bar(inputs: Inputs, *, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A bar over the bytes of `inputs`; gives the function to tell it how many more were read."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeRemainingColumn(), disable=not shown, transient=True) as progress:
        task = progress.add_task("Importing", total=max(inputs.bytes, 1))
        yield lambda count: progress.advance(task, count)


class _Pending:
    """Events on their way into one record."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.keys: list[bytes] = []
        self._bytes = 0

    def add(self, item: Imported, key: bytes) -> None:
        self.entries.append(Entry(item.source, item.time, item.raw, item.time))
        self.keys.append(key)
        self._bytes += len(item.raw)

    def is_full(self, batch: int) -> bool:
        return len(self.entries) >= batch or self._bytes >= RECORD_BYTES_MAX // 2

    def take(self) -> NewEvents:
        new = NewEvents(self.entries, self.keys)
        self.entries, self.keys, self._bytes = [], [], 0
        return new


def _flush(log: Log, pending: _Pending, bad: list[Dropped], result: Result) -> None:
    if bad:
        log.add_dead_letters(bad)
        result.dropped.update(str(item.reason) for item in bad)
        bad.clear()
    if pending.entries:
        new = pending.take()
        duplicates = len(log.append([new])[0].duplicates)
        result.duplicates += duplicates
        result.accepted += len(new.entries) - duplicates


def _read_cursor(path: Path | None, digest: str) -> int:
    if path is None or not path.exists():
        return 0
    try:
        cursor = msgspec.json.decode(path.read_bytes(), type=_Cursor)
    except msgspec.MsgspecError:
        return 0  # a damaged cursor costs time, nothing else: what is in the log is not taken twice
    return cursor.done if cursor.digest == digest else 0


def _write_cursor(path: Path | None, digest: str, done: int) -> None:
    if path is None:
        return
    draft = path.with_name(path.name + ".draft")
    draft.write_bytes(msgspec.json.encode(_Cursor(digest, done)))
    draft.replace(path)

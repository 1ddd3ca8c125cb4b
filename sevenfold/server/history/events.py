"""Pages of raw events: their positions from the history, the events themselves from the log."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is bound

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ...log.base import Readable, Record
from ...workspace import models as m
from .event_keys import EventKeys
from .models import Page, RawEvent
from .schema import STRETCH_BITS

_DECODE: Final = msgspec.json.Decoder().decode


def read_events(
    connection: sqlite3.Connection,
    log: Readable,
    identifiers: Mapping[str, Sequence[Any]],
    before: int | None,
    limit: int,
) -> Page[RawEvent]:
    """At most `limit` events of whoever has these identifiers, newest first."""
    wanted: list[int] = []
    for position in positions_of(connection, digests_of(connection, identifiers), before):
        wanted.append(position)
        if len(wanted) > limit:
            break
    shown = wanted[:limit]
    return Page(_events_at(log, shown), shown[-1] if len(wanted) > limit else None)


def digests_of(connection: sqlite3.Connection, identifiers: Mapping[str, Sequence[Any]]) -> list[int]:
    """The digests of identifiers, under the rules of identity that the history knows."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()
    keys = EventKeys(msgspec.json.decode(row[0], type=m.Identity) if row else None)
    found = {keys.of(kind, value) for kind, values in identifiers.items() for value in values}
    return sorted(one for one in found if one is not None)


def positions_of(
    connection: sqlite3.Connection, digests: Sequence[int], before: int | None = None
) -> Iterator[int]:
    """Positions of events with any of these digests, latest first, each once."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'position'").fetchone()
    end = int(row[0]) if row else 0
    end = end if before is None else min(end, before)
    marks = ", ".join("?" * len(digests))
    for stretch in range((end - 1) >> STRETCH_BITS, -1, -1):
        rows = connection.execute(
            f"SELECT DISTINCT position FROM identifiers WHERE stretch = ? AND identifier IN ({marks})"
            " AND position < ? ORDER BY position DESC",
            (stretch, *digests, end),
        )
        for (position,) in rows:
            yield position


def _events_at(log: Readable, positions: Sequence[int]) -> list[RawEvent]:
    """The events at these positions; neighbours are read from the log together."""
    found: dict[int, RawEvent] = {}
    for position in sorted(positions):
        if position not in found:
            for record in log.read(position, 2):
                if record.position <= position < record.end:
                    found |= _in(record, positions)
    return [found[position] for position in positions if position in found]


def _in(record: Record, positions: Sequence[int]) -> dict[int, RawEvent]:
    wanted: dict[int, RawEvent] = {}
    for position in positions:
        index = position - record.position
        if 0 <= index < len(record.entries):
            entry = record.entries[index]
            try:
                event = _DECODE(entry.raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if isinstance(event, dict):
                wanted[position] = RawEvent(position, entry.time, entry.received, entry.source, event)
    return wanted

"""Records of the log become rows: whose events they are, what was told about messages, who told the fold
what.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

from ...limits import HISTORY_CONTROL_BYTES_MAX
from ...log.base import Record
from ...workspace import models as m
from .effect_rows import HOUR_MS, UPSERT_COUNTS, CountKey, Row
from .event_keys import EventKeys
from .schema import STRETCH_BITS, key

INSERT_IDENTIFIERS: Final = "INSERT OR IGNORE INTO identifiers VALUES (?, ?, ?)"
INSERT_OUTCOMES: Final = "INSERT OR IGNORE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_CONTROLS: Final = "INSERT OR IGNORE INTO controls VALUES (?, ?, ?, ?, ?)"
_TOLD: Final = ("outcome", "outcomes")
_KNOWN: Final = frozenset(
    {"op", "effect", "outcome", "at", "reason", "provider_id", "channel", "machine", "permanent"}
)
_ENCODE: Final = msgspec.json.Encoder().encode


class GatheredRecords:
    """Rows of many records, in order. `keys` is replaced when the workspace's rules of identity change."""

    def __init__(self, keys: EventKeys) -> None:
        self.keys = keys
        self.identity: m.Identity | None = None
        """The rules of identity, when a record has changed them."""
        self.identifiers: list[Row] = []
        self.outcomes: list[Row] = []
        self.controls: list[Row] = []
        self.counts: Counter[CountKey] = Counter()

    def add(self, record: Record, known: int) -> None:
        """A record, of which what lies before position `known` was taken already."""
        if record.kind == "events":
            self._events(record, known)
        elif record.control is not None:
            self._control(record, record.control)

    def statements(self) -> list[tuple[str, list[Row]]]:
        """What is to be done, in order."""
        return [
            (INSERT_IDENTIFIERS, self.identifiers),
            (INSERT_OUTCOMES, self.outcomes),
            (INSERT_CONTROLS, self.controls),
            (UPSERT_COUNTS, [(*of, count) for of, count in sorted(self.counts.items())]),
        ]

    def _events(self, record: Record, known: int) -> None:
        of_event, add = self.keys.of_event, self.identifiers.append
        skip = max(0, known - record.position)
        for position, entry in enumerate(record.entries[skip:], record.position + skip):
            stretch = position >> STRETCH_BITS
            for one in of_event(entry.raw):
                add((stretch, one, position))
            self.counts[entry.time // HOUR_MS, "events", entry.source, ""] += 1

    def _control(self, record: Record, control: dict[str, Any]) -> None:
        op = str(control.get("op"))
        self.counts[record.time // HOUR_MS, "control", op, ""] += 1
        if op in _TOLD:
            told = [control] if op == "outcome" else control.get("outcomes")
            for place, one in enumerate(told if isinstance(told, list) else []):
                if isinstance(one, dict):
                    self.outcomes.append(_outcome_row(record, place, one))
            return
        if op == "workspace":
            self._define(control)
        by = control.get("by")
        row = (record.position, record.time, op, by if isinstance(by, str) else None, _content(control))
        self.controls.append(row)

    def _define(self, control: dict[str, Any]) -> None:
        """A definition comes into force; one that is none is refused by the fold."""
        held = control.get("workspace")
        try:
            model = msgspec.convert(held.get("identity") or {} if isinstance(held, dict) else {}, m.Identity)
            self.keys, self.identity = EventKeys(model), model
        except (msgspec.ValidationError, ValueError, TypeError):
            return


def _outcome_row(record: Record, place: int, told: dict[str, Any]) -> Row:
    at = told.get("at")
    more = {name: value for name, value in told.items() if name not in _KNOWN}
    return (
        record.position, place, key(str(told.get("effect"))), str(told.get("outcome")), record.time,
        at if isinstance(at, int) and not isinstance(at, bool) else record.time,
        _text(told.get("reason")), _text(told.get("provider_id")), _text(told.get("channel")),
        told.get("machine") is True, told.get("permanent") is True, _ENCODE(more) if more else None,
    )  # fmt: skip


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _content(control: dict[str, Any]) -> bytes:
    """What a control record says, without what is long (whole definitions, lists of people)."""
    content = _ENCODE({name: value for name, value in control.items() if name != "op"})
    if len(content) <= HISTORY_CONTROL_BYTES_MAX:
        return content
    short = {
        name: value
        for name, value in control.items()
        if isinstance(value, str | int | float) and name != "op"
    }
    return _ENCODE(short | {"left_out": sorted(set(control) - set(short) - {"op"})})

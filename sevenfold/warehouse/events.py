"""Events of the log become rows: decoded once more, just far enough, with whoever they belong to.

Whose an event is, the fold says (`Fold.noted`): identity is decided in one place. What an event says is read
from its bytes; properties and context stay the text they came as.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Raw, Struct

from sevenfold.effects import subject_id
from sevenfold.engine import Fold
from sevenfold.events.model import event_decoder
from sevenfold.events.steps import Dropped, Intake
from sevenfold.events.times import parse_ms
from sevenfold.limits import NUMBER_MAGNITUDE_MAX
from sevenfold.log.base import Entry
from sevenfold.warehouse.rows import key

Ids = npt.NDArray[np.uint64]
MICRO: Final = 1_000_000
LEAVING: Final = "Account Removed User"
_EMPTY: Final = b"{}"
_LOWER: Final = (1 << 32) - 1


class _Envelope(Struct, gc=False, rename="camel"):
    type: str
    event: str | None = None
    name: str | None = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    properties: Raw = Raw(_EMPTY)
    traits: Raw = Raw(_EMPTY)
    context: Raw = Raw(b"")


class _Known(Struct, gc=False):
    revenue: Any = None
    total: Any = None
    value: Any = None
    currency: Any = None
    order_id: Any = None
    name: Any = None
    role: Any = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope).decode
_KNOWN: Final = msgspec.json.Decoder(_Known).decode
_NOTHING: Final = _Known()
_WORTH: Final = (b"revenue", b"total", b"value", b"currency", b"order_id")


class Owners:
    """Subject ids of rows, each made once. A row is known by the record that created it."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[int, int]] = {"person": {}, "account": {}}

    def of(self, fold: Fold, noted: Sequence[int]) -> tuple[Ids, Ids]:
        """The people and accounts of events, 0 for none, from what the fold noted."""
        packed = np.array(noted, dtype=np.int64)
        people = self._resolve(fold, fold.person, (packed >> 32))
        accounts = self._resolve(fold, fold.account, (packed & _LOWER))
        return people, accounts

    def _resolve(self, fold: Fold, unit: Any, rows: npt.NDArray[np.int64]) -> Ids:
        born = fold.env.scope[unit.born.name]
        known, of = self._ids[unit.kind], unit.kind
        different, places = np.unique(rows, return_inverse=True)
        found = np.zeros(len(different), dtype=np.uint64)
        for place, row in enumerate(different.tolist()):
            if row:
                seq = born[row]
                ident = known.get(seq)
                if ident is None:
                    ident = known[seq] = int(subject_id(of, seq), 16)
                found[place] = ident
        return found[places]


class EventRows:
    """Rows of the tables `events` and `members`."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.members: list[tuple[Any, ...]] = []
        self.accounts: dict[int, int] = {}
        """The account that each person's events last counted for."""
        self._accept = Intake(event_decoder(None)).accept

    def add(self, position: int, entries: Sequence[Entry], people: Ids, accounts: Ids) -> None:
        """Events from a position on, with whose they are; those that the fold did not take are left out."""
        append, held = self.events.append, self.accounts
        for at, (entry, person, account) in enumerate(
            zip(entries, people.tolist(), accounts.tolist(), strict=True), position
        ):
            if not person:
                continue
            if account:
                held[person] = account
            append(self._row(at, entry, person, account))

    def _row(self, position: int, entry: Entry, person: int, account: int) -> tuple[Any, ...]:
        raw, t = entry.raw, entry.time
        try:
            found = _ENVELOPE(raw)
        except msgspec.DecodeError:
            return self._odd_row(position, entry, person, account)
        type_ = found.type
        time: int | None = t
        if found.sent_at is not None or found.original_timestamp is not None:
            event = self._accept(raw, t, entry.source)
            time = None if isinstance(event, Dropped) else event.time
        elif found.timestamp is not None:
            time = parse_ms(found.timestamp)
        properties = bytes(found.traits if type_ in ("identify", "group") else found.properties)
        known = _NOTHING
        if type_ == "page" or type_ == "screen" or any(word in properties for word in _WORTH):
            known = _known(properties)
        name = (found.event or "") if type_ == "track" else ""
        if type_ in ("page", "screen"):
            name = found.name or (known.name if isinstance(known.name, str) else "")
        if account and (type_ == "group" or name == LEAVING):
            self._member(position, t, person, account, name, properties)
        context = bytes(found.context)
        return (
            position, t if time is None or time > t else time, t, person, account, type_, name, entry.source,
            _money(known), _text(known.currency), _key_text(known.order_id), properties.decode(),
            context.decode() if context else None,
        )  # fmt: skip

    def _odd_row(self, position: int, entry: Entry, person: int, account: int) -> tuple[Any, ...]:
        """An event with a field of a wrong type, which the steps mend."""
        event = self._accept(entry.raw, entry.time, entry.source)
        assert not isinstance(event, Dropped), "the fold took it"
        type_ = event.type or ""
        held = event.traits if type_ in ("identify", "group") else event.properties
        properties = msgspec.json.encode(held or {})
        known = _known(properties)
        name = str(event.event or "") if type_ in ("track", "page", "screen") else ""
        if account and (type_ == "group" or name == LEAVING):
            self._member(position, entry.time, person, account, name, properties)
        return (
            position, min(event.time, entry.time), entry.time, person, account, type_, name, entry.source,
            _money(known), _text(known.currency), _key_text(known.order_id), properties.decode(), None,
        )  # fmt: skip

    def _member(self, position: int, t: int, person: int, account: int, name: str, properties: bytes) -> None:
        change = "left" if name == LEAVING else "joined"
        role = _known(properties).role
        self.members.append((position, t, account, person, change, role if isinstance(role, str) else ""))


def _known(properties: bytes) -> _Known:
    try:
        return _KNOWN(properties)
    except msgspec.DecodeError:
        return _NOTHING


def _money(known: _Known) -> int | None:
    for value in (known.revenue, known.total, known.value):
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            return round(value * MICRO) if abs(value) <= NUMBER_MAGNITUDE_MAX else None
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _key_text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(value)


__all__ = ["EventRows", "Owners", "key"]

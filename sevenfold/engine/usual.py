"""The short way of the usual event: what somebody whom we know did, for an account that we know.

`Arriving.event` says what an event does. For most events nearly all of it comes to nothing; this loop finds
that out in passing and does the rest, in a quarter of the time. A property test holds the two ways to the
same effects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET

from ..events.steps import Dropped, correct_clock
from ..events.times import HOURS, MILLIS, SECONDS, parse_ms
from ..limits import EVENT_BYTES_MAX, PROFILE_EVENTS_PER_HOUR_MAX
from ..profiles.identifiers import CHECK_MASK, ROW_MASK, TABLE_BITS, TABLE_MASK
from .arriving import COUNT_BITS, HOUR, HOURS_MASK, Arriving
from .erasure import TOMBSTONE, fold_tombstone

Entry = tuple[int, bytes]
"""An event of a record: (engine time ms, raw JSON)."""


class UnusualError(Exception):
    """The event has to go the long way."""


_LONG_WAY = (UnusualError, KeyError, ValueError, RecursionError, OverflowError)


class Usual(Arriving):
    """Batches of events."""

    _fields: dict[str, str]
    _entity_fields: list[str]
    """Properties that name an entity; keys in the context have none."""

    def _fold(self, entries: Iterable[Entry]) -> None:
        """Folds events in order; effects gather in `effects`. One that the steps drop changes nothing."""
        decoder, decode, paths = self.decoder, self.decoder.decode_usual, self._paths
        wheel, valued, further = self.wheel, self.valued, self.further
        identity, account_ids, account_rows = self.identity, self.account_ids, self.account_rows
        find, tables = identity.table.find, identity.table.tables
        of_user, of_anonymous, of_device = identity.user, identity.anonymous, identity.prefix.get("device")
        functions, page_name = self._functions[self.person.index], self._fields["name"]
        journeys: Any = self.journeys
        entity_fields, by_group = self._entity_fields, len(self._entity_fields) < len(self._entity_keys)
        hours, accounts, noted = self._hours, self._accounts, self.noted
        hour_end = stamp = full = 0
        for t, raw in entries:
            if t >= wheel.next_due or t >= valued.next_due or t >= self._next_close or t >= self._tick_due:
                self._drain(t)
            try:
                event = decode(raw)
                type_: str = event.type  # type: ignore[assignment]
                p = event.properties
                name: Any = event.event
                if type_ != "track":
                    name = event.name
                    if name is None and getattr(p, page_name) is UNSET:
                        name = ""
                of_person, of_account, heard = paths[type_][name]
                if event.sent_at is None and event.original_timestamp is None:
                    text: Any = event.timestamp
                    if text is None:
                        te: Any = t
                    else:
                        try:
                            te = HOURS[text[:13]] + SECONDS[text[13:20]] + MILLIS[text[20:]]
                        except (KeyError, TypeError):
                            te = parse_ms(text)
                else:
                    event.received = t
                    correct_clock(event, decoder, raw)
                    te = event.time
                if te is None or te > t or len(raw) > EVENT_BYTES_MAX:
                    raise UnusualError
                user: Any = event.user_id
                anonymous: Any = event.anonymous_id
                # `Identifiers.find`, twice and written out: a call costs as much as half of what it does.
                if user is not None:
                    hashed = hash(of_user + user)
                    marks, rows, mask = tables[hashed & TABLE_MASK]
                    place = hashed >> TABLE_BITS & mask
                    mark = marks[place]
                    while mark != hashed:
                        if not mark:
                            raise UnusualError
                        place = place + 1 & mask
                        mark = marks[place]
                    found = rows[place]
                    row = found & ROW_MASK
                    if not row or found != hash(user) & CHECK_MASK | row:
                        raise UnusualError
                elif anonymous is not None:
                    row = find(hash(of_anonymous + anonymous), hash(anonymous))
                    if not row:
                        raise UnusualError
                    anonymous = None
                else:
                    raise UnusualError
                if anonymous is not None:
                    hashed = hash(of_anonymous + anonymous)
                    marks, rows, mask = tables[hashed & TABLE_MASK]
                    place = hashed >> TABLE_BITS & mask
                    mark = marks[place]
                    while mark != hashed:
                        if not mark:
                            raise UnusualError
                        place = place + 1 & mask
                        mark = marks[place]
                    if rows[place] != hash(anonymous) & CHECK_MASK | row:
                        raise UnusualError
                account = accounts[row]
                group = None
                context = event.context
                if context is not None:
                    group, device = context.group_id, context.device
                    if by_group and group is not None:
                        raise UnusualError
                    # Phones send the address of their push messages with everything.
                    if (
                        device is not None
                        and device.token is not None
                        and of_device is not None
                        and find(hash(of_device + device.token), hash(device.token)) != row
                    ):
                        raise UnusualError
                if group is None:
                    if account and row in further:
                        account = 0
                elif account_ids[account] != group:
                    account = account_rows[group]  # type: ignore[index]
                for field in entity_fields:
                    if getattr(p, field) is not UNSET:
                        raise UnusualError
                if t >= hour_end:
                    hour_end = t - t % HOUR + HOUR
                    stamp = (t // HOUR & HOURS_MASK) << COUNT_BITS
                    full = stamp + PROFILE_EVENTS_PER_HOUR_MAX
                counted = hours[row]
                if stamp <= counted < full:
                    hours[row] = counted + 1
                elif counted >> COUNT_BITS == stamp >> COUNT_BITS:
                    raise UnusualError
                else:
                    hours[row] = stamp + 1
            except _LONG_WAY:
                self._long_way(t, raw)
                hours, accounts = self._hours, self._accounts
                continue
            if noted is not None:
                noted.append(row << 32 | account)
            self.t = t
            self.seq = seq = self.seq + 1
            self._cause = (type_, name, seq)
            self._whole_raw = raw
            if heard:
                journeys.begin()
            d = of_person(row, te, t, seq, p, event) if of_person is not None else 0
            if account and of_account is not None:
                mask = of_account(account, te, t, seq, p, event)
                if mask:
                    self._touch(account, mask)
            if d:
                functions[d](row, t)
            if heard:
                journeys.end(row, account, (), (type_, name), event, te)

    def _long_way(self, t: int, raw: bytes) -> None:
        noted = self.noted
        before = len(noted) if noted is not None else 0
        event = self.intake.accept(raw, t, "")
        if raw.startswith(TOMBSTONE):
            fold_tombstone(self, t, raw)
        elif isinstance(event, Dropped):
            self.dropped[event.reason] = self.dropped.get(event.reason, 0) + 1
        else:
            self.event(t, event, raw)
        if noted is not None and len(noted) == before:
            noted.append(0)

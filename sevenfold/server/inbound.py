"""What comes back, into the log: outcomes, opt-outs, events and presses that a provider told, each once.

A provider repeats itself until it is answered 200, and it is answered once everything is durable. So all news
has a key. Keys of what is in the log are kept beside it; what was stored just before a crash is found again
in the history, which knows each outcome's key. The fold takes most outcomes once in any case; only openings
and clicks count as often as they are told.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from ..channels.base import Heard
from ..clock import Clock
from ..connectors.translate import identified
from ..engine.controls import ControlError
from ..events.dedup import message_key
from ..events.model import event_decoder
from ..events.steps import Dropped, Intake
from ..limits import (
    INBOUND_DETAIL_BYTES_MAX,
    NEWS_WAIT_S_MAX,
    OUTCOMES_TOLD_ITEMS_MAX,
    RECORD_EVENTS_MAX,
)
from ..log.base import Entry, New, NewControl, NewEvents
from ..messages.channels import ADDRESSES
from ..messages.outcomes import OUTCOMES, REPEATED
from .inbound_store import InboundStore, news_key
from .live import Live

UNSUBSCRIBED: Final = "unsubscribed"
OWN: Final = "sevenfold"
"""The source of events that this service tells itself."""
_LATER: Final = frozenset({"delivered", "opened", "clicked", "complained"})
"""After these a message was sent for certain."""
_BEFORE: Final = frozenset({"claimed", "sent", "failed", "rate_limited", "unknown", "expired"})
"""What can no more be true of a message that arrived."""
_log = logging.getLogger("sevenfold.inbound")


class Messages(Protocol):
    """What is asked of the history."""

    def effect_of(self, channel: str, provider_id: str) -> str | None: ...

    def outcomes(self, effect: str) -> Sequence[Any]: ...

    def message(self, effect: str) -> Any: ...


class Stored(Struct, frozen=True):
    """How many events were taken, known already, and refused (they are dead letters)."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0


class Inbox:
    """Takes what providers and connected services tell; `counts` says what came."""

    def __init__(self, live: Live, history: Messages, store: InboundStore, clock: Clock) -> None:
        self.live = live
        self.counts: Counter[str] = Counter()
        self._history = history
        self._store = store
        self._clock = clock
        self._under_way: dict[bytes, asyncio.Future[None]] = {}
        self._intake = Intake(event_decoder(None))

    # -------------------------------------------------------------------------------------------- providers

    async def hear(self, channel: str, heard: Sequence[Heard]) -> None:
        """Takes what the provider of a channel told; all of it is durable when this returns. Raises what
        `Live.append` raises; nothing is remembered then, and the provider may tell it again.
        """
        news = {news_key(channel, one.key or repr(one)): one for one in heard}
        # Who tells the same at the same time waits for the first.
        while waits := [self._under_way[key] for key in news if key in self._under_way]:
            await asyncio.wait(waits)
        known = self._store.seen(list(news))
        self.counts["repeated"] += len(known)
        fresh = {key: one for key, one in news.items() if key not in known}
        if not fresh:
            return
        done = asyncio.get_running_loop().create_future()
        self._under_way.update(dict.fromkeys(fresh, done))
        try:
            await self._take(channel, list(fresh.values()))
            self._store.remember(fresh, self._clock.now())
        finally:
            for key in fresh:
                del self._under_way[key]
            done.set_result(None)

    async def _take(self, channel: str, heard: Sequence[Heard]) -> None:
        outcomes: list[dict[str, Any]] = []
        controls: list[dict[str, Any]] = []
        events: list[Mapping[str, Any]] = []
        presses: list[Mapping[str, Any]] = []
        for one in heard:
            if one.event is not None:
                events.append({**one.event, "messageId": one.event.get("messageId") or one.key})
                controls += self._started(channel, one)
            if one.control is not None:
                presses.append(one.control)
            if one.outcome == UNSUBSCRIBED:
                controls += self._opt_out(channel, one)
            elif one.outcome in OUTCOMES:
                outcomes += await self._outcome(channel, one)
            elif one.outcome:
                self.counts["not_understood"] += 1
        new: list[New] = [*_told(outcomes), *(NewControl(record) for record in controls)]
        stored = self._events(f"hook:{channel}", [msgspec.json.encode(one) for one in events])
        new += stored.new
        if stored.dropped:
            await self.live.drop(stored.dropped)
        if new:
            await self.live.append(new)
        for record in presses:
            await self._press(record)
        self.counts["outcomes"] += len(outcomes)
        self.counts["events"] += len(events)

    async def _outcome(self, channel: str, one: Heard) -> list[dict[str, Any]]:
        """The record of an outcome; none for one that is known, or comes too late to be true."""
        record = self._record(channel, one)
        effect = one.effect or await self._effect_of(channel, one.provider_id)
        if not effect:
            return self._about_a_stranger(channel, one, record)
        return self._in_order(effect, {**record, "effect": effect})

    def _in_order(self, effect: str, record: dict[str, Any]) -> list[dict[str, Any]]:
        outcome = record["outcome"]
        if outcome in _BEFORE or outcome in REPEATED:
            before = self._history.outcomes(effect)
            if outcome in _BEFORE and any(was.outcome in _LATER and not was.machine for was in before):
                self.counts["out_of_order"] += 1
                return []
            if any((was.data or {}).get("key") == record["key"] for was in before):
                self.counts["repeated"] += 1
                return []
        return [record]

    def _record(self, channel: str, one: Heard) -> dict[str, Any]:
        now = self._clock.now()
        record: dict[str, Any] = {"op": "outcome", "outcome": one.outcome, "channel": channel, "key": one.key}
        record["at"] = min(one.at, now) if one.at > 0 else now
        if one.reason:
            record["reason"] = one.reason[:100]
        if one.provider_id:
            record["provider_id"] = one.provider_id
        for name in ("permanent", "machine"):
            if getattr(one, name):
                record[name] = True
        if one.detail and len(msgspec.json.encode(one.detail)) <= INBOUND_DETAIL_BYTES_MAX:
            record["detail"] = dict(one.detail)
        return record

    async def _effect_of(self, channel: str, provider_id: str) -> str:
        """The message of a provider's id. A provider may be quicker than our own record of having sent."""
        if not provider_id:
            return ""
        for _ in range(int(NEWS_WAIT_S_MAX / 0.1)):
            found = self._history.effect_of(channel, provider_id)
            if found:
                return found
            await asyncio.sleep(0.1)
        return ""

    def _about_a_stranger(self, channel: str, one: Heard, record: dict[str, Any]) -> list[dict[str, Any]]:
        """News about a message that nobody knows (yet). What says that an address is to be left alone counts
        all the same.
        """
        self.counts["strangers"] += 1
        bad = one.outcome == "complained" or (one.outcome == "bounced" and one.permanent)
        if one.provider_id:
            self._store.wait(channel, one.provider_id, self._clock.now(), msgspec.json.encode(record))
        if bad and one.address:
            reason = "complaint" if one.outcome == "complained" else "bounce"
            return [{"op": "suppress", "channel": channel, "address": one.address, "reason": reason}]
        return []

    async def sweep(self) -> int:
        """Looks again whether news that waited is about a message that is known by now; how many were."""
        found: list[dict[str, Any]] = []
        numbers = []
        for number, channel, provider_id, raw in self._store.waiting():
            effect = self._history.effect_of(channel, provider_id)
            if effect:
                numbers.append(number)
                found += self._in_order(effect, {**msgspec.json.decode(raw), "effect": effect})
        if found:
            await self.live.append(_told(found))
        self._store.waited(numbers)
        self._store.forget_old(self._clock.now())
        return len(numbers)

    # ---------------------------------------------------------------------------------------------- consent

    def _opt_out(self, channel: str, one: Heard) -> list[dict[str, Any]]:
        """Who says no to a provider has said no to all of the channel."""
        person = self.person_at(channel, one.address, one.effect)
        if person is None:
            self.counts["strangers"] += 1
            return []
        self.counts["opt_outs"] += 1
        at = one.at or self._clock.now()
        source = f"provider {one.reason}".strip()
        return [
            {
                "op": "consent",
                "person": person,
                "channel": channel,
                "status": "out",
                "source": source,
                "at": at,
            }
        ]

    def _started(self, channel: str, one: Heard) -> list[dict[str, Any]]:
        """Who answers START takes back the STOP before it. Their address lives: where a STOP that nobody told
        us of had it left alone, it is written to again.
        """
        properties = (one.event or {}).get("properties")
        if not isinstance(properties, Mapping) or properties.get("keyword") != "start":
            return []
        person = self.person_at(channel, one.address, one.effect)
        if person is None:
            return []
        record = {"op": "consent", "person": person, "channel": channel, "status": "in", "source": "keyword"}
        found: list[dict[str, Any]] = [{**record, "at": one.at or self._clock.now()}]
        if one.address:
            found.append({"op": "unsuppress", "channel": channel, "address": one.address})
        return found

    def person_at(self, channel: str, address: str, effect: str = "") -> dict[str, str] | None:
        """The identifier of whoever has an address on a channel, or was sent a message."""
        model = self.live.workspace.channels.get(channel)
        kind = (model.address or ADDRESSES.get(model.type)) if model is not None else None
        if not address and effect:
            message = self._history.message(effect)
            address = str((message.data or {}).get("address") or "") if message is not None else ""
        return {kind: address} if kind is not None and address else None

    async def _press(self, record: Mapping[str, Any]) -> None:
        """What somebody pressed. The fold may refuse it: the task is closed already, say."""
        try:
            await self.live.control(dict(record))
            self.counts["presses"] += 1
        except ControlError as error:
            self.counts["refused"] += 1
            _log.info("press_refused", extra={"op": str(record.get("op")), "code": error.code})

    # ----------------------------------------------------------------------------------------------- events

    async def store(self, source: str, raws: Sequence[bytes]) -> Stored:
        """Appends events of a connected service, durably; what is no event goes to the dead letters."""
        found = self._events(source, raws)
        if found.dropped:
            await self.live.drop(found.dropped)
        duplicates = 0
        if found.new:
            duplicates = sum(len(one.duplicates) for one in await self.live.append(found.new))
        self.counts["events"] += len(raws)
        return Stored(len(raws) - len(found.dropped) - duplicates, duplicates, len(found.dropped))

    async def say(
        self,
        person: Mapping[str, str],
        type_: str,
        content: Mapping[str, Any],
        *,
        event: str = "",
        key: str = "",
    ) -> Stored:
        """Appends an event of our own about somebody: `content` are the traits of an identify call, else the
        properties. The same `key` counts once.
        """
        (kind, value), *_ = person.items()
        made: dict[str, Any] = {"type": type_, "timestamp": self._clock.now()}
        made["traits" if type_ == "identify" else "properties"] = dict(content)
        if event:
            made["event"] = event
        if kind == "user_id":
            made["userId"] = value
        elif kind == "anonymous_id":
            made["anonymousId"] = value
        else:
            made["context"] = {"traits": {kind: value}}
        made["messageId"] = key or news_key(OWN, repr(made)).hex()
        return await self.store(OWN, [msgspec.json.encode(made)])

    def _events(self, source: str, raws: Sequence[bytes]) -> _Batches:
        now = self._clock.now()
        dropped: list[Dropped] = []
        entries: list[Entry] = []
        keys: list[bytes] = []
        for raw in raws:
            whole = identified(raw)
            event = self._intake.accept(whole, now, source)
            if isinstance(event, Dropped):
                dropped.append(event)
            else:
                entries.append(Entry(source, now, whole))
                keys.append(message_key(source, str(event.message_id)))
        new: list[New] = [
            NewEvents(entries[at : at + RECORD_EVENTS_MAX], keys[at : at + RECORD_EVENTS_MAX])
            for at in range(0, len(entries), RECORD_EVENTS_MAX)
        ]
        return _Batches(new, dropped)


class _Batches(Struct):
    new: list[New]
    dropped: list[Dropped]


def _told(records: Sequence[dict[str, Any]]) -> list[New]:
    """Outcomes in as few records as they fit into; other records as they are."""
    new: list[New] = [NewControl(one) for one in records if one["op"] != "outcome"]
    told = [{k: v for k, v in one.items() if k != "op"} for one in records if one["op"] == "outcome"]
    if len(told) == 1:
        return [*new, NewControl({"op": "outcome", **told[0]})]
    for at in range(0, len(told), OUTCOMES_TOLD_ITEMS_MAX):
        new.append(NewControl({"op": "outcomes", "outcomes": told[at : at + OUTCOMES_TOLD_ITEMS_MAX]}))
    return new

"""One event's bytes, changed only where something has to be: what the batch shares, what ingest knows of the
sender.

Values are slices of the input and are copied as they stand; nothing is decoded that is not looked at.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

import msgspec
from msgspec import Raw, Struct

from ...limits import EVENT_BYTES_MAX
from .agents import Agents
from .envelope import Fields, text_of
from .places import Places

_NOTHING: Final = Raw(b"")
_UNWANTED: Final = ("writeKey", "write_key", "_metadata", "receivedAt")
"""Of the envelope rather than the event: secrets, how often it was sent, and a time that is ours to say."""
_decode: Any = msgspec.json.Decoder(Fields).decode
_encode = msgspec.json.Encoder().encode


class Sender(Struct, frozen=True):
    """What a request says about whoever sent it. `device` is whether that is somebody's browser or phone; of
    a server nothing is taken over. `address` is only asked where the event is of the device itself.
    """

    device: bool
    address: str | None = None
    user_agent: str | None = None
    language: str | None = None


SERVER: Final = Sender(device=False)


class Changes(Struct, frozen=True):
    """What every event of one request gets: the type that the path says, and what its batch shares."""

    type: str | None = None
    sent_at: Raw = _NOTHING
    context: Fields | None = None
    integrations: Fields | None = None
    sender: Sender = SERVER

    @property
    def concern_all(self) -> bool:
        """Whether no event of the request can stay as it is."""
        return bool(self.sent_at or self.context or self.integrations or self.sender.device)


class Rewriter:
    """Rewrites events. With `keep_ip` the address stays in `context.ip`; else it is used and dropped."""

    def __init__(self, agents: Agents, places: Places, *, keep_ip: bool) -> None:
        self._agents = agents
        self._places = places
        self._keep_ip = keep_ip

    def rewritten(self, raw: bytes, changes: Changes) -> bytes:
        """The event with `changes`, or as it is when it cannot be read. What was found out about the sender
        is left out where the event would become too large by it.
        """
        try:
            return self._changed(_decode(raw), changes)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return raw

    def _changed(self, event: Fields, changes: Changes) -> bytes:
        self._envelope(event, changes)
        context = _object(event.get("context"))
        for name, value in (changes.context or {}).items():
            _fill(context, name, value)
        address = self._address(context, changes.sender)
        plain = _encode(_with_context(event, context))
        found = self._found_out(context, address, changes.sender)
        if not found:
            return plain
        for name, value in found.items():
            _fill(context, name, value)
        enriched = _encode(_with_context(event, context))
        return enriched if len(enriched) <= EVENT_BYTES_MAX else plain

    def _envelope(self, event: Fields, changes: Changes) -> None:
        for name in _UNWANTED:
            event.pop(name, None)
        if changes.type is not None:
            event["type"] = Raw(_encode(changes.type))
        if changes.sent_at and _absent(event.get("sentAt")):
            event["sentAt"] = changes.sent_at
        # Only RudderStack's clients send both; `timestamp` is then what the caller said, and counts.
        if "originalTimestamp" in event and not _absent(event.get("timestamp")):
            del event["originalTimestamp"]
        if changes.integrations:
            own = _object(event.get("integrations"))
            event["integrations"] = Raw(_encode({**changes.integrations, **own}))

    def _address(self, context: Fields, sender: Sender) -> str | None:
        """The address the event is from. It is taken out of the context unless it may be kept."""
        own = text_of(context.get("ip", _NOTHING))
        direct = sender.device or bytes(context.get("direct", _NOTHING)) == b"true"
        address = sender.address if own is None and direct else own
        if not self._keep_ip:
            context.pop("ip", None)
        elif address is not None:
            context["ip"] = Raw(_encode(address))
        return address

    def _found_out(self, context: Fields, address: str | None, sender: Sender) -> Fields:
        """What browser, device, place and language are, as far as the event does not say."""
        found: Fields = {}
        agent = text_of(context.get("userAgent", _NOTHING))
        if agent is None and sender.device and sender.user_agent:
            agent = sender.user_agent
            found["userAgent"] = Raw(_encode(agent))
        if agent is not None:
            found |= self._agents.fields(agent)
        if sender.device and sender.language:
            found["locale"] = Raw(_encode(sender.language))
        if address is not None:
            found |= self._places.fields(address)
            if "timezone" in found and not is_zone(text_of(context.get("timezone", _NOTHING))):
                # "GMT+0000", as one client says, is no zone that one could tell the summer time of.
                context.pop("timezone", None)
        return found


def _with_context(event: Fields, context: Fields) -> dict[str, Any]:
    if context or "context" in event:
        return {**event, "context": context}
    return {**event}


def _fill(fields: Fields, name: str, value: Raw) -> None:
    """Sets what is not there, or is there without saying anything."""
    own = fields.get(name)
    if own is None or _absent(own) or _empty(own):
        fields[name] = value


def _absent(value: Raw | None) -> bool:
    return value is None or bytes(value) == b"null"


def _empty(value: Raw) -> bool:
    """Whether it is an object of nothing but empty values, such as {"name": "", "version": ""}."""
    data = bytes(value)
    if len(data) > 64 or data[:1] not in (b"{", b'"'):
        return False
    found = msgspec.json.decode(data)
    return not any(found.values()) if isinstance(found, dict) else not found


def _object(value: Raw | None) -> Fields:
    if value is None or bytes(value)[:1] != b"{":
        return {}
    found: Fields = _decode(value)
    return found


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str | None) -> bool:
    """Whether it is a time zone by name, such as Europe/Lisbon."""
    return name is not None and name in _zones()

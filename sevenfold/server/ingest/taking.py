"""From the events of a request to entries for the log: each is taken, or refused with a reason, alone.

The steps are those of everything else that enters the log (`events/steps.py`), so what is accepted here is
what the fold takes. An event's bytes go into the log as they came unless something has to be added or taken
out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from ...events.dedup import message_key
from ...events.model import Event, event_decoder
from ...events.reasons import Note, Reason
from ...events.steps import Dropped, Intake
from ...events.times import parse_ms
from ...limits import (
    BATCH_EVENTS_MAX,
    CLOCK_SKEW_IGNORED_MS_MAX,
    DEAD_LETTER_BYTES_MAX,
    TAKEN_TOGETHER_EVENTS_MAX,
)
from ...log.base import Entry
from .envelope import Envelope
from .rewriting import Changes, Rewriter, Sender

_NOTHING: Final = Raw(b"")
_HIDDEN: Final = b"***"
_MADE: Final = Note.MESSAGE_ID_MADE.value


class Refused(Struct):
    """Why one event of a request was not taken: its place in the batch, the reason and what exactly."""

    index: int
    code: str
    message: str


class Taken(Struct):
    """The events of one request: what goes into the log, each with its key, and what does not."""

    entries: list[Entry]
    keys: list[bytes]
    dropped: list[Dropped]
    refused: list[Refused]


class Request(Struct, frozen=True):
    """What is known of a request when its events are taken: the source its key belongs to, when it came (ms
    UTC), and what the path says its one event is. `key` is the write key, which no stored byte may show.
    """

    source: str
    received: int
    sender: Sender
    body: bytes
    key: str
    type: str | None = None


class Taking:
    """Takes the events of requests."""

    def __init__(self, rewriter: Rewriter) -> None:
        self._rewriter = rewriter
        self._accept = Intake(event_decoder(None)).accept
        self._made = count()

    def take(self, envelope: Envelope, request: Request) -> Taken:
        """The events of `envelope`, in order."""
        taken = Taken([], [], [], [])
        for _ in self.course(envelope, request, taken):
            pass
        return taken

    def course(self, envelope: Envelope, request: Request, taken: Taken) -> Iterator[None]:
        """Puts the events of `envelope` into `taken`, in order; halts now and then, so that others have a
        turn while a long batch is taken.
        """
        changes = Changes(
            type=request.type,
            sent_at=_telling(envelope.sent_at, request.received),
            context=envelope.context,
            integrations=envelope.integrations,
            sender=request.sender,
        )
        every = changes.concern_all or _concerns_all(request.body, envelope)
        accept, rewritten, source, received = (
            self._accept, self._rewriter.rewritten, request.source, request.received,
        )  # fmt: skip
        add_entry, add_key = taken.entries.append, taken.keys.append
        for index, found in enumerate(envelope.events):
            if index % TAKEN_TOGETHER_EVENTS_MAX == 0 and index:
                yield
            raw = bytes(found)
            if every:
                raw = rewritten(raw, changes)
            many = index >= BATCH_EVENTS_MAX
            event = _one_too_many(raw, request) if many else accept(raw, received, source)
            if not every and _concerns(event, request.type):
                raw = rewritten(raw, changes)
                event = event if many else accept(raw, received, source)
            if isinstance(event, Dropped):
                taken.refused.append(Refused(index, str(event.reason), event.detail))
                taken.dropped.append(_dead_letter(event, raw, request.key))
                continue
            name: Any = event.message_id
            if event.notes & _MADE:
                # Two events without an id are two events, however alike they are.
                name = f"{name}-{next(self._made)}"
            add_entry(Entry(source, received, raw))
            add_key(message_key(source, name))


def _telling(sent_at: Raw, received: int) -> Raw:
    """When the batch was sent, if that says anything: a client's clock that is right corrects nothing."""
    if not sent_at:
        return _NOTHING
    try:
        at = parse_ms(msgspec.json.decode(sent_at))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _NOTHING
    if at is None or abs(received - at) < CLOCK_SKEW_IGNORED_MS_MAX:
        return _NOTHING
    return sent_at


def _concerns_all(body: bytes, envelope: Envelope) -> bool:
    """Whether something stands in the events that is not kept. Seldom; so it is looked for in all at once."""
    return body.count(b'"writeKey"') > envelope.keyed or b'"_metadata"' in body or b'"receivedAt"' in body


def _concerns(event: Event | Dropped, type_: str | None) -> bool:
    """Whether this event cannot stay as it came."""
    if isinstance(event, Dropped):
        return True
    context = event.context
    return (
        (
            context is not None
            and (context.ip is not None or context.user_agent is not None or bool(context.direct))
        )
        or (event.original_timestamp is not None and event.timestamp is not None)
        or (type_ is not None and event.type != type_)
    )


def _one_too_many(raw: bytes, request: Request) -> Dropped:
    reason = Reason.TOO_MANY_EVENTS
    return Dropped(reason, str(reason.__doc__), raw, request.received, request.source)


def _dead_letter(dropped: Dropped, raw: bytes, key: str) -> Dropped:
    """What is kept of a refused event: without its key, and not more than can be looked at."""
    kept = raw.replace(key.encode(), _HIDDEN) if key else raw
    detail = dropped.detail
    if len(kept) > DEAD_LETTER_BYTES_MAX:
        detail = f"{detail} Its {len(kept):,} bytes are kept to the {DEAD_LETTER_BYTES_MAX:,}th."
        kept = kept[:DEAD_LETTER_BYTES_MAX]
    return msgspec.structs.replace(dropped, raw=kept, detail=detail)

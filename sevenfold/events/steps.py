"""From bytes to an accepted event, or to a drop with its reason: named steps over one value.

`accept` bounds and parses the bytes, then takes the event through the steps of its type, in order; the first
that gives a reason ends it. Nothing raises for what a client sends, and nothing is remembered but counts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from sevenfold.events.model import Event, EventDecoder
from sevenfold.events.reasons import Note, Reason
from sevenfold.events.times import parse_ms
from sevenfold.limits import (
    CLOCK_SKEW_IGNORED_MS_MAX,
    CLOCK_SKEW_TRUSTED_MS_MAX,
    EVENT_BYTES_MAX,
    EVENT_NAME_CHARS_MAX,
    EVENT_TIME_MS_MIN,
    IDENTIFIER_CHARS_MAX,
    MESSAGE_ID_CHARS_MAX,
)


class Dropped(Struct, frozen=True):
    """An event that was not taken: why, what exactly, and the bytes, which go to the dead letters."""

    reason: Reason
    detail: str
    raw: bytes
    received: int = 0
    source: str = ""


Step = Callable[[Event, EventDecoder, bytes], Reason | None]


def check_ids(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """Ids become non-empty strings or None; somebody must be named."""
    user = event.user_id
    if user is not None:
        if type(user) is not str:
            user = _text(user)
        event.user_id = user or None
        if len(user) > IDENTIFIER_CHARS_MAX:
            return Reason.ID_TOO_LONG
    anonymous = event.anonymous_id
    if anonymous is not None:
        if type(anonymous) is not str:
            anonymous = _text(anonymous)
        event.anonymous_id = anonymous or None
        if len(anonymous) > IDENTIFIER_CHARS_MAX:
            return Reason.ID_TOO_LONG
    return None if user or anonymous else Reason.NO_USER_ANON_ID


def check_group(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """A group call names the account."""
    group = event.group_id = _text(event.group_id)
    if not group:
        return Reason.NO_GROUP_ID
    return Reason.ID_TOO_LONG if len(group) > IDENTIFIER_CHARS_MAX else None


def check_alias(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """An alias call names the old id and the new one, and nothing else."""
    event.event = ""
    event.traits = _NO_TRAITS
    previous = event.previous_id = _text(event.previous_id)
    if not previous or not event.user_id:
        return Reason.NO_PREVIOUS_ID
    return Reason.ID_TOO_LONG if len(previous) > IDENTIFIER_CHARS_MAX else None


def check_account(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """`context.groupId` becomes a non-empty string or None."""
    context = event.context
    if context is None or context.group_id is None:
        return None
    group = context.group_id
    if type(group) is not str:
        group = _text(group)
    context.group_id = group or None
    return Reason.ID_TOO_LONG if len(group) > IDENTIFIER_CHARS_MAX else None


def identify_message(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """Every event gets a message id of at most MESSAGE_ID_CHARS_MAX; deduplication rests on it."""
    message = event.message_id
    if message is not None and type(message) is not str:
        message = event.message_id = _text(message)
    if not message:
        event.message_id = f"made-{_digest(raw, event.received)}"
        event.notes |= Note.MESSAGE_ID_MADE.value
    elif len(message) > MESSAGE_ID_CHARS_MAX:
        event.message_id = f"hash-{_digest(message.encode(), 0)}"
        event.notes |= Note.MESSAGE_ID_HASHED.value
    return None


def correct_clock(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """timestamp = receivedAt - (sentAt - originalTimestamp), bounded, never later than receipt."""
    received = event.received
    written = event.original_timestamp
    if written is None:
        written = event.timestamp
        if written is None:
            event.time = received
            return None
    at = parse_ms(written)
    if at is None:
        event.time = received
        event.notes |= Note.TIME_INVALID.value
        return None
    if event.sent_at is not None:
        sent = parse_ms(event.sent_at)
        if sent is None:
            event.notes |= Note.SENT_AT_INVALID.value
        elif not -CLOCK_SKEW_IGNORED_MS_MAX < received - sent < CLOCK_SKEW_IGNORED_MS_MAX:
            at = _corrected(event, at, sent)
    if at > received:
        if at > received + CLOCK_SKEW_IGNORED_MS_MAX:
            event.notes |= Note.FROM_THE_FUTURE.value
        at = received
    event.time = at
    return None


def name_track(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """A track call says what happened. It carries no traits."""
    event.traits = _NO_TRAITS
    name = event.event
    if type(name) is not str:
        name = event.event = _text(name)
    if not name:
        return Reason.NO_EVENT_NAME
    return Reason.EVENT_NAME_TOO_LONG if len(name) > EVENT_NAME_CHARS_MAX else None


def name_page(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """A page or screen call's name may stand inside its properties, and may be missing. No traits either."""
    event.traits = _NO_TRAITS
    name = _text(event.name) or _text(decoder.get(event, "name"))
    event.event = name
    return Reason.EVENT_NAME_TOO_LONG if len(name) > EVENT_NAME_CHARS_MAX else None


def read_traits(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """identify: traits over context.traits; group: traits. Events of other types do not pay for decoding."""
    event.event = ""
    try:
        traits = decoder.decode_traits(event.traits)
    except msgspec.ValidationError as error:
        return _too_deep_or_far(error)
    context = event.context
    if event.type == "identify" and context is not None and context.traits:
        traits = {**context.traits, **traits}
    event.traits = traits
    return None if decoder.traits_in_range(traits) else Reason.NUMBER_OUT_OF_RANGE


_FIRST: Final = (check_ids, check_account, identify_message, correct_clock)
STEPS: Final[dict[str, tuple[Step, ...]]] = {
    "track": (*_FIRST, name_track),
    "page": (*_FIRST, name_page),
    "screen": (*_FIRST, name_page),
    "identify": (*_FIRST, read_traits),
    "group": (*_FIRST, check_group, read_traits),
    "alias": (*_FIRST, check_alias),
}
"""The steps of each call of the Segment specification; there are no other types."""


class Intake:
    """Accepts events with one decoder, and counts what it dropped and what it mended."""

    def __init__(self, decoder: EventDecoder) -> None:
        self.decoder = decoder
        self._decode_usual = decoder.decode_usual
        self.accepted = 0
        self.dropped: Counter[Reason] = Counter()
        self.noted: Counter[Note] = Counter()

    def accept(self, raw: bytes, received: int, source: str) -> Event | Dropped:
        """The event in `raw`, or why not. `received` is ms UTC; an importer passes the event's own time."""
        if len(raw) > EVENT_BYTES_MAX:
            return self._drop(Reason.TOO_LARGE, raw, received, source)
        try:
            event = self._decode_usual(raw)
        except (ValueError, RecursionError, OverflowError):
            try:
                event = self.decoder.decode(raw)
            except (ValueError, RecursionError, OverflowError) as error:
                return self._drop(_parse_reason(raw, error), raw, received, source, str(error))
            event.received, event.source = received, source
            return self._stepped(event, raw)
        event.received, event.source = received, source
        if (
            event.type == "track"
            and event.event is not None
            and event.message_id is not None
            and (event.user_id is not None or event.anonymous_id is not None)
            and event.sent_at is None
            and event.original_timestamp is None
            and (at := parse_ms(event.timestamp)) is not None
            and at <= received
        ):
            # The decoder has checked all else: no step would find anything to do.
            event.time = at
            event.traits = _NO_TRAITS
            self.accepted += 1
            return event
        return self._stepped(event, raw)

    def _stepped(self, event: Event, raw: bytes) -> Event | Dropped:
        """The event after the steps of its type, or why one of them dropped it."""
        steps = STEPS.get(event.type or "")
        if steps is None:
            detail = f"type is {str(event.type)[:40]!r}; expected one of {', '.join(sorted(STEPS))}"
            return self._drop(Reason.UNKNOWN_TYPE, raw, event.received, event.source, detail)
        for step in steps:
            reason = step(event, self.decoder, raw)
            if reason is not None:
                return self._drop(reason, raw, event.received, event.source)
        self.accepted += 1
        if event.notes:
            for note in Note(event.notes):
                self.noted[note] += 1
        return event

    def _drop(self, reason: Reason, raw: bytes, received: int, source: str, detail: str = "") -> Dropped:
        self.dropped[reason] += 1
        return Dropped(reason, detail or str(reason.__doc__), raw, received, source)


# Shared by all events without traits; nobody writes into an event's traits.
_NO_TRAITS: Final[dict[str, Any]] = {}


def _corrected(event: Event, at: int, sent: int) -> int:
    skew = event.received - sent
    if -CLOCK_SKEW_TRUSTED_MS_MAX <= skew <= CLOCK_SKEW_TRUSTED_MS_MAX:
        return max(at + skew, EVENT_TIME_MS_MIN)
    # Such a clock says nothing about the date, but still how long ago by its own count.
    event.notes |= Note.CLOCK_UNUSABLE.value
    return event.received - min(max(sent - at, 0), CLOCK_SKEW_TRUSTED_MS_MAX)


def _text(value: Any) -> str:
    """A string or number as a string: 12 and 12.0 are both "12". Anything else is nothing."""
    if type(value) is str:
        return value
    if type(value) is int:
        # Python refuses to write out very long integers; as an identifier they are too long in any case.
        return (
            str(value) if value.bit_length() < 4 * IDENTIFIER_CHARS_MAX else "0" * (IDENTIFIER_CHARS_MAX + 1)
        )
    if type(value) is float:
        return str(int(value)) if value.is_integer() else repr(value)
    return ""


def _digest(content: bytes, received: int) -> str:
    return hashlib.blake2b(
        content, digest_size=16, salt=received.to_bytes(16, "little", signed=True)
    ).hexdigest()


def _parse_reason(raw: bytes, error: Exception) -> Reason:
    if isinstance(error, RecursionError):
        return Reason.TOO_DEEP
    if isinstance(error, OverflowError):
        return Reason.NUMBER_OUT_OF_RANGE
    if isinstance(error, msgspec.ValidationError):
        return _too_deep_or_far(error) if raw.lstrip()[:1] == b"{" else Reason.NOT_AN_OBJECT
    if b"NaN" in raw or b"Infinity" in raw:
        return Reason.NOT_FINITE
    return Reason.NOT_JSON


def _too_deep_or_far(error: Exception) -> Reason:
    """Only these two remain once wrong types have been mended."""
    text = str(error)
    return Reason.TOO_DEEP if "got `array`" in text or "got `object`" in text else Reason.NUMBER_OUT_OF_RANGE

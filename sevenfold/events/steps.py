"""From bytes to an accepted event, or to a drop with its reason: named steps over one value.

`accept` bounds and parses the bytes, then takes the event through STEPS in order; the first step that gives a
reason ends it. Nothing here raises for what a client sends, and nothing here remembers anything but counts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from sevenfold.events import times
from sevenfold.events.model import Event, EventDecoder
from sevenfold.events.reasons import Note, Reason
from sevenfold.limits import (
    CLOCK_SKEW_IGNORED_MS_MAX,
    CLOCK_SKEW_TRUSTED_MS_MAX,
    EVENT_BYTES_MAX,
    EVENT_DEPTH_LEVELS_MAX,
    EVENT_NAME_CHARS_MAX,
    IDENTIFIER_CHARS_MAX,
    MESSAGE_ID_CHARS_MAX,
)

TYPES: Final = frozenset(("identify", "track", "page", "screen", "group", "alias"))


class Dropped(Struct, frozen=True):
    """An event that was not taken: why, what exactly, and the bytes, which go to the dead letters."""

    reason: Reason
    detail: str
    raw: bytes
    received: int = 0
    source: str = ""


Step = Callable[[Event, EventDecoder, bytes], Reason | None]


def check_type(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """The six calls of the Segment specification, nothing else."""
    return None if event.type in TYPES else Reason.UNKNOWN_TYPE


def check_ids(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """Ids become non-empty strings or None; somebody must be named."""
    user = event.user_id
    if user is not None:
        if type(user) is not str:
            user = event.user_id = _text(user)
        if len(user) > IDENTIFIER_CHARS_MAX:
            return Reason.ID_TOO_LONG
    anonymous = event.anonymous_id
    if anonymous is not None:
        if type(anonymous) is not str:
            anonymous = event.anonymous_id = _text(anonymous)
        if len(anonymous) > IDENTIFIER_CHARS_MAX:
            return Reason.ID_TOO_LONG
    if not user:
        event.user_id = None
    if not anonymous:
        event.anonymous_id = None
    if event.type in _ALIAS_OR_GROUP:
        return _check_second_id(event)
    return None if user or anonymous else Reason.NO_USER_ANON_ID


def check_account(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """`context.groupId` becomes a non-empty string or None."""
    context = event.context
    if context is None or context.group_id is None:
        return None
    group = _text(context.group_id)
    context.group_id = group or None
    return Reason.ID_TOO_LONG if len(group) > IDENTIFIER_CHARS_MAX else None


def identify_message(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """Every event gets a message id of at most MESSAGE_ID_CHARS_MAX; deduplication rests on it."""
    message = event.message_id
    if message is not None and type(message) is not str:
        message = event.message_id = _text(message)
    if not message:
        event.message_id = f"made-{_digest(raw, event.received)}"
        event.notes |= Note.MESSAGE_ID_MADE
    elif len(message) > MESSAGE_ID_CHARS_MAX:
        event.message_id = f"hash-{_digest(message.encode(), 0)}"
        event.notes |= Note.MESSAGE_ID_HASHED
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
    at = times.parse_ms(written)
    if at is None:
        event.time = received
        event.notes |= Note.TIME_INVALID
        return None
    if event.sent_at is not None:
        at = _corrected(event, at, received)
    if at > received:
        if at > received + CLOCK_SKEW_IGNORED_MS_MAX:
            event.notes |= Note.FROM_THE_FUTURE
        at = received
    event.time = at
    return None


def name_event(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """A track call must say what happened; a page or screen call's name may stand inside its properties."""
    kind = event.type
    if kind == "track":
        name = event.event
        if type(name) is not str:
            name = event.event = _text(name)
        if not name:
            return Reason.NO_EVENT_NAME
    elif kind == "page" or kind == "screen":
        name = event.name
        if name is None or name == "":
            name = decoder.get(event, "name")
        name = event.event = _text(name)
    else:
        event.event = ""
        return None
    return Reason.EVENT_NAME_TOO_LONG if len(name) > EVENT_NAME_CHARS_MAX else None


def read_traits(event: Event, decoder: EventDecoder, raw: bytes) -> Reason | None:
    """identify: traits over context.traits; group: traits. Events of other types do not pay for decoding."""
    kind = event.type
    if kind != "identify" and kind != "group":
        event.traits = _NO_TRAITS
        return None
    try:
        traits = decoder.decode_traits(event.traits)
    except msgspec.ValidationError:
        return Reason.NUMBER_OUT_OF_RANGE
    context = event.context
    if kind == "identify" and context is not None and context.traits:
        traits = {**context.traits, **traits}
    event.traits = traits
    return None if decoder.traits_in_range(traits) else Reason.NUMBER_OUT_OF_RANGE


STEPS: Final[tuple[Step, ...]] = (
    check_type,
    check_ids,
    check_account,
    identify_message,
    correct_clock,
    name_event,
    read_traits,
)


class Intake:
    """Accepts events with one decoder, and counts what it dropped and what it mended."""

    def __init__(self, decoder: EventDecoder) -> None:
        self.decoder = decoder
        self.accepted = 0
        self.dropped: Counter[Reason] = Counter()
        self.noted: Counter[Note] = Counter()

    def accept(self, raw: bytes, received: int, source: str) -> Event | Dropped:
        """The event in `raw`, or why not. `received` is ms UTC; an importer passes the event's own time."""
        if len(raw) > EVENT_BYTES_MAX:
            return self._drop(Reason.TOO_LARGE, raw, received, source)
        # Counting is quick and never too low; only when it is high is it worth finding the true depth.
        if raw.count(b"{") + raw.count(b"[") > EVENT_DEPTH_LEVELS_MAX and _depth(raw) > EVENT_DEPTH_LEVELS_MAX:
            return self._drop(Reason.TOO_DEEP, raw, received, source)
        decoder = self.decoder
        try:
            event = decoder.decode(raw)
        except (ValueError, RecursionError) as error:
            return self._drop(_parse_reason(raw, error), raw, received, source, str(error))
        event.received = received
        event.source = source
        for step in STEPS:
            reason = step(event, decoder, raw)
            if reason is not None:
                return self._drop(reason, raw, received, source, _detail(reason, event))
        self.accepted += 1
        if event.notes:
            for note in Note(event.notes):
                self.noted[note] += 1
        return event

    def _drop(self, reason: Reason, raw: bytes, received: int, source: str, detail: str = "") -> Dropped:
        self.dropped[reason] += 1
        return Dropped(reason, detail or reason.explain(), raw, received, source)


_NO_TRAITS: Final[dict[str, Any]] = {}
_ALIAS_OR_GROUP: Final = frozenset(("alias", "group"))


def _check_second_id(event: Event) -> Reason | None:
    if event.type == "group":
        group = event.group_id = _text(event.group_id)
        if not group:
            return Reason.NO_GROUP_ID
        if len(group) > IDENTIFIER_CHARS_MAX:
            return Reason.ID_TOO_LONG
        return None if event.user_id or event.anonymous_id else Reason.NO_USER_ANON_ID
    previous = event.previous_id = _text(event.previous_id)
    if not previous or not event.user_id:
        return Reason.NO_PREVIOUS_ID
    return Reason.ID_TOO_LONG if len(previous) > IDENTIFIER_CHARS_MAX else None


def _corrected(event: Event, at: int, received: int) -> int:
    sent = times.parse_ms(event.sent_at)
    if sent is None:
        event.notes |= Note.SENT_AT_INVALID
        return at
    skew = received - sent
    if -CLOCK_SKEW_IGNORED_MS_MAX < skew < CLOCK_SKEW_IGNORED_MS_MAX:
        return at
    if -CLOCK_SKEW_TRUSTED_MS_MAX <= skew <= CLOCK_SKEW_TRUSTED_MS_MAX:
        return at + skew
    # Such a clock says nothing about the date, but still how long ago by its own count.
    event.notes |= Note.CLOCK_UNUSABLE
    return received - min(max(sent - at, 0), CLOCK_SKEW_TRUSTED_MS_MAX)


def _text(value: Any) -> str:
    """A string or number as a string: 12 and 12.0 are both "12". Anything else is nothing."""
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return str(int(value)) if value.is_integer() else repr(value)
    return ""


def _digest(content: bytes, received: int) -> str:
    return hashlib.blake2b(content, digest_size=16, salt=received.to_bytes(16, "little", signed=True)).hexdigest()


def _depth(raw: bytes) -> int:
    """Deepest nesting in JSON that may be damaged; brackets inside strings do not count."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in raw:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def _parse_reason(raw: bytes, error: Exception) -> Reason:
    if isinstance(error, RecursionError):
        return Reason.TOO_DEEP
    if isinstance(error, msgspec.ValidationError):
        return Reason.NUMBER_OUT_OF_RANGE if raw.lstrip()[:1] == b"{" else Reason.NOT_AN_OBJECT
    if b"NaN" in raw or b"Infinity" in raw:
        return Reason.NOT_FINITE
    return Reason.NOT_JSON


def _detail(reason: Reason, event: Event) -> str:
    if reason is Reason.UNKNOWN_TYPE:
        return f"type is {str(event.type)[:40]!r}; expected one of {', '.join(sorted(TYPES))}"
    return ""


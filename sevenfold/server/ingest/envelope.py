"""What is around the events of a request: the batch, its shared context, when it was sent, its write key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from ...limits import (
    BATCH_EVENTS_MAX,
    BATCH_REFUSED_EVENTS_MAX,
    BATCH_VALUES_MAX,
    WRITE_KEY_CHARS_MAX,
)
from .errors import NoBatchError, NotJsonError, TooManyError
from .splitting import split

_NOTHING: Final = Raw(b"")
Fields = dict[str, Raw]
"""An object whose values are slices of the input."""


class Envelope(Struct, gc=False):
    """The events of one request, as they came, and what they share."""

    events: list[Raw] | list[bytes]
    sent_at: Raw = _NOTHING
    context: Fields | None = None
    integrations: Fields | None = None
    write_key: str | None = None
    keyed: bool = False
    """Whether there is a write key beside the events, rather than in them."""


class _Batch(Struct, rename="camel", gc=False):
    batch: list[Raw] | None = None
    sent_at: Raw = _NOTHING
    context: Raw = _NOTHING
    integrations: Raw = _NOTHING
    write_key: Raw = _NOTHING


class _Unsplit(_Batch, rename="camel", gc=False):
    batch: Raw = _NOTHING  # type: ignore[assignment]


class _Single(Struct, rename="camel", gc=False):
    write_key: Raw = _NOTHING


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_unsplit = msgspec.json.Decoder(_Unsplit).decode
_decode_single = msgspec.json.Decoder(_Single).decode
_decode_fields = msgspec.json.Decoder(Fields).decode
# A list of so many events and no longer; the decoder stops at the first that is too many.
_AtMost: Any = msgspec.defstruct(
    "AtMost",
    [(f"e{index}", Raw, _NOTHING) for index in range(BATCH_EVENTS_MAX)],
    array_like=True,
    forbid_unknown_fields=True,
    gc=False,
)
_decode_at_most = msgspec.json.Decoder(_AtMost).decode


def read_single(body: bytes) -> Envelope:
    """A call of one event. Raises NotJsonError when no event is there at all."""
    if body.lstrip()[:1] != b"{":
        raise NotJsonError("the body is not a JSON object", fix="send one event as a JSON object")
    try:
        found = _decode_single(body)
    except RecursionError:
        # So deep that only the intake's reason says it; the key has to be elsewhere.
        return Envelope([body])
    except msgspec.MsgspecError as error:
        raise NotJsonError(f"the body is not JSON: {error}"[:200]) from None
    return Envelope([body], write_key=text_of(found.write_key))


def read_batch(body: bytes) -> Envelope:
    """A call of many. Raises NotJsonError, NoBatchError and TooManyError."""
    try:
        if body.count(b",") > BATCH_VALUES_MAX:
            return _read_dense(body)
        found = _decode_batch(body)
    except msgspec.ValidationError as error:
        raise _no_batch(body, error) from None
    except (msgspec.DecodeError, RecursionError) as error:
        return _read_broken(body, error)
    if found.batch is None:
        raise NoBatchError("there is no list of events", where="batch", fix='send {"batch": [...]}')
    return _envelope(found, found.batch)


def _read_dense(body: bytes) -> Envelope:
    """A body of so many values that a list of them could be millions long."""
    found = _decode_unsplit(body)
    try:
        events = msgspec.structs.astuple(_decode_at_most(found.batch))
    except msgspec.ValidationError as error:
        if "at most length" in str(error):
            raise _too_many() from None
        raise
    return _envelope(found, [event for event in events if event])


def _read_broken(body: bytes, error: Exception) -> Envelope:
    pieces = split(body)
    if pieces is None:
        raise NotJsonError(f"the body is not JSON: {error}"[:200], fix="send JSON in UTF-8") from None
    try:
        found = _decode_unsplit(pieces.rest)
    except (msgspec.MsgspecError, RecursionError) as still:
        raise NotJsonError(f"the body is not JSON: {still}"[:200], fix="send JSON in UTF-8") from None
    return _envelope(found, pieces.events)


def _envelope(found: _Batch, events: list[Raw] | list[bytes]) -> Envelope:
    if len(events) > BATCH_REFUSED_EVENTS_MAX:
        raise _too_many()
    key = text_of(found.write_key)
    if key is None and events:
        key = _key_of_first(events[0])
    return Envelope(
        events,
        sent_at=found.sent_at,
        context=fields_of(found.context),
        integrations=fields_of(found.integrations),
        write_key=key,
        keyed=bool(found.write_key),
    )


def _key_of_first(event: Raw | bytes) -> str | None:
    try:
        return text_of(_decode_single(event).write_key)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _no_batch(body: bytes, error: Exception) -> NotJsonError | NoBatchError:
    if body.lstrip()[:1] != b"{":
        return NotJsonError("the body is not a JSON object", fix='send {"batch": [...]}')
    return NoBatchError(f"the list of events cannot be read: {error}"[:200], where="batch")


def _too_many() -> TooManyError:
    fix = f"send at most {BATCH_EVENTS_MAX:,} at a time"
    return TooManyError(
        f"the batch has more than {BATCH_REFUSED_EVENTS_MAX:,} events", where="batch", fix=fix
    )


def text_of(raw: Raw) -> str | None:
    """The string in a slice of JSON; anything else is nothing, and so is an empty one."""
    try:
        found = msgspec.json.decode(raw) if raw else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return found if isinstance(found, str) and found else None


def fields_of(raw: Raw) -> Fields | None:
    """The object in a slice of JSON; anything else is nothing, and so is an empty one."""
    try:
        return (_decode_fields(raw) or None) if raw else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def write_key(headers: Mapping[bytes, bytes], envelope: Envelope | None = None) -> str | None:
    """The write key of a request: from Basic authorization, else X-Write-Key, else the body, else its first
    event. Without an envelope, from the headers alone.
    """
    scheme, _, rest = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"basic":
        try:
            user = base64.b64decode(rest.strip(), validate=False).partition(b":")[0].decode()
        except (binascii.Error, UnicodeDecodeError):
            user = ""
        if user:
            return user[:WRITE_KEY_CHARS_MAX]
    named = headers.get(b"x-write-key", b"").strip().decode("utf-8", "replace")
    if named:
        return named[:WRITE_KEY_CHARS_MAX]
    found = envelope.write_key if envelope is not None else None
    return found[:WRITE_KEY_CHARS_MAX] if found else None

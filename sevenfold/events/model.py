"""The typed event, and decoders that build it from JSON bytes.

The wire format is the Segment specification. A workspace names the properties it uses; `event_decoder` makes
a struct with just those, so everything else in an event costs no Python object. A field of a wrong type does
not cost the event: the strict decoder fails, `tolerant` mends what can be mended, and decoding is retried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import GenericAlias
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct

from sevenfold.events import tolerant
from sevenfold.events.reasons import Note
from sevenfold.limits import (
    EVENT_DEPTH_LEVELS_MAX,
    EVENT_NAME_CHARS_MAX,
    IDENTIFIER_CHARS_MAX,
    MESSAGE_ID_CHARS_MAX,
    NUMBER_MAGNITUDE_MAX,
)

Id = str | int | float | None
"""An identifier as clients send it; after the steps it is a non-empty string or None."""

_Int = Annotated[int, Meta(ge=-NUMBER_MAGNITUDE_MAX, le=NUMBER_MAGNITUDE_MAX)]
_Float = Annotated[float, Meta(ge=float(-NUMBER_MAGNITUDE_MAX), le=float(NUMBER_MAGNITUDE_MAX))]


CONTEXT = "(context)."
"""Begins the name of a property that is in truth a part of the event's context: no client uses such names."""


def _nested(scalar: Any, levels: int = EVENT_DEPTH_LEVELS_MAX) -> Any:
    """The type of JSON values over `scalar`, to the depth we allow; the decoder checks it in passing.

    Its size doubles with each level, which is one more reason for few levels.
    """
    if levels == 0:
        return scalar
    inner = _nested(scalar, levels - 1)
    return scalar | GenericAlias(list, (inner,)) | GenericAlias(dict, (str, inner))


BoundedValue: Any = _nested(None | bool | str | _Int | _Float)
"""A JSON value whose numbers are in range."""
AnyValue: Any = _nested(None | bool | str | int | float)
_AnyObject: Any = dict[str, AnyValue]


def _wire_name(field: str) -> str:
    """`anonymous_id` -> `anonymousId`; the fields that the steps set get names that no client uses."""
    if field in ("time", "received", "source", "position", "notes"):
        return f"({field})"
    head, *tail = field.split("_")
    return head + "".join(part.capitalize() for part in tail)


class Page(Struct, gc=False, frozen=True):
    """`context.page`: the page on which something happened."""

    path: str | None = None
    url: str | None = None
    referrer: str | None = None
    title: str | None = None
    search: str | None = None


class Device(Struct, gc=False, frozen=True):
    """`context.device`: where push messages can be sent."""

    id: Id = None
    token: str | None = None
    type: str | None = None


class Context(Struct, rename=_wire_name, gc=False):
    """`context`: the circumstances of the event. Fields that are absent, null or of a wrong type are None."""

    group_id: Id = None
    traits: dict[str, Any] | None = None
    device: Device | None = None
    ip: str | None = None
    locale: str | None = None
    timezone: str | None = None
    user_agent: str | None = None
    campaign: dict[str, Any] | None = None
    page: Page | None = None
    consent: dict[str, Any] | None = None
    direct: bool | None = None
    session_id: Id = None


class Event(Struct, rename=_wire_name, gc=False, kw_only=True):
    """One event. The upper fields come from the wire; the last five are set by the steps (`steps.py`).

    `properties` is the decoder's Properties struct (or a dict from the plain decoder), never None.
    `traits` is a dict: an identify or group call's traits, else empty. `event` is a track call's event name,
    a page or screen call's name, else "". Ids are non-empty strings or None.
    """

    type: str | None = None
    event: Id = None
    name: Id = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    timestamp: Id = None
    original_timestamp: Id = None
    sent_at: Id = None
    properties: Any = None
    traits: Any = None
    context: Context | None = None
    integrations: dict[str, Any] | None = None

    time: int = 0
    """Corrected time of the event, ms UTC; never later than `received`."""
    received: int = 0
    """When it reached us, ms UTC; an importer passes the event's own time."""
    source: str = ""
    position: int = -1
    """Position of its record in the log; set by whoever reads the log."""
    notes: int = 0
    """Bits of `reasons.Note`: accepted, but something was mended."""


# What the decoder really builds: Event and Context with the types that bound what clients send.
_WireContext: Any = msgspec.defstruct(
    "WireContext",
    [(field, _AnyObject | None, None) for field in ("traits", "campaign", "consent")],
    bases=(Context,),
    rename=_wire_name,
    gc=False,
)


def _wire_event(properties_type: Any) -> Any:
    return msgspec.defstruct(
        "WireEvent",
        [
            ("properties", properties_type | None, None),
            # A slice of the input, decoded only for the calls that carry traits.
            ("traits", Raw, Raw(b"")),
            ("context", _WireContext | None, None),
            ("integrations", _AnyObject | None, None),
        ],
        bases=(Event,),
        rename=_wire_name,
        gc=False,
        kw_only=True,
    )


def _text(chars: int) -> Any:
    """A text that needs no step to look at it: there, not empty, and within its limit."""
    return Annotated[str, Meta(min_length=1, max_length=chars)] | None


_USUAL_IDS = ("user_id", "anonymous_id", "group_id", "previous_id")
_UsualContext: Any = msgspec.defstruct(
    "UsualContext",
    # Traits and consent in the context are rare, and steps of their own.
    [("group_id", _text(IDENTIFIER_CHARS_MAX), None), ("traits", None, None), ("consent", None, None)],
    bases=(_WireContext,),
    rename=_wire_name,
    gc=False,
)


def _usual_event(wire_event: Any, properties_type: Any, no_properties: Any) -> Any:
    """`wire_event` held to what clients send nearly always, so that the decoder checks it in passing."""
    return msgspec.defstruct(
        "UsualEvent",
        [
            *((field, _text(IDENTIFIER_CHARS_MAX), None) for field in _USUAL_IDS),
            *((field, _text(EVENT_NAME_CHARS_MAX), None) for field in ("event", "name")),
            ("message_id", Annotated[str, Meta(min_length=1, max_length=MESSAGE_ID_CHARS_MAX)]),
            ("properties", properties_type, {} if no_properties is None else no_properties),
            ("context", _UsualContext | None, None),
        ],
        bases=(wire_event,),
        rename=_wire_name,
        gc=False,
        kw_only=True,
    )


_decode_value = msgspec.json.Decoder(AnyValue).decode


class _Circumstances:
    """Puts parts of the context (by their names as properties) into the properties of events. They are read
    from the bytes a second time, which only those pay who name any.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = list(fields.values())
        context = msgspec.defstruct(
            "Circumstances",
            [(field, BoundedValue, UNSET) for field in self._fields],
            rename={field: name.removeprefix(CONTEXT) for name, field in fields.items()},
            gc=False,
        )
        event = msgspec.defstruct("Circumstanced", [("context", context | None, None)], gc=False)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(event).decode
        self._none = dict.fromkeys(self._fields, UNSET)

    def add(self, event: Event, raw: bytes) -> None:
        """Of a context that cannot be read nothing is known."""
        if not self._fields:
            return
        try:
            context = self._decode(raw).context
        except msgspec.ValidationError:
            context = None
        found = self._none if context is None else msgspec.structs.asdict(context)
        event.properties = msgspec.structs.replace(event.properties, **found)

    def beside(self, decode: Callable[[bytes], Event]) -> Callable[[bytes], Event]:
        """`decode`, and then this."""

        def both(raw: bytes) -> Event:
            event = decode(raw)
            self.add(event, raw)
            return event

        return both


class EventDecoder:
    """Decodes events. `property_fields` maps each named property to its attribute on `event.properties`.

    Plain (`names is None`): `event.properties` is a dict of everything, with all of it held to the limits.
    """

    def __init__(self, names: Iterable[str] | None, trait_names: Iterable[str] | None) -> None:
        self.property_fields: Mapping[str, str]
        properties_type: Any
        if names is None:
            self.property_fields = {}
            properties_type = dict[str, BoundedValue]
            self.no_properties: Any = None
        else:
            # "name" is where some clients put the name of a page.
            self.property_fields = {n: f"p{i}" for i, n in enumerate(sorted({*names, "name"}))}
            properties_type = msgspec.defstruct(
                "Properties",
                [(field, BoundedValue, UNSET) for field in self.property_fields.values()],
                rename={field: name for name, field in self.property_fields.items()},
                frozen=True,
                gc=False,
            )
            self.no_properties = properties_type()
        self._trait_names = None if trait_names is None else frozenset(trait_names)
        wire_event = _wire_event(properties_type)
        usual_event = _usual_event(wire_event, properties_type, self.no_properties)
        self._decode: Callable[[bytes], Event] = msgspec.json.Decoder(wire_event).decode
        self.decode_usual: Callable[[bytes], Event] = msgspec.json.Decoder(usual_event).decode
        """`decode` for bytes without surprises: ids, names and message id are absent or texts within their
        limits. Of others it raises what `decode` raises, though `decode` may well take them.
        """
        heads = {name: field for name, field in self.property_fields.items() if name.startswith(CONTEXT)}
        self._circumstances = _Circumstances(heads)
        if heads:
            self.decode_usual = self._circumstances.beside(self.decode_usual)

    def decode(self, raw: bytes) -> Event:
        """The event in `raw`.

        Raises msgspec.DecodeError or UnicodeDecodeError (not JSON), msgspec.ValidationError (not an object,
        nested too deep, a number out of range) and RecursionError (nested very deep); nothing else.
        """
        try:
            event = self._decode(raw)
        except msgspec.ValidationError:
            event = self._decode(tolerant.mended(raw))
            event.notes = Note.FIELD_MENDED
        if event.properties is None:
            event.properties = {} if self.no_properties is None else self.no_properties
        self._circumstances.add(event, raw)
        return event

    def decode_traits(self, raw: Raw) -> dict[str, Any]:
        """Traits of an identify or group call; anything but an object counts as no traits.

        Raises msgspec.ValidationError: nested too deep, or a number that no float can hold.
        """
        if not raw:
            return {}
        traits = _decode_value(raw)
        return traits if isinstance(traits, dict) else {}

    def traits_in_range(self, traits: Mapping[str, Any]) -> bool:
        """Whether the numbers in the traits the workspace names (plain: in all) are within the limit."""
        names = traits.keys() if self._trait_names is None else self._trait_names & traits.keys()
        return all(tolerant.in_range(traits[name]) for name in names)

    def get(self, event: Event, name: str) -> Any:
        """Property `name` of an event from this decoder, msgspec.UNSET when it has none."""
        if self.no_properties is None:
            return event.properties.get(name, UNSET)
        return getattr(event.properties, self.property_fields[name])


def event_decoder(
    property_names: Iterable[str] | None, trait_names: Iterable[str] | None = None
) -> EventDecoder:
    """A decoder for the properties and traits a workspace names; `None` keeps all properties, as a dict.

    What appends to the log uses the plain decoder, so what is in the log is in range whatever a later
    workspace names; the fold uses the typed one.
    """
    return EventDecoder(property_names, trait_names)

"""The slow path of decoding: an event with a field of a wrong type is kept, without that field."""

from __future__ import annotations

from typing import Any

import msgspec

from sevenfold.limits import NUMBER_MAGNITUDE_MAX

_IDS = ("messageId", "userId", "anonymousId", "previousId", "groupId", "event", "name")
_TIMES = ("timestamp", "originalTimestamp", "sentAt")
_CONTEXT_IDS = ("groupId", "sessionId")
_CONTEXT_OBJECTS = ("traits", "device", "campaign", "page", "consent")
_CONTEXT_STRINGS = ("ip", "locale", "timezone", "userAgent")


def mended(raw: bytes) -> bytes:
    """`raw` with every top-level or context field of a wrong type set to null, as JSON again.

    Raises msgspec.ValidationError when `raw` is JSON but not an object.
    """
    event = msgspec.json.decode(raw)
    if not isinstance(event, dict):
        raise msgspec.ValidationError("Expected an object")
    for name in [key for key in event if key.startswith("(")]:
        del event[name]
    _keep_ids(event, _IDS + _TIMES)
    _keep_type(event, ("type",), str)
    _keep_type(event, ("properties", "context", "integrations"), dict)
    context = event.get("context")
    if context is not None:
        _mend_context(context)
    return msgspec.json.encode(event)


def _mend_context(context: dict[str, Any]) -> None:
    _keep_ids(context, _CONTEXT_IDS)
    _keep_type(context, _CONTEXT_OBJECTS, dict)
    _keep_type(context, _CONTEXT_STRINGS, str)
    _keep_type(context, ("direct",), bool)
    page = context.get("page")
    if page is not None:
        _keep_type(page, ("path", "url", "referrer", "title", "search"), str)
    device = context.get("device")
    if device is not None:
        _keep_ids(device, ("id",))
        _keep_type(device, ("token", "type"), str)


def _keep_type(fields: dict[str, Any], names: tuple[str, ...], kind: type) -> None:
    for name in names:
        if name in fields and not isinstance(fields[name], kind):
            fields[name] = None


def _keep_ids(fields: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            fields[name] = None


def in_range(value: Any) -> bool:
    """Whether every number in a decoded JSON value is within the limit."""
    if isinstance(value, int | float):
        return -NUMBER_MAGNITUDE_MAX <= value <= NUMBER_MAGNITUDE_MAX
    if isinstance(value, list):
        return all(in_range(item) for item in value)
    if isinstance(value, dict):
        return all(in_range(item) for item in value.values())
    return True

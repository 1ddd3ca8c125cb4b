"""PostHog's capture requests as Segment events, so that a site can be moved by changing a host name.

`$identify` and `$set` are identify calls, `$create_alias` an alias, `$groupidentify` a group, `$pageview` a
page and `$screen` a screen; everything else is a track call under its own name. Source: what posthog-js
1.449, posthog-node 5.70 and posthog-python 7.91 send.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Raw

from .envelope import Envelope
from .errors import NoBatchError, NotJsonError

_encode = msgspec.json.Encoder().encode
_UTM: Final = {
    "utm_source": "source", "utm_medium": "medium", "utm_campaign": "name", "utm_term": "term",
    "utm_content": "content",
}  # fmt: skip
_OWN: Final = ("$set", "$set_once", "$unset", "token", "distinct_id", "$groups")
"""Properties that say who, not what."""


def from_posthog(body: bytes) -> Envelope:
    """The events in a body of `/batch/`, `/capture/` or `/e/`, as Segment events.

    Raises NotJsonError and NoBatchError.
    """
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NotJsonError(f"the body is not JSON: {error}"[:200]) from None
    if isinstance(found, list):
        found = {"batch": found}
    if not isinstance(found, dict):
        raise NotJsonError("the body is not a JSON object")
    events = found.get("batch", [found])
    if not isinstance(events, list):
        raise NoBatchError("the list of events cannot be read", where="batch")
    key = found.get("api_key") or found.get("token") or _token(events)
    sent = found.get("sent_at")
    return Envelope(
        [_encode(_event(event) if isinstance(event, dict) else event) for event in events],
        sent_at=Raw(_encode(sent)) if isinstance(sent, str) else Raw(b""),
        write_key=key if isinstance(key, str) else None,
    )


def _token(events: list[Any]) -> Any:
    first = events[0] if events and isinstance(events[0], dict) else {}
    properties = first.get("properties")
    return first.get("api_key") or (properties.get("token") if isinstance(properties, dict) else None)


def _event(event: dict[str, Any]) -> dict[str, Any]:
    properties = _dict(event.get("properties"))
    name = event.get("event")
    shape: dict[str, Any] = {
        "messageId": event.get("uuid"),
        "timestamp": event.get("timestamp"),
        **_who(event, properties),
    }
    context = _context(properties)
    if context:
        shape["context"] = context
    make = _KINDS.get(name if isinstance(name, str) else "", _track)
    return {**shape, **make(event, properties)}


def _who(event: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """A browser's own id stands for nobody in particular until it is told who it is."""
    name = event.get("distinct_id", properties.get("distinct_id"))
    device = properties.get("$device_id")
    anonymous = properties.get("$is_identified") is False or (name is not None and name == device)
    if event.get("event") == "$identify":
        return {"userId": name, "anonymousId": properties.get("$anon_distinct_id") or device}
    if anonymous or properties.get("$process_person_profile") is False:
        return {"anonymousId": name}
    return {"userId": name, "anonymousId": device}


def _context(properties: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "userAgent": properties.get("$raw_user_agent"),
        "timezone": properties.get("$timezone"),
        "locale": properties.get("$browser_language"),
        "sessionId": properties.get("$session_id"),
        "groupId": next(iter(_dict(properties.get("$groups")).values()), None),
        "campaign": {ours: properties[utm] for utm, ours in _UTM.items() if properties.get(utm)} or None,
        "page": _page(properties) or None,
    }
    if properties.get("$lib"):
        found["library"] = {"name": properties["$lib"], "version": properties.get("$lib_version")}
    if isinstance(properties.get("$ip"), str):
        found["ip"] = properties["$ip"]
    return {name: value for name, value in found.items() if value is not None}


def _page(properties: dict[str, Any]) -> dict[str, Any]:
    names = {"url": "$current_url", "path": "$pathname", "referrer": "$referrer", "title": "title"}
    return {ours: properties[name] for ours, name in names.items() if isinstance(properties.get(name), str)}


def _identify(event: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    once = {**_dict(properties.get("$set_once")), **_dict(event.get("$set_once"))}
    told = {**_dict(properties.get("$set")), **_dict(event.get("$set"))}
    return {"type": "identify", "traits": {**once, **told}}


def _alias(event: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    user, previous = event.get("distinct_id"), properties.get("alias")
    if properties.get("$lib") == "posthog-python":
        # It says them the other way round: `alias(previous_id, distinct_id)`.
        user, previous = previous, user
    return {"type": "alias", "userId": user, "previousId": previous, "anonymousId": None}


def _group(event: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    # It is about the group alone, under an id that is nobody's; one name for each keeps it at one profile.
    name = f"{properties.get('$group_type')}_{properties.get('$group_key')}"
    return {
        "type": "group",
        "groupId": properties.get("$group_key"),
        "traits": _dict(properties.get("$group_set")),
        "userId": None,
        "anonymousId": name,
    }


def _pageview(event: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "page",
        "name": properties.get("title") or properties.get("$pathname") or "",
        "properties": {**_page(properties), **_properties(properties)},
    }


def _screen(event: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    name = properties.get("$screen_name") or ""
    return {"type": "screen", "name": name, "properties": _properties(properties)}


def _track(event: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "event": event.get("event"), "properties": _properties(properties)}


_KINDS: Final[dict[str, Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]]] = {
    "$identify": _identify,
    "$set": _identify,
    "$create_alias": _alias,
    "$groupidentify": _group,
    "$pageview": _pageview,
    "$screen": _screen,
}


def _properties(properties: dict[str, Any]) -> dict[str, Any]:
    """What the event itself is about; the rest is in the context, or about the client."""
    return {name: value for name, value in properties.items() if name[:1] != "$" and name not in _OWN}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

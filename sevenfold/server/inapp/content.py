"""A lease as a page is given it: what to draw, and nothing that a page must not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ...limits import INAPP_CONTENT_BYTES_MAX
from .markup import blocks_of

if TYPE_CHECKING:
    from ..history import Lease

KINDS: Final = frozenset(
    {
        *("banner", "modal", "tooltip", "tour", "checklist", "video", "inbox", "slot", "push"),
        *("nps", "csat", "ces", "use_case", "survey", "form"),
    }
)
"""What `payload.kind` of a template may say."""
_NEEDS: Final[dict[str, str]] = {
    "tooltip": "anchor", "tour": "steps", "checklist": "items", "slot": "slot", "form": "fields", "video":
    "video",
}  # fmt: skip
_LISTS: Final = frozenset({"steps", "items", "fields"})
_TEXTS: Final = ("title", "body", "image", "link", "locale")
_FOLLOWED: Final = re.compile(r"https?://[^\s<>\"']*/l/([0-9a-f]{20})\b")
_FOREVER_MS: Final = 365 * 86_400_000


def kind_of(content: Mapping[str, Any]) -> str | None:
    """How a message is shown: as its payload says, else a pop-up or one with a choice in the middle of the
    page, any other as a banner. None for one that cannot be shown.
    """
    payload = payload_of(content)
    kind = payload.get("kind")
    if kind is None:
        return "modal" if content.get("channel") == "popup" or content.get("buttons") else "banner"
    if not isinstance(kind, str) or kind not in KINDS:
        return None
    needed = _NEEDS.get(kind, "")
    if needed and not payload.get(needed):
        return None
    if needed in _LISTS:
        listed = payload[needed]
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            return None
    return kind


def payload_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload of a message; empty when it has none."""
    payload = content.get("payload")
    return payload if isinstance(payload, Mapping) else {}


def actions_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the server does for its buttons, by name. A page never sees it."""
    actions = payload_of(content).get("actions")
    return actions if isinstance(actions, Mapping) else {}


def direct(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message whose links lead where they lead: the page tells of clicks itself, without a way round."""
    links = {str(one.get("id")): str(one.get("url")) for one in content.get("links") or ()}
    if not links:
        return content

    def undone(value: Any, markup: bool = False) -> Any:
        if isinstance(value, str):

            def back(found: re.Match[str]) -> str:
                url = links.get(found[1], found[0])
                return escape(url) if markup else url

            return _FOLLOWED.sub(back, value)
        if isinstance(value, Mapping):
            return {name: undone(one, name == "html") for name, one in value.items()}
        return [undone(one) for one in value] if isinstance(value, list | tuple) else value

    found: Mapping[str, Any] = undone(content)
    return found


def shown(lease: Lease, about: Mapping[str, Any], now: int) -> dict[str, Any] | None:
    """A lease for a page; `about` is what the effect says (journey, step, template). None for one that cannot
    be shown.
    """
    content = direct(lease.content)
    kind = kind_of(content)
    if kind is None:
        return None
    actions = actions_of(content)
    buttons = [
        {**button, "action": True} if button.get("name") in actions else button
        for button in content.get("buttons") or ()
    ]
    payload = {name: value for name, value in payload_of(content).items() if name not in ("kind", "actions")}
    left = _FOREVER_MS if lease.shown_until is None else lease.shown_until - now
    found: dict[str, Any] = {
        "id": lease.effect,
        "kind": kind,
        "ttl_ms": left,
        "payload": payload,
        "template": content.get("template"),
        "journey": about.get("journey"),
        "step": about.get("step"),
    }
    found |= {name: content[name] for name in _TEXTS if content.get(name)}
    if buttons:
        found["buttons"] = buttons
    if content.get("html"):
        found["blocks"] = blocks_of(content["html"])
    return found if len(msgspec.json.encode(found)) <= INAPP_CONTENT_BYTES_MAX else None

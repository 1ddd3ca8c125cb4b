"""Zendesk: tickets opened, solved, opened again and rated, with their age."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from ..channels.base import Request, Secret
from ..events.times import parse_ms
from ..importers.values import iso
from . import verify
from .documents import Document, at_path
from .services import Service, UnreadableError, documents_in, service
from .translate import News

_OVER: Final = frozenset({"SOLVED", "CLOSED"})
_HOUR_MS: Final = 3_600_000


class ZendeskSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`secret` is the webhook's signing secret, which its page in Zendesk shows."""

    secret: Secret
    previous_secret: Secret = ""


def _verify(settings: ZendeskSettings, request: Request) -> None:
    verify.zendesk((settings.secret, settings.previous_secret), request)


def _news(settings: ZendeskSettings, request: Request) -> News:
    documents = documents_in(request.body)
    document = documents[0] if documents else {}
    topic = document.get("event") if isinstance(document.get("event"), str) else document.get("type")
    if not isinstance(topic, str):
        raise UnreadableError(
            "this is no news of Zendesk", where="body", fix="docs/guides/connectors.md has the body"
        )
    # A trigger's call has no id of its own; Zendesk repeats the same bytes with the same invocation id.
    own = document.get("id") if topic.startswith("zen:") else None
    id_ = own or request.headers.get("x-zendesk-webhook-invocation-id") or _digest(request.body)
    received = iso(request.received)
    return News(
        topic=topic, id=str(id_), received=received, documents=({**document, "$now": request.received},)
    )


def completed(topic: str, document: Document) -> Document:
    """News with the ticket's age in hours, and for Zendesk's own events what a `change` of status means."""
    now = document.get("$now")
    ticket, detail = document.get("ticket"), document.get("detail")
    if isinstance(ticket, Mapping):
        return {**document, "ticket": {**ticket, "age_hours": _age(ticket.get("created_at"), now)}}
    if isinstance(detail, Mapping):
        told = document.get("event")
        change = _change(topic, told if isinstance(told, Mapping) else {})
        return {
            **document,
            "change": change,
            "age_hours": _age(detail.get("created_at"), parse_ms(document.get("time"))),
        }
    return document


def _age(created: Any, now: Any) -> float | None:
    at = parse_ms(created) if isinstance(created, str) else None
    return round(max(0, now - at) / _HOUR_MS, 2) if at is not None and isinstance(now, int) else None


def _change(topic: str, told: Mapping[str, Any]) -> str | None:
    if topic.endswith("ticket.created"):
        return "opened"
    if not topic.endswith("ticket.status_changed"):
        return None
    before, after = (str(at_path(told, (name,)) or "").upper() for name in ("previous", "current"))
    if after == "SOLVED":
        return "resolved"
    return "reopened" if before in _OVER and after not in _OVER else None


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


service(
    Service(
        name="zendesk",
        settings=ZendeskSettings,
        verify=_verify,
        news=_news,
        prepare=completed,
        summary="Tickets and ratings of Zendesk",
    )
)

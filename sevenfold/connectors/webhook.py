"""Any service that calls a webhook with JSON, by a mapping of the workspace's own."""

from __future__ import annotations

import hashlib
from typing import Literal

from msgspec import Struct

from ..channels.base import Request, Secret
from ..channels.signatures import verify_standard
from ..importers.values import iso
from . import verify
from .documents import at_path
from .services import ConnectorError, Service, documents_in, service
from .translate import News


class WebhookSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a call proves where it comes from, and where it says what it is about.

    ``verify``: ``bearer`` (`Authorization: Bearer SECRET`), ``basic`` (the secret is `user:password`),
    ``hmac`` (of the body, in ``header``) or ``standard`` (Standard Webhooks). For ``hmac``: ``algorithm``,
    ``encoding`` and the ``prefix`` before the signature; with ``timestamp_header`` the time in it, a dot and
    the body are signed, and old calls refused. ``topic`` and ``id`` are where the topic and the news' own id
    stand: `header:NAME`, or a path in the JSON.
    """

    secret: Secret
    previous_secret: Secret = ""
    verify: Literal["bearer", "basic", "hmac", "standard"] = "bearer"
    header: str = "x-signature"
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    timestamp_header: str = ""
    topic: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if not self.secret:
            raise ValueError("the secret is empty")


def _verify(settings: WebhookSettings, request: Request) -> None:
    secrets = [one for one in (settings.secret, settings.previous_secret) if one]
    if settings.verify == "bearer":
        verify.bearer(secrets, request)
    elif settings.verify == "basic":
        verify.basic(secrets, request)
    elif settings.verify == "standard":
        verify_standard(secrets, request.headers, request.body, request.received)
    else:
        content = request.body
        if settings.timestamp_header:
            at = request.headers.get(settings.timestamp_header.lower(), "")
            verify.fresh(at, request.received)
            content = at.encode() + b"." + content
        given = request.headers.get(settings.header.lower(), "")
        if not given.startswith(settings.prefix):
            given = ""
        given = given.removeprefix(settings.prefix)
        verify.signed(secrets, content, given, algorithm=settings.algorithm, encoding=settings.encoding)


def _news(settings: WebhookSettings, request: Request) -> News:
    documents = documents_in(request.body)
    first = documents[0] if documents else {}

    def said(where: str) -> str:
        kind, _, name = where.partition(":")
        found = (
            request.headers.get(name.lower())
            if kind == "header" and name
            else at_path(first, where.split("."))
        )
        return str(found) if isinstance(found, str | int) else ""

    digest = hashlib.blake2b(request.body, digest_size=16).hexdigest()
    own = (
        request.headers.get("webhook-id")
        if settings.verify == "standard" and not settings.id
        else said(settings.id)
    )
    return News(
        topic=said(settings.topic) if settings.topic else "",
        id=own or digest,
        received=iso(request.received),
        documents=documents,
    )


service(
    Service(
        name="webhook",
        settings=WebhookSettings,
        verify=_verify,
        news=_news,
        summary="Any JSON webhook, by a mapping of your own",
    )
)

__all__ = ["ConnectorError", "WebhookSettings"]

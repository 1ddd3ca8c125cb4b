"""Answers: bytes that are ready to be sent, with the headers that browsers ask for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from ...errors import SevenfoldError

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
_encode = msgspec.json.Encoder().encode
_JSON: Final = (b"content-type", b"application/json")
_SCRIPT: Final = (b"content-type", b"text/javascript; charset=utf-8")
_ALLOWED: Final = (
    b"authorization, content-type, content-encoding, x-retry-count, anonymousid, sentat, x-write-key"
)
_NAMES: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:\s*,\s*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")
_ASKED_BYTES_MAX: Final = 1_000
_ORIGIN: Final = re.compile(rb"[\x21-\x7e]{1,300}")
_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-max-age", b"86400"),
]
_ALWAYS: Final = [(b"x-content-type-options", b"nosniff")]
# A page elsewhere may load the script; what is JSON is for fetch alone, which asks by Origin.
_ANYWHERE: Final = (b"cross-origin-resource-policy", b"cross-origin")


class Reply(Struct, frozen=True):
    """An answer: its status, body and headers beside those that every answer has."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (_JSON, (b"cache-control", b"no-store"))


class Refusal(Struct):
    """One refused event, as an answer names it."""

    index: int
    code: str
    message: str


class Summary(Struct):
    """The answer to events: how many are new and durable, how many were known, and what was refused."""

    success: bool
    accepted: int
    duplicates: int
    refused: list[Any]


OF_ONE: Final = Reply(200, _encode(Summary(True, 1, 0, [])))
DONE: Final = Reply(200, _encode({"success": True}))


def summary(accepted: int, duplicates: int, refused: list[Any]) -> Reply:
    """What became of the events of a request."""
    if accepted == 1 and not duplicates and not refused:
        return OF_ONE
    return Reply(200, _encode(Summary(True, accepted, duplicates, refused)))


def page(content: Any, *, seconds: int) -> Reply:
    """JSON that a client may keep for so many seconds."""
    kept = (b"cache-control", b"private, max-age=%d" % seconds)
    return Reply(200, _encode(content), (_JSON, kept))


def script(content: bytes, *, seconds: int) -> Reply:
    """JavaScript for a page of any origin."""
    kept = (b"cache-control", b"private, max-age=%d" % seconds)
    return Reply(200, content, (_SCRIPT, kept, _ANYWHERE))


def failure(error: SevenfoldError, status: int, *, close: bool = False) -> Reply:
    """An error in the one shape that errors have."""
    headers: list[tuple[bytes, bytes]] = [_JSON, (b"cache-control", b"no-store")]
    wait = getattr(error, "retry_after_s", None)
    if wait is not None:
        # Whole seconds and never a date: clients read it with int().
        headers.append((b"retry-after", b"%d" % max(1, wait)))
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="sevenfold"'))
    if close:
        headers.append((b"connection", b"close"))
    return Reply(status, _encode({"success": False, **error.to_json()}), tuple(headers))


async def send_reply(send: Send, reply: Reply, origin: bytes | None) -> None:
    """Sends an answer; `origin` is that of the page that asks, if it is a page."""
    headers: Headers = [*reply.headers, (b"content-length", b"%d" % len(reply.body)), *_ALWAYS]
    if origin is not None:
        headers += _cross_origin(origin)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def send_preflight(send: Send, headers: Mapping[bytes, bytes]) -> None:
    """Answers a browser that asks whether it may: any page may send events, with any header it names."""
    asked = headers.get(b"access-control-request-headers", b"").strip()
    allowed = _ALLOWED
    if asked and len(asked) <= _ASKED_BYTES_MAX and _NAMES.fullmatch(asked):
        allowed = _ALLOWED + b", " + asked
    found: Headers = [*_PREFLIGHT, (b"access-control-allow-headers", allowed), *_ALWAYS]
    found += _cross_origin(headers.get(b"origin", b"*"))
    await send({"type": "http.response.start", "status": 204, "headers": found})
    await send({"type": "http.response.body", "body": b""})


def _cross_origin(origin: bytes) -> Headers:
    if not _ORIGIN.fullmatch(origin):
        return []
    # Without exposing it, a page cannot see how long it is asked to wait.
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"Retry-After"),
        (b"vary", b"Origin"),
    ]

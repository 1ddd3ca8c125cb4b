"""What stands before every route of the API: other sites are kept out, keys or sessions are asked for,
repetitions answered.

Two ASGI layers and a guard. `CrossSite` and `Once` wrap a route; the `Gate` runs inside, once the route
is known.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import json

from ...limits import API_BODY_LARGE_BYTES_MAX, API_ONCE_KEPT_MS, API_ONCE_KEY_CHARS_MAX, API_ONCE_STALE_MS
from ..errors import (
    SECURITY_HEADERS,
    CsrfError,
    ForbiddenError,
    RateLimitedError,
    RoleError,
    UnauthorizedError,
)
from ..keys import Key, scopes_under
from ..members import Member, Role, Session, Sessions, includes, scope_of
from ..members.roles import needed
from ..members.sessions import CSRF_HEADER, csrf_of, token_of
from ..services import Services

_PREFLIGHT_S: Final = 600
_EXPOSED: Final = "Retry-After, Idempotency-Replayed"


def bearer(authorization: str | None) -> str:
    """The key in an `Authorization: Bearer ...` header; empty without one."""
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


class Gate:
    """The guard of every route: a valid API key whose scope includes that of the route (`opt["scope"]`), or
    the session of a member whose role is large enough (`opt["role"]`, else what the scope asks for). Routes
    with scope `open` need neither. A route that says nothing is closed to all.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if connection.scope.get("method") == "OPTIONS":
            return
        scope = handler.opt.get("scope")
        if scope == "open":
            return
        authorization = connection.headers.get("authorization")
        token = "" if authorization else token_of(connection.headers.get("cookie"))
        if token:
            self._member(connection, handler, token)
            return
        keys = self._services.keys
        key = keys.find(bearer(authorization), "api")
        if key is None or key.scope is None:
            raise UnauthorizedError(
                "this needs an API key, or somebody who is logged in",
                fix="send it as `Authorization: Bearer sk_...`; see `sevenfold keys`",
            )
        self._within_rate(key)
        if scope is None or scope not in scopes_under(key.scope):
            raise ForbiddenError(
                f"this needs a key with the scope `{scope or 'none'}`, yours has `{key.scope}`",
                fix="use another key",
            )
        connection.state.key = key
        connection.state.member = None

    def _member(
        self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler, token: str
    ) -> None:
        keys, scope = self._services.keys, handler.opt.get("scope")
        found = Sessions(keys.store, self._services.clock).find(token)
        if found is None:
            raise UnauthorizedError("this session has ended", fix="log in again")
        session, member = found
        key = key_for(member)
        self._within_rate(key)
        if connection.scope.get("method") not in ("GET", "HEAD"):
            check_csrf(token, connection.headers.get(CSRF_HEADER))
        wanted: Role | None = handler.opt.get("role") or (needed(scope) if scope is not None else None)
        if wanted is None or not includes(member.role, wanted):
            raise RoleError(
                f"this needs the role `{wanted or 'none'}`, yours is `{member.role}`", fix="ask an admin"
            )
        connection.state.key = key
        connection.state.member = member
        connection.state.session = session

    def _within_rate(self, key: Key) -> None:
        wait_s = self._services.keys.wait_s(key)
        if wait_s:
            raise RateLimitedError(wait_s)


def check_csrf(token: str, given: str | None) -> None:
    """Raises CsrfError when a request that changes something lacks the header of its session."""
    if not hmac.compare_digest((given or "").encode("latin-1", "replace"), csrf_of(token).encode()):
        raise CsrfError(
            "the header X-Sevenfold-CSRF of this session is missing",
            where=CSRF_HEADER,
            fix="send what `GET /api/session` says",
        )


def key_for(member: Member) -> Key:
    """A member as what audit entries, rates and drafts name."""
    return Key(
        id=member.id,
        kind="api",
        hint="",
        name=member.name,
        source=None,
        scope=scope_of(member.role),
        created=member.created,
    )


def key_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Key:
    """The key that the gate let in; a member's is made up."""
    key = connection.state.key
    assert isinstance(key, Key)
    return key


def member_of(connection: ASGIConnection[Any, Any, Any, Any]) -> tuple[Member, Session] | None:
    """The member that the gate let in, with their session; None for a key."""
    member = connection.state.member
    return None if member is None else (member, connection.state.session)


class CrossSite:
    """Refuses what a browser sends from another site, unless its origin is allowed; answers preflights of
    those that are.
    """

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin", "")
        allowed = origin in self._origins
        own = not origin or urlsplit(origin).netloc == headers.get(b"host")
        foreign = headers.get(b"sec-fetch-site") in ("cross-site", "same-site")
        if foreign and scope["route_handler"].opt.get("landing"):
            # Somebody comes back from their identity provider, in a window of their own.
            foreign = headers.get(b"sec-fetch-mode") != "navigate" or scope["method"] != "GET"
        if not allowed and (not own or foreign):
            message = {
                "success": False,
                "code": "cross_site",
                "message": "requests from other sites are refused",
                "fix": "allow the origin in the setting `api_allowed_origins`",
            }
            await _answer(send, 403, json.encode(message))
            return
        if not allowed:
            await self._app(scope, receive, send)
            return
        cors = {
            "access-control-allow-origin": origin,
            "vary": "Origin",
            "access-control-expose-headers": _EXPOSED,
        }
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            cors["access-control-allow-methods"] = "GET, POST, PUT, PATCH, DELETE"
            cors["access-control-allow-headers"] = (
                "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, X-Sevenfold-CSRF"
            )
            cors["access-control-max-age"] = str(_PREFLIGHT_S)
            await _answer(send, 204, b"", cors)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode("latin-1")) for name, value in cors.items()]
                rest = [
                    one for one in message["headers"] if one[0].lower() != b"cross-origin-resource-policy"
                ]
                message["headers"] = [*rest, *extra]
            await send(message)

        await self._app(scope, receive, sending)


class Once:
    """`Idempotency-Key`: a repeated request (same API key, route and body) gets the answer of the first,
    for a day. For routes with `opt["once"]`; answers that say nothing was done (401, 403, 429, 5xx) are
    not kept.
    """

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not scope["route_handler"].opt.get("once"):
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        once = headers.get(b"idempotency-key", "")
        key = self._whose(headers) if once else None
        if key is None:
            await self._app(scope, receive, send)
            return
        if len(once) > API_ONCE_KEY_CHARS_MAX:
            await _refuse(send, 400, "invalid", f"a key has at most {API_ONCE_KEY_CHARS_MAX} characters")
            return
        body, whole = await _body(receive)
        if whole:
            await self._through(scope, send, (key, f"{scope['method']} {scope['path']}", once), body)
        else:
            await self._app(scope, _replayed(body, receive), send)

    def _whose(self, headers: dict[bytes, str]) -> str | None:
        """The id of the key or member who asks."""
        keys = self._services.keys
        if headers.get(b"authorization"):
            key = keys.find(bearer(headers.get(b"authorization")), "api")
            return None if key is None else key.id
        found = Sessions(keys.store, self._services.clock).find(token_of(headers.get(b"cookie")))
        return None if found is None else found[1].id

    async def _through(self, scope: Scope, send: Send, name: tuple[str, str, str], body: bytes) -> None:
        store, now, digest = self._services.keys.store, self._services.clock.now(), sha256(body).digest()
        store.execute("DELETE FROM answers WHERE at < ?", (now - API_ONCE_KEPT_MS,))
        store.execute(
            "DELETE FROM answers WHERE (key, route, once) = (?, ?, ?) AND status IS NULL AND at < ?",
            (*name, now - API_ONCE_STALE_MS),
        )
        taken = store.execute(
            "INSERT OR IGNORE INTO answers (key, route, once, request, at) VALUES (?, ?, ?, ?, ?)",
            (*name, digest, now),
        ).rowcount
        if not taken:
            await self._repeat(send, name, digest)
            return
        status = 0
        parts: list[bytes] = []

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, _replayed(body, None), sending)
        finally:
            if status in (0, 401, 403, 429) or status >= 500:
                store.execute("DELETE FROM answers WHERE (key, route, once) = (?, ?, ?)", name)
            else:
                store.execute(
                    "UPDATE answers SET status = ?, body = ? WHERE (key, route, once) = (?, ?, ?)",
                    (status, b"".join(parts), *name),
                )

    async def _repeat(self, send: Send, name: tuple[str, str, str], digest: bytes) -> None:
        request, status, body = self._services.keys.store.execute(
            "SELECT request, status, body FROM answers WHERE (key, route, once) = (?, ?, ?)", name
        ).fetchone()
        if request != digest:
            message = "this idempotency key was used for another request"
            await _refuse(send, 422, "once_mismatch", message, "use a new key for each thing to do")
        elif status is None:
            await _refuse(
                send, 409, "in_progress", "the first request is still under way", "try again in 1 s"
            )
        else:
            await _answer(send, status, body, {"idempotency-replayed": "true"})


async def _body(receive: Receive) -> tuple[bytes, bool]:
    """The request's body, and whether that is all of it (it is not when it is too large for any route)."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts), False
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body"):
            return b"".join(parts), True
        if size > API_BODY_LARGE_BYTES_MAX:
            return b"".join(parts), False


def _replayed(body: bytes, further: Receive | None) -> Receive:
    """The body once more, then whatever follows."""
    given = False

    async def receive() -> Any:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": further is not None}
        return await further() if further is not None else {"type": "http.disconnect"}

    return receive


async def _refuse(send: Send, status: int, code: str, message: str, fix: str = "") -> None:
    shape = {"success": False, "code": code, "message": message, "where": "Idempotency-Key"}
    await _answer(send, status, json.encode(shape | ({"fix": fix} if fix else {})))


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    found = {**SECURITY_HEADERS, "content-length": str(len(body)), **(headers or {})}
    if body:
        found["content-type"] = "application/json"
    if status in (409, 429):
        found["retry-after"] = "1"
    raw = [(name.encode(), value.encode("latin-1")) for name, value in found.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})

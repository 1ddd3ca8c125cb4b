"""The paths under `/v1/inapp`, which pages of any site ask: every request is a simple one, so that no browser
asks permission first, and nothing depends on cookies.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import MutableScopeHeaders
from litestar.response import Stream
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import Struct

from ...errors import SevenfoldError
from ...limits import INAPP_BODY_BYTES_MAX, INAPP_HEARTBEAT_S, INAPP_STREAM_S_MAX
from ...messages.outcomes import OUTCOMES
from ..errors import EXCEPTION_HANDLERS, ConflictError, InvalidError
from .actions import Actions
from .board import CLOSED, Board, State
from .visitors import ProofError, Visitor, Visitors

if TYPE_CHECKING:
    from ..services import Services

Body = TypeVar("Body", bound=Struct)
_TOLD: Final = ("delivered", "opened", "clicked", CLOSED)
"""What a page may tell of a message: that it was shown, used, acted upon; that it is over."""
_PUSHED: Final = ("delivered", "opened", "clicked")
assert set(_PUSHED) <= set(OUTCOMES)
_DIGITS: Final = 16
_NO_STORE: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_STREAM_HEADERS: Final = {**_NO_STORE, "x-accel-buffering": "no"}


class _Start(Struct, rename="camel"):
    write_key: str
    anonymous_id: str
    user_id: str | None = None
    proof: str | None = None


class _Outcome(Struct):
    token: str
    lease: str
    outcomes: list[str]


class _Act(Struct):
    token: str
    lease: str
    action: str


class _Pushed(Struct, rename="camel"):
    write_key: str
    anonymous_id: str
    effect: str
    outcome: str


class Open:
    """Middleware: any page may read the answers, errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def open_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders(message)
                headers["access-control-allow-origin"] = "*"
                headers["access-control-expose-headers"] = "Retry-After"
                headers["cross-origin-resource-policy"] = "cross-origin"
            await send(message)

        await self._app(scope, receive, open_send)


async def _read(request: Request[Any, Any, Any], type_: type[Body]) -> Body:
    """The body, which browsers send as plain text. Raises InvalidError."""
    body = await request.body()
    if len(body) > INAPP_BODY_BYTES_MAX:
        raise InvalidError(f"the body has more than {INAPP_BODY_BYTES_MAX} bytes", where="body")
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidError(str(error)[:200], where="body") from None


def _asked(request: Request[Any, Any, Any]) -> tuple[str, int]:
    """The token and the place of a page that asks with its address alone."""
    return request.query_params.get("token", ""), _number(request.query_params.get("after", ""))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else 0


def _push_key(services: Services) -> str | None:
    """What browsers subscribe to web push with, of the first channel for it that can be made."""
    from ...channels.registry import make_adapter
    from ..secrets import look_up

    for model in services.live.workspace.channels.values():
        if model.type == "web_push":
            try:
                found: str = getattr(make_adapter(model, look_up), "public_key", "")
            except (SevenfoldError, ValueError):
                continue
            return found or None
    return None


def event_of(state: State) -> bytes:
    """A state as a server-sent event."""
    return b"event: leases\nid: %d\ndata: %s\n\n" % (state.last, msgspec.json.encode(state))


def router(services: Services) -> Router:
    """The handlers."""
    visitors, board, actions = Visitors(services), Board(services), Actions(services)
    # Making an adapter reads a secret: once for each definition is enough.
    keys: dict[int, str | None] = {}

    def push_key() -> str | None:
        workspace = id(services.live.workspace)
        if workspace not in keys:
            keys.clear()
            keys[workspace] = _push_key(services)
        return keys[workspace]

    async def tell(effect: str, outcome: str) -> None:
        """An outcome of a message into the log."""
        record: dict[str, Any] = {"op": "outcome", "effect": effect, "outcome": outcome}
        if outcome == CLOSED:
            # Told again it changes nothing but says that nobody needs to see it any more.
            record |= {"outcome": "delivered", "reason": CLOSED}
        await services.live.control({**record, "at": services.clock.now()})

    async def hanging(visitor: Visitor, effect: str) -> Any:
        found = await visitors.find(visitor)
        held = await board.lease(found.person, effect) if found.person else None
        if held is None:
            raise ConflictError("the message is not there (any more)", where="lease")
        return found, *held

    @post("/start", status_code=200)
    async def start(request: Request[Any, Any, Any]) -> Response[Any]:
        told = await _read(request, _Start)
        visitor = visitors.arrive(told.write_key, told.anonymous_id, told.user_id or "", told.proof or "")
        found = await visitors.find(visitor)
        state = await board.state(found.person)
        answer = {"token": visitors.sign(visitor), "leases": state, "push_key": push_key()}
        return Response(answer, headers=_NO_STORE)

    @get("/poll")
    async def poll(request: Request[Any, Any, Any]) -> Response[Any]:
        token, after = _asked(request)
        found = await visitors.find(visitors.read(token))
        return Response(await board.state(found.person, after), headers=_NO_STORE)

    @get("/stream")
    async def stream(request: Request[Any, Any, Any]) -> Stream:
        token, after = _asked(request)
        visitor = visitors.read(token)
        found = await visitors.find(visitor)
        after = _number(request.headers.get("last-event-id", "")) or after
        waiting = board.waiting(found.person)
        event = await waiting.__aenter__()

        async def events() -> AsyncIterator[bytes]:
            last, person = after, found.person
            try:
                state = await board.state(person, last)
                known = state.active
                yield b"retry: 2000\n\n" + event_of(state)
                last = state.last
                async with asyncio.timeout(INAPP_STREAM_S_MAX):
                    async for look in board.changes(event, INAPP_HEARTBEAT_S):
                        if not look or person is None:
                            now = await visitors.find(visitor)
                            if now.person != person:
                                return
                        state = await board.state(person, last)
                        if state.active != known:
                            fresh = [one for one in state.fresh if one["id"] not in known]
                            yield event_of(State(state.active, fresh, state.last))
                            known, last = state.active, state.last
                        elif not look:
                            yield b":\n\n"
            except (TimeoutError, SevenfoldError):
                return
            finally:
                await waiting.__aexit__(None, None, None)

        return Stream(events(), media_type="text/event-stream", headers=_STREAM_HEADERS)

    @post("/outcome", status_code=200)
    async def outcome(request: Request[Any, Any, Any]) -> Response[Any]:
        told = await _read(request, _Outcome)
        if not 0 < len(told.outcomes) <= len(_TOLD) or not set(told.outcomes) <= set(_TOLD):
            raise InvalidError(f"some of {', '.join(_TOLD)}", where="outcomes")
        await hanging(visitors.read(told.token), told.lease)
        for one in told.outcomes:
            await tell(told.lease, one)
        return Response({"success": True}, headers=_NO_STORE)

    @post("/act", status_code=200)
    async def act(request: Request[Any, Any, Any]) -> Response[Any]:
        told = await _read(request, _Act)
        visitor = visitors.read(told.token)
        found, lease, message = await hanging(visitor, told.lease)
        if not found.proven:
            # What costs money is not done for somebody who only says who they are, whatever the setting.
            raise ProofError("actions need a proof of who is logged in", fix="identify(userId, {}, {proof})")
        done = await actions.act(found.person, visitor.user, lease, message, told.action)
        return Response(done, headers=_NO_STORE)

    @post("/push", status_code=200)
    async def push(request: Request[Any, Any, Any]) -> Response[Any]:
        told = await _read(request, _Pushed)
        if told.outcome not in _PUSHED:
            raise InvalidError(f"one of {', '.join(_PUSHED)}", where="outcome")
        visitor = visitors.arrive(told.write_key, told.anonymous_id, "", "")
        who = await services.live.ask("visitor", anonymous=visitor.anonymous)
        message = await asyncio.to_thread(services.history.message, told.effect)
        now = services.history.now
        if message is None or not who["person"] or now(str(message.person)) != now(who["person"]):
            raise ConflictError("the message is none of this visitor's", where="effect")
        await tell(told.effect, told.outcome)
        return Response({"success": True}, headers=_NO_STORE)

    return Router(
        "/v1/inapp",
        route_handlers=[start, poll, stream, outcome, act, push],
        middleware=[Open],
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=INAPP_BODY_BYTES_MAX + 1,
        include_in_schema=False,
    )

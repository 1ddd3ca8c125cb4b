"""`/hooks/{channel}` for the provider of a channel, `/in/{connector}` for a connected service.

Each verifies its own signature before anything is looked at. An answer of 200 means that all is in the log.
What cannot be stored now is answered 429 or 503, so that it is sent again; what is not signed 401; what is no
news 400.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from litestar import Request as Called
from litestar import Response, Router, route
from litestar.exceptions import ClientException
from litestar.params import FromPath
from msgspec import Struct

from ...channels.base import Inbound, Reply, Request, UnverifiedError
from ...channels.registry import make_inbound
from ...connectors.model import Connector
from ...connectors.services import Service, UnreadableError, service_of, settings_of
from ...connectors.translate import Translator, translator
from ...errors import SevenfoldError
from ...events.reasons import Reason
from ...events.steps import Dropped
from ...limits import INBOUND_BODY_BYTES_MAX
from ...messages.policy import DeliveryChannel
from ..errors import EXCEPTION_HANDLERS, SECURITY_HEADERS, error_response
from ..returning import Returning
from ..secrets import look_up
from ..services import Services

_METHODS: Final = ("GET", "POST", "HEAD")
_log = logging.getLogger("sevenfold.hooks")


class UnknownHookError(SevenfoldError):
    """There is no such channel or connector, or it listens to nobody."""

    code = "not_found"


class _Connected(Struct):
    """A connector of the workspace, ready."""

    model: Connector
    service: Service
    settings: Any
    translator: Translator


class Hooks:
    """The sides that listen, made once for each channel and connector, anew when one changes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._back = Returning.of(services)
        self.inbox = self._back.inbox
        self._listening: dict[str, tuple[DeliveryChannel, Inbound]] = {}
        self._connected: dict[str, _Connected] = {}

    # ---------------------------------------------------------------------------------------------- channels

    async def hear(self, channel: str, request: Request) -> Reply:
        """Takes what a channel's provider tells. Raises UnknownHookError, UnverifiedError, ChannelError,
        BusyError and others; nothing is lost then, for the provider is not answered 200.
        """
        listening = self._inbound(channel)
        try:
            heard, reply = await listening.hear(request)
        except (RecursionError, UnicodeDecodeError):
            raise UnreadableError("the body cannot be read", where="body") from None
        try:
            await self.inbox.hear(channel, heard)
        except BaseException:
            # It may hold that it has told this already.
            self._listening.pop(channel, None)
            raise
        return reply

    def _inbound(self, channel: str) -> Inbound:
        model = self._services.live.workspace.channels.get(channel)
        if model is None:
            raise UnknownHookError("there is no such channel", where="channel")
        held = self._listening.get(channel)
        if held is not None and held[0] == model:
            return held[1]
        made = make_inbound(model, look_up)
        self._listening[channel] = model, made
        return made

    # -------------------------------------------------------------------------------------------- connectors

    async def take(self, name: str, request: Request) -> dict[str, int]:
        """Takes what a connected service tells: how many events it was, how many were known already, and how
        many are dead letters. Raises UnknownHookError, UnverifiedError, ConnectorError, UnreadableError,
        BusyError.
        """
        one = self._connector(name)
        assert one.service.verify is not None and one.service.news is not None
        one.service.verify(one.settings, request)
        news = one.service.news(one.settings, request)
        if news is None:
            return {"events": 0}
        found = one.translator.events(news)
        source, received = one.translator.source, request.received
        if found.bad:
            bad = [Dropped(Reason.BAD_ROW, str(row), row.raw, received, source) for row in found.bad[:100]]
            await self._services.live.drop(bad)
        stored = await self.inbox.store(source, found.events)
        self.inbox.counts[f"connector {name}"] += len(found.events)
        refused = stored.refused + len(found.bad)
        return {"events": stored.accepted, "known": stored.duplicates, "refused": refused}

    def _connector(self, name: str) -> _Connected:
        model = self._services.live.workspace.connectors.get(name)
        if model is None:
            raise UnknownHookError("there is no such connector", where="connector")
        held = self._connected.get(name)
        if held is not None and held.model == model:
            return held
        service = service_of(model)
        if service.verify is None:
            raise UnknownHookError("this connector is fetched, it is not called", where="connector")
        settings = settings_of(name, model, look_up)
        made = _Connected(model, service, settings, translator(name, model, service.prepare))
        self._connected[name] = made
        return made

    # ------------------------------------------------------------------------------------------------- calls

    async def request(self, called: Called[Any, Any, Any]) -> Request:
        """A call as adapters see it. The address is the public one, which some signatures cover. Raises
        ClientException when the body is too large.
        """
        body = bytearray()
        async for part in called.stream():
            body += part
            if len(body) > INBOUND_BODY_BYTES_MAX:
                raise ClientException("the body is too large", status_code=413)
        raw_path = called.scope.get("raw_path") or called.scope["path"].encode()
        query = called.scope.get("query_string") or b""
        path = raw_path.partition(b"?")[0].decode("latin-1") + (
            f"?{query.decode('latin-1')}" if query else ""
        )
        base = self._back.base or str(called.base_url).rstrip("/")
        return Request(
            method=called.method,
            url=base + path,
            headers={name.lower(): value for name, value in called.headers.items()},
            query=dict(called.query_params.items()),
            body=bytes(body),
            received=self._services.clock.now(),
        )


def router(services: Services) -> Router:
    """The routes, for the application."""
    hooks = Hooks(services)

    @route("/hooks/{channel:str}", http_method=_METHODS, include_in_schema=False)
    async def hook(request: Called[Any, Any, Any], channel: FromPath[str]) -> Response[bytes]:
        """What a provider tells of messages, or asks (a handshake)."""
        reply = await hooks.hear(channel, await hooks.request(request))
        return Response(
            reply.body, status_code=reply.status, media_type=reply.content_type, headers=SECURITY_HEADERS
        )

    @route("/in/{connector:str}", http_method=["POST"], include_in_schema=False)
    async def connected(request: Called[Any, Any, Any], connector: FromPath[str]) -> Response[Any]:
        """What a connected service tells."""
        took = await hooks.take(connector, await hooks.request(request))
        return Response({"success": True, **took}, status_code=200, headers=SECURITY_HEADERS)

    def unverified(request: Called[Any, Any, Any], error: UnverifiedError) -> Response[Any]:
        hooks.inbox.counts["unverified"] += 1
        _log.info("hook_unverified", extra={"route": request.scope.get("path_template") or ""})
        return error_response(401, dict(error.to_json()))

    def unreadable(request: Called[Any, Any, Any], error: UnreadableError) -> Response[Any]:
        hooks.inbox.counts["unreadable"] += 1
        return error_response(400, dict(error.to_json()))

    handlers: Any = {**EXCEPTION_HANDLERS, UnverifiedError: unverified, UnreadableError: unreadable}
    return Router("/", route_handlers=[hook, connected], exception_handlers=handlers)

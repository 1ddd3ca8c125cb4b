"""All HTTP of the service in one ASGI application: ingest first, for it is most of the traffic, then
everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from litestar import Litestar, Response, get
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from .ingest import ingest_app, is_ingest_path

if TYPE_CHECKING:
    from .services import Services


class App:
    """Passes a request on to the part that its path belongs to."""

    def __init__(self, ingest: ASGIApp, rest: Litestar) -> None:
        self._ingest, self._rest = ingest, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and is_ingest_path(scope["path"]):
            await self._ingest(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def make_app(services: Services) -> App:
    """Everything that the service answers."""

    @get("/ready")
    async def ready() -> Response[dict[str, object]]:
        status = await services.live.status()
        return Response(status, status_code=200 if status.get("ready") else 503)

    return App(
        cast(ASGIApp, ingest_app(services)), Litestar([ready], openapi_config=None, logging_config=None)
    )

"""All HTTP of the service in one ASGI application: ingest first, for it is most of the traffic, then
everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    pass


class App:
    """Passes a request on to the part that its path belongs to."""

    def __init__(self, ingest: ASGIApp, rest: Litestar) -> None:
        self._ingest, self._rest = ingest, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_ingest_path(scope["path"]):
            await self._ingest(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

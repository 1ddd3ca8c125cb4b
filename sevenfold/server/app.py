"""All HTTP of the service in one ASGI application: ingest first, for it is most of the traffic, then
everything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from litestar import Litestar
from litestar.types import Receive, Scope, Send

from . import admin, background, console_files, hooks, housekeeping, inapp, snippet, tracking
from .console.jobs import jobs_of
from .errors import EXCEPTION_HANDLERS
from .ingest import Ingest, ingest_app, is_ingest_path

if TYPE_CHECKING:
    from .services import Services


class App:
    """Passes a request on to the part that its path belongs to."""

    def __init__(self, ingest: Ingest, rest: Litestar) -> None:
        self.ingest, self.rest = ingest, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_ingest_path(scope["path"]):  # type: ignore[comparison-overlap]
            await self.ingest(scope, receive, send)  # type: ignore[arg-type]
        else:
            await self.rest(scope, receive, send)


def make_app(services: Services) -> App:
    """Everything that the service answers. Raises SettingsError."""
    ingest = ingest_app(services)
    parts = (console_files, hooks, inapp, snippet, tracking)

    @asynccontextmanager
    async def beside(app: Litestar) -> AsyncIterator[None]:
        working = [
            asyncio.create_task(background.run(services), name="background"),
            asyncio.create_task(housekeeping.run(services), name="housekeeping"),
        ]
        try:
            yield
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            await jobs_of(services.live, services.clock).stop()
            ingest.close()

    rest = Litestar(
        [admin.router(services, ingest.statistics), *(part.router(services) for part in parts)],
        lifespan=[beside],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
    return App(ingest, rest)

"""The routes of the API put together: each behind the gate, with one shape of errors and strict headers."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, Response, Router, get
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp

from ...limits import API_BODY_BYTES_MAX
from ..errors import EXCEPTION_HANDLERS, SECURITY_HEADERS
from ..measures import http as measures
from ..metrics import IngestCounts, Metrics
from ..services import Services
from . import (
    access,
    approvals,
    calendar,
    choices,
    consent,
    files,
    home,
    jobs,
    journeys,
    looking,
    members,
    messages,
    notes,
    operation,
    personal,
    predictions,
    previews,
    progress,
    publishing,
    segments,
    sending,
    sessions,
    stream,
    subjects,
    tasks,
    workspaces,
)
from .base import Caller, Callers
from .describing import document
from .door import CrossSite, Gate, Once

_UNDER_API = (
    *subjects.HANDLERS,
    *segments.HANDLERS,
    *predictions.HANDLERS,
    *journeys.HANDLERS,
    *publishing.HANDLERS,
    *messages.HANDLERS,
    *tasks.HANDLERS,
    *choices.HANDLERS,
    *consent.HANDLERS,
    *workspaces.HANDLERS,
    *access.HANDLERS,
    *stream.HANDLERS,
    *personal.HANDLERS,
    *measures.HANDLERS,
    *sessions.HANDLERS,
    *members.HANDLERS,
    *home.HANDLERS,
    *notes.HANDLERS,
    *approvals.HANDLERS,
    *files.HANDLERS,
    *calendar.HANDLERS,
    *jobs.HANDLERS,
    *previews.HANDLERS,
    *progress.HANDLERS,
    *looking.HANDLERS,
)


def router(services: Services, ingest: IngestCounts | None = None) -> Router:
    """`/api/...`, `/v1/send`, `/health`, `/ready` and `/metrics`. `ingest` gives the counts of the part
    that takes events, for the metrics.
    """
    described: dict[str, Any] = {}

    @get("/api/openapi.json", scope="open", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        """The description of all of this (OpenAPI 3.1)."""
        if not described:
            # Takes a second, and ingest is served by the same loop.
            described.update(await asyncio.to_thread(document))
        return described

    metrics = Metrics(services, ingest)
    handlers = [*routes(), openapi, *operation.open_routes(services, metrics)]
    origins = (one.strip().rstrip("/") for one in services.settings.api_allowed_origins.split(","))
    allowed = frozenset(one for one in origins if one)
    gate, callers = Gate(services), Callers(services)

    # Functions, for the framework copies objects that it is given.
    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        gate(connection, handler)

    async def caller(request: Request[Any, Any, Any]) -> Caller:
        return await callers(request)

    def cross_site(app: ASGIApp) -> ASGIApp:
        return CrossSite(app, allowed)

    def once(app: ASGIApp) -> ASGIApp:
        return Once(app, services)

    return Router(
        path="/",
        route_handlers=handlers,
        guards=[guard],
        middleware=[cross_site, once],
        dependencies={"caller": Provide(caller)},
        exception_handlers=EXCEPTION_HANDLERS,
        after_request=_secured,
        request_max_body_size=API_BODY_BYTES_MAX,
    )


def routes() -> list[Any]:
    """Every route that needs nothing but its caller."""
    api = Router(path="/api", route_handlers=list(_UNDER_API))
    return [api, *sending.HANDLERS, *operation.HANDLERS, operation.get_health]


async def _secured(response: Response[Any]) -> Response[Any]:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response

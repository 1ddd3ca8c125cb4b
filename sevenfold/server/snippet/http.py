"""`/sevenfold.js` and `/sevenfold-push.js`: for pages of any site, checked again after an hour by their
ETag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litestar import Request, Response, Router, get

from ..errors import EXCEPTION_HANDLERS
from .source import Script, page_script, push_worker

if TYPE_CHECKING:
    from ..services import Services

_HEADERS: Final = {
    "access-control-allow-origin": "*",
    "cache-control": "public, max-age=3600, stale-while-revalidate=86400",
    "cross-origin-resource-policy": "cross-origin",
    "vary": "Accept-Encoding",
    "x-content-type-options": "nosniff",
}


def _served(request: Request[Any, Any, Any], script: Script) -> Response[bytes]:
    headers = {**_HEADERS, "etag": script.etag}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if script.etag in known or "*" in known:
        return Response(b"", status_code=304, headers=headers)
    zipped = "gzip" in request.headers.get("accept-encoding", "").lower()
    if zipped:
        headers["content-encoding"] = "gzip"
    content = script.gzipped if zipped else script.plain
    return Response(content, headers=headers, media_type="text/javascript")


def router(services: Services) -> Router:
    """The handlers."""

    @get("/sevenfold.js", sync_to_thread=False)
    def snippet(request: Request[Any, Any, Any]) -> Response[bytes]:
        return _served(request, page_script())

    @get("/sevenfold-push.js", sync_to_thread=False)
    def worker(request: Request[Any, Any, Any]) -> Response[bytes]:
        return _served(request, push_worker())

    return Router(
        "/",
        route_handlers=[snippet, worker],
        exception_handlers=EXCEPTION_HANDLERS,
        include_in_schema=False,
    )

"""The page at `/`: what is happening, until there is a console. It holds nothing; it asks the API, with a
key.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException

from ..errors import EXCEPTION_HANDLERS, SECURITY_HEADERS

if TYPE_CHECKING:
    from ..services import Services

_HEADERS: Final = {
    **SECURITY_HEADERS,
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-cache",
}
_TYPES: Final = {"index.html": "text/html", "watch.js": "text/javascript", "watch.css": "text/css"}


def router(services: Services) -> Router:
    """The page and what belongs to it."""
    held = {name: (files(__package__) / name).read_bytes() for name in _TYPES}

    def served(name: str) -> Response[bytes]:
        return Response(held[name], media_type=f"{_TYPES[name]}; charset=utf-8", headers=_HEADERS)

    @get("/", sync_to_thread=False)
    def page() -> Response[Any]:
        return served("index.html")

    @get("/watch/{name:str}", sync_to_thread=False)
    def part(name: str) -> Response[Any]:
        if name not in held:
            raise NotFoundException
        return served(name)

    return Router(
        "/", route_handlers=[page, part], exception_handlers=EXCEPTION_HANDLERS, include_in_schema=False
    )

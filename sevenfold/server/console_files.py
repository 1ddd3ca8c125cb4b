"""The console's files: built beforehand (`make console`), served as they are, compressed beforehand too.

Names of assets carry a digest of their content, so a browser keeps them for ever; the page that names them
is asked for each time. Every address that looks like one of the console's places gets that page.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from .errors import EXCEPTION_HANDLERS, SECURITY_HEADERS

if TYPE_CHECKING:
    from .services import Services

_PLACES: Final = (
    Path(__file__).parents[1] / "_console",
    Path(__file__).parents[2] / "web" / "console" / "dist",
)
_PAGE: Final = "index.html"
_UNBUILT: Final = b"""<!doctype html><html lang="en"><title>Sevenfold</title>
<p>The console is not built in this checkout. Run <code>make console</code>, then load this page again.</p>"""
_HEADERS: Final = {
    **SECURITY_HEADERS,
    # Mantine writes its variables into style elements; previews of mails are frames without any right.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob: https:; font-src 'self' data:; connect-src 'self'; "
    "frame-src 'self' blob: data:; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "cache-control": "no-cache",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
_SEGMENTS_MAX: Final = 8


def folder() -> Path | None:
    """Where the built console is; none in a checkout that was not built."""
    return next((place for place in _PLACES if (place / _PAGE).is_file()), None)


class _Built:
    """The files as they were built last, by name; looked for again when the page is another."""

    def __init__(self) -> None:
        self._stamp = 0
        self._held: dict[str, Path] = {}

    def files(self) -> dict[str, Path]:
        """Every file; nothing in a checkout that was not built."""
        place = folder()
        if place is None:
            return {}
        stamp = (place / _PAGE).stat().st_mtime_ns
        if stamp != self._stamp:
            self._held = {str(file.relative_to(place)): file for file in place.rglob("*") if file.is_file()}
            self._stamp = stamp
        return self._held


def router(services: Services) -> Router:
    """The page at `/` and every place of the console, and what belongs to it under `/assets/`."""
    built = _Built()

    def sent(request: Request[Any, Any, Any], name: str, cache: str) -> Response[bytes]:
        held = built.files()
        file = held.get(name)
        if file is None:
            raise NotFoundException
        headers = {**_HEADERS, "cache-control": cache, "vary": "Accept-Encoding"}
        accepted = request.headers.get("accept-encoding", "").replace(" ", "").split(",")
        for encoding, ending in _ENCODINGS:
            if encoding in accepted and name + ending in held:
                headers["content-encoding"] = encoding
                file = held[name + ending]
                break
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        text = kind.startswith("text/") or kind == "image/svg+xml"
        return Response(
            file.read_bytes(), media_type=f"{kind}; charset=utf-8" if text else kind, headers=headers
        )

    def page(request: Request[Any, Any, Any]) -> Response[bytes]:
        if _PAGE not in built.files():
            return Response(_UNBUILT, media_type="text/html; charset=utf-8", headers=_HEADERS)
        return sent(request, _PAGE, "no-cache")

    @get("/", sync_to_thread=False)
    def home(request: Request[Any, Any, Any]) -> Response[Any]:
        return page(request)

    @get("/assets/{name:str}", sync_to_thread=True)
    def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
        return sent(request, f"assets/{name}", _FOR_EVER)

    @get("/{path:path}", sync_to_thread=True)
    def anywhere(request: Request[Any, Any, Any], path: FromPath[Path]) -> Response[Any]:
        name = str(path).lstrip("/")
        if name in built.files():
            return sent(request, name, "no-cache")
        # A place of the console has no ending and is asked for by a browser; all else does not exist.
        asked = "text/html" in request.headers.get("accept", "")
        if (
            not asked
            or name.startswith(("api/", "v1/"))
            or "." in name.rpartition("/")[2]
            or name.count("/") > _SEGMENTS_MAX
        ):
            raise NotFoundException
        return page(request)

    return Router(
        "/",
        route_handlers=[home, asset, anywhere],
        exception_handlers=EXCEPTION_HANDLERS,
        include_in_schema=False,
    )

"""`/view/{token}`: an e-mail as a page, rendered once more from what was decided."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from ...effects import Effect
from ...errors import SevenfoldError
from ...messages.templates import TemplateVersion
from ...workspace.models import Workspace
from ..returning import Returning
from ..sender.items import of_effect
from ..sender.rendering import Renderer, Unready
from ..tokens import VIEW, TokenError
from .pages import HEADERS

VERSIONS_FOLDER: Final = "templates"
"""Where the delivery process keeps versions of templates, in the data folder."""
_PIXEL: Final = re.compile(r'<img src="[^"]*/o/[^"/]+\.gif"[^>]*>')
_SHOWN: Final = {
    **HEADERS,
    # What a template's author wrote is shown, and cannot do anything: no scripts, no forms, no frames.
    "content-security-policy": (
        "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline' https:; "
        "font-src https: data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
    ),
}


class KeptVersions:
    """The versions that the delivery process keeps, read and never written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, version: TemplateVersion) -> None:
        return

    def find(self, digest: str) -> TemplateVersion | None:
        if not digest.isalnum():
            return None
        try:
            raw = (self._folder / f"{digest}.json").read_bytes()
            found = msgspec.json.decode(raw, type=TemplateVersion)
        except (OSError, msgspec.DecodeError):
            return None
        return found if found.digest == digest else None


class Views:
    """Shows messages to who was sent them."""

    def __init__(self, back: Returning) -> None:
        self._back = back
        folder: Path = back.services.settings.data_folder / VERSIONS_FOLDER
        self._renderer = Renderer(back.tokens, KeptVersions(folder), back.base)
        self._workspace: Workspace | None = None

    def html(self, token: str) -> str | None:
        """The message that a token is about, as HTML; None when it is not there (any more). Raises
        TokenError.
        """
        services = self._back.services
        about = self._back.tokens.read(VIEW, token, services.clock.now())
        try:
            found = services.history.message(about.effect)
        except SevenfoldError:
            return None
        if found is None or found.decision != "message":
            return None
        item = of_effect(
            Effect(found.time, "message", found.of, found.subject, found.journey, dict(found.data))
        )
        model = services.live.workspace.channels.get(found.channel or "")
        if item is None or found.template is None:
            return None
        if self._workspace is not services.live.workspace:
            self._workspace = services.live.workspace
            self._renderer.take_over(self._workspace)
        made = self._renderer.outgoing(item, model.type if model is not None else "email")
        if isinstance(made, Unready):
            return None
        content = made.content
        if content.html is not None:
            # To look at it here is no opening of the mail.
            return _PIXEL.sub("", content.html)
        text = content.text or content.body
        return None if text is None else f"<!doctype html><meta charset=utf-8><pre>{escape(text)}</pre>"

    def routes(self, invalid: Any) -> list[Any]:
        """The route; `invalid(request)` answers what is no message."""

        @get("/view/{token:str}", include_in_schema=False)
        async def view(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
            """The message as a page."""
            try:
                html = self.html(token)
            except TokenError:
                html = None
            if html is None:
                answer: Response[str] = await invalid(request)
                return answer
            return Response(html, media_type="text/html; charset=utf-8", headers=_SHOWN)

        return [view]

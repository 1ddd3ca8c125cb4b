"""From what was decided to what is handed over: the template's version, the values kept with the
decision, and addresses that lead back here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from ...channels.base import Outgoing
from ...limits import TEMPLATE_VERSIONS_KEPT_ITEMS_MAX
from ...messages.book import TemplateBook
from ...messages.compiling import CompiledTemplate
from ...messages.context import context_of_values, rows_by_key
from ...messages.faults import RenderError
from ...messages.links import Tracking
from ...messages.render import render
from ...messages.rendered import Rendered
from ...workspace.models import Workspace
from ..referral_codes import code_of, key_of
from ..tokens import CONFIRM, LINKS, OPEN, PREFERENCES, UNSUBSCRIBE, VIEW, About, Tokens
from .items import Item
from .versions import Versions, keep_all

_KEPT_BACK: Final = frozenset({"address", "values", "offer", "tried", "of", "subject", "t", "tries", "owed"})
"""What the fold says to the sender alone."""
_PLAIN: Final = frozenset({"missing_value", "no_content"})
"""Codes whose messages name fields and never hold a value."""


class Unready(Struct, frozen=True):
    """Why there is nothing to send: an outcome with its reason."""

    outcome: str
    reason: str
    detail: str = ""


class Renderer:
    """Renders for one workspace after another. `base` is the public address of the service, empty when it has
    none: then nothing is tracked, and what needs an unsubscribe link cannot be rendered.
    """

    def __init__(self, tokens: Tokens, versions: Versions, base: str) -> None:
        self._tokens, self._versions, self._base = tokens, versions, base.rstrip("/")
        self._workspace = Workspace(name="")
        self._book = TemplateBook(self._workspace)
        self._compiled: dict[tuple[str, str], CompiledTemplate] = {}
        """By name and digest, so that no digest is made for each message."""
        self._rows: dict[str, Any] = {}

    def take_over(self, workspace: Workspace) -> None:
        """Renders with a workspace's templates from now on; messages pinned to older versions keep them."""
        self._workspace, self._book, self._compiled = workspace, TemplateBook(workspace), {}
        self._rows = rows_by_key(workspace)
        keep_all(self._versions, workspace, self._book.version)

    def outgoing(self, item: Item, kind: str) -> Outgoing | Unready:
        """What to hand over on a channel of this kind."""
        name = item.data.get("template")
        if name is None:
            content: Rendered | Unready = Rendered(
                template="", digest="", channel=kind, locale="", payload=item.data.get("payload")
            )
        else:
            content = self.rendered(item, str(name), self._context(item), item.effect)
        if isinstance(content, Unready):
            return content
        address = item.data.get("address")
        return Outgoing(
            effect=item.effect,
            channel=item.channel,
            address=str(address) if address is not None else None,
            person=item.person,
            content=content,
            expires=item.expires,
            transactional=item.transactional,
            data={key: value for key, value in item.data.items() if key not in _KEPT_BACK},
        )

    def rendered(
        self, item: Item, name: str, context: Callable[[Mapping[str, str]], dict[str, Any]], message_id: str
    ) -> Rendered | Unready:
        """The content that a template's version makes."""
        digest = item.data.get("version")
        compiled = self._compiled_of(name, str(digest) if digest else "")
        if compiled is None:
            return Unready("render_error", "version_gone", f"no version {digest} of `{name}` is kept")
        values = item.data.get("values") or {}
        links = self._links(item)
        tracked = bool(self._base) and self._workspace.messaging.tracking
        found = render(
            compiled,
            context(links),
            locale=_text(
                item.data.get("locale") or values.get("person.locale") or values.get("person.language")
            ),
            zone=_text(item.data.get("zone") or values.get("person.timezone")),
            message_id=self._tokens.digest(LINKS, message_id),
            tracking=Tracking(self._base) if tracked else None,
        )
        if isinstance(found, RenderError):
            return Unready("render_error", found.code, found.message if found.code in _PLAIN else "")
        if (
            found.html is not None
            and found.channel == "email"
            and tracked
            and compiled.version.template.tracking
        ):
            pixel = f"{self._base}/o/{self._tokens.sign(OPEN, self._about(item))}.gif"
            return msgspec.structs.replace(found, html=_with_pixel(found.html, pixel))
        return found

    def _compiled_of(self, name: str, digest: str) -> CompiledTemplate | None:
        """A version of a template, ready; with an empty digest the one in force. None when it is gone."""
        found = self._compiled.get((name, digest))
        if found is None:
            version = self._book.version(name)
            if digest and (version is None or version.digest != digest):
                version = self._versions.find(digest)
            if version is None:
                return None
            if len(self._compiled) >= TEMPLATE_VERSIONS_KEPT_ITEMS_MAX:
                del self._compiled[next(iter(self._compiled))]
            found = self._compiled[name, digest] = self._book.compiled(version)
        return found

    def _context(self, item: Item) -> Callable[[Mapping[str, str]], dict[str, Any]]:
        data = item.data

        def made(links: Mapping[str, str]) -> dict[str, Any]:
            return context_of_values(
                self._workspace,
                data.get("values") or {},
                person_id=item.person,
                now=iso(item.t),
                event=data.get("event"),
                journey={"name": item.journey},
                step={**(data.get("data") or {}), "name": data.get("step")},
                offer=data.get("offer"),
                links=links,
                catalogue=self._rows,
            )

        return made

    def _about(self, item: Item) -> About:
        return About(item.effect, item.person, item.channel, str(item.data.get("category") or ""))

    def _code(self, person: str) -> str:
        return code_of(key_of(self._tokens), person)

    def _links(self, item: Item) -> dict[str, str]:
        if not self._base:
            return {}
        about, base, tokens = self._about(item), self._base, self._tokens
        return {
            "unsubscribe": f"{base}/u/{tokens.sign(UNSUBSCRIBE, about)}",
            "preferences": f"{base}/preferences/{tokens.sign(PREFERENCES, about)}",
            "view": f"{base}/view/{tokens.sign(VIEW, about)}",
            "confirm": f"{base}/confirm/{tokens.sign(CONFIRM, about)}",
            **({"referral": f"{base}/r/{self._code(item.person)}"} if item.person else {}),
        }


def iso(t: int) -> str:
    """A time in ms UTC as ISO 8601."""
    return datetime.fromtimestamp(t / 1_000, UTC).isoformat()


def _with_pixel(html: str, url: str) -> str:
    image = f'<img src="{url}" width="1" height="1" alt="" style="display:block;border:0">'
    at = html.lower().rfind("</body>")
    return html + image if at < 0 else html[:at] + image + html[at:]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


__all__ = ["Renderer", "Unready", "iso"]

"""Links in what was rendered: checked, given parameters, and rewritten so that clicks can be counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from html import escape, unescape
from typing import Final

from msgspec import Struct

from ..limits import TEMPLATE_LINKS_ITEMS_MAX

_ANCHOR: Final = re.compile(r"<(?:a|area)(?=[\s/>])", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"[\s/]+([^\s<=>/\"']+)(?:\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)'|([^\s<>\"']+)))?")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']+")
_TRAILING: Final = ".,;:!?)]}"
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_BLANKS: Final = re.compile(r"[\x00-\x20]+")
_RUNS_CODE: Final = frozenset({"javascript", "data", "vbscript"})
_SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Link(Struct, frozen=True):
    """A link that is followed: where it leads, and the id in the address that stands in the message."""

    id: str
    index: int
    url: str


class Tracking(Struct, frozen=True):
    """Where clicks are counted: `{base}/l/{id}`."""

    base: str


class BadLinkError(Exception):
    """A link that would run code."""


def link_id(message_id: str, index: int) -> str:
    """The id of a message's link: 20 hexadecimal digits, the same whenever it is rendered."""
    return blake2b(f"{message_id}\n{index}".encode(), digest_size=10).hexdigest()


class Links:
    """The links of one message, in order. ``kept`` are addresses that stay as they are: unsubscribe and the
    like.
    """

    def __init__(self, message_id: str, tracking: Tracking | None, kept: Mapping[str, object]) -> None:
        self.followed: list[Link] = []
        self._message_id = message_id
        self._tracking = tracking
        self._kept = tuple(str(url) for url in kept.values() if isinstance(url, str) and url)
        self._known: dict[str, str] = {}

    def address(self, url: str, again: bool = False) -> str:
        """The address to put in the message. ``again``: the same place, as in another part of the message.

        Raises BadLinkError for one that would run code.
        """
        url = url.strip()
        scheme = _SCHEME.match(_BLANKS.sub("", url))
        if scheme is not None and scheme[1].lower() in _RUNS_CODE:
            raise BadLinkError(url[:80])
        followed = url[:8].lower().startswith(("http://", "https://")) and not url.startswith(self._kept)
        if self._tracking is None or not followed or len(self.followed) >= TEMPLATE_LINKS_ITEMS_MAX:
            return url
        if again and url in self._known:
            return self._known[url]
        index = len(self.followed)
        link = Link(link_id(self._message_id, index), index, url)
        self.followed.append(link)
        found = f"{self._tracking.base.rstrip('/')}/l/{link.id}"
        self._known.setdefault(url, found)
        return found

    def in_html(self, html: str) -> str:
        """The HTML with every link's address replaced, and nothing else touched. ``data-no-track`` leaves one
        as it is. Raises BadLinkError.
        """
        return _rewritten(html, lambda url, track: self.address(url) if track else self._left(url))

    def _left(self, url: str) -> str:
        self._known[url] = url
        return url

    def in_text(self, text: str) -> str:
        """The text with every http address in it replaced. Raises BadLinkError."""
        return _ADDRESS.sub(self._in_text, text) if self._tracking is not None else text

    def _in_text(self, match: re.Match[str]) -> str:
        url = match[0].rstrip(_TRAILING)
        base = self._tracking.base if self._tracking is not None else ""
        if url.startswith(f"{base.rstrip('/')}/l/"):
            return match[0]
        return self.address(url, again=True) + match[0][len(url) :]


def _rewritten(html: str, make: Callable[[str, bool], str]) -> str:
    parts: list[str] = []
    end = 0
    for anchor in _ANCHOR.finditer(html):
        at = anchor.end()
        span: tuple[int, int] | None = None
        quoted, tracked = True, True
        while (attribute := _ATTRIBUTE.match(html, at)) is not None:
            name = attribute[1].lower()
            if name == "href" and span is None:
                group = next((number for number in (2, 3, 4) if attribute[number] is not None), 0)
                if group:
                    span, quoted = attribute.span(group), group != 4
            elif name == "data-no-track":
                tracked = False
            at = attribute.end()
        if span is None or span[0] < end:
            continue
        url = unescape(html[span[0] : span[1]])
        address = make(url, tracked)
        if address != url.strip() or address != url:
            written = escape(address)
            parts.extend((html[end : span[0]], written if quoted else f'"{written}"'))
            end = span[1]
    return "".join((*parts, html[end:])) if parts else html


def percent_encoded(text: str) -> str:
    """A text as it may stand in a query: UTF-8, everything but letters, digits and ``-._~`` escaped."""
    return "".join(
        char if char in _SAFE else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in text
    )


def with_query(url: str, added: Mapping[str, str]) -> str:
    """The address with these parameters after those it has; an old one of the same name goes."""
    base, hash_, fragment = url.partition("#")
    path, _, query = base.partition("?")
    new = {percent_encoded(key): percent_encoded(value) for key, value in added.items()}
    kept = [pair for pair in query.split("&") if pair and pair.partition("=")[0] not in new]
    pairs = "&".join([*kept, *(f"{key}={value}" for key, value in new.items())])
    return f"{path}?{pairs}{hash_}{fragment}" if pairs else url

"""A message's HTML as blocks, so that a page draws it without markup: `[tag, {attributes}, ...children]`.

It is cleaned first (nh3): scripts, styles, forms, event handlers and addresses other than of the web, to
write or to call do not survive.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, Final

import nh3

from ...limits import INAPP_HTML_LEVELS_MAX

TAGS: Final = frozenset(
    {
        *("p", "br", "strong", "b", "em", "i", "u", "a", "ul", "ol", "li", "h2", "h3", "blockquote", "code"),
        *("pre", "span", "div", "img", "hr"),
    }
)
_ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "p": {"dir", "lang"},
    "span": {"dir", "lang"},
    "div": {"dir", "lang"},
}
_SCHEMES: Final = {"http", "https", "mailto", "tel"}
_VOID: Final = frozenset({"br", "hr", "img"})


class _Blocks(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.top: list[Any] = []
        self._open: list[list[Any]] = []

    def _add(self, child: Any) -> None:
        (self._open[-1] if self._open else self.top).append(child)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        block: list[Any] = [tag, {name: value or "" for name, value in attrs}]
        if len(self._open) < INAPP_HTML_LEVELS_MAX:
            self._add(block)
        if tag not in _VOID:
            self._open.append(block)

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag not in _VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._add(data)


def blocks_of(html: str) -> list[Any]:
    """What is left of some HTML when nothing in it can do anything."""
    clean = nh3.clean(
        html, tags=set(TAGS), attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel="noopener noreferrer"
    )
    parser = _Blocks()
    parser.feed(clean)
    parser.close()
    return parser.top

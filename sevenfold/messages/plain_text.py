"""The plain part of an e-mail, made from its HTML once, with the Liquid in it left in place."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from .sources import LIQUID, Piece, Source

_BLOCKS: Final = frozenset({
    "p", "div", "table", "tbody", "thead", "tr", "section", "article", "header", "footer", "blockquote",
    "pre", "form", "center", "figure", "figcaption", "main", "nav", "address", "dl", "dt", "dd",
})  # fmt: skip
_PARAGRAPHS: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre"})
_SKIPPED: Final = frozenset({"script", "style", "head", "title", "template", "noscript"})
_VOID: Final = frozenset({"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "wbr"})
_HIDDEN: Final = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_MARK: Final = re.compile("\ue000(\\d+)\ue001")
_TOKEN: Final = re.compile(
    r"<!--(?:.*?-->|.*)|<[!?][^<>]*>|<(/?)([A-Za-z][^\s/<>\"']*)((?:[^\"'<>]|\"[^\"<]*\"|'[^'<]*')*)>",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"([^\s=/\"']+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))")
_BLANK: Final = re.compile(r"[ \t\r\f\v\xa0\u200c\u034f]+")
_SPACE: Final = re.compile(r"\s+")


def text_source(html: Source) -> Source:
    """The text of an HTML source. Liquid stands where it stood, and knows its place."""
    kept: list[tuple[str, int]] = []

    def mark(match: re.Match[str], path: object, line: int) -> list[Piece]:
        kept.append((match[0], match.start()))
        return [Piece(f"\ue000{len(kept) - 1}\ue001", (), line, verbatim=False)]

    marked = html.replace(LIQUID, mark)
    text = tidy(_Reader().read(marked.text))
    pieces: list[Piece] = []
    end = 0
    path, line = html.place(0)
    for match in _MARK.finditer(text):
        pieces.append(Piece(text[end : match.start()], path, line, verbatim=False))
        liquid, at = kept[int(match[1])]
        path, line = html.place(at)
        pieces.append(Piece(liquid, path, line))
        end = match.end()
    return Source([*pieces, Piece(text[end:], path, line, verbatim=False)])


def text_of_html(html: str) -> str:
    """The text of HTML that holds no Liquid, such as a partial's."""
    return text_source(Source([Piece(html, ())])).text


def tidy(text: str) -> str:
    """No space at ends of lines, no more than one empty line, no empty lines around."""
    lines = [_BLANK.sub(" ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Reader:
    """Collects what a person would read. It reads tags by itself: the library's parser takes time that grows
    with the square of what is not closed.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._skipped = ("", 0)
        self._links: list[tuple[str, int]] = []
        self._lists: list[int | None] = []
        self._after_address = False

    def read(self, html: str) -> str:
        end = 0
        for match in _TOKEN.finditer(html):
            self._data(html[end : match.start()])
            end = match.end()
            if match[2] is not None:
                name = match[2].lower()
                if self._skipped[1]:
                    self._skip(name, bool(match[1]))
                elif match[1]:
                    self._closed(name)
                else:
                    self._opened(name, match[3])
        self._data(html[end:])
        return "".join(self._parts)

    def _skip(self, name: str, closing: bool) -> None:
        """Counts what is open of the element that is not shown."""
        tag, depth = self._skipped
        if name == tag:
            self._skipped = (tag, depth - 1 if closing else depth + 1)

    def _data(self, text: str) -> None:
        if text and not self._skipped[1]:
            # Whatever is glued to an address becomes part of it.
            glued = self._after_address and (text[0].isalnum() or text[0] == "\ue000")
            self._parts.append((" " if glued else "") + _SPACE.sub(" ", unescape(text)))
            self._after_address = False

    def _line(self, lines: int = 1) -> None:
        self._parts.append("\n" * lines)

    def _opened(self, tag: str, attributes: str) -> None:
        given = {
            match[1].lower(): unescape(match[2] or match[3] or match[4] or "")
            for match in _ATTRIBUTE.finditer(attributes)
        }
        if tag in _SKIPPED or _HIDDEN.search(given.get("style", "")):
            if tag not in _VOID and not attributes.endswith("/"):
                self._skipped = (tag, 1)
            return
        if tag in _PARAGRAPHS:
            self._line(2)
        elif tag in _BLOCKS or tag == "br":
            self._line()
        elif tag in ("td", "th"):
            self._parts.append(" ")
        if tag == "hr":
            self._parts.append("\n---\n")
        elif tag == "a":
            self._links.append((given.get("href", ""), len(self._parts)))
        elif tag == "img" and self._links and given.get("alt"):
            self._parts.append(given["alt"])
        elif tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._item()

    def _item(self) -> None:
        number = self._lists[-1] if self._lists else None
        self._parts.append("\n- " if number is None else f"\n{number}. ")
        if number is not None:
            self._lists[-1] = number + 1

    def _closed(self, tag: str) -> None:
        if tag == "a" and self._links:
            url, start = self._links.pop()
            inside = _SPACE.sub(" ", "".join(self._parts[start:]))
            label = inside.strip()
            del self._parts[start:]
            self._parts.append(" " * inside.startswith(" "))
            shown = url.removeprefix("mailto:").removeprefix("tel:")
            if not url or url.startswith("#") or label == shown:
                self._parts.append(label or shown)
            else:
                self._parts.append(f"{label}: {shown}" if label else shown)
            self._after_address = True
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            self._line(2)
        elif tag in _PARAGRAPHS:
            self._line(2)
        elif tag in _BLOCKS:
            self._line()

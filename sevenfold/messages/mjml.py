"""MJML to HTML, once for each version and language: Liquid is left in place, and rendered in the HTML.

Every piece of Liquid becomes a word that the compiler takes for text. Between components, where MJML allows
no text, the word is put in an `mj-raw`. What is not MJML is found here, with its line: the compiler itself
lets most mistakes pass, and would end the process on very deep nesting.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from mjml import mjml2html

from ..limits import TEMPLATE_MARKUP_LEVELS_MAX
from ..workspace.problems import Path, likely
from .faults import Fault, TemplateFaultError
from .sources import LIQUID, Piece, Source

_CONTENT: Final = frozenset({
    "mj-text", "mj-button", "mj-table", "mj-raw", "mj-accordion-title", "mj-accordion-text", "mj-navbar-link",
    "mj-social-element", "mj-title", "mj-preview", "mj-style", "mj-html-attribute",
})  # fmt: skip
"""Elements whose inside is text or HTML."""
_CONTAINERS: Final = frozenset({"mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"})
"""Elements that may hold an `mj-raw`."""
_OTHERS: Final = frozenset({
    "mjml", "mj-head", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint", "mj-font",
    "mj-html-attributes", "mj-selector", "mj-accordion", "mj-accordion-element", "mj-carousel",
    "mj-carousel-image", "mj-divider", "mj-image", "mj-navbar", "mj-social", "mj-spacer",
})  # fmt: skip
_KNOWN: Final = _CONTENT | _CONTAINERS | _OTHERS
_VOID: Final = frozenset({"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "wbr"})
_WORD: Final = re.compile(r"zlq(\d{6})qlz")
_TOKEN: Final = re.compile(
    r"<!--(?:.*?-->|.*)|<(/?)([A-Za-z][\w-]*)((?:[^\"'<>]|\"[^\"<]*\"|'[^'<]*')*)>|zlq\d{6}qlz", re.DOTALL
)
_BARE_AND: Final = re.compile(r"&(?!#\d+;|#[xX][0-9a-fA-F]+;|\w+;)")
_BARE_LESS: Final = re.compile(r"<(?![A-Za-z/!?])")
_ROOT: Final = re.compile(r"<mjml[\s>/]")


def compile_mjml(source: Source, language: str) -> Source:
    """The HTML of an MJML source. Raises TemplateFaultError at the line of the first mistake."""
    path, first = source.place(0)
    if _WORD.search(source.text):
        raise _fault(path, first, "the text `zlq000000qlz` is one that templates cannot hold")
    kept: list[tuple[Piece, ...]] = []

    def mark(match: re.Match[str], path: Path, line: int) -> list[Piece]:
        kept.append(tuple(source.cut(match.start(), match.end())))
        return [Piece(f"zlq{len(kept) - 1:06d}qlz", path, line, verbatim=False)]

    marked = source.replace(LIQUID, mark)
    root, end = _ROOT.search(marked.text), marked.text.rfind("</mjml>")
    if root is None or end < root.start():
        raise _fault(path, first, "there is no `<mjml>` element", "begin with <mjml><mj-body>")
    # What stands around the root, such as assignments, goes around the HTML.
    before, body = marked.text[: root.start()], Source(marked.cut(root.start(), end + len("</mjml>")))
    after = marked.text[end + len("</mjml>") :]
    html = _compiled(_BARE_LESS.sub("&lt;", _BARE_AND.sub("&amp;", _wrapped(body))))
    if isinstance(html, Fault):
        raise TemplateFaultError(Fault(html.code, html.message, path, first, html.fix))
    html = html.replace('lang="und"', f'lang="{language}"')
    return _restored("".join((*_words(before), html, *_words(after))), kept)


def _words(text: str) -> list[str]:
    return [match[0] for match in _WORD.finditer(text)]


def _wrapped(source: Source) -> str:
    """The text with every word between components in an `mj-raw`, once all elements are known and closed."""
    parts: list[str] = []
    opened: list[tuple[str, int]] = []
    end = 0
    for match in _TOKEN.finditer(source.text):
        parts.append(source.text[end : match.start()])
        end = match.end()
        text, name = match[0], (match[2] or "").lower()
        if text.startswith("zlq"):
            parts.append(_placed(source, match.start(), text, opened))
            continue
        parts.append(text)
        if name:
            _follow(source, match, name, opened)
    if opened:
        name, at = opened[-1]
        raise _fault(*source.place(at), f"<{name}> is never closed", f"write </{name}>")
    return "".join((*parts, source.text[end:]))


def _placed(source: Source, at: int, word: str, opened: list[tuple[str, int]]) -> str:
    inside = opened[-1][0] if opened else ""
    if any(name in _CONTENT for name, _ in opened):
        return word
    if inside in _CONTAINERS:
        return f"<mj-raw>{word}</mj-raw>"
    message = f"Liquid cannot stand directly in <{inside}>"
    fix = "put it inside a text, between sections or columns, or in an attribute"
    raise _fault(*source.place(at), message, fix)


def _follow(source: Source, match: re.Match[str], name: str, opened: list[tuple[str, int]]) -> None:
    """Keeps account of what is open; refuses what is unknown, mismatched or too deep."""
    place = source.place(match.start())
    if name.startswith("mj") and name not in _KNOWN:
        if name == "mj-include":
            fix = "write {% render 'name' %}"
            raise _fault(*place, "<mj-include> reads files, which templates cannot", fix)
        raise _fault(*place, f"there is no element <{name}>", likely(name, _KNOWN))
    if match[1]:
        if not opened or opened[-1][0] != name:
            said = f"; <{opened[-1][0]}> is open" if opened else ""
            raise _fault(*place, f"</{name}> closes nothing{said}")
        opened.pop()
    elif not match[3].rstrip().endswith("/") and name not in _VOID:
        opened.append((name, match.start()))
        if len(opened) > TEMPLATE_MARKUP_LEVELS_MAX:
            message = f"more than {TEMPLATE_MARKUP_LEVELS_MAX} elements inside one another"
            raise TemplateFaultError(Fault("too_much", message, *place))


@lru_cache(maxsize=256)
def _compiled(text: str) -> str | Fault:
    try:
        return mjml2html(text)
    except Exception as error:
        return Fault("markup", f"this is not MJML: {error}", fix="close every element, also <br/>")
    except BaseException as error:
        # A panic of the compiler, which is written in Rust, is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        return Fault("markup", "the MJML compiler failed", fix="make the template simpler")


def _restored(html: str, kept: list[tuple[Piece, ...]]) -> Source:
    pieces: list[Piece] = []
    end = 0
    path: Path = ()
    line = 1
    for match in _WORD.finditer(html):
        original = kept[int(match[1])]
        pieces.append(Piece(html[end : match.start()], path or original[0].path, line, verbatim=False))
        pieces.extend(original)
        path, line = original[-1].path, original[-1].line
        end = match.end()
    return Source([*pieces, Piece(html[end:], path, line, verbatim=False)])


def _fault(path: Path, line: int, message: str, fix: str = "") -> TemplateFaultError:
    return TemplateFaultError(Fault("markup", message, path, line, fix))

"""One wording of a template, compiled: its layout, MJML, plain part, buttons and payload."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..limits import TEMPLATE_BYTES_MAX, TEMPLATE_NESTING_LEVELS_MAX
from ..workspace.problems import Path
from .diagnosis import unclosed
from .faults import Fault, TemplateFaultError
from .language import Escaping, Language
from .mjml import compile_mjml
from .parts import Part
from .plain_text import text_of_html, text_source
from .sources import Piece, Source
from .templates import Button, TemplateVersion, locale_key, partials_for

PREHEADER_MARK: Final = "<!--preheader-->"
"""Where the preheader goes in compiled HTML."""
_RENDER: Final = re.compile(r"""\{%-?\s*(?:render|include)\s+(["'])(.*?)\1(.*?)-?%\}""", re.DOTALL)
_CONTENT: Final = re.compile(r"\{\{-?\s*content\s*-?\}\}")
_BODY: Final = re.compile(r"<body\b[^<>]*>", re.IGNORECASE)
_MARKED: Final = re.compile(r"<mj-")
_TEXTS: Final = ("subject", "preheader", "title", "body", "text", "image", "link")


class CompiledWording:
    """One wording of a template: its texts by field, its buttons and payload."""

    def __init__(self, version: TemplateVersion, key: str, faults: list[Fault]) -> None:
        self.key = key
        self._version = version
        self._faults = faults
        self._languages: dict[Escaping, Language] = {}
        self._partials = partials_for(version, key)
        self.parts: dict[str, Part] = {}
        self.buttons: list[tuple[Part, Part, str]] = []
        self.payload: Any = None
        template = version.template
        chat: Escaping = "chat" if version.kind == "slack" else "text"
        for field in _TEXTS:
            self._add(field, "chat" if field == "body" and chat == "chat" else "text")
        for field in ("from", "reply_to"):
            value = template.from_ if field == "from" else template.reply_to
            if value is not None:
                self._keep(field, value, (*self._top, field), "text")
        self._html()
        self._buttons_and_payload(chat)

    @property
    def _top(self) -> Path:
        return ("templates", self._version.name)

    def given(self, field: str) -> tuple[Any, Path]:
        """The value of a field in this wording, and where it stands; else that of the template itself."""
        template = self._version.template
        if self.key:
            value = getattr(template.locales[self.key], field)
            if value is not None:
                return value, (*self._top, "locales", self.key, field)
        return getattr(template, field), (*self._top, field)

    def all_parts(self) -> Iterator[Part]:
        """Every text of the wording."""
        yield from self.parts.values()
        for label, link, _ in self.buttons:
            yield from (label, link)
        yield from _parts_in(self.payload)

    def language(self, escaping: Escaping) -> Language:
        """The Liquid for texts that are escaped like this, with the version's partials."""
        found = self._languages.get(escaping)
        if found is None:
            partials: Mapping[str, str] = self._partials
            if escaping == "plain":
                partials = {name: text_of_html_partial(text) for name, text in partials.items()}
            found = self._languages[escaping] = Language(
                escaping, partials, self._version.partials
            ).with_filters()
        return found

    def _origin(self, name: str, text: str) -> str:
        """The full name of the partial that gave the text."""
        given = self._version.partials
        return next((one for one in given if one.startswith(name) and given[one] == text), name)

    def _add(self, field: str, escaping: Escaping) -> None:
        value, path = self.given(field)
        if isinstance(value, str):
            self._keep(field, value, path, escaping)

    def _keep(self, field: str, text: str, path: Path, escaping: Escaping) -> None:
        part = self._part(Source([Piece(text, path)]), escaping)
        if part is not None:
            self.parts[field] = part

    def _part(self, source: Source, escaping: Escaping) -> Part | None:
        try:
            if len(source.text) > TEMPLATE_BYTES_MAX:
                message = f"the text is larger than {TEMPLATE_BYTES_MAX} bytes"
                raise TemplateFaultError(Fault("too_much", message, *source.place(0)))
            return Part(source, self.language(escaping))
        except TemplateFaultError as error:
            self._faults.append(error.fault)
            return None

    def _html(self) -> None:
        """The HTML, from MJML or as it is, and the plain part where none is given."""
        try:
            source = self._html_source()
        except TemplateFaultError as error:
            self._faults.append(error.fault)
            return
        part = self._part(_with_mark(source), "html") if source is not None else None
        if source is None or part is None:
            return
        self.parts["html"] = part
        if "text" not in self.parts and self._version.kind == "email":
            derived = self._part(text_source(source), "plain")
            if derived is not None:
                self.parts["text"] = derived

    def _html_source(self) -> Source | None:
        mjml, mjml_path = self.given("mjml")
        html, html_path = self.given("html")
        if mjml is not None and html is not None:
            if len(mjml_path) == len(html_path):
                message = "a template has `mjml` or `html`, not both"
                raise TemplateFaultError(Fault("markup", message, html_path, 1))
            # The wording's own goes before the template's.
            mjml = mjml if len(mjml_path) > len(html_path) else None
        if isinstance(mjml, str):
            whole = self._composed(mjml, mjml_path, marked=True)
            return compile_mjml(whole, locale_key(self.key or self._version.template.locale))
        return self._composed(html, html_path, marked=False) if isinstance(html, str) else None

    def _composed(self, text: str, path: Path, marked: bool) -> Source:
        """The text in its layout, with partials that hold MJML written out."""
        if (broken := unclosed(text)) is not None:
            line = 1 + text.count("\n", 0, broken[0])
            raise TemplateFaultError(Fault("syntax", broken[1], path, line))
        source = Source([Piece(text, path)])
        layout = self._version.template.layout
        if layout is not None:
            frame = self._partials.get(layout)
            if frame is None:
                message, at = f"there is no partial `{layout}`", (*self._top, "layout")
                raise TemplateFaultError(Fault("unknown_partial", message, at, 1))
            inner = source
            if (broken := unclosed(frame)) is not None:
                line = 1 + frame.count("\n", 0, broken[0])
                raise TemplateFaultError(Fault("syntax", broken[1], ("partials", layout), line))
            outer = Source([Piece(frame, ("partials", self._origin(layout, frame)))])
            if len(_CONTENT.findall(frame)) != 1:
                message = "a layout has `{{ content }}` exactly once"
                raise TemplateFaultError(Fault("unknown_partial", message, ("partials", layout), 1))
            source = outer.replace(_CONTENT, lambda *_: inner.pieces)
        return self._written_out(source, 0) if marked else source

    def _written_out(self, source: Source, depth: int) -> Source:
        if depth > TEMPLATE_NESTING_LEVELS_MAX or len(source.text) > TEMPLATE_BYTES_MAX:
            raise TemplateFaultError(
                Fault("too_much", "partials inside partials without end", *source.place(0))
            )
        partials = self._partials
        found = False

        def write_out(match: re.Match[str], path: Path, line: int) -> list[Piece]:
            nonlocal found
            text = partials.get(match[2])
            if text is None or not _MARKED.search(text):
                return source.cut(match.start(), match.end())
            if match[3].strip():
                message = f"the partial `{match[2]}` holds MJML and so takes no arguments"
                fix = "assign what it needs before"
                raise TemplateFaultError(Fault("markup", message, path, line, fix))
            found = True
            return [Piece(text, ("partials", self._origin(match[2], text)))]

        whole = source.replace(_RENDER, write_out)
        return self._written_out(whole, depth + 1) if found else whole

    def _buttons_and_payload(self, escaping: Escaping) -> None:
        buttons, path = self.given("buttons")
        for index, button in enumerate(buttons or []):
            assert isinstance(button, Button)
            label = self._part(Source([Piece(button.label, (*path, index, "label"))]), "text")
            link = self._part(Source([Piece(button.link, (*path, index, "link"))]), "text")
            if label is not None and link is not None:
                self.buttons.append((label, link, button.name))
        payload, path = self.given("payload")
        self.payload = self._tree(payload, path, escaping, 0)

    def _tree(self, value: Any, path: Path, escaping: Escaping, depth: int) -> Any:
        if depth > TEMPLATE_NESTING_LEVELS_MAX:
            message = f"more than {TEMPLATE_NESTING_LEVELS_MAX} levels"
            self._faults.append(Fault("too_much", message, path, 1))
            return None
        if isinstance(value, str):
            return self._part(Source([Piece(value, path)]), escaping)
        if isinstance(value, Mapping):
            return {key: self._tree(item, (*path, key), escaping, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            items = enumerate(value)
            return [self._tree(item, (*path, index), escaping, depth + 1) for index, item in items]
        return value


def _parts_in(value: Any) -> Iterator[Part]:
    if isinstance(value, Part):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _parts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _parts_in(item)


def text_of_html_partial(text: str) -> str:
    """A partial for the plain part, where it holds HTML."""
    return text_of_html(text) if "<" in text else text


def _with_mark(source: Source) -> Source:
    """The HTML with the place of the preheader marked, after its `<body>`."""
    body = _BODY.search(source.text)
    at = body.end() if body is not None else 0
    path, line = source.place(at)
    mark = Piece(PREHEADER_MARK, path, line, verbatim=False)
    return Source([*source.cut(0, at), mark, *source.cut(at, len(source.text))])

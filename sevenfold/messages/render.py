"""A compiled template and what is known of somebody, to what they are sent. Nothing in either can raise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import getaddresses
from html import escape
from typing import Any, Final

import msgspec
from liquid import Markup
from liquid import escape as escaped
from liquid.exceptions import LiquidError, ResourceLimitError, UndefinedError

from ..limits import TEMPLATE_CLIPPED_BYTES, TEMPLATE_NESTING_LEVELS_MAX
from ..workspace.problems import Path, likely
from .bounds import room, size_of
from .compiling import CompiledTemplate
from .faults import Fault, RenderError, TemplateFaultError, refused
from .links import BadLinkError, Links, Tracking
from .lookups import Absent, Missing
from .naming import names_for
from .parts import Part, fault_of
from .plain_text import tidy
from .rendered import Rendered, RenderedButton
from .templates import CHANNELS
from .wordings import PREHEADER_MARK, CompiledWording

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\s]+")
_ONE_LINE: Final = frozenset({"subject", "preheader", "title", "from", "reply_to", "image", "link"})
_PADDING: Final = "&#847;&zwnj;&nbsp;" * 40
"""Keeps mail programs from showing the beginning of the body after a short preheader."""


def render(
    compiled: CompiledTemplate,
    context: Mapping[str, Any],
    *,
    locale: str | None = None,
    zone: str | None = None,
    message_id: str = "",
    tracking: Tracking | None = None,
) -> Rendered | RenderError:
    """What ``context`` makes of a template.

    ``context`` holds plain JSON under the names of ``language.ROOTS``; ``now`` is ISO 8601 or ms UTC.
    ``locale`` and ``zone`` are the person's (else the template's and the workspace's). Links are rewritten
    only with ``tracking`` and where the template allows it; their ids depend on ``message_id`` and their
    place alone.
    """
    if compiled.faults:
        return refused(compiled.faults[0])
    try:
        return _Rendering(compiled, context, locale, zone, message_id, tracking).result()
    except TemplateFaultError as error:
        return refused(error.fault)


class _Rendering:
    def __init__(
        self, compiled: CompiledTemplate, context: Mapping[str, Any], locale: str | None, zone: str | None,
        message_id: str, tracking: Tracking | None,
    ) -> None:  # fmt: skip
        self._compiled = compiled
        self._version = compiled.version
        self._wording, self._locale = compiled.wording(locale)
        links = context.get("links")
        self._addresses: Mapping[str, Any] = links if isinstance(links, Mapping) else {}
        followed = tracking if self._version.template.tracking else None
        self._links = Links(message_id, followed, self._addresses)
        self._names = names_for(self._version, context, self._locale, zone)

    def _top(self, *field: str | int) -> Path:
        return ("templates", self._version.name, *field)

    def _fault(self, code: str, message: str, path: Path, fix: str = "") -> TemplateFaultError:
        return TemplateFaultError(Fault(code, message, path, 1, fix))

    # ------------------------------------------------------------------------------------------------- texts

    def _text(self, part: Part) -> str:
        text: str = self._guarded(part, lambda: part.template.write(self._names))
        if part.language.escaping == "chat":
            # Slack knows three escapes; those of quotes would be read as they stand.
            return text.replace("&#34;", '"').replace("&#39;", "'")
        return tidy(text) if part.language.escaping == "plain" else text

    def _guarded(self, part: Part, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except UndefinedError as error:
            raise TemplateFaultError(_missing(error, part)) from error
        except LiquidError as error:
            fault = fault_of(error, part.source, part.language.written)
            code = "bad_value" if fault.code == "syntax" else fault.code
            raise TemplateFaultError(msgspec.structs.replace(fault, code=code)) from error
        except Exception as error:
            # Values of kinds that Liquid did not foresee end in any of Python's errors.
            message = f"a value cannot be used here: {type(error).__name__}"
            raise TemplateFaultError(Fault("bad_value", message, *part.source.place(0))) from error

    def _field(self, field: str) -> str | None:
        part = self._wording.parts.get(field)
        if part is None:
            return None
        text = self._text(part)
        return (_CONTROLS.sub(" ", text) if field in _ONE_LINE else text).strip()

    def _address(self, part: Part, url: str) -> str:
        try:
            return self._links.address(url)
        except BadLinkError as error:
            raise self._bad_link(error, part) from error

    def _bad_link(self, error: BadLinkError, part: Part) -> TemplateFaultError:
        message = f"`{error}` would run code"
        return TemplateFaultError(Fault("bad_link", message, *part.source.place(0)))

    # ------------------------------------------------------------------------------------------------ result

    def result(self) -> Rendered:
        wording = self._wording
        texts = {field: self._field(field) for field in ("subject", "preheader", "title", "body", "image")}
        html = self._html(texts["preheader"])
        link = self._field("link")
        if link:
            link = self._address(wording.parts["link"], link)
        buttons = tuple(self._buttons(wording))
        found = Rendered(
            template=self._version.name, digest=self._compiled.digest, channel=self._version.kind,
            locale=self._locale, html=html, text=self._in_text("text", self._field("text")), link=link,
            buttons=buttons, payload=self._payload(wording.payload, 0), from_=self._sender("from"),
            reply_to=self._sender("reply_to"), headers=self._headers(), subject=texts["subject"],
            preheader=texts["preheader"], title=texts["title"], image=texts["image"],
            body=self._in_text("body", texts["body"]),
        )  # fmt: skip
        self._complete(found)
        warnings = tuple(_warnings(found))
        return msgspec.structs.replace(found, links=tuple(self._links.followed), warnings=warnings)

    def _html(self, preheader: str | None) -> str | None:
        part = self._wording.parts.get("html")
        if part is None:
            return None
        style = "display:none;max-height:0;overflow:hidden;mso-hide:all;"
        line = f'<div style="{style}">{escape(preheader)}{_PADDING}</div>' if preheader else ""
        html = self._text(part).replace(PREHEADER_MARK, line, 1)
        try:
            return self._links.in_html(html)
        except BadLinkError as error:
            raise self._bad_link(error, part) from error

    def _in_text(self, field: str, text: str | None) -> str | None:
        if text is None or (field == "body" and self._version.kind in ("slack", "teams", "webhook")):
            return text
        return self._links.in_text(text)

    def _buttons(self, wording: CompiledWording) -> list[RenderedButton]:
        found = []
        for index, (label, link, name) in enumerate(wording.buttons):
            text = _CONTROLS.sub(" ", self._text(label)).strip()
            address = self._address(link, _CONTROLS.sub("", self._text(link)))
            found.append(RenderedButton(text, address, name or str(index + 1)))
        return found

    def _payload(self, value: Any, depth: int) -> Any:
        if isinstance(value, Part):
            if depth:
                return self._leaf(value)
            text = self._text(value)
            try:
                return msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError) as error:
                fix = "insert values with `| json`"
                path, line = value.source.place(0)
                message = f"the payload is not JSON: {error}"
                raise TemplateFaultError(Fault("bad_payload", message, path, line, fix)) from error
        if isinstance(value, Mapping):
            return {key: self._payload(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self._payload(item, depth + 1) for item in value]
        return value

    def _leaf(self, part: Part) -> Any:
        if not part.single:
            return self._text(part)
        value = self._guarded(part, lambda: _sized(part.template.value(self._names)))
        if isinstance(value, Missing):
            error = UndefinedError(
                object.__getattribute__(value, "msg"), token=object.__getattribute__(value, "token")
            )
            raise TemplateFaultError(_missing(error, part))
        if part.language.escaping == "chat" and isinstance(value, str):
            text = str(value) if isinstance(value, Markup) else str(escaped(value))
            return text.replace("&#34;", '"').replace("&#39;", "'")
        return self._guarded(part, lambda: _plain(value, 0))

    def _sender(self, field: str) -> str | None:
        text = self._field(field)
        if not text:
            return None
        found = getaddresses([text])
        if len(found) != 1 or not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", found[0][1]):
            message = f"`{text[:80]}` is not one e-mail address"
            raise self._fault("bad_address", message, self._top(field), "write Name <name@example.com>")
        return text

    def _headers(self) -> dict[str, str]:
        if self._version.kind != "email":
            return {}
        leave = self._addresses.get("unsubscribe")
        if not isinstance(leave, str) or not re.fullmatch(r"[^\s<>]+", leave):
            if self._version.template.transactional:
                return {}
            raise self._fault("missing_value", "`links.unsubscribe` is missing", self._top())
        headers = {"List-Unsubscribe": f"<{leave}>"}
        if leave.startswith("https://"):
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return headers

    def _complete(self, found: Rendered) -> None:
        """Every group of fields that the channel needs has one with something in it."""
        for alternatives in CHANNELS[self._version.kind]:
            fields = tuple("html" if field == "mjml" else field for field in alternatives)
            if not any(_filled(getattr(found, field)) for field in fields):
                said = " or ".join(dict.fromkeys(fields))
                raise self._fault("no_content", f"{said} is empty", self._top(fields[0]))


def _filled(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _warnings(found: Rendered) -> list[str]:
    size = len((found.html or "").encode())
    if found.channel == "email" and size > TEMPLATE_CLIPPED_BYTES:
        return [f"the HTML has {size:,} bytes; Gmail clips at {TEMPLATE_CLIPPED_BYTES:,}"]
    return []


def _sized(value: Any) -> Any:
    room("payload", size_of(value))
    return value


def _plain(value: Any, depth: int) -> Any:
    """A value as JSON. Raises TypeError for what is none."""
    if depth > TEMPLATE_NESTING_LEVELS_MAX:
        raise ResourceLimitError(f"more than {TEMPLATE_NESTING_LEVELS_MAX} levels", token=None)
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(item, depth + 1) for item in value]
    raise TypeError("no JSON")


def _missing(error: UndefinedError, part: Part) -> Fault:
    """What was asked for, the likely name, and how to live without it."""
    fault = fault_of(error, part.source, part.language.written)
    absent = error.message
    if not isinstance(absent, Absent):
        return msgspec.structs.replace(fault, code="missing_value")
    path = [str(one) for one in absent.path]
    name = ".".join(path)
    fix = ""
    for part_name in path[1:]:
        if part_name not in absent.known and (near := likely(part_name, absent.known)):
            word = near.split("`")[1]
            fix = f"did you mean `{'.'.join(word if one == part_name else one for one in path)}`?"
    fix = fix or f'say what stands there without it: {{{{ {name} | default: "..." }}}}'
    return msgspec.structs.replace(fault, code="missing_value", message=f"`{name}` is missing", fix=fix)

"""Templates of a workspace: what a message says, in which languages, through which kind of channel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from ..limits import TEMPLATE_NESTING_LEVELS_MAX
from ..workspace.base import Model

CHANNELS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "email": (("subject",), ("html", "mjml", "text")),
    "sms": (("body",),),
    "whatsapp": (("body", "payload"),),
    "web_push": (("title",), ("body",)),
    "app_push": (("title",), ("body",)),
    "in_app": (("title", "body", "html", "payload"),),
    "popup": (("title", "body", "html", "payload"),),
    "slack": (("body", "payload"),),
    "teams": (("body", "payload"),),
    "webhook": (("payload",),),
    "ads": (("payload",),),
}
"""The kinds of channel, each with what its templates need: one field of every group."""


class TextFile(Model, frozen=True, kw_only=True):
    """A text in a file of the workspace, named from the folder of the YAML file or from the top."""

    file: str


Text = str | TextFile
"""A text written here, or ``{file: NAME}``. Once a workspace is loaded it is always the text."""


class Button(Model, frozen=True, kw_only=True):
    """Something to press, where the channel has it (push, in-app, WhatsApp)."""

    label: str
    link: str
    name: str = ""
    """What a click is counted as; empty: its place in the list."""


class Variable(Model, frozen=True, kw_only=True):
    """A variable of the template. A bare name (``headline``) is a value the journey's step gives; a path
    (``person.first_name``) is one of the context, to which a default may be given here.
    """

    default: Any = None
    required: bool = False
    """Without it, and without a default, nothing is sent."""
    description: str = ""


class Wording(Model, frozen=True, kw_only=True):
    """What is said. All texts are Liquid; those of ``html`` and ``mjml`` escape what they insert."""

    subject: Text | None = None
    preheader: Text | None = None
    """The line that mail programs show after the subject."""
    title: Text | None = None
    body: Text | None = None
    """The text, in every channel but e-mail."""
    html: Text | None = None
    mjml: Text | None = None
    """MJML, compiled to HTML by Sevenfold itself."""
    text: Text | None = None
    """The plain part of an e-mail; made from the HTML where it is not given."""
    image: str | None = None
    link: str | None = None
    """Where a tap on the message leads."""
    buttons: list[Button] | None = None
    payload: Any = None
    """JSON for webhooks, Slack, Teams and WhatsApp. A text that is exactly one ``{{ ... }}`` keeps the type
    of its value. May also be one text that gives JSON."""


class Template(Wording, frozen=True, kw_only=True):
    """One message. ``channel`` is a kind of channel (email, sms, whatsapp, web_push, app_push, in_app, popup,
    slack, teams, webhook, ads) or a channel of the workspace.

    ``locales`` holds other wordings, field by field: a person's ``de-AT`` takes ``de-AT``, else ``de``, else
    what is written here, which is in the language ``locale``.
    """

    channel: str
    from_: str | None = msgspec.field(default=None, name="from")
    reply_to: str | None = None
    category: str | None = None
    """The purpose people consent to."""
    topic: str | None = None
    intent: str | None = None
    transactional: bool = False
    """Asked for by the person: needs no unsubscribe link."""
    layout: str | None = None
    """A partial with ``{{ content }}`` where the HTML or MJML of this template goes."""
    tracking: bool = True
    """Whether links may be rewritten to count clicks, where the workspace counts them."""
    locale: str = "en"
    locales: dict[str, Wording] = {}
    variables: dict[str, Variable] = {}
    description: str = ""


WORDING: Final = tuple(field.name for field in msgspec.structs.fields(Wording))
_PARTIAL = re.compile(r"""\{%-?\s*(?:render|include)\s+(["'])(.*?)\1""")
_LIQUID_PARTIAL = re.compile(r"""^[ \t]*(?:render|include)\s+(["'])(.*?)\1""", re.MULTILINE)


class TemplateVersion(msgspec.Struct, frozen=True):
    """A template with every partial it can reach: all that is needed to render it, now or in a year.

    ``kind`` is the kind of channel. ``digest`` names the content: equal digests render equally.
    """

    name: str
    kind: str
    template: Template
    partials: dict[str, str]

    @property
    def digest(self) -> str:
        """32 hexadecimal digits of BLAKE2b over everything but the name."""
        content = msgspec.json.encode((self.kind, self.template, sorted(self.partials.items())))
        return blake2b(content, digest_size=16).hexdigest()


def version_of(
    name: str, template: Template, partials: Mapping[str, Any] | None = None, kind: str | None = None
) -> TemplateVersion:
    """The version that a template and the workspace's partials make now. ``kind`` is that of the channel,
    where ``channel`` names one of the workspace's own.
    """
    known = partials or {}
    reached: dict[str, str] = {}
    waiting = [template.layout] if template.layout is not None else []
    for text in texts_of(template):
        waiting.extend(partials_in(text))
    while waiting:
        partial = waiting.pop()
        given = known.get(partial)
        if isinstance(given, str) and partial not in reached:
            reached[partial] = given
            waiting.extend(partials_in(given))
            waiting.extend(other for other in known if other.startswith(f"{partial}."))
    return TemplateVersion(name, kind or template.channel, template, dict(sorted(reached.items())))


def partials_in(text: str) -> list[str]:
    """The names of the partials that a text renders."""
    return [match[2] for pattern in (_PARTIAL, _LIQUID_PARTIAL) for match in pattern.finditer(text)]


def partials_for(version: TemplateVersion, key: str) -> dict[str, str]:
    """The partials of a wording: for ``footer``, ``footer.de-AT`` or ``footer.de`` goes before ``footer``."""
    found = dict(version.partials)
    language = key.partition("-")[0].partition("_")[0]
    for suffix in (language, key) if key else ():
        for name, text in version.partials.items():
            plain, _, locale = name.rpartition(".")
            if plain in found and locale_key(locale) == locale_key(suffix):
                found[plain] = text
    return found


def texts_of(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text inside a template or payload."""
    if isinstance(value, str):
        yield value
    elif depth > TEMPLATE_NESTING_LEVELS_MAX:
        return
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from texts_of(getattr(value, field), depth + 1)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_of(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_of(item, depth + 1)


def text_of(value: Text | None) -> str | None:
    """A text of a loaded template. A file that was never read counts as empty."""
    return "" if isinstance(value, TextFile) else value


def wording_for(template: Template, locale: str | None) -> tuple[str, str]:
    """(key under ``locales`` or an empty text for the template's own wording, the locale to format in).

    ``de-AT`` finds ``de-AT``, ``de_at``, then ``de``. Dates and numbers are formatted as the person's own
    locale does it when the wording is in the person's language, else in that of the wording.
    """
    if locale:
        wanted = locale_key(locale)
        keys = {locale_key(key): key for key in template.locales}
        language = wanted.partition("-")[0]
        for candidate in (wanted, language):
            if candidate in keys:
                return keys[candidate], wanted
        if locale_key(template.locale).partition("-")[0] == language:
            return "", wanted
    return "", locale_key(template.locale)


def locale_key(locale: str) -> str:
    """``de_at`` and ``DE-at`` as ``de-AT``: language in lower case, region in capitals."""
    parts = re.split(r"[-_]", locale.strip().partition(".")[0])
    return "-".join(
        [parts[0].lower(), *(part.upper() if len(part) == 2 else part.title() for part in parts[1:])]
    )

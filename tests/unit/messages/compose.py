"""Templates for tests, from a few fields."""

from __future__ import annotations

from typing import Any

import msgspec

from sevenfold.messages.compiling import CompiledTemplate
from sevenfold.messages.faults import Fault, RenderError
from sevenfold.messages.links import Tracking
from sevenfold.messages.render import render
from sevenfold.messages.rendered import Rendered
from sevenfold.messages.templates import Template, TemplateVersion, version_of

CONTEXT: dict[str, Any] = {
    "person": {"id": "p1", "first_name": "Ada", "email": "ada@example.com", "locale": "en"},
    "account": {"name": "Acme", "renewal_date": "2026-03-09"},
    "event": {
        "order_id": "o-17",
        "total": 29.9,
        "items": ["tea", "cup", "pot"],
        "products": [{"sku": "a", "name": "Tea", "price": 4}, {"sku": "b", "name": "Cup", "price": 7.5}],
    },
    "signal": {"logins": 20.0, "sessions": 3, "sessions.average": 61000},
    "stage": {"customer": "activation"},
    "score": {"health": 61.5},
    "step": {},
    "offer": {"code": "SAVE-1"},
    "links": {
        "unsubscribe": "https://leave.example/u/1",
        "preferences": "https://leave.example/p/1",
        "view": "https://leave.example/v/1",
    },
    "workspace": {"name": "shop", "title": "The Shop", "timezone": "Europe/Berlin", "currency": "EUR"},
    "now": "2026-03-01T12:30:00Z",
}
TRACKING = Tracking("https://t.example")


def version(partials: dict[str, str] | None = None, **fields: Any) -> TemplateVersion:
    """A version of a template `t`, by the names its fields have in YAML."""
    return version_of("t", msgspec.convert({"channel": "sms", **fields}, Template), partials)


def compiled(partials: dict[str, str] | None = None, **fields: Any) -> CompiledTemplate:
    return CompiledTemplate(version(partials, **fields))


def faults(partials: dict[str, str] | None = None, **fields: Any) -> list[Fault]:
    return compiled(partials, **fields).faults


def rendered(
    template: CompiledTemplate, context: dict[str, Any] | None = None, **given: Any
) -> Rendered | RenderError:
    return render(template, CONTEXT | (context or {}), **given)


def sent(template: CompiledTemplate, context: dict[str, Any] | None = None, **given: Any) -> Rendered:
    """What is sent; it must be."""
    found = rendered(template, context, **given)
    assert isinstance(found, Rendered), found
    return found


def refused(template: CompiledTemplate, context: dict[str, Any] | None = None, **given: Any) -> RenderError:
    """Why nothing is sent; nothing may be."""
    found = rendered(template, context, **given)
    assert isinstance(found, RenderError), found
    return found


def said(text: str, context: dict[str, Any] | None = None, **given: Any) -> str:
    """What a text renders to, as an SMS."""
    body = sent(compiled(body=text), context, **given).body
    assert body is not None
    return body


def in_html(text: str, context: dict[str, Any] | None = None, **given: Any) -> str:
    """What a text renders to, in HTML."""
    template = compiled(channel="in_app", html=text, **given.pop("fields", {}))
    html = sent(template, context, **given).html
    assert html is not None
    return html


def not_said(text: str, context: dict[str, Any] | None = None) -> RenderError:
    return refused(compiled(body=text), context)

"""What is handed to whoever sends a message."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from .links import Link


class RenderedButton(Struct, frozen=True):
    """A button as it is sent; ``name`` is what its clicks are counted as."""

    label: str
    link: str
    name: str


class Rendered(Struct, frozen=True, omit_defaults=True):
    """A message's content, for whoever sends it. ``links`` are those whose clicks are counted; ``headers``
    are those an e-mail needs; ``warnings`` are for people who look at a preview.
    """

    template: str
    digest: str
    channel: str
    locale: str
    subject: str | None = None
    preheader: str | None = None
    title: str | None = None
    body: str | None = None
    html: str | None = None
    text: str | None = None
    image: str | None = None
    link: str | None = None
    buttons: tuple[RenderedButton, ...] = ()
    payload: Any = None
    from_: str | None = msgspec.field(default=None, name="from")
    reply_to: str | None = None
    headers: dict[str, str] = {}
    links: tuple[Link, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, without what is absent."""
        shape: dict[str, Any] = msgspec.to_builtins(self)
        return shape

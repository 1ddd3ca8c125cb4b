"""What was said, in a scenario: the words that somebody reads of a message or a task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from sevenfold.effects import Effect
from sevenfold.messages.book import TemplateBook
from sevenfold.messages.context import context_of_values, rows_by_key
from sevenfold.messages.faults import RenderError
from sevenfold.messages.render import render
from sevenfold.playback.tables import iso
from sevenfold.workspace.models import Workspace

_LINKS = {
    name: f"https://links.example/{name}"
    for name in ("unsubscribe", "preferences", "view", "confirm", "referral")
}
_TAG = re.compile(r"<style.*?</style>|<[^>]+>", re.DOTALL)


def last_of(effects: list[Effect], name: str) -> Effect | None:
    """The newest message made from a template of this name, or task of this kind."""
    for effect in reversed(effects):
        if effect.kind == "task" and effect.name == name:
            return effect
        if effect.kind == "message" and effect.data.get("template") == name:
            return effect
    return None


def words_of(workspace: Workspace, effect: Effect) -> str:
    """Everything somebody reads of a message or a task, in one line with single spaces; of a message that
    cannot be rendered, why.
    """
    data = effect.data
    if effect.kind == "task":
        told = [data.get("title"), data.get("reason"), data.get("talk_track")]
    else:
        told = _rendered(workspace, effect)
    return " ".join(" ".join(str(part) for part in told if part).split())


def _rendered(workspace: Workspace, effect: Effect) -> list[Any]:
    data: Mapping[str, Any] = effect.data
    book = TemplateBook(workspace)
    version = book.version(str(data["template"]))
    if version is None:
        return [f"no template {data['template']}"]
    context = context_of_values(
        workspace,
        data.get("values") or {},
        person_id=str(data.get("recipient") or effect.subject),
        now=iso(effect.time),
        event=data.get("event"),
        journey={"name": effect.name},
        step={**(data.get("data") or {}), "name": data.get("step")},
        offer=data.get("offer"),
        links=_LINKS,
        catalogue=rows_by_key(workspace),
    )
    found = render(book.compiled(version), context)
    if isinstance(found, RenderError):
        return [found.code, found.message]
    html = unescape(_TAG.sub(" ", found.html or ""))
    buttons = [f"{one.label} {one.link}" for one in found.buttons]
    return [found.subject, found.title, found.body, html, found.text, found.link, *buttons, found.payload]


__all__ = ["last_of", "words_of"]

"""What messages are made of, as the gates see it: channel, category, topic, intent, tags, time to live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ...messages.templates import Template
from ...workspace.report import DAY_MS
from ..steps.message import Message

if TYPE_CHECKING:
    from ...workspace.models import Workspace
    from ..plan import Journey

LEASED = frozenset({"in_app", "popup"})
"""Kinds of channel whose messages wait in the product until they are seen."""


class Saying(NamedTuple):
    """One message a step may send."""

    template_name: str
    template: Template
    channel: str
    kind: str
    category: str | None
    topic: str | None
    intent: str | None
    tags: tuple[str, ...]

    @property
    def transactional(self) -> bool:
        return self.template.transactional


def sayings(workspace: Workspace, journey: Journey, step: Message) -> Iterator[Saying]:
    """The messages of a step, one for each of its templates that exists."""
    for name in step.templates():
        template = workspace.templates.get(name)
        if template is not None:
            channel, kind = channel_of(workspace, template)
            yield Saying(
                name,
                template,
                channel,
                kind,
                template.category or step.category or journey.category,
                step.topic or template.topic or journey.topic,
                step.intent or template.intent or journey.intent,
                (*step.tags, *journey.tags),
            )


def channel_of(workspace: Workspace, template: Template) -> tuple[str, str]:
    """The channel a template goes over, and its kind: by the channel's name, else the first of that kind."""
    if template.channel in workspace.channels:
        return template.channel, workspace.channels[template.channel].type
    for name, channel in workspace.channels.items():
        if channel.type == template.channel:
            return name, channel.type
    return template.channel, template.channel


def time_said(ms: int) -> str:
    """A length of time as people write it."""
    for unit, length in (("d", DAY_MS), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if ms % length == 0:
            return f"{ms // length}{unit}"
    return f"{ms}ms"

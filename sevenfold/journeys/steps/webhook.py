"""`kind: webhook`: another system is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .base import Logic, StepBase, StepKind

if TYPE_CHECKING:
    from ..audit.step import StepFields

OUTCOMES = ("sent", "failed")
METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET")


class Webhook(StepBase, tag="webhook", frozen=True, kw_only=True):
    """Calls the webhook channel ``channel`` (or ``url``) with the payload of ``template``, or
    ``payload`` as it is. Ghosts do not call. ``on``: a step for `sent` or `failed`, waited for
    at most ``outcome_within``.
    """

    channel: str | None = None
    url: str | None = None
    method: str = "POST"
    template: str | None = None
    payload: dict[str, Any] = {}
    ttl: str | None = None
    on: dict[str, str] = {}
    outcome_within: str = "1h"

    def targets(self) -> Iterable[tuple[str, str]]:
        return ((f"on.{outcome}", step) for outcome, step in self.on.items())

    def audit(self, at: StepFields) -> None:
        at.exactly_one((), {"channel": self.channel is not None, "url": self.url is not None}, "a webhook")
        channels = at.workspace.channels
        if self.channel is not None and at.known("channel", "channel", self.channel, channels):
            type_ = channels[self.channel].type
            if type_ != "webhook":
                at.error("channel", "wrong_value", f"`{self.channel}` is a channel of type {type_}")
        if self.url is not None and not self.url.startswith(("https://", "http://")):
            at.error("url", "wrong_value", f"`{self.url[:80]}` is no web address", "it begins with https://")
        at.known("method", "method", self.method, METHODS)
        message = "the body comes from `template` or `payload`, and both are given"
        at.without(self.template is not None and bool(self.payload), "payload", message)
        if self.template is not None:
            at.known("template", "template", self.template, at.workspace.templates)
        at.duration("ttl", self.ttl)
        at.duration("outcome_within", self.outcome_within)
        for outcome in self.on:
            at.known(("on", outcome), "outcome of a webhook", outcome, OUTCOMES)


class WebhookLogic(Logic):
    """Decides the call; the sender makes it."""


KIND = StepKind(Webhook, WebhookLogic, "Webhook")

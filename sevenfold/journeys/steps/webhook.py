"""`kind: webhook`: another system is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...messages.outcomes import ENDING
from ...messages.outcomes import OUTCOMES as OUTCOMES_HEARD
from ...profiles.expressions import parse_duration
from .base import STAY, Logic, Move, Run, Site, StepBase, StepKind, Why

if TYPE_CHECKING:
    from ..audit.step import StepFields

SENT, FAILED = OUTCOMES = ("sent", "failed")
REACHED = ("sent", "delivered")
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

    def __init__(self, model: Webhook, site: Site) -> None:
        super().__init__(model, site)
        self._desk: Any = site.service("messages")
        journey = site.plan.model
        self._ttl = parse_duration(model.ttl or journey.ttl)
        self._ways = {outcome: site.target(step) for outcome, step in model.on.items()}
        self._within = parse_duration(model.outcome_within)
        self._asked = {
            name: value
            for name, value in (
                ("url", model.url),
                ("method", model.method),
                ("template", model.template),
                ("payload", model.payload or None),
            )
            if value is not None
        }

    def enter(self, run: Run) -> Move:
        model = self.model
        if model.channel is not None and model.channel in self._desk.channels.off:
            run.tell("held", self.site.journey, reason="undeliverable", channel=model.channel)
            return self._go(run, FAILED)
        asked = {**self._asked, "expires": run.t + self._ttl}
        if run.ghost:
            run.tell("would_call", self.site.journey, channel=model.channel, **self._asked)
            return self._go(run, SENT)
        event = run.all_properties()
        if event:
            asked["event"] = event
        self._desk.call(run, model.channel, asked, bool(self._ways))
        if not self._ways:
            return self._go(run, "decided")
        run.mark = 1
        due = run.t + self._within
        run.tell("wait", self.site.journey, **{"until": due, "for": "outcome"})
        return run.until(due)

    def wake(self, run: Run, why: Why) -> Move:
        if why != "outcome":
            return self._go(run, "timeout")
        heard = OUTCOMES_HEARD[run.heard]
        if heard in REACHED:
            return self._go(run, SENT)
        return self._go(run, FAILED) if heard in ENDING else STAY

    def _go(self, run: Run, outcome: str) -> Move:
        run.tell("step", self.site.journey, outcome=outcome)
        return self._ways.get(outcome, self.following)


KIND = StepKind(Webhook, WebhookLogic, "Webhook")

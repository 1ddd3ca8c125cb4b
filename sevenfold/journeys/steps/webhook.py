"""`kind: webhook`: another system is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .base import Logic, StepBase, StepKind


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


class WebhookLogic(Logic):
    """Decides the call; the sender makes it."""


KIND = StepKind(Webhook, WebhookLogic, "Webhook")

"""`kind: message`: something is said to the person, or held with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from ...limits import JOURNEY_RULES_ITEMS_MAX, MESSAGE_RECIPIENTS_ITEMS_MAX
from ...workspace.base import ACCOUNT, Model
from .base import Logic, StepBase, StepKind

if TYPE_CHECKING:
    from ..audit.step import StepFields

HELD_OUTCOMES = (
    *("no_consent", "suppressed", "stage_suppressed", "guarded", "held_out", "unreachable", "undeliverable"),
    *("outranked", "topic", "conflict", "gap", "capped", "quiet", "expired"),
)
"""Reasons for which a message is held, in the order of the gates."""
LATER_OUTCOMES = (
    *("sent", "delivered", "opened", "clicked", "bounced", "failed", "render_error", "rate_limited"),
    "unknown",
)
"""What becomes of a message that was decided; a run may wait for it."""
OUTCOMES = (*HELD_OUTCOMES, *LATER_OUTCOMES, "claimed")


class Recipients(Model, frozen=True, kw_only=True):
    """Of an account's journey: the members with one of these roles, the earliest joined first, at
    most ``max``.
    """

    roles: list[str] = []
    max: int = 1


class Message(StepBase, tag="message", frozen=True, kw_only=True):
    """Decides a message from ``template`` (a name, or several for several channels: the first that
    the gates let through is sent; ``choose: responses`` puts the channel the person answers to
    first).

    ``on`` leads to a step for an outcome: held ones (no_consent, suppressed, stage_suppressed,
    held_out, unreachable, undeliverable, outranked, capped, quiet, rate_limited, expired) are known
    at once; sent, delivered, bounced, failed, render_error, opened and clicked make the run wait
    for them, at most ``outcome_within``. What is not given is taken from the template, then from
    the journey.
    """

    template: str | list[str]
    choose: Literal["written", "responses"] = "written"
    to: Recipients | None = None
    category: str | None = None
    topic: str | None = None
    intent: str | None = None
    tags: list[str] = []
    ttl: str | None = None
    holdout: float = 0.0
    on_cap: Literal["drop", "defer"] | None = None
    quiet_hours: Literal["defer", "discard", "ignore"] | None = None
    on: dict[str, str] = {}
    outcome_within: str = "24h"
    expires: str | None = None
    """Of in-app messages: how long they may be shown (the lease)."""
    revoke: bool = True
    """In-app messages not yet shown are taken back when the run ends."""
    offer: str | None = None
    """A code from this pool goes with the message."""
    data: dict[str, Any] = {}
    """More values for the template, as ``step.NAME``."""

    def targets(self) -> Iterable[tuple[str, str]]:
        return ((f"on.{outcome}", step) for outcome, step in self.on.items())

    def audit(self, at: StepFields) -> None:
        templates = self.templates()
        if not 0 < len(templates) <= JOURNEY_RULES_ITEMS_MAX:
            message = f"a message from {len(templates)} templates"
            at.error("template", "wrong_value", message, f"name 1 to {JOURNEY_RULES_ITEMS_MAX}")
        for index, name in enumerate(templates):
            place = "template" if isinstance(self.template, str) else ("template", index)
            at.known(place, "template", name, at.workspace.templates)
            if name in templates[:index]:
                at.error(place, "wrong_value", f"template `{name}` stands twice")
        if self.to is None and at.of == ACCOUNT:
            message = "the message of an account's journey does not say which members get it"
            at.error((), "missing_field", message, "such as `to: {roles: [admin], max: 1}`")
        elif self.to is not None:
            message = f"a journey of {at.of} writes to its person"
            at.without(at.of != ACCOUNT, "to", message, "only an account has members to choose from")
            at.number(("to", "max"), self.to.max, 1, MESSAGE_RECIPIENTS_ITEMS_MAX)
        for place in ("ttl", "outcome_within", "expires"):
            at.duration(place, getattr(self, place))
        at.share("holdout", self.holdout)
        for outcome in self.on:
            at.known(("on", outcome), "outcome of a message", outcome, (*HELD_OUTCOMES, *LATER_OUTCOMES))
        if self.offer is not None:
            at.known("offer", "pool of offers", self.offer, at.workspace.offers)

    def templates(self) -> list[str]:
        """The templates, in written order."""
        return [self.template] if isinstance(self.template, str) else list(self.template)


class MessageLogic(Logic):
    """Gates, reservation, the intent, and the outcomes a run waits for."""


KIND = StepKind(Message, MessageLogic, "Message")

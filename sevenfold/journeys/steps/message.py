"""`kind: message`: something is said to the person, or held with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from ...limits import JOURNEY_RULES_ITEMS_MAX, MESSAGE_RECIPIENTS_ITEMS_MAX
from ...messages.outcomes import ENDING
from ...messages.outcomes import OUTCOMES as OUTCOMES_HEARD
from ...profiles.expressions import parse_duration
from ...workspace.base import ACCOUNT, Model
from ..choice_plan import BestTime, audit_best_time
from .base import STAY, Logic, Move, Run, Site, StepBase, StepKind, Why

if TYPE_CHECKING:
    from ..audit.step import StepFields

HELD_OUTCOMES = (
    *("no_consent", "suppressed", "stage_suppressed", "guarded", "held_out", "unreachable", "undeliverable"),
    *("outranked", "topic", "conflict", "gap", "capped", "quiet", "expired", "no_code"),
)
"""Reasons for which a message is held, in the order of the gates."""
LATER_OUTCOMES = (
    *("sent", "delivered", "opened", "clicked", "bounced", "failed", "render_error", "rate_limited"),
    *("complained", "unknown"),
)
"""What becomes of a message that was decided; a run may wait for it."""
OUTCOMES = (*HELD_OUTCOMES, *LATER_OUTCOMES, "claimed")
REACHED = ("sent", "delivered")
"""What a ghost's message is taken to have come to."""
DECIDED, WOULD_SEND = "decided", "would_send"
"""Outcomes of a step whose message passed all gates: real, and a ghost's."""


class Recipients(Model, frozen=True, kw_only=True):
    """Of an account's journey: the members with one of these roles, the earliest joined first, at
    most ``max``.
    """

    roles: list[str] = []
    max: int = 1


class Message(StepBase, tag="message", frozen=True, kw_only=True):
    """Decides a message from ``template`` (a name, or several for several channels: the first that
    the gates let through is sent; ``choose: responses`` puts the channel the person answers to
    first; ``learned`` chooses among those that may be sent, by the person's answers drawn towards
    everybody's, and logs with which probability).

    ``on`` leads to a step for an outcome: held ones (no_consent, suppressed, stage_suppressed, guarded,
    held_out, unreachable, undeliverable, outranked, topic, conflict, gap, capped, quiet, expired) are
    known at once; sent, delivered, opened, clicked, bounced, failed, render_error, rate_limited and
    complained make the run wait for them, at most ``outcome_within``. Topic, intent and tags not given
    here are taken from the template, then from the journey; the category is the template's own, if it
    has one.
    """

    template: str | list[str]
    choose: Literal["written", "responses", "learned"] = "written"
    explore: float = 10.0
    """With ``choose: learned``: the per cent that each other channel keeps."""
    send_time: BestTime | None = None
    """When the person is most likely to answer; the time to live counts from when the run came here."""
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
    """In-app messages not yet shown are taken back when the run is cut short (an exit, a goal, a merge)."""
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
        at.share("explore", self.explore)
        if self.choose == "learned" and self.explore * len(templates) > 100:
            message = f"{len(templates)} channels of {self.explore:g}% each are more than there is"
            at.error("explore", "wrong_value", message, f"at most {100 // len(templates)}")
        if self.send_time is not None:
            audit_best_time(at, "send_time", self.send_time, self.ttl or at.journey.ttl)
        if self.offer is not None:
            at.known("offer", "pool of offers", self.offer, at.workspace.offers)

    def templates(self) -> list[str]:
        """The templates, in written order."""
        return [self.template] if isinstance(self.template, str) else list(self.template)


class MessageLogic(Logic):
    """Gates and reservation are the desk's (`messages.desk`); this is the way on, and the waiting for
    outcomes.
    """

    def __init__(self, model: Message, site: Site) -> None:
        super().__init__(model, site)
        self._step = site.service("messages").step(model, site)
        self._ways = {outcome: site.target(step) for outcome, step in model.on.items()}
        self._within = parse_duration(model.outcome_within)
        self._choices: Any = site.service("choices")
        self._step.awaits = any(outcome in self._ways for outcome in LATER_OUTCOMES)

    def enter(self, run: Run) -> Move:
        model: Message = self.model
        if model.send_time is not None:
            due = self._choices.best_time(run, model.send_time)
            if due > run.t:
                run.tell("wait", self.site.journey, **{"until": due, "for": "send_time"})
                return run.until(due)
        return run.propose()

    def decide(self, run: Run) -> Move:
        found = self._step.decide(run)
        if found.until:
            return run.until(found.until)
        if found.outcome not in (DECIDED, WOULD_SEND) or not self._step.awaits:
            return self._go(run, found.outcome)
        reached = next((one for one in REACHED if one in self._ways), None)
        if not found.sent and reached is not None:
            # A ghost's message would have been sent at once, and neither opened nor clicked.
            return self._go(run, reached)
        run.mark = max(found.sent, 1)
        due = run.t + self._within
        run.tell("wait", self.site.journey, **{"until": due, "for": "outcome"})
        return run.until(due)

    def would(self, run: Run) -> str:
        """Why this message would be held if the run came here now; "" when it would be sent, if only
        later.
        """
        return str(self._step.would(run))

    def wake(self, run: Run, why: Why) -> Move:
        if why == "outcome":
            return self._heard(run, OUTCOMES_HEARD[run.heard])
        if run.mark:
            return self._go(run, "timeout")
        return run.propose()

    def _heard(self, run: Run, outcome: str) -> Move:
        """One of the messages had an outcome; after the last that ends all, nothing more is waited for."""
        if not run.mark:
            return STAY
        if outcome in self._ways:
            return self._go(run, outcome)
        if outcome in ENDING:
            run.mark -= 1
            if not run.mark:
                return self._go(run, outcome)
        return STAY

    def _go(self, run: Run, outcome: str) -> Move:
        run.tell("step", self.site.journey, outcome=outcome)
        return self._ways.get(outcome, self.following)


KIND = StepKind(Message, MessageLogic, "Message")

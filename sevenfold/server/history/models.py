"""What the history shows: rows as structs, and pages of them. Times are ms UTC."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

Item = TypeVar("Item")

STATUSES: Final = (
    "decided", "claimed", "rate_limited", "unknown", "sent", "delivered", "opened", "clicked", "complained",
    "bounced", "failed", "render_error", "expired", "cancelled", "revoked", "held", "deferred", "would_send",
)  # fmt: skip
"""What became of a message, in the order in which a later one goes before an earlier one. The last three are
decisions after which nothing comes.
"""
STATUS_CODES: Final = {name: code for code, name in enumerate(STATUSES)}


class Page(Struct, Generic[Item]):
    """Some of many. `next` is the cursor that gives those after them (as `after` or `before`, whichever was
    asked by), None at the end.
    """

    items: list[Item]
    next: int | None = None


class Numbered(Struct):
    """An effect with its number."""

    number: int
    time: int
    kind: str
    of: str
    subject: str
    name: str
    data: dict[str, Any]


class Outcome(Struct, omit_defaults=True):
    """One thing that was told about a message. `position` in the log, `time` engine time, `at` when it was,
    `data` what else the record said.
    """

    position: int
    outcome: str
    time: int
    at: int
    reason: str | None = None
    provider_id: str | None = None
    channel: str | None = None
    machine: bool = False
    permanent: bool = False
    data: dict[str, Any] | None = None


class Told(Struct):
    """One thing that was told about a message, with whose it is: `channel` is the message's, `via` the one
    that carried it.
    """

    position: int
    time: int
    channel: str
    via: str
    journey: str
    outcome: str
    reason: str | None = None
    permanent: bool = False
    machine: bool = False
    count: int = 1
    """More than one where they were added up."""


class Message(Struct):
    """A decision about a message: sent or not (`decision`: `message`, `webhook`, `held`, `deferred`,
    `would_send`, `would_call`). `effect` is "" where nothing is sent; `data` is all that the effect says.
    """

    number: int
    effect: str
    decision: str
    time: int
    of: str
    subject: str
    person: str | None
    journey: str
    run: str | None
    template: str | None
    channel: str | None
    reason: str | None
    status: str
    status_time: int
    data: dict[str, Any]
    outcomes: list[Outcome] | None = None
    """In the order of the log; only where one message was asked for."""


class Run(Struct):
    """One subject's way through a journey, as far as it has come. `until`: what it waits for at `step`."""

    id: str
    number: int
    of: str
    subject: str
    journey: str
    version: int | None
    trigger: str | None
    entity: str | None
    ghost: str | None
    started: int
    step: str | None
    since: int | None
    until: int | None
    ended: int | None
    reason: str | None


class Task(Struct):
    """A piece of work for people. `closed` is None while it is open."""

    id: str
    number: int
    of: str
    subject: str
    kind: str
    reason: str | None
    title: str | None
    owner: str | None
    due: int | None
    opened: int
    level: int
    snoozed: int | None
    overdue: bool
    closed: int | None
    outcome: str | None


class Lease(Struct):
    """A message that waits in the product to be shown. `content` is what the page draws."""

    effect: str
    channel: str
    content: dict[str, Any]
    shown_from: int
    shown_until: int | None
    answered: str | None
    answered_at: int | None


class RawEvent(Struct):
    """An event as it came in, with its place in the log."""

    position: int
    time: int
    received: int
    source: str
    event: dict[str, Any]


class Control(Struct):
    """A control record: what somebody or something told the fold."""

    position: int
    time: int
    op: str
    by: str | None
    data: dict[str, Any]


class Count(Struct):
    """How often something was in an hour (hours since 1970) or a day: `kind` of effect, `name` the channel,
    journey or lifecycle, `what` the outcome, reason or stage.
    """

    at: int
    kind: str
    name: str
    what: str
    count: int

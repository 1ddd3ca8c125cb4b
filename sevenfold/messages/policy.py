"""Messaging policy of a workspace: delivery channels, consent, caps, quiet hours, holdouts,
topics, guards.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..journeys.steps.wait import WeeklyWindow
from ..workspace.base import Condition, Model


class DeliveryChannel(Model, frozen=True, kw_only=True):
    """A way to reach people. ``type`` says which adapter sends (email, sms, whatsapp, web_push,
    app_push, in_app, popup, slack, teams, webhook, ads). ``address`` is the identifier or trait
    it needs (``email``, ``phone``, ``device``, ``trait.slack_id``); not given it is ``email`` for
    email, ``phone`` for sms and whatsapp, ``device`` for push, and nothing for the others.
    ``unknown``: what happens to a message whose outcome a crash left unknown.
    ``provider`` names who carries the messages (`smtp`, `ses`, `twilio`, ...); ``settings`` are theirs, and
    secrets among them are references (``env:NAME``, ``file:PATH``).
    """

    type: str
    provider: str | None = None
    fallback: str | None = None
    """Another channel with the same kind of address, which takes over while this one's provider cannot be
    used."""
    rate: str | None = None
    """How fast messages are handed over at most, such as `80 per 1s`; not given, as the provider allows."""
    warm_up: str | None = None
    """The first day (`2026-03-01`, UTC) on which a new domain or address sends. From then on what nobody
    asked for is bounded by day: 50 messages, 100, 200 and so on, until after 25 days nothing is.
    """
    address: str | None = None
    unknown: Literal["hold", "retry"] = "hold"
    reachable: Condition | None = None
    """A condition on the person that must hold too (the 24-hour window of WhatsApp)."""
    purposes: list[str] = []
    """Categories and intents this channel is for, when a channel is chosen by purpose; not given, those usual
    for its type."""
    settings: dict[str, str | int | float | bool] = {}


class CategoryWords(Model, frozen=True, kw_only=True):
    """What a category is called in a language."""

    title: str = ""
    description: str = ""


class ConsentCategory(Model, frozen=True, kw_only=True):
    """A purpose people consent to. ``default``: whether silence means yes (``opt_out``) or no
    (``opt_in``), by channel in ``channels``. ``double``: an opt-in counts only once confirmed.
    ``required``: transactional, cannot be refused.
    """

    default: Literal["opt_in", "opt_out"] = "opt_in"
    channels: dict[str, Literal["opt_in", "opt_out"]] = {}
    double: bool = False
    required: bool = False
    title: str = ""
    description: str = ""
    locales: dict[str, CategoryWords] = {}
    """The same in other languages, by locale (`de`, `pt-BR`)."""


class ConsentEvents(Model, frozen=True, kw_only=True):
    """Events that change consent: ``event`` sets ``status`` for ``channel`` (or all) and
    ``category`` (or the property that names it, ``property.NAME``; or all). `Email Unsubscribed` sets
    ``out`` for every category on every e-mail channel, unless a rule here names it.
    """

    event: str
    status: Literal["in", "out", "pending", "confirmed"]
    channel: str | None = None
    category: str | None = None
    where: Condition | None = None


class Consent(Model, frozen=True, kw_only=True):
    """Consent per channel and purpose. ``texts`` are those of the preference page, by locale and name: ``en``
    and others are built in, and what is given here goes before. ``channel.NAME`` names a channel.
    """

    categories: dict[str, ConsentCategory] = {}
    texts: dict[str, dict[str, str]] = {}
    events: list[ConsentEvents] = []


class Cap(Model, frozen=True, kw_only=True):
    """At most ``limit`` messages in ``per``, a rolling window; or in a ``calendar`` day, week (from Monday)
    or month in ``zone`` (default: the workspace's). Its scope is what is given: messages of a ``channel``
    (or kind of channel), a ``category``, a ``tag``, a ``journey``, to people in a ``stage`` of each
    lifecycle named.
    """

    limit: int
    per: str | None = None
    calendar: Literal["day", "week", "month"] | None = None
    zone: str | None = None
    channel: str | None = None
    category: str | None = None
    tag: str | None = None
    stage: dict[str, str] = {}
    journey: str | None = None
    limits: dict[str, int] = {}
    """Segment -> another limit (more to the active, fewer to the quiet); the first written whose segment
    holds.
    """
    over: Literal["drop", "defer", "next"] = "drop"
    transactional: bool = False
    """Whether transactional messages count. They are never held."""

    def __post_init__(self) -> None:
        if (self.per is None) == (self.calendar is None):
            raise ValueError("a cap has either `per` (a rolling window) or `calendar` (day, week or month)")


class QuietHours(Model, frozen=True, kw_only=True):
    """Local hours in which messages of these channels (or kinds of channel) and categories (none given: all)
    are not sent. Local to ``zone``, else to the person; if their zone is not known, to every zone they may
    be in.
    """

    windows: list[WeeklyWindow]
    channels: list[str] = []
    categories: list[str] = []
    otherwise: Literal["defer", "discard", "next"] = "defer"
    jitter: str | None = None
    zone: str | None = None


class Topic(Model, frozen=True, kw_only=True):
    """One topic goes out once in ``once_per``, across channels and journeys. Topics that are not declared
    here have the default.
    """

    once_per: str = "7d"


class Conflict(Model, frozen=True, kw_only=True):
    """Two intents that hold each other back: after a message of one, none of the other ``within``."""

    between: tuple[str, str]
    within: str = "7d"


class Guard(Model, frozen=True, kw_only=True):
    """While ``when`` holds, messages of one of these intents, categories, tags or journeys (none given: all)
    are held, with ``reason``.
    """

    when: Condition
    intents: list[str] = []
    categories: list[str] = []
    tags: list[str] = []
    journeys: list[str] = []
    reason: str = ""


class Holdout(Model, frozen=True, kw_only=True):
    """A share of people (per cent) who get nothing: of everything (``universal``), or of the journeys of a
    programme.
    """

    share: float
    salt: str | None = None
    unit: Literal["person", "account"] = "person"


class DefaultHoldout(Model, frozen=True, kw_only=True):
    """The share of people (per cent) who walk each journey as ghosts, where the journey does not say a
    ``holdout`` of its own, so that every journey can be measured. ``except`` are journeys that nobody is kept
    from: what is critical, and what people are owed.
    """

    share: float
    except_: list[str] = msgspec.field(default_factory=list, name="except")


class Messaging(Model, frozen=True, kw_only=True):
    """How all journeys share one person's attention."""

    caps: dict[str, Cap] = {}
    quiet_hours: list[QuietHours] = []
    topics: dict[str, Topic] = {}
    conflicts: list[Conflict] = []
    guards: dict[str, Guard] = {}
    holdout: Holdout | None = None
    programmes: dict[str, Holdout] = {}
    journey_holdout: DefaultHoldout | None = None
    """A holdout for every journey that does not say its own."""
    minimum_gap: str | None = None
    """Least time between two messages to one person, over all channels; transactional ones are exempt."""
    arbitration: str | None = None
    """Messages wait this long for others, and are then decided by priority (default: those of one
    operation).
    """
    concurrent_journeys: int | None = None
    """At most so many runs of one person at the same time."""
    zone_traits: dict[Literal["person", "account", "country"], str] = msgspec.field(
        default_factory=lambda: {"person": "timezone", "account": "timezone", "country": "country"}
    )
    alike: str | None = None
    """The value by which people are alike where the hour at which they answer is learned, such as
    ``stage.customer`` or ``trait.plan``.
    """
    tracking: bool = True


class Referrals(Model, frozen=True, kw_only=True):
    """Recommendations by link: ``/r/CODE`` leads to ``destination`` with the code in the parameter
    ``parameter``.

    A sign-up (an event of one of these names, with the code in its property ``property``, or of a visitor who
    came by such a link) counts for whose code it is, unless it is their own by one of the rules in ``guard``:
    ``person`` (the same profile, or the same mailbox under another spelling), ``device`` (a browser of
    theirs), ``email_domain`` (an address of the same domain, where that is not one that everybody has).
    """

    destination: str
    parameter: str = "ref"
    property: str = "referral_code"
    """The property of a sign-up that holds the code."""
    sign_up: list[str] = msgspec.field(default_factory=lambda: ["Signed Up"])
    """The events that are sign-ups."""
    guard: list[Literal["person", "device", "email_domain"]] = msgspec.field(
        default_factory=lambda: ["person", "device"]
    )
    """What counts as recommending oneself."""

"""Work for people: kinds of tasks, business hours, playbooks, saves, offers and broadcasts, as data."""

from __future__ import annotations

from typing import Any, Literal

from ..workspace.base import PERSON, Condition, Model
from .steps.wait import WeeklyWindow


class Calendar(Model, frozen=True, kw_only=True):
    """Business hours: weekly local windows without holidays (``YYYY-MM-DD``)."""

    windows: list[WeeklyWindow]
    zone: str | None = None
    holidays: list[str] = []


class OwnerRule(Model, frozen=True, kw_only=True):
    """Who gets a task: the first rule that finds somebody present with room. ``trait`` names a
    trait of the subject (or its account) that holds the person's key, and who is away is
    replaced by their fallback; ``role`` picks from the people who act, by ``round_robin`` or
    those with the fewest open tasks. ``capacity`` bounds both.
    """

    trait: str | None = None
    role: str | None = None
    choose: Literal["round_robin", "least_loaded"] = "round_robin"
    when: Condition | None = None


class Escalation(Model, frozen=True, kw_only=True):
    """When the task is still open ``after`` so many business hours it is shown to the owner's
    manager, to everybody present of a role, or both; with ``reassign`` it becomes the manager's,
    else that of somebody with room in the role. Levels are written in the order they come.
    """

    after: str
    role: str | None = None
    owner_manager: bool = False
    reassign: bool = False


class TaskKind(Model, frozen=True, kw_only=True):
    """A kind of human task. ``due`` counts business hours of ``calendar`` (all hours without
    one). ``title`` and ``talk_track`` may name values in braces, ``{logins_7d}``; ``evidence``
    names those that go with the task. ``channel`` and ``template`` tell the owner. Somebody may
    put a task off ``snooze_max`` times. ``order``: of tasks that wait for somebody with room the
    oldest comes first (``opened``), or each has a turn drawn by chance (``random``), so that it can be
    measured what being called earlier changes.
    """

    title: str
    of: str = PERSON
    due: str = "48h"
    calendar: str | None = None
    owners: list[OwnerRule] = []
    escalate: list[Escalation] = []
    evidence: list[str] = []
    talk_track: str = ""
    channel: str | None = None
    template: str | None = None
    outcomes: tuple[str, ...] = ("saved", "not_saved", "false_alarm", "unreachable")
    snooze_max: int = 3
    order: Literal["opened", "random"] = "opened"


class People(Model, frozen=True, kw_only=True):
    """The catalogue of people who act, and which of its columns say what. ``role`` may hold
    several, parted by commas; ``capacity`` is the number of open tasks; the days ``away_from``
    and ``away_to`` are both away; ``fallback`` stands in.
    """

    catalogue: str
    key: str = "email"
    role: str = "role"
    capacity: str | None = "capacity"
    away_from: str | None = "away_from"
    away_to: str | None = "away_to"
    manager: str | None = "manager"
    fallback: str | None = "fallback"


class PlaybookItem(Model, frozen=True, kw_only=True):
    """One item: a ``task``, a message from ``template``, a decision (one of ``decide``), or, with none of
    these, something to tick off. It opens when the items it is ``after`` are done: by default the
    one written before it, ``[]`` at once. ``ITEM:OUTCOME`` asks for that outcome; when the item
    ended with another, this one is skipped. ``due`` is another SLA than the task kind's.
    """

    title: str
    task: str | None = None
    template: str | None = None
    decide: list[str] = []
    after: list[str] | None = None
    due: str | None = None


class Playbook(Model, frozen=True, kw_only=True):
    """An ordered checklist for a subject. Opened again while open, it is the same one; after it
    was closed it is re-opened rather than duplicated within ``reopen_within``, and begins anew.
    Messages pass the same gates as those of journeys; of an account they go to the member who
    joined first, or to ``roles``.
    """

    of: str = "account"
    title: str = ""
    items: dict[str, PlaybookItem]
    reopen_within: str = "90d"
    roles: list[str] = []


class Save(Model, frozen=True, kw_only=True):
    """What counts as a save: a subject ``at_risk`` that ``recovered`` within so long after a
    touch, and stays so for ``held``. It is attributed to the last touch (a message that was sent,
    a task that was opened or closed) before recovery.
    """

    of: str = PERSON
    at_risk: Condition
    recovered: Condition
    within: str = "14d"
    held: str = "14d"


class OfferPool(Model, frozen=True, kw_only=True):
    """A pool of codes: one for each run of a subject. ``codes`` or a catalogue's column;
    ``expires`` after it was given; ``cost`` in the workspace's currency; ``redeemed`` is the
    event whose ``code_property`` redeems it.
    """

    codes: list[str] = []
    catalogue: str | None = None
    column: str = "code"
    prefix: str | None = None
    """Without codes: unique codes are made from this prefix and the run's digest."""
    expires: str | None = None
    cost: float = 0.0
    redeemed: str | None = None
    code_property: str = "code"


class Broadcast(Model, frozen=True, kw_only=True):
    """A message to everybody in a segment or list, once: at ``at`` (UTC or local to ``zone``), or
    at that local time of each person (``local: true``). ``variants`` (template -> share) test
    on ``test_share`` of the audience; the winner by ``metric`` after ``test_for`` goes to the
    rest. ``resend`` goes to those who did not open.
    """

    title: str = ""
    segment: str | None = None
    audience: Condition | None = None
    template: str | None = None
    variants: dict[str, float] = {}
    test_share: float = 100.0
    test_for: str = "4h"
    metric: Literal["opened", "clicked", "delivered"] = "clicked"
    at: str | None = None
    local: bool = False
    zone: str | None = None
    pace: str | None = None
    resend: str | None = None
    resend_after: str = "72h"
    category: str | None = None
    topic: str | None = None
    intent: str | None = None
    holdout: float = 0.0
    priority: int = 40
    ttl: str = "24h"
    acknowledged: int | None = None
    """The size the author was shown and agreed to; a much larger audience is refused."""
    data: dict[str, Any] = {}

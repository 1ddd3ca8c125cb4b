"""The hidden state of the SaaS world: accounts and people as columns, and what is to come on which day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sevenfold.simulate.columns import Columns
from sevenfold.simulate.draws import Floats, Ints, Keys
from sevenfold.simulate.responses import DAY_MS, Responses
from sevenfold.simulate.saas.catalogue import FEATURES
from sevenfold.simulate.saas.parameters import SaasParameters
from sevenfold.simulate.segment import Event, Writer
from sevenfold.simulate.truth import Episodes

VISITING, TRIAL, FREE, PAID, CHURNED, LAPSED = range(6)
STATUSES = ("visiting", "trial", "free", "paid", "churned", "lapsed")
STAGES = ("capture", "activation", "engagement", "retention", "expansion", "advocacy", "renewal", "churned")
TARGETS = ("next_step", "recover", "convert", "upgrade", "advocate", "renew")
NEXT_STEP, RECOVER, CONVERT, UPGRADE, ADVOCATE, RENEW = range(6)
PURPOSES = {
    "activation": NEXT_STEP, "onboarding": NEXT_STEP, "engagement": RECOVER, "retention": RECOVER,
    "winback": RECOVER,
    "conversion": CONVERT, "expansion": UPGRADE, "advocacy": ADVOCATE, "renewal": RENEW,
}  # fmt: skip
STANDINGS = ("owner", "admin", "champion", "member")
"""Who somebody is in their account; all but members are its sponsors."""
OWNER, ADMIN, CHAMPION, MEMBER = range(4)
Action = Callable[[int], object]
"""Something to do at a time, ms UTC; what it returns is ignored."""
UNDECIDED, NO_HABIT, HABIT = -1, 0, 1


class Accounts(Columns):
    """One row an account. Days are day numbers from the start, `_ms` are UTC times; -1 is never.

    Sign-up, habit and contract of those who were customers before the start have negative days.
    """

    layout: ClassVar[dict[str, tuple[str, float, int]]] = {
        "key": ("u8", 0, 0), "status": ("i1", VISITING, 0), "stage": ("i1", 0, 0), "owner": ("i4", -1, 0),
        "intent": ("f8", 0, 0), "fit": ("f8", 0, 0), "baseline": ("f8", 0, 0), "satisfaction": ("f8", 0, 0),
        "channel": ("i1", 0, 0), "employees": ("i4", 0, 0), "members": ("i4", 0, 0), "seats": ("i4", 0, 0),
        "level": ("f8", 0, 0), "habit": ("i1", UNDECIDED, 0), "habit_if_activated": ("?", 0, 0),
        "habit_if_not": ("?", 0, 0), "steps": ("i4", 0, 0), "stuck": ("?", 0, 0), "signup_day": ("i4", -1, 0),
        "signup_ms": ("i8", -1, 0), "activated_ms": ("i8", -1, 0), "habit_day": ("i4", -1, 0),
        "report_ms": ("i8", -1, 0), "drift_day": ("i4", -1, 0), "drift_factor": ("f8", 1, 0),
        "plan": ("i1", 0, 0), "mrr": ("i4", 0, 0), "term": ("i1", 1, 0), "paid_day": ("i4", -1, 0),
        "renewal_day": ("i4", -1, 0), "converted_ms": ("i8", -1, 0), "usage": ("f8", 0, 0),
        "growth": ("f8", 0, 0),
        "need_day": ("i4", -1, 0), "export_until": ("i4", -1, 0), "bad_ticket_day": ("i4", -1, 0),
        "churn_ms": ("i8", -1, 0), "churn_kind": ("i1", -1, 0), "returned_ms": ("i8", -1, 0),
        "causes": ("i4", 0, 0),
        "last_drift_ms": ("i8", -1, 0), "need_ms": ("i8", -1, 0), "advocates": ("i4", 0, 0),
        "nudged": ("?", 0, 0),
    }  # fmt: skip
    key: Keys
    status: NDArray[np.int8]
    stage: NDArray[np.int8]
    owner: NDArray[np.int32]
    intent: Floats
    fit: Floats
    baseline: Floats
    satisfaction: Floats
    channel: NDArray[np.int8]
    employees: NDArray[np.int32]
    members: NDArray[np.int32]
    seats: NDArray[np.int32]
    level: Floats
    habit: NDArray[np.int8]
    habit_if_activated: NDArray[np.bool_]
    habit_if_not: NDArray[np.bool_]
    steps: NDArray[np.int32]
    stuck: NDArray[np.bool_]
    signup_day: NDArray[np.int32]
    signup_ms: Ints
    activated_ms: Ints
    habit_day: NDArray[np.int32]
    report_ms: Ints
    drift_day: NDArray[np.int32]
    drift_factor: Floats
    plan: NDArray[np.int8]
    mrr: NDArray[np.int32]
    term: NDArray[np.int8]
    paid_day: NDArray[np.int32]
    renewal_day: NDArray[np.int32]
    converted_ms: Ints
    usage: Floats
    growth: Floats
    need_day: NDArray[np.int32]
    export_until: NDArray[np.int32]
    bad_ticket_day: NDArray[np.int32]
    churn_ms: Ints
    churn_kind: NDArray[np.int8]
    returned_ms: Ints
    last_drift_ms: Ints
    need_ms: Ints
    advocates: NDArray[np.int32]
    nudged: NDArray[np.bool_]


class People(Columns):
    """One row a person with a user id; row numbers are shared with `Responses`."""

    layout: ClassVar[dict[str, tuple[str, float, int]]] = {
        "key": ("u8", 0, 0), "account": ("i4", 0, 0), "alive": ("?", 0, 0), "owner": ("?", 0, 0),
        "role": ("i1", 0, 0), "standing": ("i1", MEMBER, 0),
        "level": ("f8", 1, 0), "drift_day": ("i4", -1, 0), "drift_factor": ("f8", 1, 0), "rate": ("f8", 0, 0),
        "depth": ("f8", 0, 0), "known": ("i4", 0, 0), "features": ("i1", 0, len(FEATURES)),
        "week": ("i1", 0, 0),
        "hour": ("f8", 0, 0), "spread": ("f8", 0, 0), "shift": ("i4", 0, 0), "opinion": ("f8", 0, 0),
        "could_advocate": ("?", 0, 0), "advocate_ms": ("i8", -1, 0), "joined_day": ("i4", 0, 0),
        "joined_ms": ("i8", 0, 0), "left_ms": ("i8", -1, 0), "last_drift_ms": ("i8", -1, 0),
        "nps_day": ("i4", 0, 0),
    }  # fmt: skip
    key: Keys
    account: NDArray[np.int32]
    alive: NDArray[np.bool_]
    owner: NDArray[np.bool_]
    role: NDArray[np.int8]
    standing: NDArray[np.int8]
    level: Floats
    drift_day: NDArray[np.int32]
    drift_factor: Floats
    rate: Floats
    depth: Floats
    known: NDArray[np.int32]
    features: NDArray[np.int8]
    week: NDArray[np.int8]
    hour: Floats
    spread: Floats
    shift: NDArray[np.int32]
    opinion: Floats
    could_advocate: NDArray[np.bool_]
    advocate_ms: Ints
    joined_day: NDArray[np.int32]
    joined_ms: Ints
    left_ms: Ints
    last_drift_ms: Ints
    nps_day: NDArray[np.int32]


class Facts:
    """What is said of an account in words, and counters that only few things need."""

    __slots__ = (
        "country",
        "id",
        "industry",
        "offset",
        "parent",
        "people",
        "referrals",
        "root",
        "zone",
    )

    def __init__(
        self, name: str, root: str, parent: int, industry: str, zone: str, offset: int, country: str
    ) -> None:
        self.id = name
        self.root = root
        self.parent = parent
        self.industry = industry
        self.zone = zone
        self.offset = offset
        self.country = country
        self.people: list[int] = []
        self.referrals = 0


class World:
    """Everything that changes while the company lives; `agenda` holds what is to happen on a later day."""

    def __init__(
        self, seed: int, days: int, start_ms: int, parameters: SaasParameters, *, no_effect: bool
    ) -> None:
        self.seed = seed
        self.days = days
        self.start_ms = start_ms
        self.p = parameters
        self.day = 0
        self.accounts = Accounts()
        self.people = People()
        self.responses = Responses(parameters.responses, TARGETS, no_effect=no_effect)
        self.facts: list[Facts] = []
        self.writers: list[Writer] = []
        self.user_rows: dict[str, int] = {}
        self.episodes = Episodes()
        self.causes: list[dict[str, Any]] = []
        self.agenda: dict[int, list[tuple[int, int, Action]]] = {}
        self.out: list[tuple[int, int, Event]] = []
        """Events made today, in any order: (time, the subject's key, event). Later days' events are kept
        in `ahead`."""
        self.ahead: dict[int, list[tuple[int, int, Event]]] = {}

    @property
    def day_ms(self) -> int:
        """When today began, ms UTC."""
        return self.start_ms + self.day * DAY_MS

    def emit(self, key: int, time_ms: int, event: Event) -> None:
        """Let an event leave at its time, today or later."""
        day = (time_ms - self.start_ms) // DAY_MS
        if day <= self.day:
            self.out.append((time_ms, key, event))
        elif day < self.days:
            self.ahead.setdefault(day, []).append((time_ms, key, event))

    def later(self, time_ms: int, key: int, action: Action) -> None:
        """Call `action(time_ms)` on that day, in the order of time and key among that day's actions.

        A time that lies in the past happens now.
        """
        day = (time_ms - self.start_ms) // DAY_MS
        if day <= self.day:
            action(time_ms)
        elif day < self.days:
            self.agenda.setdefault(day, []).append((time_ms, key, action))

"""The hidden state of the shop's world, and how its customers come to be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sevenfold.simulate.columns import Columns
from sevenfold.simulate.draws import Floats, Ints, Keys, Stream, clip, key_of
from sevenfold.simulate.responses import DAY_MS, Responses
from sevenfold.simulate.saas.catalogue import ZONES
from sevenfold.simulate.segment import Event, Writer
from sevenfold.simulate.shop.catalogue import CATEGORIES
from sevenfold.simulate.shop.parameters import ShopParameters
from sevenfold.simulate.truth import Episodes

NEWCOMER, CUSTOMER, GONE = range(3)
STATUSES = ("newcomer", "customer", "gone")
TARGETS = ("buy", "recover", "advocate")
BUY, RECOVER, ADVOCATE = range(3)
PURPOSES = {
    "welcome": BUY, "conversion": BUY, "adoption": BUY, "crosssell": BUY, "loyalty": BUY, "engagement": BUY,
    "reengagement": RECOVER, "retention": RECOVER, "winback": RECOVER, "advocacy": ADVOCATE,
}  # fmt: skip
SOURCES = (
    ("search", 0.30, 0.50, "https://www.google.com/", "", ""),
    ("paid", 0.24, 0.42, "https://www.google.com/", "google", "cpc"),
    ("social", 0.24, 0.35, "https://www.instagram.com/", "instagram", "social"),
    ("comparison", 0.10, 0.60, "https://www.idealo.de/", "idealo", "comparison"),
    ("referral", 0.12, 0.65, "", "referral", "referral"),
)
"""Channel, share of newcomers, mean intent, referrer, utm source, utm medium."""


class Customers(Columns):
    """One row a visitor or customer; row numbers are shared with `Responses`."""

    layout: ClassVar[dict[str, tuple[str, float, int]]] = {
        "key": ("u8", 0, 0), "status": ("i1", 0, 0), "source": ("i1", 0, 0), "intent": ("f8", 0, 0),
        "fit": ("f8", 0, 0),
        "satisfaction": ("f8", 0, 0), "level": ("f8", 1, 0), "drift_day": ("i4", -1, 0),
        "drift_factor": ("f8", 1, 0),
        "visits": ("f8", 0, 0), "gap": ("f8", 0, 0), "hour": ("f8", 0, 0), "liking": ("i1", 0, 0),
        "stays": ("?", 0, 0),
        "born_day": ("i4", 0, 0), "first_ms": ("i8", -1, 0), "last_day": ("i4", -1, 0),
        "orders": ("i4", 0, 0),
        "spent": ("f8", 0, 0), "could_advocate": ("?", 0, 0), "advocate_ms": ("i8", -1, 0),
        "drift_ms": ("i8", -1, 0),
        "gone_ms": ("i8", -1, 0), "born_ms": ("i8", 0, 0), "referrals": ("i4", 0, 0),
        "second_ms": ("i8", -1, 0),
    }  # fmt: skip
    key: Keys
    status: NDArray[np.int8]
    source: NDArray[np.int8]
    intent: Floats
    fit: Floats
    satisfaction: Floats
    level: Floats
    drift_day: NDArray[np.int32]
    drift_factor: Floats
    visits: Floats
    gap: Floats
    hour: Floats
    liking: NDArray[np.int8]
    stays: NDArray[np.bool_]
    born_day: NDArray[np.int32]
    first_ms: Ints
    last_day: NDArray[np.int32]
    orders: NDArray[np.int32]
    spent: Floats
    could_advocate: NDArray[np.bool_]
    advocate_ms: Ints
    drift_ms: Ints
    gone_ms: Ints
    born_ms: Ints
    referrals: NDArray[np.int32]
    second_ms: Ints


class ShopWorld:
    """Everything that changes while the shop is open; a customer is a stream of its own, referrals
    excepted."""

    def __init__(
        self, seed: int, days: int, start_ms: int, parameters: ShopParameters, *, no_effect: bool
    ) -> None:
        self.seed, self.days, self.start_ms, self.p = seed, days, start_ms, parameters
        self.day = 0
        self.customers = Customers()
        self.responses = Responses(parameters.responses, TARGETS, no_effect=no_effect)
        self.names: list[str] = []
        self.parents: list[int] = []
        self.writers: list[Writer] = []
        self.rows: dict[str, int] = {}
        self.episodes = Episodes()
        self.causes: list[dict[str, Any]] = []
        self.agenda: dict[int, list[tuple[int, int, Callable[[int], None]]]] = {}
        self.out: list[tuple[int, int, Event]] = []
        self.ahead: dict[int, list[tuple[int, int, Event]]] = {}

    @property
    def day_ms(self) -> int:
        """When today began, ms UTC."""
        return self.start_ms + self.day * DAY_MS

    def emit(self, row: int, time_ms: int, event: Event) -> None:
        """Let an event of a customer leave at its time, today or later."""
        day, item = (time_ms - self.start_ms) // DAY_MS, (time_ms, self.writers[row].key, event)
        if day <= self.day:
            self.out.append(item)
        elif day < self.days:
            self.ahead.setdefault(day, []).append(item)

    def track(self, row: int, time_ms: int, name: str, properties: dict[str, Any] | None = None) -> None:
        """Let a `track` event of a customer leave at its time."""
        self.emit(row, time_ms, self.writers[row].track(time_ms, name, properties))

    def later(self, row: int, time_ms: int, action: Callable[[int], None]) -> None:
        """Call `action(time_ms)` on a later day, or now if the day is today."""
        day = (time_ms - self.start_ms) // DAY_MS
        if day <= self.day:
            action(time_ms)
        elif day < self.days:
            self.agenda.setdefault(day, []).append((time_ms, self.writers[row].key, action))


def customer_name(number: int) -> str:
    """The id of the n-th customer that found the shop by itself."""
    return f"c{number:07d}"


def create_customer(world: ShopWorld, name: str, born_ms: int, parent: int = -1) -> int:
    """Somebody visits for the first time: hidden traits are drawn, nothing is emitted yet."""
    key = key_of(world.seed, "customer", name)
    stream = Stream(key)
    c, row = world.customers, world.customers.add()
    world.responses.add(key)
    zone, offset, _, _ = ZONES[stream.pick([share for *_, share in ZONES])]
    world.names.append(name)
    world.parents.append(parent)
    world.writers.append(Writer(key, zone))
    drawn = stream.pick([source[1] for source in SOURCES])
    source = drawn if parent < 0 else len(SOURCES) - 1
    c.key[row], c.source[row] = key, source
    c.intent[row] = clip(SOURCES[source][2] + 0.18 * stream.normal(), 0.02, 0.98)
    fit = clip(0.5 + 0.2 * stream.normal(), 0.02, 0.98)
    c.fit[row] = fit
    c.satisfaction[row] = clip(0.50 + 0.30 * fit + 0.08 * stream.normal(), 0.05, 0.98)
    c.visits[row] = clip(stream.lognormal(world.p.visits_week, world.p.visits_sigma), 0.2, 6.0)
    c.gap[row] = clip(stream.lognormal(world.p.gap_median_days, world.p.gap_sigma), 7.0, 180.0)
    local = clip((12.5 if stream.happens(0.4) else 20.0) + 2.0 * stream.normal(), 6.0, 23.5)
    c.hour[row] = (local - offset / 60.0) % 24.0
    c.liking[row] = stream.below(len(CATEGORIES))
    c.could_advocate[row] = stream.happens(world.p.advocate_share)
    c.born_day[row], c.born_ms[row] = (born_ms - world.start_ms) // DAY_MS, born_ms
    return row


def founds_rhythm(world: ShopWorld, row: int, luck: float) -> bool:
    """Whether the first order becomes a habit; the satisfaction is the one at delivery."""
    p, c = world.p, world.customers
    odds = p.stays_logit + p.stays_fit_slope * (float(c.fit[row]) - 0.5)
    odds += p.stays_satisfaction_slope * (float(c.satisfaction[row]) - 0.65)
    return luck < 1.0 / (1.0 + math.exp(-odds))

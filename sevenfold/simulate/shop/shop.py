"""The shop: the public face of its world."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from sevenfold.simulate.draws import key_of, uniforms
from sevenfold.simulate.responses import CHANNELS, DAY_MS, TYPES, Message, SimulationError
from sevenfold.simulate.segment import Disorder, Event
from sevenfold.simulate.shop import days
from sevenfold.simulate.shop.catalogue import CATEGORIES, PRODUCTS, products_table
from sevenfold.simulate.shop.parameters import ShopParameters
from sevenfold.simulate.shop.state import (
    ADVOCATE,
    CUSTOMER,
    PURPOSES,
    RECOVER,
    SOURCES,
    STATUSES,
    ShopWorld,
    create_customer,
    customer_name,
)
from sevenfold.simulate.stream import START_MS, Simulation
from sevenfold.simulate.truth import schema, table

ARRIVES = 1
PEOPLE = schema(
    "user_id:s parent_id:s channel:s intent:f fit:f satisfaction:f level:f status:s response_type:s "
    "effect_log_hazard:f "
    "harm_log_hazard:f preferred_channel:s open_chance:f gap_days:f visits_week:f likes_category:s "
    "stays:b first_visit_ms:i "
    "first_order_ms:i second_order_ms:i orders:i spent:f drift_start_ms:i gone_ms:i could_advocate:b "
    "advocate_ms:i messages:i"
)
EPISODES = schema("subject_kind:s subject_id:s kind:s start_ms:i end_ms:i ended_by:s")
CAUSES = schema("user_id:s cause:s time_ms:i")
MESSAGES = schema(
    "user_id:s time_ms:i kind:s channel:s purpose:s target:s response_type:s messages_7d_before:i "
    "log_effect:f "
    "drift_log_harm:f effect_days:i hazard_per_day:f p_without:f p_with:f"
)


class Shop(Simulation):
    """A shop that `customers` newcomers find by themselves, and those they refer, over `days`."""

    def __init__(
        self,
        seed: int,
        customers: int = 1_000,
        days: int = 365,
        start_ms: int = START_MS,
        *,
        parameters: ShopParameters | None = None,
        no_effect: bool = False,
        disorder: Disorder | None = None,
    ) -> None:
        super().__init__(seed, days, start_ms, disorder)
        if customers < 1:
            raise SimulationError(
                f"{customers} customers cannot be simulated", fix="ask for at least 1 customer"
            )
        self.parameters = parameters or ShopParameters()
        self._count, self._no_effect = customers, no_effect
        self._begin()

    def _begin(self) -> None:
        self._world = ShopWorld(
            self.seed, self.days, self.start_ms, self.parameters, no_effect=self._no_effect
        )
        keys = (key_of(self.seed, "customer", customer_name(number)) for number in range(self._count))
        draw = uniforms(np.array(list(keys), dtype=np.uint64), 0, ARRIVES)
        self._born_ms = self.start_ms + (draw * self.days * DAY_MS).astype(np.int64)
        born = (self._born_ms - self.start_ms) // DAY_MS
        self._order = np.argsort(born, kind="stable")
        self._born = born[self._order]
        self._carried: list[np.ndarray[Any, np.dtype[np.int64]]] = []

    def _day(self, day: int) -> Iterator[tuple[int, Event]]:
        world = self._world
        world.day = day
        world.out = world.ahead.pop(day, [])
        first, last = np.searchsorted(self._born, [day, day + 1])
        for number in self._order[first:last].tolist():
            create_customer(world, customer_name(number), int(self._born_ms[number]))
        for time_ms, _, action in sorted(world.agenda.pop(day, []), key=lambda item: item[:2]):
            action(time_ms)
        days.hidden_day(world)
        looks = days.visits_of(world)
        yield from self._written(looks)

    def _written(self, looks: days.Looks) -> Iterator[tuple[int, Event]]:
        world = self._world
        today = np.concatenate(
            [*self._carried, np.stack((looks.time, looks.person, looks.action, looks.argument))], axis=1
        )
        over = today[0] >= world.day_ms + DAY_MS
        self._carried, today = [today[:, over]], today[:, ~over]
        others, many = world.out, today.shape[1]
        world.out = []
        times = np.concatenate((today[0], np.array([item[0] for item in others], dtype=np.int64)))
        keys = np.concatenate(
            (world.customers.key[today[1]], np.array([item[1] for item in others], dtype=np.uint64))
        )
        columns = [column.tolist() for column in today]
        for place in np.lexsort((keys, times)).tolist():
            if place < many:
                time_ms, row, action, argument = (column[place] for column in columns)
                yield time_ms, _look(world, row, time_ms, action, argument)
            else:
                time_ms, _, event = others[place - many]
                yield time_ms, event

    def respond(self, person: str, message: Message) -> None:
        """Let a message reach a customer (a user id); see `Simulation.respond`."""
        world = self._world
        if person not in world.rows:
            raise SimulationError(f"nobody is called `{person}`", fix="use a userId seen in an event")
        if message.purpose not in PURPOSES:
            raise SimulationError(
                f"unknown purpose `{message.purpose}`", fix=f"one of {', '.join(sorted(PURPOSES))}"
            )
        if message.channel not in CHANNELS:
            raise SimulationError(f"unknown channel `{message.channel}`", fix=f"one of {', '.join(CHANNELS)}")
        row, target = world.rows[person], PURPOSES[message.purpose]
        hazard = self._hazard(row, target)
        if hazard is not None:
            hazard /= float(world.responses.factor(target, np.array([row]), world.day)[0])
        world.responses.receive(row, target, message, world.day, hazard)
        self._react(world.responses, row, world.writers[row], message, float(world.customers.level[row]))

    def _hazard(self, row: int, target: int) -> float | None:
        world, one = self._world, np.array([row])
        if world.customers.status[row] != CUSTOMER:
            return None
        if target == RECOVER:
            return float(days.recover_hazard(world, one)[0]) if world.customers.drift_day[row] >= 0 else None
        if target == ADVOCATE:
            return (
                float(days.advocate_hazard(world, one)[0]) if world.customers.advocate_ms[row] >= 0 else None
            )
        return float(days.buy_hazard(world, one)[0])

    def truth(self) -> dict[str, pa.Table]:
        """Tables people, episodes, causes, messages; docs/explain/simulator.md has their columns."""
        world = self._world
        episodes = [
            {
                "subject_kind": subject,
                "subject_id": world.names[row],
                "kind": kind,
                "start_ms": start,
                "end_ms": end,
                "ended_by": by,
            }
            for subject, row, kind, start, end, by in world.episodes.rows()
        ]
        causes = [{**cause, "user_id": world.names[cause["customer"]]} for cause in world.causes]
        kinds = world.responses.people.kind
        messages = [
            {**note, "user_id": world.names[note["row"]], "response_type": TYPES[kinds[note["row"]]]}
            for note in world.responses.log
        ]
        return {
            "people": table(_people(world), PEOPLE), "episodes": table(episodes, EPISODES),
            "causes": table(causes, CAUSES), "messages": table(messages, MESSAGES),
        }  # fmt: skip

    def catalogues(self) -> dict[str, list[dict[str, Any]]]:
        """products."""
        return {"products": products_table()}


def _people(world: ShopWorld) -> list[dict[str, Any]]:
    c, r = world.customers, world.responses.people
    return [
        {
            "user_id": name,
            "parent_id": world.names[world.parents[row]] if world.parents[row] >= 0 else None,
            "channel": SOURCES[c.source[row]][0], "intent": float(c.intent[row]), "fit": float(c.fit[row]),
            "satisfaction": float(c.satisfaction[row]), "level": float(c.level[row]),
            "status": STATUSES[c.status[row]],
            "response_type": TYPES[r.kind[row]], "effect_log_hazard": float(r.effect[row]),
            "harm_log_hazard": float(r.harm[row]),
            "preferred_channel": ("email", "in_app", "push", "sms", "whatsapp")[r.preferred[row]],
            "open_chance": float(r.opens[row]), "gap_days": float(c.gap[row]),
            "visits_week": float(c.visits[row]),
            "likes_category": CATEGORIES[c.liking[row]], "stays": bool(c.stays[row]),
            "first_visit_ms": c.born_ms[row],
            "first_order_ms": c.first_ms[row], "second_order_ms": c.second_ms[row],
            "orders": int(c.orders[row]),
            "spent": float(c.spent[row]), "drift_start_ms": c.drift_ms[row], "gone_ms": c.gone_ms[row],
            "could_advocate": bool(c.could_advocate[row]), "advocate_ms": c.advocate_ms[row],
            "messages": int(r.received[row]),
        }
        for row, name in enumerate(world.names)
    ]  # fmt: skip


def _look(world: ShopWorld, row: int, time_ms: int, action: int, argument: int) -> Event:
    writer = world.writers[row]
    if action == days.VIEWED:
        product, category, price = PRODUCTS[argument]
        return writer.track(
            time_ms, "Product Viewed", {"product_id": product, "category": category, "price": price}
        )
    if action == days.SEARCHED:
        return writer.track(time_ms, "Products Searched", {"query": CATEGORIES[argument]})
    if action == days.CATEGORY:
        return writer.page(
            time_ms, "Category", f"/c/{CATEGORIES[argument]}", duration_ms=5_000 + time_ms % 60_000
        )
    return writer.page(time_ms, "Home", "/", duration_ms=3_000 + time_ms % 30_000)

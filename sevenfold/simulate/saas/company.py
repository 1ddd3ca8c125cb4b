"""The SaaS company: the public face of its world."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from sevenfold.simulate.draws import key_of, uniforms
from sevenfold.simulate.responses import CHANNELS, DAY_MS, Message, SimulationError
from sevenfold.simulate.saas import days, members, tables
from sevenfold.simulate.saas.birth import LEAD_DAYS_MAX, account_name, create_account
from sevenfold.simulate.saas.catalogue import (
    ACTIONS,
    API,
    DOCS,
    FEATURE,
    FEATURES,
    PLANS,
    PROJECT_CREATED,
    REPORT_RUN,
    WORKFLOW,
    features_table,
    plans_table,
    staff_table,
)
from sevenfold.simulate.saas.midlife import BEFORE_DAYS_MAX, create_customer
from sevenfold.simulate.saas.parameters import SaasParameters
from sevenfold.simulate.saas.sessions import Actions, Day, day_of
from sevenfold.simulate.saas.state import ADVOCATE, NEXT_STEP, PAID, PURPOSES, RECOVER, UPGRADE, World
from sevenfold.simulate.segment import Disorder, Event, iso_times
from sevenfold.simulate.stream import START_MS, Simulation

ARRIVES, BEFORE = 1, 2
_FIRST_PLAN = np.array(
    [next(i for i, plan in enumerate(PLANS) if plan.features > f) for f in range(len(FEATURES))]
)


class SaasCompany(Simulation):
    """A software company with `accounts` that find it by themselves, and those they refer, over `days`.

    With `warm_start` a share of them are customers from before the start, at every point of their lives;
    the others arrive evenly over the days. Each account is a stream of its own, so neither more accounts
    nor a message to somebody changes any other account (its own referrals excepted). With `no_effect` no
    message changes anything.
    """

    def __init__(
        self,
        seed: int,
        accounts: int = 200,
        days: int = 540,
        start_ms: int = START_MS,
        *,
        parameters: SaasParameters | None = None,
        warm_start: bool = True,
        no_effect: bool = False,
        disorder: Disorder | None = None,
    ) -> None:
        super().__init__(seed, days, start_ms, disorder)
        if accounts < 1:
            raise SimulationError(
                f"{accounts} accounts cannot be simulated", fix="ask for at least 1 account"
            )
        self.parameters = parameters or SaasParameters()
        if warm_start and start_ms < BEFORE_DAYS_MAX * DAY_MS:
            raise SimulationError(
                f"customers from before the start {start_ms} would have joined before 1970",
                fix="start later, or without warm_start",
            )
        self._count = accounts
        self._warm_share = self.parameters.customers_before if warm_start else 0.0
        self._no_effect = no_effect
        self._begin()

    def _begin(self) -> None:
        self._world = World(self.seed, self.days, self.start_ms, self.parameters, no_effect=self._no_effect)
        names = (account_name(number) for number in range(self._count))
        keys = np.array([key_of(self.seed, "account", name) for name in names], dtype=np.uint64)
        self._signup_ms = self.start_ms + (uniforms(keys, 0, ARRIVES) * self.days * DAY_MS).astype(np.int64)
        self._before = uniforms(keys, 0, BEFORE) < self._warm_share
        wakes = np.maximum((self._signup_ms - self.start_ms) // DAY_MS - LEAD_DAYS_MAX, 0)
        wakes[self._before] = 0
        self._order = np.argsort(wakes, kind="stable")
        self._wakes = wakes[self._order]
        self._carried: list[np.ndarray[Any, np.dtype[np.int64]]] = []

    def _day(self, day: int) -> Iterator[tuple[int, Event]]:
        world = self._world
        world.day = day
        world.out = world.ahead.pop(day, [])
        first, last = np.searchsorted(self._wakes, [day, day + 1])
        for number in self._order[first:last].tolist():
            if self._before[number]:
                create_customer(world, account_name(number))
            else:
                create_account(world, account_name(number), int(self._signup_ms[number]))
        for time_ms, _, action in sorted(world.agenda.pop(day, []), key=lambda item: item[:2]):
            action(time_ms)
        days.accounts_before_sessions(world)
        members.people_before_sessions(world)
        came = day_of(world)
        members.after_sessions(world, came)
        days.close_day(world)
        yield from self._written(came)

    def _written(self, came: Day) -> Iterator[tuple[int, Event]]:
        """Today's actions and other events merged by (time, person's key); what runs past midnight is
        carried on."""
        world, actions = self._world, came.actions
        today = np.stack((actions.time, actions.person, actions.action, actions.argument))
        today = np.concatenate([*self._carried, today], axis=1)
        over = today[0] >= world.day_ms + DAY_MS
        self._carried, today = [today[:, over]], today[:, ~over]
        others = world.out
        world.out = []
        times = np.concatenate((today[0], np.array([item[0] for item in others], dtype=np.int64)))
        keys = np.concatenate(
            (world.people.key[today[1]], np.array([item[1] for item in others], dtype=np.uint64))
        )
        order = np.lexsort((keys, times)).tolist()
        written = _pen(world, Actions(*today))
        many = today.shape[1]
        for place in order:
            if place < many:
                yield written(place)
            else:
                time_ms, _, event = others[place - many]
                yield time_ms, event

    def respond(self, person: str, message: Message) -> None:
        """Let a message reach a person (a user id); see `Simulation.respond`."""
        world = self._world
        if person not in world.user_rows:
            raise SimulationError(f"nobody is called `{person}`", fix="use a userId seen in an event")
        if message.purpose not in PURPOSES:
            raise SimulationError(
                f"unknown purpose `{message.purpose}`", fix=f"one of {', '.join(sorted(PURPOSES))}"
            )
        if message.channel not in CHANNELS:
            raise SimulationError(f"unknown channel `{message.channel}`", fix=f"one of {', '.join(CHANNELS)}")
        row = world.user_rows[person]
        target: int | None = PURPOSES[message.purpose]
        hazard = self._hazard(row, PURPOSES[message.purpose])
        if hazard is not None:
            hazard /= float(world.responses.factor(PURPOSES[message.purpose], np.array([row]), world.day)[0])
        if target not in (RECOVER, ADVOCATE) and not world.people.owner[row]:
            target = None
        world.responses.receive(row, target, message, world.day, hazard)
        alive = float(world.accounts.level[world.people.account[row]] * world.people.level[row])
        self._react(world.responses, row, world.writers[row], message, alive)

    def _hazard(self, row: int, target: int) -> float | None:
        """The chance a day of the step a message aims at, where it stands still enough to be stated."""
        world = self._world
        one, account = np.array([row]), world.people.account[row : row + 1].astype(np.int64)
        a = world.accounts
        if target == NEXT_STEP and a.stuck[account[0]]:
            return float(days.stall_hazard(world, account)[0])
        declining = world.people.drift_day[row] >= 0 or (
            world.people.owner[row] and a.drift_day[account[0]] >= 0
        )
        if target == RECOVER and declining:
            return float(members.recover_hazard(world, one)[0])
        if target == UPGRADE and a.status[account[0]] == PAID and a.need_day[account[0]] >= 0:
            return float(days.upgrade_hazard(world, account)[0])
        if target == ADVOCATE and world.people.advocate_ms[row] >= 0:
            return float(members.advocate_hazard(world, one)[0])
        return None

    def truth(self) -> dict[str, pa.Table]:
        """Tables people, accounts, episodes, stages, causes, messages; docs/explain/simulator.md has their
        columns."""
        return tables.truth(self._world)

    def catalogues(self) -> dict[str, list[dict[str, Any]]]:
        """plans, features, contracts (as they stand now) and people who act."""
        return {
            "plans": plans_table(), "features": features_table(), "people": staff_table(),
            "contracts": tables.contracts(self._world),
        }  # fmt: skip


def _pen(world: World, actions: Actions) -> Any:
    """A function that writes the n-th action of the day as (time, event): the hot path."""
    times, stamps = actions.time.tolist(), iso_times(actions.time)
    people = actions.person.tolist()
    kinds, arguments = actions.action.tolist(), actions.argument.tolist()
    plans = world.accounts.plan[world.people.account[actions.person]].tolist()
    writers = world.writers

    def write(place: int) -> tuple[int, Event]:
        time_ms, kind, argument = times[place], kinds[place], arguments[place]
        writer = writers[people[place]]
        writer.count += 1
        event: Event = {
            "type": "track",
            "messageId": f"{writer.prefix}{writer.count:x}",
            "timestamp": stamps[place],
            "anonymousId": writer.anonymous,
            "userId": writer.user,
            "context": {"timezone": writer.timezone, "groupId": writer.account},
            "event": ACTIONS[kind],
        }
        if kind == DOCS:
            page = {
                "path": "/docs/guide",
                "url": "https://www.example.com/docs/guide",
                "referrer": "",
                "title": "Docs",
            }
            event["type"], event["name"], event["properties"] = "page", "Docs", page
            event["context"]["page"] = dict(page)
            del event["event"]
        elif kind == FEATURE:
            properties: dict[str, Any] = {"feature": FEATURES[argument]}
            if _FIRST_PLAN[argument] > plans[place]:
                properties["plan_level"] = PLANS[_FIRST_PLAN[argument]].name
            event["properties"] = properties
        elif kind == API:
            event["properties"] = {"calls": argument}
        elif kind == WORKFLOW:
            event["properties"] = {"workflow": f"workflow_{argument + 1}"}
        elif kind == REPORT_RUN:
            event["properties"] = {"report": f"report_{argument + 1}"}
        elif kind == PROJECT_CREATED:
            event["properties"] = {"project_id": f"{writer.account}-{writer.count:x}"}
        else:
            event["properties"] = {}
        return time_ms, event

    return write

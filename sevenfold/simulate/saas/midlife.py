"""Customers from before the start: accounts in the middle of their lives on the first day.

They are drawn and not lived: who they are as everybody, then how long they have been customers and where
they stand. What a company knows of them is told on the first morning, as an import would.
"""

from __future__ import annotations

from sevenfold.simulate.draws import Stream, clip
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.saas.birth import (
    add_person,
    conceive,
    iso_date,
    owner_to_be,
    person_traits,
    tell_account,
)
from sevenfold.simulate.saas.catalogue import (
    INTEGRATION,
    INTEGRATIONS,
    INVITE,
    MILESTONES,
    PLANS,
    PROJECT,
    REPORT,
    plan_for,
)
from sevenfold.simulate.saas.life import contract_terms
from sevenfold.simulate.saas.state import HABIT, PAID, World
from sevenfold.simulate.saas.teams import next_writer

YEARS_SHARES = (0.45, 0.30, 0.17, 0.08)
"""Of customers, those in their first, second, third and fourth year."""
BEFORE_DAYS_MAX = 5 * 365
LIFE = 48


def create_customer(world: World, name: str) -> int:
    """An account that was a customer before the start; returns its row."""
    row = conceive(world, name)
    accounts, p = world.accounts, world.p
    stream = Stream(int(accounts.key[row]), slot=LIFE)
    accounts.fit[row] = clip(float(accounts.fit[row]) + p.fit_before, 0.02, 0.98)
    accounts.baseline[row] = clip(float(accounts.baseline[row]) + 0.35 * p.fit_before, 0.05, 0.98)
    accounts.satisfaction[row] = accounts.baseline[row]
    _contract(world, row, stream)
    _team(world, row, stream)
    _place(world, row, stream)
    _tell(world, row)
    return row


def _contract(world: World, row: int, stream: Stream) -> None:
    """The subscription they have, and the day it renews: any of the year to come."""
    accounts, p = world.accounts, world.p
    plan = plan_for(int(accounts.employees[row]))
    annual = stream.happens(p.annual_share_starter) or plan >= 2
    renewal, years = 1 + stream.below(365), 1 + stream.pick(YEARS_SHARES)
    tried = 5 + stream.below(40)
    accounts.status[row], accounts.plan[row], accounts.term[row] = PAID, plan, 12 if annual else 1
    accounts.mrr[row] = int(PLANS[plan].price * (0.9 if annual else 1.0))
    accounts.renewal_day[row], accounts.paid_day[row] = renewal, renewal - 365 * years
    accounts.signup_day[row] = renewal - 365 * years - tried
    signup_ms = world.start_ms + int(accounts.signup_day[row]) * DAY_MS + 36_000_000
    accounts.signup_ms[row] = signup_ms
    accounts.converted_ms[row] = signup_ms + tried * DAY_MS
    accounts.activated_ms[row] = signup_ms + int(stream.between(0.01, 6.9) * DAY_MS)
    accounts.report_ms[row] = signup_ms + int(stream.between(0.01, 20.0) * DAY_MS)
    accounts.steps[row] = (1 << len(MILESTONES)) - 1
    accounts.habit[row], accounts.habit_if_activated[row] = HABIT, True
    accounts.habit_day[row] = accounts.signup_day[row] + 7
    accounts.level[row] = 1.0
    if annual and renewal < 90:
        world.episodes.begin("account", row, "renewal_window", world.start_ms + (renewal - 90) * DAY_MS)


def _team(world: World, row: int, stream: Stream) -> None:
    """The owner and teammates who joined since sign-up, advocates among them."""
    accounts, people, p = world.accounts, world.people, world.p
    since = int(accounts.signup_ms[row])
    owner = add_person(world, row, owner_to_be(world, row), since, owner=True)
    more = 1 + int(stream.exponential(p.members_before))
    for _ in range(min(more, int(accounts.employees[row]) - 1, 11)):
        joined = since + int(stream.unit() ** 2 * (world.start_ms - DAY_MS - since))
        add_person(world, row, next_writer(world, row), joined, owner=False)
    accounts.seats[row] = max(PLANS[int(accounts.plan[row])].seats_cap, int(accounts.members[row]))
    for person in range(owner, owner + int(accounts.members[row])):
        known_for = world.start_ms - int(people.joined_ms[person])
        if people.could_advocate[person] and known_for > 45 * DAY_MS and stream.happens(p.advocates_before):
            people.advocate_ms[person] = world.start_ms - int(stream.unit() * (known_for - 45 * DAY_MS))
            accounts.advocates[row] += 1


def _place(world: World, row: int, stream: Stream) -> None:
    """Most are steady; some decline, some outgrow their plan."""
    accounts, p = world.accounts, world.p
    where = stream.pick((p.declining_before, p.need_before, 1.0 - p.declining_before - p.need_before))
    ago, half_life = stream.between(1.0, 28.0), stream.between(*p.drift_half_life_days)
    since = world.start_ms - int(ago * DAY_MS)
    if where == 0:
        accounts.drift_day[row], accounts.drift_factor[row] = 0, 0.5 ** (1.0 / half_life)
        accounts.level[row] = max(0.5 ** (ago / half_life), 0.05)
        accounts.last_drift_ms[row] = since
        accounts.satisfaction[row] = clip(float(accounts.satisfaction[row]) - 0.10, 0.05, 0.98)
        world.causes.append({"account": row, "cause": "before_the_start", "time_ms": since})
        world.episodes.begin("account", row, "decline", since)
    elif where == 1 and accounts.plan[row] < len(PLANS) - 1:
        accounts.need_day[row], accounts.need_ms[row] = 0, since
        accounts.usage[row] = clip(float(accounts.usage[row] + ago * accounts.growth[row]), 0.25, 0.95)
        world.episodes.begin("account", row, "expansion_need", since)


def _tell(world: World, row: int) -> None:
    """The first morning's import: who they are, their account and its contract, what they had reached.

    A contract by the month has no date to be known by, so its subscription is told as well.
    """
    accounts, owner = world.accounts, int(world.accounts.owner[row])
    time_ms = world.start_ms + int(accounts.key[row] % 1_000)
    for person in world.facts[row].people:
        writer = world.writers[person]
        known_since = {"createdAt": iso_date(world, int(world.people.joined_day[person]))}
        traits = {**person_traits(world, person), **known_since}
        world.emit(writer.key, time_ms, writer.identify(time_ms, traits))
        tell_account(world, person, time_ms + 1)
    facts, writer = world.facts[row], world.writers[owner]
    about = {
        INTEGRATION: {"integration": INTEGRATIONS[(facts.offset // 30) % len(INTEGRATIONS)]},
        PROJECT: {"project_id": f"{facts.id}-p1"},
        INVITE: {"invitee": f"{facts.id}-u2@{facts.id}.example.com"},
        REPORT: {"report": "overview"},
    }
    told = [(name, about.get(step, {})) for step, name in enumerate(MILESTONES)]
    if accounts.term[row] == 1:
        told.append(("Subscription Started", contract_terms(world, row)))
    for place, (name, properties) in enumerate(told):
        at = time_ms + 2 + place
        world.emit(writer.key, at, writer.track(at, name, {**properties, "imported": True}))

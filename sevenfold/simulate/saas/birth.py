"""How accounts and people come to be: traits, visits, sign-ups; all drawn from their own streams."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sevenfold.simulate.draws import Stream, clip, key_of, logistic
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.saas.catalogue import (
    CHANNELS,
    FEATURES,
    INDUSTRIES,
    PLANS,
    REFERRAL,
    ROLE_SHARES,
    ROLES,
    USE_CASES,
    ZONES,
)
from sevenfold.simulate.saas.state import ADMIN, FREE, OWNER, PAID, STANDINGS, TRIAL, Facts, World
from sevenfold.simulate.segment import Writer

LEAD_DAYS_MAX = 10
SIGNUP, VISITS, CROWD = 16, 17, 18
WEEKS = np.array(
    [
        [1.30, 1.35, 1.35, 1.30, 1.15, 0.25, 0.30],
        [1.45, 1.40, 1.35, 1.25, 0.95, 0.25, 0.35],
        [1.15, 1.15, 1.15, 1.10, 1.05, 0.65, 0.75],
        [1.35, 1.40, 1.40, 1.35, 1.25, 0.10, 0.15],
    ]
)
"""Weekly rhythms, Monday first, each averaging 1: office, early week, always on, nine to five."""


def account_name(number: int) -> str:
    """The id of the n-th account that found the company by itself."""
    return f"a{number:06d}"


def create_account(world: World, name: str, signup_ms: int, parent: int = -1) -> int:
    """A new account: its visits are seen before sign-up, which is put on the agenda."""
    row = conceive(world, name, parent)
    writer = owner_to_be(world, row)
    _visits(world, row, writer, signup_ms)
    if parent < 0:
        _crowd(world, row, signup_ms)
    key = int(world.accounts.key[row])
    world.later(signup_ms, key, lambda time_ms: sign_up(world, row, writer, time_ms))
    return row


def owner_to_be(world: World, row: int) -> Writer:
    """The pen of the account's first person, nobody with a user id yet."""
    facts = world.facts[row]
    return Writer(key_of(world.seed, "person", f"{facts.id}-u1"), facts.zone)


def conceive(world: World, name: str, parent: int = -1) -> int:
    """Give an account its hidden traits; returns its row."""
    key = key_of(world.seed, "account", name)
    stream = Stream(key)
    row = world.accounts.add()
    accounts = world.accounts
    zone, offset, country, _ = ZONES[stream.pick([share for *_, share in ZONES])]
    root = name if parent < 0 else world.facts[parent].root
    facts = Facts(name, root, parent, INDUSTRIES[stream.below(len(INDUSTRIES))], zone, offset, country)
    world.facts.append(facts)
    drawn = stream.pick([channel.share for channel in CHANNELS])
    channel = drawn if parent < 0 else REFERRAL
    accounts.key[row] = key
    accounts.channel[row] = channel
    accounts.employees[row] = max(2, int(stream.lognormal(35.0, 1.4)))
    accounts.intent[row] = clip(CHANNELS[channel].intent + 0.18 * stream.normal(), 0.02, 0.98)
    fit = clip(0.55 + 0.20 * stream.normal(), 0.02, 0.98)
    accounts.fit[row] = fit
    accounts.baseline[row] = clip(0.45 + 0.35 * fit + 0.08 * stream.normal(), 0.05, 0.98)
    accounts.satisfaction[row] = accounts.baseline[row]
    accounts.usage[row] = stream.between(0.25, 0.60)
    accounts.growth[row] = stream.between(0.012, 0.030)
    odds = habit_logit(world, row)
    luck = stream.unit()
    accounts.habit_if_activated[row] = luck < logistic(odds + world.p.activation_effect_logit)
    accounts.habit_if_not[row] = luck < logistic(odds)
    return row


def habit_logit(world: World, row: int) -> float:
    """The log-odds of forming a habit without the activation event."""
    p, accounts = world.p, world.accounts
    by_fit = p.habit_fit_slope * 2.0 * (float(accounts.fit[row]) - 0.5)
    by_intent = p.habit_intent_slope * 2.0 * (float(accounts.intent[row]) - 0.5)
    return p.habit_logit + by_fit + by_intent


def _campaign(channel: int) -> dict[str, str] | None:
    source, medium = CHANNELS[channel].source, CHANNELS[channel].medium
    return {"name": f"{medium}-{source}", "source": source, "medium": medium} if source else None


def _visits(world: World, row: int, writer: Writer, signup_ms: int) -> None:
    """One to three visits before sign-up; the more intent, the nearer to pricing and demo."""
    key, intent = int(world.accounts.key[row]), float(world.accounts.intent[row])
    stream = Stream(key, slot=VISITS)
    channel = CHANNELS[int(world.accounts.channel[row])]
    lead = min(stream.exponential(world.p.visit_lead_days), LEAD_DAYS_MAX - 1.0)
    visits = 1 + stream.below(3)
    for number in range(visits):
        time_ms = signup_ms - int(lead * DAY_MS * (visits - number) / visits) - 600_000
        if time_ms < world.day_ms:
            continue
        campaign = _campaign(int(world.accounts.channel[row])) if number == 0 else None
        landing = (channel.landing, channel.path) if number == 0 else ("Home", "/")
        referrer = channel.referrer if number == 0 else ""
        world.emit(key, time_ms, writer.page(time_ms, *landing, referrer, campaign=campaign))
        if stream.happens(0.25 + 0.6 * intent):
            time_ms += 20_000 + stream.below(120_000)
            world.emit(key, time_ms, writer.page(time_ms, "Pricing", "/pricing"))
        if stream.happens(0.20):
            time_ms += 20_000 + stream.below(120_000)
            world.emit(
                key, time_ms, writer.track(time_ms, "Resource Downloaded", {"resource": "evaluation_guide"})
            )
        if world.accounts.employees[row] >= 150 and stream.happens(0.35 * intent):
            time_ms += 20_000 + stream.below(60_000)
            world.emit(key, time_ms, writer.track(time_ms, "Demo Requested"))


def _crowd(world: World, row: int, signup_ms: int) -> None:
    """Visitors who never sign up: most look once at one or two pages."""
    key = int(world.accounts.key[row])
    stream = Stream(key, slot=CROWD)
    for number in range(int(world.p.visitors_per_signup + stream.unit())):
        person = key_of(world.seed, "visitor", world.facts[row].id, str(number))
        writer = Writer(person, world.facts[row].zone)
        place = stream.pick([channel.share * (1.2 - channel.intent) for channel in CHANNELS])
        channel = CHANNELS[place]
        time_ms = signup_ms + int(stream.between(0.0, 8.0) * DAY_MS)
        world.emit(
            person,
            time_ms,
            writer.page(time_ms, channel.landing, channel.path, channel.referrer, campaign=_campaign(place)),
        )
        if stream.happens(0.35):
            time_ms += 15_000 + stream.below(200_000)
            name, path = ("Pricing", "/pricing") if stream.happens(0.4) else ("Blog", "/blog/better-reports")
            world.emit(person, time_ms, writer.page(time_ms, name, path))


def add_person(world: World, row: int, writer: Writer, time_ms: int, *, owner: bool) -> int:
    """A person with a user id joins an account; returns the person's row."""
    facts, people = world.facts[row], world.people
    user = f"{facts.id}-u{len(facts.people) + 1}"
    stream = Stream(writer.key)
    person = people.add()
    world.responses.add(writer.key)
    writer.user, writer.account = user, facts.id
    world.writers.append(writer)
    world.user_rows[user] = person
    facts.people.append(person)
    world.accounts.members[row] += 1
    if owner:
        world.accounts.owner[row] = person
    people.key[person], people.account[person] = writer.key, row
    people.alive[person], people.owner[person] = True, owner
    people.role[person] = stream.pick(ROLE_SHARES)
    days_week = world.p.owner_active_days_week if owner else world.p.member_active_days_week
    people.rate[person] = clip(stream.lognormal(days_week, world.p.active_days_sigma), 0.4, 6.8)
    people.depth[person] = stream.lognormal(1.0, 0.35)
    people.known[person] = 2 + stream.below(5)
    liking = [stream.unit() * (1.0 + 0.15 * place) for place in range(len(FEATURES))]
    people.features[person] = np.argsort(liking, kind="stable").astype(np.int8)
    people.week[person] = stream.below(len(WEEKS))
    local = clip((10.0 if stream.happens(0.6) else 15.0) + 1.5 * stream.normal(), 6.0, 22.0)
    utc = (local - facts.offset / 60.0) % 24.0
    people.hour[person], people.spread[person] = utc, stream.between(0.6, 2.2)
    people.shift[person] = math.floor((utc + facts.offset / 60.0) / 24.0)
    people.opinion[person] = 0.08 * stream.normal()
    people.could_advocate[person] = stream.happens(world.p.advocate_share)
    people.joined_day[person] = (time_ms - world.start_ms) // DAY_MS
    people.joined_ms[person] = time_ms
    people.nps_day[person] = stream.below(world.p.nps_every_days)
    people.standing[person] = OWNER if owner else ADMIN + stream.pick(world.p.standing_shares)
    return person


def person_traits(world: World, person: int) -> dict[str, Any]:
    """The traits of an `identify` call."""
    row = int(world.people.account[person])
    facts, user = world.facts[row], world.writers[person].user
    role = int(world.people.role[person])
    return {
        "email": f"{user}@{facts.id}.example.com", "name": f"Person {user}", "role": ROLES[role],
        "use_case": USE_CASES[role], "team_size": min(int(world.accounts.employees[row]), 2 + role * 4),
        "company_size": int(world.accounts.employees[row]), "industry": facts.industry,
        "country": facts.country,
    }  # fmt: skip


def account_traits(world: World, row: int) -> dict[str, Any]:
    """The traits of a `group` call; contract fields while there is a contract.

    A subscription by the month has no date to renew on.
    """
    accounts, facts = world.accounts, world.facts[row]
    plan = PLANS[int(accounts.plan[row])]
    traits: dict[str, Any] = {
        "name": f"Account {facts.id}", "industry": facts.industry, "employees": int(accounts.employees[row]),
        "plan": plan.name, "tier": plan.tier, "arr": int(accounts.mrr[row]) * 12,
    }  # fmt: skip
    if accounts.status[row] == PAID:
        traits["contract_start"] = iso_date(world, int(accounts.paid_day[row]))
        if accounts.term[row] == 12:
            traits["renewal_date"] = iso_date(world, int(accounts.renewal_day[row]))
        traits["owner"] = account_owner(world, row)
    return traits


def tell_account(world: World, person: int, time_ms: int) -> None:
    """A `group` call: this person belongs to their account, in this role, and so stands the account."""
    writer, row = world.writers[person], int(world.people.account[person])
    traits = {**account_traits(world, row), "role": STANDINGS[world.people.standing[person]]}
    world.emit(writer.key, time_ms, writer.group(time_ms, traits))


def iso_date(world: World, day: int) -> str:
    """The date of a day number."""
    return str(np.datetime64(world.start_ms + day * DAY_MS, "ms").astype("datetime64[D]"))


def account_owner(world: World, row: int) -> str:
    """Which CSM or account manager looks after the account."""
    return ("csm-1", "csm-2", "csm-3", "am-1")[int(world.accounts.key[row]) % 4]


def sign_up(world: World, row: int, writer: Writer, time_ms: int) -> None:
    """The owner signs up: identify, Signed Up, group, perhaps a trial; activation begins."""
    accounts, facts, key = world.accounts, world.facts[row], int(world.accounts.key[row])
    stream = Stream(key, slot=SIGNUP)
    person = add_person(world, row, writer, time_ms, owner=True)
    traits = person_traits(world, person)
    answer = {"channel_answer": CHANNELS[int(accounts.channel[row])].name} if stream.happens(0.5) else {}
    if facts.parent >= 0:
        advocate = world.facts[facts.parent].people[0]
        answer["referred_by"] = traits["referred_by"] = str(world.writers[advocate].user)
        told = world.writers[advocate].track(time_ms, "Referral Signed Up", {"referred_user_id": writer.user})
        world.emit(world.writers[advocate].key, time_ms, told)
    world.emit(writer.key, time_ms, writer.identify(time_ms, traits))
    world.emit(writer.key, time_ms + 200, writer.track(time_ms + 200, "Signed Up", answer))
    tell_account(world, person, time_ms + 400)
    accounts.status[row] = FREE
    if stream.happens(world.p.trial_share):
        accounts.status[row] = TRIAL
        trial = writer.track(time_ms + 900, "Trial Started", {"plan": "team"})
        world.emit(writer.key, time_ms + 900, trial)
    accounts.level[row], accounts.signup_day[row], accounts.signup_ms[row] = 1.0, world.day, time_ms
    accounts.nudged[row] = True
    if stream.happens(clip(world.p.stall_at_signup - 0.3 * (float(accounts.intent[row]) - 0.5), 0.02, 0.9)):
        accounts.stuck[row] = True
        world.episodes.begin("account", row, "stall", time_ms)

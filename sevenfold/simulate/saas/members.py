"""One day of the people: members drift on their own, advocates act, visits bring milestones and tickets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sevenfold.simulate.draws import Bools, Floats, Ints, Stream, uniforms
from sevenfold.simulate.saas import departures, life, voices
from sevenfold.simulate.saas.catalogue import MILESTONES
from sevenfold.simulate.saas.sessions import Day, live_people
from sevenfold.simulate.saas.state import ADVOCATE, HABIT, MEMBER, NEXT_STEP, RECOVER, World

MILESTONE, TICKETS, ANSWERS, BECOMES, ACTS, FADES, REVIVES, GOES = 288, 300, 301, 302, 303, 304, 305, 306
"""Slots of the person's daily draws; milestones use the six from theirs on."""


def recover_hazard(world: World, owners: NDArray[Any]) -> Floats:
    """The daily chance that a decline ends, by the type of the person and the messages acting on them."""
    return world.p.recover * world.responses.base(owners) * world.responses.factor(RECOVER, owners, world.day)


def people_before_sessions(world: World) -> None:
    """Members drift and recover on their own, answer surveys, become advocates and act as such."""
    rows = live_people(world)
    people, a, p, day = world.people, world.accounts, world.p, world.day
    keys, account = people.key[rows], people.account[rows]
    drifting = people.drift_day[rows] >= 0
    _members_drift(world, rows[~people.owner[rows] & ~drifting])
    _members_fall(world, rows[drifting])
    _sponsors_leave(world, rows)
    asked = (day - people.joined_day[rows] >= 30) & (day % p.nps_every_days == people.nps_day[rows])
    asked &= uniforms(keys, day, ANSWERS) < p.nps_answers * a.level[account]
    for person in rows[asked & people.alive[rows]].tolist():
        voices.answer_nps(world, person)
    content = (a.habit[account] == HABIT) & (a.level[account] > 0.7) & (a.satisfaction[account] > 0.6)
    ready: Bools = people.could_advocate[rows] & content & (day - people.joined_day[rows] > 45)
    new = ready & (people.advocate_ms[rows] < 0) & (uniforms(keys, day, BECOMES) < p.becomes_advocate)
    for person in rows[new].tolist():
        voices.become_advocate(world, person)
    acting = rows[(people.advocate_ms[rows] >= 0) & content & people.alive[rows]]
    for person in acting[uniforms(people.key[acting], day, ACTS) < advocate_hazard(world, acting)].tolist():
        voices.advocate(world, person)


def advocate_hazard(world: World, rows: Ints) -> Floats:
    """The daily chance of an act of advocacy, for advocates."""
    return (
        world.p.advocate_acts * world.responses.base(rows) * world.responses.factor(ADVOCATE, rows, world.day)
    )


def _members_drift(world: World, rows: Ints) -> None:
    people = world.people
    hazard = world.p.member_drift * world.responses.drift_factor(rows, world.day)
    for person in rows[uniforms(people.key[rows], world.day, FADES) < hazard].tolist():
        half_life = Stream(int(people.key[person]), world.day, FADES).between(*world.p.drift_half_life_days)
        people.drift_day[person], people.drift_factor[person] = world.day, 0.5 ** (1.0 / half_life)
        people.last_drift_ms[person] = world.day_ms
        world.episodes.begin("person", person, "decline", world.day_ms)
    steady = rows[people.drift_day[rows] < 0]
    people.level[steady] += world.p.recovery_speed * (1.0 - people.level[steady])


def _members_fall(world: World, rows: Ints) -> None:
    people = world.people
    back = uniforms(people.key[rows], world.day, REVIVES) < recover_hazard(world, rows)
    for person in rows[back].tolist():
        people.drift_day[person] = -1
        world.episodes.end("person", person, "decline", world.day_ms, "recovered")
    falling = rows[~back]
    people.level[falling] *= people.drift_factor[falling]
    gone = falling[(people.level[falling] < 0.06) & ~people.owner[falling] & people.alive[falling]]
    for person in gone.tolist():
        departures.depart(world, person, Stream(int(people.key[person]), world.day, FADES))


def _sponsors_leave(world: World, rows: Ints) -> None:
    """Owners, admins and champions of teams change jobs."""
    people = world.people
    sponsors = rows[people.alive[rows] & (people.standing[rows] < MEMBER)]
    sponsors = sponsors[world.accounts.members[people.account[sponsors]] >= 3]
    going = uniforms(people.key[sponsors], world.day, GOES) < world.p.sponsor_leaves
    for person in sponsors[going].tolist():
        departures.depart(world, person, Stream(int(people.key[person]), world.day, GOES))


def after_sessions(world: World, day: Day) -> None:
    """What needs a visit to happen: milestones, and tickets."""
    people, a, p = world.people, world.accounts, world.p
    account = people.account[day.people]
    hazard = p.ticket * np.exp(p.ticket_slope * (0.6 - a.satisfaction[account]))
    trouble = uniforms(people.key[day.people], world.day, TICKETS) < hazard
    for person, first in zip(day.people[trouble].tolist(), day.first_ms[trouble].tolist(), strict=True):
        voices.open_ticket(world, person, first + 90_000)
    starting = people.owner[day.people] & (a.steps[account] < 31) & ~a.stuck[account]
    starting &= world.day - a.signup_day[account] < p.onboarding_days
    for row, first in zip(account[starting].tolist(), day.first_ms[starting].tolist(), strict=True):
        _advance(world, row, first + 30_000)


def milestone_chances(world: World, row: int) -> list[float]:
    """The chance of each milestone on a day the owner is active."""
    a, p = world.accounts, world.p
    owner = a.owner[row : row + 1]
    push = p.milestone_intent_slope * (float(a.intent[row]) - 0.5) + p.milestone_fit_slope * (
        float(a.fit[row]) - 0.5
    )
    if world.day - a.signup_day[row] > p.activation_within_days:
        push += math.log(p.late_step_factor)
    factor = float(
        np.exp(push) * world.responses.base(owner)[0] * world.responses.factor(NEXT_STEP, owner, world.day)[0]
    )
    return [chance * factor / (1.0 - chance + chance * factor) for chance in p.milestone_chances]


def _advance(world: World, row: int, time_ms: int) -> None:
    """Milestones one after the other in this visit, until one is not reached or the owner gets stuck."""
    a = world.accounts
    stream = Stream(int(a.key[row]), world.day, MILESTONE)
    for step, chance in enumerate(milestone_chances(world, row)):
        luck, wait = stream.unit(), stream.exponential(240_000.0)
        if a.steps[row] >> step & 1 or a.stuck[row] or (step > 0 and not a.steps[row] & 1):
            continue
        if luck < chance:
            time_ms += 20_000 + int(wait)
            life.reach_milestone(
                world, row, step, time_ms, Stream(int(a.key[row]), world.day, MILESTONE + 1 + step)
            )
    if a.steps[row] == (1 << len(MILESTONES)) - 1:
        world.episodes.end("account", row, "stall", time_ms, "next_step")

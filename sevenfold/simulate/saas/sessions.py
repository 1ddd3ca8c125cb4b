"""What people do on a day: who comes, when, and each action, drawn for everybody at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sevenfold.simulate.draws import Floats, Ints, Keys, normals, repeated, uniforms
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.saas.birth import WEEKS
from sevenfold.simulate.saas.catalogue import (
    ACTION_SHARES,
    API,
    FEATURE,
    INTEGRATION,
    MESSAGE,
    PLANS,
    PROJECT,
    PROJECT_CREATED,
    REPORT,
    REPORT_RUN,
    SIGN_IN,
    WORKFLOW,
)
from sevenfold.simulate.saas.state import FREE, PAID, TRIAL, World

COMES, MORE, START, LENGTH, ACTION, GAP, ARGUMENT = 128, 129, 130, 132, 133, 134, 135
ACTIONS_MAX = 40
_CUMULATIVE = np.cumsum(np.array(ACTION_SHARES), axis=1)
_PLAN_FEATURES = np.array([plan.features for plan in PLANS])
_EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""


@dataclass(frozen=True, slots=True)
class Actions:
    """The day's actions, one element each: UTC ms, person row, action code, its argument."""

    time: Ints
    person: Ints
    action: Ints
    argument: Ints


@dataclass(frozen=True, slots=True)
class Day:
    """Who came today: person rows, and when each came first (ms UTC)."""

    people: Ints
    first_ms: Ints
    actions: Actions


def live_people(world: World) -> Ints:
    """Rows of people who still belong to an account that lives."""
    people, status = world.people, world.accounts.status
    n = world.people.rows
    state = status[people.account[:n]]
    return np.flatnonzero(people.alive[:n] & ((state == TRIAL) | (state == FREE) | (state == PAID)))


def levels(world: World, rows: Ints) -> Floats:
    """How much of their habit is alive, 0-1: the account's level times the person's own."""
    account = world.people.account[rows]
    together: Floats = world.accounts.level[account] * world.people.level[rows]
    return together


def coming_chance(world: World, rows: Ints) -> Floats:
    """The chance that each person comes today."""
    people = world.people
    weekday = (world.day_ms // DAY_MS + _EPOCH_WEEKDAY + people.shift[rows]) % 7
    rhythm = WEEKS[people.week[rows], weekday]
    chance: Floats = np.minimum(people.rate[rows] / 7.0 * rhythm, 0.97) * levels(world, rows)
    return chance


def day_of(world: World) -> Day:
    """Draw the day: people who signed up or were woken today come for certain, from that moment on."""
    people, rows = world.people, live_people(world)
    keys = people.key[rows]
    account = people.account[rows]
    woken = people.owner[rows] & world.accounts.nudged[account]
    new = people.joined_day[rows] == world.day
    rows_in = np.flatnonzero((uniforms(keys, world.day, COMES) < coming_chance(world, rows)) | woken | new)
    here, keys = rows[rows_in], keys[rows_in]
    hour = people.hour[here] + people.spread[here] * normals(keys, world.day, START)
    first = world.day_ms + np.clip(hour * 3_600_000, 0, DAY_MS - 1).astype(np.int64)
    first = np.maximum(first, world.start_ms + 2_000)  # nobody comes before the first morning's import
    joined = people.joined_ms[here] + 60_000
    first = np.where(people.joined_day[here] == world.day, joined, first)
    world.accounts.nudged[: world.accounts.rows] = False
    return Day(here, first, _actions(world, here, keys, first))


def _actions(world: World, here: Ints, keys: Keys, first: Ints) -> Actions:
    """Each session is a log-in and a run of actions with gaps of about a minute."""
    people = world.people
    alive = levels(world, here)
    twice = uniforms(keys, world.day, MORE) < world.p.second_session * alive
    which = np.concatenate((np.arange(len(here)), np.flatnonzero(twice)))
    second = np.concatenate((np.zeros(len(here), np.int64), np.ones(int(twice.sum()), np.int64)))
    begin = first[which] + second * (2 * 3_600_000 + (keys[which] % np.uint64(7_200_000)).astype(np.int64))
    mean = world.p.actions_per_session * people.depth[here] * (0.35 + 0.65 * alive)
    length = 1 + (-np.log1p(-repeated(keys[which], world.day, LENGTH, second)) * mean[which]).astype(np.int64)
    length = np.minimum(length, ACTIONS_MAX)
    session = np.repeat(np.arange(len(which)), length)
    ends = np.cumsum(length)
    place = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - length, length)
    person = which[session]
    repeat = place + second[session] * 64
    key = keys[person]
    gap = (-np.log1p(-repeated(key, world.day, GAP, repeat)) * 60_000).astype(np.int64) + 1_000
    gap[place == 0] = 0
    total = np.cumsum(gap)
    offset = total - (total - gap)[np.repeat(ends - length, length)] if len(ends) else total
    rows = here[person]
    action = _kinds(world, rows, repeated(key, world.day, ACTION, repeat), place)
    argument = _arguments(world, rows, action, repeated(key, world.day, ARGUMENT, repeat), alive[person])
    return Actions(begin[session] + offset, rows, action, argument)


def _kinds(world: World, rows: Ints, draw: Floats, place: Ints) -> Ints:
    """What each action is by the person's role; what the account has not set up yet becomes feature use."""
    shares = _CUMULATIVE[world.people.role[rows]]
    action: Ints = np.minimum((draw[:, None] >= shares).sum(axis=1), len(ACTION_SHARES[0]) - 1) + 1
    account = world.people.account[rows]
    steps = world.accounts.steps[account]
    lacking = (action == REPORT_RUN) & (steps >> REPORT & 1 == 0)
    lacking |= (action == PROJECT_CREATED) & (steps >> PROJECT & 1 == 0)
    lacking |= (action == API) & (steps >> INTEGRATION & 1 == 0)
    lacking |= (action == WORKFLOW) & (steps >> PROJECT & 1 == 0)
    lacking |= (action == MESSAGE) & (world.accounts.members[account] < 2)
    action[lacking] = FEATURE
    action[place == 0] = SIGN_IN
    return action


def _arguments(world: World, rows: Ints, action: Ints, draw: Floats, alive: Floats) -> Ints:
    """The feature used, calls made, or workflow's number; the circle of features shrinks with the level."""
    people, accounts = world.people, world.accounts
    account = people.account[rows]
    wanting = accounts.need_day[account] >= 0
    circle = np.ceil(people.known[rows] * (0.25 + 0.75 * alive)) + wanting * 3.0
    rank = np.minimum(draw**world.p.feature_slope * circle, 11).astype(np.int64)
    feature = people.features[rows, rank].astype(np.int64)
    included = np.where(
        accounts.status[account] == TRIAL, _PLAN_FEATURES[2], _PLAN_FEATURES[accounts.plan[account]]
    )
    feature = np.where(wanting, feature, feature % included)
    calls = (20 + 400 * draw**3 * (1.0 + 3.0 * accounts.usage[account])).astype(np.int64)
    number = (draw * 5).astype(np.int64)
    chosen: NDArray[Any] = np.where(action == FEATURE, feature, np.where(action == API, calls, number))
    return chosen.astype(np.int64)

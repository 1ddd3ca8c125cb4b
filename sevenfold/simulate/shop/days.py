"""One day of the shop: who drifts, who comes, what they look at, who buys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sevenfold.simulate.draws import Floats, Ints, Stream, normals, repeated, uniforms
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.shop import orders
from sevenfold.simulate.shop.catalogue import CATEGORIES, PER_CATEGORY
from sevenfold.simulate.shop.state import ADVOCATE, BUY, CUSTOMER, GONE, NEWCOMER, RECOVER, SOURCES, ShopWorld

DRIFTS, RECOVERS, COMES, BUYS, CARTS, START, LENGTH, ACTION, ARGUMENT, GAP = (
    256,
    257,
    258,
    259,
    260,
    262,
    264,
    265,
    266,
    267,
)
BECOMES, ACTS, OPENS = 268, 269, 270
HOME, CATEGORY, VIEWED, SEARCHED = range(4)
WEEK = np.array([0.95, 0.9, 0.9, 0.95, 1.0, 1.1, 1.2])
ACTIONS_MAX = 30


@dataclass(frozen=True, slots=True)
class Looks:
    """What is looked at today, one element each: UTC ms, customer row, action, product or category number."""

    time: Ints
    person: Ints
    action: Ints
    argument: Ints


def live_customers(world: ShopWorld) -> Ints:
    """Rows of everybody who has come and is not gone."""
    c = world.customers
    return np.flatnonzero((c.status[: c.rows] != GONE) & (c.born_day[: c.rows] <= world.day))


def buy_hazard(world: ShopWorld, rows: Ints) -> Floats:
    """The daily chance of a repeat order: log-logistic in the share of the customer's own gap that has
    passed."""
    c, p = world.customers, world.p
    x = (world.day - c.last_day[rows]) / c.gap[rows]
    shape = p.gap_shape
    hazard = shape / c.gap[rows] * x ** (shape - 1.0) / (1.0 + x**shape)
    chance: Floats = (
        hazard * c.level[rows] * world.responses.base(rows) * world.responses.factor(BUY, rows, world.day)
    )
    return chance


def recover_hazard(world: ShopWorld, rows: Ints) -> Floats:
    """The daily chance that a decline ends."""
    return world.p.recover * world.responses.base(rows) * world.responses.factor(RECOVER, rows, world.day)


def advocate_hazard(world: ShopWorld, rows: Ints) -> Floats:
    """The daily chance of an act of advocacy, for advocates."""
    return (
        world.p.advocate_acts * world.responses.base(rows) * world.responses.factor(ADVOCATE, rows, world.day)
    )


def hidden_day(world: ShopWorld) -> None:
    """Levels, drift, recovery, newsletters and advocacy."""
    c, p, rows = world.customers, world.p, live_customers(world)
    keys, day = c.key[rows], world.day
    known = c.status[rows] == CUSTOMER
    drifting = c.drift_day[rows] >= 0
    back = drifting & (uniforms(keys, day, RECOVERS) < recover_hazard(world, rows))
    for row in rows[back].tolist():
        orders.recover(world, row, world.day_ms, "recovered")
    unhappy = np.exp(-p.drift_satisfaction_slope * (c.satisfaction[rows] - 0.65))
    starts = (
        known
        & ~drifting
        & (uniforms(keys, day, DRIFTS) < p.drift * unhappy * world.responses.drift_factor(rows, day))
    )
    for row in rows[starts].tolist():
        cause = "dissatisfied" if c.satisfaction[row] < 0.5 else "lost_interest"
        orders.start_drift(world, row, world.day_ms, Stream(int(c.key[row]), day, DRIFTS), cause)
    fading = 0.5 ** (1.0 / p.newcomer_half_life_days)
    level = c.level[rows]
    falling = c.drift_day[rows] >= 0
    level = np.where(
        falling,
        level * c.drift_factor[rows],
        np.where(known, level + p.recovery_speed * (1.0 - level), level * fading),
    )
    c.level[rows] = level
    for row in rows[level < p.gone_level].tolist():
        c.status[row], c.gone_ms[row] = GONE, world.day_ms
        world.episodes.end("person", row, "decline", world.day_ms, "churned")
    _newsletter(world, rows[known])
    _advocacy(world, rows[known & (c.status[rows] == CUSTOMER)])


def _newsletter(world: ShopWorld, rows: Ints) -> None:
    """Each customer's weekly newsletter (no effect on anything): opened less as the level falls."""
    c, every = world.customers, world.p.newsletter_every_days
    due = rows[(world.day + (c.key[rows] % np.uint64(every)).astype(np.int64)) % every == 0]
    due = due[~world.responses.people.unsubscribed[due]]
    opened = uniforms(c.key[due], world.day, OPENS) < world.responses.people.opens[due] * c.level[due]
    for row, seen in zip(due.tolist(), opened.tolist(), strict=True):
        about = {"email_id": f"n-{world.names[row]}-{world.day}", "campaign_id": "newsletter"}
        time_ms = world.day_ms + int(c.hour[row] * 3_000_000)
        world.track(row, time_ms, "Email Delivered", about)
        if seen:
            world.track(row, time_ms + 1_800_000, "Email Opened", dict(about))


def _advocacy(world: ShopWorld, rows: Ints) -> None:
    c, day = world.customers, world.day
    content = (c.level[rows] > 0.7) & (c.satisfaction[rows] > 0.65) & (c.orders[rows] >= 2)
    new = content & c.could_advocate[rows] & (c.advocate_ms[rows] < 0)
    new &= uniforms(c.key[rows], day, BECOMES) < world.p.becomes_advocate
    c.advocate_ms[rows[new]] = world.day_ms
    acting = rows[content & (c.advocate_ms[rows] >= 0)]
    for row in acting[uniforms(c.key[acting], day, ACTS) < advocate_hazard(world, acting)].tolist():
        orders.advocate(world, row, world.day_ms + int(c.hour[row] * 3_600_000))


def visits_of(world: ShopWorld) -> Looks:
    """Who comes today, what they look at, and who fills a cart or buys."""
    c, p, day = world.customers, world.p, world.day
    rows = live_customers(world)
    keys, new = c.key[rows], c.status[rows] == NEWCOMER
    rhythm = WEEK[(world.day_ms // DAY_MS + 3) % 7]
    repeat = ~new & (c.last_day[rows] < day)
    buys = repeat & (uniforms(keys, day, BUYS) < buy_hazard(world, rows))
    comes = uniforms(keys, day, COMES) < np.minimum(c.visits[rows] / 7.0 * rhythm, 0.95) * c.level[rows]
    first = new & (c.born_day[rows] == day)
    here = np.flatnonzero(comes | buys | first)
    rows, keys, buys, new, first = rows[here], keys[here], buys[here], new[here], first[here]
    odds = np.exp(p.intent_slope * 2.0 * (c.intent[rows] - 0.5)) * p.first_order / (1.0 - p.first_order)
    odds = odds * world.responses.base(rows) * world.responses.factor(BUY, rows, day)
    buys = buys | (new & (uniforms(keys, day, BUYS) < odds / (1.0 + odds)))
    fills = ~buys & (uniforms(keys, day, CARTS) < p.carts)
    hour = c.hour[rows] + 1.5 * normals(keys, day, START)
    start = world.day_ms + np.clip(hour * 3_600_000, 0, DAY_MS - 1).astype(np.int64)
    start = np.where(first, c.born_ms[rows] + 5_000, start)
    looks = _looks(world, rows, start)
    for place in np.flatnonzero(first).tolist():
        _land(world, int(rows[place]), int(start[place]) - 2_000)
    for place in np.flatnonzero(buys | fills).tolist():
        orders.fill_cart(world, int(rows[place]), int(start[place]) + 120_000, buys=bool(buys[place]))
    return looks


def _land(world: ShopWorld, row: int, time_ms: int) -> None:
    name, _, _, referrer, source, medium = SOURCES[int(world.customers.source[row])]
    campaign = {"name": f"{name}-{medium}", "source": source, "medium": medium} if source else None
    world.emit(row, time_ms, world.writers[row].page(time_ms, "Home", "/", referrer, campaign=campaign))


def _looks(world: ShopWorld, rows: Ints, start: Ints) -> Looks:
    c, day, keys = world.customers, world.day, world.customers.key[rows]
    length = 1 + (-np.log1p(-uniforms(keys, day, LENGTH)) * world.p.pages).astype(np.int64)
    length = np.minimum(length, ACTIONS_MAX)
    who = np.repeat(np.arange(len(rows)), length)
    ends = np.cumsum(length)
    place = np.arange(len(who)) - np.repeat(ends - length, length)
    key = keys[who]
    gap = (-np.log1p(-repeated(key, day, GAP, place)) * 40_000).astype(np.int64) + 1_000
    gap[place == 0] = 0
    total = np.cumsum(gap)
    offset = total - total[np.repeat(ends - length, length)] if len(who) else total
    draw = repeated(key, day, ACTION, place)
    action = np.select([draw < 0.08, draw < 0.30, draw < 0.38], [HOME, CATEGORY, SEARCHED], VIEWED)
    other = repeated(key, day, ARGUMENT, place)
    liked = np.where(other < 0.66, c.liking[rows[who]], (other * 977.0).astype(np.int64) % len(CATEGORIES))
    within = ((other * 7919.0) % 1.0) ** 1.5 * PER_CATEGORY
    argument = np.where(action == VIEWED, liked * PER_CATEGORY + within.astype(np.int64), liked)
    return Looks(start[who] + offset, rows[who], action, argument.astype(np.int64))

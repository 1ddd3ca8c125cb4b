"""One day of the accounts: each hazard drawn for all at once, those it strikes handled one by one."""

from __future__ import annotations

import numpy as np

from sevenfold.simulate.draws import Floats, Ints, Stream, uniforms
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.saas import life, members
from sevenfold.simulate.saas.catalogue import INVITE, PLANS
from sevenfold.simulate.saas.state import (
    CONVERT,
    FREE,
    HABIT,
    NEXT_STEP,
    NO_HABIT,
    PAID,
    STAGES,
    TRIAL,
    UNDECIDED,
    UPGRADE,
    VISITING,
    World,
)
from sevenfold.simulate.saas.teams import invite

# Slots of the account's daily draws.
UNSTICK, RECOVERS, DRIFTS, CONVERTS, CANCELS, SUDDEN = range(256, 262)
SHRINKS, NEEDS, UPGRADES, INVITES, LOOKS = range(263, 268)


def live_accounts(world: World) -> Ints:
    """Rows of accounts on trial, free or paying."""
    status = world.accounts.status[: world.accounts.rows]
    return np.flatnonzero((status == TRIAL) | (status == FREE) | (status == PAID))


def struck(world: World, rows: Ints, slot: int, hazard: Floats | float) -> Ints:
    """The rows a hazard strikes today."""
    return rows[uniforms(world.accounts.key[rows], world.day, slot) < hazard]


def accounts_before_sessions(world: World) -> None:
    """Everything about accounts that today's use should already feel."""
    rows = live_accounts(world)
    if len(rows):
        _unstick(world, rows)
        _form_habits(world, rows)
        _drift_and_recover(world, rows)
        _move_levels(world, rows)
        _convert(world, rows)
        _leave(world, rows)
        _bill_and_renew(world)
        _grow(world)
        _report_usage(world)


def stall_hazard(world: World, rows: Ints) -> Floats:
    """The daily chance that a stall ends by itself, as the owner's type has it and messages change it."""
    owners = world.accounts.owner[rows]
    return (
        world.p.stall_end
        * world.responses.base(owners)
        * world.responses.factor(NEXT_STEP, owners, world.day)
    )


def _unstick(world: World, rows: Ints) -> None:
    stuck = rows[world.accounts.stuck[rows] & (world.accounts.signup_day[rows] < world.day)]
    for row in struck(world, stuck, UNSTICK, stall_hazard(world, stuck)).tolist():
        world.accounts.stuck[row] = False
        world.accounts.nudged[row] = True
        world.accounts.level[row] = max(float(world.accounts.level[row]), 0.6)
        world.episodes.end("account", row, "stall", world.day_ms, "next_step")


def _form_habits(world: World, rows: Ints) -> None:
    """On activation, or when its window has closed without it, the habit is decided once."""
    a, day = world.accounts, world.day
    undecided = rows[a.habit[rows] == UNDECIDED]
    activated = a.activated_ms[undecided] >= 0
    closed = a.signup_day[undecided] + world.p.activation_within_days < day
    ready = undecided[activated | closed]
    forms = np.where(a.activated_ms[ready] >= 0, a.habit_if_activated[ready], a.habit_if_not[ready])
    a.habit[ready] = np.where(forms, HABIT, NO_HABIT)
    a.habit_day[ready] = np.where(forms, day, -1)


def _drift_and_recover(world: World, rows: Ints) -> None:
    a, p, day = world.accounts, world.p, world.day
    a.satisfaction[rows] += 0.01 * (a.baseline[rows] - a.satisfaction[rows])
    drifting = rows[a.drift_day[rows] >= 0]
    for row in struck(world, drifting, RECOVERS, members.recover_hazard(world, a.owner[drifting])).tolist():
        life.recover(world, row, world.day_ms, "recovered")
        a.nudged[row] = True
    steady = rows[(a.habit[rows] == HABIT) & (a.drift_day[rows] < 0)]
    unhappy = np.exp(-p.drift_satisfaction_slope * (a.satisfaction[steady] - 0.65))
    hazard = p.drift * unhappy * world.responses.drift_factor(a.owner[steady], day)
    for row in struck(world, steady, DRIFTS, hazard).tolist():
        life.start_drift(world, row, Stream(int(a.key[row]), day, life.DRIFTS))


def _move_levels(world: World, rows: Ints) -> None:
    """Habits fill up, declines and onboarding without habit run down by their half-lives."""
    a, p = world.accounts, world.p
    level, habit = a.level[rows], a.habit[rows] == HABIT
    falling = habit & (a.drift_day[rows] >= 0)
    fading = 0.5 ** (1.0 / (p.onboarding_half_life_days * (0.6 + 0.8 * a.intent[rows])))
    level = np.where(
        falling, level * a.drift_factor[rows],
        np.where(habit, level + p.recovery_speed * (1.0 - level), level * fading),
    )  # fmt: skip
    a.level[rows] = np.maximum(level, 0.01)
    ended = a.export_until[rows]
    a.export_until[rows] = np.where(ended < world.day, -1, ended)


def _convert(world: World, rows: Ints) -> None:
    a, p = world.accounts, world.p
    age = world.day - a.signup_day[rows]
    rows = rows[(a.status[rows] != PAID) & (age >= 2)]
    for row in struck(world, rows, CONVERTS, convert_hazard(world, rows)).tolist():
        life.convert(world, row)
    a.status[rows[(a.status[rows] == TRIAL) & (world.day - a.signup_day[rows] > p.trial_days)]] = FREE


def convert_hazard(world: World, rows: Ints) -> Floats:
    """The daily chance of a first subscription: intent, habit, the trial's end, what is left of the level."""
    a, p = world.accounts, world.p
    age = world.day - a.signup_day[rows]
    hazard = p.convert * np.exp(p.convert_intent_slope * (a.intent[rows] - 0.5)) * np.sqrt(a.level[rows])
    hazard = hazard * np.where(a.habit[rows] == HABIT, p.convert_habit_factor, 1.0)
    ending = (a.status[rows] == TRIAL) & (np.abs(age - p.trial_days) <= 1)
    hazard = hazard * np.where(ending, p.convert_trial_end_factor, 1.0)
    owners = a.owner[rows]
    chance: Floats = (
        hazard * world.responses.base(owners) * world.responses.factor(CONVERT, owners, world.day)
    )
    return chance


def _leave(world: World, rows: Ints) -> None:
    """Monthly contracts are cancelled when use is low; any may go suddenly; free ones lapse."""
    a, p = world.accounts, world.p
    paying = rows[a.status[rows] == PAID]
    monthly = paying[(a.term[paying] == 1) & (a.paid_day[paying] < world.day)]
    level = a.level[monthly]
    hazard = np.where(
        level < p.very_low_level, p.cancel_very_low, np.where(level < p.low_level, p.cancel_low, 0.0)
    )
    for row in struck(world, monthly, CANCELS, hazard).tolist():
        life.leave(
            world, row, life.moment(world, Stream(int(a.key[row]), world.day, life.LOOKS + 1)), life.SILENT
        )
    paying = paying[(a.status[paying] == PAID) & (a.paid_day[paying] < world.day)]
    for row in struck(world, paying, SUDDEN, p.sudden_cancel).tolist():
        stream = Stream(int(a.key[row]), world.day, life.LOOKS + 1)
        time_ms = life.moment(world, stream)
        life.note_cause(world, row, ("budget", "acquired", "competitor")[stream.below(3)], time_ms)
        life.leave(world, row, time_ms, life.SUDDEN)
    free = rows[(a.status[rows] == FREE) & (a.level[rows] < 0.03)]
    for row in free.tolist():
        life.leave(world, row, world.day_ms, life.LAPSE)


def _bill_and_renew(world: World) -> None:
    a, day = world.accounts, world.day
    n = a.rows
    paying = np.flatnonzero((a.status[:n] == PAID) & (a.paid_day[:n] < day))
    left = a.renewal_day[paying] - day
    annual = a.term[paying] == 12
    for row in paying[annual & (left == 90)].tolist():
        world.episodes.begin("account", row, "renewal_window", world.day_ms)
    for row in paying[annual & (left == 0)].tolist():
        life.decide_renewal(world, row)
    a.renewal_day[paying[~annual & (left == 0)]] += 365
    due = paying[(day - a.paid_day[paying]) % 30 == 0]
    for row in due[a.status[due] == PAID].tolist():
        life.bill(world, row, Stream(int(a.key[row]), day, life.INVOICE))
    _look_at_billing(world, paying[annual & (left < 90) & (left > 0)])


def _look_at_billing(world: World, rows: Ints) -> None:
    """In the renewal window the owner looks at billing; doubting ones at prices and the way out."""
    a = world.accounts
    rows = rows[a.status[rows] == PAID]
    doubting = (a.level[rows] < 0.6) | (a.satisfaction[rows] < 0.5)
    draw = uniforms(a.key[rows], world.day, LOOKS)
    for name, path, low, high in (
        ("Billing", "/settings/billing", 0.0, 0.02), ("Pricing", "/pricing", 0.05, 0.05),
        ("Cancel", "/settings/cancel", 0.10, 0.02),
    ):  # fmt: skip
        looks = (draw >= low) & (
            draw < low + np.where(doubting, high * 1.5, high if name == "Billing" else high * 0.1)
        )
        for row in rows[looks].tolist():
            writer = life.owner_writer(world, row)
            time_ms = life.moment(world, Stream(int(a.key[row]), world.day, life.LOOKS + 2))
            world.emit(writer.key, time_ms, writer.page(time_ms, name, path))


def upgrade_hazard(world: World, rows: Ints) -> Floats:
    """The daily chance that an account in need, near its cap, takes the next plan."""
    a, p = world.accounts, world.p
    owners = a.owner[rows]
    near = (a.need_day[rows] >= 0) & (a.usage[rows] >= p.upgrade_from_usage)
    factor = world.responses.base(owners) * world.responses.factor(UPGRADE, owners, world.day)
    hazard: Floats = np.where(near, p.upgrade * factor, 0.0)
    return hazard


def _grow(world: World) -> None:
    a, p, day = world.accounts, world.p, world.day
    n = a.rows
    paying = np.flatnonzero((a.status[:n] == PAID) & (a.drift_day[:n] < 0))
    can = paying[(a.need_day[paying] < 0) & (a.level[paying] > 0.7) & (a.plan[paying] < len(PLANS) - 1)]
    for row in struck(world, can[a.paid_day[can] + 20 < day], NEEDS, p.expansion_need).tolist():
        a.need_day[row], a.need_ms[row] = day, world.day_ms
        world.episodes.begin("account", row, "expansion_need", world.day_ms)
    wanting = paying[a.need_day[paying] >= 0]
    a.usage[wanting] = np.minimum(a.usage[wanting] + a.growth[wanting], 1.15)
    for row in struck(world, wanting, UPGRADES, upgrade_hazard(world, wanting)).tolist():
        life.change_plan(
            world, row, life.moment(world, Stream(int(a.key[row]), day, UPGRADES)), int(a.plan[row]) + 1
        )
    teams = paying[a.steps[paying] >> INVITE & 1 == 1]
    rate = np.where(a.need_day[teams] >= 0, p.invite_need, p.invite_growth)
    for row in struck(world, teams, INVITES, rate).tolist():
        stream = Stream(int(a.key[row]), day, INVITES)
        invite(world, row, int(a.owner[row]), life.moment(world, stream), stream)
    falling = np.flatnonzero((a.status[:n] == PAID) & (a.drift_day[:n] >= 0) & (a.plan[:n] > 1))
    for row in struck(world, falling, SHRINKS, p.downgrade).tolist():
        life.change_plan(
            world, row, life.moment(world, Stream(int(a.key[row]), day, UPGRADES)), int(a.plan[row]) - 1
        )


def _report_usage(world: World) -> None:
    """Calls of the last 30 days against the cap: weekly, every third day while the cap is in sight."""
    a, day = world.accounts, world.day
    paying = np.flatnonzero((a.status[: a.rows] == PAID) & (a.paid_day[: a.rows] < day))
    since = day - a.paid_day[paying]
    due = paying[(since % 7 == 0) | ((a.usage[paying] > 0.75) & (since % 3 == 0))]
    share = a.usage[due] * (0.25 + 0.75 * a.level[due])
    share = np.where(a.export_until[due] >= day, 0.93, share)
    share = share * (0.96 + 0.08 * uniforms(a.key[due], day, LOOKS + 1))
    for row, part in zip(due.tolist(), share.tolist(), strict=True):
        cap, writer = PLANS[int(a.plan[row])].api_calls_cap, life.owner_writer(world, row)
        time_ms = world.day_ms + 7_200_000 + int(a.key[row] % np.uint64(3_600_000))
        report = {"metric": "api_calls", "used": int(part * cap), "cap": cap}
        world.emit(writer.key, time_ms, writer.track(time_ms, "Usage Reported", report))


def close_day(world: World) -> None:
    """Where each account stands tonight; changes become stage episodes."""
    a, day = world.accounts, world.day
    n = a.rows
    status = a.status[:n]
    long_habit = (a.habit[:n] == HABIT) & (day - a.habit_day[:n] >= 28)
    stage = np.select(
        [
            status > PAID, status == VISITING,
            (status == PAID) & (a.term[:n] == 12) & (a.renewal_day[:n] - day <= 90),
            a.need_day[:n] >= 0, (a.advocates[:n] > 0) & (a.drift_day[:n] < 0), long_habit,
            (a.habit[:n] == HABIT) | (a.activated_ms[:n] >= 0),
        ],
        [7, 0, 6, 4, 5, 3, 2], default=1,
    )  # fmt: skip
    known = a.signup_ms[:n] >= 0
    for row in np.flatnonzero((stage != a.stage[:n]) & known).tolist():
        time_ms = world.day_ms + DAY_MS - 1 if status[row] < PAID + 1 else int(a.churn_ms[row])
        old = STAGES[int(a.stage[row])]
        if old != "capture":
            world.episodes.end("account", row, f"stage:{old}", time_ms, STAGES[int(stage[row])])
        else:
            time_ms = max(int(a.signup_ms[row]), world.start_ms)
        world.episodes.begin("account", row, f"stage:{STAGES[int(stage[row])]}", time_ms)
    a.stage[:n] = stage

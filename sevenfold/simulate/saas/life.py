"""What happens to one account or person when a hazard strikes: its events and the state it changes."""

from __future__ import annotations

from typing import Any

from sevenfold.simulate.draws import Stream, clip, logistic
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.saas.birth import tell_account
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
from sevenfold.simulate.saas.state import CHURNED, FREE, HABIT, LAPSED, PAID, RENEW, World
from sevenfold.simulate.saas.teams import invite, join
from sevenfold.simulate.segment import Writer

CHURN_KINDS = ("silent_decline", "sudden", "payment_failure", "not_renewed", "lapsed")
SILENT, SUDDEN, PAYMENT, NOT_RENEWED, LAPSE = range(5)
REASONS = ("not_using_it", "budget", "card_declined", "chose_not_to_renew", "")
INVOICE, RENEWAL, DRIFTS, CONVERTS, STEPS, RETURN, LOOKS = 24, 25, 26, 27, 28, 29, 30


def owner_writer(world: World, row: int) -> Writer:
    """The pen of the account's owner."""
    return world.writers[int(world.accounts.owner[row])]


def moment(world: World, stream: Stream) -> int:
    """A time of today in working hours, ms UTC."""
    return world.day_ms + int(stream.between(7.0, 19.0) * 3_600_000)


def note_cause(world: World, row: int, cause: str, time_ms: int) -> None:
    """Record a planted cause of what follows."""
    world.causes.append({"account": row, "cause": cause, "time_ms": time_ms})


def reach_milestone(world: World, row: int, step: int, time_ms: int, stream: Stream) -> None:
    """The owner does a milestone for the first time; both planted steps in time are activation."""
    accounts, writer = world.accounts, owner_writer(world, row)
    accounts.steps[row] |= 1 << step
    if step == INVITE:
        invite(world, row, int(accounts.owner[row]), time_ms, stream)
    else:
        properties: dict[str, Any] = {}
        if step == INTEGRATION:
            properties = {"integration": INTEGRATIONS[stream.below(len(INTEGRATIONS))]}
        elif step == PROJECT:
            properties = {"project_id": f"{world.facts[row].id}-p1"}
        elif step == REPORT:
            properties = {"report": "overview"}
            accounts.report_ms[row] = time_ms
        world.emit(writer.key, time_ms, writer.track(time_ms, MILESTONES[step], properties))
    planted = 1 << PROJECT | 1 << INVITE
    within = world.p.activation_within_days * DAY_MS
    both = accounts.steps[row] & planted == planted
    if both and accounts.activated_ms[row] < 0 and time_ms - accounts.signup_ms[row] < within:
        accounts.activated_ms[row] = time_ms
    if stream.happens(world.p.stall_after_milestone) and accounts.steps[row] < 31:
        accounts.stuck[row] = True
        world.episodes.begin("account", row, "stall", time_ms)


def start_drift(world: World, row: int, stream: Stream, cause: str = "") -> None:
    """An account begins its silent decline, for a recorded cause; some export their data first."""
    accounts, time_ms = world.accounts, moment(world, stream)
    half_life = stream.between(*world.p.drift_half_life_days)
    accounts.drift_day[row], accounts.drift_factor[row] = world.day, 0.5 ** (1.0 / half_life)
    accounts.last_drift_ms[row] = time_ms
    if not cause:
        recent = world.day - accounts.bad_ticket_day[row] <= 30 and accounts.bad_ticket_day[row] >= 0
        cause = "bad_ticket" if recent else "poor_fit" if accounts.fit[row] < 0.4 else ""
        cause = cause or ("price", "product_gap", "changed_priorities", "competitor")[stream.below(4)]
    note_cause(world, row, cause, time_ms)
    world.episodes.begin("account", row, "decline", time_ms)
    if accounts.need_day[row] >= 0:
        accounts.need_day[row] = -1
        world.episodes.end("account", row, "expansion_need", time_ms, "decline")
    if accounts.status[row] == PAID and stream.happens(world.p.export_share):
        accounts.export_until[row] = world.day + 21
        world.episodes.begin("account", row, "export_before_leaving", time_ms)


def recover(world: World, row: int, time_ms: int, by: str) -> None:
    """The decline ends and the level climbs back."""
    world.accounts.drift_day[row], world.accounts.drift_factor[row] = -1, 1.0
    world.accounts.export_until[row] = -1
    world.episodes.end("account", row, "decline", time_ms, by)
    world.episodes.end("account", row, "export_before_leaving", time_ms, by)


def subscribe(world: World, row: int, time_ms: int, plan: int) -> None:
    """A subscription begins: contract, first invoice, renewal in twelve months."""
    accounts, writer = world.accounts, owner_writer(world, row)
    stream = Stream(int(accounts.key[row]), world.day, CONVERTS)
    annual = plan >= 2 or stream.happens(world.p.annual_share_starter)
    accounts.status[row], accounts.plan[row] = PAID, plan
    accounts.term[row] = 12 if annual else 1
    accounts.mrr[row] = int(PLANS[plan].price * (0.9 if annual else 1.0))
    accounts.paid_day[row], accounts.renewal_day[row] = world.day, world.day + 365
    accounts.seats[row] = max(PLANS[plan].seats_cap, int(accounts.members[row]))
    if accounts.converted_ms[row] < 0:
        accounts.converted_ms[row] = time_ms
    started = writer.track(time_ms, "Subscription Started", contract_terms(world, row))
    world.emit(writer.key, time_ms, started)
    tell_account(world, int(accounts.owner[row]), time_ms + 500)
    paid = writer.track(time_ms + 900, "Invoice Paid", {"amount": int(accounts.mrr[row])})
    world.emit(writer.key, time_ms + 900, paid)


def contract_terms(world: World, row: int) -> dict[str, Any]:
    """The properties of `Subscription Started`."""
    accounts = world.accounts
    return {
        "plan": PLANS[int(accounts.plan[row])].name,
        "mrr": int(accounts.mrr[row]),
        "term_months": int(accounts.term[row]),
    }


def leave(world: World, row: int, time_ms: int, kind: int, *, looks: bool = True) -> None:
    """The account goes. Paying ones cancel aloud; others just lapse. A few will return."""
    accounts, writer = world.accounts, owner_writer(world, row)
    stream = Stream(int(accounts.key[row]), world.day, LOOKS)
    paying = accounts.status[row] == PAID
    if paying and looks:
        for gap, name, path in (
            (-240_000, "Billing", "/settings/billing"),
            (-90_000, "Cancel", "/settings/cancel"),
        ):
            if stream.happens(0.7):
                world.emit(writer.key, time_ms + gap, writer.page(time_ms + gap, name, path))
    if paying:
        reason = {"reason": REASONS[kind], "plan": PLANS[int(accounts.plan[row])].name}
        world.emit(writer.key, time_ms, writer.track(time_ms, "Subscription Cancelled", reason))
    accounts.status[row] = CHURNED if paying else LAPSED
    accounts.churn_ms[row], accounts.churn_kind[row] = time_ms, kind
    accounts.mrr[row], accounts.need_day[row] = 0, -1
    for episode in ("stall", "decline", "expansion_need", "export_before_leaving", "renewal_window"):
        world.episodes.end("account", row, episode, time_ms, "churned" if paying else "lapsed")
    for person in world.facts[row].people:
        world.episodes.end("person", person, "decline", time_ms, "account_left")
    if paying and stream.happens(world.p.returns):
        away = clip(stream.lognormal(world.p.return_median_days, 0.35), 45.0, 500.0)
        back = time_ms + int(away * DAY_MS)
        world.later(back, int(accounts.key[row]), lambda at: come_back(world, row, at))


def come_back(world: World, row: int, time_ms: int) -> None:
    """Months later a colleague recommends the product, and the account returns as a customer."""
    accounts, facts = world.accounts, world.facts[row]
    stream = Stream(int(accounts.key[row]), world.day, RETURN)
    accounts.status[row], accounts.level[row], accounts.habit[row] = FREE, 0.9, HABIT
    accounts.habit_day[row], accounts.returned_ms[row] = world.day, time_ms
    accounts.satisfaction[row] = max(float(accounts.satisfaction[row]), 0.65)
    recover(world, row, time_ms, "returned")
    for person in facts.people:
        world.people.level[person], world.people.drift_day[person] = 1.0, -1
    colleague = join(world, row, time_ms)
    writer = owner_writer(world, row)
    page = writer.page(time_ms + 3_600_000, "Pricing", "/pricing?ref=colleague")
    world.emit(writer.key, time_ms + 3_600_000, page)
    if colleague is not None:
        pen = world.writers[colleague]
        told = pen.track(time_ms + 4_000_000, "Referral Signed Up", {"referred_user_id": writer.user})
        world.emit(pen.key, time_ms + 4_000_000, told)
        again = writer.identify(time_ms + 4_000_000, {"referred_by": pen.user})
        world.emit(writer.key, time_ms + 4_000_000, again)
    accounts.nudged[row] = True
    plan = max(1, plan_for(int(accounts.employees[row])) - stream.below(2))
    subscribe(world, row, time_ms + 5_400_000, plan)


def bill(world: World, row: int, stream: Stream) -> None:
    """The monthly invoice is paid, or fails up to three times, three days apart."""
    _attempt(world, row, moment(world, stream), stream, world.p.payment_fails, 1)


def _attempt(world: World, row: int, time_ms: int, stream: Stream, failing: float, number: int) -> None:
    accounts = world.accounts
    if accounts.status[row] != PAID:
        return
    writer, amount = owner_writer(world, row), {"amount": int(accounts.mrr[row])}
    if not stream.happens(failing):
        world.emit(writer.key, time_ms, writer.track(time_ms, "Invoice Paid", amount))
        return
    world.emit(writer.key, time_ms, writer.track(time_ms, "Payment Failed", amount))
    if number == 1:
        note_cause(world, row, "payment_failed", time_ms)
    if number == world.p.payment_tries:
        leave(world, row, time_ms + 1_000, PAYMENT, looks=False)
        return
    again = 1.0 - world.p.payment_recovers
    key = int(accounts.key[row])
    world.later(time_ms + 3 * DAY_MS, key, lambda at: _attempt(world, row, at, stream, again, number + 1))


def decide_renewal(world: World, row: int) -> None:
    """On the contract date: renew with a chance that follows level, satisfaction and what messages
    changed."""
    accounts, p = world.accounts, world.p
    stream = Stream(int(accounts.key[row]), world.day, RENEWAL)
    time_ms, owner = moment(world, stream), accounts.owner[row : row + 1]
    odds = p.renew_logit + p.renew_level_slope * float(accounts.level[row])
    odds += p.renew_satisfaction_slope * (float(accounts.satisfaction[row]) - 0.5)
    chance = renewal_chance(odds, float(world.responses.factor(RENEW, owner, world.day)[0]))
    if stream.happens(chance):
        writer = owner_writer(world, row)
        accounts.renewal_day[row] = world.day + 365
        renewed = writer.track(time_ms, "Subscription Renewed", {"mrr": int(accounts.mrr[row])})
        world.emit(writer.key, time_ms, renewed)
        tell_account(world, int(accounts.owner[row]), time_ms + 500)
        world.episodes.end("account", row, "renewal_window", time_ms, "renewed")
    else:
        drifting = accounts.drift_day[row] >= 0 or accounts.level[row] < p.low_level
        leave(world, row, time_ms, SILENT if drifting else NOT_RENEWED)


def renewal_chance(odds: float, factor: float) -> float:
    """The chance to renew: messages multiply the odds."""
    chance = logistic(odds)
    return chance * factor / (1.0 - chance + chance * factor)


def change_plan(world: World, row: int, time_ms: int, plan: int) -> None:
    """Up or down to another plan; usage is then measured against the new cap."""
    accounts, writer = world.accounts, owner_writer(world, row)
    old = int(accounts.plan[row])
    accounts.plan[row] = plan
    accounts.mrr[row] = int(PLANS[plan].price * (0.9 if accounts.term[row] == 12 else 1.0))
    scale = PLANS[old].api_calls_cap / PLANS[plan].api_calls_cap
    accounts.usage[row] = clip(float(accounts.usage[row]) * scale, 0.15, 0.95)
    accounts.seats[row] = max(PLANS[plan].seats_cap, int(accounts.members[row]))
    name = "Plan Upgraded" if plan > old else "Plan Downgraded"
    changed = writer.track(time_ms, name, {"plan": PLANS[plan].name, "mrr": int(accounts.mrr[row])})
    world.emit(writer.key, time_ms, changed)
    tell_account(world, int(accounts.owner[row]), time_ms + 500)
    if plan > old:
        accounts.need_day[row] = -1
        world.episodes.end("account", row, "expansion_need", time_ms, "upgraded")


def convert(world: World, row: int) -> None:
    """A trial or free account buys the plan of its size."""
    stream = Stream(int(world.accounts.key[row]), world.day, CONVERTS + 32)
    time_ms, writer = moment(world, stream), owner_writer(world, row)
    world.emit(writer.key, time_ms - 150_000, writer.page(time_ms - 150_000, "Pricing", "/pricing"))
    subscribe(world, row, time_ms, plan_for(int(world.accounts.employees[row])))

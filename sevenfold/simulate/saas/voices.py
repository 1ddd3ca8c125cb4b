"""What people say: tickets, NPS answers, advocacy and referrals."""

from __future__ import annotations

from sevenfold.simulate.draws import Stream, clip, key_of
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.saas.birth import create_account
from sevenfold.simulate.saas.life import moment
from sevenfold.simulate.saas.state import World
from sevenfold.simulate.segment import Writer

TICKET, SURVEY, ACTS, CSAT = 40, 41, 42, 44


def open_ticket(world: World, person: int, time_ms: int) -> None:
    """A ticket, resolved hours later with a rating that follows the wait; the rating moves satisfaction."""
    row, writer = int(world.people.account[person]), world.writers[person]
    stream = Stream(writer.key, world.day, TICKET)
    ticket = f"t-{writer.user}-{world.day}"
    priority = ("low", "normal", "normal", "high", "urgent")[stream.below(5)]
    opened = writer.track(time_ms, "Ticket Opened", {"ticket_id": ticket, "priority": priority})
    world.emit(writer.key, time_ms, opened)
    hours = clip(stream.lognormal(9.0, 1.1), 0.3, 400.0)
    luck = stream.normal()
    world.later(
        time_ms + int(hours * 3_600_000),
        writer.key,
        lambda at: _resolve(world, person, ticket, hours, luck, at),
    )
    if hours > world.p.bad_ticket_hours:
        world.accounts.bad_ticket_day[row] = world.day


def _resolve(world: World, person: int, ticket: str, hours: float, luck: float, time_ms: int) -> None:
    row, writer = int(world.people.account[person]), world.writers[person]
    slow = hours > world.p.bad_ticket_hours
    score = 4.6 - (2.2 if slow else 0.03 * hours) + 0.6 * luck
    rating = int(clip(round(score), 1, 5))
    resolved = writer.track(time_ms, "Ticket Resolved", {"ticket_id": ticket, "rating": rating})
    world.emit(writer.key, time_ms, resolved)
    stream = Stream(writer.key, world.day, CSAT)
    if stream.happens(world.p.csat_answers):
        asked = time_ms + int(stream.between(0.2, 20.0) * 3_600_000)
        score = int(clip(rating + (-1, 0, 0, 0, 1)[stream.below(5)], 1, 5))
        world.emit(
            writer.key, asked, writer.track(asked, "CSAT Answered", {"score": score, "ticket_id": ticket})
        )
    change = -0.10 if rating <= 2 else 0.02 if rating >= 4 else -0.02
    world.accounts.satisfaction[row] = clip(float(world.accounts.satisfaction[row]) + change, 0.02, 0.98)


def answer_nps(world: World, person: int) -> None:
    """An NPS answer: satisfaction on a scale of eleven, with the person's own leaning and noise."""
    row, writer = int(world.people.account[person]), world.writers[person]
    stream = Stream(writer.key, world.day, SURVEY)
    time_ms = moment(world, stream)
    felt = float(world.accounts.satisfaction[row] + world.people.opinion[person]) * (
        0.75 + 0.25 * float(world.accounts.level[row])
    )
    score = int(clip(round(12.2 * felt - 0.6 + 0.9 * stream.normal()), 0, 10))
    comment = "does what we need" if score >= 9 else "fine so far" if score >= 7 else "hard to keep using"
    answered = writer.track(time_ms, "NPS Answered", {"score": score, "comment": comment})
    world.emit(writer.key, time_ms, answered)


def become_advocate(world: World, person: int) -> None:
    """Somebody content for long starts to bring others."""
    people = world.people
    people.advocate_ms[person] = moment(world, Stream(world.writers[person].key, world.day, ACTS + 1))
    world.accounts.advocates[people.account[person]] += 1


def advocate(world: World, person: int) -> None:
    """One act of advocacy: a shared referral link, a review, a community post or a mention."""
    writer = world.writers[person]
    stream = Stream(writer.key, world.day, ACTS)
    time_ms = moment(world, stream)
    act = stream.pick((0.45, 0.25, 0.18, 0.12))
    if act == 0:
        _refer(world, person, time_ms, stream)
        return
    site = ("g2", "capterra")[stream.below(2)]
    rating = 4 + stream.below(2)
    name, properties = (
        ("Review Posted", {"site": site, "rating": rating}),
        ("Community Posted", {}),
        ("Social Mention", {"network": "linkedin"}),
    )[act - 1]
    world.emit(writer.key, time_ms, writer.track(time_ms, name, properties))


def _refer(world: World, person: int, time_ms: int, stream: Stream) -> None:
    """A link is shared, clicked by strangers, and sometimes one of them signs up as a new account."""
    row, writer = int(world.people.account[person]), world.writers[person]
    facts = world.facts[row]
    world.emit(writer.key, time_ms, writer.track(time_ms, "Referral Link Shared"))
    for number in range(1 + stream.below(3)):
        stranger = key_of(world.seed, "stranger", str(writer.user), str(world.day), str(number))
        pen = Writer(stranger, facts.zone)
        at = time_ms + int(stream.between(0.05, 3.0) * DAY_MS)
        click = pen.track(at, "Referral Link Clicked", {"referrer_user_id": writer.user})
        world.emit(stranger, at, click)
    if stream.happens(world.p.referral_signs_up):
        signup = time_ms + int(stream.between(1.0, 10.0) * DAY_MS)
        facts.referrals += 1
        create_account(world, f"{facts.id}r{facts.referrals}", signup, parent=row)

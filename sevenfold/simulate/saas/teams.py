"""How teams grow: invitations, teammates who join, seats."""

from __future__ import annotations

from sevenfold.simulate.draws import Stream, key_of
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.saas.birth import add_person, person_traits, tell_account
from sevenfold.simulate.saas.state import FREE, PAID, STANDINGS, TRIAL, World
from sevenfold.simulate.segment import Writer


def invite(world: World, row: int, by: int, time_ms: int, stream: Stream) -> None:
    """Somebody invites a teammate, who may join within three days."""
    writer, facts = world.writers[by], world.facts[row]
    number = len(facts.people) + 1
    event = writer.track(
        time_ms, "Teammate Invited", {"invitee": f"{facts.id}-u{number}@{facts.id}.example.com"}
    )
    world.emit(writer.key, time_ms, event)
    if stream.happens(world.p.teammate_joins) and world.accounts.members[row] < world.accounts.employees[row]:
        joined = time_ms + int(stream.between(0.02, 3.0) * DAY_MS)
        world.later(joined, int(world.accounts.key[row]), lambda at: join(world, row, at))


def next_writer(world: World, row: int) -> Writer:
    """The pen of whoever joins the account next."""
    facts = world.facts[row]
    return Writer(key_of(world.seed, "person", f"{facts.id}-u{len(facts.people) + 1}"), facts.zone)


def join(world: World, row: int, time_ms: int, standing: int | None = None) -> int | None:
    """A teammate joins an account that still lives, as who they are or with this standing; returns the
    person's row."""
    if world.accounts.status[row] not in (TRIAL, FREE, PAID):
        return None
    writer = next_writer(world, row)
    person = add_person(world, row, writer, time_ms, owner=False)
    if standing is not None:
        world.people.standing[person] = standing
    world.emit(writer.key, time_ms, writer.identify(time_ms, person_traits(world, person)))
    tell_account(world, person, time_ms + 150)
    role = STANDINGS[world.people.standing[person]]
    added = writer.track(time_ms + 300, "Account Added User", {"role": role})
    world.emit(writer.key, time_ms + 300, added)
    if world.accounts.members[row] > world.accounts.seats[row] > 0:
        world.accounts.seats[row] += 1
        by = world.writers[int(world.accounts.owner[row])]
        seat = by.track(time_ms + 1_000, "Seat Added", {"seats": int(world.accounts.seats[row])})
        world.emit(by.key, time_ms + 1_000, seat)
    return person

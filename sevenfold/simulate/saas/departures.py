"""Who leaves an account, and what the loss of a sponsor does to it."""

from __future__ import annotations

from sevenfold.simulate.draws import Stream
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.saas.birth import tell_account
from sevenfold.simulate.saas.life import moment, note_cause, start_drift
from sevenfold.simulate.saas.state import ADMIN, MEMBER, OWNER, STANDINGS, World
from sevenfold.simulate.saas.teams import join


def depart(world: World, person: int, stream: Stream) -> None:
    """Somebody leaves; if a sponsor does, a successor comes in time or often the decline begins."""
    people, time_ms = world.people, moment(world, stream)
    row, standing = int(people.account[person]), int(people.standing[person])
    if standing == OWNER and not _hand_over(world, row, person, time_ms):
        return
    remove(world, person, time_ms)
    if standing == MEMBER:
        return
    note_cause(world, row, "sponsor_left", time_ms)
    if stream.happens(world.p.sponsor_replaced):
        arrives = time_ms + int(stream.between(2.0, 21.0) * DAY_MS)
        successor = max(standing, ADMIN)
        world.later(arrives, int(world.accounts.key[row]), lambda at: join(world, row, at, successor))
    elif stream.happens(world.p.sponsor_drift) and world.accounts.drift_day[row] < 0:
        start_drift(world, row, stream, "sponsor_left")


def _hand_over(world: World, row: int, old: int, time_ms: int) -> bool:
    """The colleague of the highest standing owns the account from now on; False where there is none."""
    people = world.people
    heirs = [person for person in world.facts[row].people if people.alive[person] and person != old]
    if not heirs:
        return False
    heir = min(heirs, key=lambda person: (int(people.standing[person]), person))
    people.owner[old], people.owner[heir] = False, True
    people.standing[heir] = OWNER
    people.level[heir], people.drift_day[heir] = 1.0, -1
    world.accounts.owner[row] = heir
    world.episodes.end("person", heir, "decline", time_ms, "took_over")
    tell_account(world, heir, time_ms + 1_000)
    return True


def remove(world: World, person: int, time_ms: int) -> None:
    """Somebody's seat is taken away: the event is theirs and says who they were in the account."""
    people = world.people
    row, writer = int(people.account[person]), world.writers[person]
    people.alive[person], people.left_ms[person] = False, time_ms
    world.accounts.members[row] -= 1
    world.accounts.advocates[row] -= bool(people.advocate_ms[person] >= 0)
    role = {"role": STANDINGS[people.standing[person]]}
    world.emit(writer.key, time_ms, writer.track(time_ms, "Account Removed User", role))
    world.episodes.end("person", person, "decline", time_ms, "removed")

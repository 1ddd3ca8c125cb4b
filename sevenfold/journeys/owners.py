"""Who acts: the people of the catalogue, who of them is at work, and whose turn it is.

The directory is what the workspace says and never changes; the roster is state. Days are days since
1970-01-01 in the workspace's time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ..events.times import parse_ms
from .people import Escalation, OwnerRule, People
from .times import NEVER
from .zones import DAY

FIRST_DAY, LAST_DAY = 0, NEVER // DAY


class Actor(msgspec.Struct, frozen=True):
    """Somebody who acts. Without ``capacity`` there is no end of room."""

    key: str
    roles: tuple[str, ...] = ()
    capacity: int | None = None
    away: tuple[int, int] | None = None
    """First and last day of the absence that the catalogue knows of."""
    manager: str | None = None
    fallback: str | None = None


class Choice(NamedTuple):
    """Who gets a task, by which rule (its place; -1: by none), and what each rule before found instead."""

    owner: str | None
    rule: int
    why: list[str]


class Directory:
    """The people who act, in the order of the catalogue. Immutable."""

    def __init__(self, actors: Sequence[Actor]) -> None:
        self.actors = {actor.key: actor for actor in actors}
        self._roles: dict[str, list[str]] = {}
        for actor in actors:
            for role in actor.roles:
                self._roles.setdefault(role, []).append(actor.key)

    @classmethod
    def of(cls, people: People | None, rows: Sequence[Mapping[str, Any]]) -> Directory:
        """The directory of a catalogue's rows. Rows without a key are nobody."""
        if people is None:
            return cls([])
        found = [_actor(people, row) for row in rows if row.get(people.key) not in (None, "")]
        return cls(found)

    def in_role(self, role: str) -> list[str]:
        """Who has a role, in written order."""
        return self._roles.get(role, [])


def _actor(people: People, row: Mapping[str, Any]) -> Actor:
    def cell(column: str | None) -> Any:
        value = None if column is None else row.get(column)
        return None if value == "" else value

    roles, capacity = cell(people.role), cell(people.capacity)
    first, last = _day(cell(people.away_from)), _day(cell(people.away_to))
    away = None
    if first is not None or last is not None:
        away = FIRST_DAY if first is None else first, LAST_DAY if last is None else last
    return Actor(
        key=str(row[people.key]),
        roles=tuple(part.strip() for part in (roles.split(",") if isinstance(roles, str) else roles or ())),
        capacity=int(capacity) if isinstance(capacity, int | float) else None,
        away=away,
        manager=_text(cell(people.manager)),
        fallback=_text(cell(people.fallback)),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _day(value: Any) -> int | None:
    ms = parse_ms(value) if value is not None else None
    return None if ms is None else ms // DAY


class Roster:
    """How many open tasks everybody has, whose turn it was, and who said that they are away. State."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.load: dict[str, int] = {}
        """Open tasks by owner; nobody with none."""
        self.turns: dict[str, str] = {}
        """Of a role, who was chosen by round robin last."""
        self.absences: dict[str, tuple[int, int] | None] = {}
        """What control records said; it stands above the catalogue. None: at work."""

    def dump(self) -> Any:
        """The state, for msgpack."""
        return [list(self.load.items()), list(self.turns.items()), list(self.absences.items())]

    def put(self, held: Any) -> None:
        """What `dump` gave."""
        load, turns, absences = held
        self.load, self.turns = dict(load), dict(turns)
        self.absences = {key: None if away is None else (away[0], away[1]) for key, away in absences}

    def carry(self, owner: str | None, tasks: int) -> None:
        """An owner has so many open tasks more."""
        if owner is not None:
            count = self.load.get(owner, 0) + tasks
            if count:
                self.load[owner] = count
            else:
                self.load.pop(owner, None)

    def present(self, key: str, day: int) -> bool:
        """Whether somebody is at work that day; whom the catalogue does not list is never away."""
        if key in self.absences:
            away = self.absences[key]
        else:
            actor = self.directory.actors.get(key)
            away = actor.away if actor is not None else None
        return away is None or not away[0] <= day <= away[1]

    def has_room(self, key: str) -> bool:
        """Whether somebody may have one more open task."""
        actor = self.directory.actors.get(key)
        return actor is None or actor.capacity is None or self.load.get(key, 0) < actor.capacity

    def stand_in(self, key: str | None, day: int, *, room: bool = True) -> str | None:
        """The person, else whoever stands in for them (and so on), who is present (and has room)."""
        for one in self._chain(key):
            if self.present(one, day) and (not room or self.has_room(one)):
                return one
        return None

    def _chain(self, key: str | None) -> Iterator[str]:
        seen: set[str] = set()
        while key is not None and key not in seen:
            seen.add(key)
            yield key
            actor = self.directory.actors.get(key)
            key = actor.fallback if actor is not None else None

    def pick(self, role: str, how: str, day: int) -> str | None:
        """Somebody of a role, present and with room; a turn in a round robin is taken."""
        order = self.directory.in_role(role)
        if how == "round_robin":
            last = self.turns.get(role)
            place = order.index(last) + 1 if last in order else 0
            order = order[place:] + order[:place]
        free = [key for key in order if self.present(key, day) and self.has_room(key)]
        if not free:
            return None
        if how == "least_loaded":
            return min(free, key=lambda key: self.load.get(key, 0))
        self.turns[role] = free[0]
        return free[0]

    def shown_to(self, role: str, day: int) -> list[str]:
        """Everybody of a role who is present; when nobody is, everybody."""
        order = self.directory.in_role(role)
        return [key for key in order if self.present(key, day)] or list(order)

    def above(
        self, rule: Escalation, owner: str | None, roles: Iterable[str], day: int
    ) -> tuple[list[str], str | None]:
        """Whom a level of escalation shows a task to, and who is its owner from now on (None: no change).

        The owner's manager (absent: who stands in for them) comes before the role, and needs no room; of a
        role somebody present with room takes it, and if there is nobody it is only shown. A task that nobody
        owns goes to the managers of `roles`, whose people might have.
        """
        shown: list[str] = []
        if rule.owner_manager:
            staff = (
                [owner]
                if owner is not None
                else [one for role in roles for one in self.directory.in_role(role)]
            )
            shown = list(dict.fromkeys(filter(None, (self._manager(one, day) for one in staff))))
        taken = shown[0] if shown else None
        if rule.role is not None:
            picked = self.pick(rule.role, "round_robin", day) if rule.reassign and taken is None else None
            taken = taken or picked
            shown += [picked] if picked is not None else self.shown_to(rule.role, day)
        return list(dict.fromkeys(shown)), taken if rule.reassign else None

    def _manager(self, key: str, day: int) -> str | None:
        actor = self.directory.actors.get(key)
        if actor is None or actor.manager is None:
            return None
        return self.stand_in(actor.manager, day, room=False) or actor.manager

    def choose(
        self,
        rules: Sequence[OwnerRule],
        holds: Callable[[int], bool],
        trait: Callable[[str], Any],
        day: int,
    ) -> Choice:
        """The owner by the first rule that finds somebody present with room.

        `holds(i)` says whether rule i's condition is true, `trait(name)` gives a trait of the task's subject.
        """
        why: list[str] = []
        for place, rule in enumerate(rules):
            if not holds(place):
                why.append("not asked")
                continue
            if rule.trait is not None:
                owner, found = self._named(trait(rule.trait), day)
            else:
                owner = self.pick(rule.role or "", rule.choose, day)
                found = "nobody present with room"
            if owner is not None:
                return Choice(owner, place, why)
            why.append(found)
        return Choice(None, -1, why)

    def _named(self, value: Any, day: int) -> tuple[str | None, str]:
        if not isinstance(value, str) or not value:
            return None, "nobody named"
        if self.directory.actors and value not in self.directory.actors:
            return None, f"{value} is not in the catalogue"
        return self.stand_in(value, day), f"{value} is away or has no room, and nobody stands in"


__all__ = ["Actor", "Choice", "Directory", "Roster"]

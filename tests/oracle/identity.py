"""Who an event is about: one table from identifiers to persons, and the rules for linking them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sevenfold.profiles.expressions import parse_duration
from sevenfold.workspace.models import Identity

from .signals import dig
from .subject import Subject

Id = tuple[str, str]
BLOCKED = {"", "null", "none", "nil", "undefined", "nan", "-1", "anonymous"}
WEAK_LIMIT = 5


def normalised(kind: str, value: Any) -> str:
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    return text.lower() if kind == "email" else text


class IdentityTable:
    """``create()`` makes a person; ``merge(winner, losers)`` is told of every merge."""

    def __init__(
        self,
        identity: Identity,
        create: Callable[[], Subject],
        merge: Callable[[Subject, list[Subject]], None],
    ) -> None:
        self.identity, self.create, self.merge = identity, create, merge
        self.index: dict[Id, Subject] = {}

    def identifiers(self, event: dict[str, Any]) -> list[Id]:
        """The event's usable identifiers, the strongest first."""
        found: list[Id] = []
        for kind in self.identity.order:
            text = normalised(kind, self._value(kind, event))
            if text and not self._blocked(text):
                found.append((kind, text))
        return found

    def _value(self, kind: str, event: dict[str, Any]) -> Any:
        declared = self.identity.types.get(kind)
        if declared is not None and declared.path is not None:
            return dig(event, declared.path.split("."))
        # Choice: e-mail and phone come from the traits of an identify; a device from context.device.
        traits = {**dig_traits(event), **(event.get("traits") or {})} if event["type"] == "identify" else {}
        device = dig(event, ["context", "device"]) or {}
        sources = {
            "user_id": event.get("userId"),
            "anonymous_id": event.get("anonymousId"),
            "device": device.get("token") or device.get("id"),
        }
        return sources.get(kind, traits.get(kind))

    def _blocked(self, text: str) -> bool:
        lower = text.lower()
        listed = {value.lower() for value in self.identity.blocked}
        return lower in BLOCKED or lower in listed or not lower.strip("0-")

    def resolve(self, event: dict[str, Any], t: int) -> Subject | None:
        """The person of an event, after linking and merging; None when nothing usable names one."""
        wanted = self.identifiers(event)
        if not wanted:
            return None
        if event["type"] == "alias":
            return self._alias(wanted, str(event["previousId"]), t)
        kept, dropped = list(wanted), []
        while not self._allowed(kept, t):
            dropped.append(kept.pop())
        person = self._link(kept, [], t)
        for identifier in dropped:
            self._repoint(identifier, person, t)
        return person

    def _matched(self, identifiers: list[Id]) -> list[Subject]:
        found = {self.index[i].row: self.index[i] for i in identifiers if i in self.index}
        return [found[row] for row in sorted(found)]

    def _allowed(self, identifiers: list[Id], t: int) -> bool:
        """Whether one profile may hold all that the matched profiles and the event hold. A limit that an
        alias has exceeded only matters to what would add to it."""
        matched = self._matched(identifiers)
        for kind in {kind for kind, _ in identifiers} | {k for m in matched for k, _ in m.linked}:
            limit, per = self._limit(kind)
            held = [
                {i for i, since in m.linked.items() if i[0] == kind and (per is None or since > t - per)}
                for m in matched
            ]
            together = set().union(*held, {i for i in identifiers if i[0] == kind})
            if len(together) > limit and len(together) > max((len(h) for h in held), default=0):
                return False
        return True

    def _limit(self, kind: str) -> tuple[int, int | None]:
        declared = self.identity.types.get(kind)
        if declared is None:
            return (1 if kind == "user_id" else WEAK_LIMIT), None
        return declared.limit, None if declared.per is None else parse_duration(declared.per)

    def _link(self, identifiers: list[Id], also: list[Subject], t: int) -> Subject:
        matched = {s.row: s for s in [*self._matched(identifiers), *also]}
        subjects = [matched[row] for row in sorted(matched)]
        person = subjects[0] if subjects else self.create()
        if len(subjects) > 1:
            for loser in subjects[1:]:
                for identifier, since in loser.linked.items():
                    self.index[identifier] = person
                    person.linked[identifier] = since
            self.merge(person, subjects[1:])
        for identifier in identifiers:
            self.index[identifier] = person
            person.linked.setdefault(identifier, t)
        return person

    def _repoint(self, identifier: Id, person: Subject, t: int) -> None:
        """Shared device: a weak identifier of another user's profile belongs to this person from now on."""
        holder = self.index.get(identifier)
        if identifier[0] == "user_id" or holder is None or holder is person:
            return
        theirs, ours = ({v for k, v in s.linked if k == "user_id"} for s in (holder, person))
        if theirs and ours and not theirs & ours:
            # Choice: without regard to the limit of the identifier's type.
            del holder.linked[identifier]
            self.index[identifier] = person
            person.linked[identifier] = t

    def _alias(self, wanted: list[Id], previous: str, t: int) -> Subject:
        """Merges the profile of ``previousId`` (a user id, else another kind) whatever the limits say."""
        user = wanted[:1]
        kinds = ["user_id", "anonymous_id", *self.identity.order]
        wanted_ids = [(kind, normalised(kind, previous)) for kind in kinds]
        known = [self.index[i] for i in wanted_ids if i in self.index]
        person = self._link(user, known[:1], t)
        if not known and not self._blocked(previous):
            # Choice: a previousId nobody knows becomes an anonymous id of the person.
            self.index[("anonymous_id", previous)] = person
            person.linked[("anonymous_id", previous)] = t
        return person


def dig_traits(event: dict[str, Any]) -> dict[str, Any]:
    traits = dig(event, ["context", "traits"])
    return traits if isinstance(traits, dict) else {}

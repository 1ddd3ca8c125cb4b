"""Who an event is about: one table from identifiers to persons, and the rules for linking them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sevenfold.profiles.expressions import parse_duration
from sevenfold.workspace.models import Identity

from .signals import dig
from .subject import Subject

Id = tuple[str, str]
BLOCKED = frozenset(
    [
        "null",
        "nil",
        "none",
        "undefined",
        "nan",
        "n/a",
        "na",
        "-1",
        "anonymous",
        "guest",
        "unknown",
        "user",
        "true",
        "false",
        "test@test.com",
        "test@example.com",
        "user@example.com",
        "noreply@example.com",
    ]
) | {"", "[object object]"}
"""Choice: what clients send when they have no value; all zeros too, and what the workspace lists."""
OF_DEVICES = ("anonymous_id", "device")
"""Choice: the weak identifiers, which follow whoever logged in last."""
LIMIT = 5


def normalised(kind: str, value: Any) -> str:
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    return text.lower() if kind == "email" else text


class IdentityTable:
    """``create()`` makes a person; ``merge(winner, loser)`` is told of every merge."""

    def __init__(
        self,
        identity: Identity,
        create: Callable[[], Subject],
        merge: Callable[[Subject, Subject], None],
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
        # Choice: e-mail and phone come from the traits of an identify, else from context.traits.
        traits = dig_traits(event) | ((event.get("traits") or {}) if event["type"] == "identify" else {})
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
        return lower in BLOCKED or lower in listed or not lower.strip("0-.:")

    def resolve(self, event: dict[str, Any], t: int) -> Subject:
        """The person of an event, after linking and merging. Choice: an event with no usable identifier is
        a new person's."""
        if event["type"] == "alias":
            return self._alias(("user_id", str(event["userId"])), str(event["previousId"]), t)
        return self._resolve(self.identifiers(event), t)

    def _resolve(self, wanted: list[Id], t: int) -> Subject:
        kept, dropped = list(wanted), []
        while not self._allowed(kept, t):
            dropped.append(kept.pop())
        person = self._link(kept, [], t)
        for identifier in dropped:
            if any(kind == "user_id" for kind, _ in kept):
                self._repoint(identifier, person, t)
        return person

    def forget(self, person: Subject) -> None:
        """A visitor has gone: their identifiers name nobody."""
        for identifier in person.linked:
            if self.index.get(identifier) is person:
                del self.index[identifier]

    def _matched(self, identifiers: list[Id]) -> list[Subject]:
        found = {self.index[i].born: self.index[i] for i in identifiers if i in self.index}
        return [found[born] for born in sorted(found)]

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
            return (1 if kind == "user_id" else LIMIT), None
        return declared.limit, None if declared.per is None else parse_duration(declared.per)

    def _link(self, identifiers: list[Id], also: list[Subject], t: int) -> Subject:
        matched = {s.born: s for s in [*self._matched(identifiers), *also]}
        subjects = [matched[born] for born in sorted(matched)]
        person = subjects[0] if subjects else self.create()
        for loser in subjects[1:]:
            for identifier, since in loser.linked.items():
                self.index[identifier] = person
                person.linked[identifier] = since
            self.merge(person, loser)
        for identifier in identifiers:
            self.index[identifier] = person
            person.linked.setdefault(identifier, t)
        return person

    def _repoint(self, identifier: Id, person: Subject, t: int) -> None:
        """Shared device: its identifier belongs to the user who logged in from now on, if the limit allows.
        Choice: that holds for every identifier of a device that was dropped from a log-in, whoever had it."""
        holder = self.index.get(identifier)
        held = sum(kind == identifier[0] for kind, _ in person.linked)
        if identifier[0] in OF_DEVICES and holder is not person and held < self._limit(identifier[0])[0]:
            if holder is not None:
                del holder.linked[identifier]
            self.index[identifier] = person
            person.linked[identifier] = t

    def _alias(self, user: Id, previous: str, t: int) -> Subject:
        """Merges the profile of ``previousId`` (a user id, else an anonymous id) whatever the limits say.
        Choice: a previousId that nobody knows is taken as an anonymous id seen with the user."""
        for kind in ("user_id", "anonymous_id"):
            known = self.index.get((kind, previous))
            if known is not None:
                return self._link([user], [known], t)
        return self._resolve([user, ("anonymous_id", previous)], t)


def dig_traits(event: dict[str, Any]) -> dict[str, Any]:
    traits = dig(event, ["context", "traits"])
    return traits if isinstance(traits, dict) else {}

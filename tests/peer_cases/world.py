"""A fold, and the history it is folded from.

New definitions make a new workspace, and all of history is folded into it again: they then equal having had
them from the start. Engine time goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sevenfold.effects import ENTERED, Effect
from sevenfold.engine import Fold
from sevenfold.events.dedup import NoOlderKeys, SeenKeys, message_key
from sevenfold.limits import RECORD_EVENTS_MAX
from sevenfold.profiles.identity import blocked
from sevenfold.workspace import models as m
from tests.peer_cases.definitions import Translation
from tests.peer_cases.differences import DIFFERENCES
from tests.peer_cases.outcome import SkipError


@dataclass
class Item:
    """One thing that happened: events (kept, or made anew each time they are read) or a control record."""

    t: int
    events: Iterable[bytes] = ()
    control: dict[str, Any] = field(default_factory=dict)


class Repeated:
    """Events made from a template each time they are read, so that millions of them need no room."""

    def __init__(self, head: bytes, count: int) -> None:
        self.head, self.count = head, count

    def __iter__(self) -> Iterator[bytes]:
        before = self.head.split(b"{i}")
        for index in range(self.count):
            yield str(index).encode().join(before)


class World:
    """What has happened so far, seen through one translation."""

    def __init__(self, translation: Translation) -> None:
        self.now = 0
        self.history: list[Item] = []
        self.seen = SeenKeys(NoOlderKeys())
        self._begin(translation)

    def _begin(self, translation: Translation) -> None:
        self.translation = translation
        self.fold = Fold(translation.workspace)
        self.messages: list[tuple[str, str, str]] = []
        """Messages decided so far: (journey, step, the person's id)."""
        self.records: list[tuple[str, str]] = []
        """What was written of runs so far: (journey, the subject's id)."""

    def redefine(self, translation: Translation) -> None:
        """Folds history from the start into a workspace of other definitions."""
        self._begin(translation)
        for item in self.history:
            self._fold(item)
        self._told(self.fold.advance(self.now))

    def happen(self, item: Item) -> list[Effect]:
        """Folds one thing now and remembers it. Returns who entered a segment, all that a case asks for."""
        self.history.append(item)
        return self._fold(item)

    def _fold(self, item: Item) -> list[Effect]:
        if item.control:
            return self._told(self.fold.control(item.t, item.control))
        effects: list[Effect] = []
        events = iter(item.events)
        while batch := list(islice(events, RECORD_EVENTS_MAX)):
            found = self._told(self.fold.events((item.t, raw) for raw in batch))
            effects += (effect for effect in found if effect.kind == ENTERED)
        for reason in self.fold.dropped:
            raise SkipError.differs(DIFFERENCES["bounds"], f"an event was refused as `{reason}`")
        return effects

    def advance(self) -> list[Effect]:
        """Everything due by now."""
        return self._told(self.fold.advance(self.now))

    def _told(self, effects: list[Effect]) -> list[Effect]:
        self.messages += [
            (effect.name, effect.data["step"], effect.data["recipient"])
            for effect in effects
            if effect.kind == "message"
        ]
        self.records += [
            (effect.name, effect.subject) for effect in effects if effect.kind in ("run", "step", "ended")
        ]
        return effects

    def unseen(self, message: str | None) -> bool:
        """Whether a message id is new; what has none is always new. The log would see to this."""
        if message is None:
            return True
        key = message_key("peer", message)
        known = self.seen.seen([key])[0]
        self.seen.add([key])
        return not known

    # ---------------------------------------------------------------------------------------------- reading

    def row(self, user: str) -> int:
        """A user by id, or an anonymous one by anonymous id; 0 for nobody."""
        if blocked(user, frozenset()):
            raise SkipError.differs(DIFFERENCES["bounds"], f"`{user}` identifies nobody")
        identity = self.fold.identity
        return identity.find("user_id", user) or identity.find("anonymous_id", user)

    def person(self, user: str) -> dict[str, Any]:
        """What the fold says of a user; of nobody: nothing."""
        row = self.row(user)
        nobody: dict[str, Any] = {"traits": {}, "identifiers": {}, "segments": []}
        nobody["signals"] = dict.fromkeys(self.translation.signals)
        return self.fold.read(m.PERSON, row) if row else nobody

    def members(self, label: str) -> list[str]:
        """The ids of a segment's members, in order of creation."""
        rows = (row for row in range(1, self.fold.person.table.rows) if row not in self.fold.forward)
        people = (self.fold.read(m.PERSON, row) for row in rows)
        return [_shown(person) for person in people if label in person["segments"]]

    def group(self, key: str) -> list[str]:
        """The ids of an account's members, newest first."""
        account = self.fold.account_rows.get(key, 0)
        rows = list(self.fold.member_rows(account)) if account else []
        return [_shown(self.fold.read(m.PERSON, row)) for row in reversed(rows)]

    def population(self) -> int:
        """How many people there are."""
        return self.fold.person.table.rows - 1 - len(self.fold.forward)


def _shown(person: dict[str, Any]) -> str:
    held = person["identifiers"]
    return str((held.get("user_id") or held.get("anonymous_id"))[0])

"""Identity: which person an event is about. Linking depends on identity state and the event alone, in log
order.

Identifiers are keys such as `user_id` + value. Links that would break a limit demote the event's
weakest identifier and matching is tried again; two user ids never meet except by `alias`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException

from ..workspace import models as m
from .expressions import parse_duration
from .identifiers import Identifiers

BLOCKED = frozenset(
    {
        "",
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
        "[object object]",
        "test@test.com",
        "test@example.com",
        "user@example.com",
        "noreply@example.com",
    }
)
"""Values that clients send when they have none; they never link. All-zero values and zero UUIDs are blocked
as well.
"""
WEAK = frozenset({"anonymous_id", "device"})
"""Identifiers of a device rather than a person: they follow the last user who logged in."""


@dataclass(slots=True)
class Link:
    """One step of resolution, for the trace: what was created, attached, demoted, moved or merged."""

    action: str
    identifier: str
    reason: str = ""


def _nothing(row: int, t: int) -> None:
    return


def blocked(value: str, more: frozenset[str]) -> bool:
    """Whether a value is one of those that never identify anybody."""
    lowered = value.strip().lower()
    return lowered in BLOCKED or lowered in more or not lowered.strip("0-.:")


def normal_email(value: str) -> str | None:
    """Trimmed and lower case; None without exactly one `@` between two texts."""
    found = value.strip().lower()
    name, at, domain = found.rpartition("@")
    return found if name and at and domain and "@" not in name and " " not in found else None


def normal_phone(value: str, region: str | None) -> str | None:
    """E.164; None when it is no possible number, or has no country code and no default region is set."""
    try:
        number = phonenumbers.parse(value, region)
    except NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


class Identity:
    """The identifier maps. `create(row-less)` and `merge(winner, loser)` are the fold's own operations."""

    def __init__(
        self, model: m.Identity, create: Callable[[], int], merge: Callable[[int, int, str], None]
    ) -> None:
        self.model = model
        self.create = create
        self.merge = merge
        self.order = list(model.order) + [kind for kind in model.types if kind not in model.order]
        self.prefix = {kind: chr(97 + place) for place, kind in enumerate(self.order)}
        self.kind_of = {letter: kind for kind, letter in self.prefix.items()}
        self.blocked = frozenset(value.lower() for value in model.blocked)
        self.limits = {kind: 1 if kind == "user_id" else 5 for kind in self.order}
        self.periods: dict[str, int] = {}
        for kind, one in model.types.items():
            self.limits[kind] = one.limit
            if one.per is not None:
                self.periods[self.prefix[kind]] = parse_duration(one.per)
        self.limit_of = {self.prefix[kind]: limit for kind, limit in self.limits.items()}
        self.user, self.anonymous = self.prefix["user_id"], self.prefix["anonymous_id"]
        self.custom = [
            (kind, one.path or kind) for kind, one in model.types.items() if kind not in m.Identity().order
        ]
        self.table = Identifiers()
        self.attached_at: dict[str, int] = {}
        self.apart: set[tuple[int, int]] = set()
        """Pairs of rows (lower first) that somebody took apart: nothing merges them again."""
        self.trace: list[Link] | None = None
        self._known_good: dict[str, bool] = {}
        self.older: Callable[[int], int] = int
        """By what people are in the order in which they were created; rows are given again."""
        self.began: Callable[[int, int], None] = _nothing
        """Told (row, t) of new people of whom nothing but anonymous ids is known."""

    # -------------------------------------------------------------------------------------------------
    # look-ups

    def row_of(self, key: str) -> int:
        """The row a key points to, 0 for none."""
        return self.table.row_of(key)

    def keys_of(self, row: int) -> tuple[str, ...]:
        """The keys a row holds."""
        return self.table.of(row)

    def values_of(self, row: int, kind: str) -> list[str]:
        """The identifiers of one type that a row holds, oldest first."""
        letter = self.prefix.get(kind)
        return self.table.of_kind(row, letter) if letter is not None else []

    def identifiers(self, row: int) -> dict[str, list[str]]:
        """`{"user_id": ["u1"], "email": ["a@b.c"]}` for people."""
        found: dict[str, list[str]] = {}
        for key in self.keys_of(row):
            found.setdefault(self.kind_of[key[0]], []).append(key[1:])
        return found

    def find(self, kind: str, value: str) -> int:
        """The row of an identifier, 0 for none; the value is normalised as an event's would be."""
        key = self.key(kind, value)
        return self.row_of(key) if key is not None else 0

    def key(self, kind: str, value: Any) -> str | None:
        """The normalised key of an identifier; None when it identifies nobody."""
        if value is None or value.__class__ is bool:
            return None
        text = str(value) if value.__class__ is not str else value
        if kind == "email":
            normal = normal_email(text)
        elif kind == "phone":
            normal = normal_phone(text, self.model.default_region)
        else:
            normal = text.strip()
        if not normal or blocked(normal, self.blocked):
            return None
        return self.prefix[kind] + normal

    def forget(self, row: int) -> None:
        """A person is erased: their identifiers name nobody, and may come to name somebody else."""
        for key in self.keys_of(row):
            self.attached_at.pop(key, None)
        self.apart = {pair for pair in self.apart if row not in pair}
        self._known_good.clear()
        self.table.forget(row)

    def take_over(self, other: Identity) -> None:
        """The identifiers of another compilation, under this one's order and types of identifiers."""
        self.apart, self.trace = other.apart, other.trace
        if other.prefix == self.prefix:
            self.table, self.attached_at = other.table, other.attached_at
            return
        letters = {letter: self.prefix.get(kind) for kind, letter in other.prefix.items()}
        for row in range(other.table.rows):
            for key in other.keys_of(row):
                letter = letters[key[0]]
                if letter is not None:
                    self.table.attach(letter + key[1:], row)
                    if key in other.attached_at:
                        self.attached_at[letter + key[1:]] = other.attached_at[key]

    # -----------------------------------------------------------------------------------------------
    # resolution

    def resolve(self, keys: list[str], t: int) -> int:
        """The row for an event that carries `keys` (strongest first); creates, attaches and merges as the
        rules say.
        """
        kept = list(keys)
        demoted: list[str] = []
        while True:
            rows = list({row for row in map(self.row_of, kept) if row})
            if len(rows) > 1:
                rows.sort(key=self.older)
            over = self._over_limit(rows, kept, t)
            if over is None or len(kept) == 1:
                break
            demoted.append(kept.pop())
            self._note(
                "demoted", demoted[-1], f"more than {self.limit_of[over]} {self.kind_of[over]} in one profile"
            )
        row = rows[0] if rows else self.create()
        if not rows:
            self._note("created", kept[0] if kept else "")
        for other in rows[1:]:
            self._absorb(row, other)
            self.merge(row, other, "identifiers met in one event")
            self._note("merged", kept[0])
        for key in kept:
            if self.row_of(key) != row:
                self._attach(row, key, t)
        if not rows and all(key[0] == self.anonymous for key in kept):
            self.began(row, t)
        for key in demoted:
            self._follow_login(row, key, kept, t)
        return row

    def alias(self, previous: str, user: str, t: int) -> int:
        """`alias`: the previous id's person becomes the user's, even when both have user ids."""
        key = self.user + user
        row = self.row_of(key)
        before = self.row_of(self.user + previous) or self.row_of(self.anonymous + previous)
        if not before:
            return self.resolve([key, self.anonymous + previous], t)
        if not row:
            self._attach(before, key, t)
            return before
        if before != row and (min(row, before), max(row, before)) not in self.apart:
            winner, loser = sorted((row, before), key=self.older)
            self._absorb(winner, loser)
            self.merge(winner, loser, "alias")
            return winner
        return row

    def _over_limit(self, rows: list[int], keys: list[str], t: int) -> str | None:
        """The prefix of an identifier type that the link would push over its limit, or None."""
        if self.apart:
            for place, row in enumerate(rows):
                if any((row, other) in self.apart for other in rows[place + 1 :]):
                    return keys[-1][0]
        union = set(keys)
        most: dict[str, int] = {}
        for row in rows:
            held = self.keys_of(row)
            union.update(held)
            for prefix, count in self._counted(held, t).items():
                most[prefix] = max(most.get(prefix, 0), count)
        for prefix, count in sorted(self._counted(union, t).items()):
            # A limit that an alias has exceeded matters only to what would add to it.
            if count > self.limit_of[prefix] and count > most.get(prefix, 0):
                return prefix
        return None

    def _counted(self, keys: Iterable[str], t: int) -> dict[str, int]:
        """How many identifiers of each type count against the limit at `t`."""
        counts: dict[str, int] = {}
        for key in keys:
            period = self.periods.get(key[0])
            if period is None or self.attached_at.get(key, t) > t - period:
                counts[key[0]] = counts.get(key[0], 0) + 1
        return counts

    def _attach(self, row: int, key: str, t: int) -> None:
        self.table.attach(key, row)
        if key[0] in self.periods:
            self.attached_at[key] = t
        self._note("attached", key)

    def _follow_login(self, row: int, key: str, kept: Iterable[str], t: int) -> None:
        """A shared device: from now on it speaks for the user who logged in last. What it did before stays
        put.
        """
        if self.kind_of[key[0]] not in WEAK or not any(k[0] == self.user for k in kept):
            return
        before = self.row_of(key)
        held = [k for k in self.keys_of(row) if k[0] == key[0]]
        if (
            before == row
            or len(held) >= self.limit_of[key[0]]
            or (min(row, before), max(row, before)) in self.apart
        ):
            return
        self._attach(row, key, t)
        self._note("moved", key, "another user logged in on this device")

    def _absorb(self, winner: int, loser: int) -> None:
        self.table.absorb(winner, loser)

    def _note(self, action: str, key: str, reason: str = "") -> None:
        if self.trace is not None:
            shown = f"{self.kind_of[key[0]]}={key[1:]}" if key else ""
            self.trace.append(Link(action, shown, reason))

"""Drafts of journeys: plans that somebody is writing, beside the workspace until they are published."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
from msgspec import Struct

from ...clock import Clock
from ..errors import ConflictError


class Draft(Struct, kw_only=True):
    """A plan in the making. `base` is the version it began from (null: a new journey); `revision` counts
    its changes: who writes says which one they saw. `by` is the id of the key that wrote last.
    """

    journey: str
    plan: dict[str, Any]
    base: int | None
    created: int
    changed: int
    by: str
    revision: int


class Drafts:
    """The drafts in `server.sqlite`."""

    def __init__(self, store: sqlite3.Connection, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def list(self) -> list[Draft]:
        """Every draft, by journey."""
        return [_draft(row) for row in self._store.execute("SELECT * FROM drafts ORDER BY journey")]

    def get(self, journey: str) -> Draft | None:
        """The draft of a journey."""
        row = self._store.execute("SELECT * FROM drafts WHERE journey = ?", (journey,)).fetchone()
        return None if row is None else _draft(row)

    def put(
        self, journey: str, plan: dict[str, Any], base: int | None, by: str, revision: int | None
    ) -> tuple[Draft, bool]:
        """Writes a draft; whether it is new. `revision` is the one that its author saw (None: there was
        none). Raises ConflictError when somebody else has changed it since.
        """
        now, held = self._clock.now(), self.get(journey)
        if (held.revision if held is not None else None) != revision:
            raise ConflictError(
                f"the draft of `{journey}` has changed meanwhile",
                where="revision",
                fix="read it again, and write with its revision",
            )
        written = 1 if held is None else held.revision + 1
        self._store.execute(
            "INSERT INTO drafts (journey, plan, base, created, changed, by, revision)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (journey) DO UPDATE SET plan = excluded.plan, changed = excluded.changed,"
            " by = excluded.by, revision = excluded.revision",
            (journey, msgspec.json.encode(plan), base, now, now, by, written),
        )
        found = self.get(journey)
        assert found is not None
        return found, held is None

    def remove(self, journey: str) -> bool:
        """Forgets a draft; False when there is none."""
        return self._store.execute("DELETE FROM drafts WHERE journey = ?", (journey,)).rowcount > 0


def _draft(row: tuple[Any, ...]) -> Draft:
    journey, plan, base, created, changed, by, revision = row
    return Draft(
        journey=journey,
        plan=msgspec.json.decode(plan),
        base=base,
        created=created,
        changed=changed,
        by=by,
        revision=revision,
    )

"""Reads the history: pages of what happened, beside whoever writes it.

Pages come newest first, and go on with `before=page.next`; with `after` they come oldest first, and go on
with `after=page.next`.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is bound

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from ...limits import HISTORY_MERGED_ITEMS_MAX, HISTORY_PAGE_ITEMS_MAX
from ...log.base import Readable
from . import lists
from .events import digests_of, positions_of, read_events
from .models import (
    Control,
    Count,
    Lease,
    Message,
    Numbered,
    Outcome,
    Page,
    RawEvent,
    Run,
    Task,
    Told,
)
from .moves import Moves, Trouble, held, moves, troubles
from .schema import FILE, HistoryError, connect, explained, key
from .timeline import effects_of_kinds, effects_of_subjects, numbered

Row = tuple[Any, ...]
_DECODE: Final = msgspec.json.Decoder().decode
_DAY_HOURS: Final = 24


class History:
    """The history in `folder`; `log` is where raw events are read from (`events_of`). Threads may read at
    once. Every method raises HistoryError when there is no history, or none that reads.
    """

    def __init__(self, folder: Path, log: Readable | None = None) -> None:
        self.path = folder / FILE
        self._log = log
        self._lock = threading.Lock()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    # ------------------------------------------------------------------------------------- effects

    def effects(
        self,
        *,
        subject: str | None = None,
        kind: str | Iterable[str] | None = None,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Page[Numbered]:
        """Effects about a subject (and those who became it), of a kind or kinds; the cursor is an effect's
        number.
        """
        kinds = [kind] if isinstance(kind, str) else sorted(kind) if kind is not None else None
        span = lists.Span(after, before, min(limit, HISTORY_PAGE_ITEMS_MAX))
        with explained(self.path):
            connection = self._connection()
            if subject is None:
                return effects_of_kinds(connection, kinds, span)
            subjects = [key(one) for one in self.subjects_of(subject)]
            return effects_of_subjects(connection, subjects, kinds, span)

    def effect(self, number: int) -> Numbered | None:
        """One effect."""
        rows = self._rows("SELECT * FROM effects WHERE number = ?", (number,))
        return numbered(rows[0]) if rows else None

    def subjects_of(self, subject: str) -> list[str]:
        """Everybody who is this subject now: itself, whoever it became, and all who became them."""
        found: list[str] = []
        todo = [self.now(subject)]
        while todo and len(found) < HISTORY_MERGED_ITEMS_MAX:
            one = todo.pop()
            found.append(one)
            todo += [row[0] for row in self._rows("SELECT loser FROM merges WHERE winner = ?", (one,))]
        return found

    def now(self, subject: str) -> str:
        """The subject that a merged one has become; itself when it was not merged."""
        for _ in range(HISTORY_MERGED_ITEMS_MAX):
            row = self._rows("SELECT winner FROM merges WHERE loser = ?", (subject,))
            if not row:
                break
            subject = row[0][0]
        return subject

    # ------------------------------------------------------------------------------------ messages

    def messages(
        self,
        *,
        person: str | None = None,
        journey: str | None = None,
        run: str | None = None,
        template: str | None = None,
        channel: str | None = None,
        status: str | None = None,
        decision: str | None = None,
        reason: str | None = None,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Page[Message]:
        """Decisions about messages that fit all that is given; the cursor is an effect's number. `status` is
        one of `models.STATUSES`.
        """
        wanted: dict[str, Any] = {"journey": journey, "template": template, "channel": channel}
        wanted |= {"decision": decision, "reason": reason, "run": None if run is None else key(run)}
        people = None if person is None else [key(one) for one in self.subjects_of(person)]
        with explained(self.path):
            span = lists.Span(after, before, min(limit, HISTORY_PAGE_ITEMS_MAX))
            return lists.messages(self._connection(), wanted, people, status, span)

    def message(self, effect: str) -> Message | None:
        """One message with everything that was told about it, in the order of the log; None when unknown."""
        with explained(self.path):
            return lists.message(self._connection(), effect)

    def outcomes(self, effect: str) -> list[Outcome]:
        """Everything that was told about a message, in the order of the log."""
        with explained(self.path):
            return lists.outcomes(self._connection(), effect)

    def effect_of(self, channel: str, provider_id: str) -> str | None:
        """The message that a provider knows under an id of its own; None when it is unknown (yet)."""
        with explained(self.path):
            return lists.effect_of(self._connection(), channel, provider_id)

    def link(self, ident: str) -> tuple[str, str] | None:
        """(effect, URL) of a link in a message."""
        rows = self._rows("SELECT effect, url FROM links WHERE id = ?", (ident,))
        return (rows[0][0], rows[0][1]) if rows else None

    def leases_of(self, person: str) -> list[Lease]:
        """What waits in the product for a person, answered ones included, revoked ones not; oldest first."""
        people = [key(one) for one in self.subjects_of(person)]
        marks = ", ".join("?" * len(people))
        rows = self._rows(
            "SELECT effect, channel, content, shown_from, shown_until, answered, answered_at FROM leases"
            f" WHERE person IN ({marks}) AND NOT revoked ORDER BY shown_from, effect LIMIT ?",
            (*people, HISTORY_PAGE_ITEMS_MAX),
        )
        return [Lease(row[0], row[1], _DECODE(row[2]), *row[3:]) for row in rows]

    # ---------------------------------------------------------------------------- runs and tasks

    def runs(
        self,
        *,
        subject: str | None = None,
        journey: str | None = None,
        active: bool | None = None,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Page[Run]:
        """Runs; the cursor is the number of the effect that began one."""
        about = None if subject is None else [key(one) for one in self.subjects_of(subject)]
        ended = None if active is None else f"ended IS {'NULL' if active else 'NOT NULL'}"
        span = lists.Span(after, before, min(limit, HISTORY_PAGE_ITEMS_MAX))
        with explained(self.path):
            return lists.runs(self._connection(), {"journey": journey}, about, ended, span)

    def run(self, ident: str) -> Run | None:
        """One run."""
        rows = self._rows(f"SELECT {lists.RUN_COLUMNS} FROM runs WHERE run = ?", (key(ident),))
        return Run(*rows[0]) if rows else None

    def tasks(
        self,
        *,
        subject: str | None = None,
        kind: str | None = None,
        owner: str | None = None,
        is_open: bool | None = None,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Page[Task]:
        """Tasks; the cursor is the number of the effect that opened one."""
        about = None if subject is None else [key(one) for one in self.subjects_of(subject)]
        closed = None if is_open is None else f"closed IS {'NULL' if is_open else 'NOT NULL'}"
        span = lists.Span(after, before, min(limit, HISTORY_PAGE_ITEMS_MAX))
        with explained(self.path):
            return lists.tasks(self._connection(), {"kind": kind, "owner": owner}, about, closed, span)

    def task(self, ident: str) -> Task | None:
        """One task."""
        rows = self._rows(f"SELECT {lists.TASK_COLUMNS} FROM tasks WHERE task = ?", (key(ident),))
        return lists.task_of(rows[0]) if rows else None

    # ------------------------------------------------------------------------- events and controls

    def events_of(
        self, identifiers: Mapping[str, Sequence[Any]], *, before: int | None = None, limit: int = 100
    ) -> Page[RawEvent]:
        """Raw events of whoever has these identifiers (`{"user_id": ["u1"], "email": [...]}`), newest first;
        the cursor is a position of the log.
        """
        if self._log is None:
            raise HistoryError("Raw events cannot be read here", fix="give History the log")
        with explained(self.path):
            return read_events(
                self._connection(), self._log, identifiers, before, min(limit, HISTORY_PAGE_ITEMS_MAX)
            )

    def positions_of(
        self, identifiers: Mapping[str, Sequence[Any]], before: int
    ) -> tuple[list[int], list[int]]:
        """Where the log has events of whoever has these identifiers, before a position, in order; and the
        digests of the identifiers.
        """
        with explained(self.path):
            connection = self._connection()
            digests = digests_of(connection, identifiers)
            return sorted(positions_of(connection, digests, before)), digests

    def controls(
        self,
        *,
        op: str | None = None,
        by: str | None = None,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Page[Control]:
        """Control records, outcomes left out; the cursor is a position of the log."""
        span = lists.Span(after, before, min(limit, HISTORY_PAGE_ITEMS_MAX))
        with explained(self.path):
            return lists.controls(self._connection(), {"op": op, "by": by}, span)

    # --------------------------------------------------------------------------------------- counts

    def told(self, after: int, limit: int) -> list[Told]:
        """What was told of messages after a position of the log, in order; at most `limit`, or all of one
        position.
        """
        with explained(self.path):
            return lists.told(self._connection(), after, limit)

    def told_by_minute(self, after: int, through: int) -> list[Told]:
        """What was told after a position and until another, added up by minute."""
        with explained(self.path):
            return lists.told_by_minute(self._connection(), after, through)

    def told_before(self, time: int) -> int:
        """The last position at which something was told of a message before a time, ms UTC; -1: none."""
        with explained(self.path):
            return lists.told_before(self._connection(), time)

    def counts(
        self, kinds: Iterable[str], since: int, until: int | None = None, *, by_day: bool = False
    ) -> list[Count]:
        """How often things of these kinds happened in each hour (or UTC day) since a time, ms UTC."""
        wanted, per = sorted(set(kinds)), _DAY_HOURS if by_day else 1
        marks = ", ".join("?" * len(wanted))
        end = (1 << 62) if until is None else until // 3_600_000
        rows = self._rows(
            f"SELECT hour / {per}, kind, name, what, sum(count) FROM counts WHERE hour >= ? AND hour <= ?"
            f" AND kind IN ({marks}) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
            (since // 3_600_000, end, *wanted),
        )
        return [Count(*row) for row in rows]

    def moves(self, since: int) -> list[Moves]:
        """Changes of stage since a time (ms UTC), added up."""
        with explained(self.path):
            return moves(self._connection(), since)

    def held(self, since: int) -> list[tuple[str, str | None, int]]:
        """(journey, reason, how many) of messages that were held back since a time (ms UTC)."""
        with explained(self.path):
            return held(self._connection(), since)

    def troubles(self, since: int, limit: int = 20) -> list[Trouble]:
        """What went wrong with messages since a time (ms UTC), added up."""
        with explained(self.path):
            return troubles(self._connection(), since, limit)

    def status(self) -> dict[str, Any]:
        """How far the history has come, and how large it is."""
        meta: dict[str, int] = dict(
            self._rows("SELECT name, value FROM meta WHERE name IN ('through', 'position')", ())
        )
        size = self.path.stat().st_size if self.path.exists() else 0
        return {"through": meta.get("through", 0), "position": meta.get("position", 0), "bytes": size}

    # ---------------------------------------------------------------------------------- connections

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Row]:
        with explained(self.path):
            return self._connection().execute(statement, values).fetchall()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None or self._closed:
            found = connect(self.path, read_only=True)
            with self._lock:
                if self._closed:
                    found.close()
                    raise HistoryError("The history is closed", where=str(self.path))
                self._connections.append(found)
            self._local.connection = found
        return found

    def close(self) -> None:
        """Lets go of the file. Reading afterwards is an error."""
        with self._lock:
            self._closed = True
            for connection in self._connections:
                connection.close()
            self._connections.clear()

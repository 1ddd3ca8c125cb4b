"""What people write down about people and accounts: notes, calls, and judgements that stand beside the
computed value (a pulse, a forecast).

They are no inputs of the fold: what changes where somebody stands is an event. So they lie in
`server.sqlite`, go with a backup, and go when a person is erased.
"""

# ruff: noqa: S608 - statements are put together from constants of this file; every value is bound

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ...clock import Clock
from ..questions import QuestionError


class NoteKept(Struct, kw_only=True):
    """A note or a call. `detail` is what a call is about (`outcome`, `minutes`, `at`); `by` is the id of who
    wrote it, `author` their name. Times ms UTC.
    """

    id: int
    subject: str
    kind: str
    text: str
    detail: dict[str, Any]
    by: str
    created: int
    changed: int | None = None
    author: str | None = None


class Judgement(Struct, kw_only=True):
    """What somebody thinks of an account: `kind` pulse or forecast, `value` a word of it (null: taken
    back).
    """

    number: int
    subject: str
    kind: str
    value: str | None
    reason: str
    by: str
    at: int
    author: str | None = None


class Notes:
    """The notes and judgements in a store."""

    def __init__(self, store: sqlite3.Connection, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def of(self, subjects: Sequence[str], *, before: int | None, limit: int) -> list[NoteKept]:
        """Notes about any of these ids, the newest first."""
        rows = self._store.execute(
            "SELECT id, subject, kind, text, detail, by, created, changed FROM notes"
            f" WHERE subject IN ({_marks(subjects)}) AND id < ? ORDER BY id DESC LIMIT ?",
            (*subjects, 1 << 62 if before is None else before, limit),
        )
        return [_note(row) for row in rows]

    def get(self, id: int) -> NoteKept:  # noqa: A002 - its name everywhere
        """One note. Raises QuestionError."""
        row = self._store.execute(
            "SELECT id, subject, kind, text, detail, by, created, changed FROM notes WHERE id = ?", (id,)
        ).fetchone()
        if row is None:
            raise QuestionError("there is no such note", where="id")
        return _note(row)

    def add(self, subject: str, kind: str, text: str, detail: dict[str, Any], by: str) -> NoteKept:
        """A new note or call."""
        cursor = self._store.execute(
            "INSERT INTO notes (subject, kind, text, detail, by, created) VALUES (?, ?, ?, ?, ?, ?)",
            (subject, kind, text, msgspec.json.encode(detail), by, self._clock.now()),
        )
        assert cursor.lastrowid is not None
        return self.get(cursor.lastrowid)

    def change(self, id: int, text: str, detail: dict[str, Any] | None = None) -> NoteKept:  # noqa: A002
        """Another text; who wrote it stays."""
        held = self.get(id)
        kept = msgspec.json.encode(held.detail if detail is None else detail)
        self._store.execute(
            "UPDATE notes SET text = ?, detail = ?, changed = ? WHERE id = ?",
            (text, kept, self._clock.now(), id),
        )
        return self.get(id)

    def remove(self, id: int) -> NoteKept:  # noqa: A002
        """A note goes; gives it once more."""
        held = self.get(id)
        self._store.execute("DELETE FROM notes WHERE id = ?", (id,))
        return held

    def judge(self, subject: str, kind: str, value: str | None, reason: str, by: str) -> Judgement:
        """What somebody thinks from now on; what was thought before stays in the history."""
        at = self._clock.now()
        cursor = self._store.execute(
            "INSERT INTO judgements (subject, kind, value, reason, by, at) VALUES (?, ?, ?, ?, ?, ?)",
            (subject, kind, msgspec.json.encode(value), reason, by, at),
        )
        assert cursor.lastrowid is not None
        return Judgement(
            number=cursor.lastrowid, subject=subject, kind=kind, value=value, reason=reason, by=by, at=at
        )

    def judgements(self, subject: str, limit: int = 100) -> list[Judgement]:
        """Everything that was thought of a subject, the latest first."""
        rows = self._store.execute(
            "SELECT number, subject, kind, value, reason, by, at FROM judgements WHERE subject = ?"
            " ORDER BY number DESC LIMIT ?",
            (subject, limit),
        )
        return [_judgement(row) for row in rows]

    def standing(self, subjects: Iterable[str], kind: str) -> dict[str, Judgement]:
        """The latest of a kind for each of these ids that has one."""
        wanted = list(subjects)
        rows = self._store.execute(
            "SELECT max(number), subject, kind, value, reason, by, at FROM judgements"
            f" WHERE kind = ? AND subject IN ({_marks(wanted)}) GROUP BY subject",
            (kind, *wanted),
        )
        return {one.subject: one for one in map(_judgement, rows) if one.value is not None}


def forget_subjects(store: sqlite3.Connection, subjects: Sequence[str]) -> int:
    """Nothing is written down about these ids any more; how many notes and judgements went."""
    gone = 0
    for table in ("notes", "judgements"):
        statement = f"DELETE FROM {table} WHERE subject IN ({_marks(subjects)})"
        gone += store.execute(statement, tuple(subjects)).rowcount
    return gone


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _note(row: Sequence[Any]) -> NoteKept:
    found = dict(zip(NoteKept.__struct_fields__, row, strict=False))
    found["detail"] = msgspec.json.decode(found["detail"])
    return NoteKept(**found)


def _judgement(row: Sequence[Any]) -> Judgement:
    found = dict(zip(Judgement.__struct_fields__, row, strict=False))
    found["value"] = msgspec.json.decode(found["value"])
    return Judgement(**found)

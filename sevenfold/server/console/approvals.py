"""Approval before something reaches customers: who asks, what others say, who agrees.

What is approved is a digest of exactly what would be published: another word in it needs another approval.
Nobody approves what they asked for themselves, nor what they wrote.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from ...clock import Clock
from ...errors import SevenfoldError
from ...limits import APPROVAL_COMMENTS_ITEMS_MAX
from ..errors import ConflictError
from ..questions import QuestionError

State = Literal["open", "approved", "refused", "withdrawn", "published"]
_COLUMNS: Final = "id, kind, name, digest, content, state, by, created, decided, decided_by, comments"


class ApprovalNeededError(SevenfoldError):
    """Publishing waits until somebody else has approved it."""

    code = "approval_needed"


class Comment(Struct, kw_only=True):
    """What somebody said. `author` is their name."""

    by: str
    at: int
    text: str
    author: str | None = None


class Approval(Struct, kw_only=True):
    """A request: `kind` journey or workspace, `name` of what, `content` what would be published, `digest` of
    exactly that. Times ms UTC; `by` and `decided_by` are ids, `author` and `decider` their names.
    """

    id: int
    kind: str
    name: str
    digest: str
    content: dict[str, Any]
    state: State
    by: str
    created: int
    decided: int | None
    decided_by: str | None
    comments: list[Comment]
    author: str | None = None
    decider: str | None = None


def digest_of(content: Any) -> str:
    """A digest of what would be published."""
    return blake2b(msgspec.json.encode(content, order="sorted"), digest_size=16).hexdigest()


class Approvals:
    """The requests in a store."""

    def __init__(self, store: sqlite3.Connection, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def list(self, state: str | None, *, before: int | None, limit: int) -> list[Approval]:
        """Requests, the newest first."""
        rows = self._store.execute(
            f"SELECT {_COLUMNS} FROM approvals WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR id < ?2)"  # noqa: S608
            " ORDER BY id DESC LIMIT ?3",
            (state, before, limit),
        )
        return [_approval(row) for row in rows]

    def get(self, id: int) -> Approval:  # noqa: A002 - its name everywhere
        """One request. Raises QuestionError."""
        row = self._store.execute(f"SELECT {_COLUMNS} FROM approvals WHERE id = ?", (id,)).fetchone()  # noqa: S608
        if row is None:
            raise QuestionError("there is no such request for approval", where="id")
        return _approval(row)

    def request(
        self, kind: str, name: str, content: Any, shown: dict[str, Any], by: str, comment: str
    ) -> Approval:
        """A new request: `content` is what its digest is made of, `shown` what its approver sees. An open one
        for the same thing is withdrawn.
        """
        now = self._clock.now()
        comments = [Comment(by=by, at=now, text=comment)] if comment else []
        self._store.execute(
            "UPDATE approvals SET state = 'withdrawn', decided = ?, decided_by = ?"
            " WHERE kind = ? AND name = ? AND state = 'open'",
            (now, by, kind, name),
        )
        cursor = self._store.execute(
            "INSERT INTO approvals (kind, name, digest, content, state, by, created, comments)"
            " VALUES (?, ?, ?, ?, 'open', ?, ?, ?)",
            (
                kind,
                name,
                digest_of(content),
                msgspec.json.encode(shown),
                by,
                now,
                msgspec.json.encode(comments),
            ),
        )
        assert cursor.lastrowid is not None
        return self.get(cursor.lastrowid)

    def comment(self, id: int, text: str, by: str) -> Approval:  # noqa: A002
        """Somebody says something."""
        held = self.get(id)
        if len(held.comments) >= APPROVAL_COMMENTS_ITEMS_MAX:
            raise ConflictError("so much was said already", where="id", fix="make another request")
        said = [*held.comments, Comment(by=by, at=self._clock.now(), text=text)]
        self._store.execute("UPDATE approvals SET comments = ? WHERE id = ?", (msgspec.json.encode(said), id))
        return self.get(id)

    def decide(self, id: int, state: State, by: str) -> Approval:  # noqa: A002
        """Approved, refused or withdrawn. Raises ConflictError when it is none of one's business."""
        held = self.get(id)
        if held.state != "open":
            raise ConflictError(f"this request is {held.state} already", where="id", fix="make another one")
        if state == "withdrawn":
            if held.by != by:
                raise ConflictError("only who asked withdraws", where="id", fix="refuse it instead")
        elif held.by == by:
            raise ConflictError("four eyes: somebody else has to decide", where="id", fix="ask a publisher")
        self._store.execute(
            "UPDATE approvals SET state = ?, decided = ?, decided_by = ? WHERE id = ? AND state = 'open'",
            (state, self._clock.now(), by, id),
        )
        return self.get(id)

    def check(self, kind: str, name: str, content: dict[str, Any]) -> Approval:
        """The approval of exactly this. Raises ApprovalNeededError."""
        row = self._store.execute(
            f"SELECT {_COLUMNS} FROM approvals WHERE kind = ? AND name = ? AND digest = ?"  # noqa: S608
            " AND state = 'approved' ORDER BY id DESC LIMIT 1",
            (kind, name, digest_of(content)),
        ).fetchone()
        if row is None:
            raise ApprovalNeededError(
                f"`{name}` is published once somebody else has approved exactly this",
                where=name,
                fix="POST /api/approvals asks for it",
            )
        return _approval(row)

    def published(self, id: int) -> None:  # noqa: A002
        """An approval is used up."""
        self._store.execute("UPDATE approvals SET state = 'published' WHERE id = ?", (id,))


def _approval(row: Sequence[Any]) -> Approval:
    found = dict(zip(_COLUMNS.split(", "), row, strict=True))
    found["content"] = msgspec.json.decode(found["content"])
    found["comments"] = msgspec.json.decode(found["comments"], type=list[Comment])
    return Approval(**found)

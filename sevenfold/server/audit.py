"""The audit log: who changed what, when, at which position of the log, and what came of it. Only appended
to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from ..clock import Clock
from ..limits import AUDIT_DETAIL_BYTES_MAX, AUDIT_TARGET_CHARS_MAX
from .store import open_store

LOCAL: Final = "local"
"""Who acted when nobody needed a key: somebody at the machine itself."""
OK: Final = "ok"


class AuditEntry(Struct, kw_only=True):
    """One thing that somebody did. `number` counts from 1; `at` ms UTC; `key` is the id of the key used (or
    `local`); `action` what was asked (`journey.publish`), `target` of what; `position` the log position of
    the control record, where there is one; `result` is `ok` or the code of the error; `detail` what else was
    said.
    """

    number: int
    at: int
    key: str
    action: str
    target: str
    position: int | None
    result: str
    detail: dict[str, Any]


class Audit:
    """The audit log of a data folder; in memory without one."""

    def __init__(self, folder: Path | None, clock: Clock, *, store: sqlite3.Connection | None = None) -> None:
        self._store = open_store(folder) if store is None else store
        self._clock = clock

    def note(
        self,
        key: str,
        action: str,
        target: str = "",
        *,
        position: int | None = None,
        result: str = OK,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Appends an entry, durable when it returns; gives its number. A detail that is too long is left out
        and says so.
        """
        packed = msgspec.json.encode(detail or {})
        if len(packed) > AUDIT_DETAIL_BYTES_MAX:
            packed = msgspec.json.encode({"left_out_bytes": len(packed)})
        values = (self._clock.now(), key, action, target[:AUDIT_TARGET_CHARS_MAX], position, result, packed)
        cursor = self._store.execute(
            "INSERT INTO audit (at, key, action, target, position, result, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def entries(
        self,
        *,
        before: int | None = None,
        limit: int = 100,
        key: str | None = None,
        action: str | None = None,
        target: str | None = None,
    ) -> list[AuditEntry]:
        """The newest entries first, those with a number below `before`. `action` may end in `*`."""
        prefix = action[:-1] if action is not None and action.endswith("*") else None
        rows = self._store.execute(
            "SELECT number, at, key, action, target, position, result, detail FROM audit"
            " WHERE (?1 IS NULL OR number < ?1) AND (?2 IS NULL OR key = ?2) AND (?3 IS NULL OR target = ?3)"
            " AND (?4 IS NULL OR action = ?4) AND (?5 IS NULL OR substr(action, 1, length(?5)) = ?5)"
            " ORDER BY number DESC LIMIT ?6",
            (before, key, target, action if prefix is None else None, prefix, limit),
        )
        return [
            AuditEntry(
                number=number,
                at=at,
                key=key_,
                action=action_,
                target=target_,
                position=position,
                result=result,
                detail=msgspec.json.decode(detail),
            )
            for number, at, key_, action_, target_, position, result, detail in rows
        ]

"""Accounts: their members, and the accounts below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...workspace.base import ACCOUNT
from . import question
from .profiles import row_with_id, summary

if TYPE_CHECKING:
    from ...engine import Fold


@question("members")
def members(fold: Fold, id: str, limit: int = 50, after: int = 0) -> dict[str, Any] | None:  # noqa: A002
    """The people of an account with their roles, in pages. None: ask again."""
    account = row_with_id(fold, ACCOUNT, id)
    if account < 0:
        return None
    rows = sorted(row for row in fold.member_rows(account) if row > after)
    items = []
    for row in rows[:limit]:
        role = next((role for joined, role, _ in fold.accounts_of(row) if joined == account), "")
        items.append({**summary(fold, fold.person, row), "role": role or None})
    return {"items": items, "next": rows[limit - 1] if len(rows) > limit else None}


@question("below")
def below(fold: Fold, id: str, limit: int = 50, after: int = 0) -> dict[str, Any] | None:  # noqa: A002
    """The accounts directly below one, in pages. None: ask again."""
    account = row_with_id(fold, ACCOUNT, id)
    if account < 0:
        return None
    rows = sorted(row for row in fold.child_rows(account) if row > after)
    items = [summary(fold, fold.account, row) for row in rows[:limit]]
    return {"items": items, "next": rows[limit - 1] if len(rows) > limit else None}

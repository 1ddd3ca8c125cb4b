"""Who a browser is: asked for each page that may show messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import question

if TYPE_CHECKING:
    from ...engine import Fold


@question("visitor")
def visitor(fold: Fold, anonymous: str, user: str = "") -> dict[str, Any]:
    """`{person, users}` of the user id, where one is given and known, else of the anonymous id: the profile's
    id (None while nobody has it) and its user ids.
    """
    identity = fold.identity
    row = (identity.find("user_id", user) if user else 0) or identity.find("anonymous_id", anonymous)
    if not row:
        return {"person": None, "users": []}
    return {"person": fold.id_of(fold.person, row), "users": identity.values_of(row, "user_id")}


@question("account_of")
def account_of(fold: Fold, person: str) -> str | None:
    """The key of the person's first account; None without one. `person` is a profile id of `visitor`."""
    from .profiles import row_with_id

    row = row_with_id(fold, "person", person)
    joined = fold.accounts_of(row) if row > 0 else []
    found: str | None = fold.account_ids[joined[0][0]] if joined else None
    return found

"""Who belongs in an advertising audience: the addresses of a segment's members who agreed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...limits import AUDIENCE_ANSWER_ITEMS_MAX, QUESTION_ROWS_MAX
from ...messages.consent import allowed
from ...workspace.base import PERSON
from . import QuestionError, question
from .messages import desk_of
from .profiles import _named, unit_of
from .segments import _column

if TYPE_CHECKING:
    from ...engine import Fold


@question("audience")
def audience(
    fold: Fold,
    channel: str,
    category: str,
    segment: str,
    limit: int = AUDIENCE_ANSWER_ITEMS_MAX,
    after: int = 0,
) -> dict[str, Any]:
    """Members of a segment who agreed to a category on a channel: `{items: [[email, phone], ...], next}`, the
    newest address of each kind, empty where there is none. Who did not agree is left out here, so that their
    address goes nowhere. Raises QuestionError, also while the segment is being worked out from the past.
    """
    unit, desk = unit_of(fold, PERSON), desk_of(fold)
    slot = _named(unit.segments, segment, "segment").slot
    if unit.pending:
        raise QuestionError("signals are still being worked out from the past", where="segment")
    if desk is None or channel not in desk.channels.named:
        raise QuestionError(f"there is no channel `{channel}`", where="channel")
    if category not in desk.consents.categories:
        raise QuestionError(f"there is no category `{category}`", where="category")
    purpose = desk.consents.purpose(category, desk.channels.named[channel])
    first = max(0, after) + 1
    last = min(unit.table.rows, first + QUESTION_ROWS_MAX)
    inside = np.flatnonzero(_column(fold, slot.column, first, last) & slot.bit)
    items: list[list[str]] = []
    for place in inside:
        row = int(place) + first
        if row in fold.forward or not allowed(desk.consents.status(row, purpose.pair), purpose):
            continue
        items.append([next(reversed(fold.identity.values_of(row, kind)), "") for kind in ("email", "phone")])
        if len(items) >= limit:
            last = row + 1
            break
    return {"items": items, "next": last - 1 if last < unit.table.rows else None}

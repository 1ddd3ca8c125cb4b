"""Somebody's next best action as a replay ended: its log is folded again, and asked."""

from __future__ import annotations

from typing import Any

from ..engine.controls import find
from ..errors import InputError
from ..journeys.standing import standing
from ..log.base import Log
from ..workspace.models import Workspace
from .delivery import Delivering, folding, recorded_outcomes
from .feed import records


def next_best_action(
    workspace: Workspace, log: Log, identifier: str, *, until: int | None = None
) -> dict[str, Any]:
    """The standing next best action of the person with an identifier, at `until` (ms UTC) or the end of the
    log: `action`, `reason`, `confidence`, `policy`, and all `actions` with their scores, or why they may not
    be taken. Raises InputError for nobody.
    """
    fold = folding(workspace, None if recorded_outcomes(log) else Delivering())
    for record in records(log):
        if until is not None and record.time > until:
            break
        if record.kind == "events":
            inside = [(one.time, one.raw) for one in record.entries if until is None or one.time <= until]
            fold.events(inside)
        elif record.control is not None:
            fold.tell(record.time, record.control)
        else:
            fold.advance(record.time)
    if until is not None:
        fold.advance(until)
    row = find(fold, identifier)
    if not row:
        fix = "give a user id, e-mail or anonymous id, as in the events"
        raise InputError(f"Nobody is known as `{identifier}`", fix=fix)
    return {"person": fold.id_of(fold.person, row), **standing(fold, row)}


__all__ = ["next_best_action"]

"""The tables of what journeys decided: runs, steps, messages, goals, tasks. Each effect is a row of one of
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sevenfold.effects import Effect
from sevenfold.playback.tables import Columns, ColumnType, Row

JOURNEY_TABLES: Final[dict[str, Columns]] = {
    "runs": {
        "n": "integer", "time": "time", "of": "text", "subject": "text", "journey": "text", "change": "text",
        "run": "text", "key": "text", "version": "integer", "trigger": "text", "ghost": "text",
        "step": "text", "reason": "text", "after": "integer", "data": "json",
    },
    "steps": {
        "n": "integer", "time": "time", "of": "text", "subject": "text", "journey": "text", "change": "text",
        "run": "text", "step": "text", "visit": "integer", "outcome": "text", "until": "time",
        "waited": "integer", "data": "json",
    },
    "messages": {
        "n": "integer", "time": "time", "of": "text", "subject": "text", "journey": "text", "change": "text",
        "run": "text", "step": "text", "visit": "integer", "effect": "text", "template": "text",
        "channel": "text", "recipient": "text", "reason": "text", "outcome": "text", "until": "time",
        "data": "json",
    },
    "goals": {
        "n": "integer", "time": "time", "of": "text", "subject": "text", "journey": "text", "change": "text",
        "run": "text", "step": "text", "goal": "text", "value": "number", "after": "integer",
        "ghost": "boolean", "data": "json",
    },
    "tasks": {
        "n": "integer", "time": "time", "of": "text", "subject": "text", "kind": "text", "change": "text",
        "task": "text", "run": "text", "reason": "text", "owner": "text", "due": "time", "outcome": "text",
        "data": "json",
    },
}  # fmt: skip
"""`n` goes on from the other tables of effects; `after` and `waited` are ms; `data` is what has no column."""

_HEAD: Final = 6
"""The columns before those that come from an effect's data."""
_TABLE_OF: Final[Mapping[str, str]] = {
    **dict.fromkeys(("run", "ended", "refused", "migrated", "contaminated", "published", "paused", "resumed",
                     "archived"), "runs"),
    **dict.fromkeys(("message", "would_send", "held", "deferred", "outcome", "released", "revoked",
                     "cancelled", "webhook", "would_call", "consent", "suppressed", "unsuppressed",
                     "opt_outs", "channel"), "messages"),
    "goal": "goals", "would_task": "tasks", "task": "tasks",
}  # fmt: skip


def table_of(kind: str) -> str:
    """The table for an effect of a kind. What has none of its own (offers, saves, playbooks) is with the
    steps.
    """
    if kind.startswith("task_"):
        return "tasks"
    return _TABLE_OF.get(kind, "steps")


def row_of(n: int, effect: Effect, table: str) -> Row:
    """An effect as a row of its table."""
    columns = JOURNEY_TABLES[table]
    data = dict(effect.data)
    cells = [_cell(data, name, kind) for name, kind in list(columns.items())[_HEAD:-1]]
    head = (n, effect.time, effect.of, effect.subject, effect.name, effect.kind)
    return (*head, *cells, data or None)


def _cell(data: dict[str, Any], name: str, kind: ColumnType) -> Any:
    """The value of a column, taken out of `data`; one of another type stays there."""
    value = data.get(name)
    if value is None:
        data.pop(name, None)
        return None
    fits = isinstance(value, _TYPES[kind]) and not (isinstance(value, bool) and kind != "boolean")
    if not fits:
        return None
    del data[name]
    return float(value) if kind == "number" else value


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "text": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "time": (int,),
}  # fmt: skip

__all__ = ["JOURNEY_TABLES", "row_of", "table_of"]

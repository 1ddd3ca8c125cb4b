"""What a home page shows of the fold: how health is spread, whose moved most and why, what is to be done, and
whose contract ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ...lifecycle.history import CENTI, DAYS
from ...lifecycle.measures import MILLI
from ...measures.renewal_forecast import CLASSES, RenewalForecast, class_of
from ...profiles.columns import UNKNOWN16, UNKNOWN32, Array
from ...workspace.base import ACCOUNT, PERSON
from . import QuestionError, question
from .profiles import summary, unit_of
from .tasks import _task, tasks_of
from .traits import ENDS, OWNERS, VALUES, owner_of, trait_of, worth

if TYPE_CHECKING:
    from ...engine import Fold
    from ...lifecycle.compile import CompiledUnit
    from ...lifecycle.history import ScoreHistory
    from ...profiles.slots import Slot

DAY_MS: Final = 86_400_000
_TREND_DAYS: Final = 27
_MEASURES_SHOWN: Final = 3


def main_score(unit: CompiledUnit) -> str | None:
    """The score that stands for health: one called so, else the first with bands."""
    named = [one for one in unit.scores if one in ("health", f"{unit.kind}_health")]
    found = named or [one for one in unit.scores if "health" in one] or list(unit.scores)
    return found[0] if found else None


def column(unit: CompiledUnit, slot: Slot) -> Array:
    """A slot's values of rows 0 and on."""
    kept: Any = unit.env.scope[slot.column]
    return np.asarray(kept)[: unit.table.rows]


@question("movers")
def movers(fold: Fold, score: str, days: int = 1, limit: int = 10) -> dict[str, Any]:
    """Whose score moved most within `days` closed days: `{of, down: [...], up: [...], known}`. Changes of
    weights are no moves. Each with what pulls it down or holds it up most: measures by points of the score.
    """
    unit, node = _score(fold, score)
    history = next((one for one in unit.histories if one.node is node), None)
    if history is None:
        return {"of": unit.kind, "known": 0, "down": [], "up": []}
    change, known = _change(fold, unit, history, days)
    shown: dict[str, list[dict[str, Any]]] = {"down": [], "up": []}
    for label, sign in (("down", -1), ("up", 1)):
        rows = np.flatnonzero(known & (change * sign > 0))
        if len(rows) > limit:
            rows = rows[np.argpartition(-sign * change[rows], limit)[:limit]]
        for row in rows[np.argsort(-sign * change[rows], kind="stable")].tolist():
            read, moved = node.read(row), int(change[row]) / 100
            value = read["value"]
            shown[label].append(
                {
                    **summary(fold, unit, row),
                    "value": value,
                    "before": round(value - moved, 2),
                    "change": moved,
                    "velocity": read["velocity"],
                    "worth": worth(unit, row),
                    "owner": owner_of(unit, row),
                    "because": because(read, sign),
                }
            )
    return {"of": unit.kind, "known": int(known.sum()), **shown}


def because(read: dict[str, Any], sign: int) -> list[dict[str, Any]]:
    """The measures that cost a score most points (`sign` -1), or bring it most, as it is read now."""
    total = sum(one["weight"] for one in read["contributions"].values() if one["value"] is not None)
    found = []
    for name, one in read["contributions"].items():
        if one["value"] is None or not one["weight"] or not total:
            continue
        points = one["weight"] * (one["value"] if sign > 0 else one["value"] - 100) / total
        found.append({"measure": name, "value": one["value"], "points": round(points, 2)})
    found.sort(key=lambda one: -sign * float(one["points"]))
    return [one for one in found if one["points"]][:_MEASURES_SHOWN]


def _score(fold: Fold, score: str) -> tuple[CompiledUnit, Any]:
    for unit in fold.compiled:
        if score in unit.scores:
            return unit, unit.scores[score]
    raise QuestionError(f"there is no score `{score[:100]}`", where="score")


def _change(fold: Fold, unit: CompiledUnit, history: ScoreHistory, days: int) -> tuple[Array, Array]:
    """(change in 1/100 point without jumps of weights, where it is known), by row from 0."""
    rows = unit.table.rows
    now = history.value(slice(0, rows)).astype(np.int64)
    closed = fold.t // DAY_MS - min(max(days, 1), _TREND_DAYS)
    then = history.daily.data[:rows, closed % DAYS].astype(np.int64)
    known = (now != UNKNOWN16) & (then != UNKNOWN16) & alive(fold, unit)
    return np.where(known, now - then, 0), known


def alive(fold: Fold, unit: CompiledUnit) -> Array:
    """Which rows are somebody: not the first, and none that became somebody else."""
    found = np.ones(unit.table.rows, bool)
    found[0] = False
    if unit.kind == PERSON and fold.forward:
        found[[row for row in fold.forward if row < len(found)]] = False
    return found


@question("renewals")
def renewals(fold: Fold, days: int = 90, limit: int = 20, owner: str | None = None) -> dict[str, Any]:
    """Accounts whose contract ends within `days`: count and value of each class of the renewal forecast, and
    those at risk or likely lost, by value. `known` is false where no trait says when contracts end.
    """
    empty = {"known": False, "classes": {}, "items": []}
    if ACCOUNT not in fold.units:
        return empty
    unit = unit_of(fold, ACCOUNT)
    ends = trait_of(unit, ENDS, "date")
    if ends is None:
        return empty
    ending = column(unit, ends[1])
    due = (ending >= fold.t - DAY_MS) & (ending < fold.t + days * DAY_MS)
    due[0] = False
    rows = np.flatnonzero(due)
    label = main_score(unit)
    change = np.zeros(unit.table.rows, np.int64)
    known = np.zeros(unit.table.rows, bool)
    if label is not None:
        history = next((one for one in unit.histories if one.node.label == label), None)
        if history is not None:
            change, known = _change(fold, unit, history, _TREND_DAYS)
    classes = {name: {"accounts": 0, "value": 0.0} for name in CLASSES}
    asked = RenewalForecast()
    found = []
    for row in rows.tolist():
        if owner is not None and owner_of(unit, row) != owner:
            continue
        raw = UNKNOWN32 if label is None else int(unit.env.scope[unit.scores[label].values.name][row])
        value = float("nan") if raw == UNKNOWN32 else raw / MILLI
        moved = int(change[row]) * CENTI / MILLI if known[row] else float("nan")
        name, pays = class_of(value, moved, asked), worth(unit, row)
        classes[name]["accounts"] += 1
        classes[name]["value"] += pays or 0.0
        found.append((name, pays or 0.0, row, value, moved))
    at_risk = [one for one in found if one[0] in CLASSES[1:3]]
    at_risk.sort(key=lambda one: (-one[1], one[3]))
    items = []
    for name, _, row, value, moved in at_risk[:limit]:
        read = unit.scores[label].read(row) if label is not None else {"contributions": {}}
        items.append(
            {
                **summary(fold, unit, row),
                "class": name,
                "ends": int(ending[row]),
                "value": None if value != value else value,
                "change": None if moved != moved else round(moved, 2),
                "worth": worth(unit, row),
                "owner": owner_of(unit, row),
                "because": because(read, -1),
            }
        )
    return {"known": True, "score": label, "classes": classes, "items": items, "at_risk": len(at_risk)}


@question("tasks_due")
def tasks_due(
    fold: Fold, within_ms: int = DAY_MS, owner: str | None = None, limit: int = 10
) -> dict[str, Any]:
    """Open tasks as counts, and those that are due first. `owner`: only theirs."""
    tasks = tasks_of(fold)
    counts = {"open": 0, "overdue": 0, "due": 0, "unassigned": 0}
    if tasks is None:
        return {**counts, "items": []}
    mine = [one for one in tasks.open_tasks if owner is None or (one.owner or "") == owner]
    for one in mine:
        counts["open"] += 1
        counts["overdue"] += one.overdue
        counts["due"] += not one.overdue and one.due <= fold.t + within_ms
        counts["unassigned"] += one.owner is None
    mine.sort(key=lambda one: (one.due, one.number))
    return {**counts, "items": [_task(fold, tasks, one) for one in mine[:limit]]}


@question("main_scores")
def main_scores(fold: Fold) -> dict[str, str]:
    """The score that stands for health, by kind of subject."""
    found = {unit.kind: main_score(unit) for unit in fold.compiled}
    return {kind: name for kind, name in found.items() if name is not None}


@question("trait_names")
def trait_names(fold: Fold) -> dict[str, str | None]:
    """Which traits of accounts say what they pay, when their contract ends, and who looks after them."""
    if ACCOUNT not in fold.units:
        return {"value": None, "ends": None, "owner": None}
    unit = unit_of(fold, ACCOUNT)
    wanted = (("value", VALUES, "number"), ("ends", ENDS, "date"), ("owner", OWNERS, "text"))
    found = {name: trait_of(unit, names, type_) for name, names, type_ in wanted}
    return {name: None if one is None else one[0] for name, one in found.items()}

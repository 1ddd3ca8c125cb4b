"""Who competes with whom: journeys with the same people inside, and what is ahead of everybody."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ...profiles.wheel import NEVER
from ...workspace.base import ACCOUNT
from . import question
from .profiles import unit_of
from .today import column
from .traits import ENDS, trait_of

if TYPE_CHECKING:
    from ...engine import Fold

_DAY_MS = 86_400_000


@question("overlaps")
def overlaps(fold: Fold) -> dict[str, Any]:
    """`{inside: {journey: subjects}, pairs: [[one, other, subjects in both]]}` of journeys that share any."""
    runtime = fold.journeys
    if runtime is None:
        return {"inside": {}, "pairs": []}
    held, count = runtime.runs._data, runtime.runs.count
    active = np.asarray(sorted(runtime.runs.active()), np.int64)
    subjects: dict[str, tuple[str, Any]] = {}
    for plan in runtime.plans:
        mine = active[held["plan"][:count][active] == plan.index] if len(active) else active
        rows = np.unique(held["subject"][:count][mine]) if len(mine) else np.zeros(0, np.int64)
        kind, known = subjects.get(plan.name, (plan.unit.kind, np.zeros(0, np.int64)))
        subjects[plan.name] = kind, np.union1d(known, rows)
    pairs = []
    for (one, (kind, mine)), (other, (kind_, theirs)) in combinations(subjects.items(), 2):
        if kind == kind_ and len(mine) and len(theirs):
            both = len(np.intersect1d(mine, theirs, assume_unique=True))
            if both:
                pairs.append([one, other, both])
    return {"inside": {name: len(rows) for name, (_, rows) in subjects.items()}, "pairs": pairs}


@question("ahead")
def ahead(fold: Fold, days: int) -> dict[str, Any]:
    """What is due within `days`: `contracts` that end and `waiting` runs whose time is over, by day number
    (UTC), with the journeys they are of.
    """
    until = fold.t + days * _DAY_MS
    found: dict[str, Any] = {"contracts": {}, "waiting": {}}
    if ACCOUNT in fold.units:
        unit = unit_of(fold, ACCOUNT)
        ends = trait_of(unit, ENDS, "date")
        if ends is not None:
            dates = column(unit, ends[1])[1:]
            found["contracts"] = _by_day(dates[(dates >= fold.t - fold.t % _DAY_MS) & (dates < until)])
    runtime = fold.journeys
    if runtime is not None:
        held, count = runtime.runs._data, runtime.runs.count
        active = np.asarray(sorted(runtime.runs.active()), np.int64)
        for plan in runtime.plans:
            mine = active[held["plan"][:count][active] == plan.index] if len(active) else active
            due = held["due"][:count][mine]
            days_of = _by_day(due[(due != NEVER) & (due < until)])
            for day, number in days_of.items():
                by_name = found["waiting"].setdefault(day, {})
                by_name[plan.name] = by_name.get(plan.name, 0) + number
    return found


def _by_day(times: Any) -> dict[int, int]:
    days, counts = np.unique(np.asarray(times, np.int64) // _DAY_MS, return_counts=True)
    return {int(day): int(number) for day, number in zip(days, counts, strict=True)}

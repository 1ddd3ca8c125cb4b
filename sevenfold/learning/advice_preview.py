"""Who would change band if advice were followed: the fold of the history, re-scored as it stands at its end.

The same control that takes new weights live re-scores everybody here, so what is shown is what would happen
on that day. Bands are by plain bounds, as they are after a change of weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from ..measures.shared.columns import as_table
from ..profiles.columns import UNKNOWN32
from ..workspace import models as m
from .outcomes import column, living, unit_of
from .score_looks import MILLI, History
from .weight_advice import Change
from .weight_fit import Ints

UNKNOWN_BAND = "unknown"


def preview(history: History, changes: Sequence[Change]) -> dict[str, pa.Table]:
    """Tables `moves` (how many go from which band to which) and `moved` (who, with points before and after,
    those who fall farthest first). The fold of ``history`` is re-scored: look at it no more.
    """
    node, unit = history.node, unit_of(history.fold, history.node.unit.kind)
    rows = living(history.fold, unit.kind)
    before = column(unit, node.values.name)[rows].astype(np.int64).copy()
    old_bounds = [one.from_ for one in node.model.bands]
    old = _bands(before, old_bounds)
    history.fold.closer.reweigh(unit, node, weights_after(node.model, history.score, changes))
    after = column(unit, node.values.name)[rows].astype(np.int64)
    new = _bands(after, bounds_after(node.model, history.score, changes))
    names = [UNKNOWN_BAND, *(one.name for one in node.model.bands)]
    moves = Counter(zip(old.tolist(), new.tolist(), strict=True))
    moved = np.flatnonzero(old != new)
    table = [
        {"from": names[a], "to": names[b], "n": count} for (a, b), count in sorted(moves.items()) if a != b
    ]
    who = [
        {
            "who": named(history.fold, unit.kind, int(rows[at])), "before": _shown(before[at]),
            "after": _shown(after[at]), "from": names[old[at]], "to": names[new[at]],
        }
        for at in moved.tolist()
    ]  # fmt: skip
    who.sort(key=lambda row: (float(row["after"] or 0) - float(row["before"] or 0), str(row["who"])))
    return {"moves": as_table(table, _MOVES), "moved": as_table(who, _MOVED)}


_MOVES = {"from": "text", "to": "text", "n": "integer"}
_MOVED = {"who": "text", "before": "number", "after": "number", "from": "text", "to": "text"}


def weights_after(model: m.Score, score: str, changes: Sequence[Change]) -> list[m.Weights]:
    """The weight sets of a score with the changes made."""
    wanted = {one.path: one.after for one in changes}
    found = []
    for one in model.weights:
        parts = [part for part in (one.stage, one.segment, one.tier) if part is not None]
        head = f"scores.{score}.weights[{' × '.join(parts) or 'always'}].weights."
        told = {name: wanted.get(head + name, weight) for name, weight in one.weights.items()}
        found.append(msgspec.structs.replace(one, weights=told))
    return found


def bounds_after(model: m.Score, score: str, changes: Sequence[Change]) -> list[float]:
    """The bounds of a score's bands with the changes made."""
    wanted = {one.path: one.after for one in changes}
    return [wanted.get(f"scores.{score}.bands[{one.name}].from", one.from_) for one in model.bands]


def named(fold: Any, kind: str, row: int) -> str:
    """What a subject is known by: its first identifier, else its id."""
    held = fold._identifiers(kind, row)
    return next((str(one) for values in held.values() for one in values), fold.id_of(fold._unit(kind), row))


def _bands(values: Ints, bounds: Sequence[float]) -> Ints:
    found = np.searchsorted(np.array(bounds) * MILLI, values, side="right")
    return np.where(values == UNKNOWN32, 0, found).astype(np.int64)


def _shown(value: int) -> float | None:
    return None if value == UNKNOWN32 else round(float(value) / MILLI, 1)

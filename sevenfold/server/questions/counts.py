"""How many: subjects by kind, members of segments, people by stage and band; figures for the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...profiles.columns import Array
from ...workspace.base import PERSON
from . import question
from .profiles import _named
from .segments import count

if TYPE_CHECKING:
    from ...engine import Fold
    from ...lifecycle.compile import CompiledUnit


def living(fold: Fold, unit: CompiledUnit) -> int:
    """How many subjects of a kind there are."""
    return unit.table.rows - 1 - (len(fold.forward) if unit.kind == PERSON else 0)


@question("subjects")
def subjects(fold: Fold) -> dict[str, int]:
    """How many subjects of each kind there are."""
    return {unit.kind: living(fold, unit) for unit in fold.compiled}


@question("segments")
def segments(fold: Fold, name: str | None = None) -> list[dict[str, Any]]:
    """Every segment with its size: of one `name`, or all in written order."""
    found = []
    declared = fold.workspace.segments
    # Many segments share a column, whose values lie apart: it is gathered once.
    columns: dict[str, Array] = {}
    if name is not None:
        _named(declared, name, "segment")
    for label, model in declared.items():
        if name is not None and label != name:
            continue
        unit = fold._unit(model.of)
        slot = unit.segments[label].slot
        if slot.column not in columns:
            columns[slot.column] = np.ascontiguousarray(count(fold, unit, slot.column))
        size = int(np.count_nonzero(columns[slot.column] & slot.bit))
        found.append(
            {
                "name": label,
                "description": model.description,
                "of": model.of,
                "manual": bool(model.manual),
                "size": size,
                "share": size / living(fold, unit) if living(fold, unit) else None,
            }
        )
    return found


@question("lifecycles")
def lifecycles(fold: Fold) -> list[dict[str, Any]]:
    """Every lifecycle with how many stand in each stage."""
    found = []
    for unit in fold.compiled:
        for label, node in unit.lifecycles.items():
            counts = np.bincount(count(fold, unit, node.slot.column), minlength=len(node.names) + 1)
            stages = [
                {"name": stage.name, "count": int(counts[place + 1])}
                for place, stage in enumerate(node.model.stages)
            ]
            outside = living(fold, unit) - sum(int(one) for one in counts[1:])
            found.append({"name": label, "of": unit.kind, "stages": stages, "outside": outside})
    return found


@question("scores")
def scores(fold: Fold) -> list[dict[str, Any]]:
    """Every score with how many stand in each band."""
    found = []
    for unit in fold.compiled:
        for label, node in unit.scores.items():
            codes = node.band_slot.codes or {}
            counts = np.bincount(count(fold, unit, node.band_slot.column), minlength=len(codes) + 1)
            bands = {name: int(counts[code]) for name, code in codes.items()}
            unknown = living(fold, unit) - sum(bands.values())
            found.append({"name": label, "of": unit.kind, "bands": bands, "unknown": unknown})
    return found


@question("figures")
def figures(fold: Fold) -> dict[str, Any]:
    """What metrics show of the fold; no answer grows with the number of people."""
    journeys = fold.journeys
    desk: Any = journeys.services.get("messages") if journeys is not None else None
    tasks: Any = journeys.services.get("tasks") if journeys is not None else None
    return {
        "time": fold.t,
        "emitted": fold.emitted,
        "subjects": subjects(fold),
        "dropped": {str(reason): number for reason, number in fold.dropped.items()},
        "runs": journeys.runs.count - 1 - len(journeys.runs.free) if journeys is not None else 0,
        "messages_remembered": len(desk.book) if desk is not None else 0,
        "open_tasks": len(tasks.open_tasks.by_id) if tasks is not None else 0,
        "next_due": min(fold.wheel.next_due, fold.valued.next_due),
    }

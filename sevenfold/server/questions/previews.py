"""What a change would do, before it is made: other weights of a score, a condition for a segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ...lifecycle import rescoring
from ...lifecycle.measures import MILLI
from ...limits import QUESTION_ROWS_MAX, SCORE_PREVIEW_EXAMPLES_ITEMS_MAX, SCORE_PREVIEW_PROFILES_MAX
from ...profiles.columns import UNKNOWN32, Array
from ...profiles.expressions import ExpressionError
from ...profiles.why import Reasons
from ...workspace import models as m
from ...workspace.base import PERSON
from ...workspace.problems import UnknownNameError, likely
from . import QuestionError, question
from .profiles import summary, unit_of
from .today import _score, alive
from .traits import worth

if TYPE_CHECKING:
    from ...engine import Fold
    from ...lifecycle.compile import CompiledUnit
    from ...lifecycle.scores import ScoreNode


@question("score_preview")
def score_preview(fold: Fold, score: str, weights: list[dict[str, Any]], limit: int = 10) -> dict[str, Any]:
    """What other weights of a score would change: `{of, looked_at, of_all, before, after, moves, known,
    mean_change, examples}`. `moves` are [band before, band after, how many]; `examples` those who change
    band, or else most. Changes nothing. Of very many subjects an even part is looked at.
    """
    unit, node = _score(fold, score)
    try:
        wanted = msgspec.convert(weights, list[m.Weights])
    except msgspec.ValidationError as error:
        raise QuestionError(str(error), where="weights") from error
    _check(unit, node, wanted)
    rows = unit.table.rows
    living = alive(fold, unit)
    every = max(1, -(-int(living.sum()) // SCORE_PREVIEW_PROFILES_MAX))
    looked = living & (np.arange(rows) % every == 0)
    old = node.model
    before = np.asarray(unit.env.scope[node.values.name])[:rows].astype(np.int64)
    bands_before = np.asarray(unit.env.scope[node.bands.name])[:rows].astype(np.int64)
    try:
        # Between two records, and put back before the next: nobody sees it.
        node.replace_weights(msgspec.structs.replace(old, weights=wanted))
        sets = rescoring.weight_sets(unit, node)
        sets[~looked] = -1
        _, _, after = rescoring.rescored(unit, node, sets, node.reduced)
    finally:
        node.replace_weights(old)
    bands_after = rescoring.bands(node, after)
    names = {0: None, **{code: name for name, code in (node.band_slot.codes or {}).items()}}
    moves = []
    pairs, counts = np.unique(
        np.stack([bands_before[looked], bands_after[looked]]), axis=1, return_counts=True
    )
    for (one, other), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        moves.append([names[one], names[other], count])
    both = looked & (before != UNKNOWN32) & (after != UNKNOWN32)
    change = np.where(both, after - before, 0)
    return {
        "of": unit.kind,
        "looked_at": int(looked.sum()),
        "of_all": int(living.sum()),
        "before": _spread(bands_before[looked], names),
        "after": _spread(bands_after[looked], names),
        "moves": moves,
        "known": int(both.sum()),
        "mean_change": float(change[both].mean()) / MILLI if both.any() else None,
        "examples": [
            {
                **summary(fold, unit, row),
                "worth": worth(unit, row),
                "before": int(before[row]) / MILLI,
                "after": int(after[row]) / MILLI,
                "band_before": names[int(bands_before[row])],
                "band_after": names[int(bands_after[row])],
            }
            for row in _examples(change, both, bands_before != bands_after, min(limit, _MOST))
        ],
    }


_MOST = SCORE_PREVIEW_EXAMPLES_ITEMS_MAX


def _check(unit: CompiledUnit, node: ScoreNode, wanted: list[m.Weights]) -> None:
    """Raises QuestionError for weights that name what the score does not have."""
    stages = unit.workspace.lifecycles.get(node.model.lifecycle or "")
    known = {one.name for one in stages.stages} if stages is not None else set()
    for place, one in enumerate(wanted):
        where = f"weights[{place}]"
        for measure in one.weights:
            if measure not in node.model.measures:
                fix = likely(measure, node.model.measures)
                raise QuestionError(f"the score has no measure `{measure[:100]}`", where=where, fix=fix)
        if one.stage is not None and one.stage not in known:
            raise QuestionError(
                f"there is no stage `{one.stage[:100]}`", where=where, fix=likely(one.stage, known)
            )
        if one.segment is not None and one.segment not in unit.segments:
            raise QuestionError(
                f"there is no segment `{one.segment[:100]}`",
                where=where,
                fix=likely(one.segment, unit.segments),
            )
        if one.tier is not None and node.model.tier is None:
            raise QuestionError("the score has no `tier`", where=where)


def _spread(codes: Array, names: dict[int, Any]) -> dict[str, int]:
    counts = np.bincount(codes, minlength=len(names))
    return {name or "unknown": int(counts[code]) for code, name in names.items()}


def _examples(change: Array, both: Array, crossed: Array, limit: int) -> list[int]:
    """The rows that are shown: those who cross into another band first, by how much they move."""
    rows = np.flatnonzero(both & (change != 0))
    order = np.lexsort((-np.abs(change[rows]), ~crossed[rows]))
    return [int(row) for row in rows[order][:limit]]


@question("condition_preview")
def condition_preview(fold: Fold, of: str, when: Any, limit: int = 10, after: int = 0) -> dict[str, Any]:
    """How many of some subjects a condition holds for, and the first of them: `{looked_at, count, items,
    next}`. Raises QuestionError for a condition that cannot be asked of this kind of subject.
    """
    unit = unit_of(fold, of)
    try:
        reasons = Reasons(unit, unit.tree(when))
        reasons.holds(0)
    except (ExpressionError, UnknownNameError) as error:
        raise QuestionError(str(error), where="when") from error
    gone = fold.forward if of == PERSON else {}
    first = max(1, after)
    last = min(unit.table.rows, first + QUESTION_ROWS_MAX)
    rows = [row for row in range(first, last) if row not in gone]
    found = [row for row in rows if reasons.holds(row)]
    return {
        "looked_at": len(rows),
        "count": len(found),
        "items": [{**summary(fold, unit, row), "atoms": reasons.atoms(row)} for row in found[:limit]],
        "next": last if last < unit.table.rows else None,
    }

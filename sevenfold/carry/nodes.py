"""The nodes of a compiled unit by what they stand for, so that masks go from one compilation to another."""

from __future__ import annotations

from ..engine.fold import Fold
from ..lifecycle.compile import CompiledUnit
from .plan import Plan

Key = tuple[str, ...]


def node_bits(plan: Plan, unit: CompiledUnit, fold: Fold, *, kept: bool = False) -> dict[Key, int]:
    """What each node computes -> its bit; with `kept` only those whose meaning is as before."""
    found: dict[Key, int] = {}
    for signal in unit.linked:
        if not kept or plan.kept("signal", signal.label):
            found["signal", signal.label] = signal.bit
    for label, segment in unit.segments.items():
        if segment.bit and (not kept or plan.kept("segment", label)):
            found["segment", label] = segment.bit
    hidden = {node.slot.label: node for node in unit.hidden}
    for rollup in fold.account.rollups:
        mine = rollup.source.bit and rollup.member is unit and rollup.source.label in hidden
        if mine and (not kept or plan.kept("signal", rollup.label)):
            found["hidden", rollup.label] = hidden[rollup.source.label].bit
    for label, score in unit.scores.items():
        if not kept or plan.kept("score", label):
            for part in ("bit", "bit_set", "bit_late", "bit_set_late"):
                found["score", label, part] = getattr(score, part)
            for measure in score.measures:
                if measure.bit:
                    found["score", label, "measure", measure.label] = measure.bit
    for label, prediction in unit.predictions.items():
        if prediction.bit and (not kept or plan.kept("prediction", label)):
            found["prediction", label] = prediction.bit
    for label, lifecycle in unit.lifecycles.items():
        if not kept or plan.kept("lifecycle", label):
            found["lifecycle", label] = lifecycle.bit
    return found


def carried_mask(mask: int, before: dict[Key, int], after: dict[Key, int]) -> int:
    """A mask of nodes of one compilation as a mask of another's; what is gone is left out."""
    found = 0
    for key, bit in before.items():
        if mask & bit:
            found |= after.get(key, 0)
    return found

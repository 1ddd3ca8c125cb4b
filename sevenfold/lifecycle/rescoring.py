"""Bulk re-scoring: what the handlers compute for one subject, for all of them at once and in the same
integers.

Two things make it cheap. Which weight set holds depends on few facts, so it is asked once for each
combination of them that occurs. And a weight set weighs few of a score's measures, so only those are looked
at, and only for the subjects it holds for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..profiles import expressions as x
from ..profiles.columns import UNKNOWN32, Array
from ..profiles.slots import Slot
from .compile import CompiledUnit
from .scores import ScoreNode

_COMBINATIONS_MAX = 1 << 20
"""Combinations of facts that are told apart by a table; more are sorted out."""


def weight_sets(unit: CompiledUnit, node: ScoreNode) -> Array:
    """The weight set that holds for each of rows 0..rows-1, int64; -1 for none and for row 0."""
    rows = unit.table.rows
    key, size = np.zeros(rows, np.int64), 1
    for facts in _facts(unit, node):
        low = int(facts.min())
        span = int(facts.max()) - low + 1
        if span > _COMBINATIONS_MAX:
            kinds, facts = np.unique(facts, return_inverse=True)
            low, span = 0, len(kinds)
        key, size = key * span + (facts - low), size * span
        if size > _COMBINATIONS_MAX:
            kinds, key = np.unique(key, return_inverse=True)
            size = len(kinds)
    first = np.full(size, -1, np.int64)
    first[key[1:]] = np.arange(1, rows)
    chosen = np.array([node._choose(row) if row > 0 else -1 for row in first.tolist()], np.int64)
    found: Array = chosen[key]
    found[0] = -1
    return found


def _facts(unit: CompiledUnit, node: ScoreNode) -> Iterator[Array]:
    """What the choice of a weight set reads: a vector of integers each."""
    rows = unit.table.rows
    for place in map(unit.place, dict.fromkeys(_names(node))):
        if place.via_account:
            account = _column(unit, unit.account_of)[:rows]
            yield _column(unit, unit.closed)[account].astype(np.int64)
            values = _column(unit, place.slot.shadow)[account]
        else:
            values = _column(unit, place.slot.column)[:rows]
        yield ((values & place.slot.bit) if place.slot.bit else values).astype(np.int64)


def _names(node: ScoreNode) -> Iterator[x.Name]:
    for one in node.model.weights:
        if one.stage is not None:
            yield x.Name(("stage", node.model.lifecycle or ""))
        if one.segment is not None:
            yield x.Name(("segment", one.segment))
        if one.tier is not None:
            yield node._tier()


def _column(unit: CompiledUnit, name: str) -> Array:
    kept: Any = unit.env.scope[name]
    return np.asarray(kept)


def rescored(
    unit: CompiledUnit, node: ScoreNode, sets: Array, weights: list[list[int]]
) -> tuple[Array, Array, Array]:
    """(numerator, denominator, value) of all rows, whose weight sets are `sets`, under `weights`."""
    rows = unit.table.rows
    numerator, denominator = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    value = np.full(rows, UNKNOWN32, np.int64)
    for index, row_weights in enumerate(weights):
        held = np.flatnonzero(sets == index)
        if not len(held):
            continue
        above, below = np.zeros(len(held), np.int64), np.zeros(len(held), np.int64)
        for weight, measure in zip(row_weights, node.measures, strict=True):
            if weight:
                values = measure.vector(held)
                known = values != UNKNOWN32
                above += np.where(known, values, 0) * weight
                below += known * np.int64(weight)
        enough = (below > 0) & (below * node.floor_down >= sum(row_weights) * node.floor_up)
        value[held] = np.where(enough, node.divided(held, above, below), UNKNOWN32)
        numerator[held], denominator[held] = above, below
    for cap, holds, _ in node._caps:
        over = np.flatnonzero(value > cap)
        capped = over[np.fromiter(map(holds, over.tolist()), np.bool_, len(over))]
        value[capped] = cap
    return numerator, denominator, value


def bands(node: ScoreNode, value: Array) -> Array:
    """The band of each value by plain bounds, 0 for unknown."""
    found: Array = np.where(value == UNKNOWN32, 0, np.searchsorted(node.bounds, value, side="right"))
    return found


def concerned(slot: Slot, before: Array, after: Array) -> Array:
    """Where somebody has to look again after a change from `before` to `after`: a vector of truth values."""
    changed: Array = before != after
    if slot.direct or slot.members or slot.own.always:
        return changed
    if not slot.own:
        return np.zeros(len(changed), np.bool_)
    cuts = np.array(sorted(slot.own.cuts), np.int64)
    crossed: Array = np.searchsorted(cuts, before, side="right") != np.searchsorted(cuts, after, side="right")
    if slot.unknown is not None:
        crossed |= (before == slot.unknown) != (after == slot.unknown)
    found: Array = changed & crossed
    return found

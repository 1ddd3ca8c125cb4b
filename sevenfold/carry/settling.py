"""What is computed from kept state without anybody's conditions: bits, stages, clocks, totals, traits.

Each function brings one kind of thing to where it would stand. Where a value moves that something kept reads,
the mask of nodes that must look comes back by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.fold import Fold
from ..lifecycle.compile import CompiledUnit
from ..profiles.columns import UNKNOWN, Array
from ..profiles.segments import SegmentNode
from ..profiles.signals.clocks import ClockKind, DateKind
from ..profiles.signals.sessions import SessionsKind
from ..profiles.signals.values import ValuesKind
from .plan import Plan

Masks = dict[str, dict[int, int]]
"""Nodes to evaluate, by kind of subject and row."""


def settle(plan: Plan, new: Fold) -> Masks:
    """Everything that can be had from kept state, in the order of what rests on what."""
    masks: Masks = {kind: {} for kind in plan.kinds}
    for unit in new.compiled:
        if unit.kind in plan.kinds:
            before = plan.old.units[unit.kind]
            assert isinstance(before, CompiledUnit)
            _traits(plan, unit, before)
            _catalogues(plan, new, unit, before, masks[unit.kind])
            _segments(plan, new, unit, before)
            _stages(plan, unit, before)
            for label, signal in unit.signals.items():
                if isinstance(signal, ClockKind):
                    _clock(plan, new, unit, before, label)
                elif isinstance(signal, SessionsKind):
                    _sessions(plan, new, unit, before, label)
                elif isinstance(signal, ValuesKind):
                    _unused(plan, new, unit, before, label, masks[unit.kind])
    _rollups(plan, new)
    return masks


# --------------------------------------------------------------------------------------------------- traits


def _traits(plan: Plan, unit: CompiledUnit, before: CompiledUnit) -> None:
    """Columns of traits that are named only now: the values were kept packed all along."""
    fresh = [one for one in unit.traits.columns if not plan.own("trait", f"{unit.kind}.{one.label}")]
    if not fresh:
        return
    for row in range(1, unit.table.rows):
        held = unit.traits.held(row)
        for column in fresh:
            told = held.get(column.head)
            if told is not None:
                column.fill(row, told[0])


def _catalogues(
    plan: Plan, new: Fold, unit: CompiledUnit, before: CompiledUnit, masks: dict[int, int]
) -> None:
    """What a catalogue says of its subjects, where it says something else now."""
    if not (unit.catalogues or before.catalogues) or _told(unit) == _told(before):
        return
    for row in range(1, unit.table.rows):
        for key in _catalogue_keys(new, unit, row):
            was, now = before.catalogue_traits(key), unit.catalogue_traits(key)
            if was != now:
                mask = unit.traits.forget(row, was.keys() - now.keys(), new.t)
                masks[row] = masks.get(row, 0) | mask | unit.traits.set(row, now, 0, 0, new.t)


def _told(unit: CompiledUnit) -> list[Any]:
    return [(c.columns, rows) for c, rows in zip(unit.catalogues, unit._catalogue_rows, strict=True)]


def _catalogue_keys(new: Fold, unit: CompiledUnit, row: int) -> list[str]:
    if unit is new.account:
        return [new.account_ids[row]]
    if unit is new.person:
        return new.identity.identifiers(row).get("user_id", [])[:1]
    return [new.entity_ids[unit.kind][row][0]]


# -------------------------------------------------------------------------------------- segments and stages


def _segments(plan: Plan, new: Fold, unit: CompiledUnit, before: CompiledUnit) -> None:
    """Members stay members until their segment is looked at; each bit goes where it is kept now."""
    pairs = [(before.segments[k], node) for k, node in unit.segments.items() if k in before.segments]
    pairs += _hidden(plan, new, unit, before)
    rows = unit.table.rows
    for was, now in pairs:
        bits = _array(unit, now.slot.column)[:rows]
        held = _array(before, was.slot.column)[:rows]
        bits |= np.where(held & was.slot.bit, now.slot.bit, 0)


def _hidden(
    plan: Plan, new: Fold, unit: CompiledUnit, before: CompiledUnit
) -> Iterator[tuple[SegmentNode, SegmentNode]]:
    old = {rollup.label: rollup for rollup in plan.old.account.rollups}
    for rollup in new.account.rollups:
        known = old.get(rollup.label)
        if known is None or rollup.member is not unit or not rollup.source.bit:
            continue
        if plan.signal(new.account, plan.account, rollup.label):
            yield from _labelled(before, known.source.label, unit, rollup.source.label)


def _labelled(
    before: CompiledUnit, was: str, unit: CompiledUnit, now: str
) -> Iterator[tuple[SegmentNode, SegmentNode]]:
    for node in unit.hidden:
        if node.slot.label == now:
            yield next(one for one in before.hidden if one.slot.label == was), node


def _stages(plan: Plan, unit: CompiledUnit, before: CompiledUnit) -> None:
    """Everybody stays in the stage of the same name; from one that is gone they come to none."""
    for label, lifecycle in unit.lifecycles.items():
        known = before.lifecycles.get(label)
        if known is None or plan.kept("lifecycle", label):
            continue
        places = {stage: place + 1 for place, stage in enumerate(lifecycle.names)}
        codes = [0, *(places.get(stage, 0) for stage in known.names)]
        rows = unit.table.rows
        lifecycle.column.data[:rows] = np.array(codes, np.int8)[known.column.data[:rows]]


def _array(unit: CompiledUnit, column: str) -> Array:
    kept: Any = unit.env.scope[column]
    return np.asarray(kept)


# ------------------------------------------------------------------------------------------ signals' timers


def _clock(plan: Plan, new: Fold, unit: CompiledUnit, before: CompiledUnit, label: str) -> None:
    """A clock's base where it follows a date, its level, and its next timer."""
    signal = unit.signals[label]
    if plan.same_timers(unit, before, label):
        return
    rows, base = unit.table.rows, signal.base.data
    if isinstance(signal, DateKind) and not plan.signal(unit, before, label) and label not in unit.pending:
        base[1:rows] = _array(unit, signal.source.column)[1:rows]
    if not signal.offsets:
        return
    known = np.flatnonzero(base[:rows] != UNKNOWN)
    offsets = np.array(signal.offsets, np.int64)
    levels = np.searchsorted(offsets, new.t - base[known], side="right")
    signal.level.data[known] = levels
    ahead = levels < len(offsets)
    due = base[known[ahead]] + offsets[levels[ahead]]
    for row, at in zip(known[ahead].tolist(), due.tolist(), strict=True):
        signal.arm(row, at)


def _sessions(plan: Plan, new: Fold, unit: CompiledUnit, before: CompiledUnit, label: str) -> None:
    """Ends of sessions that somebody waits for only now."""
    signal = unit.signals[label]
    if not signal.watched or not plan.signal(unit, before, label) or before.signals[label].watched:
        return
    ends = signal.end.data
    for row in np.flatnonzero(ends[: unit.table.rows] != UNKNOWN).tolist():
        signal.settle(row, new.t)
        if ends[row] != UNKNOWN:
            unit.push(int(ends[row]) + signal.gap, unit.low(signal.op_close), row)


def _unused(
    plan: Plan, new: Fold, unit: CompiledUnit, before: CompiledUnit, label: str, masks: dict[int, int]
) -> None:
    """How much of a catalogue nobody has used, where the catalogue is another."""
    signal = unit.signals[label]
    if not plan.signal(unit, before, label) or signal.catalogue == before.signals[label].catalogue:
        return
    for row in range(1, unit.table.rows):
        mask = signal.recount(row)
        if mask:
            masks[row] = masks.get(row, 0) | mask


# ------------------------------------------------------------------------------------------------- accounts


def _rollups(plan: Plan, new: Fold) -> None:
    """Totals of roll-ups that are new, from what their members are worth now."""
    fresh = [
        one
        for one in new.account.rollups
        if not one.scans and not plan.signal(new.account, plan.account, one.label)
    ]
    if not fresh:
        return
    for row in range(1, new.person.table.rows):
        for account, role, _ in new.accounts_of(row):
            for rollup in fresh:
                rollup.moved(account, None, rollup.share(row), new._weight(rollup, role))


def show_members(plan: Plan, new: Fold) -> None:
    """Members see the account's facts that are new as they stand, in accounts that have closed once."""
    exports, rows = new.exports, new.account.table.rows
    closed = np.flatnonzero(exports.closed.data[:rows])
    for slot, column, _ in exports._values:
        if not plan.seen(new.account, plan.account, slot.label):
            live = _array(new.account, slot.column)[closed]
            column.data[closed] = live & slot.bit if slot.bit else live
    for slot, base, level in exports._clocks:
        if not plan.seen(new.account, plan.account, slot.label):
            assert slot.clock is not None
            base.data[closed] = _array(new.account, slot.clock.base)[closed]
            level.data[closed] = _array(new.account, slot.clock.level)[closed]

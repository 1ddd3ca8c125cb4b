"""The new fold takes over what the plan keeps, has the rest computed, and everybody looks once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.fold import Fold
from ..lifecycle.compile import CompiledUnit
from ..profiles.wheel import NEVER
from ..workspace import models as m
from . import settling
from .nodes import carried_mask, node_bits
from .plan import Plan
from .timers import carry_wheel

_NONE: frozenset[str] = frozenset()


def carry(
    old: Fold, workspace: m.Workspace, *, anew: frozenset[str] = _NONE, restated: frozenset[str] = _NONE
) -> Fold:
    """The fold of `workspace` that goes on from where `old` stands; `old` must not be used any more. Signals
    `anew` begin to gather again; `restated` ones have their past now.

    They share memory, so it takes time for what has changed alone. The effects of evaluating what is new wait
    in the new fold as those of a record would, behind those that `old` had not handed over. Raises what
    compiling the workspace raises; `old` is untouched then.
    """
    plan = Plan(old, workspace, anew, restated)
    versions = old.journeys.versions_under(workspace) if old.journeys is not None else None
    new = type(old)(workspace, seeds=plan.seeds(), pending=plan.pending, versions=versions)
    for unit in new.compiled:
        _carry_rows(plan, unit)
    _carry_fold(plan, new)
    carry_wheel(plan, new)
    masks = settling.settle(plan, new)
    _evaluate(plan, new, masks)
    return new


def switch(
    fold: Fold, workspace: m.Workspace, *, anew: frozenset[str] = _NONE, restated: frozenset[str] = _NONE
) -> None:
    """`carry`, in place: afterwards `fold` is the fold of `workspace`. Its effects wait in it."""
    new = carry(fold, workspace, anew=anew, restated=restated)
    # Generated code knows the new object, callers the old one: from now on both are the same state.
    fold.__dict__ = new.__dict__


# ---------------------------------------------------------------------------------------------------- state


def _carry_rows(plan: Plan, new: CompiledUnit) -> None:
    """The columns, arenas and bags of a kind of subject."""
    if new.kind not in plan.kinds:
        return
    before = plan.old.units[new.kind]
    assert isinstance(before, CompiledUnit)
    table = before.table
    new.table.adopt(table.rows, table.capacity, plan.columns(new))
    for label, (_, values) in new.table.bags.items():
        if label in table.bags and (label.startswith(".") or plan.signal(new, before, label)):
            values[:] = table.bags[label][1]
        else:
            values[:] = [None] * table.rows
    for label, arena in new.table.arenas.items():
        if label in table.arenas and plan.signal(new, before, label):
            arena.share(table.arenas[label])
    new.ids = before.ids
    for label, score in new.scores.items():
        if plan.kept("score", label):
            weights = before.scores[label].model.weights
            if weights != score.model.weights:
                # A control record had given other weights than the workspace says.
                score.replace_weights(before.scores[label].model)


def _carry_fold(plan: Plan, new: Fold) -> None:
    old = plan.old
    new.t, new.seq, new.effects, new.dropped = old.t, old.seq, old.effects, old.dropped
    new.emitted, new.tz = old.emitted, old.tz
    new.predictions = {k: book for k, book in old.predictions.items() if plan.own("prediction", k)}
    for unit in new.compiled:
        if unit.subjects is not None:
            known = old.units.get(unit.kind) if unit.kind in plan.kinds else None
            assert known is None or isinstance(known, CompiledUnit)
            unit.subjects.take_over(known.subjects if known is not None else None)
    new._cause = (plan.cause, "", old.seq)
    new.forward, new.further, new.children = old.forward, old.further, old.children
    new.account_rows, new.account_ids, new.members = old.account_rows, old.account_ids, old.members
    for kind in plan.kinds[2:]:
        new.entity_rows[kind], new.entity_ids[kind] = old.entity_rows[kind], old.entity_ids[kind]
    new.identity.take_over(old.identity)
    new.retirement.take_over(old.retirement)
    if old.journeys is not None and new.journeys is not None:
        new.journeys.take_over(old.journeys)
    new.closer.listeners = old.closer.listeners
    new._next_close = new.closer.after(old.t) if old.seq else NEVER
    new._tick_due = old._tick_due
    was, now = node_bits(plan, old.account, old), node_bits(plan, new.account, new)
    new._dirty_accounts = {row: carried_mask(mask, was, now) for row, mask in old._dirty_accounts.items()}
    places = {rollup.label: rollup.index for rollup in new.account.rollups}
    new._moved_rollups = {}
    for row, mask in old._moved_rollups.items():
        labels = [rollup.label for rollup in old.account.rollups if mask >> rollup.index & 1]
        new._moved_rollups[row] = sum(1 << places[label] for label in labels if label in places)


# ----------------------------------------------------------------------------------------------- evaluation


def _evaluate(plan: Plan, new: Fold, masks: settling.Masks) -> None:
    """Everybody looks at what is new, accounts first; twice where roll-ups may read what is new of people."""
    fresh = {unit.kind: _fresh(plan, new, unit) for unit in new.compiled}
    if new.journeys is not None:
        for kind, mask in new.journeys.hidden_bits().items():
            fresh[kind] |= mask
    rollups = [one for one in new.account.rollups if not plan.signal(new.account, plan.account, one.label)]
    for _ in range(2 if rollups else 1):
        of_accounts = masks.setdefault(m.ACCOUNT, {})
        for row in range(1, new.account.table.rows) if rollups else ():
            for rollup in rollups:
                of_accounts[row] = of_accounts.get(row, 0) | rollup.show_tick(row)
        _look(new, new.account, fresh[m.ACCOUNT], of_accounts, plan.cause)
        settling.show_members(plan, new)
        for unit in new.compiled:
            if unit is not new.account:
                _look(new, unit, fresh[unit.kind], masks.get(unit.kind, {}), plan.cause)
        masks = {}


def _look(new: Fold, unit: CompiledUnit, fresh: int, masks: Mapping[int, int], cause: str) -> None:
    rows: Any = range(1, unit.table.rows) if fresh else sorted(masks)
    gone = new.forward if unit.kind == m.PERSON else {}
    for row in rows:
        mask = fresh | masks.get(row, 0)
        if mask and row not in gone:
            new._cause = (cause, "", new.seq)
            unit.evaluate(row, new.t, mask)


def _fresh(plan: Plan, new: Fold, unit: CompiledUnit) -> int:
    """The mask of a unit's nodes that were not there before, or read something else."""
    kept = set(node_bits(plan, unit, new, kept=True).values())
    mask = 0
    for bit in node_bits(plan, unit, new).values():
        if bit not in kept:
            mask |= bit
    return mask

"""The wheel's entries, whose operations have other numbers after another compilation."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from ..engine.fold import Fold
from ..lifecycle.compile import CompiledUnit
from ..profiles.columns import Array
from ..profiles.wheel import OP_MASK, ValuedWheel, Wheel
from ..profiles.wheel import low as packed_low
from .plan import Plan

_GONE = np.iinfo(np.int64).min


def carry_wheel(plan: Plan, new: Fold) -> None:
    """Entries of operations that mean the same go over, under their new numbers; the others are gone."""
    shifts = _shifts(plan, new)
    for before, after in ((plan.old.wheel, new.wheel), (plan.old.valued, new.valued)):
        for slot in Wheel.__slots__:
            if slot != "buckets":
                setattr(after, slot, getattr(before, slot))
        after.restore(before.buckets)
        if shifts.any():
            _shift(after, shifts)


def _shifts(plan: Plan, new: Fold) -> Array:
    """By old operation what to add to the low bits of its entries; `_GONE` where they are dropped."""
    old = plan.old
    numbers = {key: op for op, key in enumerate(places(new))}
    found = np.zeros(OP_MASK + 1, np.int64)
    for op, key in enumerate(places(old)):
        after = numbers.get(key)
        kind, _, label = key[0].partition(".")
        found[op] = _GONE
        if kind not in old.units:
            # A timer of runs, or of something that runs share.
            if after is not None:
                found[op] = after - op
            continue
        unit, before = new.units.get(kind), old.units[kind]
        assert isinstance(before, CompiledUnit)
        if after is None or kind not in plan.kinds or not isinstance(unit, CompiledUnit):
            continue
        if label not in before.signals or plan.same_timers(unit, before, label):
            timer = old._timers[op]
            found[op] = packed_low(unit.index, after, timer) - packed_low(before.index, op, timer)
    return found


def places(fold: Fold) -> list[tuple[str, int, bool]]:
    """Each operation's (owner, its place among the owner's operations, whether it is a timer)."""
    counts: dict[str, int] = {}
    found = []
    for owner, timer in zip(fold._owners, fold._timers, strict=True):
        counts[owner] = place = counts.get(owner, -1) + 1
        found.append((owner, place, timer))
    return found


def _shift(wheel: Wheel, shifts: Array) -> None:
    valued = isinstance(wheel, ValuedWheel)
    buckets: dict[int, Any] = {}
    for bucket, entries in wheel.buckets.items():
        shifted = np.frombuffer(entries[0] if valued else entries, np.int64)
        by = shifts[shifted & OP_MASK]
        stays = by != _GONE
        if not stays.any():
            continue
        kept = _packed((shifted + by)[stays])
        buckets[bucket] = (kept, _packed(np.frombuffer(entries[1], np.int64)[stays])) if valued else kept
    left = []
    for due, low, value in wheel.at_hand():
        by = int(shifts[low & OP_MASK])
        if by != _GONE:
            left.append((due, low + by, value))
    wheel.replace(left)
    wheel.restore(buckets)


def _packed(values: Array) -> Any:
    made = array("q")
    made.frombytes(values.tobytes())
    return made

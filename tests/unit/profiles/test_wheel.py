"""The wheel: entries leave in their exact order, whatever the order they came in."""

from __future__ import annotations

import random

import pytest

from sevenfold.profiles.wheel import LOW_BITS, LOW_MASK, NEVER, OP_BITS, ValuedWheel, Wheel, low


def pulled(wheel: Wheel, until: int, forward: dict[int, int] | None = None) -> list[tuple[int, int]]:
    found = []
    while (entry := wheel.head(until, forward or {})) is not None:
        wheel.at += 1
        found.append((wheel.key(entry) >> LOW_BITS, wheel.key(entry) & LOW_MASK))
    return found


@pytest.mark.parametrize("count", [5, 1_000])
def test_entries_leave_in_order_of_time_class_kind_row_and_operation(count: int) -> None:
    chance = random.Random(1)
    wheel = Wheel()
    entries = [
        (
            chance.randrange(0, 500_000),
            low(chance.randrange(2), chance.randrange(8), chance.random() < 0.5)
            + (chance.randrange(1, 9) << OP_BITS),
        )
        for _ in range(count)
    ]
    for due, packed in entries:
        wheel.push(due, packed)
    assert pulled(wheel, 250_000) == sorted(e for e in entries if e[0] <= 250_000)
    wheel.push(260_000, 7)
    assert wheel.next_due <= 260_000
    assert pulled(wheel, 600_000) == sorted([*(e for e in entries if e[0] > 250_000), (260_000, 7)])
    assert wheel.next_due == NEVER


@pytest.mark.parametrize("count", [3, 400])
def test_what_one_subject_has_at_one_instant_is_known(count: int) -> None:
    wheel = Wheel()
    for row in range(1, count):
        wheel.push(1_000 + row, low(0, 3, False) + (row << OP_BITS))
    wheel.push(1_001, low(0, 5, False) + (1 << OP_BITS))
    assert wheel.head(2_000, {}) is not None
    assert wheel.crowded == {(1_001 << LOW_BITS | 1 << OP_BITS) >> OP_BITS}
    wheel.push(1_002, low(0, 9, False) + (2 << OP_BITS))
    assert len(wheel.crowded) == 2


def test_entries_of_somebody_merged_away_go_with_them() -> None:
    wheel = Wheel()
    one = low(0, 1, False)
    wheel.push(1_000, one + (9 << OP_BITS))
    wheel.push(1_000, one + (5 << OP_BITS))
    wheel.push(400_000, one + (9 << OP_BITS))
    wheel.push(1_000, low(1, 2, False) + (9 << OP_BITS))
    assert wheel.head(500, {}) is None
    wheel.redirect(9, 2)
    expected = [(1_000, one + (2 << OP_BITS)), (1_000, one + (5 << OP_BITS))]
    assert pulled(wheel, 1_000, {9: 2})[:2] == expected
    assert pulled(wheel, 500_000, {9: 2}) == [(400_000, one + (2 << OP_BITS))]


def test_values_stay_with_their_entries() -> None:
    wheel = ValuedWheel()
    wheel.push_value(2_000, 12, -5)
    wheel.push_value(1_000, 11, 7)
    assert wheel.head(1_500, {}) == (1_000 << LOW_BITS | 11, 7)
    wheel.push_value(1_200, 10, 3)
    wheel.at += 1
    assert wheel.head(1_500, {}) == (1_200 << LOW_BITS | 10, 3)
    assert wheel.entries() == [(1_200, 10, 3), (2_000, 12, -5)]

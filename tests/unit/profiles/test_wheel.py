"""The wheel: entries leave in their exact order, whatever the order they came in."""

from __future__ import annotations

import random

import pytest

from sevenfold.profiles.wheel import LOW_MASK, NEVER, OP_BITS, PART_ENTRIES, ROW_MASK, ValuedWheel, Wheel, low


def pulled(wheel: Wheel, until: int, forward: dict[int, int] | None = None) -> list[tuple[int, int]]:
    found = []
    while wheel.head(until, forward or {}):
        found.append((wheel.dues[wheel.at], wheel.keys[wheel.at] & LOW_MASK))
        assert wheel.next_due == found[-1][0] and wheel.rows[wheel.at] == found[-1][1] >> OP_BITS & ROW_MASK
        wheel.at += 1
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
    assert wheel.head(2_000, {})
    # Who is followed by another of their own stands as a complement.
    assert wheel.ops[:3] == [~3, 5, 3]
    wheel.push(1_002, low(0, 9, False) + (2 << OP_BITS))
    wheel.push(1_002, low(0, 1, False) + (2 << OP_BITS))
    assert wheel.ops[:5] == [~3, 5, ~1, ~3, 9] and all(op >= 0 for op in wheel.ops[5:])


def test_entries_of_somebody_merged_away_go_with_them() -> None:
    wheel = Wheel()
    one = low(0, 1, False)
    wheel.push(1_000, one + (9 << OP_BITS))
    wheel.push(1_000, one + (5 << OP_BITS))
    wheel.push(400_000, one + (9 << OP_BITS))
    wheel.push(1_000, low(1, 2, False) + (9 << OP_BITS))
    assert not wheel.head(500, {})
    wheel.redirect(9, 2)
    expected = [(1_000, one + (2 << OP_BITS)), (1_000, one + (5 << OP_BITS))]
    assert pulled(wheel, 1_000, {9: 2})[:2] == expected
    assert pulled(wheel, 500_000, {9: 2}) == [(400_000, one + (2 << OP_BITS))]


def test_values_stay_with_their_entries() -> None:
    wheel = ValuedWheel()
    wheel.push_value(2_000, 12, -5)
    wheel.push_value(1_000, 11, 7)
    assert wheel.head(1_500, {}) and (wheel.next_due, wheel.ops[0], wheel.values[0]) == (1_000, 11, 7)
    wheel.push_value(1_200, 10, 3)
    wheel.at += 1
    assert wheel.head(1_500, {}) and (wheel.next_due, wheel.ops[1], wheel.values[1]) == (1_200, 10, 3)
    assert wheel.entries() == [(1_200, 10, 3), (2_000, 12, -5)]


@pytest.mark.parametrize("valued", [False, True])
def test_a_crowded_bucket_is_taken_apart_in_parts_and_takes_in_what_comes_late(valued: bool) -> None:
    chance = random.Random(2)
    wheel = ValuedWheel() if valued else Wheel()
    expected = []

    def push(due: int) -> None:
        packed = low(0, chance.randrange(4), False) + (chance.randrange(1, 9) << OP_BITS)
        if isinstance(wheel, ValuedWheel):
            wheel.push_value(due, packed, due)
        else:
            wheel.push(due, packed)
        expected.append((due, packed))

    for _ in range(3 * PART_ENTRIES):
        push(chance.randrange(0, 3_000))
    assert wheel.head(0, {})
    for _ in range(500):
        push(chance.randrange(0, 3_000))
    assert [entry[:2] for entry in wheel.entries()] == sorted(expected)
    found = []
    while wheel.head(4_000, {}):
        entry = wheel.dues[wheel.at], wheel.keys[wheel.at] & LOW_MASK
        alone = wheel.ops[wheel.at] >= 0
        found.append(entry)
        if valued:
            assert wheel.values[wheel.at] == entry[0]
        wheel.at += 1
        followed = wheel.head(4_000, {}) and (wheel.dues[wheel.at], wheel.rows[wheel.at]) == (
            entry[0],
            entry[1] >> OP_BITS & ROW_MASK,
        )
        assert alone is not followed
    assert found == sorted(expected)

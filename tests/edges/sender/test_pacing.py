"""How fast messages go, and how long one waits before it is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.server.sender.pacing import Rate, back_off_ms


@given(st.integers(1, 5), st.integers(1, 5_000), st.lists(st.integers(0, 3_000), max_size=60))
def test_a_rate_lets_no_more_pass_in_any_window_and_waits_no_longer_than_that(
    number: int, per_ms: int, gaps: list[int]
) -> None:
    rate, now, sent = Rate(number, per_ms), 0, []
    for gap in gaps:
        now = max(now + gap, rate.next(now + gap))
        assert rate.room(now) > 0
        rate.take(now)
        sent.append(now)
        assert len([one for one in sent if one > now - per_ms]) <= number
        # Never later than when the oldest of the window has surely left it.
        assert rate.next(now) <= now + per_ms + max(1, per_ms // 1_000)


def test_a_rate_a_second_may_be_less_than_one() -> None:
    rate = Rate.per_second(0.2)
    rate.take(0)
    assert 5_000 <= rate.next(0) < 5_010


@pytest.mark.parametrize(("tries", "seconds"), [(1, 10), (2, 20), (3, 40), (5, 160), (6, 300), (50, 300)])
def test_waits_double_up_to_five_minutes(tries: int, seconds: int) -> None:
    waits = {back_off_ms(f"effect {n}", tries) for n in range(100)}
    assert 0.8 * seconds * 1_000 <= min(waits) < max(waits) <= seconds * 1_000
    assert back_off_ms("effect 1", tries) == back_off_ms("effect 1", tries)


def test_a_provider_may_have_a_schedule_of_its_own() -> None:
    waits = [back_off_ms("e", tries, (0, 5, 300)) for tries in (0, 1, 2, 9)]
    assert waits[0] == 0
    assert 4_000 <= waits[1] <= 5_000
    assert 240_000 <= waits[2] <= 300_000 and 240_000 <= waits[3] <= 300_000

"""Thompson sampling, the stop-loss and pooled habits in integers, against floating point and draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.learning import autonomy
from sevenfold.learning.action_model import ActionModelError, model_of
from sevenfold.learning.autonomy import Allowance
from sevenfold.learning.bandits import (
    MILLION,
    Arm,
    best_shares,
    changed,
    drawn,
    ends_of,
    floored,
    percent,
    place_of,
    rounded,
    toward,
)
from sevenfold.learning.channel_choice import rate, shares
from sevenfold.learning.fixed import LN_2, ONE, exp2_down, ln, log2, log2_shares
from sevenfold.learning.guard import Seen, said, worse
from sevenfold.learning.send_time import HOURS, counted, hour_name, scores, united
from sevenfold.measures.statistics.sequential import interval

COUNTS = st.integers(0, 400)


@given(st.integers(1, 10**30))
def test_logarithms_are_those_of_floating_point(x: int) -> None:
    assert abs(log2(x) / ONE - math.log2(x)) < 1e-8
    assert abs(ln(x) / ONE - math.log(x)) < 1e-7
    assert round(math.log(2) * ONE) == LN_2


@given(st.lists(st.integers(1, ONE), min_size=1, max_size=20))
def test_logarithms_of_many_shares_are_those_of_each(x: list[int]) -> None:
    for one, found in zip(x, log2_shares(np.array(x, np.uint64)), strict=True):
        assert abs(found / ONE - math.log2(one / ONE)) < 1e-7


@given(st.floats(0, 39))
def test_powers_are_exact_to_one_part_in_four_thousand(x: float) -> None:
    assert exp2_down(int(x * ONE)) / 2**40 == pytest.approx(2**-x, rel=1 / 4_000, abs=2**-39)


@pytest.mark.parametrize(
    "arms",
    [
        [(0, 0), (0, 0)],
        [(10, 3), (10, 5)],
        [(1_000, 50), (1_000, 60)],
        [(1_000_000, 50_000), (1_000_000, 50_300), (3, 1)],
        [(100, 1), (100, 1), (100, 2), (5, 0)],
        [(200, 0), (0, 0)],
    ],
)
def test_the_chance_to_be_best_is_that_of_draws_from_the_posteriors(arms: list[tuple[int, int]]) -> None:
    found = best_shares([Arm().plus(*one) for one in arms])
    rng = np.random.Generator(np.random.PCG64(1))
    draws = np.stack([rng.beta(1 + r, 1 + n - r, 100_000) for n, r in arms])
    expected = np.bincount(draws.argmax(axis=0), minlength=len(arms)) / 100_000
    assert sum(found) == MILLION
    assert np.abs(np.array(found) / MILLION - expected).max() < 0.008


def test_the_same_counts_give_the_same_bits() -> None:
    # Written down once: another machine, another version of Python or NumPy must find the same.
    arms = [Arm().plus(1_000, 50), Arm().plus(1_000, 60), Arm(12_345, 6_789)]
    assert best_shares(arms) == [0, 1, 999_999]
    assert best_shares(arms[:2]) == BITS


BITS = [164_460, 835_540]


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=6), st.integers(0, 150_000))
def test_shares_add_up_and_none_is_below_its_floor(counts: list[tuple[int, int]], least: int) -> None:
    arms = [Arm().plus(a + b, b) for a, b in counts]
    found = floored(best_shares(arms), least)
    assert sum(found) == MILLION and min(found) >= min(least, MILLION // len(arms))


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=9))
def test_rounding_keeps_proportions_to_within_one(weights: list[int]) -> None:
    found = rounded(weights)
    whole = sum(weights)
    assert sum(found) == MILLION
    if whole:
        assert all(abs(a - b * MILLION / whole) <= 1 for a, b in zip(found, weights, strict=True))


@given(st.data(), st.integers(0, MILLION))
def test_a_move_never_exceeds_what_is_allowed(data: st.DataObject, most: int) -> None:
    count = data.draw(st.integers(2, 5))
    now, wanted = (rounded(data.draw(st.lists(COUNTS, min_size=count, max_size=count))) for _ in "12")
    moved = toward(now, wanted, most)
    assert sum(moved) == MILLION and changed(now, moved) <= most + count
    assert changed(moved, wanted) <= max(0, changed(now, wanted) - most) + count


def test_empirical_frequencies_are_the_propensities() -> None:
    found = [50_000, 250_000, 700_000]
    ends = ends_of(found)
    places = [drawn(ends, place_of("choice", f"run {i}", "pick", 1, 0)) for i in range(20_000)]
    for arm, share in enumerate(found):
        p = share / MILLION
        assert abs(places.count(arm) / 20_000 - p) < 4 * math.sqrt(p * (1 - p) / 20_000)


def test_what_was_long_ago_counts_less_and_then_nothing() -> None:
    arm = Arm().plus(100, 40)
    assert arm.discounted(500_000, 2) == Arm(25_000, 10_000)
    assert arm.discounted(900_000, 1_000) == Arm(9, 9) or arm.discounted(900_000, 1_000).tried < 10


@given(st.integers(20, 5_000), st.integers(20, 5_000), st.data())
def test_the_stop_loss_is_the_interval_that_holds_at_every_look(n: int, m: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(10, n - 10)), data.draw(st.integers(10, m - 10))
    p, q = a / n, b / m
    found = interval(p - q, math.sqrt(p * (1 - p) / n + q * (1 - q) / m), n + m)
    if abs(found.high) > 1e-6:
        assert worse(Seen(n, a), Seen(m, b)) == (found.high < 0)


def test_the_stop_loss_does_not_look_before_there_are_cases_enough() -> None:
    assert not worse(Seen(1_000, 9), Seen(1_000, 500))
    assert worse(Seen(1_000, 20), Seen(1_000, 500))
    assert said(Seen(1_000, 52)) == "52 of 1,000 (5.2%)" and said(Seen()) == "none yet"


def test_where_nothing_works_the_stop_loss_errs_in_at_most_one_of_twenty() -> None:
    rng = np.random.Generator(np.random.PCG64(7))
    stopped = 0
    for _ in range(200):
        one, other = rng.random((2, 2_000)) < 0.3
        looks = ((Seen(n, int(one[:n].sum())), Seen(n, int(other[:n].sum()))) for n in range(50, 2_001, 50))
        stopped += any(worse(*look) for look in looks)
    assert stopped <= 10


def test_a_days_allowance_is_spent_and_comes_back() -> None:
    allowance, now = Allowance(), {"a": 500_000, "b": 500_000}
    wanted = {"a": 0, "b": MILLION}
    moved = autonomy.step(now, wanted, allowance, 5, 100_000)
    assert moved == {"a": 400_000, "b": 600_000}
    assert autonomy.step(moved, wanted, allowance, 6, 100_000) == moved
    assert autonomy.step(moved, wanted, allowance, 86_400_005, 100_000)["b"] == 700_000


def test_the_reason_of_a_move_names_both_ways() -> None:
    seen = {"a": Seen(100, 3), "b": Seen(200, 20)}
    to = {"a": 400_000, "b": 600_000}
    text = autonomy.because({"a": 500_000, "b": 500_000}, to, seen, [30_000, 970_000])
    assert text == (
        "move 10% from a to b because b is the best with a probability of 97%; "
        "rewarded were b 20 of 200 (10.0%), a 3 of 100 (3.0%)"
    )
    assert autonomy.past(text).startswith("moved 10% from a to b") and percent(1_234) == "0.1%"


def test_an_hour_is_learned_from_the_person_their_like_and_all() -> None:
    everybody, alike = [1] * HOURS, [0] * HOURS
    alike[30] = 40
    own = counted(counted(None, 50), 50)
    hours = [20, 30, 50]
    assert scores(hours, None, None, everybody)[0] == scores(hours, None, None, everybody)[1]
    assert max(scores(hours, None, alike, everybody)) == scores(hours, None, alike, everybody)[1]
    for _ in range(8):
        own = counted(own, 50)
    assert max(scores(hours, own, alike, everybody)) == scores(hours, own, alike, everybody)[2]
    assert hour_name(30) == "tue 06"


def test_counts_by_hour_are_bounded_and_add_up_in_a_merge() -> None:
    held = None
    for _ in range(1_000):
        held = counted(held, 3)
    assert held is not None and held[3] <= 255 and len(held) == HOURS
    both = united(held, counted(None, 4))
    assert both is not None and both[4] == 1 and united(None, None) is None


def test_a_channel_rate_is_drawn_towards_everybodys() -> None:
    assert rate(0, 0, 98, 49) == 500_000
    assert 500_000 < rate(10, 10, 98, 49) < 1_000_000
    assert shares([200_000, 300_000], 100_000) == [100_000, 900_000]


def test_a_policy_that_is_none_is_refused() -> None:
    good = {
        "version": "v",
        "features": ["x"],
        "actions": {"a": [1, 2]},
        "missing": [0],
        "low": [0],
        "high": [9],
    }
    assert model_of(good).score("a", [None]) == 1
    for wrong in (
        {"features": ["x", "y"]},
        {"actions": {}},
        {"actions": {"a": [1]}},
        {"low": [10]},
        {"temperature": -1},
        {"actions": {"a": [1, 10**30]}},
        {"version": ""},
        {"actions": {"a": [1, 0.5]}},
    ):
        with pytest.raises(ActionModelError):
            model_of(good | wrong)

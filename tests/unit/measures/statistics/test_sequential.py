"""Intervals that hold at every look: they keep their promise under peeking, and naive ones do not."""

from __future__ import annotations

import os
from math import isclose, sqrt

import numpy as np
import pytest

from sevenfold.measures.statistics import power, ratio_check, sequential
from sevenfold.measures.statistics.special import Bools, Floats

TESTS = 20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 2_000


def peeked(base: float, effect: float, treated: float, seed: int) -> tuple[float, float]:
    """How often 100 looks on the way to 20,000 units miss the true effect: (any-time, naive)."""
    rng = np.random.default_rng(seed)
    at = np.unique(np.linspace(100, 20_000, 100).astype(int))
    n = np.round(at * treated)
    m = at - n
    hits = np.cumsum(rng.binomial(np.diff(n, prepend=0).astype(int), base + effect, (TESTS, len(at))), axis=1)
    others = np.cumsum(rng.binomial(np.diff(m, prepend=0).astype(int), base, (TESTS, len(at))), axis=1)
    p, q = hits / n, others / m
    error = np.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    fewest = sequential.SHARE_CASES_MIN
    begun: Bools = (np.minimum(hits, n - hits) >= fewest) & (np.minimum(others, m - others) >= fewest)
    far: Floats = np.abs(p - q - effect)
    reach = np.array([sequential.multiplier(float(each)) for each in at])
    return (
        float(np.mean((begun & (far > reach * error)).any(axis=1))),
        float(np.mean((begun & (far > 1.96 * error)).any(axis=1))),
    )


@pytest.mark.parametrize(
    ("base", "effect", "treated"), [(0.2, 0.0, 0.5), (0.01, 0.005, 0.5), (0.05, 0.0, 0.9), (0.1, 0.05, 0.9)]
)
def test_looking_a_hundred_times_misses_at_most_one_in_twenty(
    base: float, effect: float, treated: float
) -> None:
    any_time, naive = peeked(base, effect, treated, seed=5)
    assert any_time <= 0.05
    assert naive > 0.15


def test_an_interval_and_its_evidence_say_the_same() -> None:
    for n, error in ((300, 0.02), (5_000, 0.004), (100_000, 0.001)):
        edge = sequential.multiplier(n) * error
        assert isclose(sequential.e_value(edge, error, n), 20.0, rel_tol=1e-9)
        assert sequential.p_value(edge * 1.01, error, n) < 0.05 < sequential.p_value(edge * 0.99, error, n)


def test_the_price_is_flat_around_what_it_is_tuned_for() -> None:
    tuned = 2_000
    assert round(sequential.price(tuned, tuned=tuned), 2) == 1.55
    assert max(sequential.price(tuned * k, tuned=tuned) for k in (0.2, 0.5, 2, 5, 10, 20)) <= 1.72


def test_few_cases_are_not_looked_at() -> None:
    few = np.array([1.0] * 9 + [0.0] * 200)
    many = np.array([1.0] * 10 + [0.0] * 200)
    assert not sequential.enough(few, many)
    assert sequential.enough(many, many)
    assert not sequential.enough(1.0 - few, many), "nine without are as few as nine with"
    assert not sequential.enough(many * 12.5, many * 9.0), "amounts need more"
    assert not sequential.enough(np.array([]), np.array([]))


def test_days_to_go_come_from_the_pace_so_far() -> None:
    error, n = 0.02, 1_000
    days = power.days_until(error, n, days=10, effect=0.03)
    assert days is not None
    units = n * (10 + days) / 10
    assert sequential.multiplier(units) * error * sqrt(n / units) <= 0.03
    fewer = n * (10 + days - 1) / 10
    assert sequential.multiplier(fewer) * error * sqrt(n / fewer) > 0.03
    assert power.days_until(error, n, days=10, effect=0.5) == 0
    assert power.days_until(error, n, days=10, effect=0.0) is None


def test_the_smallest_effect_of_a_plan_is_the_one_it_was_made_for() -> None:
    n = power.units_needed(sd=0.4, effect=0.02)
    error = power.relative_to(0.4, n // 2, n // 2)
    assert isclose(power.minimum_detectable_effect(error), 0.02, rel_tol=1e-3)


def test_a_group_that_is_too_small_is_noticed_and_chance_is_not() -> None:
    assert ratio_check.p_value([5_000, 5_000], [1, 1]) == 1.0
    assert ratio_check.p_value([9_000, 1_050], [9, 1]) > 0.05
    assert ratio_check.p_value([9_000, 1_200], [9, 1]) < 1e-6
    assert ratio_check.sequential_p_value([9_000, 1_200], [9, 1]) < 0.01
    assert ratio_check.sequential_p_value([0, 0], [9, 1]) == 1.0


def test_looking_for_a_wrong_ratio_every_day_rarely_cries_wolf() -> None:
    steps = np.random.default_rng(6).binomial(200, 0.9, (TESTS // 4, 60)).cumsum(axis=1)
    totals = 200 * np.arange(1, 61)
    alarms = [
        any(
            ratio_check.sequential_p_value([int(k), int(n - k)], [0.9, 0.1]) < 0.05
            for k, n in zip(row[::6], totals[::6], strict=True)
        )
        for row in steps[:300]
    ]
    assert np.mean(alarms) <= 0.05

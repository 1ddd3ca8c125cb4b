"""Totals of what customers will buy: the interval holds what they then did, as often as it says."""

from __future__ import annotations

import os

import numpy as np
import pytest

from sevenfold.measures.statistics import futures, purchases, spend
from sevenfold.measures.statistics.special import Floats

WORLDS = 300 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 6
AGE, HORIZON = 40.0, 26.0


def world(n: int, seed: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Customers seen for 40 weeks and 26 more: repeat purchases and the last of them, mean spend, and what
    they bought and spent in the 26 weeks. BG/NBD r 0.8, alpha 6, a 0.9, b 2.5; gamma-gamma 6, 4, 15.
    """
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(0.8, 1 / 6.0, n), rng.beta(0.9, 2.5, n)
    x, last, clock, alive, later = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, dtype=bool), np.zeros(n)
    for _ in range(400):
        clock = np.where(alive, clock + rng.exponential(1 / np.maximum(rate, 1e-12)), clock)
        now, then = alive & (clock <= AGE), alive & (clock > AGE) & (clock <= AGE + HORIZON)
        x, last, later = x + now, np.where(now, clock, last), later + then
        alive = (now | then) & (rng.random(n) >= leaves)
        if not alive.any():
            break
    tilt = rng.gamma(4.0, 1 / 15.0, n)
    mean = np.where(x > 0, rng.gamma(np.maximum(6.0 * x, 1e-9)) / tilt / np.maximum(x, 1), 0.0)
    spent = np.where(later > 0, rng.gamma(np.maximum(6.0 * later, 1e-9)) / tilt, 0.0)
    return x, last, mean, later, spent


def test_intervals_of_totals_hold_what_came_in_nineteen_of_twenty_worlds() -> None:
    inside = np.zeros(2)
    for seed in range(WORLDS):
        x, last, mean, later, spent = world(500, seed)
        age = np.full(len(x), AGE)
        often, much = purchases.fit_bgnbd(x, last, age), spend.fit_gamma_gamma(x, mean)
        bought, money = futures.chance_of_totals(often, much, HORIZON, x, last, age, mean)
        total = futures.total_purchases(often, HORIZON, x, last, age, bought, 0.95)
        worth = futures.total_value(often, much, HORIZON, x, last, age, mean, money, 0.95)
        assert total is not None and worth is not None
        inside += [total[1] <= later.sum() <= total[2], worth[1] <= spent.sum() <= worth[2]]
    # Three standard errors below 0.95.
    least = 0.95 - 3 * np.sqrt(0.95 * 0.05 / WORLDS)
    assert (inside / WORLDS >= least).all(), inside / WORLDS


def test_what_is_drawn_is_on_average_what_the_formula_expects() -> None:
    """The variance of one customer's purchases, from the same draws, against a long simulation."""
    fitted = (0.8, 6.0, 0.9, 2.5)
    x, last, age = np.full(4_000, 5.0), np.full(4_000, 35.0), np.full(4_000, 40.0)
    drawn, _ = futures.chance_of_totals(fitted, None, HORIZON, x, last, age, np.zeros(4_000))
    rng = np.random.default_rng(5)
    alive = rng.random(400_000) < purchases.bgnbd_alive(fitted, x[:1], last[:1], age[:1])[0]
    often = rng.poisson(rng.gamma(5.8, 1 / 46.0, 400_000) * HORIZON)
    bought = np.minimum(often, rng.geometric(np.clip(rng.beta(0.9, 7.5, 400_000), 1e-9, 1))) * alive
    assert bought.mean() == pytest.approx(
        purchases.bgnbd_expected(fitted, HORIZON, x[:1], last[:1], age[:1])[0], rel=0.01
    )
    assert drawn / 4_000 == pytest.approx(bought.var(), rel=0.03)


def test_more_customers_are_known_better_in_proportion() -> None:
    fitted = (0.8, 6.0, 0.9, 2.5)
    few, many = (np.full(n, 5.0) for n in (100, 400))
    small = futures.chance_of_totals(fitted, None, HORIZON, few, few * 7, few * 8, few * 0)[0]
    large = futures.chance_of_totals(fitted, None, HORIZON, many, many * 7, many * 8, many * 0)[0]
    assert large / small == pytest.approx(4, rel=0.1)

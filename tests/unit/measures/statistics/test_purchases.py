"""Purchase models: parameters come back from simulated customers, probabilities are probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from sevenfold.measures.statistics import purchases, spend
from sevenfold.measures.statistics.special import Floats

PUBLISHED = (0.243, 4.414, 0.793, 2.426)
"""BG/NBD of the CDNOW sample; Fader, Hardie and Lee (2005)."""


def one(value: float) -> Floats:
    return np.array([value])


def shoppers(n: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Customers of a BG/NBD world: r 0.8, alpha 6, a 0.9, b 2.5, observed for 20 to 60 weeks."""
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(0.8, 1 / 6.0, n), rng.beta(0.9, 2.5, n)
    age = rng.uniform(20, 60, n)
    x, last, clock, alive = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, dtype=bool)
    for _ in range(200):
        clock = np.where(alive, clock + rng.exponential(1 / np.maximum(rate, 1e-12)), clock)
        buys = alive & (clock <= age)
        x, last = x + buys, np.where(buys, clock, last)
        alive = buys & (rng.random(n) >= leaves)
        if not alive.any():
            break
    return x, last, age


def test_bgnbd_finds_the_world_it_came_from() -> None:
    x, last, age = shoppers(4_000, seed=1)
    found = purchases.fit_bgnbd(x, last, age)
    for name, truth in zip(found.names, (0.8, 6.0, 0.9, 2.5), strict=True):
        between = found.interval(name, 0.999)
        assert between is not None and between[0] <= truth <= between[1], (name, between)


def test_the_unit_of_time_changes_nothing_but_the_unit() -> None:
    x, last, age = shoppers(400, seed=2)
    weeks, days = purchases.fit_bgnbd(x, last, age), purchases.fit_bgnbd(x, last * 7, age * 7)
    assert days["alpha"] == pytest.approx(7 * weeks["alpha"], rel=2e-3)
    ahead = purchases.bgnbd_expected(weeks, 13, x, last, age)
    assert purchases.bgnbd_expected(days, 91, x, last * 7, age * 7) == pytest.approx(ahead, rel=1e-2)


def test_counts_of_a_newcomer_are_a_distribution() -> None:
    t = np.array([1.0, 12.0, 39.0])
    mass = [purchases.bgnbd_pmf(PUBLISHED, k, t) for k in range(150)]
    assert sum(mass) == pytest.approx(np.ones(3), abs=1e-5)
    mean = sum(k * each for k, each in enumerate(mass))
    assert mean == pytest.approx(purchases.bgnbd_expected_new(PUBLISHED, t), rel=1e-3)
    assert purchases.bgnbd_pmf(PUBLISHED, 0, one(39.0))[0] == pytest.approx(0.5737864, abs=1e-7)


@pytest.mark.parametrize("x", [10, 15, 20, 25])
def test_the_paradox_of_rising_frequency(x: int) -> None:
    """Published (BTYD walk-through) with the rounded parameters: the more often before a long silence, the
    likelier gone.
    """
    expected = {10: 0.3474606, 15: 0.04283391, 20: 0.004158973, 25: 0.0003583685}[x]
    found = purchases.bgnbd_expected(PUBLISHED, 52, one(x), one(20.0), one(39.0))[0]
    assert found == pytest.approx(expected, rel=5e-3)


def test_somebody_who_never_came_back_may_still_be_there_for_bgnbd() -> None:
    assert purchases.bgnbd_alive(PUBLISHED, one(0), one(0), one(500))[0] == 1.0


def test_pareto_nbd_agrees_with_itself() -> None:
    p = (0.553, 10.58, 0.606, 11.66)
    new = purchases.pareto_nbd_expected(p, 52, one(0), one(0), one(0))[0]
    assert new == pytest.approx(purchases.pareto_nbd_expected_new(p, one(52))[0], rel=1e-6)
    alive = purchases.pareto_nbd_alive(
        p, np.array([0.0, 3, 3]), np.array([0.0, 5, 30]), np.array([31.0, 31, 31])
    )
    assert 0 < alive[1] < alive[2] < 1


def test_bgbb_probabilities_of_all_histories_sum_to_one() -> None:
    """Each of the 2^n histories has its (x, t_x), and together they are everything that can happen."""
    n, total = 6, 0.0
    for history in range(2**n):
        bits = [history >> i & 1 for i in range(n)]
        x, last = sum(bits), max((i + 1 for i, bit in enumerate(bits) if bit), default=0)
        p = purchases.bgbb_log_likelihood((1.2, 0.75, 0.66, 2.8), one(x), one(last), one(n))
        total += float(np.exp(p[0]))
    assert total == pytest.approx(1.0)


def test_bgbb_expects_of_newcomers_what_it_expects_of_those_without_history() -> None:
    p = (1.2, 0.75, 0.66, 2.8)
    found = purchases.bgbb_expected(p, 10, one(0), one(0), one(0))[0]
    assert found == pytest.approx(purchases.bgbb_expected_new(p, one(10))[0])


def test_spend_is_between_ones_own_mean_and_everybodys() -> None:
    p = (6.25, 3.74, 15.44)
    everybody = 6.25 * 15.44 / 2.74
    found = spend.gamma_gamma_expected(p, np.array([0.0, 1, 50]), np.array([0.0, 100, 100]))
    assert found[0] == pytest.approx(everybody)
    assert everybody < found[1] < found[2] < 100


def test_gamma_gamma_finds_the_world_it_came_from_and_sees_dependence() -> None:
    rng = np.random.default_rng(3)
    x = rng.poisson(3, 3_000) + 1.0
    level = rng.gamma(4, 1 / 20.0, 3_000)
    mean = rng.gamma(6 * x) / level / x
    found = spend.fit_gamma_gamma(x, mean)
    for name, truth in (("p", 6.0), ("q", 4.0), ("v", 20.0)):
        between = found.interval(name, 0.999)
        assert between is not None and between[0] <= truth <= between[1], (name, between)
    assert spend.independence(x, mean)[3] > 0.01
    assert spend.independence(x, mean * x)[3] < 1e-6


def test_a_parameter_that_runs_away_is_named() -> None:
    """Everybody buys at exactly the same rate: there is no spread to estimate."""
    x, last, age = np.full(9, 12.0), np.full(9, 52.0), np.full(9, 52.0)
    assert purchases.fit_bgnbd(x, last, age).at_bound

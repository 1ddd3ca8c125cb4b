"""How long customers stay."""

from __future__ import annotations

import numpy as np
import pytest

from sevenfold.measures.statistics import survival


def test_the_curve_of_the_first_data_set_ever_drawn() -> None:
    """6-MP arm of Freireich et al. (1963), as in every textbook: 21 patients, nine relapses."""
    months = np.array(
        [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], dtype=float
    )
    left = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    found = survival.kaplan_meier(months, left)
    assert [row.time for row in found] == [6, 7, 10, 13, 16, 22, 23]
    assert [round(row.staying, 4) for row in found] == [
        0.8571,
        0.8067,
        0.7529,
        0.6902,
        0.6275,
        0.5378,
        0.4482,
    ]
    assert (round(found[0].low, 4), round(found[0].high, 4)) == (0.6197, 0.9516)


def test_everybody_gone_leaves_nobody() -> None:
    found = survival.kaplan_meier(np.array([1.0, 2.0]), np.array([True, True]))
    assert found[-1].staying == 0.0 and found[-1].low == 0.0 and found[-1].high > 0.0


def test_the_interval_of_the_curve_covers_what_it_claims() -> None:
    rng, covered = np.random.default_rng(1), []
    for _ in range(400):
        leaves, seen = rng.exponential(10, 80), rng.uniform(2, 20, 80)
        found = survival.kaplan_meier(np.minimum(leaves, seen), leaves <= seen)
        at = [row for row in found if row.time <= 6.0][-1]
        covered.append(at.low <= np.exp(-0.6) <= at.high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_mean_time_within_a_year_of_those_who_stay_is_the_year() -> None:
    rows = survival.kaplan_meier(np.full(9, 20.0), np.zeros(9, dtype=bool))
    assert survival.restricted_mean(rows, 12.0) == (12.0, 0.0)
    rng = np.random.default_rng(2)
    leaves = rng.exponential(10, 5_000)
    mean, error = survival.restricted_mean(survival.kaplan_meier(leaves, np.ones(5_000, dtype=bool)), 12.0)
    assert abs(mean - 10 * (1 - np.exp(-1.2))) < 3 * error < 0.3


def test_the_published_example_of_renewals() -> None:
    """Fader and Hardie (2007), regular segment: survivors 100, 63.1, 46.8, 38.2, 32.6, ... give alpha 0.704,
    beta 1.182.
    """
    stays = np.array([100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1])
    periods = np.arange(1.0, 8.0)
    x = np.concatenate([periods, [7.0]])
    left = np.array([True] * 7 + [False])
    found = survival.fit_sbg(x, left, np.concatenate([-np.diff(stays), stays[-1:]]))
    assert found["alpha"] == pytest.approx(0.704, abs=2e-3)
    assert found["beta"] == pytest.approx(1.182, abs=3e-3)
    assert survival.sbg_survival(found, np.array([7.0]))[0] == pytest.approx(0.241, abs=0.01)


def test_whoever_has_renewed_often_will_renew_longer() -> None:
    p = (0.7, 1.2)
    assert survival.sbg_expected(p, 0, 0.1) < survival.sbg_expected(p, 4, 0.1)

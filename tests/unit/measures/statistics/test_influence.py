"""Estimates with influence: equal to textbook formulae where there are some, and simulated where not."""

from __future__ import annotations

from math import isclose, sqrt

import numpy as np

from sevenfold.measures.statistics.influence import adjusted_mean, mean_of, ratio_of, winsorised
from sevenfold.measures.statistics.special import Bools, Floats


def test_a_difference_of_means_has_welchs_error() -> None:
    rng = np.random.default_rng(1)
    y, arm = rng.normal(size=300), np.arange(300) < 90
    effect = mean_of(y, arm) - mean_of(y, ~arm)
    expected = sqrt(y[arm].var(ddof=1) / 90 + y[~arm].var(ddof=1) / 210)
    assert isclose(effect.error(), expected, rel_tol=1e-12)


def test_one_unit_a_cluster_changes_next_to_nothing() -> None:
    rng = np.random.default_rng(2)
    y, arm = rng.normal(size=500), rng.random(500) < 0.5
    effect = mean_of(y, arm) - mean_of(y, ~arm)
    assert isclose(effect.error(np.arange(500)), effect.error(), rel_tol=2e-3)


def clustered(rng: np.random.Generator) -> tuple[Floats, Bools, np.ndarray]:
    sizes = rng.integers(1, 30, 120)
    clusters = np.repeat(np.arange(120), sizes)
    treated = rng.permutation(np.arange(120) < 60)
    y = rng.normal(0, 1, 120)[clusters] + rng.normal(0, 1, len(clusters))
    return y, treated[clusters], clusters


def test_accounts_assigned_whole_need_the_clustered_error() -> None:
    rng = np.random.default_rng(3)
    plain, robust = [], []
    for _ in range(400):
        y, arm, clusters = clustered(rng)
        effect = mean_of(y, arm) - mean_of(y, ~arm)
        plain.append(abs(effect.value) > 1.96 * effect.error())
        robust.append(abs(effect.value) > 1.96 * effect.error(clusters))
    assert np.mean(plain) > 0.3, "people of an account are alike"
    assert np.mean(robust) <= 0.09


def test_a_ratio_metric_covers_what_it_claims() -> None:
    """Revenue per order: people with more orders spend less on each."""
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(400):
        eager = rng.gamma(2, 1, 400)
        orders = rng.poisson(eager) + 1.0
        revenue = orders * rng.gamma(3, 5 / (1 + eager / 4))
        arm = rng.random(400) < 0.5
        found = ratio_of(revenue, orders, arm) - ratio_of(revenue, orders, ~arm)
        covered.append(abs(found.value) <= 1.96 * found.error())
    assert 0.92 <= np.mean(covered) <= 0.975


def test_covariates_narrow_the_interval_and_keep_its_promise() -> None:
    rng = np.random.default_rng(5)
    covered, shorter = [], []
    for _ in range(400):
        x = rng.normal(size=(400, 2))
        arm = rng.random(400) < 0.8
        y = x @ np.array([1.5, -0.5]) + arm * (0.3 + 0.8 * x[:, 0]) + rng.normal(size=400)
        everybody = np.ones(400, dtype=bool)
        found = adjusted_mean(y, x, arm, everybody) - adjusted_mean(y, x, ~arm, everybody)
        plain = mean_of(y, arm) - mean_of(y, ~arm)
        covered.append(abs(found.value - 0.3) <= 1.96 * found.error())
        shorter.append(found.error() / plain.error())
    assert 0.92 <= np.mean(covered) <= 0.975
    assert np.mean(shorter) < 0.7


def test_a_useless_covariate_costs_nearly_nothing() -> None:
    rng = np.random.default_rng(6)
    y, x, arm = rng.normal(size=2_000), rng.normal(size=(2_000, 1)), rng.random(2_000) < 0.5
    everybody = np.ones(2_000, dtype=bool)
    adjusted = adjusted_mean(y, x, arm, everybody) - adjusted_mean(y, x, ~arm, everybody)
    plain = mean_of(y, arm) - mean_of(y, ~arm)
    assert adjusted.error() / plain.error() < 1.01


def test_a_covariate_that_never_varies_changes_nothing() -> None:
    y, arm = np.arange(100.0), np.arange(100) % 2 == 0
    everybody = np.ones(100, dtype=bool)
    same = adjusted_mean(y, np.ones((100, 1)), arm, everybody)
    assert isclose(same.value, mean_of(y, arm).value)


def test_one_giant_is_pulled_down_to_the_rest() -> None:
    values = np.array([*range(1, 100), 49_854.0])
    assert winsorised(values, 0.01).max() == 99
    assert winsorised(values, 0.0).max() == 49_854
    assert winsorised(-values, 0.01).min() == -99


def test_a_ratio_over_nothing_is_unknown() -> None:
    nothing, arm = np.zeros(5), np.ones(5, dtype=bool)
    assert np.isnan(ratio_of(np.ones(5), nothing, arm).value)

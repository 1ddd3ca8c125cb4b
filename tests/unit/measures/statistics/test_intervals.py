"""Intervals that hold at one look: known figures, and simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sevenfold.measures.statistics import intervals
from sevenfold.measures.statistics.intervals import Moments


def test_a_share_has_wilsons_interval() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263 and 0 of 20."""
    found = intervals.share(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    none = intervals.share(0, 20)
    assert none.low == 0 and round(none.high, 4) == 0.1611


def test_a_difference_of_shares_has_newcombes_interval() -> None:
    """Newcombe (1998), table II, example (a): 56/70 against 48/80."""
    found = intervals.share_difference(56, 70, 48, 80)
    assert (round(found.value, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)


def test_nothing_is_known_of_an_empty_sample() -> None:
    assert math.isnan(intervals.share(0, 0).value)
    assert intervals.share(0, 0)[1:] == (0.0, 1.0)
    assert intervals.mean(Moments(1, 3.0, math.nan))[1:] == (-math.inf, math.inf)
    assert intervals.share_p_value(0, 0, 1, 2) == 1.0


def test_a_relative_effect_on_nothing_is_unbounded_above() -> None:
    assert math.isnan(intervals.share_ratio(5, 100, 0, 100).value)
    assert intervals.share_ratio(0, 100, 5, 100) == (-1.0, -1.0, math.inf)


def test_a_constant_difference_has_no_width() -> None:
    found = intervals.mean_difference(Moments(5, 2.0, 0.0), Moments(5, 1.0, 0.0))
    assert found.interval == (1.0, 1.0, 1.0) and found.p == 0.0


@pytest.mark.parametrize(("n", "p"), [(30, 0.05), (80, 0.3), (400, 0.01)])
def test_wilson_covers_what_it_claims(n: int, p: float) -> None:
    hits = np.random.default_rng(1).binomial(n, p, 2_000)
    table = [intervals.share(int(k), n) for k in range(n + 1)]
    covered = np.mean([table[k].low <= p <= table[k].high for k in hits])
    assert 0.93 <= covered <= 0.99


@pytest.mark.parametrize(("n", "m", "p", "q"), [(60, 300, 0.1, 0.2), (200, 200, 0.03, 0.02)])
def test_newcombe_covers_what_it_claims(n: int, m: int, p: float, q: float) -> None:
    rng = np.random.default_rng(2)
    pairs = zip(rng.binomial(n, p, 1_500), rng.binomial(m, q, 1_500), strict=True)
    found = [intervals.share_difference(int(a), n, int(b), m) for a, b in pairs]
    assert 0.935 <= np.mean([each.low <= p - q <= each.high for each in found]) <= 0.985


def test_welch_covers_when_variances_and_sizes_differ() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 4, (1_500, 12)), rng.normal(0, 1, (1_500, 60))
    found = [
        intervals.mean_difference(
            Moments(12, float(x.mean()), float(x.var(ddof=1))),
            Moments(60, float(y.mean()), float(y.var(ddof=1))),
        )
        for x, y in zip(a, b, strict=True)
    ]  # fmt: skip
    assert 0.935 <= np.mean([each.interval.low <= 1 <= each.interval.high for each in found]) <= 0.965


def test_a_ratio_of_means_covers_what_it_claims() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.gamma(2, 1.2, (1_500, 150)), rng.gamma(2, 1.0, (1_500, 100))
    covered = [
        found.low <= 0.2 <= found.high
        for x, y in zip(a, b, strict=True)
        for found in [
            intervals.mean_ratio(
                Moments.of_sums(150, float(x.sum()), float((x * x).sum())),
                Moments.of_sums(100, float(y.sum()), float((y * y).sum())),
            )
        ]
    ]
    assert 0.935 <= np.mean(covered) <= 0.965

"""How good a score is: reliability, discrimination, lift."""

from __future__ import annotations

import numpy as np
import pytest

from sevenfold.measures.statistics import nps, prediction


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(1)
    scores, outcomes = rng.integers(0, 8, 120).astype(float), rng.random(120) < 0.3
    positive, negative = scores[outcomes][:, None], scores[~outcomes][None, :]
    by_hand = np.mean((positive > negative) + 0.5 * (positive == negative))
    assert prediction.auc(scores, outcomes).value == pytest.approx(by_hand)


def test_delongs_interval_covers_what_it_claims() -> None:
    rng, truth, covered = np.random.default_rng(2), 0.76025, []
    for _ in range(500):
        outcomes = np.arange(300) < 60
        scores = rng.normal(outcomes * 1.0, 1.0)
        found = prediction.auc(scores, outcomes)
        covered.append(found.low <= truth <= found.high)
    assert 0.925 <= np.mean(covered) <= 0.975


def test_a_perfect_score_of_few_is_not_certain() -> None:
    found = prediction.auc(np.arange(20.0), np.arange(20) >= 10)
    assert found.value == 1.0 and found.low < 0.8 and found.high == 1.0


def test_one_kind_of_outcome_has_no_area() -> None:
    assert np.isnan(prediction.auc(np.arange(5.0), np.zeros(5, dtype=bool)).value)


def test_bins_hold_equal_scores_together_and_everybody_once() -> None:
    scores = np.array([0.1] * 50 + [0.5] * 30 + [0.9] * 20)
    found = prediction.reliability(scores, np.arange(100) % 4 == 0)
    assert [each.n for each in found] == [50, 30, 20]
    assert all(each.observed.low <= each.observed.value <= each.observed.high for each in found)


def test_a_calibrated_score_has_a_small_error_and_a_shifted_one_has_not() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(2, 5, 20_000)
    outcomes = rng.random(20_000) < p
    assert prediction.expected_calibration_error(prediction.reliability(p, outcomes)) < 0.015
    assert prediction.expected_calibration_error(prediction.reliability(p + 0.2, outcomes)) > 0.15
    assert prediction.brier(p, outcomes) < prediction.brier(p + 0.2, outcomes)


def test_lift_of_all_tenths_averages_to_one_and_captures_everything() -> None:
    rng = np.random.default_rng(4)
    p = rng.beta(1, 4, 5_003)
    found = prediction.lift_by_decile(p, rng.random(5_003) < p)
    assert [each.number for each in found] == list(range(1, 11))
    assert sum(each.n for each in found) == 5_003
    assert sum(each.lift * each.n for each in found) / 5_003 == pytest.approx(1.0)
    assert found[-1].captured == pytest.approx(1.0)
    assert found[0].lift > 2 > found[5].lift


def test_the_score_of_promoters_and_detractors() -> None:
    found = nps.score(np.array([10, 9, 8, 7, 6, 0, 11, -1, 7.5, np.nan]))
    assert (found.promoters, found.passives, found.detractors, found.invalid) == (2, 2, 2, 4)
    assert found.score.value == 0.0 and found.n == 6


def test_answers_all_alike_are_still_not_certain() -> None:
    found = nps.of_counts(10, 0, 0)
    assert found.value == 100.0 and found.high == 100.0 and found.low < 85


@pytest.mark.parametrize(
    ("n", "kinds"), [(30, (0.5, 0.3, 0.2)), (200, (0.2, 0.5, 0.3)), (40, (0.9, 0.08, 0.02))]
)
def test_the_interval_of_the_score_covers_what_it_claims(n: int, kinds: tuple[float, ...]) -> None:
    truth = 100 * (kinds[0] - kinds[2])
    drawn = np.random.default_rng(5).multinomial(n, kinds, 1_500)
    found = [nps.of_counts(*(float(k) for k in row)) for row in drawn]
    assert 0.925 <= np.mean([each.low <= truth <= each.high for each in found]) <= 0.99


def test_equal_weights_change_nothing() -> None:
    answers = np.array([10.0, 9, 3, 8, 10, 6])
    plain, weighted = nps.score(answers), nps.score(answers, np.full(6, 2.5))
    assert weighted.score == pytest.approx(plain.score)

"""The public Telco table: a floor for what a churn model must be, and what few accounts can say."""

from __future__ import annotations

import os

import numpy as np
import pytest

from bench import telco
from sevenfold.learning.calibrating import calibrated, reliability_of
from sevenfold.learning.evaluating import Candidate, Examples, candidates, fit_all, log_loss, out_of_fold
from sevenfold.measures.statistics.prediction import auc

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
pytestmark = pytest.mark.skipif(not telco.FILE.exists(), reason="the shared data sets are not here")


@pytest.fixture(scope="module")
def customers() -> Examples:
    return telco.examples()


def test_churn_is_told_better_than_the_floor_and_calibrated(customers: Examples) -> None:
    blend = Candidate("blend", "blend", 3.0)
    margin, outcome = out_of_fold(customers, [blend])["blend"]
    assert len(outcome) == 7_043
    assert auc(margin, outcome).value >= 0.845
    calibrator = calibrated(margin[::2], outcome[::2])
    told = reliability_of(calibrator(margin[1::2]), outcome[1::2])
    assert told.calibration_error < 0.03
    held = [one.observed.low <= one.predicted <= one.observed.high for one in told.bins]
    assert sum(held) >= 8, "what was said lies within what came true"


SPARSE = [(50, 0.0), (100, 0.05), (200, 0.1)] if SOAK else [(50, 0.0), (200, 0.1)]


@pytest.mark.parametrize(("accounts", "least"), SPARSE)
def test_a_model_of_few_accounts_is_better_than_their_rate(
    customers: Examples, accounts: int, least: float
) -> None:
    gains = []
    for seed in range(3):
        few = np.zeros(len(customers.y), dtype=bool)
        few[np.random.default_rng(seed).permutation(len(few))[:accounts]] = True
        known, rest = customers.take(few), customers.take(~few)
        strong = candidates(known, known.outcomes + 1)[-1]
        margin, outcome = out_of_fold(known, [strong])[strong.name]
        model = fit_all(known.x, known.y, [strong])[strong.name]
        probability = calibrated(margin, outcome)(model.margin(rest.x))
        rate = np.full(len(rest.y), float(known.y.mean()))
        gains.append(1 - log_loss(probability, rest.y).mean() / log_loss(rate, rest.y).mean())
    assert np.median(gains) > least and min(gains) > -0.02, "seldom worse than their rate, and never by much"

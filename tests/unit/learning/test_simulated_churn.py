"""Churn as foretold, against what truly happened in a simulated company, which nobody sees; in a soak."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import sevenfold as sf
from sevenfold.foretelling import Learned
from sevenfold.learning.features import read
from sevenfold.measures.statistics.prediction import auc
from sevenfold.simulate import SaasCompany
from sevenfold.simulate.saas.parameters import SaasParameters

pytestmark = pytest.mark.skipif(
    os.environ.get("HYPOTHESIS_PROFILE") != "soak", reason="half a minute a company: runs in a soak"
)
DAY = 86_400_000
UNTIL, HORIZON = 360 * DAY, 60 * DAY
SEEDS = (11, 12)


def foretold(seed: int) -> tuple[Learned, dict[str, dict[str, Any]], int]:
    """What is learned from a company's first 360 days, its hidden truth by account, and the day's end."""
    company = SaasCompany(
        seed=seed, accounts=500, days=420, parameters=SaasParameters(actions_per_session=0.3)
    )
    events = list(company.timed_events())
    until = events[0][0] // DAY * DAY + UNTIL
    known = [dict(event) for time, event in events if time <= until]
    truth = {str(row["account_id"]): row for row in company.truth()["accounts"].to_pylist()}
    return sf.train("seven-stage", known, prediction="churn"), truth, until


def test_who_churns_in_truth_is_foretold_better_than_by_the_score() -> None:
    values, scores, outcomes = [], [], []
    for seed in SEEDS:
        learned, truth, until = foretold(seed)
        assert learned.quality("churn")["method"] == "model"
        found = learned.values("churn")
        frame = read(learned.fold, "account", ["score.account_health"], found.rows, found.numbers)
        health = frame.columns["score.account_health"]
        assert isinstance(health, np.ndarray)
        for row, value, score in zip(
            found.rows.tolist(), found.values.tolist(), health.tolist(), strict=True
        ):
            left = truth[learned.fold.account_ids[row]]["churn_ms"]
            # Who has left in truth, unseen by the company so far, is no case.
            if (left is not None and left <= until) or np.isnan(score):
                continue
            values.append(value)
            scores.append(-score)
            outcomes.append(left is not None and left <= until + HORIZON)
    came = np.array(outcomes)
    model, rule = auc(np.array(values, dtype=float), came), auc(np.array(scores), came)
    assert came.sum() >= 15
    assert model.value > rule.value + 0.05
    assert model.low > 0.65

"""What saves whom, where it is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from sevenfold.errors import InputError
from sevenfold.learning.hierarchical import pooled
from sevenfold.learning.interventions import what_saves
from sevenfold.measures.answer import Caveat, QuestionError

RATES = {
    ("left alone", "silent"): 0.25, ("left alone", "angry"): 0.20, ("left alone", "price"): 0.30,
    ("call", "silent"): 0.55, ("call", "angry"): 0.55, ("call", "price"): 0.35,
    ("discount", "silent"): 0.25, ("discount", "angry"): 0.15, ("discount", "price"): 0.70,
}  # fmt: skip
ASKED = {"intervention": "done", "saved": "saved", "profile": "risk", "unit": "account"}


@cache
def episodes(seed: int, n: int, *, works: bool = True) -> pd.DataFrame:
    chance = np.random.Generator(np.random.PCG64(seed))
    done = chance.choice(["left alone", "call", "discount"], n)
    risk = chance.choice(["silent", "angry", "price"], n)
    rate = [RATES[d if works else "left alone", r] for d, r in zip(done, risk, strict=True)]
    return pd.DataFrame(
        {
            "done": done, "risk": risk, "saved": chance.random(n) < np.array(rate),
            "health": chance.random(n) * 100, "account": [f"acme-{i}" for i in range(n)],
        }
    )  # fmt: skip


def test_pooling_agrees_with_the_textbooks_eight_schools() -> None:
    """Bayesian Data Analysis, section 5.5: posterior medians from 5 to 10, a common mean near 8."""
    found = pooled(
        np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18]), reach=100,
        between=10,
    )  # fmt: skip
    assert found.common == pytest.approx(8, abs=0.5)
    assert 5 < found.mean.min() < found.mean.max() < 11
    assert np.argmax(found.mean) == 0 and found.low[0] < 0 < found.high[0]


def test_what_was_never_tried_somewhere_is_what_it_is_elsewhere_with_more_doubt() -> None:
    found = pooled(np.array([0.3, 0.0]), np.array([0.05, np.inf]), reach=0.25, between=0.1)
    assert 0.1 < found.mean[1] < found.mean[0] and found.spread[1] > 2 * found.spread[0]


def test_an_estimate_without_an_error_is_refused() -> None:
    with pytest.raises(InputError, match="standard error above 0"):
        pooled(np.zeros(2), np.zeros(2), reach=1, between=1)


def test_pooled_intervals_cover_the_effects_of_profiles_as_often_as_they_claim() -> None:
    """Where effects lie about as the stated prior says they do, in small data too."""
    covered = []
    for seed in range(80):
        chance = np.random.Generator(np.random.PCG64(seed))
        effect = chance.normal(0, 0.2) + chance.normal(0, 0.12, 3)
        risk, called = chance.integers(0, 3, 150), chance.random(150) < 0.5
        rate = np.clip(0.45 + called * effect[risk], 0.02, 0.98)
        frame = pd.DataFrame(
            {
                "done": np.where(called, "call", "left alone"), "saved": chance.random(150) < rate,
                "risk": np.array(["silent", "angry", "price"])[risk],
            }
        )  # fmt: skip
        for row in what_saves(frame, intervention="done", saved="saved", profile="risk").frame().to_pylist():
            truth = np.clip(0.45 + effect[["silent", "angry", "price"].index(row["profile"])], 0.02, 0.98)
            covered.append(row["low"] <= truth - 0.45 <= row["high"])
    assert 0.91 <= np.mean(covered) <= 0.99


def test_each_kind_of_risk_gets_what_helps_it_with_similar_accounts_that_it_saved() -> None:
    risky = pd.DataFrame({"risk": ["angry", "price"], "health": [20.0, 80.0], "account": ["Bolt", "Cara"]})
    found = what_saves(episodes(1, 1_500), **ASKED, features=("health",), at_risk=risky)
    first, second = found.frame("advice").to_pylist()
    assert (first["account"], first["recommended"]) == ("Bolt", "call")
    assert second["recommended"] == "discount" and second["helps"] > 0.99
    assert "(call)" in first["similar_saved"] and "saved" in first["why"]
    assert Caveat.NOT_CAUSAL in {doubt.caveat for doubt in found.caveats}


def test_where_nothing_saves_anybody_nothing_is_recommended_but_by_bad_luck() -> None:
    risky = pd.DataFrame({"risk": ["angry"], "account": ["Bolt"]})
    told = [what_saves(episodes(s, 300, works=False), **ASKED, at_risk=risky) for s in range(30)]
    assert sum(bool(one.frame("advice").to_pylist()[0]["recommended"]) for one in told) <= 8
    beyond = sum(row["low"] > 0 for one in told for row in one.frame("effects").to_pylist())
    assert beyond <= 0.05 * 30 * 6


def test_few_tries_claim_little() -> None:
    """Three calls that saved three of three are no certainty."""
    frame = episodes(3, 300, works=False)
    frame = frame[frame["done"] == "left alone"]
    lucky = pd.DataFrame(
        {"done": ["call"] * 3, "risk": ["angry"] * 3, "saved": [True] * 3, "account": ["x"] * 3}
    )
    row = what_saves(pd.concat([frame, lucky]), **ASKED).frame("effects").to_pylist()[0]
    assert row["raw"] > 0.5 > row["effect"] and row["low"] < 0.1


def test_a_profile_may_be_a_number_or_nothing() -> None:
    frame = episodes(1, 600)
    by_health = what_saves(frame, intervention="done", saved="saved", profile="health").frame("effects")
    assert len(set(by_health["profile"].to_pylist())) == 3
    everybody = what_saves(frame, intervention="done", saved="saved").frame("effects")
    assert set(everybody["profile"].to_pylist()) == {"everybody"}
    with pytest.raises(QuestionError, match="Nobody was 'nobody'"):
        what_saves(frame, intervention="done", saved="saved", control="nobody")

"""What another policy would have brought, where it is known what it would have."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sevenfold.errors import InputError
from sevenfold.learning.off_policy import Logged, difference, evaluate
from sevenfold.learning.policies import evaluate_policy
from sevenfold.learning.reward_model import cross_fitted
from sevenfold.measures.answer import QuestionError

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
RATES = np.array([0.05, 0.10, 0.20])
WORLDS = 150
"""So many that a share covered of 95 % is told from 90 %."""
CHOSEN = np.array([0.6, 0.3, 0.1])


@cache
def world(seed: int, n: int = 1_500) -> tuple[Logged, pd.DataFrame]:
    """Three actions of known rates under a policy that prefers the worst; the target prefers the best."""
    chance = np.random.Generator(np.random.PCG64(seed))
    context = chance.normal(size=n)
    action = chance.choice(3, size=n, p=CHOSEN)
    rate = RATES[action] * np.where(context > 0, 1.5, 0.5)
    reward = (chance.random(n) < rate).astype(float)
    target = np.array([0.1, 0.2, 0.7])
    predicted, expected = cross_fitted(context[:, None], action, reward, target)
    frame = pd.DataFrame({"context": context, "action": action, "reward": reward, "p": CHOSEN[action]})
    return Logged(reward, CHOSEN[action], target[action], None, predicted, expected), frame


TRUTH = float(RATES @ np.array([0.1, 0.2, 0.7]))


def test_every_method_covers_the_truth_as_often_as_it_claims() -> None:
    runs = [evaluate(world(seed)[0]) for seed in range(WORLDS)]
    for place, method in enumerate(("ips", "snips", "dr")):
        found = [run.values[place] for run in runs]
        assert {one.method for one in found} == {method}
        assert np.mean([one.value for one in found]) == pytest.approx(TRUTH, abs=0.006)
        covered = np.mean([one.low <= TRUTH <= one.high for one in found])
        assert 0.90 <= covered <= 0.99, method


def test_a_model_of_rewards_narrows_the_interval() -> None:
    runs = [evaluate(world(seed)[0]).values for seed in range(WORLDS)]
    assert np.mean([run[2].error for run in runs]) < np.mean([run[0].error for run in runs])


def test_the_gain_is_told_against_what_was_logged_on_the_same_decisions() -> None:
    gains = [difference(world(seed)[0]) for seed in range(WORLDS)]
    truth = TRUTH - float(RATES @ CHOSEN)
    assert 0.90 <= np.mean([one.low <= truth <= one.high for one in gains]) <= 0.99


def test_decisions_of_one_person_are_worth_less_than_as_many_of_several() -> None:
    logged, _ = world(3, 800)
    reward, propensity, target = (
        np.repeat(one[:200], 4) for one in (logged.reward, logged.propensity, logged.target)
    )
    alike = Logged(reward, propensity, target, np.repeat(np.arange(200), 4))
    alone = Logged(alike.reward, alike.propensity, alike.target)
    assert evaluate(alike).values[0].error == pytest.approx(2 * evaluate(alone).values[0].error, rel=0.02)


def test_decisions_worth_too_few_are_refused_with_what_it_would_take() -> None:
    two = np.arange(1_000) < 2
    rare = Logged(np.ones(1_000), np.where(two, 0.0005, 0.9), np.where(two, 1.0, 0.0))
    found = evaluate(rare)
    assert not found.values and found.best is None
    assert "worth 2.0" in found.refused[0] and "about 50,000 decisions" in found.needed[0]


def test_propensities_that_are_not_those_of_the_decisions_are_noticed() -> None:
    logged, _ = world(5)
    wrong = Logged(logged.reward, logged.propensity * 0.5, logged.target)
    assert any("instead of 1" in reason for reason in evaluate(wrong).refused)


@pytest.mark.parametrize("propensity", [0.0, -0.1, 1.5, float("nan")])
def test_what_is_no_probability_is_refused(propensity: float) -> None:
    with pytest.raises(InputError, match="1 of 2 decisions have a propensity that is none"):
        Logged(np.ones(2), np.array([0.5, propensity]), np.ones(2))


def test_a_policy_that_is_none_and_an_action_never_taken_are_said() -> None:
    _, frame = world(1, 200)
    asked = {"action": "action", "reward": "reward", "propensity": "p"}
    with pytest.raises(QuestionError, match="is no policy"):
        evaluate_policy(frame, **asked, policy="best")
    with pytest.raises(QuestionError, match="was never taken"):
        evaluate_policy(frame, **asked, policy="always:7")


# ------------------------------------------------------------------------------------------------- public
# data


def bandit(name: str) -> pd.DataFrame:
    path = DATA / "open_bandit" / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip("shared/data/open_bandit is not here")
    return pd.read_csv(path)


ASKED = {"action": "item_id", "reward": "click", "propensity": "propensity_score"}


def test_open_bandit_men_tell_the_uniform_policys_rate() -> None:
    """The rate under the uniform policy, measured by running it, is 0.0046."""
    features = ("position", "user_feature_0", "user_feature_1", "user_feature_2", "user_feature_3")
    found = evaluate_policy(bandit("bts_men"), **ASKED, context=features)
    assert found["ips"].value == pytest.approx(0.003009, abs=1e-6)
    assert found["ips"].n == 656
    low, high = found["dr"].low, found["dr"].high
    assert low is not None and high is not None and low <= 0.0046 <= high
    measured = evaluate_policy(bandit("random_men"), **ASKED)
    assert measured["logged"].value == pytest.approx(0.0046) == measured["snips"].value


def test_open_bandit_women_are_refused() -> None:
    found = evaluate_policy(bandit("bts_women"), **ASKED)
    assert "worth 2.1 under this policy" in found.sentence and found["logged"].value == pytest.approx(0.0046)
    with pytest.raises(KeyError):
        found["ips"]


@pytest.mark.parametrize(
    ("arm", "rate"), [("Mens E-Mail", 0.182757), ("Womens E-Mail", 0.151400), ("No E-Mail", 0.106167)]
)
def test_hillstrom_tells_what_each_arm_for_everybody_would_bring(arm: str, rate: float) -> None:
    path = DATA / "hillstrom" / "hillstrom.csv.gz"
    if not path.exists():
        pytest.skip("shared/data/hillstrom is not here")
    found = evaluate_policy(
        pd.read_csv(path), action="segment", reward="visit", propensity="0.333333", policy=f"always:{arm}",
        context=("recency", "history", "mens", "womens", "newbie", "zip_code", "channel"),
    )  # fmt: skip
    for method in ("ips", "snips", "dr"):
        low, high = found[method].low, found[method].high
        assert low is not None and high is not None and low <= rate <= high

"""Whom an action changes, where it is known whom it does; and nothing where it changes nobody."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sevenfold.errors import InputError
from sevenfold.learning.meta_learners import Learner, effects
from sevenfold.learning.policy_learning import learn_policy
from sevenfold.learning.qini import curve
from sevenfold.learning.regret import bandit_regret, play
from sevenfold.learning.uplift import class_lists, uplift
from sevenfold.measures.answer import Caveat, QuestionError

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
ASKED = {"treatment": "arm", "outcome": "bought", "features": ("a", "b", "c")}


@cache
def world(seed: int, n: int = 4_000, *, works: bool = True, members: int = 1) -> pd.DataFrame:
    """``a`` says whom the mail moves: +0.3 of the upper third, -0.2 of the lower; ``b`` who buys anyway."""
    chance = np.random.Generator(np.random.PCG64(seed))
    units = n // members
    a, b, c = (np.repeat(chance.random(units), members) for _ in range(3))
    treated = np.repeat(chance.random(units) < 0.5, members)
    effect = np.where(a > 2 / 3, 0.3, np.where(a < 1 / 3, -0.2, 0.0)) if works else np.zeros(n)
    bought = chance.random(n) < 0.25 + 0.4 * b + treated * effect
    return pd.DataFrame(
        {
            "a": a, "b": b, "c": c, "arm": np.where(treated, "mail", "control"), "bought": bought,
            "effect": effect, "who": [f"user-{i}" for i in range(n)],
            "account": np.repeat(np.arange(units), members),
        }
    )  # fmt: skip


@pytest.mark.parametrize("learner", ["t", "x", "dr"])
def test_those_who_change_are_found_by_models_that_have_not_seen_them(learner: Learner) -> None:
    found = uplift(world(1), **ASKED, learner=learner, name="who")
    qini = found["qini"]
    assert qini.low is not None and qini.low > 0
    rows = {row["class"]: row for row in found.frame("classes").to_pylist()}
    assert rows["persuadable"]["low"] > 0.1 and rows["do_not_disturb"]["high"] < -0.05
    people = found.frame("people").to_pandas()
    moved = world(1).effect[people["class"] == "persuadable"]
    assert moved.mean() > 0.18
    assert np.array_equal(people["uplift"], np.round(people["effect"] * 1e6).astype(int))


def test_sure_things_buy_anyway_and_lost_causes_do_not() -> None:
    rows = {row["class"]: row for row in uplift(world(1), **ASKED).frame("classes").to_pylist()}
    assert rows["sure_thing"]["untreated"] > 0.45 > rows["lost_cause"]["untreated"]


def test_where_nothing_works_hardly_ever_anything_is_claimed() -> None:
    claimed = 0
    for seed in range(20):
        found = uplift(world(100 + seed, 1_000, works=False), **ASKED)
        low = found["qini"].low
        assert low is not None
        if low > 0:
            claimed += 1
        else:
            assert found.frame("people")["class"].unique().to_pylist() == ["undecided"]
            assert "cannot be told" in found.sentence
    assert claimed <= 2


def test_an_account_with_many_members_is_one_unit() -> None:
    frame = world(3, 2_000, works=False, members=20)
    alone, together = uplift(frame, **ASKED), uplift(frame, **ASKED, cluster="account")

    def width(name: str) -> float:
        found = (alone if name == "alone" else together)["auuc"]
        assert found.low is not None and found.high is not None
        return found.high - found.low

    assert width("together") != pytest.approx(width("alone"), rel=0.02)
    assert Caveat.CLUSTERED in {doubt.caveat for doubt in together.caveats}


def test_who_was_treated_by_choice_and_not_by_chance_is_said() -> None:
    frame = world(5).copy()
    chosen = frame["b"] > np.random.Generator(np.random.PCG64(0)).random(len(frame))
    frame["arm"] = np.where(chosen, "mail", "control")
    found = uplift(frame, **ASKED)
    assert "can be foretold" in next(d.text for d in found.caveats if d.caveat is Caveat.NOT_CAUSAL)
    assert Caveat.NOT_CAUSAL not in {doubt.caveat for doubt in uplift(world(5), **ASKED).caveats}


def test_the_areas_cover_the_truth_as_often_as_they_claim() -> None:
    covered = []
    for seed in range(80):
        chance = np.random.Generator(np.random.PCG64(seed))
        rank, noise = chance.random(600), chance.normal(size=600)
        # The effect of a case is its rank: over all the Qini is E[tau(1 - F)] - E[tau] / 2 = 1/2 x 1/6.
        found = curve(rank, rank + noise, draws=100, seed=seed).qini
        covered.append(found.low <= 1 / 12 <= found.high)
    assert 0.88 <= np.mean(covered) <= 0.99


def test_a_ranking_that_tells_nobody_apart_gains_nothing() -> None:
    score = np.random.Generator(np.random.PCG64(2)).normal(1.0, 1.0, 500)
    found = curve(np.zeros(500), score)
    assert found.qini.value == pytest.approx(0, abs=0.002) and found.effect.value == pytest.approx(
        score.mean()
    )


def test_classes_become_lists_that_can_be_imported() -> None:
    texts = class_lists(uplift(world(1), **ASKED, name="who"))
    assert set(texts) == {"persuadable", "sure_thing", "lost_cause", "do_not_disturb"}
    head, *rows = texts["persuadable"].split()
    assert head == "user_id" and rows[0].startswith("user-")
    with pytest.raises(QuestionError, match="Nobody has a name"):
        class_lists(uplift(world(1), **ASKED))


def test_a_question_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(QuestionError, match="Nothing is known"):
        uplift(world(1), treatment="arm", outcome="bought", features=())
    with pytest.raises(InputError, match="too few to learn from"):
        uplift(world(1).head(40), **ASKED)
    with pytest.raises(InputError, match="always or never treated"):
        effects(np.zeros((4, 1)), np.array([True, False] * 2), np.zeros(4), np.ones(4))


# ------------------------------------------------------------------------------------------ learned policies


def arms(seed: int, *, differ: bool) -> pd.DataFrame:
    """Three actions; where they ``differ``, which is best depends on ``x``."""
    chance = np.random.Generator(np.random.PCG64(seed))
    x, taken = chance.random(6_000), chance.integers(0, 3, 6_000)
    rates = (
        np.stack([0.2 + 0 * x, 0.1 + 0.4 * x, 0.5 - 0.4 * x], axis=1) if differ else np.full((6_000, 3), 0.3)
    )
    reward = chance.random(6_000) < rates[np.arange(6_000), taken]
    return pd.DataFrame({"x": x, "action": np.array(["a", "b", "c"])[taken], "reward": reward.astype(float)})


POLICY = {"action": "action", "reward": "reward", "context": ("x",)}


def test_a_policy_that_is_better_beats_the_best_single_action() -> None:
    found = learn_policy(arms(1, differ=True), **POLICY)
    low = found["gain"].low
    assert low is not None and low > 0 and "beats it" in found.sentence
    # The truth: the better of two lines against one of them, 0.4 against 0.3.
    assert found["learned"].value == pytest.approx(0.4, abs=0.03)


def test_no_policy_beats_anything_where_actions_are_alike() -> None:
    beaten = sum("beats it (" in learn_policy(arms(s, differ=False), **POLICY).sentence for s in range(15))
    assert beaten <= 1


# ----------------------------------------------------------------------------------------------- public data


def hillstrom() -> pd.DataFrame:
    path = DATA / "hillstrom" / "hillstrom.csv.gz"
    if not path.exists():
        pytest.skip("shared/data/hillstrom is not here")
    return pd.read_csv(path)


KNOWN = ("recency", "history", "mens", "womens", "newbie", "zip_code", "channel")


def test_hillstrom_womens_mail_changes_some_more_than_others() -> None:
    found = uplift(
        hillstrom(),
        treatment="segment",
        arm="Womens E-Mail",
        outcome="visit",
        features=KNOWN,
        models="linear",
    )
    effect, qini = found["effect"], found["qini"]
    assert effect.value == pytest.approx(0.0452, abs=0.001) and qini.low is not None and qini.low > 0.003
    assert {row["class"] for row in found.frame("classes").to_pylist() if row["claimed"]} >= {"persuadable"}


def test_hillstrom_with_arms_dealt_anew_claims_nothing() -> None:
    frame = hillstrom().sample(12_000, random_state=3)
    chance = np.random.Generator(np.random.PCG64(9))
    frame["segment"] = chance.permutation(frame["segment"].to_numpy())
    found = uplift(
        frame, treatment="segment", arm="Mens E-Mail", outcome="visit", features=KNOWN, models="linear"
    )
    assert "That it changes anything is not shown" in found.sentence and "cannot be told" in found.sentence


def test_hillstroms_learned_policy_says_that_it_does_not_beat_mens_for_all() -> None:
    """Held out, choosing by person is worth no more than the better e-mail for everybody, and is not claimed
    to.
    """
    found = learn_policy(
        hillstrom(), action="segment", reward="visit", context=KNOWN, propensity="0.333333", models="linear"
    )
    assert "`always Mens E-Mail`" in found.sentence and "does not beat it beyond doubt" in found.sentence
    known = {"Mens E-Mail": 0.182757, "Womens E-Mail": 0.151400, "No E-Mail": 0.106167}
    rows = {row["policy"]: row for row in found.frame("values").to_pylist()}
    for arm, rate in known.items():
        assert rows[f"always {arm}"]["low"] <= rate <= rows[f"always {arm}"]["high"]


def test_upworthys_tests_would_have_lost_half_as_much_with_a_bandit() -> None:
    path = DATA / "upworthy" / "upworthy_question.csv.gz"
    if not path.exists():
        pytest.skip("shared/data/upworthy is not here")
    frame = pd.read_csv(path)
    some = frame[frame["id"].isin(frame["id"].unique()[:800])]
    found = bandit_regret(some, test="id", arm="question", shown="impressions", hits="clicks", rounds=25)
    saved = found["saved"]
    assert saved.low is not None and saved.low > 0 and (found["saved_share"].value or 0) > 0.5


def test_a_bandit_saves_nothing_where_arms_are_alike() -> None:
    played = play(np.full((50, 2), 0.1), np.full(50, 1_000), rounds=10)
    assert not played.bandit.any() and not played.uniform.any()

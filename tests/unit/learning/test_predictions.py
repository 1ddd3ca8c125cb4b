"""Predictions from a history: examples without leaks, models that are judged, explained, and written out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from sevenfold.engine import Fold
from sevenfold.engine.definition import UNDEFINED, record_of
from sevenfold.learning.asked import Asked, Fallback, asked_of
from sevenfold.learning.evaluating import FOLDS, folds_of
from sevenfold.learning.features import Feature, Texts, chosen_features, matrix
from sevenfold.learning.looking import Looking, gather, step_of
from sevenfold.learning.outcomes import population
from sevenfold.learning.records import PredictionModel
from sevenfold.learning.scoring import UNKNOWN, drift_of, explain, frames_of, predictor_from, score, subjects
from sevenfold.learning.training import Trained, train
from sevenfold.playback.feed import Step
from sevenfold.workspace.models import Count, Lifecycle, Stage, Trait
from tests.unit.learning.predicting import DAY, DAYS, START, history, steps, track, workspace

EVENTS = history()


@pytest.fixture(scope="module")
def club() -> Looking:
    """Everything the history says about who leaves."""
    model = workspace()
    return gather(model, asked_of(model), steps(EVENTS))


@pytest.fixture(scope="module")
def learned(club: Looking) -> Trained:
    return train(club.predictions["leaving"], list(club.looks["leaving"]), club.fold.t)


def parameters(trained: Trained) -> Any:
    """What a record says of a model, after its way through JSON."""
    return json.loads(msgspec.json.encode(trained.model.parameters))


def test_outcomes_are_those_of_the_horizon_after_the_look(club: Looking) -> None:
    left = {event["userId"]: event["timestamp"] for event in EVENTS if event.get("event") == "Left"}
    fold, asked = club.fold, club.predictions["leaving"]
    for look in club.looks["leaving"]:
        t = look.frame.time
        ids = [fold.identity.identifiers(row)["user_id"][0] for row in look.frame.rows.tolist()]
        wanted = [t < left.get(one, 0) <= t + asked.horizon_ms for one in ids]
        assert look.outcome.tolist() == wanted
        assert all(left.get(one, t + 1) > t for one in ids), "who has left is not asked about"


def test_cells_whose_horizon_is_not_over_are_left_out(club: Looking) -> None:
    asked = club.predictions["leaving"]
    last = max(int(event["timestamp"]) for event in EVENTS)
    times = [look.frame.time for look in club.looks["leaving"]]
    assert times and max(times) + asked.horizon_ms <= last
    assert max(times) + asked.horizon_ms + step_of(asked) > last
    assert all(time % step_of(asked) == 0 for time in times)


def test_features_are_what_a_replay_until_then_shows(club: Looking) -> None:
    look = club.looks["leaving"][2]
    t = look.frame.time
    model = workspace()
    until = [event for event in EVENTS if int(event["timestamp"]) <= t]
    short = gather(model, asked_of(model), steps(until), until=t)
    for row, visits, since in zip(
        look.frame.rows.tolist(),
        look.frame.columns["visits_7d"],
        look.frame.columns["since_visit"],
        strict=True,
    ):
        shown = short.fold.read("person", row)["signals"]
        assert visits == shown["visits_7d"]
        assert since * DAY == pytest.approx(shown["since_visit"])


def test_a_signal_fed_after_the_outcome_tells_a_model_nothing(club: Looking, learned: Trained) -> None:
    # Goodbyes are said in the very second after leaving: read a moment too late they would tell everything.
    names = {one.source for one in chosen_features([look.frame for look in club.looks["leaving"]])}
    assert "farewells" not in names and "times_left" not in names
    assert not learned.model.quality["suspects"]
    assert learned.model.quality["auc"][0] < 0.95


def test_a_trait_made_of_the_outcome_is_suspected() -> None:
    model = workspace(features=["visits_7d", "trait.told_before"])
    found = gather(model, asked_of(model), steps(EVENTS))
    trained = train(found.predictions["leaving"], list(found.looks["leaving"]), found.fold.t)
    assert [one["feature"] for one in trained.model.quality["suspects"]] == ["trait.told_before"]
    assert "leak_suspected" in [one["code"] for one in trained.model.quality["caveats"]]


def test_what_is_excluded_is_never_read() -> None:
    model = workspace(features=["visits_7d", "trait.told_before"], excluded=["trait.told_before"])
    found = Looking(model, asked_of(model))
    assert found.sources["leaving"] == ["visits_7d"]


def test_a_model_is_judged_on_a_later_time(learned: Trained) -> None:
    quality = learned.model.quality
    assert quality["method"] == "model" and quality["split"] == "time"
    assert quality["auc"][1] > 0.6 and quality["gain"] > 0.1
    assert quality["importance"][-1]["feature"] == "noise"
    assert sum(one["n"] for one in quality["reliability"]) == quality["n"]


def test_the_same_history_gives_the_same_version(club: Looking, learned: Trained) -> None:
    again = train(club.predictions["leaving"], list(club.looks["leaving"]), club.fold.t)
    assert again.model == learned.model


def test_who_follows_a_log_has_the_examples_of_who_reads_it_again(club: Looking) -> None:
    model = workspace()
    followed = gather(model, asked_of(model), steps(EVENTS, size=7))
    for one, other in zip(club.looks["leaving"], followed.looks["leaving"], strict=True):
        assert one.frame.time == other.frame.time
        assert np.array_equal(one.outcome, other.outcome)
        assert np.array_equal(one.frame.numbers, other.frame.numbers)


def test_no_subject_is_in_two_folds() -> None:
    subjects = np.repeat(np.arange(1, 2_001), 3)
    folds = folds_of(subjects, FOLDS)
    assert all(len(set(folds[subjects == one].tolist())) == 1 for one in range(1, 200))
    assert np.bincount(folds[::3]).min() > 300


def test_values_come_from_the_record_alone_and_however_rows_are_cut(club: Looking, learned: Trained) -> None:
    asked = club.predictions["leaving"]
    fresh = predictor_from(parameters(learned))
    whole, cut = score(club.fold, asked, fresh), score(club.fold, asked, fresh, chunk=7)
    assert np.array_equal(whole.values, cut.values) and np.array_equal(whole.rows, cut.rows)
    assert whole.known() == len(whole.rows) > 50
    assert whole.values.min() >= 0 and whole.values.max() <= 1_000_000


def test_contributions_add_up_to_the_log_odds(club: Looking, learned: Trained) -> None:
    predictor = predictor_from(parameters(learned))
    frame, _ = next(frames_of(club.fold, club.predictions["leaving"], predictor.sources))
    for one in explain(predictor, frame, count=100):
        total = one.base + sum(each.added for each in one.contributions)
        assert total == pytest.approx(one.log_odds, abs=1e-9)


def test_below_the_minimum_rates_of_groups_stand_in_and_say_so(club: Looking) -> None:
    asked = replace(club.predictions["leaving"], minimum_outcomes=500)
    trained = train(asked, list(club.looks["leaving"]), club.fold.t)
    assert trained.method == "prior" and [one["code"] for one in trained.caveats] == ["prior"]
    values = score(club.fold, asked, predictor_from(parameters(trained)))
    rows = values.rows[np.argsort(values.values, kind="stable")]
    visits = [club.fold.read("person", row)["signals"]["visits_7d"] for row in rows.tolist()]
    assert np.mean(visits[:30]) > np.mean(visits[-30:]), "whoever comes less is told a higher rate"


def test_without_any_outcome_the_score_stands_in(club: Looking) -> None:
    trained = train(club.predictions["leaving"], [], club.fold.t)
    assert trained.method == "score"
    asked = club.predictions["leaving"]
    values = score(club.fold, asked, predictor_from(parameters(trained)))
    shown = club.fold.read("person", int(values.rows[0]))["scores"]["health"]["value"]
    assert values.values[0] == round((100 - shown) * 10_000)


def test_without_outcomes_or_a_score_nothing_is_told(club: Looking) -> None:
    asked = replace(club.predictions["leaving"], fallback=None)
    trained = train(asked, [], club.fold.t)
    assert trained.method == "none"
    assert (score(club.fold, asked, predictor_from(parameters(trained))).values == UNKNOWN).all()


def test_a_condition_that_becomes_true_is_a_target() -> None:
    model = workspace(target={"when": "visits_7d == 0"}, horizon="7d")
    (asked,) = asked_of(model)
    found = gather(model, [asked], steps(EVENTS))
    look = found.looks["leaving"][-1]
    assert (look.frame.columns["visits_7d"] > 0).all(), "who is there already is no case"
    assert 0 < look.outcome.sum() < len(look.outcome)


def test_drift_is_seen_when_others_come(club: Looking, learned: Trained) -> None:
    predictor = predictor_from(parameters(learned))
    asked = club.predictions["leaving"]
    steady = drift_of(club.fold, asked, predictor)
    assert steady is not None
    after = START + (DAYS + 7) * DAY
    busy = [track(one, "Visited", after + one * 60_000 + when) for one in range(240) for when in range(40)]
    model = workspace()
    moved = gather(model, asked_of(model), steps([*EVENTS, *busy]))
    drifted = drift_of(moved.fold, asked, predictor)
    assert drifted is not None and drifted.verdict == "drifted" and drifted.scores > steady.scores
    assert "visits_7d" in [name for name, index in drifted.features[:3] if index > 1]


def test_a_record_says_everything_that_scores_need(learned: Trained) -> None:
    told = msgspec.json.decode(msgspec.json.encode(learned.model), type=PredictionModel)
    assert told == learned.model and len(told.version) == 16
    assert told.as_of <= told.trained_at
    assert len(msgspec.json.encode(told.quality)) < 64 * 1024


def test_matrices_have_unknown_where_nothing_is_known(club: Looking) -> None:
    look = club.looks["leaving"][0]
    features = chosen_features([look.frame])
    x = matrix(look.frame, features)
    assert x.shape == (len(look.outcome), len(features))
    assert not np.isnan(x[:, [one.source for one in features].index("visits_7d")]).any()


def test_an_asked_prediction_names_its_stream() -> None:
    entered = Asked(
        "churn", "account", ("$stage account/churned",), 60 * DAY, fallback=Fallback("health", True)
    )
    assert entered.standing == ("account", "churned") and entered.events == ("$stage account/churned",)
    becomes = Asked("quiet", "person", (), 7 * DAY, becomes="visits == 0")
    assert becomes.events == ("$segment learning of quiet becomes",) and becomes.standing is None


def test_what_the_account_knows_may_be_a_feature_of_its_people() -> None:
    model = workspace()
    signals = {**model.signals, "seats": Count(of="account", event="Seat Added")}
    traits = {**model.traits, "plan_of_account": Trait(of="account")}
    lifecycle = Lifecycle(stages=[Stage(name="new"), Stage(name="regular", enter="visits_7d >= 3")])
    model = msgspec.structs.replace(
        model, signals=signals, traits=traits, lifecycles={"course": lifecycle},
    )  # fmt: skip
    (asked,) = asked_of(model)
    names = ("visits_7d", "account.seats", "account.trait.plan_of_account", "stage.course")
    asked = replace(asked, features=names)
    told = [
        {"type": "group", "userId": "user-1", "groupId": "acme", "traits": {"plan_of_account": "gold"},
         "messageId": "g", "timestamp": START + 2},
        {**track(1, "Seat Added", START + 3), "context": {"groupId": "acme"}},
    ]  # fmt: skip
    first = [event for event in EVENTS if int(event["timestamp"]) < START + 20 * DAY]
    events = sorted([*first, *told], key=lambda event: int(event["timestamp"]))
    found = gather(model, [asked], steps(events), until=START + 40 * DAY)
    frame = found.looks["leaving"][0].frame
    ids = [found.fold.identity.identifiers(row)["user_id"][0] for row in frame.rows.tolist()]
    seats, plan = frame.columns["account.seats"], frame.columns["account.trait.plan_of_account"]
    place = ids.index("user-1")
    assert isinstance(seats, np.ndarray) and isinstance(plan, Texts)
    assert seats[place] == 1 and plan.meaning(int(plan.codes[place])) == "gold"
    assert np.delete(plan.codes, place).max() == 0, "without an account it is unknown"
    assert "stage.course = regular" in [one.name for one in chosen_features([frame])]


def test_names_of_features_are_for_people() -> None:
    assert Feature("learning of stage customer").name == "days in stage.customer"
    assert Feature("stage.customer", "trial").name == "stage.customer = trial"


def test_records_of_definitions_have_their_numbers_and_change_nothing() -> None:
    model = workspace()
    other = record_of(workspace(horizon="28d"))
    first = [event for event in EVENTS if int(event["timestamp"]) < START + 10 * DAY]
    found = Looking(model, asked_of(model))
    found.take(Step(START - 1, control=other))
    for step in steps(first):
        found.take(step)
    live = Fold(UNDEFINED)
    live.tell(START - 1, record_of(model))
    for step in steps(first):
        live.events(step.events)
    rows = population(found.fold, found.predictions["leaving"])
    mine = subjects(found.fold, "person", rows)
    assert mine and mine == subjects(live, "person", rows), "ids are those of the service"
    visits = [found.fold.read("person", row)["signals"]["visits_7d"] for row in rows.tolist()]
    assert visits == [live.read("person", row)["signals"]["visits_7d"] for row in rows.tolist()]

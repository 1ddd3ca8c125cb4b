"""Lift and attribution over a warehouse in which the truth is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sevenfold.measures import ask
from sevenfold.measures.answer import Caveat, QuestionError
from sevenfold.measures.attribution import Attribution
from sevenfold.measures.lift import Lift
from sevenfold.warehouse.duck import DuckWarehouse
from tests.edges.measures.filled import DAY, START, event, filled, order

PEOPLE, HELD, NOW = 4_000, 0.3, START + 90 * DAY


def world() -> dict[str, list[dict[str, Any]]]:
    """4,000 people enter `welcome` over 40 days, three in ten as ghosts. The message makes 30% buy, not 20%,
    for 20 each; everybody who bought before buys more. Somebody gets a second message, and person 4000 became
    part of person 1.
    """
    rng = np.random.default_rng(11)
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("events", "assignments", "run_starts", "decisions", "outcomes", "goals",
                              "contaminations")
    }  # fmt: skip
    for person in range(1, PEOPLE + 1):
        ghost = person == 1 or (person < PEOPLE and rng.random() < HELD)
        entered = START + int(rng.uniform(30, 70) * DAY)
        keen = rng.random() < 0.5
        run, message = 10**6 + person, 2 * 10**6 + person
        who = {"subject": person, "time": entered, "journey": "welcome", "run": run}
        rows["run_starts"].append({**who, "ghost": "journey" if ghost else ""})
        rows["assignments"].append({
            **who, "kind": "holdout", "experiment": "welcome", "arm": "control" if ghost else "treated",
            "level": "journey" if ghost else "", "probability": HELD if ghost else 1 - HELD,
        })  # fmt: skip
        rows["decisions"].append({
            **who, "time": entered + DAY, "person": person, "kind": "would_send" if ghost else "message",
            "message": 0 if ghost else message, "template": "hello", "channel": "email", "ghost": ghost,
            "step": "mail",
        })  # fmt: skip
        if not ghost:
            rows["outcomes"].append({
                **who, "time": entered + DAY + 1, "message": message, "outcome": "sent", "template": "hello",
                "channel": "email",
            })  # fmt: skip
        if keen:
            rows["events"].append(order(person, entered - 5 * DAY, 20))
        chance = 0.1 + 0.2 * keen + (0.0 if ghost else 0.1)
        if rng.random() < chance:
            rows["events"].append(order(person, entered + 3 * DAY, 20))
            rows["goals"].append({**who, "time": entered + 3 * DAY, "goal": "bought", "ghost": ghost})
    rows["contaminations"].append(
        {"subject": 2, "journey": "welcome", "time": NOW - DAY, "experiments": "holdout"}
    )
    return rows


@pytest.fixture(scope="module")
def warehouse() -> Iterator[DuckWarehouse]:
    found = filled(world(), now=NOW, forwards={PEOPLE: 1})
    yield found
    found.close()


def test_lift_finds_the_effect_that_is_there(warehouse: DuckWarehouse) -> None:
    answer = ask(warehouse, Lift(journey="welcome", metrics=("goal", "revenue", "orders")))
    goal, revenue = answer["goal:welcome"], answer["revenue:welcome"]
    assert goal.low is not None and goal.high is not None and revenue.low is not None
    assert 0 < goal.low < 0.1 < goal.high < 0.2
    assert revenue.low > 0 and answer["goal:welcome:relative"].value == pytest.approx(0.5, abs=0.15)
    assert "higher with welcome than with its ghosts" in answer.sentence
    caveats = {doubt.caveat for doubt in answer.caveats}
    assert caveats == {Caveat.CONTAMINATED_LEFT_OUT, Caveat.MULTIPLE_TESTS}


def test_what_people_did_before_narrows_the_interval(warehouse: DuckWarehouse) -> None:
    plain, adjusted = (
        ask(warehouse, Lift(journey="welcome", metrics=("revenue",), adjusted=adjusted))
        .frame()
        .to_pylist()[0]
        for adjusted in (False, True)
    )
    assert plain["variance_reduction"] == 0.0 < 0.02 < adjusted["variance_reduction"]
    assert adjusted["high"] - adjusted["low"] < plain["high"] - plain["low"]


def test_a_message_is_compared_with_those_who_would_have_got_it(warehouse: DuckWarehouse) -> None:
    answer = ask(warehouse, Lift(journey="welcome", message="hello", metrics=("Order Completed",)))
    found = answer["Order Completed:welcome/hello"]
    assert found.low is not None and found.high is not None and 0 < found.low < 0.1 < found.high


def test_credit_says_more_than_ghosts_bear_out(warehouse: DuckWarehouse) -> None:
    row = ask(warehouse, Lift(journey="welcome", metrics=("revenue",))).frame("credited").to_pylist()[0]
    assert row["attributed"] > row["incremental_high"] > row["incremental"] > row["incremental_low"] > 0


def test_people_merged_across_arms_are_left_out(warehouse: DuckWarehouse) -> None:
    before = ask(warehouse.as_of(START), Lift(journey="welcome", metrics=("goal",)))
    after = ask(warehouse, Lift(journey="welcome", metrics=("goal",)))
    assert sum(row["n"] for row in before.frame("arms").to_pylist()) == PEOPLE
    assert sum(row["n"] for row in after.frame("arms").to_pylist()) == PEOPLE - 2, (
        "one was a ghost, the other was not"
    )


def test_ratios_are_of_sums(warehouse: DuckWarehouse) -> None:
    row = ask(warehouse, Lift(journey="welcome", metrics=("revenue / orders",))).frame().to_pylist()[0]
    assert row["mean"] == pytest.approx(20.0) and row["control_mean"] == pytest.approx(20.0)


def test_whose_time_is_not_over_waits(warehouse: DuckWarehouse) -> None:
    answer = ask(warehouse, Lift(journey="welcome", metrics=("goal",), within="40d"))
    assert any(doubt.caveat is Caveat.INCOMPLETE_LEFT_OUT for doubt in answer.caveats)
    assert answer["goal:welcome"].n < PEOPLE


def test_every_journey_with_ghosts_when_none_is_named(warehouse: DuckWarehouse) -> None:
    assert ask(warehouse, Lift(metrics=("goal",))).frame().column("arm").to_pylist() == ["welcome"]


def test_every_message_with_ghosts_and_every_split(warehouse: DuckWarehouse) -> None:
    messages = ask(warehouse, Lift(every="message", metrics=("Order Completed",)))
    assert messages.frame().column("arm").to_pylist() == ["welcome/hello"]
    splits = ask(split_world((300, 300)), Lift(every="split", metrics=("Clicked",)))
    row = splits.frame().to_pylist()[0]
    assert (row["arm"], row["control"]) == ("j/words short", "j/words long")
    assert ask(warehouse, Lift(every="task", metrics=("saved",))).frame().num_rows == 0


def test_without_ghosts_nothing_is_claimed(warehouse: DuckWarehouse) -> None:
    answer = ask(warehouse, Lift(journey="farewell", metrics=("goal",)))
    assert Caveat.NO_CONTROL in {doubt.caveat for doubt in answer.caveats}
    assert not answer.estimates and "Nobody was held out" in answer.sentence


def test_questions_that_make_no_sense_are_refused(warehouse: DuckWarehouse) -> None:
    for asked in (Lift(message="hello"), Lift(journey="a", split="b"), Lift(metrics=())):
        with pytest.raises(QuestionError):
            ask(warehouse, asked)


def clustered(seed: int, effect: float = 0.0) -> DuckWarehouse:
    """150 accounts of 1 to 20 people, assigned whole; people of an account are alike."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, Any]]] = {"assignments": [], "events": []}
    person = 0
    for account in range(1, 151):
        ghost, level = rng.random() < 0.5, rng.beta(1, 2)
        for _ in range(int(rng.integers(1, 21))):
            person += 1
            rows["assignments"].append({
                "subject": person, "time": START, "journey": "team", "kind": "holdout", "experiment": "team",
                "arm": "control" if ghost else "treated", "probability": 0.5, "account": account,
                "run": person,
            })  # fmt: skip
            if rng.random() < level + (0 if ghost else effect):
                rows["events"].append(event(person, START + DAY, "Used", account=account))
    return filled(rows, now=START + 60 * DAY)


def test_accounts_that_were_assigned_whole_are_noticed() -> None:
    asked = Lift(journey="team", metrics=("Used",))
    found = clustered(3)
    answer, people = ask(found, asked), ask(found, Lift(journey="team", metrics=("Used",), cluster="person"))
    assert Caveat.CLUSTERED in {doubt.caveat for doubt in answer.caveats}
    one, other = answer["Used:team"], people["Used:team"]
    assert (one.high or 0) - (one.low or 0) > 1.5 * ((other.high or 0) - (other.low or 0))


def split_world(sizes: tuple[int, int]) -> DuckWarehouse:
    rows: dict[str, list[dict[str, Any]]] = {"assignments": [], "events": [], "run_starts": []}
    person = 0
    for arm, size in zip(("short", "long"), sizes, strict=True):
        for i in range(size):
            person += 1
            who = {"subject": person, "time": START + i, "journey": "j", "run": person}
            rows["run_starts"].append(who)
            rows["assignments"].append(
                {
                    **who,
                    "kind": "split",
                    "experiment": "j/words",
                    "step": "words",
                    "arm": arm,
                    "probability": 0.5,
                }
            )
            if i % 10 < (4 if arm == "short" else 3):
                rows["events"].append(event(person, START + DAY, "Clicked"))
    return filled(rows, now=START + 60 * DAY)


def test_a_split_is_compared_with_one_of_its_paths() -> None:
    answer = ask(split_world((2_000, 2_000)), Lift(split="j/words", control="long", metrics=("Clicked",)))
    row = answer.frame().to_pylist()[0]
    assert (row["arm"], row["control"], row["verdict"]) == ("short", "long", "more")
    assert row["effect"] == pytest.approx(0.1)


def test_a_split_that_leaks_is_called_out() -> None:
    answer = ask(split_world((2_400, 2_000)), Lift(split="j/words", control="long", metrics=("Clicked",)))
    assert answer.caveats[0].caveat is Caveat.SAMPLE_RATIO and "2,400" in answer.caveats[0].text


def test_too_few_say_how_long_it_takes() -> None:
    answer = ask(split_world((150, 150)), Lift(split="j/words", control="long", metrics=("Clicked",)))
    assert answer.frame().to_pylist()[0]["verdict"] == "unclear"
    assert "more month" in answer.sentence or "more day" in answer.sentence


MODELS = {"first": (1.0, 0.0), "last": (0.0, 1.0), "linear": (0.5, 0.5), "u_shaped": (0.5, 0.5),
          "j_shaped": (0.25, 0.75), "participation": (1.0, 1.0), "time_decay": (1 / 3, 2 / 3)}  # fmt: skip


def test_models_share_out_an_order_between_two_touches() -> None:
    """A message of `a` eight days before, one of `b` a day before: a week apart, so decay is one to two."""
    decided = [
        {"subject": 1, "person": 1, "kind": "message", "time": START + day * DAY, "journey": journey,
         "message": day + 1, "template": journey, "channel": "email"}
        for day, journey in ((0, "a"), (7, "b"))
    ]  # fmt: skip
    sent = [{**row, "outcome": "sent"} for row in decided]
    orders = [order(1, START + 8 * DAY, 30)]
    warehouse = filled({"decisions": decided, "outcomes": sent, "events": orders}, now=START + 30 * DAY)
    answer = ask(warehouse, Attribution(lookback="14d"))
    rows = {row["journey"]: row for row in answer.frame("credit").to_pylist()}
    for model, (first, second) in MODELS.items():
        assert rows["a"][model] == pytest.approx(30 * first), model
        assert rows["b"][model] == pytest.approx(30 * second), model
    assert Caveat.NO_CONTROL in {doubt.caveat for doubt in answer.caveats}
    late = ask(warehouse, Attribution(lookback="2d")).frame("credit").to_pylist()
    assert [row["journey"] for row in late] == ["b"]


def test_attribution_stands_beside_what_was_added(warehouse: DuckWarehouse) -> None:
    row = ask(warehouse, Attribution(lookback="14d")).frame("credit").to_pylist()[0]
    assert row["last"] == pytest.approx(row["linear"]) and row["incremental"] < 0.6 * row["last"]

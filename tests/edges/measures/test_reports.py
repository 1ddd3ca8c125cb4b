"""Reports over warehouses in which every figure is known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sevenfold.measures import ask
from sevenfold.measures.activation import Activation
from sevenfold.measures.advocacy import Advocacy
from sevenfold.measures.answer import Answer, Caveat, QuestionError
from sevenfold.measures.calibration import Calibration
from sevenfold.measures.clv import Clv
from sevenfold.measures.journey_report import JourneyReport
from sevenfold.measures.league_table import LeagueTable
from sevenfold.measures.message_report import MessageReport
from sevenfold.measures.nps import Nps
from sevenfold.measures.post_purchase import PostPurchase
from sevenfold.measures.renewal_forecast import RenewalForecast
from sevenfold.measures.save_report import SaveReport
from sevenfold.warehouse.duck import DuckWarehouse
from tests.edges.measures.filled import DAY, START, event, filled, order

Rows = dict[str, list[dict[str, Any]]]


def caveats(answer: Answer) -> set[Caveat]:
    return {doubt.caveat for doubt in answer.caveats}


def journey_rows() -> Rows:
    """200 people enter `welcome`, 40 as ghosts; of the treated some are capped, the rest gets a mail; each
    fourth of the treated and each eighth of the ghosts reaches the goal. One person is refused.
    """
    rows: Rows = {name: [] for name in ("run_starts", "run_ends", "steps", "decisions", "outcomes", "goals",
                                        "assignments", "refusals", "events")}  # fmt: skip
    rows["refusals"].append(
        {"subject": 999, "time": START, "journey": "welcome", "reason": "already_entered"}
    )
    for i in range(200):
        person, run, ghost = i + 1, 1_000 + i, i % 5 == 0
        t = START + i * 1_000
        who = {"subject": person, "time": t, "journey": "welcome", "run": run}
        rows["run_starts"].append({**who, "ghost": "journey" if ghost else ""})
        rows["assignments"].append({
            **who, "kind": "holdout", "experiment": "welcome", "arm": "control" if ghost else "treated",
            "probability": 0.2 if ghost else 0.8,
        })  # fmt: skip
        rows["steps"].append({**who, "step": "mail", "change": "step", "visit": 1, "outcome": "sent"})
        capped = not ghost and i % 10 == 1
        said = {**who, "person": person, "step": "mail", "template": "hello", "channel": "email"}
        if capped:
            rows["decisions"].append({**said, "kind": "held", "reason": "capped"})
        elif ghost:
            rows["decisions"].append({**said, "kind": "would_send", "ghost": True})
        else:
            rows["decisions"].append({**said, "kind": "message", "message": 5_000 + i})
            for outcome in (
                "sent",
                "delivered",
                *(("opened",) if i % 2 else ()),
                *(("clicked",) if i % 4 == 1 else ()),
            ):
                rows["outcomes"].append({**said, "message": 5_000 + i, "outcome": outcome})
        if i % (8 if ghost else 4) == (0 if ghost else 2):
            rows["goals"].append({**who, "time": t + DAY, "goal": "bought", "ghost": ghost, "after": DAY})
            rows["events"].append(order(person, t + DAY, 10))
        rows["run_ends"].append(
            {**who, "time": t + 2 * DAY, "step": "mail", "reason": "completed" if i % 2 else "exit"}
        )
    return rows


@pytest.fixture(scope="module")
def journey() -> DuckWarehouse:
    return filled(journey_rows(), now=START + 60 * DAY)


def test_a_journey_from_end_to_end(journey: DuckWarehouse) -> None:
    answer = ask(journey, JourneyReport(journey="welcome"))
    assert (answer["entries"].value, answer["ghosts"].value) == (160, 40)
    tables = {name: answer.frame(name).to_pylist() for name in answer.tables}
    assert tables["refusals"] == [{"reason": "already_entered", "entries": 1}]
    assert [(row["reason"], row["messages"]) for row in tables["holds"]] == [("capped", 20)]
    assert sum(row["runs"] for row in tables["exits"]) == 160
    assert {row["reason"] for row in tables["exits"]} == {"completed", "exit"}
    mail = tables["messages"][0]
    assert (mail["decided"], mail["sent"], mail["delivered"]) == (140, 140, 140)
    assert list(mail)[-1] == "opened", "opens come last"
    goal = tables["goals"][0]
    assert (goal["goal"], goal["ghost_runs"]) == ("bought", 5)
    assert goal["rate"] == pytest.approx(goal["runs"] / 160)
    assert goal["rate_low"] < goal["rate"] < goal["rate_high"]
    assert tables["steps"][0]["ended_here"] == 160
    assert "160 runs of welcome" in answer.sentence


def test_a_journey_that_nobody_entered() -> None:
    answer = ask(filled({}, now=START), JourneyReport(journey="welcome"))
    assert Caveat.SAMPLE_TOO_SMALL in caveats(answer) and answer["goal_rate"].value is None
    with pytest.raises(QuestionError):
        ask(filled({}, now=START), JourneyReport(journey=""))


def test_messages_by_channel_with_opens_last(journey: DuckWarehouse) -> None:
    answer = ask(journey, MessageReport(by="channel", conversion="orders"))
    row = answer.frame("messages").to_pylist()[0]
    assert (row["name"], row["sent"], row["held"]) == ("email", 140, 20)
    assert row["click_rate_low"] < row["click_rate"] < row["click_rate_high"]
    assert list(row)[-1] == "opened" and "open" not in answer.sentence
    assert row["credited"] > 0
    assert "credited" not in ask(journey, MessageReport(by="category")).frame("messages").column_names


def league_rows() -> Rows:
    """Two journeys of 2,000: `offer` makes 30% instead of 15% buy for 40, `noise` does nothing."""
    rng = np.random.default_rng(5)
    rows: Rows = {name: [] for name in ("run_starts", "assignments", "decisions", "outcomes", "events",
                                        "transitions", "offers")}  # fmt: skip
    for i in range(4_000):
        person, name = i + 1, "offer" if i < 2_000 else "noise"
        ghost = bool(rng.random() < 0.5)
        who = {"subject": person, "time": START, "journey": name, "run": 10_000 + i}
        rows["run_starts"].append({**who, "ghost": "journey" if ghost else ""})
        rows["assignments"].append({
            **who, "kind": "holdout", "experiment": name, "arm": "control" if ghost else "treated",
            "probability": 0.5,
        })  # fmt: skip
        if not ghost:
            said = {**who, "person": person, "template": name, "channel": "sms", "message": 50_000 + i}
            rows["decisions"].append({**said, "kind": "message"})
            rows["outcomes"].append({**said, "outcome": "sent"})
        if rng.random() < (0.30 if name == "offer" and not ghost else 0.15):
            rows["events"].append(order(person, START + DAY, 40))
            if rng.random() < 0.4:
                rows["events"].append(order(person, START + 20 * DAY, 40))
        if rng.random() < (0.1 if name == "offer" and not ghost else 0.2):
            rows["transitions"].append(
                {**who, "lifecycle": "customer", "to_stage": "churned", "time": START + 5 * DAY}
            )
    rows["offers"] = [{"subject": 1, "time": START + DAY, "offer": "code", "change": "redeemed",
                       "journey": "offer",
                       "cost": 500.0}]  # fmt: skip
    rows["events"].append(order(1, START + 2 * DAY, 5, currency="USD"))
    return rows


def test_the_league_table_puts_first_who_is_sure_to_have_helped() -> None:
    answer = ask(filled(league_rows(), now=START + 120 * DAY), LeagueTable(costs=("sms=0.1",), margin=0.5))
    first, second = answer.frame("journeys").to_pylist()
    assert (first["journey"], second["journey"]) == ("offer", "noise")
    assert first["revenue_low"] > 0 and first["revenue_low"] < first["revenue"] < first["attributed_revenue"]
    assert second["revenue_low"] < 0 < second["revenue_high"]
    assert first["churn_high"] < 0 and first["retention_low"] is not None
    assert first["message_cost"] == pytest.approx(0.1 * first["sent"]) and first["offer_cost"] == 500
    assert first["roi"] == pytest.approx((0.5 * first["revenue"] - first["cost"]) / first["cost"])
    assert first["roi_low"] < first["roi"] < first["roi_high"]
    assert first["value_low"] is not None and first["value_low"] > 0
    assert {Caveat.MIXED_CURRENCIES, Caveat.MULTIPLE_TESTS} <= caveats(answer)
    assert "offer added most for certain" in answer.sentence


def test_no_journey_no_league() -> None:
    for wrong in ("sms", "=1", "sms=much", "sms=-1"):
        with pytest.raises(QuestionError):
            ask(filled({}, now=START), LeagueTable(costs=(wrong,)))
    assert ask(filled({}, now=START), LeagueTable()).sentence.startswith("No journey")


def scored(honest: bool) -> DuckWarehouse:
    """400 people with health 0..100; the lower, the likelier they churn within a month, or not."""
    rng = np.random.default_rng(6)
    rows: Rows = {"scores": [], "transitions": []}
    for person in range(1, 401):
        health = float(rng.uniform(0, 100))
        rows["scores"].append({"subject": person, "time": START, "score": "health", "value": health})
        if rng.random() < ((100 - health) / 120 if honest else 0.4):
            rows["transitions"].append({
                "subject": person, "time": START + 10 * DAY, "lifecycle": "customer", "to_stage": "churned",
            })  # fmt: skip
    return filled(rows, now=START + 31 * DAY)


def test_health_that_foretells_churn_is_told_from_health_that_does_not() -> None:
    good = ask(scored(True), Calibration(looks=1))["auc"]
    bad = ask(scored(False), Calibration(looks=1))["auc"]
    assert good.low is not None and good.low > 0.6 and good.n == 400
    assert bad.low is not None and bad.high is not None and bad.low < 0.5 < bad.high


def test_who_has_churned_already_is_no_case() -> None:
    answer = ask(scored(True), Calibration(looks=1, within="15d"))
    assert answer["auc"].n < 400
    with pytest.raises(QuestionError):
        ask(scored(True), Calibration(outcome="stage:churned"))


def test_after_the_purchase() -> None:
    """Of 100 first buyers 40 come back after 30 days; two of three are promoters; 5 of 20 invited join."""
    rows: Rows = {"events": []}
    for person in range(1, 101):
        rows["events"].append(order(person, START, 20))
        rows["events"].append(order(person, START + 3_600_000, 5))
        if person <= 40:
            rows["events"].append(order(person, START + 30 * DAY, 20 + person))
    for person, score in ((1, 10), (2, 9), (3, 2)):
        rows["events"].append(event(person, START + DAY, "NPS Answered", json.dumps({"score": 0})))
        rows["events"].append(event(person, START + 2 * DAY, "NPS Answered", json.dumps({"score": score})))
    for person in range(20):
        rows["events"].append(event(person + 1, START + DAY, "Referral Link Clicked"))
        if person < 5:
            rows["events"].append(event(person + 1, START + DAY, "Referral Signed Up"))
    rows["events"].append(order(500, START + 390 * DAY, 9))
    warehouse = filled(rows, now=START + 400 * DAY)
    answer = ask(warehouse, PostPurchase())
    assert (answer["repeat_purchase_rate"].value, answer["repeat_purchase_rate"].n) == (0.4, 100)
    assert answer["first_purchase_churn_rate"].value == 0.6
    assert answer["time_to_second_purchase"].value is None, "fewer than half ever come back"
    assert answer["nps"].value == pytest.approx(100 / 3)
    assert answer["referral_conversion_rate"].value == 0.25
    assert answer["clv"].value is not None and answer["clv"].value > 0
    assert all(row["a_bad_value_points_to"] for row in answer.frame("metrics").to_pylist())
    assert {Caveat.INCOMPLETE_LEFT_OUT, Caveat.SAMPLE_TOO_SMALL} == caveats(answer)


def test_lifetime_value_of_orders_in_the_warehouse() -> None:
    rng = np.random.default_rng(8)
    rows: Rows = {"events": []}
    for person in range(1, 301):
        first, rate = START + int(rng.uniform(0, 60) * DAY), rng.gamma(1.0, 1 / 20.0)
        leaves = rng.beta(0.8, 2.5)
        t = float(first)
        while t < START + 300 * DAY:
            rows["events"].append(order(person, int(t), float(rng.gamma(5, 4))))
            if rng.random() < leaves:
                break
            t += DAY * (1 + rng.exponential(1 / rate))
    rows["events"].append(order(1, START + DAY, 10, currency="USD"))
    answer = ask(filled(rows, now=START + 300 * DAY, forwards={300: 299}), Clv(horizon=26))
    assert answer["expected_purchases"].n == 299, "two people are one after a merge"
    assert (answer["value"].value or 0) > 0 and answer["bgnbd:r"].low is not None
    assert Caveat.MIXED_CURRENCIES in caveats(answer)


def test_saves_raw_and_incremental() -> None:
    """Touched: 120 of 200 recover. Ghosts: 60 of 200. One episode is not over."""
    rows: Rows = {
        "saves": [{"subject": 9_999, "time": START, "save": "risk", "change": "at_risk", "episode": 9_999}]
    }
    for i in range(400):
        ghost, touched = i % 2 == 1, i % 2 == 0
        who = {"subject": i + 1, "save": "risk", "episode": i + 1}
        rows["saves"].append({**who, "time": START, "change": "at_risk"})
        recovered = (i // 2) % 10 < (3 if ghost else 6)
        change = ("recovered_untouched" if ghost else "saved") if recovered else "save_lost"
        rows["saves"].append({
            **who, "time": START + 5 * DAY, "change": change, "would_touch": ghost,
            "touch_kind": "task" if touched else None, "touch_name": "churn_risk" if touched else None,
        })  # fmt: skip
    answer = ask(filled(rows, now=START + 30 * DAY), SaveReport())
    assert answer["raw_save_rate"].value == 0.6
    incremental = answer["incremental_save_rate"]
    assert incremental.value == pytest.approx(0.3) and incremental.low is not None and incremental.low > 0
    assert answer.frame("touches").to_pylist()[0]["name"] == "churn_risk"
    assert caveats(answer) == {Caveat.INCOMPLETE_LEFT_OUT}


def test_the_advocacy_loop_by_advocate_and_ask() -> None:
    """Two of forty asked bring three; one brings somebody unasked; who joined too late is not counted."""
    rows: Rows = {"decisions": [], "outcomes": [], "events": []}
    for person in range(1, 41):
        said = {"subject": person, "person": person, "time": START, "journey": "advocacy", "message": person,
                "template": "referral" if person <= 20 else "review", "channel": "email"}  # fmt: skip
        rows["decisions"].append({**said, "kind": "message", "intent": "ask"})
        rows["outcomes"].append({**said, "outcome": "sent"})
    for person, day in ((1, 3), (1, 9), (21, 5), (99, 5), (2, 120)):
        rows["events"].append(event(person, START + day * DAY, "Referral Signed Up"))
    answer = ask(filled(rows, now=START + 200 * DAY), Advocacy())
    assert answer["bringing_rate"].value == pytest.approx(2 / 40)
    assert answer["brought_per_asked"].value == pytest.approx(3 / 40)
    assert [(row["ask"], row["joined"]) for row in answer.frame("asks").to_pylist()] == [
        ("referral", 2),
        ("review", 1),
    ]
    advocates = answer.frame("advocates").to_pylist()
    assert (advocates[0]["advocate"], advocates[0]["joined"]) == (f"{1:016x}", 2)
    assert sum(row["joined_unasked"] for row in advocates) == 2


def test_activation_from_milestone_to_staying() -> None:
    """Of 100, 60 set up, 50 of them connect, 40 of those activate in a week; of the activated 30 stay, of the
    others 15. Ten who have just begun do not count.
    """
    rows: Rows = {"events": []}
    for person in range(1, 111):
        t = START if person <= 100 else START + 119 * DAY
        rows["events"].append(event(person, t, "Signed Up"))
        if person > 100:
            continue
        for name, most, day in (("Set Up", 60, 1), ("Connected", 50, 2), ("Report Run", 40, 3)):
            if person <= most:
                rows["events"].append(event(person, t + day * DAY, name))
        if person <= 30 or 41 <= person <= 55:
            rows["events"].append(event(person, t + 70 * DAY, "Signed In"))
    asked = Activation(events=("Report Run",), milestones=("Set Up", "Connected"))
    answer = ask(filled(rows, now=START + 120 * DAY), asked)
    rate = answer["activation_rate"]
    assert (rate.value, rate.n) == (0.4, 100)
    steps = answer.frame("milestones").to_pylist()
    assert [row["in_order"] for row in steps] == [60, 50, 40] and [row["lost"] for row in steps] == [
        40,
        10,
        10,
    ]
    ratio = answer["stay_ratio"]
    assert ratio.value == pytest.approx((30 / 40) / (15 / 60)) and ratio.low is not None and ratio.low > 1
    assert answer.frame("time_to_first_value").to_pylist()[0]["days"] == 3.0
    assert {Caveat.NOT_CAUSAL, Caveat.INCOMPLETE_LEFT_OUT} == caveats(answer)


def renewals() -> Rows:
    """Ten high accounts renewed, ten low ones were lost; now 30 are high, 10 high but falling, 10 low."""
    rows: Rows = {"scores": [], "events": []}
    late = START + 400 * DAY
    for account in range(1, 21):
        good = account <= 10
        rows["scores"].append({"of": "account", "subject": account, "time": START, "score": "account_health",
                               "value": 90.0 if good else 20.0})  # fmt: skip
        name = "Subscription Renewed" if good else "Subscription Cancelled"
        rows["events"].append({**event(0, START + 200 * DAY, name, account=account), "value": 2_000_000})
    for account in range(101, 151):
        falling = 131 <= account <= 140
        value = 20.0 if account > 140 else 80.0
        rows["scores"].append({"of": "account", "subject": account, "time": START, "score": "account_health",
                               "value": 95.0 if falling else value})  # fmt: skip
        if falling:
            rows["scores"].append({"of": "account", "subject": account, "time": late - 5 * DAY,
                                   "score": "account_health", "value": 80.0})  # fmt: skip
        rows["events"].append({
            **event(0, START, "Subscription Started", account=account), "value": 100_000_000,
        })  # fmt: skip
    return rows


def test_the_renewal_forecast_by_health_and_its_trend() -> None:
    answer = ask(filled(renewals(), now=START + 400 * DAY), RenewalForecast())
    assert (answer["at_risk"].value, answer["likely_churn"].value) == (10, 10)
    assert answer["likely_renew"].value == 40, "30 now, and the 10 that renewed"
    classes = {row["class"]: row for row in answer.frame("classes").to_pylist()}
    assert (classes["likely_renew"]["renewed_before"], classes["likely_churn"]["lost_before"]) == (10, 10)
    assert classes["likely_renew"]["expected"] == pytest.approx(19 / 20)
    assert classes["likely_churn"]["expected"] == pytest.approx(2 / 20)
    gross = answer["gross_retention"]
    assert gross.low is not None and gross.high is not None and gross.value is not None
    expected = (30 * 0.95 + 10 * 0.6 + 10 * 0.1) * 100 + 10 * 0.95 * 2
    assert gross.value == pytest.approx(expected / 5_020) and gross.low < gross.value < gross.high
    again = ask(filled(renewals(), now=START + 400 * DAY), RenewalForecast())
    assert again["gross_retention"] == gross, "seeded"


def test_each_persons_latest_answer_counts() -> None:
    rows: Rows = {"events": [
        event(person, START + day * DAY, "NPS Answered", json.dumps({"score": score}))
        for person, day, score in ((1, 0, 0), (1, 5, 10), (2, 0, 9), (3, 0, 7))
    ]}  # fmt: skip
    answer = ask(filled(rows, now=START + 30 * DAY), Nps())
    assert answer["nps"].value == pytest.approx(200 / 3) and answer["nps"].n == 3
    assert ask(filled(rows, now=START + 30 * DAY), Nps(end=START + DAY))["nps"].value == pytest.approx(0.0)

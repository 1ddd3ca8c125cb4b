"""Choices that are learned: what is drawn, what comes of it, how far it moves, and what people say to it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.errors import ControlError
from sevenfold.journeys.choices import Choices
from sevenfold.journeys.standing import standing
from sevenfold.learning.bandits import place_of
from sevenfold.workspace.checking import check

from .running import Running, workspace

HOUR = 3_600_000
LEARN: dict[str, Any] = {"reward": {"goal": "bought", "within": "1d"}, "minimum": 20, "refresh": "1h"}
ACT = {"level": "act", "moved_per_day": 100}


def split(learn: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A journey that splits by a bandit, and waits long enough for the goal."""
    return {
        "try": {
            "triggers": [{"kind": "event", "event": "Signed Up"}],
            "goals": {"bought": {"event": "Bought", "exit": False}},
            "steps": {
                "pick": {
                    "kind": "split",
                    "by": "bandit",
                    "paths": {"a": {"share": 50}, "b": {"share": 50}},
                    "learn": LEARN | (learn or {}),
                },
                "rest": {"kind": "wait", "for": "3d"},
            },
            **more,
        }
    }


ACTIONS: dict[str, Any] = {
    "mail": {"template": "note", "cost": 1, "limits": {"person": "1 per 30d", "all": "3 per 1d"}},
    "tip": {"template": "tip", "when": "logins >= 1", "expires": "1d"},
    "later": {"wait": "1d"},
}


def choose(more: dict[str, Any] | None = None, **journey: Any) -> dict[str, Any]:
    """A journey that chooses among the bank's actions."""
    step = {
        "kind": "choose",
        "actions": ["mail", "tip"],
        "context": ["logins", "segment.active"],
        "learn": {"reward": {"within": "1d"}, "explore": 10},
        **(more or {}),
    }
    return {
        "help": {
            "triggers": [{"kind": "event", "event": "Signed Up"}],
            "goals": {"bought": {"event": "Bought"}},
            "re_entry": {"unlimited": 3},
            "steps": {"next": step, "rest": {"kind": "wait", "for": "3d"}},
            **journey,
        }
    }


def people(running: Running, at: str, names: list[str], buys: Any) -> None:
    """People sign up; `buys(person, choice)` says who buys an hour later."""
    buying = []
    for name in names:
        for effect in running.track(at, name, "Signed Up"):
            if effect.kind == "choice" and buys(name, effect):
                buying.append(name)
    for name in buying:
        running.track(f"{at} 1h", name, "Bought")


def last(running: Running, kind: str) -> dict[str, Any]:
    return running.of(kind)[-1].data


def b_is_better(name: str, choice: Effect) -> bool:
    chance = {"a": 100_000, "b": 500_000}[choice.data["chosen"]] if not choice.data.get("ghost") else 100_000
    return place_of("buys", name) < chance


def choices_of(fold: Fold) -> Choices:
    assert fold.journeys is not None
    found = fold.journeys.services["choices"]
    assert isinstance(found, Choices)
    return found


# -------------------------------------------------------------------------------------------------- bandits


def test_a_bandit_begins_with_the_shares_as_written_and_logs_them() -> None:
    running = Running(split())
    running.track("0s", "u1", "Signed Up")
    choice = last(running, "choice")
    assert choice["propensities"] == {"a": 500_000, "b": 500_000} and choice["version"] == 0
    assert choice["policy"] == "try/pick" and choice["actions"] == {"a": "allowed", "b": "allowed"}
    assert choice["chosen"] == ("a" if choice["place"] < 500_000 else "b")
    step = next(one.data for one in running.of("step") if one.data["step"] == "pick")
    assert step["outcome"] == choice["chosen"] and step["share"] == 50


def test_shares_move_to_the_better_path_and_say_why() -> None:
    running = Running(split(autonomy=ACT))
    people(running, "0s", [f"u{i}" for i in range(120)], b_is_better)
    running.until("2d")
    moved = last(running, "moved")
    assert moved["to"]["b"] > 900_000 and moved["to"]["a"] >= 50_000, "each path keeps what is explored"
    assert "from a to b because b is the best with a probability of" in moved["because"]
    learned = last(running, "learned")
    assert sum(one["tried"] for one in learned["options"].values()) == 120
    running.track("2d 1m", "late", "Signed Up")
    assert last(running, "choice")["propensities"] == moved["to"]


def test_an_outcome_counts_when_its_time_is_over_and_never_before() -> None:
    running = Running(split(autonomy=ACT))
    running.track("0s", "u1", "Signed Up")
    running.track("1h", "u1", "Bought")
    assert last(running, "rewarded")["after"] == HOUR
    running.until("23h")
    assert not running.of("learned")
    running.until("1d 1h")
    assert [one["tried"] for one in last(running, "learned")["options"].values()] == [1]


def test_what_comes_after_the_time_is_no_reward() -> None:
    running = Running(split(autonomy=ACT))
    running.track("0s", "u1", "Signed Up")
    running.track("1d", "u1", "Bought")
    running.until("2d")
    assert not running.of("rewarded") and running.of("goal")


def test_at_most_the_allowed_share_moves_in_a_day_and_goes_on_the_next() -> None:
    running = Running(split(autonomy={"level": "act", "moved_per_day": 10}))
    people(running, "0s", [f"u{i}" for i in range(200)], b_is_better)
    running.until("5d")
    moves = running.of("moved")
    by_day = Counter(one.time // 86_400_000 for one in moves for _ in range(one.data["moved"]))
    assert len(by_day) >= 4 and max(by_day.values()) <= 100_000
    assert last(running, "moved")["to"]["b"] >= 700_000


def test_with_suggest_nothing_moves_until_somebody_accepts() -> None:
    running = Running(split())
    people(running, "0s", [f"u{i}" for i in range(120)], b_is_better)
    running.until("2d")
    assert not running.of("moved")
    suggestion = last(running, "suggestion")
    assert suggestion["because"].startswith("move ") and suggestion["to"]["b"] > 900_000
    running.control("3d", "suggestion", suggestion=suggestion["suggestion"], accept=True, by="mona")
    moved = last(running, "moved")
    assert moved["by"] == "mona" and moved["to"] == suggestion["to"]
    running.track("3d 1m", "late", "Signed Up")
    assert last(running, "choice")["propensities"] == suggestion["to"]


def test_what_was_refused_is_not_suggested_again() -> None:
    running = Running(split())
    people(running, "0s", [f"u{i}" for i in range(120)], b_is_better)
    running.until("2d")
    running.control("3d", "suggestion", suggestion=last(running, "suggestion")["suggestion"], accept=False)
    before = len(running.of("suggestion"))
    people(running, "4d", [f"v{i}" for i in range(40)], b_is_better)
    running.until("6d")
    assert len(running.of("suggestion")) == before and not running.of("moved")


def test_with_off_shares_stay_as_written_and_nothing_is_suggested() -> None:
    running = Running(split(autonomy={"level": "off"}))
    people(running, "0s", [f"u{i}" for i in range(120)], b_is_better)
    running.until("2d")
    assert running.of("learned") and not running.of("moved", "suggestion", "halted")
    running.track("2d 1m", "late", "Signed Up")
    assert last(running, "choice")["propensities"] == {"a": 500_000, "b": 500_000}


def test_a_level_that_is_set_holds_until_it_is_as_written_again() -> None:
    running = Running(split(autonomy={"level": "off"}))
    running.control("0s", "autonomy", journey="try", level="act", moved_per_day=100, by="mona")
    people(running, "1m", [f"u{i}" for i in range(120)], b_is_better)
    running.until("2d")
    assert running.of("moved")
    running.control("2d 1m", "autonomy", journey="try", level="")
    running.track("2d 2m", "late", "Signed Up")
    assert last(running, "choice")["propensities"] == {"a": 500_000, "b": 500_000}


def test_a_path_that_does_worse_than_ghosts_is_stopped_until_a_person_says_otherwise() -> None:
    running = Running(split({"otherwise": "a"}, autonomy=ACT, holdout=40))

    def b_harms(name: str, choice: Effect) -> bool:
        harmed = choice.data["chosen"] == "b" and not choice.data.get("ghost")
        return place_of("buys", name) < (100_000 if harmed else 600_000)

    people(running, "0s", [f"u{i}" for i in range(300)], b_harms)
    running.until("2d")
    halted = last(running, "halted")
    assert halted["option"] == "b" and "those held out" in halted["because"]
    running.track("2d 1m", "late", "Signed Up")
    choice = last(running, "choice")
    assert choice["propensities"] == {"a": 1_000_000, "b": 0} and choice["actions"]["b"] == "halted"
    running.control("2d 2m", "choice_option", policy="try/pick", option="b", halt=False, by="mona")
    running.track("2d 3m", "later", "Signed Up")
    assert last(running, "choice")["actions"]["b"] == "allowed"


def test_where_nothing_works_no_path_is_stopped() -> None:
    running = Running(split(autonomy=ACT, holdout=40))
    people(running, "0s", [f"u{i}" for i in range(300)], lambda name, _: place_of("buys", name) < 300_000)
    running.until("2d")
    assert not running.of("halted")


def test_old_outcomes_count_less_where_the_past_is_forgotten() -> None:
    running = Running(split({"keep": 50}, autonomy=ACT))
    people(running, "0s", [f"u{i}" for i in range(60)], b_is_better)
    running.until("2d")
    people(running, "6d", ["v1"], b_is_better)
    running.until("8d")
    arms = choices_of(running.fold).policies["try/pick"].state.arms
    assert sum(arm.tried for arm in arms.values()) < 60_000 // 16
    assert sum(one.tried for one in choices_of(running.fold).policies["try/pick"].state.seen.values()) == 61


def test_an_event_after_the_run_is_a_reward_when_the_author_says_so() -> None:
    journeys = split({"reward": {"event": "Paid", "where": "property.amount > 5", "within": "2d"}})
    journeys["try"]["steps"]["rest"] = {"kind": "wait", "for": "1h"}
    running = Running(journeys)
    running.track("0s", "u1", "Signed Up")
    running.track("1d", "u1", "Paid", amount=3)
    assert not running.of("rewarded")
    running.track("1d 1h", "u1", "Paid", amount=9)
    assert last(running, "rewarded")["after"] == 25 * HOUR


def test_a_merge_takes_awaited_outcomes_along() -> None:
    running = Running(split({"reward": {"event": "Paid", "within": "2d"}}))
    running.track("0s", None, "Signed Up", anonymous="x1")
    running.identify("1m", "u1")
    running.identify("2m", "u1", anonymous="x1")
    running.track("1h", "u1", "Paid")
    assert len(running.of("rewarded")) == 1


def test_whoever_is_erased_is_not_waited_for() -> None:
    running = Running(split(autonomy=ACT))
    running.track("0s", "u1", "Signed Up")
    running.control("1h", "erase", person={"user_id": "u1"})
    running.until("3d")
    assert not running.of("learned") and not choices_of(running.fold).open


def test_a_draft_in_shadow_teaches_nothing() -> None:
    running = Running(split(state="shadow"))
    running.track("0s", "u1", "Signed Up")
    assert last(running, "choice")["ghost"] and not choices_of(running.fold).open


def test_records_of_any_size_and_snapshots_anywhere_give_the_same_choices() -> None:
    running = Running(split({"minimum": 5}, autonomy={"level": "act", "moved_per_day": 5}, holdout=10))
    people(running, "0s", [f"u{i}" for i in range(16)], b_is_better)
    running.until("1d 12h")
    people(running, "1d 13h", [f"v{i}" for i in range(3)], b_is_better)
    running.until("6d")
    assert running.of("moved")
    told = [(e.time, e.kind, e.subject, e.data) for e in running.told]
    assert [(e.time, e.kind, e.subject, e.data) for e in running.again(7)] == told
    assert [(e.time, e.kind, e.subject, e.data) for e in running.again(1, snapshots=True)] == told


def test_propensities_are_what_is_drawn_by() -> None:
    running = Running(split(autonomy=ACT))
    people(running, "0s", [f"u{i}" for i in range(60)], b_is_better)
    running.until("2d")
    fold = running.fold
    made = json.dumps
    entries = [
        (
            fold.t,
            made({"type": "track", "event": "Signed Up", "userId": f"w{i}", "messageId": f"w{i}"}).encode(),
        )
        for i in range(1_500)
    ]
    drawn = [one.data for one in fold.events(entries) if one.kind == "choice"]
    share = drawn[0]["propensities"]["b"] / 1_000_000
    assert all(sum(one["propensities"].values()) == 1_000_000 for one in drawn)
    rate = sum(one["chosen"] == "b" for one in drawn) / len(drawn)
    assert abs(rate - share) < 4 * (share * (1 - share) / len(drawn)) ** 0.5


def test_other_written_shares_begin_anew_with_what_is_known() -> None:
    running = Running(split(autonomy=ACT))
    people(running, "0s", [f"u{i}" for i in range(60)], b_is_better)
    running.until("2d")
    plan = split(autonomy=ACT)["try"]
    plan["steps"]["pick"]["paths"] = {"a": {"share": 20}, "b": {"share": 80}}
    running.control("2d 1m", "publish", journey="try", plan=plan)
    state = choices_of(running.fold).policies["try/pick"].state
    assert state.shares == {"a": 200_000, "b": 800_000}
    assert sum(one.tried for one in state.seen.values()) == 60


# -------------------------------------------------------------------------------------------------- actions


def test_the_first_action_that_is_allowed_is_taken_but_for_what_is_explored() -> None:
    running = Running(choose(), actions=ACTIONS)
    running.identify("0s", "u1", email="a@example.com")
    running.track("1m", "u1", "Signed In")
    running.track("2m", "u1", "Signed Up")
    choice = last(running, "choice")
    assert choice["context"] == {"logins": 1, "segment.active": 0}
    assert choice["propensities"] == {"mail": 800_000, "tip": 100_000, "nothing": 100_000}


def test_what_may_not_be_taken_is_refused_with_its_reason_before_the_choice() -> None:
    running = Running(choose(), actions=ACTIONS)
    running.track("0s", "u1", "Signed Up")
    choice = last(running, "choice")
    assert choice["actions"] == {"mail": "unreachable", "tip": "not_eligible", "nothing": "allowed"}
    assert choice["propensities"] == {"nothing": 1_000_000} and choice["chosen"] == "nothing"
    assert not running.of("message", "held")


def taken(running: Running, names: list[str], at: str = "1h") -> list[dict[str, Any]]:
    for name in names:
        running.identify("0s", name, email=f"{name}@example.com")
    for name in names:
        running.track(at, name, "Signed Up")
    return [one.data for one in running.of("choice")]


def test_a_limit_over_all_is_read_as_of_the_last_tick() -> None:
    running = Running(choose({"learn": {"explore": 0, "reward": {"within": "1d"}}}), actions=ACTIONS)
    at_once = taken(running, [f"u{i}" for i in range(5)])
    assert all(one["actions"]["mail"] == "allowed" for one in at_once), (
        "within one second all are let through"
    )
    running.identify("1h 2s", "late", email="late@example.com")
    running.track("1h 3s", "late", "Signed Up")
    assert last(running, "choice")["actions"]["mail"] == "limit"
    running.track("1d 2h", "late", "Signed Up")
    assert last(running, "choice")["actions"]["mail"] == "allowed"


def test_a_person_gets_an_action_no_more_often_than_its_limit() -> None:
    running = Running(choose({"learn": {"explore": 0, "reward": {"within": "1d"}}}), actions=ACTIONS)
    taken(running, ["u1"])
    running.track("2d", "u1", "Signed Up")
    assert [one.data["actions"]["mail"] for one in running.of("choice")] == ["allowed", "person_limit"]
    running.track("40d", "u1", "Signed Up")
    assert last(running, "choice")["actions"]["mail"] == "allowed"


def test_a_budget_and_tiredness_hold_actions_back() -> None:
    actions = {
        "mail": {"template": "note", "cost": 4, "limits": {"budget": "10 per 1d"}},
        "tip": ACTIONS["tip"],
    }
    step = {"learn": {"explore": 0, "reward": {"within": "1d"}}, "fatigue": "1 per 7d"}
    running = Running(choose(step), actions=actions)
    taken(running, ["u1"])
    running.track("2h", "u1", "Signed Up")
    assert last(running, "choice")["actions"]["mail"] == "fatigue"
    taken(running, ["u2"], "3h")
    running.identify("4h", "u3", email="u3@example.com")
    running.track("4h 1s", "u3", "Signed Up")
    assert last(running, "choice")["actions"]["mail"] == "budget"


def test_a_message_that_every_cap_would_drop_is_refused() -> None:
    caps = {"all": {"limit": 1, "per": "7d"}}
    running = Running(choose(), actions=ACTIONS, messaging={"caps": caps})
    taken(running, ["u1"])
    if last(running, "choice")["chosen"] == "nothing":
        pytest.fail("the world was chosen so that a message is sent")
    running.track("2h", "u1", "Signed In")
    running.track("3h", "u1", "Signed Up")
    assert last(running, "choice")["actions"]["tip"] == "capped"


def model(version: str = "00000000000000aa", **more: Any) -> dict[str, Any]:
    """Mail pays with many log-ins, nothing pays else."""
    return {
        "version": version,
        "features": ["logins"],
        "actions": {"mail": [0, 10**17], "nothing": [250_000, 0]},
        "missing": [0],
        "low": [0],
        "high": [100],
        **more,
    }


def test_a_trained_policy_decides_when_it_may_act() -> None:
    running = Running(choose({"actions": ["mail"]}, autonomy=ACT), actions=ACTIONS)
    running.control("0s", "policy_model", policy="help/next", **model())
    running.until("1h 1s")
    assert "from the written order to policy 00000000000000aa" in last(running, "moved")["because"]
    running.identify("2h", "few", email="few@example.com")
    running.track("2h", "few", "Signed Up")
    assert last(running, "choice")["propensities"] == {"mail": 100_000, "nothing": 900_000}
    running.identify("3h", "many", email="many@example.com")
    for _ in range(5):
        running.track("3h", "many", "Signed In")
    running.track("4h", "many", "Signed Up")
    choice = last(running, "choice")
    assert choice["propensities"] == {"mail": 900_000, "nothing": 100_000}
    assert choice["model"] == "00000000000000aa"


def test_costs_weigh_where_a_reward_has_a_worth() -> None:
    learn = {"explore": 0, "reward": {"within": "1d", "worth": 10}}
    actions = {"mail": {**ACTIONS["mail"], "cost": 3}}
    running = Running(choose({"actions": ["mail"], "learn": learn}, autonomy=ACT), actions=actions)
    running.control("0s", "policy_model", policy="help/next", **model())
    running.until("1h 1s")
    running.identify("2h", "u1", email="u1@example.com")
    for _ in range(5):
        running.track("2h", "u1", "Signed In")
    running.track("3h", "u1", "Signed Up")
    assert last(running, "choice")["chosen"] == "nothing", "0.5 of 10 less 3 is less than 0.25 of 10"


def test_a_policy_moves_in_by_as_much_as_a_day_allows() -> None:
    running = Running(choose(autonomy={"level": "act", "moved_per_day": 40}), actions=ACTIONS)
    running.control("0s", "policy_model", policy="help/next", **model())
    running.until("5d")
    assert [one.data["moved"] for one in running.of("moved")] == [400_000, 400_000, 200_000]


def test_a_trained_policy_is_only_suggested_until_somebody_accepts() -> None:
    running = Running(choose(), actions=ACTIONS)
    running.control("0s", "policy_model", policy="help/next", **model())
    running.until("2d")
    assert not running.of("moved")
    running.control(
        "3d", "suggestion", suggestion=last(running, "suggestion")["suggestion"], accept=True, by="m"
    )
    assert last(running, "moved")["by"] == "m"
    state = choices_of(running.fold).policies["help/next"].state
    assert state.using is not None and state.using.version == "00000000000000aa"


def test_a_policy_that_looks_at_something_else_is_refused() -> None:
    running = Running(choose(), actions=ACTIONS)
    with pytest.raises(ControlError, match="does not look at `spend`"):
        running.control("0s", "policy_model", policy="help/next", **model(features=["spend"]))
    with pytest.raises(ControlError, match="which learns by itself"):
        Running(split()).control("0s", "policy_model", policy="try/pick", **model())


def test_a_choice_of_actions_is_the_same_in_records_of_any_size() -> None:
    running = Running(
        choose({"actions": ["mail", "tip", "later"]}, autonomy=ACT, holdout=10), actions=ACTIONS
    )
    running.control("0s", "policy_model", policy="help/next", **model(temperature=100_000))
    taken(running, [f"u{i}" for i in range(6)])
    running.until("5d")
    told = [(e.time, e.kind, e.subject, e.data) for e in running.told]
    assert [(e.time, e.kind, e.subject, e.data) for e in running.again(16)] == told
    assert [(e.time, e.kind, e.subject, e.data) for e in running.again(1, snapshots=True)] == told


def test_the_run_waits_where_the_action_is_to_wait() -> None:
    running = Running(choose({"actions": ["later"], "nothing": True}), actions=ACTIONS)
    running.track("0s", "u1", "Signed Up")
    chosen = last(running, "choice")["chosen"]
    assert running.waiting() == [("help", "next.later" if chosen == "later" else "rest")]


# ------------------------------------------------------------------------------------------------- standing


def test_the_standing_action_is_the_first_that_is_allowed_and_says_why() -> None:
    running = Running(choose(), actions=ACTIONS)
    running.identify("0s", "u1", email="u1@example.com")
    found = standing(running.fold, 1)
    assert found["action"] == "mail" and found["confidence"] == "none" and found["policy"] is None
    assert "tip: not_eligible" in found["reason"]
    assert running.fold.snapshot() == running.fold.snapshot()


def test_a_standing_policy_ranks_and_says_how_sure_it_is() -> None:
    running = Running(choose(), actions=ACTIONS)
    running.identify("0s", "u1", email="u1@example.com")
    errors = {"mail": 10_000, "nothing": 10_000}
    running.control("1m", "policy_model", policy="standing", **model(errors=errors))
    assert standing(running.fold, 1)["action"] == "nothing"
    for _ in range(5):
        running.track("2m", "u1", "Signed In")
    found = standing(running.fold, 1)
    assert found["action"] == "mail" and found["confidence"] == "high"
    assert found["actions"][0]["score"] == 500_000


def test_asking_for_the_standing_action_changes_nothing() -> None:
    running = Running(choose(), actions=ACTIONS)
    running.identify("0s", "u1", email="u1@example.com")
    before = running.fold.snapshot()
    standing(running.fold, 1)
    assert running.fold.snapshot() == before


def test_an_accepted_action_is_done_and_answers_are_kept() -> None:
    running = Running(choose(), actions=ACTIONS)
    running.identify("0s", "u1", email="u1@example.com")
    running.control(
        "1m", "next_best_action", person={"user_id": "u1"}, answer="accept", action="mail", by="mona"
    )
    assert last(running, "message")["template"] == "note"
    answered = last(running, "action_answered")
    assert answered["answer"] == "accept" and answered["by"] == "mona" and answered["run"]
    found = standing(running.fold, 1)
    assert found["answered"] == {"at": running.fold.t, "answer": "accept", "action": "mail", "by": "mona"}
    assert found["actions"][0]["reason"] == "person_limit"
    running.control(
        "2m", "next_best_action", person={"user_id": "u1"}, answer="refuse", action="mail", reason="no"
    )
    assert last(running, "action_answered")["reason"] == "no" and len(running.of("message")) == 1


# --------------------------------------------------------------------------------------------------- checks


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"actions": ["mial", "tip"]}, "unknown action `mial`"),
        ({"actions": ["mail", "mail"]}, "stands twice"),
        ({"context": ["nobody"]}, "unknown signal `nobody`"),
        ({"context": ["trait.plan"]}, "a policy weighs numbers"),
        ({"go": {"call": "rest"}}, "unknown option `call`"),
        ({"learn": {"explore": 50}}, "more than there is"),
        ({"learn": {"reward": {"goal": "x"}}}, "unknown goal `x`"),
        ({"learn": {"reward": {"goal": "bought", "event": "Paid"}}}, "a reward has one of"),
        ({"learn": {"refresh": "10ms"}}, "at whole seconds"),
        ({"ways": {"mail": "rest"}}, "written out by the engine"),
    ],
)
def test_what_is_wrong_with_a_choice_is_said(more: dict[str, Any], message: str) -> None:
    found = check(workspace(choose(more), actions=ACTIONS))
    assert any(message in str(one) for one in found), found


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"template": "nope"}, "unknown template `nope`"),
        ({"template": "note", "task": "call"}, "an action"),
        ({"wait": "1d", "offer": "x"}, "only a message has this"),
        ({"wait": "1d", "limits": {"budget": "5 per 1d"}}, "needs no budget"),
        ({"wait": "1d", "when": "nobody > 1"}, "unknown signal `nobody`"),
    ],
)
def test_what_is_wrong_with_an_action_is_said(action: dict[str, Any], message: str) -> None:
    found = check(workspace(choose(), actions={**ACTIONS, "odd": action}))
    assert any(message in str(one) for one in found), found


def test_a_learn_without_a_bandit_and_a_salt_with_one_are_mistakes() -> None:
    journeys = split()
    journeys["try"]["steps"]["pick"]["by"] = "share"
    assert any("only a split `by: bandit` learns" in str(one) for one in check(workspace(journeys)))
    journeys = split()
    journeys["try"]["steps"]["pick"]["salt"] = "mine"
    assert any("draws for each run" in str(one) for one in check(workspace(journeys)))

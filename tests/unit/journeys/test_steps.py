"""Branches, splits, traits, goals, handing on, loops and arbitration, through the whole fold."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sevenfold.journeys.splits import changed, initial
from tests.unit.journeys.running import START, Running, on, step

HOUR = 3_600_000


def journey(steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"j": {"triggers": [on("Signed Up")], "steps": steps, **fields}}


def test_a_branch_takes_the_first_true_path_in_written_order() -> None:
    paths = [
        {"when": "trait.plan == 'pro'", "go": "exit", "name": "pro"},
        {"when": "exists trait.plan", "go": "exit", "name": "other"},
    ]
    world = Running(journey({"b": step("branch", paths=paths), "h": step("wait", forever=True)}))
    world.identify("0s", "a", plan="pro")
    world.identify("0s", "b", plan="free")
    for user in "abc":
        world.track("1s", user, "Signed Up")
    assert world.outcomes("b") == ["pro", "other", "else"]


def test_what_is_unknown_takes_no_path_but_one_that_asks_for_it() -> None:
    paths = [
        {"when": "trait.points < 5", "go": "exit", "name": "few"},
        {"when": "not (trait.points < 5)", "go": "exit", "name": "not few"},
        {"when": "trait.points > 0", "go": "exit", "name": "nobody knows", "unknown": True},
    ]
    world = Running(journey({"b": step("branch", paths=paths)}))
    world.track("1s", "a", "Signed Up")
    assert world.outcomes("b") == ["nobody knows"]


def test_a_branch_mixes_facts_of_the_person_and_of_the_event() -> None:
    paths = [
        {
            "when": "event.value >= 10 and (trait.plan == 'pro' or event.vip == true)",
            "go": "exit",
            "name": "yes",
        }
    ]
    world = Running(journey({"b": step("branch", paths=paths, else_="exit")}))
    world.identify("0s", "a", plan="pro")
    world.track("1s", "a", "Signed Up", value=10)
    world.track("1s", "b", "Signed Up", value=10)
    world.track("1s", "c", "Signed Up", value=10, vip=True)
    world.track("1s", "d", "Signed Up", value="10", vip=True)
    assert world.outcomes("b") == ["yes", "else", "yes", "else"]


def shares(**of: float) -> dict[str, Any]:
    return step("split", paths={name: {"share": share} for name, share in of.items()})


def test_a_split_gives_each_path_its_share_and_everybody_the_same_path_again() -> None:
    world = Running(journey({"s": shares(a=20, b=80)}, re_entry={"unlimited": 5}))
    for number in range(400):
        world.track("0s", f"u{number}", "Signed Up")
        world.track("1s", f"u{number}", "Signed Up")
    drawn: dict[str, set[str]] = {}
    for effect in world.of("step"):
        drawn.setdefault(effect.subject, set()).add(effect.data["outcome"])
    assert all(len(found) == 1 for found in drawn.values())
    assert 0.12 < sum(found == {"a"} for found in drawn.values()) / 400 < 0.28
    assert {e.data["share"] for e in world.of("step")} == {20.0, 80.0}


def test_a_split_may_be_drawn_anew_for_each_run() -> None:
    steps = {"s": {**shares(a=50, b=50), "again": "redraw"}}
    world = Running(journey(steps, re_entry={"unlimited": 99}))
    for number in range(30):
        world.track(f"{number}s", "a", "Signed Up")
    assert set(world.outcomes("s")) == {"a", "b"}


def test_members_of_an_account_go_one_way_when_the_account_draws() -> None:
    world = Running(journey({"s": {**shares(a=50, b=50), "unit": "account"}}))
    for number in range(40):
        group = {"groupId": f"g{number // 4}", "traits": {}}
        world.event("0s", "group", f"u{number}", group)
        world.track("0s", f"u{number}", "Signed Up")
    found: dict[int, set[str]] = {}
    for number, effect in enumerate(world.of("step")):
        found.setdefault(number // 4, set()).add(effect.data["outcome"])
    assert all(len(one) == 1 for one in found.values())
    assert len({min(one) for one in found.values()}) == 2


def test_changed_shares_of_a_published_split_move_the_fewest_people() -> None:
    world = Running(
        journey({"s": shares(a=50, b=50), "h": step("wait", forever=True)}, re_entry={"unlimited": 9})
    )
    users = [f"u{number}" for number in range(300)]
    for user in users:
        world.track("0s", user, "Signed Up")
    new = {
        "triggers": [on("Signed Up")],
        "re_entry": {"unlimited": 9},
        "steps": {"s": shares(a=60, b=30, c=10)},
    }
    world.control("1h", "publish", journey="j", plan=new)
    for user in users:
        world.track("2h", user, "Signed Up")
    outcomes = world.outcomes("s")
    moves = {pair for pair in zip(outcomes[:300], outcomes[300:], strict=True) if pair[0] != pair[1]}
    assert moves <= {("b", "a"), ("b", "c")}


@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=5))
@settings(deadline=None, max_examples=30)
def test_no_table_moves_more_places_than_the_shares_demand(rows: list[list[int]]) -> None:
    tables = []
    for row in rows:
        numbers = [n * 10_000 // max(1, sum(row)) for n in row]
        numbers[0] += 10_000 - sum(numbers)
        tables.append(dict(zip("abc", numbers, strict=True)))
    owners = initial(tables[0])
    for before, after in pairwise(tables):
        following = changed(owners, after)
        moved = sum(a != b for a, b in zip(owners, following, strict=True))
        assert moved == sum(max(0, before[name] - after[name]) for name in "abc")
        assert all(following.count(name) == after[name] for name in "abc")
        owners = following


def test_traits_that_a_step_writes_count_in_the_same_operation() -> None:
    steps = {
        "u": step("update_trait", set={"plan": "pro", "points": {"add": 3}, "city": {"from": "event.city"}}),
        "h": step("wait", forever=True),
    }
    other = {"triggers": [{"kind": "trait", "trait": "plan", "to": "pro"}], "steps": {"e": step("exit")}}
    world = Running({**journey(steps, re_entry={"unlimited": 2}), "other": other})
    world.identify("0s", "a", points=4)
    world.track("1s", "a", "Signed Up", city="Oslo")
    traits = world.fold.read("person", 1)["traits"]
    assert (traits["plan"], traits["points"], traits["city"]) == ("pro", 7, "Oslo")
    assert [e.name for e in world.of("run")] == ["j", "other"]


def test_a_goal_step_counts_once_a_run() -> None:
    steps = {
        "g": step("goal", goal="seen", value="value"),
        "w": step("wait", for_="1h"),
        "b": step("branch", paths=[{"when": "logins == 0", "go": "g", "name": "again"}]),
    }
    world = Running(journey(steps))
    world.track("0s", "a", "Signed Up", value=5)
    world.until("3h")
    assert [(e.data["goal"], e.data["value"]) for e in world.of("goal")] == [("seen", 5)]


def test_a_loop_ends_after_so_many_visits() -> None:
    steps = {"w": step("wait", for_="1h"), "b": step("branch", paths=[{"when": "logins == 0", "go": "w"}])}
    world = Running(journey(steps, visits_max=4))
    world.track("0s", "a", "Signed Up")
    world.until("30h")
    assert [(e.data["reason"], e.time - START) for e in world.of("ended")] == [("loop_limit", 4 * HOUR)]


def test_a_goal_out_of_its_time_is_none() -> None:
    world = Running(
        journey({"h": step("wait", forever=True)}, goals={"paid": {"event": "Paid", "within": "1d"}})
    )
    world.track("0s", "a", "Signed Up")
    world.track("1d +1", "a", "Paid")
    assert not world.of("goal")


def test_another_journey_takes_over_with_the_same_event() -> None:
    second = {
        "triggers": [{"kind": "api"}],
        "steps": {"b": step("branch", paths=[{"when": "event.source == 'ad'", "go": "exit", "name": "ad"}])},
    }
    first = journey({"s": step("start_journey", journey="second"), "h": step("wait", forever=True)})
    world = Running({**first, "second": second})
    world.track("0s", "a", "Signed Up", source="ad")
    assert world.outcomes("b") == ["ad"]
    assert [e.data["trigger"] for e in world.of("run")] == ["Signed Up", "journey j"]
    assert world.waiting() == [("j", "h")]


def test_of_two_messages_at_once_the_more_important_takes_the_cap() -> None:
    say = {"m": step("message", template="tip")}
    both = {
        "low": {"triggers": [on("Signed Up")], "priority": 10, "steps": say},
        "high": {"triggers": [on("Signed Up")], "priority": 90, "steps": say},
    }
    world = Running(both, messaging={"caps": {"one": {"limit": 1, "per": "1d"}}})
    world.track("0s", "a", "Signed Up")
    assert [(e.kind, e.name) for e in world.of("message", "held")] == [("message", "high"), ("held", "low")]


def test_with_an_arbitration_window_messages_wait_for_each_other_and_then_go_by_priority() -> None:
    say = {"m": step("message", template="tip")}
    both = {
        "low": {"triggers": [on("Signed Up")], "priority": 10, "steps": say},
        "high": {"triggers": [on("Paid")], "priority": 90, "steps": say},
    }
    policy = {"arbitration": "1h", "caps": {"one": {"limit": 1, "per": "1d"}}}
    world = Running(both, messaging=policy)
    world.track("0s", "a", "Signed Up")
    world.track("10m", "a", "Paid")
    assert not world.of("message", "held")
    world.until("1h")
    found = [(e.kind, e.name, e.time - START) for e in world.of("message", "held")]
    assert found == [("message", "high", HOUR), ("held", "low", HOUR)]
    assert world.again(1, snapshots=True) == world.told


def test_activation_suppresses_what_is_left_of_onboarding() -> None:
    steps = {
        "w": step("wait", for_="1d"),
        "m": step("message", template="tip"),
        "h": step("wait", forever=True),
    }
    world = Running(journey(steps, suppressed_by="segment.active"))
    for user in "ab":
        world.track("0s", user, "Signed Up")
    world.track("1h", "a", "Signed In")
    world.track("2h", "a", "Signed In")
    world.until("2d")
    assert [(e.kind, e.data.get("reason")) for e in world.of("held", "message")] == [
        ("held", "stage_suppressed"),
        ("message", None),
    ]


def test_a_goal_that_is_there_already_is_reached_before_the_first_step() -> None:
    goals = {"paid": {"when": "trait.plan == 'pro'"}}
    world = Running(journey({"say": step("message", template="tip")}, goals=goals))
    world.identify("0s", "a", plan="pro")
    world.track("1s", "a", "Signed Up")
    assert world.ends() == ["goal paid"]
    assert not world.of("message")


def test_who_is_handed_to_an_archived_journey_goes_on_where_they_are() -> None:
    second = {"triggers": [{"kind": "api"}], "steps": {"h": step("wait", forever=True)}}
    first = journey({"s": step("start_journey", journey="second"), "h": step("wait", forever=True)})
    world = Running({**first, "second": second})
    world.control("0s", "archive", journey="second")
    world.track("1s", "a", "Signed Up")
    assert [e.data["answer"] for e in world.of("step")] == ["closed"]
    assert world.waiting() == [("j", "h")]

"""Waiting in all its kinds, through the whole fold: what ends a wait, and what ends a run in the middle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.journeys.running import START, Running, moment, on, step

DAY, HOUR = 86_400_000, 3_600_000


def journey(wait: dict[str, Any], **fields: Any) -> dict[str, Any]:
    steps = {"w": wait, "end": step("exit", reason="through"), "late": step("exit", reason="late")}
    return {"j": {"triggers": [on("Signed Up")], "steps": steps, **fields}}


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_a_duration_is_waited_for_to_the_millisecond() -> None:
    world = Running(journey(step("wait", for_="3d")))
    world.track("0s", "a", "Signed Up")
    world.until("3d")
    assert [e.time for e in world.of("ended")] == [START + 3 * DAY]


def test_a_duration_and_then_a_local_time() -> None:
    world = Running(journey(step("wait", for_="1d", at="18:30")))
    world.identify("0s", "a", timezone="Asia/Kolkata")
    world.track("1s", "a", "Signed Up")
    world.until("3d")
    assert [e.time for e in world.of("ended")] == [ms("2026-03-03T13:00")]
    assert [(e.data["zone"], e.data["from"]) for e in world.of("wait")] == [("Asia/Kolkata", "person")]


def test_a_local_time_on_given_weekdays() -> None:
    world = Running(journey(step("wait", at="08:00", days=["thu"])))
    world.track("0s", "a", "Signed Up")
    world.until("9d")
    assert [e.time for e in world.of("ended")] == [ms("2026-03-05T08:00")]


@pytest.mark.parametrize(
    ("zone", "start", "at", "due"),
    [
        # Clocks go forward: 02:30 does not exist, the first valid instant after is 03:00.
        ("Europe/Berlin", "2026-03-28T12:00", "02:30", "2026-03-29T01:00"),
        ("America/New_York", "2026-03-07T18:00", "02:30", "2026-03-08T07:00"),
        ("Australia/Lord_Howe", "2026-10-03T03:00", "02:15", "2026-10-03T15:30"),
        ("Africa/Cairo", "2026-04-23T12:00", "00:30", "2026-04-23T22:00"),
        # Clocks go back: of the two 02:30 (01:30, ...) the first counts.
        ("Europe/Berlin", "2026-10-24T12:00", "02:30", "2026-10-25T00:30"),
        ("America/New_York", "2026-10-31T18:00", "01:30", "2026-11-01T05:30"),
        ("Australia/Lord_Howe", "2026-04-04T03:00", "01:45", "2026-04-04T14:45"),
        ("Africa/Cairo", "2026-10-29T12:00", "23:30", "2026-10-29T20:30"),
    ],
)
def test_local_times_on_days_when_clocks_change(zone: str, start: str, at: str, due: str) -> None:
    world = Running(journey(step("wait", at=at)))
    before = f"{(ms(start) - START) // 1000}s"
    world.identify("0s", "a", timezone=zone)
    world.track(before, "a", "Signed Up")
    world.until("300d")
    assert [datetime.fromtimestamp(e.time / 1000, UTC).isoformat()[:16] for e in world.of("ended")] == [due]


def test_the_zone_is_the_persons_else_the_accounts_else_the_countrys_else_the_workspaces() -> None:
    traits = {
        "timezone": {"type": "string"},
        "country": {"type": "string"},
        "account_zone": {"type": "string", "of": "account", "path": "timezone"},
    }
    zones = {"person": "timezone", "account": "account_zone", "country": "country"}
    world = Running(
        journey(step("wait", at="09:00")),
        traits=traits,
        messaging={"zone_traits": zones},
        timezone="Asia/Tokyo",
    )
    world.identify("0s", "a", timezone="Europe/Paris", country="IN")
    world.identify("0s", "b", country="IN")
    world.identify("0s", "c", country="US", timezone="Mars/Base")
    world.event("1s", "group", "d", {"groupId": "acme", "traits": {"timezone": "America/Lima"}})
    for user in "abcd":
        world.track("3s", user, "Signed Up")
    assert [(e.data["zone"], e.data["from"]) for e in world.of("wait")] == [
        ("Europe/Paris", "person"),
        ("Asia/Kolkata", "country"),
        ("Asia/Tokyo", "workspace"),
        ("America/Lima", "account"),
    ]


def test_until_a_date_and_with_it_when_it_moves() -> None:
    world = Running(journey(step("wait", date={"date": "trait.renewal", "offset": "-1d"})))
    world.identify("0s", "a", renewal="2026-03-20T00:00:00Z")
    world.track("1s", "a", "Signed Up")
    world.identify("1d", "a", renewal="2026-03-10T00:00:00Z")
    world.until("30d")
    assert [e.time for e in world.of("ended")] == [ms("2026-03-09T00:00")]
    assert [e.data.get("moved") for e in world.of("wait")] == [None, True]


@pytest.mark.parametrize(("past", "reason"), [("skip", "through"), ("exit", "date_past"), ("late", "late")])
def test_a_date_already_past_or_unknown_is_skipped_or_ends_or_takes_its_path(past: str, reason: str) -> None:
    world = Running(journey(step("wait", date={"date": "trait.renewal", "past": past})))
    world.identify("0s", "a", renewal="2020-01-01")
    world.track("1s", "a", "Signed Up")
    world.track("1s", "b", "Signed Up")
    assert world.ends() == [reason, reason]


def test_until_a_date_of_the_event_that_started_the_run() -> None:
    world = Running(journey(step("wait", date={"date": "event.trial_ends", "offset": "-2h"})))
    world.track("0s", "a", "Signed Up", trial_ends="2026-03-09T12:00:00Z")
    world.until("30d")
    assert [e.time for e in world.of("ended")] == [ms("2026-03-09T10:00")]


def test_until_the_next_session_and_not_the_one_that_is_open() -> None:
    world = Running(journey(step("wait", session=True, timeout="7d", on_timeout="late")))
    world.track("0s", "a", "Signed Up")
    world.track("20m", "a", "Clicked")
    world.track("49m 59s", "a", "Clicked")
    assert not world.ends(), "gaps of less than half an hour are the same session"
    world.track("1h 19m 59s", "a", "Clicked")
    assert world.ends() == ["through"]
    world.track("2h", "b", "Signed Up")
    world.until("8d")
    assert world.ends() == ["through", "late"]


def test_a_wait_begun_while_nobody_is_there_ends_with_their_next_event() -> None:
    steps = {"first": step("wait", for_="1d"), "w": step("wait", session=True), "end": step("exit")}
    world = Running({"j": {"triggers": [on("Signed Up")], "steps": steps}})
    world.track("0s", "a", "Signed Up")
    world.track("1d 1m", "a", "Clicked")
    assert world.outcomes("w") == ["session"]


def test_the_first_of_several_paths_wins_and_ties_go_by_written_order() -> None:
    paths = [
        {"when": "logins >= 2", "go": "late", "name": "used"},
        {"event": "Signed In", "where": "property.device == 'phone'", "name": "phone"},
    ]
    world = Running(journey(step("wait", paths=paths, timeout="5d")))
    for user in "abc":
        world.track("0s", user, "Signed Up")
    world.track("1s", "a", "Signed In", device="tv")
    world.track("2s", "a", "Signed In", device="phone")
    world.track("2s", "b", "Signed In", device="phone")
    world.until("6d")
    assert world.outcomes("w") == ["used", "phone", "timeout"]


def test_an_event_at_the_very_instant_of_the_timeout_is_too_late() -> None:
    world = Running(journey(step("wait", paths=[{"event": "Paid"}], timeout="1d", on_timeout="late")))
    world.track("0s", "a", "Signed Up")
    world.track("1d", "a", "Paid")
    assert world.ends() == ["late"]


def test_a_condition_that_is_true_already_passes_unless_it_has_to_become_true() -> None:
    for new, expected in ((False, ["through"]), (True, [])):
        world = Running(
            journey(step("wait", paths=[{"when": "trait.plan == 'pro'", "require_new": new}], timeout="9d"))
        )
        world.identify("0s", "a", plan="pro")
        world.track("1s", "a", "Signed Up")
        assert world.ends() == expected
        world.identify("2s", "a", plan="free")
        world.identify("3s", "a", plan="pro")
        assert world.ends() == ["through"]


def test_the_event_that_starts_a_run_does_not_end_its_first_wait() -> None:
    world = Running(journey(step("wait", paths=[{"event": "Signed Up"}], timeout="1d"), re_entry="once"))
    world.track("0s", "a", "Signed Up")
    assert not world.ends()
    world.track("1s", "a", "Signed Up")
    assert world.ends() == ["through"]


def test_a_reset_starts_the_timeout_anew_and_only_so_often() -> None:
    wait = step("wait", paths=[{"event": "Paid"}], timeout="1d", reset={"event": "Signed In", "max": 2})
    world = Running(journey(wait))
    world.track("0s", "a", "Signed Up")
    for at in ("20h", "40h", "60h"):
        world.track(at, "a", "Signed In")
    world.until("5d")
    assert [e.time for e in world.of("ended")] == [START + 64 * HOUR]


def test_weekly_windows_hold_whatever_was_waited_for() -> None:
    office = [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}]
    world = Running(journey(step("wait", for_="4d", windows=office)))
    world.track("10h", "a", "Signed Up")
    world.until("20d")
    # Friday 19:00 is out of hours; Monday 09:00 is the next opening.
    assert [e.time for e in world.of("ended")] == [ms("2026-03-09T09:00")]
    world = Running(journey(step("wait", paths=[{"event": "Paid"}], timeout="9d", windows=office)))
    world.track("0s", "a", "Signed Up")
    world.track("9h", "a", "Paid")
    assert not world.ends()
    world.until("2d")
    assert [e.time for e in world.of("ended")] == [ms("2026-03-03T09:00")]


def test_jitter_spreads_people_over_its_width_the_same_way_each_time() -> None:
    world = Running(journey(step("wait", for_="1d", jitter="1h")))
    for number in range(50):
        world.track("0s", f"u{number}", "Signed Up")
    world.until("3d")
    late = [e.time - START - DAY for e in world.of("ended")]
    assert len(set(late)) > 40 and min(late) >= 0 and max(late) < HOUR
    assert world.again(7) == world.told


def test_a_trailing_wait_holds_people_until_something_ends_the_run() -> None:
    steps = {"w": step("wait", forever=True)}
    world = Running({"j": {"triggers": [on("Signed Up")], "steps": steps, "exits": [{"event": "Left"}]}})
    world.track("0s", "a", "Signed Up")
    world.until("300d")
    assert world.waiting() == [("j", "w")]
    world.track("301d", "a", "Left")
    assert world.ends() == ["exit"]


WAITS = {
    "for": step("wait", for_="3d"),
    "at": step("wait", at="08:00"),
    "date": step("wait", date={"date": "trait.renewal"}),
    "session": step("wait", session=True),
    "paths": step("wait", paths=[{"event": "Paid"}, {"when": "logins >= 9"}], timeout="3d"),
    "forever": step("wait", forever=True),
}


@pytest.mark.parametrize("kind", WAITS)
def test_exits_and_goals_act_at_once_in_the_middle_of_every_kind_of_wait(kind: str) -> None:
    exits = [
        {"event": "Left", "where": "property.sure == true", "reason": "gone"},
        {"when": "segment.active"},
    ]
    goals = {"won": {"event": "Bought", "value": "total"}, "seen": {"event": "Viewed", "exit": False}}
    world = Running(journey(WAITS[kind], exits=exits, goals=goals))
    for user in "abc":
        world.identify("0s", user, renewal="2026-03-20")
        world.track("1s", user, "Signed Up")
    world.track("2m", "a", "Left", sure=False)
    world.track("3m", "a", "Left", sure=True)
    world.track("4m 1s", "b", "Viewed")
    world.track("5m", "b", "Bought", total=12.5)
    world.track("6m", "c", "Signed In")
    world.track("7m", "c", "Signed In")
    assert world.ends() == ["gone", "goal won", "exit"]
    assert [(e.data["goal"], e.data.get("value")) for e in world.of("goal")] == [
        ("seen", None),
        ("won", 12.5),
    ]


@pytest.mark.parametrize("kind", WAITS)
def test_a_merge_in_the_middle_of_every_kind_of_wait_keeps_the_run_and_its_time(kind: str) -> None:
    world = Running(journey(WAITS[kind]))
    world.identify("0s", "a", renewal="2026-03-20")
    world.track("1m", None, "Signed Up", anonymous="anon")
    if kind == "date":
        assert world.ends() == ["through"], "nobody knows a date of somebody anonymous"
        return
    world.identify("2m", "a", anonymous="anon")
    assert [e.kind for e in world.of("merged")] == ["merged"]
    assert world.waiting() == [("j", "w")]
    if kind == "paths":
        world.track("1d", "a", "Paid")
        assert world.ends() == ["through"]
    elif kind == "session":
        world.track("1d", "a", "Clicked")
        assert world.ends() == ["through"]
    elif kind != "forever":
        world.until("4d")
        assert world.ends() == ["through"]
    assert world.again(1, snapshots=True) == world.told


def test_of_two_runs_of_one_journey_the_older_stays_when_people_merge() -> None:
    world = Running(journey(step("wait", for_="3d")))
    world.track("0s", "a", "Signed Up")
    world.track("1h", None, "Signed Up", anonymous="anon")
    world.identify("2h", "a", anonymous="anon")
    assert world.ends() == ["merged"]
    world.until("4d")
    assert [e.time for e in world.of("ended")] == [moment("2h"), START + 3 * DAY]


def test_runs_about_different_orders_both_stay_when_people_merge() -> None:
    world = Running(
        {
            "j": {
                "triggers": [on("Bought")],
                "key": "order_id",
                "re_entry": {"per_entity": True},
                "steps": {"w": step("wait", for_="3d")},
            }
        }
    )
    world.track("0s", "a", "Bought", order_id="1")
    world.track("1h", None, "Bought", anonymous="anon", order_id="2")
    world.identify("2h", "a", anonymous="anon")
    assert world.waiting() == [("j", "w"), ("j", "w")]


def test_events_concern_the_run_whose_key_they_carry_or_every_run_when_they_carry_none() -> None:
    keyed = {
        "triggers": [on("Bought")],
        "key": "order_id",
        "re_entry": {"per_entity": True},
        "exits": [{"event": "Cancelled"}],
        "steps": {"w": step("wait", paths=[{"event": "Delivered"}], timeout="9d")},
    }
    world = Running({"j": keyed})
    for order in "123":
        world.track("0s", "a", "Bought", order_id=order)
    world.track("1d", "a", "Delivered", order_id="2")
    assert [e.data["step"] for e in world.of("step")] == ["w"]
    world.track("2d", "a", "Cancelled", order_id="9")
    assert len(world.waiting()) == 2
    world.track("3d", "a", "Cancelled")
    assert world.ends() == ["completed", "exit", "exit"]


def test_a_journey_over_orders_reads_the_orders_own_facts_and_its_persons() -> None:
    orders = {
        "of": "order",
        "triggers": [{"kind": "segment", "segment": "big"}],
        "audience": "person.segment.active",
        "exits": [{"when": "returned >= 1", "reason": "returned"}],
        "steps": {"w": step("wait", for_="3d"), "say": step("message", template="tip")},
    }
    world = Running(
        {"j": orders},
        signals={
            "logins": {"kind": "count", "event": "Signed In"},
            "value": {"kind": "sum", "of": "order", "event": "Bought", "property": "total"},
            "returned": {"kind": "count", "of": "order", "event": "Returned"},
        },
        segments={"active": {"when": "logins >= 1"}, "big": {"of": "order", "when": "value >= 100"}},
    )
    world.track("0s", "a", "Bought", order_id="1", total=500)
    world.track("1s", "a", "Signed In")
    for order in "234":
        world.track("2s", "a", "Bought", order_id=order, total=500 if order != "4" else 5)
    assert [e.data.get("key") for e in world.of("run")] == [None, None]
    world.track("1d", "a", "Returned", order_id="3")
    world.until("4d")
    assert world.ends() == ["returned", "completed"]
    assert len(world.of("message")) == 1


def test_late_events_still_end_waits() -> None:
    world = Running(journey(step("wait", paths=[{"event": "Paid"}], timeout="9d")))
    world.track("1d", "a", "Signed Up")
    world.track("2d", "a", "Paid", happened="0s")
    assert world.ends() == ["through"]


def test_a_timeout_outside_the_windows_takes_its_own_way_when_they_open() -> None:
    office = [{"from": "09:00", "to": "17:00"}]
    wait = step("wait", paths=[{"event": "Paid"}], timeout="10h", on_timeout="late", windows=office)
    world = Running(journey(wait))
    world.track("0s", "a", "Signed Up")
    world.until("2d")
    assert world.ends() == ["late"]
    assert [e.time for e in world.of("ended")] == [ms("2026-03-03T09:00")]


def test_a_date_that_moves_to_the_past_ends_its_own_run_and_gives_others_no_reason() -> None:
    moved = {"date": {"date": "trait.renewal", "past": "exit"}}
    paths = [{"when": "trait.plan == 'pro'", "go": "exit"}]
    waits = {"first": step("wait", **moved), "second": step("wait", paths=paths)}
    world = Running(
        {name: {"triggers": [on("Signed Up")], "steps": {"w": wait}} for name, wait in waits.items()}
    )
    world.identify("0s", "a", renewal="2026-03-20")
    world.track("1s", "a", "Signed Up")
    world.identify("5d", "a", renewal="2026-03-03", plan="pro")
    assert [(e.name, e.data["reason"]) for e in world.of("ended")] == [
        ("first", "date_past"),
        ("second", "completed"),
    ]


def test_a_date_at_a_local_time_moves_with_the_persons_zone() -> None:
    world = Running(journey(step("wait", date={"date": "trait.renewal", "offset": "-1d", "at": "09:00"})))
    world.identify("0s", "a", renewal="2026-03-20", timezone="Europe/Berlin")
    world.track("1s", "a", "Signed Up")
    world.identify("1d", "a", timezone="America/New_York")
    world.until("30d")
    assert [e.time for e in world.of("ended")] == [ms("2026-03-19T13:00")]
    assert [e.data["until"] for e in world.of("wait")] == [ms("2026-03-19T08:00"), ms("2026-03-19T13:00")]


ORDERS: dict[str, Any] = {
    "of": "order",
    "key": "order_id",
    "re_entry": {"per_entity": True},
    "triggers": [on("Ordered")],
}


def test_the_runs_of_an_order_look_at_what_becomes_of_its_person() -> None:
    wait = step("wait", paths=[{"when": "person.logins >= 2"}], timeout="9d")
    steps = {"w": wait, "end": step("exit", reason="through"), "late": step("exit", reason="late")}
    plans = {"j": {**ORDERS, "steps": steps}}
    plans["k"] = {
        **ORDERS,
        "steps": steps,
        "exits": [{"when": "person.trait.plan == 'pro'", "reason": "pro"}],
    }
    world = Running(plans)
    world.track("0s", "a", "Ordered", order_id="o1")
    world.track("1s", None, "Ordered", order_id="o2", anonymous="x")
    world.track("1h", "a", "Signed In")
    world.identify("2h", "a", plan="pro")
    assert world.ends() == ["pro"]
    # Two visitors who turn out to be one person: each of the orders is hers.
    world.track("3h", None, "Signed In", anonymous="x")
    assert world.ends() == ["pro"]
    world.identify("4h", "a", anonymous="x")
    assert sorted(world.ends()) == ["pro", "pro", "through", "through"]
    assert world.again(1, snapshots=True) == world.told
    journeys = world.fold.journeys
    assert journeys is not None and not journeys.theirs


def test_an_order_waits_until_a_date_of_its_person_and_moves_with_it() -> None:
    date = {"date": "person.trait.renewal", "offset": "-1d", "at": "09:00"}
    world = Running({"j": {**ORDERS, "steps": {"w": step("wait", date=date)}}})
    world.identify("0s", "a", renewal="2026-03-20")
    world.track("1s", "a", "Ordered", order_id="o1")
    world.identify("1d", "a", renewal="2026-03-25")
    world.identify("2d", "a", timezone="Asia/Tokyo")
    world.until("40d")
    assert [e.time for e in world.of("ended")] == [ms("2026-03-24T00:00")]


def test_ranked_paths_are_decided_at_the_end_of_the_time_by_the_first_written_that_happened() -> None:
    paths = [
        {"event": "Paid", "go": "best"},
        {"when": "logins >= 2", "go": "good"},
        {"event": "Looked", "go": "late"},
    ]
    steps = {
        "w": step("wait", paths=paths, decide="at_end", timeout="3d", on_timeout="none"),
        **{name: step("exit", reason=name) for name in ("best", "good", "late", "none")},
    }
    world = Running({"j": {"triggers": [on("Signed Up")], "steps": steps}})
    for user in "abcd":
        world.track("0s", user, "Signed Up")
    for user in "abc":
        world.track("1h", user, "Looked")
    for user in "ab":
        world.track("2h", user, "Signed In")
        world.track("3h", user, "Signed In")
    world.track("4h", "a", "Paid")
    world.track("5h", "a", "Looked")
    assert not world.ends(), "nothing is decided before its time"
    world.until("3d")
    assert world.ends() == ["best", "good", "late", "none"]
    assert world.again(1, snapshots=True) == world.told

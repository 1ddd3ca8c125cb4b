"""Versions, migration, pause, resume and archive: nobody inside is lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sevenfold.engine import ControlError, Fold
from sevenfold.journeys.migration import standing
from sevenfold.journeys.preview import preview
from tests.unit.journeys.running import START, Running, moment, on, step

DAY, HOUR = 86_400_000, 3_600_000


def journey(steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"j": {"triggers": [on("Signed Up")], "steps": steps, **fields}}


HELLO: dict[str, Any] = {
    "channels": {"app": {"type": "in_app"}},
    "templates": {"hello": {"channel": "app", "title": "Hello", "body": "Hello"}},
}
STEPS = {"w": step("wait", for_="3d"), "x": step("wait", for_="5d"), "end": step("exit", reason="through")}


def plan(world: Running, **changed: Any) -> dict[str, Any]:
    """The journey's plan with other steps."""
    found: dict[str, Any] = msgspec.to_builtins(world.fold.workspace.journeys["j"])
    found["steps"] = {**found["steps"], **changed}
    return found


def test_a_republished_journey_takes_new_people_under_a_new_number() -> None:
    world = Running(journey(STEPS))
    world.track("0s", "a", "Signed Up")
    world.control("1h", "publish", journey="j", plan=plan(world, w=step("wait", for_="1d")))
    world.track("2h", "b", "Signed Up")
    assert [e.data["version"] for e in world.of("run")] == [1, 2]
    journeys = world.fold.journeys
    assert journeys is not None
    assert standing(journeys, "j") == {1: {"w": 1}, 2: {"w": 1}}


def test_who_stands_at_a_changed_step_finishes_on_the_old_version_unless_told_otherwise() -> None:
    world = Running(journey(STEPS))
    world.track("0s", "a", "Signed Up")
    world.control("1d", "publish", journey="j", plan=plan(world, w=step("wait", for_="1d")))
    world.until("9d")
    assert [e.time for e in world.of("ended")] == [START + 8 * DAY]
    assert not world.of("migrated")


def test_an_unchanged_step_moves_to_the_new_version_with_its_time() -> None:
    world = Running(journey(STEPS))
    world.track("0s", "a", "Signed Up")
    world.control("1d", "publish", journey="j", plan=plan(world, x=step("wait", for_="1d")))
    world.until("9d")
    assert [e.data["choice"] for e in world.of("migrated")] == ["migrate_keep"]
    assert [e.time for e in world.of("ended")] == [START + 4 * DAY]


@pytest.mark.parametrize(
    ("choice", "ended"),
    [
        ("finish", 8 * DAY),
        ("migrate", 7 * DAY),
        ("migrate_keep", 7 * DAY),
        ("exit", 2 * DAY),
        ({"to": "x"}, 7 * DAY),
    ],
)
def test_each_choice_for_people_at_a_changed_step(choice: Any, ended: int) -> None:
    world = Running(journey(STEPS))
    world.track("0s", "a", "Signed Up")
    new = plan(world, w=step("wait", for_="0s" if choice == "migrate" else "1d"))
    world.control("2d", "publish", journey="j", plan=new, choices={"w": choice})
    world.until("12d")
    assert [e.time - START for e in world.of("ended")] == [ended]
    assert world.again(1, snapshots=True) == world.told


@pytest.mark.parametrize("choice", [{"to": "m"}, "migrate"])
def test_who_is_moved_to_a_message_again_gets_another_one_under_another_id(choice: Any) -> None:
    """Also where the step is on no loop, so that nobody had counted how often it was come to."""
    steps = {
        "m": step("message", template="hello", on={"delivered": "w"}, outcome_within="5d"),
        "w": step("wait", for_="9d"),
    }
    world = Running(journey(steps), **HELLO)
    world.track("0s", "a", "Signed Up")
    changed = {"m": step("message", template="hello", on={"delivered": "w"}, outcome_within="6d")}
    world.control("1d", "publish", journey="j", plan=plan(world, **changed), choices={"m": choice})
    first, second = world.of("message")
    assert first.data["effect"] != second.data["effect"]
    assert [one.data["visit"] for one in (first, second)] == [1, 2]
    world.control("2d", "publish", journey="j", plan=plan(world), choices={"m": {"to": "m"}})
    assert len({one.data["effect"] for one in world.of("message")}) == len(world.of("message")) >= 2


def test_a_choice_that_is_none_is_refused_before_anything_has_changed() -> None:
    world = Running(journey(STEPS))
    world.track("0s", "a", "Signed Up")
    with pytest.raises(Exception, match="no choice for step `w`"):
        world.fold.control(
            moment("1d"), {"op": "publish", "journey": "j", "plan": plan(world), "choices": {"w": "run"}}
        )
    with pytest.raises(ControlError, match="is none"):
        world.fold.control(moment("1d"), {"op": "publish", "journey": "j", "plan": {"steps": 3}})
    with pytest.raises(ControlError, match="whom"):
        world.fold.control(
            moment("1d"), {"op": "publish", "journey": "j", "plan": plan(world), "enter": "everybody"}
        )
    assert world.fold.journeys is not None
    assert standing(world.fold.journeys, "j") == {1: {"w": 1}}
    assert world.fold.workspace == world.workspace


def test_publishing_takes_in_those_who_match_now_only_when_asked() -> None:
    for enter, runs in (("future", 0), ("now", 2), ("both", 2)):
        world = Running({"other": journey(STEPS)["j"]})
        for user in "abc":
            world.track("0s", user, "Signed In")
        for user in "ab":
            world.track("1s", user, "Signed In")
        new = {
            "triggers": [{"kind": "segment", "segment": "active"}],
            "audience": "segment.active",
            "steps": STEPS,
        }
        world.control("1d", "publish", journey="new", plan=new, enter=enter)
        assert len(world.of("run")) == runs
        world.track("2d", "c", "Signed In")
        assert len(world.of("run")) == runs + 1


def test_publishing_keeps_windows_counts_and_stages_as_they_were() -> None:
    sections = {
        "signals": {"logins": {"kind": "count", "event": "Signed In", "window": "7d"}},
        "segments": {"active": {"when": "logins >= 2"}},
    }
    world = Running(journey(STEPS), **sections)
    world.track("0s", "a", "Signed In")
    world.control("1d", "publish", journey="new", plan={"triggers": [on("Paid")], "steps": STEPS})
    world.track("2d", "a", "Signed In")
    world.until("8d")
    assert [(e.kind, e.time - START) for e in world.of("entered", "left")] == [
        ("entered", 2 * DAY),
        ("left", 7 * DAY),
    ]


def test_a_snapshot_after_publishing_knows_the_versions_with_people_in_them() -> None:
    world = Running(journey(STEPS))
    world.track("0s", "a", "Signed Up")
    world.control("1h", "publish", journey="j", plan=plan(world, w=step("wait", for_="9d")))
    world.track("2h", "b", "Signed Up")
    copy = Fold.restore(world.fold.workspace, world.fold.snapshot())
    assert copy.advance(moment("30d")) == world.fold.advance(moment("30d"))


def test_rollback_is_publishing_the_older_plan_again() -> None:
    world = Running(journey(STEPS))
    first = plan(world)
    world.control("1h", "publish", journey="j", plan=plan(world, w=step("wait", for_="9d")))
    world.track("2h", "a", "Signed Up")
    world.control("3h", "publish", journey="j", plan=first, choices={"w": "migrate_keep"})
    world.until("20d")
    assert [e.time - START for e in world.of("ended")] == [2 * HOUR + 8 * DAY]
    assert [e.data["version"] for e in world.of("published")] == [2, 3]


def test_a_frozen_pause_keeps_what_is_left_of_every_timer() -> None:
    world = Running(journey(STEPS))
    world.track("0s", "a", "Signed Up")
    world.control("1d", "pause", journey="j")
    world.until("10d")
    assert not world.of("step"), "the timer fell due during the pause"
    world.control("11d", "resume", journey="j")
    world.until("30d")
    assert [e.time - START for e in world.of("ended")] == [18 * DAY]


def test_a_running_clock_releases_overdue_runs_at_resume_spread_out() -> None:
    world = Running(journey({"w": step("wait", for_="1d"), "end": step("exit")}))
    for number in range(60):
        world.track("0s", f"u{number}", "Signed Up")
    world.control("1h", "pause", journey="j", clock="run")
    world.until("5d")
    world.control("6d", "resume", journey="j", spread="1h")
    world.until("7d")
    times = [e.time - START - 6 * DAY for e in world.of("ended")]
    assert len(times) == 60 and len(set(times)) > 50 and min(times) > 0 and max(times) <= HOUR


def test_what_a_paused_run_waits_for_is_not_lost() -> None:
    world = Running(
        journey({"w": step("wait", paths=[{"event": "Paid"}], timeout="9d"), "end": step("exit")})
    )
    world.track("0s", "a", "Signed Up")
    world.control("1h", "pause", journey="j")
    world.track("2h", "a", "Paid")
    assert not world.ends()
    world.control("3h", "resume", journey="j")
    assert world.ends() == ["completed"]
    assert world.again(1, snapshots=True) == world.told


def test_exits_act_during_a_pause() -> None:
    world = Running(journey(STEPS, exits=[{"event": "Left"}]))
    world.track("0s", "a", "Signed Up")
    world.control("1h", "pause", journey="j")
    world.track("2h", "a", "Left")
    assert world.ends() == ["exit"]


def test_entries_during_a_pause_wait_or_are_refused() -> None:
    for entries, reasons, runs in (("queue", [], 1), ("drop", ["paused"], 0)):
        world = Running(journey(STEPS))
        world.track("0s", "x", "Visited")
        world.control("1h", "pause", journey="j", entries=entries)
        world.track("2h", "a", "Signed Up")
        assert not world.of("run")
        world.control("9d", "resume", journey="j")
        assert [e.data["reason"] for e in world.of("refused")] == reasons
        assert len(world.of("run")) == runs


def test_a_pause_may_let_those_inside_finish() -> None:
    world = Running(journey(STEPS))
    world.track("0s", "a", "Signed Up")
    world.control("1h", "pause", journey="j", finish=True, entries="drop")
    world.track("2h", "b", "Signed Up")
    world.until("9d")
    assert world.ends() == ["through"]


def test_archiving_ends_the_runs_and_lets_nobody_in() -> None:
    world = Running(journey(STEPS))
    world.track("0s", "a", "Signed Up")
    world.control("1h", "archive", journey="j")
    world.track("2h", "b", "Signed Up")
    assert world.ends() == ["archived"]
    assert len(world.of("run")) == 1
    assert world.again(1, snapshots=True) == world.told


def test_an_archived_journey_stays_closed_when_another_is_published_and_opens_when_it_is_itself() -> None:
    world = Running(journey(STEPS))
    world.control("1h", "archive", journey="j")
    world.control("2h", "publish", journey="k", plan={"triggers": [on("Paid")], "steps": STEPS})
    world.track("3h", "a", "Signed Up")
    assert not world.of("run")
    world.control("4h", "publish", journey="j", plan=plan(world))
    world.track("5h", "b", "Signed Up")
    assert len(world.of("run")) == 1


def test_controls_about_journeys_that_are_not_there_say_what_is() -> None:
    world = Running(journey(STEPS))
    for op in ("pause", "resume", "archive", "start"):
        with pytest.raises(ControlError, match="no journey `jj` is published"):
            world.fold.control(START, {"op": op, "journey": "jj"})
    with pytest.raises(ControlError, match="not paused"):
        world.fold.control(START, {"op": "resume", "journey": "j"})


def test_a_preview_counts_who_stands_where_who_would_enter_and_what_they_would_be_sent() -> None:
    world = Running(journey(STEPS))
    for user in "abc":
        world.track("0s", user, "Signed Up")
    for user in "abcd":
        world.identify("1h", user, plan="pro" if user in "ad" else "free")
    new = {
        "triggers": [on("Signed Up")],
        "audience": "trait.plan == 'pro'",
        "re_entry": {"unlimited": 5},
        "steps": {
            "say": step("message", template="tip"),
            "w": step("wait", for_="3d"),
            "mail": step("message", template="note"),
        },
    }
    before = world.fold.snapshot()
    found = preview(world.fold, "j", new)
    assert found.standing == {1: {"w": 3}}
    assert found.matching == 2
    assert found.messages == {"say": {"message": 2}, "mail": {"unreachable": 2}}
    assert world.fold.snapshot() == before


def test_a_decided_test_promotes_its_winner() -> None:
    split = step("split", paths={"a": {"share": 50}, "b": {"share": 50}})
    world = Running(journey({"s": split, "end": step("exit")}))
    world.control("1h", "promote", journey="j", step="s", path="b")
    for number in range(20):
        world.track("2h", f"u{number}", "Signed Up")
    assert world.outcomes("s") == ["b"] * 20


def test_a_journey_in_shadow_walks_everybody_and_sends_nothing() -> None:
    steps = {"m": step("message", template="tip"), "w": step("wait", for_="1d")}
    both = {**journey(steps), "draft": {**journey(steps)["j"], "state": "shadow"}}
    world = Running(both, messaging={"caps": {"one": {"limit": 1, "per": "1d"}}})
    world.track("0s", "a", "Signed Up")
    assert [(e.kind, e.name) for e in world.of("message", "would_send", "held")] == [
        ("message", "j"),
        ("held", "draft"),
    ]


def test_who_was_queued_without_a_key_does_not_enter_at_resume() -> None:
    world = Running(journey(STEPS, key="order_id"))
    world.track("0s", "x", "Visited")
    world.control("1h", "pause", journey="j")
    world.track("2h", "a", "Signed Up")
    world.control("3h", "resume", journey="j")
    assert not world.of("run")
    assert [e.data["reason"] for e in world.of("refused")] == ["no_key"]


def test_a_draft_in_shadow_decides_as_if_the_journey_in_whose_place_it_walks_were_not_there() -> None:
    steps = {"m": step("message", template="tip"), "w": step("wait", for_="1d")}
    draft = {**journey(steps)["j"], "state": "shadow", "shadow_of": "j"}
    policy = {"caps": {"one": {"limit": 1, "per": "1d"}}, "minimum_gap": "1h", "concurrent_journeys": 1}
    world = Running({**journey(steps), "draft": draft}, messaging=policy)
    world.track("0s", "a", "Signed Up")
    assert [(e.kind, e.name) for e in world.of("message", "would_send", "held")] == [
        ("message", "j"),
        ("would_send", "draft"),
    ]


def test_nobody_notices_a_draft_in_shadow() -> None:
    steps = {
        "u": step("update_trait", set={"plan": "pro"}),
        "h": step("start_journey", journey="other"),
        "m": step("message", template="tip"),
        "w": step("wait", for_="1d"),
    }
    draft = {**journey(steps)["j"], "state": "shadow", "priority": 90}
    late = {"triggers": [on("Later"), {"kind": "api"}], "steps": {"m": step("message", template="tip")}}
    policy = {
        "caps": {"one": {"limit": 1, "per": "9d"}},
        "concurrent_journeys": 1,
        # Control people see what the real ones would have been sent, and no drafts.
        "holdout": {"share": 100},
    }
    world = Running({"draft": draft, "other": late}, messaging=policy)
    world.track("0s", "a", "Signed Up")
    world.track("1h", "a", "Later")
    assert [(e.name, e.data.get("ghost")) for e in world.of("run")] == [
        ("draft", "shadow"),
        ("other", "universal"),
    ]
    assert [e.name for e in world.of("would_send")] == ["draft", "other"]
    assert [e.data["outcome"] for e in world.of("step")][:2] == ["would_update", "would_start"]
    (person,) = world.fold.subjects("person").values()
    assert "plan" not in person["traits"]


def test_a_timer_that_was_set_during_a_frozen_pause_has_all_its_time_left_afterwards() -> None:
    wait = step("wait", paths=[{"event": "Paid"}], timeout="2d", reset={"event": "Looked"})
    world = Running(journey({"w": wait}))
    world.track("0s", "a", "Signed Up")
    world.track("0s", "b", "Signed Up")
    world.control("1d", "pause", journey="j")
    world.track("3d", "a", "Looked")
    world.control("10d", "resume", journey="j")
    world.until("30d")
    assert [e.time - START for e in world.of("ended")] == [11 * DAY, 12 * DAY]
    assert world.again(1, snapshots=True) == world.told


def test_no_pause_moves_dates_and_a_local_time_stays_that_local_time() -> None:
    date = step("wait", date={"date": "trait.renewal"})
    world = Running(
        {
            **journey({"w": date}),
            "late": {**journey({"w": date})["j"]},
            "k": {**journey({"w": step("wait", for_="1d", at="09:30")})["j"]},
        }
    )
    # The start is a Monday, 09:00.
    world.identify("0s", "a", renewal="2026-03-20T10:00:00Z")
    world.track("1s", "a", "Signed Up")
    for name in ("j", "k", "late"):
        world.control("1h", "pause", journey=name)
    for name, until in (("j", "3d"), ("k", "3d 5h"), ("late", "30d")):
        world.control(until, "resume", journey=name)
    world.until("40d")
    days = {e.name: (e.time - START) / DAY for e in world.of("ended")}
    assert days == {"j": 18 + 1 / 24, "k": 5 + 0.5 / 24, "late": 30 + 1 / DAY}


def test_a_wait_that_is_over_is_told_once_however_often_it_comes_true_during_a_pause() -> None:
    paths = [{"event": "Paid", "go": "paid"}, {"event": "Left", "go": "left"}]
    steps = {
        "w": step("wait", paths=paths, timeout="9d"),
        "paid": step("exit", reason="paid"),
        "left": step("exit", reason="left"),
    }
    world = Running(journey(steps))
    world.track("0s", "a", "Signed Up")
    world.control("1h", "pause", journey="j")
    for hour, name in enumerate(["Paid", "Left", "Paid"]):
        world.track(f"{2 + hour}h", "a", name)
    world.control("9h", "resume", journey="j")
    assert world.outcomes("w") == ["Paid"]
    assert world.ends() == ["paid"]


def test_two_runs_of_one_person_that_go_on_together_each_tell_their_wait_once() -> None:
    steps = {
        "w": step("wait", paths=[{"when": "trait.plan == 'pro'"}], timeout="9d"),
        "u": step("update_trait", set={"points": {"add": 1}}),
        "rest": step("wait", for_="1d"),
    }
    world = Running(journey(steps, re_entry={"unlimited": 3}))
    world.track("0s", "a", "Signed Up")
    world.track("1s", "a", "Signed Up")
    world.control("1h", "pause", journey="j", clock="run")
    world.identify("2h", "a", plan="pro")
    world.control("3h", "resume", journey="j")
    assert world.outcomes("w") == ["trait.plan == 'pro'"] * 2
    assert world.outcomes("u") == ["updated"] * 2


def test_why_a_run_ends_is_not_forgotten_while_it_is_paused() -> None:
    date = step("wait", date={"date": "trait.renewal", "past": "exit"})
    world = Running(journey({"w": date, "rest": step("wait", for_="1d")}))
    world.identify("0s", "a", renewal="2026-03-20")
    world.track("1s", "a", "Signed Up")
    world.control("1h", "pause", journey="j")
    world.identify("2h", "a", renewal="2020-01-01")
    world.control("3h", "resume", journey="j")
    assert world.ends() == ["date_past"]
    assert world.again(1, snapshots=True) == world.told


def test_who_was_woken_during_a_pause_finds_their_way_in_the_version_that_came_meanwhile() -> None:
    wait = step("wait", paths=[{"event": "Paid", "go": "end"}])
    world = Running(journey({**STEPS, "w": wait}))
    world.track("0s", "a", "Signed Up")
    world.control("1h", "pause", journey="j")
    world.track("2h", "a", "Paid")
    changed = plan(world)
    # A step more before the one it goes to.
    changed["steps"] = {
        "w": changed["steps"]["w"],
        "more": step("wait", for_="1d"),
        **{name: one for name, one in changed["steps"].items() if name != "w"},
    }
    changed["steps"]["w"] = {**changed["steps"]["w"], "next": "x"}
    world.control("3h", "publish", journey="j", plan=changed, choices={"w": "migrate_keep"})
    world.control("4h", "resume", journey="j")
    assert world.ends() == ["through"]

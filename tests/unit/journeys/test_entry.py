"""Who enters a journey, who enters again, and who walks as a ghost."""

from __future__ import annotations

from typing import Any

from tests.unit.journeys.running import Running, on, step

HOLD = {"hold": step("wait", for_="30d")}


def journey(**fields: Any) -> dict[str, Any]:
    return {"j": {"triggers": [on("Signed Up")], "steps": HOLD, **fields}}


def test_an_event_starts_a_run() -> None:
    world = Running(journey())
    world.track("0s", "a", "Signed Up")
    assert [(e.name, e.data["trigger"]) for e in world.of("run")] == [("j", "Signed Up")]


def test_the_same_event_delivered_again_cannot_start_a_second_run() -> None:
    world = Running(journey(re_entry="once"))
    world.track("0s", "a", "Signed Up")
    world.track("1s", "a", "Signed Up")
    assert len(world.of("run")) == 1


def test_the_audience_sees_what_the_event_itself_changes() -> None:
    world = Running(journey(triggers=[on("Signed In")], audience="logins >= 2"))
    world.track("0s", "a", "Signed In")
    assert not world.of("run")
    world.track("1s", "a", "Signed In")
    assert len(world.of("run")) == 1


def test_the_audience_may_read_the_event() -> None:
    world = Running(journey(audience="event.source == 'ad' and event.value > 10"))
    world.track("0s", "a", "Signed Up", source="ad", value=5)
    world.track("1s", "b", "Signed Up", source="ad", value=50)
    world.track("2s", "c", "Signed Up")
    assert len(world.of("run")) == 1


def test_a_where_narrows_a_trigger() -> None:
    world = Running(journey(triggers=[on("Signed Up", where="property.plan == 'pro'")]))
    world.track("0s", "a", "Signed Up", plan="free")
    world.track("1s", "b", "Signed Up", plan="pro")
    assert len(world.of("run")) == 1


def test_an_event_older_than_late_after_starts_nothing_and_says_so() -> None:
    world = Running(journey(late_after="48h"))
    world.track("2d +1", "a", "Signed Up", happened="0s")
    world.track("3d", "b", "Signed Up", happened="1d")
    assert [e.data["reason"] for e in world.of("refused")] == ["late"]
    assert len(world.of("run")) == 1


def test_entering_a_segment_starts_a_run_when_it_happens_and_not_because_it_is_so() -> None:
    world = Running(journey(triggers=[{"kind": "segment", "segment": "active"}], re_entry="after_exit"))
    for at in ("0s", "1s", "2s", "3s"):
        world.track(at, "a", "Signed In")
    assert [e.data["trigger"] for e in world.of("run")] == ["segment active entered"]


def test_leaving_a_segment_starts_a_run() -> None:
    world = Running(
        journey(triggers=[{"kind": "segment", "segment": "recent", "change": "left"}]),
        signals={"recent_logins": {"kind": "count", "event": "Signed In", "window": "1d"}},
        segments={"recent": {"when": "recent_logins >= 1"}},
    )
    world.track("0s", "a", "Signed In")
    world.until("2d")
    assert [(e.data["trigger"], e.time) for e in world.of("run")] == [
        ("segment recent left", world.of("left")[0].time)
    ]


def test_a_stage_a_condition_a_score_and_a_trait_start_runs_by_changing() -> None:
    sections: dict[str, Any] = {
        "lifecycles": {"life": {"stages": [{"name": "new"}, {"name": "used", "enter": "logins >= 1"}]}},
        "scores": {
            "health": {
                "measures": {"logins": {"signal": "logins", "points": [[0, 0], [4, 100]]}},
                "weights": [{"weights": {"logins": 1}}],
                "bands": [{"name": "low", "from": 0}, {"name": "high", "from": 60}],
            }
        },
    }
    triggers = {
        "stage": {"kind": "stage", "lifecycle": "life", "stage": "used"},
        "left": {"kind": "stage", "lifecycle": "life", "stage": "new", "change": "left"},
        "condition": {"kind": "condition", "when": "logins >= 3"},
        "above": {"kind": "score", "score": "health", "above": 75},
        "trait": {"kind": "trait", "trait": "plan"},
        "pro": {"kind": "trait", "trait": "plan", "to": "pro"},
    }
    world = Running({name: {"triggers": [one], "steps": HOLD} for name, one in triggers.items()}, **sections)
    world.track("0s", "a", "Signed In")
    assert [e.name for e in world.of("run")] == ["stage", "left"]
    world.track("1s", "a", "Signed In")
    world.track("2s", "a", "Signed In")
    assert [e.name for e in world.of("run")][2:] == ["condition", "above"]
    world.identify("3s", "a", plan="free")
    assert [e.name for e in world.of("run")][4:] == ["trait"]
    world.identify("4s", "a", plan="pro")
    assert [e.name for e in world.of("run")][5:] == ["pro"]


def test_a_score_that_falls_below_a_bound_starts_a_run() -> None:
    world = Running(
        journey(triggers=[{"kind": "score", "score": "health", "below": 50}]),
        signals={"week": {"kind": "count", "event": "Signed In", "window": "7d"}},
        segments={},
        scores={
            "health": {
                "measures": {"week": {"signal": "week", "points": [[0, 0], [1, 100]]}},
                "weights": [{"weights": {"week": 1}}],
                "bands": [{"name": "all", "from": 0}],
            }
        },
    )
    world.track("0s", "a", "Signed In")
    assert not world.of("run"), "somebody new has no health to fall from"
    world.until("8d")
    assert [e.data["trigger"] for e in world.of("run")] == ["score health below 50"]


def test_a_date_minus_a_week_at_a_local_time_starts_a_run_and_follows_the_date() -> None:
    trigger = {"kind": "date", "date": "trait.renewal", "offset": "-7d", "at": "09:00"}
    world = Running(journey(triggers=[trigger], re_entry="after_exit", steps={"e": step("exit")}))
    world.identify("0s", "a", timezone="Europe/Berlin", renewal="2026-03-20")
    world.identify("1d", "a", renewal="2026-03-22")
    world.until("30d")
    # 15 March 09:00 in Berlin is 08:00 UTC, thirteen days less one hour after the start.
    assert [e.time for e in world.of("run")] == [world.records[0][1] + (13 * 24 - 1) * 3_600_000]


def test_an_anniversary_comes_every_year() -> None:
    trigger = {"kind": "date", "date": "trait.renewal", "yearly": True, "at": "12:00"}
    world = Running(journey(triggers=[trigger], re_entry="after_exit", steps={"e": step("exit")}))
    world.identify("0s", "a", renewal="2024-02-29")
    world.until("1200d")
    assert len(world.of("run")) == 3


def test_a_schedule_enters_everybody_in_the_audience() -> None:
    trigger = {"kind": "schedule", "rrule": "FREQ=WEEKLY;BYDAY=MO;BYHOUR=10;BYMINUTE=0;BYSECOND=0"}
    world = Running(
        journey(triggers=[trigger], audience="logins >= 1", re_entry="after_exit", steps={"e": step("exit")})
    )
    world.track("0s", "a", "Signed In")
    world.track("1s", "b", "Visited")
    world.track("2s", "c", "Signed In")
    world.until("14d")
    assert len(world.of("run")) == 4, "two people on two Mondays"


def test_a_call_starts_a_run_with_its_properties() -> None:
    branch = step("branch", paths=[{"when": "event.level == 'gold'", "go": "exit", "name": "gold"}])
    world = Running(journey(triggers=[{"kind": "api"}], steps={"which": branch, **HOLD}))
    world.track("0s", "a", "Visited")
    world.control("1s", "start", journey="j", person="a", properties={"level": "gold"})
    assert world.outcomes("which") == ["gold"]


def test_after_exit_lets_in_again_once_the_run_is_over() -> None:
    world = Running(journey(re_entry="after_exit", steps={"w": step("wait", for_="1d")}))
    world.track("0s", "a", "Signed Up")
    world.track("1h", "a", "Signed Up")
    assert len(world.of("run")) == 1
    world.track("2d", "a", "Signed Up")
    assert len(world.of("run")) == 2


def test_after_a_time_counts_from_the_last_entry() -> None:
    world = Running(journey(re_entry={"after": "7d"}, steps={"e": step("exit")}))
    for at in ("0s", "6d", "7d", "13d", "14d"):
        world.track(at, "a", "Signed Up")
    assert len(world.of("run")) == 3


def test_per_entity_there_is_one_run_for_each_order_for_ever() -> None:
    world = Running(
        journey(
            triggers=[on("Bought")], key="order_id", re_entry={"per_entity": True}, steps={"e": step("exit")}
        )
    )
    for at, order in (("0s", "1"), ("1s", "2"), ("2s", "1"), ("3s", 7), ("4s", None)):
        world.track(at, "a", "Bought", order_id=order)
    assert [e.data["key"] for e in world.of("run")] == ["1", "2", "7"]
    assert [e.data["reason"] for e in world.of("refused")] == ["no_key"]


def test_unlimited_allows_so_many_runs_at_a_time() -> None:
    world = Running(journey(re_entry={"unlimited": 2}, steps={"w": step("wait", for_="1d")}))
    for at in ("0s", "1s", "2s"):
        world.track(at, "a", "Signed Up")
    assert len(world.of("run")) == 2
    world.track("2d", "a", "Signed Up")
    assert len(world.of("run")) == 3


def test_limits_on_entries_runs_and_journeys_at_once_are_refusals_with_a_reason() -> None:
    world = Running(
        journey(re_entry={"unlimited": 9}, limits={"entries": "2 per 7d"}, steps={"e": step("exit")})
    )
    for at in ("0s", "1d", "2d", "7d 1s"):
        world.track(at, "a", "Signed Up")
    assert [e.data["reason"] for e in world.of("refused")] == ["limit_entries"]
    assert len(world.of("run")) == 3
    world = Running(journey(limits={"runs": 1}))
    world.track("0s", "a", "Signed Up")
    world.track("1s", "b", "Signed Up")
    assert [e.data["reason"] for e in world.of("refused")] == ["limit_runs"]
    two = {"one": journey()["j"], "two": journey()["j"]}
    world = Running(two, messaging={"concurrent_journeys": 1})
    world.track("0s", "a", "Signed Up")
    assert [(e.name, e.data["reason"]) for e in world.of("refused")] == [("two", "limit_concurrent")]


def test_who_meets_an_exit_already_does_not_enter() -> None:
    world = Running(journey(exits=[{"when": "segment.active"}]))
    world.track("0s", "a", "Signed In")
    world.track("1s", "a", "Signed In")
    world.track("2s", "a", "Signed Up")
    assert [e.data["reason"] for e in world.of("refused")] == ["exit_holds"]


def test_a_draft_and_an_archived_journey_let_nobody_in() -> None:
    for state in ("draft", "archived"):
        world = Running({**journey(state=state), "other": journey()["j"]})
        world.track("0s", "a", "Signed Up")
        assert [e.name for e in world.of("run")] == ["other"]


def test_ghosts_of_every_level_walk_the_same_way_at_the_same_time() -> None:
    steps = {"w": step("wait", for_="1d"), "say": step("message", template="tip"), **HOLD}
    for level, sections in {
        "journey": {},
        "programme": {"messaging": {"programmes": {"onboarding": {"share": 50}}}},
        "universal": {"messaging": {"holdout": {"share": 50}}},
    }.items():
        fields = {"holdout": 50} if level == "journey" else {"programme": "onboarding"}
        world = Running(journey(steps=steps, **fields), **sections)
        for number in range(40):
            world.track("0s", f"u{number}", "Signed Up")
        world.until("2d")
        ghosts = {e.subject for e in world.of("run") if e.data.get("ghost") == level}
        assert 8 < len(ghosts) < 32
        assert {e.subject for e in world.of("would_send")} == ghosts
        assert {e.subject for e in world.of("message")} == {e.subject for e in world.of("run")} - ghosts
        assert len({e.time for e in world.of("message", "would_send")}) == 1
        assert {e.data["step"] for e in world.of("wait") if e.subject in ghosts} == {"w", "hold"}


def test_the_same_records_make_the_same_decisions_however_they_are_cut_and_wherever_it_stops() -> None:
    world = Running(journey(holdout=30, re_entry={"after": "1d"}, steps={"w": step("wait", for_="1d")}))
    for number in range(30):
        world.track(f"{number}h", f"u{number % 7}", "Signed Up")
    world.until("10d")
    for size in (1, 7, 512):
        assert world.again(size) == world.told
    assert world.again(3, snapshots=True) == world.told


def test_a_business_event_enters_everybody_whom_it_concerns() -> None:
    trigger = {
        "kind": "business",
        "event": "Price Dropped",
        "match": {"signal": "viewed", "property": "product"},
        "where": "property.by >= 10",
    }
    steps = {"which": step("branch", paths=[{"when": "event.product == 'lamp'", "go": "hold"}]), **HOLD}
    world = Running(
        journey(triggers=[trigger], steps=steps),
        signals={
            "viewed": {"kind": "values", "event": "Viewed", "property": "product"},
            "logins": {"kind": "count", "event": "Signed In"},
        },
    )
    for user, product in (("a", "lamp"), ("b", "chair"), ("c", "lamp")):
        world.track("0s", user, "Viewed", product=product)
    world.control("1h", "business", event="Price Dropped", properties={"product": "lamp", "by": 5})
    assert not world.of("run")
    world.control("2h", "business", event="Price Dropped", properties={"product": "lamp", "by": 20})
    assert len(world.of("run")) == 2
    assert len(world.waiting()) == 2


def test_a_pace_lets_people_in_little_by_little() -> None:
    trigger = {"kind": "business", "event": "Incident", "pace": "60 per 1m"}
    world = Running(journey(triggers=[trigger]))
    for number in range(30):
        world.track("0s", f"u{number}", "Visited")
    world.control("1h", "business", event="Incident")
    world.until("1h 10s")
    assert len(world.of("run")) == 11
    world.until("2h")
    assert len(world.of("run")) == 30
    assert world.again(1, snapshots=True) == world.told


def test_entries_are_limited_for_each_subject_also_when_every_order_has_a_run() -> None:
    world = Running(
        journey(
            triggers=[on("Bought")],
            key="order_id",
            re_entry={"per_entity": True},
            limits={"entries": "2 per 7d"},
            steps={"e": step("exit")},
        )
    )
    for number in range(4):
        world.track(f"{number}d", "a", "Bought", order_id=str(number))
    assert len(world.of("run")) == 2
    assert [e.data["reason"] for e in world.of("refused")] == ["limit_entries", "limit_entries"]


def test_merged_people_who_were_treated_differently_are_marked_for_every_measurement() -> None:
    world = Running(journey(holdout=50, steps={"s": split_in_two(), **HOLD}))
    for number in range(30):
        world.track("0s", f"u{number}", "Signed Up")
        world.track("1s", None, "Visited", anonymous=f"a{number}")
        world.identify("1h", f"u{number}", anonymous=f"a{number}")
    marked = {tuple(e.data["experiments"]) for e in world.of("contaminated")}
    assert marked == {("holdout journey",), ("split s",), ("holdout journey", "split s")}
    assert 10 < len(world.of("contaminated")) < 30, "about one in four was treated alike by both"
    assert [e.kind for e in world.of("run") if "ghost" in e.data]


def split_in_two() -> dict[str, Any]:
    return step("split", paths={"a": {"share": 50}, "b": {"share": 50}})


def test_somebody_with_several_runs_keeps_them_all_when_people_merge() -> None:
    world = Running(journey(re_entry={"unlimited": 5}))
    world.track("0s", "a", "Signed Up")
    world.track("1s", "a", "Signed Up")
    world.track("2s", None, "Signed Up", anonymous="x")
    world.identify("1h", "a", anonymous="x")
    assert len(world.waiting()) == 3


def test_a_stage_trigger_may_ask_where_somebody_came_from() -> None:
    stages = [
        {"name": "new"},
        {"name": "used", "enter": "logins >= 1"},
        {"name": "keen", "enter": "logins >= 3"},
    ]
    trigger = {"kind": "stage", "lifecycle": "life", "stage": "keen"}
    world = Running(
        {
            "up": {"triggers": [{**trigger, "from": ["used"]}], "steps": HOLD},
            "jump": {"triggers": [{**trigger, "from": ["new"]}], "steps": HOLD},
        },
        lifecycles={"life": {"stages": stages}},
    )
    for at in ("0s", "1s", "2s"):
        world.track(at, "a", "Signed In")
    assert [e.name for e in world.of("run")] == ["up"]


def test_every_journey_has_ghosts_unless_it_says_otherwise_or_nobody_is_kept_from_it() -> None:
    steps = {"m": step("message", template="tip"), "w": step("wait", for_="1d")}
    plain: dict[str, Any] = {"triggers": [on("Signed Up")], "steps": steps}
    journeys = {
        "usual": plain,
        "owed": plain,
        "off": {**plain, "holdout": 0},
        "own": {**plain, "holdout": 100},
    }
    world = Running(journeys, messaging={"journey_holdout": {"share": 50, "except": ["owed"]}})
    for number in range(60):
        world.track("0s", f"u{number}", "Signed Up")
    ghosts = dict.fromkeys(journeys, 0)
    for effect in world.of("run"):
        ghosts[effect.name] += effect.data.get("ghost") == "journey"
    assert 15 < ghosts.pop("usual") < 45
    assert ghosts == {"owed": 0, "off": 0, "own": 60}

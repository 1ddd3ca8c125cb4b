"""The reference fold must itself be right: every kind of signal, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.build import DAY, HOUR, MINUTE, Story, group, identify, track


def story(signal: dict[str, Any], **more: Any) -> Story:
    return Story(signals={"x": signal}, **more)


def flips(signal: dict[str, Any], when: str, **more: Any) -> Story:
    return Story(signals={"x": signal}, segments={"s": {"when": when}}, **more)


def told(s: Story) -> list[tuple[Any, ...]]:
    return [(t, kind) for t, kind, _ in s.told("entered", "left")]


def test_a_count_without_a_window_never_falls() -> None:
    s = story({"kind": "count", "event": "A"}).at(0, track("A")).at(1, track("B")).at(2, track("A"))
    assert s.until(999 * DAY).signal("x") == 2


def test_an_entry_leaves_at_its_time_plus_the_window_exactly() -> None:
    s = flips({"kind": "count", "event": "A", "window": "7d"}, "x >= 2").at(5, track("A")).at(9, track("A"))
    assert told(s.until(100 * DAY)) == [(9, "entered"), (5 + 7 * DAY, "left")]


def test_an_event_at_the_instant_of_an_expiry_comes_after_it() -> None:
    s = flips({"kind": "count", "event": "A", "window": "1d"}, "x >= 2").at(0, track("A")).at(DAY, track("A"))
    assert told(s) == []


def test_windows_above_35_days_end_with_whole_days() -> None:
    s = flips({"kind": "count", "event": "A", "window": "36d"}, "x >= 1").at(5 * HOUR, track("A"))
    assert told(s.until(100 * DAY)) == [(5 * HOUR, "entered"), (36 * DAY, "left")]
    s = flips({"kind": "count", "event": "A", "window": "35d"}, "x >= 1").at(5 * HOUR, track("A"))
    assert told(s.until(100 * DAY)) == [(5 * HOUR, "entered"), (35 * DAY + 5 * HOUR, "left")]


def test_a_late_event_counts_while_its_own_window_lasts() -> None:
    s = story({"kind": "count", "event": "A", "window": "1d"})
    s.at(2 * DAY, track("A"), te=DAY + 1).at(2 * DAY, track("A"), te=DAY)
    assert s.signal("x") == 1
    assert s.until(2 * DAY + 1).signal("x") == 0


def test_two_signals_of_a_subject_expire_one_after_the_other_at_one_instant() -> None:
    s = Story(
        signals={
            "a": {"kind": "count", "event": "A", "window": "1d"},
            "b": {"kind": "count", "event": "A", "window": "1d"},
        },
        segments={"s": {"when": "a == 0 and b == 1"}},
    )
    s.at(0, track("A")).until(3 * DAY)
    assert told(s) == [(DAY, "entered"), (DAY, "left")]


def test_a_where_that_is_unknown_does_not_match() -> None:
    s = story({"kind": "count", "event": "A", "where": "property.n > 3"})
    s.at(0, track("A", n=4)).at(1, track("A", n=3)).at(2, track("A", n="9")).at(3, track("A"))
    assert s.signal("x") == 1


def test_sums_take_millionths_and_leave_out_what_is_no_number() -> None:
    s = story({"kind": "sum", "event": "A", "property": "n", "window": "1d"})
    for i, n in enumerate([1.5, 0.0000014, True, "2", None, 9e12 + 1, -0.25]):
        s.at(i, track("A", n=n))
    assert s.signal("x") == 1.250001
    assert s.until(9 * DAY).signal("x") == 0


def test_an_average_is_compared_as_it_is_shown_rounded_down() -> None:
    s = flips({"kind": "average", "event": "A", "property": "n"}, "x > 0.333333")
    s.at(0, track("A", n=1)).at(1, track("A", n=0)).at(2, track("A", n=0))
    assert s.signal("x") == 0.333333
    assert s.person()["segments"] == set()


@pytest.mark.parametrize(("kind", "value"), [("min", 2), ("max", 7)])
def test_extremes_over_a_window_leave_by_whole_days(kind: str, value: int) -> None:
    s = story({"kind": kind, "event": "A", "property": "n", "window": "36h"})
    s.at(5 * HOUR, track("A", n=2)).at(6 * HOUR, track("A", n=7))
    assert s.until(2 * DAY - 1).signal("x") == value
    assert s.until(2 * DAY).signal("x") is None


def test_first_and_last_go_by_event_time_then_by_the_log() -> None:
    for kind, value in (("first", "late"), ("last", "c")):
        s = story({"kind": kind, "event": "A", "property": "p"})
        s.at(10, track("A", p="a")).at(20, track("A", p="b")).at(20, track("A", p="c"))
        s.at(30, track("A", p="late"), te=5).at(40, track("A", p=12))
        assert s.signal("x") == value


def test_time_since_flips_by_a_timer_and_flips_back_by_an_event() -> None:
    s = flips({"kind": "since", "event": "A"}, "x > 14d").at(7, track("A")).at(20 * DAY, track("A"))
    assert told(s.until(40 * DAY)) == [(14 * DAY + 7, "entered"), (20 * DAY, "left"), (34 * DAY, "entered")]


def test_an_event_at_the_instant_of_a_clock_threshold_is_too_late() -> None:
    s = flips({"kind": "since", "event": "A"}, "x >= 1d").at(0, track("A")).at(DAY, track("A"))
    assert told(s) == [(DAY, "entered"), (DAY, "left")]


def test_time_since_the_first_event_goes_back_with_a_late_one() -> None:
    s = flips({"kind": "since", "event": "A", "edge": "first"}, "x < 1d").at(DAY, track("A"))
    s.at(DAY + 5, track("A"), te=5)
    assert told(s) == [(DAY, "entered"), (DAY + 5, "left")]


def test_time_since_is_unknown_when_never_seen() -> None:
    s = flips({"kind": "since", "event": "A"}, "not x > 1d or missing x").at(0, track("B"))
    assert s.person()["segments"] == {"s"}
    assert s.signal("x") is None


def test_a_change_of_a_trait_sets_the_clock_and_a_repetition_does_not() -> None:
    s = Story(traits={"plan": {}}, signals={"x": {"kind": "since_change", "trait": "plan"}})
    s.at(1, identify(plan="a")).at(2, identify(plan="a")).at(3, identify(plan=None)).at(4, identify(plan=""))
    assert s.signal("x") == 3
    assert s.at(5, identify(plan="b")).until(9).signal("x") == 4


def test_dates_count_both_ways() -> None:
    more: dict[str, Any] = {"traits": {"end": {"type": "date"}}}
    end = identify(end="2024-10-14T00:00:00Z")  # START + 10 days
    s = flips({"kind": "until_date", "date": "end"}, "x <= 3d", **more).at(0, end).until(99 * DAY)
    assert told(s) == [(7 * DAY, "entered")]
    s = flips({"kind": "until_date", "date": "end"}, "x > 3d", **more).at(0, end).until(99 * DAY)
    assert told(s) == [(0, "entered"), (7 * DAY, "left")]
    s = flips({"kind": "since_date", "date": "end"}, "x > 3d", **more).at(0, end).until(99 * DAY)
    assert told(s) == [(13 * DAY, "entered")]


def test_distinct_values_leave_with_their_last_use() -> None:
    s = story({"kind": "distinct", "event": "A", "property": "p", "window": "1d"})
    s.at(0, track("A", p="1")).at(1, track("A", p=1)).at(2, track("A", p=True)).at(3, track("A"))
    assert s.signal("x") == 3
    assert s.at(HOUR, track("A", p="1")).until(DAY + 3).signal("x") == 1


def test_the_257th_distinct_value_waits_until_one_leaves() -> None:
    s = story({"kind": "distinct", "event": "A", "property": "p", "window": "1d"})
    for i in range(257):
        s.at(i, track("A", p=i))
    assert s.signal("x") == 256
    assert s.until(DAY).at(DAY, track("A", p=256)).signal("x") == 256


def test_an_active_day_counts_while_its_last_event_is_inside() -> None:
    s = story({"kind": "active_days", "event": "*", "window": "2d"})
    s.at(0, track("A")).at(HOUR, track("B")).at(DAY, {"type": "page", "name": "Home", "userId": "u1"})
    assert s.signal("x") == 2
    assert s.until(2 * DAY + HOUR - 1).signal("x") == 2
    assert s.until(2 * DAY + HOUR).signal("x") == 1


def test_a_session_ends_by_its_timer() -> None:
    s = Story(
        signals={"x": {"kind": "sessions", "event": "*", "window": "1d"}},
        segments={"open": {"when": "x.events > 0"}},
    )
    s.at(0, track("A")).at(10 * MINUTE, track("A")).at(40 * MINUTE, track("A"))
    assert s.told("entered", "left") == [
        (0, "entered", "open"),
        (40 * MINUTE, "left", "open"),
        (40 * MINUTE, "entered", "open"),
    ]
    assert s.signal("x") == 2
    assert s.signal("x.previous") == s.signal("x.average") == 10 * MINUTE
    assert s.until(DAY).signal("x") == 1
    assert s.signal("x.current") == s.signal("x.events") == 0


def test_a_late_event_extends_the_open_session_backwards_or_is_ignored() -> None:
    s = story({"kind": "sessions", "event": "*"}).at(HOUR, track("A"))
    s.at(HOUR + 1, track("A"), te=50 * MINUTE).at(HOUR + 2, track("A"), te=0)
    assert (s.signal("x"), s.signal("x.current"), s.signal("x.events")) == (1, 10 * MINUTE, 2)


def test_ratios_and_formulas_are_exact_and_may_be_unknown() -> None:
    s = Story(
        signals={
            "r": {"kind": "ratio", "numerator": "a", "denominator": "b"},
            "f": {"kind": "formula", "formula": "a - 2 * b", "at_least": -1},
            "a": {"kind": "count", "event": "A"},
            "b": {"kind": "count", "event": "B"},
        }
    )
    s.at(0, track("A"))
    assert (s.signal("r"), s.signal("f")) == (None, 1)
    s.at(1, track("B")).at(2, track("B")).at(3, track("B"))
    assert (s.signal("r"), s.signal("f")) == (0.333333, -1)


def test_a_trend_is_the_slope_over_closed_days() -> None:
    s = story({"kind": "trend", "event": "A", "window": "3d"}).at(0, track("A"))
    assert s.signal("x") is None
    assert s.until(DAY).signal("x") == 0.5  # 0, 0, 1
    s.at(DAY, track("A")).at(DAY, track("A"), te=1)
    assert s.signal("x") == 0.5
    assert s.until(2 * DAY).signal("x") == 0.5  # 0, 2, 1
    assert s.until(3 * DAY).signal("x") == -1  # 2, 1, 0


def test_a_baseline_compares_the_recent_rate_with_the_one_before() -> None:
    s = story({"kind": "baseline", "event": "A", "window": "1d", "baseline": "4d", "minimum": 2})
    s.at(0, track("A")).at(1, track("A")).at(2, track("A"))
    assert s.signal("x") is None
    assert s.until(DAY + 2).signal("x") == 0
    assert s.at(2 * DAY, track("A")).signal("x") == 1.333333
    assert s.until(5 * DAY + 1).signal("x") == 0  # the third and the last are in the base
    assert s.until(5 * DAY + 2).signal("x") is None


PATH = {
    "kind": "milestones",
    "start": "Signed Up",
    "steps": [
        {"name": "one", "event": "A", "within": "1d"},
        {"name": "two", "event": "B"},
        {"name": "three", "event": "C", "within": "2d"},
    ],
}


def test_a_path_stalls_and_progress_clears_it() -> None:
    s = flips(PATH, "x.stalled").at(0, track("Z"))
    assert s.signal("x") is None and s.signal("x.stalled") is None
    s.at(5, track("Signed Up")).at(3 * DAY, track("A")).at(3 * DAY + 1, track("A")).until(9 * DAY)
    assert told(s) == [(DAY + 5, "entered"), (3 * DAY, "left"), (5 * DAY, "entered")]
    assert (s.signal("x"), s.signal("x.one"), s.signal("x.next")) == (1, True, "two")


def test_a_milestone_starts_the_path_and_steps_come_in_any_order() -> None:
    s = flips(PATH, "x.stalled").at(7, track("C"))
    assert (s.signal("x"), s.signal("x.next")) == (1, "one")
    s.at(8, track("A")).at(9, track("B")).until(99 * DAY)
    assert (s.signal("x"), s.signal("x.next"), told(s)) == (3, None, [])


FOLLOWED = {"kind": "sequence", "first": "A", "then": "B", "within": "1h"}


def test_a_sequence_is_followed_before_the_deadline_only() -> None:
    s = story({**FOLLOWED, "window": "1d"}).at(0, track("A")).at(HOUR, track("B"))
    assert s.signal("x") == 0
    s.at(2 * HOUR, track("A")).at(3 * HOUR - 1, track("B")).at(3 * HOUR - 1, track("B"))
    assert s.signal("x") == 1
    assert s.until(DAY + 3 * HOUR - 1).signal("x") == 0


def test_a_repeated_first_arms_anew() -> None:
    s = story(FOLLOWED).at(0, track("A")).at(HOUR - 1, track("A")).at(HOUR + 5, track("B"))
    assert s.signal("x") == 1


def test_an_unfollowed_sequence_counts_by_its_timer() -> None:
    s = flips({**FOLLOWED, "outcome": "not_followed", "window": "1d"}, "x == 1")
    s.at(5, track("A")).until(3 * DAY)
    assert told(s) == [(HOUR + 5, "entered"), (DAY + HOUR + 5, "left")]
    s = flips({**FOLLOWED, "outcome": "not_followed"}, "x == 1").at(5, track("A")).at(6, track("B"))
    assert told(s.until(DAY)) == []


VALUES = {"kind": "values", "event": "A", "property": "p", "quiet": "2d", "minimum": 2}


def test_values_are_abandoned_after_a_quiet_time() -> None:
    s = flips(
        {**VALUES, "catalogue": "c"},
        "x.abandoned >= 1",
        catalogues={"c": {"key": "k", "rows": [{"k": "red"}, {"k": "blue"}]}},
    )
    s.at(0, track("A", p="red")).at(1, track("A", p="green")).at(2, track("A", p="green"))
    assert [s.signal(f"x{p}") for p in ("", ".top", ".recent", ".unused")] == [2, "green", "green", 1]
    assert told(s.until(5 * DAY)) == [(2 * DAY + 2, "entered")]


def test_the_value_longest_unused_is_forgotten_first() -> None:
    s = story(VALUES)
    for i in range(64):
        s.at(i, track("A", p=str(i)))
    s.at(100, track("A", p="0")).at(101, track("A", p="new"))
    assert (s.signal("x"), s.signal("x.top"), s.signal("x.recent")) == (64, "0", "new")
    assert s.at(102, track("A", p="1")).signal("x.top") == "0"


RULES = [
    {"channel": "friend", "intent": 80, "when": "property.answer == 'friend'", "survey": True},
    {"channel": "ads", "intent": 30, "when": "campaign.source == 'ads'"},
    {"channel": "review", "intent": 70, "when": "page.referrer contains 'g2.com'"},
    {"channel": "direct", "intent": 50},
]


def page(**context: Any) -> dict[str, Any]:
    return {"type": "page", "name": "Home", "userId": "u1", "context": context}


def test_the_channel_is_that_of_the_first_touch_unless_a_survey_says_otherwise() -> None:
    s = story({"kind": "channel"}, acquisition=RULES).at(0, track("Other"))
    assert s.signal("x") is None
    s.at(10, page(campaign={"source": "ads"})).at(11, page())
    assert (s.signal("x"), s.signal("x.intent")) == ("ads", 30)
    s.at(12, page(page={"referrer": "https://g2.com/x"}), te=5)
    assert s.signal("x") == "review"
    assert s.at(13, track("Signed Up", answer="friend")).signal("x") == "friend"


def test_derived_events_are_streams() -> None:
    s = Story(
        signals={
            "a": {"kind": "count", "event": "A", "window": "1d"},
            "back": {"kind": "count", "event": "$segment busy"},
            "gone": {"kind": "count", "event": "$left busy", "window": "1d"},
            "all": {"kind": "count", "event": "*"},
            "moved": {"kind": "since", "event": "$stage life/new"},
        },
        segments={"busy": {"when": "a >= 1"}},
        lifecycles={"life": {"stages": [{"name": "new"}]}},
    )
    s.at(0, track("A")).at(3 * DAY, track("A")).until(4 * DAY)
    assert [s.signal(n) for n in ("back", "gone", "all", "moved")] == [2, 1, 2, 4 * DAY]
    assert s.until(5 * DAY).signal("gone") == 0


def test_a_rollup_takes_its_members_values_at_the_tick() -> None:
    s = Story(
        signals={
            "logins": {"kind": "count", "event": "A", "window": "1d"},
            "total": {"kind": "rollup", "of": "account", "aggregate": "sum", "signal": "logins"},
            "active": {"kind": "rollup", "of": "account", "aggregate": "count", "when": "logins >= 1"},
            "best": {"kind": "rollup", "of": "account", "aggregate": "max", "signal": "logins"},
            "own": {"kind": "count", "of": "account", "event": "A"},
        },
        segments={"big": {"of": "account", "when": "active >= 2"}, "in_big": {"when": "account.segment.big"}},
    )
    s.at(0, group("acme", "u1")).at(0, group("acme", "u2")).at(10, track("A", "u1"))
    s.at(999, track("A", "u2")).at(1_000, track("A", "u2"))
    assert s.account()["signals"] == {"total": 2, "active": 2, "best": 1, "own": 3}
    s.until(2_000)
    assert s.account()["signals"]["total"] == 3
    assert s.told("entered") == [(1_000, "entered", "big"), *[(1_000, "entered", "in_big")] * 2]
    s.until(3 * DAY)
    assert s.told("left") == [(DAY + 1_000, "left", "big"), *[(DAY + 1_000, "left", "in_big")] * 2]


def test_an_entity_carries_its_own_signals() -> None:
    s = Story(
        entities={"order": {"key": "order_id", "person": False}},
        signals={
            "steps": {"kind": "count", "of": "order", "event": "*"},
            "mine": {"kind": "count", "event": "*"},
        },
        segments={"moving": {"of": "order", "when": "steps >= 2"}},
    )
    s.at(0, track("A", order_id="o1")).at(1, track("B", order_id=7)).at(2, track("C", order_id="o1")).at(
        3, track("D")
    )
    assert [o["signals"]["steps"] for o in s.fold.entities("order").values()] == [2, 1]
    assert s.signal("mine") == 1
    assert s.told("created", "entered") == [
        (0, "created", ""), (0, "created", ""), (1, "created", ""), (2, "entered", "moving"),
    ]  # fmt: skip

"""The reference fold must itself be right: segments, stages, scores, days and people, by hand."""

from __future__ import annotations

from typing import Any

from tests.oracle.build import DAY, HOUR, Story, group, identify, track

COUNTS = {name: {"kind": "count", "event": name.upper(), "window": "10d"} for name in "abcd"}


def life(*stages: dict[str, Any], **more: Any) -> Story:
    return Story(signals=COUNTS, lifecycles={"life": {"stages": list(stages), **more}})


def path(s: Story) -> list[tuple[Any, ...]]:
    return [(t, came, to) for t, _, _, came, to in s.told("stage")]


# ------------------------------------------------------------------------------------------- segments


def test_segments_stand_on_segments_whatever_the_written_order() -> None:
    s = Story(
        signals=COUNTS,
        segments={"top": {"when": "segment.base and a < 2"}, "base": {"when": "a >= 1"}},
    )
    s.at(0, track("A")).at(1, track("A"))
    assert s.told("entered", "left") == [(0, "entered", "base"), (0, "entered", "top"), (1, "left", "top")]


def test_unknown_is_out_and_not_unknown_is_out_too() -> None:
    s = Story(
        traits={"plan": {}, "size": {"type": "number"}},
        segments={
            "is": {"when": "trait.plan == 'pro'"},
            "is_not": {"when": "not trait.plan == 'pro'"},
            "none": {"when": "missing trait.plan"},
            "either": {"when": "trait.plan == 'pro' or trait.size > 3"},
            "mixed": {"when": "trait.plan == 3"},
        },
    )
    s.at(0, identify(size=4))
    assert s.person()["segments"] == {"none", "either"}
    s.at(1, identify(size="four", plan="free"))
    assert s.person()["segments"] == {"is_not"}


# ----------------------------------------------------------------------------------------- lifecycles


def test_a_subject_enters_the_initial_stage_and_moves_on_at_once() -> None:
    s = life({"name": "new"}, {"name": "active", "enter": "a >= 1"}, {"name": "vip", "enter": "a >= 2"})
    s.at(0, track("A")).at(1, track("A")).until(20 * DAY)
    assert path(s) == [(0, None, "new"), (0, "new", "active"), (1, "active", "vip")]


def test_the_highest_rank_that_may_be_entered_wins() -> None:
    s = life({"name": "new"}, {"name": "low", "enter": "a >= 1"}, {"name": "high", "enter": "a >= 1"})
    assert path(s.at(0, track("A"))) == [(0, None, "new"), (0, "new", "high")]


def test_a_lower_stage_waits_for_the_exit() -> None:
    s = life(
        {"name": "new"},
        {"name": "low", "enter": "b >= 1"},
        {"name": "high", "enter": "a >= 1", "exit": "a == 0"},
    )
    s.at(0, track("A")).at(5 * DAY, track("B")).until(30 * DAY)
    assert path(s) == [(0, None, "new"), (0, "new", "high"), (10 * DAY, "high", "low")]


def test_without_another_stage_the_exit_leads_where_it_says() -> None:
    stages = [
        {"name": "new"},
        {"name": "lost"},
        {"name": "on", "enter": "a >= 1", "exit": "a == 0", "exit_to": "lost"},
    ]
    s = life(*stages).at(0, track("A")).until(30 * DAY)
    assert path(s)[-1] == (10 * DAY, "on", "lost")
    assert path(s.at(30 * DAY, track("A")))[-1] == (30 * DAY, "lost", "on")


def test_from_restricts_where_a_stage_is_entered_from() -> None:
    s = life(
        {"name": "new"},
        {"name": "won", "enter": "b >= 1", "from": ["tried"]},
        {"name": "tried", "enter": "a >= 1", "exit": "b >= 1"},
    )
    s.at(0, track("B")).at(1, track("A"))
    assert path(s) == [(0, None, "new"), (1, "new", "tried"), (1, "tried", "won")]


def test_ranks_may_differ_from_the_written_order() -> None:
    s = life(
        {"name": "new", "rank": 0},
        {"name": "x", "enter": "a >= 1", "rank": 9},
        {"name": "y", "enter": "a >= 1", "rank": 5},
    )
    assert path(s.at(0, track("A")))[-1] == (0, "new", "x")


def test_a_stage_left_in_an_operation_is_not_entered_again_in_it() -> None:
    s = life({"name": "new"}, {"name": "on", "enter": "a >= 1", "exit": "b >= 1"})
    s.at(0, track("A")).at(1, track("B"))
    assert path(s) == [(0, None, "new"), (0, "new", "on"), (1, "on", "new")]
    assert path(s.at(2, track("C"))) == path(s)[:3]  # nothing it depends on has changed
    assert path(s.at(3, track("A")).until(20 * DAY))[3:] == [(10 * DAY + 1, "new", "on")]


def test_a_subject_to_which_it_no_longer_applies_has_no_stage() -> None:
    s = life({"name": "new"}, applies="a >= 1").at(0, track("B")).at(1, track("A")).until(30 * DAY)
    assert path(s) == [(1, None, "new"), (10 * DAY + 1, "new", None)]
    assert s.person()["stages"] == {"life": None}


def test_a_segment_may_depend_on_a_stage_and_a_stage_on_a_base_segment() -> None:
    s = Story(
        signals={**COUNTS, "age": {"kind": "stage_time", "lifecycle": "life"}},
        segments={
            "late": {"when": "stage.life == 'on'"},
            "settled": {"when": "stage.life == 'on' and age >= 1d"},
            "base": {"when": "a >= 1"},
        },
        lifecycles={"life": {"stages": [{"name": "new"}, {"name": "on", "enter": "segment.base"}]}},
    )
    s.at(5, track("A")).until(3 * DAY)
    assert [e[:3] for e in s.told("entered", "stage")] == [
        (5, "entered", "base"), (5, "stage", "life"), (5, "stage", "life"),
        (5, "entered", "late"), (DAY + 5, "entered", "settled"),
    ]  # fmt: skip


# --------------------------------------------------------------------------------------------- scores

BANDS = [{"name": "red", "from": 0}, {"name": "amber", "from": 40}, {"name": "green", "from": 60}]


def scored(**score: Any) -> Story:
    return Story(
        traits={"plan": {}, "tier": {}},
        signals={
            **COUNTS,
            "n": {"kind": "last", "event": "N", "property": "n", "type": "number"},
            "quiet": {"kind": "since", "event": "A"},
        },
        segments={"big": {"when": "d >= 1"}},
        lifecycles={"life": {"stages": [{"name": "new"}, {"name": "on", "enter": "c >= 1"}]}},
        scores={"health": {"bands": BANDS, **score}},
    )


LINE = {"signal": "n", "points": [[0, 0], [100, 100]]}
ONE = {"measures": {"m": LINE}, "weights": [{"weights": {"m": 1}}]}


def test_points_are_straight_lines_flat_outside() -> None:
    s = scored(measures={"m": {"signal": "n", "points": [[0, 10], [3, 20], [9, 0]]}}, weights=ONE["weights"])
    for i, (x, y) in enumerate([(-1, 10_000), (1, 13_333), (3, 20_000), (5.5, 11_666), (9, 0), (10, 0)]):
        assert s.at(i, track("N", n=x)).person()["scores"]["health"]["value"] == y / 1_000


def test_points_of_a_clock_are_steps_that_happen_by_themselves() -> None:
    measure = {"signal": "quiet", "points": [["1d", 90], ["3d", 50], ["7d", 10]]}
    s = scored(measures={"m": measure}, weights=ONE["weights"]).at(0, track("A")).until(30 * DAY)
    assert s.told("band") == [
        (0, "band", "health", "unknown", "green", 90.0),
        (3 * DAY, "band", "health", "green", "amber", 50.0),
        (7 * DAY, "band", "health", "amber", "red", 10.0),
    ]


def test_absent_measures_lower_the_coverage_and_not_the_score() -> None:
    measures = {
        "m": LINE,
        "p": {"signal": "plan_name", "values": {"pro": 100}, "default": 20},
        "w": {"when": "a >= 1"},
    }
    s = Story(
        signals={
            **COUNTS,
            "n": {"kind": "last", "event": "N", "property": "n", "type": "number"},
            "plan_name": {"kind": "last", "event": "P", "property": "plan"},
        },
        scores={
            "health": {
                "measures": measures,
                "bands": BANDS,
                "weights": [{"weights": {"m": 2, "p": 1, "w": 0.5}}],
            }
        },
    )
    s.at(0, track("P", plan="other"))
    assert (s.person()["scores"]["health"]["value"], s.person()["bands"]) == (None, {"health": None})
    s.at(1, track("N", n=50))
    assert s.person()["scores"]["health"]["contributions"] == {"m": 100_000_000, "p": 20_000_000, "w": 0}
    assert s.person()["scores"]["health"]["value"] == (120_000_000 // 3_500) / 1_000


def test_a_band_falls_at_once_and_rises_with_hysteresis() -> None:
    s = scored(**ONE)
    for i, n in enumerate([59.999, 60, 62.999, 63, 60, 59.999, 39, 62, 100]):
        s.at(i, track("N", n=n))
    assert [(t, to) for t, _, _, _, to, _ in s.told("band")] == [
        (0, "amber"), (3, "green"), (5, "amber"), (6, "red"), (7, "amber"), (8, "green"),
    ]  # fmt: skip


def test_the_lowest_cap_that_holds_counts() -> None:
    overrides = [{"when": "a >= 1", "cap": 50, "reason": ""}, {"when": "b >= 1", "cap": 30, "reason": ""}]
    s = scored(**ONE, overrides=overrides).at(0, track("N", n=90)).at(1, track("A")).at(2, track("B"))
    assert [e[-1] for e in s.told("band")] == [90.0, 50.0, 30.0]
    assert s.until(30 * DAY).person()["scores"]["health"]["value"] == 90


def test_the_most_specific_weights_win_and_the_change_is_a_jump() -> None:
    sets = [
        {"weights": {"m": 1}},
        {"weights": {"w": 1}, "stage": "on"},
        {"weights": {"m": 1, "w": 1}, "stage": "on", "segment": "big"},
        {"weights": {"m": 1, "w": 3}, "stage": "on", "tier": "gold"},
    ]
    s = scored(measures={"m": LINE, "w": {"when": "b >= 1"}}, weights=sets, lifecycle="life", tier="tier")
    s.at(0, track("N", n=80)).at(1, track("C")).at(2, track("D")).at(3, identify(tier="gold")).at(
        4, track("B")
    )
    assert s.told("band", "jump") == [
        (0, "band", "health", "unknown", "green", 80.0),
        (1, "jump", "health", 80.0, 0.0),
        (2, "jump", "health", 0.0, 40.0),
        (3, "jump", "health", 40.0, 20.0),
        (4, "band", "health", "red", "green", 95.0),
    ]


def test_the_day_close_keeps_history_and_velocity() -> None:
    s = scored(**ONE)
    for day in range(8):
        s.at(day * DAY + HOUR, track("N", n=50 + day))
    s.until(8 * DAY)
    assert s.person()["scores"]["health"]["daily"] == [5_000 + 100 * i for i in range(8)]
    assert s.told("velocity") == [(7 * DAY, "velocity", "health", None, "up")]
    assert s.until(60 * DAY).told("velocity")[-1][1:] == ("velocity", "health", "up", "flat")


def test_days_close_at_midnight_of_the_workspace() -> None:
    s = Story(
        timezone="America/New_York",
        signals={"n": {"kind": "last", "event": "N", "property": "n", "type": "number"}},
        scores={"health": {"bands": BANDS, **ONE}},
    )
    s.at(0, track("N", n=50)).until(4 * HOUR - 1)
    assert s.person()["scores"]["health"]["daily"] == []
    assert s.until(4 * HOUR).person()["scores"]["health"]["daily"] == [5_000]


def test_history_is_kept_free_of_jumps() -> None:
    sets = [{"weights": {"m": 1}}, {"weights": {"w": 1}, "stage": "on"}]
    s = scored(measures={"m": LINE, "w": {"when": "a >= 1"}}, weights=sets, lifecycle="life")
    s.at(0, track("N", n=80)).until(8 * DAY).at(8 * DAY + 1, track("C")).until(9 * DAY)
    assert s.person()["scores"]["health"]["daily"] == [8_000] * 9
    assert s.told("velocity") == [(7 * DAY, "velocity", "health", None, "flat")]


def test_an_account_score_takes_the_role_weighted_mean_of_its_members() -> None:
    s = Story(
        signals={"n": {"kind": "last", "event": "N", "property": "n", "type": "number"}},
        scores={
            "mine": {"bands": BANDS, **ONE},
            "ours": {
                "of": "account",
                "bands": BANDS,
                "measures": {},
                "weights": [{"weights": {}}],
                "members": {"score": "mine", "weight": 1, "roles": {"admin": 3}},
            },
        },
    )
    s.at(0, group("acme", "u1", role="admin")).at(1, group("acme", "u2"))
    s.at(2, track("N", "u1", n=80)).at(3, track("N", "u2", n=40)).until(1_000)
    assert s.account()["scores"]["ours"]["value"] == 70


# ------------------------------------------------------------------------------------------- identity


def ids(user: str | None = None, anonymous: str | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "A", "userId": user, "anonymousId": anonymous, "properties": {}, **more}


def people(*events: dict[str, Any], **identity: Any) -> Story:
    s = Story(signals={"a": {"kind": "count", "event": "A"}}, identity=identity)
    for i, event in enumerate(events):
        s.at(i, event)
    return s


def counts(s: Story) -> list[int]:
    return [p["signals"]["a"] for p in s.fold.profiles().values()]


def test_an_anonymous_visitor_becomes_the_user_who_logs_in() -> None:
    s = people(ids(None, "x"), ids("u1", "x"), ids("u1"), ids(None, "x"))
    assert counts(s) == [4] and s.told("merged") == []


def test_profiles_merge_into_the_oldest_with_everything() -> None:
    s = people(ids(None, "x"), ids("u1"), ids("u1", "x"))
    assert counts(s) == [3]
    (merged,) = s.told("merged")
    assert merged[0] == 2


def test_user_ids_never_merge_and_a_shared_device_follows_the_last_login() -> None:
    s = people(ids("u1", "x"), ids("u2", "x"), ids(None, "x"), ids("u1"))
    assert counts(s) == [2, 2]


def test_an_alias_merges_even_user_ids() -> None:
    alias = {"type": "alias", "userId": "u2", "previousId": "u1"}
    s = people(ids("u1"), ids("u2"), alias, ids("u2"), ids("u1", "x"), ids(None, "x"))
    assert counts(s) == [5]


def test_blocked_values_link_nobody() -> None:
    s = people(
        ids("u1", "null"), ids("u2", "null"), ids("u3", "00000000-0000"), ids("u4", "me"), blocked=["me"]
    )
    assert counts(s) == [1, 1, 1, 1]
    assert counts(people(ids("null", "-1"), ids("null", "-1"))) == [1, 1]


def test_emails_are_compared_in_lower_case() -> None:
    a = {"type": "identify", "anonymousId": "x", "traits": {"email": "Ann@Example.com"}}
    b = {"type": "identify", "anonymousId": "y", "traits": {"email": " ann@example.com"}}
    assert counts(people(a, b, ids(None, "x"), ids(None, "y"))) == [2]


def test_a_limit_demotes_the_weakest_identifier() -> None:
    s = people(*(ids("u1", f"x{i}") for i in range(6)), ids(None, "x5"), ids("u1", "x5"))
    assert counts(s) == [7, 1]
    limit = {"types": {"anonymous_id": {"limit": 1, "per": "1d"}}}
    assert counts(people(ids("u1", "x"), ids("u1", "y"), ids(None, "y"), **limit)) == [2, 1]


def test_a_merge_unites_windows_traits_and_accounts() -> None:
    s = Story(
        traits={"plan": {}},
        signals={
            "a": {"kind": "count", "event": "A", "window": "1d"},
            "since": {"kind": "since", "event": "A"},
            "all": {"kind": "rollup", "of": "account", "aggregate": "sum", "signal": "a"},
        },
    )
    s.at(0, ids(None, "x")).at(1, identify("u1", plan="pro")).at(2, group("acme", "u1")).at(5, ids("u1"))
    s.at(6, ids("u1", "x")).until(1_000)
    assert s.person()["signals"] == {"a": 3, "since": 994}
    assert s.person()["traits"] == {"plan": "pro"}
    assert s.account()["signals"] == {"all": 3}
    assert s.until(DAY).person()["signals"]["a"] == 2
    assert len(s.fold.profiles()) == 1


# ------------------------------------------------------------------------------------------- accounts


def test_an_event_counts_for_the_named_account_else_for_the_only_one() -> None:
    s = Story(signals={"own": {"kind": "count", "of": "account", "event": "A"}})
    s.at(0, group("acme")).at(1, track("A")).at(2, {**track("A"), "context": {"groupId": "bell"}})
    s.at(3, group("bell")).at(4, track("A")).at(5, track("Account Removed User"))
    assert [a["signals"]["own"] for a in s.fold.accounts().values()] == [1, 1]
    s.at(6, {**track("Account Removed User"), "context": {"groupId": "acme"}}).at(7, track("A"))
    assert [a["signals"]["own"] for a in s.fold.accounts().values()] == [1, 2]


def test_people_see_their_accounts_facts_as_of_its_tick() -> None:
    s = Story(
        traits={"plan": {"of": "account"}},
        segments={
            "paying": {"when": "account.trait.plan == 'pro'"},
            "alone": {"when": "missing account.trait.plan"},
        },
    )
    s.at(0, group("acme", plan="pro")).at(500, track("B")).until(5_000)
    s.at(6_000, {**track("Account Removed User"), "context": {"groupId": "acme"}})
    assert s.told("entered", "left") == [
        (0, "entered", "alone"), (1_000, "entered", "paying"), (1_000, "left", "alone"),
        (6_000, "left", "paying"), (6_000, "entered", "alone"),
    ]  # fmt: skip


def test_traits_go_by_event_time() -> None:
    s = Story(traits={"plan": {}, "city": {"path": "address.city"}})
    s.at(10, identify(plan="b", address={"city": "Bonn"})).at(11, identify(plan="a", address={}), te=5)
    assert s.person()["traits"] == {"plan": "b", "city": "Bonn"}
    assert s.at(12, identify(address={})).person()["traits"] == {"plan": "b", "city": None}

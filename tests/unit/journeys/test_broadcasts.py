"""Broadcasts: acknowledged, timed, paced, tested, paused; each person's part is a run like any other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.engine import ControlError
from sevenfold.journeys import broadcast_plan as plans
from sevenfold.journeys.people import Broadcast
from sevenfold.journeys.plan import Journey
from sevenfold.journeys.sending import in_test, paced, places_of, too_many, variant_of, winner
from sevenfold.journeys.zones import zone

from .office import DAY, HOUR, MONDAY, NINE, World, workspace

MINUTE = 60_000


def world(people: int = 3, **broadcast: Any) -> World:
    """Some people with addresses and a broadcast to all who have a plan."""
    base: dict[str, Any] = {"audience": "exists trait.plan", "zone": "Europe/Berlin"}
    if not broadcast.get("variants"):
        base["template"] = "hello"
    office = World(
        workspace(
            traits={"plan": {"type": "string"}, "timezone": {"type": "string"}},
            broadcasts={"news": base | broadcast},
        )
    )
    for number in range(people):
        office.identify(MONDAY, f"u{number}", email=f"u{number}@example.com", plan="pro")
    return office


def news(office: World, t: int, **record: Any) -> None:
    office.control(t, "broadcast", name="news", **record)


def actions(office: World) -> list[str]:
    return [one["action"] for one in office.data("broadcast")]


def starts(office: World) -> list[int]:
    return [effect.time for effect in office.of("run")]


def outcome(office: World, t: int, place: int, *outcomes: str) -> None:
    effect = office.data("message")[place]["effect"]
    for one in outcomes:
        office.control(t, "outcome", effect=effect, outcome=one)


# ---------------------------------------------------------------------------------------------- the course


@given(
    st.lists(st.integers(0, 10_000), max_size=40),
    st.integers(1, 7),
    st.integers(1, 1_000),
    st.integers(0, 10_000),
)
def test_a_pace_is_kept_in_every_window_and_wastes_nothing(
    at: list[int], n: int, per: int, start: int
) -> None:
    instants = sorted(at)
    dues = paced(instants, (n, per), start)
    assert all(due >= max(one, start) for due, one in zip(dues, instants, strict=True))
    assert list(dues) == sorted(dues)
    for place in range(len(dues) - n):
        assert dues[place + n] - dues[place] >= per - 1
    if instants and max(instants) <= start:
        assert dues[-1] == start + -(-(len(dues) - 1) * per // n)


def test_without_a_pace_everybody_starts_when_they_might() -> None:
    assert list(paced([5, 9], None, 7)) == [7, 9]


def test_a_tenth_more_than_acknowledged_is_allowed_and_not_one_more() -> None:
    assert [too_many(size, 100) for size in (0, 110, 111)] == [False, False, True]


def test_shares_become_places_and_the_draws_follow_them() -> None:
    assert places_of([50, 25, 25]) == [5_000, 7_500, 10_000]
    assert places_of([1, 1, 1]) == [3_333, 6_667, 10_000]
    drawn = [variant_of("news", f"{number}", [5_000, 10_000]) for number in range(4_000)]
    assert 1_900 < sum(drawn) < 2_100
    assert 700 < sum(in_test("news", f"{number}", 20) for number in range(4_000)) < 900


def test_the_winner_has_the_highest_share_and_ties_go_to_the_first() -> None:
    assert winner([100, 10], [20, 3]) == 1
    assert winner([100, 10], [20, 2]) == 0
    assert winner([0, 0], [0, 0]) == 0


def test_a_broadcast_is_a_journey_that_writes_again_to_who_did_not_open() -> None:
    model = Broadcast(variants={"hello": 1, "other": 1}, resend="again", audience="x", priority=7)
    made = plans.journey_of("news", model)
    assert isinstance(made, Journey) and made.priority == 7
    assert list(made.steps) == ["which", "variant_1", "variant_2", "resend"]
    assert made.steps["variant_1"].next == "resend"
    assert made.steps["variant_1"].on["opened"] == "exit"  # type: ignore[attr-defined]
    assert list(plans.journey_of("news", Broadcast(template="hello")).steps) == ["variant_1"]
    for nothing in (Broadcast(), Broadcast(template="a", variants={"b": 1}), Broadcast(variants={"a": 0})):
        with pytest.raises(plans.BroadcastError):
            plans.journey_of("news", nothing)


def test_a_time_is_local_to_its_zone_unless_it_says_otherwise() -> None:
    berlin = zone("Europe/Berlin")
    at = [
        plans.planned_at("news", Broadcast(at=text, local=local), berlin)
        for text, local in (
            ("2026-01-05T09:00", False),
            ("2026-01-05T09:00:00Z", False),
            ("2026-01-05T09:00", True),
        )
    ]
    assert at == [NINE, NINE + HOUR, MONDAY + 9 * HOUR - 14 * HOUR]
    assert plans.planned_at("news", Broadcast(), berlin) is None


# ------------------------------------------------------------------------------------------------ in a fold


def test_nothing_starts_before_its_size_is_acknowledged() -> None:
    office = world(at="2026-01-05T09:00")
    office.until(NINE + DAY)
    assert not office.of("run")
    news(office, NINE + DAY, acknowledged=3)
    assert actions(office) == ["scheduled", "started", "done"]
    assert starts(office) == [NINE + DAY] * 3 and len(office.of("message")) == 3


def test_it_starts_at_its_time_with_the_audience_of_then() -> None:
    office = world(at="2026-01-05T09:00")
    news(office, MONDAY + 1, acknowledged=4)
    office.identify(MONDAY + 2, "late", email="late@example.com", plan="pro")
    office.identify(MONDAY + 3, "planless", email="no@example.com")
    office.until(NINE)
    assert starts(office) == [NINE] * 4
    assert office.data("broadcast")[-1]["started"] == 4


def test_an_audience_much_larger_than_acknowledged_is_refused_until_somebody_looks_again() -> None:
    office = world(at="2026-01-05T09:00")
    news(office, MONDAY + 1, acknowledged=3)
    office.identify(MONDAY + 2, "late", email="late@example.com", plan="pro")
    office.until(NINE)
    assert actions(office) == ["scheduled", "refused"] and not office.of("run")
    news(office, NINE + HOUR, acknowledged=4)
    assert starts(office) == [NINE + HOUR] * 4
    crowded = world(5, at="2026-01-05T09:00")
    news(crowded, MONDAY + 1, acknowledged=4)
    assert actions(crowded) == ["refused"]


def test_a_size_acknowledged_in_the_workspace_schedules_it_by_itself() -> None:
    office = world(at="2026-01-05T09:00", acknowledged=3)
    office.until(NINE)
    assert starts(office) == [NINE] * 3
    past = world(at="2025-01-05T09:00", acknowledged=3)
    past.until(NINE)
    assert not past.of("run")


def test_everybody_gets_it_at_their_own_local_time() -> None:
    office = world(0, at="2026-01-05T09:00", local=True)
    for user, where in (("tokyo", "Asia/Tokyo"), ("york", "America/New_York"), ("home", None)):
        traits = {"timezone": where} if where else {}
        office.identify(MONDAY - 20 * HOUR, user, email=f"{user}@example.com", plan="pro", **traits)
    news(office, MONDAY - 19 * HOUR, acknowledged=3)
    office.until(MONDAY + 2 * DAY)
    assert starts(office) == [MONDAY, NINE, MONDAY + 14 * HOUR]


def test_who_is_past_their_local_time_gets_it_at_once_unless_it_is_worth_nothing_any_more() -> None:
    office = world(0, at="2026-01-05T09:00", local=True, ttl="12h")
    for user, where in (("tokyo", "Asia/Tokyo"), ("york", "America/New_York")):
        office.identify(MONDAY, user, email=f"{user}@example.com", plan="pro", timezone=where)
    # In Tokyo it is 22:00 by now, in New York 08:00.
    news(office, MONDAY + 13 * HOUR, acknowledged=2)
    office.until(MONDAY + DAY)
    assert starts(office) == [MONDAY + 14 * HOUR]
    assert office.data("broadcast")[-1]["left_out"] == {"missed": 1}


def test_it_is_paced_in_the_order_of_rows() -> None:
    office = world(4, pace="2 per 1m")
    news(office, NINE, acknowledged=4)
    office.until(NINE + HOUR)
    assert starts(office) == [NINE, NINE + MINUTE // 2, NINE + MINUTE, NINE + 3 * MINUTE // 2]
    order = [effect.subject for effect in office.of("run")]
    created = [effect.subject for effect in office.of("created")]
    assert order == created


def test_a_pause_holds_it_and_what_fell_due_starts_at_the_pace_afterwards() -> None:
    office = world(4, pace="1 per 1m")
    news(office, NINE, acknowledged=4)
    news(office, NINE + 90_000, action="pause")
    news(office, NINE + HOUR, action="resume")
    office.until(NINE + DAY)
    assert starts(office) == [NINE, NINE + MINUTE, NINE + HOUR, NINE + HOUR + MINUTE]
    assert actions(office) == ["scheduled", "started", "paused", "resumed", "done"]


def test_a_pause_over_its_time_starts_it_at_resume() -> None:
    office = world(at="2026-01-05T09:00")
    news(office, MONDAY + 1, acknowledged=3)
    news(office, MONDAY + 2, action="pause")
    office.until(NINE + HOUR)
    news(office, NINE + HOUR, action="resume")
    assert starts(office) == [NINE + HOUR] * 3


def test_cancelling_starts_nobody_else_and_ends_the_runs_under_way() -> None:
    office = world(4, pace="1 per 1m", resend="again")
    news(office, NINE, acknowledged=4)
    office.until(NINE + MINUTE)
    news(office, NINE + MINUTE + 1, action="cancel")
    office.until(NINE + 9 * DAY)
    assert len(office.of("run")) == 2
    assert [ended["reason"] for ended in office.data("ended")] == ["cancelled", "cancelled"]
    assert office.data("broadcast")[-1]["not_started"] == 2


def test_who_did_not_open_is_written_to_again_and_who_answered_is_not() -> None:
    office = world(3, resend="again", resend_after="72h")
    news(office, NINE, acknowledged=3)
    outcome(office, NINE + 1, 0, "claimed", "sent", "opened")
    outcome(office, NINE + 2, 1, "claimed", "sent", "delivered")
    outcome(office, NINE + 3, 2, "claimed", "bounced")
    office.until(NINE + 4 * DAY)
    again = [message for message in office.of("message") if message.data["template"] == "again"]
    assert len(again) == 1 and again[0].time == NINE + 3 * DAY
    assert again[0].subject == office.of("run")[1].subject


def test_the_variant_that_won_goes_to_the_rest() -> None:
    office = world(40, variants={"hello": 1, "other": 1}, test_share=50.0, test_for="4h", metric="clicked")
    news(office, NINE, acknowledged=40)
    tested = office.data("message")
    assert {message["template"] for message in tested} == {"hello", "other"} and 10 < len(tested) < 30
    for place, message in enumerate(tested):
        outcome(
            office,
            NINE + HOUR,
            place,
            "claimed",
            "sent",
            *(["clicked"] * 2 if message["template"] == "other" else []),
        )
    office.until(NINE + 4 * HOUR)
    [won] = office.data("broadcast_winner")
    others = sum(message["template"] == "other" for message in tested)
    assert won["variant"] == "other" and won["counts"]["other"] == {"sent": others, "clicked": others}
    rest = office.data("message")[len(tested) :]
    assert len(rest) == 40 - len(tested) and {message["template"] for message in rest} == {"other"}
    assert actions(office) == ["scheduled", "started", "tested", "done"]


def test_what_its_author_is_shown_is_what_starts() -> None:
    office = world(40, variants={"hello": 1, "other": 1}, test_share=50.0)
    office.identify(NINE, "planless", email="no@example.com")
    shown: Any = office.fold.journeys.services["broadcasts"].all["news"].shown()  # type: ignore[union-attr]
    news(office, NINE, acknowledged=shown["size"])
    drawn = [message["template"] for message in office.data("message")]
    assert shown["size"] == 40 and shown["test"] == len(drawn)
    assert shown["variants"] == {"hello": drawn.count("hello"), "other": drawn.count("other")}


def test_a_winner_can_be_named_by_hand_while_the_test_is_out() -> None:
    office = world(20, variants={"hello": 1, "other": 1}, test_share=50.0)
    news(office, NINE, acknowledged=20)
    news(office, NINE + 1, action="winner", variant="third")
    news(office, NINE + 2, action="winner", variant="hello")
    news(office, NINE + 3, action="winner", variant="hello")
    assert [one["reason"] for one in office.data("broadcast_refused")] == ["unknown_variant", "done"]
    assert office.data("broadcast_winner")[0]["by"] == "asked" and len(office.of("run")) == 20


def test_ghosts_and_gates_are_those_of_journeys() -> None:
    office = world(4, holdout=100.0)
    office.identify(NINE, "nowhere", plan="pro")
    news(office, NINE, acknowledged=5)
    assert len(office.of("would_send")) == 4 and not office.of("message")
    assert office.data("held")[0]["reason"] == "unreachable"


def test_nobody_gets_it_twice_also_after_a_merge() -> None:
    office = world(3, pace="1 per 1m")
    news(office, NINE, acknowledged=3)
    office.control(NINE + 1, "merge", members=["u0", "u2"])
    office.until(NINE + HOUR)
    assert len(office.of("run")) == 2
    assert office.data("broadcast")[-1]["left_out"] == {"again": 1}


def test_a_record_that_cannot_be_meant_is_an_error_and_one_that_came_too_late_is_refused() -> None:
    office = world()
    for record in ({"acknowledged": "many"}, {"action": "shout"}, {}):
        with pytest.raises(ControlError):
            news(office, NINE, **record)
    with pytest.raises(ControlError):
        office.control(NINE, "broadcast", name="olds", acknowledged=3)
    news(office, NINE, acknowledged=3)
    news(office, NINE, acknowledged=3)
    news(office, NINE, action="pause")
    assert [one["reason"] for one in office.data("broadcast_refused")] == ["done", "done"]


def test_a_snapshot_anywhere_changes_nothing() -> None:
    def story(restart: bool) -> list[Any]:
        office = world(
            12, variants={"hello": 1, "other": 1}, test_share=50.0, pace="2 per 1m", resend="again"
        )
        for t, record in (
            (NINE, {"acknowledged": 12}),
            (NINE + MINUTE, {"action": "pause"}),
            (NINE + HOUR, {"action": "resume"}),
        ):
            news(office, t, **record)
            if restart:
                office.again()
        for place in range(len(office.of("message"))):
            outcome(office, NINE + 2 * HOUR, place, "claimed", "sent", *(["opened"] if place % 3 else []))
            if restart:
                office.again()
        for days in range(1, 9):
            office.until(NINE + days * DAY)
            if restart:
                office.again()
        return office.told

    assert story(True) == story(False)


def test_a_broadcast_goes_on_when_the_workspace_changes() -> None:
    office = world(4, pace="1 per 1m", resend="again")
    office.control(
        MONDAY,
        "publish",
        journey="help",
        plan={"triggers": [{"kind": "api"}], "steps": {"end": {"kind": "exit"}}},
    )
    news(office, NINE, acknowledged=4)
    outcome(office, NINE + 1, 0, "claimed", "sent", "opened")
    plan = msgspec.to_builtins(office.fold.workspace.journeys["help"]) | {"title": "Another"}
    office.control(NINE + MINUTE + 1, "publish", journey="help", plan=plan)
    office.until(NINE + 9 * DAY)
    assert starts(office) == [NINE, NINE + MINUTE, NINE + 2 * MINUTE, NINE + 3 * MINUTE]
    assert sum(message["template"] == "again" for message in office.data("message")) == 3

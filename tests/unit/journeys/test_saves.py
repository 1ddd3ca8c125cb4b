"""Saves: at risk, touched, recovered, held; whom they are attributed to, and what ghosts are counted for."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.journeys.episodes import LOST, SAVED, UNTOUCHED, Episode, Rules, Touch, joined
from sevenfold.journeys.times import NEVER

from .office import DAY, HOUR, NINE, World, workspace

RULES = Rules(within=14, held=5)
SAVE = {"at_risk": "bad >= 1", "recovered": "good >= 1", "within": "14d", "held": "2d"}


def episode(since: int = 0) -> Episode:
    return Episode(id="e", since=since)


def touch(at: int) -> Touch:
    return Touch(at, "message", "hello", f"m{at}")


def world(save: dict[str, Any] | None = None, **journey: Any) -> World:
    """A journey that writes to whoever is at risk, and a save that looks at what becomes of them."""
    steps = {"say": {"kind": "message", "template": "hello"}}
    help_ = {
        "triggers": [{"kind": "event", "event": "Stalled"}],
        "re_entry": {"unlimited": 9},
        "steps": steps,
    }
    tasks = {"call": {"title": "Call", "owners": [{"role": "csm"}]}}
    office = World(
        workspace(saves={"churn": SAVE | (save or {})}, journeys={"help": help_ | journey}, tasks=tasks)
    )
    office.identify(NINE, "u", email="u@example.com")
    return office


def send(office: World, t: int) -> None:
    """The last message that was decided is sent."""
    office.control(t, "outcome", effect=office.data("message")[-1]["effect"], outcome="sent")


# --------------------------------------------------------------------------------------------- the episode


def test_a_recovery_is_credited_to_the_last_touch_within_its_time() -> None:
    one = episode()
    one.touched(touch(1), False)
    one.touched(touch(3), False)
    assert one.recovers(17, RULES) and one.credit == touch(3)
    one.lapses()
    assert one.recovers(18, RULES) and one.verdict() == UNTOUCHED


def test_a_touch_after_recovery_takes_no_credit() -> None:
    one = episode()
    one.touched(touch(1), False)
    one.recovers(4, RULES)
    one.touched(touch(5), False)
    assert one.credit == touch(1) and one.verdict() == SAVED


def test_it_is_lost_when_the_time_after_the_last_touch_is_over() -> None:
    one = episode(2)
    assert one.next_due(2, RULES) == 16
    one.touched(touch(5), False)
    assert one.next_due(5, RULES) == 19
    one.touched(touch(6), True)
    assert one.next_due(6, RULES) == 20 and one.verdict() == LOST


def test_a_recovery_that_lapses_has_what_is_left_of_the_time() -> None:
    one = episode()
    one.touched(touch(1), False)
    one.recovers(12, RULES)
    assert one.next_due(12, RULES) == 17
    one.lapses()
    assert one.next_due(13, RULES) == 15 and one.next_due(16, RULES) == 17


def test_who_is_recovered_the_moment_they_are_at_risk_did_not_recover() -> None:
    assert not episode(5).recovers(5, RULES)


def test_a_touch_of_one_given_up_is_another_attempt() -> None:
    one = episode()
    one.lost = True
    assert one.next_due(50, RULES) == NEVER
    one.touched(touch(60), False)
    assert one.since == 60 and one.next_due(60, RULES) == 74


def test_of_two_people_the_earlier_risk_and_the_later_touches_count() -> None:
    mine, theirs = episode(5), episode(2)
    mine.touched(touch(6), False)
    theirs.touched(touch(7), False)
    theirs.touched(touch(3), True)
    both = joined(mine, theirs)
    assert (both.since, both.touch, both.would) == (2, touch(7), touch(3))


@given(st.lists(st.tuples(st.sampled_from(["touch", "would", "up", "down"]), st.integers(1, 9))))
def test_something_is_always_decided_later_unless_it_was_given_up(moves: list[tuple[str, int]]) -> None:
    one, t = episode(), 0
    for move, gap in moves:
        t += gap
        if move in ("touch", "would"):
            one.touched(touch(t), move == "would")
        elif move == "up":
            one.recovers(t, RULES)
        else:
            one.lapses()
        assert t < one.next_due(t, RULES) < NEVER
        assert one.credit is None or (one.recovered is not None and one.recovered - one.credit.at <= 14)


# ------------------------------------------------------------------------------------------------ in a fold


def test_a_message_that_was_sent_before_recovery_saves() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    send(office, NINE + HOUR)
    office.track(NINE + DAY, "u", "Back")
    office.until(NINE + 2 * DAY)
    assert not office.of("saved")
    office.until(NINE + 5 * DAY)
    [saved] = office.of("saved")
    assert saved.time == NINE + 3 * DAY and saved.name == "churn"
    assert (saved.data["touch"]["kind"], saved.data["touch"]["name"]) == ("message", "hello")
    assert saved.data["touch"]["id"] == office.data("message")[0]["effect"]
    assert saved.data["after"] == DAY - HOUR and saved.data["would"] is None


def test_a_message_that_was_decided_but_not_sent_saves_nobody() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    office.track(NINE + DAY, "u", "Back")
    office.until(NINE + 5 * DAY)
    assert len(office.of("recovered_untouched")) == 1 and not office.of("saved")


def test_a_task_saves_for_the_account_of_the_person_it_was_about() -> None:
    signals = {
        "bad": {"kind": "count", "event": "Stalled", "of": "account"},
        "good": {"kind": "count", "event": "Back", "of": "account"},
    }
    journey = {
        "triggers": [{"kind": "event", "event": "Stalled"}],
        "steps": {"ask": {"kind": "task", "task": "call"}},
    }
    tasks = {"call": {"title": "Call", "owners": [{"role": "csm"}]}}
    save = SAVE | {"of": "account"}
    office = World(workspace(signals=signals, saves={"churn": save}, journeys={"help": journey}, tasks=tasks))
    office._send(NINE, {"type": "group", "userId": "u", "groupId": "acme", "traits": {}})
    office.track(NINE + HOUR, "u", "Stalled")
    office.until(NINE + HOUR + 2_000)
    # The account is at risk from its tick on: the task before that is no answer to it.
    task = office.data("task")[0]["task"]
    office.control(NINE + 2 * HOUR, "task", task=task, action="close", outcome="saved")
    office.track(NINE + DAY, "u", "Back")
    office.until(NINE + 5 * DAY)
    [saved] = office.of("saved")
    assert saved.of == "account" and saved.data["touch"]["kind"] == "task"


def test_a_ghost_recovers_untouched_and_says_what_it_would_have_got() -> None:
    office = world(holdout=100)
    office.track(NINE, "u", "Stalled")
    office.track(NINE + DAY, "u", "Back")
    office.until(NINE + 5 * DAY)
    [untouched] = office.data("recovered_untouched")
    assert untouched["touch"] is None and untouched["would"]["name"] == "hello"


def test_who_does_not_come_back_is_lost_once_and_another_touch_is_another_attempt() -> None:
    save = {"at_risk": "stalls >= 1", "recovered": "good >= 1"}
    office = world(save)
    office.track(NINE, "u", "Stalled")
    send(office, NINE + HOUR)
    office.until(NINE + 40 * DAY)
    [lost] = office.of("save_lost")
    assert lost.time == NINE + HOUR + 14 * DAY and lost.data["touch"]["name"] == "hello"
    office.track(NINE + 40 * DAY, "u", "Stalled")
    send(office, NINE + 40 * DAY)
    office.track(NINE + 41 * DAY, "u", "Back")
    office.until(NINE + 50 * DAY)
    assert len(office.of("saved")) == 1 and len(office.of("save_lost")) == 1


def test_a_recovery_that_does_not_last_is_none() -> None:
    signals = {
        "stalls": {"kind": "count", "event": "Stalled"},
        "good": {"kind": "count", "event": "Back", "window": "1d"},
    }
    model = workspace(signals=signals, saves={"churn": SAVE | {"at_risk": "stalls >= 1"}})
    office = World(model)
    office.track(NINE, "u", "Stalled")
    office.track(NINE + DAY, "u", "Back")
    office.until(NINE + 40 * DAY)
    assert [effect.kind for effect in office.of("saved", "save_lost", "recovered_untouched")] == ["save_lost"]


def test_saves_are_events_that_signals_count() -> None:
    signals = {
        "bad": {"kind": "count", "event": "Stalled"},
        "good": {"kind": "count", "event": "Back"},
        "saved": {"kind": "count", "event": "$saved churn"},
    }
    steps = {"ask": {"kind": "task", "task": "call"}}
    journey = {"triggers": [{"kind": "event", "event": "Stalled"}], "steps": steps}
    tasks = {"call": {"title": "Call", "owners": [{"role": "csm"}]}}
    office = World(workspace(signals=signals, saves={"churn": SAVE}, journeys={"help": journey}, tasks=tasks))
    office.track(NINE, "u", "Stalled")
    office.track(NINE + DAY, "u", "Back")
    office.until(NINE + 9 * DAY)
    assert office.fold.read("person", 1)["signals"]["saved"] == 1


def test_a_merge_carries_the_risk_of_either_and_a_winner_who_is_well_ends_it() -> None:
    office = world()
    office.track(NINE, "u", "Other")
    office.track(NINE + 1, "v", "Stalled")
    office.control(NINE + 2, "merge", members=["u", "v"])
    office.track(NINE + DAY, "u", "Back")
    office.until(NINE + 11 * DAY)
    [untouched] = office.data("recovered_untouched")
    assert untouched["since"] == NINE + 1
    held: Any = office.fold.journeys.services["saves"]  # type: ignore[union-attr]
    assert not held.watching["churn"].episodes


def test_a_snapshot_anywhere_changes_nothing() -> None:
    def story(restart: bool) -> list[Any]:
        office = world()
        for at, event in enumerate(("Stalled", "Stalled", "Back", "Stalled", "Back")):
            office.track(NINE + at * 5 * DAY, "u", event)
            if restart:
                office.again()
            if office.of("message"):
                send(office, NINE + at * 5 * DAY + HOUR)
        office.until(NINE + 60 * DAY)
        return office.told

    assert story(True) == story(False)


def test_risk_and_touches_outlive_a_change_of_the_workspace() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    send(office, NINE + HOUR)
    plan = msgspec.to_builtins(office.fold.workspace.journeys["help"]) | {"title": "Another"}
    office.control(NINE + 2 * HOUR, "publish", journey="help", plan=plan)
    office.track(NINE + DAY, "u", "Back")
    office.until(NINE + 5 * DAY)
    assert [effect.time for effect in office.of("saved")] == [NINE + 3 * DAY]
    assert len(office.of("at_risk")) == 1


def test_conditions_that_are_told_again_change_nothing_and_one_episode_is_one() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    send(office, NINE + HOUR)
    office.track(NINE + DAY, "u", "Back")
    for days in (2, 4):
        plan = msgspec.to_builtins(office.fold.workspace.journeys["help"]) | {"title": f"{days} days"}
        office.control(NINE + days * DAY, "publish", journey="help", plan=plan)
    office.until(NINE + 9 * DAY)
    assert [effect.time for effect in office.of("at_risk", "saved")] == [NINE, NINE + 3 * DAY]

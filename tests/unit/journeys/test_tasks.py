"""Human tasks: owners, business hours, escalation, snoozing, outcomes, and one task for one reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sevenfold.engine import ControlError
from sevenfold.journeys.owners import Actor, Directory, Roster
from sevenfold.journeys.people import OwnerRule, People, TaskKind
from sevenfold.journeys.task_kinds import TaskError, business_ms
from sevenfold.journeys.task_table import Task

from .office import DAY, HOUR, MONDAY, NINE, World, workspace

CALL: dict[str, Any] = {"title": "Call about {stalls} stalls", "due": "8h", "calendar": "office"}
CALL |= {"owners": [{"trait": "owner"}, {"role": "csm"}]}
WAITS = {"saved": "thank", "timeout": "exit"}


def world(kind: dict[str, Any] | None = None, step: dict[str, Any] | None = None, **parts: Any) -> World:
    """A journey that asks somebody to call whoever stalls."""
    task = {"kind": "task", "task": "call", "reason": "stalled"} | (step or {})
    thank = {"kind": "exit", "reason": "thanked"}
    journey = {
        "triggers": [{"kind": "event", "event": "Stalled"}],
        "re_entry": {"unlimited": 9},
        "steps": {"ask": task, "end": {"kind": "exit"}, "thank": thank},
    }
    return World(workspace(tasks={"call": CALL | (kind or {})}, journeys={"help": journey}, **parts))


def roster(*actors: Actor) -> Roster:
    return Roster(Directory(actors))


def owner(held: Roster, *rules: dict[str, Any], day: int = 0, **traits: str) -> str | None:
    models = [OwnerRule(**rule) for rule in rules]
    return held.choose(models, lambda place: True, traits.get, day).owner


# ------------------------------------------------------------------------------------------- who gets it


def test_round_robin_takes_turns_in_written_order() -> None:
    held = roster(*(Actor(key, ("csm",)) for key in "abc"))
    assert [owner(held, {"role": "csm"}) for _ in range(4)] == ["a", "b", "c", "a"]


def test_round_robin_passes_over_who_is_away_or_full_and_comes_back_to_the_next() -> None:
    held = roster(Actor("a", ("csm",), away=(5, 6)), Actor("b", ("csm",), capacity=1), Actor("c", ("csm",)))
    held.carry("b", 1)
    assert [owner(held, {"role": "csm"}, day=day) for day in (4, 5, 6, 7)] == ["a", "c", "c", "a"]
    held.carry("b", -1)
    assert owner(held, {"role": "csm"}) == "b"


def test_the_least_loaded_has_the_fewest_open_tasks_and_ties_go_by_written_order() -> None:
    held = roster(Actor("a", ("csm",)), Actor("b", ("csm",)), Actor("c", ("csm",), capacity=0))
    held.carry("a", 1)
    rule = {"role": "csm", "choose": "least_loaded"}
    assert owner(held, rule) == "b"
    held.carry("b", 1)
    assert owner(held, rule) == "a"


def test_a_person_named_by_a_trait_is_replaced_by_whoever_stands_in() -> None:
    held = roster(Actor("a", away=(1, 9), fallback="b"), Actor("b", away=(2, 2), fallback="c"), Actor("c"))
    assert [owner(held, {"trait": "x"}, day=day, x="a") for day in (0, 1, 2)] == ["a", "b", "c"]


def test_people_who_stand_in_for_one_another_are_no_endless_circle() -> None:
    held = roster(Actor("a", away=(0, 9), fallback="b"), Actor("b", away=(0, 9), fallback="a"))
    assert owner(held, {"trait": "x"}, x="a") is None


def test_somebody_who_is_not_in_the_catalogue_gets_nothing_unless_there_is_no_catalogue() -> None:
    assert owner(roster(Actor("a")), {"trait": "x"}, x="gone") is None
    assert owner(roster(), {"trait": "x"}, x="anybody@example.com") == "anybody@example.com"


def test_the_first_rule_that_finds_somebody_decides_and_the_others_say_why_not() -> None:
    held = roster(Actor("a", ("csm",), capacity=0), Actor("b", ("manager",)))
    rules = [OwnerRule(trait="x"), OwnerRule(role="csm"), OwnerRule(role="manager")]
    choice = held.choose(rules, lambda place: place != 0, lambda trait: None, 0)
    assert choice == ("b", 2, ["not asked", "nobody present with room"])


def test_a_catalogues_row_is_read_with_absences_as_whole_days() -> None:
    row = {"email": "a", "role": "csm, manager", "capacity": 3, "away_from": "1970-01-03", "away_to": ""}
    directory = Directory.of(People(catalogue="people"), [row, {"email": ""}])
    held = Roster(directory)
    assert directory.actors == {"a": Actor("a", ("csm", "manager"), 3, (2, directory.actors["a"].away[1]))}  # type: ignore[index]
    assert [held.present("a", day) for day in (1, 2, 900)] == [True, False, False]


# -------------------------------------------------------------------------------------- opening and joining


def test_a_task_carries_everything_a_human_needs() -> None:
    kind = {"evidence": ["stalls", "trait.plan"], "talk_track": "On {trait.plan}: {stalls} stalls, {reason}."}
    office = world(kind, {"evidence": ["event.step"], "reason": "stalled at {event.step}"})
    office.identify(NINE, "u", plan="pro", owner="ben")
    office.track(NINE, "u", "Stalled", step="import")
    [task] = office.data("task")
    assert task["title"] == "Call about 1 stalls"
    assert task["reason"] == "stalled at import"
    assert task["evidence"] == {"stalls": 1, "trait.plan": "pro", "event.step": "import"}
    assert task["talk_track"] == "On pro: 1 stalls, stalled at import."
    assert (task["owner"], task["rule"], task["due"]) == ("ben", 0, NINE + 8 * HOUR)
    assert (task["journey"], task["step"]) == ("help", "ask")


def test_what_is_unknown_is_called_so_in_the_talk_track() -> None:
    office = world({"talk_track": "Plan: {trait.plan}"})
    office.track(NINE, "u", "Stalled")
    assert office.data("task")[0]["talk_track"] == "Plan: unknown"


def test_a_second_task_for_the_same_subject_kind_and_reason_joins_the_first() -> None:
    office = world({"evidence": ["stalls"]})
    office.track(NINE, "u", "Stalled")
    office.track(NINE + 1, "u", "Stalled")
    [task], [joined] = office.data("task"), office.data("task_joined")
    assert joined["task"] == task["task"] and joined["evidence"] == {"stalls": 2}
    assert [step["outcome"] for step in office.data("step")] == ["opened", "joined"]


def test_another_reason_or_a_closed_task_is_another_task() -> None:
    office = world(step={"reason": "stalled at {event.step}"})
    for at, step in enumerate(("import", "invite", "import")):
        office.track(NINE + at, "u", "Stalled", step=step)
    first = office.data("task")[0]["task"]
    office.control(NINE + 5, "task", task=first, action="close", outcome="false_alarm")
    office.track(NINE + 6, "u", "Stalled", step="import")
    assert len(office.data("task")) == 3 and len({task["task"] for task in office.data("task")}) == 3


def test_a_task_about_accounts_asked_for_by_a_persons_journey_is_about_their_account() -> None:
    office = world({"of": "account", "title": "Call", "owners": [{"role": "csm"}], "evidence": []})
    office._send(NINE, {"type": "group", "userId": "u", "groupId": "acme", "traits": {}})
    office.track(NINE + 1, "u", "Stalled")
    office.track(NINE + 2, "alone", "Stalled")
    assert [task.of for task in office.of("task")] == ["account", "person"]


def test_a_ghost_opens_no_task_and_waits_as_long_as_people_get() -> None:
    journey = {
        "triggers": [{"kind": "event", "event": "Stalled"}],
        "holdout": 100,
        "steps": {"ask": {"kind": "task", "task": "call", "on": {"saved": "exit", "timeout": "exit"}}},
    }
    office = World(workspace(tasks={"call": CALL}, journeys={"help": journey}))
    office.track(NINE, "u", "Stalled")
    assert not office.of("task") and len(office.of("would_task")) == 1
    office.until(NINE + DAY)
    assert [(step.time, step.data["outcome"]) for step in office.of("step")] == [(NINE + 8 * HOUR, "timeout")]


# ------------------------------------------------------------------------------------------- capacity


def test_nobody_gets_more_than_their_capacity_and_who_has_none_waits_for_room() -> None:
    office = world({"owners": [{"role": "csm", "choose": "least_loaded"}]})
    office.fold.journeys.services["tasks"].roster.absences["cleo"] = (0, 99_999)  # type: ignore[union-attr]
    for at in range(5):
        office.track(NINE + at, f"u{at}", "Stalled")
    tasks = office.data("task")
    assert [task["owner"] for task in tasks] == ["ann", "ben", "ann", "ben", None]
    office.control(NINE + 9, "task", task=tasks[1]["task"], action="close", outcome="saved", by="ben")
    [assigned] = office.data("task_assigned")
    assert (assigned["task"], assigned["to"], assigned["why"]) == (tasks[4]["task"], "ben", "room")


def test_tasks_that_wait_are_called_in_an_order_drawn_by_chance_that_says_its_probability() -> None:
    alone = {"people": {"key": "email", "rows": [{"email": "ann", "role": "csm", "capacity": 1}]}}
    office = world({"order": "random", "owners": [{"role": "csm"}], "calendar": None}, catalogues=alone)
    users = [f"u{k}" for k in range(12)]
    for k, user in enumerate(users):
        office.track(NINE + k, user, "Stalled")
    opened = {one["task"]: one for one in office.data("task")}
    assert {(one["arm"], one["probability"]) for one in opened.values()} == {("first", 0.5), ("later", 0.5)}
    assert all((one["turn"] < 5_000) == (one["arm"] == "first") for one in opened.values())
    first = next(one["task"] for one in opened.values() if one["owner"] == "ann")
    called = [first]
    office.again()
    for k in range(len(users)):
        done = {"action": "close", "outcome": "saved", "by": "ann"}
        office.control(NINE + HOUR * (k + 1), "task", task=called[-1], **done)
        called += [one["task"] for one in office.data("task_assigned")[len(called) - 1 :]]
    waited = [opened[task]["turn"] for task in called[1:]]
    assert len(called) == 12 and waited == sorted(waited)


def test_a_kind_with_turns_leaves_other_kinds_their_places() -> None:
    office = world({"order": "random"})
    tasks, table = office.fold.journeys.services["tasks"], []  # type: ignore[union-attr]
    for k, kind in enumerate(["call", "call", "write", "call"]):
        task = Task(
            id=f"{k:016x}", number=k, kind=kind, of="person", row=1, reason="", opened=0, due=0,
            escalations=[],
        )  # fmt: skip
        table.append(task)
    tasks.kinds["write"] = tasks.kinds["call"].__class__(
        "write", TaskKind(title="Write"), office.fold.workspace, office.fold.person, []
    )
    placed = tasks._in_turn(table)
    assert placed[2].kind == "write"
    turns = [tasks.turn(one) for one in placed if one.kind == "call"]
    assert turns == sorted(turns) and len(set(turns)) == 3


def test_an_absence_can_be_said_by_a_control_record_and_ends_by_one() -> None:
    office = world({"owners": [{"trait": "owner"}]})
    office.identify(NINE, "u", owner="ann")
    office.control(NINE, "absence", person="ann", **{"from": "2026-01-05", "to": "2026-01-06"})
    office.track(NINE, "u", "Stalled")
    office.control(NINE + 1, "absence", person="ann")
    office.identify(NINE + 2, "v", owner="ann")
    office.track(NINE + 2, "v", "Stalled")
    assert [task["owner"] for task in office.data("task")] == ["ben", "ann"]


# ---------------------------------------------------------------------------------------- the SLA's clock


def test_a_task_is_due_in_business_hours_over_the_weekend() -> None:
    office = world()
    friday = NINE + 4 * DAY + 6 * HOUR
    office.track(friday, "u", "Stalled")
    # Friday 15:00 has two hours left; the other six are Monday's.
    assert office.data("task")[0]["due"] == NINE + 7 * DAY + 6 * HOUR


def test_without_a_calendar_every_hour_counts() -> None:
    office = world({"calendar": None})
    office.track(MONDAY, "u", "Stalled")
    assert office.data("task")[0]["due"] == MONDAY + 8 * HOUR


def test_it_is_overdue_once_and_closing_it_says_so() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    office.until(NINE + 30 * DAY)
    [overdue] = office.of("task_overdue")
    assert overdue.time == NINE + 8 * HOUR
    office.control(NINE + 30 * DAY, "task", task=overdue.data["task"], action="close", outcome="saved")
    assert office.data("task_closed")[0]["in_time"] is False


def test_a_chain_of_escalation_shows_reassigns_and_stops_when_the_task_is_closed() -> None:
    chain = [
        {"after": "2h", "owner_manager": True},
        {"after": "4h", "owner_manager": True, "reassign": True},
        {"after": "6h", "role": "manager"},
    ]
    office = world({"escalate": chain})
    office.identify(NINE, "u", owner="ben")
    office.track(NINE, "u", "Stalled")
    office.until(NINE + 5 * HOUR)
    told = [
        (e.kind, (e.time - NINE) // HOUR, e.data["to"]) for e in office.of("task_escalated", "task_assigned")
    ]
    assert told == [
        ("task_escalated", 2, ["max"]),
        ("task_escalated", 4, ["max"]),
        ("task_assigned", 4, "max"),
    ]
    office.control(
        NINE + 5 * HOUR, "task", task=office.data("task")[0]["task"], action="close", outcome="saved"
    )
    office.until(NINE + DAY)
    assert len(office.of("task_escalated")) == 2 and not office.of("task_overdue")


def test_what_nobody_owns_escalates_to_the_managers_of_who_might_have_it() -> None:
    chain = [{"after": "1h", "owner_manager": True, "reassign": True}]
    people = [
        {"email": "ann", "role": "csm", "capacity": 0, "manager": "max"},
        {"email": "max", "role": "boss"},
    ]
    office = world({"escalate": chain}, catalogues={"people": {"key": "email", "rows": people}})
    office.track(NINE, "u", "Stalled")
    office.until(NINE + HOUR)
    assert office.data("task_escalated")[0]["to"] == ["max"]
    assert office.data("task_assigned")[0]["to"] == "max"


def test_the_clock_stands_while_a_task_sleeps() -> None:
    office = world({"escalate": [{"after": "4h", "role": "manager"}], "snooze_max": 1})
    office.track(NINE, "u", "Stalled")
    task = office.data("task")[0]["task"]
    # At 11:00 until Wednesday 09:00: six hours are left then, two until the escalation.
    office.control(
        NINE + 2 * HOUR, "task", task=task, action="snooze", until="2026-01-07T08:00:00Z", by="ann"
    )
    [snoozed] = office.data("task_snoozed")
    assert (snoozed["due"], snoozed["left"], snoozed["by"]) == (NINE + 2 * DAY + 6 * HOUR, 0, "ann")
    office.until(NINE + 5 * DAY)
    assert [e.time for e in office.of("task_escalated", "task_overdue")] == [
        NINE + 2 * DAY + 2 * HOUR,
        NINE + 2 * DAY + 6 * HOUR,
    ]
    office.control(NINE + 5 * DAY, "task", task=task, action="snooze", **{"for": "1d"})
    assert office.data("task_refused")[0]["reason"] == "snoozed_too_often"


def test_lengths_without_a_fixed_number_of_hours_are_refused() -> None:
    assert business_ms("48h") == 48 * HOUR
    with pytest.raises(TaskError):
        business_ms("1mo")


# --------------------------------------------------------------------------------------- outcomes and runs


def test_a_run_waits_for_the_outcome_and_goes_where_it_leads() -> None:
    office = world(step={"on": WAITS, "within": "3d"})
    office.track(NINE, "u", "Stalled")
    task = office.data("task")[0]["task"]
    assert office.data("wait")[0]["task"] == task
    office.control(NINE + HOUR, "task", task=task, action="close", outcome="saved", by="ann", note="glad")
    [closed] = office.data("task_closed")
    assert (closed["by"], closed["note"], closed["after"], closed["in_time"]) == ("ann", "glad", HOUR, True)
    assert office.data("step")[-1]["outcome"] == "saved"
    assert office.data("ended")[0]["reason"] == "thanked"


def test_a_run_that_waited_long_enough_goes_on_and_the_task_stays_open() -> None:
    office = world(step={"on": WAITS, "within": "3d"})
    office.track(NINE, "u", "Stalled")
    office.until(NINE + 4 * DAY)
    assert office.data("step")[0]["outcome"] == "timeout"
    office.control(
        NINE + 4 * DAY, "task", task=office.data("task")[0]["task"], action="close", outcome="not_saved"
    )
    assert len(office.data("step")) == 1 and len(office.data("task_closed")) == 1


def test_all_runs_that_wait_for_one_task_hear_its_outcome_older_ones_first() -> None:
    office = world(step={"on": WAITS})
    office.track(NINE, "u", "Stalled")
    office.track(NINE + 1, "u", "Stalled")
    office.control(
        NINE + 2, "task", task=office.data("task")[0]["task"], action="close", outcome="unreachable"
    )
    started = [run["run"] for run in office.data("run")]
    assert [step["run"] for step in office.data("step") if step["outcome"] == "unreachable"] == started


def test_outcomes_are_events_that_signals_count() -> None:
    signals = {"missed": {"kind": "count", "event": "$task unreachable call"}}
    base = {"stalls": {"kind": "count", "event": "Stalled"}}
    office = world(signals=signals | base)
    office.track(NINE, "u", "Stalled")
    office.control(
        NINE + 2, "task", task=office.data("task")[0]["task"], action="close", outcome="unreachable"
    )
    assert office.fold.read("person", 1)["signals"]["missed"] == 1


def test_an_event_of_another_system_closes_the_task_it_names_or_the_oldest_of_its_kind() -> None:
    office = world(step={"reason": "stalled at {event.step}"})
    for at, step in enumerate(("import", "invite", "report")):
        office.track(NINE + at, "u", "Stalled", step=step)
    last = office.data("task")[2]["task"]
    office.track(NINE + 4, "crm", "Task Completed", task_id=last, outcome="saved")
    office.track(NINE + 5, "u", "Task Completed", kind="call", outcome="unreachable")
    office.track(NINE + 6, "u", "Task Completed", kind="call", outcome="marvellous")
    office.track(NINE + 7, "u", "Task Completed", kind="visit", outcome="saved")
    assert [(one["reason"], one["outcome"], one["by"]) for one in office.data("task_closed")] == [
        ("stalled at report", "saved", "Task Completed"),
        ("stalled at import", "unreachable", "Task Completed"),
    ]
    assert [one["reason"] for one in office.data("task_refused")] == ["unknown_outcome"]


def test_a_task_is_assigned_and_noted_by_hand() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    task = office.data("task")[0]["task"]
    office.control(NINE + 1, "task", task=task, action="assign", to="cleo", by="max")
    office.control(NINE + 2, "task", task=task, action="note", note="on holiday", by="cleo")
    assert (office.data("task_assigned")[0]["from"], office.data("task_assigned")[0]["to"]) == ("ann", "cleo")
    assert office.data("task_noted")[0]["note"] == "on holiday"


def test_a_task_can_be_opened_by_hand() -> None:
    office = world()
    office.identify(NINE, "u", plan="pro")
    office.control(NINE + 1, "task", action="open", kind="call", person="u", reason="asked me", by="max")
    assert office.data("task")[0]["reason"] == "asked me"


def test_what_came_too_late_is_refused_and_what_cannot_be_meant_is_an_error() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    task = office.data("task")[0]["task"]
    for _ in range(2):
        office.control(NINE + 1, "task", task=task, action="close", outcome="saved")
    [refused] = office.data("task_refused")
    assert (refused["task"], refused["reason"]) == (task, "not_open")
    office.track(NINE + 2, "u", "Stalled")
    other = office.data("task")[1]["task"]
    for record in (
        {"task": other, "action": "close", "outcome": "rescued"},
        {"task": other, "action": "burn"},
        {"task": other, "action": "assign", "to": "nobody"},
        {"task": other, "action": "snooze"},
        {"action": "open", "kind": "visit", "person": "u"},
    ):
        with pytest.raises(ControlError):
            office.control(NINE + 3, "task", **record)


def test_the_owner_is_told_by_something_owed_that_is_taken_back_when_the_task_is_closed() -> None:
    kind = {"channel": "slack", "template": "hello", "escalate": [{"after": "1h", "owner_manager": True}]}
    channels = {"slack": {"type": "slack"}, "email": {"type": "email"}}
    signals = {"heard": {"kind": "count", "event": "$message sent hello"}}
    base = {"stalls": {"kind": "count", "event": "Stalled"}}
    office = world(kind, channels=channels, signals=signals | base)
    office.track(NINE, "u", "Stalled")
    desk: Any = office.fold.journeys.services["messages"]  # type: ignore[union-attr]
    [(ident, owed)] = desk.book.to_send()
    task = office.data("task")[0]
    assert ident == task["task"] and (owed["to"], owed["channel"]) == (["ann"], "slack")
    assert owed["talk_track"] == task["talk_track"]
    office.control(NINE + 1, "outcome", effect=ident, outcome="sent")
    # It was no message to the customer.
    assert office.fold.read("person", 1)["signals"]["heard"] == 0
    office.until(NINE + HOUR)
    [(ident, owed)] = desk.book.to_send()
    assert ident == office.data("task_escalated")[0]["id"] and owed["to"] == ["max"]
    office.control(NINE + 2 * HOUR, "task", task=task["task"], action="close", outcome="saved")
    assert not list(desk.book.to_send()) and office.data("cancelled")[0]["effect"] == ident


# ------------------------------------------------------------------------------- merges, snapshots, batches


def test_a_merge_moves_tasks_and_of_two_for_one_reason_the_older_stays() -> None:
    office = world(step={"on": WAITS})
    office.track(NINE, "u", "Stalled")
    office.track(NINE + 1, "v", "Stalled")
    first, second = (task["task"] for task in office.data("task"))
    office.control(NINE + 2, "merge", members=["u", "v"])
    [closed] = office.data("task_closed")
    assert (closed["task"], closed["outcome"], closed["into"]) == (second, "joined", first)
    assert office.fold.journeys.services["tasks"].roster.load == {"ann": 1}  # type: ignore[union-attr]
    office.control(NINE + 3, "task", task=first, action="close", outcome="saved")
    assert "saved" in [step["outcome"] for step in office.data("step")]


def _story(office: World, restart: bool) -> list[Any]:
    for at in range(6):
        office.track(NINE + at * HOUR, f"u{at % 4}", "Stalled")
        if restart:
            office.again()
    office.until(NINE + 6 * HOUR)
    if restart:
        office.again()
    for at, task in enumerate(office.data("task")[:3]):
        office.control(NINE + 7 * HOUR + at, "task", task=task["task"], action="close", outcome="saved")
        if restart:
            office.again()
    office.until(NINE + 9 * DAY)
    return office.told


def test_a_snapshot_anywhere_changes_nothing() -> None:
    kind = {"escalate": [{"after": "4h", "owner_manager": True, "reassign": True}]}
    step = {"on": WAITS, "within": "3d"}
    assert _story(world(kind, step), True) == _story(world(kind, step), False)


def test_publishing_a_journey_leaves_tasks_and_who_waits_for_them_as_they_are() -> None:
    office = world({"escalate": [{"after": "4h", "role": "manager"}]}, {"on": WAITS, "within": "3d"})
    office.track(NINE, "u", "Stalled")
    office.track(NINE + 1, "v", "Stalled")
    model = office.fold.workspace.journeys["help"]
    plan = msgspec.to_builtins(msgspec.structs.replace(model, title="Another title"))
    office.control(NINE + HOUR, "publish", journey="help", plan=plan)
    office.until(NINE + 5 * HOUR)
    assert [effect.time for effect in office.of("task_escalated")] == [NINE + 4 * HOUR, NINE + 4 * HOUR + 1]
    first, second = (task["task"] for task in office.data("task"))
    office.control(NINE + 6 * HOUR, "task", task=first, action="close", outcome="saved")
    assert office.data("ended")[0]["reason"] == "thanked"
    office.until(NINE + 4 * DAY)
    assert office.data("step")[-1]["outcome"] == "timeout"
    assert [task["owner"] for task in office.data("task")] == ["ann", "ben"] and second

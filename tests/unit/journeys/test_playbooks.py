"""Playbooks: items open in their order, decisions lead on, and one is re-opened rather than duplicated."""

from __future__ import annotations

from typing import Any

import pytest

from sevenfold.engine import ControlError
from sevenfold.journeys.checklist import Checklist, Needs, PlaybookError, needs_of
from sevenfold.journeys.people import Playbook, PlaybookItem

from .office import DAY, HOUR, NINE, World, workspace

ITEMS: dict[str, Any] = {
    "call": {"title": "Call them", "task": "call"},
    "offer": {"title": "Give a discount?", "decide": ["yes", "no"], "after": ["call:saved"]},
    "write": {"title": "Write it down", "after": ["offer:yes"]},
    "thank": {"title": "Thank them", "template": "hello"},
}
STEPS = {"open": {"kind": "playbook", "playbook": "rescue", "reason": "{stalls} stalls"}}


def world(items: dict[str, Any] | None = None, journey: dict[str, Any] | None = None, **book: Any) -> World:
    """A journey that opens a playbook for whoever stalls."""
    help_ = {
        "triggers": [{"kind": "event", "event": "Stalled"}],
        "re_entry": {"unlimited": 9},
        "steps": STEPS,
    }
    office = World(
        workspace(
            tasks={"call": {"title": "Call", "owners": [{"role": "csm"}], "due": "48h"}},
            playbooks={"rescue": {"of": "person", "title": "Rescue", "items": items or ITEMS} | book},
            journeys={"help": help_ | (journey or {})},
        )
    )
    office.identify(NINE, "u", email="u@example.com")
    return office


def states(office: World) -> list[tuple[str, str]]:
    return [(item["item"], item["state"]) for item in office.data("playbook_item")]


def actions(office: World) -> list[str]:
    return [one["action"] for one in office.data("playbook")]


def close(office: World, t: int, outcome: str) -> None:
    office.control(t, "task", task=office.data("task")[-1]["task"], action="close", outcome=outcome)


# -------------------------------------------------------------------------------------------- the checklist


def needs(**after: list[str] | None) -> dict[str, list[Needs]]:
    items = {label: PlaybookItem(title=label, after=wanted) for label, wanted in after.items()}
    return needs_of("book", Playbook(items=items))


def test_an_item_comes_after_the_one_before_it_unless_it_says_otherwise() -> None:
    assert needs(a=None, b=None, c=[], d=["a", "b"]) == {
        "a": [],
        "b": [Needs("a")],
        "c": [],
        "d": [Needs("a"), Needs("b")],
    }


def test_items_that_cannot_be_reached_any_more_are_skipped_and_what_follows_them_goes_on() -> None:
    wanted = needs(a=None, b=["a:yes"], c=["b"], d=["a:no"])
    held = Checklist(id="x", playbook="book", of="person", row=1, reason="", opened=0)
    assert held.ready(wanted, 1) == ["a"]
    held.finish("a", "no")
    assert held.ready(wanted, 2) == ["c", "d"]
    assert held.done == {"a": "no", "b": "skipped"} and not held.over(wanted)


def test_circles_and_items_that_are_not_there_are_errors() -> None:
    for broken in ({"a": ["b"], "b": ["a"]}, {"a": ["z"]}):
        with pytest.raises(PlaybookError):
            needs(**broken)
    with pytest.raises(PlaybookError):
        items = {"a": PlaybookItem(title="", decide=["yes"]), "b": PlaybookItem(title="", after=["a:no"])}
        needs_of("book", Playbook(items=items))


# ------------------------------------------------------------------------------------------------ in a fold


def test_items_open_as_those_before_them_are_done() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    assert states(office) == [("call", "open")]
    assert office.data("task")[0]["reason"] == "rescue: call"
    close(office, NINE + HOUR, "saved")
    assert states(office)[1:] == [("call", "saved"), ("offer", "open")]
    office.control(
        NINE + 2 * HOUR, "playbook", playbook="rescue", person="u", action="done", item="offer", outcome="yes"
    )
    assert states(office)[3:] == [("offer", "yes"), ("write", "open")]
    office.control(NINE + 3 * HOUR, "playbook", playbook="rescue", person="u", action="done", item="write")
    # The message is a run of its own, which is over at once.
    assert states(office)[5:] == [("write", "done"), ("thank", "open"), ("thank", "done")]
    assert len(office.of("message")) == 1
    assert actions(office) == ["opened", "completed"]
    assert office.data("playbook")[0]["reason"] == "1 stalls"


def test_another_outcome_skips_what_it_made_needless() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    close(office, NINE + HOUR, "false_alarm")
    assert states(office)[1:] == [
        ("call", "false_alarm"),
        ("offer", "skipped"),
        ("write", "skipped"),
        ("thank", "open"),
        ("thank", "done"),
    ]


def test_a_playbook_that_is_open_is_joined_and_one_closed_not_long_ago_is_opened_again() -> None:
    office = world({"look": {"title": "Look"}}, reopen_within="90d")
    done = {"playbook": "rescue", "person": "u", "action": "done", "item": "look"}
    office.track(NINE, "u", "Stalled")
    office.track(NINE + 1, "u", "Stalled")
    office.control(NINE + 2, "playbook", **done)
    office.track(NINE + 89 * DAY, "u", "Stalled")
    office.control(NINE + 89 * DAY + 1, "playbook", **done)
    office.track(NINE + 200 * DAY, "u", "Stalled")
    assert actions(office) == ["opened", "joined", "completed", "reopened", "completed", "opened"]
    ids = [one["playbook"] for one in office.data("playbook")]
    assert len(set(ids[:5])) == 1 and ids[5] != ids[0]
    assert [one["round"] for one in office.data("playbook") if "round" in one] == [1, 2, 1]


def test_an_item_joins_a_task_that_is_open_for_its_reason_and_waits_for_it() -> None:
    items = {"call": {"title": "Call", "task": "call", "due": "2h"}, "end": {"title": "End"}}
    office = world(items)
    office.control(NINE, "task", action="open", kind="call", person="u", reason="rescue: call")
    office.track(NINE + 1, "u", "Stalled")
    assert len(office.of("task")) == 1 and len(office.of("task_joined")) == 1
    close(office, NINE + HOUR, "saved")
    assert states(office) == [("call", "open"), ("call", "saved"), ("end", "open")]


def test_an_item_may_have_another_sla_than_its_kind_of_task() -> None:
    office = world({"call": {"title": "Call", "task": "call", "due": "2h"}})
    office.track(NINE, "u", "Stalled")
    assert office.data("task")[0]["due"] == NINE + 2 * HOUR


def test_a_playbook_closed_by_hand_cancels_what_was_not_done() -> None:
    office = world()
    office.track(NINE, "u", "Stalled")
    office.control(NINE + 1, "playbook", playbook="rescue", person="u", action="close", by="max")
    assert actions(office) == ["opened", "cancelled"]
    close(office, NINE + 2, "saved")
    assert states(office) == [("call", "open")]


def test_a_playbook_of_an_account_writes_to_its_member_who_joined_first() -> None:
    items = {"thank": {"title": "Thank them", "template": "hello"}}
    office = world(items, of="account")
    for user in ("u", "v"):
        office.identify(NINE, user, email=f"{user}@example.com")
        office._send(NINE, {"type": "group", "userId": user, "groupId": "acme", "traits": {}})
    office.control(NINE + 1, "playbook", playbook="rescue", account="acme", action="open", reason="by hand")
    [message] = office.of("message")
    assert message.of == "account" and message.data["address"] == "u@example.com"
    assert actions(office) == ["opened", "completed"]


def test_ghosts_open_no_playbook() -> None:
    office = world(journey={"holdout": 100})
    office.track(NINE, "u", "Stalled")
    assert office.of("would_playbook") and not office.of("playbook")


def test_what_came_too_late_is_refused_and_what_cannot_be_meant_is_an_error() -> None:
    office = world()
    done = {"playbook": "rescue", "person": "u", "action": "done"}
    office.control(NINE, "playbook", **done, item="write")
    office.track(NINE + 1, "u", "Stalled")
    office.control(NINE + 2, "playbook", **done, item="write")
    assert [one["reason"] for one in office.data("playbook_refused")] == ["not_open", "not_open"]
    for record in (
        {"item": "none"},
        {"item": "call"},
        {"item": "offer", "outcome": "perhaps"},
        {"person": "stranger"},
        {"action": "burn"},
    ):
        with pytest.raises(ControlError):
            office.control(NINE + 3, "playbook", **done | record)


def test_a_merge_moves_a_playbook_and_closes_the_younger_of_two() -> None:
    office = world({"look": {"title": "Look"}})
    office.track(NINE, "u", "Stalled")
    office.track(NINE + 1, "v", "Stalled")
    office.track(NINE + 1, "w", "Other")
    office.control(NINE + 2, "merge", members=["u", "v"])
    assert actions(office) == ["opened", "opened", "cancelled"]
    first, second, closed = office.data("playbook")
    assert (closed["playbook"], closed["into"]) == (second["playbook"], first["playbook"])
    office.control(NINE + 3, "playbook", playbook="rescue", person="v", action="done", item="look")
    assert actions(office)[-1] == "completed"


def test_a_snapshot_anywhere_changes_nothing() -> None:
    def story(restart: bool) -> list[Any]:
        office = world()
        office.track(NINE, "u", "Stalled")
        for at, outcome in enumerate(("saved", "yes", "done")):
            if restart:
                office.again()
            t = NINE + (at + 1) * HOUR
            if at == 0:
                close(office, t, outcome)
            else:
                item = {"yes": "offer", "done": "write"}[outcome]
                record = {"playbook": "rescue", "person": "u", "action": "done", "item": item}
                office.control(t, "playbook", **record, outcome=outcome)
        office.track(NINE + DAY, "u", "Stalled")
        return office.told

    assert story(True) == story(False)

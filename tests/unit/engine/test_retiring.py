"""Visitors who do not come back are forgotten; nobody else is."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.unit.journeys.running import Running, on, step

IDLE = {"identity": {"retire_after": "90d"}}
LONG = "100d"


def world(journeys: dict[str, Any] | None = None, **sections: Any) -> Running:
    return Running(journeys or {}, **IDLE, **sections)


def people(running: Running) -> list[dict[str, Any]]:
    return list(running.fold.subjects("person").values())


def test_a_visitor_who_stays_away_is_forgotten_and_is_somebody_new_when_they_come_again() -> None:
    here = world()
    here.track("0s", None, "Signed In", anonymous="x")
    here.until("90d 30m")
    assert not here.of("retired")
    here.until("90d 1h")
    assert [e.subject for e in here.of("retired")] == [here.of("created")[0].subject]
    assert not people(here) and not here.fold.identity.find("anonymous_id", "x")
    here.track(LONG, None, "Signed In", anonymous="x")
    (person,) = people(here)
    assert person["signals"]["logins"] == 1
    first, second = (e.subject for e in here.of("created"))
    assert first != second
    assert here.again(1, snapshots=True) == here.told


def test_their_place_is_given_to_somebody_else() -> None:
    here = world()
    for day in range(0, 1_000, 10):
        here.track(f"{day}d", None, "Signed In", anonymous=f"x{day}")
    assert here.fold.person.table.rows <= 12
    assert here.fold.retirement.count >= 90
    assert here.again(7) == here.told


def test_whoever_came_last_keeps_a_visitor() -> None:
    here = world()
    here.track("0s", None, "Signed In", anonymous="x")
    here.track("80d", None, "Anything", anonymous="x")
    here.until("170d")
    assert not here.of("retired")
    here.until("171d")
    assert len(here.of("retired")) == 1


def test_people_whom_we_know_and_visitors_in_a_journey_or_with_an_order_or_on_a_list_stay() -> None:
    waits = {"j": {"triggers": [on("Visited")], "steps": {"w": step("wait", for_="200d")}}}
    lists = {"active": {"when": "logins >= 2"}, "friends": {"manual": True}}
    here = world(waits, segments=lists)
    here.identify("0s", "ana", email="ana@example.com")
    here.track("0s", None, "Visited", anonymous="waits")
    here.track("0s", None, "Ordered", anonymous="buys", order_id="o1")
    here.control("0s", "list", list="friends", action="append", members=[{"anonymous_id": "listed"}])
    here.until("199d")
    assert not here.of("retired")
    here.until("202d")
    assert len(here.of("retired")) == 1, "the journey is over"
    assert here.again(1, snapshots=True) == here.told


def test_who_shares_a_window_that_is_longer_is_kept_as_long() -> None:
    here = world(signals={"logins": {"kind": "count", "event": "Signed In", "window": "180d"}})
    here.track("0s", None, "Signed In", anonymous="x")
    here.until("182d")
    assert not here.of("retired")
    here.until("183d")
    assert len(here.of("retired")) == 1


def test_a_visitor_who_was_told_apart_leaves_their_account_and_its_totals() -> None:
    signals = {
        "logins": {"kind": "count", "event": "Signed In"},
        "heads": {"kind": "rollup", "of": "account", "aggregate": "count", "when": "true"},
    }
    here = world(signals=signals)
    here.event("0s", "group", None, {"groupId": "acme", "anonymousId": "x"})
    here.event("0s", "group", "ana", {"groupId": "acme"})
    here.until("1d")
    (account,) = here.fold.subjects("account").values()
    assert account["signals"]["heads"] == 2
    here.until(LONG)
    (account,) = here.fold.subjects("account").values()
    assert account["signals"]["heads"] == 1


def test_of_two_who_meet_the_one_created_first_lives_on_whoever_has_the_lower_place() -> None:
    here = world()
    here.track("0s", None, "Signed In", anonymous="x")
    here.identify("50d", "ana")
    here.track(LONG, None, "Signed In", anonymous="y")
    here.identify("101d", "ana", anonymous="y")
    (person,) = people(here)
    merged = here.of("merged")[0]
    assert merged.subject == here.of("created")[1].subject, "ana was there before"
    assert person["signals"]["logins"] == 1


def test_the_erasure_of_somebody_and_another_definition_leave_those_who_went_as_they_are() -> None:
    here = world()
    here.track("0s", None, "Signed In", anonymous="x")
    here.identify("1d", "ana")
    here.until(LONG)
    here.control(LONG, "erase", person={"user_id": "ana"})
    plain: dict[str, Any] = msgspec.to_builtins(here.workspace)
    plain["segments"] = {**plain["segments"], "new": {"when": "logins >= 1"}}
    here.control(LONG, "workspace", workspace=plain)
    here.track("101d", None, "Signed In", anonymous="x")
    assert len(people(here)) == 1 and here.fold.retirement.count == 1

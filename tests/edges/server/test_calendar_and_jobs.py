"""What is ahead, who competes with whom, and long work beside the service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold.events.dedup import message_key
from sevenfold.log.base import Entry, NewEvents
from sevenfold.log.sqlite import SqliteLog
from tests.edges.admin.api_world import small
from tests.edges.server.console_world import Console

DAY = 86_400_000
JOURNEYS = {
    "greet": {
        "title": "Greeting",
        "triggers": [{"kind": "event", "event": "Hi"}],
        "re_entry": {"unlimited": 5},
        "topic": "start",
        "intent": "ask",
        "priority": 60,
        "steps": {
            "pause": {"kind": "wait", "for": "1d"},
            "hello": {"kind": "message", "template": "hello"},
            "after": {"kind": "wait", "for": "2d"},
        },
    },
    "sorry": {
        "triggers": [{"kind": "event", "event": "Hi"}, {"kind": "schedule", "rrule": "FREQ=WEEKLY;BYDAY=TH"}],
        "intent": "apology",
        "steps": {"pause": {"kind": "wait", "for": "3d"}, "say": {"kind": "message", "template": "hello"}},
    },
}


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    workspace = small(
        journeys=JOURNEYS,
        traits={"renewal_date": {"of": "account", "type": "date"}},
        messaging={
            "caps": {"weekly": {"limit": 3, "per": "7d", "channel": "email"}},
            "conflicts": [{"between": ["apology", "ask"]}],
        },
        broadcasts={"news": {"segment": "active", "template": "hello", "at": "2024-01-10T09:00:00Z"}},
    )
    with Console(tmp_path, workspace) as made:
        assert isinstance(made, Console)
        made.event("identify", "ada", traits={"email": "ada@shop.example"})
        made.event("group", "ada", groupId="acme", traits={"renewal_date": "2024-01-20"})
        made.event("track", "ada", event="Hi")
        made.event("track", "bob", event="Hi")
        yield made


def test_the_calendar_shows_broadcasts_schedules_contracts_and_waits(console: Console) -> None:
    shown = console.get("/api/calendar", days=21)
    entries = [(one["kind"], one["name"], one["at"]) for one in shown["entries"]]
    # 2024-01-01 is a Monday; Thursdays are the 4th, 11th and 18th.
    start = console.clock.now()
    assert [one for one in entries if one[0] == "broadcast"] == [
        ("broadcast", "news", start + 9 * DAY + 9 * 3_600_000)
    ]
    assert [(at - start) // DAY for kind, _, at in entries if kind == "journey"] == [3, 10, 17]
    days = {(one["at"] - start) // DAY: one for one in shown["days"]}
    assert len(days) == 21 and days[19]["contracts"] == 1 and days[18]["contracts"] == 0
    assert days[1]["waiting"] == {"greet": 2} and days[3]["waiting"] == {"sorry": 2}


def test_the_load_to_expect_is_that_of_a_usual_weekday(console: Console) -> None:
    console.wait(2 * DAY)
    sent = sum(one.kind == "message" for one in console.effects)
    assert sent
    shown = console.get("/api/calendar", days=14)
    # Four weeks in which one day had messages: a quarter of them on each such weekday.
    assert sum(one["expected"] for one in shown["days"]) == 2 * round(sent / 4)


def test_journeys_compete_for_people_channels_topics_and_caps(console: Console) -> None:
    shown = console.get("/api/journeys/conflicts")
    (pair,) = shown["pairs"]
    assert (pair["one"], pair["other"], pair["both"], pair["first"]) == ("greet", "sorry", 2, "greet")
    assert pair["channels"] == ["email"] and pair["caps"] == ["weekly"]
    assert pair["conflicts"] == [["apology", "ask"]]
    (cap,) = shown["caps"]
    assert (cap["limit"], cap["per"], cap["journeys"]) == (3, "7d", ["greet", "sorry"])
    assert {one["name"]: one["inside"] for one in shown["journeys"]} == {"greet": 2, "sorry": 2}
    console.wait(5 * DAY)
    held = {one["name"]: one["held"] for one in console.get("/api/journeys/conflicts")["journeys"]}
    counted = [one for one in console.effects if one.kind == "held"]
    assert sum(sum(one.values()) for one in held.values()) == len(counted)


# ------------------------------------------------------------------------------------------------------- jobs


def recorded(console: Console, people: int) -> None:
    """The log that a back-test reads, in its own file: people who say hi, a day apart."""
    log = SqliteLog(console.services.settings.data_folder / "log", console.clock)
    entries, keys = [], []
    for number in range(people):
        at = console.clock.now() + number * 3_600_000
        event: dict[str, Any] = {
            "type": "track",
            "event": "Hi",
            "userId": f"p{number}",
            "messageId": f"h{number}",
        }
        entries.append(Entry("site", at, msgspec.json.encode(event), at))
        keys.append(message_key("site", f"h{number}"))
    log.append([NewEvents(entries, keys)])
    log.close()


def until_over(console: Console, job: str) -> Any:
    for _ in range(1_200):
        found = console.get(f"/api/jobs/{job}")
        if found["ended"] is not None:
            return found
        console.runner.run(asyncio.sleep(0.05))
    raise AssertionError(found)


def test_a_backtest_compares_two_versions_over_what_was_recorded(console: Console) -> None:
    recorded(console, 30)
    console.clock.advance(60 * DAY)
    console.wait(1)
    plan = {**JOURNEYS["greet"], "steps": {"hello": {"kind": "message", "template": "hello"}}}
    job = console.ask("POST", "/api/journeys/greet/backtest", status=202, json={"plan": plan})
    assert job["state"] in ("queued", "running")
    over = until_over(console, job["id"])
    assert over["state"] == "done", over["error"]
    before, after = over["result"]["versions"]
    assert before["summary"]["entries"] == after["summary"]["entries"] == 30
    assert [one["id"] for one in before["summary"]["steps"]] == ["pause", "hello", "after"]
    assert [one["id"] for one in after["summary"]["steps"]] == ["hello"]
    found = over["result"]["differences"]
    assert sum(found[name] for name in ("differing", "other_times", "same")) == 30
    (listed,) = console.get("/api/jobs")
    assert listed["id"] == job["id"] and listed["result"] is None


def test_a_plan_that_is_wrong_is_not_back_tested(console: Console) -> None:
    plan = {**JOURNEYS["greet"], "steps": {"hello": {"kind": "message", "template": "helo"}}}
    found = console.request("POST", "/api/journeys/greet/backtest", json={"plan": plan})
    assert found.status_code == 422 and "hello" in found.json()["problems"][0]["suggestion"]
    assert console.get("/api/jobs") == []


def test_a_job_is_cancelled_and_its_process_ends(console: Console) -> None:
    recorded(console, 3)
    # Two at a time; the third waits, and is cancelled before it begins.
    over = [console.ask("POST", "/api/journeys/greet/backtest", status=202, json={}) for _ in range(2)]
    first = console.ask("POST", "/api/journeys/greet/backtest", status=202, json={})
    assert first["state"] == "queued"
    cancelled = console.ask("DELETE", f"/api/jobs/{first['id']}")
    assert cancelled["state"] == "cancelled"
    assert console.ask("DELETE", f"/api/jobs/{over[0]['id']}")["state"] == "cancelled"
    assert until_over(console, over[1]["id"])["state"] == "done"
    assert console.get(f"/api/jobs/{first['id']}")["state"] == "cancelled"
    # One that is over stays as it is.
    assert console.ask("DELETE", f"/api/jobs/{first['id']}")["ended"] == cancelled["ended"]
    assert console.request("GET", "/api/jobs/job_none").status_code == 404

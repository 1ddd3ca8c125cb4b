"""A replay runs journeys: tables, figures, report, terminal, stories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sevenfold.cli import main
from sevenfold.playback import Outcome, explain, open_log, replay
from sevenfold.playback.summary import JourneySummary
from sevenfold.report.html import render
from tests.edges.replay import journeys as shop
from tests.edges.replay.journeys import DAY, START
from tests.edges.replay.worlds import write

END = START + 40 * DAY


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The shop's history replayed through the command line."""
    folder = tmp_path_factory.mktemp("spoken")
    shop.folder(folder / "ws")
    source = write(folder / "events.ndjson", shop.history())
    args = ["replay", folder / "ws", source, "--out", folder / "out", "--until", END, "--json"]
    result = CliRunner().invoke(main, list(map(str, args)))
    assert result.exit_code == 0, result.output
    return Outcome(folder / "out")


def rows(outcome: Outcome, table: str, **wanted: Any) -> list[dict[str, Any]]:
    found = outcome.table(table).to_pylist()
    return [row for row in found if all(row[key] == value for key, value in wanted.items())]


def welcome(outcome: Outcome) -> JourneySummary:
    return next(one for one in outcome.summary.journeys if one.name == "welcome")


def test_every_effect_is_a_row_of_one_table(spoken: Outcome) -> None:
    numbers = spoken.effects()["n"].to_pylist()
    assert numbers == list(range(1, spoken.summary.effects + 1))
    assert {"runs", "steps", "messages", "goals", "tasks"} <= spoken.summary.tables.keys()


def test_parquet_and_ndjson_hold_the_same_rows(spoken: Outcome) -> None:
    for name in ("runs", "steps", "messages", "goals", "tasks"):
        lines = (spoken.folder / f"{name}.ndjson").read_text().splitlines()
        assert len(lines) == spoken.summary.tables[name]
        for line, row in zip(lines, spoken.table(name).to_pylist(), strict=True):
            assert json.loads(line)["change"] == row["change"]


def test_entries_and_endings_are_counted_as_the_table_of_runs_has_them(spoken: Outcome) -> None:
    figures = welcome(spoken)
    assert figures.entries == len(rows(spoken, "runs", journey="welcome", change="run"))
    ended = rows(spoken, "runs", journey="welcome", change="ended")
    assert sum(figures.ended.values()) == len(ended) == figures.entries - figures.active
    assert figures.ended["left"] == 1 and figures.ended["goal bought"] == 1


def test_whoever_reached_a_step_went_on_ended_there_or_is_there(spoken: Outcome) -> None:
    for journey in spoken.summary.journeys:
        assert journey.steps[0].reached == journey.entries
        for step in journey.steps:
            assert step.visits == sum(step.outcomes.values()) + sum(step.exits.values()) + step.still
    assert [step.id for step in welcome(spoken).steps] == ["hello", "wait", "again", "tip", "rest"]
    wait = next(step for step in welcome(spoken).steps if step.id == "wait")
    assert wait.median_ms == 2 * DAY


def test_messages_are_counted_with_what_became_of_them_and_why_they_were_held(spoken: Outcome) -> None:
    hello, nudge, tip = (one for one in welcome(spoken).messages)
    assert (hello.decided, hello.outcomes["delivered"]) == (7, 7)
    assert hello.held == {"unreachable": 1}
    assert nudge.template == "nudge" and tip.held["capped"] == tip.held.get("capped")
    held = rows(spoken, "messages", change="held", journey="welcome")
    assert len(held) == welcome(spoken).held
    assert {row["reason"] for row in held} >= {"unreachable", "capped"}


def test_goals_carry_their_value_and_time(spoken: Outcome) -> None:
    (goal,) = welcome(spoken).goals
    assert (goal.name, goal.reached, goal.value) == ("bought", 1, 40.0)
    (row,) = rows(spoken, "goals")
    assert (row["goal"], row["value"], row["after"]) == ("bought", 40.0, goal.median_ms)


def test_what_was_decided_by_the_outcome_of_a_message_is_a_trigger_of_its_own(spoken: Outcome) -> None:
    thanks = next(one for one in spoken.summary.journeys if one.name == "thanks")
    assert thanks.triggers == {"segment reached entered": thanks.entries}
    assert thanks.entries >= 6


def test_the_report_and_the_terminal_tell_of_journeys(spoken: Outcome, tmp_path: Path) -> None:
    page = render(spoken.summary)
    for words in ("Journeys: what was decided", "Welcome: 8 runs", "How far they came",
                  "Why messages were held", "no address to reach them", "sent in virtual time"):  # fmt: skip
        assert words in page
    assert page.count("<svg") >= 8
    shop.folder(tmp_path / "ws")
    source = write(tmp_path / "events.ndjson", shop.history())
    args = ["replay", tmp_path / "ws", source, "--out", tmp_path / "out"]
    shown = CliRunner().invoke(main, list(map(str, args)))
    assert shown.exit_code == 0, shown.output
    for words in ("Welcome: 8 runs of 8 people", "hello (message)", "Goal bought: 1 run ", "Ended:"):
        assert words in shown.output


def test_without_journeys_a_replay_has_no_tables_of_them(small: Outcome) -> None:
    assert "runs" not in small.summary.tables
    assert not (small.folder / "runs.parquet").exists()
    assert (small.summary.journeys, small.summary.delivery) == ([], "")


def test_the_story_of_anybody_has_the_decisions_of_the_whole_replay(spoken: Outcome) -> None:
    log = open_log(spoken.log)
    kinds = ("run", "step", "wait", "message", "held", "outcome", "goal", "ended")
    try:
        for row in spoken.table("people").to_pylist():
            told = explain(shop.workspace(), log, row["user_id"], until=spoken.summary.until)
            found = [(e.time, e.kind, e.data.get("run")) for e in told.timeline if e.kind in kinds]
            own = {row["subject"]}
            own |= {json.loads(one["data"])["loser"] for one in rows(spoken, "identity", change="merged",
                                                                     subject=row["subject"])}  # fmt: skip
            expected = []
            for effect in spoken.effects().to_pylist():
                if effect["subject"] in own and effect["kind"] in kinds:
                    at = round(effect["time"].timestamp() * 1000)
                    expected.append((at, effect["kind"], json.loads(effect["data"]).get("run")))
            assert found == expected
            assert told.folded < spoken.summary.events
    finally:
        log.close()


def test_explain_shows_what_journeys_decided_and_why(spoken: Outcome) -> None:
    workspace = spoken.folder.parent / "ws"
    shown = CliRunner().invoke(main, ["explain", str(workspace), str(spoken.folder), "--profile", "dan"])
    assert shown.exit_code == 0, shown.output
    for words in (
        "enters welcome",
        "hello is held",
        "no address to reach them",
        "waits at wait",
        "until 2024-",
    ):
        assert words in shown.output


def test_an_order_of_somebody_has_its_journeys_in_their_story(tmp_path: Path) -> None:
    model = shop.workspace(
        entities={"order": {"key": "order_id"}},
        journeys={
            "care": {
                "of": "order", "key": "order_id", "re_entry": {"per_entity": True},
                "triggers": [{"kind": "event", "event": "Bought"}],
                "steps": {
                    "wait": {"kind": "wait", "for": "1d"},
                    "ask": {"kind": "message", "template": "nudge"},
                },
            }
        },
    )  # fmt: skip
    events = shop.history()
    for one in events:
        if one["event"] == "Bought":
            one["properties"]["order_id"] = "o1"
    outcome = replay(model, [write(tmp_path / "events.ndjson", events)], tmp_path / "out", until=END)
    log = open_log(outcome.log)
    try:
        mine = explain(model, log, "ada", of="person", until=END)
        other = explain(model, log, "bob", of="person", until=END)
    finally:
        log.close()
    assert [entry.kind for entry in mine.timeline if "run" in entry.data][:3] == ["run", "wait", "step"]
    assert "message" in [entry.kind for entry in mine.timeline]
    assert not [entry for entry in other.timeline if "run" in entry.data]

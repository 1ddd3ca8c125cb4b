"""`backtest`, `try` and `export-scenario`: journeys over history, on one person, and as a scenario."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sevenfold.cli import main
from sevenfold.playback import Outcome
from sevenfold.workspace.exporting import to_yaml
from tests.edges.replay import journeys as shop
from tests.edges.replay.journeys import DAY, START
from tests.edges.replay.worlds import event, write

END = START + 40 * DAY


def run(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in args])
    assert result.exit_code == code, result.output
    return result


def as_json(*args: object) -> Any:
    return json.loads(run(*args, "--json").stdout)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the workspace, events, their replay, and another version of a journey."""
    folder = tmp_path_factory.mktemp("here")
    shop.folder(folder / "ws")
    write(folder / "events.ndjson", shop.history())
    run("replay", folder / "ws", folder / "events.ndjson", "--out", folder / "out", "--until", END, "--json")
    later = {name: dict(one) for name, one in shop.WORKSPACE["journeys"].items()}["welcome"]
    steps = {name: dict(step) for name, step in later["steps"].items() if name != "tip"}
    steps["wait"]["for"] = "3d"
    later |= {"steps": steps, "audience": "trait.vip missing", "title": "Welcome, later"}
    (folder / "later.yaml").write_text(to_yaml(later | {"audience": "visits_7d < 1"}))
    return folder


# ------------------------------------------------------------------------------------------------ backtest


def test_a_backtest_of_files_and_of_the_log_agree_with_the_replay(here: Path) -> None:
    replayed = next(one for one in Outcome(here / "out").summary.journeys if one.name == "welcome")
    for source in (here / "events.ndjson", here / "out", here / "out" / "log"):
        found = as_json("backtest", here / "ws", source, "--journey", "welcome", "--to", END)
        assert found["summary"]["entries"] == replayed.entries == len(found["runs"])
        assert found["summary"]["ended"] == replayed.ended
        assert found["summary"]["messages"][0]["held"] == {"unreachable": 1}


def test_a_backtest_lists_each_run_with_what_was_said_and_held(here: Path) -> None:
    found = as_json("backtest", here / "ws", here / "out", "--journey", "welcome", "--to", END)
    runs = {run["who"]: run for run in found["runs"]}
    assert [(one["template"], one["what"], one["reason"]) for one in runs["dan"]["messages"]][:1] == [
        ("hello", "held", "unreachable")
    ]
    ada = runs["ada"]
    assert (ada["reason"], ada["goals"]) == ("goal bought", ["bought"])
    assert [one["template"] for one in ada["messages"]] == ["hello", "nudge", "tip"]
    assert ada["messages"][2]["reason"] == "capped"
    assert found["most_in_a_week"] >= 2


def test_no_run_of_a_backtest_begins_before_from_and_time_stops_at_to(here: Path) -> None:
    found = as_json(
        "backtest",
        here / "ws",
        here / "out",
        "--journey",
        "welcome",
        "--from",
        "2024-01-02",
        "--to",
        "2024-01-03",
    )
    assert found["runs"]
    assert all("2024-01-02" <= run["entered"] < "2024-01-03" for run in found["runs"])
    assert found["summary"]["active"] == len([run for run in found["runs"] if run["ended"] is None])


def test_two_versions_are_compared_person_by_person(here: Path) -> None:
    found = as_json(
        "backtest",
        here / "ws",
        here / "out",
        "--journey",
        "welcome",
        "--to",
        END,
        "--compare",
        here / "later.yaml",
    )
    differences = found["differences"]
    # Cleo's visits come after she entered; nobody is kept out, and nobody gets the tip any more.
    assert (differences["only_before"], differences["only_after"]) == ([], [])
    told = {one["who"]: one["differs"] for one in differences["differing"]}
    assert "no longer tip held (capped)" in told["ada"]
    same = differences["same"] + differences["other_times"] + len(differences["differing"])
    assert same == len(found["runs"])


def test_who_enters_only_one_version_is_named(here: Path, tmp_path: Path) -> None:
    other = {name: dict(one) for name, one in shop.WORKSPACE["journeys"].items()}
    other["welcome"]["triggers"] = [{"kind": "event", "event": "Bought"}]
    ws = shop.folder(tmp_path / "other", name="buyers", journeys=other)
    found = as_json(
        "backtest", here / "ws", here / "out", "--journey", "welcome", "--to", END, "--compare", ws
    )
    assert len(found["differences"]["only_before"]) == 7
    shown = run(
        "backtest", here / "ws", here / "out", "--journey", "welcome", "--to", END, "--compare", ws
    ).output
    assert "7 enter only shop: bob" in shown.replace("\n", " ")


def test_a_backtest_shows_plots_funnel_messages_and_single_runs(here: Path) -> None:
    shown = run(
        "backtest", here / "ws", here / "out", "--journey", "welcome", "--to", END, "--runs", 1
    ).output
    for words in ("Welcome: 8 runs of 8 people", "nothing was sent", "hello (message)", "held because",
                  "no address to reach them 1", "Runs and messages a day", "Most messages on one day",
                  "enters welcome", "is sent hello by email"):  # fmt: skip
        assert words in shown


def test_failures_can_be_supposed(here: Path) -> None:
    found = as_json(
        "backtest", here / "ws", here / "out", "--journey", "welcome", "--to", END, "--fail", "100"
    )
    assert found["summary"]["messages"][0]["outcomes"] == {"failed": 7}


def test_an_unknown_journey_is_named_with_the_likely_one(here: Path) -> None:
    for command in (("backtest", here / "ws", here / "out"), ("try", here / "ws")):
        shown = run(*command, "--journey", "welcom", code=2).output
        assert "There is no journey `welcom` (did you mean `welcome`?)" in shown


# ----------------------------------------------------------------------------------------------------- try


def test_a_journey_is_tried_on_somebody_made_up_with_time_run_forward(here: Path) -> None:
    shown = run("try", here / "ws", "--journey", "welcome").output
    for words in ("someone, 2024-01-01 10:00: Signed Up", "enters welcome", "is sent hello by email",
                  "waits at wait  until 2024-01-03 10:00:02", "tip is held  the frequency cap is full",
                  "leaves welcome  completed"):  # fmt: skip
        assert words in shown


def test_traits_consents_and_failing_templates_are_what_was_given(here: Path) -> None:
    found = as_json("try", here / "ws", "--journey", "welcome", "--trait", "email=", "--failing", "hello")
    kinds = [one["kind"] for one in found["effects"]]
    assert "ended" in kinds
    assert found["who"] == "someone"


def test_a_journey_is_tried_on_somebody_real_as_they_stood(here: Path) -> None:
    found = as_json("try", here / "ws", "--journey", "welcome", "--profile", "dan", "--history", here / "out")
    # Dan has entered before, and nobody enters twice.
    assert (found["refused"], found["effects"]) == ("again", [])
    found = as_json("try", here / "ws", "--journey", "thanks", "--profile", "dan", "--history", here / "out")
    held = [one["reason"] for one in found["effects"] if one["kind"] == "held"]
    assert held == ["unreachable"]


def test_somebody_who_does_not_enter_is_told_why(here: Path) -> None:
    shown = run("try", here / "ws", "--journey", "welcome", "--event", "Something Else").output
    assert "no trigger of the journey wants this event" in shown


def test_a_journey_that_a_segment_starts_is_started_by_hand(here: Path) -> None:
    shown = run("try", here / "ws", "--journey", "thanks").output
    assert "enters thanks  set off by hand" in shown and "is sent thanks by email" in shown


# ------------------------------------------------------------------------------------------- export-scenario


@pytest.mark.parametrize("who", ["ada", "bob", "cleo", "dan", "fay"])
def test_anybodys_history_is_exported_as_a_scenario_that_passes(here: Path, tmp_path: Path, who: str) -> None:
    path = tmp_path / f"{who}.yaml"
    run("export-scenario", here / "ws", here / "out", "--profile", who, "--until", END, "--to", path)
    found = json.loads(run("test", here / "ws", path, "--json").stdout)["scenarios"][0]
    assert found["passed"] and found["checks"] >= 4
    assert who in path.read_text()


def test_an_exported_scenario_expects_the_messages_of_the_replay(here: Path) -> None:
    text = run("export-scenario", here / "ws", here / "out", "--profile", "ada", "--until", END).output
    rows = Outcome(here / "out").table("messages").to_pylist()
    ada = next(row for row in Outcome(here / "out").table("people").to_pylist() if row["user_id"] == "ada")
    decided = [
        row["template"] for row in rows if row["change"] == "message" and row["subject"] == ada["subject"]
    ]
    assert decided
    for template in decided:
        assert f"sent: [{{{template}: " in text


def test_an_exported_scenario_fails_when_the_journey_changes(here: Path, tmp_path: Path) -> None:
    path = tmp_path / "ada.yaml"
    run("export-scenario", here / "ws", here / "out", "--profile", "ada", "--until", END, "--to", path)
    changed = {name: dict(one) for name, one in shop.WORKSPACE["journeys"].items()}
    changed["welcome"]["late_after"] = "1h"
    changed["welcome"]["audience"] = "visits_7d >= 1"
    ws = shop.folder(tmp_path / "changed", journeys=changed)
    assert "✗" in run("test", ws, path, code=1).output


def test_a_backtest_of_recorded_history_takes_the_recorded_outcomes_and_supposes_the_others(
    here: Path, tmp_path: Path
) -> None:
    live = shop.LiveSender(shop.workspace(), tmp_path / "log")
    live.live(shop.history(), END)
    found = as_json(
        "backtest", here / "ws", tmp_path / "log", "--journey", "welcome", "--to", END, "--compare",
        here / "later.yaml",
    )  # fmt: skip
    outcomes = {one["template"]: one["outcomes"] for one in found["summary"]["messages"]}
    assert outcomes["hello"] == {"claimed": 7, "sent": 7, "delivered": 7}
    assert set(outcomes["nudge"]) == {"failed"}
    other = {one["template"]: one["outcomes"] for one in found["compared_with"]["summary"]["messages"]}
    assert other["hello"]["delivered"] == 7


def test_somebody_who_was_a_visitor_first_is_asked_about_once_they_are_known(
    here: Path, tmp_path: Path
) -> None:
    visit = {**event(0.1, None, "Signed Up"), "anonymousId": "device-9"}
    login = {**event(1.0, "zoe", ""), "type": "identify", "anonymousId": "device-9"}
    login["traits"] = {"email": "zoe@example.com"}
    again = event(9.0, "zoe", "Visited")
    source = write(tmp_path / "events.ndjson", [visit, login, again])
    run("replay", here / "ws", source, "--out", tmp_path / "out", "--until", END, "--json")
    path = tmp_path / "zoe.yaml"
    run("export-scenario", here / "ws", tmp_path / "out", "--profile", "zoe", "--to", path)
    assert json.loads(run("test", here / "ws", path, "--json").stdout)["passed"]
    assert "device: device-9" in path.read_text()

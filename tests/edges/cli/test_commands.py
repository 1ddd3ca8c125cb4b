"""The command line: every command helps with an example, speaks JSON, and fails in one clear line."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from sevenfold.cli import main
from tests.edges.replay.worlds import small_history, write

WORKSPACE = """\
name: small
title: A small shop
signals:
  visits_7d: {kind: count, event: Visited, window: 7d}
  spend: {kind: sum, event: Bought, property: total}
segments:
  regulars: {when: visits_7d >= 3}
  vips: {manual: true}
lifecycles:
  visitor:
    stages:
      - {name: new}
      - {name: active, enter: segment.regulars}
      - {name: buyer, enter: spend > 0}
"""


def sevenfold(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in args])
    assert result.exit_code == code, result.output
    return result


def as_json(*args: object) -> Any:
    return json.loads(sevenfold(*args, "--json").stdout)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace, events, and their replay."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "workspace").mkdir()
    (folder / "workspace" / "workspace.yaml").write_text(WORKSPACE)
    write(folder / "events.ndjson", small_history())
    sevenfold("replay", folder / "workspace", folder / "events.ndjson", "--out", folder / "out")
    return folder


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found, context = [], click.Context(group)
    for name in group.list_commands(context):
        command, inner = group.get_command(context, name), (*path, name)
        found += commands(command, inner) if isinstance(command, click.Group) else [inner]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_has_an_example_and_json_where_programs_read(command: tuple[str, ...]) -> None:
    text = sevenfold(*command, "--help").output
    assert f"sevenfold {' '.join(command)}" in text[text.index("Example") :]
    assert "--json" in text or command == ("schema",)


def test_replay_prints_a_summary_and_leaves_everything(shop: Path) -> None:
    text = sevenfold("replay", shop / "workspace", shop / "events.ndjson", "--out", shop / "out").output
    assert "Visitor: 3 people by stage" in text
    assert "Report:" in text
    assert (shop / "out" / "report.html").exists()
    figures = as_json("replay", shop / "workspace", shop / "events.ndjson", "--out", shop / "out")
    assert figures["events"] == len(small_history())
    assert {stage["name"]: stage["now"] for stage in figures["lifecycles"][0]["stages"]} == {
        "new": 1, "active": 0, "buyer": 2,
    }  # fmt: skip


def test_replay_stops_at_a_time(shop: Path, tmp_path: Path) -> None:
    args = ("replay", shop / "workspace", shop / "events.ndjson", "--out", tmp_path / "out")
    assert as_json(*args, "--until", "2024-01-02")["events"] == 3


def test_explain_tells_the_story(shop: Path) -> None:
    text = sevenfold("explain", shop / "workspace", shop / "out", "--profile", "ada").output
    assert "Visitor: buyer since 2024-01-03" in text
    assert "visits_7d >= 3 (3); set off by Visited" in text
    every = sevenfold("explain", shop / "workspace", shop / "out", "--profile", "ada", "--events").output
    assert "total 12.50" in every


def test_explain_goes_back_in_time(shop: Path) -> None:
    told = as_json(
        "explain", shop / "workspace", shop / "out", "--profile", "ada", "--at", "2024-01-03T01:00:00Z"
    )
    assert told["time"] == "2024-01-03T01:00:00Z"
    assert told["profile"]["stages"] == {"visitor": "new"}


def test_check_lists_problems_with_their_place_and_fix(shop: Path, tmp_path: Path) -> None:
    assert "no errors" in sevenfold("check", shop / "workspace").output
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "workspace.yaml").write_text(WORKSPACE.replace("when: visits_7d", "when: visit_7d"))
    text = sevenfold("check", broken, code=2).output
    assert "workspace.yaml:7" in text
    assert "did you mean `visits_7d`" in text
    result = sevenfold("check", broken, "--json", code=2)
    assert json.loads(result.stdout)["problems"][0]["line"] == 7


def test_init_copies_a_pack_that_checks_and_differs_in_nothing(tmp_path: Path) -> None:
    sevenfold("init", "--pack", "lending", tmp_path / "mine")
    assert "no errors" in sevenfold("check", tmp_path / "mine").output
    assert "They mean the same" in sevenfold("diff", "lending", tmp_path / "mine").output
    assert as_json("diff", "lending", tmp_path / "mine") == []
    assert {one["name"] for one in as_json("packs")} >= {"lending", "seven-stage", "post-purchase"}


def test_schema_prints_one_or_writes_all(tmp_path: Path) -> None:
    assert "signals" in sevenfold("schema").output.splitlines()
    assert json.loads(sevenfold("schema", "signals").output)["title"] == "signals of a workspace"
    sevenfold("schema", "--out", tmp_path / "schemas")
    assert (tmp_path / "schemas" / "workspace.schema.json").exists()


def test_import_is_resumable_and_takes_each_message_once(tmp_path: Path) -> None:
    source = write(tmp_path / "events.ndjson", small_history())
    first = as_json("import", tmp_path / "log", source)
    assert (first["accepted"], first["duplicates"]) == (len(small_history()), 0)
    assert as_json("import", tmp_path / "log", source)["resumed_at"] == len(small_history())
    copy = write(tmp_path / "copy.ndjson", [*small_history(), {"type": "track"}])
    second = as_json("import", tmp_path / "log", copy)
    assert (second["accepted"], second["duplicates"]) == (0, len(small_history()))
    letters = as_json("dead-letters", "list", tmp_path / "log")
    assert letters["counts"] == {"bad_row": 1}
    assert json.loads(letters["letters"][0]["raw"]) == {"type": "track"}
    assert "1 bad row" in sevenfold("dead-letters", "list", tmp_path / "log").output


def test_a_list_import_shows_matched_created_and_refused_rows(shop: Path, tmp_path: Path) -> None:
    sevenfold("import", tmp_path / "log", shop / "events.ndjson")
    with (tmp_path / "vip.csv").open("w") as file:
        csv.writer(file).writerows([["user_id"], ["ada"], ["dora"], [""], ["ada"]])
    args = ("list", "import", shop / "workspace", tmp_path / "log", tmp_path / "vip.csv", "--list", "vips")
    dry = as_json(*args, "--dry-run")
    assert (dry["matched"], dry["created"], dry["repeated"], dry["changed"]) == (1, 1, 1, False)
    assert "1 matched, 1 were created, 1 repeated" in sevenfold(*args).output
    sevenfold("replay", shop / "workspace", tmp_path / "log", "--out", tmp_path / "out")
    told = as_json("explain", shop / "workspace", tmp_path / "out", "--profile", "dora")
    assert told["profile"]["segments"] == ["vips"]


def test_simulate_writes_a_world(tmp_path: Path) -> None:
    figures = as_json("simulate", "shop", "--size", 20, "--days", 20, "--out", tmp_path / "world")
    assert figures["events"] > 0
    assert (tmp_path / "world" / "events.ndjson").stat().st_size == figures["bytes"]


def test_the_demo_is_a_living_service(tmp_path: Path) -> None:
    """In a process of its own, for it is one that people start and stop."""
    command = [sys.executable, "-m", "sevenfold.cli", "demo", "--size", "12", "--seconds", "8", "--json"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "demo")], capture_output=True, text=True, timeout=100, check=True
    )
    figures = json.loads(done.stdout)
    assert figures["events"] > 100 and figures["kinds"]["stage"] > 10
    assert (tmp_path / "demo" / "data" / "history.sqlite").exists()


def test_the_demo_goes_from_nothing_to_a_report(tmp_path: Path) -> None:
    text = sevenfold("demo", "--report", "--size", 8, "--days", 40, "--out", tmp_path / "demo").output
    assert "Customer:" in text
    assert "One person's story: sevenfold explain seven-stage" in text
    assert "What was noticed" in text
    page = (tmp_path / "demo" / "replay" / "report.html").read_text()
    assert "What was noticed" in page and "Where it is poor" in page and "threshold on log-ins" in page
    noticed = json.loads((tmp_path / "demo" / "replay" / "noticed.json").read_text())
    assert {row["way"] for row in noticed["figures"]} == {"seven stages", "calendar", "threshold on log-ins"}
    for row in noticed["figures"]:
        assert row["right"] <= row["alarms"] and row["noticed"] <= row["hidden"]
    assert noticed["poor"]


NONE = Path("nowhere")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("check", "seven-stages"), "did you mean `seven-stage`"),
        (("init", "--pack", "shop", "x"), "unknown pack `shop`"),
        (("explain", "lending", ".", "--profile", "x"), "There is no log in this folder"),
        (("dead-letters", "list", "."), "There is no log in this folder"),
        (("replay", "lending", "events.csv", "--out", "out"), "needs a mapping"),
        (("replay", "lending", "events.xyz", "--out", "out"), "does not say what kind of file"),
        (("replay", "lending", "nowhere.ndjson", "--out", "out"), "does not exist"),
        (("replay", "lending", "damaged.ndjson.gz", "--out", "out"), "damaged"),
        (("replay", "broken", "events.csv", "--out", "out"), "unknown signal"),
        (("replay", "lending", "events.csv", "--mapping", "bad.yaml", "--out", "out"), "bad.yaml"),
        (("explain", "lending", ".", "--profile", "x", "--at", "soon"), "is no time"),
        (("schema", "signal"), "did you mean `signals`"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("events.csv").write_text("a,b\n1,2\n")
    Path("events.xyz").write_text("")
    Path("damaged.ndjson.gz").write_bytes(b"\x1f\x8b\x08\x00rubbish")
    Path("bad.yaml").write_text("source: x\nfiles: [{match: '*', events: [{tiem: b}]}]\n")
    Path("broken").mkdir()
    Path("broken", "workspace.yaml").write_text(WORKSPACE.replace("when: visits_7d", "when: nonsense_7d"))
    result = sevenfold(*args, code=2)
    assert message in result.output
    assert "Traceback" not in result.output


def test_errors_are_json_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["sevenfold", "check", "nothing", "--json"])
    result = sevenfold("check", "nothing", "--json", code=2)
    assert json.loads(result.stdout)["error"]["code"] == "input_unreadable"

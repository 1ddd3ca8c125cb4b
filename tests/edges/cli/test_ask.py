"""`sevenfold ask` over a table of events: for people, for programs, and as files."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from sevenfold.cli import main

START = 1_704_067_200_000
DAY = 86_400_000


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ask") / "events.parquet"
    rows = [
        {
            "timestamp": START + n * DAY,
            "event": name,
            "user_id": f"u{user}",
            "plan": "pro" if user % 2 else "free",
        }
        for user in range(40)
        for n, name in enumerate(["Signed Up", "Report Run", "Paid"][: 1 + user % 3])
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


def run(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(main, ["ask", *arguments])
    return found.exit_code, found.output


def test_a_funnel_is_drawn_for_people(events: str) -> None:
    steps = ["--steps", "Signed Up", "--steps", "Report Run", "--steps", "Paid"]
    status, output = run("funnel", events, *steps, "--within", "3d")
    assert status == 0
    assert "13 of 40 people (32.5%) came from Signed Up to Paid." in output
    assert output.count("█") > 60


def test_a_funnel_is_json_for_programs_and_its_tables_are_files(events: str, tmp_path: Path) -> None:
    steps = ["--steps", "Signed Up", "--steps", "Paid[plan = pro]"]
    status, output = run("funnel", events, *steps, "--json", "--out", str(tmp_path / "tables"))
    assert status == 0
    answer = json.loads(output)
    assert [row["count"] for row in answer["tables"]["steps"]] == [40, 6]
    assert (tmp_path / "tables" / "steps.csv").read_text().count("\n") == 3


def test_a_trend_is_a_curve(events: str) -> None:
    status, output = run("trends", events, "--unit", "day")
    assert status == 0 and "┤" in output


def test_one_select_is_answered_and_nothing_else(events: str) -> None:
    status, output = run("sql", events, "SELECT COUNT(*) AS n FROM events", "--json")
    assert status == 0 and json.loads(output) == [{"n": 79}]
    status, output = run("sql", events, "DROP TABLE events")
    assert status == 2 and "only one SELECT" in output


def test_a_table_is_exported(events: str, tmp_path: Path) -> None:
    status, output = run("export", events, "events", str(tmp_path / "events.csv"))
    assert status == 0 and output.startswith("79 rows of events")


def test_what_makes_no_sense_is_one_line(events: str, tmp_path: Path) -> None:
    status, output = run("funnel", events, "--steps", "A", "--within", "soon")
    assert status == 2 and "`soon` is no duration" in output and "14d" in output
    status, output = run("funnel", str(tmp_path), "--steps", "A")
    assert status == 2 and "no warehouse" in output

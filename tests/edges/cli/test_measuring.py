"""`sevenfold measure`: statistics of a file of one's own."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from sevenfold.cli import main


def run(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["measure", *(str(each) for each in args)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("measure") / "mail.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["person", "arm", "bought", "spent", "account"])
        for i in range(2_000):
            treated = i % 2
            bought = i % (10 if treated else 20) < 2 - (i % 2)
            writer.writerow([i, "mail" if treated else "control", bought, 12.5 * bought, i // 4])
    return path


def test_an_experiment_is_answered_in_a_sentence_and_tables(mail: Path) -> None:
    shown = run("experiment", mail, "--arm", "arm", "--metric", "bought", "--metric", "spent").output
    assert shown.startswith("Not enough data") or " is " in shown
    assert "effects" in shown and "arms" in shown and "Many comparisons" in shown


def test_programs_get_json_and_files(mail: Path, tmp_path: Path) -> None:
    found: Any = json.loads(
        run("experiment", mail, "--arm", "arm", "--metric", "bought", "--out", tmp_path, "--json").stdout
    )
    assert {each["name"] for each in found["estimates"]} == {"bought:mail", "bought:mail:relative"}
    assert (tmp_path / "effects.csv").is_file() and (tmp_path / "arms.csv").is_file()


def test_parquet_is_read_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"score": [10, 9, 3]}), tmp_path / "answers.parquet")
    assert run("nps", tmp_path / "answers.parquet").output.startswith("NPS 33.3")


def test_a_wrong_column_is_named_with_those_there_are(mail: Path) -> None:
    result = run("nps", mail, "--answer", "score", code=2)
    assert "no column 'score'" in result.output and "spent" in result.output


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"")
    assert "name it .csv" in run("nps", tmp_path / "a.xlsx", code=2).output


def test_a_plan_that_is_none_is_refused(mail: Path) -> None:
    run("experiment", mail, "--arm", "arm", "--metric", "bought", "--planned", "mail", code=2)

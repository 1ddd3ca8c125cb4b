"""`sevenfold train` and `sevenfold predict`, and the same from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import sevenfold as sf
from sevenfold.cli import main
from sevenfold.errors import InputError
from sevenfold.workspace.exporting import to_yaml
from tests.unit.learning.predicting import WORKSPACE, history


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the club's workspace and its events, and models learned from them."""
    folder = tmp_path_factory.mktemp("club")
    (folder / "workspace").mkdir()
    leaving = {**WORKSPACE["predictions"]["leaving"], "minimum_outcomes": 30}
    named = {**WORKSPACE, "predictions": {"leaving": leaving}}
    (folder / "workspace" / "workspace.yaml").write_text(to_yaml(named))
    lines = [msgspec.json.encode(event) for event in history(people=160)]
    (folder / "events.ndjson").write_bytes(b"\n".join(lines))
    return folder


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def learned(club: Path) -> str:
    """What `train` shows."""
    done = run("train", club / "workspace", club / "events.ndjson", "--out", club / "models")
    assert done.exit_code == 0, done.output
    return str(done.output)


def test_train_says_how_good_a_model_is_and_draws_its_reliability(learned: str) -> None:
    assert "leaving (probability): a model of its own" in learned
    assert "AUC" in learned and "judged on" in learned
    assert "came true (●) against what was said" in learned and learned.count("●") > 5
    assert "what moves it" in learned and "visits_7d" in learned


@pytest.fixture(scope="module")
def told(club: Path, learned: str) -> list[dict[str, Any]]:
    """What `predict` lists."""
    done = run("predict", club / "workspace", club / "events.ndjson", "--models", club / "models", "--json")
    assert done.exit_code == 0, done.output
    rows: list[dict[str, Any]] = json.loads(done.output)["leaving"]
    return rows


def test_predict_lists_everybody_the_likeliest_first(told: list[dict[str, Any]]) -> None:
    values = [row["value"] for row in told]
    assert values == sorted(values, reverse=True) and 0 <= values[-1] < values[0] <= 1
    assert told[0]["identifier"].startswith("user-")


def test_predict_says_why_of_somebody(club: Path, told: list[dict[str, Any]]) -> None:
    arguments = ["predict", club / "workspace", club / "events.ndjson", "--models", club / "models"]
    who = told[0]["identifier"]
    found = json.loads(run(*arguments, "--who", who, "--json").output)["leaving"]
    assert found["value"] == pytest.approx(told[0]["value"], abs=1e-6)
    added = sum(one["added"] for one in found["contributions"])
    assert added == pytest.approx(found["log_odds"] - found["base"], abs=1e-6)
    refused = run(*arguments, "--who", "nobody")
    assert refused.exit_code == 2 and "nobody" in refused.output


def test_values_are_written_as_tables(club: Path, learned: str, tmp_path: Path) -> None:
    done = run(
        "predict", club / "workspace", club / "events.ndjson", "--models", club / "models", "--out", tmp_path
    )
    assert done.exit_code == 0, done.output
    assert pq.read_table(tmp_path / "leaving.parquet").column_names == ["subject", "identifier", "value"]


def test_a_table_in_python_gives_what_the_files_give(club: Path, told: list[dict[str, Any]]) -> None:
    rows = [
        {"user_id": one["userId"], "event": one["event"], "timestamp": one["timestamp"], "type": "track"}
        for one in history(people=160)
        if one["type"] == "track"
    ]
    found = sf.predict(club / "workspace", pa.Table.from_pylist(rows), club / "models" / "models.json")
    by_name = {row["identifier"]: row["value"] for row in told}
    mine = {row["identifier"]: row["value"] for row in found.scores("leaving").to_pylist()}
    assert mine == pytest.approx(by_name, abs=1e-6)
    assert "Learned of club: leaving model" in repr(found)


def test_what_is_asked_wrongly_is_told_how_it_is_asked(club: Path, learned: str) -> None:
    refused = run("train", club / "workspace", club / "events.ndjson", "--prediction", "leavin")
    assert refused.exit_code == 2 and "leaving" in refused.output
    assert "WORKSPACE and INPUTS" in run("train").output
    assert "No service has its data here" in run("train", "--data", club / "workspace").output
    with pytest.raises(InputError, match="has no predictions"):
        sf.train(msgspec.structs.replace(sf.load(club / "workspace"), predictions={}), [])
    with pytest.raises(InputError, match="no models"):
        sf.predict(club / "workspace", [], [{"op": "prediction_model"}])

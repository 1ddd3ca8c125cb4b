"""The library face: frames in, the same kind of frames out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import sevenfold as sf
from sevenfold.errors import InputError
from tests.edges.replay.worlds import small_history, workspace, write

ROWS: list[dict[str, Any]] = [
    {"timestamp": "2024-01-01T10:00:00Z", "event": "Visited", "user_id": "ada", "total": None},
    {"timestamp": "2024-01-02T10:00:00Z", "event": "Visited", "user_id": "ada", "total": None},
    {"timestamp": "2024-01-02T11:00:00Z", "event": "Visited", "user_id": "bob", "total": None},
    {"timestamp": "2024-01-03T10:00:00Z", "event": "Visited", "user_id": "ada", "total": None},
    {"timestamp": "2024-01-03T12:00:00Z", "event": "Bought", "user_id": "bob", "total": 7.5},
]


def frame(kind: str) -> Any:
    table = pa.Table.from_pylist(ROWS)
    return {"pandas": table.to_pandas(), "polars": pl.from_arrow(table), "arrow": table}[kind]


def stages(result: sf.Result) -> dict[str, str]:
    people = result.arrow.profiles.to_pylist()
    return {row["user_id"]: row["stage.visitor"] for row in people}


@pytest.mark.parametrize(
    ("kind", "type_"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("arrow", pa.Table)]
)
def test_frames_come_back_in_the_kind_they_went_in(kind: str, type_: type) -> None:
    result = sf.replay(workspace(), frame(kind))
    tables = (
        result.transitions,
        result.segments,
        result.scores,
        result.profiles,
        result.accounts,
        result.effects,
    )
    assert all(isinstance(table, type_) for table in tables)
    assert stages(result) == {"ada": "active", "bob": "buyer"}


def test_every_kind_of_frame_gives_the_same_and_can_be_had_as_another() -> None:
    results = [sf.replay(workspace(), frame(kind)) for kind in ("pandas", "polars", "arrow")]
    assert all(result.arrow.effects.equals(results[0].arrow.effects) for result in results)
    assert isinstance(results[0].to_polars().effects, pl.DataFrame)
    assert isinstance(results[1].to_pandas().effects, pd.DataFrame)


def test_real_timestamps_numbers_as_ids_and_nested_properties_are_understood() -> None:
    table = pd.DataFrame(
        {
            "time": pd.to_datetime(["2024-01-01 10:00", "2024-01-01 11:00"]),
            "event": ["Bought", "Bought"],
            "user_id": [17, 17],
            "properties": [{"total": 2.0}, {"total": 3.0}],
            "properties.note": ["x", None],
        }
    )
    (person,) = sf.replay(workspace(), table).arrow.profiles.to_pylist()
    assert (person["user_id"], person["spend"]) == ("17", 5.0)


def test_identify_and_group_rows_carry_traits_and_accounts() -> None:
    rows = [
        {"timestamp": 1704067200000, "type": "identify", "user_id": "ada", "email": "Ada@Example.com"},
        {"timestamp": 1704067300000, "type": "group", "user_id": "ada", "account_id": "acme", "name": "Acme"},
        {"timestamp": 1704067400000, "event": "Bought", "user_id": "ada", "total": 3, "account_id": "acme"},
    ]
    result = sf.replay(workspace(), pd.DataFrame(rows))
    (person,) = result.arrow.profiles.to_pylist()
    (account,) = result.arrow.accounts.to_pylist()
    assert person["email"] == "ada@example.com"
    assert (account["account_id"], account["buyers"]) == ("acme", 1)
    assert account["traits"] == '{"name":"Acme"}'


def test_segment_events_as_dicts_and_as_a_file_are_the_same_replay(tmp_path: Path) -> None:
    dicts = sf.replay(workspace(), small_history())
    paths = sf.replay(workspace(), write(tmp_path / "a.ndjson", small_history()))
    assert dicts.effects.equals(paths.effects)
    assert sf.replay(workspace(), iter(small_history())).effects.equals(paths.effects)


def test_a_mapping_explains_any_table() -> None:
    table = pd.DataFrame({"who": ["a", "a"], "when": ["2024-01-01", "2024-01-02"], "paid": [1.5, 2.5]})
    mapping = {
        "files": [
            {
                "match": "*",
                "events": [
                    {
                        "event": "Bought",
                        "time": {"column": "when", "format": "%Y-%m-%d"},
                        "user_id": "who",
                        "properties": {"total": {"column": "paid", "type": "number"}},
                    }
                ],
            }
        ]
    }
    (person,) = sf.replay(workspace(), table, mapping=mapping).arrow.profiles.to_pylist()
    assert (person["user_id"], person["spend"]) == ("a", 4.0)


def test_time_can_be_stopped_and_the_past_asked_for() -> None:
    result = sf.replay(workspace(), frame("pandas"), until=datetime(2024, 1, 2, 12, tzinfo=UTC))
    assert stages(result) == {"ada": "new", "bob": "new"}
    whole = sf.replay(workspace(), frame("pandas"))
    assert whole.explain("ada", at="2024-01-02").profile["stages"] == {"visitor": "new"}
    assert whole.explain("ada").profile["stages"] == {"visitor": "active"}


def test_everything_is_kept_where_it_is_asked_to_be(tmp_path: Path) -> None:
    result = sf.replay(workspace(), frame("arrow"), out=tmp_path / "out")
    assert result.report().read_text().startswith("<!doctype html>")
    assert {"transitions.parquet", "people.ndjson", "replay.json", "report.html"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
    assert "5 events through small" in repr(result)


def test_rows_that_are_no_events_are_dropped_with_their_reason() -> None:
    rows = [
        *ROWS,
        {"timestamp": "soon", "event": "Visited", "user_id": "x"},
        "nonsense",
        {"timestamp": 1704067200000},
    ]
    result = sf.replay(workspace(), rows)
    assert result.summary.events == len(ROWS)
    assert result.summary.dropped == {"bad_row": 2, "no_user_anon_id": 1}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pd.DataFrame({"user_id": [1], "event": ["x"]}), "no column `timestamp`"),
        (pd.DataFrame({"timestamp": [1], "event": ["x"]}), "neither `user_id` nor `anonymous_id`"),
        (pd.DataFrame({"timestamp": [1], "user_id": ["x"]}), "no column `event`"),
        (17, "cannot be read from a int"),
    ],
)
def test_a_table_that_cannot_be_events_is_refused_with_what_it_lacks(data: Any, message: str) -> None:
    with pytest.raises(sf.SevenfoldError, match=message):
        sf.replay(workspace(), data)


def test_packs_load_by_name_and_unknown_ones_are_named() -> None:
    assert sf.load("lending").title == "Lending"
    with pytest.raises(sf.SevenfoldError, match="did you mean `seven-stage`"):
        sf.load("seven-stages")


def test_a_replay_with_a_warehouse_answers_analyses(tmp_path: Path) -> None:
    result = sf.replay(workspace(), frame("pandas"), out=tmp_path / "out", warehouse=True)
    answer = result.ask("funnel", steps=["Visited", "Bought"])
    assert [row["count"] for row in answer.frame("steps").to_pylist()] == [2, 1]
    with pytest.raises(InputError, match="There is no warehouse"):
        sf.replay(workspace(), frame("pandas")).ask("rfm")

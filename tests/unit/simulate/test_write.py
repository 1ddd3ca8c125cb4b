from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl
import pytest

from sevenfold.simulate import SimulationError, run


@pytest.mark.parametrize(
    ("kind", "tables"),
    [
        ("saas", {"contracts", "features", "people", "plans"}),
        ("shop", {"products"}),
    ],
)
def test_a_run_leaves_events_truth_and_catalogues(tmp_path: Path, kind: str, tables: set[str]) -> None:
    days = []
    summary = run(kind, 7, 40, 90, tmp_path, lambda day, of, events: days.append((day, of, events)))
    lines = (tmp_path / "events.ndjson").read_bytes().splitlines()
    assert len(lines) == summary.events > 1_000
    assert summary.bytes == (tmp_path / "events.ndjson").stat().st_size
    assert msgspec.json.decode(lines[0])["messageId"]
    assert {path.stem for path in tmp_path.glob("*.csv")} == tables
    assert set(summary.files) == {path.name for path in tmp_path.iterdir()}
    for name, rows in summary.truth_rows.items():
        assert pl.read_parquet(tmp_path / f"truth_{name}.parquet").height == rows
    assert [day for day, _, _ in days] == sorted(day for day, _, _ in days)
    assert days[-1] == (90, 90, summary.events)


def test_a_second_run_writes_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        run("saas", 7, 15, 60, tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_it_says_what_it_can_simulate(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="bank"):
        run("bank", 1, 1, 1, tmp_path)
    for size, days in ((0, 5), (5, 0)):
        with pytest.raises(SimulationError):
            run("saas", 1, size, days, tmp_path)

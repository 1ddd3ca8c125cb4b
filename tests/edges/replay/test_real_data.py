"""Replays of real histories, against plain pandas and the facts in the data sets' own READMEs."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import sevenfold as sf
from bench.measuring import silent
from sevenfold.importers.mapping import load_mapping
from sevenfold.playback import Outcome, replay
from sevenfold.workspace import models as m
from sevenfold.workspace.loading import load

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / ".." / "shared" / "data"
pytestmark = pytest.mark.real_data
in_a_soak = pytest.mark.skipif(
    os.environ.get("HYPOTHESIS_PROFILE") != "soak",
    reason="runs in a soak: the warehouse counts the other readings of these log-ins in every run",
)


def replayed(workspace: m.Workspace, name: str, out: Path) -> Outcome:
    """A data set through a workspace."""
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"../shared/data/{name} is not here")
    mapping = load_mapping(ROOT / "examples" / "mappings" / f"{name}.yaml")
    paths = [path for path in folder.iterdir() if any(path.match(source.match) for source in mapping.files)]
    return replay(workspace, paths, out, mapping=mapping)


def only(workspace: m.Workspace, segments: tuple[str, ...], signals: tuple[str, ...]) -> m.Workspace:
    """The workspace with nothing but these definitions, which is enough to test them and much faster."""
    return msgspec.structs.replace(
        silent(workspace),
        signals={name: workspace.signals[name] for name in signals},
        segments={name: workspace.segments[name] for name in segments},
        lifecycles={},
        scores={},
        predictions={},
        acquisition=[],
    )


def activated(outcome: Outcome) -> int:
    entered = outcome.table("segments").to_pandas()
    entered = entered[(entered.segment == "activation_event") & (entered.change == "entered")]
    return int(entered.subject.nunique())


@pytest.mark.parametrize(
    ("folder", "people"), [("relax", 1_602), pytest.param("relax-span-of-7-days", 1_656, marks=in_a_soak)]
)
def test_three_days_within_seven_in_two_readings(tmp_path: Path, folder: str, people: int) -> None:
    whole = load(ROOT / "examples" / "workspaces" / folder)
    model = only(whole, ("activation_event",), ("active_days_7d",))
    outcome = replayed(model, "relax_activation", tmp_path / "out")
    assert activated(outcome) == people
    assert outcome.summary.subjects["person"] == 12_000


@in_a_soak
def test_three_days_in_one_week_from_monday_to_sunday(tmp_path: Path) -> None:
    """The third reading wants to know the day of the week, which the table has to say: a column made with
    pandas.
    """
    file = DATA / "relax_activation" / "takehome_user_engagement.csv.gz"
    if not file.exists():
        pytest.skip("../shared/data/relax_activation is not here")
    days = pd.read_csv(file).rename(columns={"time_stamp": "timestamp"})
    days["timestamp"] = pd.to_datetime(days["timestamp"])
    events = days.assign(event="Signed In", weekday=days["timestamp"].dt.isocalendar().day)
    whole = load(ROOT / "examples" / "workspaces" / "relax-monday-weeks")
    signals = ("weekday", *(f"active_days_{count}d" for count in (3, 4, 5, 6, 7)))
    result = sf.replay(only(whole, ("activation_event",), signals), events, out=tmp_path / "out")
    assert activated(Outcome(result.folder)) == 1_445
    assert result.summary.events == 207_917
    assert result.summary.subjects["person"] == 8_823

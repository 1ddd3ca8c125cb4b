"""Replays of real histories, against plain pandas and the facts in the data sets' own READMEs."""

from __future__ import annotations

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


def replayed(workspace: m.Workspace, name: str, out: Path, *, twice: bool = False) -> Outcome:
    """A data set through a workspace."""
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"../shared/data/{name} is not here")
    mapping = load_mapping(ROOT / "examples" / "mappings" / f"{name}.yaml")
    paths = [path for path in folder.iterdir() if any(path.match(source.match) for source in mapping.files)]
    if twice:
        copies = out.parent / "copies"
        copies.mkdir()
        for path in list(paths):
            (copies / path.name).write_bytes(path.read_bytes())
            paths.append(copies / path.name)
    return replay(workspace, paths, out, mapping=mapping)


def test_applications_reach_each_stage_as_often_as_the_readme_counts(tmp_path: Path) -> None:
    outcome = replayed(load(ROOT / "packs" / "lending"), "bpic2012", tmp_path / "out")
    (lifecycle,) = outcome.summary.lifecycles
    assert {stage.name: stage.reached for stage in lifecycle.stages} == {
        "submitted": 13_087, "preaccepted": 7_367, "accepted": 5_113, "finalized": 5_015, "offer_sent": 5_015,
        "offer_back": 3_254, "cancelled": 2_807, "declined": 7_635, "activated": 2_246,
    }  # fmt: skip
    assert outcome.summary.subjects["application"] == 13_087


def only(workspace: m.Workspace, segments: tuple[str, ...], signals: tuple[str, ...]) -> m.Workspace:
    """The workspace with nothing but these definitions, which is enough to test them and much faster."""
    return msgspec.structs.replace(
        silent(workspace),
        signals={name: workspace.signals[name] for name in signals},
        segments={name: workspace.segments[name] for name in segments},
        lifecycles={},
        scores={},
        acquisition=[],
    )


def activated(outcome: Outcome) -> int:
    entered = outcome.table("segments").to_pandas()
    entered = entered[(entered.segment == "activation_event") & (entered.change == "entered")]
    return int(entered.subject.nunique())


@pytest.mark.parametrize(("folder", "people"), [("relax", 1_602), ("relax-span-of-7-days", 1_656)])
def test_three_days_within_seven_in_two_readings(tmp_path: Path, folder: str, people: int) -> None:
    whole = load(ROOT / "examples" / "workspaces" / folder)
    model = only(whole, ("activation_event",), ("active_days_7d",))
    outcome = replayed(model, "relax_activation", tmp_path / "out")
    assert activated(outcome) == people
    assert outcome.summary.subjects["person"] == 12_000


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


BUYERS = ("buyers", "repeat_buyers", "second_order_within_90d")
ORDERS = ("orders", "orders_cancelled", "net_orders", "since_first_order", "refunds", "spend", "refunded")


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    whole = load(ROOT / "packs" / "post-purchase")
    out = tmp_path_factory.mktemp("retail") / "out"
    return replayed(only(whole, BUYERS, ORDERS), "online_retail", out, twice=True)


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    """Each customer's orders in order of time: `customer`, `time` (UTC), `place` from 0."""
    lines = pd.read_parquet(DATA / "online_retail" / "online_retail.parquet")
    is_order = ~lines.InvoiceNo.str.startswith(("C", "A")) & (lines.Quantity > 0) & (lines.UnitPrice > 0)
    sold = lines[is_order & lines.CustomerID.notna()]
    found = sold.groupby("InvoiceNo").agg(time=("InvoiceDate", "min"), customer=("CustomerID", "first"))
    found["time"] = pd.to_datetime(found["time"]).dt.tz_localize("Europe/London").dt.tz_convert("UTC")
    found = found.sort_values(["customer", "time"], kind="stable")
    found["place"] = found.groupby("customer").cumcount()
    return found


def entered(outcome: Outcome, segment: str) -> pd.Series:
    """When each customer (by user id) first entered a segment."""
    rows = outcome.table("segments").to_pandas()
    first = rows[(rows.segment == segment) & (rows.change == "entered")].groupby("subject").time.min()
    people = outcome.table("people").to_pandas().set_index("subject").user_id.dropna()
    return first.rename(index=people)[lambda found: found.index.isin(people)]


def test_importing_the_shop_twice_changes_nothing(retail: Outcome) -> None:
    assert retail.summary.duplicates == retail.summary.events == 23_795
    people = retail.table("people").to_pandas()
    assert people.user_id.notna().sum() >= 4_338
    assert people[people.user_id.notna()].spend.sum() == pytest.approx(8_911_407.904, abs=0.01)


def test_repeat_purchases_within_90_days_agree_with_pandas(retail: Outcome, orders: pd.DataFrame) -> None:
    first = orders[orders.place == 0].set_index("customer").time
    second = orders[orders.place == 1].set_index("customer").time
    took = (second - first).dropna()
    within = took[took < pd.Timedelta(days=90)]
    found = entered(retail, "second_order_within_90d")
    assert set(found.index) == {str(customer) for customer in within.index}
    assert len(found) == 1_927


def test_the_time_to_the_second_purchase_agrees_with_pandas(retail: Outcome, orders: pd.DataFrame) -> None:
    first = orders[orders.place == 0].set_index("customer").time
    second = orders[orders.place == 1].set_index("customer").time
    took = (second - first).dropna()
    took.index = took.index.astype(str)
    found = (entered(retail, "repeat_buyers") - entered(retail, "buyers")).dropna()
    assert set(found.index) == set(took.index)
    assert (found.sort_index() == took.sort_index().astype(found.dtype)).all()
    assert found.median().total_seconds() / 86_400 == pytest.approx(50.126, abs=0.001)

"""What goes with what somebody took; popular where nothing is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from sevenfold.cli import main
from sevenfold.learning.recommendations import as_events, recommend_products
from sevenfold.measures.answer import QuestionError

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
ASKED = {"person": "who", "item": "what", "time": "day", "basket": "order"}


def shop() -> pd.DataFrame:
    """Tea goes with cups, paint with brushes; everybody takes bags. Ada has tea, Bob paint, Cara a rare
    thing.
    """
    rows = []
    for n in range(30):
        pair = ("tea", "cups") if n % 2 else ("paint", "brushes")
        rows += [(f"user-{n}", f"o{n}", what) for what in (*pair, "bag")]
    rows += [("Ada", "a", "tea"), ("Bob", "b", "paint"), ("Cara", "c", "lamp")]
    frame = pd.DataFrame(rows, columns=["who", "order", "what"]).assign(day="2026-01-01")
    kinds = {
        "tea": "kitchen",
        "cups": "kitchen",
        "lamp": "home",
        "paint": "art",
        "brushes": "art",
        "bag": "bags",
    }
    return frame.assign(kind=frame["what"].map(kinds))


def test_what_goes_with_what_they_took_comes_first_with_its_reason() -> None:
    rows = recommend_products(shop(), **ASKED, count=2).frame("people").to_pylist()
    ada = [row for row in rows if row["person"] == "Ada"]
    assert (ada[0]["item"], ada[0]["reason"], ada[0]["because"]) == ("cups", "together", "tea")
    assert ada[0]["lift"] > 1.5
    assert next(row["item"] for row in rows if row["person"] == "Bob") == "brushes"
    assert not any(row["item"] == "tea" for row in ada)


def test_whoever_took_what_nothing_goes_with_gets_what_is_popular() -> None:
    rows = recommend_products(shop(), **ASKED, count=2).frame("people").to_pylist()
    cara = [row for row in rows if row["person"] == "Cara"]
    assert (cara[0]["item"], cara[0]["reason"]) == ("bag", "popular")


def test_their_categories_come_before_what_everybody_takes() -> None:
    more = pd.DataFrame([{"who": "Dan", "order": "d", "what": "vase", "day": "2026-01-01", "kind": "home"}])
    frame = pd.concat([shop(), more])
    rows = recommend_products(frame, **ASKED, category="kind", count=2).frame("people").to_pylist()
    cara = [row for row in rows if row["person"] == "Cara"]
    assert (cara[0]["item"], cara[0]["reason"]) == ("vase", "category")


def test_again_recommends_what_they_have_too() -> None:
    rows = recommend_products(shop(), **ASKED, again=True, count=10).frame("people").to_pylist()
    assert any(row["person"] == "Cara" and row["item"] == "lamp" for row in rows)


def test_the_same_purchases_give_the_same_events_for_the_log() -> None:
    answer = recommend_products(shop(), **ASKED, count=2)
    lines = as_events(answer, "recommended", 1_767_225_600_000)
    assert lines == as_events(recommend_products(shop(), **ASKED, count=2), "recommended", 1_767_225_600_000)
    ada = next(one for one in map(json.loads, lines.splitlines()) if one["userId"] == "Ada")
    assert ada["type"] == "identify" and ada["traits"]["recommended"][0] == "cups"


def test_where_nobody_takes_anything_together_nothing_is_gained() -> None:
    chance = np.random.Generator(np.random.PCG64(1))
    n = 6_000
    frame = pd.DataFrame(
        {
            "who": chance.integers(0, 400, n), "what": (chance.pareto(1.2, n) * 3).astype(int) % 300,
            "day": pd.to_datetime("2026-01-01") + pd.to_timedelta(chance.integers(0, 200, n), unit="D"),
        }
    )  # fmt: skip
    found = recommend_products(frame, person="who", item="what", time="day", split="2026-05-01")
    low = found["gain"].low
    assert low is not None and low <= 0 and "more than" not in found.sentence


def test_a_real_shops_recommendations_beat_what_is_popular() -> None:
    path = DATA / "online_retail" / "online_retail.parquet"
    if not path.exists():
        pytest.skip("shared/data/online_retail is not here")
    frame = pd.read_parquet(path, columns=["CustomerID", "StockCode", "InvoiceDate", "InvoiceNo", "Quantity"])
    frame = frame[frame["CustomerID"].notna() & (frame["Quantity"] > 0) & (frame["CustomerID"] % 6 == 0)]
    found = recommend_products(
        frame, person="CustomerID", item="StockCode", time="InvoiceDate", basket="InvoiceNo",
        split="2011-10-01",
    )  # fmt: skip
    gain, rate = found["gain"], found["hit_rate"]
    assert gain.low is not None and gain.low > 0 and (rate.value or 0) > 0.25


def test_the_command_measures_or_writes_the_calls(tmp_path: Path) -> None:
    shop().to_csv(tmp_path / "orders.csv", index=False)
    asked = ["recommend-products", tmp_path / "orders.csv", "--person", "who", "--item", "what", "--time",
             "day", "--basket", "order", "--to", tmp_path / "out.ndjson"]  # fmt: skip
    refused = CliRunner().invoke(main, [str(one) for one in asked])
    assert refused.exit_code == 2 and "--to needs --at" in refused.output
    done = CliRunner().invoke(main, [str(one) for one in [*asked, "--at", "2026-02-01", "--json"]])
    assert done.exit_code == 0 and len((tmp_path / "out.ndjson").read_text().splitlines()) == 33


def test_a_question_about_nothing_is_refused() -> None:
    with pytest.raises(QuestionError, match="Nobody took anything before"):
        recommend_products(shop(), **ASKED, split="2025-01-01")
    with pytest.raises(QuestionError, match="1 to 100"):
        recommend_products(shop(), **ASKED, count=0)

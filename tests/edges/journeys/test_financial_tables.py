"""What three public tables of insurers' and banks' customers can say about the packs' thresholds.

They are tables of sums without dates, so no journey can be replayed on them. One is turned into policies that
all begin on one day, to hold the insurance pack's audience against plain pandas; of the others only the
figures that the packs' pages quote are held.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pandas as pd
import pytest

import sevenfold as sf
from sevenfold.playback import Outcome
from sevenfold.workspace.loading import load
from tests.edges.replay.test_real_data import DATA, ROOT

pytestmark = pytest.mark.real_data


def table(path: str) -> pd.DataFrame:
    if not (DATA / path).is_file():
        pytest.skip(f"../shared/data/{path} is not here")
    return pd.read_csv(DATA / path)


def test_the_audience_for_a_second_cover_is_who_holds_one_kind_and_they_are_the_last_to_buy(
    tmp_path: Path,
) -> None:
    customers = table("coil2000/caravan.csv.gz")
    kinds = [name for name in customers.columns if name.startswith("A")]
    held = customers[kinds].rename_axis("user_id").reset_index().melt("user_id", var_name="product")
    held = held[(held.value > 0) & (held.user_id % 3 == 0)]
    policies = pd.DataFrame(
        {
            "user_id": "c" + held.user_id.astype(str),
            "timestamp": pd.Timestamp("2024-01-01T09:00:00Z"),
            "event": "Policy Issued",
            "product": held["product"],
            "policy_id": held.user_id.astype(str) + "-" + held["product"],
        }
    )
    workspace = msgspec.structs.replace(load(ROOT / "packs" / "insurance"), scores={})
    result = sf.replay(workspace, policies, until="2024-04-15", out=tmp_path / "out")
    outcome = Outcome(result.folder)
    segments = outcome.table("segments").to_pandas()
    entered = segments[(segments.segment == "one_cover") & (segments.change == "entered")]
    people = outcome.table("people").to_pandas().set_index("subject").user_id
    number = (customers[kinds] > 0).sum(axis=1)
    third = number[number.index % 3 == 0]
    assert set(entered.subject.map(people)) == {f"c{one}" for one in third.index[third == 1]}
    # Nobody said yes to offers, so nobody is sold to.
    messages = outcome.table("messages").to_pandas()
    assert not ((messages.journey == "second_cover") & (messages.change == "message")).any()
    bought = customers.Purchase == "Yes"
    assert [int(bought[number == 1].sum()), int((number == 1).sum())] == [59, 2_359]
    assert [int(bought.sum()), len(customers)] == [348, 5_822]
    assert int(bought[number >= 3].sum()) == 190 and int((number >= 3).sum()) == 1_628


def test_half_of_ones_own_usual_separates_those_who_leave() -> None:
    customers = table("bank_churners/bank_churners.csv.gz")
    left, rhythm = customers.churn == "yes", customers.ratio_count_Q4_Q1
    halved = rhythm <= 0.5
    assert [int(halved.sum()), int(left[halved].sum())] == [1_531, 755]
    assert left[halved].mean() == pytest.approx(0.493, abs=0.001)
    assert left[~halved].mean() == pytest.approx(0.101, abs=0.001)


def test_who_was_called_five_times_and_more_says_yes_half_as_often() -> None:
    contacted = table("bank_marketing/bank_marketing_4521.csv.gz")
    yes, calls = contacted.deposit == "yes", contacted.campaign
    assert [int((calls >= 5).sum()), int(yes[calls >= 5].sum())] == [640, 43]
    assert yes[calls >= 5].mean() == pytest.approx(0.067, abs=0.001)
    assert yes[calls < 5].mean() == pytest.approx(0.123, abs=0.001)
    assert calls[calls >= 5].sum() / calls.sum() == pytest.approx(0.427, abs=0.001)

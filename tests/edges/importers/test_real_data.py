"""The example mappings on the data sets of ../shared, against the facts in their READMEs and plain pandas."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sevenfold.clock import SetClock
from sevenfold.importers.load import load
from sevenfold.importers.mapping import load_mapping
from sevenfold.importers.read import Inputs
from sevenfold.log.memory import MemoryLog

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / ".." / "shared" / "data"
pytestmark = pytest.mark.real_data


def imported(name: str, *, twice: bool = False) -> list[dict[str, Any]]:
    """All events of a data set. Loaded twice, the second time must change nothing."""
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"../shared/data/{name} is not here")
    mapping = load_mapping(ROOT / "examples" / "mappings" / f"{name}.yaml")
    paths = [path for path in folder.iterdir() if any(path.match(source.match) for source in mapping.files)]
    log = MemoryLog(SetClock())
    first = load(Inputs(paths, mapping), log)
    assert not first.dropped and not first.duplicates
    if twice:
        again = load(Inputs(paths, mapping), log)
        assert (again.accepted, again.duplicates) == (0, first.accepted)
    entries = [entry for record in log.read(limit=10_000) for entry in record.entries]
    assert [entry.time for entry in entries] == sorted(entry.time for entry in entries)
    return [{**json.loads(entry.raw), "time": entry.time} for entry in entries]


def test_online_retail_orders_agree_with_pandas() -> None:
    events = imported("online_retail", twice=True)
    lines = pd.read_parquet(DATA / "online_retail" / "online_retail.parquet")
    cancelled = lines.InvoiceNo.str.startswith("C")
    sold = lines[
        ~cancelled & ~lines.InvoiceNo.str.startswith("A") & (lines.Quantity > 0) & (lines.UnitPrice > 0)
    ]
    orders = [event for event in events if event["event"] == "Order Completed"]
    assert len(orders) == sold.InvoiceNo.nunique()
    total = sum(event["properties"]["total"] for event in orders)
    assert total == pytest.approx((sold.Quantity * sold.UnitPrice).sum(), abs=0.01)
    customers = [event for event in orders if "userId" in event]
    assert len({event["userId"] for event in customers}) == 4_338
    assert len(customers) == 18_532
    assert sum(event["properties"]["total"] for event in customers) == pytest.approx(8_911_407.904, abs=0.01)
    guests = [event for event in orders if "userId" not in event]
    assert all(event["anonymousId"] == f"guest-{event['properties']['order_id']}" for event in guests)
    refunds = [event for event in events if event["event"] == "Order Refunded"]
    assert len(refunds) == lines[cancelled].InvoiceNo.nunique()
    assert all(event["properties"]["total"] >= 0 for event in refunds)


def test_bpic2012_applications_agree_with_the_readme() -> None:
    events = imported("bpic2012")
    reached: dict[str, set[str]] = {}
    for event in events:
        reached.setdefault(event["event"], set()).add(event["properties"]["application_id"])
    work = len(reached.pop("Work Item"))
    assert 0 < work <= 13_087
    assert {name: len(applications) for name, applications in reached.items()} == {
        "Application Submitted": 13_087,
        "Application Preaccepted": 7_367,
        "Application Accepted": 5_113,
        "Application Finalized": 5_015,
        "Application Approved": 2_246,
        "Application Registered": 2_246,
        "Application Activated": 2_246,
        "Application Declined": 7_635,
        "Application Cancelled": 2_807,
        "Offer Selected": 5_015,
        "Offer Created": 5_015,
        "Offer Sent": 5_015,
        "Offer Sent Back": 3_254,
        "Offer Accepted": 2_243,
        "Offer Cancelled": 2_660,
        "Offer Declined": 802,
    }


def test_relax_activation_agrees_with_the_readme() -> None:
    events = imported("relax_activation")
    names = Counter(event.get("event", event["type"]) for event in events)
    assert names == {
        "Signed In": 207_917,
        "Signed Up": 12_000,
        "identify": 12_000,
        "group": 12_000,
        "Teammate Invited": 6_417,
    }
    inviters = {event["userId"] for event in events if event.get("event") == "Teammate Invited"}
    assert len(inviters) == 2_564
    first = next(e for e in events if e.get("event") == "Signed Up" and e["userId"] == "1")
    assert (first["time"], first["properties"]["referred_by"]) == (1_398_138_780_000, 10_803)


@pytest.mark.parametrize(
    ("name", "count"), [("sparkify_log", 8_056), ("college_msg", 59_835), ("ravenstack_saas", 36_347)]
)
def test_every_row_of_the_other_sets_is_taken(name: str, count: int) -> None:
    events = imported(name, twice=True)
    assert len(events) == count
    if name == "sparkify_log":
        assert sum("userId" not in event for event in events) == 286
    if name == "ravenstack_saas":
        used = [event for event in events if event.get("event") == "Feature Used"]
        assert len(used) == 25_000 and all(event["userId"].startswith("owner-A-") for event in used)

"""What customers will spend, and when they come again: a shop whose customers buy at paces of their own."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from sevenfold.learning.asked import asked_of
from sevenfold.learning.looking import Looking, gather
from sevenfold.learning.scoring import UNKNOWN, predictor_from, score
from sevenfold.learning.training import train
from sevenfold.workspace.models import Workspace
from tests.unit.learning.predicting import DAY, START, steps, track

CUSTOMERS, DAYS = 300, 300


def shop() -> Workspace:
    """Two predictions about orders."""
    target = {"event": "Order Completed"}
    named = {
        "worth": {"kind": "amount", "target": {**target, "property": "total"}, "horizon": "90d"},
        "next": {"kind": "time_to", "target": target, "horizon": "90d"},
    }
    signals = {"orders": {"kind": "count", "event": "Order Completed"}}
    return msgspec.convert({"name": "shop", "signals": signals, "predictions": named}, Workspace)


def orders(seed: int = 2) -> list[dict[str, Any]]:
    """Exponential waits at each customer's own pace; after each order some have gone."""
    chance = np.random.default_rng(seed)
    told = []
    for one in range(CUSTOMERS):
        pace, leaves, spend = chance.gamma(1.5, 1 / 40), chance.beta(1.0, 6.0), chance.gamma(6.0, 10.0)
        at = float(chance.uniform(0, 60))
        while at < DAYS:
            event = track(one, "Order Completed", START + int(at * DAY))
            told.append({**event, "properties": {"total": round(float(chance.gamma(8.0, spend / 8)), 2)}})
            if chance.random() < leaves:
                break
            at += 1 + float(chance.exponential(1 / pace))
    return sorted(told, key=lambda event: int(event["timestamp"]))


@pytest.fixture(scope="module")
def bought() -> Looking:
    model = shop()
    return gather(model, asked_of(model), steps(orders()), until=START + DAYS * DAY)


def learned(bought: Looking, name: str) -> tuple[Any, Any]:
    """(the record of what was learned, everybody's values by its parameters after their way through JSON)."""
    asked = bought.predictions[name]
    found = train(asked, list(bought.looks[name]), bought.fold.t)
    predictor = predictor_from(json.loads(msgspec.json.encode(found.model.parameters)))
    return found.model, score(bought.fold, asked, predictor)


def test_what_is_foretold_of_all_is_about_what_came(bought: Looking) -> None:
    model, values = learned(bought, "worth")
    assert model.quality["method"] == "purchases" and model.features == ["Order Completed"]
    assert model.quality["expected_times"] == pytest.approx(model.quality["observed_times"], rel=0.25)
    assert model.quality["expected_amount"] == pytest.approx(model.quality["observed_amount"], rel=0.25)
    assert model.quality["amount_rank_correlation"] > 0.4
    assert values.known() == len(values.rows) and values.values.min() >= 0


def test_the_next_order_is_expected_sooner_of_who_orders_often(bought: Looking) -> None:
    _, values = learned(bought, "next")
    known = values.values != UNKNOWN
    assert 20 < known.sum() < len(known), "of who has most likely gone nothing is said"
    waits = (values.values[known] - bought.fold.t) / DAY
    assert waits.min() > 0 and waits.max() <= 90
    counts = [bought.fold.read("person", row)["signals"]["orders"] for row in values.rows[known].tolist()]
    assert np.corrcoef(np.log(counts), waits)[0, 1] < -0.5


def test_too_few_who_bought_again_are_no_model(bought: Looking) -> None:
    few = [event for event in orders() if int(event["userId"].removeprefix("user-")) < 20]
    model = shop()
    found = gather(model, asked_of(model), steps(few), until=START + DAYS * DAY)
    told, values = learned(found, "worth")
    assert told.quality["method"] == "none" and "bought again" in told.quality["caveats"][0]["text"]
    assert values.known() == 0
    nothing = train(bought.predictions["worth"], [], bought.fold.t)
    assert nothing.method == "none"

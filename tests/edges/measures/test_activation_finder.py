"""The finder recovers what the simulator planted: project created and teammate invited, within seven days."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sevenfold.measures import ask
from sevenfold.measures.activation_finder import ActivationFinder, from_frame
from sevenfold.measures.answer import Caveat, QuestionError
from sevenfold.simulate import run
from sevenfold.warehouse.of_frame import warehouse_of

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
WORLDS = [(3, 1_500, 200), (4, 1_500, 200), (5, 1_500, 200)] if SOAK else [(1, 450, 95)]


def events(folder: Path) -> pa.Table:
    """Track calls of accounts: the account, the time and the name."""
    rows: dict[str, list[str]] = {"user_id": [], "account_id": [], "timestamp": [], "event": []}
    with (folder / "events.ndjson").open("rb") as lines:
        for line in lines:
            if b'"event":' not in line:
                continue
            told = json.loads(line)
            account = (told.get("context") or {}).get("groupId")
            if account:
                rows["user_id"].append(told.get("userId") or told["anonymousId"])
                rows["account_id"].append(account)
                rows["timestamp"].append(told["timestamp"])
                rows["event"].append(told["event"])
    return pa.table(rows)


@pytest.mark.parametrize(("seed", "size", "days"), WORLDS)
def test_the_planted_activation_event_comes_first(tmp_path: Path, seed: int, size: int, days: int) -> None:
    run("saas", seed, size, days, tmp_path)
    table = events(tmp_path)
    answer = from_frame(table, unit="account_id", stay_events=("Signed In",))
    best = answer.frame("rules").to_pylist()[0]
    assert set(best["events"].split(" + ")) == {"Project Created", "Teammate Invited"}
    assert best["within_days"] == 7 and best["times"] == 1
    assert best["difference"] > 0.2
    if SOAK:
        assert best["low"] > 0 and best["p"] < 0.01
    assert Caveat.NOT_CAUSAL in {doubt.caveat for doubt in answer.caveats}
    assert "need not be what makes them stay" in answer.sentence
    asked = ask(warehouse_of(table), ActivationFinder(unit="account", stay_events=("Signed In",)))
    assert asked.frame("rules").to_pylist()[0]["events"] == best["events"], "and so in a warehouse"


def noise(people: int) -> pa.Table:
    rng = np.random.default_rng(2)
    rows: list[tuple[str, int, str]] = []
    for i in range(people):
        start = 1_704_067_200_000
        rows.append((f"u{i}", start, "Signed Up"))
        rows += [(f"u{i}", start + 3_600_000, name) for name in "ABCDE" if rng.random() < 0.5]
        if rng.random() < 0.5:
            rows.append((f"u{i}", start + 40 * 86_400_000, "Signed In"))
    rows.append(("last", 1_704_067_200_000 + 90 * 86_400_000, "Signed Up"))
    user, time, event = zip(*rows, strict=True)
    return pa.table({"user_id": user, "timestamp": time, "event": event})


def test_nothing_is_found_where_nothing_is() -> None:
    answer = from_frame(noise(600))
    assert answer.sentence.startswith("No behaviour separates those who stay for certain")
    assert answer.frame("rules").to_pylist()[0]["low"] < 0.05


def test_few_are_not_searched() -> None:
    answer = from_frame(noise(40))
    assert answer.sentence.startswith("Not enough data") and not answer.tables
    assert Caveat.SAMPLE_TOO_SMALL in {doubt.caveat for doubt in answer.caveats}


def test_behaviour_that_lies_within_staying_is_refused() -> None:
    with pytest.raises(QuestionError, match="before the behaviour is over"):
        from_frame(noise(40), within_days=(45,))

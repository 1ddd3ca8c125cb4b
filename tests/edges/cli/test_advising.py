"""`sevenfold advise`: from a history to other weights, followed and taken back; and the other learning
commands.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sevenfold.cli import main
from sevenfold.library import load

DAY = 86_400_000
START = 1_704_067_200_000
WORKSPACE = """\
name: small
title: A small product
signals:
  uses_28d: {kind: count, event: Used, window: 28d}
  tickets_28d: {kind: count, event: Ticket Opened, window: 28d}
  exports_28d: {kind: count, event: Exported, window: 28d}
lifecycles:
  customer:
    stages:
      - {name: there}
      - {name: churned, enter: churns > 0}
scores:
  health:
    measures:
      use: {signal: uses_28d, points: [[0, 0], [20, 100]]}
      calm: {signal: tickets_28d, points: [[0, 100], [10, 0]]}
    weights:
      - {weights: {use: 20, calm: 80}}
    bands: [{name: red, from: 0}, {name: amber, from: 40}, {name: green, from: 60}]
"""
CHURNS = "  churns: {kind: count, event: Cancelled}\n"


def sevenfold(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in args])
    assert result.exit_code == code, result.output
    return result


def as_json(*args: object) -> Any:
    return json.loads(sevenfold(*args, "--json").stdout)


def events() -> list[dict[str, Any]]:
    """200 people of whom those who use little leave, and those who export; tickets say nothing."""
    chance = np.random.Generator(np.random.PCG64(1))
    found = []
    for who in range(200):
        use, tickets, leaver = chance.uniform(1, 20), chance.uniform(0, 8), who % 2 == 0
        day, exports = int(chance.integers(30, 170)), 3 if leaver else 0
        chance_to_leave = 1 / (1 + np.exp((use - 8) / 1.5 - exports / 2))
        end = day if chance.random() < chance_to_leave else 180
        for name, rate in (("Used", use), ("Ticket Opened", tickets), ("Exported", exports)):
            times = np.sort(chance.uniform(0, end, chance.poisson(rate * end / 28)))
            found += [(START + int(t * DAY), name, who) for t in times]
        if end < 180:
            found.append((START + end * DAY, "Cancelled", who))
    return [
        {"type": "track", "event": name, "userId": f"user-{who}", "timestamp": at, "messageId": f"m{n}"}
        for n, (at, name, who) in enumerate(sorted(found))
    ]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("advice")
    text = "\n".join(json.dumps(one) for one in events())
    (folder / "events.ndjson").write_text(text)
    sevenfold("import", folder / "log", folder / "events.ndjson")
    return folder


def workspace(folder: Path) -> Path:
    folder.mkdir()
    (folder / "workspace.yaml").write_text(WORKSPACE.replace("lifecycles:", f"{CHURNS}lifecycles:"))
    return folder


def test_advice_is_given_previewed_followed_and_taken_back(history: Path, tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop")
    asked = [shop, history / "log", "--score", "health", "--within", "60d", "--to", tmp_path / "advice.json"]
    found = as_json("advise", "weights", *asked)
    weights = {row["measure"]: row["advised"] for row in found["tables"]["weights"]}
    assert weights["use"] > 60 and weights["use"] + weights["calm"] == pytest.approx(100)
    assert "a change is advised" in found["sentence"] and found["tables"]["moves"]
    assert {"who", "before", "after", "from", "to"} <= set(found["tables"]["moved"][0])

    done = as_json("advise", "accept", shop, tmp_path / "advice.json")
    assert load(shop).scores["health"].weights[0].weights["use"] == pytest.approx(weights["use"])
    assert done["number"] == 1 and done["changes"][0]["before"] == 20
    again = sevenfold("advise", "accept", shop, tmp_path / "advice.json", code=2)
    assert "when this was advised" in again.output

    assert as_json("advise", "rollback", shop)["rolled_back"] == 1
    assert load(shop).scores["health"].weights[0].weights == {"use": 20, "calm": 80}
    assert not (shop / "overrides" / "advised.yaml").exists()
    assert [one["number"] for one in as_json("advise", "log", shop)] == [1, 2]
    assert "left to take back" in sevenfold("advise", "rollback", shop, code=2).output


def test_what_the_score_does_not_look_at_is_found(history: Path, tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop")
    found = as_json(
        "advise", "missed", shop, history / "log", "--score", "health", "--within", "60d", "--green", 30,
        "--red", 30,
    )  # fmt: skip
    signals = {row["signal"] for row in found["tables"]["signals"] if row["found"]}
    assert "exports_28d" in signals and "tickets_28d" not in signals


def test_advice_that_would_break_a_workspace_is_not_followed(history: Path, tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop")
    (shop / "overrides.yaml").write_text("scores.health.weights[always].weights.use: 30\n")
    advice = {
        "score": "health", "sentence": "",
        "changes": [{"path": "scores.health.weights[always].weights.use", "before": 30, "after": 50}],
    }  # fmt: skip
    (tmp_path / "advice.json").write_text(json.dumps(advice))
    assert "a second time" in sevenfold("advise", "accept", shop, tmp_path / "advice.json", code=2).output
    assert load(shop).scores["health"].weights[0].weights["use"] == 30
    (tmp_path / "none.json").write_text(json.dumps(advice | {"changes": []}))
    assert "no change" in sevenfold("advise", "accept", shop, tmp_path / "none.json", code=2).output


def test_a_score_there_is_none_of_and_a_history_too_short_are_said(history: Path, tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop")
    wrong = sevenfold("advise", "weights", shop, history / "log", "--score", "helth", code=2)
    assert "no score `helth`" in wrong.output and "health" in wrong.output
    short = sevenfold(
        "advise", "weights", shop, history / "log", "--score", "health", "--within", "400d", code=2
    )
    assert "too short" in short.output

"""A score `per` a signal: the weighted sum of its measures over the signal's value, in integers."""

from __future__ import annotations

import json
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.engine import Fold
from sevenfold.workspace.loading import Loaded, examine, load
from sevenfold.workspace.models import Workspace

DAY = 86_400_000
MODEL: dict[str, Any] = {
    "name": "w",
    "signals": {
        "met": {"kind": "count", "event": "Met"},
        "hours": {"kind": "sum", "event": "Met", "property": "hours"},
        "possible": {"kind": "count", "event": ["Met", "Missed"], "window": "10d"},
        "offered": {"kind": "sum", "event": ["Met", "Missed"], "property": "offered"},
        "told": {"kind": "last", "event": "Met", "property": "told"},
    },
    "scores": {
        "reach": {
            "per": "possible",
            "measures": {
                "often": {"signal": "met", "points": [[0, 0], [10, 100]]},
                "long": {"signal": "hours", "points": [[0, 0], [7, 100]]},
            },
            "weights": [{"weights": {"often": 6, "long": 2.5}}],
            "bands": [{"name": "low", "from": 0}, {"name": "high", "from": 50}],
        }
    },
}


def written(folder: Path, **score: Any) -> Loaded:
    """The model with other fields of its score."""
    folder.mkdir(exist_ok=True)
    model = MODEL | {"scores": {"reach": MODEL["scores"]["reach"] | score}}
    (folder / "workspace.yaml").write_text(yaml.safe_dump(model))
    return examine(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    found = written(tmp_path_factory.mktemp("w"))
    assert not found.errors
    return found.workspace


def event(name: str, number: int, **properties: Any) -> bytes:
    told = {"event": name, "userId": "ada", "messageId": str(number), "properties": properties}
    return json.dumps({"type": "track", **told}).encode()


def person(fold: Fold) -> dict[str, Any]:
    (found,) = fold.subjects("person").values()
    score: dict[str, Any] = found["scores"]["reach"]
    return score


DAYS = st.tuples(st.booleans(), st.sampled_from([0, 0.1, 0.25, 1, 3]))


@given(steps=st.lists(DAYS, min_size=1, max_size=25))
def test_it_is_the_weighted_sum_over_what_was_possible_to_the_last_bit(
    model: Workspace, steps: list[tuple[bool, float]]
) -> None:
    fold = Fold(model)
    for number, (met, hours) in enumerate(steps):
        told = event("Met", number, hours=hours) if met else event("Missed", number)
        fold.events([(number * DAY, told)])
    often = min(sum(met for met, _ in steps), 10) * 10_000
    micros = sum(round(1e6 * hours) for met, hours in steps if met)
    long = 100_000 if micros >= 7_000_000 else micros * 100_000 // 7_000_000
    possible = min(len(steps), 10)
    exact = min(Fraction(6_000 * often + 2_500 * long, 1_000 * possible), 100_000)
    assert person(fold)["value"] == floor(exact) / 1_000
    assert person(fold)["per"] == possible


def test_the_score_moves_by_itself_when_what_was_possible_leaves_its_window(model: Workspace) -> None:
    fold = Fold(model)
    fold.events([(0, event("Missed", 1))])
    fold.events([(0, event("Missed", 2))])
    fold.events([(DAY, event("Met", 3, hours=0))])
    assert person(fold)["value"] == 20.0  # 6 x 10 points over three
    fold.advance(10 * DAY)
    assert person(fold)["value"] == 60.0  # over one


def test_nothing_possible_is_unknown_and_not_zero(model: Workspace) -> None:
    fold = Fold(model)
    fold.events([(0, event("Met", 1, hours=1))])
    fold.advance(10 * DAY)
    assert (person(fold)["value"], person(fold)["band"]) == (None, "unknown")


def test_a_score_is_never_above_100(model: Workspace) -> None:
    fold = Fold(model)
    for number in range(10):
        fold.events([(number * 1_000, event("Met", number, hours=5))])
    fold.advance(9_000 + 10 * DAY - 1_000)  # all but the last have left the window
    assert (person(fold)["value"], person(fold)["band"]) == (100.0, "high")


def test_other_weights_and_a_number_that_it_is_per(tmp_path: Path) -> None:
    found = written(tmp_path, per="offered")
    assert not found.errors
    fold = Fold(load(tmp_path))
    fold.events([(0, event("Met", 1, hours=7, offered=12.5))])
    assert (
        person(fold)["value"]
        == floor(Fraction(6_000 * 10_000 + 2_500 * 100_000, 1_000) / Fraction(25, 2)) / 1_000
    )
    weights = [{"weights": {"often": 60, "long": 0}}]
    fold.control(1_000, {"op": "weights", "of": "person", "score": "reach", "weights": weights})
    assert person(fold)["value"] == 48.0


def test_what_it_is_per_must_be_a_count_or_a_number(tmp_path: Path) -> None:
    assert [p.message for p in written(tmp_path, per="told").errors] == [
        "`told` is a text, not a count or a number"
    ]
    assert [p.code for p in written(tmp_path, per="possibel").errors] == ["unknown_name"]

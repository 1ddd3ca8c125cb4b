"""The engagement model over public data: what they can show, and that the tool says what they cannot.

Each takes some twenty seconds, so both are replayed under `make soak` alone.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import sevenfold as sf
from sevenfold.measures.answer import Answer
from sevenfold.playback.touchpoints import moments_of_truth
from sevenfold.workspace.loading import load

ROOT = Path(__file__).parents[3]
DATA = ROOT / ".." / "shared" / "data"
SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
pytestmark = pytest.mark.skipif(not SOAK, reason="twenty seconds each; make soak runs them")


def found(folder: Path, workspace: Path, name: str, files: list[str]) -> Answer:
    """Moments of truth in files of a data set, by its mapping in the examples."""
    paths = [DATA / name / file for file in files]
    if not all(path.exists() for path in paths):
        pytest.skip(f"the data set {name} is not beside this checkout")
    sf.replay(workspace, paths, mapping=ROOT / "examples" / "mappings" / f"{name}.yaml", out=folder / "out")
    return moments_of_truth(load(workspace), folder / "out")


def test_a_sample_of_one_hit_a_visit_shows_the_drop_off_and_no_moment_of_truth(tmp_path: Path) -> None:
    name = "google_merch_sessions"
    answer = found(tmp_path, ROOT / "packs" / "engagement-model", name, ["all_sessions.csv.gz"])
    stages = {row["stage"]: row for row in answer.frame("stages").to_pylist()}
    assert stages["awareness"]["entered"] == 14_213  # visitors, as the data set's page counts them
    assert stages["awareness"]["drop_off"] > 0.99
    assert {row["verdict"] for row in answer.frame("touchpoints").to_pylist()} == {
        "too few",
        "no clear difference",
    }
    assert answer.sentence.endswith("No touchpoint separates those who went on from those who did not.")


def test_households_that_used_a_coupon_came_again_more_often(tmp_path: Path) -> None:
    names = ("transactions_sample", "campaigns", "coupon_redemptions", "campaign_descriptions")
    answer = found(
        tmp_path, ROOT / "examples" / "workspaces" / "complete-journey", "complete_journey",
        [f"{name}.csv.gz" for name in names],
    )  # fmt: skip
    rows = {(row["stage"], row["touchpoint"]): row for row in answer.frame("touchpoints").to_pylist()}
    coupon = rows["usage", "coupon"]
    assert coupon["verdict"] == "moment of truth"
    assert 0 < coupon["low"] < coupon["difference"] < 0.2
    assert answer.frame("stages").to_pylist()[0]["entered"] >= 2_377  # households with a basket

"""A score trigger fires when the score crosses its bound, and never because it is weighed otherwise."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sevenfold.engine import Fold
from tests.unit.journeys.running import Running, moment, step

HOLD = {"hold": step("wait", for_="30d")}
STAGES = {"life": {"stages": [{"name": "new"}, {"name": "used", "enter": "trait.plan == 'pro'"}]}}
SCORE: dict[str, Any] = {
    "lifecycle": "life",
    "measures": {
        "logins": {"signal": "logins", "points": [[0, 0], [10, 100]]},
        "points": {"signal": "trait_points", "points": [[0, 0], [10, 100]], "default": 0},
    },
    "weights": [
        {"stage": "new", "weights": {"logins": 1}},
        {"stage": "used", "weights": {"points": 1}},
    ],
    "bands": [{"name": "red", "from": 0}, {"name": "green", "from": 40}],
}
SIGNALS = {
    "logins": {"kind": "count", "event": "Signed In"},
    "trait_points": {"kind": "sum", "event": "Scored", "property": "n", "window": "2d"},
}


def world(*triggers: dict[str, Any], **score: Any) -> Running:
    journeys = {
        f"j{place}": {
            "triggers": [{"kind": "score", "score": "health", **trigger}],
            "re_entry": {"unlimited": 9},
            "steps": HOLD,
        }
        for place, trigger in enumerate(triggers)
    }
    return Running(
        journeys, signals=SIGNALS, segments={}, lifecycles=STAGES, scores={"health": SCORE | score}
    )


def logged_in(running: Running, times: int) -> None:
    for number in range(times):
        running.track(f"{number}m", "a", "Signed In")


def started(running: Running) -> list[tuple[str, int]]:
    return [(effect.data["trigger"], effect.time) for effect in running.of("run")]


@pytest.mark.parametrize("history", [True, False])
def test_a_new_stage_that_weighs_other_things_is_no_crossing_in_either_direction(history: bool) -> None:
    running = world({"below": 40}, {"above": 80}, history=history)
    logged_in(running, 1)
    assert started(running) == [("score health below 40", moment("0m"))], "it became known there"
    running.track("1h", "a", "Scored", n=9)
    running.told.clear()
    running.identify("2h", "a", plan="pro")
    (jump,) = running.of("jump")
    assert (jump.data["before"], jump.data["after"]) == (10.0, 90.0)
    assert started(running) == []
    # Under the new weights it then falls by what happens: the points leave their window.
    running.until("3d")
    assert started(running) == [("score health below 40", moment("2d 1h"))]
    running.track("4d", "a", "Scored", n=8)
    assert started(running)[1:] == [("score health above 80", moment("4d"))]


def test_a_decline_beyond_the_bound_after_a_jump_on_its_near_side_is_a_crossing() -> None:
    running = world({"below": 40})
    logged_in(running, 9)
    running.track("1h", "a", "Scored", n=5)
    running.told.clear()
    running.identify("2h", "a", plan="pro")
    running.until("3d")
    assert started(running) == [("score health below 40", moment("2d 1h"))]


def test_new_weights_for_everybody_start_nobody() -> None:
    running = world({"below": 40})
    logged_in(running, 9)
    running.told.clear()
    weights = [{"weights": {"logins": 1, "points": 9}}]
    running.control("1d", "weights", score="health", weights=weights)
    assert [(one.kind, one.time) for one in running.told] == []
    assert running.fold.read("person", 1)["scores"]["health"]["value"] == 9.0
    # A tenth of the weight is as much as a log-in more moves; from 9.0 it cannot fall below again by that.
    running.track("2d", "a", "Scored", n=9)
    running.until("6d")
    assert started(running) == [("score health below 40", moment("4d"))]


def test_a_workspace_with_other_weights_starts_nobody() -> None:
    running = world({"below": 40})
    logged_in(running, 9)
    plain = msgspec.to_builtins(running.workspace)
    plain["scores"]["health"]["weights"] = [{"weights": {"points": 1}}]
    told = running.control("1d", "workspace", workspace=plain)
    assert "run" not in {effect.kind for effect in told}
    assert running.fold.read("person", 1)["scores"]["health"]["value"] == 0.0


def test_many_crossings_come_to_the_same_in_batches_and_through_snapshots() -> None:
    running = world({"below": 40}, {"above": 30})
    logged_in(running, 7)
    running.identify("2h", "a", plan="pro")
    running.track("3h", "a", "Scored", n=5)
    running.until("3d")
    expected = [msgspec.structs.asdict(effect) for effect in running.told]
    for size, snapshots in ((1, True), (64, False)):
        again = [msgspec.structs.asdict(effect) for effect in running.again(size, snapshots)]
        assert again == expected
    assert isinstance(running.fold, Fold)

"""Learned choices in the fold: what a decision costs beside one that is not learned, and learning itself."""

from __future__ import annotations

import gc
import time
from typing import Any

import msgspec

from sevenfold.engine import Fold
from sevenfold.learning.bandits import Arm, best_shares
from sevenfold.workspace.models import Workspace

from .figures import Figure, at_most, plain

START = 20_000 * 86_400_000
DECISION_US_MAX = 50.0
RUNS = 5
_SPLIT: dict[str, Any] = {
    "kind": "split",
    "paths": {"a": {"share": 40}, "b": {"share": 40}, "c": {"share": 20}},
}
_REWARD: dict[str, Any] = {"reward": {"event": "Bought", "within": "7d"}, "explore": 5}
STEPS: dict[str, dict[str, Any]] = {
    "share": _SPLIT | {"again": "redraw"},
    "bandit": _SPLIT | {"by": "bandit", "learn": _REWARD},
    "choose": {
        "kind": "choose",
        "actions": [f"a{i}" for i in range(6)],
        "context": [f"s{i}" for i in range(10)],
        "learn": _REWARD,
    },
}
"""The same run with a split by shares, with a bandit, and with a choice among seven under a trained policy.
"""


def figures(quick: bool) -> list[Figure]:
    """`decision_us`: a bandit's decision, drawn, logged, its outcome awaited; the median of paired runs."""
    people = 5_000 if quick else 20_000
    seconds: dict[str, list[float]] = {name: [] for name in STEPS}
    for _ in range(RUNS):
        for name in STEPS:
            seconds[name].append(_run(name, people))
    beside = [
        (bandit - share, choose - share)
        for share, bandit, choose in zip(seconds["share"], seconds["bandit"], seconds["choose"], strict=True)
    ]
    bandit, choose = (sorted(one[at] for one in beside)[RUNS // 2] * 1e6 / people for at in (0, 1))
    arms = [Arm().plus(50_000 + 100 * i, 2_500 + i) for i in range(4)]
    began = time.process_time()
    for _ in range(20):
        best_shares(arms)
    learning = (time.process_time() - began) / 20
    return [
        at_most("decision_us", bandit, "us", DECISION_US_MAX),
        plain("decision_of_7_actions_us", choose, "us"),
        plain("learning_of_4_paths_ms", learning * 1e3, "ms"),
    ]


def _run(name: str, people: int) -> float:
    """Processor seconds to take a sign-up of each person through the step."""
    fold = Fold(_workspace(name), capacity_rows=people + 1)
    warm = [(START, _event(i, "Signed In")) for i in range(people)]
    fold.events(warm)
    if name == "choose":
        fold.control(START, {"op": "policy_model", "policy": "j/pick", **_model()})
        fold.advance(START + 3_700_000)
    entries = [(START + 7_200_000, _event(i, "Signed Up")) for i in range(people)]
    gc.collect()
    gc.disable()
    began = time.process_time()
    fold.events(entries)
    spent = time.process_time() - began
    gc.enable()
    return spent


def _workspace(name: str) -> Workspace:
    steps = {"pick": STEPS[name], "rest": {"kind": "wait", "for": "10d"}}
    journey = {"triggers": [{"kind": "event", "event": "Signed Up"}], "steps": steps}
    journey["autonomy"] = {"level": "act", "moved_per_day": 100}
    signals = {f"s{i}": {"kind": "count", "event": "Signed In"} for i in range(10)}
    actions = {f"a{i}": {"wait": f"{i + 1}d", "when": f"s{i} >= 1"} for i in range(6)}
    plan = {"name": "bench", "signals": signals, "actions": actions, "journeys": {"j": journey}}
    return msgspec.convert(plan, Workspace)


def _model() -> dict[str, Any]:
    features = [f"s{i}" for i in range(10)]
    actions = {
        name: [1_000 * i, *[10**15] * 10] for i, name in enumerate([*(f"a{i}" for i in range(6)), "nothing"])
    }
    bounds = {"missing": [0] * 10, "low": [0] * 10, "high": [100] * 10}
    return {"version": "bench", "features": features, "actions": actions, "temperature": 50_000, **bounds}


def _event(person: int, name: str) -> bytes:
    told = {"type": "track", "event": name, "userId": f"u{person}", "messageId": f"{name}{person}"}
    return msgspec.json.encode(told)

"""A small club for tests of predictions: members come, come less, and some of them leave.

Whether somebody leaves depends on how often they came in the week before, and on nothing else. `noise` counts
something that has no meaning; `told_before` is a trait that gives the outcome away from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from sevenfold.playback.feed import Step
from sevenfold.workspace.models import Workspace

DAY = 86_400_000
START = 19_800 * DAY
DAYS = 84

WORKSPACE: dict[str, Any] = {
    "name": "club",
    "traits": {"plan": {"type": "string"}, "told_before": {"type": "boolean"}, "member": {"type": "boolean"}},
    "signals": {
        "visits_7d": {"kind": "count", "event": "Visited", "window": "7d"},
        "since_visit": {"kind": "since", "event": "Visited"},
        "noise": {"kind": "count", "event": "Noise Made"},
        "farewells": {"kind": "count", "event": "Said Goodbye"},
        "times_left": {"kind": "count", "event": "Left"},
    },
    "segments": {"members": {"when": "exists since_visit and times_left == 0"}},
    "scores": {
        "health": {
            "measures": {"visits": {"signal": "visits_7d", "points": [[0, 0], [7, 100]]}},
            "weights": [{"weights": {"visits": 1}}],
            "bands": [{"name": "low", "from": 0}, {"name": "high", "from": 50}],
        }
    },
    "predictions": {
        "leaving": {
            "target": {"event": "Left"},
            "horizon": "14d",
            "population": "segment.members",
            "minimum_outcomes": 20,
            "fallback": {"score": "health", "falling": True},
        }
    },
}


def workspace(**changes: Any) -> Workspace:
    """The club; `changes` are fields of its prediction."""
    leaving = {**WORKSPACE["predictions"]["leaving"], **changes}
    return msgspec.convert({**WORKSPACE, "predictions": {"leaving": leaving}}, Workspace)


def history(people: int = 240, days: int = DAYS, seed: int = 1, start: int = START) -> list[dict[str, Any]]:
    """Events of the club in order of time, each with its `timestamp` in ms."""
    chance = np.random.default_rng(seed)
    pace = chance.beta(2.0, 2.0, people)
    plan = chance.choice(["basic", "gold"], people)
    left = np.zeros(people, dtype=bool)
    visits = np.zeros((people, days), dtype=bool)
    told: list[dict[str, Any]] = []
    leaves: dict[int, int] = {}
    for day in range(days):
        at = start + day * DAY
        pace = np.clip(pace + chance.normal(0, 0.06, people), 0.02, 0.98)
        for one in range(people):
            if left[one]:
                continue
            visits[one, day] = chance.random() < pace[one]
            week = int(visits[one, max(0, day - 6) : day + 1].sum())
            when = at + int(chance.integers(8, 20)) * 3_600_000 + one
            if visits[one, day]:
                told.append(track(one, "Visited", when))
            if chance.random() < 0.1:
                told.append(track(one, "Noise Made", when + 1))
            if day >= 7 and chance.random() < 0.06 / (1.0 + np.exp(1.6 * (week - 1.0))):
                left[one] = True
                leaves[one] = when + 2
                told.append(track(one, "Left", when + 2))
                # What comes after the outcome tells it for certain.
                told.append(track(one, "Said Goodbye", when + 3))
    for one in range(people):
        traits = {"plan": str(plan[one]), "told_before": one in leaves}
        told.append(identify(one, start + one, traits))
    return sorted(told, key=lambda event: int(event["timestamp"]))


def track(one: int, name: str, when: int) -> dict[str, Any]:
    return {
        "type": "track", "userId": f"user-{one}", "event": name, "messageId": f"{one}-{name}-{when}",
        "timestamp": when,
    }  # fmt: skip


def identify(one: int, when: int, traits: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "identify", "userId": f"user-{one}", "messageId": f"{one}-{when}", "timestamp": when,
        "traits": traits,
    }  # fmt: skip


def steps(events: list[dict[str, Any]], size: int = 500) -> Iterator[Step]:
    """Events as a replay has them."""
    raw = [(int(event["timestamp"]), msgspec.json.encode(event)) for event in events]
    for at in range(0, len(raw), size):
        part = raw[at : at + size]
        yield Step(part[-1][0], part)

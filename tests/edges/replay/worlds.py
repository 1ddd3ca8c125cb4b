"""Small worlds for the tests of replay: a workspace of a few lines, events by hand, and a simulated
company.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from sevenfold.simulate import SaasCompany
from sevenfold.workspace import models as m
from sevenfold.workspace.loading import load

DAY = 86_400_000
START = 1_704_067_200_000
"""2024-01-01, 00:00 UTC."""
PACKS = Path(__file__).parents[3] / "packs"


def workspace() -> m.Workspace:
    """Visitors become active with three visits in seven days, and quiet after ten days of silence."""
    return m.Workspace(
        name="small",
        title="A small shop",
        signals={
            "visits_7d": m.Count(event="Visited", window="7d"),
            "visits": m.Count(event="Visited"),
            "spend": m.Sum(event="Bought", property="total"),
            "since_visit": m.Since(event="Visited"),
            "buyers": m.Rollup(of=m.ACCOUNT, aggregate="count", when="spend > 0"),
        },
        segments={
            "regulars": m.Segment(when="visits_7d >= 3"),
            "buyers_club": m.Segment(of=m.ACCOUNT, when="buyers >= 2"),
            "vips": m.Segment(manual=True),
        },
        lifecycles={
            "visitor": m.Lifecycle(
                stages=[
                    m.Stage(name="new"),
                    m.Stage(name="active", enter="segment.regulars", exit="since_visit > 10d"),
                    m.Stage(name="buyer", enter="spend > 0"),
                ]
            )
        },
        scores={
            "health": m.Score(
                measures={"visits": m.Measure(signal="visits_7d", points=[(0, 0), (5, 100)])},
                weights=[m.Weights(weights={"visits": 1})],
                bands=[m.Band(name="low", from_=0), m.Band(name="high", from_=50)],
            )
        },
    )


def event(day: float, user: str | None, name: str, number: int = 0, **more: Any) -> dict[str, Any]:
    """One track event on a day counted from START; `more` are fields of the event."""
    time = START + round(day * DAY)
    shape = {"type": "track", "event": name, "messageId": f"{user}-{name}-{time}-{number}", "timestamp": time}
    return {**shape, **({"userId": user} if user else {}), **more}


def small_history() -> list[dict[str, Any]]:
    """Ada becomes active, buys, and falls silent; Bob visits once; a visitor without a name turns out to be
    Cleo.
    """
    return [
        event(0.1, "ada", "Visited"),
        event(0.2, "bob", "Visited"),
        event(0.3, None, "Visited", anonymousId="device-1"),
        event(1.1, "ada", "Visited"),
        event(2.1, "ada", "Visited"),
        event(2.2, "ada", "Bought", properties={"total": 12.5}),
        event(3.0, "cleo", "Visited"),
        event(3.1, "cleo", "Signed In", anonymousId="device-1"),
        event(5.0, "bob", "Bought", properties={"total": 3}, context={"groupId": "acme"}),
        {**event(5.1, "ada", ""), "type": "group", "groupId": "acme"},
        {**event(5.2, "bob", ""), "type": "group", "groupId": "acme"},
        event(20.0, "bob", "Visited"),
    ]


def write(path: Path, events: list[dict[str, Any]]) -> Path:
    """Events as NDJSON."""
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    return path


@cache
def seven_stage() -> m.Workspace:
    return load(PACKS / "seven-stage")


@cache
def company_events() -> tuple[dict[str, Any], ...]:
    """A seeded company of 12 accounts over 50 days."""
    return tuple(SaasCompany(5, 12, 50).events())

"""A loop or a bot cannot drown the fold, and harms nobody else."""

from __future__ import annotations

import json

import msgspec
import pytest

from sevenfold.engine import Fold, arriving, usual
from sevenfold.events.reasons import Reason
from sevenfold.workspace import models as m

START = 1_704_067_200_000
HOUR = 3_600_000
WORKSPACE = msgspec.convert(
    {"name": "flood", "signals": {"clicks": {"kind": "count", "event": "Clicked"}}}, m.Workspace
)


def click(t: int, user: str) -> tuple[int, bytes]:
    return (
        t,
        json.dumps({"type": "track", "event": "Clicked", "userId": user, "messageId": f"{t}"}).encode(),
    )


def clicks(fold: Fold) -> dict[str, int]:
    people = fold.subjects("person").values()
    return {p["identifiers"]["user_id"][0]: p["signals"]["clicks"] for p in people}


def test_events_beyond_the_hourly_limit_change_nothing_and_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for way in (arriving, usual):
        monkeypatch.setattr(way, "PROFILE_EVENTS_PER_HOUR_MAX", 5)
    fold = Fold(WORKSPACE)
    fold.events([click(START + i, "bot") for i in range(8)] + [click(START + 9, "ann")])
    assert clicks(fold) == {"bot": 5, "ann": 1}
    assert fold.dropped == {Reason.PROFILE_FLOOD: 3}
    # A snapshot keeps the count, and the next hour starts anew.
    fold = Fold.restore(WORKSPACE, fold.snapshot())
    fold.events([click(START + 10, "bot"), click(START + HOUR, "bot")])
    assert clicks(fold)["bot"] == 6

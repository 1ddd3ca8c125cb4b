"""Traits of type json: nothing compares them, but a condition may ask whether one is there."""

from __future__ import annotations

import json
from typing import Any

from sevenfold.engine import Fold
from sevenfold.workspace import models as m

T = 1_700_000_000_000


def segments_after(*traits: dict[str, Any]) -> list[str]:
    workspace = m.Workspace(
        name="json",
        traits={"address": m.Trait(type="json", path="profile.address")},
        segments={
            "has": m.Segment(when="exists trait.address"),
            "lacks": m.Segment(when="missing trait.address"),
        },
    )
    fold = Fold(workspace)
    for each in traits:
        fold.events([(T, json.dumps({"type": "identify", "userId": "u", "traits": each}).encode())])
    found: list[str] = fold.read(m.PERSON, 1)["segments"]
    return found


def test_it_is_missing_until_it_is_told() -> None:
    assert segments_after({"other": 1}) == ["lacks"]
    assert segments_after({"profile": {"phone": "1"}}) == ["lacks"]


def test_objects_lists_and_plain_values_exist() -> None:
    for value in ({"city": "Graz"}, ["a"], [], False, 0):
        assert segments_after({"other": 1}, {"profile": {"address": value}}) == ["has"]


def test_null_and_the_empty_text_are_no_value() -> None:
    assert segments_after({"profile": {"address": None}}) == ["lacks"]
    assert segments_after({"profile": {"address": ""}}) == ["lacks"]

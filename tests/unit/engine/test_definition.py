"""A log begins with a definition, and says by itself under what it was folded."""

from __future__ import annotations

import json

import msgspec
import pytest

from sevenfold.engine import ControlError, Fold
from sevenfold.engine.definition import UNDEFINED, record_of
from sevenfold.library import load
from sevenfold.workspace import models as m

T = 1_700_000_000_000
EVENT = {"type": "track", "event": "Signed In", "userId": "u1", "messageId": "m1", "timestamp": T}


def event(n: int, t: int) -> tuple[int, bytes]:
    return t, json.dumps({**EVENT, "messageId": f"m{n}", "timestamp": t, "userId": f"u{n % 7}"}).encode()


@pytest.mark.parametrize("pack", ["seven-stage", "post-purchase", "lending"])
def test_a_definition_survives_the_log(pack: str) -> None:
    workspace = load(pack)
    fold = Fold(UNDEFINED)
    stored = msgspec.json.decode(msgspec.json.encode(record_of(workspace)))
    effects = fold.tell(T, stored)
    assert fold.workspace == workspace
    assert effects[0].kind == "workspace"
    assert {one.name for one in effects if one.kind == "published"} == set(workspace.journeys)


def test_a_fold_that_began_with_nothing_decides_what_one_made_with_the_definition_decides() -> None:
    workspace = load("seven-stage")
    made, told = Fold(workspace), Fold(UNDEFINED)
    told.tell(T - 1, record_of(workspace))
    kinds = ("created", "entered", "left", "stage", "band")
    events = [event(n, T + n * 3_600_000) for n in range(200)]
    found = [
        [(e.time, e.kind, e.name) for e in fold.events(events) + fold.advance(T + 10**10) if e.kind in kinds]
        for fold in (made, told)
    ]
    assert found[0] == found[1] and found[0]


def test_a_snapshot_carries_its_definition_and_goes_on_counting() -> None:
    fold = Fold(UNDEFINED)
    fold.tell(T, record_of(load("lending")))
    fold.events([event(1, T + 1)])
    again = Fold.restore(None, fold.snapshot())
    assert again.workspace == fold.workspace
    assert again.emitted == fold.emitted > 0
    assert again.events([event(2, T + 2)]) == fold.events([event(2, T + 2)])
    assert again.emitted == fold.emitted


def test_effects_are_numbered_however_the_records_are_cut() -> None:
    events = [event(n, T + n * 60_000) for n in range(100)]
    one, other = Fold(load("seven-stage")), Fold(load("seven-stage"))
    one.events(events)
    for entry in events:
        other.events([entry])
    assert one.emitted == other.emitted > 0


@pytest.mark.parametrize(
    "record",
    [
        {"op": "no such thing"},
        {"op": "workspace", "workspace": {"nonsense": 1}},
        {"op": "start", "journey": "onboarding", "properties": 3},
        {"op": "outcome", "effect": "x", "outcome": "made up"},
        {"op": None},
        {},
    ],
)
def test_a_record_that_makes_no_sense_is_refused_and_the_fold_goes_on(record: dict[str, object]) -> None:
    fold = Fold(load("seven-stage"))
    fold.events([event(1, T)])
    before = fold.workspace
    refused = fold.tell(T + 1, dict(record))[-1]
    assert refused.kind == "refused" and refused.data["code"] and refused.data["message"]
    assert fold.workspace == before
    assert fold.events([event(2, T + 2)])


def test_a_refusal_is_still_an_error_for_whoever_calls_the_fold_directly() -> None:
    with pytest.raises(ControlError):
        Fold(UNDEFINED).control(T, {"op": "workspace", "workspace": 7})


def test_the_undefined_definition_takes_people_and_says_nothing_of_them() -> None:
    fold = Fold(UNDEFINED)
    assert isinstance(UNDEFINED, m.Workspace)
    assert [effect.kind for effect in fold.events([event(1, T)])] == ["created"]

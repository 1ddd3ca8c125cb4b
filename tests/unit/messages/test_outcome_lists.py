"""Many outcomes in one record mean what each in a record of its own does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.engine import ControlError
from sevenfold.messages.outcomes import OUTCOMES
from tests.unit.messages.world import World, of, sends

WORLD: dict[str, Any] = {
    "messaging": {"caps": {"few": {"limit": 3, "per": "1d"}}},
    "signals": {"got": {"kind": "count", "event": "$message sent", "window": "7d"}},
    "segments": {"reached": {"when": "got >= 1"}},
    "journeys": {
        "greet": sends(on={"failed": "again"}, journey={"steps": {}}),
        "thanks": sends(journey={"triggers": [{"kind": "segment", "segment": "reached"}]}),
    },
}
STEPS = {
    "message": {"kind": "message", "template": "hello", "on": {"failed": "again", "sent": "rest"}},
    "again": {"kind": "message", "template": "receipt", "next": "rest"},
    "rest": {"kind": "wait", "for": "1s"},
}


def world() -> World:
    made = World(**{**WORLD, "journeys": {**WORLD["journeys"], "greet": {**sends(), "steps": STEPS}}})
    for user in ("ada", "bob"):
        for _ in range(2):
            made.do(user=user)
    return made


def told(effects: list[Any]) -> list[tuple[Any, ...]]:
    return [(one.time, one.kind, one.of, one.subject, one.name, one.data) for one in effects]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(OUTCOMES)), min_size=1, max_size=12))
def test_a_list_says_what_single_records_say(script: list[tuple[int, str]]) -> None:
    single, listed = world(), world()
    ids = [one.data["effect"] for one in of(single.effects, "message")]
    outcomes = [{"effect": ids[place % len(ids)], "outcome": outcome} for place, outcome in script]
    one_by_one = [effect for outcome in outcomes for effect in single.control("outcome", **outcome)]
    together = listed.control("outcomes", outcomes=outcomes)
    assert told(together) == told(one_by_one)
    assert told(listed.wait(2_000)) == told(single.wait(2_000))
    assert listed.fold.snapshot() == single.fold.snapshot()


@pytest.mark.parametrize(
    "outcomes",
    [
        None,
        [],
        "sent",
        [1],
        [{"effect": "e", "outcome": "nonsense"}],
        [{"effect": "e", "outcome": "sent"}] * 1_001,
    ],
)
def test_a_list_that_makes_no_sense_changes_nothing(outcomes: Any) -> None:
    made = world()
    with pytest.raises(ControlError):
        made.control("outcomes", outcomes=outcomes)


def test_one_bad_outcome_spoils_the_list() -> None:
    made = world()
    effect = of(made.effects, "message")[0].data["effect"]
    with pytest.raises(ControlError):
        made.control("outcomes", outcomes=[{"effect": effect, "outcome": "sent"}, {"outcome": "?"}])
    assert not made.desk.book.get(effect).settled  # type: ignore[union-attr]

"""Points of the page that chance seldom finds: the engine and the reference fold must agree on each."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sevenfold.workspace.models import Workspace

from .running import engine, reference, states, told
from .strategies import DAY, HOUR, START, Step


def agree(events: list[tuple[int, dict[str, Any]]], **objects: Any) -> list[tuple[Any, ...]]:
    """Runs events at times from START through both folds; gives the effects they agree on."""
    workspace = msgspec.convert({"name": "case", **objects}, Workspace)
    steps = [Step(START + t, START + t, event) for t, event in events]
    expected = reference(workspace, steps)
    fold, effects = engine(workspace, steps)
    assert told(effects) == told(expected.effects)
    assert states(fold, workspace) == states(expected, workspace)
    return told(effects)


def track(
    event: str, user: str | None = "u1", anonymous: str | None = None, **properties: Any
) -> dict[str, Any]:
    return {
        "type": "track",
        "event": event,
        "userId": user,
        "anonymousId": anonymous,
        "properties": properties,
    }


@pytest.mark.parametrize(
    "signal",
    [
        {"kind": "average", "event": "A", "property": "n"},
        {"kind": "ratio", "numerator": "one", "denominator": "all"},
        {"kind": "formula", "formula": "0.0000005 * all"},
        {"kind": "baseline", "event": "A", "window": "1h", "baseline": "3h", "minimum": 1},
    ],
)
@pytest.mark.parametrize("limit", ["0.333333", "0.000001"])
def test_numbers_are_compared_as_they_are_shown_rounded_down(signal: dict[str, Any], limit: str) -> None:
    events = [(i, track("A", n=n)) for i, n in enumerate([1, 0, 0])]
    events += [(HOUR + i, track("A", n=0)) for i in range(3)]
    agree(
        events,
        signals={
            "x": signal,
            "one": {"kind": "count", "event": "A", "where": "property.n == 1"},
            "all": {"kind": "count", "event": "A"},
        },
        segments={"over": {"when": f"x > {limit}"}, "under": {"when": f"x <= {limit}"}},
    )


def test_events_of_an_entity_may_be_kept_from_its_person() -> None:
    agree(
        [(0, track("A", order_id="o1")), (1, track("A"))],
        entities={"order": {"key": "order_id", "person": False}},
        signals={
            "mine": {"kind": "count", "event": "*"},
            "its": {"kind": "count", "of": "order", "event": "*"},
        },
    )


def test_an_alias_does_not_stop_anonymous_visits_from_joining() -> None:
    effects = agree(
        [
            (0, track("A", "u1")),
            (1, {"type": "alias", "userId": "u2", "previousId": "u1"}),
            (2, track("A", None, "x")),
            (3, track("A", "u2", "x")),
        ],
        signals={"all": {"kind": "count", "event": "*"}},
    )
    assert [e[1] for e in effects] == ["created", "created", "merged"]


def test_people_see_an_accounts_facts_from_its_tick_on() -> None:
    group = {"type": "group", "groupId": "c1", "userId": "u1", "traits": {"tier": "gold"}}
    effects = agree(
        [(1, group), (1_500, {**group, "userId": "u2"})],
        traits={"tier": {"of": "account"}},
        segments={"gold": {"when": "account.trait.tier == 'gold'"}},
    )
    assert [(e[0] - START, e[4]) for e in effects if e[1] == "entered"] == [(1_000, "gold"), (1_500, "gold")]


def test_a_stage_that_undoes_its_own_condition_is_entered_once_an_operation() -> None:
    agree(
        [(0, track("A")), (HOUR, track("A"))],
        signals={"all": {"kind": "count", "event": "A"}},
        scores={
            "s": {
                "lifecycle": "life",
                "measures": {"m": {"when": "all >= 0"}},
                "weights": [{"weights": {"m": 1}}, {"weights": {}, "stage": "g0"}],
                "bands": [{"name": "low", "from": 0}],
            }
        },
        lifecycles={"life": {"applies": "score.s >= 50", "stages": [{"name": "g0"}]}},
    )


def test_a_stage_held_back_is_looked_at_again_when_something_changes() -> None:
    agree(
        [(0, track("A")), (1, track("B")), (2, track("C")), (HOUR, track("A"))],
        signals={n.lower(): {"kind": "count", "event": n, "window": "1d"} for n in "AB"},
        lifecycles={
            "life": {"stages": [{"name": "new"}, {"name": "on", "enter": "a >= 1", "exit": "b >= 1"}]}
        },
    )


def test_the_bounds_on_distinct_and_remembered_values_hold() -> None:
    agree(
        [(i * 60_000, track("A", p=f"v{i % 300}")) for i in range(320)],
        signals={
            "different": {"kind": "distinct", "event": "A", "property": "p", "window": "7d"},
            "for_ever": {"kind": "distinct", "event": "A", "property": "p"},
            "known": {"kind": "values", "event": "A", "property": "p", "quiet": "1h", "minimum": 1},
        },
        segments={"full": {"when": "different >= 256"}, "quiet": {"when": "known.abandoned >= 2"}},
    )


def test_everything_due_at_one_instant_happens_in_one_order() -> None:
    names = [f"w{i}" for i in range(6)]
    signals: dict[str, Any] = {n: {"kind": "count", "event": "A", "window": "1d"} for n in names}
    signals |= {f"c{n}": {"kind": "since", "event": "A"} for n in names}
    segments: dict[str, Any] = {
        f"s{a}{b}": {"when": f"{a} == 0 and {b} == 1"} for a in names for b in names if a < b
    }
    segments |= {f"t{n}": {"when": f"c{n} >= 1d and w0 == 0"} for n in names}
    agree(
        [(0, track("A", u)) for u in ("u1", "u2", "u3")] + [(DAY, track("B"))],
        signals=signals,
        segments=segments,
    )


@pytest.mark.parametrize(
    "signal",
    [
        {"kind": "count", "event": "A"},
        {"kind": "sum", "event": "A", "property": "n", "window": "1d"},
        {"kind": "last", "event": "A", "property": "n", "type": "number"},
        {"kind": "distinct", "event": "A", "property": "n"},
        {"kind": "sessions", "event": "A"},
        {"kind": "milestones", "start": "Signed Up", "steps": [{"name": "one", "event": "A"}]},
        {"kind": "sequence", "first": "A", "then": "B", "within": "1d"},
        {"kind": "values", "event": "A", "property": "n"},
        {"kind": "max", "event": "A", "property": "n", "window": "7d"},
    ],
)
@pytest.mark.parametrize("aggregate", ["sum", "average", "max"])
def test_a_merge_counts_once_in_an_accounts_totals(signal: dict[str, Any], aggregate: str) -> None:
    group = {"type": "group", "groupId": "c1", "traits": {}}
    agree(
        [
            (0, track("A", "u1", n=2)),
            (1_500, {**group, "userId": "u1"}),
            (HOUR, {**group, "anonymousId": "x2"}),
            (2 * HOUR, track("B", "u1")),
            (3 * HOUR, {**group, "userId": "u3"}),
            (DAY, track("Signed Up", "u1", "x2")),
            (DAY + HOUR, track("A", "u3", n=5)),
        ],
        signals={
            "x": signal,
            "total": {"kind": "rollup", "of": "account", "aggregate": aggregate, "signal": "x"},
        },
        segments={"any": {"of": "account", "when": "total >= 1"}},
    )

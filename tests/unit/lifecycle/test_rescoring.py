"""Bulk re-scoring says what the handlers say, to the last bit."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.engine import Fold
from sevenfold.lifecycle import rescoring
from sevenfold.profiles.columns import UNKNOWN32
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace
from sevenfold.workspace.packs import pack_path
from tests.properties.running import run, states, told
from tests.properties.strategies import Step, streams, workspaces

HOUR = 3_600_000


def assert_as_the_handlers_left_it(fold: Fold) -> None:
    for unit in fold.compiled:
        rows = unit.table.rows
        for node in unit.scores.values():
            living = [row for row in range(1, rows) if row not in fold.forward or unit.kind != "person"]
            evaluated = [row for row in living if node.sets.data[row] != -1 or node._choose(row) == -1]
            assert rescoring.weight_sets(unit, node)[evaluated].tolist() == [
                node._choose(row) for row in evaluated
            ]
            numerator, denominator, value = fold.closer.rescored(unit, node, node.reduced)
            for row in evaluated:
                node.recompute(row)
                assert numerator[row] == node.numerator.data[row]
                assert denominator[row] == node.denominator.data[row]
                assert value[row] == node._value(row)


def reweigh_one_by_one(fold: Fold, of: str, label: str, weights: list[Any]) -> None:
    """What `DayCloser.reweigh` does in bulk, by the handlers' own functions, subject by subject."""
    unit: Any = fold.units[of]
    node = unit.scores[label]
    node.replace_weights(msgspec.structs.replace(node.model, weights=weights))
    gone = fold.forward if of == "person" else {}
    concerned = []
    for row in range(1, unit.table.rows):
        if row in gone:
            continue
        before, band = int(node.values.data[row]), int(node.bands.data[row])
        node.sets.data[row] = node._choose(row)
        node.recompute(row)
        after = node._value(row)
        node.values.data[row] = after
        if UNKNOWN32 not in (before, after) and node.jumps is not None:
            node.jumps.data[row] += after - before
        new = 0 if after == UNKNOWN32 else bisect_right(node.bounds, after)
        node.bands.data[row] = new
        mask = node._value_changed(row, before, after) | node._band_changed(row, band, new)
        concerned.append((row, mask))
    for row, mask in concerned:
        if mask:
            unit.evaluate(row, fold.t, mask)


def changed_weights(node: Any, by: int) -> list[Any]:
    made = msgspec.to_builtins(node.model.weights)
    for place, one in enumerate(made):
        one["weights"] = {k: v + (by + 7 * i + place) % 5 for i, (k, v) in enumerate(one["weights"].items())}
    return made


@given(workspaces(), streams(), st.integers(0, 4), st.data())
def test_bulk_equals_what_the_handlers_left_and_would_decide(
    workspace: Workspace, steps: list[Step], by: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(steps)))
    bulk, single = Fold(workspace), Fold(workspace)
    for fold in (bulk, single):
        run(fold, steps[:cut])
    assert_as_the_handlers_left_it(single)
    for of, unit in bulk.units.items():
        for label, node in getattr(unit, "scores", {}).items():
            weights = changed_weights(node, by)
            asked = {"op": "weights", "of": of, "score": label, "weights": weights}
            decided = bulk.control(bulk.t, asked)
            # What was due before it, such as an account's tick, comes with either control.
            due = single.control(single.t, asked | {"weights": msgspec.to_builtins(node.model.weights)})
            reweigh_one_by_one(single, of, label, bulk.units[of].scores[label].model.weights)  # type: ignore[attr-defined]
            assert told(decided) == told(due) + told(single._taken())
    after = run(bulk, steps[cut:]) + bulk.advance(steps[-1].t + 40 * 24 * HOUR)
    assert told(after) == told(run(single, steps[cut:]) + single.advance(steps[-1].t + 40 * 24 * HOUR))
    assert states(bulk, workspace) == states(single, workspace)


def test_weight_sets_are_told_apart_when_the_combinations_are_many() -> None:
    """Tiers with codes far apart, and numbers as tiers, are sorted out instead of put into a table."""
    fold = Fold(load(pack_path("seven-stage")))
    unit, node = fold.person, fold.person.scores["health"]
    events = [
        {"type": "track", "event": "Signed Up", "userId": f"u{i}", "messageId": f"m{i}"} for i in range(40)
    ]
    fold.events([(1_000_000_000_000, msgspec.json.encode(e)) for e in events])
    kept = rescoring._COMBINATIONS_MAX
    try:
        rescoring._COMBINATIONS_MAX = 1
        sorted_out = rescoring.weight_sets(unit, node).tolist()
    finally:
        rescoring._COMBINATIONS_MAX = kept
    assert sorted_out == rescoring.weight_sets(unit, node).tolist()
    assert sorted_out[1:] == [node._choose(row) for row in range(1, 41)]

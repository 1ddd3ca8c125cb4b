"""A living fold under another workspace: what is the same goes on, what is new is as of now."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from sevenfold.carry import carry, switch
from sevenfold.engine import Fold
from sevenfold.limits import ACCOUNT_TICK_MS
from sevenfold.workspace.models import Workspace

from .running import end_of, engine, run, states, told
from .strategies import Step, streams, workspaces

NEW_SIGNALS: dict[str, Any] = {
    "zcount": {"kind": "count", "event": "*", "window": "2d"},
    "zorder": {"kind": "count", "of": "order", "event": "*"},
    "zaccount": {"kind": "sum", "of": "account", "event": "*", "property": "n"},
    "zsession": {"kind": "sessions", "event": "*"},
}
NEW_SEGMENTS: dict[str, Any] = {
    "zseen": {"when": "zcount >= 1"},
    "zvip": {"when": "trait.vip"},
    "znot": {"when": {"not": "account.trait.tier == 'gold'"}},
    "zfew": {"of": "account", "when": "zaccount < 2"},
}


def changed(workspace: Workspace, first: bool, **sections: dict[str, Any]) -> Workspace:
    """The workspace with more objects, written before or after its own."""
    plain = msgspec.to_builtins(workspace)
    for section, more in sections.items():
        mine = plain.get(section, {})
        plain[section] = {**more, **mine} if first else {**mine, **more}
    return msgspec.convert(plain, Workspace)


def without(effects: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [effect for effect in effects if not effect[4].startswith("z")]


def shown(fold: Fold, workspace: Workspace) -> Any:
    """What subjects show of a workspace's own objects."""
    found = states(fold, workspace)
    for subjects in found.values():
        for subject in subjects.values():
            subject["segments"] = [name for name in subject["segments"] if not name.startswith("z")]
            for part in ("signals", "stages", "bands", "scores"):
                subject[part] = {k: v for k, v in subject[part].items() if not k.startswith("z")}
    return found


def halves(
    workspace: Workspace, steps: list[Step], data: st.DataObject
) -> tuple[Fold, list[Any], list[Step]]:
    """A fold in the middle of the steps, its effects so far, and the steps that are left."""
    cut = data.draw(st.integers(0, len(steps)))
    fold = Fold(workspace)
    return fold, run(fold, steps[:cut]), steps[cut:]


@given(workspaces(), streams(), st.data())
def test_a_fold_carried_to_an_equal_workspace_goes_on_as_if_nothing_had_been(
    workspace: Workspace, steps: list[Step], data: st.DataObject
) -> None:
    whole, effects = engine(workspace, steps)
    fold, pieces, rest = halves(workspace, steps, data)
    carried = carry(fold, msgspec.convert(msgspec.to_builtins(workspace), Workspace))
    assert carried.effects == []
    pieces += run(carried, rest) + carried.advance(end_of(steps))
    assert told(pieces) == told(effects)
    assert states(carried, workspace) == states(whole, workspace)


@given(workspaces(), streams(), st.data(), st.booleans())
def test_what_is_added_changes_nothing_else(
    workspace: Workspace, steps: list[Step], data: st.DataObject, first: bool
) -> None:
    whole, effects = engine(workspace, steps)
    fold, pieces, rest = halves(workspace, steps, data)
    begun = bool(fold.seq)
    switch(fold, changed(workspace, first, signals=NEW_SIGNALS, segments=NEW_SEGMENTS))
    at_once = fold.effects
    assert {(e.kind, e.name[0]) for e in at_once} <= {("entered", "z")}
    if begun:
        # What needs a past that nobody kept is unknown to everybody.
        assert not [e for e in at_once if e.name in ("zseen", "zfew")]
    pieces += run(fold, rest) + fold.advance(end_of(steps))
    assert without(told(pieces)) == told(effects)
    assert shown(fold, workspace) == states(whole, workspace)
    # And taking it away again does no more.
    back = carry(fold, workspace)
    assert back.effects == []
    assert states(back, workspace) == states(whole, workspace)


@given(workspaces(), streams(), st.data())
def test_a_segment_that_is_added_has_the_members_it_would_have_had(
    workspace: Workspace, steps: list[Step], data: st.DataObject
) -> None:
    more = changed(workspace, False, segments={k: NEW_SEGMENTS[k] for k in ("zvip", "znot")})
    always, _ = engine(more, steps)
    fold, _, rest = halves(workspace, steps, data)
    carried = carry(fold, more)
    run(carried, rest)
    carried.advance(end_of(steps))
    assert states(carried, more) == states(always, more)


@given(workspaces(), workspaces(), streams(), st.data())
def test_everybody_is_at_rest_under_whatever_workspace_comes_next(
    workspace: Workspace, another: Workspace, steps: list[Step], data: st.DataObject
) -> None:
    fold, _, rest = halves(workspace, steps, data)
    carried = carry(fold, another)
    at_once = carried._taken()
    # Accounts that were touched close at the next tick.
    at_once += carried.advance(carried.t + ACCOUNT_TICK_MS)
    assume("overflow" not in {effect.kind for effect in at_once})
    _at_rest(carried)
    restored = Fold.restore(another, carried.snapshot())
    pieces = run(carried, rest) + carried.advance(end_of(steps))
    again = run(restored, rest) + restored.advance(end_of(steps))
    assert told(again) == told(pieces)
    assert states(restored, another) == states(carried, another)
    for subjects in states(carried, another).values():
        for subject in subjects.values():
            for score in subject["scores"].values():
                assert sum(score["contributions"].values()) == score["numerator"]


def _at_rest(fold: Fold) -> None:
    """Looking at every segment once more finds nothing to do."""
    for unit in fold.compiled:
        gone = fold.forward if unit.kind == "person" else {}
        mask = sum(node.bit for node in unit.segments.values())
        for row in range(1, unit.table.rows):
            if row not in gone:
                unit.evaluate(row, fold.t, mask)
    assert fold._taken() == []

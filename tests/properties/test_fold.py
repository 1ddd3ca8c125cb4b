"""The engine against the page it implements, and against itself: what no input may ever break."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.engine import Fold
from sevenfold.workspace import models
from sevenfold.workspace.models import Workspace

from .running import end_of, engine, reference, run, states, told
from .strategies import Step, streams, workspaces


@given(workspaces(), streams())
def test_the_engine_says_what_the_reference_fold_says(workspace: Workspace, steps: list[Step]) -> None:
    expected = reference(workspace, steps)
    fold, effects = engine(workspace, steps)
    assert told(effects) == told(expected.effects)
    assert states(fold, workspace) == states(expected, workspace)


@given(workspaces(), streams(), st.sampled_from([2, 7, 512]))
def test_effects_do_not_depend_on_how_events_are_batched(
    workspace: Workspace, steps: list[Step], size: int
) -> None:
    one, effects = engine(workspace, steps)
    other, batched = engine(workspace, steps, size)
    assert told(batched) == told(effects)
    assert states(other, workspace) == states(one, workspace)


@given(workspaces(), streams())
def test_the_short_way_of_an_event_does_what_the_long_way_does(
    workspace: Workspace, steps: list[Step]
) -> None:
    short, effects = engine(workspace, steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fold, "_fold", lambda fold, record: [fold._long_way(t, raw) for t, raw in record])
        long, same = engine(workspace, steps)
    assert [msgspec.structs.asdict(effect) for effect in same] == [
        msgspec.structs.asdict(effect) for effect in effects
    ]
    assert states(long, workspace) == states(short, workspace)


@given(workspaces(), streams(), st.data())
def test_ticks_change_no_effect(workspace: Workspace, steps: list[Step], data: st.DataObject) -> None:
    events = [step for step in steps if step.event is not None] or steps
    ticked = []
    for before, step in zip([None, *events], events, strict=False):
        if before is not None and data.draw(st.booleans()):
            at = data.draw(st.integers(before.t, step.t))
            ticked.append(Step(at, at, None))
        ticked.append(step)
    one, effects = engine(workspace, events)
    other, more = engine(workspace, ticked)
    assert told(more) == told(effects)
    assert states(other, workspace) == states(one, workspace)


@given(workspaces(), streams(), st.data())
def test_a_snapshot_anywhere_changes_nothing(
    workspace: Workspace, steps: list[Step], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(steps)))
    fold, effects = engine(workspace, steps)
    first = Fold(workspace)
    pieces = run(first, steps[:cut])
    second = Fold.restore(workspace, first.snapshot())
    pieces += run(second, steps[cut:]) + second.advance(end_of(steps))
    assert told(pieces) == told(effects)
    assert states(second, workspace) == states(fold, workspace)
    # And taking it has left the first fold as it was.
    rest = run(first, steps[cut:]) + first.advance(end_of(steps))
    assert told(pieces)[len(pieces) - len(rest) :] == told(rest)


@given(workspaces(), streams())
def test_contributions_add_up_to_the_score_exactly(workspace: Workspace, steps: list[Step]) -> None:
    fold, _ = engine(workspace, steps)
    for of in states(fold, workspace).values():
        for subject in of.values():
            for score in subject["scores"].values():
                assert sum(score["contributions"].values()) == score["numerator"]


@given(workspaces(), streams(most=20), st.permutations(["u1", "u2", "u3"]))
def test_merging_the_same_people_in_any_order_gives_the_same_person(
    workspace: Workspace, steps: list[Step], order: list[str]
) -> None:
    """Three people who never meet; then aliases join them, first in one order, then in another."""
    apart = [_owned(step, place) for place, step in enumerate(steps)]
    known = [
        Step(steps[0].t, steps[0].t, {"type": "identify", "userId": u, "traits": {}})
        for u in ("u1", "u2", "u3")
    ]
    t = steps[-1].t

    def alias(user: str, previous: str) -> Step:
        return Step(t, t, {"type": "alias", "userId": user, "previousId": previous})

    def merged(a: str, b: str, c: str) -> dict[str, Any]:
        fold = Fold(workspace)
        run(fold, [*known, *apart, alias(a, b), alias(b, c)])
        (person,) = states(fold, workspace)["person"].values()
        return {name: value for name, value in person["signals"].items() if _of_clients(workspace, name)}

    assert merged(*order) == merged("u1", "u2", "u3")


def _of_clients(workspace: Workspace, name: str) -> bool:
    """Whether a signal rests on what clients sent alone. What was decided on the way (stages, segments,
    scores) depends on who met first."""
    signal: Any = workspace.signals[name.partition(".")[0]]
    decided = isinstance(signal, models.StageTime | models.ScoreHistory)
    return not decided and not str(getattr(signal, "event", "")).startswith("$")


def _owned(step: Step, place: int) -> Step:
    """The step as an event of one of three people who share no identifier."""
    if step.event is None or step.event["type"] == "alias":
        return Step(step.t, step.te, None)
    own = {k: v for k, v in step.event.items() if k not in ("userId", "anonymousId")}
    if own["type"] == "identify":
        own["traits"] = {k: v for k, v in own["traits"].items() if k != "email"}
    return Step(step.t, step.te, {**own, "userId": f"u{place % 3 + 1}"})

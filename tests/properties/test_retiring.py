"""Visitors who are retired, and whose rows others get: as the reference says, and however it is fed."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sevenfold.engine import Fold
from sevenfold.workspace.models import Workspace

from . import running, test_journeys
from .journey_strategies import DAY, Record, journey_workspaces, records
from .running import end_of, run, states, told
from .strategies import Step, streams, workspaces


def _examples(share: float) -> settings:
    return settings(max_examples=max(1, round(settings().max_examples * share)))


def retiring(workspace: Workspace) -> Workspace:
    """The same with visitors who are soon forgotten (though not before their longest window)."""
    identity = msgspec.structs.replace(workspace.identity, retire_after="1d")
    return msgspec.structs.replace(workspace, identity=identity)


def spread(steps: list[Step], days: int) -> list[Step]:
    """The same steps with more time between them, so that visitors stay away."""
    start = steps[0].t
    more = [(step.t - start) // DAY * days * DAY for step in steps]
    return [Step(one.t + by, one.te + by, one.event) for one, by in zip(steps, more, strict=True)]


@_examples(0.2)
@given(workspaces(), streams(most=15), st.sampled_from([9, 30]))
def test_visitors_are_retired_as_the_reference_says(
    workspace: Workspace, steps: list[Step], days: int
) -> None:
    workspace, steps = retiring(workspace), spread(steps, days)
    expected = running.reference(workspace, steps)
    fold, effects = running.engine(workspace, steps)
    assert told(effects) == told(expected.effects)
    assert states(fold, workspace) == states(expected, workspace)


@_examples(0.2)
@given(workspaces(), streams(most=20), st.sampled_from([9, 60]), st.sampled_from([2, 512]), st.data())
def test_neither_batches_nor_snapshots_change_who_is_retired(
    workspace: Workspace, steps: list[Step], days: int, size: int, data: st.DataObject
) -> None:
    workspace, steps = retiring(workspace), spread(steps, days)
    fold, effects = running.engine(workspace, steps)
    other, batched = running.engine(workspace, steps, size)
    assert told(batched) == told(effects)
    cut = data.draw(st.integers(0, len(steps)))
    first = Fold(workspace)
    pieces = run(first, steps[:cut])
    second = Fold.restore(workspace, first.snapshot())
    pieces += run(second, steps[cut:]) + second.advance(end_of(steps))
    assert told(pieces) == told(effects)
    assert states(second, workspace) == states(fold, workspace) == states(other, workspace)


@_examples(0.2)
@given(journey_workspaces(), records(most=15), st.sampled_from([9, 40]))
def test_nobody_is_retired_who_is_in_a_journey(workspace: Workspace, stream: list[Record], days: int) -> None:
    workspace = retiring(workspace)
    apart = []
    for one in stream:
        by = (one.t - stream[0].t) // DAY * days * DAY
        apart.append(Record(one.t + by, one.te + by, one.event, one.control))
    assert test_journeys.engine(workspace, apart) == test_journeys.reference(workspace, apart)

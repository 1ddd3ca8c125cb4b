"""Journeys of the engine against the reference of the page, and against themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.workspace.models import Workspace
from tests.oracle.fold import ReferenceFold

from .journey_strategies import AFTER, Record, journey_workspaces, records

TOLD = (
    *("from", "to", "value", "before", "loser"),
    *("run", "step", "visit", "trigger", "key", "ghost", "reason", "outcome", "until", "waited", "zone"),
    *("moved", "window", "resets", "goal", "place", "share", "traits", "answer", "journey"),
    *("template", "effect", "expires"),
)
NAMELESS = ("created", "merged", "overflow")
UNTOLD = {("ended", "ghost"), ("goal", "ghost"), ("held", "ghost"), ("deferred", "ghost"), ("created", "key")}
"""Fields that only repeat what other effects said."""


def told(effects: Iterable[Effect]) -> list[tuple[Any, ...]]:
    return [
        (
            *(e.time, e.kind, e.of, e.subject, "" if e.kind in NAMELESS else e.name),
            *((k, e.data[k]) for k in TOLD if k in e.data and (e.kind, k) not in UNTOLD),
        )
        for e in effects
        # Which experiments a merge has spoilt is told by another page; what a choice drew by, its step says.
        if e.kind not in ("contaminated", "choice", "rewarded", "learned", "moved", "suggestion")
    ]


def reference(workspace: Workspace, stream: Sequence[Record]) -> list[tuple[Any, ...]]:
    fold = ReferenceFold(workspace)
    for one in stream:
        if one.event is not None:
            fold.event(one.t, {**one.event, "time": one.te})
        elif one.control is not None:
            fold.control(one.t, one.control)
        else:
            fold.tick(one.t)
    fold.tick(stream[-1].t + AFTER)
    return told(fold.effects)


def run(fold: Fold, stream: Sequence[Record], size: int = 1) -> list[Effect]:
    effects: list[Effect] = []
    batch: list[tuple[int, bytes]] = []
    for one in stream:
        if one.event is None or len(batch) == size:
            effects += fold.events(batch)
            batch = []
        if one.control is not None:
            effects += fold.control(one.t, one.control)
        elif one.event is None:
            effects += fold.advance(one.t)
        else:
            batch.append((one.t, one.raw()))
    return effects + fold.events(batch)


def engine(workspace: Workspace, stream: Sequence[Record], size: int = 1) -> list[tuple[Any, ...]]:
    fold = Fold(workspace)
    effects = run(fold, stream, size)
    return told(effects + fold.advance(stream[-1].t + AFTER))


def nobody_is_stranded(fold: Fold) -> None:
    """Every active run has a timer to come, or something that can wake it."""
    journeys = fold.journeys
    assert journeys is not None
    for slot in journeys.runs.active():
        one, due = journeys.view.at(slot), journeys.runs.due[slot]
        held = one.plan.name in journeys.entries.paused
        assert due < 1 << 62 or journeys._alive(one) or held or slot in journeys.pending
        assert due > fold.t or held


def _examples(share: float) -> settings:
    """So large a part of the profile's examples: what is compared here is slow to make."""
    return settings(max_examples=max(1, round(settings().max_examples * share)))


@_examples(0.6)
@given(journey_workspaces(), records())
def test_journeys_go_as_the_reference_says(workspace: Workspace, stream: list[Record]) -> None:
    assert engine(workspace, stream) == reference(workspace, stream)


@_examples(0.4)
@given(journey_workspaces(), records(controlled="j0"))
def test_paused_and_archived_journeys_go_as_the_reference_says(
    workspace: Workspace, stream: list[Record]
) -> None:
    assert engine(workspace, stream) == reference(workspace, stream)


@_examples(0.3)
@given(journey_workspaces(), records(), st.sampled_from([3, 17]), st.data())
def test_neither_batches_nor_ticks_change_what_journeys_do(
    workspace: Workspace, stream: list[Record], size: int, data: st.DataObject
) -> None:
    events = [one for one in stream if one.event is not None] or [Record(stream[0].t)]
    ticked: list[Record] = []
    for before, one in zip([None, *events], events, strict=False):
        if before is not None and data.draw(st.integers(0, 3)) == 0:
            ticked.append(Record(data.draw(st.integers(before.t, one.t))))
        ticked.append(one)
    expected = engine(workspace, events)
    assert engine(workspace, events, size) == expected
    assert engine(workspace, ticked, size) == expected


@_examples(0.3)
@given(journey_workspaces(), records(controlled="j0"), st.sets(st.integers(0, 24), max_size=6))
def test_a_snapshot_after_any_record_changes_nothing_and_nobody_is_stranded_after_any(
    workspace: Workspace, stream: list[Record], cuts: set[int]
) -> None:
    fold, effects = Fold(workspace), []
    for place, one in enumerate(stream):
        effects += run(fold, [one])
        nobody_is_stranded(fold)
        if place in cuts:
            fold = Fold.restore(workspace, fold.snapshot())
            nobody_is_stranded(fold)
    end = stream[-1].t + AFTER
    for t in range(stream[-1].t, end, AFTER // 9):
        effects += fold.advance(t)
        nobody_is_stranded(fold)
    assert told(effects + fold.advance(end)) == engine(workspace, stream)

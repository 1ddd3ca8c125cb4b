"""Journeys of the engine against the reference of the page, and against themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given

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
        # Which experiments a merge has spoilt is told by another page.
        if e.kind != "contaminated"
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


@given(journey_workspaces(), records())
def test_journeys_go_as_the_reference_says(workspace: Workspace, stream: list[Record]) -> None:
    assert engine(workspace, stream) == reference(workspace, stream)

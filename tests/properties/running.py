"""Runs a stream through the engine and the reference fold, and brings what they say to one form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.workspace.models import Workspace
from tests.oracle.fold import ReferenceFold

from .strategies import DAY, Step

AFTER = 9 * DAY
"""How long to let time pass after the last event."""
NAMELESS = ("created", "merged", "overflow")
TOLD = ("from", "to", "value", "before", "after", "loser")


def told(effects: Iterable[Effect]) -> list[tuple[Any, ...]]:
    """Effects without their reasons, which the page leaves free."""
    return [
        (
            *(e.time, e.kind, e.of, e.subject, "" if e.kind in NAMELESS else e.name),
            *((key, e.data[key]) for key in TOLD if key in e.data),
        )
        for e in effects
    ]


def end_of(steps: Sequence[Step]) -> int:
    return steps[-1].t + AFTER


def reference(workspace: Workspace, steps: Sequence[Step]) -> ReferenceFold:
    fold = ReferenceFold(workspace)
    for step in steps:
        if step.event is None:
            fold.tick(step.t)
        else:
            fold.event(step.t, step.plain())
    fold.tick(end_of(steps))
    return fold


def engine(workspace: Workspace, steps: Sequence[Step], size: int = 1) -> tuple[Fold, list[Effect]]:
    """The engine after the steps, its events in records of ``size``, and all effects."""
    fold = Fold(workspace)
    effects = run(fold, steps, size)
    effects += fold.advance(end_of(steps))
    return fold, effects


def run(fold: Fold, steps: Sequence[Step], size: int = 1) -> list[Effect]:
    effects: list[Effect] = []
    record: list[tuple[int, bytes]] = []
    for step in steps:
        if step.event is None or len(record) == size:
            effects += fold.events(record)
            record = []
        if step.event is None:
            effects += fold.advance(step.t)
        else:
            record.append((step.t, step.raw()))
    return effects + fold.events(record)


PARTS = ("signals", "segments", "stages", "bands", "scores")


def state(subjects: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The parts of subjects that both folds show, in one form."""
    return {key: {part: _FORMS[part](shape[part]) for part in PARTS} for key, shape in subjects.items()}


def states(fold: Fold | ReferenceFold, workspace: Workspace) -> dict[str, Any]:
    return {of: state(fold.subjects(of)) for of in ("person", "account", *workspace.entities)}


def _score(shape: dict[str, Any]) -> dict[str, Any]:
    parts = shape["contributions"].items()
    products = {n: part["product"] if isinstance(part, dict) else part for n, part in parts}
    return {
        "value": shape["value"],
        "numerator": shape["numerator"],
        "denominator": shape["denominator"],
        "velocity": shape["velocity"],
        # A measure without weight or value contributes nothing, whether it is listed or not.
        "contributions": {n: product for n, product in products.items() if product},
    }


_FORMS: dict[str, Any] = {
    # The mean of the members' scores is a signal of the engine's own making.
    "signals": lambda signals: {n: v for n, v in signals.items() if not n.startswith("members_")},
    "segments": sorted,
    "stages": dict,
    "bands": dict,
    "scores": lambda scores: {name: _score(shape) for name, shape in scores.items()},
}

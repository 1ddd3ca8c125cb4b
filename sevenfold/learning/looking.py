"""Examples from history, in one pass: features at each look, the outcome once its horizon is over.

Looks lie on a grid of engine time that depends on the prediction alone, so that whoever follows a log while
it grows and whoever reads it again afterwards have the same examples. Cells whose horizon is not over are
never used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Final, Protocol

import numpy as np

from ..effects import WORKSPACE, Effect
from ..engine import Fold
from ..limits import LEARNING_LOOK_ROWS_MAX, LEARNING_LOOKS_ITEMS_MAX
from ..workspace import models as m
from .asked import DAY_MS, Asked
from .features import Frame, read, sources_of, standing_in
from .outcomes import (
    GONE,
    Bools,
    Floats,
    Ints,
    born,
    came_true,
    population,
    purchases,
    rows_now,
    with_targets,
)

_OF_DEFINITIONS: Final = frozenset({WORKSPACE, "gather", "restate", "restated"})
"""Control records that change the definition in force, or bring the past of what it added."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


class Step(Protocol):
    """Something to fold, as a replay has it: events as (engine ms, raw JSON), a control change, or time."""

    time: int
    events: list[tuple[int, bytes]]
    control: dict[str, Any] | None


@dataclass(frozen=True)
class Look:
    """A frame and what came of it: `outcome`, and `known`, false where nobody knows; (n,) each."""

    frame: Frame
    outcome: Bools
    known: Bools
    bought: Floats | None = None
    """For amounts and times: `purchases` at the look, and at its end."""
    bought_after: Floats | None = None


def step_of(asked: Asked) -> int:
    """How far looks are apart: half the horizon in whole days, at least a week."""
    return max(7, asked.horizon_ms // DAY_MS // 2) * DAY_MS


class Looking:
    """A fold that gathers examples while it goes on, fed in order. `looks` are those that are complete."""

    def __init__(self, workspace: m.Workspace, predictions: Sequence[Asked]) -> None:
        self.predictions = {one.name: one for one in predictions}
        self.fold = Fold(with_targets(workspace, predictions))
        self.looks: dict[str, deque[Look]] = {
            one.name: deque(maxlen=LEARNING_LOOKS_ITEMS_MAX) for one in predictions
        }
        self.sources = {one.name: sources_of(self.fold, one) for one in predictions}
        self._open: dict[tuple[str, int], tuple[Frame, Floats | None]] = {}
        self._moments: list[tuple[int, int, str]] = []
        self._began = False

    def take(self, step: Step) -> list[Effect]:
        """Folds a step; moments that lie before its time, or between its events, are looked at on the way."""
        effects: list[Effect] = []
        if step.control is not None:
            self.until(step.time - 1, effects)
            if step.control.get("op") in _OF_DEFINITIONS:
                # What is learned under is the workspace given, from the start; the record has its number.
                effects += self.fold.advance(step.time)
                self.fold.seq += 1
                return effects
            return effects + self.fold.tell(step.time, step.control)
        events = step.events
        if not events:
            # Events of the very same time may follow.
            self.until(step.time - 1, effects)
            return effects + self.fold.advance(step.time)
        at = 0
        while at < len(events):
            self.until(events[at][0] - 1, effects)
            due = self._moments[0][0] if self._moments else None
            # Events at the very instant of a moment belong to what was before it.
            end = len(events)
            if due is not None and events[-1][0] > due:
                end = next(place for place in range(at, len(events)) if events[place][0] > due)
            effects += self.fold.events(events[at:end])
            at = end
        return effects

    def until(self, t: int, effects: list[Effect] | None = None) -> None:
        """Time passes to `t` (ms): looks due by then are taken. Further records must come after it."""
        if not self._began:
            self._begin(t)
        while self._moments and self._moments[0][0] <= t:
            due, ends, name = heappop(self._moments)
            passed = self.fold.advance(due)
            if effects is not None:
                effects += passed
            if ends:
                self._complete(name, due)
            else:
                self._look(name, due)

    def finish(self, t: int) -> None:
        """History ends here: what is due at or before `t` happens."""
        self.until(t)
        self.fold.advance(t)

    def _begin(self, t: int) -> None:
        self._began = True
        for name, asked in self.predictions.items():
            step = step_of(asked)
            # Not at once: of the first days little is known of anybody.
            heappush(self._moments, ((t // step + 2) * step, 0, name))

    def _look(self, name: str, t: int) -> None:
        asked = self.predictions[name]
        heappush(self._moments, (t + step_of(asked), 0, name))
        rows = population(self.fold, asked)
        numbers = born(self.fold, asked.of, rows)
        if len(rows) > LEARNING_LOOK_ROWS_MAX:
            rows, numbers = sampled(rows, numbers, LEARNING_LOOK_ROWS_MAX)
        if not len(rows):
            return
        bought = purchases(self.fold, asked, rows) if asked.kind != "probability" else None
        beside = standing_in(self.fold, asked)
        frame = read(self.fold, asked.of, self.sources[name], rows, numbers, beside)
        self._open[name, t + asked.horizon_ms] = (frame, bought)
        heappush(self._moments, (t + asked.horizon_ms, 1, name))

    def _complete(self, name: str, t: int) -> None:
        asked = self.predictions[name]
        frame, bought = self._open.pop((name, t))
        now = rows_now(self.fold, asked.of, frame.rows, frame.numbers)
        outcome = came_true(self.fold, asked, now, frame.time)
        after = purchases(self.fold, asked, now) if bought is not None else None
        self.looks[name].append(Look(frame, outcome, now != GONE, bought, after))


def sampled(rows: Ints, numbers: Ints, count: int) -> tuple[Ints, Ints]:
    """`count` of the subjects by a digest of their numbers: the same ones at every look."""
    mixed = numbers.astype(np.uint64) * _MIX
    mixed ^= mixed >> np.uint64(29)
    kept = np.sort(np.argsort(mixed * _MIX, kind="stable")[:count])
    return rows[kept], numbers[kept]


def gather(
    workspace: m.Workspace, predictions: Sequence[Asked], steps: Iterable[Step], until: int | None = None
) -> Looking:
    """Everything a history says about predictions: one pass over its steps, to `until` (ms) or its end."""
    found = Looking(workspace, predictions)
    last = 0
    for step in steps:
        last = step.time
        found.take(step)
    found.finish(last if until is None else max(until, last))
    return found

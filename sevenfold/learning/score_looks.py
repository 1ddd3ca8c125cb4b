"""What a score saw of everybody at past moments, and who left after each: the cases of weight advice.

One pass over a history with the fold itself. At each look the measures of a score stand in its columns as
they were then; whether the outcome followed within the horizon is asked of the fold once that is over. The
last moments, whose horizon is not over, are no cases.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..engine import Fold
from ..errors import InputError
from ..lifecycle.scores import ScoreNode
from ..profiles.columns import UNKNOWN32
from ..workspace import models as m
from ..workspace.problems import likely
from .asked import DAY_MS, HIDDEN, Asked
from .encoding import Floats
from .features import Feature, Frame, chosen_features, matrix, read, sources_of
from .looking import Step
from .outcomes import GONE, born, came_true, column, population, rows_now, unit_of, with_targets
from .weight_advice import WeightSet
from .weight_fit import Bools, Ints, ScoreCases

MILLI: Final = 1_000.0
LOOKS_MAX: Final = 24
"""Looks that are kept, the latest: two years of four weeks."""
MEMBERS: Final = "members"


@dataclass(frozen=True)
class Look:
    """Everybody of a kind at ``time`` (ms): the score's ``points`` (n,) and ``measures`` (n, k), which of its
    weight sets holds (-1: none), ``unit`` numbers of subjects, whether they ``left`` after; and for each
    other column of the frame what it held.
    """

    time: int
    points: Floats
    measures: Floats
    sets: Ints
    unit: Ints
    left: Bools
    others: Floats


@dataclass(frozen=True)
class History:
    """All looks at one score, and the fold as history ended."""

    score: str
    node: ScoreNode
    fold: Fold
    looks: tuple[Look, ...]
    signals: tuple[str, ...]

    @property
    def measures(self) -> list[str]:
        """The names of the score's measures."""
        return list(self.node.model.measures)

    def sets(self) -> list[WeightSet]:
        """The weight sets of the score with their cases, in written order; those nobody was under are left
        out.
        """
        if not self.looks:
            return []
        chosen = np.concatenate([one.sets for one in self.looks])
        cases = ScoreCases(
            np.concatenate([one.measures for one in self.looks]),
            np.concatenate([one.left for one in self.looks]),
            np.concatenate([one.unit for one in self.looks]),
        )
        known = np.isfinite(np.concatenate([one.points for one in self.looks]))
        fixed = np.array([name == MEMBERS and self._joined for name in self.measures])
        found = []
        for at, weights in enumerate(self.node.weights):
            mine = known & (chosen == at)
            if mine.any():
                label = " × ".join(self.node.described(at).values()) or "always"
                today = np.array(weights) / MILLI
                found.append(WeightSet(label, today, cases.take(mine), fixed))
        return found

    @property
    def _joined(self) -> bool:
        return self.node.model.members is not None

    def surprises(self) -> tuple[Floats, Bools, Floats, Ints]:
        """(points, left, signals outside the score, subject) of every case with a known score. All looks
        count: the last ones alone would be late for those who stayed and early for those who left.
        """
        points = np.concatenate([one.points for one in self.looks])
        known = np.isfinite(points)
        left = np.concatenate([one.left for one in self.looks])
        others = np.concatenate([one.others for one in self.looks])
        unit = np.concatenate([one.unit for one in self.looks])
        return points[known], left[known], others[known], unit[known]


def asked_of(score: m.Score, name: str, outcome: str, within_ms: int) -> Asked:
    """What is foretold: an event such as ``Subscription Cancelled``, or ``stage:LIFECYCLE/STAGE`` entered."""
    target = f"$stage {outcome.removeprefix('stage:')}" if outcome.startswith("stage:") else outcome
    return Asked(f"leaving by {name}", score.of, (target,), within_ms)


def look_back(
    workspace: m.Workspace, score: str, steps: Iterable[Step], *, outcome: str, within_ms: int,
    every_ms: int = 28 * DAY_MS,
) -> History:  # fmt: skip
    """Folds a history and looks at a score every so often. Raises InputError for a score there is none of,
    and for a history shorter than the time within which the outcome counts.
    """
    model = workspace.scores.get(score)
    if model is None:
        fix = likely(score, workspace.scores) or f"there are {', '.join(workspace.scores) or 'none'}"
        raise InputError(f"There is no score `{score}`", where=workspace.name, fix=fix)
    looking = _Looking(workspace, score, asked_of(model, score, outcome, within_ms), every_ms)
    for step in steps:
        if step.control is None or step.control.get("op") != "workspace":
            looking.take(step)
    looking.close()
    if not looking.looks:
        raise InputError(
            "History is too short to see what came of anybody",
            where=score,
            fix="a longer one, or --within less",
        )
    return looking.history()


class _Looking:
    """The fold on its way, and the looks whose horizon is still open."""

    def __init__(self, workspace: m.Workspace, score: str, asked: Asked, every_ms: int) -> None:
        self.score, self.asked, self.every = score, asked, every_ms
        self.fold = Fold(with_targets(workspace, [asked]))
        self.unit = unit_of(self.fold, asked.of)
        self.node = self.unit.scores[score]
        read_by_score = {one.signal for one in self.node.model.measures.values() if one.signal}
        self.sources = [
            name for name in sources_of(self.fold, asked) if name not in read_by_score and _outside(name)
        ]
        self.features: tuple[Feature, ...] = ()
        self._next: int | None = None
        self._open: list[_Open] = []
        self.looks: list[Look] = []

    def take(self, step: Step) -> None:
        """One step of the history; moments that fall due before it are looked at first."""
        if step.control is not None:
            self._until(step.time - 1)
            self.fold.tell(step.time, step.control)
        elif not step.events:
            self._until(step.time - 1)
            self.fold.advance(step.time)
        at, events = 0, step.events
        while at < len(events):
            self._until(events[at][0] - 1)
            # Events at the very instant of a look belong to what was before it.
            due = self._due(events[at][0])
            end = next((i for i in range(at, len(events)) if events[i][0] > due), len(events))
            self.fold.events(events[at:end])
            at = end

    def _until(self, t: int) -> None:
        if self._next is None:
            self._next = t - t % DAY_MS + self.every
        while (due := self._due(t)) <= t:
            self.fold.advance(due)
            self._end(due)
            if self._next == due:
                self._look(due)
                self._next += self.every

    def _due(self, t: int) -> int:
        """When the next look begins or ends."""
        ends = (one.time + self.asked.horizon_ms for one in self._open)
        return min([self._next if self._next is not None else t, *ends])

    def _look(self, t: int) -> None:
        rows = population(self.fold, self.asked)
        if not len(rows):
            return
        numbers = born(self.fold, self.asked.of, rows)
        points = column(self.unit, self.node.values.name)[rows].astype(np.float64)
        measures = np.column_stack([one.vector(rows) for one in self.node.measures]).astype(np.float64)
        frame = read(self.fold, self.asked.of, self.sources, rows, numbers)
        self._open.append(_Open(
            t, rows, numbers, _points(points), _points(measures),
            column(self.unit, self.node.sets.name)[rows].astype(np.int64), frame,
        ))  # fmt: skip

    def _end(self, t: int) -> None:
        for one in [each for each in self._open if each.time + self.asked.horizon_ms <= t]:
            self._open.remove(one)
            now = rows_now(self.fold, self.asked.of, one.rows, one.numbers)
            there = now != GONE
            left = came_true(self.fold, self.asked, now, one.time)
            if not self.features:
                self.features = chosen_features([one.frame])
            others = matrix(one.frame, self.features)
            self.looks.append(Look(
                one.time, one.points[there], one.measures[there], one.sets[there], one.numbers[there],
                left[there], others[there],
            ))  # fmt: skip
            del self.looks[:-LOOKS_MAX]

    def close(self) -> None:
        """History ends with its last record; what is open stays unknown."""
        self._until(self.fold.t)

    def history(self) -> History:
        names = tuple(one.name for one in self.features)
        return History(self.score, self.node, self.fold, tuple(self.looks), names)


@dataclass(frozen=True)
class _Open:
    time: int
    rows: Ints
    numbers: Ints
    points: Floats
    measures: Floats
    sets: Ints
    frame: Frame


def _points(values: Floats) -> Floats:
    return np.where(values == UNKNOWN32, np.nan, values / MILLI)


def _outside(name: str) -> bool:
    """Whether a source is no score, which is made of what is asked, and nothing that learning added."""
    return not name.startswith(("score.", "band.", "velocity.", HIDDEN))

"""Day close and bulk re-scoring: the moments when all rows move at once, in NumPy over the same columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from ..profiles.columns import UNKNOWN32, Array
from ..workspace import models as m
from . import rescoring
from .compile import CompiledUnit
from .history import DAYS, WEEKS, ScoreHistory
from .scores import ScoreNode

if TYPE_CHECKING:
    from ..engine import Fold

DAY = 86_400_000
PART_ROWS = 8_192
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DayCloser:
    """Closes days: UTC days for trends, the workspace's days for score history and velocity."""

    def __init__(self, fold: Fold, zone: ZoneInfo) -> None:
        self.fold = fold
        self.zone = zone
        self.trends = any(unit.trends for unit in fold.compiled)
        self.histories = any(unit.histories for unit in fold.compiled)
        self.utc = zone.key == "UTC"
        self.listeners: list[Any] = []
        """Called as listener(day ms, unit, history) after a day's values are appended."""

    def after(self, t: int) -> int:
        """The first instant after `t` at which a day has to be closed."""
        due = 1 << 62
        if self.trends or (self.histories and self.utc):
            due = (t // DAY + 1) * DAY
        if self.histories and not self.utc:
            due = min(due, self._local_midnight(t))
        return due

    def _local_midnight(self, t: int) -> int:
        at = (_EPOCH + timedelta(milliseconds=t)).astimezone(self.zone)
        day = at.date() + timedelta(days=1)
        while True:
            # A midnight that a clock change skips is the first valid instant after it.
            local = datetime(day.year, day.month, day.day, tzinfo=self.zone)
            delta = local.astimezone(UTC) - _EPOCH
            ms = delta.days * DAY + delta.seconds * 1000
            if ms > t:
                return ms
            day += timedelta(days=1)

    def _local_day(self, t: int) -> int:
        """The number of the workspace day that ends at `t`."""
        at = (_EPOCH + timedelta(milliseconds=t - 1)).astimezone(self.zone)
        return (at.date() - _EPOCH.date()).days

    def close(self, t: int) -> None:
        """The day close at `t`: for every subject its trends, then its fixed point, then history and
        velocity.
        """
        for unit in self.fold.compiled:
            if unit.table.rows > 1 and (unit.trends or unit.histories):
                self._close_unit(unit, t)

    def _close_unit(self, unit: CompiledUnit, t: int) -> None:
        rows = unit.table.rows
        single: dict[int, int] = {}
        if t % DAY == 0:
            for trend in unit.trends:
                new = trend.closed(t // DAY, rows)
                old = trend.values.data[:rows]
                for row in np.nonzero(new != old)[0].tolist():
                    if row == 0:
                        continue
                    mask = trend._changed(row, int(old[row]), int(new[row]))
                    if mask:
                        single[row] = single.get(row, 0) | mask
                trend.values.data[1:rows] = new[1:]
        midnight = unit.histories and (self.utc or t == self._local_midnight(t - 1))
        if not midnight:
            for row in sorted(single):
                unit.evaluate(row, t, single[row])
            return
        day = self._local_day(t)
        gone = self.fold.forward if unit.kind == m.PERSON else {}
        every = slice(0, rows)
        due: dict[int, list[Any]] = {}
        for history in unit.histories:
            history.append(day, every)
            self._velocities(history, day, rows, due)
            for place, fact in enumerate(history.facts):
                self._facts(history, place, fact, day, rows, due)
        for row in sorted({*single, *due}):
            if row in gone:
                continue
            if row in single:
                self._close_row(unit, row, single[row], day, t)
                continue
            mask = 0
            for history, place, value in due[row]:
                mask |= (
                    history.settle_velocity(row, value)
                    if place < 0
                    else history.facts[place].take(row, value)
                )
            if mask:
                unit.evaluate(row, t, mask)
        for history in unit.histories:
            for listener in self.listeners:
                listener(t, unit, history)

    def _velocities(self, history: ScoreHistory, day: int, rows: int, due: dict[int, list[Any]]) -> None:
        lively = history.lively(day, rows, DAYS)
        velocity = _by_part(lively, lambda rows: history.velocities(day, rows))
        assert history.node.velocity is not None
        held = history.node.velocity.data[lively]
        flipped = velocity != held
        for row, new in zip(lively[flipped].tolist(), velocity[flipped].tolist(), strict=True):
            due.setdefault(row, []).append((history, -1, new))

    def _facts(
        self, history: ScoreHistory, place: int, fact: Any, day: int, rows: int, due: dict[int, list[Any]]
    ) -> None:
        weekly = fact.model.days == 182
        if weekly and day % 7 != 6:
            return
        lively = history.lively(day, rows, (WEEKS + 1) * 7 if weekly else DAYS)
        values = _by_part(lively, lambda rows: history.fact(fact, day, rows))
        concerned = fact.concerning(values, lively)
        for row, new in zip(lively[concerned].tolist(), values[concerned].tolist(), strict=True):
            due.setdefault(row, []).append((history, place, new))
        fact.values.data[lively[~concerned]] = values[~concerned]

    def _close_row(self, unit: CompiledUnit, row: int, mask: int, day: int, t: int) -> None:
        """A subject whose trend flipped: its fixed point comes before its day's values are taken."""
        unit.evaluate(row, t, mask)
        at = np.array([row])
        mask = 0
        for history in unit.histories:
            history.append(day, at)
            mask |= history.settle_velocity(row, int(history.velocities(day, at)[0]))
            for fact in history.facts:
                if fact.model.days == 28 or day % 7 == 6:
                    mask |= fact.take(row, int(history.fact(fact, day, at)[0]))
        if mask:
            unit.evaluate(row, t, mask)

    # ----------------------------------------------------------------------------------------- re-scoring

    def rescored(
        self, unit: CompiledUnit, node: ScoreNode, weights: list[list[int]]
    ) -> tuple[Array, Array, Array]:
        """(numerator, denominator, value) of all rows under weight sets `weights` (in units of the score's
        divisor), in the handlers' own arithmetic.
        """
        return rescoring.rescored(unit, node, node.sets.data[: unit.table.rows].astype(np.int64), weights)

    def reweigh(self, unit: CompiledUnit, node: ScoreNode, weights: list[m.Weights]) -> None:
        """Replaces a score's weights and re-scores everybody; the jump is kept out of history and raises no
        crossing.
        """
        node.replace_weights(msgspec.structs.replace(node.model, weights=weights))
        rows = unit.table.rows
        if rows == 1:
            return
        node.sets.data[:rows] = rescoring.weight_sets(unit, node)
        numerator, denominator, value = self.rescored(unit, node, node.reduced)
        before = node.values.data[:rows].astype(np.int64)
        living = np.ones(rows, np.bool_)
        living[[0, *(self.fold.forward if unit.kind == m.PERSON else ())]] = False
        if node.jumps is not None:
            both = (before != UNKNOWN32) & (value != UNKNOWN32)
            node.jumps.data[:rows] += np.where(both, value - before, 0).astype(np.int32)
        unit.table.put_all(node.numerator, numerator[1:])
        unit.table.put_all(node.denominator, denominator[1:])
        node.values.data[1:rows] = value[1:]
        # Under other weights the band starts anew, by plain bounds.
        old_bands = node.bands.data[:rows].astype(np.int64)
        new_bands = np.where(living, rescoring.bands(node, value), old_bands)
        node.bands.data[:rows] = new_bands
        looks = rescoring.concerned(node.slot, before, value)
        looks |= rescoring.concerned(node.band_slot, old_bands, new_bands)
        for row in np.flatnonzero(looks & living).tolist():
            mask = node._value_changed(row, int(before[row]), int(value[row]))
            mask |= node._band_changed(row, int(old_bands[row]), int(new_bands[row]))
            if mask:
                unit.evaluate(row, self.fold.t, mask)


def _by_part(rows: Array, compute: Callable[[Array], Array]) -> Array:
    """`compute` over rows in parts whose intermediate results stay in the processor's cache."""
    if len(rows) <= PART_ROWS:
        return compute(rows)
    return np.concatenate([compute(rows[at : at + PART_ROWS]) for at in range(0, len(rows), PART_ROWS)])

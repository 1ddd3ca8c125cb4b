"""Score history: 28 daily and 26 weekly values a score, velocity and facts, computed for all rows at once.

Values are kept in 1/100 point without the jumps that a change of weights makes, so that a new stage is never
read as a decline. A day close is one vector pass; only subjects for whom something flips are looked at one by
one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..effects import VELOCITY
from ..profiles.columns import UNKNOWN, UNKNOWN16, UNKNOWN32, Array
from ..profiles.unit import Unit
from .measures import MILLI, exact
from .scores import VELOCITIES, ScoreNode

DAYS, WEEKS = 28, 26
DAYS_LEAST, WEEKS_LEAST = 7, 4
_SHOWN = (None, *sorted(VELOCITIES, key=VELOCITIES.__getitem__))
CENTI = 10
"""1/1000 points in a stored unit."""


class ScoreHistory:
    """The history of one score over one kind of subject."""

    def __init__(self, unit: Unit, node: ScoreNode) -> None:
        self.unit, self.node = unit, node
        label = f".history.{node.label}"
        self.daily = unit.table.add(label, "int16", UNKNOWN16, DAYS)
        self.facts = [s for s in unit.score_histories if s.model.score == node.label]
        # Half a year of weeks is kept only where somebody asks for it: 52 bytes a subject.
        self.weekly = (
            unit.table.add(f"{label}.weekly", "int16", UNKNOWN16, WEEKS)
            if any(f.model.days == 182 for f in self.facts)
            else None
        )

        self.moved = unit.table.add(f"{label}.moved", "int32", -(2**31))
        """The last day whose value differed from the day before: older histories stand still."""

    def finish(self) -> None:
        self._velocity_changed = self.unit.changer(self.node.velocity_slot)
        self._tell = self.unit.host.emitter(self.unit, VELOCITY, self.node.label)

    def forget(self) -> None:
        """No day was ever closed."""
        for column in (self.daily, self.weekly):
            if column is not None:
                column.data[:] = UNKNOWN16
        for column in (self.node.velocity, self.node.jumps):
            if column is not None:
                column.data[:] = 0

    def value(self, rows: Any) -> Array:
        """The jump-free value of rows now, int16 in 1/100 point; UNKNOWN16 when unknown."""
        node = self.node
        now = node.values.data[rows].astype(np.int64)
        assert node.jumps is not None
        free = (now - node.jumps.data[rows]) // CENTI
        found: Array = np.where(now == UNKNOWN32, UNKNOWN16, np.clip(free, -32_000, 32_000)).astype(np.int16)
        return found

    def append(self, day: int, rows: Any) -> None:
        """Closes day number `day` for rows (a slice or an array): each 7th day is a week's value as well."""
        value = self.value(rows)
        differs = value != self.daily.data[rows, (day - 1) % DAYS]
        self.moved.data[rows] = np.where(differs, day, self.moved.data[rows])
        self.daily.data[rows, day % DAYS] = value
        if day % 7 == 6 and self.weekly is not None:
            self.weekly.data[rows, day // 7 % WEEKS] = value

    def lively(self, day: int, rows: int, days: int) -> Array:
        """The rows (of 1..rows-1) whose values changed within the last `days` days; for others nothing
        derived moves.
        """
        found: Array = np.flatnonzero(self.moved.data[1:rows] >= day - days) + 1
        return found

    def window(self, day: int, rows: Any, weekly: bool) -> Array:
        """The kept values up to day number `day`, oldest first, int64 with UNKNOWN16 for none."""
        if weekly:
            assert self.weekly is not None
            last = (day - 6) // 7
            order = [(last - WEEKS + 1 + i) % WEEKS for i in range(WEEKS)]
            weeks: Array = self.weekly.data[rows][:, order].astype(np.int64)
            return weeks
        order = [(day - DAYS + 1 + i) % DAYS for i in range(DAYS)]
        days: Array = self.daily.data[rows][:, order].astype(np.int64)
        return days

    def slopes(self, values: Array, least: int, step_days: int) -> tuple[Array, Array, Array]:
        """(numerator, denominator, enough): slope in stored units a day is numerator / denominator."""
        known = values != UNKNOWN16
        x = np.arange(values.shape[1], dtype=np.int64) * step_days
        y = np.where(known, values, 0)
        n = known.sum(axis=1, dtype=np.int64)
        sx = (known * x).sum(axis=1, dtype=np.int64)
        sxx = (known * (x * x)).sum(axis=1, dtype=np.int64)
        sy, sxy = y.sum(axis=1, dtype=np.int64), (y * x).sum(axis=1, dtype=np.int64)
        denominator = n * sxx - sx * sx
        enough = (n >= least) & (denominator > 0)
        return n * sxy - sx * sy, np.where(enough, denominator, 1), enough

    def velocities(self, day: int, rows: Any) -> Array:
        """Velocity codes of rows (0 unknown, 1 down, 2 flat, 3 up) after closing `day`."""
        numerator, denominator, enough = self.slopes(self.window(day, rows, False), DAYS_LEAST, 1)
        noise = exact(self.node.model.velocity_noise) * MILLI / CENTI
        bound = denominator * noise.numerator
        scaled = numerator * noise.denominator
        code = np.where(
            scaled > bound,
            VELOCITIES["up"],
            np.where(scaled < -bound, VELOCITIES["down"], VELOCITIES["flat"]),
        )
        found: Array = np.where(enough, code, 0).astype(np.int8)
        return found

    def fact(self, signal: Any, day: int, rows: Any) -> Array:
        """A score-history signal's value for rows, in its stored unit; UNKNOWN with too few values."""
        weekly = signal.model.days == 182
        values = self.window(day, rows, weekly)
        known = values != UNKNOWN16
        least = WEEKS_LEAST if weekly else DAYS_LEAST
        enough = known.sum(axis=1) >= least
        if signal.model.measure == "slope":
            numerator, denominator, steep = self.slopes(values, least, 7 if weekly else 1)
            found = numerator * (1_000_000 // 100) // denominator
            enough = enough & steep
        elif signal.model.measure == "min":
            lowest = np.where(known, values, np.iinfo(np.int64).max).min(axis=1)
            assert self.node.jumps is not None
            jumps = self.node.jumps.data[rows].astype(np.int64)
            found = np.where(enough, lowest, 0) * CENTI + jumps
        else:
            first = values[np.arange(len(values)), known.argmax(axis=1)]
            last = values[np.arange(len(values)), values.shape[1] - 1 - known[:, ::-1].argmax(axis=1)]
            found = (last - first) * CENTI
        result: Array = np.where(enough, found, UNKNOWN)
        return result

    def settle_velocity(self, row: int, velocity: int) -> int:
        """Takes a row's new velocity; returns who must look again."""
        column = self.node.velocity
        assert column is not None
        held: Any = self.unit.env.scope[column.name]
        old = held[row]
        if old == velocity:
            return 0
        held[row] = velocity
        self._tell(row, {"from": _SHOWN[old], "to": _SHOWN[velocity]})
        return self._velocity_changed(row, old, velocity)

    def daily_values(self, day: int, rows: Any) -> Array:
        """The plain values (with jumps) just closed, float points; NaN when unknown. For the outside only."""
        now = self.node.values.data[rows]
        return np.where(now == UNKNOWN32, np.nan, now / MILLI)

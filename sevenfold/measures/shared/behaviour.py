"""What new units did first, and whether they stayed: events as counts by unit, for activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

from sevenfold.measures.events.selecting import sql_of
from sevenfold.measures.shared.columns import DAY_MS, codes, numbers
from sevenfold.measures.statistics.special import Bools, Floats, Ints

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

Unit = Literal["person", "account"]


class Behaviour(msgspec.Struct, frozen=True):
    """Units that began: `start` (ms), all (units,); and what they did from then on, all (events,): `who` (a
    row of units), `ago` since its start (ms), `what` (a code of `names`). `observed` ms since the start,
    (units,).
    """

    start: Ints
    observed: Ints
    who: Ints
    ago: Ints
    what: Ints
    names: list[str]

    def count(self, name: str, within_ms: int) -> Floats:
        """How often each unit did `name` within the time from its start on, (units,); 0 where nobody did."""
        code = self.names.index(name) if name in self.names else -1
        rows = (self.what == code) & (self.ago < within_ms)
        return np.bincount(self.who[rows], minlength=len(self.start)).astype(np.float64)

    def first(self, name: str) -> Floats:
        """How long after its start each unit first did `name` (ms, infinite: never), (units,)."""
        found = np.full(len(self.start), np.inf)
        code = self.names.index(name) if name in self.names else -1
        rows = self.what == code
        np.minimum.at(found, self.who[rows], self.ago[rows].astype(np.float64))
        return found

    def active(self, names: Sequence[str], since_ms: int, until_ms: int) -> Bools:
        """Whether each unit did any of `names` (anything, when empty) within [since, until) of its start."""
        rows = (self.ago >= since_ms) & (self.ago < until_ms)
        if names:
            rows &= np.isin(self.what, [self.names.index(name) for name in names if name in self.names])
        return np.asarray(np.bincount(self.who[rows], minlength=len(self.start)) > 0)

    def take(self, units: Bools) -> Behaviour:
        """Some of the units."""
        number = np.cumsum(units) - 1
        rows = units[self.who]
        return Behaviour(
            self.start[units], self.observed[units], number[self.who[rows]], self.ago[rows], self.what[rows],
            self.names,
        )  # fmt: skip


def behaviour_of(unit: Ints, time: Ints, what: Ints, names: list[str], began: Bools, now: int) -> Behaviour:
    """Rows of events as behaviour: a unit starts at its first event where `began`; others are left out."""
    count = int(unit.max(initial=-1)) + 1
    start = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(start, unit[began], time[began])
    known = start < np.iinfo(np.int64).max
    number = np.cumsum(known) - 1
    rows = known[unit]
    rows[rows] = time[rows] >= start[unit[rows]]
    who = number[unit[rows]]
    kept = start[known]
    return Behaviour(kept, now - kept, who, time[rows] - kept[who], what[rows], names)


def of_frame(table: pa.Table, unit: str, time: Ints, event: str, start: str, now: int) -> Behaviour:
    """Columns of a frame as behaviour; without `start` a unit starts at its first event."""
    who, _ = codes(table, unit)
    what, names = codes(table, event)
    there = who >= 0
    began = (
        what == (names.index(start) if start in names else -1) if start else np.ones(len(what), dtype=bool)
    )
    return behaviour_of(who[there], time[there], what[there], names, began[there], now)


_EVENTS = """
SELECT e.{unit} AS unit, e.time, e.name, {began} AS began FROM events AS e
WHERE e.type = 'track' AND e.{unit} <> 0 {only}
"""


def of_warehouse(warehouse: Warehouse, unit: Unit, start: str, only: Sequence[str] = ()) -> Behaviour:
    """Track calls of the warehouse as behaviour, of all events or of `only` those and the start."""
    condition = sql_of(start, "e") if start else "TRUE"
    parameters: dict[str, Any] = {f"n{i}": name for i, name in enumerate(only)}
    chosen = " OR ".join(f"e.name = ${key}" for key in parameters)
    table = warehouse.query(
        _EVENTS.format(
            unit=unit, began=f"CASE WHEN {condition} THEN 1 ELSE 0 END",
            only=f"AND ({condition} OR {chosen})" if chosen and start else "",
        ), parameters if chosen and start else {},
    )  # fmt: skip
    who, _ = codes(table, "unit")
    what, names = codes(table, "name")
    time = numbers(table, "time").astype(np.int64)
    return behaviour_of(who, time, what, names, numbers(table, "began") > 0, warehouse.through().time)


def days(count: float) -> int:
    """Days in ms."""
    return int(count * DAY_MS)

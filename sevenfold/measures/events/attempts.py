"""Attempts at a funnel: from each event that may begin one, how far it came and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from sevenfold.measures.events.sequences import (
    Ints,
    Mask,
    Places,
    codes_of,
    first_rows,
    in_order,
    integers,
    next_after,
    next_of,
    order_by,
    repeated,
)

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

UNKNOWN = "(not set)"
_FEW = 4
"""Where attempts are fewer than a fourth of the rows, what follows is looked up for each of them alone."""
Order = Literal["ordered", "any", "exact"]


class Rows(Struct):
    """Events in order of their unit (and held properties), then of time. `unit` tells which rows belong
    together, `owner` whose they are; `steps[k]` marks the rows of a step, `ends` those that end an attempt.
    """

    unit: Places
    owner: Places
    time: Ints
    steps: list[Mask]
    ends: Mask | None
    groups: Places
    group_names: list[str]


class Attempts(Struct):
    """A row for each attempt: how many steps it came (`reached`), and the place and time of each step; places
    beyond `reached` are undefined.
    """

    reached: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    times: npt.NDArray[np.int64]


def fetch(
    warehouse: Warehouse, steps: Sequence[str], ends: Sequence[str], *, unit: str, hold: Sequence[str],
    breakdown: str, period: str, everything: bool,
) -> Rows:  # fmt: skip
    """The events of a funnel. `steps`, `ends` and `period` are SQL conditions, `hold` and `breakdown`
    expressions; with `everything` all other events of the same people come too.
    """
    conditions = [*steps, *ends]
    marks = " + ".join(f"CASE WHEN {one} THEN {1 << k} ELSE 0 END" for k, one in enumerate(conditions))
    # As narrow as they fit: millions of them are gathered and put in order.
    width = "UTINYINT" if len(conditions) <= 8 else "BIGINT"
    columns = [f"{unit} AS unit", "time", f"CAST({marks} AS {width}) AS marks"]
    columns += [f"{one} AS held_{k}" for k, one in enumerate(hold)]
    if breakdown:
        columns.append(f"{breakdown} AS grouped")
    wanted = "TRUE" if everything else "(" + " OR ".join(dict.fromkeys(conditions)) + ")"
    sql = f"SELECT {', '.join(columns)} FROM events WHERE {wanted} AND {unit} <> 0 AND {period}"  # noqa: S608
    table = warehouse.query(in_order(sql, warehouse))
    return _rows(table, len(steps), len(ends), len(hold), bool(breakdown))


def _rows(table: pa.Table, steps: int, ends: int, held: int, grouped: bool) -> Rows:
    owner, owners = codes_of(table["unit"])
    unit, units = owner, owners
    for k in range(held):
        codes, count = codes_of(table[f"held_{k}"].fill_null(UNKNOWN))
        together = unit.astype(np.int64) * count + codes
        different, unit64 = np.unique(together, return_inverse=True)
        unit, units = unit64.astype(np.int32), len(different)
    time = integers(table["time"])
    order, sizes = order_by(unit, units, time)
    marks = table["marks"].to_numpy()[order]
    names, groups = [UNKNOWN], np.zeros(len(order), dtype=np.int32)
    if grouped:
        encoded = table["grouped"].fill_null(UNKNOWN).combine_chunks().dictionary_encode()
        names = encoded.dictionary.to_pylist()
        groups = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)[order]
    bits = [(marks & (1 << k)) != 0 for k in range(steps + ends)]
    stop = np.logical_or.reduce(bits[steps:]) if ends else None
    placed = repeated(sizes)
    return Rows(placed, owner[order] if held else placed, time[order], bits[:steps], stop, groups, names)


def try_all(
    rows: Rows, order: Order, window: int, start: int | None, end: int | None, *, firsts: bool = False
) -> Attempts:
    """Every attempt that begins in the period, in order of the rows; with `firsts` only the first of each
    owner, where nothing is held.
    """
    begins = np.logical_or.reduce(rows.steps) if order == "any" else rows.steps[0]
    if start is not None:
        begins = begins & (rows.time >= start)
    if end is not None:
        begins = begins & (rows.time < end)
    entries = np.flatnonzero(begins).astype(np.int32)
    if firsts and rows.owner is rows.unit:
        entries = entries[first_rows(rows.unit[entries])]
    if order == "any":
        return _any(rows, entries, window)
    return _chain(rows, entries, window, exact=order == "exact")


def _chain(rows: Rows, entries: Places, window: int, *, exact: bool) -> Attempts:
    """From each entry the next row of the next step, and so on, while it is the same unit and in time."""
    n, count = len(rows.time), len(entries)
    found = np.zeros((count, len(rows.steps)), dtype=np.int32)
    found[:, 0] = entries
    reached = np.ones(count, dtype=np.int64)
    stops = None if rows.ends is None else next_of(rows.ends)
    alive = np.arange(count)
    at = entries
    few = count * _FEW < n
    for k in range(1, len(rows.steps)):
        if exact:
            places = np.minimum(at + 1, n - 1)
            good = (at + 1 < n) & rows.steps[k][places]
        else:
            after = next_after(rows.steps[k], at) if few else next_of(rows.steps[k])[at]
            good = after < n
            places = np.minimum(after, n - 1)
            if stops is not None:
                good &= stops[at] >= after
        first = entries[alive]
        good &= rows.unit[places] == rows.unit[first]
        good &= rows.time[places] - rows.time[first] <= window
        alive, at = alive[good], places[good]
        found[alive, k] = at
        reached[alive] += 1
    return Attempts(reached, found, rows.time[found] if n else found.astype(np.int64))


def _any(rows: Rows, entries: Places, window: int) -> Attempts:
    """From each entry the first row of each step within the window; steps are sorted by when they came."""
    n, count, steps = len(rows.time), len(entries), len(rows.steps)
    stops = None if rows.ends is None else next_of(rows.ends)
    places = np.full((count, steps), n, dtype=np.int32)
    for k, mask in enumerate(rows.steps):
        after = next_of(mask)[entries] if n else entries
        where = np.where(mask[entries], entries, after) if n else entries
        safe = np.minimum(where, n - 1)
        good = (where < n) & (rows.unit[safe] == rows.unit[entries])
        good &= rows.time[safe] - rows.time[entries] <= window
        if stops is not None:
            good &= stops[entries] >= where
        places[good, k] = where[good]
    places.sort(axis=1)
    reached = (places < n).sum(axis=1)
    clipped = np.minimum(places, max(n - 1, 0))
    return Attempts(reached, clipped, rows.time[clipped] if n else clipped.astype(np.int64))


def choose(tried: Attempts, rows: Rows, count: str, entry: str) -> Attempts:
    """Those attempts that count: one of each owner, or one after the other."""
    if not len(tried.reached):
        return tried
    owner = rows.owner[tried.rows[:, 0]]
    if count == "totals":
        return _take(tried, _one_after_the_other(tried, rows))
    if rows.owner is rows.unit:
        # Attempts stand in order of their owner and of their begin already.
        at = first_rows(owner).astype(np.int64)
        if entry != "first":
            furthest = np.maximum.reduceat(tried.reached, at)
            best = np.flatnonzero(tried.reached == np.repeat(furthest, np.diff(np.r_[at, len(owner)])))
            at = best[first_rows(owner[best])]
        return _take(tried, at)
    begin = tried.times[:, 0]
    # Held properties divide an owner's rows, so that they need not be together.
    if entry == "first":
        order = np.lexsort((begin, owner))
    else:
        order = np.lexsort((begin, -tried.reached, owner))
    return _take(tried, order[first_rows(owner[order])])


def _take(tried: Attempts, which: npt.NDArray[np.int64]) -> Attempts:
    return Attempts(tried.reached[which], tried.rows[which], tried.times[which])


def _one_after_the_other(tried: Attempts, rows: Rows) -> npt.NDArray[np.int64]:
    """Attempts of a unit that do not overlap: the next begins after the last row of one that was converted,
    else after the furthest row it reached.
    """
    entries, unit = tried.rows[:, 0], rows.unit[tried.rows[:, 0]]
    last = tried.rows[np.arange(len(entries)), tried.reached - 1]
    following = np.searchsorted(entries, last, side="right")
    at = first_rows(unit).astype(np.int64)
    chosen = []
    while len(at):
        chosen.append(at)
        after = following[at]
        inside = after < len(entries)
        same = unit[np.minimum(after, len(entries) - 1)] == unit[at]
        at = after[inside & same]
    return np.sort(np.concatenate(chosen))

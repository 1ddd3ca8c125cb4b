"""Paths: what people do next, step by step, and where they stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.common import ANY, By, require, table_of
from sevenfold.measures.events.periods import bounds, duration, within
from sevenfold.measures.events.selecting import parse, sql_of
from sevenfold.measures.events.sequences import (
    Ints,
    Places,
    coded,
    codes_in,
    codes_of,
    in_order,
    integers,
    order_by,
)
from sevenfold.measures.registry import analysis

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

DEPTH_MAX: Final = 20
END: Final = "(end)"
OTHERS: Final = "(all others)"
PAIRS_MAX: Final = 1 << 22
"""Pairs of names that are counted in a table of all of them."""


class Paths(Question, frozen=True, tag="paths"):
    """`anchor` is where paths begin (or end, with `direction=before`); "" means where a session does."""

    anchor: str = ""
    direction: Literal["after", "before"] = "after"
    depth: int = 5
    events: str = ANY
    gap: str = "30m"
    top: int = 10
    repeats: bool = False
    since: str = ""
    until: str = ""
    by: By = "person"

    def check(self) -> None:
        parse(self.events)
        if self.anchor:
            parse(self.anchor)
        bounds(self.since, self.until)
        duration(self.gap, "gap")
        require(1 <= self.depth <= DEPTH_MAX, f"From 1 to {DEPTH_MAX} steps", "depth")
        require(1 <= self.top <= 100, "From 1 to 100 names", "top")


@analysis("paths")
def paths(question: Paths, warehouse: Warehouse) -> Answer:
    """What people did after (or before) something, step by step, within a session.

    Events of one person belong to one session while no pause between them is longer than `gap`. A path begins
    with the first event of `anchor` in a session, or with the session's first event; each session has one
    path at most. Of equal events in a row only the first counts, unless `repeats`. Steps after the last event
    of the session are drop-offs, `(end)`. At each step the `top` names are shown, the rest is `(all others)`.
    Table `nodes`: how many paths came to each step by name; `flows`: how many went from one name to the next;
    `drop_offs`: how many ended.
    """
    start, end = bounds(question.since, question.until)
    anchor = sql_of(question.anchor) if question.anchor else "FALSE"
    name = "CASE WHEN name = '' THEN type ELSE name END"
    wanted = sql_of(question.events)
    if question.anchor:
        wanted = f"({wanted} OR {anchor})"
    where = f"{wanted} AND {question.by} <> 0 AND {within(start, end)}"
    grouped = f"SELECT {name} AS name FROM events WHERE {where} GROUP BY {name}"  # noqa: S608
    names = warehouse.query(grouped)["name"].to_pylist()
    columns = f"{question.by} AS unit, time, {coded(name, names, warehouse)} AS name"
    if question.anchor:
        columns += f", {anchor} AS anchor"
    table = warehouse.query(in_order(f"SELECT {columns} FROM events WHERE {where}", warehouse))  # noqa: S608
    units, count = codes_of(table["unit"])
    time = integers(table["time"])
    order, sizes = order_by(units, count, time)
    ends = np.cumsum(sizes[sizes > 0], dtype=np.int64)
    time, codes = time[order], codes_in(table["name"], names)[order]
    marked = table["anchor"].to_numpy().astype(bool)[order] if question.anchor else None
    return _answer(question, _walk(question, ends, time, codes, marked), names)


def _walk(
    question: Paths, ends: Ints, time: Ints, names: Places, marked: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.int32]:
    """A row for each path: the names at each step, -1 after its end. Rows are those of one person after the
    other; `ends` are the places after the last of each. `marked`: where paths may begin; None: where a
    session does.
    """
    begins = np.r_[np.zeros(1, dtype=np.int64), ends[:-1]] if len(ends) else ends
    if question.direction == "before":
        time, names, begins = -time[::-1], names[::-1], len(time) - ends[::-1]
        marked = None if marked is None else marked[::-1]
    new = np.ones(len(time), dtype=bool)
    new[1:] = time[1:] - time[:-1] > duration(question.gap, "gap")
    new[begins] = True
    if not question.repeats:
        keep = new.copy()
        keep[1:] |= names[1:] != names[:-1]
        if marked is not None:
            # An anchor is kept, so that a path can begin there.
            keep[1:] |= marked[1:] & ~marked[:-1]
            marked = marked[keep]
        names, new = names[keep], new[keep]
    sessions = np.flatnonzero(new)
    stops = np.r_[sessions[1:], len(names)]
    starts = sessions
    if marked is not None:
        starts = np.flatnonzero(marked)
        inside = np.searchsorted(sessions, starts, side="right") - 1
        first = np.flatnonzero(np.r_[True, inside[1:] != inside[:-1]]) if len(inside) else inside
        starts, stops = starts[first], stops[inside[first]]
    # A column a step: each is looked at as a whole.
    found = np.full((question.depth + 1, len(starts)), -1, dtype=np.int32)
    for step in range(question.depth + 1):
        going = np.flatnonzero(starts + step < stops)
        found[step, going] = names[starts[going] + step]
    return found.T


def _answer(question: Paths, walked: npt.NDArray[np.int32], names: list[str]) -> Answer:
    nodes: list[dict[str, Any]] = []
    flows: list[dict[str, Any]] = []
    drops: list[dict[str, Any]] = []
    total, size = len(walked), len(names)
    labels = [*names, OTHERS, END]
    before = np.zeros(0, dtype=np.int32)
    for step in range(question.depth + 1):
        here = _folded(walked[:, step], size, question.top)
        counts = np.bincount(here, minlength=size + 2)
        for code in np.flatnonzero(counts[: size + 1]).tolist():
            n = int(counts[code])
            nodes.append({"step": step, "name": labels[code], "paths": n, "share": n / total})
        if step:
            for source, to, n in _pairs(before, here, size + 2):
                row = {"step": step, "source": labels[source], "target": labels[to], "paths": n}
                flows.append(row)
            came = int((before <= size).sum())
            ended = int(counts[size + 1]) - (total - came)
            drops.append(
                {"step": step, "came": came, "ended": ended, "share": ended / came if came else None}
            )
        before = here
    nodes.sort(key=lambda row: (row["step"], -row["paths"], row["name"]))
    flows.sort(key=lambda row: (row["step"], -row["paths"], row["source"], row["target"]))
    caveats = [Doubt(Caveat.REST_NOT_SHOWN)] if any(row["name"] == OTHERS for row in nodes) else []
    return Answer(
        question=question,
        sentence=_sentence(question, total, flows, drops),
        estimates=(
            Estimate("paths", float(total), n=total),
            Estimate("ended_after_first", drops[0]["share"] if drops else None, n=total),
        ),
        tables={
            "flows": table_of(
                flows,
                {"step": pa.int64(), "source": pa.string(), "target": pa.string(), "paths": pa.int64()},
            ),
            "nodes": table_of(
                nodes, {"step": pa.int64(), "name": pa.string(), "paths": pa.int64(), "share": pa.float64()}
            ),
            "drop_offs": table_of(
                drops, {"step": pa.int64(), "came": pa.int64(), "ended": pa.int64(), "share": pa.float64()}
            ),
        },
        caveats=tuple(caveats),
    )


def _folded(names: npt.NDArray[np.int32], size: int, top: int) -> npt.NDArray[np.int32]:
    """Names of one step, those beyond the `top` as `size` (all others), the end (-1) as `size` + 1."""
    counts = np.bincount(names + 1, minlength=size + 1)[1:]
    order = np.lexsort((np.arange(size), -counts))[:top]
    shown = np.full(size + 2, size, dtype=np.int32)
    kept = order[counts[order] > 0]
    shown[kept] = kept
    # The end is the last place, which -1 means too.
    shown[size + 1] = size + 1
    found: npt.NDArray[np.int32] = shown[names]
    return found


def _pairs(
    before: npt.NDArray[np.int32], here: npt.NDArray[np.int32], size: int
) -> Iterator[tuple[int, int, int]]:
    """(source, target, how many) of all that were under way before: `size` - 1 is the end."""
    if size * size <= PAIRS_MAX:
        counts = np.bincount(before * np.int32(size) + here, minlength=size * size)
        pairs = np.flatnonzero(counts)
        found = zip(pairs.tolist(), counts[pairs].tolist(), strict=True)
    else:
        both, many = np.unique(before.astype(np.int64) * size + here, return_counts=True)
        found = zip(both.tolist(), many.tolist(), strict=True)
    for pair, n in found:
        source, to = divmod(pair, size)
        if source < size - 1:
            yield source, to, n


def _sentence(question: Paths, total: int, flows: list[dict[str, Any]], drops: list[dict[str, Any]]) -> str:
    if not total:
        return "No session has such a path."
    where = f"{question.direction} {question.anchor}" if question.anchor else "from the start of sessions"
    text = f"{total:,} paths {where}; {drops[0]['share']:.1%} have no further event."
    next_step = next((row for row in flows if row["step"] == 1 and row["target"] not in (END, OTHERS)), None)
    if next_step is not None:
        text += f" Most often: {next_step['source']}, then {next_step['target']} ({next_step['paths']:,})."
    return text

"""Paths: what people do next, step by step, and where they stop."""

from __future__ import annotations

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
    table = warehouse.query(
        in_order(
            f"SELECT {question.by} AS unit, time, {coded(name, names, warehouse)} AS name, {anchor} AS anchor"  # noqa: S608
            f" FROM events WHERE {where}",
            warehouse,
        )
    )
    units, count = codes_of(table["unit"])
    time = integers(table["time"])
    name_codes = codes_in(table["name"], names)
    marked = table["anchor"].to_numpy().astype(bool)
    order = order_by(units, count, time)
    units, time, name_codes, marked = units[order], time[order], name_codes[order], marked[order]
    walked = _walk(question, units, time, name_codes, marked)
    return _answer(question, walked, names)


def _walk(
    question: Paths, units: Places, time: Ints, names: Places, marked: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """A row for each path: the names at each step, -1 after its end."""
    if question.direction == "before":
        units, time, names, marked = units[::-1], -time[::-1], names[::-1], marked[::-1]
    n = len(units)
    new = np.ones(n, dtype=bool)
    new[1:] = (units[1:] != units[:-1]) | (time[1:] - time[:-1] > duration(question.gap, "gap"))
    if not question.repeats:
        keep = new.copy()
        # An anchor is kept, so that a path can begin there.
        keep[1:] |= (names[1:] != names[:-1]) | (marked[1:] & ~marked[:-1])
        session = np.cumsum(new)[keep]
        names, marked = names[keep], marked[keep]
        n = len(names)
        new = np.ones(n, dtype=bool)
        new[1:] = session[1:] != session[:-1]
    session = np.cumsum(new)
    starts = np.flatnonzero(marked if question.anchor else new)
    if question.anchor and len(starts):
        first = np.r_[True, session[starts][1:] != session[starts][:-1]]
        starts = starts[first]
    found = np.full((len(starts), question.depth + 1), -1, dtype=np.int32)
    for step in range(question.depth + 1):
        at = starts + step
        safe = np.minimum(at, max(n - 1, 0))
        good = (at < n) & (session[safe] == session[starts]) if n else np.zeros(0, dtype=bool)
        found[good, step] = names[safe[good]]
    return found


def _answer(question: Paths, walked: npt.NDArray[np.int32], names: list[str]) -> Answer:
    nodes: list[dict[str, Any]] = []
    flows: list[dict[str, Any]] = []
    drops: list[dict[str, Any]] = []
    total, size = len(walked), len(names)
    folded = np.full_like(walked, -1)
    others = size
    labels = [*names, OTHERS, END]
    for step in range(question.depth + 1):
        here = walked[:, step]
        counts = np.bincount(here[here >= 0], minlength=size)
        order = np.lexsort((np.arange(size), -counts))[: question.top]
        shown = np.zeros(size + 1, dtype=bool)
        shown[order[counts[order] > 0]] = True
        folded[:, step] = np.where(here < 0, -1, np.where(shown[np.maximum(here, 0)], here, others))
        for code, n in zip(
            *np.unique(folded[:, step][folded[:, step] >= 0], return_counts=True), strict=True
        ):
            nodes.append({"step": step, "name": labels[int(code)], "paths": int(n), "share": int(n) / total})
        if step:
            before = folded[:, step - 1]
            going = before >= 0
            target = np.where(folded[:, step] < 0, others + 1, folded[:, step])
            pairs = before[going].astype(np.int64) * (size + 2) + target[going]
            for pair, n in zip(*np.unique(pairs, return_counts=True), strict=True):
                source, to = divmod(int(pair), size + 2)
                row = {"step": step, "source": labels[source], "target": labels[to], "paths": int(n)}
                flows.append(row)
            ended = int((going & (folded[:, step] < 0)).sum())
            came = int(going.sum())
            drops.append(
                {"step": step, "came": came, "ended": ended, "share": ended / came if came else None}
            )
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


def _sentence(question: Paths, total: int, flows: list[dict[str, Any]], drops: list[dict[str, Any]]) -> str:
    if not total:
        return "No session has such a path."
    where = f"{question.direction} {question.anchor}" if question.anchor else "from the start of sessions"
    text = f"{total:,} paths {where}; {drops[0]['share']:.1%} have no further event."
    next_step = next((row for row in flows if row["step"] == 1 and row["target"] not in (END, OTHERS)), None)
    if next_step is not None:
        text += f" Most often: {next_step['source']}, then {next_step['target']} ({next_step['paths']:,})."
    return text

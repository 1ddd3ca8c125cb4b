"""Stage funnel: how far subjects come in a lifecycle, how they move, and how long they stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.events.common import SMALL, now_of, rows_of, table_of
from sevenfold.measures.events.periods import bounds, within
from sevenfold.measures.events.selecting import quoted
from sevenfold.measures.registry import analysis
from sevenfold.measures.statistics.intervals import share

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse


class StageFunnel(Question, frozen=True, tag="stage-funnel"):
    """`lifecycle` "" means the only one, or the first by name; `stages` are shown in this order."""

    lifecycle: str = ""
    of: str = ""
    stages: tuple[str, ...] = ()
    since: str = ""
    until: str = ""

    def check(self) -> None:
        bounds(self.since, self.until)


@analysis("stage-funnel")
def stage_funnel(question: StageFunnel, warehouse: Warehouse) -> Answer:
    """Everybody whose lifecycle began in the period: how many ever came to each stage, and how many are there
    now.

    Stages are shown in the order of `stages`, else in that in which most came to them first. `moves` counts
    transitions from stage to stage with the median and the 90th percentile of the time spent in the stage
    before (dwell); it holds every transition of these subjects until observation ends, regressions and
    re-entries too. Stays that are not over are left out of the dwell times and counted in `now`.
    """
    start, end = bounds(question.since, question.until)
    now = now_of(warehouse, None)
    lifecycle = question.lifecycle or _first(warehouse)
    of = f" AND of = {quoted(question.of)}" if question.of else ""
    table = warehouse.query(f"""
        SELECT subject, time, from_stage, to_stage FROM transitions
        WHERE lifecycle = {quoted(lifecycle)}{of} ORDER BY number
    """)  # noqa: S608
    begun = warehouse.query(f"""
        SELECT subject FROM (
            SELECT subject, MIN(time) AS began FROM transitions WHERE lifecycle = {quoted(lifecycle)}{of}
            GROUP BY subject
        ) AS b WHERE {within(start, end, "began")}
    """)  # noqa: S608
    wanted = set(begun["subject"].to_pylist())
    rows = [row for row in rows_of(table) if row["subject"] in wanted]
    return _answer(question, lifecycle, rows, len(wanted), now)


def _first(warehouse: Warehouse) -> str:
    names = warehouse.query("SELECT lifecycle FROM transitions GROUP BY lifecycle ORDER BY lifecycle")
    found = names["lifecycle"].to_pylist()
    if not found:
        raise QuestionError(
            "There are no transitions", where="lifecycle", fix="the workspace has no lifecycle"
        )
    return str(found[0])


def _answer(question: StageFunnel, lifecycle: str, rows: list[dict[str, Any]], n: int, now: int) -> Answer:
    reached: dict[str, dict[int, int]] = {}
    entries: dict[str, int] = {}
    here: dict[int, tuple[str, int]] = {}
    dwell: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        subject, to, time = row["subject"], row["to_stage"], row["time"]
        before = here.get(subject)
        if before is not None:
            dwell.setdefault((before[0], to), []).append(time - before[1])
        here[subject] = (to, time)
        reached.setdefault(to, {}).setdefault(subject, time)
        entries[to] = entries.get(to, 0) + 1
    now_in: dict[str, int] = {}
    for stage, _ in here.values():
        now_in[stage] = now_in.get(stage, 0) + 1
    order = list(question.stages) or sorted(reached, key=lambda one: (-len(reached[one]), one))
    stages = []
    for stage in order:
        count = len(reached.get(stage, {}))
        found = share(count, n) if n else None
        spent = [ms for (source, _), held in dwell.items() if source == stage for ms in held]
        stages.append(
            {
                "stage": stage,
                "reached": count,
                "of_all": found.value if found else None,
                "low": found.low if found else None,
                "high": found.high if found else None,
                "entries": entries.get(stage, 0),
                "now": now_in.get(stage, 0),
                "median_ms": float(np.median(spent)) if spent else None,
            }
        )
    moves = [
        {
            "from": source,
            "to": to,
            "times": len(held),
            "share": len(held) / sum(len(other) for (at, _), other in dwell.items() if at == source),
            "median_ms": float(np.median(held)),
            "p90_ms": float(np.quantile(held, 0.9)),
        }
        for (source, to), held in sorted(dwell.items())
    ]
    return _said(question, lifecycle, n, stages, moves)


def _said(
    question: StageFunnel, lifecycle: str, n: int, stages: list[dict[str, Any]], moves: list[dict[str, Any]]
) -> Answer:
    caveats = []
    if 0 < n < SMALL:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{n} subjects."))
    text = ", ".join(f"{row['stage']} {row['reached']:,}" for row in stages)
    numbers = dict.fromkeys(("of_all", "low", "high"), pa.float64())
    types = {"stage": pa.string(), "reached": pa.int64(), **numbers, "entries": pa.int64(), "now": pa.int64()}
    of_moves = {"from": pa.string(), "to": pa.string(), "times": pa.int64(), "share": pa.float64()}
    times = dict.fromkeys(("median_ms", "p90_ms"), pa.float64())
    return Answer(
        question=question,
        sentence=f"Of {n:,} in {lifecycle}, came to: {text}."
        if n
        else f"Nobody entered {lifecycle} in that time.",
        estimates=tuple(
            Estimate(row["stage"], row["of_all"], row["low"], row["high"], n) for row in stages if n
        ),
        tables={
            "stages": table_of(stages, {**types, "median_ms": pa.float64()}),
            "moves": table_of(moves, {**of_moves, **times}),
        },
        caveats=tuple(caveats),
    )

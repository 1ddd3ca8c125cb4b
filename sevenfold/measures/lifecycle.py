"""Lifecycle: of everybody active, who is new, who stayed, who came back, and who went quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.common import ANY, WHO, By, now_of, rows_of, table_of
from sevenfold.measures.events.periods import Unit, bounds, bucket, bucket_sql, label, within
from sevenfold.measures.events.selecting import parse, sql_of
from sevenfold.measures.registry import analysis

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse


class Lifecycle(Question, frozen=True, tag="lifecycle"):
    """`active` is what counts as being active."""

    active: str = ANY
    unit: Unit = "week"
    since: str = ""
    until: str = ""
    by: By = "person"

    def check(self) -> None:
        parse(self.active)
        bounds(self.since, self.until)


@analysis("lifecycle")
def lifecycle(question: Lifecycle, warehouse: Warehouse) -> Answer:
    """Everybody by calendar period (UTC): new, current, resurrected, dormant.

    New: active for the first time ever. Current: active, and in the period before too. Resurrected: active,
    not in the period before, but earlier. Dormant: active in the period before and not in this one. The last
    period is left out while it is not over. As Amplitude's lifecycle chart.
    """
    start, end = bounds(question.since, question.until)
    here = bucket_sql(question.unit)
    active = f"""
        SELECT {question.by} AS unit, {here} AS period FROM events
        WHERE {sql_of(question.active)} AND {question.by} <> 0 AND {within(None, end)}
        GROUP BY {question.by}, {here}
    """  # noqa: S608
    # Beyond the ends of a frame there is null only where a column may be null.
    whole = "CAST(period AS BIGINT)"
    frame = "PARTITION BY unit ORDER BY period ROWS BETWEEN"
    beside = f"""
        SELECT period, MAX({whole}) OVER ({frame} 1 PRECEDING AND 1 PRECEDING) AS before,
            MAX({whole}) OVER ({frame} 1 FOLLOWING AND 1 FOLLOWING) AS after
        FROM ({active}) AS a
    """  # noqa: S608
    table = warehouse.query(f"""
        SELECT period, SUM(CASE WHEN before IS NULL THEN 1 ELSE 0 END) AS fresh,
            SUM(CASE WHEN before = period - 1 THEN 1 ELSE 0 END) AS stayed,
            SUM(CASE WHEN before < period - 1 THEN 1 ELSE 0 END) AS again,
            SUM(CASE WHEN after IS NULL OR after > period + 1 THEN 1 ELSE 0 END) AS quiet
        FROM ({beside}) AS b GROUP BY period ORDER BY period
    """)  # noqa: S608
    now = now_of(warehouse, end)
    done = int(bucket(question.unit, np.array([now]))[0])
    first = None if start is None else int(bucket(question.unit, np.array([start]))[0])
    return _answer(question, rows_of(table), first, done)


def _answer(question: Lifecycle, found: list[dict[str, int]], first: int | None, done: int) -> Answer:
    held = {int(row["period"]): row for row in found}
    rows: list[dict[str, Any]] = []
    nothing = {"fresh": 0, "stayed": 0, "again": 0, "quiet": 0}
    for period in range(min(held, default=0), min(max(held, default=-1) + 2, done)):
        row, last = held.get(period, nothing), held.get(period - 1, nothing)
        if first is None or period >= first:
            rows.append(
                {
                    "period": label(question.unit, period),
                    "new": int(row["fresh"]),
                    "current": int(row["stayed"]),
                    "resurrected": int(row["again"]),
                    "dormant": int(last["quiet"]),
                }
            )
    caveats = []
    if held and max(held) >= done:
        caveats.append(Doubt(Caveat.INCOMPLETE_LEFT_OUT, f"The {question.unit} under way."))
    kinds = ("new", "current", "resurrected", "dormant")
    types = {"period": pa.string(), **dict.fromkeys(kinds, pa.int64())}
    if not rows:
        return Answer(
            question=question,
            sentence="No period is over yet.",
            tables={"periods": table_of(rows, types)},
            caveats=tuple(caveats),
        )
    last_row = rows[-1]
    gained, lost = last_row["new"] + last_row["resurrected"], last_row["dormant"]
    sentence = f"In the {question.unit} of {last_row['period']}: {last_row['new']:,} new, "
    sentence += f"{last_row['current']:,} current and {last_row['resurrected']:,} resurrected "
    sentence += f"{WHO[question.by]}; {lost:,} went quiet"
    sentence += f" ({gained / lost:.2f} gained for each lost)." if lost else "."
    n = sum(int(last_row[kind]) for kind in kinds[:3])
    return Answer(
        question=question,
        sentence=sentence,
        tables={"periods": table_of(rows, types)},
        estimates=tuple(Estimate(kind, float(last_row[kind]), n=n) for kind in kinds),
        caveats=tuple(caveats),
    )

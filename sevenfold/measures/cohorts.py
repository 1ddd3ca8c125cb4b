"""Cohorts: people who began in the same period, followed over time: who is there, how much, worth what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.common import ANY, WHO, By, now_of, require, rows_of, table_of
from sevenfold.measures.events.periods import Unit, bounds, bucket, bucket_sql, label, within
from sevenfold.measures.events.selecting import parse, sql_of
from sevenfold.measures.registry import analysis

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

MICRO = 1_000_000
PERIODS_MAX = 400


class Cohorts(Question, frozen=True, tag="cohorts"):
    """`start` makes somebody part of a cohort, `event` is what is counted of them."""

    start: str = ANY
    event: str = ANY
    unit: Unit = "month"
    periods: int = 12
    since: str = ""
    until: str = ""
    by: By = "person"

    def check(self) -> None:
        parse(self.start)
        parse(self.event)
        bounds(self.since, self.until)
        require(1 <= self.periods <= PERIODS_MAX, f"From 1 to {PERIODS_MAX} periods", "periods")


@analysis("cohorts")
def cohorts(question: Cohorts, warehouse: Warehouse) -> Answer:
    """Cohorts by the calendar period (UTC) of the first `start` ever, of those between `since` and `until`.

    For each period since (0 is the one they began in) how many of them did `event`, how often, and what it
    was worth in all and for each member of the cohort, summed up since the beginning. Cells whose period is
    not over when observation ends are left out.
    """
    start, end = bounds(question.since, question.until)
    now = now_of(warehouse, None)
    done = int(bucket(question.unit, np.array([now]))[0])
    unit = question.by
    begun = f"""
        SELECT unit, began FROM (
            SELECT {unit} AS unit, MIN(time) AS began FROM events
            WHERE {sql_of(question.start)} AND {unit} <> 0 GROUP BY {unit}
        ) AS f WHERE {within(start, end, "began")}
    """  # noqa: S608
    cohort = bucket_sql(question.unit, "b.began")
    period = f"({bucket_sql(question.unit, 'e.time')} - {cohort})"
    own = bucket_sql(question.unit, "began")
    sizes = warehouse.query(f"SELECT {own} AS cohort, COUNT(*) AS n FROM ({begun}) AS b GROUP BY {own}")  # noqa: S608
    cells = warehouse.query(f"""
        SELECT {cohort} AS cohort, {period} AS period, COUNT(*) AS n, COUNT(DISTINCT b.unit) AS units,
            SUM(CAST(e.value AS DOUBLE)) AS worth
        FROM events AS e JOIN ({begun}) AS b ON b.unit = e.{unit}
        WHERE {sql_of(question.event, "e")} AND e.time >= b.began
            AND {period} < {question.periods} AND {bucket_sql(question.unit, "e.time")} < {done}
        GROUP BY {cohort}, {period}
    """)  # noqa: S608
    size_of = {int(row["cohort"]): int(row["n"]) for row in rows_of(sizes)}
    return _answer(question, size_of, rows_of(cells), done)


def _answer(question: Cohorts, sizes: dict[int, int], cells: list[dict[str, Any]], done: int) -> Answer:
    held = {(int(row["cohort"]), int(row["period"])): row for row in cells}
    rows: list[dict[str, Any]] = []
    for cohort in sorted(sizes):
        events, worth = 0, 0.0
        for period in range(min(question.periods, done - cohort)):
            row = held.get((cohort, period), {})
            events += int(row.get("n") or 0)
            worth += float(row.get("worth") or 0) / MICRO
            active, size = int(row.get("units") or 0), sizes[cohort]
            rows.append(
                {
                    "cohort": label(question.unit, cohort),
                    "size": size,
                    "period": period,
                    "active": active,
                    "share": active / size,
                    "events": int(row.get("n") or 0),
                    "events_each": events / size,
                    "value": float(row.get("worth") or 0) / MICRO,
                    "value_each": worth / size,
                }
            )
    kinds = {"cohort": pa.string(), "size": pa.int64(), "period": pa.int64(), "active": pa.int64()}
    kinds |= {"share": pa.float64(), "events": pa.int64()}
    kinds |= dict.fromkeys(("events_each", "value", "value_each"), pa.float64())
    n = sum(sizes.values())
    caveats = []
    if any(cohort + question.periods > done for cohort in sizes):
        caveats.append(Doubt(Caveat.INCOMPLETE_LEFT_OUT))
    sentence = f"{n:,} {WHO[question.by]} in {len(sizes)} cohorts."
    estimates = [Estimate("size", float(n), n=n)]
    last = [row for row in rows if row["period"] == 1]
    if last:
        members = sum(row["size"] for row in last)
        share = sum(row["active"] for row in last) / members
        sentence += f" {share:.1%} were there in the {question.unit} after they began."
        estimates.append(Estimate("active_in_period_1", share, n=members))
    return Answer(
        question=question,
        sentence=sentence,
        estimates=tuple(estimates),
        tables={"cohorts": table_of(rows, kinds)},
        caveats=tuple(caveats),
    )

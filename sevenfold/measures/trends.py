"""Trends: how much of something there is, period by period, as a whole and by group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa

from sevenfold.limits import ANALYSIS_GROUPS_ITEMS_MAX
from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.common import ANY, By, now_of, rows_of, table_of
from sevenfold.measures.events.periods import Unit, bounds, bucket, bucket_sql, label, within
from sevenfold.measures.events.selecting import parse, property_sql, sql_of
from sevenfold.measures.registry import analysis

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

UNKNOWN: Final = "(not set)"
OTHERS: Final = "(all others)"
MICRO: Final = 1_000_000


class Trends(Question, frozen=True, tag="trends"):
    """`measure`: how often, how many people (or accounts), how often each, worth in all, or each."""

    event: str = ANY
    measure: Literal["count", "uniques", "per_unit", "value", "value_per_unit"] = "count"
    unit: Unit = "day"
    breakdown: str = ""
    groups: int = 10
    since: str = ""
    until: str = ""
    by: By = "person"

    def check(self) -> None:
        parse(self.event)
        bounds(self.since, self.until)
        if self.breakdown:
            property_sql(self.breakdown)


@analysis("trends")
def trends(question: Trends, warehouse: Warehouse) -> Answer:
    """How often something happened, by how many, or what it was worth, in each calendar period (UTC).

    Periods in which nothing happened are zeros. With `breakdown` the largest `groups` (by count over all time
    asked) are shown and the rest is summed up, except for uniques, where people of several groups cannot be
    added: there the rest is counted anew. A period that is not over when observation ends is marked `complete
    = false` and left out of the sentence.
    """
    start, end = bounds(question.since, question.until)
    now = now_of(warehouse, end)
    period, where = bucket_sql(question.unit), f"{sql_of(question.event)} AND {within(start, end)}"
    group, shown = "'all'", 1
    if question.breakdown:
        value = f"COALESCE({property_sql(question.breakdown)}, '{UNKNOWN}')"
        top = warehouse.query(
            f"SELECT {value} AS part, COUNT(*) AS n FROM events WHERE {where} GROUP BY {value}"  # noqa: S608
            " ORDER BY n DESC, part LIMIT 100000"
        )["part"].to_pylist()
        shown = min(question.groups, ANALYSIS_GROUPS_ITEMS_MAX)
        names = ", ".join("'" + name.replace("'", "''") + "'" for name in top[:shown]) or "''"
        group = f"CASE WHEN {value} IN ({names}) THEN {value} ELSE '{OTHERS}' END"
        shown = len(top) - shown
    table = warehouse.query(f"""
        SELECT {period} AS period, {group} AS part, COUNT(*) AS n,
            COUNT(DISTINCT CASE WHEN {question.by} <> 0 THEN {question.by} END) AS units,
            SUM(CAST(value AS DOUBLE)) AS worth
        FROM events WHERE {where} GROUP BY {period}, {group}
    """)  # noqa: S608
    done = int(bucket(question.unit, np.array([now]))[0])
    caveats = []
    if question.breakdown and shown > 0:
        caveats.append(Doubt(Caveat.REST_NOT_SHOWN, f"{shown:,} further groups."))
    return _answer(question, rows_of(table), done, caveats)


def _worth(question: Trends, row: dict[str, Any]) -> float:
    n, units, worth = int(row["n"]), int(row["units"]), float(row["worth"] or 0) / MICRO
    each = {
        "count": float(n),
        "uniques": float(units),
        "value": worth,
        "per_unit": n / units if units else 0.0,
        "value_per_unit": worth / units if units else 0.0,
    }
    return each[question.measure]


def _answer(question: Trends, found: list[dict[str, Any]], done: int, caveats: list[Doubt]) -> Answer:
    held = {(row["part"], int(row["period"])): row for row in found}
    parts = sorted({part for part, _ in held}, key=lambda one: (one == OTHERS, one))
    periods = [period for _, period in held]
    rows = []
    nothing = {"n": 0, "units": 0, "worth": 0}
    for part in parts:
        for period in range(min(periods), max(periods) + 1):
            row = held.get((part, period), nothing)
            rows.append(
                {
                    "group": part,
                    "period": label(question.unit, period),
                    "value": _worth(question, row),
                    "events": int(row["n"]),
                    "complete": period < done,
                }
            )
    types = {
        "group": pa.string(),
        "period": pa.string(),
        "value": pa.float64(),
        "events": pa.int64(),
        "complete": pa.bool_(),
    }
    whole = [row for row in rows if row["complete"]]
    if len(whole) < len(rows):
        caveats = [*caveats, Doubt(Caveat.INCOMPLETE_LEFT_OUT, f"The {question.unit} under way.")]
    n = sum(row["events"] for row in rows)
    by_period: dict[str, float] = {}
    for row in whole:
        by_period[row["period"]] = by_period.get(row["period"], 0.0) + row["value"]
    values = list(by_period.values())
    sentence = f"{n:,} events in that time."
    estimates = [Estimate("events", float(n), n=n)]
    if len(values) > 1:
        change = values[-1] / values[-2] - 1 if values[-2] else None
        sentence = f"{n:,} events; {values[-1]:,.6g} in the {question.unit} of {list(by_period)[-1]}"
        sentence += f", {change:+.1%} on the one before." if change is not None else "."
        estimates += [Estimate("last", values[-1], n=n), Estimate("change", change, n=n)]
    return Answer(
        question=question,
        sentence=sentence,
        estimates=tuple(estimates),
        tables={"trend": table_of(rows, types)},
        caveats=tuple(caveats),
    )

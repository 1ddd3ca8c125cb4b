"""Stickiness: on how many days of a week or month people are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.common import ANY, SMALL, WHO, By, now_of, rows_of, table_of
from sevenfold.measures.events.periods import bounds, bucket, bucket_sql, label, starts, within
from sevenfold.measures.events.selecting import parse, sql_of
from sevenfold.measures.registry import analysis

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

DAY_MS = 86_400_000


class Stickiness(Question, frozen=True, tag="stickiness"):
    """`active` is what counts as being there."""

    active: str = ANY
    unit: Literal["week", "month"] = "week"
    since: str = ""
    until: str = ""
    by: By = "person"

    def check(self) -> None:
        parse(self.active)
        bounds(self.since, self.until)


@analysis("stickiness")
def stickiness(question: Stickiness, warehouse: Warehouse) -> Answer:
    """On how many days (UTC) of each whole week or month people were active, and the ratio of both.

    `days` is how many were active on at least so many days of the period; `ratio` the average number active a
    day over those active in the period (DAU / WAU or DAU / MAU). Periods that are not whole, at either end,
    are left out.
    """
    start, end = bounds(question.since, question.until)
    now = now_of(warehouse, end)
    period, day, unit = bucket_sql(question.unit), bucket_sql("day"), question.by
    each = f"""
        SELECT {unit} AS unit, {period} AS period, COUNT(DISTINCT {day}) AS days FROM events
        WHERE {sql_of(question.active)} AND {unit} <> 0 AND {within(start, end)} GROUP BY {unit}, {period}
    """  # noqa: S608
    table = warehouse.query(
        f"SELECT period, days, COUNT(*) AS people FROM ({each}) AS a GROUP BY period, days"  # noqa: S608
    )
    began = start
    if began is None:
        found = warehouse.query("SELECT MIN(time) AS time FROM events")["time"][0].as_py()
        began = 0 if found is None else found
    first = int(bucket(question.unit, np.array([began - 1]))[0]) + 1 if start is not None else None
    done = int(bucket(question.unit, np.array([now]))[0])
    return _answer(
        question, [(int(r["period"]), int(r["days"]), int(r["people"])) for r in rows_of(table)], first, done
    )


def _answer(question: Stickiness, found: list[tuple[int, int, int]], first: int | None, done: int) -> Answer:
    whole = [one for one in found if one[0] < done and (first is None or one[0] >= first)]
    rows: list[dict[str, Any]] = []
    periods: list[dict[str, Any]] = []
    for period in sorted({one[0] for one in whole}):
        here = {days: people for at, days, people in whole if at == period}
        active = sum(here.values())
        began, after = (int(starts(question.unit, np.array([p]))[0]) for p in (period, period + 1))
        length = (after - began) // DAY_MS
        person_days = sum(days * people for days, people in here.items())
        name = label(question.unit, period)
        periods.append(
            {
                "period": name,
                "active": active,
                "a_day": person_days / length,
                "ratio": person_days / length / active,
                "mean_days": person_days / active,
            }
        )
        for days in range(1, length + 1):
            people = sum(n for at, n in here.items() if at >= days)
            rows.append({"period": name, "days": days, "people": people, "share": people / active})
    caveats = [Doubt(Caveat.INCOMPLETE_LEFT_OUT)] if len(whole) < len(found) else []
    tables = {
        "periods": table_of(
            periods,
            {
                "period": pa.string(),
                "active": pa.int64(),
                "a_day": pa.float64(),
                "ratio": pa.float64(),
                "mean_days": pa.float64(),
            },
        ),
        "days": table_of(
            rows, {"period": pa.string(), "days": pa.int64(), "people": pa.int64(), "share": pa.float64()}
        ),
    }
    if not periods:
        return Answer(
            question=question, sentence="No whole period was observed.", tables=tables, caveats=tuple(caveats)
        )
    n = sum(row["active"] for row in periods)
    ratio = sum(row["ratio"] for row in periods) / len(periods)
    if n < SMALL:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{n} were active."))
    who = WHO[question.by]
    mean = sum(row["mean_days"] * row["active"] for row in periods) / n
    return Answer(
        question=question,
        tables=tables,
        caveats=tuple(caveats),
        sentence=f"{who.capitalize()} who were there in a {question.unit} were so on {mean:.1f} days of it;"
        f" on an average day {ratio:.0%} of a {question.unit}'s {who} are there.",
        estimates=(Estimate("ratio", ratio, n=n), Estimate("mean_days", mean, n=n, unit="days")),
    )

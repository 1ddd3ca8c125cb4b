"""Retention: of those who began, how many came back, period by period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.common import ANY, SMALL, WHO, By, now_of, require, rows_of, table_of
from sevenfold.measures.events.periods import (
    DAY_MS,
    WEEK_MS,
    Ints,
    Unit,
    bounds,
    bucket,
    bucket_sql,
    label,
    within,
)
from sevenfold.measures.events.selecting import parse, sql_of
from sevenfold.measures.events.sequences import integers
from sevenfold.measures.registry import analysis
from sevenfold.measures.statistics.intervals import share

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

PERIODS_MAX = 400
LENGTH_MS = {"day": DAY_MS, "week": WEEK_MS, "month": 30 * DAY_MS}


class Retention(Question, frozen=True, tag="retention"):
    """`start` and `back` are events as `sevenfold.measures.events.selecting` writes them."""

    start: str = ANY
    back: str = ANY
    kind: Literal["on", "on_or_after", "bracket"] = "on"
    mode: Literal["rolling", "calendar"] = "rolling"
    unit: Unit = "week"
    periods: int = 12
    brackets: tuple[int, ...] = ()
    since: str = ""
    until: str = ""
    by: By = "person"

    def check(self) -> None:
        parse(self.start)
        parse(self.back)
        bounds(self.since, self.until)
        require(1 <= self.periods <= PERIODS_MAX, f"From 1 to {PERIODS_MAX} periods", "periods")
        if self.kind == "bracket":
            good = len(self.brackets) >= 2 and list(self.brackets) == sorted(set(self.brackets))
            good = good and self.brackets[0] >= 0 and self.brackets[-1] <= PERIODS_MAX
            require(good, "Brackets are growing period numbers", "brackets", "such as 0, 1, 7, 14, 30")
        else:
            require(not self.brackets, "Brackets need kind=bracket", "brackets")

    @property
    def edges(self) -> list[int]:
        """The period numbers at which cells begin, and where the last one ends."""
        return list(self.brackets) if self.kind == "bracket" else list(range(self.periods + 1))


@analysis("retention")
def retention(question: Retention, warehouse: Warehouse) -> Answer:
    """How many of those who began came back in each period after.

    Whoever does `start` in the time from `since` to `until` belongs to the cohort of the day, week (from
    Monday) or month in which they first did it there. `rolling` periods are counted from each one's own first
    moment (period 0 is the first 24 hours; a month is 30 days), `calendar` ones by the calendar, UTC. `on`:
    `back` was done in that very period. `on_or_after`: in that period or any later one, up to where
    observation ends. `bracket`: in periods `brackets[i]` up to, not including, `brackets[i+1]`. The start
    itself counts in period 0 when it is also a `back`.

    A period that is not over for somebody when observation ends leaves that one out of its denominator, so
    that a curve never falls only because time is not up. As Amplitude (N-day, unbounded, bracket) and
    Mixpanel have it, except that they show incomplete cells.
    """
    start, end = bounds(question.since, question.until)
    now = now_of(warehouse, None)
    unit, edges = question.by, question.edges
    begun = f"""
        SELECT {unit} AS unit, MIN(time) AS began FROM events
        WHERE {sql_of(question.start)} AND {unit} <> 0 AND {within(start, end)} GROUP BY {unit}
    """  # noqa: S608
    first = integers(warehouse.query(f"SELECT began FROM ({begun}) AS b")["began"])  # noqa: S608
    cohorts = bucket(question.unit, first)
    sizes = _sizes(question, first, cohorts, now)
    table = warehouse.query(_returns(question, begun, now))
    came = {(row["cohort"], row["cell"]): row["people"] for row in rows_of(table)}
    if question.kind == "on_or_after":
        came = _from_the_end(came, len(edges) - 1)
    return _answer(question, sizes, came, len(first))


def _period_sql(question: Retention) -> str:
    if question.mode == "rolling":
        return f"((e.time - b.began) // {LENGTH_MS[question.unit]})"
    return f"({bucket_sql(question.unit, 'e.time')} - {bucket_sql(question.unit, 'b.began')})"


def _returns(question: Retention, begun: str, now: int) -> str:
    """People by cohort and cell in which they came back (the last cell of each, for `on_or_after`)."""
    edges, period = question.edges, _period_sql(question)
    cell = "period"
    if question.kind == "bracket":
        cell = (
            "CASE " + " ".join(f"WHEN period < {edge} THEN {k}" for k, edge in enumerate(edges[1:])) + " END"
        )
    came = f"""
        SELECT b.unit AS unit, b.began AS began, {period} AS period
        FROM events AS e JOIN ({begun}) AS b ON b.unit = e.{question.by}
        WHERE {sql_of(question.back, "e")} AND e.time >= b.began AND e.time <= {now}
    """  # noqa: S608
    bounded = f"period >= {edges[0]}"
    if question.kind != "on_or_after":
        bounded += f" AND period < {edges[-1]}"
    later = f"LEAST(MAX(period), {_last_over_sql(question, now)})"
    what = later if question.kind == "on_or_after" else cell
    group = "unit, began" if question.kind == "on_or_after" else f"unit, began, {cell}"
    inner = f"SELECT began, {what} AS cell FROM ({came}) AS c WHERE {bounded} GROUP BY {group}"  # noqa: S608
    cohort = bucket_sql(question.unit, "began")
    over = "TRUE" if question.kind == "on_or_after" else _over_sql(question, now)
    return f"""
        SELECT {cohort} AS cohort, cell, COUNT(*) AS people FROM ({inner}) AS d WHERE {over} GROUP BY
        {cohort}, cell """  # noqa: S608


def _last_over_sql(question: Retention, now: int) -> str:
    """The last period that was over for this one when observation ended."""
    if question.mode == "rolling":
        return f"(({now} - began) // {LENGTH_MS[question.unit]} - 1)"
    done = int(bucket(question.unit, np.array([now]))[0])
    return f"({done} - {bucket_sql(question.unit, 'began')} - 1)"


def _over_sql(question: Retention, now: int) -> str:
    """That the cell was over for this one when observation ended."""
    length, edges = LENGTH_MS[question.unit], question.edges
    ends = "cell + 1"
    if question.kind == "bracket":
        ends = "CASE " + " ".join(f"WHEN cell = {k} THEN {edge}" for k, edge in enumerate(edges[1:])) + " END"
    if question.mode == "rolling":
        return f"began + ({ends}) * {length} <= {now}"
    done = int(bucket(question.unit, np.array([now]))[0])
    return f"{bucket_sql(question.unit, 'began')} + ({ends}) <= {done}"


def _sizes(question: Retention, first: Ints, cohorts: Ints, now: int) -> dict[tuple[int, int], int]:
    """How many of each cohort have each cell behind them."""
    found: dict[tuple[int, int], int] = {}
    edges, done = question.edges, int(bucket(question.unit, np.array([now]))[0])
    for cell, end in enumerate(edges[1:]):
        if question.mode == "rolling":
            over = first + end * LENGTH_MS[question.unit] <= now
        else:
            over = cohorts + end <= done
        which, counts = np.unique(cohorts[over], return_counts=True)
        found |= {(int(one), cell): int(n) for one, n in zip(which, counts, strict=True)}
    for one in np.unique(cohorts).tolist():
        found.setdefault((one, -1), int((cohorts == one).sum()))
    return found


def _from_the_end(last: dict[tuple[int, int], int], cells: int) -> dict[tuple[int, int], int]:
    """Who came in a period or later, from who came last in which."""
    found: dict[tuple[int, int], int] = {}
    for (cohort, cell), people in last.items():
        for k in range(min(cell, cells - 1) + 1):
            found[cohort, k] = found.get((cohort, k), 0) + people
    return found


def _answer(
    question: Retention, sizes: dict[tuple[int, int], int], came: dict[tuple[int, int], int], total: int
) -> Answer:
    edges = question.edges
    cells, curve = [], []
    names = sorted(cohort for cohort, cell in sizes if cell == -1)
    for cohort in names:
        for cell in range(len(edges) - 1):
            n = sizes.get((cohort, cell), 0)
            if n:
                cells.append(
                    _cell(
                        label(question.unit, cohort),
                        sizes[cohort, -1],
                        edges,
                        cell,
                        n,
                        came.get((cohort, cell), 0),
                    )
                )
    incomplete = 0
    for cell in range(len(edges) - 1):
        here = [row for row in cells if row["cell"] == cell]
        n = sum(row["n"] for row in here)
        incomplete += total - n
        if n:
            curve.append(_cell("all", total, edges, cell, n, sum(row["returned"] for row in here)))
    caveats = []
    cases = total * (len(edges) - 1)
    if incomplete:
        caveats.append(Doubt(Caveat.INCOMPLETE_LEFT_OUT, f"{incomplete:,} of {cases:,} cases."))
    if 0 < total < SMALL:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{total} began."))
    kept = {
        "cohort": pa.string(),
        "size": pa.int64(),
        "period": pa.int64(),
        "until": pa.int64(),
        "n": pa.int64(),
        "returned": pa.int64(),
        "rate": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
    }
    estimates = tuple(
        Estimate(f"period_{row['period']}", row["rate"], row["low"], row["high"], row["n"]) for row in curve
    )
    return Answer(
        question=question,
        sentence=_sentence(question, curve, total),
        estimates=estimates,
        tables={
            "curve": table_of(curve, {k: v for k, v in kept.items() if k != "cohort"}),
            "cohorts": table_of(cells, kept),
        },
        caveats=tuple(caveats),
    )


def _cell(cohort: str, size: int, edges: list[int], cell: int, n: int, came: int) -> dict[str, Any]:
    found = share(came, n)
    return {
        "cohort": cohort,
        "size": size,
        "cell": cell,
        "period": edges[cell],
        "until": edges[cell + 1],
        "n": n,
        "returned": came,
        "rate": found.value,
        "low": found.low,
        "high": found.high,
    }


def _sentence(question: Retention, curve: list[dict[str, Any]], total: int) -> str:
    who = WHO[question.by]
    if not total:
        return f"No {who} began in that time."
    after = next((row for row in curve if row["period"] >= 1), None)
    if after is None:
        return f"{total:,} {who} began; no later period is over yet."
    text = f"Of {after['n']:,} {who}, {after['rate']:.1%} came back in {question.unit} {after['period']}"
    last = curve[-1]
    if last is not after:
        text += f", {last['rate']:.1%} of {last['n']:,} in {question.unit} {last['period']}"
    return text + "."

"""Funnel: how many who did one thing went on to the next, in which time, and where they stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa

from sevenfold.limits import ANALYSIS_GROUPS_ITEMS_MAX, FUNNEL_STEPS_MAX
from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.events import attempts as a
from sevenfold.measures.events.periods import bounds, duration, within
from sevenfold.measures.events.selecting import parse, property_sql, sql_of
from sevenfold.measures.registry import analysis
from sevenfold.measures.statistics.intervals import share

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

SMALL: Final = 30


class Funnel(Question, frozen=True, tag="funnel"):
    """Steps are events as `sevenfold.measures.events.selecting` writes them."""

    steps: tuple[str, ...]
    order: Literal["ordered", "any", "exact"] = "ordered"
    within: str = "30d"
    since: str = ""
    until: str = ""
    by: Literal["person", "account"] = "person"
    entry: Literal["first", "best"] = "best"
    count: Literal["uniques", "totals"] = "uniques"
    without: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()
    breakdown: str = ""

    def check(self) -> None:
        if not 1 <= len(self.steps) <= FUNNEL_STEPS_MAX:
            raise QuestionError(f"A funnel has 1 to {FUNNEL_STEPS_MAX} steps", where="steps")
        for text in (*self.steps, *self.without):
            parse(text)
        for path in (*self.hold, *((self.breakdown,) if self.breakdown else ())):
            property_sql(path)
        duration(self.within, "within")
        bounds(self.since, self.until)
        if self.order == "exact" and self.without:
            raise QuestionError("In exact order nothing lies between steps", where="without")


@analysis("funnel")
def funnel(question: Funnel, warehouse: Warehouse) -> Answer:
    """How many people (or accounts) did the steps one after the other, within a window from the first.

    An attempt begins with each event of the first step in the period. `ordered`: each next step is the
    earliest event of it after the step before; what lies between does not matter, except events of `without`,
    which end the attempt. `exact`: each next step is the very next event of that person. `any`: an attempt
    begins with an event of any step and counts the different steps within the window, wherever they stand in
    it. The window runs from the attempt's first event, its end included. Steps later than the period count;
    entries do not.

    `entry=first` looks at the first attempt of each person only, `best` at the one that came furthest, the
    earliest of those. `count=totals` counts attempts one after the other: a new one begins with the next
    entry after the last row of the one before. With `hold` all steps of an attempt have the same values of
    these properties. `breakdown` is the value at the attempt's first event. Events at the same time are in
    the order of the log. As Amplitude and Mixpanel do where they agree; `best` is Amplitude's.
    """
    rows = a.fetch(
        warehouse,
        [sql_of(step) for step in question.steps],
        [sql_of(event) for event in question.without],
        unit=question.by,
        hold=[property_sql(path) for path in question.hold],
        breakdown=property_sql(question.breakdown) if question.breakdown else "",
        period=_period(question),
        everything=question.order == "exact",
    )
    start, end = bounds(question.since, question.until)
    firsts = question.count == "uniques" and question.entry == "first"
    within_ms = duration(question.within, "within")
    tried = a.try_all(rows, question.order, within_ms, start, end, firsts=firsts)
    chosen = a.choose(tried, rows, question.count, question.entry)
    return _answer(question, rows, chosen)


def _period(question: Funnel) -> str:
    start, end = bounds(question.since, question.until)
    last = None if end is None else end + duration(question.within, "within")
    return within(start, last)


def _answer(question: Funnel, rows: a.Rows, chosen: a.Attempts) -> Answer:
    names = list(question.steps)
    if question.order == "any":
        names = [f"{k + 1} of {len(names)} steps" for k in range(len(names))]
    steps = _table(names, chosen)
    counts = steps["count"].to_pylist()
    n, converted = counts[0], counts[-1]
    rate = share(converted, n) if n else None
    tables = {"steps": steps}
    if question.breakdown:
        tables["breakdown"], shown_all = _breakdown(names, rows, chosen)
    caveats = []
    if n < SMALL:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{n} entered."))
    if question.breakdown and not shown_all:
        caveats.append(Doubt(Caveat.REST_NOT_SHOWN, f"{ANALYSIS_GROUPS_ITEMS_MAX} groups are shown."))
    who = {"person": "people", "account": "accounts"}[question.by]
    what = who if question.count == "uniques" else "attempts"
    if rate is None:
        sentence = f"Nobody did {names[0]} in that time."
    else:
        sentence = f"{converted:,} of {n:,} {what} ({rate.value:.1%}) came from {names[0]} to {names[-1]}."
        worst = _worst(names, counts)
        if worst:
            sentence += f" Most are lost {worst}."
    median = steps["median_ms"].to_pylist()[-1]
    whole = chosen.times[chosen.reached == len(names)]
    total = None if not len(whole) else float(np.median(whole[:, -1] - whole[:, 0]))
    estimates = [
        Estimate("conversion", rate and rate.value, rate and rate.low, rate and rate.high, n),
        Estimate("entered", float(n), n=n),
        Estimate("converted", float(converted), n=n),
        Estimate("median_time_to_convert", total, n=converted, unit="ms"),
        Estimate("median_time_of_last_step", median, n=converted, unit="ms"),
    ]
    return Answer(
        question=question,
        sentence=sentence,
        estimates=tuple(estimates),
        tables=tables,
        caveats=tuple(caveats),
    )


def _worst(names: list[str], counts: list[int]) -> str:
    losses = [(counts[k] - counts[k + 1], k) for k in range(len(counts) - 1)]
    lost, k = max(losses, key=lambda one: (one[0], -one[1]), default=(0, 0))
    return f"between {names[k]} and {names[k + 1]} ({lost:,})" if lost else ""


def _table(names: list[str], chosen: a.Attempts) -> pa.Table:
    """A row for each step: how many came, of those before and of all with its interval, and the times."""
    reached, times = chosen.reached, chosen.times
    n = len(reached)
    rows: dict[str, list[Any]] = {
        key: []
        for key in (
            "step",
            "event",
            "count",
            "of_previous",
            "of_first",
            "low",
            "high",
            "lost",
            "mean_ms",
            "median_ms",
            "p90_ms",
        )
    }
    before = n
    for k, name in enumerate(names):
        here = reached > k
        count = int(here.sum())
        found = share(count, n) if n else None
        took = (times[here, k] - times[here, k - 1]).astype(np.float64) if k else np.zeros(0)
        rows["step"].append(k + 1)
        rows["event"].append(name)
        rows["count"].append(count)
        rows["of_previous"].append(count / before if before else None)
        rows["of_first"].append(count / n if n else None)
        rows["low"].append(found.low if found else None)
        rows["high"].append(found.high if found else None)
        rows["lost"].append(before - count)
        rows["mean_ms"].append(float(took.mean()) if len(took) else None)
        rows["median_ms"].append(float(np.median(took)) if len(took) else None)
        rows["p90_ms"].append(float(np.quantile(took, 0.9)) if len(took) else None)
        before = count
    types = {"step": pa.int64(), "event": pa.string(), "count": pa.int64(), "lost": pa.int64()}
    return pa.table({key: pa.array(held, types.get(key, pa.float64())) for key, held in rows.items()})


def _breakdown(names: list[str], rows: a.Rows, chosen: a.Attempts) -> tuple[pa.Table, bool]:
    """The counts of each group, the largest first, and whether all groups are shown."""
    groups = rows.groups[chosen.rows[:, 0]] if len(chosen.rows) else np.zeros(0, dtype=np.int32)
    sizes = np.bincount(groups, minlength=len(rows.group_names))
    # Groups of one size in order of their names, which is the same wherever they came from.
    order = np.array(
        sorted(range(len(sizes)), key=lambda one: (-sizes[one], rows.group_names[one])), dtype=np.int64
    )
    order = order[sizes[order] > 0]
    shown, rest = order[:ANALYSIS_GROUPS_ITEMS_MAX], order[ANALYSIS_GROUPS_ITEMS_MAX:]
    found: dict[str, list[Any]] = {"group": [], "step": [], "event": [], "count": [], "of_first": []}
    members = [(rows.group_names[int(one)], groups == one) for one in shown]
    if len(rest):
        members.append(("(all others)", np.isin(groups, rest)))
    for name, here in members:
        reached, n = chosen.reached[here], int(here.sum())
        for k, event in enumerate(names):
            count = int((reached > k).sum())
            for key, value in zip(found, (name, k + 1, event, count, count / n), strict=True):
                found[key].append(value)
    return pa.table(found), not len(rest)

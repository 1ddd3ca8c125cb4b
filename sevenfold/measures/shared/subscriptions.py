"""Value of customers who stay or leave: subscriptions by survival, and one chance a period by BG/BB."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import DAY_MS, as_table, codes, column, known, numbers, table_of, times
from sevenfold.measures.shared.customers import UNIT_DAYS
from sevenfold.measures.shared.value import parameters
from sevenfold.measures.statistics import purchases as model
from sevenfold.measures.statistics import survival
from sevenfold.measures.statistics.special import Bools, Floats, normal_quantile

LEAVERS_MIN = 20
"""Fewer who left say too little about when customers leave."""


class Subscriptions(Question, frozen=True, tag="subscriptions"):
    """How long subscriptions last, in `unit`s, and what they are worth within `horizon` at `value` a unit."""

    horizon: float = 12.0
    unit: str = "month"
    by: str = ""
    level: float = 0.95


def from_subscriptions(
    frame: Any, *, duration: str = "", left: str = "", start: str = "", end: str = "", until: str = "",
    value: str = "", by: str = "", horizon: float = 12.0, unit: str = "month", level: float = 0.95,
) -> Answer:  # fmt: skip
    """How long customers stay, a row a subscription: either `duration` (in `unit`s) with `left` (yes or no),
    or `start` and `end` (dates; no end: still there) observed `until` a date (the last one by default).

    Kaplan-Meier for each value of `by`, the shifted beta-geometric where it can be fitted, mean time stayed
    within `horizon` with its interval, and that times the mean `value` a unit. Tables: `survival`, `groups`.
    Raises QuestionError.
    """
    question = Subscriptions(horizon=horizon, unit=unit, by=by, level=level)
    if unit not in UNIT_DAYS:
        raise QuestionError(f"{unit!r} is no unit", where="unit", fix=f"one of {', '.join(UNIT_DAYS)}")
    table = table_of(frame)
    if duration:
        if not left:
            raise QuestionError("Durations need a column that says who left", where="left")
        spans, gone = numbers(table, duration), numbers(table, left)
    elif start and end:
        spans, gone = _spans(table, start, end, until, UNIT_DAYS[unit])
    else:
        raise QuestionError("Name duration and left, or start and end", where="duration")
    groups, names = codes(table, by) if by else (np.zeros(table.num_rows, dtype=np.int64), [""])
    amounts = numbers(table, value) if value else np.full(table.num_rows, np.nan)
    use = known(spans, gone, groups) & (spans >= 0)
    curves: list[dict[str, Any]] = []
    rows, estimates, few = [], [], []
    for number, name in enumerate(names):
        mine: Bools = use & (groups == number)
        if mine.any():
            row, curve = _group(name, spans[mine], gone[mine] > 0, amounts[mine], horizon, level)
            rows.append(row)
            curves += curve
            few += [name or "all"] if row["left"] < LEAVERS_MIN else []
            suffix = f":{name}" if name else ""
            mean = (row["mean_time"], row["mean_time_low"], row["mean_time_high"])
            estimates.append(Estimate(f"mean_time{suffix}", *mean, n=row["n"], level=level, unit=f"{unit}s"))
    caveats = [Doubt(Caveat.SAMPLE_TOO_SMALL, f"Few left in {words.listed(few)}.")] if few else []
    if not use.all():
        caveats.append(Doubt(Caveat.UNKNOWN_LEFT_OUT, f"{int((~use).sum()):,} rows."))
    if rows and horizon > max(float(spans[use].max()), 0.0):
        caveats.append(Doubt(Caveat.EXTRAPOLATED, f"Nobody was seen for {words.number(horizon)} {unit}s."))
    return Answer(
        question=question, estimates=tuple(estimates), caveats=tuple(caveats),
        sentence=" ".join(_sentence(row, question) for row in rows[:3]) or "There is no subscription.",
        tables={"groups": as_table(rows), "survival": as_table(curves)},
    )  # fmt: skip


def _sentence(row: dict[str, Any], question: Subscriptions) -> str:
    who = f"Of {row['n']:,}" + (f" ({row['group']})" if row["group"] else "")
    return (
        f"{who} {row['left']:,} left; within {words.number(question.horizon)} {question.unit}s they stay "
        f"{words.number(row['mean_time'])} ({words.number(row['mean_time_low'])} to "
        f"{words.number(row['mean_time_high'])}) on average, {words.percent(row['staying'])} to the end."
    )


def _group(
    name: str, spans: Floats, gone: Bools, amounts: Floats, horizon: float, level: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = survival.kaplan_meier(spans, gone, level)
    mean, error = survival.restricted_mean(found, horizon)
    half = normal_quantile(0.5 + level / 2) * error
    at = [each for each in found if each.time <= horizon]
    fitted = (
        survival.fit_sbg(np.maximum(np.ceil(spans), 1.0), gone) if gone.any() and not gone.all() else None
    )
    paid = amounts[np.isfinite(amounts)]
    curve = [
        {"group": name, "time": each.time, "at_risk": each.at_risk, "left": each.left,
         "staying": each.staying, "low": each.low, "high": each.high, "hazard": each.hazard}
        for each in found
    ]  # fmt: skip
    alpha, beta = (None, None) if fitted is None or fitted.at_bound else fitted.values
    modelled = survival.sbg_survival(fitted, np.array([ceil(horizon)])) if alpha and fitted else None
    return {
        "group": name, "n": len(spans), "left": int(gone.sum()),
        "staying": at[-1].staying if at else 1.0,
        "low": at[-1].low if at else 1.0, "high": at[-1].high if at else 1.0,
        "mean_time": mean, "mean_time_low": max(mean - half, 0.0),
        "mean_time_high": min(mean + half, horizon),
        "alpha": alpha, "beta": beta, "staying_sbg": float(modelled[0]) if modelled is not None else None,
        "value": float(paid.mean()) * mean if len(paid) else None,
    }, curve  # fmt: skip


def _spans(table: pa.Table, start: str, end: str, until: str, unit_days: float) -> tuple[Floats, Floats]:
    begun = times(table, start)
    ends = column(table, end).to_pylist()
    blank = ("", "None", "NaT")
    there = np.array([str(value).strip() not in blank for value in ends], dtype=bool)
    gone_at = np.zeros(len(begun), dtype=np.int64)
    if there.any():
        gone_at[there] = times(table.filter(pa.array(there)), end)
    last = max(int(begun.max(initial=0)), int(gone_at.max(initial=0)))
    seen = int(times(pa.table({"until": [until]}), "until")[0]) if until else last
    left = there & (gone_at <= seen)
    span = (np.where(left, gone_at, seen) - begun) / (DAY_MS * unit_days)
    return span, left.astype(np.float64)


class Chances(Question, frozen=True, tag="chances"):
    """Purchases expected at the next `more` chances, one a period."""

    more: float = 5.0
    level: float = 0.95


def from_chances(
    frame: Any, *, x: str = "frequency", t_x: str = "recency", n: str = "periods", weights: str = "",
    more: float = 5.0, level: float = 0.95,
) -> Answer:  # fmt: skip
    """Value where there is one chance a period (a yearly donation): BG/BB from `x` purchases at `n` chances,
    the last at chance `t_x`; `weights` count customers who are alike. Table: `customers`. Raises
    QuestionError.
    """
    question = Chances(more=more, level=level)
    table = table_of(frame)
    columns = [numbers(table, name) for name in (x, t_x, n)]
    counts = numbers(table, weights) if weights else np.ones(table.num_rows)
    use = known(*columns, counts)
    frequency, recency, chances = (each[use] for each in columns)
    counts = counts[use]
    if np.any((recency > chances) | (frequency > recency)):
        raise QuestionError("More purchases than chances, or a last one after them", where=t_x)
    fitted = model.fit_bgbb(frequency, recency, chances, counts)
    expected = model.bgbb_expected(fitted, more, frequency, recency, chances)

    def total(p: Any) -> float:
        return float(counts @ model.bgbb_expected(tuple(p), more, frequency, recency, chances))

    error = fitted.spread(total)
    half = normal_quantile(0.5 + level / 2) * error if error is not None else None
    value = total(fitted.values)
    low, high = (None, None) if half is None else (max(value - half, 0.0), value + half)
    rows = pa.table({
        "x": frequency, "t_x": recency, "n": chances, "customers": counts,
        "alive": model.bgbb_alive(fitted, frequency, recency, chances), "expected_purchases": expected,
    })  # fmt: skip
    caveats = (
        Doubt(Caveat.ASSUMPTION_FAILED, f"Parameters ran away: {words.listed(list(fitted.at_bound))}."),
    )
    return Answer(
        question=question,
        sentence=f"At the next {words.number(more)} chances {words.number(value)} purchases are expected.",
        estimates=(
            Estimate("expected_purchases", value, low, high, int(counts.sum()), level),
            *parameters(fitted, "bgbb", level),
        ),
        caveats=caveats if fitted.at_bound else (),
        tables={"customers": rows},
    )

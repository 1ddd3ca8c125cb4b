"""Experiments of which only figures are left: counts of arms, or means and variances at each look."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt
from typing import Any

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table, codes, known, numbers, table_of
from sevenfold.measures.shared.comparing import control_of
from sevenfold.measures.statistics import sequential
from sevenfold.measures.statistics.effect import Stratum, over_strata
from sevenfold.measures.statistics.intervals import Interval, Moments, mean_difference, mean_ratio, share
from sevenfold.measures.statistics.special import Floats, Ints


class Watching(Question, frozen=True, tag="watching"):
    """Looks at running experiments: `by` names what tells one experiment from another, `time` the order of
    the looks; the others are the columns of cumulative counts, means and variances of both arms.
    """

    by: tuple[str, ...]
    time: str
    count: tuple[str, str]
    mean: tuple[str, str]
    variance: tuple[str, str]
    level: float = 0.95
    tuned: float = sequential.TUNED_UNITS


def watch(
    frame: Any, *, by: Sequence[str], time: str, count: tuple[str, str] = ("count_c", "count_t"),
    mean: tuple[str, str] = ("mean_c", "mean_t"), variance: tuple[str, str] = ("variance_c", "variance_t"),
    level: float = 0.95, tuned: float = sequential.TUNED_UNITS,
) -> Answer:  # fmt: skip
    """What would have been decided at each look at cumulative figures (control first, then treated), by
    intervals that hold at every look and by those that hold at one.

    Tables: `looks` (a row each), `experiments` (first decision of either, the last look, and whether a
    decision was taken back). Raises QuestionError.
    """
    question = Watching(tuple(by), time, count, mean, variance, level, tuned)
    table = table_of(frame)
    keys = [codes(table, name) for name in by]
    when = numbers(table, time)
    order = np.lexsort([when, *[key for key, _ in reversed(keys)]])
    arrays = [numbers(table, name) for name in (*count, *mean, *variance)]
    looks: list[dict[str, Any]] = []
    for i in order:
        control_n, n, control_mean, at, control_variance, spread = (float(each[i]) for each in arrays)
        if not all(isfinite(v) for v in (control_n, n, control_mean, at, control_variance, spread)):
            continue
        error = sqrt(spread / n + control_variance / control_n) if min(n, control_n) > 0 else float("inf")
        any_time = sequential.interval(at - control_mean, error, n + control_n, level, tuned)
        once = mean_difference(
            Moments(int(n), at, spread), Moments(int(control_n), control_mean, control_variance), level
        )
        looks.append({
            "experiment": " ".join(names[key[i]] for key, names in keys), "time": float(when[i]),
            "n": int(n), "control_n": int(control_n), "effect": any_time.value,
            "low": any_time.low, "high": any_time.high, "decision": _sign(any_time),
            "once_low": once.interval.low, "once_high": once.interval.high,
            "once_decision": _sign(once.interval),
        })  # fmt: skip
    return _watched(question, looks)


def _sign(interval: Interval) -> int:
    return int(interval.low > 0) - int(interval.high < 0)


def _watched(question: Watching, looks: list[dict[str, Any]]) -> Answer:
    """Decisions by experiment, and how many were taken back."""
    paths: dict[str, list[dict[str, Any]]] = {}
    for look in looks:
        paths.setdefault(look["experiment"], []).append(look)
    rows = []
    for name, path in paths.items():
        row: dict[str, Any] = {"experiment": name, "looks": len(path), "last": path[-1]["time"]}
        for kind in ("", "once_"):
            taken = [look for look in path if look[f"{kind}decision"]]
            row[f"{kind}first"] = taken[0]["time"] if taken else None
            row[f"{kind}first_decision"] = taken[0][f"{kind}decision"] if taken else 0
            row[f"{kind}last_decision"] = path[-1][f"{kind}decision"]
            stayed = not taken or path[-1][f"{kind}decision"] == taken[0][f"{kind}decision"]
            row[f"{kind}taken_back"] = not stayed
        rows.append(row)
    figures = {}
    for kind, name in (("", "any_time"), ("once_", "once")):
        figures[f"decided_{name}"] = sum(row[f"{kind}first_decision"] != 0 for row in rows)
        figures[f"taken_back_{name}"] = sum(row[f"{kind}taken_back"] for row in rows)
    bounds = {key: share(count, len(rows), question.level) for key, count in figures.items()}
    return Answer(
        question=question,
        sentence=(
            f"Of {len(rows):,} comparisons looked at {len(looks):,} times, {figures['decided_any_time']:,} "
            f"were decided by intervals that hold at every look, {figures['taken_back_any_time']:,} of them "
            f"taken back later; intervals for one look decided {figures['decided_once']:,} and took "
            f"{figures['taken_back_once']:,} back."
        ),
        estimates=tuple(
            Estimate(key, found.value, found.low, found.high, len(rows), question.level)
            for key, found in bounds.items()
        ),
        tables={"experiments": as_table(rows), "looks": as_table(looks)},
    )  # fmt: skip


class Counting(Question, frozen=True, tag="counting"):
    """Arms given as counts: `units` and `hits` are columns, `stratum` the test, day or group that a row
    belongs to, within which arms are compared.
    """

    arm: str
    units: str
    hits: str
    control: str = ""
    stratum: str = ""
    level: float = 0.95


def compare_counts(
    frame: Any, *, arm: str, units: str, hits: str, control: str = "", stratum: str = "", level: float = 0.95
) -> Answer:
    """Compares arms of which only counts are left (impressions and clicks), at one look.

    With `stratum`, arms are compared within each test, and tests are what chance dealt. Tables: `arms` (a
    share with its interval each), `effects`. Raises QuestionError.
    """
    question = Counting(arm, units, hits, control, stratum, level)
    table = table_of(frame)
    which, names = codes(table, arm)
    base = control_of(names, control)
    total, good = numbers(table, units), numbers(table, hits)
    use = known(which, total, good)
    arms, sums = [], {}
    for i, name in enumerate(names):
        rows = use & (which == i)
        sums[name] = (int(good[rows].sum()), int(total[rows].sum()))
        found = share(*sums[name], level)
        arms.append({"arm": name, "hits": sums[name][0], "units": sums[name][1], "share": found.value,
                     "low": found.low, "high": found.high})  # fmt: skip
    effects = []
    for name in names:
        if name != base:
            strata = None
            if stratum:
                strata = _strata(table, stratum, (which, names.index(name), names.index(base)), total, good)
            effects.append(_of_counts(question, name, base, sums, strata))
    rows = [row for row, _ in effects]
    return Answer(
        question=question,
        sentence=" ".join(row["sentence"] for row in rows[:3]),
        estimates=tuple(estimate for _, estimate in effects),
        tables={"effects": as_table(rows), "arms": as_table(arms)},
        caveats=(Doubt(Caveat.PEEKING),),
    )


def _strata(
    table: pa.Table, stratum: str, arms: tuple[Ints, int, int], total: Floats, good: Floats
) -> list[Stratum]:
    """Counts of both arms in each test that has both; `arms` is (code of each row, treated, control)."""
    groups, names = codes(table, stratum)
    which, treated, control = arms
    usable = known(groups, total, good)
    sums = [
        np.bincount(groups[rows], weights=values[rows], minlength=len(names))
        for arm in (treated, control)
        for rows in (usable & (which == arm),)
        for values in (good, total)
    ]
    rows = np.stack(sums, axis=1).astype(np.int64).tolist()
    return [Stratum(*row) for row in rows if row[1] > 0 and row[3] > 0]


def _of_counts(
    question: Counting, name: str, base: str, sums: dict[str, tuple[int, int]], strata: list[Stratum] | None
) -> tuple[dict[str, Any], Estimate]:
    """One arm against the control: pooled, or within strata where there are some."""
    (hits, n), (control_hits, control_n) = sums[name], sums[base]
    treated, control = Moments.of_share(hits, n), Moments.of_share(control_hits, control_n)
    pooled = mean_difference(treated, control, question.level)
    difference, error = (
        (pooled.interval, pooled.error) if strata is None else over_strata(strata, question.level)
    )
    relative = mean_ratio(treated, control, question.level)
    unclear = not (difference.low > 0 or difference.high < 0)
    won = None
    if strata is not None:
        won = sum(s.hits * s.control_n > s.control_hits * s.n for s in strata)
    row = {
        "arm": name, "control": base,
        "effect": difference.value, "low": difference.low, "high": difference.high, "error": error,
        "relative": relative.value, "relative_low": relative.low, "relative_high": relative.high,
        "pooled": pooled.interval.value, "tests": None if strata is None else len(strata), "won": won,
        "sentence": (
            f"{name} {words.percent(treated.mean)} against {base} {words.percent(control.mean)}: "
            f"{words.signed(difference.value, True)} {words.between(difference, True)}"
            f"{'' if strata is None else ' within tests'}{', which chance may explain' if unclear else ''}."
        ),
    }  # fmt: skip
    estimate = Estimate(
        name, difference.value, difference.low, difference.high, n + control_n, question.level
    )
    return row, estimate

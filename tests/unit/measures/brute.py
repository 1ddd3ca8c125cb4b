"""Analyses computed the obvious way, in lists and loops, from the definitions in their docstrings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

DAY = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Event = tuple[int, int, str, str]
"""(person, time, name, plan)"""


def timelines(events: Sequence[Event]) -> dict[int, list[Event]]:
    """Each person's events in order of time, then as they stand."""
    found: dict[int, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda one: one[1]):
        found[event[0]].append(event)
    return found


def date(time: int) -> datetime:
    return EPOCH + timedelta(milliseconds=time)


def bucket(unit: str, time: int) -> int:
    at = date(time)
    if unit == "month":
        return at.year * 12 + at.month - 1
    if unit == "week":
        return (at.date() - datetime(1970, 1, 5, tzinfo=UTC).date()).days // 7
    return (at.date() - EPOCH.date()).days


# ------------------------------------------------------------------------------------------------- funnel


def attempt(
    line: list[Event], at: int, steps: Sequence[str], order: str, window: int, without: str
) -> list[int]:
    """The places in a timeline of the steps that the attempt beginning at `at` came to."""
    end = line[at][1] + window
    if order == "any":
        first: dict[str, int] = {}
        for place in range(at, len(line)):
            if line[place][1] > end or (without and line[place][2] == without and place > at):
                break
            if line[place][2] in steps and line[place][2] not in first:
                first[line[place][2]] = place
        return sorted(first.values())
    places = [at]
    for step in steps[1:]:
        for place in range(places[-1] + 1, len(line)):
            if line[place][1] > end:
                return places
            if line[place][2] == step:
                places.append(place)
                break
            if order == "exact" or (without and line[place][2] == without):
                return places
        else:
            return places
    return places


def funnel(
    events: Sequence[Event],
    steps: Sequence[str],
    *,
    order: str = "ordered",
    window: int,
    entry: str = "best",
    count: str = "uniques",
    without: str = "",
    hold: bool = False,
) -> list[int]:
    """How many came to each step."""
    reached: list[int] = []
    for line in timelines(events).values():
        lines = [line]
        if hold:
            plans = dict.fromkeys(event[3] for event in line)
            lines = [[event for event in line if event[3] == plan] for plan in plans]
        tried: list[tuple[int, int]] = []
        for part in lines:
            after = -1
            for at, event in enumerate(part):
                begins = event[2] in steps if order == "any" else event[2] == steps[0]
                if not begins or (count == "totals" and at <= after):
                    continue
                places = attempt(part, at, steps, order, window, without)
                tried.append((event[1], len(places)))
                after = places[-1]
        if count == "totals":
            reached += [n for _, n in tried]
        elif tried and entry == "best":
            reached.append(max(n for _, n in tried))
        elif tried:
            reached.append(min(tried, key=lambda one: one[0])[1])
    return [sum(n > step for n in reached) for step in range(len(steps))]


# ---------------------------------------------------------------------------------------------- retention


def retention(
    events: Sequence[Event],
    *,
    start: str,
    back: str,
    kind: str,
    mode: str,
    unit: str,
    edges: Sequence[int],
    now: int,
) -> list[tuple[int, int, int]]:
    """For each cell (its first period, how many have it behind them, how many of those came back)."""
    length = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY}[unit]
    cells = [[0, 0] for _ in edges[1:]]
    for line in timelines(events).values():
        began = next((time for _, time, name, _ in line if start in ("*", name)), None)
        if began is None:
            continue

        def period(time: int, began: int = began) -> int:
            if mode == "rolling":
                return (time - began) // length
            return bucket(unit, time) - bucket(unit, began)

        came = {period(time) for _, time, name, _ in line if back in ("*", name) and began <= time <= now}
        for cell, (first, last) in enumerate(pairwise(edges)):
            over = (
                began + last * length <= now
                if mode == "rolling"
                else bucket(unit, began) + last <= bucket(unit, now)
            )
            if not over:
                continue
            cells[cell][0] += 1
            if kind == "on_or_after":
                cells[cell][1] += any(one >= first for one in came)
            else:
                cells[cell][1] += any(first <= one < last for one in came)
    return [(first, n, returned) for first, (n, returned) in zip(edges, cells, strict=False) if n]


# ------------------------------------------------------------------------------------ lifecycle, stickiness


def lifecycle(events: Sequence[Event], unit: str, now: int) -> dict[int, tuple[int, int, int, int]]:
    """By period: new, current, resurrected, dormant."""
    active: dict[int, set[int]] = defaultdict(set)
    for person, time, _, _ in events:
        active[bucket(unit, time)].add(person)
    found = {}
    for period in range(min(active), min(max(active) + 2, bucket(unit, now))):
        here, before = active.get(period, set()), active.get(period - 1, set())
        earlier = set().union(*(people for at, people in active.items() if at < period))
        found[period] = (
            len(here - earlier),
            len(here & before),
            len((here & earlier) - before),
            len(before - here),
        )
    return found


def stickiness(events: Sequence[Event], unit: str, now: int) -> dict[tuple[int, int], int]:
    """By period and number of days: how many were active on at least so many."""
    days: dict[tuple[int, int], set[int]] = defaultdict(set)
    for person, time, _, _ in events:
        days[bucket(unit, time), person].add(bucket("day", time))
    found: dict[tuple[int, int], int] = {}
    for (period, _), held in days.items():
        if period < bucket(unit, now):
            for n in range(1, len(held) + 1):
                found[period, n] = found.get((period, n), 0) + 1
    return found


# --------------------------------------------------------------------------------------------------- paths


def paths(
    events: Sequence[Event], *, anchor: str, depth: int, gap: int, before: bool, repeats: bool
) -> Counter[Any]:
    """The names of each path, None after its end."""
    found: Counter[Any] = Counter()
    for line in timelines(events).values():
        sessions: list[list[str]] = []
        last = None
        for _, time, name, _ in line:
            if last is None or time - last > gap:
                sessions.append([])
            sessions[-1].append(name)
            last = time
        for session in sessions:
            names = session[::-1] if before else session
            if not repeats:
                names = [name for name, _ in groupby(names)]
            if anchor:
                if anchor not in names:
                    continue
                names = names[names.index(anchor) :]
            padded = [*names, *[None] * depth][: depth + 1]
            found[tuple(padded)] += 1
    return found


# ----------------------------------------------------------------------------------------------------- rfm


def scores(values: Sequence[float]) -> list[int]:
    """1 to 5 by how many are lower."""
    return [1 + 5 * sum(other < value for other in values) // len(values) for value in values]


def rfm(events: Sequence[Event], segment_of: Callable[[int, int], str], now: int) -> Counter[str]:
    """How many are in each segment."""
    lines = timelines(events)
    recency = scores([line[-1][1] - now for line in lines.values()])
    frequency = scores([len(line) for line in lines.values()])
    return Counter(segment_of(r, f) for r, f in zip(recency, frequency, strict=True))

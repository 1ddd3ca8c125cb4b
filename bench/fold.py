"""The fold at a million profiles: events in steady state, from JSON bytes to effects, on one core."""

from __future__ import annotations

import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from sevenfold.clock import SetClock
from sevenfold.engine import Fold
from sevenfold.events.dedup import message_key
from sevenfold.events.model import event_decoder
from sevenfold.events.steps import Intake
from sevenfold.log.base import Entry, NewEvents
from sevenfold.log.sqlite import SqliteLog

from . import memory
from .figures import Digest, Figure, Report, at_least, at_most, plain
from .measuring import Laps, pack, quiet
from .population import Events, Population, Template, records
from .steps import operations, shares

RECORD = 100
GOAL = 100_000
WARM = 30_000
"""Events folded before anything is measured."""


def measure(quick: bool) -> Report:
    workspace = pack("seven-stage")
    accounts, people, fewer = (100, 60_000, 6_000) if quick else (300, 1_000_000, 100_000)
    template = Template(workspace, accounts)
    big = Population(template, people)
    parts = memory.parts(big)
    run = _Run(big, Population(template, fewer))
    with quiet():
        run.measure()
        ops, by_step = run.steps()
    figures = run.figures(ops) + memory.figures(big, parts)
    figures += [plain(f"share_{step.replace(' ', '_')}", share, "share") for step, share in by_step.items()]
    notes = [*run.notes(quick), memory.note(big, parts), *_between(run, by_step)]
    del big, run.big, run.small
    history, note = _history(template, quick)
    return Report("fold", [*figures, history], [*notes, note], run.digest.text)


class _Run:
    """Two populations and the floor, measured side by side so that a noisy machine is noisy for all."""

    def __init__(self, big: Population, small: Population) -> None:
        self.big, self.small = big, small
        self.hundred, self.single, self.few, self.floor = Laps(), Laps(), Laps(), Laps()
        self.digest = Digest()
        self.bytes = 0

    def measure(self) -> None:
        """A whole day, each hour's events in four parts: records of 100 and single events by turns."""
        closes = {one: _watch_closes(one.fold) for one in (self.big, self.small)}
        for one in (self.big, self.small):
            # Functions are made when they are first needed; that belongs to starting, not to a steady state.
            warm = 0
            while warm < WARM:
                events = one.hour()
                _fold_all(one.fold, events, RECORD)
                warm += len(events)
        floor = _Floor()
        for _ in range(24):
            events = self.big.hour()
            self.bytes += sum(len(raw) for _, raw in events)
            for part, some in enumerate(_quarters(events)):
                laps, size = (self.single, 1) if part % 2 else (self.hundred, RECORD)
                self.digest.add(_lap(laps, self.big.fold, some, size, closes[self.big]))
            few = self.small.hour()
            _lap(self.few, self.small.fold, few, RECORD, closes[self.small])
            floor.lap(self.floor, events[: 20 * RECORD])
        floor.close()
        # The day close is charged to all the day's events alike.
        self.closing = {one: laps.cpu_s / len(laps.all) for one, laps in closes.items()}
        self.close_wall_s = closes[self.big].wall_s / len(closes[self.big].all)

    def cost_us(self, laps: Laps, of: Population) -> float:
        """Microseconds of processor time an event, with its share of the day close."""
        return (laps.cpu_s / laps.units + self.closing[of] / of.events_a_day) * 1e6

    def steps(self) -> tuple[float, dict[str, float]]:
        """Operations an event and the share of each step, over two more days of the smaller population."""
        ops = operations(self.small.fold, self._day())
        found = shares(self.small.fold, self._day())
        return ops, {step: us / sum(found.values()) for step, us in found.items()}

    def _day(self) -> list[Events]:
        return [batch for _ in range(24) for batch in records(self.small.hour(), RECORD)]

    def figures(self, ops: float) -> list[Figure]:
        cost, single = self.cost_us(self.hundred, self.big), self.cost_us(self.single, self.big)
        few = self.cost_us(self.few, self.small)
        events = self.hundred.units + self.single.units
        return [
            at_least("events_per_s", 1e6 / cost, "events/s", 60_000),
            at_least("events_per_s_single", 1e6 / single, "events/s", 45_000),
            plain("events_per_s_median", self.hundred.median_rate, "events/s"),
            plain("events_per_s_single_median", self.single.median_rate, "events/s"),
            plain("events_per_s_wall", self.hundred.wall_rate, "events/s"),
            at_most("cost_at_full_over_tenth", cost / few, "ratio", 1.3),
            plain("floor_events_per_s", self.floor.rate, "events/s"),
            plain("cost_over_floor", cost * self.floor.rate / 1e6, "ratio"),
            plain("day_close_s", self.close_wall_s, "s"),
            plain("bytes_per_event", self.bytes / events, "bytes"),
            plain("operations_per_event", ops, ""),
            plain("effects_per_event", self.digest.count / events, ""),
        ]

    def notes(self, quick: bool) -> list[str]:
        events = self.hundred.units + self.single.units
        cut = "; quick: fewer profiles and so fewer events, memory less exact" if quick else ""
        return [
            f"{self.big.profiles:,} profiles (cloned from {self.big.template.people:,}), seven-stage, "
            f"a whole day, {events:,} events, records of {RECORD} and of 1 by quarter hours{cut}",
            "rates are of processor time, with an even share of the day close; medians are of quarter hours "
            "without it; in steady state: windows expire",
            f"the smaller population has {self.small.profiles:,} profiles",
            f"floor: decode + durable append to the SQLite log in records of {RECORD}, {self.floor.units:,} "
            f"events; its wall time, which waits for the disk: {self.floor.wall_rate:,.0f} events/s",
        ]


def _watch_closes(fold: Fold) -> Laps:
    laps = Laps()
    close = fold.closer.close
    closer: Any = fold.closer
    closer.close = lambda t: laps.add(1, lambda: close(t))
    return laps


def _fold_all(fold: Fold, events: Events, size: int) -> list[Any]:
    effects: list[Any] = []
    for record in records(events, size):
        effects += fold.events(record)
    return effects


def _lap(laps: Laps, fold: Fold, events: Events, size: int, closes: Laps) -> list[Any]:
    """One part, timed; a day close that falls into it is taken out."""
    batches = list(records(events, size))

    def work() -> list[Any]:
        effects: list[Any] = []
        for batch in batches:
            effects += fold.events(batch)
        return effects

    cpu, wall = closes.cpu_s, closes.wall_s
    effects: list[Any] = laps.add(len(events), work)
    laps.all[-1].cpu_s -= closes.cpu_s - cpu
    laps.all[-1].wall_s -= closes.wall_s - wall
    return effects


def _quarters(events: Events) -> list[Events]:
    edges = [round(len(events) * part / 4) for part in range(5)]
    return [events[a:b] for a, b in pairwise(edges)]


class _Floor:
    """What every design pays: decode each event and append it to the log, durably."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._log = SqliteLog(Path(self._folder.name) / "log", SetClock())
        self._accept = Intake(event_decoder(None)).accept

    def lap(self, laps: Laps, events: Events) -> None:
        batches = list(records(events, RECORD))
        laps.add(len(events), lambda: self._append(batches))

    def _append(self, batches: list[Events]) -> None:
        for batch in batches:
            entries, keys = [], []
            for t, raw in batch:
                event: Any = self._accept(raw, t, "bench")
                entries.append(Entry("bench", t, raw, t))
                keys.append(message_key("bench", event.message_id))
            self._log.append([NewEvents(entries, keys)])

    def close(self) -> None:
        self._log.close()
        self._folder.cleanup()


def _between(run: _Run, by_step: dict[str, float]) -> list[str]:
    cost, budget = run.cost_us(run.hundred, run.big), 1e6 / GOAL
    told = ", ".join(f"{step} {share * cost:.1f} us ({share:.0%})" for step, share in by_step.items())
    notes = [f"of the {cost:.1f} us an event, by the shares of another day of the smaller population: {told}"]
    if cost <= budget:
        return [*notes, f"nothing stands between this and {GOAL:,} events/s"]
    return [
        *notes,
        f"between {1e6 / cost:,.0f} and {GOAL:,} events/s stand {cost - budget:.1f} us an event: all of it "
        "is interpreted Python, one operation after another; were everything but handlers, evaluation and "
        f"expiry free, it would be {1e6 / cost / max(_core(by_step), 1e-9):,.0f} events/s",
    ]


def _core(by_step: dict[str, float]) -> float:
    return sum(by_step.get(step, 0.0) for step in ("handlers", "evaluation", "expiry"))


def _history(template: Template, quick: bool) -> tuple[Figure, str]:
    """What an event costs after a long history, against after a short one: the same week, side by side."""
    people, late = (2_000, 500_000) if quick else (5_500, 10_000_000)
    old, young = Population(template, people), Population(template, people)
    after, before = Laps(), Laps()
    with quiet():
        while old.folded < late:
            _live(old)
        _live(young)
        behind = young.folded, old.folded
        for _ in range(7 * 24):
            for population, laps in ((old, after), (young, before)):
                events = population.hour()
                if events:
                    laps.add(len(events), partial(_fold_all, population.fold, events, RECORD))
    late_us, early_us = (laps.cpu_s / laps.units * 1e6 for laps in (after, before))
    note = (
        f"history: {old.profiles:,} profiles with {behind[1]:,} events behind them, against as many with "
        f"{behind[0]:,}, live through the same week, hour by hour in turns ({late_us:.1f} against "
        f"{early_us:.1f} us an event, day closes included)"
    )
    if quick:
        note += "; quick: ten million and one million events are cut to these"
    return at_most("cost_after_long_history", late_us / early_us, "ratio", 1.2), note


def _live(population: Population) -> None:
    """Folds a week."""
    for _ in range(7 * 24):
        events = population.hour()
        _fold_all(population.fold, events, RECORD)
        population.folded += len(events)

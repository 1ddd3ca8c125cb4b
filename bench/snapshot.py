"""Snapshots beside the running fold, and recovery: the last snapshot and the log's tail."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sevenfold import snapshots
from sevenfold.clock import SetClock
from sevenfold.events.dedup import message_key
from sevenfold.log.base import Entry, NewEvents
from sevenfold.log.sqlite import SqliteLog

from .figures import Digest, Report, at_most, plain
from .measuring import Laps, pack, quiet, timed
from .population import Events, Population, Template, records

RECORD = 100


def measure(quick: bool) -> Report:
    accounts, people, tail = (100, 100_000, 100_000) if quick else (300, 1_000_000, 1_000_000)
    template = Template(pack("seven-stage"), accounts)
    population = Population(template, people)
    profiles, fold = population.profiles, population.fold
    before, during = _Beats(), _Beats()
    with tempfile.TemporaryDirectory() as name, quiet():
        folder = Path(name)
        log = SqliteLog(folder / "log", SetClock())
        fold.events(population.take(20_000))
        before.fold(population, tail // 10, lambda: True)
        # The tail begins here; what is folded while the child writes belongs to it.
        path = snapshots.path_of(folder, 0)
        started = time.perf_counter()
        pending = snapshots.write(fold, path)
        during.fold(population, tail, lambda: not pending.done())
        pending.wait()
        write_s = time.perf_counter() - started
        size = path.stat().st_size
        rest = population.take(tail - len(during.events))
        for record in records(rest, RECORD):
            fold.events(record)
        _append(log, during.events + rest)
        end = fold.t, fold.seq, log.next_position
        del population, fold
        restored, load = timed(lambda: snapshots.read(path, template.workspace))
        del restored
        digest = Digest()
        found, lap = timed(lambda: snapshots.recover(folder, log, template.workspace, take=digest.add))
        log.close()
        caught_up = (found.fold.t, found.fold.seq, found.position) == end and not found.refused
    most = 30.0 * tail / 1_000_000 if quick else 30.0
    figures = [
        at_most("pause_ms", pending.pause_ns / 1e6, "ms", 200),
        plain("longest_record_before_ms", before.longest_ms, "ms"),
        at_most("longest_record_during_ms", during.longest_ms, "ms", 200),
        plain("fold_rate_during", during.laps.wall_rate, "events/s"),
        plain("fold_rate_before", before.laps.wall_rate, "events/s"),
        plain("write_s", write_s, "s"),
        plain("snapshot_bytes_per_profile", size / profiles, "bytes"),
        at_most("recovery_s", lap.wall_s, "s", most),
        plain("recovery_cpu_s", lap.cpu_s, "s"),
        plain("load_s", load.wall_s, "s"),
        plain("caught_up", float(caught_up), "1 = yes"),
    ]
    notes = [
        f"{profiles:,} profiles, seven-stage; the fold goes on in records of {RECORD} while a forked child "
        "writes",
        "pause: the call that forks; longest record: the slowest record of 100 while the child writes (pages "
        "are copied when touched) and before; rates are of wall time",
        f"recovery: reading the snapshot, then {found.events:,} events from the log, in wall time"
        + ("; quick: fewer profiles and events, and the target in proportion to the events" if quick else ""),
        f"the file has {size / 1e6:,.0f} MB",
    ]
    return Report("snapshot", figures, notes, digest.text)


class _Beats:
    """Records folded one after another, each timed."""

    def __init__(self) -> None:
        self.laps = Laps()
        self.events: Events = []

    def fold(self, population: Population, most: int, go_on: Callable[[], bool]) -> None:
        while len(self.events) < most and go_on():
            record = population.take(RECORD)
            self.laps.add(RECORD, partial(population.fold.events, record))
            self.events += record

    @property
    def longest_ms(self) -> float:
        return max(lap.wall_s for lap in self.laps.all) * 1_000


def _append(log: SqliteLog, events: Events) -> None:
    for batch in records(events, 4_000):
        entries = [Entry("bench", t, raw, t) for t, raw in batch]
        keys = [message_key("bench", f"{log.next_position + i}") for i in range(len(batch))]
        log.append([NewEvents(entries, keys)])

"""Durable appends: how long one event takes until it is on the disk, and a batch of 100."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from sevenfold.clock import SystemClock
from sevenfold.events.dedup import message_key
from sevenfold.log.base import Entry, NewEvents
from sevenfold.log.sqlite import SqliteLog

from .figures import Report, plain
from .measuring import quantile, quiet
from .population import ENCODE, simulated

BATCH = 100


def measure(quick: bool) -> Report:
    singles, batches = (1_000, 200) if quick else (5_000, 2_000)
    raws = [ENCODE(event) for _, event in simulated(20, 60)]
    with tempfile.TemporaryDirectory() as folder, quiet():
        log = SqliteLog(Path(folder) / "log", SystemClock())
        one: list[float] = []
        many: list[float] = []
        turns = 20
        # By turns, for the disk's mood changes with what else is written to it.
        for turn in range(turns):
            one += _milliseconds(log, raws, singles // turns, 1, f"single {turn}")
            many += _milliseconds(log, raws, batches // turns, BATCH, f"batch {turn}")
        log.close()
    figures = [
        plain("single_p50_ms", quantile(one, 0.50), "ms"),
        plain("single_p99_ms", quantile(one, 0.99), "ms"),
        plain("batch_p50_ms", quantile(many, 0.50), "ms"),
        plain("batch_p99_ms", quantile(many, 0.99), "ms"),
        plain("batch_events_per_s", BATCH * len(many) / sum(many) * 1_000, "events/s"),
    ]
    cut = "; quick: fewer appends" if quick else ""
    notes = [
        f"{singles:,} appends of one event and {batches:,} of {BATCH}, by one thread, each on the disk "
        f"(WAL, synchronous=FULL) before it returns{cut}",
        "wall time; the disk is the temporary folder's",
    ]
    return Report("append", figures, notes)


def _milliseconds(log: SqliteLog, raws: list[bytes], appends: int, size: int, name: str) -> list[float]:
    found = []
    for number in range(appends):
        some = [raws[(number * size + i) % len(raws)] for i in range(size)]
        keys = [message_key(name, f"{number}-{i}") for i in range(size)]
        new = NewEvents([Entry("bench", 0, raw) for raw in some], keys)
        before = time.perf_counter()
        log.append([new])
        found.append((time.perf_counter() - before) * 1_000)
    return found

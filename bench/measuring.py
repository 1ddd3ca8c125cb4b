"""Measuring: processor and wall time of pieces of work, with the garbage collector out of the way.

Rates are of processor time (`time.process_time`): what the fold needs of one core, whoever else uses the
machine. Wall time stands beside it. Durations that include the disk are wall time alone.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / ".." / "shared" / "data"


def silent(workspace: Workspace) -> Workspace:
    """A workspace without anything that runs: its signals, segments, lifecycles and scores alone."""
    empty = Workspace(name=workspace.name)
    running = (
        "journeys", "broadcasts", "playbooks", "saves", "tasks", "offers", "consent", "messaging", "channels",
        "templates", "actions",
    )  # fmt: skip
    return msgspec.structs.replace(workspace, **{field: getattr(empty, field) for field in running})


def pack(name: str) -> Workspace:
    """A pack of the source tree, silent: what journeys cost is measured by `bench journeys`."""
    return silent(load(ROOT / "packs" / name))


@contextmanager
def quiet() -> Iterator[None]:
    """The collector is off, and what lives already is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


@dataclass
class Lap:
    """One piece of work: how many units, and what they took."""

    units: int
    cpu_s: float
    wall_s: float


@dataclass
class Laps:
    """Pieces of the same kind of work."""

    all: list[Lap] = field(default_factory=list)

    def add(self, units: int, work: Callable[[], Any]) -> Any:
        """Does `work` on so many units, timed; returns what it returned."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
        self.all.append(Lap(units, cpu_s, wall_s))
        return result

    @property
    def units(self) -> int:
        return sum(lap.units for lap in self.all)

    @property
    def cpu_s(self) -> float:
        return sum(lap.cpu_s for lap in self.all)

    @property
    def wall_s(self) -> float:
        return sum(lap.wall_s for lap in self.all)

    @property
    def rate(self) -> float:
        """Units a second of processor time, over everything."""
        return self.units / self.cpu_s

    @property
    def median_rate(self) -> float:
        """The middle lap's units a second of processor time."""
        return statistics.median(lap.units / lap.cpu_s for lap in self.all)

    @property
    def wall_rate(self) -> float:
        return self.units / self.wall_s


def timed(work: Callable[[], Any]) -> tuple[Any, Lap]:
    """One piece of work, timed."""
    laps = Laps()
    result = laps.add(1, work)
    return result, laps.all[0]


def quantile(values: list[float], at: float) -> float:
    """The value below which a share `at` lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(at * len(ordered)))]

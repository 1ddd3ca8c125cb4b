"""Worlds to files: events as NDJSON, the truth as Parquet, catalogues as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sevenfold.limits import SIMULATION_WRITE_EVENTS_MAX
from sevenfold.simulate.responses import DAY_MS, SimulationError
from sevenfold.simulate.saas.company import SaasCompany
from sevenfold.simulate.segment import Disorder, Event
from sevenfold.simulate.shop.shop import Shop
from sevenfold.simulate.stream import START_MS, Simulation

KINDS = ("saas", "shop")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run wrote: counts, and every file by name relative to the folder."""

    kind: str
    seed: int
    size: int
    days: int
    events: int
    bytes: int
    files: tuple[str, ...]
    truth_rows: Mapping[str, int]


def world(
    kind: str, seed: int, size: int, days: int, *, start_ms: int = START_MS, no_effect: bool = False,
    disorder: Disorder | None = None, warm_start: bool = True,
) -> Simulation:  # fmt: skip
    """A simulation by name: `saas` with `size` accounts, or `shop` with `size` customers.

    `warm_start` is the company's: some accounts are customers from before the start.
    """
    if kind == "saas":
        return SaasCompany(
            seed, size, days, start_ms, warm_start=warm_start, no_effect=no_effect, disorder=disorder
        )
    if kind == "shop":
        return Shop(seed, size, days, start_ms, no_effect=no_effect, disorder=disorder)
    raise SimulationError(f"there is no `{kind}` to simulate", fix=f"one of {', '.join(KINDS)}")


def write_ndjson(path: Path | str, events: Iterable[Event]) -> tuple[int, int]:
    """Write events one JSON object a line; returns (events, bytes)."""
    encoder = msgspec.json.Encoder()
    count = size = 0
    source = iter(events)
    with Path(path).open("wb") as file:
        while block := list(islice(source, SIMULATION_WRITE_EVENTS_MAX)):
            size += file.write(encoder.encode_lines(block))
            count += len(block)
    return count, size


def write_truth(folder: Path | str, tables: Mapping[str, pa.Table]) -> list[str]:
    """Write each truth table to `truth_<name>.parquet`; returns the file names."""
    names = []
    for name, rows in sorted(tables.items()):
        pq.write_table(rows, Path(folder) / f"truth_{name}.parquet", compression="zstd")
        names.append(f"truth_{name}.parquet")
    return names


def write_catalogues(folder: Path | str, catalogues: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """Write each catalogue to `<name>.csv`; an empty one is left out. Returns the file names."""
    names = []
    for name, rows in sorted(catalogues.items()):
        if rows:
            with (Path(folder) / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            names.append(f"{name}.csv")
    return names


def run(
    kind: str,
    seed: int,
    size: int,
    days: int,
    out_dir: Path | str,
    progress: Callable[[int, int, int], None] | None = None,
    *,
    start_ms: int = START_MS,
    disorder: Disorder | None = None,
    warm_start: bool = True,
) -> Summary:
    """Simulate and write everything to a folder: events.ndjson, truth_*.parquet and the catalogues' CSV
    files.

    `progress(day, days, events)` is called once a simulated day. Raises SimulationError for an unknown kind.
    """
    simulation = world(kind, seed, size, days, start_ms=start_ms, disorder=disorder, warm_start=warm_start)
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    count, written = write_ndjson(folder / "events.ndjson", _watched(simulation, progress))
    tables = simulation.truth()
    files = [
        "events.ndjson",
        *write_truth(folder, tables),
        *write_catalogues(folder, simulation.catalogues()),
    ]
    rows = {name: rows.num_rows for name, rows in tables.items()}
    return Summary(kind, seed, size, days, count, written, tuple(files), rows)


def _watched(simulation: Simulation, progress: Callable[[int, int, int], None] | None) -> Iterable[Event]:
    day = events = 0
    for time_ms, event in simulation.timed_events():
        yield event
        events += 1
        now = min((time_ms - simulation.start_ms) // DAY_MS, simulation.days)
        if progress is not None and now > day:
            day = now
            progress(day, simulation.days, events)
    if progress is not None:
        progress(simulation.days, simulation.days, events)

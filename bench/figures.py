"""What a benchmark reports: named figures with unit and target, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec


class Figure(msgspec.Struct):
    """One number. `holds` is None where there is no target."""

    name: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None


class Report(msgspec.Struct):
    """What one benchmark found. `digest` is of the effects, where it folded any."""

    bench: str
    figures: list[Figure]
    notes: list[str] = []
    digest: str = ""


def at_least(name: str, value: float, unit: str, least: float) -> Figure:
    """A figure that must not be smaller than `least`."""
    return Figure(name, round(value, 4), unit, f">= {least:g}", value >= least)


def at_most(name: str, value: float, unit: str, most: float) -> Figure:
    """A figure that must not be larger than `most`."""
    return Figure(name, round(value, 4), unit, f"<= {most:g}", value <= most)


def plain(name: str, value: float, unit: str) -> Figure:
    """A figure without a target."""
    return Figure(name, round(value, 4), unit)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        model = next(names, model)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def table(report: Report) -> str:
    """Notes and figures for people."""
    width = max(len(f.name) for f in report.figures)
    lines = [f"{report.bench}", *(f"  {note}" for note in report.notes)]
    if report.digest:
        lines.append(f"  digest of the effects: {report.digest}")
    for f in report.figures:
        mark = "" if f.holds is None else ("  holds" if f.holds else "  DOES NOT HOLD")
        lines.append(f"  {f.name:<{width}}  {f.value:>16,.3f} {f.unit:<12} {f.target:<12}{mark}".rstrip())
    return "\n".join(lines)


def as_json(bench: str, reports: Iterable[Report]) -> str:
    """One line for programs; of several reports the figures carry their benchmark's name in front."""
    found = list(reports)
    prefix = len(found) > 1
    figures = [
        msgspec.structs.replace(figure, name=f"{one.bench}.{figure.name}" if prefix else figure.name)
        for one in found
        for figure in one.figures
    ]
    shape = {
        "bench": bench,
        "figures": figures,
        "machine": machine(),
        "digests": {one.bench: one.digest for one in found if one.digest},
    }
    return msgspec.json.encode(shape).decode()


class Digest:
    """A running digest of effects: two runs that decided the same print the same."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=8)
        self.count = 0
        self._encode = msgspec.msgpack.Encoder().encode

    def add(self, effects: Iterable[Any]) -> None:
        for effect in effects:
            self._hash.update(self._encode(effect))
            self.count += 1

    @property
    def text(self) -> str:
        return self._hash.hexdigest()

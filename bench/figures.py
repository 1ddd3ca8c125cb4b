"""What a benchmark reports: named figures with unit and target, and the machine they were measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec


class Figure(msgspec.Struct):
    """One number. `holds` is None where there is no target."""

    name: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None


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
    try:
        with open("/proc/cpuinfo") as lines:
            model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    return {
        "cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def show(bench: str, figures: Iterable[Figure], notes: Iterable[str], as_json: bool) -> None:
    """Prints notes and a table; with `as_json` the last line is one JSON object."""
    found = list(figures)
    for note in notes:
        print(f"  {note}")
    width = max(len(f.name) for f in found)
    for f in found:
        mark = "" if f.holds is None else ("  holds" if f.holds else "  DOES NOT HOLD")
        print(f"  {f.name:<{width}}  {f.value:>14,.3f} {f.unit:<12} {f.target:<12}{mark}")
    if as_json:
        print(json.dumps({"bench": bench, "figures": [msgspec.to_builtins(f) for f in found], "machine": machine()}))


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

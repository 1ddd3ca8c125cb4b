"""The history: effects and events a second that it takes, and how long a page of a timeline takes."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.log.base import Entry, Record
from sevenfold.server.history import History, HistoryWriter
from sevenfold.server.live import Watched
from sevenfold.workspace.loading import load

from .figures import Report, at_least, plain
from .measuring import quantile, quiet
from .population import ENCODE, simulated

BATCH = 256
RECORD = 100
PAGES = 200
_IDS = ("effect", "run", "recipient", "task", "loser")


def measure(quick: bool) -> Report:
    copies, accounts, days = (6, 30, 90) if quick else (60, 60, 120)
    effects, raws = _company(accounts, days)
    chance, number, position = random.Random(1), 0, 0
    with tempfile.TemporaryDirectory() as held, quiet():
        folder = Path(held)
        writer = HistoryWriter(folder)
        wall, cpu, taken_wall = 0.0, 0.0, 0.0
        for _ in range(copies):
            others = _of_others(effects, chance.getrandbits(63))
            before, before_cpu = time.perf_counter(), time.process_time()
            for at in range(0, len(others), BATCH):
                writer.take_effects(Watched(number + at, others[at : at + BATCH]))
            writer.commit()
            wall += time.perf_counter() - before
            cpu += time.process_time() - before_cpu
            number += len(others)
            records = _records(raws, position)
            before = time.perf_counter()
            writer.take_records(records)
            writer.commit()
            taken_wall += time.perf_counter() - before
            position = records[-1].end
        writer.close()
        pages = _pages(folder, others, chance)
        size = sum(path.stat().st_size for path in folder.iterdir())
    figures = [
        at_least("effects_per_s", number / wall, "effects/s", 20_000),
        plain("effects_per_cpu_s", number / cpu, "effects/s"),
        plain("events_per_s", position / taken_wall, "events/s"),
        plain("timeline_p50_ms", quantile(pages, 0.50), "ms"),
        plain("timeline_p99_ms", quantile(pages, 0.99), "ms"),
        plain("bytes_per_effect", size / number, "B"),
    ]
    notes = [
        f"{number:,} effects of the seven-stage pack in batches of {BATCH}, committed once a copy of the "
        f"company; {position:,} events in records of {RECORD}, in between into the same file; wall time",
        f"timelines: {PAGES} pages of 50 effects of people, the latest first; the size is that of everything"
        + ("; quick: fewer copies" if quick else ""),
    ]
    return Report("history", figures, notes)


def _company(accounts: int, days: int) -> tuple[list[Effect], list[tuple[int, bytes]]]:
    fold = Fold(load(Path(__file__).parents[1] / "packs" / "seven-stage"))
    raws = sorted((t, ENCODE(event)) for t, event in simulated(accounts, days))
    effects: list[Effect] = []
    for at in range(0, len(raws), RECORD):
        effects += fold.events(raws[at : at + RECORD])
    return effects, raws


def _of_others(effects: list[Effect], salt: int) -> list[Effect]:
    """The same about other people."""

    def other(ident: str) -> str:
        return f"{int(ident, 16) ^ salt:016x}" if len(ident) == 16 else ident

    found = []
    for one in effects:
        data: dict[str, Any] = dict(one.data)
        data |= {name: other(data[name]) for name in _IDS if isinstance(data.get(name), str)}
        found.append(msgspec.structs.replace(one, subject=other(one.subject), data=data))
    return found


def _records(raws: list[tuple[int, bytes]], position: int) -> list[Record]:
    found = []
    for at in range(0, len(raws), RECORD):
        entries = [Entry("site", t, raw, t) for t, raw in raws[at : at + RECORD]]
        found.append(Record(position + at, raws[at][0], "events", entries))
    return found


def _pages(folder: Path, effects: list[Effect], chance: random.Random) -> list[float]:
    history = History(folder)
    subjects = sorted({one.subject for one in effects if one.of == "person"})
    history.effects(limit=1)
    found = []
    for _ in range(PAGES):
        subject = chance.choice(subjects)
        before = time.perf_counter()
        history.effects(subject=subject, limit=50)
        found.append((time.perf_counter() - before) * 1_000)
    history.close()
    return found

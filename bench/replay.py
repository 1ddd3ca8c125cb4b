"""Replay: history sparse in time, where windows expire one by one, and a real shop's order lines."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sevenfold.engine import Fold
from sevenfold.importers.mapping import load_mapping
from sevenfold.importers.read import Inputs
from sevenfold.playback.feed import Intaken, open_log, steps_of_items

from .figures import Digest, Figure, Report, at_least, plain
from .measuring import DATA, ROOT, Laps, pack, quiet
from .population import DAY, HOUR, Events, Pattern, records, simulated

RECORD = 100
TWO_YEARS = 730 * DAY
WARM = 10_000
RETAIL = DATA / "online_retail" / "online_retail.parquet"


def measure(quick: bool, sparse: bool = False) -> Report:
    digest = Digest()
    figures, notes = _sparse(quick, digest)
    if sparse:
        return Report("replay", figures, notes, digest.text)
    if not RETAIL.exists():
        return Report("replay", figures, [*notes, "online_retail is not here: left out"], digest.text)
    more, said = _online_retail()
    return Report("replay", figures + more, notes + said, digest.text)


def _sparse(quick: bool, digest: Digest) -> tuple[list[Figure], list[str]]:
    events, people = _stretched(100_000 if quick else 500_000)
    fold = Fold(pack("seven-stage"))
    laps = Laps()
    with quiet():
        digest.add(fold.events(events[:WARM]))
        for some in records(events[WARM:], len(events) // 20):
            batches = list(records(some, RECORD))
            digest.add(laps.add(len(some), partial(_fold, fold, batches)))
    figures = [
        at_least("sparse_events_per_s", laps.rate, "events/s", 45_000),
        plain("sparse_events_per_s_median", laps.median_rate, "events/s"),
        plain("sparse_events_per_s_wall", laps.wall_rate, "events/s"),
    ]
    days = (events[-1][0] - events[0][0]) / DAY
    notes = [
        f"sparse: {len(events):,} events of {fold.person.table.rows - 1:,} people over {days:.0f} days of "
        f"virtual time, seven-stage, from an empty fold, records of {RECORD}; the day closes are in it, the "
        f"first {WARM:,} events are not" + ("; quick: 100,000 events" if quick else ""),
        f"the events are those of {people:,} simulated people, stretched in time and copied by name",
    ]
    return figures, notes


def _fold(fold: Fold, batches: list[Events]) -> list[Any]:
    return [effect for batch in batches for effect in fold.events(batch)]


def _stretched(count: int) -> tuple[Events, int]:
    """A simulated company's events at the pace of two years, as many as wanted through copies."""
    found = simulated(100, 120)
    start = found[0][0]
    stretch = TWO_YEARS / (found[-1][0] - start)
    clones = max(1, round(count / len(found)))
    random = np.random.Generator(np.random.PCG64(3))
    made: Events = []
    for t, event in found:
        at = start + round((t - start) * stretch)
        times = at + random.integers(0, HOUR, clones)
        texts = np.datetime_as_string(times.astype("datetime64[ms]"), unit="ms").astype("S23")
        made += zip(times.tolist(), Pattern(event).filled(texts.tolist(), 0), strict=True)
    made.sort(key=lambda pair: pair[0])
    return made, len({e["userId"] for _, e in found if e.get("userId")})


def _online_retail() -> tuple[list[Figure], list[str]]:
    """The whole way (file, mapping, lines to orders, steps, deduplicating log, fold), then the fold alone."""
    workspace = pack("post-purchase")
    mapping = load_mapping(ROOT / "examples" / "mappings" / "online_retail.yaml")
    through, alone = Laps(), Laps()
    counts = Intaken()
    taken: list[Events] = []
    inputs = Inputs([RETAIL], mapping)
    with tempfile.TemporaryDirectory() as folder, quiet():
        fold, log = Fold(workspace), open_log(Path(folder) / "log")

        def everything() -> None:
            for step in steps_of_items(inputs.events, log, None, counts):
                taken.append(step.events)
                fold.events(step.events)

        through.add(1, everything)
        log.close()
        again, digest = Fold(workspace), Digest()
        for some in taken:
            digest.add(alone.add(len(some), partial(_fold, again, [some])))
    events = sum(map(len, taken))
    figures = [
        plain("online_retail_events_per_s", events / through.cpu_s, "events/s"),
        plain("online_retail_lines_per_s", 541_909 / through.cpu_s, "lines/s"),
        plain("online_retail_s", through.wall_s, "s"),
        plain("online_retail_fold_events_per_s", alone.rate, "events/s"),
        plain("online_retail_fold_s", alone.wall_s, "s"),
    ]
    notes = [
        f"online_retail: 541,909 lines become {events:,} events ({counts.duplicates} duplicates, "
        f"{counts.dropped.total()} dropped) of {again.person.table.rows - 1:,} people, through "
        "post-purchase; the whole way is reading, grouping lines to orders, steps, the "
        "deduplicating log and the fold",
        f"digest of online_retail's effects: {digest.text}, {digest.count:,} effects",
    ]
    return figures, notes

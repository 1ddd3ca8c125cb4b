"""The replay itself: steps in, tables, statistics and a summary out. Time is what the events say it is."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

import sevenfold
from sevenfold.clock import stopwatch_ns
from sevenfold.effects import Effect
from sevenfold.errors import InputError
from sevenfold.importers.mapping import Mapping
from sevenfold.importers.read import Inputs, Tally
from sevenfold.lifecycle.measures import MILLI
from sevenfold.limits import ACCOUNT_TICK_MS
from sevenfold.log.base import Entry, Log
from sevenfold.playback.delivery import Delivering, folding, has_journeys, recorded_outcomes
from sevenfold.playback.feed import (
    LOG_FOLDER,
    Intaken,
    Items,
    Step,
    is_log,
    log_folder,
    open_log,
    steps_of_items,
    steps_of_log,
)
from sevenfold.playback.outcome import Outcome, prepare, relative_to_outcome
from sevenfold.playback.profiles import table_name, write_profiles
from sevenfold.playback.record import Recorder, effect_tables
from sevenfold.playback.statistics import DAY_MS, Statistics, Values
from sevenfold.playback.summary import Summary
from sevenfold.profiles.columns import UNKNOWN32
from sevenfold.workspace import models as m

if TYPE_CHECKING:
    from sevenfold.warehouse.projector import Following


class Progress(Protocol):
    """Is told how far a replay has come. Every method may do nothing."""

    def read(self, count: int) -> None:
        """So many more bytes of the input have been read."""

    def folded(self, count: int, time: int) -> None:
        """So many more events have been folded; virtual time is `time` (ms UTC)."""

    def wrote(self, count: int) -> None:
        """So many more profiles have been written."""


class Silent:
    """Progress that nobody looks at."""

    def read(self, count: int) -> None:
        pass

    def folded(self, count: int, time: int) -> None:
        pass

    def wrote(self, count: int) -> None:
        pass


def replay(
    workspace: m.Workspace,
    inputs: Sequence[Path] | Items,
    out: Path,
    *,
    mapping: Mapping | None = None,
    until: int | None = None,
    progress: Progress | None = None,
    names: Sequence[str] = (),
    delivering: Delivering | None = None,
    warehouse: bool = False,
) -> Outcome:
    """Replays `inputs` through `workspace` and writes everything to `out`.

    `inputs` are NDJSON files of Segment events, any files that `mapping` explains, one folder with a log,
    or a function that gives events in order of time (then `names` says what they are called). With `until`
    (ms UTC) time stops there, whether events go on or have ended before. Messages that journeys decide are
    sent in virtual time as `delivering` says, unless the log holds outcomes: it was recorded live then, and
    its own count. With `warehouse` everything is also written to a warehouse in `out`, which answers
    analyses. Raises InputError, MappingError and LogError.
    """
    started = stopwatch_ns()
    progress = progress or Silent()
    paths = [] if callable(inputs) else list(inputs)
    folders = [path for path in paths if path.is_dir()]
    if folders and len(paths) > 1:
        fix = "import the files into the log first, with `sevenfold import`"
        raise InputError("A log is replayed alone", where=str(folders[0]), fix=fix)
    files = None if callable(inputs) or folders else Inputs(paths, mapping)
    source = log_folder(folders[0]) if folders else None
    if source is not None and source.resolve() == (out / LOG_FOLDER).resolve():
        raise InputError(
            "A replay cannot be written over its own input", where=str(out), fix="name another folder"
        )
    prepare(out)
    _under_way(workspace).save(out)
    log = open_log(source or out / LOG_FOLDER)
    counts, tally = Intaken(), Tally()
    try:
        if callable(inputs):
            steps = steps_of_items(inputs, log, until, counts)
        elif files is None:
            steps = steps_of_log(log, until, counts)
        else:
            read = progress.read
            steps = steps_of_items(lambda on_bad: files.events(on_bad, read, tally), log, until, counts)
        live = source is not None and has_journeys(workspace) and bool(recorded_outcomes(log))
        run = _Run(workspace, out, until, progress, None if live else delivering or Delivering())
        if warehouse:
            from sevenfold.playback.projecting import projecting

            with projecting(run.folding, out) as following:
                summary = run.fold(steps, following)
        else:
            summary = run.fold(steps)
    finally:
        log.close()
    summary.inputs = list(names) or [path.name for path in paths]
    summary.log = relative_to_outcome(source, out) if source is not None else LOG_FOLDER
    summary.events, summary.duplicates = counts.taken, counts.duplicates
    summary.dropped = dict(sorted((counts.dropped + run.dropped()).items()))
    summary.rows, summary.unmatched = tally.rows, tally.unmatched
    summary.seconds = (stopwatch_ns() - started) / 1e9
    summary.save(out)
    return Outcome(out)


def _under_way(workspace: m.Workspace) -> Summary:
    """What stands in the folder until the replay has ended, so that one that was interrupted can be
    replaced.
    """
    kinds = (m.PERSON, m.ACCOUNT, *workspace.entities)
    tables = dict.fromkeys([*effect_tables(workspace), "scores", *map(table_name, kinds)], 0)
    return Summary(
        version=sevenfold.__version__, workspace=workspace.name, title=workspace.title, inputs=[],
        log=LOG_FOLDER, tables=tables,
    )  # fmt: skip


def take(following: Following, step: Step, emitted: int, effects: list[Effect]) -> None:
    """Hands a step that was folded, and its effects, to a projection."""
    if step.control is not None:
        following.took_control(step.time)
    elif step.events:
        pairs = zip(step.events, step.sources, strict=True)
        following.took_events([Entry(source, time, raw, time) for (time, raw), source in pairs])
    following.took_effects(emitted, effects)


class _Run:
    """One fold on its way through the steps."""

    def __init__(
        self, workspace: m.Workspace, out: Path, until: int | None, progress: Progress,
        delivering: Delivering | None,
    ) -> None:  # fmt: skip
        self.workspace = workspace
        self.out = out
        self.until = until
        self.progress = progress
        self.folding = folding(workspace, delivering)
        self.delivery = (
            "" if self.folding.journeys is None else "recorded" if delivering is None else "simulated"
        )
        self.statistics = Statistics(workspace)

    def fold(self, steps: Iterator[Step], following: Following | None = None) -> Summary:
        fold, statistics = self.folding, self.statistics
        first = last = None
        spent = 0
        with Recorder(fold, self.out, statistics) as recorder, few_collections():
            for step in steps:
                at, emitted = stopwatch_ns(), fold.emitted
                if step.control is not None:
                    effects = fold.tell(step.time, step.control)
                elif step.events:
                    effects = fold.events(step.events)
                    first = step.events[0][0] if first is None else first
                    last = step.events[-1][0]
                else:
                    effects = fold.advance(step.time)
                spent += stopwatch_ns() - at
                recorder.take(effects)
                if following is not None:
                    take(following, step, emitted, effects)
                statistics.events_by_day.update(time // DAY_MS for time, _ in step.events)
                self.progress.folded(len(step.events), step.time)
            end, emitted = self._end(fold.t), fold.emitted
            effects = fold.advance(end)
            recorder.take(effects)
            if following is not None:
                following.took_effects(emitted, effects)
                following.reached(end)
            tables = recorder.close()
            tables |= write_profiles(fold, self.out, self.progress.wrote)
        subjects = {of: unit.table.rows - 1 for of, unit in fold.units.items()}
        subjects[m.PERSON] -= len(fold.forward)
        return Summary(
            version=sevenfold.__version__, workspace=self.workspace.name, title=self.workspace.title,
            inputs=[], log="", first=first, last=last, until=end, effects=recorder.effects,
            changes=dict(statistics.changes), tables=tables, subjects=subjects,
            lifecycles=statistics.lifecycle_summaries(end),
            scores=statistics.score_summaries(self._final_scores()),
            journeys=statistics.journeys.summaries(fold), delivery=self.delivery,
            events_by_day=dict(statistics.events_by_day), fold_seconds=spent / 1e9,
        )  # fmt: skip

    def _end(self, now: int) -> int:
        """Where time stops: at `until`, else with the tick at which the accounts of the last event close."""
        if self.until is not None:
            return max(self.until, now)
        return (now // ACCOUNT_TICK_MS + 1) * ACCOUNT_TICK_MS if now else 0

    def _final_scores(self) -> dict[str, tuple[Values, Values]]:
        """Each score's known values in points, and its subjects by band, as time stopped."""
        found = {}
        for unit in self.folding.compiled:
            alive = np.ones(unit.table.rows, dtype=bool)
            alive[0] = False
            if unit.kind == m.PERSON:
                alive[list(self.folding.forward)] = False
            for label, node in unit.scores.items():
                values = node.values.data[: unit.table.rows][alive]
                bands = np.bincount(node.bands.data[: unit.table.rows][alive], minlength=len(node.bounds) + 1)
                found[label] = (values[values != UNKNOWN32] / MILLI, bands)
        return found

    def dropped(self) -> Counter[str]:
        """What the fold itself dropped, by reason; the log has let nothing of that kind through."""
        return Counter({str(reason): count for reason, count in self.folding.dropped.items()})


@contextmanager
def few_collections() -> Iterator[None]:
    """Few passes of the garbage collector while millions of long-lived objects are made and hardly any
    circles.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def log_of(folder: Path) -> Log:
    """The log in `folder`, opened."""
    return open_log(log_folder(folder))


__all__ = ["Progress", "Silent", "is_log", "log_of", "replay"]

"""Learning over recorded history: files, tables or a log, through the workspace in virtual time, once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from sevenfold.effects import WORKSPACE
from sevenfold.errors import InputError
from sevenfold.importers.mapping import Mapping
from sevenfold.importers.read import Inputs, Tally
from sevenfold.learning.asked import Asked, asked_of
from sevenfold.learning.looking import Looking, gather
from sevenfold.log.base import Readable, Record
from sevenfold.log.reader import LogReader
from sevenfold.playback.feed import (
    LOG_FOLDER,
    Intaken,
    Items,
    Step,
    is_log,
    log_folder,
    open_log,
    steps_of_items,
)
from sevenfold.playback.run import Progress, Silent, few_collections
from sevenfold.snapshots import records_from
from sevenfold.workspace import models as m
from sevenfold.workspace.problems import likely


def wanted(workspace: m.Workspace, names: Sequence[str]) -> list[Asked]:
    """The predictions of a workspace with these names; all without one. Raises InputError."""
    found = asked_of(workspace)
    known = [one.name for one in found]
    if not found:
        fix = "declare one under `predictions`, or use a pack that has them"
        raise InputError(f"`{workspace.name}` has no predictions", fix=fix)
    for name in names:
        if name not in known:
            fix = likely(name, known) or f"it has {', '.join(known)}"
            raise InputError(f"There is no prediction `{name}`", fix=fix)
    return [one for one in found if not names or one.name in names]


def looked(
    workspace: m.Workspace, inputs: Sequence[Path] | Items, predictions: Sequence[Asked], *,
    mapping: Mapping | None = None, until: int | None = None, progress: Progress | None = None,
) -> Looking:  # fmt: skip
    """Everything a history says about predictions, in one pass, to `until` (ms) or its end.

    `inputs` as `replay` has them. Messages that journeys decide are not sent: what history holds of messages
    is what happened. Raises InputError, MappingError and LogError.
    """
    shown = progress or Silent()
    with steps_of(inputs, mapping, until, shown) as steps, few_collections():
        return gather(workspace, predictions, told(steps, shown), until)


def told(steps: Iterator[Step], progress: Progress) -> Iterator[Step]:
    """The same steps, with progress."""
    for step in steps:
        yield step
        progress.folded(len(step.events), step.time)


@contextmanager
def steps_of(
    inputs: Sequence[Path] | Items, mapping: Mapping | None, until: int | None, progress: Progress
) -> Iterator[Iterator[Step]]:
    """Steps of whatever holds a history. A log is only read; anything else passes through one of its own."""
    paths = [] if callable(inputs) else list(inputs)
    if len(paths) == 1 and paths[0].is_dir():
        reader = LogReader(log_folder(paths[0]))
        try:
            yield steps_to(reader, until)
        finally:
            reader.close()
        return
    if any(path.is_dir() for path in paths):
        raise InputError("A log is read alone", fix="import the files into the log first")
    with tempfile.TemporaryDirectory(prefix="sevenfold-") as scratch:
        log = open_log(Path(scratch) / LOG_FOLDER)
        try:
            if callable(inputs):
                items: Items = inputs
            else:
                files, tally = Inputs(paths, mapping), Tally()

                def items(on_bad: Any) -> Any:
                    return files.events(on_bad, progress.read, tally)

            yield steps_of_items(items, log, until, Intaken())
        finally:
            log.close()


def steps_to(log: Readable, until: int | None) -> Iterator[Step]:
    """The records of a log as steps, ticks among them, up to and including engine time `until`."""
    for record in records_from(log, 0):
        step = step_of_record(record, until)
        if step is None:
            return
        yield step


def step_of_record(record: Record, until: int | None = None) -> Step | None:
    """A record as a step; None when it lies beyond `until`."""
    if record.kind == "events":
        entries = [one for one in record.entries if until is None or one.time <= until]
        return Step(entries[-1].time, [(one.time, one.raw) for one in entries]) if entries else None
    if until is not None and record.time > until:
        return None
    return Step(record.time, control=record.control if record.kind == "control" else None)


def service_log(folder: Path) -> Path:
    """The log in a service's data folder. Raises InputError."""
    if not is_log(folder / LOG_FOLDER) and not is_log(folder):
        raise InputError(
            "No service has its data here", where=str(folder), fix="name the folder of `serve --data`"
        )
    return log_folder(folder)


def workspace_of(log: Readable) -> m.Workspace:
    """The definition that was put in force last. Raises InputError where there is none."""
    held: Any = None
    for record in records_from(log, 0):
        if record.control is not None and record.control.get("op") == WORKSPACE:
            held = record.control["workspace"]
    if held is None:
        raise InputError("The log holds no workspace", fix="name one")
    return msgspec.convert(held, m.Workspace)


__all__ = ["looked", "service_log", "step_of_record", "steps_of", "wanted", "workspace_of"]

"""Recorded history that is folded more than once: files by way of a log, or a log that exists."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sevenfold.errors import InputError
from sevenfold.importers.mapping import Mapping
from sevenfold.importers.read import Inputs, Tally
from sevenfold.log.base import Log
from sevenfold.playback.delivery import recorded_outcomes
from sevenfold.playback.feed import Intaken, Step, log_folder, open_log, steps_of_items, steps_of_log
from sevenfold.playback.run import Progress, Silent


class History:
    """Recorded history that can be folded more than once: a log, or files by way of one."""

    def __init__(self, log: Log, files: Inputs | None, read_bytes: Callable[[int], None]) -> None:
        self.log = log
        self._files = files
        self._read = read_bytes
        self.recorded = recorded_outcomes(log)

    def steps(self, until: int | None, counts: Intaken) -> Iterator[Step]:
        """Everything in order; the first time files are read into the log on the way."""
        files, self._files = self._files, None
        if files is None:
            return steps_of_log(self.log, until, counts)
        return steps_of_items(
            lambda on_bad: files.events(on_bad, self._read, Tally()), self.log, None, counts
        )


@contextmanager
def history(
    inputs: Sequence[Path], mapping: Mapping | None = None, progress: Progress | None = None
) -> Iterator[History]:
    """The history in files or in one folder with a log. Raises InputError and LogError."""
    folders = [path for path in inputs if path.is_dir()]
    if folders and len(inputs) > 1:
        fix = "import the files into the log first, with `sevenfold import`"
        raise InputError("A log is back-tested alone", where=str(folders[0]), fix=fix)
    with tempfile.TemporaryDirectory(prefix="sevenfold-") as scratch:
        log = open_log(log_folder(folders[0]) if folders else Path(scratch) / "log")
        try:
            files = None if folders else Inputs(inputs, mapping)
            yield History(log, files, (progress or Silent()).read)
        finally:
            log.close()


__all__ = ["History", "history"]

"""Works out the past of signals: folds the whole log under the definition in force, as if it had always been.

Started by the hub, one line of JSON each way at a time. It is told the definition and the signals; says
`{"ready": position}` when it has folded what is there; is told at which position the signals began anew;
folds exactly to there, and says the records that bring their past, one a line. The last line is
`{"done": true}`. It gives way to everybody else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from ...carry import past_of
from ...engine import Fold
from ...journeys.controls import REPLANNING
from ...log.base import Record
from ...log.reader import LogReader
from ...snapshots import Recovered, fold_record, records_from
from ...workspace.models import Workspace

NICE: Final = 10
_OURS: Final = REPLANNING | {"gather", "restate", "restated"}
"""Controls that are about the definition: under this one they only take their number."""


def work(log_folder: Path, said: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """What it answers to the lines `said`, in order."""
    asked = msgspec.json.decode(next(said))
    workspace = msgspec.convert(asked["workspace"], Workspace, str_keys=True)
    found, log = Recovered(Fold(workspace)), LogReader(log_folder)
    try:
        _fold(found, log, log.next_position)
        yield {"ready": found.position}
        until = int(msgspec.json.decode(next(said))["until"])
        _fold(found, log, until)
        if found.position != until:
            raise SystemExit(f"the log ends at {found.position}, before {until}")
        for kind, labels in asked["signals"].items():
            for label in labels:
                yield from past_of(found.fold, kind, label)
        yield {"done": True}
    finally:
        log.close()


def _fold(found: Recovered, log: LogReader, until: int) -> None:
    for record in records_from(log, found.position):
        if record.position >= until:
            return
        control = record.control or {}
        if record.kind == "control" and control.get("op") in _OURS:
            kept = {"op": "fold_version", **({"tz": control["tz"]} if "tz" in control else {})}
            record = Record(**{**_fields(record), "control": kept})
        fold_record(found, record)


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def main() -> None:
    """`python -m sevenfold.server.past.process LOG_FOLDER`."""
    os.nice(NICE)
    for answer in work(Path(sys.argv[1]), iter(sys.stdin.buffer.readline, b"")):
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

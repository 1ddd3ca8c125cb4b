"""Tries a journey on one person in a process of its own: it takes seconds, and nobody else waits for them.

Asked by one JSON object on standard input (`Trying`), answered by one on standard output: a trial as
`playback.trying` says it, or `{"error": ...}`. Nothing is sent, and nothing changes.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from ..errors import SevenfoldError
from ..limits import TRIAL_EFFECTS_ITEMS_MAX, TRIAL_S_MAX
from ..log.reader import LogReader
from ..playback.delivery import Delivering
from ..playback.trying import Given, Trial, try_made_up, try_real
from ..workspace.models import Workspace

NICE: Final = 5


class Trying(Struct, kw_only=True):
    """What is tried: the `journey` of a `workspace`, on somebody made up or the `person` of the log in
    `log_folder` by any identifier.
    """

    workspace: Workspace
    journey: str
    given: Given
    person: str | None = None
    log_folder: str = ""
    failing: list[str] = []


def tried(asked: Trying) -> dict[str, Any]:
    """The trial: times in ms UTC, effects up to a limit and how many were left out. Raises SevenfoldError."""
    delivering = Delivering(failing=frozenset(asked.failing))
    if asked.person is None:
        trial = try_made_up(asked.workspace, asked.journey, asked.given, delivering)
    else:
        log: Any = LogReader(Path(asked.log_folder))
        trial = try_real(
            asked.workspace, asked.journey, log, asked.person, asked.given, delivering=delivering
        )
    return _shown(trial)


def _shown(trial: Trial) -> dict[str, Any]:
    effects = [
        {"time": one.time, "kind": one.kind, "name": one.name, "data": one.data} for one in trial.effects
    ]
    return {
        "who": trial.who,
        "began": trial.began,
        "ended": trial.ended,
        "event": trial.event,
        "refused": trial.refused or None,
        "effects": effects[:TRIAL_EFFECTS_ITEMS_MAX],
        "left_out": max(0, len(effects) - TRIAL_EFFECTS_ITEMS_MAX),
    }


def main() -> None:
    """Answers what is asked."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (TRIAL_S_MAX, TRIAL_S_MAX))
    answer: dict[str, Any]
    try:
        # Keys of sections are texts, however they are written.
        asked = msgspec.convert(msgspec.json.decode(sys.stdin.buffer.read()), Trying, str_keys=True)
        answer = tried(asked)
    except SevenfoldError as error:
        answer = {"error": error.to_json()}
    sys.stdout.buffer.write(msgspec.json.encode(answer))


__all__ = ["Trying", "main", "tried"]

if __name__ == "__main__":
    main()

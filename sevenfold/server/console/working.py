"""The process that does one long piece of work; see `jobs`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from ...clock import stopwatch_ns
from ...errors import SevenfoldError
from ...limits import BACKTEST_RUNS_SHOWN_ITEMS_MAX
from ...log.reader import LogReader
from ...playback.backtest import Backtest, backtest
from ...playback.comparing import Run, compare
from ...playback.history import History
from ...workspace.models import Workspace

NICE: Final = 5
_EVERY_NS: Final = 300_000_000


class Recorded(LogReader):
    """The log of a service that goes on appending to it; what was dropped is its affair."""

    def dead_letter_counts(self) -> dict[str, int]:
        """None: a back-test is about what was taken."""
        return {}


class Asked(Struct, kw_only=True, tag_field="kind", tag="backtest"):
    """A back-test of a `journey` of `workspace` over the log in `log_folder`, and of `other` (the workspace
    with another version of it) over the same, when given. `positions` is how long the log is; times ms UTC.
    """

    workspace: Workspace
    journey: str
    log_folder: str
    positions: int
    until: int
    since: int | None = None
    other: Workspace | None = None


class Said:
    """Progress, as lines of JSON now and then."""

    def __init__(self, total: int, message: str) -> None:
        self.total, self.message, self.done, self._told = total, message, 0, 0

    def read(self, count: int) -> None:
        """The log is read as it is folded."""

    def wrote(self, count: int) -> None:
        """Nothing is written."""

    def folded(self, count: int, time: int) -> None:
        self.done += count
        now = stopwatch_ns()
        if now - self._told > _EVERY_NS:
            self._told = now
            say({"done": min(self.done, self.total), "total": self.total, "message": self.message})


def say(line: dict[str, Any]) -> None:
    """One line for whoever asked."""
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def worked(asked: Asked) -> dict[str, Any]:
    """The back-test of one or two versions, each with its summary, and what they do differently."""
    log: Any = Recorded(Path(asked.log_folder))
    versions = [asked.workspace] if asked.other is None else [asked.workspace, asked.other]
    progress = Said(asked.positions * len(versions), "back-testing")
    past = History(log, None, progress.read)
    found = [
        backtest(one, asked.journey, past, since=asked.since, until=asked.until, progress=progress)
        for one in versions
    ]
    result: dict[str, Any] = {"journey": asked.journey, "versions": [_shown(one) for one in found]}
    if len(found) == 2:
        difference = compare(found[0].runs, found[1].runs)
        most = BACKTEST_RUNS_SHOWN_ITEMS_MAX
        result["differences"] = {
            "only_before": len(difference.only_before),
            "only_after": len(difference.only_after),
            "differing": len(difference.differing),
            "other_times": difference.later,
            "same": difference.same,
            "examples": [
                {"who": pair.before.who, "subject": pair.before.subject, "differs": pair.differs}
                for pair in difference.differing[:most]
            ],
            "examples_before": [_run(one) for one in difference.only_before[:most]],
            "examples_after": [_run(one) for one in difference.only_after[:most]],
        }
    return result


def _shown(one: Backtest) -> dict[str, Any]:
    day, count = one.busiest_day()
    return {
        "events": one.events,
        "from": one.first,
        "to": one.last,
        "summary": msgspec.to_builtins(one.summary, str_keys=True),
        "messages": len(one.messages),
        "busiest_day": {"day": day * 86_400_000, "messages": count} if count else None,
        "most_in_a_week": one.most_in_a_week(),
        "runs": len(one.runs),
        "examples": [_run(run) for run in one.runs[:BACKTEST_RUNS_SHOWN_ITEMS_MAX]],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "who": run.who or run.subject,
        "subject": run.subject,
        "entered": run.entered,
        "ghost": bool(run.ghost),
        "messages": [{"time": one.time, "template": one.template, "what": one.what} for one in run.said],
        "goals": run.goals,
        "ended": run.ended,
        "reason": run.reason or None,
    }


def main() -> None:
    """Does what is asked."""
    os.nice(NICE)
    try:
        asked = msgspec.convert(msgspec.json.decode(sys.stdin.buffer.read()), Asked, str_keys=True)
        say({"result": worked(asked)})
    except SevenfoldError as error:
        say({"error": error.to_json()})


if __name__ == "__main__":
    main()

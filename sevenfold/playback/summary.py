"""The figures of a replay, as they stand in `replay.json` and feed the report and the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sevenfold.errors import InputError

SUMMARY_FILE: Final = "replay.json"


class Reason(Struct):
    """Why subjects made a move: the rule (`enter retention`), what set it off, and how often."""

    rule: str
    cause: str
    count: int


class Move(Struct, rename={"from_": "from"}):
    """How often subjects went from one stage to another (`to` None: the lifecycle stopped applying)."""

    from_: str
    to: str | None
    count: int
    reasons: list[Reason]


class StageSummary(Struct):
    """One stage: `now` subjects and their share of all, `reached` ever, stays `left` (ended) and `still`
    (not).

    Quantiles are days by Kaplan-Meier, None where never reached; `longest_days` is the longest stay seen.
    """

    name: str
    now: int
    share: float
    reached: int
    left: int
    still: int
    low_days: float | None
    median_days: float | None
    high_days: float | None
    longest_days: float


class LifecycleSummary(Struct):
    """One lifecycle. `days` are day numbers from 1970-01-01, `daily` the subjects in each stage at their
    ends.
    """

    name: str
    of: str
    subjects: int
    ever: int
    stages: list[StageSummary]
    moves: list[Move]
    days: list[int]
    daily: list[list[int]]


class ScoreDay(Struct, array_like=True):
    """A score at one day's close: how many are known, quartiles in points, subjects by band (first:
    unknown).
    """

    day: int
    known: int
    low: float
    median: float
    high: float
    bands: list[int]


class ScoreSummary(Struct):
    """One score at the end (`now` by band, first unknown; `histogram` in steps of 5) and day by day."""

    name: str
    of: str
    bands: list[str]
    bounds: list[float]
    now: list[int]
    histogram: list[int]
    median: float | None
    days: list[ScoreDay]


class StepSummary(Struct, kw_only=True):
    """One step of a journey. `reached` runs came to it, `outcomes` says how often it was left and how,
    `exits` how many runs ended while they were here and why, `still` runs are here. `median_ms`: from coming
    to leaving.
    """

    id: str
    kind: str
    title: str = ""
    reached: int = 0
    visits: int = 0
    outcomes: dict[str, int] = {}
    exits: dict[str, int] = {}
    still: int = 0
    median_ms: int | None = None


class MessageSummary(Struct, kw_only=True):
    """One template (or call) of a journey: messages decided, those of ghosts, held and deferred by reason,
    and what became of them.
    """

    template: str
    channel: str
    decided: int = 0
    would_send: int = 0
    held: dict[str, int] = {}
    deferred: dict[str, int] = {}
    outcomes: dict[str, int] = {}


class GoalSummary(Struct, kw_only=True):
    """One goal: runs that reached it, ghosts among them, the sum of the others' values, median time."""

    name: str
    reached: int = 0
    ghosts: int = 0
    value: float = 0.0
    median_ms: int | None = None


class JourneySummary(Struct, kw_only=True):
    """One journey. `entries` runs began (`ghosts` of them held out), `refused` says why others did
    not, `active` go on, `ended` by reason. `daily` are entries by day number.
    """

    name: str
    of: str
    title: str = ""
    entries: int = 0
    people: int = 0
    ghosts: int = 0
    triggers: dict[str, int] = {}
    refused: dict[str, int] = {}
    active: int = 0
    ended: dict[str, int] = {}
    median_ms: int | None = None
    steps: list[StepSummary] = []
    messages: list[MessageSummary] = []
    goals: list[GoalSummary] = []
    tasks: dict[str, dict[str, int]] = {}
    daily: dict[int, int] = {}

    @property
    def sent(self) -> int:
        """Messages decided, whatever became of them."""
        return sum(one.decided for one in self.messages)

    @property
    def held(self) -> int:
        """Messages held for good."""
        return sum(sum(one.held.values()) for one in self.messages)


class Summary(Struct, kw_only=True):
    """A whole replay. Times are ms UTC; `first` and `last` are those of events, `until` is where time
    stopped.

    `log` is the folder of the log that was folded, relative to the output folder where it lies inside.
    """

    version: str
    workspace: str
    title: str
    inputs: list[str]
    log: str
    first: int | None = None
    last: int | None = None
    until: int | None = None
    events: int = 0
    duplicates: int = 0
    rows: int = 0
    unmatched: int = 0
    dropped: dict[str, int] = {}
    subjects: dict[str, int] = {}
    effects: int = 0
    changes: dict[str, int] = {}
    tables: dict[str, int] = {}
    lifecycles: list[LifecycleSummary] = []
    scores: list[ScoreSummary] = []
    journeys: list[JourneySummary] = []
    delivery: str = ""
    """Where outcomes of messages come from: `simulated`, `recorded`, or empty when there are no journeys."""
    events_by_day: dict[int, int] = {}
    seconds: float = 0.0
    fold_seconds: float = 0.0

    @property
    def events_per_s(self) -> float:
        """Events a second, from reading to tables; `fold_seconds` is the fold's part alone."""
        return self.events / self.seconds if self.seconds else 0.0

    def save(self, folder: Path) -> Path:
        """Writes `replay.json`."""
        path = folder / SUMMARY_FILE
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))
        return path


def load_summary(folder: Path) -> Summary:
    """The summary that a replay left in `folder`. Raises InputError."""
    path = folder / SUMMARY_FILE
    fix = "name the folder that was given to `sevenfold replay --out`"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except OSError as error:
        raise InputError("This folder holds no replay", where=str(folder), fix=fix) from error
    except msgspec.MsgspecError as error:
        raise InputError(
            f"The summary cannot be read: {error}", where=str(path), fix="replay again"
        ) from error

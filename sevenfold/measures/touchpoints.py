"""Moments of truth: the touchpoints where what customers do later splits most, and where they drop off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.events.common import now_of, rows_of, table_of
from sevenfold.measures.events.periods import bounds
from sevenfold.measures.events.selecting import quoted
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared.conditions import condition_sql, events_sql
from sevenfold.measures.statistics.intervals import Interval, share, share_difference, share_p_value
from sevenfold.measures.statistics.multiple import adjusted_p
from sevenfold.profiles.expressions import ExpressionError, parse_duration

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
DAY_MS: Final = 86_400_000
NEVER: Final = 1 << 62
TRUTH, NOTHING, FEW = "moment of truth", "no clear difference", "too few"


class Touch(Struct, frozen=True, forbid_unknown_fields=True):
    """One touchpoint: events of these names for which `where` holds; `good` and `bad` say which went how."""

    name: str
    event: tuple[str, ...]
    where: str = ""
    good: str = ""
    bad: str = ""


class Stage(Struct, frozen=True, forbid_unknown_fields=True):
    """A stage of the map. `stages` or `event` are its outcome; with neither it is every later stage that is
    not `lost`. `within` and `meet_within` are durations.
    """

    stage: str
    touchpoints: tuple[Touch, ...] = ()
    stages: tuple[str, ...] = ()
    event: tuple[str, ...] = ()
    where: str = ""
    within: str = "30d"
    meet_within: str = "7d"
    lost: bool = False


class Touchpoints(Question, frozen=True, tag="touchpoints"):
    """`stages` in the order of the journey, `by` person or account, `minimum` subjects on either side."""

    lifecycle: str
    stages: tuple[Stage, ...]
    by: str = "person"
    minimum: int = 30
    level: float = 0.95
    since: str = ""
    until: str = ""

    def check(self) -> None:
        bounds(self.since, self.until)
        if self.by not in ("person", "account"):
            raise QuestionError(f"`{self.by}` meets no touchpoints", where="by", fix="person or account")
        if not self.stages:
            raise QuestionError("There are no stages", where="stages", fix="give the workspace `touchpoints`")
        if self.minimum < 2 or not 0.5 <= self.level < 1:
            raise QuestionError("`minimum` is at least 2, `level` from 0.5 to below 1", where="minimum")
        for stage in self.stages:
            for text in (stage.within, stage.meet_within):
                try:
                    parse_duration(text)
                except ExpressionError as error:
                    raise QuestionError(str(error.message), where=stage.stage) from error


class Split(Struct, frozen=True):
    """How an outcome splits over a meeting: hits among those who met it and those who did not, the difference
    of the two rates with its interval, and the p value of no difference.
    """

    met: int
    met_hits: int
    other: int
    other_hits: int
    difference: Interval
    p: float


def separate(met: Mask, outcome: Mask, level: float = 0.95) -> Split:
    """Splits `outcome` over `met`, two vectors of truth values of one length."""
    n, hits = int(met.sum()), int((met & outcome).sum())
    other, other_hits = int((~met).sum()), int((~met & outcome).sum())
    difference = share_difference(hits, n, other_hits, other, level)
    return Split(n, hits, other, other_hits, difference, share_p_value(hits, n, other_hits, other))


@analysis("touchpoints")
def touchpoints(question: Touchpoints, warehouse: Warehouse) -> Answer:
    """For each stage of the map: how many went on in time, and which meetings separate those who did from
    those who did not.

    Everybody who came to the stage for the first time in the period counts once. A meeting counts in the
    first `meet_within` of the stage and while they were in it, the outcome in the time `within` after that.
    Who reached an outcome stage before `meet_within` was over is left out of the comparison, on both sides,
    so that those who stayed long enough to meet anything are not compared with those who could not (a
    landmark analysis: Anderson, Cain and Gelber 1983, J. Clin. Oncol. 1); an outcome event counts from then
    on, whether or not it happened before. Who cannot be watched to the end is left out.

    Compared are: met or not, met well or not at all, met badly or not at all, where there are `minimum`
    subjects on both sides. The difference of the two rates has Newcombe's interval; a *moment of truth* is
    one whose false-discovery rate among the comparisons made (Benjamini, Hochberg) is at most 1 - `level`.
    """
    start, end = bounds(question.since, question.until)
    now = now_of(warehouse, end)
    moves = _moves(warehouse, question)
    found, rows = [], []
    for index, stage in enumerate(question.stages):
        later = [one.stage for one in question.stages[index + 1 :] if not one.lost]
        stays = _stays(moves, stage, tuple(later), start, end)
        seen = _Meetings(warehouse, question.by, stage, stays.ids)
        found.append(_stage_row(stage, stays, seen, now, question.level))
        rows.extend(_comparisons(stage, stays, seen, now, question))
    # Which comparisons are made is decided by how many people there are, never by how it turned out.
    made = [row for row in rows if min(row["n_met"], row["n_not"]) >= question.minimum]
    for row in rows:
        row["q"], row["verdict"] = None, FEW
    for row, q in zip(made, adjusted_p([row["p"] for row in made]), strict=True):
        row["q"], row["verdict"] = q, TRUTH if q <= 1 - question.level else NOTHING
    rows.sort(key=lambda row: (row["verdict"] != TRUTH, row["verdict"] == FEW, -abs(row["difference"] or 0)))
    return _answer(question, found, rows)


class _Stays(Struct):
    """First stays in a stage, by subject in rising order: when it began, when it was left and when its
    outcome stage was first reached afterwards (NEVER if not), ms; who is still there.
    """

    ids: npt.NDArray[np.uint64]
    began: Ints
    left: Ints
    reached: Ints


def _moves(warehouse: Warehouse, question: Touchpoints) -> dict[int, list[tuple[int, str]]]:
    """Each subject's (time, stage) in order."""
    table = warehouse.query(f"""
        SELECT subject, time, to_stage FROM transitions
        WHERE lifecycle = {quoted(question.lifecycle)} AND of = {quoted(question.by)} ORDER BY number
    """)  # noqa: S608
    moves: dict[int, list[tuple[int, str]]] = {}
    for row in rows_of(table):
        moves.setdefault(int(row["subject"]), []).append((int(row["time"]), str(row["to_stage"] or "")))
    return moves


def _stays(
    moves: dict[int, list[tuple[int, str]]],
    stage: Stage,
    later: tuple[str, ...],
    start: int | None,
    end: int | None,
) -> _Stays:
    goals = frozenset(stage.stages or (() if stage.event else later))
    found = []
    for subject, path in sorted(moves.items()):
        place = next((i for i, (_, name) in enumerate(path) if name == stage.stage), None)
        if place is None:
            continue
        began = path[place][0]
        if (start is not None and began < start) or (end is not None and began >= end):
            continue
        left = next((time for time, _ in path[place + 1 :]), NEVER)
        reached = next((time for time, name in path[place + 1 :] if name in goals), NEVER)
        found.append((subject, began, left, reached))
    columns = list(zip(*found, strict=True)) if found else [(), (), (), ()]
    ids = np.array(columns[0], np.uint64)
    return _Stays(ids, *(np.array(column, np.int64) for column in columns[1:]))


class _Meetings:
    """When the subjects of a stage met its touchpoints, and had its outcome event."""

    def __init__(self, warehouse: Warehouse, by: str, stage: Stage, ids: npt.NDArray[np.uint64]) -> None:
        self._ids = ids
        self._keys: dict[tuple[str, str], Ints] = {}
        marks: dict[tuple[str, str], str] = {}
        for one in stage.touchpoints:
            base = f"({events_sql(one.event)} AND {condition_sql(one.where)})"
            marks[one.name, ""] = base
            for way, text in (("good", one.good), ("bad", one.bad)):
                if text:
                    marks[one.name, way] = f"({base} AND {condition_sql(text)})"
        if stage.event:
            marks["", "outcome"] = f"({events_sql(stage.event)} AND {condition_sql(stage.where)})"
        self.ways = tuple(marks)
        self._read(warehouse, by, marks)

    def _read(self, warehouse: Warehouse, by: str, marks: dict[tuple[str, str], str]) -> None:
        if not marks or not len(self._ids):
            self._low, self._span = 0, 1
            return
        columns = ", ".join(f"{sql} AS m{k}" for k, sql in enumerate(marks.values()))
        wanted = " OR ".join(marks.values())
        asked = f"SELECT {by} AS unit, taken AS moment, {columns} FROM events WHERE {by} <> 0 AND ({wanted})"  # noqa: S608
        table = warehouse.query(asked)
        unit = table["unit"].to_numpy().astype(np.uint64)
        at = table["moment"].to_numpy().astype(np.int64)
        self._low = int(at.min()) if len(at) else 0
        self._span = int(at.max()) - self._low + 2 if len(at) else 1
        place = np.minimum(np.searchsorted(self._ids, unit), len(self._ids) - 1)
        known = self._ids[place] == unit
        keys = place.astype(np.int64) * self._span + (at - self._low)
        for k, way in enumerate(marks):
            self._keys[way] = np.sort(
                keys[known & table[f"m{k}"].to_numpy(zero_copy_only=False).astype(bool)]
            )

    def between(self, way: tuple[str, str], start: Ints, end: Ints) -> Mask:
        """Which subjects had a meeting of that way at `start` or later and before `end` (ms)."""
        keys = self._keys.get(way)
        if keys is None:
            return np.zeros(len(self._ids), np.bool_)
        return np.searchsorted(keys, self._at(end)) > np.searchsorted(keys, self._at(start))

    def first_after(self, way: tuple[str, str], start: Ints) -> Ints:
        """When each subject first had one after `start` (ms), NEVER if not."""
        found = np.full(len(self._ids), NEVER, np.int64)
        keys = self._keys.get(way)
        if keys is None or not len(keys):
            return found
        place = np.searchsorted(keys, self._at(start + 1))
        key = keys[np.minimum(place, len(keys) - 1)]
        theirs = (place < len(keys)) & (key // self._span == np.arange(len(self._ids)))
        found[theirs] = key[theirs] % self._span + self._low
        return found

    def _at(self, time: Ints) -> Ints:
        """The least key at or after a time of each subject."""
        inside = np.clip(time - self._low, 0, self._span - 1)
        at: Ints = np.arange(len(self._ids), dtype=np.int64) * self._span + inside
        return at


def _outcome_at(stage: Stage, stays: _Stays, seen: _Meetings) -> Ints:
    return seen.first_after(("", "outcome"), stays.began) if stage.event else stays.reached


def _stage_row(stage: Stage, stays: _Stays, seen: _Meetings, now: int, level: float) -> dict[str, Any]:
    """How many went on in time, of those who could be watched so long; nobody goes on from a lost stage."""
    horizon = parse_duration(stage.meet_within) + parse_duration(stage.within)
    outcome = _outcome_at(stage, stays, seen)
    watched = stays.began + horizon <= now
    went_on = watched & (outcome <= stays.began + horizon)
    n, on = int(watched.sum()), int(went_on.sum())
    took = (outcome - stays.began)[went_on]
    dropped = share(n - on, n, level)
    told = not stage.lost and n > 0
    return {
        "stage": stage.stage,
        "entered": len(stays.ids),
        "watched": n,
        "went_on": on,
        "drop_off": dropped.value if told else None,
        "low": dropped.low if told else None,
        "high": dropped.high if told else None,
        "still_there": int((stays.left == NEVER).sum()),
        "median_days": float(np.median(took)) / DAY_MS if len(took) else None,
        "decided_early": int((watched & (outcome <= stays.began + parse_duration(stage.meet_within))).sum()),
    }


def _comparisons(
    stage: Stage, stays: _Stays, seen: _Meetings, now: int, question: Touchpoints
) -> list[dict[str, Any]]:
    landmark = stays.began + parse_duration(stage.meet_within)
    horizon = landmark + parse_duration(stage.within)
    # A stage is reached once: who reached it before the landmark is no case any more. Events happen again.
    outcome = seen.first_after(("", "outcome"), landmark) if stage.event else stays.reached
    open_ = (horizon <= now) & (outcome > landmark)
    good = outcome <= horizon
    until = np.minimum(landmark, stays.left)
    met = {way: seen.between(way, stays.began, until) for way in seen.ways}
    rows = []
    for (name, way), those in met.items():
        if way == "outcome":
            continue
        # Who met it otherwise is on neither side of "met well" and "met badly".
        compared = open_ & (those | ~met[name, ""])
        split = separate(those[compared], good[compared], question.level)
        n, other = split.met, split.other
        known = n > 0 and other > 0
        rows.append({
            "stage": stage.stage, "touchpoint": name, "met": way or "at all",
            "n_met": n, "rate_met": split.met_hits / n if n else None,
            "n_not": other, "rate_not": split.other_hits / other if other else None,
            "difference": split.difference.value if known else None,
            "low": split.difference.low if known else None, "high": split.difference.high if known else None,
            "p": split.p,
        })  # fmt: skip
    return rows


def _answer(question: Touchpoints, stages: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Answer:
    truths = [row for row in rows if row["verdict"] == TRUTH]
    few = sum(row["verdict"] == FEW for row in rows)
    unwatched = sum(row["entered"] - row["watched"] for row in stages)
    caveats = [Doubt(Caveat.NOT_CAUSAL, "Those who met a touchpoint may have differed before; test it.")]
    if len(rows) > few:
        rate = f"{1 - question.level:.0%}"
        text = f"{len(rows) - few} comparisons; of those called moments of truth some {rate} may be chance."
        caveats.append(Doubt(Caveat.MULTIPLE_TESTS, text))
    if few:
        text = f"{few} comparisons were not made, with fewer than {question.minimum} on one side."
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, text))
    if unwatched:
        caveats.append(
            Doubt(Caveat.INCOMPLETE_LEFT_OUT, f"{unwatched:,} stays began too late to be watched.")
        )
    numbers = dict.fromkeys(("drop_off", "low", "high"), pa.float64())
    counts = dict.fromkeys(("entered", "watched", "went_on"), pa.int64())
    return Answer(
        question=question,
        sentence=_sentence(stages, truths),
        estimates=tuple(
            Estimate(f"drop_off.{row['stage']}", row["drop_off"], row["low"], row["high"], row["watched"])
            for row in stages
            if row["drop_off"] is not None
        ),
        tables={
            "stages": table_of(stages, {
                "stage": pa.string(), **counts, **numbers, "still_there": pa.int64(),
                "median_days": pa.float64(), "decided_early": pa.int64(),
            }),
            "touchpoints": table_of(rows, {
                "stage": pa.string(), "touchpoint": pa.string(), "met": pa.string(),
                "n_met": pa.int64(), "rate_met": pa.float64(), "n_not": pa.int64(), "rate_not": pa.float64(),
                "difference": pa.float64(), "low": pa.float64(), "high": pa.float64(),
                "p": pa.float64(), "q": pa.float64(), "verdict": pa.string(),
            }),
        },
        caveats=tuple(caveats),
    )  # fmt: skip


def _sentence(stages: list[dict[str, Any]], truths: list[dict[str, Any]]) -> str:
    told = [row for row in stages if row["drop_off"] is not None]
    if not told:
        return "Nobody could be watched long enough to say anything."
    worst = max(told, key=lambda row: row["drop_off"])
    text = f"Most drop off in {worst['stage']}: {worst['drop_off']:.0%} of {worst['watched']:,} did not go on"
    text += f" ({worst['low']:.0%} to {worst['high']:.0%})."
    if not truths:
        return f"{text} No touchpoint separates those who went on from those who did not."
    row = truths[0]
    how = {"at all": "met", "good": "met well", "bad": "met badly"}[row["met"]]
    text += f" The sharpest moment of truth: {row['touchpoint']} in {row['stage']}, {how}:"
    text += f" {row['rate_met']:.0%} went on against {row['rate_not']:.0%} without it"
    points = [100 * row[key] for key in ("difference", "low", "high")]
    return f"{text} ({points[0]:+.0f} points, {points[1]:+.0f} to {points[2]:+.0f})."

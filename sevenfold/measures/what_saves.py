"""What saves whom: interventions by kind of risk, and advice for who is at risk now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from sevenfold.learning.interventions import LEFT_ALONE, Episodes, told
from sevenfold.measures.answer import Answer, Caveat, Doubt, Question, QuestionError
from sevenfold.measures.events.periods import bounds
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared.rates import period, rows_of
from sevenfold.measures.statistics.special import Floats

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

GHOSTS_MIN: Final = 10
"""Episodes that a ghost's touch would have met, from which on they alone are those left alone."""


class WhatSaves(Question, frozen=True, tag="what-saves"):
    """Episodes of the save `save` (all, when empty) that began in the period, of accounts or people. Their
    profile is `by`: `save` (which risk it was), `score:NAME` (its band when the risk began) or
    `stage:LIFECYCLE`. `subject` (an account's own id, or 16 hexadecimal digits) asks for advice on one alone.
    """

    save: str = ""
    of: Literal["account", "person"] = "account"
    by: str = "save"
    subject: str = ""
    since: str = ""
    until: str = ""
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        bounds(self.since, self.until)
        if self.by != "save" and not self.by.startswith(("score:", "stage:")):
            raise QuestionError(
                f"{self.by!r} is no profile", where="by", fix="save, score:NAME or stage:LIFECYCLE"
            )


_EPISODES = """
SELECT s.episode, MIN(s.save) AS save, MIN(s.subject) AS subject, MIN(s.time) AS time,
    MAX(CASE WHEN s.change IN ('saved', 'recovered_untouched') THEN 1 ELSE 0 END) AS saved,
    MAX(CASE WHEN s.change = 'save_lost' THEN 1 ELSE 0 END) AS lost,
    MAX(CASE WHEN s.would_touch THEN 1 ELSE 0 END) AS ghost, MAX(COALESCE(s.touch_name, '')) AS touch
FROM saves AS s WHERE s.of = $of AND ($save = '' OR s.save = $save)
GROUP BY s.episode HAVING MIN(s.time) >= $start AND MIN(s.time) < $end ORDER BY time, s.episode
"""
_SCORES = """
SELECT subject, time, score, value, band FROM scores WHERE of = $of AND value IS NOT NULL
ORDER BY subject, score, time
"""
_STAGES = "SELECT subject, time, to_stage FROM transitions WHERE of = $of AND lifecycle = $name ORDER BY time"
_KEYS = "SELECT subject, key FROM subjects WHERE of = $of"


@analysis("what-saves")
def what_saves(question: WhatSaves, warehouse: Warehouse) -> Answer:
    """What saved whom: the effect of each touch by kind of risk, and what to do for those at risk now.

    A case is an episode of risk that is over; the saves of the workspace say what a risk is, and those about
    renewal end with its decision. What was done is the last touch, a message or a task. Effects are against
    episodes that a ghost's touch would have met, where there are enough; else against those nobody touched,
    which is said. Kinds of risk borrow from each other (hierarchical normal model), so that few tries claim
    little. The advice names what helps nearly surely, and similar cases that it saved, nearest first by all
    scores when the risk began. Tables: `effects`, `interventions`, `advice`.
    """
    start, end = period(question.since, question.until, warehouse)
    rows = rows_of(warehouse, _EPISODES, of=question.of, save=question.save, start=start, end=end)
    keys = {row["subject"]: row["key"] for row in rows_of(warehouse, _KEYS, of=question.of)}
    scores = _Scores(rows_of(warehouse, _SCORES, of=question.of))
    profile = _profiles(question, warehouse, scores)
    over = [row for row in rows if row["saved"] or row["lost"]]
    ghosts = sum(1 for row in over if row["ghost"])
    by_chance = ghosts >= GHOSTS_MIN
    past = [row for row in over if row["touch"] or not by_chance or row["ghost"]]
    done = [LEFT_ALONE if row["ghost"] or not row["touch"] else str(row["touch"]) for row in past]
    names = sorted({*done, LEFT_ALONE})
    profiles = [profile(row) for row in past]
    kinds = sorted(set(profiles)) or [""]
    episodes = Episodes(
        np.array([kinds.index(one) for one in profiles], dtype=np.int64), kinds,
        np.array([names.index(one) for one in done], dtype=np.int64), names,
        np.array([bool(row["saved"]) for row in past], dtype=bool),
        np.array([scores.figures(row) for row in past]).reshape(len(past), -1),
        [_name(row["subject"], keys) for row in past],
    )  # fmt: skip
    asked = []
    for row in rows:
        name = _name(row["subject"], keys)
        wanted = question.subject in ("", name, f"{row['subject']:016x}")
        if not row["saved"] and not row["lost"] and wanted:
            asked.append((name, profile(row), scores.figures(row)))
    answer = told(question, episodes, asked, by_chance=by_chance, level=question.level)
    open_ones = len(rows) - len(over)
    if open_ones:
        answer.caveats = (
            *answer.caveats, Doubt(Caveat.INCOMPLETE_LEFT_OUT, f"{open_ones:,} episodes are not over.")
        )  # fmt: skip
    return answer


def _name(subject: int, keys: dict[int, str]) -> str:
    return keys.get(subject) or f"{subject:016x}"


class _Scores:
    """Scores as they closed, by subject."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.names = sorted({row["score"] for row in rows})
        self._held: dict[tuple[int, str], list[tuple[int, float, str]]] = {}
        for row in rows:
            held = self._held.setdefault((row["subject"], row["score"]), [])
            held.append((row["time"], float(row["value"]), str(row["band"] or "")))

    def at(self, subject: int, score: str, time: int) -> tuple[float, str]:
        """(points, band) as last closed at a time; (NaN, "") where none was."""
        before = [(value, band) for at, value, band in self._held.get((subject, score), []) if at <= time]
        return before[-1] if before else (float("nan"), "")

    def figures(self, row: dict[str, Any]) -> Floats:
        """All scores when the risk began, (scores,)."""
        return np.array([self.at(row["subject"], name, row["time"])[0] for name in self.names])


def _profiles(question: WhatSaves, warehouse: Warehouse, scores: _Scores) -> Any:
    """What says the profile of an episode."""
    kind, _, name = question.by.partition(":")
    if kind == "save":
        return lambda row: str(row["save"])
    if kind == "score":
        return lambda row: f"{name} {scores.at(row['subject'], name, row['time'])[1] or 'unknown'}"
    stages: dict[int, list[tuple[int, str]]] = {}
    for row in rows_of(warehouse, _STAGES, of=question.of, name=name):
        stages.setdefault(row["subject"], []).append((row["time"], str(row["to_stage"])))

    def stage(row: dict[str, Any]) -> str:
        held = [to for at, to in stages.get(row["subject"], []) if at <= row["time"]]
        return held[-1] if held else "no stage"

    return stage

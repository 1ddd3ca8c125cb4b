"""The Net Promoter Score, with its interval: of any frame of answers, or of the answers in the warehouse."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table, codes, numbers, table_of
from sevenfold.measures.statistics.nps import Score, score

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

ANSWERS_MIN = 30
"""Fewer answers make an interval of some forty points: too wide to say more than good or bad."""


class Nps(Question, frozen=True, tag="nps"):
    """The score of the answers to a survey: the property `answer` of the event `event`, a person's latest
    within `start` and `end` (ms UTC, 0 for no bound).
    """

    event: str = "NPS Answered"
    answer: str = "score"
    start: int = 0
    end: int = 0
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        if self.end and self.end <= self.start:
            raise QuestionError("The end is not after the start", where="end")
        if not self.answer.replace("_", "").isalnum():
            raise QuestionError(f"{self.answer!r} is no property's name", where="answer")


def from_frame(
    frame: Any, *, answer: str = "score", weight: str = "", by: str = "", level: float = 0.95
) -> Answer:
    """Score of a column of answers; what is no whole number from 0 to 10 counts as blank. `weight` is a
    column of survey weights, `by` one to split by. Table: `groups`. Raises QuestionError.
    """
    table = table_of(frame)
    answers = numbers(table, answer)
    weights = np.nan_to_num(numbers(table, weight)) if weight else None
    groups, names = codes(table, by) if by else (np.zeros(len(answers), dtype=np.int64), [])
    return _scored(Nps(answer=answer, level=level), answers, weights, groups, names)


def _scored(question: Nps, answers: Any, weights: Any, groups: Any, names: list[str]) -> Answer:
    overall = score(answers, weights, question.level)
    rows, estimates = [_row("all", overall)], [_estimate("nps", overall, question.level)]
    for number, name in enumerate(names):
        mine = groups == number
        found = score(answers[mine], weights[mine] if weights is not None else None, question.level)
        rows.append(_row(name, found))
        estimates.append(_estimate(f"nps:{name}", found, question.level))
    caveats = []
    if overall.n < ANSWERS_MIN:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{overall.n:,} answers."))
    if overall.invalid:
        caveats.append(Doubt(Caveat.UNKNOWN_LEFT_OUT, f"{overall.invalid:,} without an answer from 0 to 10."))
    value, low, high = overall.score
    sentence = (
        f"NPS {value:.1f} ({low:.1f} to {high:.1f}) of {overall.n:,} answers: "
        f"{words.percent(overall.promoters / overall.n)} promoters, "
        f"{words.percent(overall.detractors / overall.n)} detractors."
        if overall.n
        else "There are no answers."
    )
    return Answer(
        question=question, sentence=sentence, estimates=tuple(estimates), caveats=tuple(caveats),
        tables={"groups": as_table(rows)},
    )  # fmt: skip


def _row(name: str, found: Score) -> dict[str, Any]:
    value, low, high = (each if isfinite(each) else None for each in found.score)
    return {
        "group": name, "n": found.n, "promoters": found.promoters, "passives": found.passives,
        "detractors": found.detractors, "blank": found.invalid, "nps": value, "low": low, "high": high,
    }  # fmt: skip


def _estimate(name: str, found: Score, level: float) -> Estimate:
    value, low, high = (each if isfinite(each) else None for each in found.score)
    return Estimate(name, value, low, high, found.n, level, "points")


LATEST = """
SELECT CAST(json_extract_string(properties, '$.{answer}') AS DOUBLE) AS answer FROM (
    SELECT properties, ROW_NUMBER() OVER (PARTITION BY person ORDER BY time DESC, position DESC) AS place
    FROM events
    WHERE type = 'track' AND name = $event AND time >= $start AND time < $end
) AS a WHERE place = 1
"""


@analysis("nps")
def nps(question: Nps, warehouse: Warehouse) -> Answer:
    """The Net Promoter Score of a survey's answers, each person's latest, with its interval."""
    end = question.end or warehouse.through().time + 1
    found = warehouse.query(
        LATEST.format(answer=question.answer),
        {"event": question.event, "start": question.start, "end": end},
    )
    answers = numbers(pa.table({"answer": found["answer"]}), "answer")
    return _scored(question, answers, None, np.zeros(len(answers), dtype=np.int64), [])

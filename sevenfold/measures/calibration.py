"""Does a score foretell what it should? Past scores against what came of them."""

# ruff: noqa: S608 - conditions are made from checked text; every value is bound

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Question, QuestionError
from sevenfold.measures.events.periods import duration
from sevenfold.measures.events.selecting import sql_of
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared.columns import numbers
from sevenfold.measures.shared.scoring import judged
from sevenfold.measures.statistics.special import Bools, Floats, Ints

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

LOOKS_MAX = 60


class Calibration(Question, frozen=True, tag="calibration"):
    """A `score` against an `outcome` `within` the time after: `stage:LIFECYCLE/STAGE` (entered),
    `segment:NAME` (entered), or an event. `falling`: a low score foretells it, as low health does churn.
    Looked at `looks` times, each `within` before the next, so that no outcome counts twice.
    """

    score: str = "health"
    outcome: str = "stage:customer/churned"
    of: Literal["person", "account"] = "person"
    within: str = "30d"
    falling: bool = True
    looks: int = 6
    bins: int = 10
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        duration(self.within, "within")
        if not 1 <= self.looks <= LOOKS_MAX or not 2 <= self.bins <= 100:
            raise QuestionError(f"1 to {LOOKS_MAX} looks, 2 to 100 bins", where="looks")
        if self.outcome.startswith("stage:") and "/" not in self.outcome:
            raise QuestionError("Which stage?", where="outcome", fix="stage:LIFECYCLE/STAGE")


@analysis("calibration")
def calibration(question: Calibration, warehouse: Warehouse) -> Answer:
    """How well a score foretold an outcome: reliability curve, AUC with its interval, lift by decile.

    At each look, everybody whose score was known then is a case, by the score of the last day closed, and it
    came true when the outcome followed within the time. Whoever is where the outcome leads already is no case
    until they have left it. Looks do not overlap. Tables: `reliability`, `deciles`.
    """
    within, now = duration(question.within, "within"), warehouse.through().time
    looks = [now - within * (i + 1) for i in range(question.looks)]
    subjects, times, values = _scores(question, warehouse)
    happened, left = _happened(question, warehouse)
    scores: list[Floats] = []
    outcomes: list[Bools] = []
    people: list[Ints] = []
    for look in looks:
        who, score = _as_of(subjects, times, values, look)
        out = _standing(happened, left, who, look)
        came = np.isin(who, happened[0][(happened[1] > look) & (happened[1] <= look + within)])
        scores.append(score[~out])
        outcomes.append(came[~out])
        people.append(who[~out])
    answer = judged(
        question, np.concatenate(scores), np.concatenate(outcomes), falling=question.falling,
        bins=question.bins, level=question.level,
    )  # fmt: skip
    everybody = np.concatenate(people)
    repeated = len(everybody) - len(np.unique(everybody))
    if repeated:
        text = f"{len(everybody):,} cases are of {len(np.unique(everybody)):,} subjects, and go together."
        answer.caveats = (*answer.caveats, Doubt(Caveat.ASSUMPTION_FAILED, text))
    return answer


def _scores(question: Calibration, warehouse: Warehouse) -> tuple[Ints, Ints, Floats]:
    """Scores as they changed, in order of subject and time; NaN where one was not known."""
    table = warehouse.query(
        "SELECT subject, time, value FROM scores WHERE score = $score AND of = $of ORDER BY subject, time",
        {"score": question.score, "of": question.of},
    )
    return _ids(table, "subject"), numbers(table, "time").astype(np.int64), numbers(table, "value")


def _ids(table: pa.Table, name: str) -> Ints:
    return np.asarray(table[name].to_numpy(), dtype=np.uint64).view(np.int64)


def _happened(
    question: Calibration, warehouse: Warehouse
) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints] | None]:
    """(subject, time) of each outcome, and of each time it was left again; None for what is not stood in."""
    kind, _, name = question.outcome.partition(":")
    parameters: dict[str, Any] = {}
    if kind == "stage":
        lifecycle, _, stage = name.partition("/")
        parameters = {"lifecycle": lifecycle, "stage": stage, "of": question.of}
        where = "lifecycle = $lifecycle AND of = $of AND"
        came = f"SELECT subject, time FROM transitions WHERE {where} to_stage = $stage"
        left = f"SELECT subject, time FROM transitions WHERE {where} from_stage = $stage"
    elif kind == "segment":
        parameters = {"segment": name, "of": question.of}
        where = "segment = $segment AND of = $of AND"
        came = f"SELECT subject, time FROM segment_changes WHERE {where} entered"
        left = f"SELECT subject, time FROM segment_changes WHERE {where} NOT entered"
    else:
        came = f"SELECT {question.of} AS subject, time FROM events AS e WHERE {sql_of(question.outcome, 'e')}"
        left = ""
    return _times(warehouse, came, parameters), _times(warehouse, left, parameters) if left else None


def _times(warehouse: Warehouse, sql: str, parameters: dict[str, Any]) -> tuple[Ints, Ints]:
    table = warehouse.query(sql, parameters)
    return _ids(table, "subject"), numbers(table, "time").astype(np.int64)


def _as_of(subjects: Ints, times: Ints, values: Floats, look: int) -> tuple[Ints, Floats]:
    """Each subject's last known score at `look`."""
    rows = times <= look
    who, at, value = subjects[rows], times[rows], values[rows]
    order = np.lexsort([at, who])
    who, value = who[order], value[order]
    last = np.append(who[1:] != who[:-1], True) if len(who) else np.zeros(0, dtype=bool)
    known = last & np.isfinite(value)
    return who[known], value[known]


def _standing(happened: tuple[Ints, Ints], left: tuple[Ints, Ints] | None, who: Ints, look: int) -> Bools:
    """Who is where the outcome leads at `look`: came after they last left. Nobody stands in an event."""
    if left is None or not len(who):
        return np.zeros(len(who), dtype=bool)
    order = np.argsort(who)

    def last(rows: tuple[Ints, Ints]) -> Ints:
        """The last time of each of `who` up to `look`; -1 for never."""
        inside = rows[1] <= look
        subjects, times = rows[0][inside], rows[1][inside]
        found = np.full(len(who), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(who[order], subjects), len(who) - 1)
        same = who[order][at] == subjects
        np.maximum.at(found, order[at[same]], times[same])
        return found

    return np.asarray(last(happened) > last(left))

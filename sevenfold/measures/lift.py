"""Did it change anything? Journeys, messages, splits and tasks against their ghosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.events.periods import DAY_MS, bounds, duration
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import comparing, exposures
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.comparing import WORTH, Compared, Pace
from sevenfold.measures.shared.lifted import Lifted, Scope
from sevenfold.measures.statistics import sequential

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

COMPARISONS_MAX = 400
"""Arms times metrics of one question."""


class Lift(Question, frozen=True, tag="lift"):
    """The effect of a `journey`, of a `message` (template) in it, of a `split` (its salt: journey/step) or of
    a `task` (its kind). When none is named: of `every` journey (message, split, task) that has a control.

    `metrics`: `goal`, `goal:NAME`, `revenue`, `orders`, `saved`, `stage:LIFECYCLE/STAGE` (entered),
    `late:EVENT` (in the second half of the time: still there), an event, or `A / B` for a ratio of two sums;
    counted `within` the first exposure. An event is yes or no, `count:EVENT` how often. The same in the time
    `before` narrows the interval (`adjusted`). `once`: this is the only look.
    """

    every: Literal["journey", "message", "split", "task"] = "journey"
    journey: str = ""
    message: str = ""
    split: str = ""
    task: str = ""
    metrics: tuple[str, ...] = ("goal", "revenue")
    control: str = ""
    within: str = "14d"
    before: str = "28d"
    since: str = ""
    until: str = ""
    currency: str = ""
    cluster: Literal["auto", "person", "account"] = "auto"
    adjusted: bool = True
    winsorise: float = 0.0
    once: bool = False
    level: float = 0.95
    worth: float = WORTH
    tuned: float = sequential.TUNED_UNITS

    def check(self) -> None:
        """Raises QuestionError."""
        bounds(self.since, self.until)
        duration(self.within, "within")
        duration(self.before, "before")
        if self.message and not self.journey:
            raise QuestionError("A message is one of a journey", where="journey", fix="name the journey too")
        if sum(map(bool, (self.split, self.task, self.journey))) > 1:
            raise QuestionError("Name one of journey, split and task", where="split")
        if not self.metrics:
            raise QuestionError("There is no metric", where="metrics", fix="such as goal or revenue")
        if not 0.5 <= self.level < 1 or not 0 <= self.winsorise < 0.5 or self.worth <= 0 or self.tuned <= 0:
            raise QuestionError(
                "level is 0.5 to 1, winsorise 0 to 0.5, worth and tuned above 0", where="level"
            )


def _scope(kind: str, journey: str, name: str) -> Scope:
    """A message or split."""
    if kind == "message":
        return Scope(f"{journey}/{name}", exposures.MESSAGE, name, journey)
    return Scope(name, exposures.SPLIT, name, journey)


def _of_task(warehouse: Warehouse, kind: str, start: int, end: int) -> list[Scope]:
    """A kind of task, against its ghosts, and by the turn that was drawn."""
    sources = exposures.sources_of_task(warehouse, kind, start, end)
    return [Scope(kind, source, kind, "") for source in sources]


def _scopes(question: Lift, warehouse: Warehouse, start: int, end: int) -> list[Scope]:
    if question.split:
        return [_scope("split", question.split.partition("/")[0], question.split)]
    if question.task:
        return _of_task(warehouse, question.task, start, end)
    if question.message:
        return [_scope("message", question.journey, question.message)]
    if question.every != "journey" and not question.journey:
        found = exposures.every(warehouse, question.every, start, end)
        if question.every == "task":
            return [scope for _, kind in found for scope in _of_task(warehouse, kind, start, end)]
        return [_scope(question.every, journey, name) for journey, name in found]
    named = [question.journey] if question.journey else exposures.journeys_with_ghosts(warehouse, start, end)
    return [Scope(name, exposures.HOLDOUT, name, name) for name in named]


@analysis("lift")
def lift(question: Lift, warehouse: Warehouse) -> Answer:
    """The effect of journeys, messages, splits and tasks, against ghosts who walked the same way.

    Everybody who came in counts from their first exposure, whether they were reached or not; for a message,
    everybody for whom it was decided, or would have been. A kind of task whose order is drawn is also
    compared by turn: called in the first half against called later. Intervals hold at every look. They are
    adjusted by what units did before, allow for accounts that were assigned whole, leave out units that were
    in two arms, and units whose time `within` is not over. `false_discovery_rate` allows for all comparisons
    together. Beside the incremental effect stands what would be credited to the last message clicked or
    received.

    Tables: `effects`, `arms`, `credited`.
    """
    start, end = _period(question, warehouse)
    scopes = _scopes(question, warehouse, start, end)
    if len(scopes) * len(question.metrics) > COMPARISONS_MAX:
        raise QuestionError(f"More than {COMPARISONS_MAX} comparisons", where="metrics", fix="name a journey")
    compared: list[Compared] = []
    arms: list[dict[str, Any]] = []
    doubts: list[Doubt] = []
    credited: list[dict[str, Any]] = []
    pace = Pace((warehouse.through().time - start) / DAY_MS) if question.since else Pace()
    for scope in scopes:
        one = Lifted(question, warehouse, scope, start, end)
        compared += one.compared
        arms += one.arms
        doubts += one.doubts
        credited += one.credited
        pace = Pace(max(pace.days, one.days))
    effects = comparing.effects_table(compared, once=question.once, worth=question.worth, pace=pace)
    rows = effects.to_pylist()
    sentence = " ".join(row["sentence"] for row in rows[:3])
    if not compared:
        doubts.append(Doubt(Caveat.NO_CONTROL))
        sentence = "Nobody was held out, so what would have happened anyway is not known."
    return Answer(
        question=question, sentence=sentence,
        estimates=comparing.estimates(compared, once=question.once, level=question.level) + tuple(
            Estimate(f"incremental:{row['metric']}:{row['arm']}", row["incremental"], row["incremental_low"],
                     row["incremental_high"], row["n"], question.level)
            for row in credited
        ),
        tables={"effects": effects, "arms": as_table(arms), "credited": as_table(credited)},
        caveats=(*doubts, *comparing.doubts(compared, once=question.once)),
    )  # fmt: skip


def _period(question: Lift, warehouse: Warehouse) -> tuple[int, int]:
    start, end = bounds(question.since, question.until)
    return start or 0, end if end is not None else warehouse.through().time + 1

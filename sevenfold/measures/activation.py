"""Activation: how many reach first value, how soon, where they stop, and whether the activated stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.behaviour import Behaviour, Unit, days, of_warehouse
from sevenfold.measures.shared.columns import DAY_MS, as_table
from sevenfold.measures.shared.rates import rate
from sevenfold.measures.statistics.intervals import share, share_ratio
from sevenfold.measures.statistics.special import Bools, Floats
from sevenfold.measures.statistics.survival import kaplan_meier

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

UNITS_MIN = 30


class Activation(Question, frozen=True, tag="activation"):
    """A unit that did all of `events` within `within_days` of `start` is activated; `milestones` are the way
    there, in order. It stays when it does any of `stay_events` (anything, when empty) from `stay_from` to
    `stay_until` days after its start, and converts when it does `convert` at any time after.
    """

    events: tuple[str, ...]
    start: str = "Signed Up"
    unit: Unit = "person"
    within_days: float = 7
    milestones: tuple[str, ...] = ()
    stay_from: float = 60
    stay_until: float = 90
    stay_events: tuple[str, ...] = ()
    convert: str = ""
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        if not self.events:
            raise QuestionError(
                "What activates?", where="events", fix="ask activation-finder for a candidate"
            )
        if self.within_days <= 0 or not self.within_days <= self.stay_from < self.stay_until:
            raise QuestionError("Staying begins after activation and ends later", where="stay_from")


@analysis("activation")
def activation(question: Activation, warehouse: Warehouse) -> Answer:
    """Activation rate, time to first value, drop-off at each milestone, and how much more the activated stay.

    Units whose time is not over are left out of each figure. Time to first value counts those who have not
    come there yet as still on the way (Kaplan-Meier), so that its median is not too good. The ratio of
    staying compares the activated with the others: it need not be because of it. Tables: `milestones`,
    `time_to_first_value`, `stay`.
    """
    wanted = {*question.events, *question.milestones}
    if question.convert:
        wanted.add(question.convert)
    everything = not question.stay_events
    wanted |= set(question.stay_events)
    units = of_warehouse(warehouse, question.unit, question.start, () if everything else sorted(wanted))
    reached = np.max(np.stack([units.first(name) for name in question.events]), axis=0)
    over = units.observed >= days(question.within_days)
    activated = reached < days(question.within_days)
    n, hits = int(over.sum()), int(activated[over].sum())
    found = share(hits, n, question.level)
    stay_rows, ratio = _stay(question, units, activated)
    first_value, median = _first_value(question, units, reached)
    caveats = [Doubt(Caveat.NOT_CAUSAL, "Whether activation makes people stay, an experiment tells.")]
    if n < UNITS_MIN:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"{n:,} had their time."))
    if not over.all():
        caveats.append(Doubt(Caveat.INCOMPLETE_LEFT_OUT, f"{int((~over).sum()):,} began too late."))
    sentence = (
        f"{hits:,} of {n:,} ({words.percent(found.value)}) activated within {question.within_days:g} days"
    )
    if median is not None:
        sentence += f", half of all within {words.number(median)} days"
    if ratio.value is not None:
        sentence += f"; the activated stay {words.number(ratio.value)} times as often as the others"
    return Answer(
        question=question, sentence=sentence + ".", caveats=tuple(caveats),
        estimates=(
            Estimate("activation_rate", found.value if n else None, found.low, found.high, n, question.level),
            Estimate("median_time_to_first_value", median, n=len(reached), unit="days"), ratio,
        ),
        tables={
            "milestones": as_table(_milestones(question, units.take(over))),
            "time_to_first_value": first_value, "stay": as_table(stay_rows),
        },
    )  # fmt: skip


def _milestones(question: Activation, units: Behaviour) -> list[dict[str, Any]]:
    """Each milestone within the window, and how many of those before stopped there."""
    limit, n = days(question.within_days), len(units.start)
    rows: list[dict[str, Any]] = []
    before: Bools = np.ones(n, dtype=bool)
    for name in (*question.milestones, *(e for e in question.events if e not in question.milestones)):
        first = units.first(name)
        here = before & (first < limit)
        took = first[here] / DAY_MS
        rows.append({
            "milestone": name, "reached": int((first < limit).sum()), "of_those_before": int(before.sum()),
            "in_order": int(here.sum()), "lost": int(before.sum() - here.sum()),
            **rate("drop_off", int(before.sum() - here.sum()), int(before.sum()), question.level),
            "median_days": float(np.median(took)) if len(took) else None,
        })  # fmt: skip
        before = here
    return rows


def _first_value(question: Activation, units: Behaviour, reached: Floats) -> tuple[Any, float | None]:
    """Share that has come to first value by each day, and the day by which half have."""
    came = np.isfinite(reached) & (reached <= units.observed)
    spans = np.where(came, reached, units.observed) / DAY_MS
    curve = kaplan_meier(spans, came, question.level)
    median = next((row.time for row in curve if row.staying <= 0.5), None)
    rows = []
    for quantile in (0.1, 0.25, 0.5, 0.75, 0.9):
        at = next((row.time for row in curve if 1 - row.staying >= quantile), None)
        rows.append({"share": quantile, "days": at})
    return as_table(rows, {"share": "number", "days": "number"}), median


def _stay(question: Activation, units: Behaviour, activated: Bools) -> tuple[list[dict[str, Any]], Estimate]:
    """Staying (and converting) of the activated and the others, and their ratio."""
    over = units.observed >= days(question.stay_until)
    stayed = units.active(question.stay_events, days(question.stay_from), days(question.stay_until))
    rows, counts = [], []
    for name, group in (("activated", activated), ("others", ~activated)):
        mine = group & over
        row: dict[str, Any] = {"group": name, "n": int(mine.sum())}
        counts += [int(stayed[mine].sum()), int(mine.sum())]
        row |= rate("stay", counts[-2], counts[-1], question.level)
        if question.convert:
            bought = units.count(question.convert, days(question.stay_until)) > 0
            row |= rate("convert", int(bought[mine].sum()), int(mine.sum()), question.level)
        rows.append(row)
    hits, n, other_hits, others = counts
    ratio = share_ratio(hits, n, other_hits, others, question.level) if n and others else None
    if ratio is None or not np.isfinite(ratio.value):
        return rows, Estimate("stay_ratio", None, n=n + others, level=question.level)
    high = ratio.high + 1 if np.isfinite(ratio.high) else None
    return rows, Estimate("stay_ratio", ratio.value + 1, ratio.low + 1, high, n + others, question.level)

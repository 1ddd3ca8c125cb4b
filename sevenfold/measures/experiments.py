"""Experiments on a plain frame: arms compared with a control, in one call, with every doubt that applies.

    compare(frame, arm="segment", metric=["visit", "spend"], control="No E-Mail")

For journeys, messages and splits of a workspace there is `lift`, which asks the warehouse and uses the same
statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Question, QuestionError
from sevenfold.measures.shared import comparing
from sevenfold.measures.shared.aggregated import compare_counts, watch
from sevenfold.measures.shared.columns import as_table, codes, known, numbers, table_of
from sevenfold.measures.shared.comparing import WORTH, Compared, Pace
from sevenfold.measures.statistics import sequential
from sevenfold.measures.statistics.effect import Effect, effect_of
from sevenfold.measures.statistics.influence import winsorised
from sevenfold.measures.statistics.special import Bools

__all__ = ["Comparison", "compare", "compare_counts", "watch"]


class Comparison(Question, frozen=True, tag="comparison"):
    """What was compared. `metrics` are columns; `denominator` makes ratio metrics of them, `covariates` were
    known before assignment, `cluster` names the account that was assigned whole. `planned` holds the intended
    share of each arm (any scale; equal when empty). `once` says that this is the only look, at the end, and
    takes the narrower intervals that allows. `winsorise` pulls the highest share of values down. `worth` is
    the relative effect worth knowing, `days` how long units have come in.
    """

    arm: str
    metrics: tuple[str, ...]
    control: str = ""
    covariates: tuple[str, ...] = ()
    cluster: str = ""
    denominator: str = ""
    planned: dict[str, float] = msgspec.field(default_factory=dict)
    once: bool = False
    winsorise: float = 0.0
    level: float = 0.95
    worth: float = WORTH
    days: float = 0.0
    tuned: float = sequential.TUNED_UNITS

    def check(self) -> None:
        """Raises QuestionError."""
        if not self.metrics:
            raise QuestionError("There is no metric to compare", where="metric", fix="name a column")
        if not 0.5 <= self.level < 1:
            raise QuestionError(
                f"A level of {self.level} makes no sense", where="level", fix="between 0.5 and 1"
            )
        if not 0 <= self.winsorise < 0.5:
            raise QuestionError("winsorise is a share of the values below 0.5", where="winsorise")
        if self.tuned <= 0 or self.worth <= 0 or self.days < 0:
            raise QuestionError("tuned and worth are above 0, days not below", where="tuned, worth, days")


def compare(
    frame: Any, *, arm: str, metric: str | Sequence[str], control: str = "", covariates: Sequence[str] = (),
    cluster: str = "", denominator: str = "", planned: Mapping[str, float] | None = None, once: bool = False,
    winsorise: float = 0.0, level: float = 0.95, worth: float = WORTH, days: float = 0.0,
    tuned: float = sequential.TUNED_UNITS,
) -> Answer:  # fmt: skip
    """Compares arms of an experiment, a row a unit; `frame` is pyarrow, pandas or polars.

    The control is the arm named so, else the one whose name says it (control, none, no ..., 0, false), else
    the first by name. Tables: `effects` (a row for each arm and metric) and `arms`. Raises QuestionError.
    """
    metrics = (metric,) if isinstance(metric, str) else tuple(metric)
    question = Comparison(
        arm=arm, metrics=metrics, control=control, covariates=tuple(covariates), cluster=cluster,
        denominator=denominator, planned=dict(planned or {}), once=once, winsorise=winsorise, level=level,
        worth=worth, days=days, tuned=tuned,
    )  # fmt: skip
    question.check()
    table = table_of(frame)
    rows = _Rows(table, question)
    base = comparing.control_of(rows.arms, control)
    compared = [
        Compared(name, other, base, rows.effect(name, other, base))
        for name in metrics
        for other in rows.arms
        if other != base
    ]
    return _answer(question, compared, rows)


class _Rows:
    """The columns a comparison needs, read once."""

    def __init__(self, table: pa.Table, question: Comparison) -> None:
        self.question = question
        self.which, self.arms = codes(table, question.arm)
        self.metrics = {name: numbers(table, name) for name in question.metrics}
        self.before = [numbers(table, name) for name in question.covariates]
        self.below = numbers(table, question.denominator) if question.denominator else None
        self.accounts = codes(table, question.cluster)[0] if question.cluster else None
        optional = [each for each in (self.below, self.accounts) if each is not None]
        self.complete = known(self.which, *self.before, *optional)

    def use(self, metric: str) -> Bools:
        """Rows that have everything this metric needs."""
        return self.complete & known(self.metrics[metric])

    def effect(self, metric: str, arm: str, control: str) -> Effect:
        """One arm against the control; values are winsorised over all arms together."""
        use, values = self.use(metric), self.metrics[metric]
        clipped = np.where(use, values, 0.0)
        clipped[use] = winsorised(values[use], self.question.winsorise)
        treated = self.which == self.arms.index(arm)
        rows = use & (treated | (self.which == self.arms.index(control)))
        clusters = None
        if self.accounts is not None:
            clusters = np.unique(self.accounts[rows], return_inverse=True)[1].reshape(-1).astype(np.int64)
        return effect_of(
            clipped[rows], treated[rows],
            denominators=self.below[rows] if self.below is not None else None,
            covariates=np.stack([each[rows] for each in self.before], axis=1) if self.before else None,
            clusters=clusters, level=self.question.level, tuned=self.question.tuned,
        )  # fmt: skip


def _answer(question: Comparison, compared: list[Compared], rows: _Rows) -> Answer:
    counts = {name: int((rows.which == i).sum()) for i, name in enumerate(rows.arms)}
    planned = question.planned or dict.fromkeys(counts, 1.0)
    effects = comparing.effects_table(
        compared, once=question.once, worth=question.worth, pace=Pace(question.days)
    )
    caveats = comparing.doubts(compared, once=question.once)
    wrong = comparing.ratio_doubt(counts, planned, once=True)
    if wrong is not None:
        caveats.insert(0, wrong)
    left_out = max(int((~rows.use(name)).sum()) for name in question.metrics)
    if left_out:
        caveats.append(Doubt(Caveat.UNKNOWN_LEFT_OUT, f"{left_out:,} rows."))
    total, weight = sum(counts.values()), sum(planned.get(arm, 0.0) for arm in counts)
    arms = []
    for arm, n in counts.items():
        meant = planned.get(arm, 0.0) / weight if weight else None
        arms.append({"arm": arm, "n": n, "share": n / total, "planned": meant})
    return Answer(
        question=question,
        sentence=" ".join(row["sentence"] for row in effects.to_pylist()[:3]),
        caveats=tuple(caveats),
        estimates=comparing.estimates(compared, once=question.once, level=question.level),
        tables={"effects": effects, "arms": as_table(arms)},
    )

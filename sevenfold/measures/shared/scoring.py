"""A score against what came of it: reliability curve, AUC and lift by decile, in one answer."""

from __future__ import annotations

from math import isfinite
from typing import Any

import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table, known, numbers, table_of
from sevenfold.measures.statistics import prediction
from sevenfold.measures.statistics.special import Bools, Floats

HITS_MIN = 20
"""Fewer cases that came true (or did not) leave the area under the curve anywhere."""


class Scores(Question, frozen=True, tag="scores"):
    """A column of scores against a column of outcomes (yes or no). `falling`: a low score foretells it."""

    score: str
    outcome: str
    falling: bool = False
    bins: int = 10
    level: float = 0.95


def from_frame(
    frame: Any, *, score: str, outcome: str, falling: bool = False, bins: int = 10, level: float = 0.95
) -> Answer:
    """How well a column of scores foretells a column of outcomes. `frame` is pyarrow, pandas or polars; rows
    without either are left out. Tables: `reliability`, `deciles`. Raises QuestionError.
    """
    question = Scores(score=score, outcome=outcome, falling=falling, bins=bins, level=level)
    table = table_of(frame)
    scores, outcomes = numbers(table, score), numbers(table, outcome)
    use = known(scores, outcomes)
    answer = judged(question, scores[use], outcomes[use] > 0, falling=falling, bins=bins, level=level)
    left_out = int((~use).sum())
    if left_out:
        answer.caveats = (*answer.caveats, Doubt(Caveat.UNKNOWN_LEFT_OUT, f"{left_out:,} rows."))
    return answer


def judged(
    question: Question, scores: Floats, outcomes: Bools, *, falling: bool, bins: int, level: float
) -> Answer:
    """The answer for scores and outcomes (cases,). Where all scores lie within 0 and 1 and rise with the
    outcome they are read as probabilities, with their calibration error and Brier score.
    """
    bent = -scores if falling else scores
    area = prediction.auc(bent, outcomes, level)
    curve = prediction.reliability(scores, outcomes, bins, level)
    deciles = prediction.lift_by_decile(bent, outcomes, 10, level)
    n, hits = len(scores), int(outcomes.sum())
    value = area.value if isfinite(area.value) else None
    estimates = [
        Estimate("auc", value, area.low, area.high, n, level),
        Estimate("rate", hits / n if n else None, n=n),
    ]
    probabilities = bool(n) and not falling and float(scores.min()) >= 0 and float(scores.max()) <= 1
    if probabilities:
        error = prediction.expected_calibration_error(curve)
        estimates.append(Estimate("calibration_error", error, n=n))
        estimates.append(Estimate("brier", prediction.brier(scores, outcomes), n=n))
    if deciles:
        top, base = deciles[0], hits / n
        low, high = (top.observed.low / base, top.observed.high / base) if base else (None, None)
        estimates.append(Estimate("top_decile_lift", _known(top.lift), low, high, top.n, level))
    few = min(hits, n - hits)
    small = Doubt(Caveat.SAMPLE_TOO_SMALL, f"{hits:,} of {n:,} came true.")
    return Answer(
        question=question, sentence=_sentence(area, deciles, n, hits), estimates=tuple(estimates),
        caveats=(small,) if few < HITS_MIN else (),
        tables={"reliability": _curve(curve), "deciles": _deciles(deciles, falling)},
    )  # fmt: skip


def _sentence(area: Any, deciles: list[prediction.Lift], n: int, hits: int) -> str:
    if not isfinite(area.value):
        return f"Nothing can be said: {hits:,} of {n:,} came true."
    return (
        f"Of two cases, one of which came true, the score ranks them rightly {words.percent(area.value)} of "
        f"the time (AUC {area.value:.3f}, {area.low:.3f} to {area.high:.3f}); the tenth it points to has "
        f"{words.number(deciles[0].lift)} times the usual rate and {words.percent(deciles[0].captured)} of "
        f"all cases."
    )


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


def _curve(curve: list[prediction.Bin]) -> pa.Table:
    return as_table([
        {"low": b.low, "high": b.high, "predicted": b.predicted, "n": b.n, "hits": b.hits,
         "observed": b.observed.value, "observed_low": b.observed.low, "observed_high": b.observed.high}
        for b in curve
    ])  # fmt: skip


def _deciles(deciles: list[prediction.Lift], falling: bool) -> pa.Table:
    sign = -1.0 if falling else 1.0
    return as_table([
        {"decile": d.number, "from": sign * d.high, "to": sign * d.low, "n": d.n, "hits": d.hits,
         "rate": d.observed.value, "rate_low": d.observed.low, "rate_high": d.observed.high,
         "lift": _known(d.lift), "captured": _known(d.captured)}
        for d in deciles
    ])  # fmt: skip

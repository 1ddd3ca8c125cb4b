"""How many messages are enough: the effect of a further one, for those who have had so many already.

Ghosts make this answerable. At each moment at which a message was decided, chance had let some go without it;
among those who had had as many in the days before, the difference in what followed is the effect of one more.
Effects at neighbouring counts are drawn towards each other (`hierarchical`). The frequency advised is the
count after which one more is no longer likely to bring more than it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr  # type: ignore[import-untyped]

from ..measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from ..measures.shared.columns import as_table, codes, numbers, table_of
from .encoding import Floats
from .hierarchical import pooled
from .spans import mean_span

COUNTS_MAX: Final = 6
"""Counts from which on messages are taken together."""
ARM_MIN: Final = 30
"""Moments with and without a message below which a count has no estimate of its own: our judgement."""
LIKELY: Final = 0.5
"""Chance of bringing more than it costs from which one more is worth sending: even odds; our judgement."""


class Frequency(Question, frozen=True, tag="frequency_of_frame"):
    """A row a moment at which a message was decided, or would have been: columns ``sent`` (yes, or no for
    ghosts), ``before`` (messages in the days before), ``outcome`` (what followed); ``unit`` goes together.
    ``cost`` is what a message costs, in outcomes.
    """

    sent: str = "sent"
    before: str = "before"
    outcome: str = "outcome"
    unit: str = ""
    cost: float = 0.0
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        if not 0.5 <= self.level < 1 or self.cost < 0:
            raise QuestionError("level is 0.5 to 1, cost not below 0", where="level")


def frequency(
    frame: Any, *, sent: str, before: str, outcome: str, unit: str = "", cost: float = 0.0,
    level: float = 0.95,
) -> Answer:  # fmt: skip
    """The effect of one more message by how many came before, and how many are enough.

    Estimates: ``after:N`` (one more after N), ``enough`` (the most that are worth it; None where nothing can
    be said). Table: `counts`. Raises QuestionError.
    """
    question = Frequency(sent=sent, before=before, outcome=outcome, unit=unit, cost=cost, level=level)
    question.check()
    table = table_of(frame)
    treated, counts, outcomes = numbers(table, sent), numbers(table, before), numbers(table, outcome)
    known = np.isfinite(treated) & np.isfinite(counts) & np.isfinite(outcomes)
    units = codes(table, unit)[0][known] if unit else None
    return told(question, treated[known] > 0, counts[known].astype(np.int64), outcomes[known], units)


def told(
    question: Frequency, treated: NDArray[np.bool_], counts: NDArray[np.int64], outcomes: Floats,
    units: NDArray[np.int64] | None,
) -> Answer:  # fmt: skip
    """The answer for arrays, (n,) each."""
    capped = np.minimum(counts, COUNTS_MAX)
    if not treated.any() or treated.all():
        return Answer(
            question=question, sentence="Nobody was held out, so how many are enough is not known.",
            caveats=(Doubt(Caveat.NO_CONTROL),), tables={"counts": as_table([], _ROWS)},
        )  # fmt: skip
    levels = list(range(int(capped.max()) + 1))
    rows = [_count(at, treated, capped, outcomes, units) for at in levels]
    spread = float(outcomes.std()) or 1.0
    found = pooled(
        np.array([row["raw"] for row in rows]), np.array([row["error"] for row in rows]),
        reach=0.5 * spread, between=0.25 * spread, level=question.level,
    )  # fmt: skip
    for at, row in enumerate(rows):
        worth = float(_chance_above(float(found.mean[at]), float(found.spread[at]), question.cost))
        row |= {
            "effect": float(found.mean[at]), "low": float(found.low[at]), "high": float(found.high[at]),
            "worth_it": worth, "error": row["error"] if np.isfinite(row["error"]) else None,
            "raw": row["raw"] if np.isfinite(row["error"]) else None,
        }  # fmt: skip
    enough, level = _enough(rows), question.level
    few = [str(row["before"]) for row in rows if row["error"] is None]
    caveats = [Doubt(Caveat.MULTIPLE_TESTS, f"{len(rows)} counts.")]
    if few:
        caveats.append(
            Doubt(Caveat.SAMPLE_TOO_SMALL, f"After {', '.join(few)} too few to tell by themselves.")
        )
    if units is not None:
        caveats.append(Doubt(Caveat.CLUSTERED))
    return Answer(
        question=question, sentence=_sentence(rows, enough), caveats=tuple(caveats),
        estimates=(
            *(
                Estimate(f"after:{r['before']}", r["effect"], r["low"], r["high"], r["moments"], level)
                for r in rows
            ),
            Estimate("enough", None if enough is None else float(enough), n=len(outcomes)),
        ),
        tables={"counts": as_table(rows, _ROWS)},
    )  # fmt: skip


_ROWS: Final = {
    "before": "integer", "moments": "integer", "sent": "integer", "raw": "number", "error": "number",
    "effect": "number", "low": "number", "high": "number", "worth_it": "number",
}  # fmt: skip


def _count(
    at: int, treated: NDArray[np.bool_], counts: NDArray[np.int64], outcomes: Floats,
    units: NDArray[np.int64] | None,
) -> dict[str, Any]:  # fmt: skip
    """The difference at one count with its standard error; infinite where either side is too small."""
    mine = counts == at
    sides = []
    for arm in (mine & treated, mine & ~treated):
        if int(arm.sum()) < ARM_MIN:
            sides.append((0.0, float("inf")))
            continue
        span = mean_span(outcomes[arm], units[arm] if units is not None else None, 0.6826894921)
        # A share of exactly none or all is still in doubt by one case.
        sides.append((span.value, max(span.high - span.value, 1.0 / int(arm.sum()))))
    (there, wide), (without, base) = sides
    return {
        "before": at, "moments": int(mine.sum()), "sent": int((mine & treated).sum()),
        "raw": there - without, "error": float(np.hypot(wide, base)),
    }  # fmt: skip


def _chance_above(mean: float, spread: float, cost: float) -> float:
    return float(ndtr((mean - cost) / max(spread, 1e-12)))


def _enough(rows: Sequence[dict[str, Any]]) -> int | None:
    """One more than the last count, from none on, after which a message is likely worth it and is shown to
    bring anything at the first of them; None where not even the first is shown.
    """
    if not rows or rows[0]["low"] <= 0:
        return None
    enough = 0
    for row in rows:
        if row["worth_it"] < LIKELY:
            break
        enough += 1
    return enough


def _sentence(rows: Sequence[dict[str, Any]], enough: int | None) -> str:
    parts = "; ".join(
        f"after {row['before']} {row['effect']:+.3g} ({row['low']:+.3g} to {row['high']:+.3g})"
        for row in rows
    )
    if enough is None:
        return f"That a message brings anything is not shown, so no frequency is advised: {parts}."
    more = "more are not tried" if enough == len(rows) else "one more brings no more than it costs"
    return f"{enough} in that time are enough, {more}. One more brings, {parts}."

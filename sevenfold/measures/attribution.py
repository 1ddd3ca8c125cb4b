"""Who gets credit for conversions, by seven models, beside what was really added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.periods import bounds, duration
from sevenfold.measures.lift import Lift, lift
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.crediting import MODELS, Touch, credit, touches

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse


class Attribution(Question, frozen=True, tag="attribution"):
    """Credit for a `conversion` (`revenue`, `orders` or an event) by journey, template, channel or step, to
    messages that were sent (or delivered, or clicked) at most `lookback` before it.
    """

    conversion: str = "revenue"
    by: Literal["journey", "template", "channel", "step"] = "journey"
    touch: Touch = "sent"
    lookback: str = "14d"
    since: str = ""
    until: str = ""
    currency: str = ""
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        bounds(self.since, self.until)
        duration(self.lookback, "lookback")


@analysis("attribution")
def attribution(question: Attribution, warehouse: Warehouse) -> Answer:
    """Credit for conversions: first, last, linear, time decay, U- and J-shaped, participation; and
    incremental.

    Credit is computed when asked for, from facts: any conversion of a person with at least one touch within
    the lookback is shared out whole, by each model. By journey, what ghosts show that it really added stands
    beside it, with its interval: credit says who was there, not who caused it. Table: `credit`.
    """
    start, end = bounds(question.since, question.until)
    end = end if end is not None else warehouse.through().time + 1
    found = touches(
        warehouse, question.conversion, by=question.by, touch=question.touch, start=start or 0, end=end,
        lookback=duration(question.lookback, "lookback"), currency=question.currency,
    )  # fmt: skip
    shares = {model: credit(found, model) for model in MODELS}
    touched = np.bincount(found.label, minlength=len(found.labels))
    added = _incremental(question, warehouse) if question.by == "journey" else {}
    rows: list[dict[str, Any]] = []
    for code in np.argsort(-shares["last"], kind="stable").tolist():
        if touched[code] == 0:
            continue
        name = found.labels[code]
        row = {question.by: name, "touches": int(touched[code])}
        row |= {model: float(shares[model][code]) for model in MODELS}
        row |= added.get(name, dict.fromkeys(("incremental", "incremental_low", "incremental_high")))
        rows.append(row)
    n = len(np.unique(found.conversion))
    caveats = [Doubt(Caveat.NOT_CAUSAL, "Except the column `incremental`.")]
    held = sum(row["incremental"] is not None for row in rows)
    if held < len(rows):
        caveats.append(Doubt(Caveat.NO_CONTROL, f"{len(rows) - held} of {len(rows)} have no ghosts."))
    return Answer(
        question=question, sentence=_sentence(question, rows, n), caveats=tuple(caveats),
        estimates=tuple(
            Estimate(f"incremental:{row[question.by]}", row["incremental"], row["incremental_low"],
                     row["incremental_high"], row["touches"], question.level)
            for row in rows if row["incremental"] is not None
        ),
        tables={"credit": as_table(rows)},
    )  # fmt: skip


def _sentence(question: Attribution, rows: list[dict[str, Any]], n: int) -> str:
    if not rows:
        return f"No {question.conversion} came within {question.lookback} of a message."
    top = rows[0]
    text = (
        f"{n:,} conversions had a message before them; the last touch credits "
        f"{top[question.by] or 'none'} with {words.number(top['last'])}"
    )
    if top["incremental"] is None:
        return f"{text}; what it added is not known without ghosts."
    low, high = top["incremental_low"], top["incremental_high"]
    around = "no bounds yet" if low is None else f"{words.number(low)} to {words.number(high)}"
    return f"{text}, and against its ghosts it added {words.number(top['incremental'])} ({around})."


def _incremental(question: Attribution, warehouse: Warehouse) -> dict[str, dict[str, float | None]]:
    metric = question.conversion
    asked = Lift(
        metrics=(metric if metric in ("revenue", "orders") else f"count:{metric}",),
        within=question.lookback,
        since=question.since,
        until=question.until,
        currency=question.currency,
        level=question.level,
    )
    answer = lift(asked, warehouse)
    return {
        row["scope"]: {key: row[key] for key in ("incremental", "incremental_low", "incremental_high")}
        for row in answer.tables["credited"].to_pylist()
    }

"""After the purchase: do first buyers come back, how soon, what do they say, whom do they bring, what are
they worth?
"""

# ruff: noqa: S608 - conditions are made from checked text

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.clv import Clv, clv
from sevenfold.measures.events.selecting import sql_of
from sevenfold.measures.nps import Nps, nps
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import DAY_MS, as_table, numbers
from sevenfold.measures.shared.rates import rows_of
from sevenfold.measures.statistics.intervals import share
from sevenfold.measures.statistics.survival import kaplan_meier

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

CASES_MIN = 30
POINTS_TO = {
    "repeat_purchase_rate": (
        "Low: first orders do not become a habit. Look at what follows delivery, and at what was bought."
    ),
    "time_to_second_purchase": (
        "Long: the reason to return comes late. Look at replenishment, and at suggestions."
    ),
    "first_purchase_churn_rate": (
        "High: first buyers are lost. Look at delivery, at friction in the first 48 hours, at channels."
    ),
    "nps": "Low: the product or its delivery disappoints. Read what detractors say.",
    "referral_conversion_rate": (
        "Low: the invited see no reason. Look at the invitation's offer and at the page it leads to."
    ),
    "clv": "Low: customers bring little. Look at the repeat rate, the value of orders, and discounts.",
}
"""What a bad value of each metric points to."""


class PostPurchase(Question, frozen=True, tag="post-purchase"):
    """Repeat purchase within `repeat_days`; lost when no second order came within `lost_days`. `survey` is
    the event of NPS answers and `answer` its property; `invited` and `joined` are the events of referrals.
    """

    repeat_days: int = 90
    lost_days: int = 180
    survey: str = "NPS Answered"
    answer: str = "score"
    invited: str = "Referral Link Clicked"
    joined: str = "Referral Signed Up"
    horizon: float = 52
    currency: str = ""
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        if not self.repeat_days > 0 or not self.lost_days > 0:
            raise QuestionError("Days are above 0", where="repeat_days")


_SPANS = """
SELECT o.person, MIN(o.time) AS first, MIN(CASE WHEN o.time // 86400000 > f.day THEN o.time END) AS second
FROM orders AS o JOIN (
    SELECT person, MIN(time) // 86400000 AS day FROM orders GROUP BY person
) AS f ON f.person = o.person
GROUP BY o.person
"""


@analysis("post-purchase")
def post_purchase(question: PostPurchase, warehouse: Warehouse) -> Answer:
    """Repeat purchase rate, time to second purchase, first-purchase churn, NPS, referral conversion, CLV.

    Each with its interval, and what a bad value points to. Whoever has not had the time yet is left out of
    rates, and counts as still waiting in times (Kaplan-Meier). Several orders of one day (UTC) are one
    purchase. Table: `metrics`.
    """
    table = warehouse.query(_SPANS)
    first, second = numbers(table, "first"), numbers(table, "second")
    now = warehouse.through().time
    came = np.isfinite(second)
    spans = np.where(came, second, now) - first
    estimates = [
        _within("repeat_purchase_rate", spans, came, now - first, question.repeat_days, question.level),
        _median(spans / DAY_MS, came, question.level),
        _within("first_purchase_churn_rate", spans, came, now - first, question.lost_days, question.level,
                other=True),
        _said(question, warehouse), _joined(question, warehouse), _worth(question, warehouse),
    ]  # fmt: skip
    rows = [
        {"metric": e.name, "value": e.value, "low": e.low, "high": e.high, "n": e.n, "unit": e.unit,
         "a_bad_value_points_to": POINTS_TO[e.name]}
        for e in estimates
    ]  # fmt: skip
    few = [e.name for e in estimates if e.n < CASES_MIN]
    caveats = [Doubt(Caveat.SAMPLE_TOO_SMALL, f"Concerns {words.listed(few, 6)}.")] if few else []
    waiting = int((now - first < question.repeat_days * DAY_MS).sum())
    if waiting:
        caveats.append(
            Doubt(
                Caveat.INCOMPLETE_LEFT_OUT,
                f"{waiting:,} bought first less than {question.repeat_days} days ago.",
            )
        )
    repeat = estimates[0]
    sentence = "Nobody has had the time to buy again."
    if repeat.value is not None and repeat.low is not None and repeat.high is not None:
        sentence = (
            f"{words.percent(repeat.value)} ({words.percent(repeat.low)} to {words.percent(repeat.high)}) of "
            f"{repeat.n:,} first buyers bought again within {question.repeat_days} days."
        )
    return Answer(
        question=question, sentence=sentence, estimates=tuple(estimates), tables={"metrics": as_table(rows)},
        caveats=tuple(caveats),
    )  # fmt: skip


def _within(
    name: str, spans: Any, came: Any, observed: Any, limit: int, level: float, *, other: bool = False
) -> Estimate:
    """Share that came again within `limit` days (`other`: that did not), of those with the time for it."""
    over = observed >= limit * DAY_MS
    hits = came & (spans <= limit * DAY_MS)
    if other:
        hits = ~hits
    n = int(over.sum())
    found = share(int(hits[over].sum()), n, level)
    return Estimate(name, found.value if n else None, found.low, found.high, n, level)


def _median(spans: Any, came: Any, level: float) -> Estimate:
    """Days until half of all have bought again, with the interval of the curve turned on its side."""
    curve = kaplan_meier(spans, came, level)

    def at(bound: str) -> float | None:
        return next((row.time for row in curve if getattr(row, bound) <= 0.5), None)

    return Estimate(
        "time_to_second_purchase", at("staying"), at("low"), at("high"), len(spans), level, "days"
    )


def _said(question: PostPurchase, warehouse: Warehouse) -> Estimate:
    found = nps(Nps(event=question.survey, answer=question.answer, level=question.level), warehouse)["nps"]
    return Estimate("nps", found.value, found.low, found.high, found.n, found.level, "points")


def _joined(question: PostPurchase, warehouse: Warehouse) -> Estimate:
    rows = rows_of(
        warehouse,
        f"SELECT COUNT(CASE WHEN {sql_of(question.invited, 'e')} THEN 1 END) AS invited,"
        f" COUNT(CASE WHEN {sql_of(question.joined, 'e')} THEN 1 END) AS joined FROM events AS e",
    )
    invited, joined = int(rows[0]["invited"]), int(rows[0]["joined"])
    n = max(invited, joined)
    found = share(joined, n, question.level)
    value = found.value if isfinite(found.value) else None
    return Estimate("referral_conversion_rate", value, found.low, found.high, n, question.level)


def _worth(question: PostPurchase, warehouse: Warehouse) -> Estimate:
    answer = clv(Clv(horizon=question.horizon, currency=question.currency, level=question.level), warehouse)
    for estimate in answer.estimates:
        if estimate.name == "value":
            return Estimate("clv", estimate.value, None, None, estimate.n, question.level, question.currency)
    return Estimate("clv", None, n=0, level=question.level)

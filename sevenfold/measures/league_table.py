"""Journeys beside one another: engagement, conversion, retention, churn, value, revenue, cost and return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.clv import Clv, clv
from sevenfold.measures.events.periods import bounds, duration
from sevenfold.measures.lift import Lift, lift
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import exposures, words
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.rates import period, rate, rows_of
from sevenfold.measures.statistics.effect import effect_of

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse


class LeagueTable(Question, frozen=True, tag="league-table"):
    """Every journey with runs in the period. `costs` are what one message costs by channel (`sms=0.06`), in
    `currency` (the commonest when empty); offers cost what they say. `churned` is the stage that means lost
    (LIFECYCLE/STAGE), `active` the events that mean retained (any, when empty) in the second half of
    `within`.
    """

    since: str = ""
    until: str = ""
    within: str = "30d"
    churned: str = "customer/churned"
    active: str = "*"
    costs: tuple[str, ...] = ()
    margin: float = 1.0
    currency: str = ""
    value: bool = True
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        bounds(self.since, self.until)
        duration(self.within, "within")
        prices(self.costs)
        if self.margin <= 0:
            raise QuestionError("margin is above 0", where="margin")


def prices(costs: tuple[str, ...]) -> dict[str, float]:
    """What a message costs by channel, of texts such as `sms=0.06`. Raises QuestionError."""
    found: dict[str, float] = {}
    for text in costs:
        channel, _, price = text.rpartition("=")
        try:
            found[channel.strip()] = float(price)
        except ValueError as error:
            raise QuestionError(f"`{text}` is no cost", where="costs", fix="sms=0.06") from error
        if not channel or not 0 <= found[channel.strip()] < float("inf"):
            raise QuestionError(f"`{text}` is no cost", where="costs", fix="sms=0.06")
    return found


_JOURNEYS = """
SELECT journey, COUNT(*) AS runs, COUNT(DISTINCT subject) AS subjects,
    SUM(CASE WHEN ghost <> '' THEN 1 ELSE 0 END) AS ghosts
FROM run_starts WHERE time >= $start AND time < $end AND ghost <> 'shadow'
GROUP BY journey ORDER BY runs DESC, journey
"""
_SENT = """
SELECT journey, COALESCE(channel, '') AS channel, COUNT(sent) AS sent, COUNT(delivered) AS delivered,
    COUNT(clicked) AS clicked
FROM messages WHERE time >= $start AND time < $end GROUP BY journey, COALESCE(channel, '')
"""
_GOALS = """
SELECT r.journey, COUNT(DISTINCT r.run) AS runs FROM run_starts AS r JOIN goals AS g ON g.run = r.run
WHERE r.ghost = '' AND r.time >= $start AND r.time < $end GROUP BY r.journey
"""
_OFFERS = """
SELECT COALESCE(journey, '') AS journey, SUM(cost) AS cost FROM offers
WHERE change = 'redeemed' AND time >= $start AND time < $end GROUP BY COALESCE(journey, '')
"""
_CURRENCIES = """
SELECT COALESCE(currency, '') AS currency, COUNT(*) AS orders FROM orders
WHERE time >= $start AND time < $end GROUP BY COALESCE(currency, '')
ORDER BY orders DESC, COALESCE(currency, '')
"""


@analysis("league-table")
def league_table(question: LeagueTable, warehouse: Warehouse) -> Answer:
    """Journeys by what they added: engagement, conversion, retention, churn, value, revenue, cost and return.

    `click_rate` and `goal_rate` are of those who were treated. `retention`, `churn`, `revenue` and `value`
    are incremental, against ghosts, with intervals that hold at every look; `churn` below 0 is churn avoided.
    Revenue and cost are in one currency. Return on investment is (added revenue x margin - cost) / cost, with
    the bounds of the revenue. Sorted by the lower bound of added revenue: who is sure to have helped comes
    first. Opens are not here. Table: `journeys`.
    """
    start, end = period(question.since, question.until, warehouse)
    about = {"start": start, "end": end}
    currencies = rows_of(warehouse, _CURRENCIES, **about)
    currency = question.currency or (currencies[0]["currency"] if currencies else "")
    sent = rows_of(warehouse, _SENT, **about)
    goals = {row["journey"]: int(row["runs"]) for row in rows_of(warehouse, _GOALS, **about)}
    offers = {row["journey"]: float(row["cost"] or 0) for row in rows_of(warehouse, _OFFERS, **about)}
    stage = f"stage:{question.churned}"
    metrics = ("goal", "revenue", f"late:{question.active}", stage)
    added, credited = _added(question, warehouse, metrics, currency)
    price = prices(question.costs)
    worth = _worth(question, warehouse, currency, about) if question.value else {}
    rows = []
    for row in rows_of(warehouse, _JOURNEYS, **about):
        name = row["journey"]
        mine = [each for each in sent if each["journey"] == name]
        cost = sum(price.get(each["channel"], 0.0) * int(each["sent"]) for each in mine)
        one = _row(question, row, mine, goals.get(name, 0), cost, offers.get(name, 0.0))
        for metric, short in zip(metrics, ("conversion", "revenue", "retention", "churn"), strict=True):
            one |= _three(short, added.get((name, metric)))
        one |= _three("value", worth.get(name))
        one["attributed_revenue"] = credited.get(name)
        one |= _returns(one, question.margin)
        rows.append(one)
    floor = -1e300
    rows.sort(
        key=lambda one: (-(floor if one["revenue_low"] is None else one["revenue_low"]), one["journey"])
    )
    without = [one["journey"] for one in rows if not one["ghosts"]]
    caveats = [Doubt(Caveat.MULTIPLE_TESTS, f"{len(rows):,} journeys side by side.")] if len(rows) > 1 else []
    if without:
        caveats.append(Doubt(Caveat.NO_CONTROL, f"Concerns {words.listed(without)}."))
    if len(currencies) > 1 and not question.currency:
        caveats.append(Doubt(Caveat.MIXED_CURRENCIES, f"{currency or 'None'} is shown."))
    return Answer(
        question=question, sentence=_sentence(rows, currency), caveats=tuple(caveats),
        estimates=tuple(
            Estimate(f"revenue:{one['journey']}", one["revenue"], one["revenue_low"], one["revenue_high"],
                     one["runs"], question.level, currency)
            for one in rows if one["revenue"] is not None
        ),
        tables={"journeys": as_table(rows)},
    )  # fmt: skip


def _row(
    question: LeagueTable, row: dict[str, Any], sent: list[dict[str, Any]], reached: int, cost: float,
    offers: float,
) -> dict[str, Any]:  # fmt: skip
    treated = int(row["runs"]) - int(row["ghosts"])
    delivered = sum(int(each["delivered"]) or int(each["sent"]) for each in sent)
    clicked = min(sum(int(each["clicked"]) for each in sent), delivered)
    return {
        "journey": row["journey"], "runs": int(row["runs"]), "ghosts": int(row["ghosts"]),
        "sent": sum(int(each["sent"]) for each in sent),
        **rate("click_rate", clicked, delivered, question.level),
        **rate("goal_rate", min(reached, treated), treated, question.level),
        "message_cost": cost, "offer_cost": offers, "cost": cost + offers,
    }  # fmt: skip


Three = tuple[float | None, float | None, float | None]


def _three(name: str, found: Three | None) -> dict[str, float | None]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), found or (None, None, None), strict=True))


def _returns(one: dict[str, Any], margin: float) -> dict[str, float | None]:
    """Return on investment; None without cost or without ghosts."""
    found: dict[str, float | None] = {}
    for suffix in ("", "_low", "_high"):
        revenue = one[f"revenue{suffix}"]
        usable = revenue is not None and one["cost"] > 0
        found[f"roi{suffix}"] = (revenue * margin - one["cost"]) / one["cost"] if usable else None
    return found


def _added(
    question: LeagueTable, warehouse: Warehouse, metrics: tuple[str, ...], currency: str
) -> tuple[dict[tuple[str, str], Three], dict[str, float]]:
    """What each journey added in all (a rate for retention and churn), and the revenue credited to it."""
    answer = lift(
        Lift(metrics=metrics, within=question.within, since=question.since, until=question.until,
             currency=currency, level=question.level), warehouse,
    )  # fmt: skip
    found: dict[tuple[str, str], Three] = {}
    for row in answer.tables["effects"].to_pylist():
        found[row["arm"], row["metric"]] = (row["effect"], row["low"], row["high"])
    credited = {}
    for row in answer.tables["credited"].to_pylist():
        if row["metric"] == "revenue":
            credited[row["scope"]] = row["attributed"]
            found[row["scope"], "revenue"] = (
                row["incremental"], row["incremental_low"], row["incremental_high"]
            )  # fmt: skip
    return found, credited


def _worth(
    question: LeagueTable, warehouse: Warehouse, currency: str, about: dict[str, Any]
) -> dict[str, Three]:
    """Lifetime value that a journey added to each of its people: predicted value of the treated, less of
    ghosts.
    """
    answer = clv(Clv(currency=currency, level=question.level), warehouse)
    if "customers" not in answer.tables or "value" not in answer.tables["customers"].column_names:
        return {}
    table = answer.tables["customers"]
    names = table["customer"].to_pylist()
    value = dict(zip((int(name) for name in names), table["value"].to_pylist(), strict=True))
    found: dict[str, Three] = {}
    for journey in exposures.journeys_with_ghosts(warehouse, about["start"], about["end"]):
        units = exposures.exposed(warehouse, exposures.HOLDOUT, name=journey, **about)
        units = units.take(~np.isin(units.unit, exposures.contaminated(warehouse, journey)))
        if "control" not in units.arms or len(np.unique(units.arm)) < 2 or units.of != "person":
            continue
        values = np.array([value.get(int(np.uint64(np.int64(unit))), 0.0) for unit in units.unit])
        effect = effect_of(
            np.where(np.isfinite(values), values, 0.0), units.arm != units.arms.index("control"),
            level=question.level,
        )  # fmt: skip
        low, high = (effect.absolute.low, effect.absolute.high) if effect.begun else (None, None)
        found[journey] = (effect.absolute.value, low, high)
    return found


def _sentence(rows: list[dict[str, Any]], currency: str) -> str:
    if not rows:
        return "No journey had runs in that time."
    sure = [one for one in rows if one["revenue_low"] is not None and one["revenue_low"] > 0]
    if not sure:
        return f"Of {len(rows):,} journeys none has added revenue for certain yet."
    best = sure[0]
    return (
        f"{best['journey']} added most for certain: {words.number(best['revenue'])} {currency} "
        f"({words.number(best['revenue_low'])} to {words.number(best['revenue_high'])}); "
        f"{len(sure):,} of {len(rows):,} journeys have added revenue for certain."
    )

"""What customers are worth: BG/NBD and gamma-gamma for purchases at any time.

On a plain frame `from_transactions(frame)` and `from_summary(frame)`; for one chance a period, and for
subscriptions, `from_chances` and `from_subscriptions`; over the warehouse the analysis `clv`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import value as reading
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import DAY_MS, codes, known, numbers, table_of, times
from sevenfold.measures.shared.customers import UNIT_DAYS, Customers, customers_of, later, purchases_of
from sevenfold.measures.shared.subscriptions import from_chances, from_subscriptions
from sevenfold.measures.statistics import purchases as model
from sevenfold.measures.statistics.spend import independence

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

__all__ = ["Clv", "clv", "from_chances", "from_subscriptions", "from_summary", "from_transactions"]


class Clv(Question, frozen=True, tag="clv"):
    """What customers are worth within `horizon` (in `unit`s: day, week, month or year).

    `calibration_end` (a date) fits on what came until then and compares with what came after. `discount` is
    the rate a year, `margin` the part of revenue that counts as value. `currency` picks one where there are
    several.
    """

    horizon: float = 52.0
    unit: str = "week"
    calibration_end: str = ""
    discount: float = 0.0
    margin: float = 1.0
    level: float = 0.95
    currency: str = ""

    def check(self) -> None:
        """Raises QuestionError."""
        if self.unit not in UNIT_DAYS:
            raise QuestionError(
                f"{self.unit!r} is no unit", where="unit", fix=f"one of {', '.join(UNIT_DAYS)}"
            )
        if self.horizon <= 0 or self.discount < 0 or self.margin <= 0:
            raise QuestionError("horizon and margin are above 0, discount not below", where="horizon")
        if not 0.5 <= self.level < 1:
            raise QuestionError(f"A level of {self.level} makes no sense", where="level", fix="0.5 to 1")


def from_transactions(
    frame: Any, *, customer: str = "customer", time: str = "time", amount: str = "", horizon: float = 52.0,
    unit: str = "week", until: str = "", calibration_end: str = "", discount: float = 0.0,
    margin: float = 1.0, level: float = 0.95,
) -> Answer:  # fmt: skip
    """Lifetime value from transactions, a row each: `frame` is pyarrow, pandas or polars.

    What a customer buys on one day is one purchase. Observed until the date `until` (the last one by
    default). Tables: `customers`, `frequencies` (how well the model fits), and `holdout` with a
    `calibration_end`. Estimates: parameters with intervals, purchases expected, correlation of frequency and
    spend. Raises QuestionError.
    """
    question = Clv(
        horizon=horizon, unit=unit, calibration_end=calibration_end, discount=discount, margin=margin,
        level=level,
    )  # fmt: skip
    question.check()
    table = table_of(frame)
    who, names = codes(table, customer)
    amounts = numbers(table, amount) if amount else np.zeros(table.num_rows)
    use = known(who, amounts)
    when = times(table.filter(pa.array(use)), time)
    end = _day(until) if until else int(when.max(initial=0)) // DAY_MS
    return _worth(question, purchases_of(who[use], when, amounts[use]), names, end, int((~use).sum()))


def _day(date: str) -> int:
    table = pa.table({"date": [date]})
    return int(times(table, "date")[0]) // DAY_MS


def _worth(question: Clv, bought: Any, names: list[str], end: int, left_out: int) -> Answer:
    """Fits, checks and reads the models for what was bought until the day `end`."""
    unit = UNIT_DAYS[question.unit]
    calibrated = _day(question.calibration_end) if question.calibration_end else end
    customers = customers_of(bought, calibrated, unit)
    answer = _fitted(question, customers, names, left_out)
    if calibrated < end and answer.tables:
        fitted = tuple(answer[f"bgnbd:{name}"].value or 0.0 for name in ("r", "alpha", "a", "b"))
        span = (end - calibrated) / unit
        expected = model.bgnbd_expected(fitted, span, customers.x, customers.t_x, customers.age)
        actual = later(bought, customers, calibrated, end)
        total = Estimate("holdout:expected", float(expected.sum()), n=len(expected))
        seen = Estimate("holdout:actual", float(actual.sum()), n=len(actual))
        answer.tables["holdout"] = reading.holdout(customers, expected, actual)
        answer.estimates = (*answer.estimates, total, seen)
        answer.sentence += (
            f" In the {words.number(span)} {question.unit}s after the calibration {actual.sum():,.0f} "
            f"purchases came, where {expected.sum():,.0f} were expected."
        )
    return answer


def from_summary(
    frame: Any, *, x: str = "frequency", t_x: str = "recency", age: str = "T", mean: str = "",
    customer: str = "", horizon: float = 52.0, unit: str = "week", discount: float = 0.0, margin: float = 1.0,
    level: float = 0.95,
) -> Answer:  # fmt: skip
    """The same from recency and frequency, a row a customer: `x` repeat purchases, the last `t_x` after the
    first, observed for `age`, all in `unit`s; `mean` spend of repeat purchases. Raises QuestionError.
    """
    question = Clv(horizon=horizon, unit=unit, discount=discount, margin=margin, level=level)
    question.check()
    table = table_of(frame)
    columns = [numbers(table, name) for name in (x, t_x, age)]
    spend = numbers(table, mean) if mean else np.zeros(table.num_rows)
    spend = np.where(np.isfinite(spend), spend, 0.0)
    use = known(*columns)
    frequency, recency, observed = (each[use] for each in columns)
    if np.any((recency > observed + 1e-9) | (frequency < 0) | (recency < 0)):
        raise QuestionError("Somebody bought last after they were observed last", where=t_x, fix=f"see {age}")
    who, names = codes(table, customer) if customer else (np.arange(table.num_rows), [])
    if not customer:
        names = [str(i) for i in range(table.num_rows)]
    number = who[use].astype(np.int64)
    customers = Customers(
        number, frequency, recency, observed, spend[use], np.zeros(len(number), dtype=np.int64)
    )
    return _fitted(question, customers, names, int((~use).sum()))


def _fitted(question: Clv, customers: Customers, names: list[str], left_out: int) -> Answer:
    caveats = [Doubt(Caveat.UNKNOWN_LEFT_OUT, f"{left_out:,} rows.")] if left_out else []
    if int((customers.x > 0).sum()) < 2 or float(customers.age.max(initial=0.0)) <= 0:
        text = f"{len(customers.x):,} customers, {int((customers.x > 0).sum()):,} of them came back."
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, text))
        return Answer(question=question, sentence=f"Not enough data: {text}", caveats=tuple(caveats))
    fitted, spend = reading.fit_models(customers)
    rate = (1 + question.discount) ** (UNIT_DAYS[question.unit] / UNIT_DAYS["year"]) - 1
    table = reading.read(
        customers, names, fitted, spend, horizon=question.horizon, discount=rate, margin=question.margin
    )
    counts, p, furthest = reading.frequencies(customers, fitted)
    caveats += reading.doubts(customers, fitted, spend, (p, furthest))
    if question.horizon > float(np.median(customers.age)):
        text = f"{words.number(question.horizon)} {question.unit}s ahead from fewer behind."
        caveats.append(Doubt(Caveat.EXTRAPOLATED, text))
    expected = reading.mean_purchases(customers, fitted, question.horizon, question.level)
    r, low, high, _ = independence(customers.x, customers.mean)
    estimates = [
        expected,
        Estimate("alive", float(np.mean(table["alive"].to_numpy())), n=len(customers.x)),
        *reading.parameters(fitted, "bgnbd", question.level),
    ]
    sentence = (
        f"{words.number(expected.value or 0.0)} purchases a customer are expected in the next "
        f"{words.number(question.horizon)} {question.unit}s"
    )
    worth = 0.0
    if spend is not None:
        worth = float(np.sum(table["value"].to_numpy()))
        estimates += [
            *reading.parameters(spend, "gamma_gamma", question.level),
            Estimate("frequency_spend_correlation", r, low, high, int((customers.mean > 0).sum()), 0.95),
        ]
        sentence += (
            f", worth {words.number(worth / len(customers.x))} each and {words.number(worth)} together"
        )
    totals = reading.totals(customers, fitted, spend, question, worth)
    estimates += totals
    together = next((one for one in totals if one.name == "total_value" and one.low is not None), None)
    if together is not None and together.high is not None:
        sentence += f" ({words.number(together.low or 0.0)} to {words.number(together.high)})"
    return Answer(
        question=question, sentence=sentence + ".", estimates=tuple(estimates), caveats=tuple(caveats),
        tables={"customers": table, "frequencies": counts},
    )  # fmt: skip


@analysis("clv")
def clv(question: Clv, warehouse: Warehouse) -> Answer:
    """What customers are worth, from the orders of the warehouse.

    BG/NBD for how often they will buy, gamma-gamma for how much, each with its assumptions checked. Orders of
    people who were merged are one person's. With several currencies the commonest is taken, and the others
    are named in a caveat.
    """
    found = warehouse.query("SELECT person, time, value / 1000000.0 AS amount, currency FROM orders")
    currencies = [each or "" for each in found["currency"].to_pylist()]
    chosen = question.currency or max(sorted(set(currencies)), key=currencies.count, default="")
    mine = found.filter(pa.array([each == chosen for each in currencies], type=pa.bool_()))
    who, names = codes(mine, "person")
    amounts = np.nan_to_num(numbers(mine, "amount"))
    bought = purchases_of(who, times(mine, "time"), amounts)
    shown = msgspec.structs.replace(question, currency=chosen)
    answer = _worth(shown, bought, names, warehouse.through().time // DAY_MS, 0)
    others = sorted(set(currencies) - {chosen})
    if others:
        rest = words.listed([each or "none" for each in others])
        text = f"{chosen or 'No currency'} is shown; {rest} left out."
        answer.caveats = (*answer.caveats, Doubt(Caveat.MIXED_CURRENCIES, text))
    return answer

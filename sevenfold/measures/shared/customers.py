"""Transactions as the purchase models take them: recency, frequency and mean spend of each customer."""

from __future__ import annotations

import msgspec
import numpy as np

from sevenfold.measures.shared.columns import DAY_MS
from sevenfold.measures.statistics.special import Bools, Floats, Ints

UNIT_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}
"""Units of time, in days."""


class Customers(msgspec.Struct, frozen=True):
    """All (customers,): `number` is the customer's code; `x` repeat purchases, the last `t_x` after the
    first, observed for `age` (units); `mean` of what repeat purchases came to, 0 without any; `first` day
    (days since 1970).
    """

    number: Ints
    x: Floats
    t_x: Floats
    age: Floats
    mean: Floats
    first: Ints


class Purchases(msgspec.Struct, frozen=True):
    """Days on which customers bought, by customer and day, all (purchases,): everything that one customer
    bought on one day (UTC) is one purchase.
    """

    customer: Ints
    day: Ints
    amount: Floats


def purchases_of(customer: Ints, times: Ints, amounts: Floats) -> Purchases:
    """Rows as purchases; those without a customer (-1) are left out. `times` in ms UTC."""
    there = customer >= 0
    customer, day, amounts = customer[there], times[there] // DAY_MS, amounts[there]
    if len(customer) == 0:
        return Purchases(customer, day, amounts)
    keys, which = np.unique(np.stack([customer, day], axis=1), axis=0, return_inverse=True)
    total = np.bincount(which.reshape(-1), weights=amounts, minlength=len(keys))
    return Purchases(keys[:, 0], keys[:, 1], total.astype(np.float64))


def customers_of(bought: Purchases, until_day: int, unit_days: float) -> Customers:
    """The history of each customer up to and including `until_day`; who came later is left out."""
    inside = bought.day <= until_day
    customer, day, amount = bought.customer[inside], bought.day[inside], bought.amount[inside]
    number, start, count = np.unique(customer, return_index=True, return_counts=True)
    if len(number) == 0:
        nothing = np.zeros(0)
        return Customers(number, nothing, nothing, nothing, nothing, number)
    first, last = day[start], day[start + count - 1]
    x = (count - 1).astype(np.float64)
    repeat = np.add.reduceat(amount, start) - amount[start]
    mean = np.divide(repeat, x, out=np.zeros(len(x)), where=x > 0)
    return Customers(
        number, x, (last - first) / unit_days, (until_day - first) / unit_days, mean, first.astype(np.int64)
    )


def later(bought: Purchases, customers: Customers, after_day: int, until_day: int) -> Floats:
    """How often each of `customers` bought after `after_day`, up to and including `until_day`."""
    inside: Bools = (bought.day > after_day) & (bought.day <= until_day)
    known = np.isin(bought.customer[inside], customers.number)
    who = np.searchsorted(customers.number, bought.customer[inside][known])
    return np.bincount(who, minlength=len(customers.number)).astype(np.float64)

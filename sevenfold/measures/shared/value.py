"""Customer lifetime value from recency, frequency and spend: models fitted, checked and read."""

from __future__ import annotations

from math import isfinite
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from sevenfold.measures.answer import Caveat, Doubt, Estimate
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.customers import Customers
from sevenfold.measures.statistics import futures
from sevenfold.measures.statistics import purchases as model
from sevenfold.measures.statistics.likelihood import Fit
from sevenfold.measures.statistics.special import Floats, chi2_tail, normal_quantile
from sevenfold.measures.statistics.spend import fit_gamma_gamma, gamma_gamma_expected, independence

CUSTOMERS_MIN, REPEATERS_MIN, SPENDERS_MIN = 100, 30, 30
"""Fewer customers, or customers who came back, say too little to fit four parameters to: our judgement."""
DEPENDENCE_MIN = 0.2
"""A correlation of frequency and spend beyond this breaks the gamma-gamma model; below it the bias is small
(CDNOW has 0.11): our judgement."""
MISFIT_SHARE_MIN = 0.02
"""A share of customers by which the fit of frequencies may be off before it is called wrong."""
TOP = 7
"""Calibration frequencies are shown up to this one; it stands for itself and all above."""
STEPS = 12
"""Steps of equal length in which a horizon is discounted."""


class Totals(Protocol):
    """As much of a question as totals need."""

    @property
    def horizon(self) -> float: ...

    @property
    def level(self) -> float: ...

    @property
    def currency(self) -> str: ...


def fit_models(customers: Customers) -> tuple[Fit, Fit | None]:
    """BG/NBD of how often, and gamma-gamma of how much where amounts are known of enough customers."""
    fitted = model.fit_bgnbd(customers.x, customers.t_x, customers.age)
    spenders = int(((customers.x > 0) & (customers.mean > 0)).sum())
    return fitted, fit_gamma_gamma(customers.x, customers.mean) if spenders >= SPENDERS_MIN else None


def parameters(fitted: Fit, prefix: str, level: float) -> list[Estimate]:
    """Parameters with their intervals, and the log-likelihood."""
    found = []
    for name, value in zip(fitted.names, fitted.values, strict=True):
        low, high = fitted.interval(name, level) or (None, None)
        found.append(Estimate(f"{prefix}:{name}", value, low, high, fitted.n, level))
    return [*found, Estimate(f"{prefix}:log_likelihood", fitted.log_likelihood, n=fitted.n)]


def read(
    customers: Customers, names: list[str], fitted: Fit, spend: Fit | None, *, horizon: float,
    discount: float, margin: float,
) -> pa.Table:  # fmt: skip
    """A row a customer: history, probability of still being one, purchases, spend and value expected within
    `horizon`. `discount` is the rate for one unit of time.
    """
    x, t_x, age = customers.x, customers.t_x, customers.age
    edges = np.linspace(0, horizon, STEPS + 1)[1:]
    ahead = [model.bgnbd_expected(fitted, float(edge), x, t_x, age) for edge in edges]
    discounted, before = np.zeros(len(x)), np.zeros(len(x))
    for edge, total in zip(edges, ahead, strict=True):
        discounted += (total - before) / (1 + discount) ** (float(edge) - horizon / STEPS / 2)
        before = total
    columns: dict[str, Any] = {
        "customer": [names[i] for i in customers.number], "x": x, "t_x": t_x, "age": age,
        "alive": model.bgnbd_alive(fitted, x, t_x, age), "expected_purchases": ahead[-1],
    }  # fmt: skip
    if spend is not None:
        each = gamma_gamma_expected(spend, x, customers.mean)
        columns |= {"mean_spend": customers.mean, "expected_spend": each, "value": discounted * each * margin}
    return pa.table(columns)


def mean_purchases(customers: Customers, fitted: Fit, horizon: float, level: float) -> Estimate:
    """Purchases expected within `horizon`, a mean over customers; the interval is the doubt of the fit."""

    def mean(p: Any) -> float:
        return float(
            model.bgnbd_expected(tuple(p), horizon, customers.x, customers.t_x, customers.age).mean()
        )

    value, error = mean(fitted.values), fitted.spread(mean)
    half = normal_quantile(0.5 + level / 2) * error if error is not None else None
    low, high = (None, None) if half is None else (max(value - half, 0.0), value + half)
    return Estimate("expected_purchases", value, low, high, len(customers.x), level)


def totals(
    customers: Customers, fitted: Fit, spend: Fit | None, question: Totals, discounted: float
) -> list[Estimate]:
    """What all customers together will buy, and be worth (and each on average): intervals hold the doubt of
    the fit and what people do by chance. `discounted`: the value as it is after discount and margin, which
    the interval is brought to.
    """
    who = customers.x, customers.t_x, customers.age
    bought, money = futures.chance_of_totals(fitted, spend, question.horizon, *who, customers.mean)
    n, level, found = len(customers.x), question.level, []
    purchases = futures.total_purchases(fitted, question.horizon, *who, bought, level)
    if purchases is not None:
        found.append(Estimate("total_purchases", *purchases, n, level))
    if spend is None:
        return found
    worth = futures.total_value(fitted, spend, question.horizon, *who, customers.mean, money, level)
    low = high = None
    if worth is not None and worth[0] > 0:
        low, high = (discounted * each / worth[0] for each in worth[1:])
    each_low, each_high = (None, None) if low is None or high is None else (low / n, high / n)
    unit = question.currency
    found.append(Estimate("value", discounted / n, each_low, each_high, n, level, unit))
    found.append(Estimate("total_value", discounted, low, high, n, level, unit))
    return found


def frequencies(customers: Customers, fitted: Fit) -> tuple[pa.Table, float, float]:
    """Customers by number of repeat purchases, as observed and as the model expects: (table, p value of the
    chi-square, largest difference as a share of customers). Fader, Hardie and Lee (2005), figure 2.
    """
    ages, weights = np.unique(customers.age, return_counts=True)
    expected = [float(weights @ model.bgnbd_pmf(fitted, k, ages)) for k in range(TOP)]
    observed = [int((customers.x == k).sum()) for k in range(TOP)]
    n = len(customers.x)
    expected.append(max(n - sum(expected), 0.0))
    observed.append(n - sum(observed))
    usable = [(o, e) for o, e in zip(observed, expected, strict=True) if e >= 5]
    df = len(usable) - 1 - len(fitted.values)
    p = chi2_tail(sum((o - e) ** 2 / e for o, e in usable), df) if df > 0 else 1.0
    furthest = max(abs(o - e) for o, e in zip(observed, expected, strict=True)) / n if n else 0.0
    rows = [
        {"frequency": f"{k}{'+' if k == TOP else ''}", "customers": o, "expected": e}
        for k, (o, e) in enumerate(zip(observed, expected, strict=True))
    ]
    return as_table(rows), p, furthest


def holdout(customers: Customers, expected: Floats, actual: Floats) -> pa.Table:
    """Purchases after the calibration by those within it, a mean for each frequency."""
    rows = []
    for k in range(TOP + 1):
        inside = customers.x == k if k < TOP else customers.x >= TOP
        if inside.any():
            rows.append({
                "frequency": f"{k}{'+' if k == TOP else ''}", "customers": int(inside.sum()),
                "actual": float(actual[inside].mean()), "expected": float(expected[inside].mean()),
            })  # fmt: skip
    return as_table(rows)


def doubts(customers: Customers, fitted: Fit, spend: Fit | None, misfit: tuple[float, float]) -> list[Doubt]:
    """Everything that the models assume and the data do not bear out."""
    found = []
    repeaters = int((customers.x > 0).sum())
    if len(customers.x) < CUSTOMERS_MIN or repeaters < REPEATERS_MIN:
        text = f"{len(customers.x):,} customers, {repeaters:,} of them came back."
        found.append(Doubt(Caveat.SAMPLE_TOO_SMALL, text))
    runaway = [*fitted.at_bound, *(spend.at_bound if spend is not None else ())]
    if runaway:
        text = f"Parameters ran away: {words.listed(runaway)}."
        found.append(Doubt(Caveat.ASSUMPTION_FAILED, text))
    p, furthest = misfit
    if p < 0.001 and furthest > MISFIT_SHARE_MIN:
        text = f"The number of repeat purchases is off by up to {words.percent(furthest)} of customers."
        found.append(Doubt(Caveat.ASSUMPTION_FAILED, text))
    r, low, high, _ = independence(customers.x, customers.mean)
    if spend is not None and abs(r) > DEPENDENCE_MIN and (low > 0 or high < 0):
        text = f"Who buys more often spends {'more' if r > 0 else 'less'} at a time (correlation {r:.2f})."
        found.append(Doubt(Caveat.ASSUMPTION_FAILED, text))
    if spend is not None and isfinite(spend["q"]) and spend["q"] <= 1:
        found.append(Doubt(Caveat.ASSUMPTION_FAILED, "Spend has no mean under the fitted model (q <= 1)."))
    return found

"""Amounts and times: what a customer will spend in the horizon, and when the next purchase is expected.

BG/NBD for whether and how often (Fader, Hardie and Lee, Marketing Science 2005), Gamma-Gamma for how much a
time (Fader and Hardie 2013), fitted over the days with a purchase until a horizon ago and judged on the
horizon since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..measures.statistics.purchases import bgnbd_alive, bgnbd_expected, fit_bgnbd
from ..measures.statistics.spend import fit_gamma_gamma, gamma_gamma_expected
from .asked import DAY_MS, Asked
from .outcomes import Bools, Floats

if TYPE_CHECKING:
    from .looking import Look

WEEK_MS: Final = 7 * DAY_MS
_BUYERS_MIN: Final = 30
"""Customers who bought again below which four parameters are guesses; the setting may ask for more."""


def summary(bought: Floats) -> tuple[Floats, Floats, Floats, Floats, Bools]:
    """(repeat days, weeks from first to last, weeks from first to now, mean amount a day, who bought)."""
    days, first, last, total, now = bought.T
    there = (days > 0) & np.isfinite(first)
    started = np.where(there, first, now)
    repeats = np.maximum(days - 1, 0.0)
    # Days have no hours: two purchases at midnight's sides are a day apart or less.
    recency = np.where(there & (repeats > 0), np.maximum(last - started, 1.0), 0.0) / WEEK_MS
    age = np.maximum(now - started, 1.0) / WEEK_MS
    return repeats, np.minimum(recency, age), age, total / np.maximum(days, 1), there


def train_purchases(
    asked: Asked, looks: Sequence[Look]
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, str]]]:
    """(parameters, quality, caveats) from the latest look: fitted on what was before it, judged on what came
    after; then fitted again on all there is at its end.
    """
    from .training import caveat

    quality: dict[str, Any] = {"n": 0, "outcomes": 0, "cases": 0}
    held = looks[-1] if looks else None
    if held is None or held.bought is None or held.bought_after is None:
        return {"method": "none"}, {**quality, "method": "none"}, [caveat("none", "No look is complete yet.")]
    before, after = held.bought[held.known], held.bought_after[held.known]
    repeats = int((summary(before)[0] > 0).sum())
    quality |= {"n": len(before), "cases": len(before), "outcomes": repeats}
    wanted = max(asked.minimum_outcomes, _BUYERS_MIN)
    if repeats < wanted:
        text = f"{repeats:,} customers bought again; a model needs {wanted:,}."
        return {"method": "none"}, {**quality, "method": "none"}, [caveat("none", text)]
    weeks = asked.horizon_ms / WEEK_MS
    judged = _fit(asked, before)
    expected = _expected_times(judged, before, weeks)
    came = after[:, 0] - before[:, 0]
    quality |= {
        "method": "purchases", "split": "time", "expected_times": float(expected.mean()),
        "observed_times": float(came.mean()), "rank_correlation": _rank_correlation(expected, came),
    }  # fmt: skip
    if asked.amount:
        worth, spent = _expected_amount(judged, before, weeks), after[:, 3] - before[:, 3]
        quality |= {
            "expected_amount": float(worth.mean()), "observed_amount": float(spent.mean()),
            "amount_rank_correlation": _rank_correlation(worth, spent),
        }  # fmt: skip
    return {"method": "purchases", "weeks": weeks, **_fit(asked, after)}, quality, []


def _fit(asked: Asked, bought: Floats) -> dict[str, Any]:
    repeats, recency, age, mean, there = summary(bought)
    bgnbd = fit_bgnbd(repeats[there], recency[there], age[there])
    found: dict[str, Any] = {"bgnbd": [float(one) for one in bgnbd.values]}
    again = there & (repeats > 0) & (mean > 0)
    if asked.amount and again.sum() >= _BUYERS_MIN:
        found["gamma_gamma"] = [float(one) for one in fit_gamma_gamma(repeats[again] + 1, mean[again]).values]
    return found


def _expected_times(parameters: dict[str, Any], bought: Floats, weeks: float) -> Floats:
    """Days with a purchase expected in the next weeks; 0 for who never bought."""
    repeats, recency, age, _, there = summary(bought)
    found = np.zeros(len(bought))
    found[there] = bgnbd_expected(parameters["bgnbd"], weeks, repeats[there], recency[there], age[there])
    return found


def _expected_amount(parameters: dict[str, Any], bought: Floats, weeks: float) -> Floats:
    repeats, _, _, mean, there = summary(bought)
    worth = mean.copy()
    if "gamma_gamma" in parameters:
        usable = there & (mean > 0)
        worth[usable] = gamma_gamma_expected(parameters["gamma_gamma"], repeats[usable] + 1, mean[usable])
    found: Floats = _expected_times(parameters, bought, weeks) * worth
    return found


def values(parameters: dict[str, Any], kind: str, bought: Floats) -> Floats:
    """(n,) amounts, or instants (ms UTC) at which half of those like them who are still customers have bought
    again; NaN for who never bought.
    """
    repeats, recency, age, _, there = summary(bought)
    if kind == "amount":
        return np.where(there, _expected_amount(parameters, bought, float(parameters["weeks"])), np.nan)
    r, alpha, _, _ = parameters["bgnbd"]
    wait = (alpha + age) * (2.0 ** (1.0 / (r + repeats)) - 1.0)
    alive = np.zeros(len(bought))
    alive[there] = bgnbd_alive(parameters["bgnbd"], repeats[there], recency[there], age[there])
    # Whoever has most likely gone is not expected at any time, nor is it looked further ahead than asked.
    expected = there & (alive >= 0.5) & (wait <= float(parameters["weeks"]))
    found: Floats = np.where(expected, bought[:, 4] + wait * WEEK_MS, np.nan)
    return found


def _rank_correlation(a: Floats, b: Floats) -> float | None:
    """Spearman's; None where one of them does not vary."""
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    x, y = rankdata(a), rankdata(b)
    spread = float(x.std() * y.std())
    return float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread > 0 else None


__all__ = ["summary", "train_purchases", "values"]

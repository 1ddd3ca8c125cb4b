"""What all customers together may still buy: the doubt of the fit, and the chance of what people do.

An expected total has two doubts: the parameters were estimated, and even with the right ones people buy by
chance. The second is drawn: who is still a customer, how often they buy until they leave, what they spend.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np

from sevenfold.measures.statistics.likelihood import Fit
from sevenfold.measures.statistics.purchases import Parameters, _values, bgnbd_alive, bgnbd_expected
from sevenfold.measures.statistics.special import Floats, normal_quantile
from sevenfold.measures.statistics.spend import gamma_gamma_expected

SEED: Final = 20_050_424
DRAWS: Final = 64
DRAWN_MAX: Final = 2_000_000
"""Draws of customers altogether; of many customers each is drawn less often."""


def chance_of_totals(
    bgnbd: Parameters,
    spend: Parameters | None,
    horizon: float,
    x: Floats,
    t_x: Floats,
    age: Floats,
    mean: Floats,
) -> tuple[float, float]:
    """Variances of what all customers together buy within `horizon`: (of purchases, of money; 0 without
    `spend`), given the parameters. Customers are independent of each other, so variances add up.

    Given that somebody still is a customer, their rate is gamma (r + x, alpha + age), and the probability of
    leaving after a purchase beta (a, b + x): Fader, Hardie and Lee (2005), section 4.
    """
    r, alpha, a, b = _values(bgnbd)
    chance = np.random.default_rng(SEED)
    alive = bgnbd_alive(bgnbd, x, t_x, age)
    draws = max(8, min(DRAWS, DRAWN_MAX // max(len(x), 1)))
    sums = np.zeros((4, len(x)))
    for _ in range(draws):
        often = chance.poisson(chance.gamma(r + x) / (alpha + age) * horizon)
        leaves = np.clip(chance.beta(a, b + x), 1e-9, 1.0)
        bought = np.minimum(often, chance.geometric(leaves)) * (chance.random(len(x)) < alive)
        sums[0] += bought
        sums[1] += bought * bought
        if spend is not None:
            p, q, v = _values(spend)
            # The rate of somebody's spend, given what they spent on average at their repeat purchases.
            rate = chance.gamma(p * x + q) / (v + x * mean)
            money = np.where(bought > 0, chance.gamma(np.maximum(p * bought, 1e-9)) / rate, 0.0)
            sums[2] += money
            sums[3] += money * money
    scale = draws / (draws - 1)
    purchases = float(np.sum(sums[1] / draws - (sums[0] / draws) ** 2)) * scale
    return purchases, float(np.sum(sums[3] / draws - (sums[2] / draws) ** 2)) * scale


def total_purchases(
    fitted: Fit, horizon: float, x: Floats, t_x: Floats, age: Floats, chance: float, level: float
) -> tuple[float, float, float] | None:
    """(expected, low, high) of what all customers together will buy; None when the fit's doubt is not known.
    `chance`: its variance as `chance_of_totals` gives it.
    """

    def total(parameters: Parameters) -> float:
        return float(bgnbd_expected(parameters, horizon, x, t_x, age).sum())

    return _interval(total(fitted), [fitted.spread(total)], chance, level)


def total_value(
    fitted: Fit,
    spend: Fit,
    horizon: float,
    x: Floats,
    t_x: Floats,
    age: Floats,
    mean: Floats,
    chance: float,
    level: float,
) -> tuple[float, float, float] | None:
    """The same in money, without discount."""

    def total(often: Parameters, much: Parameters) -> float:
        each = gamma_gamma_expected(much, x, mean)
        return float((bgnbd_expected(often, horizon, x, t_x, age) * each).sum())

    errors = [
        fitted.spread(lambda parameters: total(parameters, spend)),
        spend.spread(lambda parameters: total(fitted, parameters)),
    ]
    return _interval(total(fitted, spend), errors, chance, level)


def _interval(
    value: float, errors: list[float | None], chance: float, level: float
) -> tuple[float, float, float] | None:
    known = [each for each in errors if each is not None]
    if len(known) < len(errors) or not np.isfinite(value) or not np.isfinite(chance):
        return None
    half = normal_quantile(0.5 + level / 2) * sqrt(sum(each * each for each in known) + chance)
    return value, max(value - half, 0.0), value + half

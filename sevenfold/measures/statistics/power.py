"""How small an effect can be seen, and how long it takes until it is."""

from __future__ import annotations

from math import ceil, sqrt

from sevenfold.measures.statistics.sequential import TUNED_UNITS, units_until
from sevenfold.measures.statistics.special import normal_quantile


def minimum_detectable_effect(error: float, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest effect that one look finds with probability `power`, from the standard error of the
    difference.
    """
    return (normal_quantile(0.5 + level / 2) + normal_quantile(power)) * error


def units_needed(
    sd: float, effect: float, treated_share: float = 0.5, level: float = 0.95, power: float = 0.8
) -> int:
    """Units of both arms for one look to find a difference `effect` of a metric that spreads by `sd`."""
    reach = normal_quantile(0.5 + level / 2) + normal_quantile(power)
    return ceil((reach * sd / effect) ** 2 / (treated_share * (1 - treated_share)))


def days_until(
    error: float, n: int, days: float, effect: float, level: float = 0.95, tuned: float = TUNED_UNITS
) -> int | None:
    """About how many more days until an effect of this size stands clear of 0 at any look, if units come in
    as they have (`n` in `days`). None where that is not in sight: no units, or a thousand times as many.
    """
    units = units_until(error, n, abs(effect), level, tuned)
    if units is None or days <= 0 or n <= 0:
        return None
    return max(0, ceil((units - n) * days / n))


def relative_to(sd: float, n: int, control_n: int) -> float:
    """Standard error of a difference of means with common standard deviation `sd`."""
    return sd * sqrt(1 / n + 1 / control_n) if min(n, control_n) > 0 else float("inf")

"""Every number of the shop's world; docs/explain/simulator.md gives each one's meaning and source."""

from __future__ import annotations

from dataclasses import dataclass, field

from sevenfold.simulate.responses import ResponseParameters


@dataclass(frozen=True, slots=True)
class ShopParameters:
    """Hazards are chances per day unless said otherwise; levels run from 0 (gone) to 1 (the customer's own
    rhythm)."""

    responses: ResponseParameters = field(default_factory=ResponseParameters)

    # visits and the first order
    visits_week: float = 1.0
    visits_sigma: float = 0.5
    first_order: float = 0.22
    """Chance that a visit of a newcomer of middling intent ends in an order."""
    newcomer_half_life_days: float = 12.0
    intent_slope: float = 2.0
    pages: float = 5.0
    carts: float = 0.18
    """Chance that a visit without an order still fills a cart (it is abandoned)."""

    # repeat orders: a hazard that rises as the customer's own gap runs out
    gap_median_days: float = 52.0
    gap_sigma: float = 0.45
    gap_shape: float = 3.0
    items: float = 2.2
    stays_logit: float = -0.45
    """Log-odds that a first order founds a rhythm, at middling fit and satisfaction; else the customer
    fades."""
    stays_fit_slope: float = 2.0
    stays_satisfaction_slope: float = 3.0

    # drift
    drift: float = 0.0022
    drift_satisfaction_slope: float = 3.0
    drift_half_life_days: tuple[float, float] = (6.0, 18.0)
    recover: float = 0.005
    recovery_speed: float = 0.15
    gone_level: float = 0.05

    # after the order
    ship_days: float = 1.0
    delivery_days: float = 3.0
    late_days: float = 7.0
    trouble: float = 0.12
    """Chance that something about an order goes wrong for the customer (besides late delivery)."""
    faq_minutes: float = 18.0
    return_if_trouble: float = 0.45
    return_else: float = 0.02
    ticket_if_trouble: float = 0.40
    cancelled: float = 0.01
    review: float = 0.12
    csat_answers: float = 0.35
    nps_answers: float = 0.30

    # email and advocacy
    newsletter_every_days: int = 7
    advocate_share: float = 0.15
    becomes_advocate: float = 0.015
    advocate_acts: float = 0.012
    referral_buys: float = 0.4

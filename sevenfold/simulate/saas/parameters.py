"""Every number of the SaaS world; docs/explain/simulator.md gives each one's meaning and source."""

from __future__ import annotations

from dataclasses import dataclass, field

from sevenfold.simulate.responses import ResponseParameters


@dataclass(frozen=True, slots=True)
class SaasParameters:
    """Hazards are chances per day unless said otherwise; levels run from 0 (gone) to 1 (the person's own
    habit)."""

    responses: ResponseParameters = field(default_factory=ResponseParameters)

    # customers from before the start
    customers_before: float = 0.18
    fit_before: float = 0.08
    members_before: float = 2.0
    advocates_before: float = 0.5
    declining_before: float = 0.14
    need_before: float = 0.12

    # before sign-up
    visitors_per_signup: float = 2.0
    visit_lead_days: float = 4.0

    # activation: chance of each milestone on a day the owner is active, at middling intent and fit
    milestone_chances: tuple[float, float, float, float, float] = (0.90, 0.45, 0.56, 0.46, 0.50)
    milestone_intent_slope: float = 2.2
    milestone_fit_slope: float = 1.6
    activation_within_days: int = 7
    late_step_factor: float = 0.04
    onboarding_half_life_days: float = 8.0
    stall_at_signup: float = 0.28
    stall_after_milestone: float = 0.12
    stall_end: float = 0.05
    onboarding_days: int = 30

    # habit: the one thing the activation event causes
    habit_logit: float = -1.6
    habit_fit_slope: float = 1.8
    habit_intent_slope: float = 1.2
    activation_effect_logit: float = 2.6
    """The planted cause: activation within its window adds this much to the log-odds of forming a habit."""

    # trial to subscription
    trial_share: float = 0.75
    trial_days: int = 14
    convert: float = 0.0015
    convert_intent_slope: float = 1.6
    convert_habit_factor: float = 7.0
    convert_trial_end_factor: float = 4.0
    annual_share_starter: float = 0.35

    # use
    owner_active_days_week: float = 4.5
    member_active_days_week: float = 3.2
    active_days_sigma: float = 0.40
    actions_per_session: float = 9.0
    second_session: float = 0.25
    feature_slope: float = 1.6

    # drift and churn
    drift: float = 0.0030
    drift_satisfaction_slope: float = 3.0
    drift_half_life_days: tuple[float, float] = (7.0, 20.0)
    recover: float = 0.004
    recovery_speed: float = 0.12
    member_drift: float = 0.0015
    cancel_low: float = 0.030
    cancel_very_low: float = 0.060
    low_level: float = 0.35
    very_low_level: float = 0.12
    sudden_cancel: float = 0.00015
    sponsor_leaves: float = 0.0004
    sponsor_replaced: float = 0.4
    sponsor_drift: float = 0.6
    downgrade: float = 0.0015
    export_share: float = 0.12
    payment_fails: float = 0.02
    payment_recovers: float = 0.6
    payment_tries: int = 3
    renew_logit: float = -1.6
    renew_level_slope: float = 5.0
    renew_satisfaction_slope: float = 2.0
    returns: float = 0.35
    return_median_days: float = 100.0

    # growth
    expansion_need: float = 0.0022
    upgrade: float = 0.012
    upgrade_from_usage: float = 0.80
    teammate_joins: float = 0.75
    standing_shares: tuple[float, float, float] = (0.15, 0.15, 0.70)
    invite_growth: float = 0.008
    invite_need: float = 0.06

    # support, opinion, advocacy
    ticket: float = 0.010
    ticket_slope: float = 2.0
    bad_ticket_hours: float = 30.0
    csat_answers: float = 0.35
    nps_every_days: int = 90
    nps_answers: float = 0.40
    advocate_share: float = 0.18
    becomes_advocate: float = 0.02
    advocate_acts: float = 0.012
    referral_signs_up: float = 0.35

"""What the company sells and where its visitors come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan; prices in US dollars a month, caps a month."""

    name: str
    price: int
    api_calls_cap: int
    seats_cap: int
    next_plan: str
    tier: str
    features: int
    """How many of FEATURES, from the first, the plan includes."""


PLANS = (
    Plan("free", 0, 2_000, 3, "starter", "self-serve", 5),
    Plan("starter", 99, 10_000, 5, "team", "self-serve", 7),
    Plan("team", 399, 50_000, 20, "business", "mid", 9),
    Plan("business", 1_499, 250_000, 100, "enterprise", "mid", 11),
    Plan("enterprise", 4_900, 2_000_000, 500, "", "enterprise", 12),
)
FEATURES = (
    "boards", "reports", "comments", "templates", "search", "automations", "dashboards", "webhooks",
    "forecasts",
    "audit_log", "single_sign_on", "data_residency",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a sign-up comes from: share of sign-ups, mean intent (0-1), landing page and how it is told
    apart."""

    name: str
    share: float
    intent: float
    landing: str
    path: str
    referrer: str
    source: str
    medium: str


CHANNELS = (
    Channel(
        "comparison", 0.13, 0.70, "Comparison", "/compare/alternatives", "https://www.google.com/", "", ""
    ),
    Channel("review_site", 0.10, 0.72, "Pricing", "/pricing", "https://www.g2.com/", "g2", "review"),
    Channel("referral", 0.08, 0.68, "Home", "/?ref=colleague", "", "referral", "referral"),
    Channel("search", 0.24, 0.52, "Home", "/", "https://www.google.com/", "", ""),
    Channel("paid", 0.17, 0.45, "Home", "/", "https://www.google.com/", "google", "cpc"),
    Channel("blog", 0.18, 0.36, "Blog", "/blog/better-reports", "https://www.google.com/", "", ""),
    Channel(
        "social", 0.10, 0.32, "Blog", "/blog/team-habits", "https://www.linkedin.com/", "linkedin", "social"
    ),
)
REFERRAL = 2
ROLES = (
    "marketing_manager",
    "developer",
    "founder",
    "analyst",
    "operations_manager",
    "customer_success_manager",
)
ROLE_SHARES = (0.22, 0.22, 0.14, 0.16, 0.16, 0.10)
USE_CASES = (
    "campaign_reporting",
    "api_integration",
    "team_planning",
    "dashboards",
    "process_automation",
    "customer_health",
)
INDUSTRIES = ("software", "retail", "finance", "media", "manufacturing", "education")
ZONES = (
    ("America/New_York", -300, "US", 0.30),
    ("America/Los_Angeles", -480, "US", 0.18),
    ("Europe/London", 0, "GB", 0.14),
    ("Europe/Berlin", 60, "DE", 0.16),
    ("Asia/Kolkata", 330, "IN", 0.14),
    ("Australia/Sydney", 600, "AU", 0.08),
)
"""Name, offset in minutes (standard time all the year: habits ignore daylight saving), country, share."""

MILESTONES = (
    "Workspace Set Up",
    "Integration Connected",
    "Project Created",
    "Teammate Invited",
    "Report Run",
)
SETUP, INTEGRATION, PROJECT, INVITE, REPORT = range(5)
INTEGRATIONS = ("slack", "google_drive", "salesforce", "github", "hubspot")

# What a session is made of: a share per role and action. Order of ACTIONS is the code of the event.
ACTIONS = (
    "Signed In",
    "Feature Used",
    "Workflow Completed",
    "Report Run",
    "Message Sent",
    "API Called",
    "Docs",
    "Project Created",
)
SIGN_IN, FEATURE, WORKFLOW, REPORT_RUN, MESSAGE, API, DOCS, PROJECT_CREATED = range(8)
ACTION_SHARES = (
    (0.42, 0.12, 0.24, 0.12, 0.02, 0.05, 0.03),
    (0.34, 0.12, 0.04, 0.08, 0.28, 0.11, 0.03),
    (0.46, 0.10, 0.16, 0.18, 0.02, 0.04, 0.04),
    (0.36, 0.08, 0.38, 0.08, 0.05, 0.03, 0.02),
    (0.40, 0.26, 0.10, 0.15, 0.03, 0.03, 0.03),
    (0.42, 0.14, 0.16, 0.20, 0.02, 0.04, 0.02),
)
"""Per role, the shares of ACTIONS[1:]."""

STAFF = (
    ("csm-1", "csm", "slack,email", "Europe/Berlin", "mon-fri 09:00-17:00", "", 60),
    ("csm-2", "csm", "slack,email", "America/New_York", "mon-fri 09:00-17:00", "", 60),
    ("csm-3", "csm", "slack,email", "Asia/Kolkata", "mon-fri 09:00-17:00", "2024-07-15/2024-07-26", 40),
    ("am-1", "account_manager", "slack,email", "America/New_York", "mon-fri 09:00-17:00", "", 80),
    ("manager-1", "cs_manager", "slack,email,phone", "Europe/Berlin", "mon-fri 08:00-18:00", "", 20),
    ("sponsor-1", "executive_sponsor", "email,phone", "America/New_York", "mon-fri 09:00-17:00", "", 10),
)


def plan_for(employees: int) -> int:
    """The plan a company of this size buys first (a position in PLANS)."""
    return 1 if employees < 20 else 2 if employees < 150 else 3 if employees < 900 else 4


def plans_table() -> list[dict[str, Any]]:
    """plans.csv."""
    return [
        {
            "plan": plan.name, "price_month": plan.price, "api_calls_cap": plan.api_calls_cap,
            "seats_cap": plan.seats_cap, "next_plan": plan.next_plan, "tier": plan.tier,
            "features": ",".join(FEATURES[: plan.features]),
        }
        for plan in PLANS
    ]  # fmt: skip


def features_table() -> list[dict[str, Any]]:
    """features.csv: each feature with the cheapest plan that has it."""
    return [
        {"feature": name, "plan": next(plan.name for plan in PLANS if plan.features > position)}
        for position, name in enumerate(FEATURES)
    ]


def staff_table() -> list[dict[str, Any]]:
    """people.csv: who acts for the company."""
    names = ("id", "role", "channels", "timezone", "hours", "absence", "capacity_accounts")
    return [dict(zip(names, row, strict=True)) for row in STAFF]

"""The SaaS world's hidden truth and its contracts, as tables."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from sevenfold.simulate.responses import TYPES
from sevenfold.simulate.saas.birth import account_owner, iso_date
from sevenfold.simulate.saas.catalogue import CHANNELS, PLANS, ROLES
from sevenfold.simulate.saas.life import CHURN_KINDS
from sevenfold.simulate.saas.state import HABIT, PAID, STATUSES, World
from sevenfold.simulate.saas.state import STAGES as STAGE_NAMES
from sevenfold.simulate.truth import schema, table

PEOPLE = schema(
    "user_id:s account_id:s is_owner:b role:s response_type:s effect_log_hazard:f harm_log_hazard:f "
    "preferred_channel:s "
    "open_chance:f active_days_week:f opinion:f joined_ms:i left_ms:i drift_start_ms:i level:f "
    "could_advocate:b "
    "advocate_ms:i messages:i unsubscribed:b"
)
ACCOUNTS = schema(
    "account_id:s parent_id:s root_id:s channel:s segment:s employees:i intent:f fit:f satisfaction:f "
    "level:f status:s stage:s "
    "signup_ms:i activated_ms:i report_run_ms:i habit:b habit_if_activated:b habit_if_not:b "
    "converted_ms:i drift_start_ms:i "
    "expansion_need_ms:i churn_ms:i churn_kind:s returned_ms:i response_type:s plan:s mrr:i"
)
EPISODES = schema("subject_kind:s subject_id:s kind:s start_ms:i end_ms:i ended_by:s")
STAGES = schema("account_id:s stage:s entered_ms:i left_ms:i next_stage:s")
CAUSES = schema("account_id:s cause:s time_ms:i")
MESSAGES = schema(
    "user_id:s time_ms:i kind:s channel:s purpose:s target:s response_type:s messages_7d_before:i "
    "log_effect:f "
    "drift_log_harm:f effect_days:i hazard_per_day:f p_without:f p_with:f"
)


def segment(employees: int) -> str:
    """The account's size class."""
    return (
        "small"
        if employees < 20
        else "mid"
        if employees < 150
        else "large"
        if employees < 900
        else "enterprise"
    )


def _people(world: World) -> list[dict[str, Any]]:
    people, responses = world.people, world.responses.people
    return [
        {
            "user_id": writer.user, "account_id": writer.account, "is_owner": bool(people.owner[row]),
            "role": ROLES[people.role[row]], "response_type": TYPES[responses.kind[row]],
            "effect_log_hazard": float(responses.effect[row]), "harm_log_hazard": float(responses.harm[row]),
            "preferred_channel": ("email", "in_app", "push", "sms", "whatsapp")[responses.preferred[row]],
            "open_chance": float(responses.opens[row]), "active_days_week": float(people.rate[row]),
            "opinion": float(people.opinion[row]), "joined_ms": people.joined_ms[row],
            "left_ms": people.left_ms[row],
            "drift_start_ms": people.last_drift_ms[row], "level": float(people.level[row]),
            "could_advocate": bool(people.could_advocate[row]), "advocate_ms": people.advocate_ms[row],
            "messages": int(responses.received[row]), "unsubscribed": bool(responses.unsubscribed[row]),
        }
        for row, writer in enumerate(world.writers)
    ]  # fmt: skip


def _accounts(world: World) -> list[dict[str, Any]]:
    a, responses = world.accounts, world.responses.people
    rows = []
    for row, facts in enumerate(world.facts):
        owner, kind = int(a.owner[row]), int(a.churn_kind[row])
        rows.append({
            "account_id": facts.id, "parent_id": world.facts[facts.parent].id if facts.parent >= 0 else None,
            "root_id": facts.root, "channel": CHANNELS[a.channel[row]].name,
            "segment": segment(int(a.employees[row])),
            "employees": int(a.employees[row]), "intent": float(a.intent[row]), "fit": float(a.fit[row]),
            "satisfaction": float(a.satisfaction[row]), "level": float(a.level[row]),
            "status": STATUSES[a.status[row]],
            "stage": STAGE_NAMES[a.stage[row]], "signup_ms": a.signup_ms[row],
            "activated_ms": a.activated_ms[row],
            "report_run_ms": a.report_ms[row], "habit": bool(a.habit[row] == HABIT),
            "habit_if_activated": bool(a.habit_if_activated[row]), "habit_if_not": bool(a.habit_if_not[row]),
            "converted_ms": a.converted_ms[row], "drift_start_ms": a.last_drift_ms[row],
            "expansion_need_ms": a.need_ms[row], "churn_ms": a.churn_ms[row],
            "churn_kind": CHURN_KINDS[kind] if kind >= 0 else None, "returned_ms": a.returned_ms[row],
            "response_type": TYPES[responses.kind[owner]] if owner >= 0 else None,
            "plan": PLANS[a.plan[row]].name, "mrr": int(a.mrr[row]),
        })  # fmt: skip
    return rows


def truth(world: World) -> dict[str, pa.Table]:
    """All truth tables; times that never came are null."""
    episodes, stages = [], []
    for subject, row, kind, start, end, by in world.episodes.rows():
        name = world.facts[row].id if subject == "account" else world.writers[row].user
        if kind.startswith("stage:"):
            stages.append(
                {"account_id": name, "stage": kind[6:], "entered_ms": start, "left_ms": end, "next_stage": by}
            )
        else:
            episodes.append(
                {
                    "subject_kind": subject,
                    "subject_id": name,
                    "kind": kind,
                    "start_ms": start,
                    "end_ms": end,
                    "ended_by": by,
                }
            )
    causes = [{**cause, "account_id": world.facts[cause["account"]].id} for cause in world.causes]
    kinds = world.responses.people.kind
    messages = [
        {**note, "user_id": world.writers[note["row"]].user, "response_type": TYPES[kinds[note["row"]]]}
        for note in world.responses.log
    ]
    return {
        "people": table(_people(world), PEOPLE), "accounts": table(_accounts(world), ACCOUNTS),
        "episodes": table(episodes, EPISODES), "stages": table(stages, STAGES),
        "causes": table(causes, CAUSES),
        "messages": table(messages, MESSAGES),
    }  # fmt: skip


def contracts(world: World) -> list[dict[str, Any]]:
    """contracts.csv: every account that pays now."""
    a = world.accounts
    return [
        {
            "account": facts.id, "contract_value": int(a.mrr[row]) * 12,
            "contract_plan": PLANS[a.plan[row]].name,
            "contract_end": iso_date(world, int(a.renewal_day[row])) if a.term[row] == 12 else "",
            "contract_from": iso_date(world, int(a.paid_day[row])), "contract_term": int(a.term[row]),
            "contract_tier": PLANS[a.plan[row]].tier, "contract_owner": account_owner(world, row),
        }
        for row, facts in enumerate(world.facts)
        if a.status[row] == PAID
    ]  # fmt: skip

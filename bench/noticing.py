"""Stalls, declines and expansions of a simulated company: noticed by the seven stages, by a calendar and by a
threshold on log-ins, against what the simulator kept hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sevenfold as sf
from sevenfold.simulate import SaasCompany
from sevenfold.simulate.against import KINDS, WAYS, Comparison, Hidden, alarms, compare
from sevenfold.simulate.noticing import Noticed

from .figures import Figure, Report, at_least, plain
from .measuring import pack

STAGES = ("capture", "activation", "engagement", "retention", "expansion", "advocacy", "renewal")


def measure(quick: bool) -> Report:
    accounts, days = (50, 240) if quick else (300, 730)
    company = SaasCompany(seed=11, accounts=accounts, days=days)
    events = [event for _, event in company.timed_events()]
    result = sf.replay(pack("seven-stage"), events)
    told = compared(company, events, result)
    figures: list[Figure] = []
    for kind in KINDS:
        for who in WAYS:
            figures += _figures(f"{kind}_{who}", told.found[who][kind])
        best = max(told.found[who][kind].f1 for who in WAYS[1:])
        figures.append(
            at_least(
                f"{kind}_f1_over_the_better_of_both",
                told.found["seven_stage"][kind].f1 / max(best, 1e-9),
                "ratio",
                1,
            )
        )
    for who in WAYS:
        figures.append(plain(f"before_hidden_churn_noticed_{who}", told.before_churn[who].recall, "share"))
        figures.append(
            plain(f"before_hidden_churn_lead_{who}", told.before_churn[who].lead_days or 0, "days")
        )
    figures.append(plain("upgrade_prompts_to_decliners", told.prompts_to_decliners, "prompts"))
    stages = set(result.to_pandas().transitions.query("of == 'person'")["to"])
    figures.append(at_least("stages_with_people", len(stages & set(STAGES)), "stages", 7))
    notes = [
        f"{len(events):,} events of {accounts} accounts over {days} days (seed 11); an alarm is right when "
        "it overlaps a hidden episode of its account, and an episode noticed when an alarm overlaps it",
        "calendar: mail on days 3, 7 and 14; a check-in each 30 days; an offer each 90. threshold: nobody of "
        "the account signed in for 7 days (3 days in the first 14: a stall); 20 log-ins in 7 days: an offer",
    ]
    if quick:
        notes.append("quick: 50 accounts and 240 days, so few episodes of each kind")
    return Report("noticing", figures, notes)


def compared(company: SaasCompany, events: Iterable[Mapping[str, Any]], result: sf.Result) -> Comparison:
    """What the replay raised against what the company hid."""
    seen = ((_ms(one["timestamp"]), one.get("userId"), one.get("event")) for one in events)
    hidden, found = Hidden(company.truth(), seen), result.arrow
    tables = found.segments, found.profiles, found.accounts
    return compare(hidden, {kind: alarms(hidden, *where, *tables) for kind, where in KINDS.items()})


def _figures(name: str, told: Noticed) -> list[Figure]:
    return [
        plain(f"{name}_precision", told.precision, f"of {told.alarms}"),
        plain(f"{name}_recall", told.recall, f"of {told.episodes}"),
        plain(f"{name}_delay", told.delay_days or 0, "days"),
    ]


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)

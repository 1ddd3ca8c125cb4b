"""Stalls, declines and expansions of a simulated company: noticed by the seven stages, by a calendar and by a
threshold on log-ins, against what the simulator kept hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sevenfold as sf
from sevenfold.simulate import SaasCompany
from sevenfold.simulate.noticing import Noticed, Span, calendar, memberships, noticed, threshold

from .figures import Figure, Report, at_least, plain
from .measuring import pack

STAGES = ("capture", "activation", "engagement", "retention", "expansion", "advocacy", "renewal")
KINDS = {
    "stall": ("person", ("stalled",)),
    "decline": (
        "account",
        ("account_route_automatic", "account_route_csm", "account_route_manager", "account_route_executive"),
    ),
    "expansion_need": ("account", ("account_expansion_prompt",)),
}
"""The segments of the pack that act on each kind of episode, and whose they are."""


def measure(quick: bool) -> Report:
    accounts, days = (50, 240) if quick else (300, 730)
    company = SaasCompany(seed=11, accounts=accounts, days=days)
    events = [event for _, event in company.timed_events()]
    result = sf.replay(pack("seven-stage"), events)
    world = _World(company, events)
    found = {
        "seven_stage": {
            kind: noticed(_alarms(result, world, *where), world.episodes(kind))
            for kind, where in KINDS.items()
        },
        "calendar": _calendar(world),
        "threshold": _threshold(world),
    }
    figures: list[Figure] = []
    for kind in KINDS:
        for who, told in found.items():
            figures += _figures(f"{kind}_{who}", told[kind])
        best = max(found["calendar"][kind].f1, found["threshold"][kind].f1)
        figures.append(
            at_least(
                f"{kind}_f1_over_the_better_of_both",
                found["seven_stage"][kind].f1 / max(best, 1e-9),
                "ratio",
                1,
            )
        )
    lost = world.episodes("decline", ended_by="churned")
    for who, alarms in (
        ("seven_stage", _alarms(result, world, *KINDS["decline"])),
        ("calendar", _check_ins(world)),
        ("threshold", _few_log_ins(world)),
    ):
        told = noticed(alarms, lost)
        figures.append(plain(f"before_hidden_churn_noticed_{who}", told.recall, "share"))
        figures.append(plain(f"before_hidden_churn_lead_{who}", told.lead_days or 0, "days"))
    prompted = noticed(_alarms(result, world, *KINDS["expansion_need"]), world.episodes("decline"))
    figures.append(plain("upgrade_prompts_to_decliners", prompted.right, "prompts"))
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


class _World:
    """The hidden truth and the log-ins, by account."""

    def __init__(self, company: SaasCompany, events: Iterable[Mapping[str, Any]]) -> None:
        truth = company.truth()
        self.accounts = truth["accounts"].to_pylist()
        self._episodes = truth["episodes"].to_pylist()
        people = truth["people"].to_pylist()
        self.account_of = {row["user_id"]: row["account_id"] for row in people}
        self.owners = {row["user_id"] for row in people if row["is_owner"]}
        self.log_ins: dict[str, list[int]] = {}
        self.end = 0
        first: dict[str, int] = {}
        for event in events:
            at = _ms(event["timestamp"])
            self.end = max(self.end, at)
            account = self.account_of.get(str(event.get("userId")))
            if account is None:
                continue
            first.setdefault(account, at)
            if event.get("event") == "Signed In":
                self.log_ins.setdefault(account, []).append(at)
        for times in self.log_ins.values():
            times.sort()
        self.starts = {
            row["account_id"]: max(row["signup_ms"] or 0, first.get(row["account_id"], 0))
            for row in self.accounts
        }
        self.ends = {row["account_id"]: row["churn_ms"] or self.end for row in self.accounts}

    def episodes(self, kind: str, ended_by: str | None = None) -> list[Span]:
        """The account's episodes of a kind; those still open last to the end."""
        return [
            Span(row["subject_id"], row["start_ms"], row["end_ms"] or self.end)
            for row in self._episodes
            if row["kind"] == kind
            and row["subject_kind"] == "account"
            and ended_by in (None, row["ended_by"])
        ]


def _alarms(result: sf.Result, world: _World, of: str, segments: tuple[str, ...]) -> list[Span]:
    """What the engine raised. Overlapping routes of one account are one alarm."""
    frames = result.to_pandas()
    if of == "person":
        profiles = frames.profiles
        whose = {
            subject: world.account_of[user]
            for subject, user in zip(profiles["subject"], profiles["user_id"], strict=True)
            if user in world.owners
        }
    else:
        whose = dict(zip(frames.accounts["subject"], frames.accounts["account_id"], strict=True))
    changes = frames.segments
    wanted = changes[(changes["of"] == of) & changes["segment"].isin(segments)].sort_values("n")
    times = wanted["time"].astype("datetime64[ms, UTC]").astype("int64")
    rows = wanted.assign(ms=times).to_dict("records")
    return _joined(memberships(rows, whose, world.end))


def _joined(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for span in sorted(spans):
        if found and found[-1].account == span.account and span.start <= found[-1].end:
            found[-1] = found[-1]._replace(end=max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def _calendar(world: _World) -> dict[str, Noticed]:
    offers = calendar(world.starts, (), 90, world.ends)
    return {
        "stall": noticed(calendar(world.starts, (3, 7, 14), None, world.ends), world.episodes("stall")),
        "decline": noticed(_check_ins(world), world.episodes("decline")),
        "expansion_need": noticed(offers, world.episodes("expansion_need")),
    }


def _threshold(world: _World) -> dict[str, Noticed]:
    early = threshold(world.log_ins, world.starts, world.ends, window_days=3, fewer_than=1, first_days=14)
    many = threshold(world.log_ins, world.starts, world.ends, window_days=7, at_least=20)
    return {
        "stall": noticed(early, world.episodes("stall")),
        "decline": noticed(_few_log_ins(world), world.episodes("decline")),
        "expansion_need": noticed(many, world.episodes("expansion_need")),
    }


def _check_ins(world: _World) -> list[Span]:
    return list(calendar(world.starts, (), 30, world.ends))


def _few_log_ins(world: _World) -> list[Span]:
    return list(threshold(world.log_ins, world.starts, world.ends, window_days=7, fewer_than=1))


def _figures(name: str, told: Noticed) -> list[Figure]:
    return [
        plain(f"{name}_precision", told.precision, f"of {told.alarms}"),
        plain(f"{name}_recall", told.recall, f"of {told.episodes}"),
        plain(f"{name}_delay", told.delay_days or 0, "days"),
    ]


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)

"""A simulated company's replay against what it hid, and against what a calendar and a threshold would have
raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from sevenfold.simulate.noticing import Noticed, Span, calendar, memberships, noticed, threshold

KINDS: Final = {
    "stall": ("person", ("stalled",)),
    "decline": (
        "account",
        ("account_route_automatic", "account_route_csm", "account_route_manager", "account_route_executive"),
    ),
    "expansion_need": ("account", ("account_expansion_prompt",)),
}
"""The segments of the `seven-stage` pack that act on each kind of episode, and whose they are."""
WAYS: Final = ("seven_stage", "calendar", "threshold")
"""Who is compared: the pack, and two simpler ways."""
LOG_IN: Final = "Signed In"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What each of `WAYS` noticed, by kind of episode; of declines that ended in churn in `before_churn`.
    `prompts_to_decliners`: upgrades offered to accounts whose use was falling.
    """

    found: Mapping[str, Mapping[str, Noticed]]
    before_churn: Mapping[str, Noticed]
    prompts_to_decliners: int


class Hidden:
    """The hidden truth and the log-ins, by account. `seen` are events as (ms UTC, user id, name)."""

    def __init__(
        self, truth: Mapping[str, pa.Table], seen: Iterable[tuple[int, str | None, str | None]]
    ) -> None:
        self.accounts = truth["accounts"].to_pylist()
        self._episodes = truth["episodes"].to_pylist()
        people = truth["people"].to_pylist()
        self.account_of = {row["user_id"]: row["account_id"] for row in people}
        self.owners = {row["user_id"] for row in people if row["is_owner"]}
        self.log_ins: dict[str, list[int]] = {}
        self.end = 0
        first: dict[str, int] = {}
        for at, user, name in seen:
            self.end = max(self.end, at)
            account = self.account_of.get(str(user))
            if account is None:
                continue
            first[account] = min(first.get(account, at), at)
            if name == LOG_IN:
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


def alarms(
    hidden: Hidden, of: str, names: Sequence[str], segments: pa.Table, people: pa.Table, accounts: pa.Table
) -> list[Span]:
    """What the engine raised: stretches in segments, by account. Overlapping ones are one alarm."""
    if of == "person":
        rows = zip(people["subject"].to_pylist(), people["user_id"].to_pylist(), strict=True)
        whose = {subject: hidden.account_of[user] for subject, user in rows if user in hidden.owners}
    else:
        whose = dict(zip(accounts["subject"].to_pylist(), accounts["account_id"].to_pylist(), strict=True))
    changes = [
        {**row, "ms": ms}
        for row, ms in zip(
            segments.select(["n", "of", "subject", "segment", "change"]).to_pylist(),
            segments["time"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_pylist(), strict=True,
        )
        if row["of"] == of and row["segment"] in names
    ]  # fmt: skip
    changes.sort(key=lambda row: row["n"])
    return joined(memberships(changes, whose, hidden.end))


def joined(spans: Iterable[Span]) -> list[Span]:
    """Overlapping spans of an account as one."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and found[-1].account == span.account and span.start <= found[-1].end:
            found[-1] = found[-1]._replace(end=max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def compare(hidden: Hidden, raised: Mapping[str, Sequence[Span]]) -> Comparison:
    """Alarms by kind of episode against the truth, beside mail by the calendar (days 3, 7 and 14; a check-in
    each 30 days; an offer each 90) and a threshold on log-ins (nobody for 7 days, in the first 14 for 3; 20
    in 7 days: an offer).
    """
    starts, ends, log_ins = hidden.starts, hidden.ends, hidden.log_ins
    checked = list(calendar(starts, (), 30, ends))
    quiet = list(threshold(log_ins, starts, ends, window_days=7, fewer_than=1))
    by: dict[str, dict[str, Iterable[Span]]] = {
        "seven_stage": dict(raised),
        "calendar": {
            "stall": calendar(starts, (3, 7, 14), None, ends), "decline": checked,
            "expansion_need": calendar(starts, (), 90, ends),
        },
        "threshold": {
            "stall": threshold(log_ins, starts, ends, window_days=3, fewer_than=1, first_days=14),
            "decline": quiet, "expansion_need": threshold(log_ins, starts, ends, window_days=7, at_least=20),
        },
    }  # fmt: skip
    lost = hidden.episodes("decline", ended_by="churned")
    before = {"seven_stage": raised["decline"], "calendar": checked, "threshold": quiet}
    return Comparison(
        {way: {kind: noticed(by[way][kind], hidden.episodes(kind)) for kind in KINDS} for way in WAYS},
        {way: noticed(before[way], lost) for way in WAYS},
        noticed(raised["expansion_need"], hidden.episodes("decline")).right,
    )


def poor(found: Comparison) -> list[str]:
    """Plain sentences about where the pack is poor on this company."""
    said = []
    names = {"stall": "Stalls", "decline": "Declines", "expansion_need": "Needs of more"}
    for kind, name in names.items():
        own = found.found["seven_stage"][kind]
        if not own.episodes:
            false = f" {own.alarms} alarms met nothing." if own.alarms else ""
            said.append(f"{name}: the company hid none, so what would be missed is not known.{false}")
            continue
        if own.episodes < 20:
            said.append(f"{name}: {own.episodes} were hidden, so the shares are rough.")
        if own.alarms and own.precision < 0.5:
            said.append(f"{name}: {own.alarms - own.right} of {own.alarms} alarms met nothing hidden.")
        if own.noticed < own.episodes:
            said.append(f"{name}: {own.episodes - own.noticed} of {own.episodes} were not noticed.")
        for way in WAYS[1:]:
            other = found.found[way][kind]
            if other.f1 >= own.f1 and other.noticed:
                said.append(f"{name} are told no better than by a {way}.")
    if found.prompts_to_decliners:
        said.append(f"{found.prompts_to_decliners} upgrades were offered to accounts whose use was falling.")
    return said

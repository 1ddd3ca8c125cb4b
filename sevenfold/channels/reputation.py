"""How many mails a new sender may send each day, and when one that many complain about must stop. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct

WARM_UP: Final[tuple[int, ...]] = (
    *(50, 100, 200, 400, 700),
    *(1_000, 1_500, 2_200, 3_200, 4_600),
    *(6_500, 9_000, 12_500, 17_500, 25_000),
    *(35_000, 50_000, 70_000, 100_000, 140_000),
    *(200_000, 280_000, 400_000, 560_000, 800_000),
)
"""Mails on each day since the first, for a new domain or address: about half as many again each day. Our
judgement, slower than what providers publish for dedicated addresses at the beginning and equal to it after
two weeks.
"""


class Counts(Struct, frozen=True, kw_only=True):
    """What became of the mails of one channel in a window of time."""

    sent: int
    delivered: int = 0
    hard_bounced: int = 0
    """Addresses that do not exist."""
    blocked: int = 0
    """Refused by policy or reputation."""
    complained: int = 0


_BLOCKS: Final = frozenset(
    {
        *("policy", "blocked", "sender_auth", "content", "content_rejected", "virus_notification"),
    }
)
"""Reasons of outcomes that are about our reputation or our mails, not about one address."""


def count(outcomes: Iterable[tuple[str, str | None, bool, int]]) -> Counts:
    """Counts of a channel from its outcomes in a window: (outcome, reason, permanent, how many)."""
    found = dict.fromkeys(("sent", "delivered", "hard_bounced", "blocked", "complained"), 0)
    for outcome, reason, permanent, many in outcomes:
        if outcome in ("sent", "delivered", "complained"):
            found[outcome] += many
        elif outcome in ("bounced", "failed") and reason in _BLOCKS:
            found["blocked"] += many
        elif outcome == "bounced" and permanent:
            found["hard_bounced"] += many
    # A mail that the server refused at once was never `sent`; it was tried all the same.
    tried = max(found["sent"], found["delivered"] + found["hard_bounced"] + found["blocked"])
    return Counts(**{**found, "sent": tried})


class Thresholds(Struct, frozen=True, kw_only=True):
    """Shares at which to warn and to stop, and how many mails there must be before a share means anything.

    Complaints: Gmail and Yahoo ask to stay below 0.1 % and never to reach 0.3 %; Amazon reviews accounts at
    0.1 % and stops them at 0.5 %. Bounces: Amazon reviews at 5 % and stops at 10 %. Blocks: our judgement.
    """

    complaint_warning: float = 0.001
    complaint_pause: float = 0.003
    bounce_warning: float = 0.05
    bounce_pause: float = 0.10
    block_warning: float = 0.10
    block_pause: float = 0.30
    mails_min: int = 200
    """Fewer mails than this never pause a channel, unless `failures_min` of them went wrong in one way."""
    failures_min: int = 20


class Assessment(Struct, frozen=True, kw_only=True):
    """`action` for the channel, with the measure that asks for it and its share; words for people."""

    action: Literal["go", "warn", "pause"]
    measure: str = ""
    share: float = 0.0
    said: str = ""
    fix: str = ""


_FIXES: Final = {
    "complaints": "see which template and list they came from; send only to people who asked, less often",
    "bounces": "see where these addresses came from; verify addresses at sign-up, and import suppressions",
    "blocks": "check the sending domain, and whether its addresses are on a block list",
}
_NAMES: Final = {"complaints": "complained", "bounces": "do not exist", "blocks": "were blocked"}


def verdict(counts: Counts, thresholds: Thresholds | None = None) -> Assessment:
    """Whether a channel may go on, by what became of its mails in one window. Stopping goes before warning,
    and of several measures the one furthest over its threshold is named.
    """
    limits = thresholds or Thresholds()
    arrived = max(counts.delivered, counts.sent - counts.hard_bounced - counts.blocked, 1)
    measures = (
        ("complaints", counts.complained, arrived, limits.complaint_warning, limits.complaint_pause),
        ("bounces", counts.hard_bounced, max(counts.sent, 1), limits.bounce_warning, limits.bounce_pause),
        ("blocks", counts.blocked, max(counts.sent, 1), limits.block_warning, limits.block_pause),
    )
    found: list[tuple[bool, float, Assessment]] = []
    for name, wrong, all_, warning, pause in measures:
        share = wrong / all_
        if share < warning or (counts.sent < limits.mails_min and wrong < limits.failures_min):
            continue
        stop = share >= pause
        said = f"{wrong:,} of {all_:,} mails ({share:.2%}) {_NAMES[name]}"
        action: Literal["warn", "pause"] = "pause" if stop else "warn"
        told = Assessment(action=action, measure=name, share=share, said=said, fix=_FIXES[name])
        found.append((stop, share / (pause if stop else warning), told))
    return max(found, key=lambda one: one[:2])[2] if found else Assessment(action="go")


def allowance(day: int, schedule: tuple[int, ...] = WARM_UP) -> int | None:
    """How many mails a sender may send on a day since its first (0, 1, ...); None: as many as it likes."""
    assert day >= 0, day
    return schedule[day] if day < len(schedule) else None


def days_for(mails: int, schedule: tuple[int, ...] = WARM_UP) -> int:
    """How many days it takes to send so many mails once, from the first day on."""
    left = mails
    for day, allowed in enumerate(schedule):
        left -= allowed
        if left <= 0:
            return day + 1
    return len(schedule) + -(-left // schedule[-1])

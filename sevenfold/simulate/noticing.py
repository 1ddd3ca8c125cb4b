"""Was it noticed? What an engine, a calendar or a threshold raised, held against what was hidden.

An *alarm* lasts from when it was raised until it was taken back. It is right when it overlaps an episode of
the hidden truth of the same account; an episode is noticed when an alarm overlaps it. Precision is the share
of alarms that are right, recall that of episodes noticed. The *lead* of a decline that ended in churn is the
time from its first alarm to the churn.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

DAY_MS = 86_400_000


class Span(NamedTuple):
    """A stretch of time of one account: ms UTC, both ends included."""

    account: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """``right`` of ``alarms`` met an episode; ``noticed`` of ``episodes`` met an alarm; the median of the
    days from an episode's start to its first alarm, and from there to its end, over the noticed ones (None:
    none).
    """

    alarms: int
    right: int
    episodes: int
    noticed: int
    delay_days: float | None
    lead_days: float | None

    @property
    def precision(self) -> float:
        """Share of alarms that are right; 0 without alarms."""
        return self.right / self.alarms if self.alarms else 0.0

    @property
    def recall(self) -> float:
        """Share of episodes that are noticed; 0 without episodes."""
        return self.noticed / self.episodes if self.episodes else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def noticed(alarms: Iterable[Span], episodes: Iterable[Span]) -> Noticed:
    """How well ``alarms`` met ``episodes``."""
    raised, hidden = list(alarms), list(episodes)
    by_alarm, by_episode = _by_account(raised), _by_account(hidden)
    right = sum(any(_overlap(alarm, one) for one in by_episode.get(alarm.account, ())) for alarm in raised)
    firsts = [
        (max(min(met), episode.start), episode)
        for episode in hidden
        if (met := [one.start for one in by_alarm.get(episode.account, ()) if _overlap(one, episode)])
    ]
    return Noticed(
        len(raised), right, len(hidden), len(firsts),
        _median([(first - episode.start) / DAY_MS for first, episode in firsts]),
        _median([(episode.end - first) / DAY_MS for first, episode in firsts]),
    )  # fmt: skip


def memberships(
    changes: Iterable[Mapping[str, Any]], accounts: Mapping[str, str], until: int
) -> Iterator[Span]:
    """The stretches that subjects spent in segments. ``changes`` have ``subject``, ``segment``, ``change``
    (``entered`` or ``left``) and ``ms``, in order; ``accounts`` gives the account of a subject, and leaves
    out those who do not count. What is not left lasts ``until``.
    """
    entered: dict[tuple[str, str], int] = {}
    for change in changes:
        key = (change["subject"], change["segment"])
        if change["subject"] not in accounts:
            continue
        if change["change"] == "entered":
            entered[key] = change["ms"]
        elif key in entered:
            yield Span(accounts[key[0]], entered.pop(key), change["ms"])
    for (subject, _), start in entered.items():
        yield Span(accounts[subject], start, until)


# ------------------------------------------------------------------------------------- what it is compared
# with


def calendar(
    starts: Mapping[str, int], days: Sequence[int], every: int | None, until: Mapping[str, int]
) -> Iterator[Span]:
    """A drip: an alarm ``days`` after each account's start, and then each ``every`` days until it ends."""
    for account, start in starts.items():
        due = [start + day * DAY_MS for day in days]
        if every is not None:
            last = due[-1] if due else start
            due += range(last + every * DAY_MS, until[account], every * DAY_MS)
        yield from (Span(account, at, at) for at in due if at < until[account])


def threshold(
    log_ins: Mapping[str, Sequence[int]], starts: Mapping[str, int], until: Mapping[str, int], *,
    window_days: int, fewer_than: int | None = None, at_least: int | None = None,
    first_days: int | None = None,
) -> Iterator[Span]:  # fmt: skip
    """A fixed threshold: an alarm while an account has ``fewer_than`` or ``at_least`` so many log-ins in the
    last ``window_days``; with ``first_days`` only so long after its start. ``log_ins`` are ms, ascending.
    """
    window = window_days * DAY_MS
    for account, start in starts.items():
        end = until[account] if first_days is None else min(until[account], start + first_days * DAY_MS)
        times = [at for at in log_ins.get(account, ()) if at < end]
        moments = sorted(
            [*((at, 1) for at in times), *((at + window, -1) for at in times), (start + window, 0)]
        )
        count, since = 0, None
        for at, change in moments:
            count += change
            if at < start + window or at >= end:
                continue
            raised = (fewer_than is not None and count < fewer_than) or (
                at_least is not None and count >= at_least
            )
            if raised and since is None:
                since = at
            elif not raised and since is not None:
                yield Span(account, since, at)
                since = None
        if since is not None:
            yield Span(account, since, end)


def _by_account(spans: Iterable[Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.account, []).append(span)
    return found


def _overlap(a: Span, b: Span) -> bool:
    return a.start <= b.end and b.start <= a.end


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None

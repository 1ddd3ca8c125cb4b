"""Frequency caps: how many messages a person gets in a rolling window, or in a calendar day, week or
month.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from ..journeys.civil import add_months, civil
from ..journeys.times import NEVER, at_local, local
from ..journeys.zones import DAY, Zone
from ..profiles.expressions import parse_duration
from .channels import Holds
from .ledger import CODE_BITS, CODE_MASK, Kind, Ledger, after
from .policy import Cap

Over = Literal["drop", "defer", "next"]
_LONGEST: dict[str, int] = {"day": 2 * DAY, "week": 8 * DAY, "month": 32 * DAY}
"""More than any such period lasts, whatever clocks do."""


class CompiledCap:
    """One cap. `bit` is its place in the masks of kinds; conditions get functions in `finish`."""

    __slots__ = (
        *("_period_known", "bit", "in_stage", "kind_of", "limits", "longest", "model", "name", "per"),
        "zone",
    )

    def __init__(
        self, name: str, model: Cap, place: int, zone: Zone, kind_of: Callable[[str], str | None]
    ) -> None:
        self.name, self.model, self.bit, self.zone = name, model, 1 << place, zone
        self.kind_of = kind_of
        """The kind of a channel, by its name."""
        self._period_known = (0, 0)
        """The calendar period asked about last."""
        self.per = parse_duration(model.per) if model.per is not None else 0
        self.longest = self.per or _LONGEST[model.calendar or "month"]
        """No message older than this counts."""
        self.in_stage: Holds | None = None
        """Whether the person is in the stages the cap is for; None: it is for all."""
        self.limits: list[tuple[Holds, int]] = []
        """Limits of segments, in written order."""

    def covers(self, kind: Kind) -> bool:
        """Whether a message of this kind is in the cap's scope (and was in its stages when it was
        decided).
        """
        model = self.model
        return (
            (model.channel is None or model.channel in (kind.channel, self.kind_of(kind.channel)))
            and (model.category is None or model.category == kind.category)
            and (model.tag is None or model.tag in kind.tags)
            and (model.journey is None or model.journey == kind.journey)
            and (not kind.transactional or model.transactional)
            and (not model.stage or self.name in kind.stages)
        )

    def limit(self, row: int) -> int:
        """The limit for a person: that of the first segment they are in, else the cap's."""
        for holds, limit in self.limits:
            if holds(row):
                return limit
        return self.model.limit

    @property
    def least(self) -> int:
        """The smallest limit that may hold for anybody."""
        return min([self.model.limit, *self.model.limits.values()])

    def full_until(self, t: int, limit: int, ledgers: Sequence[Ledger], masks: Sequence[int]) -> int | None:
        """None when there is room at `t` for one more; else when there will be (`NEVER`: with a limit of
        0).
        """
        starts = [after(ledger, self.since(t) - 1) if len(ledger) else 0 for ledger in ledgers]
        if sum(map(len, ledgers)) - sum(starts) < limit:
            return None
        counted: list[int] = []
        bit = self.bit
        for ledger, start in zip(ledgers, starts, strict=True):
            for entry in ledger[start:]:
                if masks[entry & CODE_MASK] & bit:
                    counted.append(entry >> CODE_BITS)
        if len(counted) < limit:
            return None
        if limit <= 0:
            return NEVER
        if not self.per:
            return self._period(t, 1)
        return sorted(counted)[len(counted) - limit] + self.per

    def since(self, t: int) -> int:
        """The earliest time that counts at `t`."""
        if self.per:
            return t - self.per + 1
        start, end = self._period_known
        if not start <= t < end:
            start, end = self._period_known = self._period(t, 0), self._period(t, 1)
        return start

    def _period(self, t: int, later: int) -> int:
        """When the calendar period around `t` began, or the one `later` periods after it will."""
        day = local(t, self.zone).day
        if self.model.calendar == "month":
            first = day - civil(day)[2] + 1
            return at_local(add_months(first, later), 0, self.zone)
        if self.model.calendar == "week":
            return at_local(day - (day + 3) % 7 + 7 * later, 0, self.zone)
        return at_local(day + later, 0, self.zone)

"""One subject at risk: through touches to recovery that lasts, or to its loss. Pure."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from .times import NEVER

SAVED = "saved"
LOST = "save_lost"
UNTOUCHED = "recovered_untouched"


class Touch(NamedTuple):
    """A message that was sent or a task that was opened or closed, at an instant."""

    at: int
    kind: str
    """`message` or `task`."""
    name: str
    """The template, or the kind of task."""
    id: str
    """The id of the effect."""


class Rules(NamedTuple):
    """A save's times in ms: recovery within so long after the touch, and kept for so long."""

    within: int
    held: int


class Episode(msgspec.Struct, kw_only=True):
    """A subject at risk. Times are ms UTC."""

    id: str
    since: int
    at_risk: bool = True
    """Whether it still is."""
    good: bool = False
    """Whether the condition of recovery holds, since whenever."""
    touch: Touch | None = None
    """The last touch since."""
    would: Touch | None = None
    """The last touch that a ghost did not get."""
    recovered: int | None = None
    """Since when it has been recovered."""
    credit: Touch | None = None
    """The touch that the recovery follows."""
    would_credit: Touch | None = None
    lost: bool = False
    """Given up; another touch is another attempt as long as it is at risk."""
    over: bool = False
    """Recovered for good, and at risk all the same: nothing more is decided until it no longer is."""
    due: int = NEVER

    def touched(self, touch: Touch, ghost: bool) -> None:
        """A touch; for one given up it is another attempt."""
        if self.over:
            return
        if self.lost:
            self.lost, self.since = False, touch.at
        if ghost:
            self.would = touch
        else:
            self.touch = touch

    def recovers(self, t: int, rules: Rules) -> bool:
        """The subject recovered; False for one that was recovered the moment it came to be at risk."""
        if self.lost or self.over or t <= self.since:
            return False
        self.recovered = t
        self.credit = _within(self.touch, t, rules)
        self.would_credit = _within(self.would, t, rules)
        return True

    def lapses(self) -> None:
        """The subject is no longer recovered, before it was for long enough."""
        self.recovered = self.credit = self.would_credit = None

    def next_due(self, t: int, rules: Rules) -> int:
        """When something is decided if nothing happens; never now."""
        if self.lost or self.over:
            return NEVER
        if self.recovered is not None:
            return max(self.recovered + rules.held, t + 1)
        last = max(self.since, *(touch.at for touch in (self.touch, self.would) if touch is not None), 0)
        return max(last + rules.within, t + 1)

    def verdict(self) -> str:
        """What is decided when it is due."""
        if self.recovered is None:
            return LOST
        return SAVED if self.credit is not None else UNTOUCHED


def _within(touch: Touch | None, t: int, rules: Rules) -> Touch | None:
    return touch if touch is not None and t - touch.at <= rules.within else None


def joined(mine: Episode, theirs: Episode) -> Episode:
    """The winner's episode when two people turn out to be one: since the earlier, with the later touches."""
    if theirs.lost or theirs.over:
        return mine
    if mine.lost or mine.over:
        mine.lost = mine.over = False
        mine.since, mine.touch, mine.would = theirs.since, theirs.touch, theirs.would
    else:
        mine.since = min(mine.since, theirs.since)
        mine.touch, mine.would = _last(mine.touch, theirs.touch), _last(mine.would, theirs.would)
    return mine


def _last(one: Touch | None, other: Touch | None) -> Touch | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda touch: touch.at)


__all__ = ["LOST", "SAVED", "UNTOUCHED", "Episode", "Rules", "Touch", "joined"]

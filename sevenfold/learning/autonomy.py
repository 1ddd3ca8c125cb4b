"""How far a choice moves by itself: off, suggest, or act within bounds; each move with its reason.

The reason of a move names the way that gained most and the one that lost most, with what is known of both,
so that whoever reads the change log can judge it without the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from .bandits import DAY, MILLION, changed, percent, toward
from .guard import Seen, said

SUGGESTED_SHARE_MIN: Final = 10_000
"""Millionths that must change hands for a suggestion to be worth somebody's time."""
MOVED_SHARE_MIN: Final = 1_000
"""Millionths below which shares are left as they are."""
REFUSED_SHARE_MIN: Final = 50_000
"""Millionths by which a suggestion must differ from one that was refused."""
Shares = dict[str, int]


class Suggestion(msgspec.Struct, array_like=True):
    """What is proposed to people: shares by name, or of a next best action the version of its policy."""

    id: str
    t: int
    to: Shares
    because: str
    version: str = ""


class Allowance(msgspec.Struct, array_like=True):
    """How much of the shares may still change hands today."""

    day: int = 0
    moved: int = 0

    def left(self, t: int, most: int) -> int:
        """Millionths that may still change hands on the day of `t`."""
        return most - (self.moved if self.day == t // DAY else 0)

    def spend(self, t: int, moved: int) -> None:
        """So many have."""
        before = self.moved if self.day == t // DAY else 0
        self.day, self.moved = t // DAY, before + moved


def step(now: Shares, wanted: Shares, allowance: Allowance, t: int, most: int) -> Shares:
    """The shares after as much of the move as today allows, which is spent."""
    names = list(now)
    before, after = [now[name] for name in names], [wanted[name] for name in names]
    if changed(before, after) < MOVED_SHARE_MIN:
        return dict(now)
    found = toward(before, after, allowance.left(t, most))
    allowance.spend(t, changed(before, found))
    return dict(zip(names, found, strict=True))


def moved(now: Mapping[str, int], wanted: Mapping[str, int]) -> int:
    """Millionths that change hands between shares of the same names."""
    return changed(list(now.values()), [wanted[name] for name in now])


def because(now: Shares, to: Shares, seen: Mapping[str, Seen], best: Sequence[int] | None = None) -> str:
    """`moved 10% from a to b because ...`, of shares that differ."""
    gained = max(now, key=lambda name: to[name] - now[name])
    lost = min(now, key=lambda name: to[name] - now[name])
    text = f"move {percent(moved(now, to))} from {lost} to {gained} because "
    if best is not None:
        text += f"{gained} is the best with a probability of {percent(best[list(now).index(gained)])}; "
    rates = (f"{name} {said(seen.get(name, Seen()))}" for name in (gained, lost))
    return f"{text}rewarded were {', '.join(rates)}"


def past(text: str) -> str:
    """The same sentence of a move that was made."""
    return f"moved{text.removeprefix('move')}"


def worth_telling(now: Shares, to: Shares, pending: Shares | None, refused: Shares | None) -> bool:
    """Whether a suggestion differs enough: from what is, from the one that waits, from one refused."""
    if moved(now, to) < SUGGESTED_SHARE_MIN:
        return False
    if pending is not None and pending.keys() == to.keys() and moved(pending, to) < SUGGESTED_SHARE_MIN:
        return False
    same = refused is not None and refused.keys() == to.keys()
    return not (same and refused is not None and moved(refused, to) < REFUSED_SHARE_MIN)


__all__ = [
    "MILLION",
    "Allowance",
    "Shares",
    "Suggestion",
    "because",
    "moved",
    "past",
    "step",
    "worth_telling",
]

"""The course of one broadcast: who gets what and when, tests and winners, pauses. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from ..limits import BROADCAST_EXCESS_PER_HUNDRED_MAX
from ..messages.holdouts import PLACES, draw
from .times import NEVER

State = Literal["planned", "scheduled", "sending", "testing", "paused", "done", "cancelled", "refused"]
"""`planned`: nobody has acknowledged its size. `testing`: the test is out, and the winner not known."""


def too_many(size: int, acknowledged: int) -> bool:
    """Whether an audience is more than a tenth larger than its author was shown."""
    return size * 100 > acknowledged * (100 + BROADCAST_EXCESS_PER_HUNDRED_MAX)


def paced(instants: Iterable[int], pace: tuple[int, int] | None, start: int) -> array[int]:
    """When each starts, given when each might (ascending): at most `n` in any `per` ms, evenly spread.

    `pace` is (n, per); without one everybody starts when they might. Nobody starts before `start`.
    """
    found = array("q")
    if pace is None:
        found.extend(max(at, start) for at in instants)
        return found
    n, per = pace
    # Counted in n-ths of a millisecond, so that a pace that does not divide its time loses nothing.
    earliest = start * n
    for at in instants:
        earliest = max(at * n, earliest)
        found.append(-(-earliest // n))
        earliest += per
    return found


def places_of(shares: Sequence[float]) -> list[int]:
    """Where each variant's places end, of 10,000; the last ends at 10,000 whatever is missing."""
    total, whole, ends = 0.0, sum(shares), []
    for share in shares:
        total += share
        ends.append(round(total / whole * PLACES))
    return [*ends[:-1], PLACES]


def variant_of(name: str, unit_id: str, ends: Sequence[int]) -> int:
    """The variant (from 0) that a person draws."""
    place = draw(f"broadcast {name} variant", unit_id)
    return next(index for index, end in enumerate(ends) if place < end)


def in_test(name: str, unit_id: str, test_share: float) -> bool:
    """Whether a person is among those on whom the variants are tested."""
    return draw(f"broadcast {name} test", unit_id) < round(test_share * PLACES / 100)


def winner(sent: Sequence[int], won: Sequence[int]) -> int:
    """The variant with the highest share of successes among its sent messages; of equal ones the first."""
    best = 0
    for index in range(1, len(sent)):
        if won[index] * max(sent[best], 1) > won[best] * max(sent[index], 1):
            best = index
    return best


class Sending(msgspec.Struct, kw_only=True):
    """The state of one broadcast. Times are ms UTC."""

    state: State = "planned"
    acknowledged: int = 0
    at: int = 0
    """When its audience is (or was) taken."""
    due: int = NEVER
    """What its timer waits for."""
    size: int = 0
    rows: bytes = b""
    """Of this phase: who (int32), with what (int8), when (int64); those who had it are before `next`."""
    variants: bytes = b""
    dues: bytes = b""
    next: int = 0
    rest: bytes = b""
    """Rows that get the winner."""
    decide: int = NEVER
    """When the winner is decided."""
    paused: str = ""
    """The state to go on in."""
    started: int = 0
    left_out: dict[str, int] = {}
    """Who was in the audience and did not start, by reason."""
    sent: list[int] = []
    won: list[int] = []

    def plan(self, rows: Sequence[int], variants: Sequence[int], dues: array[int]) -> None:
        """These people get it next, in this order."""
        self.rows, self.variants = array("i", rows).tobytes(), array("b", variants).tobytes()
        self.dues, self.next = dues.tobytes(), 0

    def waiting(self) -> list[tuple[int, int, int]]:
        """(row, variant, due) of those who have not started yet."""
        columns = (array("i", self.rows), array("b", self.variants), array("q", self.dues))
        return list(zip(*(column[self.next :] for column in columns), strict=True))

    def next_due(self) -> int:
        """When the next person starts; NEVER when all have."""
        dues = memoryview(self.dues).cast("q")
        return dues[self.next] if self.next < len(dues) else NEVER

    def at_hand(self) -> tuple[int, int]:
        """(row, variant) of the next person, who is taken off the plan."""
        place, self.next = self.next, self.next + 1
        return memoryview(self.rows).cast("i")[place], self.variants[place]

    def leave_out(self, reason: str) -> None:
        """Somebody of the audience does not start."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1

    def told(self) -> dict[str, Any]:
        """What effects say of it."""
        return {"state": self.state, "size": self.size, "started": self.started, "left_out": self.left_out}


__all__ = ["Sending", "State", "in_test", "paced", "places_of", "too_many", "variant_of", "winner"]

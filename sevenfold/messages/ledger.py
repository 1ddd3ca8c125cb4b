"""The ledger: which messages took a place in a person's attention, and when.

A ledger is a sorted array of integers, one a message: its time (ms UTC) above the code of its kind. It is
pruned to the longest time anything asks about, so it stays as short as the policy is strict.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..errors import SevenfoldError
from ..limits import LEDGER_KINDS_ENTRIES_MAX

CODE_BITS = 18
CODE_MASK = (1 << CODE_BITS) - 1
assert LEDGER_KINDS_ENTRIES_MAX <= 1 << CODE_BITS

Ledger = Any
"""array('q'), sorted. An empty one may be any empty sequence."""
NONE: Ledger = ()


class LedgerError(SevenfoldError):
    """A workspace makes more kinds of message than ledgers tell apart."""

    code = "ledger_full"


class Kind(NamedTuple):
    """What is remembered of a message besides its time."""

    journey: str
    step: str
    template: str
    channel: str
    category: str | None
    topic: str | None
    intent: str | None
    tags: tuple[str, ...]
    transactional: bool
    stages: tuple[str, ...] = ()
    """Caps for people in certain stages in whose scope the message was when it was decided."""


class Kinds:
    """Every kind met so far, by code in order of first sight. `caps_of` says in the scope of which caps one
    is.
    """

    def __init__(self, caps_of: Callable[[Kind], int]) -> None:
        self.all: list[Kind] = []
        self.caps: list[int] = []
        """A bit for each cap, by code."""
        self._caps_of = caps_of
        self._codes: dict[Kind, int] = {}

    def code(self, kind: Kind) -> int:
        """The code of a kind. Raises LedgerError."""
        found = self._codes.get(kind)
        if found is None:
            if len(self.all) >= LEDGER_KINDS_ENTRIES_MAX:
                raise LedgerError(f"more than {LEDGER_KINDS_ENTRIES_MAX} kinds of message")
            found = self._codes[kind] = len(self.all)
            self.all.append(kind)
            self.caps.append(self._caps_of(kind))
        return found

    def dump(self) -> Any:
        return [list(kind) for kind in self.all]

    def load(self, held: Iterable[Any]) -> None:
        """What `dump` gave."""
        self.all, self.caps, self._codes = [], [], {}
        for fields in held:
            values: list[Any] = [tuple(one) if isinstance(one, list) else one for one in fields]
            self.code(Kind(*values))


def reserved(ledger: Ledger | None, t: int, code: int, horizon_ms: int) -> Ledger:
    """The ledger with a message at `t` more, without what is older than the horizon."""
    kept = array("q", ledger[after(ledger, t - horizon_ms) :] if ledger else ())
    insort(kept, t << CODE_BITS | code)
    return kept


def released(ledger: Ledger | None, t: int, code: int) -> bool:
    """Takes a message out again; False when it is not there (any more)."""
    entry = t << CODE_BITS | code
    place = bisect_left(ledger, entry) if ledger else 0
    if not ledger or place == len(ledger) or ledger[place] != entry:
        return False
    ledger.pop(place)
    return True


def united(one: Ledger | None, other: Ledger | None) -> Ledger | None:
    """Both ledgers together."""
    if not one or not other:
        return one or other or None
    return array("q", sorted([*one, *other]))


def after(ledger: Ledger, t: int) -> int:
    """The place of the first message later than `t`."""
    return bisect_right(ledger, t << CODE_BITS | CODE_MASK)


def latest(ledgers: Iterable[Ledger], since: int, chosen: Callable[[int], Any]) -> int | None:
    """When the newest message of the chosen codes was reserved, if at or after `since`."""
    newest: int | None = None
    for ledger in ledgers:
        for place in range(len(ledger) - 1, -1, -1):
            entry = ledger[place]
            t = entry >> CODE_BITS
            if t < since or (newest is not None and t <= newest):
                break
            if chosen(entry & CODE_MASK):
                newest = t
                break
    return newest

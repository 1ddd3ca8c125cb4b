"""Tables of splits: 10,000 places, each belonging to a path; changed shares move the fewest places."""

from __future__ import annotations

from typing import Any

from ..messages.holdouts import PLACES

Shares = dict[str, int]
"""Places of each path, in written order; they add up to 10,000."""


class Splits:
    """The tables of a fold's splits. State is the shares that each salt has had, in order."""

    def __init__(self) -> None:
        self.history: dict[str, list[Shares]] = {}

    def table(self, salt: str, shares: Shares) -> bytes:
        """The path (its place in `shares`) of each of the 10,000 places. New shares follow the latest
        ones.
        """
        past = self.history.setdefault(salt, [])
        if shares not in past:
            past.append(shares)
        owners = initial(past[0])
        for later in past[1 : past.index(shares) + 1]:
            owners = changed(owners, later)
        names = list(shares)
        return bytes(names.index(owner) for owner in owners)

    def dump(self) -> Any:
        return [[salt, [list(one.items()) for one in past]] for salt, past in self.history.items()]

    def load(self, held: Any) -> None:
        self.history = {salt: [dict(one) for one in past] for salt, past in held}


def initial(shares: Shares) -> list[str]:
    """Each path as many places as its share, in written order."""
    owners = [name for name, places in shares.items() for _ in range(places)]
    assert len(owners) == PLACES, "shares add up to 100 per cent"
    return owners


def changed(owners: list[str], shares: Shares) -> list[str]:
    """Paths that lose give up their highest places; paths that gain take the free ones, lowest first, in
    written order.
    """
    made: list[str | None] = list(owners)
    for name in dict.fromkeys(owners):
        held = [place for place, owner in enumerate(owners) if owner == name]
        for place in held[shares.get(name, 0) :]:
            made[place] = None
    free = iter([place for place, owner in enumerate(made) if owner is None])
    for name, places in shares.items():
        for _ in range(places - sum(owner == name for owner in made)):
            made[next(free)] = name
    return [owner for owner in made if owner is not None]

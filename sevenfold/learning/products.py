"""What goes with what somebody bought or read: affinities of items by the baskets they were in together.

Two items that are in baskets a and b times, and in c together, have the affinity c / sqrt(ab), the cosine of
their baskets (Sarwar et al., WWW 2001; Linden, Smith and York, IEEE Internet Computing 2003), times
c / (c + hold): what was seen together once is luck (Bell and Koren, ICDM 2007). Lift, c over what chance
would have, stands beside it for people to read. A person's items count by how long ago they were taken. Where
that names too few, the most popular of the categories they take from follow, then the most popular of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]

from .encoding import Floats

Ints = NDArray[np.int64]
Reason = Literal["together", "category", "popular"]
HOLD: Final = 5.0
"""Baskets in common at which an affinity counts half: our judgement."""
HALF_LIFE_DAYS: Final = 90.0
"""After how many days an item of somebody's counts half: our judgement."""
POPULAR_DAYS: Final = 60.0
"""After how many days a purchase by anybody counts half for what is popular: our judgement."""
DAY_MS: Final = 86_400_000


@dataclass(frozen=True)
class Taken:
    """Who took what when, a row an item of a basket, all (n,): numbers of people, baskets and items, ms."""

    person: Ints
    basket: Ints
    item: Ints
    time: Ints
    items: list[str]
    people: list[str]
    category: Ints | None = None
    """The category of each of ``items``, -1 for none."""

    def take(self, rows: NDArray[np.bool_]) -> Taken:
        """Some of the rows; people and items keep their numbers."""
        return Taken(
            self.person[rows], self.basket[rows], self.item[rows], self.time[rows], self.items, self.people,
            self.category,
        )  # fmt: skip


class Suggested(NamedTuple):
    """One item for somebody: its number, why, the item of theirs it goes with (-1: none), and the lift."""

    item: int
    reason: Reason
    because: int
    lift: float


class Together:
    """Affinities and popularity as of a moment, learned from what was taken until then."""

    def __init__(self, taken: Taken, now: int, *, hold: float = HOLD) -> None:
        self.taken, self.now = taken, now
        count = len(taken.items)
        _, basket = np.unique(taken.basket, return_inverse=True)
        held = _distinct(basket, taken.item, count)
        self.baskets = max(held.shape[0], 1)
        self.often = np.asarray(held.sum(axis=0)).ravel()
        both = (held.T @ held).tocoo()
        apart = both.row != both.col
        row, col, seen = both.row[apart], both.col[apart], both.data[apart]
        cosine = seen / np.sqrt(self.often[row] * self.often[col]) * seen / (seen + hold)
        self.affinity = sparse.csr_matrix((cosine, (row, col)), shape=(count, count))
        self._both = sparse.csr_matrix((seen, (row, col)), shape=(count, count))
        self.popular = self._popular()
        self._mine = self._by_person()

    def _popular(self) -> Floats:
        """How much each item is taken nowadays, each person counting once a day."""
        days = np.maximum(self.now - self.taken.time, 0) / DAY_MS
        day = self.taken.time // DAY_MS - int(self.taken.time.min(initial=0)) // DAY_MS
        span, count = int(day.max(initial=0)) + 1, len(self.taken.items)
        _, first = np.unique((self.taken.person * span + day) * count + self.taken.item, return_index=True)
        weight = 0.5 ** (days[first] / POPULAR_DAYS)
        return np.bincount(self.taken.item[first], weights=weight, minlength=count).astype(np.float64)

    def _by_person(self) -> Any:
        """How much each item still says of each person: (people, items), by the last time it was taken."""
        key = self.taken.person * len(self.taken.items) + self.taken.item
        order = np.lexsort([self.taken.time, key])
        last = order[np.append(np.diff(key[order]) != 0, True)] if len(order) else order
        days = np.maximum(self.now - self.taken.time[last], 0) / DAY_MS
        shape = (len(self.taken.people), len(self.taken.items))
        rows, columns = self.taken.person[last], self.taken.item[last]
        return sparse.csr_matrix((0.5 ** (days / HALF_LIFE_DAYS), (rows, columns)), shape=shape)

    def suggest(
        self, person: int, count: int, *, again: bool = False, barred: Sequence[int] = ()
    ) -> list[Suggested]:
        """The items for somebody, best first; without ``again`` none they have taken already. Whoever never
        took anything gets what is popular.
        """
        mine = self._mine[person]
        own = mine.indices
        closed = np.zeros(len(self.taken.items), dtype=bool)
        closed[list(barred)] = True
        if not again:
            closed[own] = True
        rows = self.affinity[own]
        near = np.asarray(rows.T @ mine.data, dtype=np.float64)
        near[closed] = 0.0
        best = self._best(near, count)
        sources = self._sources(own, rows, mine.data, best)
        found = [Suggested(item, "together", *why) for item, why in zip(best, sources, strict=True)]
        if len(found) < count and self.taken.category is not None:
            closed[[one.item for one in found]] = True
            found += self._of_categories(own, closed, count - len(found))
        if len(found) < count:
            closed[[one.item for one in found]] = True
            rest = self._best(np.where(closed, 0.0, self.popular), count - len(found))
            found += [Suggested(item, "popular", -1, 1.0) for item in rest]
        return found

    def _best(self, score: Floats, count: int) -> list[int]:
        """Items of the highest scores above 0; of equal ones the more popular, then the first by number."""
        open_ = np.flatnonzero(score > 0)
        order = np.lexsort([open_, -self.popular[open_], -score[open_]])[:count]
        return [int(one) for one in open_[order]]

    def _sources(self, own: Ints, rows: Any, weight: Floats, items: list[int]) -> list[tuple[int, float]]:
        """For each of ``items`` the item of theirs that speaks most for it, and the lift of the pair."""
        if not items:
            return []
        pull = rows[:, items].toarray() * weight[:, None]
        sources = [int(own[at]) for at in pull.argmax(axis=0)]
        return [(one, self._lift(one, item)) for one, item in zip(sources, items, strict=True)]

    def _lift(self, one: int, other: int) -> float:
        """How much more often two items were together than chance would have it."""
        both, chance = self._both[one, other], self.often[one] * self.often[other] / self.baskets
        return float(both) / max(float(chance), 1e-12)

    def _of_categories(self, own: Ints, closed: NDArray[np.bool_], count: int) -> list[Suggested]:
        category = self.taken.category
        assert category is not None
        of_own = category[own]
        share = np.bincount(of_own[of_own >= 0], minlength=int(category.max(initial=-1)) + 2).astype(float)
        likes = np.where(category >= 0, share[category], 0.0) * self.popular
        return [
            Suggested(item, "category", -1, 1.0) for item in self._best(np.where(closed, 0.0, likes), count)
        ]

    def most_popular(
        self, person: int, count: int, *, again: bool = False, barred: Sequence[int] = ()
    ) -> list[int]:
        """What everybody takes: the comparison that affinities have to beat."""
        open_ = self.popular.copy()
        open_[list(barred)] = 0.0
        if not again:
            open_[self._mine[person].indices] = 0.0
        return self._best(open_, count)

    def knows(self, person: int) -> bool:
        """Whether somebody took anything until now."""
        return bool(len(self._mine[person].indices))


def _distinct(basket: Ints, item: Ints, count: int) -> Any:
    held = sparse.csr_matrix(
        (np.ones(len(item)), (basket, item)), shape=(int(basket.max(initial=-1)) + 1, count)
    )
    held.data[:] = 1.0
    return held

"""What waits in the sender: lines of one person and channel, lanes of journeys, and times to come.

Only the first of a line is ever ready. Lanes are taken from in turn, so that a journey with a million
messages delays another's by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from .items import Group, Item


class Queues:
    """Items by group, journey and line. Whoever takes one gives it back (`again_at`) or ends it (`end`)."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self._lines: dict[tuple[str, bool, str, str], deque[Item]] = {}
        self._lanes: dict[Group, dict[str, deque[Item]]] = {}
        """What is ready, by journey; the first journey is the next one's turn."""
        self._counts: dict[Group, dict[str, int]] = {}
        self._members: dict[Group, dict[str, None]] = {}
        self._later: list[tuple[int, int, str]] = []
        self._ends: list[tuple[int, int, str]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self.items)

    def add(self, item: Item) -> bool:
        """One more, behind what is in its line; False when it is here already."""
        if item.effect in self.items:
            return False
        self.items[item.effect] = item
        counts = self._counts.setdefault(item.group, {})
        counts[item.journey] = counts.get(item.journey, 0) + 1
        self._members.setdefault(item.group, {})[item.effect] = None
        self._number += 1
        heappush(self._ends, (item.expires, self._number, item.effect))
        line = self._lines.setdefault(item.line, deque())
        line.append(item)
        if line[0] is item:
            self._ready(item)
        return True

    def take(self, group: Group, allowed: Callable[[Item], bool]) -> Item | None:
        """The next of a group, journeys in turn; one that is not `allowed` stays, and its journey waits."""
        lanes = self._lanes.get(group, {})
        for _ in range(len(lanes)):
            journey = next(iter(lanes))
            lane = lanes.pop(journey)
            while lane and (lane[0].state != "ready" or self.items.get(lane[0].effect) is not lane[0]):
                lane.popleft()
            item = lane.popleft() if lane and allowed(lane[0]) else None
            if lane:
                # Its turn comes after everybody else's.
                lanes[journey] = lane
            if item is not None:
                item.state = "busy"
                return item
        return None

    def again_at(self, item: Item, at: int) -> None:
        """What was taken waits until `at`; whatever is behind it in its line waits too."""
        if self.items.get(item.effect) is item:
            item.state = "later"
            self._number += 1
            heappush(self._later, (at, self._number, item.effect))

    def end(self, effect: str) -> Item | None:
        """Nothing more is to be done for it; the next of its line gets ready."""
        item = self.items.pop(effect, None)
        if item is None:
            return None
        counts = self._counts[item.group]
        del self._members[item.group][effect]
        counts[item.journey] -= 1
        if not counts[item.journey]:
            del counts[item.journey]
        line = self._lines[item.line]
        first = line[0] is item
        line.remove(item)
        if not line:
            del self._lines[item.line]
        elif first:
            self._ready(line[0])
        return item

    def pass_time(self, now: int) -> list[Item]:
        """What waited long enough gets ready; gives what has come to its end and nobody is at (taken:
        `busy`).
        """
        while self._later and self._later[0][0] <= now:
            item = self.items.get(heappop(self._later)[2])
            if item is not None and item.state == "later":
                self._ready(item)
        over = []
        while self._ends and self._ends[0][0] <= now:
            _, number, effect = heappop(self._ends)
            item = self.items.get(effect)
            if item is None:
                continue
            if item.state == "busy":
                # What is on its way may still arrive; it is looked at again when it is back.
                heappush(self._ends, (now + 1_000, number, effect))
            else:
                item.state = "busy"
                over.append(item)
        return over

    def next_time(self) -> int | None:
        """When `pass_time` has something to do."""
        times = [heap[0][0] for heap in (self._later, self._ends) if heap]
        return min(times) if times else None

    def groups(self) -> Iterator[Group]:
        """Groups with something ready, transactional ones first."""
        ready = [group for group, lanes in self._lanes.items() if lanes]
        return iter(sorted(ready, key=lambda group: (not group[1], group[0])))

    def first(self, group: Group) -> Iterator[Item]:
        """The first ready item of each journey."""
        for lane in self._lanes.get(group, {}).values():
            if lane:
                yield lane[0]

    def count(self, group: Group, journey: str | None = None) -> int:
        """How many of a group (and journey) are here."""
        if journey is None:
            return len(self._members.get(group, ()))
        return self._counts.get(group, {}).get(journey, 0)

    def journeys(self, group: Group) -> int:
        """How many journeys have something here."""
        return len(self._counts.get(group, {}))

    def of(self, group: Group) -> list[str]:
        """The effects of a group that are here."""
        return list(self._members.get(group, ()))

    def _ready(self, item: Item) -> None:
        item.state = "ready"
        self._lanes.setdefault(item.group, {}).setdefault(item.journey, deque()).append(item)


__all__ = ["Queues"]

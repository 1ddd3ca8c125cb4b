"""When what waits in the product to be shown comes to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from heapq import heappop, heappush
from typing import Any

from ...limits import SENDER_LEASES_ITEMS_MAX


class Leases:
    """Ends to come, the next first."""

    def __init__(self) -> None:
        self._ends: list[tuple[int, str]] = []
        self._until: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, until: int, effect: str) -> None:
        """One more, that ends at `until` (ms UTC). With too many those that end latest wait for the next
        start: nothing is shown beyond its time meanwhile.
        """
        self._until[effect] = until
        heappush(self._ends, (until, effect))
        if len(self._ends) > SENDER_LEASES_ITEMS_MAX:
            kept = sorted(end for end in self._ends if self._until.get(end[1]) == end[0])
            self._ends = kept[: SENDER_LEASES_ITEMS_MAX // 2]
            self._until = {effect: until for until, effect in self._ends}

    def end(self, effect: str) -> None:
        """It ended otherwise."""
        self._until.pop(effect, None)

    def due(self, now: int) -> list[str]:
        """What ends now."""
        found = []
        while self._ends and self._ends[0][0] <= now:
            until, effect = heappop(self._ends)
            if self._until.get(effect) == until:
                del self._until[effect]
                found.append(effect)
        return found

    async def recall(self, ask: Callable[..., Awaitable[Any]]) -> None:
        """Takes what the fold says is shown now."""
        after: str | None = None
        while True:
            page = await ask("leases", after=after)
            for effect, until in page["items"]:
                self.add(until, effect)
            after = page["next"]
            if after is None:
                return

    def next_time(self) -> int | None:
        """When the next one ends."""
        return self._ends[0][0] if self._ends else None


__all__ = ["Leases"]

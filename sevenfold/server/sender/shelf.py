"""What the sender leaves for others: where links lead, and what waits in the product to be shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from ...errors import SevenfoldError

_WAIT_MS: Final = 100
Pause = Callable[[SevenfoldError, int], Awaitable[int]]
"""Waits so many ms before something that failed is tried again; gives how long to wait the next time."""


class Shelf(Protocol):
    """The history's writer, as the sender uses it. What was added is there for readers after `commit`."""

    def add_links(self, effect: str, links: Sequence[tuple[str, int, str]]) -> None:
        """Where the links of a message lead: (link id, place in the message, URL)."""
        ...

    def add_lease(
        self,
        effect: str,
        person: str,
        channel: str,
        content: dict[str, Any],
        shown_from: int,
        shown_until: int | None,
    ) -> None:
        """A message that waits to be shown; once, however often it is added. Times are ms UTC."""
        ...

    def revoke_lease(self, effect: str) -> None:
        """The message is not shown any more."""
        ...

    def commit(self) -> None:
        """Stores what was added."""
        ...


class Shelved:
    """A shelf that is written by one at a time, for all who wait for it."""

    def __init__(self, shelf: Shelf, threads: bool) -> None:
        self._shelf, self._threads = shelf, threads
        self._lock = asyncio.Lock()
        self._added = self._stored = 0
        self.trouble = ""
        """The code of what keeps it from being written; empty: nothing does."""

    def add_links(self, effect: str, links: Sequence[tuple[str, int, str]]) -> None:
        self._shelf.add_links(effect, links)
        self._added += 1

    def add_lease(
        self, effect: str, person: str, channel: str, content: dict[str, Any], since: int, until: int
    ) -> None:
        self._shelf.add_lease(effect, person, channel, content, since, until)
        self._added += 1

    def revoke_lease(self, effect: str) -> None:
        self._shelf.revoke_lease(effect)

    async def stored(self, pause: Pause) -> None:
        """Returns once everything added before the call is stored, however long that cannot be."""
        wanted, wait = self._added, _WAIT_MS
        while self._stored < wanted:
            async with self._lock:
                if self._stored >= wanted:
                    return
                added = self._added
                try:
                    if self._threads:
                        # It waits for whoever else writes.
                        await asyncio.to_thread(self._shelf.commit)
                    else:
                        self._shelf.commit()
                    self._stored, self.trouble = added, ""
                    return
                except SevenfoldError as error:
                    self.trouble = error.code
                    wait = await pause(error, wait)


__all__ = ["Shelf", "Shelved"]

"""Figures that are dear to work out and looked at often: each is made once in a while, and says when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from ..live import Live

Make = Callable[[], Awaitable[Any]]


class Kept:
    """Values by name, for one service."""

    def __init__(self) -> None:
        self._held: dict[Any, tuple[int, Any]] = {}
        self._making: dict[Any, asyncio.Task[Any]] = {}

    async def value(self, name: Any, now: int, kept_ms: int, make: Make) -> tuple[int, Any]:
        """(since when, value), made anew when it is older than `kept_ms`. Whoever asks meanwhile waits for
        the same.
        """
        held = self._held.get(name)
        if held is not None and 0 <= now - held[0] < kept_ms:
            return held
        return await asyncio.shield(self._start(name, now, make))

    def soon(self, name: Any, now: int, kept_ms: int, make: Make) -> tuple[int, Any] | None:
        """(since when, value) as it is there, None when it is not yet; made anew beside when it is old."""
        held = self._held.get(name)
        if held is None or not 0 <= now - held[0] < kept_ms:
            self._start(name, now, make)
        return held

    def _start(self, name: Any, now: int, make: Make) -> asyncio.Task[Any]:
        task = self._making.get(name)
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = self._making[name] = asyncio.create_task(self._make(name, now, make))
            task.add_done_callback(lambda done: self._ended(name, done))
        return task

    async def _make(self, name: Any, now: int, make: Make) -> tuple[int, Any]:
        found = self._held[name] = (now, await make())
        return found

    def _ended(self, name: Any, task: asyncio.Task[Any]) -> None:
        if self._making.get(name) is task:
            del self._making[name]
        if not task.cancelled():
            # Looked at, so that nobody complains of an error that nobody waited for.
            task.exception()


_all: Final[WeakKeyDictionary[Live, Kept]] = WeakKeyDictionary()


def kept_of(live: Live) -> Kept:
    """What is kept for a service."""
    found = _all.get(live)
    if found is None:
        found = _all[live] = Kept()
    return found

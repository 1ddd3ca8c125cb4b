"""Keeps a `Standing` up to date from the history, and halts channels by it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Final

from ...errors import SevenfoldError
from ..history import History, Told
from ..live import Live
from .pacing import Time
from .sender import Sender
from .standing import WINDOW_MS, Standing

log = logging.getLogger("sevenfold.sender")
_EVERY_MS: Final = 5_000
_PAGE_ROWS: Final = 10_000
_MINUTE_MS: Final = 60_000


class Observer:
    """One for each sender. `recall` before it runs, `run` beside it."""

    def __init__(self, standing: Standing, history: History, live: Live, time: Time) -> None:
        self._standing, self._history, self._live, self._time = standing, history, live, time
        self._position = -1

    async def recall(self, sender: Sender) -> None:
        """What happened before this process: halts, the warm-up's day, and what rates have to remember."""
        self._standing.take_over(self._live.workspace.channels)
        page = await asyncio.to_thread(self._history.effects, kind="channel", limit=1_000)
        for effect in reversed(page.items):
            self._standing.take(effect)
        self._position = await asyncio.to_thread(self._history.told_before, self._time.now() - WINDOW_MS)
        channels: defaultdict[str, dict[int, int]] = defaultdict(dict)
        journeys: defaultdict[str, dict[int, int]] = defaultdict(dict)
        async for told in self._pages():
            self._standing.hear(told)
            self._standing.recall(told)
            for one in told:
                if one.outcome == "sent":
                    # At the end of its minute: it errs to the slow side.
                    minute = (one.time // _MINUTE_MS + 1) * _MINUTE_MS
                    for by, name in ((channels, one.via), (journeys, one.journey)):
                        by[name][minute] = by[name].get(minute, 0) + 1
        sender.recall(channels, journeys)

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            try:
                await self.look()
            except SevenfoldError as error:
                log.warning("how channels stand could not be looked at: %s", error.code)
            await self._time.wait(asyncio.Event(), self._time.now() + _EVERY_MS)

    async def look(self) -> None:
        """One look: what was told since the last, and what follows."""
        self._standing.take_over(self._live.workspace.channels)
        async for told in self._pages():
            self._standing.hear(told)
        for name, found in self._standing.assess(self._time.now()):
            log.warning("channel %s is halted: %s", name, found.said)
            await self._live.control(
                {"op": "channel", "name": name, "on": True, "held": found.measure, "said": found.said}
            )

    async def _pages(self) -> AsyncIterator[list[Told]]:
        while True:
            told: list[Told] = await asyncio.to_thread(self._history.told, self._position, _PAGE_ROWS)
            if not told:
                return
            self._position = told[-1].position
            yield told

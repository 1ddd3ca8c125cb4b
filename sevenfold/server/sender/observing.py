"""Keeps a `Standing` up to date from the history, and halts channels by it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
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
    """One for each sender, beside which it runs."""

    def __init__(self, standing: Standing, history: History, live: Live, time: Time) -> None:
        self._standing, self._history, self._live, self._time = standing, history, live, time
        self._position: int | None = None
        """What was told until there was heard; None: it is still being recalled."""
        self.recalled = asyncio.Event()

    async def recall(self, sender: Sender) -> None:
        """What happened before this process: halts at once; then, which may take a while where much was sent,
        the warm-up's day, what came back, and what rates have to remember.
        """
        self._standing.take_over(self._live.workspace.channels)
        page = await asyncio.to_thread(self._history.effects, kind="channel", limit=1_000)
        for effect in reversed(page.items):
            self._standing.take(effect)
        since = await asyncio.to_thread(self._history.told_before, self._time.now() - WINDOW_MS)
        through = await asyncio.to_thread(self._history.told_before, self._time.now() + WINDOW_MS)
        told = await asyncio.to_thread(self._history.told_by_minute, since, through)
        self._standing.hear(told)
        self._standing.recall(told)
        channels: defaultdict[str, Counter[int]] = defaultdict(Counter)
        journeys: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for one in told:
            if one.outcome == "sent":
                # At the end of its minute: it errs to the slow side.
                channels[one.via][one.time + _MINUTE_MS] += one.count
                journeys[one.journey][one.time + _MINUTE_MS] += one.count
        sender.recall(channels, journeys)
        self._position = through

    async def run(self, sender: Sender) -> None:
        """Recalls, and looks for ever."""
        while True:
            try:
                if self._position is None:
                    await self.recall(sender)
                    self.recalled.set()
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
            after = -1 if self._position is None else self._position
            told: list[Told] = await asyncio.to_thread(self._history.told, after, _PAGE_ROWS)
            if not told:
                return
            self._position = told[-1].position
            yield told

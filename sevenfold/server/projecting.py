"""Writes the history beside all else: effects as they come, records of the log as they become durable."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ..errors import SevenfoldError
from ..log.base import Readable
from .history import HistoryWriter
from .history.schema import HistoryGapError
from .live import Watched

log = logging.getLogger("sevenfold.history")
_READ_RECORDS = 64
_BATCHES_TOGETHER = 256
_AGAIN_S = 1.0
_PAUSE_S: Final = 0.0002
"""After each row."""
_PAUSE_S_MAX: Final = 0.2
_MANY: Final = 5_000
"""When so many wait there is no pause."""


class Projector:
    """Stores in a thread of its own; `stored` hears the number of the next effect wanted after a commit."""

    def __init__(self, writer: HistoryWriter, reader: Readable, stored: Callable[[int], None]) -> None:
        self._writer, self._reader, self._stored = writer, reader, stored
        self._effects: deque[Watched] = deque()
        self._durable = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, "history")
        self.error = ""

    def take(self, watched: Watched) -> None:
        """Effects, in order."""
        self._effects.append(watched)
        self._wake.set()

    def durable(self, position: int) -> None:
        """The log has everything before `position`."""
        self._durable = max(self._durable, position)
        self._wake.set()

    @property
    def behind(self) -> dict[str, int]:
        """How much waits."""
        return {"effects": len(self._effects), "records": max(self._durable - self._writer.position, 0)}

    async def run(self) -> None:
        """Stores for ever; what fails is tried again, and nothing is left out.

        What was stored in one go is followed by a pause in proportion: what comes meanwhile shares its pages
        and its way to the disk, which the log's commits want too.
        """
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._effects or self._writer.position < self._durable:
                self._idle.clear()
                before = self._writer.through + self._writer.position
                some = [self._effects.popleft() for _ in range(min(len(self._effects), _BATCHES_TOGETHER))]
                try:
                    through = await loop.run_in_executor(self._pool, self._store, some)
                except HistoryGapError:
                    # Nothing that comes later can be stored. Whoever begins anew asks for what is wanted
                    # next.
                    raise
                except SevenfoldError as error:
                    if error.message != self.error:
                        log.error("the history cannot be written: %s", error.message)
                    self.error = error.message
                    self._effects.extendleft(reversed(some))
                    await asyncio.sleep(_AGAIN_S)
                    continue
                self.error = ""
                self._stored(through)
                stored = through + self._writer.position - before
                if self._wanted < _MANY:
                    await asyncio.sleep(min(stored * _PAUSE_S, _PAUSE_S_MAX))
            self._idle.set()

    @property
    def _wanted(self) -> int:
        """How many batches of effects and positions of the log wait."""
        return len(self._effects) + self._durable - self._writer.position

    async def idle(self) -> None:
        """Waits until nothing waits."""
        await self._idle.wait()

    def _store(self, some: list[Watched]) -> int:
        writer = self._writer
        for watched in some:
            writer.take_effects(watched)
        before = writer.position
        if before < self._durable:
            writer.take_records(self._reader.read(before, _READ_RECORDS))
        writer.commit()
        return writer.through

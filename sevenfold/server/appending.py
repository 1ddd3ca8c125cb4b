"""Appending for everybody: one thread commits what has gathered, and nobody waits for a batch to fill.

While one group is on its way to the disk the next gathers, so commits are shared under load. What waits is
bounded in bytes; beyond the bound whoever comes is told to come again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ..errors import LogUnwritableError, SevenfoldError
from ..limits import COMMIT_EVENTS_MAX
from ..log.base import Log, New, NewControl, NewEvents, Receipt, check_new
from .live import BusyError, UnavailableError

log = logging.getLogger("sevenfold.log")
Durable = Callable[[Sequence[New], Sequence[Receipt]], None]
"""Told of what has just become durable, in order, before whoever asked is."""
_CONTROL_BYTES = 1_000


class _Waiting:
    """What one caller wants appended."""

    __slots__ = ("answer", "events", "new", "size")

    def __init__(
        self, new: Sequence[New], size: int, events: int, answer: asyncio.Future[list[Receipt]]
    ) -> None:
        self.new, self.size, self.events, self.answer = new, size, events, answer


class Appender:
    """Appends to `log`; `durable` hears of everything that has become durable."""

    def __init__(self, log: Log, waiting_bytes_max: int, durable: Durable) -> None:
        self._log = log
        self._max = waiting_bytes_max
        self._durable = durable
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._pool = ThreadPoolExecutor(1, "appender")
        self._task: asyncio.Task[None] | None = None
        self.waiting_bytes = 0
        self.commits = 0
        self.commit_ns = 0
        """Time spent in commits, for metrics."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="appender")

    async def append(self, new: Sequence[New]) -> list[Receipt]:
        """Durable when it returns. Raises BusyError, LogError and LogUnwritableError."""
        check_new(new)
        if self._stopping:
            raise UnavailableError("the service is stopping", fix="try again in a moment")
        size = events = 0
        for item in new:
            if isinstance(item, NewEvents):
                events += len(item.entries)
                size += sum(len(entry.raw) for entry in item.entries)
            else:
                size += _CONTROL_BYTES if isinstance(item, NewControl) else 0
        if self.waiting_bytes + size > self._max and self._waiting:
            raise BusyError
        answer: asyncio.Future[list[Receipt]] = asyncio.get_running_loop().create_future()
        self.waiting_bytes += size
        self._waiting.append(_Waiting(new, size, events, answer))
        self._wake.set()
        return await answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                group = self._group()
                new = [item for one in group for item in one.new]
                began = loop.time()
                try:
                    receipts = await loop.run_in_executor(self._pool, self._log.append, new)
                except SevenfoldError as error:
                    self._refuse(group, error)
                    continue
                except Exception as error:
                    # A defect of ours must not leave everybody waiting for ever.
                    log.critical("the log cannot be appended to: %s", type(error).__name__, exc_info=error)
                    self._refuse(group, LogUnwritableError("what came could not be stored"))
                    continue
                self.commits += 1
                self.commit_ns += int((loop.time() - began) * 1e9)
                self._durable(new, receipts)
                at = 0
                for one in group:
                    self.waiting_bytes -= one.size
                    if not one.answer.done():
                        one.answer.set_result(receipts[at : at + len(one.new)])
                    at += len(one.new)
            if self._stopping:
                return

    def _group(self) -> list[_Waiting]:
        group, events = [], 0
        while self._waiting and events < COMMIT_EVENTS_MAX:
            one = self._waiting.popleft()
            events += one.events
            group.append(one)
        return group

    def _refuse(self, group: list[_Waiting], error: SevenfoldError) -> None:
        for one in group:
            self.waiting_bytes -= one.size
            if not one.answer.done():
                one.answer.set_exception(error)

    async def stop(self) -> None:
        """Appends what waits, and takes nothing more."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._pool.shutdown()

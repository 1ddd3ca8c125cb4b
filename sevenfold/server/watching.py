"""The live stream of effects: what was emitted lately, and everybody who watches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from msgspec import Struct

from ..effects import Effect
from ..limits import WATCHER_BATCHES_ITEMS_MAX, WATCHERS_ITEMS_MAX
from .live import UnavailableError, Watched
from .wire import effects_of

_REMEMBERED_BATCHES = 512


class Batch(Struct):
    """Effects in order, decoded when the first watcher looks at them."""

    first: int
    count: int
    packed: bytes
    decoded: list[Effect] | None = None

    def watched(self) -> Watched:
        if self.decoded is None:
            self.decoded = effects_of(self.packed)
        return Watched(self.first, self.decoded)


class Stream:
    """Effects as they come, for any number of watchers; one that does not keep up is ended."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Batch | None]] = set()
        self._lately: deque[Batch] = deque(maxlen=_REMEMBERED_BATCHES)

    def give(self, batch: Batch) -> None:
        """Passes effects on to whoever watches."""
        self._lately.append(batch)
        for queue in list(self._queues):
            if queue.qsize() >= WATCHER_BATCHES_ITEMS_MAX:
                self._queues.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(batch)

    async def watch(self, kinds: frozenset[str] | None, after: int | None) -> AsyncIterator[Watched]:
        """As `Live.watch`. Raises UnavailableError when too many watch already."""
        if len(self._queues) >= WATCHERS_ITEMS_MAX:
            raise UnavailableError("too many watch already", fix="close other readers of the live stream")
        queue: asyncio.Queue[Batch | None] = asyncio.Queue()
        for one in self._lately if after is not None else ():
            if one.first + one.count > (after or 0):
                queue.put_nowait(one)
        self._queues.add(queue)
        try:
            while (batch := await queue.get()) is not None:
                found = batch.watched()
                if kinds is None:
                    yield found
                    continue
                for at, effect in enumerate(found.effects, found.first):
                    if effect.kind in kinds:
                        yield Watched(at, [effect])
        finally:
            self._queues.discard(queue)

    def end(self) -> None:
        """Ends all watchers."""
        for queue in self._queues:
            queue.put_nowait(None)
        self._queues.clear()

"""The live stream of effects: what was emitted lately, and everybody who watches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from ..limits import WATCHER_BATCHES_MAX, WATCHERS_MAX
from .live import UnavailableError, Watched

_REMEMBERED_BATCHES = 512


class Stream:
    """Effects as they come, for any number of watchers; one that does not keep up is ended."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Watched | None]] = set()
        self._lately: deque[Watched] = deque(maxlen=_REMEMBERED_BATCHES)

    def __bool__(self) -> bool:
        return bool(self._queues)

    def give(self, watched: Watched) -> None:
        """Passes effects on to whoever watches."""
        self._lately.append(watched)
        for queue in list(self._queues):
            if queue.qsize() >= WATCHER_BATCHES_MAX:
                self._queues.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(watched)

    async def watch(self, kinds: frozenset[str] | None, after: int | None) -> AsyncIterator[Watched]:
        """As `Live.watch`. Raises UnavailableError when too many watch already."""
        if len(self._queues) >= WATCHERS_MAX:
            raise UnavailableError("too many watch already", fix="close other readers of the live stream")
        queue: asyncio.Queue[Watched | None] = asyncio.Queue()
        if after is not None:
            for one in self._lately:
                if one.first + len(one.effects) > after:
                    queue.put_nowait(one)
        self._queues.add(queue)
        try:
            while (found := await queue.get()) is not None:
                if kinds is not None:
                    for at, effect in enumerate(found.effects, found.first):
                        if effect.kind in kinds:
                            yield Watched(at, [effect])
                else:
                    yield found
        finally:
            self._queues.discard(queue)

    def end(self) -> None:
        """Ends all watchers."""
        for queue in self._queues:
            queue.put_nowait(None)
        self._queues.clear()

"""How fast messages go, and how long one waits before it is tried again. Times are ms and come from
outside.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final, Protocol

from ...clock import Clock
from ...limits import SENDER_BACK_OFF_MS_MAX, SENDER_BACK_OFF_MS_MIN

_SLOTS: Final = 1_000
"""Parts of its length of time by which a rate remembers what was sent."""
_JITTER: Final = 0.2
"""The part of a wait that differs from message to message."""


class Rate:
    """At most `number` in any `per_ms`: a rolling window, not a bucket that lets twice as many pass."""

    def __init__(self, number: int, per_ms: int) -> None:
        self.number, self.per_ms = number, per_ms
        self._width = max(1, per_ms // _SLOTS)
        self._slots: deque[list[int]] = deque()
        """[the end of a slot of time, how many in it], oldest first."""
        self._count = 0

    @classmethod
    def per_second(cls, rate: float) -> Rate:
        """So many a second, also less than one."""
        return cls(int(rate), 1_000) if rate >= 1 else cls(1, round(1_000 / rate))

    def room(self, now: int) -> int:
        """How many may go now."""
        slots = self._slots
        while slots and slots[0][0] + self.per_ms <= now:
            self._count -= slots.popleft()[1]
        return self.number - self._count

    def take(self, now: int) -> None:
        """One goes now."""
        if self._slots and now <= self._slots[-1][0]:
            self._slots[-1][1] += 1
        else:
            self._slots.append([now + self._width - 1, 1])
        self._count += 1

    def recall(self, sent: Mapping[int, int]) -> None:
        """Takes what went before: how many by time, of which nothing is known here."""
        for at, many in sorted(sent.items()):
            self._slots.append([at, many])
            self._count += many

    def next(self, now: int) -> int:
        """When there is room: `now`, or later."""
        return now if self.room(now) > 0 else self._slots[0][0] + self.per_ms


def back_off_ms(effect: str, tries: int, schedule_s: Sequence[float] | None = None) -> int:
    """How long a message waits before it is tried once more, after `tries` tries: 10 s x 2^n, at most 300
    s, up to a fifth less by the digest of its id, so that many do not come back at once. A provider's own
    `schedule_s` goes before.
    """
    if schedule_s:
        base = int(1_000 * schedule_s[min(tries, len(schedule_s) - 1)])
    else:
        base = min(SENDER_BACK_OFF_MS_MIN << min(max(tries - 1, 0), 20), SENDER_BACK_OFF_MS_MAX)
    digest = blake2b(f"{effect}\0{tries}".encode(), digest_size=4).digest()
    return base - int(base * _JITTER * int.from_bytes(digest, "big") / 2**32)


class Allowance(Protocol):
    """How many messages that nobody asked for a channel may carry: the warm-up of a new sending domain. Those
    that are transactional go all the same, and count.
    """

    def room(self, channel: str, now: int) -> int:
        """How many may go now."""
        ...

    def took(self, channel: str, now: int) -> None:
        """One went."""
        ...

    def next(self, channel: str, now: int) -> int:
        """When there is room again, ms UTC."""
        ...


class Time(Protocol):
    """What time it is, and waiting."""

    def now(self) -> int:
        """Milliseconds UTC."""
        ...

    async def wait(self, event: asyncio.Event, until: int | None) -> None:
        """Returns when the event is set, or at `until`."""
        ...


class RealTime:
    """The time of a clock that runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        return self._clock.now()

    async def wait(self, event: asyncio.Event, until: int | None) -> None:
        timeout = None if until is None else max(0, until - self._clock.now()) / 1_000
        try:
            await asyncio.wait_for(event.wait(), timeout)
        except TimeoutError:
            return


__all__ = ["Allowance", "Rate", "RealTime", "Time", "back_off_ms"]

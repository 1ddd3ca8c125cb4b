"""The only file that reads the time. Everywhere else time is a value that is passed in.

Times are int milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Says what time it is."""

    def now(self) -> int:
        """Milliseconds UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000


class SetClock:
    """A clock that stands still until it is set: for tests, replay and virtual time."""

    def __init__(self, now: int = 0) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def set(self, now: int) -> None:
        self._now = now

    def advance(self, milliseconds: int) -> None:
        self._now += milliseconds


def stopwatch_ns() -> int:
    """Nanoseconds of a monotonic counter, to measure how long something took. Never part of any result."""
    return time.perf_counter_ns()


def sleep_s(seconds: float) -> None:
    """Let `seconds` pass; for edges that back off or poll."""
    time.sleep(seconds)

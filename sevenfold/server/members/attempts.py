"""How often somebody may guess: failed log-ins are counted by address, by caller, and by both, for a quarter
of an hour, in the store (so a restart forgives nobody). What is counted are digests: the table names nobody.
"""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from typing import Final

from ...clock import Clock
from ...limits import (
    LOGIN_ADDRESS_FAILURES_ITEMS_MAX,
    LOGIN_CALLER_FAILURES_ITEMS_MAX,
    LOGIN_PAIR_FAILURES_ITEMS_MAX,
    LOGIN_WINDOW_MS,
)
from ..errors import TooManyError

_LIMITS: Final = (
    LOGIN_PAIR_FAILURES_ITEMS_MAX,
    LOGIN_ADDRESS_FAILURES_ITEMS_MAX,
    LOGIN_CALLER_FAILURES_ITEMS_MAX,
)


class Attempts:
    """Failed log-ins of late."""

    def __init__(self, store: sqlite3.Connection, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def check(self, address: str, caller: str) -> None:
        """Raises TooManyError while there were too many."""
        now = self._clock.now()
        for about, limit in zip(_about(address, caller), _LIMITS, strict=True):
            row = self._store.execute(
                "SELECT failures, first FROM attempts WHERE about = ?", (about,)
            ).fetchone()
            if row is not None and row[0] >= limit and now - row[1] < LOGIN_WINDOW_MS:
                raise TooManyError((row[1] + LOGIN_WINDOW_MS - now) / 1_000)

    def failed(self, address: str, caller: str) -> None:
        """One more that failed."""
        now = self._clock.now()
        self._store.execute("DELETE FROM attempts WHERE first <= ?", (now - LOGIN_WINDOW_MS,))
        for about in _about(address, caller):
            self._store.execute(
                "INSERT INTO attempts (about, failures, first) VALUES (?, 1, ?)"
                " ON CONFLICT (about) DO UPDATE SET failures = failures + 1",
                (about, now),
            )

    def succeeded(self, address: str, caller: str) -> None:
        """Whoever knows the password was no guesser."""
        self._store.execute("DELETE FROM attempts WHERE about = ?", (_about(address, caller)[0],))


def _about(address: str, caller: str) -> tuple[bytes, bytes, bytes]:
    address = address.strip().lower()
    texts = (f"both {caller} {address}", f"address {address}", f"caller {caller}")
    return tuple(sha256(one.encode("utf-8", "surrogatepass")).digest() for one in texts)  # type: ignore[return-value]

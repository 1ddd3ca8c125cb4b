"""Draws: which of 10,000 places a unit has under a salt. Holdouts and splits use the same one."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .policy import Messaging

PLACES: Final = 10_000
"""Places that a draw tells apart; a share of 1 per cent is 100 of them."""


def draw(salt: str, unit_id: str) -> int:
    """The place of a unit under a salt, 0 to 9,999; the same wherever and whenever it is asked."""
    digest = blake2b(f"{salt}\0{unit_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PLACES


def held_out(share: float, salt: str, unit_id: str) -> bool:
    """Whether a unit is among the `share` per cent (in steps of 0.01) that are held out under a salt."""
    return share > 0 and draw(salt, unit_id) < round(share * PLACES / 100)


def share_of(messaging: Messaging, journey: str, own: float | None) -> float:
    """The per cent of people who walk a journey as ghosts: its `own` holdout if it says one, else the
    workspace's.
    """
    if own is not None:
        return own
    usual = messaging.journey_holdout
    return 0.0 if usual is None or journey in usual.except_ else usual.share

"""Which channel somebody answers on: their own answers, drawn towards everybody's on it. All integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .bandits import MILLION, floored

OWN_WEIGHT: Final = 10
"""Messages of all that weigh as much as what a person got on the channel."""


def rate(got: int, answered: int, all_got: int, all_answered: int) -> int:
    """The chance of an answer on a channel, in millionths."""
    usual = (all_answered + 1) * MILLION // (all_got + 2)
    return (answered * MILLION + OWN_WEIGHT * usual) // (got + OWN_WEIGHT)


def shares(rates: Sequence[int], explore: int) -> list[int]:
    """The best rate takes all but what each of the others keeps (`explore` millionths); the first written of
    equal ones is the best.
    """
    best = list(rates).index(max(rates))
    return floored([MILLION if place == best else 0 for place in range(len(rates))], explore)


__all__ = ["rate", "shares"]

"""Logarithms and powers in integers: what the fold needs of them without a float (engine rule 4).

Fixed-point numbers have 32 binary places: `ONE` is 1. The logarithm squares its argument once a digit
(Knuth, The Art of Computer Programming 1, 1.2.2, exercise 25); powers are looked up in a table made of
integer square roots. The same bits on every machine.
"""

from __future__ import annotations

from functools import cache
from math import isqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

PLACES: Final = 32
"""Binary places of a fixed-point number."""
ONE: Final = 1 << PLACES
LN_2: Final = 2_977_044_472
"""The natural logarithm of 2 in fixed point, rounded."""
_TABLE_BITS: Final = 12
_GUARD: Final = 96


def log2(x: int) -> int:
    """Binary logarithm of a positive integer in fixed point, rounded down."""
    whole = x.bit_length() - 1
    # 64 places hold what squaring loses.
    y = x << 64 - whole if whole <= 64 else x >> whole - 64
    found = whole
    for _ in range(PLACES):
        y = y * y >> 64
        found <<= 1
        if y >> 65:
            y >>= 1
            found += 1
    return found


def ln(x: int) -> int:
    """Natural logarithm of a positive integer in fixed point, to within a few units of the last place."""
    return log2(x) * LN_2 >> PLACES


def log2_shares(x: NDArray[np.uint64]) -> list[int]:
    """Binary logarithms of `x` / 2^32 in fixed point, of integers from 1 to 2^32, all at once (n,): each at
    most 0, and within 2^-25 of the truth.
    """
    y = x.astype(np.uint64)
    whole = np.zeros(len(y), np.int64)
    for step in (16, 8, 4, 2, 1):
        # Shifted until the highest bit is bit 31 (or 32, for the number one itself).
        small = y < np.uint64(1 << 32 - step)
        y = np.where(small, y << np.uint64(step), y)
        whole -= np.where(small, step, 0)
    top = y >= np.uint64(ONE)
    y = np.where(top, y >> np.uint64(1), y)
    whole = np.where(top, whole, whole - 1)
    found = np.zeros(len(y), np.int64)
    for _ in range(PLACES):
        y = y * y >> np.uint64(31)
        over = y >= np.uint64(ONE)
        y = np.where(over, y >> np.uint64(1), y)
        found = (found << 1) + over
    return ((whole << PLACES) + found).tolist()  # type: ignore[no-any-return]


@cache
def _powers() -> tuple[int, ...]:
    """2^(-i / 4096) for i from 0 to 4095, with 40 binary places."""
    root = 1 << _GUARD - 1
    for _ in range(_TABLE_BITS):
        root = isqrt(root << _GUARD)
    found, power = [], 1 << _GUARD
    for _ in range(1 << _TABLE_BITS):
        found.append(power >> _GUARD - 40)
        power = power * root >> _GUARD
    return tuple(found)


def exp2_down(x: int) -> int:
    """2^-x with 40 binary places, for `x` of at least 0 in fixed point; exact to one part in 4,096."""
    whole, rest = x >> PLACES, x & ONE - 1
    return _powers()[rest >> PLACES - _TABLE_BITS] >> whole if whole <= 40 else 0


__all__ = ["LN_2", "ONE", "PLACES", "exp2_down", "ln", "log2", "log2_shares"]

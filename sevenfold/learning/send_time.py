"""When somebody answers: counts by hour of the week, of a person, of people like them, and of all.

A person's own counts say little at first, so they are drawn towards those of people like them, and these
towards everybody's (partial pooling, with a fixed weight of so many answers each). All integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

HOURS: Final = 168
"""Hours of a week, from Monday 00:00 local time."""
OWN_WEIGHT: Final = 10
"""Answers of people like them that weigh as much as one's own counts."""
ALIKE_WEIGHT: Final = 50
"""Answers of all that weigh as much as the counts of people like them."""
COUNT_MAX: Final = 255
_BILLION: Final = 10**9
_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def counted(held: bytes | None, hour: int) -> bytes:
    """The counts of a person with one answer more; when a count is full all are halved, so that what
    happened lately counts more.
    """
    counts = bytearray(held or bytes(HOURS))
    if counts[hour] == COUNT_MAX:
        counts = bytearray(one >> 1 for one in counts)
    counts[hour] += 1
    return bytes(counts)


def united(one: bytes | None, other: bytes | None) -> bytes | None:
    """The counts of two who turned out to be one."""
    if one is None or other is None:
        return one or other
    total = [a + b for a, b in zip(one, other, strict=True)]
    while max(total) > COUNT_MAX:
        total = [each >> 1 for each in total]
    return bytes(total)


def scores(
    hours: Sequence[int], own: Sequence[int] | None, alike: Sequence[int] | None, all_: Sequence[int]
) -> list[int]:
    """How likely an answer falls into each of these hours of the week, in 1e-9, by what is known of all
    three. Neighbouring hours lend each other a quarter.
    """
    total = sum(all_)
    found = []
    for hour in hours:
        # Four times the counts, because of the quarters; everybody answers at any hour once.
        base = (_smooth(all_, hour) + 4) * _BILLION // (4 * (total + HOURS))
        for counts, weight in ((alike, ALIKE_WEIGHT), (own, OWN_WEIGHT)):
            if counts is not None:
                base = (_smooth(counts, hour) * _BILLION // 4 + weight * base) // (sum(counts) + weight)
        found.append(base)
    return found


def _smooth(counts: Sequence[int], hour: int) -> int:
    return counts[hour - 1] + 2 * counts[hour] + counts[(hour + 1) % HOURS]


def hour_name(hour: int) -> str:
    """`mon 09`."""
    return f"{_NAMES[hour // 24]} {hour % 24:02d}"


__all__ = ["HOURS", "counted", "hour_name", "scores", "united"]

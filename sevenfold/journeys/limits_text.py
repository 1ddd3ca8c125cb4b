"""Limits and paces as workspaces write them: ``3 per 30d``, ``500 per 1h``, ``1000/1h``."""

from __future__ import annotations

import re

from ..errors import SevenfoldError
from ..limits import LIMIT_COUNT_VALUES_MAX, WINDOW_MS_MAX
from ..profiles.expressions import ExpressionError, parse_duration

_LIMIT = re.compile(r"(\d{1,12})(?:\s+per\s+|\s*/\s*)(\S+)", re.ASCII)


class LimitTextError(SevenfoldError):
    """A limit is not a number and a length of time."""

    code = "limit_text_invalid"


def limit_of(text: str) -> tuple[int, int]:
    """How many, and in how many ms: ``3 per 30d`` is (3, 2_592_000_000); ``1000/1h`` reads the same.

    Raises `LimitTextError`; also for less than 1 or more than `LIMIT_COUNT_VALUES_MAX`, and for no time or
    more than `WINDOW_MS_MAX`.
    """
    shown = text[:64]
    match = _LIMIT.fullmatch(text.strip())
    if match is None:
        raise LimitTextError(f"`{shown}` is no limit", fix="write a number and a time, such as `3 per 30d`")
    number = int(match[1])
    try:
        ms = parse_duration(match[2])
    except ExpressionError:
        fix = "the time is a number and one of s, m, h, d, w, such as `30d`"
        raise LimitTextError(f"`{match[2][:64]}` in `{shown}` is no length of time", fix=fix) from None
    if not 1 <= number <= LIMIT_COUNT_VALUES_MAX:
        raise LimitTextError(f"`{shown}` allows {number}", fix=f"from 1 to {LIMIT_COUNT_VALUES_MAX}")
    if not 1 <= ms <= WINDOW_MS_MAX:
        raise LimitTextError(f"`{shown}`: no such time", fix=f"up to {WINDOW_MS_MAX // 86_400_000}d")
    return number, ms

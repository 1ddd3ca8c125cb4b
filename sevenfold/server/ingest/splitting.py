"""The events of a batch that is not quite JSON, one by one.

One event with NaN in it, or nested a thousand levels deep, makes the whole body unreadable to a decoder; the
other ninety-nine are good. This finds where each begins and ends by looking at brackets and strings alone,
and leaves it to the intake to say what is wrong with which.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from ...limits import BATCH_REFUSED_EVENTS_MAX, BATCH_SPLIT_ITEMS_MAX

_MARKS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]', re.DOTALL)
_CLOSES: Final = {b"{": b"}", b"[": b"]"}
_BATCH: Final = b'"batch"'


class Split(Struct):
    """The pieces of `{"batch": [...], ...}`: `events`, and `rest`, the object without its list's content."""

    events: list[bytes]
    rest: bytes


def split(body: bytes) -> Split | None:
    """The batch in `body`, or None when its brackets and strings do not fit together, or there is none, or it
    is longer than we look at.
    """
    open_: list[bytes] = []
    events: list[bytes] = []
    key = b""
    inside = False
    begin = first = after = 0
    for count, match in enumerate(_MARKS.finditer(body)):
        mark = match[0]
        if count > BATCH_SPLIT_ITEMS_MAX or len(events) > BATCH_REFUSED_EVENTS_MAX:
            return None
        if mark in _CLOSES:
            if mark == b"[" and len(open_) == 1 and key == _BATCH and not first:
                inside, first = True, match.end()
                begin = first
            open_.append(_CLOSES[mark])
        elif mark in (b"}", b"]"):
            if not open_ or open_.pop() != mark:
                return None
            if inside and len(open_) == 1:
                inside, after = False, match.start()
                if events or body[begin:after].strip():
                    events.append(body[begin:after].strip())
        elif mark == b"," and inside and len(open_) == 2:
            events.append(body[begin : match.start()].strip())
            begin = match.end()
        elif len(open_) == 1 and mark[:1] == b'"':
            key = mark
    if open_ or not after or body.lstrip()[:1] != b"{":
        return None
    return Split(events, body[:first] + body[after:])

"""Where Liquid is broken, in time that grows with the text alone: before the library reads it, whose own
search for a missing end takes minutes on hostile texts, and after, where it does not say the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from .sources import LIQUID

_OPENING: Final = re.compile(r"\{\{|\{%-?\s*(\w*)")
_BLOCKS: Final = frozenset({"if", "unless", "case", "for", "tablerow", "capture", "ifchanged"})
_INNER: Final = frozenset({"else", "elsif", "when", "break", "continue"})
_TAG: Final = re.compile(r"\{%-?\s*(\w+)")


def unclosed(text: str) -> tuple[int, str] | None:
    """(index, what) of the first piece of Liquid that never ends, or None."""
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        output = opening[0] == "{{"
        end = text.find("}}" if output else "%}", opening.end())
        if end < 0:
            return opening.start(), "`{{` has no `}}`" if output else "`{%` has no `%}`"
        at = end + 2
        if not output and opening[1] in ("raw", "comment", "doc"):
            closing = re.compile(r"\{%-?\s*end" + opening[1] + r"\s*-?%\}").search(text, at)
            if closing is None:
                return opening.start(), f"`{opening[1]}` has no `end{opening[1]}`"
            at = closing.end()
    return None


def suspect(text: str, reads: Callable[[str], bool]) -> int:
    """The index of the piece that the library cannot read; ``reads`` says whether it can read one alone."""
    opened: list[tuple[str, int]] = []
    for match in LIQUID.finditer(text):
        tag = _TAG.match(match[0])
        name = tag[1] if tag is not None else ""
        if name.startswith("end"):
            if opened:
                opened.pop()
        elif name in _BLOCKS:
            opened.append((name, match.start()))
            inside = "{% when 1 %}" if name == "case" else ""
            if not reads(f"{match[0]}{inside}{{% end{name} %}}"):
                return match.start()
        elif name not in _INNER and not reads(match[0]):
            return match.start()
    return opened[-1][1] if opened else 0

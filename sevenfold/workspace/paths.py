"""Paths into the JSON of events and traits: ``plan``, ``address.city``, ``$["odd key"]``."""

from __future__ import annotations

import re

_PATH_PART = re.compile(r"""(?:^|\.)([A-Za-z0-9_\-$ ]+)|\["([^"]*)"\]|\['([^']*)'\]""")


def split_path(text: str) -> tuple[str, ...]:
    """The keys of ``address.city`` or ``$["odd key"]``; ``$`` alone is the whole object, an empty tuple.

    Raises ``ValueError`` for a text that is not a path.
    """
    if text == "$":
        return ()
    body = text[1:].removeprefix(".") if text.startswith(("$.", "$[")) else text
    found: list[str] = []
    at = 0
    while at < len(body):
        match = _PATH_PART.match(body, at)
        if match is None:
            raise ValueError(f'`{text}` is not a path such as `plan`, `address.city` or `$["odd key"]`')
        found.append(next(group for group in match.groups() if group is not None))
        at = match.end()
    if not found:
        raise ValueError("a path cannot be empty")
    return tuple(found)


def join_path(parts: tuple[str, ...]) -> str:
    """The text whose ``split_path`` is ``parts``."""
    text = ""
    for part in parts:
        if re.fullmatch(r"[A-Za-z0-9_\-]+", part):
            text += f".{part}" if text else part
        else:
            quote = "'" if '"' in part else '"'
            text = f"{text or '$'}[{quote}{part}{quote}]"
    return text or "$"

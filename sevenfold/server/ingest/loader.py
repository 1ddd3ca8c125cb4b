"""The script that Segment's old snippets load: it takes over what `window.analytics` gathered, and sends it
here.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import msgspec


@lru_cache(maxsize=1)
def _source() -> bytes:
    return (Path(__file__).parent / "loader.js").read_bytes()


def loader(key: str, base: str) -> bytes:
    """The script for the write key `key`, sending to `base` (scheme and host)."""
    return _source().replace(b"__KEY__", _literal(key)).replace(b"__BASE__", _literal(base))


def _literal(text: str) -> bytes:
    """A string as JavaScript that no markup can be made of."""
    return msgspec.json.encode(text).replace(b"<", b"\\u003c").replace(b">", b"\\u003e")

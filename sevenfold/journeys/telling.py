"""Ids that depend on nothing but what they name."""

from __future__ import annotations

from hashlib import blake2b


def stable_id(*parts: str | int) -> str:
    """16 hexadecimal digits that depend on nothing but the parts."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=8).hexdigest()

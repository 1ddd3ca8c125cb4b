"""Ids and effects of what lasts longer than a run's step: tasks, playbooks, saves, offers, broadcasts."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..engine.fold import Fold


def stable_id(*parts: str | int) -> str:
    """16 hexadecimal digits that depend on nothing but the parts."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=8).hexdigest()


def tell_all(fold: Fold, kind: str, name: str, data: dict[str, Any]) -> None:
    """An effect that concerns no single subject."""
    fold.emit_about(kind, name, data)


__all__ = ["stable_id", "tell_all"]

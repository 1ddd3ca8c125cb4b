"""Ids and effects of what lasts longer than a run's step: tasks, playbooks, saves, offers, broadcasts."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ..effects import Effect

if TYPE_CHECKING:
    from ..engine.fold import Fold

WORKSPACE = "workspace"
"""What an effect is of that concerns no single subject; its subject is empty."""


def stable_id(*parts: str | int) -> str:
    """16 hexadecimal digits that depend on nothing but the parts."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=8).hexdigest()


def tell_all(fold: Fold, kind: str, name: str, data: dict[str, Any]) -> None:
    """An effect that concerns no single subject."""
    fold.effects.append(Effect(fold.t, kind, WORKSPACE, "", name, data))


__all__ = ["WORKSPACE", "stable_id", "tell_all"]

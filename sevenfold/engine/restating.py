"""The control records that bring the past of signals; docs/explain/fold.md says when, `carry.past` how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .controls import control

if TYPE_CHECKING:
    from .fold import Fold


@control("gather")
def _gather(fold: Fold, record: dict[str, Any]) -> None:
    from ..carry import past

    past.gather(fold, record)


@control("restate")
def _restate(fold: Fold, record: dict[str, Any]) -> None:
    from ..carry import past

    past.restate(fold, record)


@control("restated")
def _restated(fold: Fold, record: dict[str, Any]) -> None:
    from ..carry import past

    past.restated(fold, record)

"""Which signals wait for their past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...carry import waiting
from . import question

if TYPE_CHECKING:
    from ...engine import Fold


@question("waiting_for_past")
def waiting_for_past(fold: Fold) -> dict[str, list[str]]:
    """The signals of each kind of subject that gather but whose past is not known."""
    return waiting(fold)

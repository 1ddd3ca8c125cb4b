"""Until the runtime brings the desk itself."""

from __future__ import annotations

from typing import Any

import sevenfold.engine.compiling as compiling
from sevenfold.messages.desk import Messages

_of = compiling.journeys_of


def _with_desk(fold: Any) -> Any:
    journeys = _of(fold)
    if journeys is not None and "messages" not in journeys.services:
        journeys.services["messages"] = Messages(fold, journeys)
    return journeys


compiling.journeys_of = _with_desk

"""What the hub tells the learning process when it starts it."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

LEARNING: Final = "sevenfold.server.learning.process"


class LearningOptions(Struct):
    """`socket` is the hub's; `hub` its process: without it this one has nothing to do."""

    socket: str
    log_folder: str
    hub: int

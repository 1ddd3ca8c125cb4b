"""What request handlers are given: one object, put together once by whoever serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ..clock import Clock
    from ..log.base import Log
    from ..settings import Settings
    from .history import History
    from .keys import Keys
    from .live import Live
    from .secrets import SecretBox


class Services(Struct, frozen=True, kw_only=True):
    """The log and fold (`live`), what they did (`history`), who may ask (`keys`), and how it is set up."""

    live: Live
    log: Log
    """The log itself, for reading and for dead letters; appending goes through `live`."""
    history: History
    keys: Keys
    secrets: SecretBox
    settings: Settings
    clock: Clock
    warehouse: str = ""
    """The socket of the process that holds the warehouse; "" where there is none."""
    forget_warehouse: Callable[[], Awaitable[None]] | None = None
    """Deletes the warehouse, which is made again from the log."""

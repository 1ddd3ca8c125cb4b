"""What the hub tells the other processes when it starts them."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from .quick_clock import Pace

VERSIONS_FOLDER: Final = "templates"
"""In the data folder: versions of templates that messages were decided with."""
FOLD: Final = "sevenfold.server.fold_process"
DELIVERY: Final = "sevenfold.server.delivery_process"


class FoldOptions(Struct):
    """For the fold. `emitted_max`: effects from this number on are still wanted by somebody."""

    socket: str
    log_folder: str
    snapshots_folder: str
    snapshot_ms: int
    snapshots_kept: int
    emitted_max: int
    owners_folder: str = ""
    """Where whose each event is is written, for the warehouse; "" for nowhere."""


class DeliveryOptions(Struct):
    """For the delivery."""

    socket: str
    data_folder: str
    log_folder: str
    public_url: str
    outgoing_networks: str
    pace: Pace | None = None
    """Of a clock that is not the machine's."""

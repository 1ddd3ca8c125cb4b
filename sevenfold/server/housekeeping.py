"""What the service does for itself beside requests: alerts, retention, erasures that were interrupted."""

from __future__ import annotations

import asyncio
import logging

from ..errors import SevenfoldError
from . import retention
from .admin.personal import eraser_of
from .alerts import Alerts, through_channel
from .hub import Hub
from .measures.digest_store import DigestStore
from .measures.digests import failing
from .services import Services

log = logging.getLogger("sevenfold.housekeeping")
_MINUTE_MS = 60_000
_AGAIN_S = 60.0


async def run(services: Services) -> None:
    """Runs for ever; ends when it is cancelled."""
    parts = [_finish_erasures(services), retention.run(services.log, services.settings, services.clock)]
    alerts = alerts_of(services)
    if alerts is not None:
        parts.append(alerts.run())
    await asyncio.gather(*parts)


def alerts_of(services: Services) -> Alerts | None:
    """The alerts of a service, as its settings say; None without a channel for them."""
    settings = services.settings
    if not settings.alert_channel:
        return None
    addresses = [one.strip() for one in settings.alert_email.split(",") if one.strip()]
    people = through_channel(services.live, services.clock, settings.alert_channel, addresses)
    every_ms = settings.alert_minutes * _MINUTE_MS
    live, alarm = services.live, services.live.alarm if isinstance(services.live, Hub) else None
    store = DigestStore(settings.data_folder)
    return Alerts(
        live, services.history, settings.data_folder, services.clock, people, every_ms, alarm,
        lambda: failing(store),
    )  # fmt: skip


async def _finish_erasures(services: Services) -> None:
    """What a stop or a crash interrupted is finished, as soon as the fold and the history are there."""
    while True:
        try:
            for done in await eraser_of(services).resume():
                log.info("erasure %s, which was interrupted, is finished", done.id)
            return
        except SevenfoldError as error:
            log.warning("an erasure waits: %s", error.message)
        await asyncio.sleep(_AGAIN_S)

"""Retention: what is older than the settings keep it goes, a piece at a time, while the service runs."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from ..clock import Clock
from ..errors import SevenfoldError
from ..limits import RETENTION_PAUSE_S
from ..log.base import Log
from ..settings import Settings
from .history import HistoryWriter

log = logging.getLogger("sevenfold.retention")
DAY_MS: Final = 86_400_000
_PAGE_ROWS: Final = 1_000
_BETWEEN_S: Final = 0.05
"""Lets whoever else writes have their turn."""


def forget_dead_letters(store: Log, before: int) -> int:
    """Removes dropped events received before a time, ms UTC; gives how many."""
    removed, after = 0, 0
    while page := store.dead_letters(after, _PAGE_ROWS):
        after = page[-1].id
        old = [one.id for one in page if one.dropped.received < before]
        if not old:
            break
        store.remove_dead_letters(old)
        removed += len(old)
    return removed


async def forget_history(folder: Path, before: int) -> int:
    """Removes what the history of a data folder holds of the time before, ms UTC; gives how many rows."""
    removed = 0
    writer = await asyncio.to_thread(HistoryWriter, folder)
    try:
        while some := await asyncio.to_thread(writer.forget, before):
            removed += some
            await asyncio.sleep(_BETWEEN_S)
    finally:
        await asyncio.to_thread(writer.close)
    return removed


async def keep_within(store: Log, settings: Settings, clock: Clock) -> dict[str, int]:
    """Does it once; gives how much of each went."""
    now = clock.now()
    letters = await asyncio.to_thread(forget_dead_letters, store, now - settings.dead_letter_days * DAY_MS)
    rows = await forget_history(settings.data_folder, now - settings.history_days * DAY_MS)
    return {"dead_letters": letters, "history": rows}


async def run(store: Log, settings: Settings, clock: Clock) -> None:
    """Does it now and every few hours, until it is cancelled."""
    while True:
        try:
            removed = await keep_within(store, settings, clock)
            if any(removed.values()):
                log.info("older than it is kept: %s", removed)
        except SevenfoldError as error:
            log.warning("nothing was removed: %s", error.message)
        await asyncio.sleep(RETENTION_PAUSE_S)

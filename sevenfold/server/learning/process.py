"""The learning process: follows the log with a fold of its own, and appends models and values through the
hub.

Nothing waits for it: it is the last to get a processor, values go out in records of bounded size, one after
the other, and the fold that decides takes them like any other record. It ends when the service does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from ...clock import sleep_s
from ...errors import SevenfoldError
from ...learning.asked import Asked
from ...log.base import NewControl
from ...log.reader import LogReader
from ..client import Client
from ..live import BusyError, UnavailableError
from ..logs import to_stderr
from .keeping import Keeper, refused
from .line import LearningOptions

log = logging.getLogger("sevenfold.learning")
_IDLE_S: Final = 0.5
_NICE: Final = 10
_BUSY_S: Final = 1.0


async def serve(options: LearningOptions) -> None:
    """Follows, learns and tells until the service is gone."""
    reader = LogReader(Path(options.log_folder))
    keeper = Keeper(reader)
    client = await Client.help(options.socket)
    hearing = asyncio.create_task(client.hear(), name="hearing")
    failed: dict[str, int] = {}
    """When a prediction could not be learned or told: it is tried again at the next occasion of its own."""
    while not hearing.done() and os.getppid() == options.hub:
        if keeper.catch_up():
            await asyncio.sleep(0)
            continue
        for asked, learn in keeper.due():
            if failed.get(asked.name, -1) == keeper.time // asked.rescore_ms:
                continue
            try:
                await _do(client, keeper, asked, learn)
            except UnavailableError:
                return
            except SevenfoldError as error:
                log.error("%s could not be told: %s", asked.name, refused(error))
                failed[asked.name] = keeper.time // asked.rescore_ms
        await asyncio.wait({hearing}, timeout=_IDLE_S)
    reader.close()


async def _do(client: Client, keeper: Keeper, asked: Asked, learn: bool) -> None:
    """One prediction learned, if it is time, and told."""
    record = keeper.learned(asked) if learn else None
    model = record or keeper.model(asked)
    if model is None:
        return
    if record is not None:
        await client.control(record)
    told = 0
    for chunk in keeper.told(asked, model):
        while True:
            try:
                await client.append([NewControl(chunk)])
                break
            except BusyError:
                # Customers' events go first.
                await asyncio.sleep(_BUSY_S)
        told += len(chunk["values"])
    log.info("told %s of %d subjects", asked.name, told)
    # What was appended is followed before anything else is looked at.
    while keeper.catch_up():
        await asyncio.sleep(0)
    keeper.was_told(asked)


def main() -> None:
    """`python -m sevenfold.server.learning.process OPTIONS` (JSON); started by the hub."""
    to_stderr()
    os.nice(_NICE)
    options = msgspec.json.decode(sys.argv[1], type=LearningOptions)
    try:
        asyncio.run(serve(options))
    except (OSError, UnavailableError):
        # The service is going; it starts this process again if it stays.
        sleep_s(_IDLE_S)


if __name__ == "__main__":
    main()

"""The delivery's process: sends what the fold decides, and writes the history. It ends when the hub does."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from ..channels.outside import permit
from ..channels.registry import prepare
from ..log.reader import LogReader
from .client import Client
from .history import History, HistoryWriter
from .live import Watched
from .logs import to_stderr
from .options import VERSIONS_FOLDER, DeliveryOptions
from .process import give_way, settle
from .projecting import Projector
from .quick_clock import clock_of
from .secrets import SecretBox
from .sender import Alert, FolderVersions, Observer, RealTime, Sender, Standing

log = logging.getLogger("sevenfold.delivery")
_REPORT_S = 1.0
_RECALL_S = 5.0


async def deliver(options: DeliveryOptions) -> None:
    """Runs until the hub is gone, or says stop and what was under way is finished."""
    permit(options.outgoing_networks)
    folder = Path(options.data_folder)
    writer = HistoryWriter(folder)
    reader = LogReader(Path(options.log_folder))
    history = History(folder, reader)
    clock = clock_of(options.pace)

    def take(watched: Watched) -> None:
        projector.take(watched)
        for effect in watched.effects:
            standing.take(effect)
        sender.take(watched)

    def durable(position: int) -> None:
        projector.durable(position)

    client = await Client.connect(options.socket, writer.through, take, durable)
    standing = Standing()

    def alert(alert: Alert) -> None:
        log.warning("channel %s: %s %s", alert.channel, alert.what, alert.reason)
        client.report(state())
        client.alert()

    def state() -> dict[str, Any]:
        now = clock.now()
        return {
            "sender": sender.status(),
            "history": {**projector.behind, "error": projector.error},
            "standing": standing.status(now),
        }

    projector = Projector(writer, reader, client.acknowledge)
    sender = Sender(
        client,
        clock=clock,
        store=writer.shelf,
        secrets=SecretBox.of_folder(folder),
        public_url=options.public_url,
        versions=FolderVersions(folder / VERSIONS_FOLDER),
        allowance=standing,
        alert=alert,
    )
    observer = Observer(standing, history, client, RealTime(clock))
    hearing = asyncio.create_task(client.hear(), name="hearing")
    working = [asyncio.create_task(projector.run(), name="history")]
    defined = asyncio.create_task(_happened(client.defined), name="defined")
    await asyncio.wait({hearing, defined}, return_when="FIRST_COMPLETED")
    if not hearing.done():
        prepare(client.workspace.channels.values())
        working.append(asyncio.create_task(observer.run(sender), name="standing"))
        # Where very much was sent in a day, sending goes on meanwhile.
        with suppress(TimeoutError):
            await asyncio.wait_for(observer.recalled.wait(), _RECALL_S)
    settle()
    working += [
        asyncio.create_task(sender.run(), name="sender"),
        asyncio.create_task(_report(client, state), name="report"),
    ]
    for task in working:
        task.add_done_callback(_ended)
    asked = asyncio.create_task(_stop_asked(client), name="stop")
    await asyncio.wait({hearing, asked}, return_when="FIRST_COMPLETED")
    if client.stop_asked.done() and not hearing.done():
        await sender.stop(client.stop_asked.result())
        with suppress(TimeoutError):
            await asyncio.wait_for(projector.idle(), client.stop_asked.result())
        client.stopped()
        # The hub takes what was said before it closes the line.
        await asyncio.wait({hearing}, timeout=client.stop_asked.result())
    for task in working:
        task.cancel()
    writer.close()
    history.close()
    reader.close()


async def _stop_asked(client: Client) -> None:
    await asyncio.shield(client.stop_asked)


async def _happened(event: asyncio.Event) -> None:
    await event.wait()


def _ended(task: asyncio.Task[None]) -> None:
    """A part that ends by itself has failed: the process ends, and is started again."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("%s failed: %s", task.get_name(), type(error).__name__, exc_info=error)
        sys.exit(1)


async def _report(client: Client, state: Callable[[], dict[str, Any]]) -> None:
    while True:
        client.report(state())
        await asyncio.sleep(_REPORT_S)


def main() -> None:
    """`python -m sevenfold.server.delivery_process OPTIONS` (JSON); started by the hub."""
    to_stderr()
    give_way()
    try:
        uvloop.run(deliver(msgspec.json.decode(sys.argv[1], type=DeliveryOptions)))
    except ConnectionError:
        # The hub is gone, perhaps before this process had begun.
        sys.exit(0)


if __name__ == "__main__":
    main()

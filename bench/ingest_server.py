"""The server of `bench ingest` without a fold, a process of its own: HTTP, ingest and a durable log.

    python -m bench.ingest_server FOLDER

Prints its port and a write key; when its input ends, what it cost.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from sevenfold.clock import SystemClock
from sevenfold.events.steps import Dropped
from sevenfold.log.base import New, Receipt
from sevenfold.log.sqlite import SqliteLog
from sevenfold.server.appending import Appender
from sevenfold.server.ingest import BoundedProtocol, ingest_app
from sevenfold.server.keys import Keys
from sevenfold.server.services import Services
from sevenfold.settings import load_settings


class Store:
    """What ingest asks of `Live`: the hub's appender over a log, which nobody reads."""

    def __init__(self, log: SqliteLog) -> None:
        self.log = log
        self.appender = Appender(log, 64 * 1024 * 1024, lambda new, receipts: None)

    async def append(self, new: Sequence[New]) -> list[Receipt]:
        return await self.appender.append(new)

    async def drop(self, dropped: Sequence[Dropped]) -> None:
        self.log.add_dead_letters(dropped)


async def serve(folder: Path) -> None:
    clock = SystemClock()
    log = SqliteLog(folder / "log", clock)
    store: Any = Store(log)
    store.appender.start()
    keys = Keys(None, clock)
    nobody: Any = None
    services = Services(
        live=store,
        log=log,
        history=nobody,
        keys=keys,
        secrets=nobody,
        clock=clock,
        settings=load_settings({}),
    )
    config = uvicorn.Config(
        ingest_app(services), host="127.0.0.1", port=0, http=BoundedProtocol, loop="none", lifespan="off",
        access_log=False, log_config=None, server_header=False, date_header=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "key": keys.make_write_key("bench").secret}), flush=True)
    loop = asyncio.get_running_loop()
    before = time.process_time()
    await loop.run_in_executor(None, sys.stdin.readline)
    cost = {
        "cpu_seconds": time.process_time() - before,
        "commits": store.appender.commits,
        "commit_seconds": store.appender.commit_ns / 1e9,
        "events": log.next_position,
    }
    print(json.dumps(cost), flush=True)
    server.should_exit = True
    await serving
    await store.appender.stop()
    log.close()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(Path(sys.argv[1])))

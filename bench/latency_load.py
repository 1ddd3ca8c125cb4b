"""The load of `bench latency`, and the receiver of its messages, in one process so that both see one clock.

    python -m bench.latency_load PORT KEY FILE RATE SECONDS

FILE holds bodies of batches, a line each; `%PROBE%` in one is replaced by the moment at which it is sent.
Requests leave at their time whatever became of those before them; a request that finds no free connection
waits, and the wait counts. Prints the receiver's port, waits for a line, sends, and prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import uvloop

CONNECTIONS = 24
SETTLE_S = 3.0
_PROBE = re.compile(rb"probe-(\d+)")
MARK = b"%PROBE%"


class Sink(asyncio.Protocol):
    """Takes calls of a webhook: remembers when each probe came."""

    def __init__(self, seen: dict[int, float]) -> None:
        self._seen = seen
        self._held = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (head := self._held.find(b"\r\n\r\n")) >= 0:
            match = re.search(rb"content-length: *(\d+)", self._held[:head], re.IGNORECASE)
            end = head + 4 + (int(match[1]) if match else 0)
            if len(self._held) < end:
                return
            found = _PROBE.search(self._held[:end])
            if found is not None:
                self._seen.setdefault(int(found[1]), time.monotonic())
            self._held = self._held[end:]
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


class Connection(asyncio.Protocol):
    """Sends one request at a time; `free` is called when it is answered."""

    def __init__(self, free: Any) -> None:
        self._free = free
        self._answer = b""
        self.refused = 0
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, request: bytes) -> None:
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head = self._answer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._answer.find(b"content-length: ")
        size = int(self._answer[at + 16 : self._answer.index(b"\r\n", at)])
        if len(self._answer) >= head + 4 + size:
            self.refused += not self._answer.startswith(b"HTTP/1.1 200")
            self._answer = b""
            self._free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class Load:
    """An open loop: so many batches a second."""

    def __init__(self, key: str, bodies: list[bytes]) -> None:
        auth = base64.b64encode(f"{key}:".encode()).decode()
        self._head = (
            f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {auth}\r\n"
            "User-Agent: bench\r\nContent-Length: "
        ).encode()
        self._bodies = bodies
        self._free: deque[Connection] = deque()
        self._late: deque[tuple[float, bytes, int]] = deque()
        self.sent: dict[int, float] = {}
        self.answered = 0

    async def run(self, port: int, rate: float, seconds: float) -> list[Connection]:
        loop = asyncio.get_running_loop()
        made = [
            (await loop.create_connection(lambda: Connection(self._done), "127.0.0.1", port))[1]
            for _ in range(CONNECTIONS)
        ]
        self._free.extend(made)
        count = min(int(rate * seconds), len(self._bodies))
        began = time.monotonic()
        for number in range(count):
            due = began + number / rate
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self._send(due, self._bodies[number], number)
        end = time.monotonic() + SETTLE_S * 3
        while self.answered < count and time.monotonic() < end:
            await asyncio.sleep(0.05)
        return made

    def _send(self, due: float, body: bytes, number: int) -> None:
        if not self._free:
            self._late.append((due, body, number))
            return
        if MARK in body:
            body = body.replace(MARK, b"probe-%d" % number)
            self.sent[number] = due
        self._free.popleft().send(self._head + b"%d\r\n\r\n" % len(body) + body)

    def _done(self, connection: Connection) -> None:
        self.answered += 1
        self._free.append(connection)
        if self._late:
            self._send(*self._late.popleft())


async def main() -> None:
    port, key, file, rate, seconds = sys.argv[1:]
    bodies = Path(file).read_bytes().splitlines()
    seen: dict[int, float] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(seen), "127.0.0.1", int(port.split(":")[1]))
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    load = Load(key, bodies)
    cpu, wall = time.process_time(), time.monotonic()
    made = await load.run(int(port.split(":")[0]), float(rate), float(seconds))
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    end = time.monotonic() + SETTLE_S
    while len(seen) < len(load.sent) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    server.close()
    print(
        json.dumps(
            {
                "batches": load.answered,
                "wall_s": wall,
                "cpu_s": cpu,
                "refused": sum(one.refused for one in made),
                "probes": len(load.sent),
                "latencies_ms": sorted(
                    (seen[number] - at) * 1_000 for number, at in load.sent.items() if number in seen
                ),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    uvloop.run(main())

"""The load generator of `bench ingest`, a process of its own: requests made beforehand, sent over raw
sockets.

python -m bench.ingest_load PORT KEY SECONDS BATCH CONNECTIONS REQUESTS NAME PATH

Each connection sends its next request as soon as the last was answered. Prints one JSON line: what was
answered, in how long, and what the generator itself cost.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import uvloop

from .population import simulated

_ENCODE = msgspec.json.Encoder().encode
_OK = b"HTTP/1.1 200"
_COMPANY = b"@company@"
_NAMES = ("userId", "anonymousId", "groupId")


class Found(msgspec.Struct):
    """What the generator says."""

    requests: int
    events: int
    seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float
    refused: int


def requests(key: str, batch: int, count: int, name: str, path: str) -> list[bytes]:
    """`count` whole HTTP requests of `batch` events each, every message id of its own."""
    events = [event for _, event in simulated(40, 60) if event["type"] in ("track", "page")]
    auth = base64.b64encode(f"{key}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {auth}\r\n"
        "User-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: "
    ).encode()
    kinds = _bodies([event for event in events if batch > 1 or event["type"] == "track"])
    made, at = [], 0
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    for number in range(count):
        parts = []
        for _ in range(batch):
            # Each time round it is another company.
            company = b"%b-%d" % (name.encode(), at // len(kinds))
            kind = kinds[at % len(kinds)].replace(_COMPANY, company)
            parts.append(kind % (name.encode(), number, at, now.encode(), at % 1_000))
            at += 1
        body = parts[0] if batch == 1 else b'{"batch":[' + b",".join(parts) + b"]}"
        made.append(head + b"%d\r\n\r\n" % len(body) + body)
    return made


def _bodies(events: list[dict[str, Any]]) -> list[bytes]:
    """Each event as bytes with places for its id and time."""
    found = []
    for event in events:
        kept = {name: value for name, value in event.items() if name not in ("messageId", "timestamp")}
        kept["context"] = dict(kept.get("context", {}))
        for owner in (kept, kept["context"]):
            for name in _NAMES:
                if owner.get(name):
                    owner[name] = f"{owner[name]}{_COMPANY.decode()}"
        raw = _ENCODE(kept).replace(b"%", b"%%")
        found.append(raw[:-1] + b',"messageId":"%b-%d-%d","timestamp":"%b.%03dZ"}')
    return found


class Connection(asyncio.Protocol):
    """Sends one request after the other."""

    def __init__(self, load: Iterator[bytes], latencies: list[float], done: asyncio.Future[None]) -> None:
        self._load, self._latencies, self._done = load, latencies, done
        self._answer = b""
        self._began = 0.0
        self.refused = 0
        self.stopping = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head = self._answer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._answer.find(b"content-length: ")
        size = int(self._answer[at + 16 : self._answer.index(b"\r\n", at)])
        if len(self._answer) < head + 4 + size:
            return
        self._latencies.append(time.perf_counter() - self._began)
        if not self._answer.startswith(_OK) or b'"refused":[]' not in self._answer:
            self.refused += 1
        self._answer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)

    def _next(self) -> None:
        request = None if self.stopping else next(self._load, None)
        if request is None:
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(request)


async def drive(port: int, load: list[bytes], batch: int, connections: int, seconds: float) -> Found:
    """Sends for so many seconds, or until there is nothing left."""
    loop = asyncio.get_running_loop()
    rest = iter(load)
    latencies: list[float] = []
    done = [loop.create_future() for _ in range(connections)]
    began, cpu = time.perf_counter(), time.process_time()
    opened = [
        (await loop.create_connection(lambda one=one: Connection(rest, latencies, one), "127.0.0.1", port))[1]
        for one in done
    ]
    stop = loop.call_later(seconds, lambda: [setattr(one, "stopping", True) for one in opened])
    await asyncio.gather(*done)
    stop.cancel()
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    latencies.sort()

    def at(share: float) -> float:
        return round(latencies[min(len(latencies) - 1, int(share * len(latencies)))] * 1_000, 2)

    refused = sum(one.refused for one in opened)
    return Found(len(latencies), len(latencies) * batch, wall, cpu, at(0.5), at(0.99), refused)


def main() -> None:
    port, key, seconds, batch, connections, count, name, path = sys.argv[1:]
    load = requests(key, int(batch), int(count), name, path)
    print("ready", flush=True)
    sys.stdin.readline()
    uvloop.install()
    found = asyncio.run(drive(int(port), load, int(batch), int(connections), float(seconds)))
    print(json.dumps(msgspec.to_builtins(found)), flush=True)


if __name__ == "__main__":
    main()

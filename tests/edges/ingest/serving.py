"""A real ingest server on loopback: uvicorn in a thread over a log in memory, with real keys."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from sevenfold.clock import Clock, SystemClock
from sevenfold.events.model import Event, event_decoder
from sevenfold.events.steps import Dropped, Intake
from sevenfold.log.base import Entry, Log, New, Receipt
from sevenfold.log.memory import MemoryLog
from sevenfold.server.ingest import BoundedProtocol, Ingest, ingest_app
from sevenfold.server.keys import Keys
from sevenfold.server.services import Services
from sevenfold.settings import load_settings


@dataclass
class Answer:
    """An HTTP answer; `body` is what its JSON says."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Scripted:
    """Answers in place of the application's: `replies` (status, headers) before it is asked, and for so many
    requests as `lost` says an error although it did what it was asked.
    """

    app: Any
    replies: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    lost: int = 0
    seen: list[int] = field(default_factory=list)
    """The status of every POST answered."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
        elif self.replies:
            while (await receive()).get("more_body"):
                pass
            await self._say(send, scope, *self.replies.pop(0))
        elif self.lost:
            self.lost -= 1
            await self.app(scope, receive, _into_nothing)
            await self._say(send, scope, 500, {})
        else:
            await self.app(scope, receive, self._noting(send))

    def _noting(self, send: Any) -> Any:
        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.seen.append(message["status"])
            await send(message)

        return noting

    async def _say(self, send: Any, scope: Any, status: int, named: dict[str, str]) -> None:
        body = json.dumps({"success": False, "code": "scripted", "message": "as the script says"}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"access-control-allow-origin", dict(scope["headers"]).get(b"origin", b"*")),
            (b"access-control-expose-headers", b"Retry-After"),
            *((name.encode(), value.encode()) for name, value in named.items()),
        ]
        await self._noting(send)({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _into_nothing(message: Any) -> None:
    """Where an answer goes that is lost on its way."""


class LogAlone:
    """The two things that ingest asks of `Live`, over a log that nobody folds."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def append(self, new: Sequence[New]) -> list[Receipt]:
        return self.log.append(new)

    async def drop(self, dropped: Sequence[Dropped]) -> None:
        self.log.add_dead_letters(dropped)


@dataclass
class Served:
    """A running server. `key` is a write key of the source `web`."""

    port: int
    live: LogAlone
    keys: Keys
    key: str
    ingest: Ingest
    script: Scripted
    clock: Clock

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def renew(self) -> None:
        """An empty log in place of the one that is there, and nothing scripted."""
        self.live.log = MemoryLog(self.clock)
        self.ingest.counts.clear()
        self.script.replies.clear()
        self.script.lost = 0
        self.script.seen.clear()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        key: str = "",
    ) -> Answer:
        """One request. `body` is bytes or becomes JSON; `key` is sent as the user of Basic authorization."""
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        named = dict(headers or {})
        if key:
            named["Authorization"] = basic(key)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, sent, named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def post(
        self, path: str, body: Any, headers: dict[str, str] | None = None, *, key: str | None = None
    ) -> Answer:
        """A POST with the server's own key, or another, or none (`key=""`)."""
        return self.ask("POST", path, body, headers, key=self.key if key is None else key)

    @property
    def log(self) -> Log:
        return self.live.log

    def entries(self) -> list[Entry]:
        """What the log holds, in order."""
        return [entry for record in self.log.read(0, 10_000) for entry in record.entries]

    def stored(self) -> list[dict[str, Any]]:
        """The events as they were stored."""
        return [json.loads(entry.raw) for entry in self.entries()]

    def events(self) -> list[Event]:
        """The events as the fold reads them."""
        intake = Intake(event_decoder(None))
        found = [intake.accept(entry.raw, entry.received, entry.source) for entry in self.entries()]
        assert all(isinstance(event, Event) for event in found), found
        return [event for event in found if isinstance(event, Event)]

    def dropped(self) -> list[tuple[str, bytes]]:
        """(reason, bytes) of the dead letters."""
        return [(str(one.dropped.reason), one.dropped.raw) for one in self.log.dead_letters(limit=10_000)]


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def services(live: Any, clock: Clock, keys: Keys, **settings: Any) -> Services:
    """Services for ingest, which asks neither history nor secrets."""
    nobody: Any = None
    return Services(
        live=live, log=live.log, history=nobody, keys=keys, secrets=nobody, clock=clock,
        settings=load_settings({}, **settings),
    )  # fmt: skip


@contextmanager
def served(
    *,
    live: Any = None,
    clock: Clock | None = None,
    replies: Sequence[tuple[int, dict[str, str]]] = (),
    write_rate_per_s: int = 1_000_000,
    **settings: Any,
) -> Iterator[Served]:
    """A server over `live` (a log in memory, when none is given) and with `settings`."""
    time = clock or SystemClock()
    live = live or LogAlone(MemoryLog(time))
    keys = Keys(None, time, write_rate_per_s=write_rate_per_s)
    app = ingest_app(services(live, time, keys, **settings))
    script = Scripted(app, list(replies))
    config = uvicorn.Config(
        script, host="127.0.0.1", port=0, http=BoundedProtocol, loop="asyncio", lifespan="off",
        access_log=False, log_config=None, server_header=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(port, live, keys, keys.make_write_key("web").secret, app, script, time)
    finally:
        server.should_exit = True
        thread.join(10)
        app.close()
        assert not thread.is_alive(), "the server did not stop"

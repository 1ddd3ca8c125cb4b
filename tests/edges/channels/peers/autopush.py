"""A push service that a real Firefox accepts (Mozilla's autopush protocol over a web socket), on loopback,
with the page that subscribes and the worker that says what it was given.
"""

from __future__ import annotations

import asyncio
import threading
from base64 import urlsafe_b64encode
from concurrent.futures import Future
from typing import Any

from aiohttp import WSMsgType, web

PAGE = """<!doctype html><title>push</title><script>
(async () => {
  const tell = (what, body) => fetch("/" + what, {method: "POST", body});
  try {
    const key = new URLSearchParams(location.search).get("key").replace(/-/g, "+").replace(/_/g, "/");
    await navigator.serviceWorker.register("/worker.js");
    const worker = await navigator.serviceWorker.ready;
    const bytes = Uint8Array.from(atob(key), (one) => one.charCodeAt(0));
    // What is asked while the browser is still starting may get no answer.
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    for (let made; !made; ) {
      await wait(500);
      const asked = worker.pushManager.subscribe({userVisibleOnly: true, applicationServerKey: bytes});
      made = await Promise.race([asked, wait(3000)]);
      if (made) await tell("subscribed", JSON.stringify(made));
    }
  } catch (error) { await tell("failed", String(error)); }
})();
</script>"""
WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => event.waitUntil((async () => {
  const text = event.data.text();
  const shown = JSON.parse(text).notification;
  await self.registration.showNotification(shown.title, shown);
  await fetch("/shown", {method: "POST", body: text});
})()));
"""


class Autopush:
    """Starts with `with`. `subscription` and `shown` are told by the browser; `acknowledged` are its codes:
    100 is delivered to the worker, 101 could not be decrypted.
    """

    def __init__(self) -> None:
        self.subscription: Future[str] = Future()
        self.shown: Future[bytes] = Future()
        self.acknowledged: list[int] = []
        self._channels: dict[str, tuple[str, web.WebSocketResponse]] = {}
        self._waiting: dict[str, asyncio.Future[int]] = {}

    def __enter__(self) -> Autopush:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/socket/", self._socket),
                web.post("/wpush/v2/{token}", self._push),
                web.get("/", self._text(PAGE, "text/html")),
                web.get("/worker.js", self._text(WORKER, "text/javascript")),
                web.post("/subscribed", self._subscribed),
                web.post("/failed", self._failed),
                web.post("/shown", self._was_shown),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    @staticmethod
    def _text(text: str, kind: str) -> Any:
        async def handle(request: web.Request) -> web.Response:
            return web.Response(text=text, content_type=kind)

        return handle

    async def _subscribed(self, request: web.Request) -> web.Response:
        self.subscription.set_result(await request.text())
        return web.Response()

    async def _failed(self, request: web.Request) -> web.Response:
        self.subscription.set_exception(AssertionError(await request.text()))
        return web.Response()

    async def _was_shown(self, request: web.Request) -> web.Response:
        self.shown.set_result(await request.read())
        return web.Response()

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("push-notification",))
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await self._said(socket, message.json())
        return socket

    async def _said(self, socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
        kind = told.get("messageType")
        if kind is None:
            await socket.send_str("{}")
        elif kind == "hello":
            hello = {"messageType": "hello", "uaid": "a" * 32, "status": 200, "use_webpush": True}
            await socket.send_json(hello | {"broadcasts": {}})
        elif kind == "register":
            token = f"t{len(self._channels)}"
            self._channels[token] = told["channelID"], socket
            answer = {"messageType": "register", "channelID": told["channelID"], "status": 200}
            endpoint = f"http://127.0.0.1:{self.port}/wpush/v2/{token}"
            await socket.send_json(answer | {"pushEndpoint": endpoint})
        elif kind == "ack":
            for update in told.get("updates", []):
                self.acknowledged.append(update["code"])
                waiting = self._waiting.pop(update["version"], None)
                if waiting is not None:
                    waiting.set_result(update["code"])

    async def _push(self, request: web.Request) -> web.Response:
        channel, socket = self._channels[request.match_info["token"]]
        body = await request.read()
        version = f"v{len(self.acknowledged)}"
        waiting = self._waiting[version] = asyncio.get_running_loop().create_future()
        await socket.send_json(
            {
                "messageType": "notification",
                "channelID": channel,
                "version": version,
                "ttl": int(request.headers["TTL"]),
                "data": urlsafe_b64encode(body).rstrip(b"=").decode(),
                "headers": {"encoding": request.headers["Content-Encoding"]},
            }
        )
        await asyncio.wait_for(waiting, 10)
        return web.Response(status=201, headers={"Location": f"http://127.0.0.1:{self.port}/m/{version}"})

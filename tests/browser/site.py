"""A site with the snippet on it, and the service behind it, in one uvicorn server on loopback.

The service answers at 127.0.0.1, the site at localhost: two origins. Ingest, log, fold, history, keys and the
in-app paths are the real ones, in one process; leases are made as the sender makes them, without providers.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar
from litestar.types import Receive, Scope, Send

from sevenfold.clock import SystemClock
from sevenfold.messages.compiling import CompiledTemplate
from sevenfold.messages.render import render
from sevenfold.messages.rendered import Rendered
from sevenfold.messages.templates import version_of
from sevenfold.server import inapp, snippet
from sevenfold.server.history import History, HistoryWriter
from sevenfold.server.ingest.app import Ingest
from sevenfold.server.ingest.paths import is_ingest_path
from sevenfold.server.inprocess import InProcess
from sevenfold.server.keys import Keys
from sevenfold.server.live import Watched
from sevenfold.server.secrets import SecretBox
from sevenfold.server.services import Services
from sevenfold.settings import load_settings
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace

WORKSPACE = Path(__file__).parent / "workspace"
NONCE = "bm9uY2U"
QUEUE = """window.sevenfold=[];
"load page track identify group alias reset consent on slot inbox subscribe ready".split(" ")
.forEach(function(k){sevenfold[k]=function(){sevenfold.push([k].concat([].slice.call(arguments)))}});"""
PAGE = """<!doctype html><html lang="en" dir="%(dir)s"><head><meta charset="utf-8"><title>%(title)s</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="stylesheet" href="/site.css">
<script nonce="%(nonce)s">window.violations=[];
document.addEventListener("securitypolicyviolation",function(e){
violations.push(e.violatedDirective+" "+e.blockedURI+" "+e.sample)});
%(queue)s
sevenfold.load("%(key)s", %(options)s);
%(calls)s</script>
<script async src="%(events)s/sevenfold.js"></script></head><body>%(body)s</body></html>"""
BODY = """<header><b>Warehouse</b><nav><button id="invite">Invite</button> <button id="report">Report</button>
<button data-sevenfold-inbox="">Messages</button></nav></header>
<main><div data-sevenfold-slot="hero"><h1>Welcome</h1><p>The page as it is.</p></div>
<label>Name <input id="name"></label><p>%s</p></main>"""
CSS = """body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#222;background:#fafafa}
header{display:flex;justify-content:space-between;padding:12px 24px;border-bottom:1px solid #ddd}
main{max-width:720px;margin:24px auto;padding:0 24px}
[data-sevenfold-inbox]:not([data-sevenfold-inbox=""])::after{content:" (" attr(data-sevenfold-inbox) ")"}"""


def workspace(secret: Path | None = None) -> Workspace:
    """The workspace of this folder, a journey for each template: "Show X" begins it, "Hide X" ends it."""
    found = msgspec.to_builtins(load(WORKSPACE))
    journeys = found.setdefault("journeys", {})
    if secret is not None:
        found["channels"]["product"]["settings"] = {"action_secret": f"file:{secret}"}
    for name in found["templates"]:
        if name.startswith("hero"):
            continue
        journeys[f"show_{name}"] = {
            "triggers": [{"kind": "event", "event": f"Show {name}"}],
            "re_entry": {"unlimited": 5},
            "exits": [{"event": f"Hide {name}", "reason": "hidden"}],
            "steps": {
                "say": {"kind": "message", "template": name, "expires": "1h"},
                "stay": {"kind": "wait", "for": "30d"},
            },
        }
    journeys["hero"] = {
        "triggers": [{"kind": "event", "event": "Show hero"}],
        "steps": {
            "test": {"kind": "split", "paths": {"a": {"share": 50}, "b": {"share": 50, "go": "b"}}},
            "a": {"kind": "message", "template": "hero_a", "expires": "1h", "next": "stay"},
            "b": {"kind": "message", "template": "hero_b", "expires": "1h"},
            "stay": {"kind": "wait", "for": "30d"},
        },
    }
    return msgspec.convert(found, Workspace)


class Site:
    """The server, what it was asked, and ways to make it fail."""

    def __init__(self, folder: Path, definition: Workspace | None = None, **settings: Any) -> None:
        self.folder = folder
        secret = folder / "action-secret"
        secret.write_text("whsec_" + "c2VjcmV0" * 5)
        self.writer = HistoryWriter(folder)
        self.live = InProcess(definition or workspace(secret), clock=SystemClock(), take=self._take)
        self.history = History(folder)
        self.keys = Keys(folder, SystemClock())
        self.services = Services(
            live=self.live,
            log=self.live.log,
            history=self.history,
            keys=self.keys,
            secrets=SecretBox.of_folder(folder),
            settings=load_settings({}, data_folder=folder, **settings),
            clock=SystemClock(),
        )
        self.key = self.keys.make_write_key("site").secret
        self.as_before()
        self.asked: list[tuple[str, str]] = []
        """(method and path, query) of every request to the service."""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._started = threading.Event()

    def as_before(self) -> None:
        """Forgets how a test wanted the site to be."""
        self.replies: deque[tuple[int, str]] = deque()
        """What the next batches are answered with instead: (status, Retry-After)."""
        self.after_taking = False
        """Whether those batches are taken all the same, and only the answer is lost."""
        self.pages: dict[str, str] = {}
        """Bodies of pages, by path."""
        self.documents: dict[str, str] = {}
        """Whole pages, which have no security policy."""
        self.options: dict[str, Any] = {}
        self.calls = "sevenfold.page();"
        self.direction = "ltr"
        self.streams = True

    # ------------------------------------------------------------------------------------------ serving

    def __enter__(self) -> Site:
        self._thread.start()
        assert self._started.wait(20)
        self.events = f"http://127.0.0.1:{self.port}"
        self.home = f"http://localhost:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = self.server.force_exit = True
        self._thread.join(20)
        self.keys.close()
        self.history.close()
        self.writer.close()

    def _serve(self) -> None:
        async def serve() -> None:
            self._ingest = Ingest(self.services)
            self._rest = Litestar(
                [inapp.router(self.services), snippet.router(self.services)], openapi_config=None
            )
            config = uvicorn.Config(
                self, port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1
            )
            self.server = uvicorn.Server(config)
            self.loop = asyncio.get_running_loop()
            serving = asyncio.create_task(self.server.serve())
            while not self.server.started:
                await asyncio.sleep(0.01)
            self.port = self.server.servers[0].sockets[0].getsockname()[1]
            self._started.set()
            await serving

        asyncio.run(serve())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").startswith(b"localhost"):
            await self._page(scope["path"], send)
            return
        self.asked.append((f"{scope['method']} {scope['path']}", scope["query_string"].decode()))
        if scope["path"] == "/v1/batch" and self.replies:
            status, wait = self.replies.popleft()
            if self.after_taking:
                await self._ingest(scope, receive, _nowhere)
            more = [(b"retry-after", wait.encode())] if wait else []
            more += [
                (b"access-control-allow-origin", b"*"),
                (b"access-control-expose-headers", b"Retry-After"),
            ]
            await send({"type": "http.response.start", "status": status, "headers": more})
            await send({"type": "http.response.body", "body": b'{"code":"test","message":"test"}'})
        elif scope["path"] == "/v1/inapp/stream" and not self.streams:
            more = [(b"access-control-allow-origin", b"*")]
            await send({"type": "http.response.start", "status": 503, "headers": more})
            await send({"type": "http.response.body", "body": b""})
        elif is_ingest_path(scope["path"]):
            await self._ingest(scope, receive, send)
        else:
            await self._rest(scope, receive, send)
        self._write_records()

    async def _page(self, path: str, send: Send) -> None:
        kind, status, content = "text/html; charset=utf-8", 200, ""
        if path == "/site.css":
            kind, content = "text/css", CSS
        elif path == "/sevenfold-push.js":
            kind, content = "text/javascript", f'importScripts("{self.events}/sevenfold-push.js")'
        elif path.endswith((".mp4", ".ico")):
            status = 404
        else:
            content = PAGE % {
                "title": path.strip("/").title() or "Home",
                "dir": self.direction,
                "nonce": NONCE,
                "queue": QUEUE,
                "events": self.events,
                "key": self.key,
                "options": json.dumps({"gap": 0, "flushAfter": 50, **self.options}),
                "calls": self.calls,
                "body": self.pages.get(path, BODY % path),
            }
        policy = (
            f"default-src 'none'; script-src 'nonce-{NONCE}' {self.events}; style-src 'self'; "
            f"img-src 'self'; connect-src {self.events}; media-src 'self'; worker-src 'self'; "
            "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types sevenfold"
        )
        if path == "/sevenfold-push.js":
            policy = f"default-src 'none'; script-src {self.events}; connect-src {self.events}"
        if path in self.documents:
            policy, content = "", self.documents[path]
        headers = [
            (b"content-type", kind.encode()),
            (b"content-security-policy", policy.encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content.encode()})

    # ------------------------------------------------------------------------------------ the sender's part

    def _take(self, watched: Watched) -> None:
        self.writer.take_effects(watched)
        for effect in watched.effects:
            if effect.kind == "message" and "shown_until" in effect.data:
                self._lease(effect.data, effect.time)
            elif effect.kind == "revoked":
                self.writer.shelf.revoke_lease(effect.data["effect"])
        self.writer.commit()

    def _lease(self, data: Mapping[str, Any], at: int) -> None:
        template = self.live.workspace.templates[data["template"]]
        rendered = render(CompiledTemplate(version_of(data["template"], template)), {"person": {}})
        assert isinstance(rendered, Rendered), rendered
        until = data["shown_until"]
        self.writer.shelf.add_lease(
            data["effect"], data["recipient"], data["channel"], rendered.to_json(), at, until
        )

    def _write_records(self) -> None:
        self.writer.take_records(self.live.log.read(self.writer.position))
        self.writer.commit()

    # ----------------------------------------------------------------------------------------- asking

    def run(self, work: Any) -> Any:
        """Runs a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def log(self) -> list[dict[str, Any]]:
        """The events in the log, in order."""
        found = []
        for record in self.live.log.read(0, 10_000):
            if record.kind == "events":
                found += [json.loads(entry.raw) for entry in record.entries]
        return found

    def named(self, *names: str) -> list[dict[str, Any]]:
        """Events of these names (of page views: `page`)."""
        return [one for one in self.log() if (one.get("event") or one["type"]) in names]

    def outcomes(self) -> list[tuple[str, str, str | None]]:
        """(effect, outcome, reason) that records of the log tell, in order."""
        records = [one.control or {} for one in self.live.log.read(0, 10_000) if one.kind == "control"]
        return [
            (one["effect"], one["outcome"], one.get("reason"))
            for one in records
            if one.get("op") == "outcome"
        ]


async def _nowhere(_: Any) -> None:
    return None

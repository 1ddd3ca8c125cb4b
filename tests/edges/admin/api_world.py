"""The admin API over a service in one process: a log in memory, a history in a folder, keys of each scope."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import msgspec
from litestar import Litestar

from sevenfold.clock import SetClock
from sevenfold.effects import Effect
from sevenfold.events.dedup import message_key
from sevenfold.events.times import parse_ms
from sevenfold.log.base import Entry, NewControl, NewEvents
from sevenfold.server.admin import router
from sevenfold.server.errors import EXCEPTION_HANDLERS
from sevenfold.server.history import History, HistoryWriter
from sevenfold.server.inprocess import InProcess
from sevenfold.server.keys import SCOPES, Keys
from sevenfold.server.live import Watched
from sevenfold.server.metrics import IngestCounts
from sevenfold.server.secrets import SecretBox
from sevenfold.server.services import Services
from sevenfold.settings import load_settings
from sevenfold.simulate import SaasCompany
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace

PACKS = Path(__file__).parents[3] / "packs"
START = 1_704_067_200_000
DAY = 86_400_000


def application(services: Any, ingest: IngestCounts | None = None) -> Litestar:
    return Litestar(
        [router(services, ingest)],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        logging_config=None,
    )


class Present:
    """Whatever services there are at the moment: one application, which takes a while to make, serves all
    tests, one after the other.
    """

    made: Litestar | None = None
    services: Services

    def __getattr__(self, name: str) -> Any:
        return getattr(Present.services, name)

    @classmethod
    def application(cls, services: Services) -> Litestar:
        cls.services = services
        if cls.made is None:
            cls.made = application(cls())
        return cls.made


class Api:
    """A service and its API; `get`, `post` and the like use the admin key."""

    def __init__(self, workspace: Workspace, folder: Path, **settings: Any) -> None:
        self.clock = SetClock(START)
        self.writer = HistoryWriter(folder)
        self.effects: list[Effect] = []
        self.live = InProcess(workspace, clock=self.clock, take=self._take)
        self.keys = Keys(folder, self.clock, api_rate_per_s=1_000_000)
        self.secrets = {scope: self.keys.make_api_key(scope, scope).secret for scope in SCOPES}
        self.services = Services(
            live=self.live,
            log=self.live.log,
            history=History(folder, self.live.log),
            keys=self.keys,
            secrets=SecretBox(b"s" * 32),
            settings=load_settings({}, data_folder=folder, **settings),
            clock=self.clock,
        )
        self.app = application(self.services) if settings else Present.application(self.services)
        self.runner = asyncio.Runner()
        self.reconnect()

    def reconnect(self) -> None:
        """Speaks to the application that is there."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://api.test")

    def ask_text(self, path: str) -> str:
        found = self.request("GET", path, scope=None)
        assert found.status_code == 200, found.text
        return found.text

    def ask(
        self, method: str, path: str, *, scope: str | None = "admin", status: int = 200, **more: Any
    ) -> Any:
        """A request with a key of a scope; its body, once its status is as expected."""
        found = self.request(method, path, scope=scope, **more)
        assert found.status_code == status, (method, path, found.status_code, found.text[:500])
        return found.json() if found.content else None

    def request(self, method: str, path: str, *, scope: str | None = "admin", **more: Any) -> httpx.Response:
        self.catch_up()
        Present.services = self.services
        headers = dict(more.pop("headers", {}))
        if scope is not None:
            headers.setdefault("authorization", f"Bearer {self.secrets.get(scope, scope)}")
        return self.runner.run(self.client.request(method, path, headers=headers, **more))

    def get(self, path: str, **params: Any) -> Any:
        return self.ask("GET", path, params=params)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.ask("POST", path, json=body, **more)

    def event(self, type_: str, user: str, **fields: Any) -> list[Effect]:
        """An event, now."""
        number = self.live.log.next_position
        raw = msgspec.json.encode({"type": type_, "userId": user, "messageId": f"m{number}", **fields})
        return self.append([(self.clock.now(), raw, f"m{number}")])

    def append(self, events: list[tuple[int, bytes, str]]) -> list[Effect]:
        first = len(self.effects)
        entries = [Entry("site", at, raw, at) for at, raw, _ in events]
        keys = [message_key("site", name) for *_, name in events]
        self.runner.run(self.live.append([NewEvents(entries, keys)]))
        return self.effects[first:]

    def _take(self, watched: Watched) -> None:
        self.effects += watched.effects
        self.writer.take_effects(watched)

    def control(self, **record: Any) -> list[Effect]:
        return self.runner.run(self.live.control(record)).effects

    def catch_up(self) -> None:
        """The history holds everything that happened."""
        while self.writer.take_records(self.live.log.read(self.writer.position)):
            pass
        self.writer.commit()

    def wait(self, ms: int) -> list[Effect]:
        """Time passes; what falls due happens."""
        self.clock.advance(ms)
        return self.runner.run(self.live.pass_time())

    def person(self, value: str) -> str:
        """The id of somebody."""
        found: str = self.get("/api/people/lookup", value=value)["id"]
        return found

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()
        self.services.history.close()
        self.writer.close()
        self.keys.close()
        self.keys.store.close()


def small(**objects: Any) -> Workspace:
    """A workspace of a few objects, with one journey."""
    fields: dict[str, Any] = {
        "name": "small",
        "signals": {"logins": {"kind": "count", "event": "Login"}},
        "traits": {"plan": {"type": "string"}},
        "segments": {"active": {"when": "logins >= 2"}, "vips": {"manual": True}},
        "predictions": {"leaves": {"target": {"event": "Left"}, "horizon": "30d"}},
        "consent": {"categories": {"news": {"default": "opt_out"}}},
        "templates": {
            "hello": {
                "channel": "email",
                "subject": "Hello",
                "text": "Hello {{ person.name }}: {{ links.unsubscribe }}",
                "category": "news",
            },
            "receipt": {
                "channel": "email",
                "subject": "Receipt {{ event.order_id }}",
                "text": "Thanks",
                "transactional": True,
            },
        },
        "journeys": {
            "greet": {
                "title": "Greeting",
                "triggers": [{"kind": "event", "event": "Hi"}, {"kind": "api"}],
                "re_entry": {"unlimited": 5},
                "steps": {
                    "pause": {"kind": "wait", "for": "1d"},
                    "hello": {"kind": "message", "template": "hello"},
                    "after": {"kind": "wait", "for": "2d"},
                },
            }
        },
    }
    return msgspec.convert({**fields, **objects}, Workspace)


def company(accounts: int, days: int, folder: Path) -> Api:
    """A simulated company under the seven-stage pack, with outcomes of its messages."""
    api = Api(load(PACKS / "seven-stage"), folder)
    events = SaasCompany(seed=11, accounts=accounts, days=days).events()
    timed = sorted(((parse_ms(event["timestamp"]) or 0, event) for event in events), key=lambda one: one[0])
    for at in range(0, len(timed), 200):
        some = timed[at : at + 200]
        api.clock.set(some[-1][0])
        new = api.append([(time, msgspec.json.encode(event), event["messageId"]) for time, event in some])
        for number, effect in enumerate([one for one in new if one.kind == "message"]):
            told(api, effect, number)
    return api


def told(api: Api, effect: Effect, number: int) -> None:
    """What a provider tells of a message; of every fourth nobody knows."""
    about = {"op": "outcome", "effect": effect.data["effect"], "channel": effect.data["channel"]}
    outcomes = ["claimed", "unknown"] if number % 4 == 3 else ["claimed", "sent", "delivered"]
    api.runner.run(api.live.append([NewControl({**about, "outcome": one}) for one in outcomes]))


def temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sevenfold-test-") as folder:
        yield Path(folder)

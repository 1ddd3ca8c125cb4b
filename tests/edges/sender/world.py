"""A small workspace, a service in one process, and a sender whose time passes when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from sevenfold.channels.base import Adapter, Outgoing, Result
from sevenfold.clock import SetClock
from sevenfold.effects import Effect
from sevenfold.log.base import Entry, NewEvents
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.server.inprocess import InProcess
from sevenfold.server.live import Watched
from sevenfold.server.secrets import SecretBox
from sevenfold.server.sender import Sender
from sevenfold.workspace.models import Workspace

START = 1_760_000_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
SECRETS = SecretBox(b"a secret of thirty-two bytes.....")
ACCEPTED = Result(verdict="accepted", provider_id="p")
TRANSIENT = Result(verdict="transient", reason="busy")
UNKNOWN = Result(verdict="unknown", reason="timeout")


def mail(**fields: Any) -> dict[str, Any]:
    """A template of an e-mail."""
    text = "Hello {{ links.unsubscribe }}"
    return {"channel": "email", "subject": "Hello", "text": text, "transactional": True, **fields}


def journey(event: str, *templates: str, **fields: Any) -> dict[str, Any]:
    """A journey that sends templates one after the other, as often as the event comes."""
    steps = {f"s{n}": {"kind": "message", "template": name} for n, name in enumerate(templates)}
    trigger = {"kind": "event", "event": event}
    return {"title": event, "triggers": [trigger], "steps": steps, "re_entry": {"unlimited": 1_000}, **fields}


def workspace(**given: Any) -> Workspace:
    """The workspace of most tests: `Go` sends `hello` by e-mail, `News` sends `news`, which nobody asked
    for.
    """
    world: dict[str, Any] = {
        "name": "shop",
        "channels": {"email": {"type": "email"}},
        "templates": {"hello": mail(), "news": mail(transactional=False)},
        "journeys": {"go": journey("Go", "hello"), "news": journey("News", "news")},
    }
    for name, value in given.items():
        world[name] = {**world.get(name, {}), **value} if isinstance(value, dict) else value
    return msgspec.convert(world, Workspace)


class VirtualTime:
    """Time that stands still until it is advanced; what waits for a moment goes on when it comes."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self._waits: dict[asyncio.Event, int] = {}

    def now(self) -> int:
        return self.clock.now()

    async def wait(self, event: asyncio.Event, until: int | None) -> None:
        if event.is_set() or (until is not None and until <= self.now()):
            await asyncio.sleep(0)
            return
        over = asyncio.Event()
        if until is not None:
            self._waits[over] = until
        waiting = [asyncio.ensure_future(one.wait()) for one in (event, over)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waits.pop(over, None)
            for one in waiting:
                one.cancel()

    async def settle(self) -> None:
        """Returns once nothing happens any more without time passing."""
        ready: Any = asyncio.get_running_loop()
        quiet = 0
        while quiet < 3:
            await asyncio.sleep(0)
            quiet = 0 if ready._ready else quiet + 1

    async def advance(self, ms: int) -> None:
        """Lets time pass, moment by moment."""
        end = self.now() + ms
        while True:
            await self.settle()
            due = min(self._waits.values(), default=end + 1)
            if due > end:
                self.clock.set(end)
                await self.settle()
                return
            self.clock.set(max(due, self.now()))
            for over, until in list(self._waits.items()):
                if until <= due:
                    over.set()


class Provider:
    """An adapter that answers as the test says, and remembers what it accepted."""

    def __init__(
        self,
        answer: Callable[[Outgoing], Result] | Iterable[Result] | Result = ACCEPTED,
        *,
        deduplicates: bool = False,
        concurrency: int = 10,
        rate_per_s: float | None = None,
        time: VirtualTime | None = None,
        latency_ms: int = 0,
    ) -> None:
        self.deduplicates, self.concurrency, self.rate_per_s = deduplicates, concurrency, rate_per_s
        self.time, self.latency_ms = time, latency_ms
        self.answer = answer if callable(answer) or isinstance(answer, Result) else iter(answer)
        self.calls: list[tuple[int, Outgoing]] = []
        self.accepted: list[Outgoing] = []
        self.works = ACCEPTED
        self.checks = self.most = self.now = 0
        self.closed = False

    async def send(self, message: Outgoing) -> Result:
        at = self.time.now() if self.time is not None else 0
        self.calls.append((at, message))
        self.now += 1
        self.most = max(self.most, self.now)
        if self.time is not None and self.latency_ms:
            await self.time.wait(asyncio.Event(), at + self.latency_ms)
        self.now -= 1
        if isinstance(self.answer, Result):
            found = self.answer
        else:
            found = self.answer(message) if callable(self.answer) else next(self.answer, ACCEPTED)
        if found.verdict == "accepted":
            self.accepted.append(message)
        return found

    async def check(self) -> Result:
        self.checks += 1
        return self.works

    async def close(self) -> None:
        self.closed = True


class Shelf:
    """Links and leases in memory, as readers of the history would see them."""

    def __init__(self) -> None:
        self.links: dict[str, list[tuple[str, int, str]]] = {}
        self.leases: dict[str, dict[str, Any]] = {}
        self._added: list[Callable[[], None]] = []

    def add_links(self, effect: str, links: Any) -> None:
        self._added.append(lambda: self.links.update({effect: list(links)}))

    def add_lease(
        self, effect: str, person: str, channel: str, content: dict[str, Any], since: int, until: int | None
    ) -> None:
        lease = {"person": person, "channel": channel, "content": content, "since": since, "until": until}
        self._added.append(lambda: self.leases.update({effect: lease}))

    def revoke_lease(self, effect: str) -> None:
        self._added.append(lambda: self.leases.pop(effect, None) and None)

    def commit(self) -> None:
        added, self._added = self._added, []
        for add in added:
            add()


class World:
    """A service with a sender. `make` gives the adapter of each channel by name."""

    def __init__(
        self,
        found: Workspace | None = None,
        make: Provider | Mapping[str, Provider] | Callable[[str, DeliveryChannel], Adapter] | None = None,
        **options: Any,
    ) -> None:
        self.clock = SetClock(START)
        self.time = VirtualTime(self.clock)
        self.effects: list[Effect] = []
        self.provider = make if isinstance(make, Provider) else Provider()
        self.provider.time = self.provider.time or self.time
        if isinstance(make, Mapping):
            for one in make.values():
                one.time = one.time or self.time
        self._given = make
        self.options = options
        self.shelf = Shelf()
        self.senders: list[Sender] = []
        self.live = InProcess(found or workspace(), clock=self.clock, take=self._take)
        self.sender = self.new_sender()
        self._count = 0
        self._known: set[str] = set()

    def new_sender(self) -> Sender:
        """A sender as it would be after a restart."""
        self.sender = Sender(
            self.live,
            clock=self.clock,
            store=self.shelf,
            secrets=SECRETS,
            public_url="https://shop.example",
            make=self._make,
            time=self.time,
            threads=False,
            **self.options,
        )
        return self.sender

    def _make(self, name: str, model: DeliveryChannel) -> Adapter:
        given = self._given
        if isinstance(given, Mapping):
            return given[name]
        return given(name, model) if callable(given) else self.provider

    def _take(self, watched: Watched) -> None:
        self.effects += watched.effects
        if hasattr(self, "sender"):
            self.sender.take(watched)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """The sender runs; at the end it is stopped as a service would."""
        task = asyncio.create_task(self.sender.run())
        await self.time.settle()
        try:
            yield self
            await self.time.settle()
            if task.done():
                task.result()
        finally:
            await self.sender.stop(1.0)
            task.cancel()
            await asyncio.wait([task])

    async def event(self, user: str, name: str = "Go", **properties: Any) -> None:
        """Somebody does something; we know their address."""
        if user not in self._known:
            await self.identify(user, email=f"{user}@example.com")
        self._count += 1
        raw = {
            "type": "track",
            "event": name,
            "userId": user,
            "messageId": f"m{self._count}",
            "properties": properties,
        }
        entry = Entry("test", self.clock.now(), msgspec.json.encode(raw))
        await self.live.append([NewEvents([entry], [self._count.to_bytes(16, "big")])])

    async def identify(self, user: str, **traits: Any) -> None:
        """Somebody says who they are."""
        self._known.add(user)
        self._count += 1
        raw = {"type": "identify", "userId": user, "messageId": f"m{self._count}", "traits": traits}
        entry = Entry("test", self.clock.now(), msgspec.json.encode(raw))
        await self.live.append([NewEvents([entry], [self._count.to_bytes(16, "big")])])

    def outcomes(self, effect: str | None = None) -> list[str]:
        """What was told, of one message or of all."""
        found = [one.data for one in self.effects if one.kind == "outcome"]
        return [data["outcome"] for data in found if effect in (None, data["effect"])]

    @property
    def messages(self) -> list[str]:
        """The effect ids of what was decided."""
        return [one.data["effect"] for one in self.effects if one.kind == "message"]


def run(work: Any) -> None:
    """Runs a test's coroutine."""
    asyncio.run(work)

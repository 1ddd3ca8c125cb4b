"""From nothing to a living company: serves, feeds simulated events as their time comes, and lets people read
their mail.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from ...clock import SystemClock
from ...errors import SevenfoldError
from ...settings import load_settings
from ...simulate import Message, SaasCompany
from ...workspace import models as m
from ..quick_clock import Pace, QuickClock
from ..serve import Service, Started
from .mailbox import Mailbox

log = logging.getLogger("sevenfold.demo")
DAY_MS: Final = 86_400_000
HISTORY_DAYS: Final = 30
"""How much of the company's past is there when people begin to watch."""
BATCH: Final = 250
STEP_S: Final = 0.2
START_MS: Final = 9_000
DECIDED_S_MAX: Final = 30
"""How long the end waits for what was sent last to be decided on."""
_SAID: Final = frozenset({"stage", "message", "task", "webhook", "held"})


class Seen(msgspec.Struct):
    """Something to show: what kind, about whom, and a line."""

    time: int
    kind: str
    who: str
    text: str


class Demo(msgspec.Struct):
    """How a demonstration runs: a company of so many accounts, `speed` times as fast as life, for `seconds`
    (0: until it is stopped). With `days` it lives the days before now, and stops at now.
    """

    folder: Path
    workspace: m.Workspace
    accounts: int = 60
    seed: int = 7
    speed: float = 21_600.0
    seconds: float = 0
    port: int = 0
    days: float = 0


class Figures(msgspec.Struct):
    """What came of it."""

    events: int = 0
    mails: int = 0
    days: float = 0
    kinds: Counter[str] = msgspec.field(default_factory=Counter)


async def run_demo(demo: Demo, started: Callable[[Started], None], seen: Callable[[Seen], None]) -> Figures:
    """Runs it. `started` hears where the service listens, `seen` what happens. Raises
    SevenfoldError.
    """
    living = _Living(demo, seen)
    mailbox = Mailbox(living.read)
    await mailbox.start()
    settings = load_settings(None, data_folder=demo.folder / "data", port=demo.port or None)
    if not demo.port:
        settings = msgspec.structs.replace(settings, port=0)
    service = Service(settings, _with_mailbox(demo.workspace, mailbox.port), clock=QuickClock(living.pace))
    serving = asyncio.create_task(service.run(), name="service")
    try:
        told = await _first(service.started, serving)
        started(told)
        living.watch(service)
        await living.run(told)
    finally:
        service.stop()
        with suppress(asyncio.CancelledError):
            await serving
        mailbox.close()
    return living.figures


async def _first(started: asyncio.Future[Started], serving: asyncio.Task[None]) -> Started:
    """Where it listens, or why it does not."""

    async def waited() -> Started:
        return await started

    waiting = asyncio.create_task(waited())
    await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        waiting.cancel()
        serving.result()
    return await waiting


def _with_mailbox(workspace: m.Workspace, port: int) -> m.Workspace:
    """The pack as a company of its own would run it, with all mail going to the mailbox."""
    settings = {"host": "127.0.0.1", "port": port, "security": "none", "from": "Acme <hello@acme.example>"}
    mail = msgspec.convert({"type": "email", "provider": "smtp", "settings": settings}, m.DeliveryChannel)
    channels = {
        name: msgspec.structs.replace(mail, purposes=one.purposes) if one.type in ("email", "slack") else one
        for name, one in workspace.channels.items()
    }
    return msgspec.structs.replace(workspace, channels=channels)


class _Living:
    """The simulated company beside the service."""

    def __init__(self, demo: Demo, seen: Callable[[Seen], None]) -> None:
        self._demo, self._seen = demo, seen
        self.figures = Figures()
        lived = demo.days or (demo.seconds or 3_600) * demo.speed * 1_000 / DAY_MS
        days = HISTORY_DAYS + int(lived) + 2
        now = SystemClock().now()
        begin = now - int(demo.days * DAY_MS)
        start = begin // DAY_MS * DAY_MS - HISTORY_DAYS * DAY_MS
        # What is lived before now begins when the service has started.
        began = now + START_MS if demo.days else now
        self.pace = Pace(begin, began, demo.speed, now if demo.days else 0)
        self._clock = QuickClock(self.pace)
        self._company = SaasCompany(seed=demo.seed, accounts=demo.accounts, days=days, start_ms=start)
        self._events: Iterator[tuple[int, dict[str, Any]]] = self._company.timed_events()
        self._people: dict[str, str] = {}
        """User ids by address."""
        self._next: tuple[int, dict[str, Any]] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._service: Service | None = None
        self._is_now = False
        """All days before now are lived."""

    async def run(self, told: Started) -> None:
        """Feeds events as their time comes, until the time is up."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._demo.seconds if self._demo.seconds else None
        async with httpx.AsyncClient(base_url=told.url, auth=(told.write_key, ""), trust_env=False) as client:
            while (end is None or loop.time() < end) and not self._is_now:
                self._is_now = self._clock.now() == self.pace.until
                due = self._due(self._clock.now())
                for at in range(0, len(due), BATCH):
                    reply = await client.post("/v1/batch", json={"batch": due[at : at + BATCH]})
                    reply.raise_for_status()
                self.figures.events += len(due)
                self.figures.days = (self._clock.now() - self.pace.start) / DAY_MS
                await asyncio.sleep(STEP_S)
        if self._watching is not None:
            await self._decided()
            self._watching.cancel()

    async def _decided(self) -> None:
        """Waits until all that was sent has been decided on, which on a busy machine is a little later."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DECIDED_S_MAX):
                while self._service is not None and (await self._service.live.status())["fold_lag"]:
                    await asyncio.sleep(STEP_S)

    def _due(self, now: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            if self._next is None:
                self._next = next(self._events, None)
            if self._next is None or self._next[0] > now:
                return found
            event = self._next[1]
            self._next = None
            address = (event.get("traits") or {}).get("email")
            if isinstance(address, str) and event.get("userId"):
                self._people[address.lower()] = str(event["userId"])
            found.append(event)

    def read(self, address: str, mail: EmailMessage) -> None:
        """A mail has come: its reader may open it, click, do what it says, or leave."""
        self.figures.mails += 1
        subject = str(mail["Subject"])
        self._seen(Seen(self._clock.now(), "mail", address, subject))
        person = self._people.get(address.lower())
        if person is None:
            return
        kind = str(mail["Feedback-ID"] or "message").partition(":")[0]
        with suppress(SevenfoldError):
            self._company.respond(person, Message(kind, "email", "activation", self._clock.now()))

    def watch(self, service: Service) -> None:
        """Tells what the service decides."""
        self._service = service
        self._watching = asyncio.create_task(self._watch(service), name="watching")

    async def _watch(self, service: Service) -> None:
        async for watched in service.live.watch(_SAID):
            for effect in watched.effects:
                self.figures.kinds[effect.kind] += 1
                if effect.kind == "stage":
                    text = f"{effect.name}: {effect.data.get('from') or 'new'} → {effect.data.get('to')}"
                    self._seen(Seen(effect.time, "stage", effect.subject, text))
                elif effect.kind == "task":
                    self._seen(Seen(effect.time, "task", effect.subject, f"task for people: {effect.name}"))

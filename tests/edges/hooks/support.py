"""A shop with everything that comes back, in one process: log, fold, history, and the routes over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar
from litestar.testing import AsyncTestClient

from sevenfold.clock import SetClock
from sevenfold.effects import Effect
from sevenfold.events.dedup import message_key
from sevenfold.log.base import Entry, NewControl, NewEvents
from sevenfold.server import hooks, tracking
from sevenfold.server.history import History, HistoryWriter
from sevenfold.server.inprocess import InProcess
from sevenfold.server.keys import Keys
from sevenfold.server.live import Watched
from sevenfold.server.returning import Returning
from sevenfold.server.secrets import SecretBox
from sevenfold.server.services import Services
from sevenfold.settings import load_settings
from sevenfold.workspace.models import Workspace

NOW = 1_780_000_000_000
BASE = "https://go.shop.test"
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TWILIO = "a-token-of-twilio"
OUTCOMES = (
    "sent",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "complained",
    "failed",
    "render_error",
    "rate_limited",
)

CHANNELS: dict[str, Any] = {
    "mail": {"type": "email"},
    "text": {
        "type": "sms",
        "provider": "twilio",
        "settings": {
            "account_sid": "AC" + "0" * 32,
            "auth_token": "env:TWILIO_TOKEN",
            "from": "+15005550001",
        },
    },
    "calls": {
        "type": "webhook",
        "provider": "webhook",
        "settings": {"url": "https://peer.test/", "secret": "env:HOOK_SECRET"},
    },
    "page": {"type": "in_app"},
}
CONSENT: dict[str, Any] = {
    "categories": {
        "orders": {"required": True, "title": "My orders", "description": "Confirmations"},
        "care": {
            "default": "opt_out",
            "title": "Getting <the> most",
            "locales": {"de": {"title": "Mehr davon haben"}},
        },
        "offers": {"default": "opt_in", "double": True, "title": "New things & offers"},
    }
}
TEMPLATE = {
    "channel": "mail",
    "category": "care",
    "subject": "Hello",
    "text": "Hello {{ links.unsubscribe }}",
}


def journey(on: list[str]) -> dict[str, Any]:
    """A message, and for each outcome a way of its own that leaves a trait behind."""
    ways = {one: f"was_{one}" for one in on}
    steps: dict[str, Any] = {"hello": {"kind": "message", "template": "hello", "on": ways, "next": "end"}}
    for one in on:
        steps[f"was_{one}"] = {"kind": "update_trait", "set": {"hello_was": one}, "next": "end"}
    steps["end"] = {"kind": "exit"}
    triggers = [{"kind": "event", "event": "Signed Up"}]
    return {"triggers": triggers, "re_entry": {"unlimited": 9}, "steps": steps}


def workspace(**more: Any) -> Workspace:
    """The shop."""
    signals = {f"mails_{one}": {"kind": "count", "event": f"$message {one} hello"} for one in OUTCOMES}
    segments = {f"got_{one}": {"when": f"mails_{one} >= 1"} for one in OUTCOMES}
    given: dict[str, Any] = {
        "name": "shop",
        "title": "Ada's Shop",
        "traits": {
            "hello_was": {"type": "string"},
            "paused_until": {"type": "date"},
            "plan": {"of": "account"},
        },
        "channels": CHANNELS,
        "consent": CONSENT,
        "templates": {"hello": TEMPLATE},
        "signals": signals,
        "segments": segments,
        "journeys": {"hello": journey([])},
    }
    return msgspec.convert({**given, **more}, Workspace)


class World:
    """The service over a shop. `client` calls it; what was sent is told by `send`."""

    def __init__(self, folder: Path, model: Workspace | None = None) -> None:
        self.clock = SetClock(NOW)
        self.told: list[Watched] = []
        self._writer = HistoryWriter(folder)
        self.live = InProcess(model or workspace(), clock=self.clock, take=self.told.append)
        settings = load_settings({}, data_folder=folder, public_url=BASE)
        self.services = Services(
            live=self.live,
            log=self.live.log,
            history=History(folder, self.live.log),
            keys=Keys(None, self.clock),
            secrets=SecretBox(b"s" * 32),
            settings=settings,
            clock=self.clock,
        )
        self.back = Returning.of(self.services)
        self.app = Litestar(
            [hooks.router(self.services), tracking.router(self.services)], openapi_config=None
        )

    @property
    def effects(self) -> list[Effect]:
        return [effect for one in self.told for effect in one.effects]

    @property
    def controls(self) -> list[dict[str, Any]]:
        """Control records of the log, those of outcomes one by one."""
        found: list[dict[str, Any]] = []
        for record in self.live.log.read(0, 10_000):
            if record.control is not None:
                found += record.control.get("outcomes") or [record.control]
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        records = self.live.log.read(0, 10_000)
        return [msgspec.json.decode(entry.raw) for record in records for entry in record.entries]

    def client(self) -> AsyncTestClient[Litestar]:
        return AsyncTestClient(self.app, base_url="https://go.shop.test")

    async def event(self, name: str, user: str = "u1", **more: Any) -> None:
        """Something that happens, as the site tells it."""
        number = self.live.log.next_position
        made = {"type": "track", "event": name, "userId": user, "messageId": f"site-{number}", **more}
        raw = msgspec.json.encode(made)
        key = message_key("site", f"site-{number}")
        await self.live.append([NewEvents([Entry("site", self.clock.now(), raw)], [key])])
        self.project()

    async def send(self, user: str = "u1", email: str = "ada@example.org", sent: bool = True) -> Effect:
        """Somebody signs up and is sent the message; its effect."""
        await self.event("Signed Up", user, context={"traits": {"email": email, "phone": "+491701234567"}})
        effect = next(one for one in reversed(self.effects) if one.kind == "message")
        name = str(effect.data["effect"])
        if sent:
            await self.tell({"effect": name, "outcome": "claimed"})
            await self.tell(
                {"effect": name, "outcome": "sent", "provider_id": f"p-{name}", "channel": "mail"}
            )
        self.project()
        return effect

    async def tell(self, outcome: dict[str, Any]) -> None:
        await self.live.append([NewControl({"op": "outcome", **outcome})])
        self.project()

    def project(self) -> None:
        """The history catches up with the log and the effects."""
        for watched in self.told:
            self._writer.take_effects(watched)
        self._writer.take_records(self.live.log.read(self._writer.position, 10_000))
        self._writer.commit()

    def link(self, effect: str, ident: str, url: str) -> None:
        self._writer.shelf.add_links(effect, [(ident, 0, url)])
        self._writer.commit()

    async def person(self, user: str = "u1") -> dict[str, Any]:
        """A profile, as the fold shows it."""
        found = await self.live.ask("lookup", value=user, kind="user_id")
        shown: dict[str, Any] = await self.live.ask("profile", of="person", id=found["id"])
        return {**shown, "id": found["id"]}

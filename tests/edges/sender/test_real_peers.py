"""Through the registry's own adapters, to a real mail server and a real receiver of webhooks on loopback."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from sevenfold.channels.outside import permit
from sevenfold.clock import stopwatch_ns
from sevenfold.server.inprocess import InProcess
from sevenfold.server.sender import Sender
from sevenfold.workspace.models import Workspace
from tests.edges.channels.peers.http import Answered, HangUp
from tests.edges.channels.peers.receiver import Receiver
from tests.edges.channels.peers.smtp import Fault, SmtpPeer
from tests.edges.sender.world import SECRETS, START, World, journey, mail, workspace

SECRET = "whsec_" + b64encode(b"k" * 32).decode()
FASTER = 200
"""So many times faster than on the wall time passes here: ten seconds are 50 ms."""


class FastClock:
    """Real time, sped up, so that a back-off is over before a test is."""

    def __init__(self) -> None:
        self._began = stopwatch_ns()

    def now(self) -> int:
        return START + (stopwatch_ns() - self._began) * FASTER // 1_000_000


class FastTime:
    def __init__(self, clock: FastClock) -> None:
        self.now = clock.now

    async def wait(self, event: asyncio.Event, until: int | None) -> None:
        timeout = None if until is None else max(0, until - self.now()) / 1_000 / FASTER
        try:
            await asyncio.wait_for(event.wait(), timeout)
        except TimeoutError:
            return


class RealWorld(World):
    """A world whose sender makes its adapters from the registry."""

    def __init__(self, found: Workspace, environment: dict[str, str]) -> None:
        super().__init__(found)
        clock = FastClock()
        self.clock, self._secrets = clock, environment  # type: ignore[assignment]  # it runs by itself
        self.live = InProcess(found, clock=clock, take=self._take)
        self.sender = Sender(
            self.live,
            clock=clock,
            store=self.shelf,
            secrets=SECRETS,
            public_url="https://shop.example",
            time=FastTime(clock),
            threads=False,
            make=self._registered,
        )

    def _registered(self, name: str, model: Any) -> Any:
        from sevenfold.channels.registry import make_adapter

        return make_adapter(model, lambda reference: self._secrets[reference])

    async def until(self, told: int, outcome: str = "sent") -> None:
        for _ in range(1_000):
            if self.outcomes().count(outcome) >= told:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.outcomes()}: {self.sender.status()}")


@pytest.fixture(autouse=True)
def loopback() -> Iterator[None]:
    permit("127.0.0.0/8")
    yield
    permit("")


def test_mails_arrive_once_each_whatever_the_mail_server_says_at_first() -> None:
    async def go(peer: SmtpPeer) -> list[str]:
        channel = {
            "type": "email",
            "provider": "smtp",
            "settings": {
                "host": "127.0.0.1",
                "port": peer.port,
                "security": "none",
                "from": "a@shop.example",
            },
        }
        found = workspace(channels={"email": channel}, templates={"news": mail(transactional=False)})
        world = RealWorld(found, {})
        task = asyncio.create_task(world.sender.run())
        peer.next(Fault("recipient", "450 4.2.0 come back later"), Fault("recipient", "451 4.3.0 and later"))
        for user in ("ada", "bob", "cleo"):
            await world.event(user, "News")
        await world.until(3)
        await world.sender.stop(5.0)
        await task
        assert world.outcomes().count("rate_limited") == 2
        return world.messages

    with SmtpPeer() as peer:
        messages = asyncio.run(go(peer))
    assert len(messages) == 3
    assert sorted(one.recipients[0] for one in peer.taken) == [
        f"{user}@example.com" for user in ("ada", "bob", "cleo")
    ]
    assert all(b"List-Unsubscribe: <https://shop.example/u/" in one.content for one in peer.taken)


def test_a_call_whose_answer_was_lost_is_made_again_with_the_same_id() -> None:
    async def go(peer: Receiver) -> list[str]:
        found = workspace(
            channels={
                "crm": {
                    "type": "webhook",
                    "provider": "webhook",
                    "settings": {"url": f"{peer.url}/in", "secret": "env:CRM", "timeout_s": 2.0},
                }
            },
            journeys={
                "go": {
                    **journey("Go"),
                    "steps": {"call": {"kind": "webhook", "channel": "crm", "payload": {"a": 1}}},
                }
            },
        )
        world = RealWorld(found, {"env:CRM": SECRET})
        task = asyncio.create_task(world.sender.run())
        peer.next(HangUp(), Answered(503))
        await world.event("ada")
        await world.until(1)
        await world.sender.stop(5.0)
        await task
        assert world.outcomes()[0] == "claimed" and world.outcomes()[-1] == "sent"
        return [one.data["effect"] for one in world.effects if one.kind == "webhook"]

    with Receiver(SECRET) as peer:
        (effect,) = asyncio.run(go(peer))
    assert peer.taken == {effect: {"a": 1}}
    assert {one.headers["webhook-id"] for one in peer.asked} == {effect}
    assert len(peer.asked) == 3

"""What Slack and WhatsApp tell, through the service's own address: buttons close tasks, words open the
window.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from slack_sdk.signature import SignatureVerifier

from sevenfold.channels.base import Outgoing
from sevenfold.channels.slack import posted
from sevenfold.effects import Effect
from sevenfold.messages.rendered import Rendered
from tests.edges.hooks.support import NOW, World, workspace

META, SLACK, PHONE = "meta-app-secret", "slack-signing-secret", "+491701234567"
WHATSAPP = {
    "type": "whatsapp",
    "provider": "whatsapp",
    "settings": {
        "access_token": "env:META_TOKEN",
        "phone_number_id": "1",
        "app_secret": "env:META_SECRET",
        "verify_token": "env:META_WORD",
    },
}
SETTINGS = {"bot_token": "env:SLACK_BOT", "signing_secret": "env:SLACK_SECRET", "channel": "C1"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("META_TOKEN", "t"), ("META_SECRET", META), ("META_WORD", "word")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLACK_BOT", "xoxb-1")
    monkeypatch.setenv("SLACK_SECRET", SLACK)


def shop() -> Any:
    steps = {"tell": {"kind": "message", "template": ["own_words", "approved"]}}
    shipped = {
        "triggers": [{"kind": "event", "event": "Order Shipped"}],
        "re_entry": {"unlimited": 9},
        "steps": steps,
    }
    kind = {
        "title": "Call them",
        "channel": "rescue",
        "owners": [{"trait": "owner"}],
        "outcomes": ["saved", "not_saved"],
    }
    return workspace(
        channels={
            "whatsapp": WHATSAPP,
            "chat": {**WHATSAPP, "reachable": "wrote_24h >= 1"},
            "rescue": {"type": "slack", "provider": "slack", "settings": SETTINGS},
        },
        consent={"categories": {"orders": {"required": True}, "news": {"default": "opt_out"}}},
        templates={
            "own_words": {"channel": "chat", "category": "orders", "body": "On its way"},
            "approved": {"channel": "whatsapp", "category": "orders", "payload": {"template": "shipped"}},
        },
        traits={"owner": {"type": "string"}},
        signals={"wrote_24h": {"kind": "count", "event": "WhatsApp Received", "window": "24h"}},
        segments={},
        tasks={"call": kind},
        journeys={"shipped": shipped},
    )


def meta(text: str, ident: str) -> tuple[bytes, dict[str, str]]:
    """A message as Meta tells it, signed."""
    message = {"id": ident, "from": PHONE[1:], "timestamp": str(NOW // 1000), "type": "text"}
    value = {"contacts": [{"wa_id": PHONE[1:]}], "messages": [message | {"text": {"body": text}}]}
    body = json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()
    return body, {"x-hub-signature-256": "sha256=" + hmac.new(META.encode(), body, sha256).hexdigest()}


def of_kind(world: World, kind: str) -> list[Effect]:
    return [one for one in world.effects if one.kind == kind]


def test_what_somebody_writes_opens_the_window_for_our_own_words(tmp_path: Path) -> None:
    async def story() -> list[Any]:
        world = World(tmp_path, shop())
        traits = {"context": {"traits": {"phone": PHONE}}}
        async with world.client() as client:
            await world.event("Order Shipped", **traits)
            body, headers = meta("Where is it?", "wamid.1")
            for _ in range(2):
                assert (await client.post("/hooks/chat", content=body, headers=headers)).status_code == 200
            await world.event("Order Shipped")
            world.clock.advance(86_400_001)
            await world.event("Order Shipped")
            refused = await client.post("/hooks/chat", content=body + b" ", headers=headers)
            assert refused.status_code == 401
            greeted = await client.get(
                "/hooks/chat?hub.mode=subscribe&hub.verify_token=word&hub.challenge=1158"
            )
            assert greeted.text == "1158"
        received = [one for one in world.events if one["event"] == "WhatsApp Received"]
        assert len(received) == 1
        return [one.data["template"] for one in of_kind(world, "message")]

    assert asyncio.run(story()) == ["approved", "own_words", "approved"]


def test_stop_on_whatsapp_is_a_no_and_start_takes_it_back(tmp_path: Path) -> None:
    async def story() -> list[str]:
        world = World(tmp_path, shop())
        await world.event("Order Shipped", context={"traits": {"phone": PHONE}})
        async with world.client() as client:
            for word, ident in (("STOP", "wamid.1"), ("start", "wamid.2")):
                body, headers = meta(word, ident)
                assert (await client.post("/hooks/chat", content=body, headers=headers)).status_code == 200
        return [one.data["status"] for one in of_kind(world, "consent")]

    assert asyncio.run(story()) == ["out", "in"]


def test_start_ends_the_silence_that_a_refusal_of_the_provider_began(tmp_path: Path) -> None:
    async def story() -> list[str]:
        world = World(tmp_path, shop())
        await world.event("Order Shipped", context={"traits": {"phone": PHONE}})
        # As after an answer "opted out": the provider had heard a STOP that we had not.
        await world.live.control({"op": "suppress", "channel": "chat", "address": PHONE})
        body, headers = meta("START", "wamid.3")
        async with world.client() as client:
            assert (await client.post("/hooks/chat", content=body, headers=headers)).status_code == 200
        return [one.kind for one in world.effects if "suppressed" in one.kind]

    assert asyncio.run(story()) == ["suppressed", "unsuppressed"]


def test_a_button_in_slack_closes_the_task_once(tmp_path: Path) -> None:
    async def story() -> World:
        world = World(tmp_path, shop())
        await world.event("Signed Up")
        told = {"op": "task", "action": "open", "kind": "call", "person": {"user_id": "u1"}, "reason": "x"}
        await world.live.control(told)
        (task,) = of_kind(world, "task")
        content = Rendered(template="", digest="", channel="slack", locale="", body="Call")
        message = Outgoing(
            effect="e1", channel="rescue", address=None, person="", content=content, data=task.data
        )
        blocks = posted(message)["blocks"]
        press = {
            "type": "block_actions",
            "user": {"id": "U1", "username": "ann"},
            "message": {"blocks": blocks},
            "actions": [{**blocks[-1]["elements"][0], "action_ts": "1.1"}],
        }
        body = urlencode({"payload": msgspec.json.encode(press).decode()})
        stamp = str(NOW // 1000)
        signature = SignatureVerifier(SLACK).generate_signature(timestamp=stamp, body=body)
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": str(signature),
        }
        async with world.client() as client:
            for _ in range(2):
                answer = await client.post("/hooks/rescue", content=body, headers=headers)
                assert (answer.status_code, answer.text) == (200, "")
        return world

    world = asyncio.run(story())
    (closed,) = of_kind(world, "task_closed")
    assert (closed.data["outcome"], closed.data["by"]) == ("saved", "ann (Slack)")

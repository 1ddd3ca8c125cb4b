"""Providers call `/hooks/{channel}`: signed by their own libraries, tampered with, replayed, too large, not
for us.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from standardwebhooks.webhooks import Webhook
from svix.webhooks import Webhook as Svix
from twilio.request_validator import RequestValidator

from sevenfold.log.base import New
from sevenfold.server.live import BusyError
from tests.edges.hooks.support import BASE, NOW, STANDARD, TWILIO, World

FORM = {"content-type": "application/x-www-form-urlencoded"}


def standard(body: str, at: int = NOW, ident: str = "msg_1", sign: Any = Webhook) -> dict[str, str]:
    """The headers that an independent library makes."""
    seconds = datetime.fromtimestamp(at // 1_000, UTC)
    prefix = "svix" if sign is Svix else "webhook"
    return {
        f"{prefix}-id": ident,
        f"{prefix}-timestamp": str(at // 1_000),
        f"{prefix}-signature": sign(STANDARD).sign(ident, seconds, body),
    }


def twilio(url: str, form: Mapping[str, str]) -> dict[str, str]:
    return {**FORM, "x-twilio-signature": RequestValidator(TWILIO).compute_signature(url, dict(form))}


@pytest.mark.parametrize("sign", [Webhook, Svix])
def test_a_signed_call_is_in_the_log_before_it_is_answered(world: World, sign: Any) -> None:
    async def story() -> None:
        effect = str((await world.send()).data["effect"])
        body = json.dumps({"type": "message.delivered", "timestamp": "now", "data": {"id": effect}})
        async with world.client() as client:
            answer = await client.post("/hooks/calls", content=body, headers=standard(body, sign=sign))
        assert answer.status_code == 200
        assert "got_delivered" in (await world.person())["segments"]

    asyncio.run(story())


@pytest.mark.parametrize("change", ["body", "signature", "old", "early", "unsigned", "other_secret"])
def test_a_call_that_was_tampered_with_or_replayed_is_refused_and_changes_nothing(
    world: World, change: str
) -> None:
    async def story() -> None:
        effect = str((await world.send()).data["effect"])
        before = world.live.log.next_position
        body = json.dumps({"type": "message.bounced", "data": {"id": effect, "permanent": True}})
        at = {"old": NOW - 301_000, "early": NOW + 301_000}.get(change, NOW)
        headers = standard(body, at)
        if change == "body":
            body = body.replace("bounced", "opened ")
        if change == "signature":
            headers["webhook-signature"] = headers["webhook-signature"][:-4] + "AAA="
        if change == "unsigned":
            headers = {}
        if change == "other_secret":
            other = Webhook("whsec_" + "Q" * 32).sign("msg_1", datetime.fromtimestamp(at // 1_000, UTC), body)
            headers["webhook-signature"] = other
        async with world.client() as client:
            answer = await client.post("/hooks/calls", content=body, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unverified" and effect not in answer.text
        assert world.live.log.next_position == before
        assert world.back.inbox.counts["unverified"] == 1

    asyncio.run(story())


def test_the_same_call_again_is_answered_well_and_changes_nothing(world: World) -> None:
    async def story() -> None:
        effect = str((await world.send()).data["effect"])
        body = json.dumps({"type": "message.clicked", "data": {"id": effect}})
        async with world.client() as client:
            for _ in range(3):
                answer = await client.post("/hooks/calls", content=body, headers=standard(body))
                assert answer.status_code == 200
        assert (await world.person())["signals"]["mails_clicked"] == 1

    asyncio.run(story())


def test_twilio_signs_the_public_address_and_its_state_reaches_the_person(world: World) -> None:
    async def story() -> None:
        effect = str((await world.send()).data["effect"])
        path = f"/hooks/text?effect={effect}"
        form = {
            "MessageSid": "SM1",
            "MessageStatus": "delivered",
            "To": "+491701234567",
            "From": "+15005550001",
        }
        headers = twilio(BASE + path, form)
        async with world.client() as client:
            # What the request calls itself does not matter: a proxy stands before us.
            answer = await client.post(
                path, content=urlencode(form), headers={**headers, "host": "10.0.0.7:8700"}
            )
            assert answer.status_code == 200, answer.text
            form["MessageStatus"] = "undelivered"
            refused = await client.post(path, content=urlencode(form), headers=headers)
            assert refused.status_code == 401
        assert "got_delivered" in (await world.person())["segments"]

    asyncio.run(story())


def test_a_stop_by_text_in_the_words_of_the_country_ends_texts(world: World) -> None:
    async def story() -> None:
        await world.send()
        form = {"MessageSid": "SM2", "Body": "Abmelden", "From": "+491701234567", "To": "+15005550001"}
        async with world.client() as client:
            answer = await client.post(
                "/hooks/text", content=urlencode(form), headers=twilio(f"{BASE}/hooks/text", form)
            )
        assert answer.status_code == 200 and "xml" in answer.headers["content-type"]
        person = await world.person()
        said = (await world.live.ask("consent", id=person["id"]))["statuses"]
        assert {one["status"] for one in said if one["channel"] == "text"} == {"out"}
        assert world.events[-1]["event"] == "SMS Received"

    asyncio.run(story())


def test_while_nothing_can_be_stored_a_provider_is_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        effect = str((await world.send()).data["effect"])
        path = f"/hooks/text?effect={effect}"
        form = {
            "MessageSid": "SM3",
            "MessageStatus": "delivered",
            "To": "+491701234567",
            "From": "+15005550001",
        }

        async def busy(new: list[New]) -> Any:
            raise BusyError

        async with world.client() as client:
            with monkeypatch.context() as full:
                full.setattr(world.live, "append", busy)
                first = await client.post(path, content=urlencode(form), headers=twilio(BASE + path, form))
            assert first.status_code == 429 and first.headers["retry-after"] == "1"
            again = await client.post(path, content=urlencode(form), headers=twilio(BASE + path, form))
        assert again.status_code == 200
        assert "got_delivered" in (await world.person())["segments"]

    asyncio.run(story())


def test_a_body_beyond_the_bound_is_refused_while_it_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sevenfold.server.hooks.routes.INBOUND_BODY_BYTES_MAX", 1_000)

    async def story() -> None:
        async with world.client() as client:
            answer = await client.post("/hooks/calls", content=b"x" * 1_001)
        assert answer.status_code == 413 and answer.json()["code"] == "too_large"

    asyncio.run(story())


@pytest.mark.parametrize(("path", "status"), [("/hooks/none", 404), ("/hooks/page", 400), ("/in/none", 404)])
def test_a_hook_that_is_none_says_so_in_the_one_shape(world: World, path: str, status: int) -> None:
    async def story() -> None:
        async with world.client() as client:
            answer = await client.post(path, content=b"{}")
        assert answer.status_code == status
        assert answer.json()["success"] is False and answer.json()["code"] and answer.json()["message"]

    asyncio.run(story())


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 5_000, b'{"type": 1}', b"null"])
def test_hostile_bodies_that_are_signed_change_nothing(world: World, body: bytes) -> None:
    async def story() -> None:
        before = world.live.log.next_position
        ident, at = "msg_9", datetime.fromtimestamp(NOW // 1_000, UTC)
        try:
            headers = standard(body.decode(), ident=ident)
        except UnicodeDecodeError:
            headers = {
                "webhook-id": ident,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": "v1,",
            }
        async with world.client() as client:
            answer = await client.post("/hooks/calls", content=body, headers=headers)
        assert answer.status_code in (400, 401)
        assert world.live.log.next_position == before

    asyncio.run(story())

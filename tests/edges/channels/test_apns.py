"""App push straight to Apple: HTTP/2 with provider tokens against a peer that verifies them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest

from sevenfold.channels.apns import PRODUCTION, SANDBOX, Apns, ApnsSettings, uuid_of
from sevenfold.channels.base import Adapter, Outgoing, Result
from sevenfold.clock import SetClock
from sevenfold.messages.rendered import Rendered, RenderedButton
from tests.edges.channels.conformance import (
    RETRY_AFTER_S,
    SUBJECT,
    WORDS,
    AdapterConformance,
    Behaviour,
    Stand,
    send,
)
from tests.edges.channels.conformance import outgoing as email
from tests.edges.channels.peers.apns import (
    HANG,
    HANG_UP,
    KEY_ID,
    TEAM,
    TOPIC,
    UUID,
    ApnsPeer,
    Said,
    certificate,
    new_key,
)

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
PEM, PUBLIC = new_key()
DEVICE = "ab" * 32
NOW = 1_790_000_000_000


def push(number: int = 0, address: str = DEVICE, **content: Any) -> Outgoing:
    texts: dict[str, Any] = {"title": SUBJECT, "body": WORDS} | content
    rendered = Rendered(template="hi", digest="0", channel="app_push", locale="de", **texts)
    return email(number, address=address, content=rendered)


def settings(base_url: str = "", **changes: Any) -> ApnsSettings:
    given = {"private_key": PEM, "key_id": KEY_ID, "team_id": TEAM, "topic": TOPIC, "base_url": base_url}
    return msgspec.convert(given | {"ca_file": str(certificate())} | changes, ApnsSettings)


class ApnsStand(Stand):
    secrets = (PEM,)
    absent = {"garbage": "Apple's success has no words"}  # noqa: RUF012

    def __init__(self, peer: ApnsPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"https://127.0.0.1:{port}"
        return Apns(settings(url, timeout_s=self.short_s if impatient else 5.0))

    def behave(self, how: Behaviour) -> None:
        self.peer.faults.append(
            {
                "permanent": Said(413, {"reason": "PayloadTooLarge"}),
                "bad_recipient": Said(410, {"reason": "Unregistered", "timestamp": NOW}),
                "transient": Said(503, {"reason": "ServiceUnavailable"}),
                "throttled": Said(429, {"reason": "TooManyRequests"}, {"retry-after": str(RETRY_AFTER_S)}),
                "auth": Said(403, {"reason": "InvalidProviderToken"}),
                "hang": HANG,
                "hang_up": HANG_UP,
            }[how]
        )

    def taken(self) -> Sequence[str]:
        return [one.json()["id"] for one in self.peer.pushed]

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints

    def message(self, number: int = 0) -> Outgoing:
        return push(number)

    def bad_credentials(self) -> Adapter | None:
        return Apns(settings(self.peer.url, private_key=new_key()[0]))


@pytest.fixture
def peer() -> Iterator[ApnsPeer]:
    with ApnsPeer(PUBLIC) as made:
        yield made


@pytest.fixture
def stand(peer: ApnsPeer) -> ApnsStand:
    return ApnsStand(peer)


class TestApns(AdapterConformance):
    """Everything that every adapter must do."""


def test_the_device_gets_title_text_link_picture_and_buttons(peer: ApnsPeer) -> None:
    button = RenderedButton(label="Open", link="app://b", name="open")
    message = push(link="app://x", image="https://shop.test/i.png", buttons=(button,))
    message = msgspec.structs.replace(message, expires=NOW + 999)
    (result,) = send(Apns(settings(peer.url)), message)
    (pushed,) = peer.pushed
    assert pushed.json() == {
        "aps": {"alert": {"title": SUBJECT, "body": WORDS}, "sound": "default", "mutable-content": 1},
        "link": "app://x",
        "image": "https://shop.test/i.png",
        "buttons": [{"label": "Open", "link": "app://b", "name": "open"}],
        "id": message.effect,
    }
    assert pushed.headers["apns-expiration"] == str(NOW // 1000)
    assert pushed.headers["apns-priority"] == "10"
    assert result.provider_id == uuid_of(message.effect) == pushed.headers["apns-id"]


def test_recorded_requests_have_the_headers_that_ours_have() -> None:
    file = SHARED / "captures" / "outbound-apns.json"
    if not file.exists():
        pytest.skip("no recorded requests beside the checkout")
    recorded = json.loads(file.read_text())["requests"][0]["headers"]
    adapter = Apns(settings(PRODUCTION))
    message = msgspec.structs.replace(push(payload={"topic": "c1"}), expires=0)
    ours = {name.lower() for name in adapter.headers(message)}
    asyncio.run(adapter.close())
    assert {name for name in recorded if name.startswith("apns-") or name == "authorization"} <= ours


def test_a_background_push_is_never_urgent(peer: ApnsPeer) -> None:
    payload = {"push_type": "background", "aps": {"content-available": 1}, "id": "theirs", "order": 7}
    send(Apns(settings(peer.url, sound="")), push(title=None, body=None, payload=payload))
    (pushed,) = peer.pushed
    assert (pushed.headers["apns-push-type"], pushed.headers["apns-priority"]) == ("background", "5")
    assert pushed.json() == {
        "aps": {"alert": {}, "content-available": 1},
        "id": push().effect,
        "order": 7,
    }


def test_a_topic_replaces_an_older_message_and_fits_whatever_it_is(peer: ApnsPeer) -> None:
    messages = [
        msgspec.structs.replace(push(n), data={"topic": t}) for n, t in ((1, "orders"), (2, "ö" * 60))
    ]
    send(Apns(settings(peer.url, replace_topic=True)), *messages)
    assert peer.pushed[0].headers["apns-collapse-id"] == "orders"
    assert len(peer.pushed[1].headers["apns-collapse-id"]) == 32
    assert not peer.complaints


def test_many_messages_share_a_connection(peer: ApnsPeer) -> None:
    adapter = Apns(settings(peer.url))

    async def work() -> list[Result]:
        await adapter.send(push(1))
        found = await asyncio.gather(*(adapter.send(push(number)) for number in range(2, 102)))
        await adapter.close()
        return found

    assert {one.verdict for one in asyncio.run(work())} == {"accepted"}
    assert peer.connections == 1
    assert len({one.headers["authorization"] for one in peer.pushed}) == 1


def test_a_provider_token_is_made_anew_before_apple_refuses_it(peer: ApnsPeer) -> None:
    clock = SetClock(NOW)
    adapter = Apns(settings(peer.url), clock=clock)

    async def work() -> None:
        for minutes in (0, 30, 19, 2, 40):
            clock.advance(minutes * 60_000)
            peer.now_s = clock.now() // 1000
            assert (await adapter.send(push())).verdict == "accepted"
        await adapter.close()

    asyncio.run(work())
    issued = []
    for one in peer.pushed:
        token = one.headers["authorization"].removeprefix("bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
        issued.append((claims["iat"] - NOW // 1000) // 60)
    assert issued == [0, 0, 0, 51, 51]


def test_a_token_that_apple_calls_expired_is_replaced_once_that_is_allowed(peer: ApnsPeer) -> None:
    clock = SetClock(NOW)
    adapter = Apns(settings(peer.url), clock=clock)

    async def work() -> list[str]:
        found = []
        for minutes in (0, 25):
            clock.advance(minutes * 60_000)
            peer.faults.append(Said(403, {"reason": "ExpiredProviderToken"}))
            found.append((await adapter.send(push())).verdict)
        found.append((await adapter.send(push())).verdict)
        await adapter.close()
        return found

    # The first time the token was fresh: our clock is wrong, and another would be refused as well.
    assert asyncio.run(work()) == ["config_error", "transient", "accepted"]


def test_a_bad_token_is_left_alone_only_where_another_was_good(peer: ApnsPeer) -> None:
    # All tokens are bad where the environment is the wrong one; that is nobody's own fault.
    bad = Said(400, {"reason": "BadDeviceToken"})
    peer.faults.append(bad)
    (before,) = send(Apns(settings(peer.url)), push())
    assert (before.verdict, before.reason, before.suppress) == ("permanent", "bad_address", False)
    adapter = Apns(settings(peer.url))

    async def work() -> Result:
        await adapter.send(push(1))
        peer.faults.append(bad)
        found = await adapter.send(push(2))
        await adapter.close()
        return found

    assert asyncio.run(work()).suppress


@pytest.mark.parametrize(
    ("status", "reason", "verdict", "told", "suppressed"),
    [
        (410, "ExpiredToken", "permanent", "gone", True),
        (400, "DeviceTokenNotForTopic", "permanent", "other_app", True),
        *(
            (400, one, "config_error", "auth", False)
            for one in ("BadTopic", "TopicDisallowed", "InvalidPushType")
        ),
        *(
            (403, one, "config_error", "auth", False)
            for one in ("BadCertificate", "Forbidden", "MissingProviderToken", "UnrelatedKeyIdInToken")
        ),
        *(
            (400, one, "permanent", "rejected", False)
            for one in ("BadCollapseId", "BadExpirationDate", "BadMessageId", "BadPriority", "PayloadEmpty")
        ),
        (404, "BadPath", "permanent", "rejected", False),
        (405, "MethodNotAllowed", "permanent", "rejected", False),
        (400, "IdleTimeout", "transient", "provider", False),
        (500, "InternalServerError", "transient", "provider", False),
        (503, "Shutdown", "transient", "provider", False),
        (429, "TooManyProviderTokenUpdates", "throttled", "rate", False),
        (502, "", "transient", "provider", False),
    ],
)
def test_reasons_say_who_is_to_blame(
    peer: ApnsPeer, status: int, reason: str, verdict: str, told: str, suppressed: bool
) -> None:
    peer.faults.append(Said(status, {"reason": reason}))
    (result,) = send(Apns(settings(peer.url)), push())
    assert (result.verdict, result.reason, result.suppress) == (verdict, told, suppressed)


def test_what_is_no_device_token_goes_nowhere(peer: ApnsPeer) -> None:
    for address in ("", "xyz", "../3/device/" + DEVICE, DEVICE + "/x", "cAbCdEf0123456789_-xyz"):
        (result,) = send(Apns(settings(peer.url)), push(address=address))
        assert (result.verdict, result.suppress) == ("permanent", True)
    assert not peer.asked


def test_a_message_that_does_not_fit_goes_nowhere(peer: ApnsPeer) -> None:
    (result,) = send(Apns(settings(peer.url)), push(body="x" * 4_096))
    assert (result.verdict, result.reason) == ("permanent", "too_large")
    assert not peer.asked


def test_an_id_is_a_uuid_and_always_the_same() -> None:
    assert uuid_of("a") == uuid_of("a") != uuid_of("b")
    assert UUID.fullmatch(uuid_of("a"))
    assert uuid_of("a")[14] == "8"


def test_development_builds_have_a_service_of_their_own() -> None:
    assert SANDBOX != PRODUCTION
    for sandbox, url in ((True, SANDBOX), (False, PRODUCTION)):
        adapter = Apns(settings(sandbox=sandbox))
        assert adapter._caller.base_url == url
        asyncio.run(adapter.close())

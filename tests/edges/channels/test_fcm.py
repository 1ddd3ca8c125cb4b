"""App push through Firebase: a real exchange for a token, the vendor's own library as a second client."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import firebase_admin
import msgspec
import pytest
from firebase_admin import credentials, messaging

from sevenfold.channels.base import Adapter, ChannelError, Outgoing
from sevenfold.channels.fcm import Fcm, FcmSettings
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
from tests.edges.channels.peers.fcm import FcmPeer, error, private_pem, service_account
from tests.edges.channels.peers.http import Answered, Hang, HangUp

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
TOKEN = "dXyz0123456789AbCdEfGh:APA91b" + "x" * 120
INSTALLATION = "cAbCdEf0123456789_-xyz"
NOW = 1_790_000_000_000


def push(number: int = 0, address: str = TOKEN, **content: Any) -> Outgoing:
    texts: dict[str, Any] = {"title": SUBJECT, "body": WORDS} | content
    rendered = Rendered(template="hi", digest="0", channel="app_push", locale="de", **texts)
    return email(number, address=address, content=rendered)


def settings(peer: FcmPeer, **changes: Any) -> FcmSettings:
    given = {"service_account": peer.account(), "base_url": peer.url} | changes
    return msgspec.convert(given, FcmSettings)


class FcmStand(Stand):
    short_s = 1.5  # a token is fetched within it, too
    secrets = (private_pem(), "ya29.1", "push@demo.iam.gserviceaccount.com")

    def __init__(self, peer: FcmPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return Fcm(settings(self.peer, base_url=url, timeout_s=self.short_s if impatient else 5.0))

    def behave(self, how: Behaviour) -> None:
        answers = {
            "permanent": error(
                400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Invalid value at 'message.data'"
            ),
            "bad_recipient": error(
                404, "NOT_FOUND", "UNREGISTERED", f"Requested entity {TOKEN} was not found."
            ),
            "transient": error(503, "UNAVAILABLE", "UNAVAILABLE", "try later"),
            "throttled": error(
                429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "quota", **{"Retry-After": str(RETRY_AFTER_S)}
            ),
            "auth": error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", "APNs certificate"),
            "garbage": Answered(200, "[]"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        token = self.peer.accept
        # The first call of a new adapter fetches its token; the fault is for the one after.
        fault: Any = answers[how]

        def once(asked: Any) -> Answered:
            if asked.path != "/token":
                return token(asked)
            self.peer.next(fault)
            self.peer.accept = token  # type: ignore[method-assign]
            return token(asked)

        self.peer.accept = once  # type: ignore[method-assign]

    def taken(self) -> Sequence[str]:
        return [one["data"]["id"] for one in self.peer.messages]

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints

    def message(self, number: int = 0) -> Outgoing:
        return push(number)

    def bad_credentials(self) -> Adapter | None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = service_account(f"{self.peer.url}/token", other.decode())
        return Fcm(settings(self.peer, service_account=account))


@pytest.fixture
def peer() -> Iterator[FcmPeer]:
    with FcmPeer() as made:
        yield made


@pytest.fixture
def stand(peer: FcmPeer) -> FcmStand:
    return FcmStand(peer)


class TestFcm(AdapterConformance):
    """Everything that every adapter must do."""


def test_the_vendors_library_posts_the_same_message(peer: FcmPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messaging._MessagingService, "FCM_URL", peer.url + "/v1/projects/{0}/messages:send")
    app = firebase_admin.initialize_app(credentials.Certificate(json.loads(peer.account())), name="peer")
    with warnings.catch_warnings():
        # It says of `token` that it is deprecated; both forms are sent here on purpose.
        warnings.simplefilter("ignore")
        message = messaging.Message(
            token=TOKEN,
            notification=messaging.Notification(title=SUBJECT, body=WORDS, image="https://shop.test/i.png"),
            data={"id": push().effect, "link": "https://shop.test/x"},
            android=messaging.AndroidConfig(ttl=90, priority="high", collapse_key="orders"),
            apns=messaging.APNSConfig(
                headers={"apns-collapse-id": "orders", "apns-expiration": str((NOW + 90_000) // 1000)}
            ),
        )
        messaging.send(message, app=app)
        firebase_admin.delete_app(app)
    ours = push(image="https://shop.test/i.png", link="https://shop.test/x")
    ours = msgspec.structs.replace(ours, expires=NOW + 90_000, data={"topic": "orders"})
    send(Fcm(settings(peer, replace_topic=True), clock=SetClock(NOW)), ours)
    theirs, mine = peer.messages
    theirs["android"]["priority"] = theirs["android"]["priority"].upper()
    assert mine == theirs
    assert not peer.complaints


def test_the_recorded_message_of_the_library_has_fields_that_ours_may_have() -> None:
    file = SHARED / "captures" / "outbound-firebase-admin.json"
    if not file.exists():
        pytest.skip("no recorded requests beside the checkout")
    recorded = next(
        one["body"] for one in json.loads(file.read_text())["requests"] if "messages" in one["path"]
    )
    with FcmPeer() as peer:
        adapter = Fcm(settings(peer, replace_topic=True))
        payload = {"webpush": {"fcm_options": {"link": "https://x.test/"}}, "topic": "c"}
        made = adapter.message(push(payload=payload))
        asyncio.run(adapter.close())
    assert set(recorded["message"]) - set(made) <= {"apns"}
    assert made["webpush"] == recorded["message"]["webpush"]


def test_a_token_is_fetched_once_and_anew_before_it_ends(peer: FcmPeer) -> None:
    clock = SetClock(NOW)
    adapter = Fcm(settings(peer), clock=clock)

    async def work() -> None:
        await asyncio.gather(*(adapter.send(push(number)) for number in range(1, 9)))
        clock.advance(3_000_000)
        await adapter.send(push(9))
        assert peer.tokens == 1
        clock.advance(400_000)
        await adapter.send(push(10))
        await adapter.close()

    asyncio.run(work())
    assert peer.tokens == 2
    assert len(peer.messages) == 10


def test_a_token_that_is_refused_is_not_used_again(peer: FcmPeer) -> None:
    adapter = Fcm(settings(peer))

    async def work() -> None:
        await adapter.send(push(1))
        peer.next(error(401, "UNAUTHENTICATED", "", "expired"))
        assert (await adapter.send(push(2))).verdict == "config_error"
        assert (await adapter.send(push(3))).verdict == "accepted"
        await adapter.close()

    asyncio.run(work())
    assert peer.tokens == 2


def test_without_a_token_nothing_was_sent(peer: FcmPeer) -> None:
    for fault in (HangUp(), Answered(200, "{}"), Answered(500, "")):
        peer.next(fault)
        (result,) = send(Fcm(settings(peer)), push())
        assert result.verdict == "transient", fault
    assert not peer.messages


def test_an_installation_id_is_told_from_a_registration_token(peer: FcmPeer) -> None:
    send(Fcm(settings(peer)), push(1), push(2, INSTALLATION))
    assert [sorted({"fid", "token"} & set(one)) for one in peer.messages] == [["token"], ["fid"]]


def test_a_browsers_subscription_is_no_address_of_an_app(peer: FcmPeer) -> None:
    for address in ("", "x", '{"endpoint": "https://fcm.googleapis.com/x"}'):
        (result,) = send(Fcm(settings(peer)), push(address=address))
        assert (result.verdict, result.scope, result.suppress) == ("permanent", "recipient", True)
    assert not peer.asked


def test_a_payload_goes_over_what_the_template_makes_and_data_are_texts(peer: FcmPeer) -> None:
    payload = {
        "data": {"order": 7, "tags": ["a"], "id": "theirs"},
        "android": {"notification": {"channel_id": "orders"}},
        "apns": {"payload": {"aps": {"badge": 3}}},
    }
    button = RenderedButton(label="Open", link="app://x", name="open")
    send(
        Fcm(settings(peer, priority="normal", analytics_label="journeys")),
        push(payload=payload, buttons=(button,)),
    )
    (made,) = peer.messages
    assert made["data"] == {
        "id": push().effect,
        "buttons": '[{"label":"Open","link":"app://x","name":"open"}]',
        "order": "7",
        "tags": '["a"]',
    }
    assert made["android"] == {"priority": "NORMAL", "notification": {"channel_id": "orders"}}
    assert made["apns"] == {"payload": {"aps": {"badge": 3}}}
    assert made["fcm_options"] == {"analytics_label": "journeys"}


def test_a_message_that_does_not_fit_goes_nowhere(peer: FcmPeer) -> None:
    (result,) = send(Fcm(settings(peer)), push(body="x" * 4_096))
    assert (result.verdict, result.reason) == ("permanent", "too_large")
    assert not peer.asked


@pytest.mark.parametrize(
    ("answer", "verdict", "reason", "suppressed"),
    [
        (error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "x"), "permanent", "other_sender", True),
        (error(403, "PERMISSION_DENIED", "", "x"), "config_error", "auth", False),
        (error(404, "NOT_FOUND", "", "no such project"), "config_error", "endpoint", False),
        (error(500, "INTERNAL", "INTERNAL", "x"), "transient", "provider", False),
        (error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "x"), "throttled", "rate", False),
        (
            error(
                400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "The registration token is not a valid FCM one"
            ),
            *("permanent", "bad_address", True),
        ),
        (Answered(404, "<html>"), "config_error", "endpoint", False),
    ],
)
def test_errors_say_who_is_to_blame(
    peer: FcmPeer, answer: Answered, verdict: str, reason: str, suppressed: bool
) -> None:
    adapter = Fcm(settings(peer))

    async def work() -> Any:
        await adapter.send(push(1))
        peer.next(answer)
        found = await adapter.send(push(2))
        await adapter.close()
        return found

    result = asyncio.run(work())
    assert (result.verdict, result.reason, result.suppress) == (verdict, reason, suppressed)


def test_a_quota_without_a_time_waits_a_minute(peer: FcmPeer) -> None:
    adapter = Fcm(settings(peer))

    async def work() -> Any:
        await adapter.send(push(1))
        peer.next(error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "x"))
        found = await adapter.send(push(2))
        await adapter.close()
        return found

    assert asyncio.run(work()).retry_after_s == 60


def test_what_is_no_key_is_refused_without_being_shown(peer: FcmPeer) -> None:
    for text in ("no-json-at-all", '{"client_email": "secret@x"}', service_account(peer.url, "PEM")):
        with pytest.raises(ChannelError) as caught:
            Fcm(settings(peer, service_account=text))
        assert text not in str(caught.value)
        assert "secret@x" not in str(caught.value)

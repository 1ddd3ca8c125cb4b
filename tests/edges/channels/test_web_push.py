"""Web push: a push service that checks, browsers that decrypt, and the RFC's own example."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any

import http_ece
import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pywebpush import WebPusher, webpush

from sevenfold.channels.base import Adapter, ChannelError, Outgoing
from sevenfold.channels.outside import Outside
from sevenfold.channels.vapid import Vapid, new_keys, private_key, public_of, unb64
from sevenfold.channels.web_push import WebPush, WebPushSettings, encrypt, notification, subscription_of
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
from tests.edges.channels.peers.http import Answered, Hang, HangUp
from tests.edges.channels.peers.push_service import Browser, PushService

PRIVATE, PUBLIC = new_keys()
LOOPBACK = Outside((ip_network("127.0.0.0/8"),))
NOW = 1_790_000_000_000


def settings(**changes: Any) -> WebPushSettings:
    given = {"private_key": PRIVATE, "subject": "mailto:ops@shop.test", "services": "127.0.0.1"}
    return msgspec.convert(given | changes, WebPushSettings)


def push(address: str, number: int = 0, **content: Any) -> Outgoing:
    texts: dict[str, Any] = {"title": SUBJECT, "body": WORDS, "link": "https://shop.test/x"} | content
    rendered = Rendered(template="hi", digest="0", channel="web_push", locale="de", **texts)
    return email(number, address=address, content=rendered)


class PushStand(Stand):
    secrets = (PRIVATE,)
    absent = {  # noqa: RUF012
        "auth": "a push service looks at the key only with a subscription",
        "garbage": "a push service's success has no words",
    }

    def __init__(self, service: PushService) -> None:
        self.service = service
        self.browser = service.browser()
        self.moved: int | None = None

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        # The address of a message says where it goes.
        self.moved = port
        return WebPush(settings(timeout_s=self.short_s if impatient else 5.0), outside=LOOPBACK)

    def behave(self, how: Behaviour) -> None:
        answers = {
            "permanent": Answered(413, {"errno": 104, "message": "too large"}),
            "bad_recipient": Answered(410, {"errno": 106, "message": f"gone {self.browser.endpoint}"}),
            "transient": Answered(503, {"errno": 201}),
            "throttled": Answered(429, b"", {"Retry-After": str(RETRY_AFTER_S)}),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.service.next(answers[how])  # type: ignore[arg-type]

    def taken(self) -> Sequence[str]:
        return [one["notification"]["data"]["id"] for one in self.service.shown]

    def complaints(self) -> Sequence[str]:
        return self.service.complaints

    def message(self, number: int = 0) -> Outgoing:
        address = self.browser.address
        if self.moved is not None:
            address = re.sub(r":\d+/", f":{self.moved}/", address)
        return push(address, number)


@pytest.fixture
def service() -> Iterator[PushService]:
    with PushService(PUBLIC) as made:
        yield made


@pytest.fixture
def stand(service: PushService) -> PushStand:
    return PushStand(service)


class TestWebPush(AdapterConformance):
    """Everything that every adapter must do."""


# ------------------------------------------------------------------------------------------------ encryption


def test_the_example_of_the_rfc_is_encrypted_as_the_rfc_does() -> None:
    # RFC 8291, appendix A.
    to = subscription_of(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV#"
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4."
        "BTBZMqHH6r4Tts7J_aSIgg"
    )
    assert to is not None
    body = encrypt(
        to,
        b"When I grow up, I want to be a watermelon",
        salt=unb64("DGv6ra1nlYgDCS1FRnbzlw"),
        sender=private_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
    )
    assert body == unb64(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.mark.parametrize("size", [0, 1, 100, 3_992, 3_993])
def test_another_implementation_reads_what_we_encrypt(size: int) -> None:
    browser = Browser("https://push.example.net/1")
    to = subscription_of(browser.address)
    assert to is not None
    plain = b"x" * size
    body = encrypt(to, plain, salt=b"s" * 16, sender=ec.generate_private_key(ec.SECP256R1()))
    assert http_ece.decrypt(body, private_key=browser.key, auth_secret=browser.auth) == plain
    assert len(body) <= 4_096


def test_a_changed_body_is_not_read() -> None:
    browser = Browser("https://push.example.net/1")
    to = subscription_of(browser.address)
    assert to is not None
    body = bytearray(encrypt(to, b"hello", salt=b"s" * 16, sender=ec.generate_private_key(ec.SECP256R1())))
    body[-1] ^= 1
    with pytest.raises(http_ece.ECEException):
        browser.read(bytes(body))


def test_the_usual_library_makes_a_call_with_the_same_parts(service: PushService) -> None:
    browser = service.browser()
    answer = webpush(
        browser.subscription,
        '{"notification": {"title": "theirs"}}',
        vapid_private_key=PRIVATE,
        vapid_claims={"sub": "mailto:ops@shop.test"},
        ttl=60,
        headers={"urgency": "normal"},
    )
    assert not isinstance(answer, str)
    answer.close()
    (result,) = send(WebPush(settings(ttl_s=60), outside=LOOPBACK), push(browser.address))
    assert result.verdict == "accepted"
    assert not service.complaints
    theirs, ours = service.asked
    names = {"ttl", "urgency", "content-encoding", "authorization", "content-length"}
    assert names <= set(theirs.headers)
    assert names <= set(ours.headers)
    assert {theirs.headers[one] for one in ("ttl", "urgency", "content-encoding")} == {
        ours.headers[one] for one in ("ttl", "urgency", "content-encoding")
    }
    # The bytes before the ciphertext are laid out alike: salt, record size, the length of the key.
    assert theirs.body[16:21] == ours.body[16:21]
    assert WebPusher(browser.subscription).auth_key == browser.auth


# -------------------------------------------------------------------------------------------------- messages


def test_the_browser_gets_title_text_link_picture_and_buttons(service: PushService) -> None:
    button = RenderedButton(label="Open", link="https://shop.test/b", name="open")
    message = push(service.browser().address, image="https://shop.test/i.png", buttons=(button,))
    send(WebPush(settings(icon="https://shop.test/icon.png"), outside=LOOPBACK), message)
    assert service.shown == [
        {
            "web_push": 8030,
            "notification": {
                "title": SUBJECT,
                "body": WORDS,
                "navigate": "https://shop.test/x",
                "image": "https://shop.test/i.png",
                "icon": "https://shop.test/icon.png",
                "lang": "de",
                "actions": [{"action": "open", "title": "Open", "navigate": "https://shop.test/b"}],
                "data": {"id": message.effect},
            },
        }
    ]


def test_a_payload_adds_to_what_is_shown_and_never_takes_our_id() -> None:
    payload = {"notification": {"silent": True, "data": {"id": "theirs", "order": 7}}}
    shown = notification(push("", payload=payload))["notification"]
    assert shown["silent"] is True
    assert shown["data"] == {"id": push("").effect, "order": 7}


def test_a_message_is_kept_no_longer_than_it_lives(service: PushService) -> None:
    address = service.browser().address
    messages = [
        msgspec.structs.replace(push(address, number), expires=expires)
        for number, expires in ((1, NOW + 90_000), (2, NOW - 5), (3, NOW + 10**10), (4, None))
    ]
    send(WebPush(settings(ttl_s=3_600), clock=SetClock(NOW), outside=LOOPBACK), *messages)
    assert [one.headers["ttl"] for one in service.asked] == ["90", "0", "3600", "3600"]


def test_a_topic_replaces_an_older_message_only_where_that_is_asked_for(service: PushService) -> None:
    message = push(service.browser().address)
    message = msgspec.structs.replace(message, data={"topic": "a very long name of a topic, with spaces"})
    send(WebPush(settings(), outside=LOOPBACK), message)
    send(WebPush(settings(replace_topic=True), outside=LOOPBACK), message)
    assert "topic" not in service.asked[0].headers
    assert len(service.asked[1].headers["topic"]) == 32
    assert not service.complaints


def test_a_message_that_does_not_fit_goes_nowhere(service: PushService) -> None:
    (result,) = send(WebPush(settings(), outside=LOOPBACK), push(service.browser().address, body="x" * 4_000))
    assert (result.verdict, result.reason) == ("permanent", "too_large")
    assert not service.asked


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a-token-of-an-app",
        "{}",
        "[1]",
        '{"endpoint": 7, "keys": {}}',
        '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "BA", "auth": "AAAA"}}',
        "https://fcm.googleapis.com/x#é.é",
        "file:///etc/passwd#BA.AA",
    ],
)
def test_what_is_no_subscription_is_left_alone(address: str) -> None:
    (result,) = send(WebPush(settings(), outside=LOOPBACK), push(address))
    assert (result.verdict, result.scope, result.suppress) == ("permanent", "recipient", True)


def test_only_push_services_are_called_whatever_a_visitor_subscribes_with(service: PushService) -> None:
    address = service.browser().address
    for services in ("", "push.shop.test", "7.0.0.1"):
        (result,) = send(WebPush(settings(services=services), outside=LOOPBACK), push(address))
        assert (result.verdict, result.reason, result.suppress) == ("permanent", "bad_address", True)
    assert not service.asked


def test_a_push_service_at_a_private_address_is_not_called(service: PushService) -> None:
    (result,) = send(WebPush(settings(), outside=Outside()), push(service.browser().address))
    assert (result.verdict, result.reason) == ("permanent", "address_refused")
    assert not service.asked


def test_a_subscription_made_with_another_key_blames_no_setting(service: PushService) -> None:
    service.next(
        Answered(
            403,
            "the VAPID credentials in the authorization header do not correspond to the credentials used to "
            "create the subscriptions.",
        )
    )
    (result,) = send(WebPush(settings(), outside=LOOPBACK), push(service.browser().address))
    assert (result.verdict, result.reason, result.suppress) == ("permanent", "other_key", True)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_key_that_is_refused_pauses_the_channel(service: PushService, status: int) -> None:
    service.next(Answered(status, {"message": "InvalidSignature"}))
    (result,) = send(WebPush(settings(), outside=LOOPBACK), push(service.browser().address))
    assert (result.verdict, result.scope, result.suppress) == ("config_error", "account", False)


# ------------------------------------------------------------------------------------------------------ keys


def test_a_token_serves_a_service_until_an_hour_before_its_end() -> None:
    vapid = Vapid(private_key(PRIVATE), "mailto:ops@shop.test")
    first = vapid.authorization("https://a.test/1", NOW)
    assert vapid.authorization("https://a.test/2", NOW + 10 * 3_600_000) == first
    assert vapid.authorization("https://b.test/1", NOW) != first
    renewed = vapid.authorization("https://a.test/1", NOW + 11 * 3_600_000 + 1)
    assert renewed != first
    # A clock that went back makes a token that is valid then.
    assert vapid.authorization("https://a.test/1", NOW - 86_400_000) != renewed
    token = first.removeprefix("vapid t=").partition(",")[0]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {"aud": "https://a.test", "exp": NOW // 1000 + 43_200, "sub": "mailto:ops@shop.test"}


def test_a_key_is_read_as_base64url_or_pem() -> None:
    key = private_key(PRIVATE)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    assert public_of(private_key(pem)) == PUBLIC == public_of(key)
    assert len(urlsafe_b64decode(PUBLIC + "=")) == 65


@pytest.mark.parametrize("text", ["", "AAAA", "-----BEGIN PRIVATE KEY-----", "é" * 43])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ChannelError) as caught:
        private_key(text)
    assert not text or text not in str(caught.value)


def test_the_short_form_of_an_address_means_the_same() -> None:
    browser = Browser("https://fcm.googleapis.com/fcm/send/abc:def")
    keys = browser.subscription["keys"]
    assert isinstance(keys, dict)
    short = f"{browser.endpoint}#{keys['p256dh']}.{keys['auth']}"
    long = subscription_of(json.dumps(browser.subscription))
    found = subscription_of(short)
    assert found is not None
    assert long is not None
    assert (found.endpoint, found.auth) == (long.endpoint, long.auth)
    assert found.key.public_numbers() == long.key.public_numbers()

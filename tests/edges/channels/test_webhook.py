"""Webhooks out: signed so that the reference libraries verify them, to addresses that may be called."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks.webhooks import Webhook as Reference
from svix.webhooks import Webhook as Svix

from sevenfold.channels.base import (
    Adapter,
    ChannelError,
    Heard,
    Outgoing,
    Reply,
    Request,
    Result,
    UnverifiedError,
)
from sevenfold.channels.outside import Outside
from sevenfold.channels.registry import provider_of
from sevenfold.channels.signatures import Signer, shared_key, verify_standard
from sevenfold.channels.webhook import RETRIES_S, Webhook, WebhookInbound, WebhookSettings
from sevenfold.clock import SetClock
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.messages.rendered import Rendered
from tests.edges.channels.conformance import RETRY_AFTER_S, WORDS, AdapterConformance, Behaviour, Stand, send
from tests.edges.channels.conformance import outgoing as email
from tests.edges.channels.peers.http import Answered, Hang, HangUp
from tests.edges.channels.peers.receiver import Receiver

LOOPBACK = Outside((ip_network("127.0.0.0/8"),))
SECRET = "whsec_" + b64encode(b"k" * 32).decode()
OTHER = "whsec_" + b64encode(b"o" * 24).decode()
NOW = 1_790_000_000_000


def call(number: int = 0, payload: Any = None, **data: Any) -> Outgoing:
    content = Rendered(template="", digest="", channel="webhook", locale="", payload=payload)
    given = {"journey": "rescue", "step": "tell", "event": {"order": 7}} | data
    return email(number, address=None, content=content, data=given)


def webhook(url: str, outside: Outside = LOOPBACK, clock: SetClock | None = None, **changes: Any) -> Webhook:
    given = {"url": url, "secret": SECRET} | changes
    return Webhook(msgspec.convert(given, WebhookSettings), clock=clock, outside=outside)


class WebhookStand(Stand):
    secrets = (SECRET, "Bearer password")
    absent = {  # noqa: RUF012
        "bad_recipient": "a webhook has one recipient",
        "garbage": "any 2xx is a success, whatever it says",
    }

    def __init__(self, peer: Receiver) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return webhook(
            f"{url}/in", authorization="Bearer password", timeout_s=self.short_s if impatient else 5.0
        )

    def behave(self, how: Behaviour) -> None:
        answers = {
            "permanent": Answered(422, {"error": "no such order"}),
            "transient": Answered(500, ""),
            "throttled": Answered(429, "", {"Retry-After": str(RETRY_AFTER_S)}),
            "auth": Answered(401, "who are you"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(answers[how])  # type: ignore[arg-type]

    def taken(self) -> Sequence[str]:
        return list(self.peer.taken)

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints

    def message(self, number: int = 0) -> Outgoing:
        return call(number, {"words": WORDS})


@pytest.fixture
def peer() -> Iterator[Receiver]:
    with Receiver(SECRET) as made:
        yield made


class TestWebhook(AdapterConformance):
    """Everything that every adapter must do."""

    @pytest.fixture
    def stand(self, peer: Receiver) -> WebhookStand:
        return WebhookStand(peer)

    def test_a_check_finds_wrong_credentials(self, stand: Stand) -> None:
        pytest.skip("a receiver looks at a signature only with a call")


# ---------------------------------------------------------------------------------------------------- bodies


def test_the_payload_is_the_body_as_it_is(peer: Receiver) -> None:
    payload = {"order": 7, "lines": [{"name": "Grüße"}]}
    step = msgspec.structs.replace(call(2), data={"payload": ["of the step"]})
    send(webhook(peer.url), call(1, payload), step)
    assert peer.asked[0].json() == payload
    assert peer.asked[1].json() == ["of the step"]


def test_without_a_payload_the_body_says_what_happened(peer: Receiver) -> None:
    clock = SetClock(int(datetime.now(UTC).timestamp()) * 1000)
    send(webhook(peer.url, clock=clock), call())
    told = peer.asked[0].json()
    assert told == {
        "type": "message",
        "timestamp": datetime.fromtimestamp(clock.now() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {"journey": "rescue", "step": "tell", "event": {"order": 7}, "person": "p1"},
    }


def test_a_step_chooses_address_and_method_and_is_not_given_the_channels_password(peer: Receiver) -> None:
    adapter = webhook("https://elsewhere.test/", authorization="Bearer password")
    send(adapter, call(url=f"{peer.url}/mine", method="PUT"))
    (asked,) = peer.asked
    assert (asked.method, asked.path) == ("PUT", "/mine")
    assert "authorization" not in asked.headers


def test_a_get_has_no_body_and_is_signed_all_the_same(peer: Receiver) -> None:
    peer.always(Answered(200))
    send(webhook(peer.url), call(method="get"))
    (asked,) = peer.asked
    assert (asked.method, asked.body) == ("GET", b"")
    assert "webhook-signature" in asked.headers


def test_a_body_over_20_kb_is_not_sent(peer: Receiver) -> None:
    (result,) = send(webhook(peer.url), call(0, "x" * 20_480))
    assert (result.verdict, result.reason) == ("permanent", "too_large")
    assert not peer.asked


# --------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("status", "channel", "step"),
    [
        (200, "accepted", "accepted"),
        (299, "accepted", "accepted"),
        (302, "config_error", "permanent"),
        (400, "permanent", "permanent"),
        (401, "config_error", "permanent"),
        (410, "config_error", "permanent"),
        (429, "throttled", "throttled"),
        (500, "transient", "transient"),
        (502, "throttled", "throttled"),
        (504, "throttled", "throttled"),
    ],
)
def test_a_fault_pauses_the_channel_only_where_the_address_is_the_channels(
    peer: Receiver, status: int, channel: str, step: str
) -> None:
    peer.always(Answered(status, "", {"Location": "http://169.254.169.254/"} if status == 302 else {}))
    (own,) = send(webhook(peer.url), call())
    (named,) = send(webhook(""), call(url=peer.url))
    assert (own.verdict, named.verdict) == (channel, step)
    assert named.scope == ("recipient" if step in ("transient", "throttled") else "message")
    assert len(peer.asked) == 2


def test_what_a_receiver_repeats_of_a_call_is_told_to_nobody(peer: Receiver) -> None:
    peer.next(Answered(422, {"error": "no order of Ada Lovelace"}))
    (result,) = send(webhook(peer.url), call())
    assert result.detail == "HTTP 422"


def test_an_endpoint_that_is_gone_disables_the_channel(peer: Receiver) -> None:
    peer.next(Answered(410))
    (result,) = send(webhook(peer.url), call())
    assert (result.verdict, result.reason, result.scope) == ("config_error", "gone", "account")


def test_an_endless_answer_is_read_up_to_a_bound(peer: Receiver) -> None:
    peer.always(Answered(200, b"x" * 5_000_000))
    (result,) = send(webhook(peer.url), call())
    assert result.verdict == "accepted"


def test_a_channel_without_an_address_says_so() -> None:
    (result,) = send(webhook(""), call())
    assert (result.verdict, result.reason) == ("config_error", "no_url")


def test_the_schedule_of_repetitions_is_that_of_the_specification() -> None:
    assert Webhook.retries_s is RETRIES_S
    assert sum(RETRIES_S) / 3_600 == pytest.approx(75.6, abs=0.1)
    assert list(RETRIES_S) == sorted(RETRIES_S)


# ------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1]:1/", "http://169.254.169.254/latest/"])
def test_no_webhook_reaches_a_private_address_unless_allowed(url: str) -> None:
    (own,) = send(webhook(url, Outside()), call())
    (named,) = send(webhook("", Outside()), call(url=url))
    assert (own.verdict, own.reason) == ("config_error", "address_refused")
    assert (named.verdict, named.reason) == ("permanent", "address_refused")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://x", "https://", "http://u:p@h/", "//x", "a b"]
)
def test_what_is_no_web_address_is_never_called(url: str) -> None:
    (named,) = send(webhook(""), call(url=url))
    assert (named.verdict, named.reason) == ("permanent", "address_refused")
    if url.startswith("file:"):
        # As a setting this is a reference to a file; what stands in it is looked at when it is called.
        return
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"url": url}, WebhookSettings)


def test_a_check_resolves_and_calls_nobody(peer: Receiver) -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    async def check(adapter: Webhook) -> Result:
        try:
            return await adapter.check()
        finally:
            await adapter.close()

    found = [
        asyncio.run(check(adapter)).reason
        for adapter in (
            webhook(peer.url),
            webhook(""),
            webhook(peer.url, Outside()),
            webhook("https://nowhere.invalid", Outside((), unknown)),
        )
    ]
    assert found == ["", "", "address_refused", "unreachable"]
    assert not peer.asked


def test_a_step_without_a_channel_needs_no_settings() -> None:
    assert provider_of(DeliveryChannel(type="webhook")).name == "webhook"
    assert msgspec.convert({}, WebhookSettings).url == ""


# ------------------------------------------------------------------------------------------------ signatures


def test_two_independent_libraries_verify_what_we_sign(peer: Receiver) -> None:
    send(webhook(peer.url), call(0, {"a": 1}))
    headers, body = peer.asked[0].headers, peer.asked[0].body
    assert Reference(SECRET).verify(body, headers) == {"a": 1}
    svix = {name.replace("webhook-", "svix-"): value for name, value in headers.items()}
    Svix(SECRET).verify(body, svix)
    with pytest.raises(Exception, match="signature"):
        Reference(OTHER).verify(body, headers)


def test_we_verify_what_two_independent_libraries_sign() -> None:
    when, body = datetime.fromtimestamp(NOW / 1000, UTC), '{"a":1}'
    for library, prefix in ((Reference, "webhook"), (Svix, "svix")):
        signature = library(SECRET).sign("msg_1", when, body)
        headers = {
            f"{prefix}-id": "msg_1",
            f"{prefix}-timestamp": str(NOW // 1000),
            f"{prefix}-signature": f"v1,AAAA {signature}",
        }
        assert verify_standard([OTHER, SECRET], headers, body.encode(), NOW) == ("msg_1", NOW // 1000)
        with pytest.raises(UnverifiedError):
            verify_standard([OTHER], headers, body.encode(), NOW)


def test_while_secrets_are_changed_both_verify(peer: Receiver) -> None:
    send(webhook(peer.url, secret=OTHER, secret_before=SECRET), call(0, {"a": 1}))
    asked = peer.asked[0]
    assert list(peer.taken) == [call().effect]
    assert Reference(OTHER).verify(asked.body, asked.headers) == {"a": 1}
    assert len(asked.headers["webhook-signature"].split(" ")) == 2


def test_a_private_key_signs_so_that_the_public_one_verifies() -> None:
    key = Ed25519PrivateKey.generate()
    raw = key.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    point = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    public = "whpk_" + b64encode(point).decode()
    for secret in (raw, raw + point):
        headers = Signer(["whsk_" + b64encode(secret).decode()]).headers("m", NOW // 1000, b"{}")
        assert headers["webhook-signature"].startswith("v1a,")
        assert verify_standard([public], headers, b"{}", NOW) == ("m", NOW // 1000)
        with pytest.raises(UnverifiedError):
            verify_standard([public], headers, b"{ }", NOW)


@pytest.mark.parametrize("secret", ["whsec_AAAA", "whsec_%%%", "whsk_AAAA", "plainly-none"])
def test_what_is_no_secret_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ChannelError) as caught:
        Signer([secret])
    assert secret not in str(caught.value)


def test_a_secret_may_come_without_its_prefix() -> None:
    assert shared_key(SECRET.removeprefix("whsec_")) == shared_key(SECRET)


# --------------------------------------------------------------------------------------------------- it tells


def told(body: Any, *, secret: str = SECRET, seconds: int = NOW // 1000) -> Request:
    raw = json.dumps(body)
    headers = {
        "webhook-id": "m1",
        "webhook-timestamp": str(seconds),
        "webhook-signature": Reference(secret).sign("m1", datetime.fromtimestamp(seconds, UTC), raw),
    }
    return Request(method="POST", url="", headers=headers, query={}, body=raw.encode(), received=NOW)


def hear(request: Request) -> tuple[Sequence[Heard], Reply]:
    settings = msgspec.convert({"secret": SECRET, "secret_before": OTHER}, WebhookSettings)
    return asyncio.run(WebhookInbound(settings).hear(request))


def test_a_receiver_tells_what_became_of_a_message() -> None:
    body = {"type": "message.bounced", "data": {"id": "e1", "reason": "no_such_number", "permanent": True}}
    for secret in (SECRET, OTHER):
        (heard,), reply = hear(told(body, secret=secret))
        assert heard == Heard(
            key="m1", outcome="bounced", effect="e1", reason="no_such_number", permanent=True, at=NOW
        )
        assert reply.status == 200


def test_a_receiver_that_did_not_sign_or_too_long_ago_is_refused() -> None:
    body = {"type": "message.delivered", "data": {"id": "e1"}}
    good = told(body)
    assert hear(good)[0]
    for wrong in (
        told(body, secret="whsec_" + b64encode(b"x" * 24).decode()),
        told(body, seconds=NOW // 1000 - 301),
        told(body, seconds=NOW // 1000 + 301),
        msgspec.structs.replace(good, body=good.body + b" "),
        msgspec.structs.replace(good, headers={**good.headers, "webhook-id": "m2"}),
        msgspec.structs.replace(good, headers={}),
    ):
        with pytest.raises(UnverifiedError):
            hear(wrong)


@pytest.mark.parametrize(
    "body",
    [7, {}, {"type": "message.claimed", "data": {"id": "e1"}}, {"type": "message.sent", "data": {"id": 7}}],
)
def test_what_a_receiver_cannot_know_is_refused(body: Any) -> None:
    heard, reply = hear(told(body))
    assert (list(heard), reply.status) == ([], 400)

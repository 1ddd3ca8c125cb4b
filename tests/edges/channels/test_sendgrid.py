"""SendGrid: requests as its reference describes them, and events signed with its key, byte for byte."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.error
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from sendgrid import SendGridAPIClient
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import Mail

from sevenfold.channels.base import Adapter, ChannelError, Heard, Request, UnverifiedError
from sevenfold.channels.sendgrid import SendGridAdapter, SendGridInbound, SendGridSettings, heard
from tests.edges.channels.conformance import (
    ADDRESS,
    EFFECT,
    RETRY_AFTER_S,
    SUBJECT,
    WORDS,
    AdapterConformance,
    Behaviour,
    Stand,
    outgoing,
    send,
)
from tests.edges.channels.peers.http import Answered, Hang, HangUp
from tests.edges.channels.peers.mail_providers import API_KEY, SendGridPeer, SgMail, sendgrid_error

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
NOW = 1_790_000_000_000
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


def settings(base_url: str = "https://api.sendgrid.com", **changes: Any) -> SendGridSettings:
    given_ = {"api_key": API_KEY, "base_url": base_url, "webhook_key": PUBLIC}
    return msgspec.convert({**given_, **changes}, SendGridSettings)


class SendGridStand(Stand):
    secrets = (API_KEY,)

    def __init__(self, peer: SendGridPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None, **changes: Any) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return SendGridAdapter(settings(url, timeout_s=self.short_s if impatient else 5.0, **changes))

    def bad_credentials(self) -> Adapter:
        return self.adapter(api_key="SG.wrong")

    def behave(self, how: Behaviour) -> None:
        to = "personalizations.0.to.0.email"
        faults = {
            "permanent": sendgrid_error(400, f"The content for {ADDRESS} may not hold that.", "content"),
            "bad_recipient": sendgrid_error(400, f"Does not contain a valid address: {ADDRESS}", to),
            "transient": Answered(503, b"upstream unavailable"),
            "throttled": sendgrid_error(
                429, "too many requests", headers={"Retry-After": str(RETRY_AFTER_S)}
            ),
            "auth": sendgrid_error(401, f"The key {API_KEY} was revoked"),
            "garbage": Answered(200, b"<html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(faults[how])

    def taken(self) -> Sequence[str]:
        return self.peer.effects

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints


class TestSendGrid(AdapterConformance):
    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with SendGridPeer() as peer:
            yield SendGridStand(peer)


@pytest.fixture
def peer() -> Iterator[SendGridPeer]:
    with SendGridPeer() as started:
        yield started


# -------------------------------------------------------------------------------------------------- sending


def test_what_was_rendered_is_asked_for(peer: SendGridPeer) -> None:
    (result,) = send(SendGridAdapter(settings(peer.url)), outgoing())
    mail: SgMail = peer.mails[0]
    assert (result.provider_id, peer.complaints) == ("sg0001", [])
    assert mail.subject == SUBJECT
    assert (mail.from_.email, mail.from_.name) == ("hello@shop.test", "Café Gewürz")
    assert mail.personalizations[0].to[0].email == ADDRESS
    assert [one.value for one in mail.content] == [WORDS, f"<p>{WORDS}</p>"]
    assert mail.headers["List-Unsubscribe"] == outgoing().content.headers["List-Unsubscribe"]
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.tracking_settings is not None
    assert mail.tracking_settings.click_tracking is not None
    assert not mail.tracking_settings.click_tracking.enable


def test_the_official_client_is_taken_by_the_same_peer(peer: SendGridPeer) -> None:
    client = SendGridAPIClient(API_KEY, host=peer.url)
    mail = Mail("a@shop.test", "b@customer.test", "s", plain_text_content="t")
    answer = client.send(mail)
    assert (answer.status_code, answer.headers["X-Message-Id"]) == (202, "sg0001")
    assert not peer.complaints
    # and it understands the errors that the adapter is tested with
    peer.next(sendgrid_error(400, "bad", "from"))
    with pytest.raises(Exception) as raised:
        client.send(mail)
    assert json.loads(raised.value.body)["errors"][0]["field"] == "from"  # type: ignore[attr-defined]
    if isinstance(raised.value.__cause__, urllib.error.HTTPError):
        raised.value.__cause__.close()


def test_requests_have_the_shape_of_the_official_clients(peer: SendGridPeer) -> None:
    path = SHARED / "captures" / "outbound-sendgrid-python.json"
    if not path.exists():
        pytest.skip("../shared is absent")
    (recorded,) = json.loads(path.read_text("utf-8"))["requests"]
    content = msgspec.structs.replace(outgoing().content, html=None)
    send(SendGridAdapter(settings(peer.url)), outgoing(content=content))
    (asked,) = peer.asked
    ours, theirs = asked.json(), recorded["body"]
    assert (asked.method, asked.path) == (recorded["method"], recorded["path"])
    assert set(theirs) <= set(ours)
    assert [set(one) for one in theirs["content"]] == [set(one) for one in ours["content"]]
    assert theirs["personalizations"][0].keys() <= ours["personalizations"][0].keys()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            sendgrid_error(400, "The from address does not match a verified Sender", "from"),
            ("config_error", "sender_rejected", "account"),
        ),
        (sendgrid_error(400, "The subject is required", "subject"), ("permanent", "rejected", "message")),
        (sendgrid_error(413, "too large"), ("permanent", "too_large", "message")),
        (sendgrid_error(403, "You do not have permission"), ("config_error", "auth", "account")),
        (sendgrid_error(401, "Maximum credits exceeded"), ("config_error", "auth", "account")),
        (Answered(500, b""), ("transient", "provider", "account")),
        (Answered(504, b""), ("unknown", "no_answer", "message")),
        (Answered(302, b"", {"Location": "https://evil.test/"}), ("config_error", "endpoint", "account")),
        (Answered(202, b""), ("unknown", "unreadable_answer", "message")),
    ],
)
def test_each_answer_says_whose_fault_it_is(
    peer: SendGridPeer, answer: Answered, expected: tuple[str, str, str]
) -> None:
    peer.next(answer)
    (result,) = send(SendGridAdapter(settings(peer.url)), outgoing())
    assert (result.verdict, result.reason, result.scope) == expected
    assert len(peer.asked) == 1


def test_the_limits_reset_is_a_time(peer: SendGridPeer) -> None:
    headers = {"X-RateLimit-Reset": "1790000030", "Date": "Mon, 21 Sep 2026 14:13:20 GMT"}
    peer.next(sendgrid_error(429, "too many requests", headers=headers))
    (result,) = send(SendGridAdapter(settings(peer.url)), outgoing())
    assert (result.verdict, result.retry_after_s) == ("throttled", 30)


@pytest.mark.parametrize("url", ["http://api.sendgrid.com", "ftp://x", "", "https://"])
def test_a_key_is_not_sent_in_the_clear(url: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="secrets"):
        settings(url)


# -------------------------------------------------------------------------------------------------- hearing


def signed(body: bytes, at: int = NOW, key: ec.EllipticCurvePrivateKey = KEY) -> Request:
    stamp = str(at // 1_000)
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": stamp,
    }
    return Request(method="POST", url="", headers=headers, query={}, body=body, received=NOW)


def hear(request: Request) -> list[Heard]:
    return list(asyncio.run(SendGridInbound(settings()).hear(request))[0])


def event(kind: str, **more: Any) -> dict[str, Any]:
    told = {"email": ADDRESS, "timestamp": 1_790_000_000, "event": kind, "sg_event_id": f"id-{kind}"}
    return {**told, "sg_message_id": "sg0001.recvd-5f-1", "sevenfold_effect": EFFECT, **more}


# SendGrid writes one event a line, and ends with CRLF.
BODY = b"[" + json.dumps(event("delivered")).encode() + b"]\r\n"


def test_what_sendgrid_signed_is_believed() -> None:
    (found,) = hear(signed(BODY))
    assert (found.outcome, found.effect, found.provider_id) == ("delivered", EFFECT, "sg0001")
    assert (found.key, found.at, found.address) == ("sendgrid:id-delivered", NOW, ADDRESS)


def test_a_call_that_was_tried_for_a_day_is_believed() -> None:
    assert hear(signed(BODY, at=NOW - 24 * 3_600_000))


def test_the_official_verifier_agrees() -> None:
    request = signed(BODY)
    verifier = EventWebhook(PUBLIC)
    stamp = request.headers["x-twilio-email-event-webhook-timestamp"]
    signature = request.headers["x-twilio-email-event-webhook-signature"]
    assert verifier.verify_signature(BODY.decode(), signature, stamp)
    assert not verifier.verify_signature(BODY.decode().rstrip(), signature, stamp)


@pytest.mark.parametrize(
    "request_",
    [
        msgspec.structs.replace(signed(BODY), body=BODY.rstrip()),
        msgspec.structs.replace(signed(BODY), body=BODY.replace(b"delivered", b"spamreport")),
        msgspec.structs.replace(signed(BODY), headers={}),
        signed(BODY, key=ec.generate_private_key(ec.SECP256R1())),
        signed(BODY, at=NOW - 25 * 3_600_000 - 1_000),
        signed(BODY, at=NOW + 301_000),
        signed(b"no JSON"),
        signed(b'{"event": "bounce"}'),
    ],
    ids=["trimmed", "changed", "unsigned", "other key", "old", "early", "no JSON", "no list"],
)
def test_anything_else_is_refused(request_: Request) -> None:
    with pytest.raises(UnverifiedError):
        hear(request_)


def test_a_key_that_cannot_be_read_is_refused() -> None:
    for key in ("", "AAAA", "no base64!"):
        with pytest.raises(ChannelError, match="cannot be read"):
            SendGridInbound(settings(webhook_key=key))


@pytest.mark.parametrize(
    ("told", "outcome", "reason", "flag"),
    [
        (event("processed"), "sent", "", False),
        (
            event("bounce", type="bounce", status="5.1.1", reason="550 5.1.1 no such user"),
            "bounced",
            "bad_address",
            True,
        ),
        (
            event("bounce", type="bounce", status="5.2.2", reason="552 5.2.2 full"),
            "bounced",
            "mailbox_full",
            False,
        ),
        (
            event("bounce", type="bounce", status="4.2.2", reason="452 4.2.2 full"),
            "bounced",
            "mailbox_full",
            False,
        ),
        (
            event("bounce", type="blocked", status="5.7.1", reason="550 5.7.1 spam"),
            "bounced",
            "blocked",
            False,
        ),
        (
            event("bounce", type="bounce", status="5.7.1", reason="550 5.7.1 policy"),
            "bounced",
            "policy",
            False,
        ),
        (event("dropped", reason="Bounced Address"), "bounced", "suppressed", True),
        (event("dropped", reason="Unsubscribed Address"), "failed", "unsubscribed", False),
        (event("dropped", reason="Spam Content"), "failed", "dropped", False),
        (event("open", useragent="Mozilla/5.0 (iPhone)"), "opened", "", False),
        (event("open", sg_machine_open=True), "opened", "", True),
        (event("click", url="https://shop.test/"), "clicked", "", False),
        (event("spamreport"), "complained", "abuse", True),
        (event("unsubscribe"), "unsubscribed", "unsubscribe", False),
        (event("group_unsubscribe"), "unsubscribed", "group_unsubscribe", False),
    ],
    ids=lambda one: str(one)[:60],
)
def test_each_event_says_what_became_of_the_mail(
    told: dict[str, Any], outcome: str, reason: str, flag: bool
) -> None:
    (found,) = heard(told)
    assert (found.outcome, found.reason, found.effect) == (outcome, reason, EFFECT)
    assert (found.machine if outcome in ("opened", "clicked") else found.permanent) is flag


@pytest.mark.parametrize("told", [event("deferred"), event("account_status_change"), {"event": "bounce"}])
def test_what_is_no_outcome_says_nothing(told: dict[str, Any]) -> None:
    assert list(heard(told)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*event("bounce"), "reason", "status", "type", "url", "useragent"])


@given(st.dictionaries(NAMES, JSON | st.sampled_from(["bounce", "dropped", "open", "click"]), max_size=12))
def test_no_event_raises(told: dict[str, Any]) -> None:
    for found in heard(told):
        assert isinstance(found, Heard)

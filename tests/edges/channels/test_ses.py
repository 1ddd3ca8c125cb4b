"""Amazon SES: signed as botocore signs, taken by moto, and its events believed only when Amazon signed
them.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import email
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from moto.core.request import Request as MotoRequest
from moto.ses.models import ses_backends
from moto.sesv2.responses import SESV2Response

from sevenfold.channels.base import Adapter, Heard, Request, Result, UnverifiedError
from sevenfold.channels.ses import SesAdapter, SesInbound, SesSettings, heard
from sevenfold.channels.sigv4 import Credentials, headers
from sevenfold.clock import SetClock
from sevenfold.limits import SNS_AGE_S_MAX
from tests.edges.channels.conformance import (
    ADDRESS,
    EFFECT,
    RETRY_AFTER_S,
    AdapterConformance,
    Behaviour,
    Stand,
    outgoing,
    run,
    send,
)
from tests.edges.channels.peers.http import Answered, Asked, Hang, HangUp, HttpPeer
from tests.edges.channels.peers.mail_providers import ACCESS_KEY, SECRET_KEY, SesPeer, ses_error

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
NOW = 1_790_000_000_000
TOPIC = "arn:aws:sns:eu-central-1:123456789012:mail"


def settings(base_url: str, **changes: Any) -> SesSettings:
    given = {"region": "eu-central-1", "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}
    return msgspec.convert({**given, "base_url": base_url, "topic_arn": TOPIC} | changes, SesSettings)


class SesStand(Stand):
    secrets = (SECRET_KEY,)

    def __init__(self, peer: SesPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None, **changes: Any) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        changes["timeout_s"] = self.short_s if impatient else 5.0
        return SesAdapter(settings(url, **changes), SetClock(NOW))

    def bad_credentials(self) -> Adapter:
        return self.adapter(secret_access_key="another")

    def behave(self, how: Behaviour) -> None:
        wait = {"Retry-After": str(RETRY_AFTER_S)}
        faults = {
            "permanent": ses_error(400, "MessageRejected", f"Message to {ADDRESS} contains a virus."),
            "bad_recipient": ses_error(400, "BadRequestException", f"Invalid address <{ADDRESS}>"),
            "transient": ses_error(503, "ServiceUnavailable", "try again"),
            "throttled": ses_error(429, "TooManyRequestsException", "Maximum sending rate exceeded.", wait),
            "auth": ses_error(403, "InvalidSignatureException", "Signature expired"),
            "garbage": Answered(200, b"<html>fine</html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(faults[how])

    def taken(self) -> Sequence[str]:
        return self.peer.effects

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints


class TestSes(AdapterConformance):
    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with SesPeer() as peer:
            yield SesStand(peer)


# ------------------------------------------------------------------------------------------------ sending


@pytest.mark.parametrize("token", ["", "FwoGZXIvYXdzEXAMPLE=="])
@pytest.mark.parametrize("path", ["/v2/email/outbound-emails", "/v2/email/identities/a%40b.test", "/"])
def test_a_request_is_signed_as_botocore_signs_it(token: str, path: str) -> None:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Botocores

    url, body = f"https://email.eu-central-1.amazonaws.com{path}", '{"Ä": "ö"}'.encode()
    given = Credentials(ACCESS_KEY, SECRET_KEY, token)
    made = headers(given, "POST", url, body, region="eu-central-1", service="ses", at=NOW)
    request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json"})
    request.headers["x-amz-date"] = made["x-amz-date"]
    if token:
        request.headers["x-amz-security-token"] = token
    request.context["timestamp"] = made["x-amz-date"]
    signer = SigV4Auth(Botocores(ACCESS_KEY, SECRET_KEY, token or None), "ses", "eu-central-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert made["authorization"].endswith(f"Signature={signer.signature(text, request)}")


def test_the_official_client_is_taken_by_the_same_peer() -> None:
    with SesPeer() as peer:
        client = boto3.client(
            "sesv2",
            region_name="eu-central-1",
            endpoint_url=peer.url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=botocore.config.Config(retries={"max_attempts": 0}),
        )
        raw = b"From: a@shop.test\r\nTo: b@customer.test\r\nSubject: s\r\n\r\nx\r\n"
        answer = client.send_email(
            FromEmailAddress="a@shop.test",
            Destination={"ToAddresses": ["b@customer.test"]},
            Content={"Raw": {"Data": raw}},
        )
        client.close()
        assert answer["MessageId"]
        assert not peer.complaints


class MotoPeer(HttpPeer):
    """moto's SES, asked over HTTP."""

    def accept(self, asked: Asked) -> Answered:
        url = f"http://email.us-east-1.amazonaws.com{asked.path}"
        request = MotoRequest.from_primitives(asked.method, url, asked.headers, asked.body)
        status, told, body = SESV2Response.dispatch(request, url, asked.headers)
        if isinstance(body, bytes):
            return Answered(status, body, {"x-amzn-ErrorType": told.get("x-amzn-errortype", "")})
        return Answered(status, body, {k: str(v) for k, v in told.items() if k.lower().startswith("x-amzn")})


def test_moto_takes_a_mail_from_a_verified_sender_and_refuses_another() -> None:
    backend = ses_backends["123456789012"]["us-east-1"]
    backend.verify_email_identity("hello@shop.test")
    with MotoPeer() as peer:
        adapter = SesAdapter(settings(peer.url, region="us-east-1"), SetClock(NOW))
        stranger = msgspec.structs.replace(outgoing(1).content, from_="else@other.test")
        first, second = send(adapter, outgoing(), outgoing(1, content=stranger))
    assert (first.verdict, bool(first.provider_id)) == ("accepted", True), (first, peer.complaints)
    assert (second.verdict, second.reason, second.scope) == ("config_error", "sender_not_verified", "account")
    mail = email.message_from_string(backend.sent_messages[-1].raw_data)
    assert mail["List-Unsubscribe"] == outgoing().content.headers["List-Unsubscribe"]


@pytest.mark.parametrize(
    ("status", "name", "words", "expected"),
    [
        (400, "AccountSuspendedException", "suspended", ("config_error", "account_suspended", "account")),
        (400, "SendingPausedException", "paused", ("config_error", "sending_paused", "account")),
        (400, "LimitExceededException", "too many", ("config_error", "limit_exceeded", "account")),
        (404, "NotFoundException", "no configuration set", ("config_error", "not_found", "account")),
        (400, "MailFromDomainNotVerifiedException", "x", ("permanent", "sender_not_verified", "account")),
        (400, "MessageRejected", "Illegal content", ("permanent", "rejected", "message")),
        (
            400,
            "MessageRejected",
            "Email address is not verified. The following identities failed the check: hello@shop.test",
            ("config_error", "sender_not_verified", "account"),
        ),
        (
            400,
            "BadRequestException",
            "Missing final '@domain' in address",
            ("permanent", "bad_address", "recipient"),
        ),
        (400, "BadRequestException", "Raw message is too long", ("permanent", "rejected", "message")),
        (400, "ThrottlingException", "Maximum sending rate exceeded.", ("throttled", "rate", "account")),
        (429, "TooManyRequestsException", "Daily message quota exceeded.", ("throttled", "quota", "account")),
        (403, "AccessDeniedException", "no", ("config_error", "access_denied", "account")),
        (500, "InternalFailure", "x", ("transient", "provider", "account")),
    ],
)
def test_each_error_says_whose_fault_it_is(
    status: int, name: str, words: str, expected: tuple[str, str, str]
) -> None:
    with SesPeer() as peer:
        peer.next(ses_error(status, name, words))
        (result,) = send(SesAdapter(settings(peer.url), SetClock(NOW)), outgoing())
    assert (result.verdict, result.reason, result.scope) == expected
    if expected[1] == "quota":
        assert result.retry_after_s == 3_600


def test_a_paused_account_is_found_by_the_check() -> None:
    async def check(url: str) -> Result:
        adapter = SesAdapter(settings(url), SetClock(NOW))
        try:
            return await adapter.check()
        finally:
            await adapter.close()

    with SesPeer() as peer:
        peer.next(Answered(200, {"SendingEnabled": False}))
        result = run(lambda: check(peer.url))
    assert (result.verdict, result.reason) == ("config_error", "sending_paused")


# -------------------------------------------------------------------------------------------------- hearing


class Amazon:
    """Signs as SNS does, and serves its certificate."""

    url = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"

    def __init__(self, days: int = 30) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        start = datetime.datetime.fromtimestamp(NOW / 1_000, datetime.UTC) - datetime.timedelta(days=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=days))
            .sign(self.key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(Encoding.PEM)
        self.fetched: list[str] = []

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        return self.pem

    def message(self, told: Any, version: str = "2", **changes: str) -> dict[str, str]:
        at = datetime.datetime.fromtimestamp(NOW / 1_000, datetime.UTC)
        message = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Message": told if isinstance(told, str) else json.dumps(told),
            "Timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "SignatureVersion": version,
            "SigningCertURL": self.url,
            **changes,
        }
        names = sorted(set(message) - {"SignatureVersion", "SigningCertURL", "UnsubscribeURL"})
        text = "".join(f"{name}\n{message[name]}\n" for name in names).encode()
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        message["Signature"] = base64.b64encode(self.key.sign(text, padding.PKCS1v15(), algorithm)).decode()
        return message


def hear(amazon: Amazon, message: dict[str, str], *, at: int = NOW) -> list[Heard]:
    inbound = SesInbound(settings("https://x.test"), amazon.fetch)
    request = Request(
        method="POST",
        url="https://go.shop.test/hooks/mail",
        headers={},
        query={},
        body=json.dumps(message).encode(),
        received=at,
    )
    return list(asyncio.run(inbound.hear(request))[0])


@pytest.fixture(scope="module")
def amazon() -> Amazon:
    return Amazon()


def event(kind: str, **part: Any) -> dict[str, Any]:
    mail = {
        "messageId": "0107019a-1",
        "destination": [ADDRESS],
        "tags": {"sevenfold_effect": [EFFECT], "ses:source-ip": ["1.2.3.4"]},
    }
    return {"eventType": kind, "mail": mail, kind[:1].lower() + kind[1:]: part}


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "Amazon SES Email Event Notification"}])
def test_what_amazon_signed_is_believed(amazon: Amazon, version: str, subject: dict[str, str]) -> None:
    told = event("Delivery", timestamp="2026-09-21T20:53:20.000Z", recipients=[ADDRESS])
    (found,) = hear(amazon, amazon.message(told, version, **subject))
    assert (found.outcome, found.effect, found.provider_id) == ("delivered", EFFECT, "0107019a-1")
    assert found.at == 1_790_024_000_000
    assert found.key == "sns:22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{}"},
        {"Timestamp": "2026-09-21T13:33:21.000Z"},
        {"TopicArn": "arn:aws:sns:eu-central-1:999999999999:mail"},
        {"SigningCertURL": "https://sns.eu-central-1.amazonaws.com.evil.test/x.pem"},
        {"SigningCertURL": "http://sns.eu-central-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.eu-central-1.amazonaws.com/x.txt"},
        {"SigningCertURL": "https://evil@sns.eu-central-1.amazonaws.com:444/x.pem"},
        {"SigningCertURL": "https://bucket.s3.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://[sns/x.pem"},
        {"SignatureVersion": "3"},
        {"Signature": "AAAA"},
        {"Signature": "no base64"},
        {"Type": "Other"},
    ],
    ids=str,
)
def test_what_was_changed_is_refused(amazon: Amazon, change: dict[str, str]) -> None:
    told = event("Complaint", complainedRecipients=[{"emailAddress": ADDRESS}])
    with pytest.raises(UnverifiedError):
        hear(amazon, amazon.message(told) | change)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b'{"Type": 1}', b"{" * 5_000])
def test_what_is_no_message_is_refused(amazon: Amazon, body: bytes) -> None:
    inbound = SesInbound(settings("https://x.test"), amazon.fetch)
    request = Request(method="POST", url="", headers={}, query={}, body=body, received=NOW)
    with pytest.raises(UnverifiedError):
        asyncio.run(inbound.hear(request))


def test_another_key_and_an_old_certificate_are_refused(amazon: Amazon) -> None:
    told = event("Delivery")
    other = Amazon()
    with pytest.raises(UnverifiedError, match="signature"):
        hear(amazon, other.message(told))
    old = Amazon(days=0)
    with pytest.raises(UnverifiedError, match="certificate"):
        hear(old, old.message(told))


@pytest.mark.parametrize("late_s", [SNS_AGE_S_MAX + 1, -SNS_AGE_S_MAX - 1])
def test_an_old_message_is_refused(amazon: Amazon, late_s: int) -> None:
    message = amazon.message(event("Delivery"))
    assert hear(amazon, message, at=NOW + SNS_AGE_S_MAX * 1_000)
    with pytest.raises(UnverifiedError, match="old"):
        hear(amazon, message, at=NOW + late_s * 1_000)


def test_a_subscription_is_confirmed_for_our_topic_only() -> None:
    amazon = Amazon()
    confirm = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    message = {"Type": "SubscriptionConfirmation", "SubscribeURL": confirm, "Token": "t"}
    assert hear(amazon, amazon.message("You have chosen to subscribe", **message)) == []
    assert amazon.fetched[-1] == confirm
    amazon.fetched.clear()
    other = {**message, "TopicArn": "arn:aws:sns:eu-central-1:999999999999:theirs"}
    with pytest.raises(UnverifiedError, match="topic"):
        hear(amazon, amazon.message("x", **other))
    with pytest.raises(UnverifiedError, match="Amazon's"):
        hear(amazon, amazon.message("x", **{**message, "SubscribeURL": "https://internal.test/admin"}))
    assert not [url for url in amazon.fetched if not url.endswith(".pem")]


def test_the_greeting_of_a_new_topic_says_nothing(amazon: Amazon) -> None:
    assert (
        hear(amazon, amazon.message("Successfully validated SNS topic for Amazon SES event publishing."))
        == []
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (event("Send"), [("sent", False, "")]),
        (event("Reject", reason="Bad content"), [("failed", False, "rejected")]),
        (event("Open", userAgent="Mozilla/5.0 (Macintosh) AppleWebKit"), [("opened", False, "")]),
        (event("Open", userAgent="Mozilla/5.0"), [("opened", True, "")]),
        (event("Click", link="https://shop.test/x"), [("clicked", False, "")]),
        (
            event(
                "Bounce",
                bounceType="Permanent",
                bounceSubType="NoEmail",
                bouncedRecipients=[{"emailAddress": ADDRESS, "status": "5.1.1"}],
            ),
            [("bounced", True, "no_email")],
        ),
        (
            event(
                "Bounce",
                bounceType="Transient",
                bounceSubType="MailboxFull",
                bouncedRecipients=[
                    {"emailAddress": ADDRESS},
                    {"emailAddress": "b@x.test", "action": "delayed"},
                ],
            ),
            [("bounced", False, "mailbox_full")],
        ),
        (
            event(
                "Complaint", complaintFeedbackType="abuse", complainedRecipients=[{"emailAddress": ADDRESS}]
            ),
            [("complained", True, "abuse")],
        ),
        (
            event(
                "Complaint",
                complaintFeedbackType="not-spam",
                complainedRecipients=[{"emailAddress": ADDRESS}],
            ),
            [],
        ),
        (
            event("Subscription", newTopicPreferences={"unsubscribeAll": True}),
            [("unsubscribed", True, "provider")],
        ),
        (event("DeliveryDelay"), []),
    ],
    ids=lambda one: str(one)[:40],
)
def test_each_event_says_what_became_of_the_mail(
    told: dict[str, Any], expected: list[tuple[str, bool, str]]
) -> None:
    found = list(heard(told, "k"))
    assert [(one.outcome, one.reason) for one in found] == [
        (outcome, reason) for outcome, _, reason in expected
    ]
    for one, (outcome, flag, _) in zip(found, expected, strict=True):
        assert one.effect == EFFECT
        assert one.address == ADDRESS
        if outcome in ("bounced", "complained"):
            assert one.permanent is flag
        if outcome in ("opened", "clicked"):
            assert one.machine is flag


def test_recorded_notifications_are_understood() -> None:
    path = SHARED / "captures" / "ses-moto.json"
    if not path.exists():
        pytest.skip("../shared is absent")
    outcomes = []
    for message in json.loads(path.read_text("utf-8"))["sqs"]:
        told = message["Message"].get("__moto_sent_dict_not_string__")
        # moto writes the three names into one field; what is there says which it is.
        told["notificationType"] = next(
            k.capitalize() for k in ("bounce", "complaint", "delivery") if k in told
        )
        outcomes += [(one.outcome, one.permanent) for one in heard(told, message["MessageId"])]
    assert outcomes == [("bounced", True), ("complained", True), ("delivered", False)] * 2

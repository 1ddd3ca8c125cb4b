"""Resend: a message's key is taken once, and webhooks are signed by Svix."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import resend
import standardwebhooks
import svix

from sevenfold.channels.base import Adapter, ChannelError, Heard, Request, UnverifiedError
from sevenfold.channels.resend import ResendAdapter, ResendInbound, ResendSettings, heard
from tests.edges.channels.conformance import (
    ADDRESS,
    EFFECT,
    RETRY_AFTER_S,
    SUBJECT,
    AdapterConformance,
    Behaviour,
    Stand,
    outgoing,
    send,
)
from tests.edges.channels.peers.http import Answered, Hang, HangUp
from tests.edges.channels.peers.mail_providers import RESEND_KEY, ResendPeer, RsMail, resend_error

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
NOW = 1_790_000_000_000
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def settings(base_url: str = "https://api.resend.com", **changes: Any) -> ResendSettings:
    given = {"api_key": RESEND_KEY, "base_url": base_url, "webhook_secret": SECRET}
    return msgspec.convert({**given, **changes}, ResendSettings)


class ResendStand(Stand):
    secrets = (RESEND_KEY,)

    def __init__(self, peer: ResendPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None, **changes: Any) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return ResendAdapter(settings(url, timeout_s=self.short_s if impatient else 5.0, **changes))

    def bad_credentials(self) -> Adapter:
        return self.adapter(api_key="re_wrong")

    def behave(self, how: Behaviour) -> None:
        wait = {"retry-after": str(RETRY_AFTER_S), "ratelimit-reset": "1"}
        faults = {
            "permanent": resend_error(422, "validation_error", "The html is not right"),
            "bad_recipient": resend_error(
                422, "validation_error", f"Invalid `to` field: {ADDRESS} needs to be"
            ),
            "transient": resend_error(500, "application_error", "An unexpected error occurred."),
            "throttled": resend_error(429, "rate_limit_exceeded", "Too many requests.", wait),
            "auth": resend_error(403, "invalid_api_key", f"API key {RESEND_KEY} is invalid"),
            "garbage": Answered(200, b"<html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(faults[how])

    def taken(self) -> Sequence[str]:
        return self.peer.effects

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints


class TestResend(AdapterConformance):
    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with ResendPeer() as peer:
            yield ResendStand(peer)


@pytest.fixture
def peer() -> Iterator[ResendPeer]:
    with ResendPeer() as started:
        yield started


# -------------------------------------------------------------------------------------------------- sending


def test_what_was_rendered_is_asked_for_with_the_messages_key(peer: ResendPeer) -> None:
    send(ResendAdapter(settings(peer.url)), outgoing())
    mail: RsMail = peer.mails[0]
    assert (mail.subject, mail.to) == (SUBJECT, [ADDRESS])
    assert mail.headers["List-Unsubscribe"] == outgoing().content.headers["List-Unsubscribe"]
    assert peer.asked[0].headers["idempotency-key"] == EFFECT


def test_the_official_client_is_taken_by_the_same_peer(
    peer: ResendPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "api_key", RESEND_KEY)
    monkeypatch.setattr(resend, "api_url", peer.url)
    tags = [{"name": "sevenfold_effect", "value": EFFECT}]
    mail: Any = {"from": "a@x.test", "to": ["b@x.test"], "subject": "s", "html": "<p>h</p>", "tags": tags}
    first = resend.Emails.send(mail, {"idempotency_key": "k"})
    again = resend.Emails.send(mail, {"idempotency_key": "k"})
    assert first["id"] == again["id"]
    assert (peer.effects, peer.complaints) == ([EFFECT], [])


def test_requests_have_the_shape_of_the_official_clients(peer: ResendPeer) -> None:
    path = SHARED / "captures" / "outbound-resend-python.json"
    if not path.exists():
        pytest.skip("../shared is absent")
    (recorded,) = json.loads(path.read_text("utf-8"))["requests"]
    send(ResendAdapter(settings(peer.url)), outgoing())
    (asked,) = peer.asked
    assert (asked.method, asked.path) == (recorded["method"], recorded["path"])
    assert set(recorded["body"]) <= set(asked.json())
    names = {name.lower() for name, _ in recorded["headers"]}
    assert {"authorization", "idempotency-key", "content-type"} <= names & set(asked.headers)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            resend_error(422, "validation_error", "Invalid `from` field. The email address needs to follow"),
            ("config_error", "sender_rejected", "account"),
        ),
        (
            resend_error(403, "validation_error", "The shop.test domain is not verified."),
            ("config_error", "sender_rejected", "account"),
        ),
        (resend_error(403, "invalid_from_address", "x"), ("config_error", "sender_rejected", "account")),
        (resend_error(401, "missing_api_key", "x"), ("config_error", "auth", "account")),
        (resend_error(409, "invalid_idempotent_request", "x"), ("permanent", "key_taken", "message")),
        (resend_error(409, "concurrent_idempotent_requests", "x"), ("transient", "in_progress", "message")),
        (
            resend_error(422, "missing_required_field", "Missing `subject`"),
            ("permanent", "rejected", "message"),
        ),
        (resend_error(429, "daily_quota_exceeded", "x"), ("throttled", "quota", "account")),
        (resend_error(451, "security_error", "x"), ("permanent", "rejected", "message")),
        (Answered(200, {"object": "email"}), ("unknown", "unreadable_answer", "message")),
    ],
)
def test_each_answer_says_whose_fault_it_is(
    peer: ResendPeer, answer: Answered, expected: tuple[str, str, str]
) -> None:
    peer.next(answer)
    (result,) = send(ResendAdapter(settings(peer.url)), outgoing())
    assert (result.verdict, result.reason, result.scope) == expected
    if expected[1] == "quota":
        assert result.retry_after_s == 3_600


def test_a_key_that_may_only_send_passes_the_check(peer: ResendPeer) -> None:
    peer.next(resend_error(401, "restricted_api_key", "This API key is restricted to only send emails"))

    async def check() -> Any:
        adapter = ResendAdapter(settings(peer.url))
        try:
            return await adapter.check()
        finally:
            await adapter.close()

    assert asyncio.run(check()).verdict == "accepted"


# -------------------------------------------------------------------------------------------------- hearing


def event(kind: str, **data: Any) -> dict[str, Any]:
    about = {"email_id": "56761188-7520-42d8-8898-ff6fc54ce618", "to": [ADDRESS]}
    tags = {"sevenfold_effect": EFFECT}
    return {
        "type": f"email.{kind}",
        "created_at": "2026-09-21T20:53:20.000Z",
        "data": {**about, "tags": tags, **data},
    }


def signed(told: Any, at: int = NOW, prefix: str = "svix") -> Request:
    """A call signed by the official library of Svix, or of Standard Webhooks."""
    body = json.dumps(told)
    when = datetime.datetime.fromtimestamp(at / 1_000, datetime.UTC)
    signer = svix.Webhook(SECRET) if prefix == "svix" else standardwebhooks.Webhook(SECRET)
    headers = {
        f"{prefix}-id": "msg_1",
        f"{prefix}-timestamp": str(at // 1_000),
        f"{prefix}-signature": signer.sign("msg_1", when, body),
    }
    return Request(method="POST", url="", headers=headers, query={}, body=body.encode(), received=NOW)


def hear(request: Request) -> list[Heard]:
    return list(asyncio.run(ResendInbound(settings()).hear(request))[0])


@pytest.mark.parametrize("prefix", ["svix", "webhook"])
def test_what_resend_signed_is_believed(prefix: str) -> None:
    (found,) = hear(signed(event("delivered"), prefix=prefix))
    assert (found.outcome, found.effect, found.key) == ("delivered", EFFECT, "resend:msg_1")
    assert (found.provider_id, found.at) == ("56761188-7520-42d8-8898-ff6fc54ce618", 1_790_024_000_000)


@pytest.mark.parametrize(
    "request_",
    [
        msgspec.structs.replace(signed(event("delivered")), body=json.dumps(event("complained")).encode()),
        msgspec.structs.replace(signed(event("delivered")), headers={}),
        signed(event("delivered"), at=NOW - 301_000),
        signed(event("delivered"), at=NOW + 301_000),
        signed([1]),
    ],
    ids=["changed", "unsigned", "old", "early", "no object"],
)
def test_anything_else_is_refused(request_: Request) -> None:
    with pytest.raises(UnverifiedError):
        hear(request_)


def test_a_secret_that_cannot_verify_is_refused() -> None:
    for secret in ("", "whsec_x", "whsec_AAAA"):
        with pytest.raises(ChannelError):
            ResendInbound(settings(webhook_secret=secret))


@pytest.mark.parametrize(
    ("told", "outcome", "reason", "flag"),
    [
        (event("sent"), "sent", "", False),
        (
            event("bounced", bounce={"type": "Permanent", "subType": "NoEmail", "message": "x"}),
            "bounced",
            "no_email",
            True,
        ),
        (
            event("bounced", bounce={"type": "Transient", "subType": "MailboxFull"}),
            "bounced",
            "mailbox_full",
            False,
        ),
        (event("bounced"), "bounced", "bounced", False),
        (event("suppressed"), "bounced", "suppressed", True),
        (event("complained"), "complained", "abuse", True),
        (event("failed"), "failed", "provider", False),
        (event("opened"), "opened", "", False),
        (
            event("clicked", click={"link": "https://shop.test/", "userAgent": "Barracuda Sentinel"}),
            "clicked",
            "",
            True,
        ),
    ],
    ids=lambda one: str(one)[:60],
)
def test_each_event_says_what_became_of_the_mail(
    told: dict[str, Any], outcome: str, reason: str, flag: bool
) -> None:
    (found,) = heard(told, "k")
    assert (found.outcome, found.reason, found.effect) == (outcome, reason, EFFECT)
    assert (found.machine if outcome in ("opened", "clicked") else found.permanent) is flag


@pytest.mark.parametrize(
    "told", [event("delivery_delayed"), event("scheduled"), {"type": "domain.created"}, {}]
)
def test_what_is_no_outcome_says_nothing(told: dict[str, Any]) -> None:
    assert list(heard(told, "k")) == []


def test_tags_come_as_a_list_too() -> None:
    told = event(
        "delivered", tags=[{"name": "other", "value": "x"}, {"name": "sevenfold_effect", "value": EFFECT}]
    )
    (found,) = heard(told, "k")
    assert found.effect == EFFECT

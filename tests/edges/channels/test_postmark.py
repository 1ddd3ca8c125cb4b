"""Postmark: requests as its reference describes them, and webhooks that show what we gave it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.channels.base import Adapter, ChannelError, Heard, Request, UnverifiedError
from sevenfold.channels.postmark import PostmarkAdapter, PostmarkInbound, PostmarkSettings, heard
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
from tests.edges.channels.peers.mail_providers import SERVER_TOKEN, PmMail, PostmarkPeer, postmark_error

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
NOW = 1_790_000_000_000
PASSWORD = "a password of the webhook"


def settings(base_url: str = "https://api.postmarkapp.com", **changes: Any) -> PostmarkSettings:
    given_ = {"server_token": SERVER_TOKEN, "base_url": base_url, "webhook_password": PASSWORD}
    return msgspec.convert({**given_, **changes}, PostmarkSettings)


class PostmarkStand(Stand):
    secrets = (SERVER_TOKEN,)

    def __init__(self, peer: PostmarkPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None, **changes: Any) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return PostmarkAdapter(settings(url, timeout_s=self.short_s if impatient else 5.0, **changes))

    def bad_credentials(self) -> Adapter:
        return self.adapter(server_token="wrong")

    def behave(self, how: Behaviour) -> None:
        wait = {"Retry-After": str(RETRY_AFTER_S)}
        faults = {
            "permanent": postmark_error(300, "Invalid header value"),
            "bad_recipient": postmark_error(
                406, f"You tried to send to a recipient that has been marked as inactive: {ADDRESS}"
            ),
            "transient": postmark_error(100, "Maintenance", 503),
            "throttled": Answered(429, b"", wait),
            "auth": postmark_error(10, f"No Account or Server API tokens match {SERVER_TOKEN}", 401),
            "garbage": Answered(200, b"<html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(faults[how])

    def taken(self) -> Sequence[str]:
        return self.peer.effects

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints


class TestPostmark(AdapterConformance):
    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with PostmarkPeer() as peer:
            yield PostmarkStand(peer)


@pytest.fixture
def peer() -> Iterator[PostmarkPeer]:
    with PostmarkPeer() as started:
        yield started


# -------------------------------------------------------------------------------------------------- sending


def test_what_was_rendered_is_asked_for(peer: PostmarkPeer) -> None:
    content = msgspec.structs.replace(outgoing().content, reply_to='"Help, please" <help@shop.test>')
    transactional = outgoing(1, transactional=True, content=content)
    send(PostmarkAdapter(settings(peer.url)), outgoing(), transactional)
    first, second = peer.mails
    assert isinstance(first, PmMail)
    assert not peer.complaints
    assert (first.subject, first.to, first.from_) == (SUBJECT, ADDRESS, '"Café Gewürz" <hello@shop.test>')
    assert (first.message_stream, second.message_stream) == ("broadcast", "outbound")
    assert second.reply_to == '"Help, please" <help@shop.test>'
    assert (first.track_opens, first.track_links) == (False, "None")
    headers = {one.name: one.value for one in first.headers}
    assert headers["List-Unsubscribe"] == outgoing().content.headers["List-Unsubscribe"]


def test_requests_have_the_shape_of_another_client(peer: PostmarkPeer) -> None:
    path = SHARED / "captures" / "outbound-postmarker.json"
    if not path.exists():
        pytest.skip("../shared is absent")
    (recorded,) = json.loads(path.read_text("utf-8"))["requests"]
    send(PostmarkAdapter(settings(peer.url)), outgoing())
    (asked,) = peer.asked
    assert (asked.method, asked.path) == (recorded["method"], recorded["path"])
    ours, theirs = asked.json(), {k: v for k, v in recorded["body"].items() if v not in (None, [])}
    assert set(ours) <= {*recorded["body"], "HtmlBody"}
    assert set(theirs) <= set(ours)
    assert ours["Headers"][0].keys() == theirs["Headers"][0].keys()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (postmark_error(300, "Invalid 'From' address: 'x'."), ("config_error", "sender_rejected", "account")),
        (
            postmark_error(300, "Error parsing 'To': Illegal email address 'x'."),
            ("permanent", "bad_address", "recipient"),
        ),
        (postmark_error(300, "Invalid JSON"), ("permanent", "rejected", "message")),
        (
            postmark_error(400, "The 'From' address is not a Sender Signature"),
            ("config_error", "sender_not_verified", "account"),
        ),
        (postmark_error(405, "not allowed to send: no credits"), ("config_error", "not_allowed", "account")),
        (postmark_error(406, "inactive recipient"), ("permanent", "inactive", "recipient")),
        (postmark_error(412, "pending approval"), ("config_error", "pending_approval", "account")),
        (postmark_error(413, "account may not send"), ("config_error", "not_allowed", "account")),
        (postmark_error(1235, "no such stream"), ("config_error", "stream", "account")),
        (Answered(413, b""), ("permanent", "too_large", "message")),
        (Answered(500, b"oops"), ("transient", "provider", "account")),
        (Answered(200, {"ErrorCode": 406, "Message": "inactive"}), ("permanent", "inactive", "recipient")),
        (Answered(200, {"ErrorCode": 0, "Message": "OK"}), ("unknown", "unreadable_answer", "message")),
    ],
)
def test_each_answer_says_whose_fault_it_is(
    peer: PostmarkPeer, answer: Answered, expected: tuple[str, str, str]
) -> None:
    peer.next(answer)
    (result,) = send(PostmarkAdapter(settings(peer.url)), outgoing())
    assert (result.verdict, result.reason, result.scope) == expected


# -------------------------------------------------------------------------------------------------- hearing


def call(told: Any, headers: dict[str, str] | None = None) -> Request:
    basic = base64.b64encode(f"sevenfold:{PASSWORD}".encode()).decode()
    shown = {"authorization": f"Basic {basic}"} if headers is None else headers
    body = json.dumps(told).encode()
    return Request(method="POST", url="", headers=shown, query={}, body=body, received=NOW)


def hear(request: Request, **changes: Any) -> list[Heard]:
    return list(asyncio.run(PostmarkInbound(settings(**changes)).hear(request))[0])


def event(kind: str, **more: Any) -> dict[str, Any]:
    told = {"RecordType": kind, "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Recipient": ADDRESS}
    return {**told, "Metadata": {"sevenfold_effect": EFFECT}, **more}


def test_who_shows_the_password_is_believed() -> None:
    (found,) = hear(call(event("Delivery", DeliveredAt="2026-09-21T20:53:20Z")))
    assert (found.outcome, found.effect, found.at) == ("delivered", EFFECT, 1_790_024_000_000)
    assert found.provider_id == "883953f4-6105-42a2-a16a-77a8eac79483"


def test_a_header_of_our_own_does_as_well() -> None:
    changes = {"webhook_password": "", "webhook_header": "X-Hook", "webhook_header_value": "v4lue"}
    assert hear(call(event("Delivery"), {"x-hook": "v4lue"}), **changes)
    for headers in ({}, {"x-hook": "value"}, {"x-hook": ""}, {"authorization": "Basic c2V2ZW5mb2xkOg=="}):
        with pytest.raises(UnverifiedError):
            hear(call(event("Delivery"), headers), **changes)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer x"},
        {"authorization": "Basic !"},
        {"authorization": "Basic " + base64.b64encode(b"sevenfold:wrong").decode()},
        {"authorization": "Basic " + base64.b64encode(f"other:{PASSWORD}".encode()).decode()},
    ],
)
def test_anybody_else_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(UnverifiedError):
        hear(call(event("Delivery"), headers))


def test_a_webhook_without_any_password_is_no_webhook() -> None:
    with pytest.raises(ChannelError):
        PostmarkInbound(settings(webhook_password=""))


@pytest.mark.parametrize(
    ("told", "outcome", "reason", "flag"),
    [
        (event("Bounce", ID=42, Type="HardBounce", Email=ADDRESS), "bounced", "hard_bounce", True),
        (event("Bounce", ID=42, Type="SoftBounce"), "bounced", "soft_bounce", False),
        (event("Bounce", ID=42, Type="Transient"), "bounced", "transient", False),
        (event("Bounce", ID=42, Type="Blocked"), "bounced", "blocked", False),
        (event("Bounce", ID=42, Type="SpamNotification"), "complained", "abuse", True),
        (event("Bounce", ID=42, Type="Unsubscribe"), "unsubscribed", "reply", False),
        (event("SpamComplaint", ID=42), "complained", "abuse", True),
        (event("Open", UserAgent="Mozilla/5.0 (X11) Gecko", FirstOpen=True), "opened", "", False),
        (event("Open", UserAgent="Mozilla/5.0"), "opened", "", True),
        (event("Click", OriginalLink="https://shop.test/"), "clicked", "", False),
        (
            event("SubscriptionChange", SuppressSending=True, SuppressionReason="ManualSuppression"),
            "unsubscribed",
            "manual_suppression",
            False,
        ),
        (
            event("SubscriptionChange", SuppressSending=True, SuppressionReason="HardBounce"),
            "bounced",
            "suppressed",
            True,
        ),
        (
            event("SubscriptionChange", SuppressSending=True, SuppressionReason="SpamComplaint"),
            "complained",
            "abuse",
            True,
        ),
    ],
    ids=lambda one: str(one)[:60],
)
def test_each_event_says_what_became_of_the_mail(
    told: dict[str, Any], outcome: str, reason: str, flag: bool
) -> None:
    (found,) = heard(told)
    assert (found.outcome, found.reason, found.effect) == (outcome, reason, EFFECT)
    assert (found.machine if outcome in ("opened", "clicked") else found.permanent) is flag


@pytest.mark.parametrize(
    "told",
    [
        event("Bounce", ID=1, Type="AutoResponder"),
        event("SubscriptionChange", SuppressSending=False),
        event("Inbound"),
    ],
)
def test_what_is_no_outcome_says_nothing(told: dict[str, Any]) -> None:
    assert list(heard(told)) == []


def test_news_that_differs_has_another_key_and_a_repetition_the_same() -> None:
    told = [
        event("Click", OriginalLink="https://shop.test/a", ReceivedAt="2026-09-21T20:53:20Z"),
        event("Click", OriginalLink="https://shop.test/b", ReceivedAt="2026-09-21T20:53:20Z"),
        event("Click", OriginalLink="https://shop.test/a", ReceivedAt="2026-09-21T20:53:21Z"),
        event("Open", ReceivedAt="2026-09-21T20:53:20Z"),
        event("Bounce", ID=1, Type="HardBounce"),
        event("Bounce", ID=2, Type="HardBounce"),
        event("SpamComplaint", ID=1),
    ]
    keys = [one.key for event_ in told for one in heard(event_)]
    assert len(set(keys)) == len(told)
    assert keys == [one.key for event_ in told for one in heard(event_)]


NAMES = st.sampled_from(
    [*event("Bounce"), "Type", "ID", "UserAgent", "SuppressSending", "BouncedAt", "Details"]
)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=9)
    | st.lists(st.text(max_size=3), max_size=2)
)
KINDS = st.sampled_from(["Bounce", "Open", "Click", "Delivery", "SubscriptionChange"])


@given(st.dictionaries(NAMES, VALUES, max_size=9), KINDS)
def test_no_event_raises(told: dict[str, Any], kind: str) -> None:
    for found in heard({**told, "RecordType": kind}):
        assert isinstance(found, Heard)

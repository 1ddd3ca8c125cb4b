"""WhatsApp: templates, free words, what errors mean, and what Meta tells."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold.channels.base import Adapter, Heard, Outgoing, Reply, Request, UnverifiedError
from sevenfold.channels.whatsapp import WhatsApp, WhatsAppInbound, WhatsAppSettings
from sevenfold.messages.rendered import Rendered, RenderedButton
from tests.edges.channels.conformance import RETRY_AFTER_S, WORDS, AdapterConformance, Behaviour, Stand, send
from tests.edges.channels.conformance import outgoing as email
from tests.edges.channels.peers.graph import NUMBER, TOKEN, GraphPeer, error
from tests.edges.channels.peers.http import Answered, Hang, HangUp

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
PHONE = "+491701234567"
SECRET = "meta-app-secret"
NOW = 1_790_000_000_000


def words(number: int = 0, address: str = PHONE, **content: Any) -> Outgoing:
    rendered = Rendered(
        template="hi", digest="0", channel="whatsapp", locale="de-AT", **({"body": WORDS} | content)
    )
    return email(number, address=address, content=rendered)


def settings(base_url: str = "https://graph.facebook.com", **changes: Any) -> WhatsAppSettings:
    given = {
        "access_token": TOKEN,
        "phone_number_id": NUMBER,
        "app_secret": SECRET,
        "verify_token": "word",
        "base_url": base_url,
    }
    return msgspec.convert(given | changes, WhatsAppSettings)


class WhatsAppStand(Stand):
    secrets = (TOKEN, SECRET)

    def __init__(self, peer: GraphPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return WhatsApp(settings(url, timeout_s=self.short_s if impatient else 5.0))

    def behave(self, how: Behaviour) -> None:
        answers = {
            "permanent": error(400, 131051, "Unsupported message type"),
            "bad_recipient": error(400, 131026, "Message undeliverable", f"{PHONE} is not on WhatsApp"),
            "transient": error(500, 131016, "Service unavailable"),
            "throttled": error(429, 130429, "Rate limit hit", **{"Retry-After": str(RETRY_AFTER_S)}),
            "auth": error(401, 190, "Access token has expired"),
            "garbage": Answered(200, "<html>hello</html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(answers[how])  # type: ignore[arg-type]

    def taken(self) -> Sequence[str]:
        return [one["biz_opaque_callback_data"] for one in self.peer.messages]

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints

    def message(self, number: int = 0) -> Outgoing:
        return words(number)

    def bad_credentials(self) -> Adapter | None:
        return WhatsApp(settings(self.peer.url, access_token="wrong"))


@pytest.fixture
def peer() -> Iterator[GraphPeer]:
    with GraphPeer() as made:
        yield made


@pytest.fixture
def stand(peer: GraphPeer) -> WhatsAppStand:
    return WhatsAppStand(peer)


class TestWhatsApp(AdapterConformance):
    """Everything that every adapter must do."""


def sent(peer: GraphPeer, *messages: Outgoing) -> list[dict[str, Any]]:
    results = send(WhatsApp(settings(peer.url)), *messages)
    assert {one.verdict for one in results} == {"accepted"}, results
    assert not peer.complaints
    return peer.messages


def test_a_template_is_named_with_its_language_and_the_parameters_of_its_text(peer: GraphPeer) -> None:
    payload = {"template": "order_shipped", "parameters": ["Ada", 7]}
    whole = {"template": {"name": "x", "language": {"code": "en_GB"}, "components": [{"type": "header"}]}}
    named = {"template": "welcome", "language": "de", "parameters": {"first_name": "Ada"}}
    made = sent(
        peer,
        words(1, body=None, payload=payload),
        words(2, body=None, payload=whole),
        words(3, body=None, payload=named),
    )
    assert made[0]["type"] == "template"
    assert made[0]["template"] == {
        "name": "order_shipped",
        "language": {"code": "de_AT"},
        "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "Ada"}, {"type": "text", "text": "7"}]}
        ],
    }
    assert made[1]["template"] == whole["template"]
    assert made[2]["template"]["language"] == {"code": "de"}
    assert made[2]["template"]["components"][0]["parameters"] == [
        {"type": "text", "text": "Ada", "parameter_name": "first_name"}
    ]


def test_free_words_come_with_picture_link_and_buttons_as_far_as_whatsapp_has_them(peer: GraphPeer) -> None:
    one = RenderedButton(label="Open", link="https://shop.test/1", name="a")
    two = RenderedButton(label="More", link="https://shop.test/2", name="b")
    picture = "https://shop.test/i.png"
    made = sent(
        peer,
        words(1, link="https://shop.test/x"),
        words(2, image=picture),
        words(3, buttons=(one,), image=picture),
        words(4, buttons=(one, two)),
        words(5, buttons=(one, two), image=picture),
    )
    assert made[0]["text"] == {"body": f"{WORDS}\nhttps://shop.test/x", "preview_url": True}
    assert made[1]["image"] == {"link": picture, "caption": WORDS}
    action = {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://shop.test/1"}}
    header = {"type": "image", "image": {"link": picture}}
    assert made[2]["interactive"] == {
        "type": "cta_url",
        "body": {"text": WORDS},
        "action": action,
        "header": header,
    }
    assert made[3]["interactive"]["body"] == {"text": f"{WORDS}\nMore: https://shop.test/2"}
    assert made[4]["image"]["caption"] == f"{WORDS}\nOpen: https://shop.test/1\nMore: https://shop.test/2"


def test_a_payload_with_a_type_is_metas_own_message(peer: GraphPeer) -> None:
    payload = {"type": "location", "location": {"latitude": 48.2, "longitude": 16.4}}
    (made,) = sent(peer, words(payload=payload))
    assert made["location"] == {"latitude": 48.2, "longitude": 16.4}


def test_somebody_without_a_number_is_written_to_by_their_user_id(peer: GraphPeer) -> None:
    made = sent(peer, words(1, "US.13491208655302741918"), words(2, "+43 660 1234567"))
    assert (made[0]["recipient"], "to" in made[0]) == ("US.13491208655302741918", False)
    assert (made[1]["to"], "recipient" in made[1]) == ("+436601234567", False)


def test_what_is_no_address_and_what_says_nothing_goes_nowhere(peer: GraphPeer) -> None:
    results = send(
        WhatsApp(settings(peer.url)), words(address="ada"), words(body=None), words(body="x" * 4_097)
    )
    assert [one.reason for one in results] == ["bad_address", "empty", "too_large"]
    assert [one.suppress for one in results] == [True, False, False]
    assert not peer.asked


@pytest.mark.parametrize(
    ("code", "verdict", "reason", "scope", "wait"),
    [
        (131031, "config_error", "account", "account", None),
        (200, "config_error", "auth", "account", None),
        (131056, "throttled", "rate", "recipient", 6),
        (131049, "throttled", "rate", "recipient", 86_400),
        (131047, "permanent", "window_closed", "message", None),
        (130472, "permanent", "experiment", "message", None),
        (130497, "permanent", "region_blocked", "message", None),
        (131050, "permanent", "opted_out", "recipient", None),
        (132001, "permanent", "template", "message", None),
        (132015, "permanent", "template", "message", None),
        (131000, "transient", "provider", "message", None),
        (80007, "throttled", "rate", "account", None),
        (424242, "permanent", "rejected", "message", None),
    ],
)
def test_codes_say_who_is_to_blame(
    peer: GraphPeer, code: int, verdict: str, reason: str, scope: str, wait: float | None
) -> None:
    peer.next(error(400, code, "words"))
    (result,) = send(WhatsApp(settings(peer.url)), words())
    assert (result.verdict, result.reason, result.scope, result.retry_after_s) == (
        verdict,
        reason,
        scope,
        wait,
    )
    assert not result.suppress


# --------------------------------------------------------------------------------------------------- it tells


def hook(told: Any, secret: str = SECRET, **headers: str) -> Request:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    signed = "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()
    given = {"x-hub-signature-256": signed} | headers
    return Request(method="POST", url="", headers=given, query={}, body=body, received=NOW)


def value(field: str = "messages", **parts: Any) -> dict[str, Any]:
    inner = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}} | parts
    change = {"value": inner, "field": field}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def hear(request: Request, inbound: WhatsAppInbound | None = None) -> tuple[Sequence[Heard], Reply]:
    return asyncio.run((inbound or WhatsAppInbound(settings())).hear(request))


def status(state: str, **more: Any) -> dict[str, Any]:
    told = {"id": "wamid.1", "status": state, "timestamp": "1790000001", "recipient_id": "491701234567"}
    return value(statuses=[told | {"biz_opaque_callback_data": "e1"} | more])


def message(**more: Any) -> dict[str, Any]:
    told = {"from": "491701234567", "id": "wamid.in", "timestamp": "1790000002", "type": "text"}
    contact = {"profile": {"name": "Ada"}, "wa_id": "491701234567", "user_id": "DE.123"}
    return value(contacts=[contact], messages=[told | {"text": {"body": "Hello"}} | more])


def test_the_handshake_repeats_metas_challenge_to_who_knows_the_word() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "word", "hub.challenge": "1158201444"}
    asked = Request(method="GET", url="", headers={}, query=query, body=b"", received=NOW)
    assert hear(asked) == ([], Reply(body=b"1158201444"))
    for wrong in ({"hub.verify_token": "guess"}, {"hub.mode": ""}, {"hub.verify_token": ""}):
        with pytest.raises(UnverifiedError):
            hear(msgspec.structs.replace(asked, query=query | wrong))
    with pytest.raises(UnverifiedError):
        empty = msgspec.structs.replace(asked, query=query | {"hub.verify_token": ""})
        hear(empty, WhatsAppInbound(settings(verify_token=None)))


def test_the_recorded_signature_is_the_one_that_is_checked() -> None:
    file = SHARED / "captures" / "signature-crosschecks.json"
    if not file.exists():
        pytest.skip("no recorded signatures beside the checkout")
    recorded = json.loads(file.read_text())["meta"]["X-Hub-Signature-256"]
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    request = hook(body, **{"x-hub-signature-256": recorded})
    assert hear(request, WhatsAppInbound(settings(app_secret="appsecret"))) == ([], Reply())


def test_what_meta_did_not_sign_is_refused() -> None:
    good = hook(status("read"))
    assert hear(good)[0]
    for wrong in (
        hook(status("read"), "other"),
        msgspec.structs.replace(good, body=good.body + b" "),
        msgspec.structs.replace(good, headers={}),
    ):
        with pytest.raises(UnverifiedError):
            hear(wrong)
    with pytest.raises(UnverifiedError):
        hear(good, WhatsAppInbound(settings(app_secret=None)))


def test_states_name_our_message_and_never_go_back() -> None:
    inbound = WhatsAppInbound(settings())
    heard = [hear(hook(status(state)), inbound)[0] for state in ("delivered", "sent", "read", "delivered")]
    (delivered,), _, (read,), _ = heard
    assert (delivered.outcome, delivered.effect, delivered.provider_id) == ("delivered", "e1", "wamid.1")
    assert (delivered.at, delivered.address) == (1_790_000_001_000, PHONE)
    assert read.outcome == "opened"
    assert [len(one) for one in heard] == [1, 0, 1, 0]


def test_a_failure_says_whether_the_address_is_to_blame() -> None:
    (gone,), _ = hear(hook(status("failed", errors=[{"code": 131026, "title": "undeliverable"}])))
    assert (gone.outcome, gone.permanent, gone.reason) == ("bounced", True, "bad_address")
    (capped,), _ = hear(hook(status("failed", errors=[{"code": 131049}])))
    assert (capped.outcome, capped.permanent, capped.reason) == ("failed", False, "rate")
    (strange,), _ = hear(hook(status("failed", errors=[{"code": 7}])))
    assert (strange.outcome, strange.reason) == ("failed", "meta_7")


def test_what_somebody_writes_is_an_event_of_theirs() -> None:
    (heard,), _ = hear(hook(message(context={"id": "wamid.1"})))
    assert heard.event == {
        "type": "track",
        "event": "WhatsApp Received",
        "messageId": "whatsapp-wamid.in",
        "timestamp": "2026-09-21T14:13:22.000Z",
        "context": {"traits": {"phone": PHONE, "whatsapp_id": "DE.123"}},
        "properties": {"text": "Hello", "kind": "text", "in_reply_to": "wamid.1"},
    }


@pytest.mark.parametrize(
    ("part", "text", "pressed"),
    [
        ({"type": "button", "button": {"text": "Yes", "payload": "YES"}}, "Yes", "YES"),
        (
            {
                "type": "interactive",
                "interactive": {"type": "list_reply", "list_reply": {"id": "r1", "title": "Monday"}},
            },
            *("Monday", "r1"),
        ),
        ({"type": "image", "image": {"id": "1", "caption": "look"}}, "look", None),
        ({"type": "reaction", "reaction": {"emoji": "👍"}}, "👍", None),
        ({"type": "unsupported"}, None, None),
    ],
)
def test_buttons_lists_and_pictures_are_words_as_well(
    part: dict[str, Any], text: str | None, pressed: str | None
) -> None:
    (heard,), _ = hear(hook(message(**part)))
    assert heard.event is not None
    properties = heard.event["properties"]
    assert (properties.get("text"), properties.get("payload")) == (text, pressed)


def test_somebody_without_a_number_is_known_by_their_user_id() -> None:
    told = message(text={"body": "STOP"})
    inner = told["entry"][0]["changes"][0]["value"]
    inner["contacts"][0].pop("wa_id")
    inner["messages"][0].pop("from")
    inner["messages"][0]["from_user_id"] = "DE.123"
    event, out = hear(hook(told))[0]
    assert event.event is not None
    assert event.event["context"]["traits"] == {"whatsapp_id": "DE.123"}
    assert (out.outcome, out.address) == ("unsubscribed", "DE.123")


def test_a_preference_at_whatsapp_is_an_opt_out_and_an_event() -> None:
    told = {
        "wa_id": "491701234567",
        "category": "marketing_messages",
        "value": "stop",
        "timestamp": 1790000003,
    }
    event, out = hear(hook(value("user_preferences", user_preferences=[told])))[0]
    assert (out.outcome, out.address, out.at) == ("unsubscribed", PHONE, 1_790_000_003_000)
    assert event.event is not None
    assert event.event["event"] == "WhatsApp Preference Changed"
    (back,) = hear(hook(value("user_preferences", user_preferences=[told | {"value": "resume"}])))[0]
    assert back.outcome == ""


def test_a_changed_number_or_user_id_is_no_message() -> None:
    system = {"body": "User changed", "wa_id": "491709999999", "type": "user_changed_number"}
    (heard,), _ = hear(hook(message(type="system", system=system)))
    assert heard.event is not None
    assert heard.event["event"] == "WhatsApp Identity Changed"
    assert heard.event["context"]["traits"]["phone"] == PHONE
    assert heard.event["properties"] == {"kind": "user_changed_number", "phone": "+491709999999"}
    update = {
        "wa_id": "491701234567",
        "user_id": {"previous": "DE.1", "current": "DE.2"},
        "timestamp": "1790000004",
    }
    (heard,), _ = hear(hook(value("user_id_update", user_id_update=[update])))
    assert heard.event is not None
    assert heard.event["context"]["traits"] == {"phone": PHONE, "whatsapp_id": "DE.2"}
    assert heard.event["properties"] == {"previous_whatsapp_id": "DE.1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"entry": 7}',
        b'{"entry": [{"changes": [7, {"value": {"statuses": [{"id": 7}], "messages": [{"from": []}]}}]}]}',
        b'{"entry": [{"changes": [{"value": {"messages": [{"id": "a", "type": "interactive"}]}}]}]}',
    ],
)
def test_strange_bodies_are_read_without_harm(body: bytes) -> None:
    heard, reply = hear(hook(body))
    assert reply.status in (200, 400)
    assert all(not one.outcome for one in heard)

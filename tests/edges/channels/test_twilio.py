"""Short messages through Twilio: what is posted, what errors mean, and that what it tells is really its
own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from sevenfold.channels.base import Adapter, Heard, Outgoing, Reply, Request, UnverifiedError
from sevenfold.channels.hooks import keyword_of
from sevenfold.channels.twilio import Twilio, TwilioInbound, TwilioSettings
from sevenfold.clock import SetClock
from sevenfold.messages.rendered import Rendered
from tests.edges.channels.conformance import RETRY_AFTER_S, WORDS, AdapterConformance, Behaviour, Stand, send
from tests.edges.channels.conformance import outgoing as email
from tests.edges.channels.peers.http import Answered, Hang, HangUp
from tests.edges.channels.peers.twilio import ACCOUNT, TOKEN, TwilioPeer, error

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
PHONE = "+491701234567"
HOOK = "https://go.shop.test/hooks/texts"
NOW = 1_790_000_000_000


def text(number: int = 0, **content: Any) -> Outgoing:
    rendered = Rendered(template="hi", digest="0", channel="sms", locale="de", **({"body": WORDS} | content))
    return email(number, address=PHONE, content=rendered)


def settings(base_url: str = "https://api.twilio.com", **changes: Any) -> TwilioSettings:
    given: dict[str, Any] = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": "+15005550001"}
    return msgspec.convert(given | {"base_url": base_url, "status_url": HOOK} | changes, TwilioSettings)


class TwilioStand(Stand):
    secrets = (TOKEN,)

    def __init__(self, peer: TwilioPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return Twilio(settings(url, timeout_s=self.short_s if impatient else 5.0))

    def behave(self, how: Behaviour) -> None:
        answers = {
            "permanent": error(400, 30007, f"Message filtered for {PHONE}"),
            "bad_recipient": error(400, 21211, f"The 'To' number {PHONE} is not a valid phone number."),
            "transient": error(503, 20503, "Service unavailable"),
            "throttled": error(429, 20429, "Too Many Requests", **{"Retry-After": str(RETRY_AFTER_S)}),
            "auth": error(401, 20003, "Authenticate"),
            "garbage": Answered(200, "<html>hello</html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(answers[how])  # type: ignore[arg-type]

    def taken(self) -> Sequence[str]:
        return [parse_qs(urlsplit(one["StatusCallback"]).query)["effect"][0] for one in self.peer.forms]

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints

    def message(self, number: int = 0) -> Outgoing:
        return text(number)

    def bad_credentials(self) -> Adapter | None:
        return Twilio(settings(self.peer.url, auth_token="wrong"))


@pytest.fixture
def peer() -> Iterator[TwilioPeer]:
    with TwilioPeer() as made:
        yield made


@pytest.fixture
def stand(peer: TwilioPeer) -> TwilioStand:
    return TwilioStand(peer)


class TestTwilio(AdapterConformance):
    """Everything that every adapter must do."""


def test_the_official_library_posts_the_same_form(peer: TwilioPeer) -> None:
    class Here(TwilioHttpClient):
        def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            return super().request(method, url.replace("https://api.twilio.com", peer.url), *args, **kwargs)

    client = Here()
    made = Client(ACCOUNT, TOKEN, http_client=client).messages.create(
        to=PHONE, from_="+15005550001", body=WORDS, status_callback=f"{HOOK}?effect={text().effect}"
    )
    client.session.close()
    (result,) = send(Twilio(settings(peer.url)), text())
    theirs, ours = peer.asked
    assert (theirs.method, theirs.path) == (ours.method, ours.path)
    assert parse_qs(theirs.body.decode()) == parse_qs(ours.body.decode())
    assert theirs.headers["authorization"] == ours.headers["authorization"]
    assert (made.sid, result.provider_id) == (f"SM{1:032x}", f"SM{2:032x}")


def test_the_recorded_request_of_the_library_has_the_shape_of_ours() -> None:
    file = SHARED / "captures" / "outbound-twilio-python.json"
    if not file.exists():
        pytest.skip("no recorded requests beside the checkout")
    recorded = json.loads(file.read_text())["requests"][0]
    adapter = Twilio(settings())
    assert set(parse_qs(recorded["body"])) == set(adapter.form(text()))
    asyncio.run(adapter.close())


def test_a_message_lives_at_most_as_long_as_the_provider_allows(peer: TwilioPeer) -> None:
    clock = SetClock(NOW)
    messages = [
        msgspec.structs.replace(text(number), expires=expires)
        for number, expires in ((1, NOW + 90_500), (2, NOW + 10**9), (3, NOW - 1))
    ]
    send(Twilio(settings(peer.url), clock=clock), *messages)
    assert [form["ValidityPeriod"] for form in peer.forms] == ["90", "36000", "1"]


def test_a_payload_names_a_content_template_instead_of_a_text(peer: TwilioPeer) -> None:
    payload = {"content_sid": "HX1", "content_variables": {"1": "Ada"}}
    send(Twilio(settings(peer.url)), text(body=None, payload=payload))
    assert peer.forms[0]["ContentSid"] == "HX1"
    assert json.loads(peer.forms[0]["ContentVariables"]) == {"1": "Ada"}


def test_nobody_is_called_for_an_empty_or_an_endless_text(peer: TwilioPeer) -> None:
    results = send(Twilio(settings(peer.url)), text(body=None), text(body="x" * 1_601))
    assert [(one.verdict, one.reason) for one in results] == [
        ("permanent", "empty"),
        ("permanent", "too_large"),
    ]
    assert not peer.asked


@pytest.mark.parametrize(
    ("code", "status", "verdict", "reason", "suppressed"),
    [
        (21610, 400, "permanent", "opted_out", True),
        (21614, 400, "permanent", "bad_address", True),
        (21408, 400, "permanent", "region_blocked", False),
        (21606, 400, "config_error", "account", False),
        (20404, 404, "config_error", "account", False),
        (99999, 404, "config_error", "account", False),
        (99999, 400, "permanent", "rejected", False),
        (14107, 429, "throttled", "rate", False),
        (20500, 500, "transient", "provider", False),
    ],
)
def test_codes_say_who_is_to_blame(
    peer: TwilioPeer, code: int, status: int, verdict: str, reason: str, suppressed: bool
) -> None:
    peer.next(error(status, code, "words"))
    (result,) = send(Twilio(settings(peer.url)), text())
    assert (result.verdict, result.reason, result.suppress) == (verdict, reason, suppressed)


def test_an_account_that_is_closed_is_found_by_the_check(peer: TwilioPeer) -> None:
    peer.next(Answered(200, {"status": "suspended"}))
    adapter = Twilio(settings(peer.url))

    async def work() -> str:
        try:
            return (await adapter.check()).verdict
        finally:
            await adapter.close()

    assert asyncio.run(work()) == "config_error"


# --------------------------------------------------------------------------------------------------- it tells


def request(
    form: Mapping[str, str],
    *,
    url: str = HOOK,
    secret: str = TOKEN,
    algorithm: str | None = None,
    key: str = "webhooks_sharedkey_1",
    **headers: str,
) -> Request:
    """A call that Twilio's own library signed."""
    signed = RequestValidator(secret).compute_signature(url, dict(form), algorithm)
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "x-twilio-signature": signed,
    } | headers
    if algorithm:
        headers["x-twilio-webhooks-signature-settings"] = f"key={key},algorithm={algorithm}"
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    body = urlencode(form).encode()
    return Request(method="POST", url=url, headers=headers, query=query, body=body, received=NOW)


def hear(request: Request, inbound: TwilioInbound | None = None) -> tuple[Sequence[Heard], Reply]:
    return asyncio.run((inbound or TwilioInbound(settings())).hear(request))


def state(name: str, **more: str) -> dict[str, str]:
    return {"MessageSid": "SM1", "MessageStatus": name, "To": PHONE, "From": "+15005550001"} | more


def reply(body: str, **more: str) -> dict[str, str]:
    sid = {"MessageSid": "SM9", "SmsMessageSid": "SM9", "SmsStatus": "received", "NumMedia": "0"}
    return sid | {"Body": body, "From": PHONE, "To": "+15005550001"} | more


def test_a_state_names_our_message_by_our_id() -> None:
    (heard,), answer = hear(request(state("delivered"), url=f"{HOOK}?effect=e1"))
    assert (heard.outcome, heard.effect, heard.provider_id) == ("delivered", "e1", "SM1")
    assert answer.status == 200


def test_a_state_that_comes_late_says_nothing() -> None:
    inbound = TwilioInbound(settings())
    heard = [
        [one.outcome for one in hear(request(state(name)), inbound)[0]]
        for name in ("queued", "delivered", "sent", "delivered", "read")
    ]
    assert heard == [[], ["delivered"], [], [], ["opened"]]


def test_a_number_that_does_not_exist_is_a_permanent_bounce() -> None:
    (gone,), _ = hear(request(state("undelivered", ErrorCode="30005")))
    assert (gone.outcome, gone.permanent, gone.reason) == ("bounced", True, "bad_address")
    (filtered,), _ = hear(request(state("undelivered", ErrorCode="30007")))
    assert (filtered.outcome, filtered.permanent, filtered.reason) == ("bounced", False, "filtered")
    (failed,), _ = hear(request(state("failed", ErrorCode="30001")))
    assert (failed.outcome, failed.permanent) == ("failed", False)


@pytest.mark.parametrize("body", ["STOP", "stop.", " Unsubscribe ", "Abmelden!", "opt out"])
def test_a_reply_of_stop_is_an_opt_out_and_an_event(body: str) -> None:
    heard, answer = hear(request(reply(body)))
    event, out = heard
    assert (out.outcome, out.address) == ("unsubscribed", PHONE)
    assert event.event is not None
    assert event.event["event"] == "SMS Received"
    assert event.event["context"]["traits"] == {"phone": PHONE}
    assert event.event["properties"]["keyword"] == "stop"
    assert event.key != out.key
    assert (answer.body, answer.content_type) == (b"<Response></Response>", "text/xml; charset=utf-8")


def test_what_twilio_recognised_counts_whatever_the_words_are() -> None:
    heard, _ = hear(request(reply("no more of this", OptOutType="STOP")))
    assert [one.outcome for one in heard] == ["", "unsubscribed"]


def test_words_of_stop_inside_a_sentence_are_a_reply() -> None:
    (event,), _ = hear(request(reply("please do not stop")))
    assert event.event is not None
    assert event.event["properties"] == {
        "text": "please do not stop",
        "country": "DE",
        "to": "+15005550001",
    }


def test_help_is_answered_once_and_escaped() -> None:
    inbound = TwilioInbound(settings(help_text="Shop & Co: help@shop.test"))
    assert (
        b"<Message>Shop &amp; Co: help@shop.test</Message>" in hear(request(reply("HELP")), inbound)[1].body
    )
    # Twilio's own answer went out already.
    handled = hear(request(reply("HELP", OptOutType="HELP")), inbound)[1]
    assert handled.body == b"<Response></Response>"


@pytest.mark.parametrize(
    ("word", "country", "meaning"),
    [
        ("ARRÊT", "FR", "stop"),
        ("arret", "DE", ""),
        ("Baja", "ES", "stop"),
        ("iptal", "TR", "stop"),
        ("İPTAL", "TR", "stop"),
        ("停止", "JP", "stop"),
        ("Afmeld", "DK", "stop"),
        ("START", "JP", "start"),
        ("Hilfe?", "DE", ""),
        ("Hilfe", "DE", "help"),
        ("", "US", ""),
    ],
)
def test_keywords_are_those_of_the_country(word: str, country: str, meaning: str) -> None:
    assert keyword_of(word, country) == meaning


# ------------------------------------------------------------------------------------------------- signatures


def test_the_port_may_be_in_the_signed_url_or_not() -> None:
    with_port = request(state("sent"), url=HOOK.replace("go.shop.test", "go.shop.test:443"))
    called = msgspec.structs.replace(with_port, url=HOOK)
    assert hear(called)[0]


def test_the_newer_signature_is_checked_with_the_shared_key() -> None:
    inbound = TwilioInbound(settings(shared_key="shared-secret"))
    signed = request(state("sent"), secret="shared-secret", algorithm="HMAC_SHA256")
    assert hear(signed, inbound)[0]
    with pytest.raises(UnverifiedError):
        hear(request(state("sent"), secret=TOKEN, algorithm="HMAC_SHA256"), inbound)
    with pytest.raises(UnverifiedError):
        hear(signed, TwilioInbound(settings()))


@pytest.mark.parametrize("what", ["body", "url", "no signature", "other secret", "algorithm", "type"])
def test_what_twilio_did_not_sign_is_refused(what: str) -> None:
    good = request(state("delivered"), url=f"{HOOK}?effect=e1")
    assert hear(good)[0]
    changed = {
        "body": lambda: msgspec.structs.replace(good, body=good.body.replace(b"delivered", b"read")),
        "url": lambda: msgspec.structs.replace(good, url=f"{HOOK}?effect=e2"),
        "no signature": lambda: msgspec.structs.replace(
            good, headers={k: v for k, v in good.headers.items() if k != "x-twilio-signature"}
        ),
        "other secret": lambda: request(state("delivered"), secret="other"),
        "algorithm": lambda: request(
            state("sent"), **{"x-twilio-webhooks-signature-settings": "key=k,algorithm=NONE"}
        ),
        "type": lambda: msgspec.structs.replace(good, headers={**good.headers, "content-type": "text/plain"}),
    }[what]()
    with pytest.raises(UnverifiedError):
        hear(changed)


def test_a_json_body_is_bound_to_the_signed_url_by_its_digest() -> None:
    from hashlib import sha256

    body = b'{"a":1}'
    url = f"{HOOK}?bodySHA256={sha256(body).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(url, {})
    headers = {"content-type": "application/json", "x-twilio-signature": signature}
    good = Request(method="POST", url=url, headers=headers, query={}, body=body, received=NOW)
    assert hear(good) == ([], Reply())
    with pytest.raises(UnverifiedError):
        hear(msgspec.structs.replace(good, body=b'{"a":2}'))


def test_settings_say_who_sends() -> None:
    with pytest.raises(msgspec.ValidationError, match="from"):
        msgspec.convert({"account_sid": "A", "auth_token": "t"}, TwilioSettings)

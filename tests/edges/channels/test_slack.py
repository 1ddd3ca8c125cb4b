"""Slack: by token and by webhook, with the official SDK as a second client and signer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from sevenfold.channels.base import Adapter, ChannelError, Heard, Outgoing, Reply, Request, UnverifiedError
from sevenfold.channels.outside import Outside
from sevenfold.channels.slack import (
    Slack,
    SlackSettings,
    SlackWebhook,
    SlackWebhookSettings,
    posted,
)
from sevenfold.channels.slack_actions import SlackInbound
from sevenfold.messages.rendered import Rendered, RenderedButton
from tests.edges.channels.conformance import RETRY_AFTER_S, WORDS, AdapterConformance, Behaviour, Stand, send
from tests.edges.channels.conformance import outgoing as email
from tests.edges.channels.peers.chat import BOT, HOOK, SlackPeer
from tests.edges.channels.peers.http import Answered, Hang, HangUp

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
LOOPBACK = Outside((ip_network("127.0.0.0/8"),))
SECRET = "slack-signing-secret"
NOW = 1_790_000_000_000
PERSON = "U0ADA123456"


def note(number: int = 0, address: str | None = PERSON, **content: Any) -> Outgoing:
    rendered = Rendered(
        template="hi", digest="0", channel="slack", locale="de", **({"body": WORDS} | content)
    )
    return email(number, address=address, content=rendered)


def by_token(base_url: str, **changes: Any) -> Slack:
    given = {"bot_token": BOT, "base_url": base_url + "/api", "rate_per_s": 100.0} | changes
    return Slack(msgspec.convert(given, SlackSettings))


def by_webhook(base_url: str, outside: Outside = LOOPBACK, **changes: Any) -> SlackWebhook:
    given = {"url": base_url + HOOK} | changes
    return SlackWebhook(msgspec.convert(given, SlackWebhookSettings), outside=outside)


class TokenStand(Stand):
    secrets = (BOT,)

    def __init__(self, peer: SlackPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return by_token(url, timeout_s=self.short_s if impatient else 5.0)

    def behave(self, how: Behaviour) -> None:
        answers = {
            "permanent": Answered(200, {"ok": False, "error": "invalid_blocks"}),
            "bad_recipient": Answered(200, {"ok": False, "error": "channel_not_found"}),
            "transient": Answered(200, {"ok": False, "error": "internal_error"}),
            "throttled": Answered(
                429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(RETRY_AFTER_S)}
            ),
            "auth": Answered(200, {"ok": False, "error": "token_revoked"}),
            "garbage": Answered(200, "<html>hello</html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(answers[how])  # type: ignore[arg-type]

    def taken(self) -> Sequence[str]:
        return [one["blocks"][0]["block_id"].removeprefix("sevenfold:") for one in self.peer.posted]

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints

    def message(self, number: int = 0) -> Outgoing:
        return note(number)

    def bad_credentials(self) -> Adapter | None:
        return by_token(self.peer.url, bot_token="xoxb-wrong")


class WebhookStand(TokenStand):
    secrets = (HOOK, "slackhooksecret")
    absent = {"bad_recipient": "the webhook chooses where messages go"}  # noqa: RUF012

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return by_webhook(url, timeout_s=self.short_s if impatient else 5.0)

    def behave(self, how: Behaviour) -> None:
        answers = {
            "permanent": Answered(400, "invalid_blocks"),
            "transient": Answered(500, "rollup_error"),
            "throttled": Answered(429, "rate_limited", {"Retry-After": str(RETRY_AFTER_S)}),
            "auth": Answered(403, "invalid_token"),
            "garbage": Answered(200, "<html>hello</html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(answers[how])  # type: ignore[arg-type]


@pytest.fixture
def peer() -> Iterator[SlackPeer]:
    with SlackPeer() as made:
        yield made


class TestSlack(AdapterConformance):
    """Everything that every adapter must do."""

    @pytest.fixture
    def stand(self, peer: SlackPeer) -> TokenStand:
        return TokenStand(peer)


class TestSlackWebhook(AdapterConformance):
    """Everything that every adapter must do."""

    @pytest.fixture
    def stand(self, peer: SlackPeer) -> WebhookStand:
        return WebhookStand(peer)

    def test_a_check_finds_wrong_credentials(self, stand: Stand) -> None:
        pytest.skip("nothing can be asked of a webhook without writing to its channel")


def test_the_official_clients_post_the_same(peer: SlackPeer) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hi*"}, "block_id": "mine"}]
    WebClient(token=BOT, base_url=peer.url + "/api/").chat_postMessage(channel="C1", text="hi", blocks=blocks)
    send(by_token(peer.url), note(address="C1", body="hi", payload=blocks))
    WebhookClient(peer.url + HOOK).send(text="hi", blocks=blocks)
    send(by_webhook(peer.url), note(body="hi", payload=blocks))
    theirs, ours, theirs_by_hook, ours_by_hook = peer.asked
    assert theirs.json() == ours.json()
    assert theirs_by_hook.json() == ours_by_hook.json()
    for name in ("content-type", "authorization"):
        assert theirs.headers[name] == ours.headers[name]
    assert (theirs.method, theirs.path) == (ours.method, ours.path)


def test_recorded_requests_have_the_shape_of_ours(peer: SlackPeer) -> None:
    file = SHARED / "captures" / "outbound-slack-web-client.json"
    if not file.exists():
        pytest.skip("no recorded requests beside the checkout")
    recorded = json.loads(file.read_text())["requests"][0]
    send(by_token(peer.url), note(address="C1", body="hi"))
    (ours,) = peer.asked
    assert (recorded["path"], set(recorded["body"])) == (ours.path, set(ours.json()))
    assert dict(recorded["headers"])["Content-Type"] == ours.headers["content-type"]


def test_a_message_has_title_text_picture_and_buttons(peer: SlackPeer) -> None:
    button = RenderedButton(label="Open", link="https://shop.test/b", name="open")
    message = note(title="News", image="https://shop.test/i.png", buttons=(button,))
    send(by_token(peer.url), message)
    made = peer.posted[0]
    assert [one["type"] for one in made["blocks"]] == ["header", "section", "image", "actions"]
    assert made["text"] == WORDS
    assert made["blocks"][3]["elements"][0]["url"] == "https://shop.test/b"
    assert not peer.complaints


def test_a_long_text_is_several_sections(peer: SlackPeer) -> None:
    send(by_token(peer.url), note(body="x" * 7_000))
    assert [len(one["text"]["text"]) for one in peer.posted[0]["blocks"]] == [3_000, 3_000, 1_000]
    assert not peer.complaints


def test_a_message_without_a_person_goes_to_the_settings_channel(peer: SlackPeer) -> None:
    send(by_token(peer.url, channel="C9"), note(address=None))
    (result,) = send(by_token(peer.url), note(address=None))
    assert peer.posted[0]["channel"] == "C9"
    assert (result.verdict, result.reason) == ("permanent", "no_address")


def test_a_channel_of_the_settings_that_is_gone_pauses_instead_of_suppressing(peer: SlackPeer) -> None:
    peer.next(Answered(200, {"ok": False, "error": "is_archived"}))
    (result,) = send(by_token(peer.url, channel="C9"), note(address=None))
    assert (result.verdict, result.reason, result.suppress) == ("config_error", "channel", False)


@pytest.mark.parametrize(
    ("status", "text", "verdict"),
    [
        (404, "no_service", "config_error"),
        (404, "<html>", "config_error"),
        (410, "channel_is_archived", "config_error"),
        (403, "action_prohibited", "config_error"),
        (400, "no_text", "permanent"),
        (503, "", "transient"),
    ],
)
def test_a_webhook_says_who_is_to_blame(peer: SlackPeer, status: int, text: str, verdict: str) -> None:
    peer.next(Answered(status, text))
    (result,) = send(by_webhook(peer.url), note())
    assert (result.verdict, result.suppress) == (verdict, False)


def test_a_webhook_at_a_private_address_is_not_called(peer: SlackPeer) -> None:
    (result,) = send(by_webhook(peer.url, Outside()), note())
    assert (result.verdict, result.reason) == ("config_error", "address_refused")
    assert not peer.asked
    with pytest.raises(ChannelError):
        by_webhook("file://x")


def test_a_payload_is_blocks_or_the_whole_message() -> None:
    divider = [{"type": "divider"}]
    made = posted(note(payload=divider))
    assert made["blocks"] == [{"type": "divider", "block_id": f"sevenfold:{note().effect}"}]
    whole = posted(note(body=None, payload={"text": "x", "unfurl_links": False}))
    assert whole == {"text": "x", "unfurl_links": False}


# --------------------------------------------------------------------------------------------------- buttons


def task(**more: Any) -> Outgoing:
    data = {"task": "t1", "outcomes": ["saved", "not_saved"], "to": ["ann@shop.test"]}
    return msgspec.structs.replace(note(), data=data | more)


def request(
    told: Any, *, received: int = NOW, secret: str = SECRET, form: bool = True, seconds: int | None = None
) -> Request:
    """A call that Slack's own library signed."""
    body = urlencode({"payload": json.dumps(told)}) if form else json.dumps(told)
    stamp = str(received // 1000 if seconds is None else seconds)
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    assert signature is not None
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    headers = {"content-type": kind, "x-slack-request-timestamp": stamp, "x-slack-signature": signature}
    return Request(method="POST", url="", headers=headers, query={}, body=body.encode(), received=NOW)


def hear(asked: Request, secret: str | None = SECRET) -> tuple[Sequence[Heard], Reply]:
    return asyncio.run(SlackInbound(secret).hear(asked))


def press(message: Outgoing, block: int, element: int) -> dict[str, Any]:
    """What Slack says when somebody presses a button of a message that we made."""
    blocks = posted(message)["blocks"]
    action = {**blocks[block]["elements"][element], "action_ts": "1790000000.1", "block_id": "x"}
    user = {"id": PERSON, "username": "ada", "team_id": "T0"}
    return {"type": "block_actions", "user": user, "message": {"blocks": blocks}, "actions": [action]}


def test_pressing_an_outcome_closes_the_task() -> None:
    (heard,), reply = hear(request(press(task(), 1, 1)))
    assert heard.control == {
        "op": "task",
        "action": "close",
        "task": "t1",
        "outcome": "not_saved",
        "by": "ada (Slack)",
    }
    assert (heard.effect, reply.status) == (task().effect, 200)


def test_who_pressed_is_told_that_it_was_taken_and_nobody_else_can_be(peer: SlackPeer) -> None:
    peer.always(Answered(200, "ok"))

    async def press_with(url: str) -> None:
        inbound = SlackInbound(SECRET, answers=peer.url, outside=LOOPBACK)
        await inbound.hear(request({**press(task(), 1, 1), "response_url": url}))
        await asyncio.gather(*inbound._saying)

    asyncio.run(press_with(f"{peer.url}/actions/T0/1/x"))
    (asked,) = peer.asked
    assert asked.json()["text"] == ":white_check_mark: *not saved* was passed on."
    assert asked.json()["response_type"] == "ephemeral"
    for elsewhere in (
        "",
        "http://[::1",
        "http://127.0.0.1:1/",
        f"{peer.url}.evil.test/",
        "https://hooks.slack.com/x",
    ):
        asyncio.run(press_with(elsewhere))
    assert len(peer.asked) == 1


def test_pressing_any_other_button_is_a_click_and_an_event() -> None:
    button = RenderedButton(label="Open", link="https://shop.test/b", name="open")
    click, event = hear(request(press(note(buttons=(button,)), 1, 0)))[0]
    assert (click.outcome, click.effect) == ("clicked", note().effect)
    assert event.event is not None
    assert event.event["event"] == "Slack Button Clicked"
    assert event.event["context"]["traits"] == {"slack_id": PERSON}


def test_slacks_handshake_is_answered_once_it_is_verified() -> None:
    told = {"type": "url_verification", "challenge": "3eZbrw1aB"}
    assert hear(request(told, form=False)) == ([], Reply(body=b"3eZbrw1aB"))


def test_what_slack_did_not_sign_or_signed_long_ago_is_refused() -> None:
    told = press(task(), 1, 0)
    good = request(told)
    for wrong in (
        request(told, secret="other"),
        request(told, seconds=NOW // 1000 - 301),
        request(told, seconds=NOW // 1000 + 301),
        msgspec.structs.replace(good, body=good.body.replace(b"t1", b"t2")),
        msgspec.structs.replace(good, headers={}),
        msgspec.structs.replace(good, headers={**good.headers, "x-slack-request-timestamp": "now"}),
    ):
        with pytest.raises(UnverifiedError):
            hear(wrong)
    with pytest.raises(UnverifiedError):
        hear(good, None)


@pytest.mark.parametrize(
    "told",
    [
        7,
        {},
        {"type": "block_actions", "actions": 7, "user": []},
        {"type": "block_actions", "actions": [{"action_id": "sevenfold_task:x", "value": "{"}]},
        {"type": "block_actions", "actions": [{"action_id": "sevenfold_task:x", "value": "[]"}]},
        {"type": "block_actions", "message": {"blocks": [7, {"block_id": 7}]}, "actions": [7, {}]},
        {"type": "view_submission"},
    ],
)
def test_strange_calls_are_read_without_harm(told: Any) -> None:
    heard, _ = hear(request(told))
    assert not heard

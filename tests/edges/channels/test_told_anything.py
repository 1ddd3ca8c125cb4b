"""Whatever a provider says under its signature, it is read without harm: what is strange says nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from sevenfold.channels.base import Heard, Request
from sevenfold.channels.signatures import Signer, hub_signature, slack_signature, twilio_signature
from sevenfold.channels.slack_actions import SlackInbound
from sevenfold.channels.twilio import TwilioInbound
from sevenfold.channels.webhook import WebhookInbound, WebhookSettings
from sevenfold.channels.whatsapp import WhatsAppInbound
from tests.edges.channels.test_twilio import TOKEN
from tests.edges.channels.test_twilio import settings as twilio_settings
from tests.edges.channels.test_webhook import SECRET
from tests.edges.channels.test_whatsapp import SECRET as META
from tests.edges.channels.test_whatsapp import settings as whatsapp_settings

NOW = 1_790_000_000_000
# Names and values that the readers look for, so that strange shapes lie where it matters.
NAMES = st.sampled_from(
    [
        *(
            "entry",
            "changes",
            "value",
            "statuses",
            "messages",
            "contacts",
            "user_preferences",
            "user_id_update",
        ),
        *(
            "id",
            "status",
            "timestamp",
            "errors",
            "code",
            "from",
            "type",
            "text",
            "body",
            "interactive",
            "wa_id",
        ),
        *(
            "user_id",
            "previous",
            "current",
            "system",
            "context",
            "biz_opaque_callback_data",
            "button",
            "payload",
        ),
        *(
            "actions",
            "user",
            "message",
            "blocks",
            "block_id",
            "action_id",
            "action_ts",
            "response_url",
            "data",
        ),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        ["text", "system", "interactive", "failed", "delivered", "stop", "block_actions", "1790000000"]
    ),
    st.sampled_from(["sevenfold_task:saved", "sevenfold:e1", '{"task":"t"}', "message.sent", "http://[::1"]),
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=20,
)


def heard(inbound: Any, headers: dict[str, str], body: bytes) -> list[Heard]:
    request = Request(
        method="POST", url="https://x.test/h", headers=headers, query={}, body=body, received=NOW
    )
    found, reply = asyncio.run(inbound.hear(request))
    assert reply.status in (200, 400)
    return list(found)


def fine(found: list[Heard]) -> None:
    """What was heard can be stored: it has a key, and is JSON."""
    for one in found:
        assert one.key
        json.dumps([one.event, one.control, dict(one.detail)])


@given(ANYTHING)
@settings(max_examples=150, deadline=None)
def test_anything_that_meta_signs_is_read(inner: Any) -> None:
    body = json.dumps({"entry": [{"changes": [{"value": inner}]}, inner]}).encode()
    signed = {"x-hub-signature-256": hub_signature(META, body)}
    fine(heard(WhatsAppInbound(whatsapp_settings()), signed, body))


@given(ANYTHING)
@settings(max_examples=150, deadline=None)
def test_anything_that_slack_signs_is_read(inner: Any) -> None:
    told = {"type": "block_actions", "actions": [inner], **(inner if isinstance(inner, dict) else {})}
    body = urlencode({"payload": json.dumps(told)}).encode()
    seconds = NOW // 1000
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": str(seconds),
        "x-slack-signature": slack_signature("s", seconds, body),
    }
    fine(heard(SlackInbound("s"), headers, body))


@given(ANYTHING)
@settings(max_examples=100, deadline=None)
def test_anything_that_a_receiver_signs_is_read(inner: Any) -> None:
    told = {"type": "message.delivered", "data": inner}
    body = json.dumps(told).encode()
    signed = Signer([SECRET]).headers("m1", NOW // 1000, body)
    fine(heard(WebhookInbound(WebhookSettings(secret=SECRET)), signed, body))


@given(
    st.dictionaries(
        st.sampled_from(
            ["MessageSid", "MessageStatus", "SmsStatus", "Body", "From", "To", "ErrorCode", "OptOutType"]
        ),
        st.one_of(st.text(max_size=20), st.sampled_from(["failed", "received", "STOP", "30005", "SM1"])),
    )
)
@settings(max_examples=150, deadline=None)
def test_any_form_that_twilio_signs_is_read(form: dict[str, str]) -> None:
    body = urlencode(form).encode()
    signature = twilio_signature(TOKEN, "https://x.test/h", {name: [value] for name, value in form.items()})
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    fine(heard(TwilioInbound(twilio_settings()), headers, body))

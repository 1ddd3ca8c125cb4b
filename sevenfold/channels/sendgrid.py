"""E-mail by Twilio SendGrid, API version 3, and its signed event webhook.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send and
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ..limits import INBOUND_ITEMS_MAX, SENDGRID_AGE_S_MAX, SIGNATURE_AGE_S_MAX
from . import mime
from .base import (
    ChannelError,
    Heard,
    Outgoing,
    Provider,
    Reply,
    Request,
    Result,
    Secret,
    UnverifiedError,
    provider,
)
from .calling import Answer, by_status, said, seconds_of, unreadable
from .correlation import TAG, token
from .mail_events import HttpMailSettings, checked, decoded, effect_in, is_proxy, mapping, text, time_ms
from .mail_http import HttpMailAdapter
from .smtp_codes import fate

_SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
_TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"
_RECIPIENT: Final = re.compile(r"personalizations\.\d+\.to")
_SENDER: Final = re.compile(r"from(\.|$)|reply_to")
_DROPPED_HARD: Final = re.compile(r"bounced address|invalid|spam ?report", re.IGNORECASE)


class SendGridSettings(HttpMailSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account of SendGrid."""

    api_key: Secret
    webhook_key: str = ""
    """The verification key of the signed event webhook: public, base64."""
    ip_pool: str = ""
    base_url: str = "https://api.sendgrid.com"
    """In the European Union: https://api.eu.sendgrid.com."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checked(self.base_url)


class SendGridAdapter(HttpMailAdapter[SendGridSettings]):
    """Sends through one account."""

    def __init__(self, settings: SendGridSettings) -> None:
        headers = {"Authorization": f"Bearer {settings.api_key}", "Content-Type": "application/json"}
        super().__init__(settings, settings.base_url, headers)

    async def _hand_over(self, message: Outgoing, parts: mime.Mail) -> Result:
        answer = await self._caller.call(
            "POST", "/v3/mail/send", msgspec.json.encode(self._body(message, parts))
        )
        if isinstance(answer, Result):
            return answer
        if not answer.ok:
            return _refusal(answer, self._settings.api_key, parts)
        found = answer.headers.get("x-message-id", "")
        if answer.status != 202 or not found:
            return unreadable(f"HTTP {answer.status} without X-Message-Id")
        return Result(verdict="accepted", provider_id=found)

    def _body(self, message: Outgoing, parts: mime.Mail) -> dict[str, Any]:
        contents = (("text/plain", parts.text), ("text/html", parts.html))
        to: dict[str, Any] = {"to": [{"email": parts.recipient.email}]}
        if token(message.effect):
            to["custom_args"] = {TAG: token(message.effect)}
        body: dict[str, Any] = {
            "personalizations": [to],
            "from": _mailbox(parts.sender),
            "subject": parts.subject or " ",
            "content": [{"type": kind, "value": value} for kind, value in contents if value.strip()],
            "headers": parts.headers,
            # Sevenfold counts openings and clicks itself; a second rewriting would break signed links.
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
            },
        }
        if parts.reply_to:
            body["reply_to"] = _mailbox(parts.reply_to)
        if self._settings.ip_pool:
            body["ip_pool_name"] = self._settings.ip_pool
        return body

    async def check(self) -> Result:
        """Whether the key may send (`GET /v3/scopes`)."""
        answer = await self._caller.call("GET", "/v3/scopes")
        if isinstance(answer, Result):
            return answer
        if not answer.ok:
            return _refusal(answer, self._settings.api_key, None)
        scopes = answer.object().get("scopes")
        if not isinstance(scopes, list):
            return unreadable(f"HTTP {answer.status}")
        if "mail.send" not in scopes:
            detail = "the key has no scope mail.send"
            return Result(verdict="config_error", reason="auth", detail=detail, scope="account")
        return Result(verdict="accepted")


def _mailbox(one: mime.Address) -> dict[str, str]:
    return {"email": one.email, "name": one.name} if one.name else {"email": one.email}


def _refusal(answer: Answer, key: str, parts: mime.Mail | None) -> Result:
    """What an error means: `{"errors": [{"message", "field", "help"}]}`."""
    listed = answer.object().get("errors")
    first = mapping(listed[0]) if isinstance(listed, list) and listed else {}
    field = text(first.get("field"))
    private = (key, parts.recipient.email, parts.sender.email) if parts else (key,)
    detail = said(f"HTTP {answer.status} {text(first.get('message'))}".strip(), *private)
    if answer.status == 429:
        wait = answer.retry_after_s()
        if wait is None:
            wait = _until_reset(answer)
        return Result(verdict="throttled", reason="rate", detail=detail, scope="account", retry_after_s=wait)
    if answer.status == 413:
        return Result(verdict="permanent", reason="too_large", detail=detail)
    if answer.status == 400 and _RECIPIENT.match(field):
        return Result(
            verdict="permanent", reason="bad_address", detail=detail, scope="recipient", suppress=True
        )
    if answer.status == 400 and _SENDER.match(field):
        return Result(verdict="config_error", reason="sender_rejected", detail=detail, scope="account")
    return by_status(answer, detail)


def _until_reset(answer: Answer) -> float | None:
    """`X-RateLimit-Reset` is a time in seconds UTC; the answer's own `Date` says from when to count."""
    reset = seconds_of_epoch(answer.headers.get("x-ratelimit-reset"))
    return seconds_of(mime.date_text(reset), answer.headers.get("date")) if reset else None


def seconds_of_epoch(value: str | None) -> int:
    """A time in whole seconds UTC as ms; 0 when it is none."""
    return int(value) * 1_000 if value and value.isascii() and value.isdigit() and len(value) <= 11 else 0


# ---------------------------------------------------------------------------------------------------- hearing


class SendGridInbound:
    """The event webhook, signed with SendGrid's key (ECDSA over P-256 and SHA-256)."""

    def __init__(self, settings: SendGridSettings) -> None:
        try:
            key = load_der_public_key(base64.b64decode(settings.webhook_key, validate=True))
        except (ValueError, binascii.Error, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, EllipticCurvePublicKey):
            fix = "copy the verification key from the settings of the signed event webhook"
            raise ChannelError("the key of the event webhook cannot be read", where="webhook_key", fix=fix)
        self._key = key

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        stamp = request.headers.get(_TIMESTAMP, "")
        at = seconds_of_epoch(stamp)
        if not -SIGNATURE_AGE_S_MAX <= (request.received - at) // 1_000 <= SENDGRID_AGE_S_MAX:
            raise UnverifiedError("the signature is too old, or from the future")
        try:
            signature = base64.b64decode(request.headers.get(_SIGNATURE, ""), validate=True)
            # Over the bytes as they came: SendGrid ends its body with CRLF, and signs it.
            self._key.verify(signature, stamp.encode() + request.body, ECDSA(SHA256()))
        except (InvalidSignature, binascii.Error, ValueError):
            raise UnverifiedError("the signature is not SendGrid's") from None
        told = decoded(request.body, list)
        return [one for event in told[:INBOUND_ITEMS_MAX] for one in heard(mapping(event))], Reply()


def heard(event: Mapping[str, Any]) -> Iterator[Heard]:
    """What one event says."""
    kind = text(event.get("event"))
    key = text(event.get("sg_event_id"))
    if not key:
        return
    about: dict[str, Any] = {
        "key": f"sendgrid:{key}",
        "effect": effect_in(event, TAG),
        # The id of the answer, to which SendGrid appends where the mail was worked on.
        "provider_id": text(event.get("sg_message_id")).partition(".")[0],
        "address": text(event.get("email")),
        "at": time_ms(event.get("timestamp")),
    }
    if kind == "processed":
        yield Heard(outcome="sent", **about)
    elif kind == "delivered":
        yield Heard(outcome="delivered", **about)
    elif kind == "bounce":
        yield _bounce(event, about)
    elif kind == "dropped":
        reason = text(event.get("reason"))
        if "unsubscribed" in reason.lower():
            yield Heard(outcome="failed", reason="unsubscribed", **about)
        elif _DROPPED_HARD.search(reason):
            yield Heard(outcome="bounced", reason="suppressed", permanent=True, **about)
        else:
            yield Heard(outcome="failed", reason="dropped", **about)
    elif kind == "open":
        machine = event.get("sg_machine_open") is True or is_proxy(event.get("useragent"))
        yield Heard(outcome="opened", machine=machine, **about)
    elif kind == "click":
        detail = {"link": text(event.get("url"))[:2_000]}
        yield Heard(outcome="clicked", machine=is_proxy(event.get("useragent")), detail=detail, **about)
    elif kind == "spamreport":
        yield Heard(outcome="complained", reason="abuse", permanent=True, **about)
    elif kind in ("unsubscribe", "group_unsubscribe"):
        yield Heard(outcome="unsubscribed", reason=kind, **about)


def _bounce(event: Mapping[str, Any], about: Mapping[str, Any]) -> Heard:
    """`type` says whether the address bounced or the mail was blocked; only the first is the address's fault,
    and of it only what its code calls permanent.
    """
    words = text(event.get("reason"))
    status = text(event.get("status"))
    code = re.match(r"\s*(\d{3})", words)
    found = fate(int(code[1]) if code else 0, f"{status} {words}".strip())
    passing = status.startswith("4") or (code is not None and code[1].startswith("4"))
    blocked = text(event.get("type")) == "blocked"
    known = bool(status or code)
    permanent = not blocked and not passing and (found.hard or not known)
    reason = "blocked" if blocked else found.reason
    detail = {"status": status[:20], "diagnostic": said(words, about["address"])}
    return Heard(outcome="bounced", reason=reason, permanent=permanent, detail=detail, **about)


provider(
    Provider(
        name="sendgrid",
        types=("email",),
        settings=SendGridSettings,
        adapter=SendGridAdapter,
        inbound=SendGridInbound,
        summary="Twilio SendGrid.",
    )
)

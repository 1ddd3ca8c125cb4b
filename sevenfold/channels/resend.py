"""E-mail by Resend, which takes a message's key once, and its webhooks (Svix: Standard Webhooks).

https://resend.com/docs/api-reference/emails/send-email, /api-reference/errors,
/dashboard/webhooks/event-types and /dashboard/emails/idempotency-keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from . import mime
from .base import ChannelError, Heard, Outgoing, Provider, Reply, Request, Result, Secret, provider
from .calling import Answer, by_status, said, seconds_of, unreadable
from .correlation import TAG, token
from .mail_events import HttpMailSettings, checked, decoded, effect_in, is_proxy, mapping, text, time_ms
from .mail_http import HttpMailAdapter
from .signatures import shared_key, verify_standard

_KEY_CHARS_MAX: Final = 256
_TO_WORDS: Final = re.compile(r"[`'\"]to[`'\"]|recipient", re.IGNORECASE)
_FROM_WORDS: Final = re.compile(r"[`'\"]from[`'\"]|domain is not verified", re.IGNORECASE)
_QUOTA_WAIT_S: Final = 3_600.0


class ResendSettings(HttpMailSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account of Resend."""

    api_key: Secret
    webhook_secret: Secret = ""
    """The signing secret of the webhook, `whsec_...`."""
    base_url: str = "https://api.resend.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        checked(self.base_url)


class ResendAdapter(HttpMailAdapter[ResendSettings]):
    """Sends through one account."""

    deduplicates = True
    rate_per_s: float | None = 2.0
    """What Resend grants every team at first."""

    def __init__(self, settings: ResendSettings) -> None:
        headers = {"Authorization": f"Bearer {settings.api_key}", "Content-Type": "application/json"}
        super().__init__(settings, settings.base_url, headers)

    async def _hand_over(self, message: Outgoing, parts: mime.Mail) -> Result:
        headers = {"Idempotency-Key": message.effect[:_KEY_CHARS_MAX]}
        body = msgspec.json.encode(_body(message, parts))
        answer = await self._caller.call("POST", "/emails", body, headers)
        if isinstance(answer, Result):
            return answer
        if not answer.ok:
            return _refusal(answer, self._settings.api_key, parts)
        found = answer.object().get("id")
        if not isinstance(found, str) or not found:
            return unreadable(f"HTTP {answer.status} without id")
        return Result(verdict="accepted", provider_id=found)

    async def check(self) -> Result:
        """Whether the key works (`GET /domains`). A key that may only send is refused there by that name."""
        answer = await self._caller.call("GET", "/domains")
        if isinstance(answer, Result):
            return answer
        if answer.status == 401 and text(answer.object().get("name")) == "restricted_api_key":
            return Result(verdict="accepted", detail="the key may only send")
        if not answer.ok:
            return _refusal(answer, self._settings.api_key, None)
        found = isinstance(answer.object().get("data"), list)
        return Result(verdict="accepted") if found else unreadable(f"HTTP {answer.status}")


def _body(message: Outgoing, parts: mime.Mail) -> dict[str, Any]:
    body: dict[str, Any] = {
        "from": mime.written(parts.sender),
        "to": [parts.recipient.email],
        "subject": parts.subject,
        "headers": parts.headers,
    }
    if parts.text.strip():
        body["text"] = parts.text
    if parts.html.strip():
        body["html"] = parts.html
    if parts.reply_to:
        body["reply_to"] = mime.written(parts.reply_to)
    if token(message.effect):
        body["tags"] = [{"name": TAG, "value": token(message.effect)}]
    return body


def _refusal(answer: Answer, key: str, parts: mime.Mail | None) -> Result:
    """What an error means: `{"statusCode", "name", "message"}`."""
    told = answer.object()
    name, words = text(told.get("name")), text(told.get("message"))
    private = (key, parts.recipient.email, parts.sender.email) if parts else (key,)
    detail = said(f"HTTP {answer.status} {name} {words}".strip(), *private)
    if answer.status == 429:
        quota = name.endswith("quota_exceeded")
        wait = answer.retry_after_s()
        if wait is None:
            wait = seconds_of(answer.headers.get("ratelimit-reset"))
        if wait is None and quota:
            wait = _QUOTA_WAIT_S
        reason = "quota" if quota else "rate"
        return Result(verdict="throttled", reason=reason, detail=detail, scope="account", retry_after_s=wait)
    if name == "concurrent_idempotent_requests":
        return Result(verdict="transient", reason="in_progress", detail=detail)
    if name == "invalid_idempotent_request":
        # The key was taken with other words: asking again would say the same.
        return Result(verdict="permanent", reason="key_taken", detail=detail)
    faulty = answer.status in (400, 403, 422)
    if name == "invalid_from_address" or (faulty and _FROM_WORDS.search(words)):
        return Result(verdict="config_error", reason="sender_rejected", detail=detail, scope="account")
    if faulty and answer.status != 403 and _TO_WORDS.search(words):
        return Result(
            verdict="permanent", reason="bad_address", detail=detail, scope="recipient", suppress=True
        )
    return by_status(answer, detail)


# ---------------------------------------------------------------------------------------------------- hearing


class ResendInbound:
    """Resend's webhooks."""

    def __init__(self, settings: ResendSettings) -> None:
        if not settings.webhook_secret:
            fix = "copy the signing secret of the webhook"
            raise ChannelError("Resend's calls cannot be verified", where="settings.webhook_secret", fix=fix)
        shared_key(settings.webhook_secret)
        self._secret = settings.webhook_secret

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        ident, _ = verify_standard((self._secret,), request.headers, request.body, request.received)
        return list(heard(decoded(request.body, dict), ident)), Reply()


def heard(event: Mapping[str, Any], key: str) -> Iterator[Heard]:
    """What one event says; `key` is the call's id."""
    data = mapping(event.get("data"))
    to = data.get("to")
    about: dict[str, Any] = {
        "key": f"resend:{key}",
        "effect": effect_in(data.get("tags"), TAG),
        "provider_id": text(data.get("email_id")),
        "address": text(to[0]) if isinstance(to, list) and to else text(to),
        "at": time_ms(event.get("created_at")),
    }
    kind = text(event.get("type")).removeprefix("email.")
    if kind in ("sent", "delivered"):
        yield Heard(outcome=kind, **about)
    elif kind == "bounced":
        bounce = mapping(data.get("bounce"))
        permanent = text(bounce.get("type")).lower() == "permanent"
        detail = {"diagnostic": said(text(bounce.get("message")), about["address"])}
        reason = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text(bounce.get("subType"))).lower()[:40] or "bounced"
        yield Heard(outcome="bounced", reason=reason, permanent=permanent, detail=detail, **about)
    elif kind == "suppressed":
        yield Heard(outcome="bounced", reason="suppressed", permanent=True, **about)
    elif kind == "complained":
        yield Heard(outcome="complained", reason="abuse", permanent=True, **about)
    elif kind == "failed":
        yield Heard(outcome="failed", reason="provider", **about)
    elif kind == "opened":
        yield Heard(outcome="opened", machine=is_proxy(mapping(data.get("open")).get("userAgent")), **about)
    elif kind == "clicked":
        click = mapping(data.get("click"))
        detail = {"link": text(click.get("link"))[:2_000]}
        yield Heard(outcome="clicked", machine=is_proxy(click.get("userAgent")), detail=detail, **about)


provider(
    Provider(
        name="resend",
        types=("email",),
        settings=ResendSettings,
        adapter=ResendAdapter,
        inbound=ResendInbound,
        summary="Resend, which takes the same message once.",
    )
)

"""E-mail by Postmark, and its webhooks.

https://postmarkapp.com/developer/api/email-api, /developer/api/overview (error codes) and
/developer/webhooks/webhooks-overview. Postmark signs nothing: it shows a user and password, or a header, that
we gave it.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

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
from .bounces import basic_auth
from .calling import Answer, by_status, said, unreadable
from .correlation import TAG, token
from .mail_events import HttpMailSettings, checked, decoded, effect_in, is_proxy, text, time_ms
from .mail_http import HttpMailAdapter

_ACCOUNT: Final = {
    10: "auth",
    400: "sender_not_verified",
    401: "sender_not_verified",
    405: "not_allowed",
    412: "pending_approval",
    413: "not_allowed",
    1235: "stream",
    1236: "stream",
}
"""Error codes that are about our account: a bad token, a sender that is not confirmed, no credits left, an
account that waits for approval, a message stream that does not exist."""
_INACTIVE: Final = 406
_MAINTENANCE: Final = 100
_INVALID: Final = 300
_TO_WORDS: Final = re.compile(r"'to'|recipient|mailbox|illegal email", re.IGNORECASE)
_FROM_WORDS: Final = re.compile(r"'from'|sender", re.IGNORECASE)
_HARD: Final = frozenset({"HardBounce", "BadEmailAddress", "ManuallyDeactivated", "AddressChange"})
_NO_BOUNCE: Final = frozenset({"AutoResponder", "OpenRelayTest", "Subscribe", "ChallengeVerification"})


class PostmarkSettings(HttpMailSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server of Postmark."""

    server_token: Secret
    message_stream: str = "broadcast"
    """The stream of marketing messages."""
    transactional_stream: str = "outbound"
    """The stream of transactional ones."""
    webhook_user: str = "sevenfold"
    webhook_password: Secret = ""
    """What Postmark shows when it calls: user and password in the webhook's URL,"""
    webhook_header: str = ""
    """or this header,"""
    webhook_header_value: Secret = ""
    """with this value."""
    base_url: str = "https://api.postmarkapp.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        checked(self.base_url)
        if bool(self.webhook_header) != bool(self.webhook_header_value):
            raise ValueError("`webhook_header` and `webhook_header_value` belong together")


class PostmarkAdapter(HttpMailAdapter[PostmarkSettings]):
    """Sends through one server."""

    def __init__(self, settings: PostmarkSettings) -> None:
        headers = {"X-Postmark-Server-Token": settings.server_token, "Accept": "application/json"}
        super().__init__(settings, settings.base_url, {"Content-Type": "application/json", **headers})

    async def _hand_over(self, message: Outgoing, parts: mime.Mail) -> Result:
        answer = await self._caller.call("POST", "/email", msgspec.json.encode(self._body(message, parts)))
        if isinstance(answer, Result):
            return answer
        told = answer.object()
        code = told.get("ErrorCode")
        if not answer.ok or (isinstance(code, int) and code != 0):
            return _refusal(answer, self._settings.server_token, parts)
        found = told.get("MessageID")
        if not isinstance(found, str) or not found or code != 0:
            return unreadable(f"HTTP {answer.status} without MessageID")
        return Result(verdict="accepted", provider_id=found)

    def _body(self, message: Outgoing, parts: mime.Mail) -> dict[str, Any]:
        settings = self._settings
        body: dict[str, Any] = {
            "From": mime.written(parts.sender),
            "To": parts.recipient.email,
            "Subject": parts.subject,
            "Headers": [{"Name": name, "Value": value} for name, value in parts.headers.items()],
            "MessageStream": settings.transactional_stream
            if message.transactional
            else settings.message_stream,
            # Sevenfold counts openings and clicks itself.
            "TrackOpens": False,
            "TrackLinks": "None",
        }
        if parts.text.strip():
            body["TextBody"] = parts.text
        if parts.html.strip():
            body["HtmlBody"] = parts.html
        if parts.reply_to:
            body["ReplyTo"] = mime.written(parts.reply_to)
        if token(message.effect):
            body["Metadata"] = {TAG: token(message.effect)}
        return body

    async def check(self) -> Result:
        """Whether the token is one of a server (`GET /server`)."""
        answer = await self._caller.call("GET", "/server")
        if isinstance(answer, Result):
            return answer
        if not answer.ok:
            return _refusal(answer, self._settings.server_token, None)
        return (
            Result(verdict="accepted") if answer.object().get("ID") else unreadable(f"HTTP {answer.status}")
        )


def _refusal(answer: Answer, key: str, parts: mime.Mail | None) -> Result:
    """What an error means: `{"ErrorCode", "Message"}`, with HTTP 422 for most."""
    told = answer.object()
    code = told.get("ErrorCode")
    words = text(told.get("Message"))
    private = (key, parts.recipient.email, parts.sender.email) if parts else (key,)
    detail = said(f"HTTP {answer.status}, code {code} {words}".strip(), *private)
    if code == _INACTIVE:
        return Result(verdict="permanent", reason="inactive", detail=detail, scope="recipient", suppress=True)
    if isinstance(code, int) and code in _ACCOUNT:
        return Result(verdict="config_error", reason=_ACCOUNT[code], detail=detail, scope="account")
    if code == _MAINTENANCE:
        return Result(verdict="transient", reason="maintenance", detail=detail, scope="account")
    if code == _INVALID and _FROM_WORDS.search(words):
        return Result(verdict="config_error", reason="sender_rejected", detail=detail, scope="account")
    if code == _INVALID and _TO_WORDS.search(words):
        return Result(
            verdict="permanent", reason="bad_address", detail=detail, scope="recipient", suppress=True
        )
    if answer.status == 413:
        return Result(verdict="permanent", reason="too_large", detail=detail)
    return by_status(answer, detail)


# ---------------------------------------------------------------------------------------------------- hearing


class PostmarkInbound:
    """Postmark's webhooks: one JSON object a call."""

    def __init__(self, settings: PostmarkSettings) -> None:
        if not settings.webhook_password and not settings.webhook_header_value:
            fix = "`webhook_password`, or `webhook_header` and `webhook_header_value`"
            raise ChannelError("Postmark signs nothing, so it must show something", where="settings", fix=fix)
        self._settings = settings

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        settings, headers = self._settings, request.headers
        shown = basic_auth(headers.get("authorization", ""), settings.webhook_user, settings.webhook_password)
        if settings.webhook_header:
            value = headers.get(settings.webhook_header.lower(), "")
            shown |= hmac.compare_digest(value.encode(), settings.webhook_header_value.encode())
        if not shown:
            raise UnverifiedError("the webhook does not show its password")
        return list(heard(decoded(request.body, dict))), Reply()


def heard(event: Mapping[str, Any]) -> Iterator[Heard]:
    """What one event says."""
    kind = text(event.get("RecordType"))
    ident = text(event.get("MessageID"))
    address = text(event.get("Recipient")) or text(event.get("Email"))
    stamps = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")
    stamp = next((text(event.get(name)) for name in stamps if event.get(name)), "")
    about: dict[str, Any] = {
        "key": _key(event, kind, ident, address, stamp),
        "effect": effect_in(event.get("Metadata"), TAG),
        "provider_id": ident,
        "address": address,
        "at": time_ms(stamp),
    }
    if kind == "Delivery":
        yield Heard(outcome="delivered", **about)
    elif kind == "Bounce":
        type_ = text(event.get("Type"))
        if type_ in ("SpamComplaint", "SpamNotification"):
            yield Heard(outcome="complained", reason="abuse", permanent=True, **about)
        elif type_ == "Unsubscribe":
            yield Heard(outcome="unsubscribed", reason="reply", **about)
        elif type_ not in _NO_BOUNCE:
            detail = {"diagnostic": said(text(event.get("Details")), address)}
            permanent = type_ in _HARD
            yield Heard(outcome="bounced", reason=_word(type_), permanent=permanent, detail=detail, **about)
    elif kind == "SpamComplaint":
        yield Heard(outcome="complained", reason="abuse", permanent=True, **about)
    elif kind == "Open":
        yield Heard(outcome="opened", machine=is_proxy(event.get("UserAgent")), **about)
    elif kind == "Click":
        detail = {"link": text(event.get("OriginalLink"))[:2_000]}
        yield Heard(outcome="clicked", machine=is_proxy(event.get("UserAgent")), detail=detail, **about)
    elif kind == "SubscriptionChange" and event.get("SuppressSending") is True:
        reason = text(event.get("SuppressionReason"))
        if reason == "HardBounce":
            yield Heard(outcome="bounced", reason="suppressed", permanent=True, **about)
        elif reason == "SpamComplaint":
            yield Heard(outcome="complained", reason="abuse", permanent=True, **about)
        else:
            yield Heard(outcome="unsubscribed", reason=_word(reason) or "provider", **about)


def _key(event: Mapping[str, Any], kind: str, ident: str, address: str, stamp: str) -> str:
    """The bounce's id; others are named by what they are about, for Postmark gives them none."""
    if kind in ("Bounce", "SpamComplaint") and isinstance(event.get("ID"), int):
        return f"postmark:{kind}:{event['ID']}"
    rest = "\n".join((kind, ident, address, stamp, text(event.get("OriginalLink"))))
    return f"postmark:{blake2b(rest.encode(), digest_size=12).hexdigest()}"


def _word(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()[:40]


provider(
    Provider(
        name="postmark",
        types=("email",),
        settings=PostmarkSettings,
        adapter=PostmarkAdapter,
        inbound=PostmarkInbound,
        summary="Postmark.",
    )
)

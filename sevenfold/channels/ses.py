"""E-mail by Amazon SES, API version 2: mails as raw bytes, so that unsubscribe headers stay as they are.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html. What becomes of mails comes through
SNS (`sns`), with the tag that every mail carries.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ..clock import Clock, SystemClock
from ..limits import CHANNEL_MESSAGE_BYTES_MAX
from . import mime
from .base import (
    ChannelError,
    Heard,
    Inbound,
    Outgoing,
    Provider,
    Reply,
    Request,
    Result,
    Secret,
    UnverifiedError,
    provider,
)
from .calling import Answer, by_status, said, unreadable
from .correlation import TAG, token
from .mail_events import HttpMailSettings, checked, decoded, effect_in, is_proxy, mapping, text, time_ms
from .mail_http import HttpMailAdapter
from .sigv4 import Credentials, headers
from .sns import Fetch, SnsVerifier

_PATH: Final = "/v2/email/outbound-emails"
_ACCOUNT: Final = frozenset(
    {
        *(
            "AccountSuspendedException",
            "SendingPausedException",
            "LimitExceededException",
            "NotFoundException",
        ),
        *("UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch"),
        *("AccessDeniedException", "AccessDenied", "ExpiredTokenException", "InvalidClientTokenId"),
        *("IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException"),
        *("OptInRequired", "NotAuthorized"),
    }
)
_THROTTLED: Final = frozenset(
    {"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestThrottled"}
)
_ADDRESS_WORDS: Final = re.compile(
    r"address|domain (contains|ends|starts)|recipient|mailbox|local part", re.IGNORECASE
)
_QUOTA_WAIT_S: Final = 3_600.0
"""A daily quota opens again little by little, over the 24 hours after."""
_NOT_VERIFIED: Final = re.compile(r"not verified|did not have authority", re.IGNORECASE)


class SesSettings(HttpMailSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amazon SES in one region."""

    region: str
    access_key_id: str
    secret_access_key: Secret
    session_token: Secret = ""
    configuration_set: str = ""
    """The set whose event destination tells us what becomes of mails."""
    tenant: str = ""
    topic_arn: str = ""
    """The SNS topic that events come from."""
    base_url: str = ""
    """Instead of the region's own address."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d|(?:env|file):.*", self.region):
            raise ValueError("`region` is one of Amazon's, such as eu-central-1")
        if self.base_url:
            checked(self.base_url)


class SesAdapter(HttpMailAdapter[SesSettings]):
    """Sends through one region of an account."""

    rate_per_s: float | None = 14.0
    """What Amazon grants accounts out of the sandbox at first."""

    def __init__(self, settings: SesSettings, clock: Clock | None = None) -> None:
        suffix = ".cn" if settings.region.startswith("cn-") else ""
        own = f"https://email.{settings.region}.amazonaws.com{suffix}"
        super().__init__(settings, settings.base_url or own)
        self._clock = clock or SystemClock()
        self._credentials = Credentials(
            settings.access_key_id, settings.secret_access_key, settings.session_token
        )

    async def _hand_over(self, message: Outgoing, parts: mime.Mail) -> Result:
        raw = mime.raw(
            parts,
            message_id=f"{token(message.effect) or 'message'}@{parts.sender.domain}",
            date=self._clock.now(),
            seed=message.effect,
        )
        if len(raw) > CHANNEL_MESSAGE_BYTES_MAX:
            return Result(verdict="permanent", reason="too_large", detail=f"{len(raw):,} bytes")
        body: dict[str, Any] = {
            "FromEmailAddress": parts.sender.email,
            "Destination": {"ToAddresses": [parts.recipient.email]},
            "Content": {"Raw": {"Data": base64.b64encode(raw).decode()}},
        }
        if token(message.effect):
            body["EmailTags"] = [{"Name": TAG, "Value": token(message.effect)}]
        if self._settings.configuration_set:
            body["ConfigurationSetName"] = self._settings.configuration_set
        if self._settings.tenant:
            body["TenantName"] = self._settings.tenant
        answer = await self._call("POST", _PATH, msgspec.json.encode(body))
        if isinstance(answer, Result):
            return answer
        if not answer.ok:
            return _refusal(answer, parts)
        found = answer.object().get("MessageId")
        if not isinstance(found, str) or not found:
            return unreadable(f"HTTP {answer.status} without MessageId")
        return Result(verdict="accepted", provider_id=found)

    async def check(self) -> Result:
        """Whether the account may send (`GetAccount`)."""
        answer = await self._call("GET", "/v2/email/account", b"")
        if isinstance(answer, Result):
            return answer
        if not answer.ok:
            return _refusal(answer, None)
        account = answer.object()
        if account.get("SendingEnabled") is False:
            return _config("sending_paused", "the account may not send")
        if not account:
            return unreadable(f"HTTP {answer.status}")
        sandbox = (
            "" if account.get("ProductionAccessEnabled") else "in the sandbox: only to verified addresses"
        )
        return Result(verdict="accepted", detail=sandbox)

    async def _call(self, method: str, path: str, body: bytes) -> Answer | Result:
        signed = headers(
            self._credentials,
            method,
            self._caller.base_url + path,
            body,
            region=self._settings.region,
            service="ses",
            at=self._clock.now(),
        )
        return await self._caller.call(method, path, body, signed)


def _refusal(answer: Answer, parts: mime.Mail | None) -> Result:
    """What an error of the API means. Its name stands in a header or in the body (AWS JSON and REST-JSON)."""
    told = answer.object()
    name = answer.headers.get("x-amzn-errortype") or text(told.get("__type")) or text(told.get("Code"))
    name = name.partition(":")[0].rpartition("#")[2]
    words = text(told.get("message")) or text(told.get("Message"))
    detail = said(f"{name} {words}".strip(), *((parts.recipient.email, parts.sender.email) if parts else ()))
    wait = answer.retry_after_s()
    if name in _THROTTLED or answer.status == 429:
        if "quota" in words.lower():
            return _throttled("quota", detail, wait or _QUOTA_WAIT_S)
        return _throttled("rate", detail, wait)
    if name in _ACCOUNT or answer.status in (401, 403):
        return _config(_word(name) or "auth", detail)
    if name == "MessageRejected" and _NOT_VERIFIED.search(words) and parts and _ours(words, parts.sender):
        return _config("sender_not_verified", detail)
    if name == "MailFromDomainNotVerifiedException":
        return Result(verdict="permanent", reason="sender_not_verified", detail=detail, scope="account")
    if name in ("BadRequestException", "InvalidParameterValue") and _ADDRESS_WORDS.search(words):
        return Result(
            verdict="permanent", reason="bad_address", detail=detail, scope="recipient", suppress=True
        )
    return by_status(answer, detail)


def _ours(words: str, sender: mime.Address) -> bool:
    """Whether what is not verified is our own address, or its domain."""
    return sender.email.lower() in words.lower() or sender.domain.lower() in words.lower()


def _word(name: str) -> str:
    bare = name.removesuffix("Exception")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", bare).lower()


def _throttled(reason: str, detail: str, wait: float | None) -> Result:
    return Result(verdict="throttled", reason=reason, detail=detail, scope="account", retry_after_s=wait)


def _config(reason: str, detail: str) -> Result:
    return Result(verdict="config_error", reason=reason, detail=detail, scope="account")


# ---------------------------------------------------------------------------------------------------- hearing


class SesInbound:
    """Events of SES, by SNS with HTTPS delivery (raw message delivery off, for only then they are signed)."""

    def __init__(self, settings: SesSettings, fetch: Fetch | None = None) -> None:
        if not settings.topic_arn:
            raise ChannelError("SES tells nothing without its SNS topic", where="settings.topic_arn")
        self._sns = SnsVerifier(settings.topic_arn, fetch)

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        message = await self._sns.message(request.body, request.received)
        if message["Type"] != "Notification":
            return (), Reply()
        try:
            told = decoded(text(message["Message"]).encode(), dict)
        except UnverifiedError:
            # SES itself greets a new topic with a sentence.
            return (), Reply()
        return list(heard(told, text(message["MessageId"]))), Reply()


def heard(event: Mapping[str, Any], key: str) -> Iterator[Heard]:
    """What an event of SES says, one for each recipient it names. `key` is the SNS message's id."""
    mail = mapping(event.get("mail"))
    kind = text(event.get("eventType")) or text(event.get("notificationType"))
    about: dict[str, Any] = {
        "effect": effect_in(mail.get("tags"), TAG),
        "provider_id": text(mail.get("messageId")),
    }
    part = mapping(event.get(kind[:1].lower() + kind[1:]))
    at = time_ms(part.get("timestamp")) or time_ms(mail.get("timestamp"))
    destination = mail.get("destination")
    to = text(destination[0]) if isinstance(destination, list) and destination else ""
    if kind == "Bounce":
        yield from _bounces(part, about, key, at)
    elif kind == "Complaint":
        if text(part.get("complaintFeedbackType")) == "not-spam":
            return
        reason = (
            _word(text(part.get("complaintSubType")) or text(part.get("complaintFeedbackType"))) or "abuse"
        )
        for index, address in enumerate(_addresses(part.get("complainedRecipients"))):
            yield Heard(
                key=f"sns:{key}:{index}",
                outcome="complained",
                address=address,
                reason=_plain(reason),
                permanent=True,
                at=at,
                **about,
            )
    elif kind in ("Delivery", "Send"):
        outcome = "delivered" if kind == "Delivery" else "sent"
        yield Heard(key=f"sns:{key}", outcome=outcome, address=to, at=at, **about)
    elif kind in ("Reject", "Rendering Failure", "RenderingFailure"):
        reason = "rejected" if kind == "Reject" else "render_error"
        yield Heard(key=f"sns:{key}", outcome="failed", address=to, reason=reason, at=at, **about)
    elif kind in ("Open", "Click"):
        outcome = "opened" if kind == "Open" else "clicked"
        link = text(part.get("link"))[:2_000]
        yield Heard(
            key=f"sns:{key}",
            outcome=outcome,
            address=to,
            at=at,
            machine=is_proxy(part.get("userAgent")),
            detail={"link": link} if link else {},
            **about,
        )
    elif kind == "Subscription":
        new = mapping(part.get("newTopicPreferences"))
        if new.get("unsubscribeAll") is True:
            yield Heard(
                key=f"sns:{key}", outcome="unsubscribed", address=to, reason="provider", at=at, **about
            )


def _bounces(part: Mapping[str, Any], about: Mapping[str, Any], key: str, at: int) -> Iterator[Heard]:
    type_, sub = text(part.get("bounceType")), text(part.get("bounceSubType"))
    recipients = part.get("bouncedRecipients")
    for index, one in enumerate(recipients if isinstance(recipients, list) else []):
        one = mapping(one)
        if text(one.get("action")) == "delayed":
            continue
        address = text(one.get("emailAddress"))
        yield Heard(
            key=f"sns:{key}:{index}",
            outcome="bounced",
            address=address,
            reason=_plain(_word(sub) or "bounced"),
            permanent=type_ == "Permanent",
            at=at,
            detail={
                "status": text(one.get("status"))[:20],
                "diagnostic": said(text(one.get("diagnosticCode")), address),
            },
            **about,
        )


def _addresses(recipients: object) -> list[str]:
    listed = recipients if isinstance(recipients, list) else []
    return [text(mapping(one).get("emailAddress")) for one in listed]


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")[:40]


def _inbound(settings: SesSettings) -> Inbound:
    return SesInbound(settings)


provider(
    Provider(
        name="ses",
        types=("email",),
        settings=SesSettings,
        adapter=SesAdapter,
        inbound=_inbound,
        summary="Amazon Simple Email Service.",
    )
)

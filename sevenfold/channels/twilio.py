"""Short messages through Twilio's Programmable Messaging, and what it tells: states, replies, opt-outs.

A message goes out as a form (the official OpenAPI's CreateMessage); there is no idempotency key, so that a
call without an answer is unknown until a status callback, which carries the effect's id, says more.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape

import msgspec
from msgspec import Meta, Struct

from ..clock import Clock, SystemClock
from .base import Heard, Outgoing, Provider, Reply, Request, Result, Secret, provider
from .calling import Answer, Caller, by_status, said, unreadable
from .hooks import Ranks, country_of, keyword_of, track
from .signatures import verify_twilio

BODY_CHARS_MAX: Final = 1_600
_VALID_S_MIN, _VALID_S_MAX = 1, 36_000
_TWIML = "text/xml; charset=utf-8"

_OPTED_OUT: Final = {21610}
_BAD_RECIPIENT: Final = {21211, 21214, 21217, 21401, 21407, 21421, 21601, 21612, 21614, 21635, 30005, 30006}
_ACCOUNT: Final = {
    *(
        20003,
        20005,
        20006,
        20008,
        20403,
        20404,
        21212,
        21219,
        21603,
        21606,
        21608,
        21659,
        21660,
        21703,
        21704,
    ),
    *(21705, 21712, 30002, 30034, 30032, 63007),
}
_TRANSIENT: Final = {20500, 20503, 20504, 30001, 30017, 30022}
_THROTTLED: Final = {14107, 20429, 21611, 63018, 63038}
_REFUSED: Final = {
    21408: "region_blocked",
    21602: "empty",
    21617: "too_large",
    30007: "filtered",
    30004: "blocked",
}


class TwilioSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Twilio Programmable Messaging."""

    account_sid: str
    """`AC...`, of the console's first page."""
    auth_token: Secret
    """The account's token. It also verifies what Twilio calls us with."""
    api_key: str = ""
    """`SK...`: an API key to send with instead of the account itself."""
    api_secret: Secret | None = None
    """The API key's secret."""
    from_: str = msgspec.field(default="", name="from")
    """The sender: a number in E.164, a short code or an alphanumeric name."""
    messaging_service_sid: str = ""
    """`MG...`: a Messaging Service chooses the sender instead."""
    status_url: str = ""
    """The public address of this channel's hook (`https://.../hooks/CHANNEL`), which Twilio tells states."""
    shared_key: Secret | None = None
    """The secret of the SharedKey that signs webhooks by HMAC-SHA256, where one is set up."""
    help_text: str = ""
    """What somebody who sends HELP gets back, where Twilio does not answer itself."""
    base_url: str = "https://api.twilio.com"
    """Another address of the service: a region of its, or a proxy."""
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 15.0
    """How long connecting and each wait for bytes may take, in seconds."""
    concurrency: Annotated[int, Meta(ge=1, le=200)] = 20
    """Messages on their way at the same time."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = 100.0
    """Messages a second. Twilio takes 100 a second and queues what a sender is too slow for."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""

    def __post_init__(self) -> None:
        if not self.from_ and not self.messaging_service_sid:
            raise ValueError("`from` or `messaging_service_sid` says who sends")
        if bool(self.api_key) != bool(self.api_secret):
            raise ValueError("`api_key` and `api_secret` belong together")


class Twilio:
    """Sends short messages."""

    deduplicates = False

    def __init__(self, settings: TwilioSettings, *, clock: Clock | None = None) -> None:
        self.concurrency, self.rate_per_s = settings.concurrency, settings.rate_per_s
        self._settings = settings
        self._clock = clock or SystemClock()
        user, password = settings.api_key or settings.account_sid, settings.api_secret or settings.auth_token
        authorization = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
        self._account = f"/2010-04-01/Accounts/{settings.account_sid}"
        self._caller = Caller(
            settings.base_url,
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            headers={"Authorization": authorization, "Accept": "application/json"},
            ca_file=settings.ca_file,
        )

    async def send(self, message: Outgoing) -> Result:
        if not message.address:
            return Result(verdict="permanent", reason="no_address", scope="recipient")
        form = self.form(message)
        if len(form.get("Body", "")) > BODY_CHARS_MAX:
            return Result(verdict="permanent", reason="too_large", detail=f"over {BODY_CHARS_MAX} characters")
        if "Body" not in form and "ContentSid" not in form:
            return Result(verdict="permanent", reason="empty", detail="the message has no text")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._caller.call(
            "POST", f"{self._account}/Messages.json", urlencode(form).encode(), headers
        )
        if isinstance(answer, Result):
            return answer
        told = answer.object()
        if not answer.ok:
            return _refused(answer, told, message.address)
        if told.get("error_code"):
            words = said(str(told.get("error_message") or ""), message.address)
            return _by_code(_integer(told["error_code"]), words, None) or unreadable("an unknown error")
        sid = told.get("sid")
        if not isinstance(sid, str) or not sid:
            return unreadable(f"HTTP {answer.status} without a `sid`")
        return Result(verdict="accepted", provider_id=sid)

    def form(self, message: Outgoing) -> dict[str, str]:
        """What is posted. A payload with `content_sid` sends one of Twilio's content templates."""
        content, settings = message.content, self._settings
        form = {"To": message.address or ""}
        if settings.messaging_service_sid:
            form["MessagingServiceSid"] = settings.messaging_service_sid
        if settings.from_:
            form["From"] = settings.from_
        payload = content.payload if isinstance(content.payload, Mapping) else {}
        if payload.get("content_sid"):
            form["ContentSid"] = str(payload["content_sid"])
            if payload.get("content_variables"):
                form["ContentVariables"] = msgspec.json.encode(payload["content_variables"]).decode()
        elif content.body:
            form["Body"] = content.body
        if content.image:
            form["MediaUrl"] = content.image
        if settings.status_url:
            form["StatusCallback"] = _with(settings.status_url, effect=message.effect)
        if message.expires is not None:
            left = (message.expires - self._clock.now()) // 1000
            form["ValidityPeriod"] = str(min(max(left, _VALID_S_MIN), _VALID_S_MAX))
        return form

    async def check(self) -> Result:
        """Reads the account."""
        answer = await self._caller.call("GET", f"{self._account}.json")
        if isinstance(answer, Result):
            return answer
        told = answer.object()
        if not answer.ok:
            return _refused(answer, told, None)
        if told.get("status") not in (None, "active"):
            return Result(
                verdict="config_error", reason="account", detail="the account is not active", scope="account"
            )
        return Result(verdict="accepted")

    async def close(self) -> None:
        await self._caller.close()


def _refused(answer: Answer, told: Mapping[str, Any], address: str | None) -> Result:
    code = _integer(told.get("code"))
    words = said(f"{code or answer.status} {told.get('message') or ''}", address)
    return _by_code(code, words, answer.retry_after_s()) or (
        Result(verdict="config_error", reason="account", detail=words, scope="account")
        if answer.status == 404
        else by_status(answer, words)
    )


def _by_code(code: int, words: str, wait: float | None) -> Result | None:
    """What one of Twilio's codes means; None for one that the status explains as well."""
    if code in _OPTED_OUT:
        return Result(verdict="permanent", reason="opted_out", detail=words, scope="recipient", suppress=True)
    if code in _BAD_RECIPIENT:
        return Result(
            verdict="permanent", reason="bad_address", detail=words, scope="recipient", suppress=True
        )
    if code in _ACCOUNT:
        reason = "auth" if code in (20003, 20403) else "account"
        return Result(verdict="config_error", reason=reason, detail=words, scope="account")
    if code in _THROTTLED:
        return Result(verdict="throttled", reason="rate", detail=words, scope="account", retry_after_s=wait)
    if code in _TRANSIENT:
        return Result(verdict="transient", reason="provider", detail=words, retry_after_s=wait)
    if code in _REFUSED:
        return Result(verdict="permanent", reason=_REFUSED[code], detail=words)
    return None


def _integer(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


def _with(url: str, **query: str) -> str:
    parts = urlsplit(url)
    return parts._replace(query=urlencode([*parse_qsl(parts.query), *query.items()])).geturl()


# --------------------------------------------------------------------------------------------------- it tells

_STATES: Final = {
    "sent": "sent",
    "partially_delivered": "delivered",
    "delivered": "delivered",
    "read": "opened",
    "undelivered": "bounced",
    "failed": "failed",
    "canceled": "failed",
}
"""Twilio's states of a message that say something new to us, with what they are called here."""
_ORDER: Final = ("sent", "partially_delivered", "delivered", "read", "undelivered", "failed", "canceled")
_OPT_OUT_TYPES: Final = {"STOP": "stop", "START": "start", "HELP": "help"}


class TwilioInbound:
    """Hears states and replies. `public_url` of a request must be the one Twilio called: it is signed."""

    def __init__(self, settings: TwilioSettings) -> None:
        self._settings = settings
        self._ranks = Ranks(_ORDER)

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        settings = self._settings
        form = verify_twilio(
            settings.auth_token, settings.shared_key or "", request.headers, request.url, request.body
        )
        told = {name: values[0] for name, values in form.items()}
        sid = told.get("MessageSid") or told.get("SmsSid") or ""
        state = told.get("MessageStatus") or told.get("SmsStatus") or ""
        if sid and "Body" in told and state in ("", "received", "receiving"):
            return self._message(told, sid, request.received)
        if not sid or state not in _STATES or not self._ranks.news(sid, state):
            return [], Reply()
        return [self._state(told, sid, state, request.query.get("effect", ""))], Reply()

    def _state(self, told: Mapping[str, str], sid: str, state: str, effect: str) -> Heard:
        code = _integer(told.get("ErrorCode"))
        outcome = _STATES[state]
        verdict = _by_code(code, "", None) if outcome in ("bounced", "failed") else None
        gone = verdict is not None and verdict.suppress
        return Heard(
            key=f"{sid}:{state}",
            outcome="bounced" if gone else outcome,
            effect=effect,
            provider_id=sid,
            address=told.get("To", ""),
            reason=(verdict.reason if verdict is not None else f"twilio_{code}") if code else "",
            permanent=gone,
            detail={"code": code} if code else {},
        )

    def _message(self, told: Mapping[str, str], sid: str, received: int) -> tuple[list[Heard], Reply]:
        phone = told.get("From", "")
        country = told.get("FromCountry") or country_of(phone)
        handled = _OPT_OUT_TYPES.get(told.get("OptOutType", ""), "")
        keyword = handled or keyword_of(told["Body"], country)
        event = track(
            "SMS Received",
            {"phone": phone},
            {
                "text": told["Body"],
                "keyword": keyword,
                "country": country,
                "to": told.get("To"),
                "media": _integer(told.get("NumMedia")) or None,
            },
            received,
            f"twilio-{sid}",
        )
        heard = [Heard(key=sid, provider_id=sid, address=phone, event=event)]
        if keyword == "stop":
            heard.append(Heard(key=f"{sid}:stop", outcome="unsubscribed", address=phone, reason="keyword"))
        text = self._settings.help_text if keyword == "help" and not handled else ""
        inner = f"<Message>{escape(text)}</Message>" if text else ""
        return heard, Reply(body=f"<Response>{inner}</Response>".encode(), content_type=_TWIML)


provider(
    Provider(
        name="twilio",
        types=("sms",),
        settings=TwilioSettings,
        adapter=Twilio,
        inbound=TwilioInbound,
        summary="short messages; states, replies and opt-outs come back",
    )
)

"""Calls of other systems, signed as Standard Webhooks says, and what those systems tell back.

The body is the template's or the step's payload as it is; without one it says what happened:
`{type, timestamp, data: {journey, step, person, event}}`. The id of the call is the effect's, so that
a receiver that keeps to the specification takes a repeated call once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from ..clock import Clock, SystemClock
from ..limits import WEBHOOK_BODY_BYTES_MAX
from ..messages.outcomes import OUTCOMES
from .base import ChannelError, Heard, Outgoing, Provider, Reply, Request, Result, Secret, provider
from .calling import Answer, by_status
from .http import OutsideCaller, refused, web_url
from .outside import Outside, RefusedAddressError, in_force
from .signatures import Signer, verify_standard

RETRIES_S: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""After how many seconds a call is made again, from the one before (Standard Webhooks' schedule: ten calls
in about three days), as long as the message lives."""
_TOLD: Final = frozenset(OUTCOMES) - {"claimed", "render_error", "expired", "unknown"}
"""What a receiver may tell of a message it was given."""


class WebhookSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook: another system that is called."""

    url: str = ""
    """Where calls go. A step's own `url` goes before it."""
    secret: Secret | None = None
    """Signs calls: `whsec_...` (a shared secret, at least 24 bytes as base64) or `whsk_...` (an ed25519 key).
    """
    secret_before: Secret | None = None
    """The secret in force before; while it stands here calls are signed with both."""
    authorization: Secret | None = None
    """The whole value of an `Authorization` header, for receivers that ask for one."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 20.0
    """How long the receiver may take."""
    concurrency: Annotated[int, Meta(ge=1, le=1_000)] = 20
    """Calls at the same time."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = None
    """Calls a second at most."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""

    def __post_init__(self) -> None:
        if self.url and not self.url.startswith(("env:", "file:")):
            try:
                web_url(self.url)
            except ChannelError:
                raise ValueError("`url` is no web address: it begins with https://") from None

    @property
    def secrets(self) -> list[str]:
        return [one for one in (self.secret, self.secret_before) if one]


class Webhook:
    """Makes the calls. An address given by a step that cannot be used is the step's fault; the channel's own
    pauses the channel.
    """

    deduplicates = True
    retries_s = RETRIES_S

    def __init__(
        self, settings: WebhookSettings, *, clock: Clock | None = None, outside: Outside | None = None
    ) -> None:
        self.concurrency, self.rate_per_s = settings.concurrency, settings.rate_per_s
        self._settings = settings
        self._clock = clock or SystemClock()
        self._outside = outside or in_force()
        self._signer = Signer(settings.secrets)
        self._caller = OutsideCaller(
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            ca_file=settings.ca_file,
            outside=self._outside,
        )

    async def send(self, message: Outgoing) -> Result:
        own = str(message.data.get("url") or "")
        url = own or self._settings.url
        if not url:
            return Result(
                verdict="config_error", reason="no_url", detail="the channel has no `url`", scope="account"
            )
        method = str(message.data.get("method") or "POST").upper()
        now = self._clock.now()
        body = b"" if method == "GET" else _body(message, now)
        if len(body) > WEBHOOK_BODY_BYTES_MAX:
            detail = f"{len(body)} bytes, at most {WEBHOOK_BODY_BYTES_MAX}"
            return Result(verdict="permanent", reason="too_large", detail=detail)
        headers = {"Content-Type": "application/json"} if body else {}
        headers |= self._signer.headers(message.effect, now // 1000, body)
        if self._settings.authorization and not own:
            # Whoever a step names has not been given our password.
            headers["Authorization"] = self._settings.authorization
        answer = await self._caller.call(method, url, body or None, headers)
        if not isinstance(answer, Result):
            answer = self._verdict(answer, message, own)
        elif answer.verdict == "permanent":
            answer = _about(answer, own)
        if own and answer.verdict in ("transient", "throttled", "unknown"):
            # What a step named says nothing of the others that go through the same channel.
            return msgspec.structs.replace(answer, scope="recipient")
        return answer

    def _verdict(self, answer: Answer, message: Outgoing, own: str) -> Result:
        if answer.ok:
            return Result(verdict="accepted", provider_id=message.effect)
        # Not its words: a receiver may repeat what it was sent.
        detail = f"HTTP {answer.status}"
        if answer.status == 410:
            gone = Result(verdict="permanent", reason="gone", detail="HTTP 410: it wants no more calls")
            return _about(gone, own)
        if answer.status in (429, 502, 504):
            wait = answer.retry_after_s()
            return Result(
                verdict="throttled", reason="rate", detail=detail, retry_after_s=wait, scope="account"
            )
        found = by_status(answer, detail)
        if own and found.verdict == "config_error":
            return Result(verdict="permanent", reason=found.reason, detail=detail)
        return found

    async def check(self) -> Result:
        """Resolves the URL's name and looks whether its addresses may be called; nobody is called."""
        url = self._settings.url
        if not url:
            return Result(verdict="accepted", detail="each step names its own URL")
        parts = urlsplit(url)
        try:
            await self._outside.addresses(
                parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
            )
        except RefusedAddressError:
            return _about(refused(), "")
        except OSError:
            return Result(
                verdict="config_error", reason="unreachable", detail="the name is unknown", scope="account"
            )
        return Result(verdict="accepted")

    async def close(self) -> None:
        await self._caller.close()


def _about(found: Result, own: str) -> Result:
    """A verdict on an address: on the message when a step named it, else on the channel."""
    if own:
        return found
    return msgspec.structs.replace(found, verdict="config_error", scope="account")


def _body(message: Outgoing, now: int) -> bytes:
    payload = message.content.payload
    if payload is None:
        payload = message.data.get("payload")
    if payload is None:
        told = {
            name: message.data[name]
            for name in ("journey", "step", "template", "event")
            if message.data.get(name) is not None
        }
        if message.person:
            told["person"] = message.person
        payload = {
            "type": "message",
            "timestamp": datetime.fromtimestamp(now / 1000, UTC).isoformat().replace("+00:00", "Z"),
            "data": told,
        }
    return msgspec.json.encode(payload)


class WebhookInbound:
    """What a receiver tells of messages that were handed to it, signed with the same secret:
    `{type: "message.delivered", timestamp, data: {id, reason?, permanent?}}`, where `id` is the `webhook-id`
    of the call.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        self._secrets = [one for one in settings.secrets if one.startswith("whsec_")]

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        ident, seconds = verify_standard(self._secrets, request.headers, request.body, request.received)
        try:
            told: Any = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            told = None
        kind = told.get("type") if isinstance(told, Mapping) else None
        data = told.get("data") if isinstance(told, Mapping) else None
        if not isinstance(kind, str) or not isinstance(data, Mapping):
            return [], Reply(status=400, body=b"a JSON object with `type` and `data`")
        outcome = kind.removeprefix("message.")
        effect = data.get("id")
        if outcome not in _TOLD or not isinstance(effect, str) or not effect:
            return [], Reply(status=400, body=f"`type` is one of message.{', '.join(sorted(_TOLD))}".encode())
        heard = Heard(
            key=ident,
            outcome=outcome,
            effect=effect[:200],
            reason=str(data.get("reason") or "")[:200],
            permanent=data.get("permanent") is True,
            at=seconds * 1000,
        )
        return [heard], Reply()


provider(
    Provider(
        name="webhook",
        types=("webhook",),
        settings=WebhookSettings,
        adapter=Webhook,
        inbound=WebhookInbound,
        summary="another system, called with JSON and signed as Standard Webhooks says",
    )
)

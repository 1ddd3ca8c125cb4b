"""App push to Apple's devices, straight to Apple (APNs' provider API over HTTP/2, with a provider token).

The address is a device token in hexadecimal. There is no idempotency key that Apple promises to honour. What
people do with a notification comes from the app (`id` in the payload is the effect's).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal

import jwt
import msgspec
from msgspec import Meta, Struct

from ..clock import Clock, SystemClock
from ..limits import APP_PUSH_BYTES_MAX
from ..messages.rendered import Rendered
from .base import Outgoing, Provider, Result, Secret, provider
from .calling import Answer, Caller, by_status, said
from .fcm import merged
from .vapid import private_key

PRODUCTION: Final = "https://api.push.apple.com"
SANDBOX: Final = "https://api.sandbox.push.apple.com"
_TOKEN: Final = re.compile(r"[0-9a-fA-F]{64,200}")
_KEPT_S: Final = 50 * 60
"""A provider token lives an hour, and may not be made anew within 20 minutes."""
_RENEWABLE_S: Final = 20 * 60
_COLLAPSE_BYTES: Final = 64
_NO_DEVICE: Final = {"Unregistered": "gone", "ExpiredToken": "gone", "DeviceTokenNotForTopic": "other_app"}
_ACCOUNT: Final = {
    *("BadTopic", "MissingTopic", "TopicDisallowed", "InvalidPushType", "BadCertificate", "Forbidden"),
    *("BadCertificateEnvironment", "ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken"),
    *("UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken"),
}
_PASSING: Final = {"IdleTimeout", "InternalServerError", "ServiceUnavailable", "Shutdown"}


class ApnsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Apple Push Notification service."""

    private_key: Secret
    """The text of the key file (`AuthKey_....p8`); usually `file:PATH`."""
    key_id: str
    """The key's ID, ten characters."""
    team_id: str
    """The developer team's ID, ten characters."""
    topic: str
    """The app's bundle ID."""
    sandbox: bool = False
    """Whether devices run a development build. Their tokens mean nothing in production, and the other way
    round.
    """
    priority: Literal[10, 5, 1] = 10
    """10: at once; 5: when it suits the device; 1: without waking it."""
    replace_topic: bool = False
    """Whether a message takes the place of an older one of its topic on the device."""
    sound: str = "default"
    """The sound of a notification; empty for none."""
    base_url: str = ""
    """Another address of the service; by default Apple's."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    concurrency: Annotated[int, Meta(ge=1, le=1_000)] = 100
    """Messages on their way at the same time; they share connections."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = None
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""


class Apns:
    """Sends to Apple's devices."""

    deduplicates = False

    def __init__(self, settings: ApnsSettings, *, clock: Clock | None = None) -> None:
        self.concurrency, self.rate_per_s = settings.concurrency, settings.rate_per_s
        self._settings = settings
        self._clock = clock or SystemClock()
        self._key = private_key(settings.private_key)
        self._token, self._made_s = "", 0
        self._accepted = False
        """Whether any device was known here: else a bad token may mean the wrong environment."""
        self._caller = Caller(
            settings.base_url or (SANDBOX if settings.sandbox else PRODUCTION),
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            http2=True,
            ca_file=settings.ca_file,
        )

    async def send(self, message: Outgoing) -> Result:
        address = (message.address or "").strip()
        if not _TOKEN.fullmatch(address):
            return _gone("bad_address", "no device token", suppress=True)
        body = msgspec.json.encode(self.payload(message))
        if len(body) > APP_PUSH_BYTES_MAX:
            detail = f"{len(body)} bytes, at most {APP_PUSH_BYTES_MAX}"
            return Result(verdict="permanent", reason="too_large", detail=detail)
        answer = await self._caller.call("POST", f"/3/device/{address}", body, self.headers(message))
        if isinstance(answer, Result):
            return answer
        if answer.ok:
            self._accepted = True
            return Result(verdict="accepted", provider_id=answer.headers.get("apns-id") or message.effect)
        return self._refused(answer, address)

    def payload(self, message: Outgoing) -> dict[str, Any]:
        """What the app is given. The template's payload goes over it; our `id` stays ours."""
        content = message.content
        alert = {"title": content.title, "body": content.body}
        aps: dict[str, Any] = {"alert": {key: value for key, value in alert.items() if value}}
        if self._settings.sound:
            aps["sound"] = self._settings.sound
        if content.image:
            # The app's service extension fetches the picture.
            aps["mutable-content"] = 1
        made: dict[str, Any] = {
            "aps": aps,
            "link": content.link,
            "image": content.image,
            "buttons": [{"label": b.label, "link": b.link, "name": b.name} for b in content.buttons] or None,
        }
        given = content.payload if isinstance(content.payload, Mapping) else {}
        own = {key: value for key, value in given.items() if key not in ("push_type", "topic")}
        told = merged({key: value for key, value in made.items() if value is not None}, own)
        return told | {"id": message.effect}

    def headers(self, message: Outgoing) -> dict[str, str]:
        """What Apple reads: the kind of push, for which app, until when, what it replaces."""
        settings, content = self._settings, message.content
        payload = content.payload if isinstance(content.payload, Mapping) else {}
        kind = str(payload.get("push_type") or "alert")
        headers = {
            "Authorization": f"bearer {self._provider_token()}",
            "Content-Type": "application/json",
            "apns-topic": settings.topic,
            "apns-push-type": kind,
            # Apple refuses background pushes of high priority.
            "apns-priority": "5" if kind == "background" else str(settings.priority),
            "apns-id": uuid_of(message.effect),
        }
        if message.expires is not None:
            headers["apns-expiration"] = str(message.expires // 1000)
        topic = payload.get("topic") or (message.data.get("topic") if settings.replace_topic else None)
        if topic:
            text = str(topic)
            fits = len(text.encode()) <= _COLLAPSE_BYTES and text.isascii() and text.isprintable()
            headers["apns-collapse-id"] = text if fits else blake2b(text.encode(), digest_size=16).hexdigest()
        return headers

    def _provider_token(self) -> str:
        seconds = self._clock.now() // 1000
        if not self._token or not 0 <= seconds - self._made_s < _KEPT_S:
            claims = {"iss": self._settings.team_id, "iat": seconds}
            headers = {"kid": self._settings.key_id}
            self._token = jwt.encode(claims, self._key, algorithm="ES256", headers=headers)
            self._made_s = seconds
        return self._token

    def _refused(self, answer: Answer, address: str) -> Result:
        told = answer.object()
        reason = str(told.get("reason") or "")
        words = said(f"HTTP {answer.status} {reason}", address)
        wait = answer.retry_after_s()
        if reason in _NO_DEVICE:
            return _gone(_NO_DEVICE[reason], words, suppress=True)
        if reason == "BadDeviceToken":
            return _gone("bad_address", words, suppress=self._accepted)
        if reason == "ExpiredProviderToken" and self._clock.now() // 1000 - self._made_s >= _RENEWABLE_S:
            self._token = ""
            return Result(verdict="transient", reason="provider", detail=words, scope="account")
        if reason in _ACCOUNT or answer.status == 403:
            return Result(verdict="config_error", reason="auth", detail=words, scope="account")
        if reason == "TooManyRequests":
            # About this one device.
            return Result(
                verdict="throttled", reason="rate", detail=words, scope="recipient", retry_after_s=wait
            )
        if reason in _PASSING:
            return Result(
                verdict="transient", reason="provider", detail=words, scope="account", retry_after_s=wait
            )
        if answer.status in (400, 404, 405, 413):
            name = "too_large" if answer.status == 413 else "rejected"
            return Result(verdict="permanent", reason=name, detail=words)
        return by_status(answer, words)

    async def check(self) -> Result:
        """Asks Apple about a device that cannot be, which shows whether it knows the key; nobody is
        reached.
        """
        content = Rendered(template="", digest="", channel="app_push", locale="")
        nobody = Outgoing(effect="check", channel="", address="0" * 64, person="", content=content)
        found = await self.send(nobody)
        asked = found.scope == "recipient" and found.verdict == "permanent"
        return Result(verdict="accepted") if asked or found.verdict == "accepted" else found

    async def close(self) -> None:
        await self._caller.close()


def uuid_of(effect: str) -> str:
    """The canonical UUID (RFC 9562, version 8) that an effect's id stands for: the same for ever."""
    digest = bytearray(blake2b(effect.encode(), digest_size=16).digest())
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _gone(reason: str, detail: str, suppress: bool) -> Result:
    return Result(verdict="permanent", reason=reason, detail=detail, scope="recipient", suppress=suppress)


provider(
    Provider(
        name="apns",
        types=("app_push",),
        settings=ApnsSettings,
        adapter=Apns,
        summary="app push to Apple's devices, straight to Apple",
    )
)

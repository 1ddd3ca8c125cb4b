"""Web push: messages to browsers through their makers' push services (RFC 8030), encrypted for the browser
alone (RFC 8188, RFC 8291) and signed with our key (RFC 8292).

The address is a browser's subscription: the JSON that `PushSubscription.toJSON()` gives, or shorter
`ENDPOINT#P256DH.AUTH`. Whoever visits a site can write one, so that only known push services are called:
nobody can point us elsewhere, or pause the channel by refusing us.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Meta, Struct

from ..clock import Clock, SystemClock
from ..limits import PUSH_PLAIN_BYTES_MAX
from .base import Outgoing, Provider, Result, Secret, provider
from .calling import Answer, by_status, said
from .http import OutsideCaller
from .outside import Outside
from .vapid import Vapid, point_of, private_key, unb64

SERVICES: Final = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "web.push.apple.com",
    "notify.windows.com",
)
"""Hosts of the push services of today's browsers; hosts below them count too."""
_RECORD_BYTES: Final = 4_096
_DAY_S: Final = 86_400
_LAST: Final = b"\x02"
"""What ends the last record (RFC 8188, 2)."""
Urgency = Literal["very-low", "low", "normal", "high"]


class WebPushSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Web push, straight to the browsers' push services."""

    private_key: Secret
    """The VAPID key: 32 bytes as base64url, or PEM. Its public half is what browsers subscribe with; with
    another key every subscription is lost.
    """
    subject: str
    """Whom a push service may write to about us: `mailto:...` or `https://...`."""
    ttl_s: Annotated[int, Meta(ge=0, le=2_419_200)] = 4 * 7 * _DAY_S
    """How long a push service keeps a message for a browser that is away, where the message itself lives
    longer; at most four weeks.
    """
    urgency: Urgency = "normal"
    """How much a message is worth a device's battery (RFC 8030, 5.3)."""
    replace_topic: bool = False
    """Whether a message takes the place of an older one of its topic that the browser has not fetched."""
    icon: str = ""
    """The URL of the picture beside every notification."""
    services: str = ""
    """Further hosts of push services, by commas."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """How long connecting and each wait for bytes may take, in seconds."""
    concurrency: Annotated[int, Meta(ge=1, le=1_000)] = 50
    """Messages on their way at the same time."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = None
    """Messages a second at most."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""

    def __post_init__(self) -> None:
        if not self.subject.startswith(("mailto:", "https://", "env:", "file:")):
            raise ValueError("`subject` begins with mailto: or https://")


class Subscription(Struct, frozen=True):
    """Where a browser gets its messages, and what they are encrypted with."""

    endpoint: str
    key: ec.EllipticCurvePublicKey
    auth: bytes


def subscription_of(address: str) -> Subscription | None:
    """What an address stands for; None when it is no subscription."""
    try:
        if address.lstrip().startswith("{"):
            told = msgspec.json.decode(address)
            endpoint, keys = told["endpoint"], told["keys"]
            point, auth = keys["p256dh"], keys["auth"]
        else:
            endpoint, _, keys = address.partition("#")
            point, _, auth = keys.partition(".")
        parts = urlsplit(endpoint)
        if (
            parts.scheme not in ("https", "http")
            or not parts.hostname
            or "@" in parts.netloc
            or parts.fragment
        ):
            return None
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(point))
        secret = unb64(auth)
    except (ValueError, TypeError, KeyError, AttributeError, msgspec.DecodeError):
        return None
    return Subscription(endpoint, key, secret) if len(secret) == 16 else None


def encrypt(to: Subscription, plain: bytes, *, salt: bytes, sender: ec.EllipticCurvePrivateKey) -> bytes:
    """`plain` for one browser, as one record of `aes128gcm`. `salt` (16 bytes) and `sender` are made for this
    message alone.
    """
    ours, theirs = point_of(sender.public_key()), point_of(to.key)
    shared = sender.exchange(ec.ECDH(), to.key)
    secret = _derived(shared, to.auth, b"WebPush: info\0" + theirs + ours, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + _RECORD_BYTES.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, plain + _LAST, None)


def _derived(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(hashes.SHA256(), size, salt, info).derive(secret)


def notification(message: Outgoing, icon: str = "") -> dict[str, Any]:
    """What the browser shows, as the Push API's declarative messages have it: a browser that knows them
    shows it by itself, a service worker reads the same. `data.id` is the effect's, for its clicks.
    """
    content = message.content
    shown: dict[str, Any] = {
        "title": content.title or content.body or "",
        "body": content.body if content.title else None,
        "navigate": content.link,
        "image": content.image,
        "icon": icon or None,
        "lang": content.locale or None,
        "actions": [
            {"action": one.name, "title": one.label, "navigate": one.link} for one in content.buttons
        ],
    }
    payload = content.payload if isinstance(content.payload, Mapping) else {}
    given = payload.get("notification")
    shown |= given if isinstance(given, Mapping) else {}
    shown["data"] = {**(shown.get("data") or {}), "id": message.effect}
    return {"web_push": 8030, "notification": {k: v for k, v in shown.items() if v not in (None, [], "")}}


class WebPush:
    """Sends to browsers."""

    deduplicates = False

    def __init__(
        self, settings: WebPushSettings, *, clock: Clock | None = None, outside: Outside | None = None
    ) -> None:
        self.concurrency, self.rate_per_s = settings.concurrency, settings.rate_per_s
        self._settings = settings
        self._clock = clock or SystemClock()
        self._vapid = Vapid(private_key(settings.private_key), settings.subject)
        further = (one.strip().lower() for one in settings.services.split(","))
        self._services = (*SERVICES, *(one for one in further if one))
        self._caller = OutsideCaller(
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            ca_file=settings.ca_file,
            outside=outside,
        )

    @property
    def public_key(self) -> str:
        """What browsers subscribe with (`applicationServerKey`)."""
        return self._vapid.public_key

    async def send(self, message: Outgoing) -> Result:
        to = subscription_of(message.address or "")
        if to is None or not self._known(to.endpoint):
            return _gone("bad_address", "no subscription of a push service that we know")
        plain = msgspec.json.encode(notification(message, self._settings.icon))
        if len(plain) > PUSH_PLAIN_BYTES_MAX:
            detail = f"{len(plain)} bytes, at most {PUSH_PLAIN_BYTES_MAX}"
            return Result(verdict="permanent", reason="too_large", detail=detail)
        body = encrypt(to, plain, salt=os.urandom(16), sender=ec.generate_private_key(ec.SECP256R1()))
        answer = await self._caller.call("POST", to.endpoint, body, self.headers(message, to.endpoint))
        if isinstance(answer, Result):
            return answer if answer.verdict != "permanent" else _gone(answer.reason, answer.detail)
        return _verdict(answer, message)

    def headers(self, message: Outgoing, endpoint: str) -> dict[str, str]:
        """What a push service reads: how long to keep it, how urgent it is, what it replaces."""
        now, settings = self._clock.now(), self._settings
        payload = message.content.payload if isinstance(message.content.payload, Mapping) else {}
        left = settings.ttl_s if message.expires is None else max((message.expires - now) // 1000, 0)
        headers = {
            "TTL": str(min(left, settings.ttl_s)),
            "Urgency": str(payload.get("urgency") or settings.urgency),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "Authorization": self._vapid.authorization(endpoint, now),
        }
        topic = payload.get("topic") or (message.data.get("topic") if settings.replace_topic else None)
        if topic:
            # At most 32 characters of base64url: a digest of whatever it is called.
            digest = blake2b(str(topic).encode(), digest_size=24).digest()
            headers["Topic"] = urlsafe_b64encode(digest).decode()
        return headers

    def _known(self, endpoint: str) -> bool:
        host = (urlsplit(endpoint).hostname or "").lower()
        return any(host == one or host.endswith("." + one) for one in self._services)

    async def check(self) -> Result:
        """Signs for a push service. Whether it knows the key shows with a subscription only."""
        self._vapid.authorization("https://check.invalid", self._clock.now())
        return Result(verdict="accepted")

    async def close(self) -> None:
        await self._caller.close()


def _verdict(answer: Answer, message: Outgoing) -> Result:
    if answer.ok:
        return Result(
            verdict="accepted", provider_id=answer.headers.get("location", "")[-200:] or message.effect
        )
    words = said(f"HTTP {answer.status} {answer.text()}", message.address, message.person)
    if answer.status in (404, 410):
        return _gone("gone", f"HTTP {answer.status}")
    if answer.status == 403 and "do not correspond" in answer.text():
        # Subscribed with a key that we had before: no fault of today's.
        return _gone("other_key", "the browser subscribed with another key")
    if answer.status == 413:
        return Result(verdict="permanent", reason="too_large", detail=words)
    if answer.status == 400:
        return Result(verdict="config_error", reason="auth", detail=words, scope="account")
    return by_status(answer, words)


def _gone(reason: str, detail: str) -> Result:
    return Result(verdict="permanent", reason=reason, detail=detail, scope="recipient", suppress=True)


provider(
    Provider(
        name="web_push",
        types=("web_push",),
        settings=WebPushSettings,
        adapter=WebPush,
        summary="messages to browsers, encrypted, over the push service of each browser",
    )
)

"""App push through Firebase Cloud Messaging, HTTP v1.

The address is a Firebase installation ID, or the registration token that Firebase used before. There is no
idempotency key. Nothing comes back but what the app itself tells (`Push Notification Tapped`): the message's
`data.id` is the effect's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from ..clock import Clock, SystemClock
from ..limits import APP_PUSH_BYTES_MAX
from .base import Outgoing, Provider, Result, Secret, provider
from .calling import Answer, Caller, by_status, said, unreadable
from .google import ServiceAccount, key_file

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
_INSTALLATION: Final = re.compile(r"[c-f][A-Za-z0-9_-]{21}")
"""An installation ID: 17 bytes as base64url whose first four bits are 0111."""
_ADDRESS: Final = re.compile(r"[A-Za-z0-9_:.-]{8,4096}")
_TTL_S_MAX: Final = 2_419_200
_QUOTA_WAIT_S: Final = 60.0


class FcmSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Firebase Cloud Messaging."""

    service_account: Secret
    """The JSON key of a service account that may send (role Firebase Cloud Messaging API Admin); usually
    `file:PATH`.
    """
    project_id: str = ""
    """The Firebase project; by default the one of the service account."""
    priority: Literal["high", "normal"] = "high"
    """Android's: `high` wakes a sleeping device."""
    replace_topic: bool = False
    """Whether a message takes the place of an older one of its topic that the device has not fetched."""
    analytics_label: str = ""
    """What Firebase's own reports group these messages by."""
    base_url: str = "https://fcm.googleapis.com"
    """Another address of the service: a region of its, or a proxy."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """How long connecting and each wait for bytes may take, in seconds."""
    concurrency: Annotated[int, Meta(ge=1, le=1_000)] = 50
    """Messages on their way at the same time."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = 1_000.0
    """Messages a second; a project has 600,000 a minute."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""


class Fcm:
    """Sends to apps."""

    deduplicates = False

    def __init__(self, settings: FcmSettings, *, clock: Clock | None = None) -> None:
        self.concurrency, self.rate_per_s = settings.concurrency, settings.rate_per_s
        self._settings = settings
        self._clock = clock or SystemClock()
        key = key_file(settings.service_account)
        self._account = ServiceAccount(
            key, SCOPE, timeout_s=settings.timeout_s, ca_file=settings.ca_file, clock=self._clock
        )
        self._path = f"/v1/projects/{settings.project_id or key.project_id}/messages:send"
        self._caller = Caller(
            settings.base_url,
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            ca_file=settings.ca_file,
        )

    async def send(self, message: Outgoing) -> Result:
        address = message.address or ""
        if not _ADDRESS.fullmatch(address):
            return _gone("bad_address", "neither an installation ID nor a registration token")
        told = self.message(message)
        if _payload_bytes(told) > APP_PUSH_BYTES_MAX:
            detail = f"over {APP_PUSH_BYTES_MAX} bytes"
            return Result(verdict="permanent", reason="too_large", detail=detail)
        return await self._post({"message": told}, message)

    async def _post(self, asked: Mapping[str, Any], message: Outgoing | None) -> Result:
        authorization = await self._account.authorization()
        if isinstance(authorization, Result):
            return authorization
        headers = {"Content-Type": "application/json", **authorization}
        answer = await self._caller.call("POST", self._path, msgspec.json.encode(asked), headers)
        if isinstance(answer, Result):
            return answer
        if answer.ok:
            name = answer.object().get("name")
            return (
                Result(verdict="accepted", provider_id=name)
                if isinstance(name, str) and name
                else unreadable(f"HTTP {answer.status} without a `name`")
            )
        if answer.status == 401:
            self._account.forget()
        return refused(answer, message.address if message is not None else None)

    def message(self, message: Outgoing) -> dict[str, Any]:
        """FCM's message. The payload's `notification`, `data`, `android`, `apns`, `webpush` and
        `fcm_options` go over what is made here.
        """
        content, settings, address = message.content, self._settings, message.address or ""
        payload = content.payload if isinstance(content.payload, Mapping) else {}
        data = {"id": message.effect}
        if content.link:
            data["link"] = content.link
        if content.buttons:
            buttons = [{"label": b.label, "link": b.link, "name": b.name} for b in content.buttons]
            data["buttons"] = msgspec.json.encode(buttons).decode()
        android: dict[str, Any] = {"priority": settings.priority.upper()}
        apple: dict[str, str] = {}
        if message.expires is not None:
            now = self._clock.now()
            android["ttl"] = f"{min(max((message.expires - now) // 1000, 0), _TTL_S_MAX)}s"
            apple["apns-expiration"] = str(message.expires // 1000)
        topic = payload.get("topic") or (message.data.get("topic") if settings.replace_topic else None)
        if topic:
            android["collapse_key"] = str(topic)
            apple["apns-collapse-id"] = str(topic).encode()[:64].decode(errors="ignore")
        told: dict[str, Any] = {
            "fid" if _INSTALLATION.fullmatch(address) else "token": address,
            "notification": {
                name: value
                for name, value in (
                    ("title", content.title),
                    ("body", content.body),
                    ("image", content.image),
                )
                if value
            },
            "data": data,
            "android": android,
        }
        if apple:
            told["apns"] = {"headers": apple}
        if settings.analytics_label:
            told["fcm_options"] = {"analytics_label": settings.analytics_label}
        for name in ("notification", "data", "android", "apns", "webpush", "fcm_options"):
            if isinstance(payload.get(name), Mapping):
                told[name] = merged(told.get(name, {}), payload[name])
        # FCM takes texts only; our id is ours.
        told["data"] = {key: _text(value) for key, value in told["data"].items()} | {"id": message.effect}
        return {key: value for key, value in told.items() if value != {}}

    async def check(self) -> Result:
        """Asks FCM to validate a message to a topic, which it then does not send."""
        asked = {"validate_only": True, "message": {"topic": "sevenfold-check"}}
        found = await self._post(asked, None)
        # It read the message: the credentials are right.
        return Result(verdict="accepted") if found.verdict == "permanent" else found

    async def close(self) -> None:
        await self._account.close()
        await self._caller.close()


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` goes over `base`, mapping by mapping."""
    made = dict(base)
    for key, value in over.items():
        known = made.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        made[str(key)] = merged(known, value) if both and known is not None else value
    return made


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _payload_bytes(told: Mapping[str, Any]) -> int:
    """What counts towards FCM's limit: what the app is given."""
    return len(msgspec.json.encode({key: told.get(key) for key in ("notification", "data")}))


def refused(answer: Answer, address: str | None) -> Result:
    """What an error of FCM means. Of codes in `details` the messaging service's own goes before the
    status.
    """
    error = answer.object().get("error")
    error = error if isinstance(error, Mapping) else {}
    details = [one for one in error.get("details") or () if isinstance(one, Mapping)]
    code = next((str(one["errorCode"]) for one in details if one.get("errorCode")), "")
    status = str(error.get("status") or "")
    words = said(f"{code or status or answer.status} {error.get('message') or ''}", address)
    if code == "UNREGISTERED":
        return _gone("gone", words)
    if code == "SENDER_ID_MISMATCH":
        return _gone("other_sender", words)
    if code in ("INVALID_ARGUMENT", "") and status == "INVALID_ARGUMENT":
        if _about_address(details, str(error.get("message") or "")):
            return _gone("bad_address", words)
        return Result(verdict="permanent", reason="rejected", detail=words)
    if code == "QUOTA_EXCEEDED" or answer.status == 429:
        wait = answer.retry_after_s()
        return Result(
            verdict="throttled",
            reason="rate",
            detail=words,
            scope="account",
            retry_after_s=_QUOTA_WAIT_S if wait is None else wait,
        )
    if code == "THIRD_PARTY_AUTH_ERROR" or answer.status in (401, 403):
        return Result(verdict="config_error", reason="auth", detail=words, scope="account")
    if answer.status == 404:
        return Result(verdict="config_error", reason="endpoint", detail=words, scope="account")
    return by_status(answer, words)


def _about_address(details: list[Mapping[str, Any]], text: str) -> bool:
    fields = [
        str(one.get("field")) for detail in details for one in detail.get("fieldViolations") or () if one
    ]
    return any(field in ("message.token", "message.fid") for field in fields) or "registration token" in text


def _gone(reason: str, detail: str) -> Result:
    return Result(verdict="permanent", reason=reason, detail=detail, scope="recipient", suppress=True)


provider(
    Provider(
        name="fcm",
        types=("app_push",),
        settings=FcmSettings,
        adapter=Fcm,
        summary="app push to Android, Apple and the web through Firebase",
    )
)

"""Google's service accounts: a signed assertion is exchanged for an access token (RFC 7523), kept until
shortly before it ends.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from msgspec import Struct

from ..clock import Clock, SystemClock
from .base import ChannelError, Result
from .calling import Caller, by_status, said

_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIVES_S: Final = 3_600
_EARLY_S: Final = 300
"""A token is fetched anew when it has less than this left."""


class KeyFile(Struct, frozen=True):
    """What the JSON of a service account's key says."""

    client_email: str
    private_key: str
    private_key_id: str = ""
    project_id: str = ""
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, no password


def key_file(text: str, field: str = "service_account") -> KeyFile:
    """Reads a service account's key. Raises ChannelError, without showing it."""
    try:
        return msgspec.json.decode(text, type=KeyFile)
    except (msgspec.DecodeError, UnicodeDecodeError):
        fix = "the JSON file that the Google Cloud console gives for a service account's key"
        raise ChannelError("this is no service account's key", where=field, fix=fix) from None


class ServiceAccount:
    """Gives access tokens of one scope. One that is asked for by many at the same time is fetched once."""

    def __init__(
        self, key: KeyFile, scope: str, *, timeout_s: float, ca_file: str = "", clock: Clock | None = None
    ) -> None:
        self._key, self._scope = key, scope
        self._clock = clock or SystemClock()
        try:
            loaded = serialization.load_pem_private_key(key.private_key.encode(), None)
        except (ValueError, TypeError):
            loaded = None
        if not isinstance(loaded, RSAPrivateKey):
            raise ChannelError("the private key in it cannot be read", where="service_account")
        self._private = loaded
        parts = urlsplit(key.token_uri)
        self._path = parts.path or "/"
        self._caller = Caller(
            f"{parts.scheme}://{parts.netloc}", timeout_s=timeout_s, concurrency=2, ca_file=ca_file
        )
        self._lock = asyncio.Lock()
        self._token, self._until = "", 0

    async def authorization(self) -> dict[str, str] | Result:
        """The `Authorization` header, or why there is none: never that a message may have gone out."""
        async with self._lock:
            if self._clock.now() // 1000 >= self._until - _EARLY_S:
                found = await self._fetch()
                if found is not None:
                    return found
            return {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """The token was refused: the next call fetches another."""
        self._until = 0

    async def _fetch(self) -> Result | None:
        seconds = self._clock.now() // 1000
        claims = {
            "iss": self._key.client_email,
            "scope": self._scope,
            "aud": self._key.token_uri,
            "iat": seconds,
            "exp": seconds + _LIVES_S,
        }
        headers = {"kid": self._key.private_key_id} if self._key.private_key_id else None
        assertion = jwt.encode(claims, self._private, algorithm="RS256", headers=headers)
        form = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()
        answer = await self._caller.call(
            "POST", self._path, form, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        if isinstance(answer, Result):
            # Without a token nothing was sent, whatever became of this call.
            return msgspec.structs.replace(answer, verdict="transient", reason="unreachable", scope="account")
        told: dict[str, Any] = answer.object()
        if not answer.ok:
            words = said(f"{answer.status} {told.get('error') or ''}", self._key.client_email)
            if answer.status == 400:
                return Result(verdict="config_error", reason="auth", detail=words, scope="account")
            found = by_status(answer, words)
            return (
                msgspec.structs.replace(found, verdict="transient") if found.verdict == "unknown" else found
            )
        token, lives = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not isinstance(lives, int | float):
            return Result(
                verdict="transient", reason="unreadable_answer", detail="no access token", scope="account"
            )
        self._token, self._until = token, seconds + int(lives)
        return None

    async def close(self) -> None:
        await self._caller.close()

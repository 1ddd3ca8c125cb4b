"""Google's service accounts: a signed assertion is exchanged for an access token (RFC 7523)."""

from __future__ import annotations

from typing import Final

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from msgspec import Struct

from ..clock import Clock
from .base import ChannelError
from .oauth import AccessTokens

_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIVES_S: Final = 3_600


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


class ServiceAccount(AccessTokens):
    """Gives access tokens of one scope. Raises ChannelError for a key that cannot be used."""

    def __init__(
        self, key: KeyFile, scope: str, *, timeout_s: float, ca_file: str = "", clock: Clock | None = None
    ) -> None:
        self._key, self._scope = key, scope
        try:
            loaded = serialization.load_pem_private_key(key.private_key.encode(), None)
        except (ValueError, TypeError):
            loaded = None
        if not isinstance(loaded, RSAPrivateKey):
            raise ChannelError("the private key in it cannot be read", where="service_account")
        self._secret = loaded
        private = (key.client_email,)
        super().__init__(
            key.token_uri, self._assertion, timeout_s=timeout_s, ca_file=ca_file, private=private, clock=clock
        )

    def _assertion(self, seconds: int) -> dict[str, str]:
        claims = {
            "iss": self._key.client_email,
            "scope": self._scope,
            "aud": self._key.token_uri,
            "iat": seconds,
            "exp": seconds + _LIVES_S,
        }
        headers = {"kid": self._key.private_key_id} if self._key.private_key_id else None
        assertion = jwt.encode(claims, self._secret, algorithm="RS256", headers=headers)
        return {"grant_type": _GRANT, "assertion": assertion}

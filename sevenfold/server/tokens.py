"""Tokens in addresses: what a pixel, an unsubscribe or a preference page is about, signed and short.

A token is `PAYLOAD.MAC`, both base64url without padding: the payload is a msgpack array (`About`), the MAC
the first 16 bytes of HMAC-SHA256 over it, under a key made of the data folder's secret and the purpose. So
a token of one purpose is worth nothing for another, and nothing is stored to check one. It is signed, not
encrypted: ids of messages and people only, never an address or a name.

Who serves makes one `Tokens(secrets.key("tokens"))`, where `secrets` is the `SecretBox`.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from hashlib import blake2b, sha256
from typing import Final

import msgspec

from ..errors import SevenfoldError
from ..limits import TOKEN_CHARS_MAX

OPEN: Final = "open"
"""`/o/{token}.gif`: the pixel of an e-mail."""
UNSUBSCRIBE: Final = "unsubscribe"
"""`/u/{token}`: out of the message's category on its channel with one click (RFC 8058)."""
PREFERENCES: Final = "preferences"
"""`/preferences/{token}`: everything that a person may choose."""
VIEW: Final = "view"
"""`/view/{token}`: the message as a page."""
CONFIRM: Final = "confirm"
"""`/confirm/{token}`: the second opt-in to the message's category on its channel."""
REFERRAL: Final = "referral"
"""The key that codes of recommendations (`/r/{code}`) are made with; nothing is signed for it."""
LINKS: Final = "links"
"""The keyed digests that ids of links are made from; nothing is signed for it."""
_MAC_BYTES: Final = 16


class TokenError(SevenfoldError):
    """A token that was not signed here, was changed, is for something else, or is over."""

    code = "token_invalid"


class About(msgspec.Struct, frozen=True, array_like=True):
    """What a token is about. `effect` is the message's id, `person` a profile id, `channel` and `category`
    those of the workspace, `expires` ms UTC (0: never), `data` whatever else its purpose needs.
    """

    effect: str = ""
    person: str = ""
    channel: str = ""
    category: str = ""
    expires: int = 0
    data: str = ""


class Tokens:
    """Signs with the first secret, and reads what any of them signed, so that secrets can be changed."""

    def __init__(self, *secrets: bytes) -> None:
        assert secrets and all(len(secret) >= 16 for secret in secrets)
        self._secrets: Sequence[bytes] = secrets
        self._keys: dict[str, list[bytes]] = {}

    def sign(self, purpose: str, about: About) -> str:
        """A token of a purpose; URL-safe, about 90 characters for a message."""
        payload = msgspec.msgpack.encode(about)
        return f"{_text(payload)}.{_text(_mac(self._of(purpose)[0], payload))}"

    def read(self, purpose: str, token: str, now: int = 0) -> About:
        """What a token is about; `now` ms UTC. Raises TokenError, which never says which part was wrong."""
        payload_text, _, mac_text = token[: TOKEN_CHARS_MAX + 1].partition(".")
        payload, mac = _bytes(payload_text), _bytes(mac_text)
        signed = False
        for key in self._of(purpose):
            # Every key is tried, so that the time it takes says nothing.
            signed |= hmac.compare_digest(_mac(key, payload), mac)
        if not signed or len(token) > TOKEN_CHARS_MAX:
            raise TokenError("this address was not made here, or was changed")
        try:
            about = msgspec.msgpack.decode(payload, type=About)
        except msgspec.DecodeError:
            raise TokenError("this address was not made here, or was changed") from None
        if about.expires and now >= about.expires:
            raise TokenError("this address is no longer valid")
        return about

    def digest(self, purpose: str, text: str) -> str:
        """32 hexadecimal digits that only who has the secret can tell: the same for the same text."""
        return blake2b(text.encode(), key=self._of(purpose)[0], digest_size=16).hexdigest()

    def _of(self, purpose: str) -> list[bytes]:
        keys = self._keys.get(purpose)
        if keys is None:
            label = f"sevenfold token {purpose}".encode()
            keys = self._keys[purpose] = [hmac.digest(secret, label, sha256) for secret in self._secrets]
        return keys


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, sha256)[:_MAC_BYTES]


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """The bytes of base64url; none for what is none, or is not written the one way that `_text` writes it."""
    try:
        found = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        return b""
    return found if _text(found) == text else b""


__all__ = [
    "CONFIRM",
    "LINKS",
    "OPEN",
    "PREFERENCES",
    "REFERRAL",
    "UNSUBSCRIBE",
    "VIEW",
    "About",
    "TokenError",
    "Tokens",
]

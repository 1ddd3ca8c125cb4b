"""Keys by which push services know who sends: VAPID (RFC 8292), and keys that sign provider tokens."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .base import ChannelError

_LIVES_S: Final = 12 * 3_600
_RENEWED_S: Final = 3_600
"""A token is made anew when it has less than this left. Services take at most 24 hours."""
_ORIGINS_KEPT: Final = 64


def b64(data: bytes) -> str:
    """base64url without padding, as web push writes everything."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """What base64url (or base64) text with or without padding stands for. Raises ValueError."""
    plain = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    if not plain.isascii():
        raise ValueError("not base64url")
    return urlsafe_b64decode(plain + "=" * (-len(plain) % 4))


def new_keys() -> tuple[str, str]:
    """(private, public): a new pair as base64url. The private one is a secret of the channel, the public
    one is what browsers subscribe with.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    return b64(key.private_numbers().private_value.to_bytes(32, "big")), public_of(key)


def public_of(key: ec.EllipticCurvePrivateKey) -> str:
    """The public half as the uncompressed point, base64url."""
    return b64(point_of(key.public_key()))


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key's uncompressed point, 65 bytes."""
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def private_key(text: str, field: str = "private_key") -> ec.EllipticCurvePrivateKey:
    """A private P-256 key: 32 bytes as base64url, or PEM. Raises ChannelError, without showing it."""
    try:
        if "-----BEGIN" in text:
            found = serialization.load_pem_private_key(text.encode(), None)
        else:
            found = ec.derive_private_key(int.from_bytes(_exactly(unb64(text), 32), "big"), ec.SECP256R1())
    except (ValueError, TypeError):
        found = None
    if isinstance(found, ec.EllipticCurvePrivateKey) and isinstance(found.curve, ec.SECP256R1):
        return found
    raise ChannelError("this is no private P-256 key", where=field, fix="32 bytes as base64url, or PEM")


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError(f"{size} bytes")
    return data


class Vapid:
    """Signs for push services. `subject` (mailto: or https:) is whom they may write to about us."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, subject: str) -> None:
        if not subject.startswith(("mailto:", "https://")):
            raise ChannelError(
                "push services need an address of yours",
                where="subject",
                fix="such as mailto:ops@example.com",
            )
        self._key, self._subject = key, subject
        self.public_key = public_of(key)
        self._made: dict[str, tuple[int, str]] = {}

    def authorization(self, endpoint: str, now: int) -> str:
        """The `Authorization` of a call to a push service at `now` (ms UTC); one token serves a service for
        eleven hours.
        """
        parts = urlsplit(endpoint)
        origin, seconds = f"{parts.scheme}://{parts.netloc}", now // 1000
        until, token = self._made.get(origin, (0, ""))
        if not seconds < until - _RENEWED_S <= seconds + _LIVES_S:
            until = seconds + _LIVES_S
            claims = {"aud": origin, "exp": until, "sub": self._subject}
            token = jwt.encode(claims, self._key, algorithm="ES256")
            if len(self._made) >= _ORIGINS_KEPT:
                self._made.clear()
            self._made[origin] = (until, token)
        return f"vapid t={token}, k={self.public_key}"

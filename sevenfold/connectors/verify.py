"""Whether a call was signed by whom it claims to come from. Pure: the time is in the request.

Every comparison takes the same time whatever is compared. Nothing of a body is looked at before it was
verified.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable
from hashlib import sha1, sha256, sha512
from typing import Any, Final, Literal

from ..channels.base import Request, UnverifiedError
from ..events.times import parse_ms
from ..limits import SIGNATURE_AGE_S_MAX

Encoding = Literal["hex", "base64"]
Algorithm = Literal["sha256", "sha1", "sha512"]
_DIGESTS: Final[dict[str, Any]] = {"sha256": sha256, "sha1": sha1, "sha512": sha512}


def signed(
    secrets: Iterable[str | bytes],
    content: bytes,
    given: str,
    *,
    algorithm: Algorithm = "sha256",
    encoding: Encoding = "hex",
) -> None:
    """Checks an HMAC of `content` with one of `secrets` (present and former). Raises UnverifiedError."""
    try:
        claimed = bytes.fromhex(given) if encoding == "hex" else base64.b64decode(given, validate=True)
    except (ValueError, binascii.Error):
        claimed = b""
    matched = False
    for secret in secrets:
        key = secret.encode() if isinstance(secret, str) else secret
        # Without `or`: each secret is tried, so that time says nothing about which one it was.
        matched |= bool(key) and hmac.compare_digest(hmac.digest(key, content, _DIGESTS[algorithm]), claimed)
    if not matched:
        raise UnverifiedError("the signature does not fit", fix="compare the signing secret on both sides")


def fresh(given: str, received: int, *, unit_ms: int = 1_000) -> None:
    """Checks that a call was signed at most SIGNATURE_AGE_S_MAX before (or after) `received`, ms UTC; `given`
    counts in `unit_ms`. Raises UnverifiedError.
    """
    at = int(given) * unit_ms if re.fullmatch(r"[0-9]{1,16}", given) else None
    if at is None or abs(received - at) > SIGNATURE_AGE_S_MAX * 1_000:
        raise UnverifiedError(
            "the call was not signed just now", fix="check the clocks; an old call is not taken"
        )


def bearer(secrets: Iterable[str], request: Request) -> None:
    """Checks `Authorization: Bearer SECRET`. Raises UnverifiedError."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    _same(secrets, given.strip() if scheme.lower() == "bearer" else "")


def basic(users: Iterable[str], request: Request) -> None:
    """Checks `Authorization: Basic`, against `user:password` texts. Raises UnverifiedError."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        plain = base64.b64decode(given.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (ValueError, binascii.Error):
        plain = ""
    _same(users, plain)


def stripe(secrets: Iterable[str], request: Request) -> None:
    """`Stripe-Signature: t=UNIX,v1=HEX[,v1=HEX]` over `t.body` (docs.stripe.com/webhooks, "verify manually").
    Raises UnverifiedError.
    """
    pairs = [pair.strip().partition("=") for pair in request.headers.get("stripe-signature", "").split(",")]
    at = next((value for name, _, value in pairs if name == "t"), "")
    fresh(at, request.received)
    _any_of(
        secrets,
        at.encode() + b"." + request.body,
        [value for name, _, value in pairs if name == "v1"],
        "hex",
    )


def zendesk(secrets: Iterable[str], request: Request) -> None:
    """`X-Zendesk-Webhook-Signature`: base64 of the HMAC of timestamp and body
    (developer.zendesk.com/documentation/webhooks/verifying). The timestamp is ISO 8601. Raises
    UnverifiedError.
    """
    at = request.headers.get("x-zendesk-webhook-signature-timestamp", "")
    given = request.headers.get("x-zendesk-webhook-signature", "")
    signed(secrets, at.encode() + request.body, given, encoding="base64")
    ms = parse_ms(at)
    fresh(str(ms) if ms is not None else "", request.received, unit_ms=1)


def hubspot(secrets: Iterable[str], request: Request) -> None:
    """`X-HubSpot-Signature-v3`: base64 of the HMAC of method, address, body and timestamp in ms, not older
    than five minutes (developers.hubspot.com, "request validation"). Raises UnverifiedError.
    """
    at = request.headers.get("x-hubspot-request-timestamp", "")
    fresh(at, request.received, unit_ms=1)
    content = request.method.encode() + _decoded(request.url).encode() + request.body + at.encode()
    given = request.headers.get("x-hubspot-signature-v3", "")
    signed(secrets, content, given, encoding="base64")


_ESCAPES: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(",
    "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip


def _decoded(url: str) -> str:
    """The address as HubSpot signs it: these escapes, and no others, are written out."""
    return re.sub("%[0-9A-Fa-f]{2}", lambda found: _ESCAPES.get(found[0].upper(), found[0]), url)


def _any_of(secrets: Iterable[str | bytes], content: bytes, given: list[str], encoding: Encoding) -> None:
    known = list(secrets)
    failed = UnverifiedError("the call is not signed")
    for one in given[:10]:
        try:
            signed(known, content, one, encoding=encoding)
        except UnverifiedError as error:
            failed = error
        else:
            return
    raise failed


def _same(secrets: Iterable[str], given: str) -> None:
    matched = False
    for secret in secrets:
        matched |= bool(secret) and hmac.compare_digest(
            secret.encode(), given.encode("utf-8", "surrogatepass")
        )
    if not matched:
        raise UnverifiedError("the call does not know the secret", fix="compare the secret on both sides")

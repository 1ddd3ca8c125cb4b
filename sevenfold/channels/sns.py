"""Amazon SNS messages, verified: SES tells through them what became of mails.

The certificate is fetched from Amazon's own hosts only, over TLS, and kept; a subscription is confirmed for
our topic alone. https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from ..limits import SNS_AGE_S_MAX, SNS_CERTIFICATES_KEPT_ITEMS_MAX
from .base import UnverifiedError
from .calling import Answer, Caller
from .mail_events import decoded, text, time_ms

Fetch = Callable[[str], Awaitable[bytes]]
"""What a GET of a URL answers with; raises UnverifiedError when it does not answer 200."""
HOST: Final = re.compile(r"sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?")
_SIGNED: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]
_HASHES: Final[Mapping[str, Callable[[], HashAlgorithm]]] = {"1": SHA1, "2": SHA256}


class SnsVerifier:
    """Verifies messages of one topic. `fetch` gets certificates and confirms subscriptions."""

    def __init__(self, topic_arn: str, fetch: Fetch | None = None) -> None:
        self._topic = topic_arn
        self._fetch = fetch or fetched
        self._keys: OrderedDict[str, tuple[RSAPublicKey, int, int]] = OrderedDict()

    async def message(self, body: bytes, received: int) -> Mapping[str, Any]:
        """A message of our topic that Amazon signed, at most SNS_AGE_S_MAX old. Raises UnverifiedError.

        A confirmation is confirmed, and given back like any other.
        """
        found: Mapping[str, Any] = decoded(body, dict)
        kind = text(found.get("Type"))
        if kind not in _SIGNED or not all(
            isinstance(found.get(k), str) for k in _SIGNED[kind] if k != "Subject"
        ):
            raise UnverifiedError("this is no message of SNS")
        if not hmac.compare_digest(text(found["TopicArn"]).encode(), self._topic.encode()):
            raise UnverifiedError("the message is of another topic")
        at = time_ms(found["Timestamp"])
        if abs(received - at) > SNS_AGE_S_MAX * 1_000:
            raise UnverifiedError("the message is too old, or from the future")
        await self._verify(found, kind, received)
        if kind == "SubscriptionConfirmation":
            await self._fetch(amazons(text(found["SubscribeURL"])))
        return found

    async def _verify(self, found: Mapping[str, Any], kind: str, received: int) -> None:
        algorithm = _HASHES.get(text(found.get("SignatureVersion")))
        if algorithm is None:
            raise UnverifiedError("the signature is of a version that we do not know")
        key = await self._key(amazons(text(found.get("SigningCertURL")), ".pem"), received)
        parts = (f"{name}\n{found[name]}\n" for name in _SIGNED[kind] if found.get(name) is not None)
        try:
            signature = base64.b64decode(text(found.get("Signature")), validate=True)
            key.verify(signature, "".join(parts).encode(), PKCS1v15(), algorithm())
        except (InvalidSignature, binascii.Error, ValueError):
            raise UnverifiedError("the signature is not Amazon's") from None

    async def _key(self, url: str, received: int) -> RSAPublicKey:
        if url not in self._keys:
            try:
                certificate = x509.load_pem_x509_certificate(await self._fetch(url))
            except ValueError:
                raise UnverifiedError("the certificate cannot be read") from None
            key = certificate.public_key()
            if not isinstance(key, RSAPublicKey):
                raise UnverifiedError("the certificate has no RSA key")
            begins = int(certificate.not_valid_before_utc.timestamp() * 1_000)
            ends = int(certificate.not_valid_after_utc.timestamp() * 1_000)
            self._keys[url] = (key, begins, ends)
            if len(self._keys) > SNS_CERTIFICATES_KEPT_ITEMS_MAX:
                self._keys.popitem(last=False)
        key, begins, ends = self._keys[url]
        if not begins <= received <= ends:
            raise UnverifiedError("the certificate is not valid now")
        return key


def amazons(url: str, ending: str = "") -> str:
    """A URL of SNS's own host, over TLS. Raises UnverifiedError for any other."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme == "https" and parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError:
        fine = False
    if not fine or not HOST.fullmatch(parts.hostname or "") or not parts.path.endswith(ending):
        raise UnverifiedError("the URL is not one of Amazon's")
    return url


async def fetched(url: str) -> bytes:
    """What Amazon answers. Raises UnverifiedError."""
    parts = urlsplit(url)
    caller = Caller(f"https://{parts.hostname}", timeout_s=10.0, concurrency=1)
    try:
        answer = await caller.call("GET", url)
    finally:
        await caller.close()
    if not isinstance(answer, Answer) or not answer.ok:
        raise UnverifiedError("Amazon did not answer")
    return answer.body

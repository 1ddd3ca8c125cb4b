"""How services sign what they call each other with: made and checked, every comparison in constant time.

Standard Webhooks (the specification of that name, also spoken by Svix), Meta's `X-Hub-Signature-256`, Slack's
`v0`, and Twilio's two. Secrets are texts as their owners show them; bodies are the bytes that came. Times are
whole seconds UTC where a signature holds one.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..limits import SIGNATURE_AGE_S_MAX, SIGNATURES_ITEMS_MAX
from .base import ChannelError, UnverifiedError

SYMMETRIC: Final = "whsec_"
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
_KEY_BYTES_MIN, _KEY_BYTES_MAX = 24, 64


def _unsigned(what: str) -> UnverifiedError:
    return UnverifiedError(f"the signature is {what}", fix="sign with the secret of this channel")


def equal(one: str | bytes, other: str | bytes) -> bool:
    """Whether two texts are the same, in a time that says nothing about where they differ."""
    return hmac.compare_digest(
        one.encode() if isinstance(one, str) else one, other.encode() if isinstance(other, str) else other
    )


def fresh(seconds: str | None, received: int) -> int:
    """A signature's time, when it is within five minutes of `received` (ms UTC). Raises UnverifiedError."""
    if seconds is None or not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:
        raise _unsigned("without a time")
    if abs(int(seconds) - received // 1000) > SIGNATURE_AGE_S_MAX:
        raise _unsigned("too old, or from the future")
    return int(seconds)


# ------------------------------------------------------------------------------------------ Standard Webhooks


class Signer:
    """Signs calls as Standard Webhooks says, with every key it is given: while keys are changed, the receiver
    may know either. Secrets are `whsec_...` (HMAC-SHA256, `v1`) or `whsk_...` (ed25519, `v1a`).
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._shared: list[bytes] = []
        self._private: list[Ed25519PrivateKey] = []
        for secret in secrets:
            if secret.startswith(PRIVATE):
                key = _decoded(secret.removeprefix(PRIVATE))
                if len(key) not in (32, 64):
                    raise _unusable()
                # 64 bytes are the seed followed by the public key.
                self._private.append(Ed25519PrivateKey.from_private_bytes(key[:32]))
            else:
                self._shared.append(shared_key(secret))

    def __bool__(self) -> bool:
        return bool(self._shared or self._private)

    def headers(self, ident: str, seconds: int, body: bytes) -> dict[str, str]:
        """The three headers of a call: its id (the same however often it is repeated), when, signatures."""
        told = {"webhook-id": ident, "webhook-timestamp": str(seconds)}
        signed = _content(ident, seconds, body)
        made = ["v1," + b64encode(_hmac(key, signed)).decode() for key in self._shared]
        made += ["v1a," + b64encode(key.sign(signed)).decode() for key in self._private]
        return told | {"webhook-signature": " ".join(made)} if made else told


def verify_standard(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, received: int
) -> tuple[str, int]:
    """(id, seconds) of a call that one of the secrets (`whsec_...`, or a public key `whpk_...`) signed, at
    most five minutes from `received` (ms). Header names are lower case; those of Svix are taken too. Raises
    UnverifiedError.
    """
    prefix = "webhook" if "webhook-id" in headers else "svix"
    ident = headers.get(f"{prefix}-id", "")
    if not ident:
        raise _unsigned("missing")
    seconds = fresh(headers.get(f"{prefix}-timestamp"), received)
    signed = _content(ident, seconds, body)
    given = headers.get(f"{prefix}-signature", "").split(" ")[:SIGNATURES_ITEMS_MAX]
    for one in given:
        version, _, signature = one.partition(",")
        for secret in secrets:
            if _matches(version, signature, secret, signed):
                return ident, seconds
    raise _unsigned("not ours")


def _matches(version: str, signature: str, secret: str, signed: bytes) -> bool:
    if version == "v1" and not secret.startswith((PUBLIC, PRIVATE)):
        return equal(b64encode(_hmac(shared_key(secret), signed)), signature)
    if version == "v1a" and secret.startswith(PUBLIC):
        try:
            key = Ed25519PublicKey.from_public_bytes(_decoded(secret.removeprefix(PUBLIC)))
            key.verify(b64decode(signature, validate=True), signed)
        except (InvalidSignature, ValueError):
            return False
        return True
    return False


def shared_key(secret: str) -> bytes:
    """The key that a `whsec_` secret stands for. Raises ChannelError, without showing it."""
    key = _decoded(secret.removeprefix(SYMMETRIC))
    if not _KEY_BYTES_MIN <= len(key) <= _KEY_BYTES_MAX:
        raise _unusable()
    return key


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _unusable() from None


def _unusable() -> ChannelError:
    fix = "`whsec_` and 24 to 64 bytes as base64, or `whsk_` and an ed25519 key"
    return ChannelError("this is no secret to sign webhooks with", where="secret", fix=fix)


def _content(ident: str, seconds: int, body: bytes) -> bytes:
    return f"{ident}.{seconds}.".encode() + body


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


# ------------------------------------------------------------------------------------------------------- Meta


def hub_signature(secret: str, body: bytes) -> str:
    """What Meta puts into `X-Hub-Signature-256`: `sha256=` and the HMAC-SHA256 in hexadecimal."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify_hub(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raises UnverifiedError unless Meta's app with this secret sent the body."""
    if not equal(hub_signature(secret, body), headers.get("x-hub-signature-256", "")):
        raise _unsigned("missing or not ours")


# ------------------------------------------------------------------------------------------------------ Slack


def slack_signature(secret: str, seconds: int, body: bytes) -> str:
    """Slack's signature, version 0, of a body sent at a time."""
    content = f"v0:{seconds}:".encode() + body
    return "v0=" + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def verify_slack(secret: str, headers: Mapping[str, str], body: bytes, received: int) -> None:
    """Raises UnverifiedError unless Slack signed the body within five minutes of `received` (ms)."""
    seconds = fresh(headers.get("x-slack-request-timestamp"), received)
    if not equal(slack_signature(secret, seconds, body), headers.get("x-slack-signature", "")):
        raise _unsigned("missing or not ours")


# ----------------------------------------------------------------------------------------------------- Twilio

_TWILIO_HASHES: Final = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


def twilio_signature(
    secret: str, url: str, form: Mapping[str, Sequence[str]], algorithm: str = "HMAC_SHA1"
) -> str:
    """Twilio's signature of a form posted to a URL: names and values in order of name, after the URL."""
    text = url
    for name in sorted(form):
        for value in sorted(set(form[name])):
            text += name + value
    made = hmac.new(secret.encode(), text.encode(), _TWILIO_HASHES[algorithm]).digest()
    return b64encode(made).decode()


def twilio_algorithm(headers: Mapping[str, str]) -> tuple[str, str]:
    """(algorithm, id of the key) that Twilio names in `X-Twilio-Webhooks-Signature-Settings`; without that
    header it signs with the account's token, by HMAC-SHA1.
    """
    settings = headers.get("x-twilio-webhooks-signature-settings", "").split(",")
    parts = (part.partition("=") for part in settings)
    said = {name.strip(): value.strip() for name, _, value in parts}
    return said.get("algorithm", "").upper() or "HMAC_SHA1", said.get("key", "")


def verify_twilio(
    token: str, shared: str, headers: Mapping[str, str], url: str, body: bytes
) -> dict[str, list[str]]:
    """The form of a call that Twilio signed, with the account's `token` or a SharedKey's secret; empty for a
    JSON body, whose digest is in the URL. Twilio signs the URL with or without its port; both count. Raises
    UnverifiedError.
    """
    algorithm, key = twilio_algorithm(headers)
    # Who signs with a SharedKey says so; the account's token never signs by SHA-256.
    secret = shared if key else token
    if algorithm not in _TWILIO_HASHES or not secret or (key and algorithm == "HMAC_SHA1"):
        raise _unsigned("made in a way this channel has no secret for")
    form = _form(headers, body)
    digest = parse_qs(urlsplit(url).query).get("bodySHA256")
    if digest is not None and not form and not equal(hashlib.sha256(body).hexdigest(), digest[0]):
        raise _unsigned("of another body")
    if body and not form and digest is None:
        raise _unsigned("of another body")
    given = headers.get("x-twilio-signature", "")
    found = [
        equal(twilio_signature(secret, one, form, algorithm), given) for one in _with_and_without_port(url)
    ]
    if not any(found):
        raise _unsigned("missing or not ours")
    return form


def _form(headers: Mapping[str, str], body: bytes) -> dict[str, list[str]]:
    if headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return {}
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=200)
    except (UnicodeDecodeError, ValueError):
        raise _unsigned("of another body") from None


def _with_and_without_port(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    port = parts.port or (443 if parts.scheme == "https" else 80)
    bare = parts._replace(netloc=host).geturl()
    return bare, parts._replace(netloc=f"{host}:{port}").geturl()

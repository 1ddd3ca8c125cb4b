"""DKIM signatures (RFC 6376), RSA and Ed25519 (RFC 8463), relaxed/relaxed.

Written on `cryptography`: dkimpy, which the tests verify with, computes RSA in Python (7 ms a mail here,
against 0.6) and needs PyNaCl for Ed25519.
"""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from .base import ChannelError

SIGNED: Final = (
    *("from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type"),
    *("content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post", "feedback-id"),
)
"""Headers that are signed: RFC 6376, 5.4.1, and those that one-click unsubscribing needs (RFC 8058, 4)."""
_OVERSIGNED: Final = (
    "from",
    "to",
    "subject",
    "date",
    "reply-to",
    "list-unsubscribe",
    "list-unsubscribe-post",
)
"""Signed once more than they occur, so that nobody can add a second one."""
_BLANKS: Final = re.compile(rb"[ \t]+")
_LINE_BLANKS: Final = re.compile(rb"[ \t]*\r\n")
_LABEL: Final = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*"
)
RSA_BITS_MIN: Final = 1024
"""RFC 8301: verifiers must not take less; 2,048 is what to use."""

Key = RSAPrivateKey | Ed25519PrivateKey


class Signer:
    """Signs mails for a domain. `key` is PEM (PKCS#1 or PKCS#8), or for Ed25519 also the 32 bytes in base64.

    Raises ChannelError for a key, domain or selector that cannot be used.
    """

    def __init__(self, domain: str, selector: str, key: str) -> None:
        for name, text in (("dkim_domain", domain), ("dkim_selector", selector)):
            if not _LABEL.fullmatch(text):
                raise ChannelError(f"`{text[:80]}` is no name in the DNS", where=name)
        self.domain, self.selector = domain.lower(), selector
        self._key = private_key(key)
        self.algorithm = "rsa-sha256" if isinstance(self._key, RSAPrivateKey) else "ed25519-sha256"

    def header(self, message: bytes, at: int) -> bytes:
        """The DKIM-Signature header of a message, to stand before it, with CRLF at its end. `at` ms UTC."""
        head, _, body = message.partition(b"\r\n\r\n")
        fields = header_fields(head + b"\r\n")
        named = names_to_sign([name for name, _ in fields])
        body_hash = base64.b64encode(sha256(relaxed_body(body)).digest()).decode()
        tags = (
            f"v=1; a={self.algorithm}; c=relaxed/relaxed; d={self.domain}; s={self.selector};\r\n"
            f" t={at // 1_000}; bh={body_hash};\r\n h={_listed(named)};\r\n b="
        )
        unsigned = b"DKIM-Signature: " + tags.encode()
        signature = base64.b64encode(self._sign(to_sign(fields, named, unsigned))).decode()
        lines = [signature[start : start + 70] for start in range(0, len(signature), 70)]
        return unsigned + "\r\n ".join(lines).encode() + b"\r\n"

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), SHA256())
        # RFC 8463, 3: Ed25519 signs the SHA-256 of the data.
        return self._key.sign(sha256(data).digest())

    def record(self) -> str:
        """What the DNS must say at `SELECTOR._domainkey.DOMAIN` (a TXT record)."""
        public = self._key.public_key()
        if isinstance(self._key, RSAPrivateKey):
            data = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={base64.b64encode(data).decode()}"
        data = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(data).decode()}"


def private_key(text: str) -> Key:
    """A key from PEM, or an Ed25519 seed in base64. Raises ChannelError, which never shows the key."""
    fix = "a PEM file with an RSA key of 2,048 bits, or an Ed25519 key"
    try:
        if "-----BEGIN" in text:
            # A PEM in an environment variable often has its line ends written out.
            found = load_pem_private_key(text.replace("\\n", "\n").encode(), password=None)
        else:
            found = Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ChannelError("the DKIM key cannot be read", where="dkim_key", fix=fix) from None
    if isinstance(found, RSAPrivateKey) and found.key_size < RSA_BITS_MIN:
        message = f"the DKIM key has {found.key_size} bits, and no receiver takes it"
        raise ChannelError(message, where="dkim_key", fix=fix)
    if not isinstance(found, RSAPrivateKey | Ed25519PrivateKey):
        raise ChannelError("the DKIM key is neither RSA nor Ed25519", where="dkim_key", fix=fix)
    return found


def private_pem(key: Key) -> str:
    """A key as PEM (PKCS#8), as the setting takes it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def header_fields(head: bytes) -> list[tuple[str, bytes]]:
    """(name in lower case, whole header with its CRLF) in order."""
    fields: list[tuple[str, bytes]] = []
    for line in head.splitlines(keepends=True):
        if line[:1] in b" \t" and fields:
            name, before = fields[-1]
            fields[-1] = (name, before + line)
        else:
            fields.append((line.partition(b":")[0].strip().decode("ascii", "replace").lower(), line))
    return fields


def names_to_sign(present: list[str]) -> list[str]:
    """Header names as they stand in `h=`, a name as often as it is signed."""
    named: list[str] = []
    for name in SIGNED:
        count = present.count(name)
        if count or name == "from":
            named += [name] * (count + (name in _OVERSIGNED))
    return named


def to_sign(fields: list[tuple[str, bytes]], named: list[str], unsigned: bytes) -> bytes:
    """What is signed (RFC 6376, 3.7): the named headers, of equal ones the last first, then the signature's
    own header with an empty `b=`.
    """
    left = {name: [header for other, header in fields if other == name] for name in set(named)}
    parts = [relaxed_header(left[name].pop()) for name in named if left[name]]
    return b"".join(parts) + relaxed_header(unsigned).rstrip(b"\r\n")


def relaxed_header(header: bytes) -> bytes:
    """RFC 6376, 3.4.2."""
    name, _, value = header.partition(b":")
    unfolded = _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t")
    return name.strip().lower() + b":" + unfolded + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376, 3.4.4."""
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    body = _BLANKS.sub(b" ", body)
    body = _LINE_BLANKS.sub(b"\r\n", body).rstrip(b"\r\n")
    return body + b"\r\n" if body else b""


def _listed(named: list[str]) -> str:
    """Names with colons, folded."""
    lines, line = [], ""
    for name in named:
        if line and len(line) + len(name) > 68:
            lines.append(f"{line}:")
            line = name
        else:
            line = f"{line}:{name}" if line else name
    return "\r\n ".join([*lines, line])

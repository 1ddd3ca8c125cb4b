"""Our id on the way out and back: a token that providers and mail servers carry unharmed, signed where
strangers could make one up.

A token is lower-case letters and digits, for mail systems change the case of addresses. A signed one ends in
`.` and 16 characters of an HMAC-SHA256, so that nobody can report a bounce of a message they never got.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from typing import Final

_PLAIN: Final = re.compile(r"[a-df-wy-z0-9][a-z0-9]{0,31}")
_TOKEN: Final = re.compile(r"[a-z0-9]{1,60}")
_SIGNED: Final = re.compile(r"([a-z0-9]{1,60})\.([a-z2-7]{16})")
_BYTES_MAX: Final = 36
TAG: Final = "sevenfold_effect"
"""The name under which providers keep our id: letters and _, at most 20 characters (Postmark)."""


def token(effect: str) -> str:
    """An effect's id as a token; empty when it is too long to be one (36 bytes of UTF-8).

    Ids of the fold are hexadecimal and stay as they are, an `e` or `x` in front apart; others are written in
    base32 after an `x`.
    """
    if _PLAIN.fullmatch(effect):
        return effect
    if re.fullmatch(r"[a-z0-9]{1,32}", effect):
        return f"e{effect}"
    raw = effect.encode()
    if not raw or len(raw) > _BYTES_MAX:
        return ""
    return "x" + base64.b32encode(raw).decode().rstrip("=").lower()


def effect_of(text: str) -> str:
    """The effect of a token; empty when it is none."""
    text = text.lower()
    if not _TOKEN.fullmatch(text):
        return ""
    if text[0] == "e":
        return text[1:]
    if text[0] != "x":
        return text
    try:
        raw = text[1:].upper()
        return base64.b32decode(raw + "=" * (-len(raw) % 8)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def signed(effect: str, secret: str) -> str:
    """A token that only who has the secret can make; empty when the id is too long."""
    made = token(effect)
    return f"{made}.{_mac(made, secret)}" if made else ""


def verified(text: str, secret: str) -> str:
    """The effect of a signed token; empty when it is none of ours."""
    match = _SIGNED.fullmatch(text.lower())
    if match is None or not hmac.compare_digest(match[2], _mac(match[1], secret)):
        return ""
    return effect_of(match[1])


def _mac(made: str, secret: str) -> str:
    digest = hmac.digest(secret.encode(), b"sevenfold token\0" + made.encode(), "sha256")
    return base64.b32encode(digest[:10]).decode().lower()

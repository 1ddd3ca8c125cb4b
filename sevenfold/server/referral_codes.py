"""Codes of recommendations: whose they are is in them, and nobody can make one up. Pure.

A code is the profile's id (8 bytes) and 4 bytes of an HMAC-SHA256 in the 32 letters and digits that are not
mistaken for one another (Crockford's), 20 characters. The same person has the same code for ever, and nothing
is stored.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import Final

from .tokens import REFERRAL, Tokens

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {letter: place for place, letter in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_CHARS: Final = 20
_MAC_BYTES: Final = 4
_PERSON: Final = re.compile(r"[0-9a-f]{16}")
FREE_MAIL: Final = frozenset({
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "ymail.com",
    "hotmail.com", "hotmail.co.uk", "hotmail.fr", "outlook.com", "outlook.de", "live.com", "msn.com",
    "icloud.com", "me.com", "mac.com", "aol.com", "gmx.de", "gmx.net", "gmx.at", "gmx.com", "web.de",
    "t-online.de", "freenet.de", "mail.com", "mail.ru", "yandex.ru", "yandex.com", "proton.me",
    "protonmail.com", "pm.me", "tutanota.com", "orange.fr", "free.fr", "laposte.net", "wanadoo.fr",
    "libero.it", "virgilio.it", "tin.it", "uol.com.br", "bol.com.br", "terra.com.br", "qq.com", "163.com",
    "126.com", "naver.com", "daum.net", "hey.com", "fastmail.com", "zoho.com", "rediffmail.com",
    "comcast.net", "verizon.net", "att.net", "btinternet.com", "sky.com", "ziggo.nl", "kpnmail.nl",
    "telenet.be", "seznam.cz", "wp.pl", "o2.pl", "interia.pl", "onet.pl", "abv.bg", "ukr.net", "bigpond.com",
})  # fmt: skip
"""Domains that everybody has an address of."""


def key_of(tokens: Tokens) -> bytes:
    """The key that codes are made with."""
    return bytes.fromhex(tokens.digest(REFERRAL, "codes"))


def code_of(key: bytes, person: str) -> str:
    """The code of a profile id (16 hexadecimal digits)."""
    raw = bytes.fromhex(person)
    number = int.from_bytes(raw + _mac(key, raw), "big") << (_CHARS * 5 - 8 * (len(raw) + _MAC_BYTES))
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_CHARS)))


def person_of(key: bytes, code: str) -> str | None:
    """The profile id in a code; None when it was not made with this key. Case and hyphens do not matter."""
    plain = code.replace("-", "").upper()
    if len(plain) != _CHARS or any(letter not in _VALUES for letter in plain):
        return None
    number = 0
    for letter in plain:
        number = number << 5 | _VALUES[letter]
    spare = _CHARS * 5 - 8 * (8 + _MAC_BYTES)
    raw = (number >> spare).to_bytes(8 + _MAC_BYTES, "big")
    if number & ((1 << spare) - 1) or not hmac.compare_digest(_mac(key, raw[:8]), raw[8:]):
        return None
    return raw[:8].hex()


def same_mailbox(one: str, other: str) -> bool:
    """Whether two e-mail addresses are one mailbox: what stands after `+` does not count, nor do dots at
    Gmail.
    """
    return bool(one) and _mailbox(one) == _mailbox(other)


def same_company(one: str, other: str) -> bool:
    """Whether two addresses are of one domain that is not everybody's."""
    domain = one.rpartition("@")[2].strip().lower()
    return bool(domain) and domain not in FREE_MAIL and domain == other.rpartition("@")[2].strip().lower()


def _mailbox(address: str) -> str:
    name, _, domain = address.strip().lower().rpartition("@")
    domain = "gmail.com" if domain == "googlemail.com" else domain
    name = name.partition("+")[0]
    return f"{name.replace('.', '') if domain == 'gmail.com' else name}@{domain}"


def _mac(key: bytes, raw: bytes) -> bytes:
    return hmac.digest(key, raw, sha256)[:_MAC_BYTES]


__all__ = ["FREE_MAIL", "code_of", "key_of", "person_of", "same_company", "same_mailbox"]

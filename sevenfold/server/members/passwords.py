"""Passwords: argon2id (RFC 9106) with the parameters that OWASP's cheat sheet on password storage names
(46 MiB, one lane), one more pass for good measure. What is kept says its own parameters; a password that was
kept with others is kept anew at the next log-in.

What makes a good one follows NIST SP 800-63B: length, and nothing that can be guessed from the account; no
rules about digits and signs.
"""

from __future__ import annotations

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ...errors import SevenfoldError
from ...limits import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=47_104, parallelism=1)
_AT_ONCE: Final = threading.BoundedSemaphore(2)
"""Each takes 46 MiB and a processor for as long as it lasts."""
_GUESSED: Final = ("password", "passwort", "1234567890", "qwertyuiop", "sevenfold", "letmein", "iloveyou")
_NOBODY: Final = _HASHER.hash("there is nobody of this name, and this takes as long as if there were")


class PasswordError(SevenfoldError):
    """A password that is not good enough to be kept."""

    code = "password_refused"


def digest(password: str, *about: str) -> str:
    """A password as it is kept; takes tens of milliseconds, so never on the loop. `about` are texts that
    name whose it is. Raises PasswordError.
    """
    check(password, *about)
    with _AT_ONCE:
        return _HASHER.hash(password)


def check(password: str, *about: str) -> None:
    """Raises PasswordError when a password is too short, too long, or easily guessed."""
    if len(password) < PASSWORD_CHARS_MIN:
        raise PasswordError(
            f"a password has at least {PASSWORD_CHARS_MIN} characters",
            where="password",
            fix="four words in a row are easy to remember",
        )
    if len(password) > PASSWORD_CHARS_MAX:
        raise PasswordError(f"a password has at most {PASSWORD_CHARS_MAX} characters", where="password")
    low = password.lower()
    names = [part.lower() for one in about for part in (one, one.partition("@")[0]) if len(part) > 3]
    rest = low
    for known in (*_GUESSED, *names):
        rest = rest.replace(known, "")
    if len(rest) < PASSWORD_CHARS_MIN // 2 or len(set(low)) < 5:
        raise PasswordError(
            "this password is easily guessed", where="password", fix="leave out names and well-known words"
        )


def verify(kept: str | None, password: str) -> bool:
    """Whether a password is the one kept; as slow where none is kept. Never on the loop."""
    with _AT_ONCE:
        try:
            found = _HASHER.verify(kept or _NOBODY, password[: PASSWORD_CHARS_MAX + 1])
        except (VerificationError, InvalidHashError):
            return False
    return found and kept is not None


def outdated(kept: str) -> bool:
    """Whether it was kept with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)

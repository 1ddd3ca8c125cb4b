"""What a mail server's code says, in replies and in returned mails: whose fault it is, and whether it will
pass.

Basic codes are RFC 5321, 4.2.3; enhanced ones RFC 3463 and its registry (RFC 5248). Where they disagree the
enhanced one is believed: `550 5.7.1` is a policy and no missing mailbox.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from msgspec import Struct

from .base import Result
from .calling import said

Stage = Literal["connect", "auth", "sender", "recipient", "data"]
"""Where in the conversation a reply came."""
_ENHANCED: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_POLICY_WORDS: Final = re.compile(
    r"spam|block|black ?list|deny|denied|policy|reputation|dnsbl|rbl|listed|spf|dkim|dmarc|relay|reverse",
    re.IGNORECASE,
)


class Fate(Struct, frozen=True):
    """`reason` is a stable word; `hard`: the address is to be left alone; `about` as in Result.scope."""

    reason: str
    about: Literal["message", "recipient", "account"]
    hard: bool = False


_NO_SUCH: Final = Fate("bad_address", "recipient", hard=True)
_NO_DOMAIN: Final = Fate("bad_domain", "recipient", hard=True)
_DISABLED: Final = Fate("mailbox_disabled", "recipient", hard=True)
_FULL: Final = Fate("mailbox_full", "recipient")
_TOO_LARGE: Final = Fate("too_large", "message")
_ROUTE: Final = Fate("unroutable", "recipient")
_CONTENT: Final = Fate("content", "message")
_POLICY: Final = Fate("policy", "message")
_SENDER_AUTH: Final = Fate("sender_auth", "account")
_AUTH: Final = Fate("auth", "account")
_SENDER: Final = Fate("sender_rejected", "account")
_PROVIDER: Final = Fate("provider", "account")
_REFUSED: Final = Fate("rejected", "message")

_DETAILED: Final[dict[tuple[int, int], Fate]] = {
    (1, 2): _NO_DOMAIN,
    (1, 7): _SENDER,
    (1, 8): _SENDER,
    (1, 10): _NO_DOMAIN,
    (2, 1): _DISABLED,
    (2, 2): _FULL,
    (2, 3): _TOO_LARGE,
    (2, 4): _REFUSED,
    (3, 4): _TOO_LARGE,
    (4, 4): _NO_DOMAIN,
    (4, 7): Fate("expired_in_queue", "recipient"),
    (7, 8): _AUTH,
    (7, 9): _AUTH,
    (7, 14): _AUTH,
    **{(7, detail): _SENDER_AUTH for detail in range(20, 28)},
}
_BY_SUBJECT: Final[dict[int, Fate]] = {
    1: _NO_SUCH,
    2: Fate("mailbox_refused", "recipient"),
    3: _PROVIDER,
    4: _ROUTE,
    5: Fate("protocol", "message"),
    6: _CONTENT,
    7: _POLICY,
}
_BASIC_AT_RECIPIENT: Final[dict[int, Fate]] = {
    550: _NO_SUCH,
    551: _NO_SUCH,
    552: _FULL,
    553: _NO_SUCH,
    554: _POLICY,
    556: _NO_DOMAIN,
    521: _NO_DOMAIN,
}


def enhanced(text: str) -> tuple[int, int, int] | None:
    """The first enhanced status code (RFC 3463) in a text: (class, subject, detail)."""
    match = _ENHANCED.search(text[:200])
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def fate(code: int, text: str, stage: Stage = "recipient") -> Fate:
    """Whose fault a refusal is. `code` is the basic code (0: only the enhanced one in `text` is known)."""
    status = enhanced(text)
    if stage == "auth" or code in (530, 534, 535, 538):
        return _AUTH
    if status is not None and status[1] in _BY_SUBJECT:
        found = _DETAILED.get(status[1:], _BY_SUBJECT[status[1]])
        # At MAIL FROM everything about an address is about ours.
        return _SENDER if stage == "sender" and found.about == "recipient" else found
    if stage == "recipient" and code in _BASIC_AT_RECIPIENT:
        found = _BASIC_AT_RECIPIENT[code]
        return _POLICY if found.hard and code < 556 and _POLICY_WORDS.search(text) else found
    if stage == "connect":
        return Fate("blocked" if code >= 500 else "provider", "account")
    if stage == "sender" and code in (550, 551, 553, 554):
        return _SENDER
    if stage == "data" and code == 552:
        return _TOO_LARGE
    if 500 <= code <= 504:
        return _BY_SUBJECT[5]
    return _REFUSED if code >= 500 else _PROVIDER


def verdict(code: int, text: str, stage: Stage, *private: str | None) -> Result:
    """What a refusal means for the message. `private` texts never stand in the detail."""
    found = fate(code, text, stage)
    detail = said(f"{code} {text}", *private)
    status = enhanced(text)
    if 400 <= code < 500:
        # 4.7 is what rate limits, greylisting and other policies that pass have in common (RFC 3463, X.7).
        if status is not None and status[1] == 7 and stage != "auth":
            return Result(verdict="throttled", reason="rate", detail=detail, scope="account")
        reason = "auth_unavailable" if found is _AUTH else found.reason
        return Result(verdict="transient", reason=reason, detail=detail, scope=found.about)
    if found.reason in ("auth", "sender_rejected", "blocked"):
        return Result(verdict="config_error", reason=found.reason, detail=detail, scope="account")
    return Result(
        verdict="permanent", reason=found.reason, detail=detail, scope=found.about, suppress=found.hard
    )

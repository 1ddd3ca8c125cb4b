"""Mails that come back: delivery reports (RFC 3464), complaints (ARF, RFC 5965), unsubscribing by mail.

Every mail leaves from an address of its own, `bounces+TOKEN@example.com`, whose token is signed
(`correlation`). Only what carries such a token is believed: in the address it came back to, in
`Original-Envelope-Id`, or in the returned headers. The mail server hands returned mails over as they are, by
a POST of the raw bytes to the channel's hook.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import hmac
import re
from collections.abc import Iterator, Sequence
from email.message import Message
from email.utils import getaddresses
from hashlib import blake2b
from typing import Final

from ..limits import INBOUND_BODY_BYTES_MAX
from .base import ChannelError, Heard, Reply, Request, UnverifiedError
from .calling import said
from .correlation import signed, verified
from .smtp_codes import enhanced, fate

_TO_US: Final = ("delivered-to", "x-original-to", "envelope-to", "to", "cc")
_BACK: Final = ("message-id", "return-path", "x-sevenfold-effect")
_XTEXT: Final = re.compile(r"\+([0-9A-F]{2})")
_CODE: Final = re.compile(r"(?<!\d)([45]\d\d)(?!\d)")
_DAEMON: Final = re.compile(r"mailer-daemon|postmaster|mail delivery|^<>$", re.IGNORECASE)
_REPORTS_MAX: Final = 100
"""Recipients of one report."""
_UNSUBSCRIBE: Final = "u."
_LOCAL_CHARS_MAX: Final = 64
"""RFC 5321, 4.5.3.1.1."""


class ReturnAddress:
    """Where a channel's mails come back to: `bounces@example.com`, with a secret for its tokens."""

    def __init__(self, address: str, secret: str) -> None:
        local, at, domain = address.strip().lower().rpartition("@")
        if not at or "+" in local or not re.fullmatch(r"[a-z0-9._-]{1,20}", local) or not domain:
            message = (
                "the address for returned mails is `name@domain`, with at most 20 characters before the @"
            )
            raise ChannelError(message, where="bounce_address", fix="such as bounces@bounce.example.com")
        self.local, self.domain, self._secret = local, domain, secret
        self._ours = re.compile(
            rf"{re.escape(local)}\+((?:{re.escape(_UNSUBSCRIBE)})?[a-z0-9.]{{1,90}})@{re.escape(domain)}"
        )

    def bounce(self, effect: str) -> str:
        """The envelope sender of a mail (VERP); without a token when the id is too long for one."""
        return self._with(self.token(effect)) or f"{self.local}@{self.domain}"

    def unsubscribe(self, effect: str) -> str:
        """The address that takes an unsubscribing mail; empty when the id is too long."""
        made = self.token(effect)
        return self._with(f"{_UNSUBSCRIBE}{made}") if made else ""

    def _with(self, made: str) -> str:
        local = f"{self.local}+{made}"
        return f"{local}@{self.domain}" if made and len(local) <= _LOCAL_CHARS_MAX else ""

    def token(self, effect: str) -> str:
        """What goes as ENVID and as the left part of Message-ID."""
        return signed(effect, self._secret)

    def read(self, text: str) -> tuple[str, bool]:
        """(effect, whether it unsubscribes) of an address or a token; ("", False) when it is none of ours."""
        text = text.strip().strip("<>").lower()
        match = self._ours.fullmatch(text)
        found = match[1] if match else text.partition("@")[0]
        leaves = found.startswith(_UNSUBSCRIBE)
        return verified(found.removeprefix(_UNSUBSCRIBE), self._secret), leaves


class ReturnedMail:
    """Hears returned mails. `user` and `password` are what the mail server shows when it hands one over."""

    def __init__(self, back: ReturnAddress, password: str, user: str = "bounces") -> None:
        self._back, self._user, self._password = back, user, password

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        if not basic_auth(request.headers.get("authorization", ""), self._user, self._password):
            raise UnverifiedError("a returned mail needs the hook's user and password")
        return heard(request.body, self._back), Reply()


def basic_auth(header: str, user: str, password: str) -> bool:
    """Whether an Authorization header shows this user and password; compared in constant time."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic" or not password:
        return False
    try:
        shown = base64.b64decode(coded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(shown, f"{user}:{password}".encode())


def heard(raw: bytes, back: ReturnAddress) -> list[Heard]:
    """What a returned mail says; nothing for one that is no report, or that carries no token of ours."""
    if len(raw) > INBOUND_BODY_BYTES_MAX:
        return []
    try:
        mail = email.message_from_bytes(raw, policy=email.policy.compat32)
        report = str(mail.get_param("report-type") or "").lower()
        if mail.get_content_type() == "multipart/report" and report == "delivery-status":
            return list(_delivery_reports(mail, back))
        if mail.get_content_type() == "multipart/report" and report == "feedback-report":
            return list(_complaint(mail, back))
        return list(_plain(mail, back))
    except (RecursionError, LookupError, ValueError, AttributeError, TypeError):
        # The standard parser raises these on mails made to hurt it; such a mail says nothing.
        return []


# ---------------------------------------------------------------------------------------- delivery reports


def _delivery_reports(mail: Message, back: ReturnAddress) -> Iterator[Heard]:
    part = _part(mail, "message/delivery-status")
    if part is None:
        return
    blocks = _blocks(part)[: _REPORTS_MAX + 1]
    effect = _to_us(mail, back)[0]
    for block in blocks:
        effect = effect or back.read(_xtext(_header(block, "original-envelope-id")))[0]
    effect = effect or _from_returned(mail, back)
    if not effect:
        return
    for block in blocks:
        action = _header(block, "action").lower()
        if action:
            found = _recipient(block, action, effect)
            if found is not None:
                yield found


def _recipient(block: Message, action: str, effect: str) -> Heard | None:
    """What a report says of one recipient; nothing of a mail that is still on its way."""
    status = _header(block, "status").partition(" ")[0]
    diagnostic = " ".join(_header(block, "diagnostic-code").split())
    address = _address(block)
    key = f"dsn:{effect}:{action}:{status}"
    if action in ("delivered", "relayed", "expanded"):
        return Heard(key=key, outcome="delivered", effect=effect, address=address)
    if action != "failed":
        return None
    code = _CODE.search(diagnostic.partition(";")[2])
    # x.0.0 says nothing; then the remote server's own words do.
    said_there = diagnostic if status.endswith(".0.0") else f"{status} {diagnostic}"
    found = fate(int(code[1]) if code else 0, said_there)
    # A mail that failed after waiting in a queue carries the 4.x.x of its last attempt: it may work another
    # day.
    hard = found.hard and not status.startswith("4")
    told = {"status": status[:20], "diagnostic": said(diagnostic.partition(";")[2] or diagnostic, address)}
    return Heard(
        key=key,
        outcome="bounced",
        effect=effect,
        address=address,
        reason=found.reason,
        permanent=hard,
        detail=told,
    )


def _address(block: Message) -> str:
    for name in ("original-recipient", "final-recipient"):
        kind, _, address = _header(block, name).partition(";")
        if kind.strip().lower() == "rfc822" and address.strip():
            return _xtext(address.strip()).strip("<>")
    return ""


# ----------------------------------------------------------------------------------------------- complaints


def _complaint(mail: Message, back: ReturnAddress) -> Iterator[Heard]:
    part = _part(mail, "message/feedback-report")
    if part is None:
        return
    told = next(iter(_blocks(part)), None)
    if told is None:
        return
    kind = _header(told, "feedback-type").strip().lower() or "abuse"
    effect = (
        back.read(_header(told, "original-mail-from"))[0]
        or back.read(_xtext(_header(told, "original-envelope-id")))[0]
    )
    effect = effect or _from_returned(mail, back) or _to_us(mail, back)[0]
    if not effect or kind == "not-spam":
        return
    outcome = "unsubscribed" if kind == "opt-out" else "complained"
    address = _header(told, "original-rcpt-to").strip().strip("<>")
    yield Heard(
        key=f"arf:{effect}:{kind}",
        outcome=outcome,
        effect=effect,
        address=address,
        reason=re.sub(r"[^a-z]+", "_", kind)[:40],
        permanent=outcome == "complained",
    )


# ------------------------------------------------------------------------------- mails without a report's
# form


def _plain(mail: Message, back: ReturnAddress) -> Iterator[Heard]:
    """Unsubscribing mails, and the returned mails of servers that write prose."""
    effect, leaves = _to_us(mail, back)
    if not effect:
        return
    if leaves:
        # The address is in nobody's hands but the recipient's; an automatic answer is not their wish.
        if _header(mail, "auto-submitted").lower() in ("", "no"):
            yield Heard(key=f"mail:{effect}:unsubscribed", outcome="unsubscribed", effect=effect)
        return
    if not (_DAEMON.search(_header(mail, "from")) or _header(mail, "return-path").strip() == "<>"):
        return
    text = _text(mail)[:4_000]
    code, status = _CODE.search(text), enhanced_in(text)
    if code is None and not status:
        return
    found = fate(int(code[1]) if code else 0, status or text)
    hard = found.hard and not status.startswith("4") and not (code and code[1].startswith("4"))
    digest = blake2b(text.encode(), digest_size=6).hexdigest()
    yield Heard(
        key=f"prose:{effect}:{digest}",
        outcome="bounced",
        effect=effect,
        reason=found.reason,
        permanent=hard,
        detail={"status": status},
    )


def enhanced_in(text: str) -> str:
    """The first enhanced status code anywhere in a text."""
    for start in range(0, len(text), 150):
        found = enhanced(text[start : start + 200])
        if found is not None:
            return ".".join(map(str, found))
    return ""


# --------------------------------------------------------------------------------------------------- reading


def _to_us(mail: Message, back: ReturnAddress) -> tuple[str, bool]:
    """The effect in an address that the mail came back to, and whether that address unsubscribes."""
    for name in _TO_US:
        for _, address in getaddresses([str(one) for one in mail.get_all(name, [])][:20]):
            effect, leaves = back.read(address)
            if effect:
                return effect, leaves
    return "", False


def _from_returned(mail: Message, back: ReturnAddress) -> str:
    """The effect in the headers of the mail that is returned with a report."""
    for part in mail.walk():
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            headers = email.message_from_bytes(payload if isinstance(payload, bytes) else b"")
        elif part.get_content_type() == "message/rfc822" and isinstance(part.get_payload(), list):
            headers = part.get_payload(0)  # type: ignore[assignment]
        else:
            continue
        for name in _BACK:
            effect = back.read(_header(headers, name))[0]
            if effect:
                return effect
    return ""


def _part(mail: Message, type_: str) -> Message | None:
    return next((part for part in mail.walk() if part.get_content_type() == type_), None)


def _blocks(part: Message) -> list[Message]:
    """The blocks of fields of a report; the standard parser splits delivery reports, but not complaints."""
    payload = part.get_payload()
    if isinstance(payload, list):
        found = [one for one in payload if isinstance(one, Message)]
        if len(found) == 1 and not found[0].keys() and isinstance(found[0].get_payload(), str):
            return [email.message_from_string(str(found[0].get_payload()).lstrip())]
        return found
    return [email.message_from_string(str(payload).lstrip())]


def _header(message: Message, name: str) -> str:
    return str(message.get(name, "") or "")


def _text(mail: Message) -> str:
    part = _part(mail, "text/plain")
    payload = part.get_payload(decode=True) if part is not None else None
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _xtext(text: str) -> str:
    """RFC 3461, 4."""
    return _XTEXT.sub(lambda match: chr(int(match[1], 16)), text.strip())

"""Replies by e-mail: the mail server hands each mail of a mailbox over, as it is, and it becomes `Email
Received`.

Who wrote is what `From` says, so the mail server has to have checked that: with `authserv` only mails whose
topmost `Authentication-Results` of that server says `dmarc=pass` count (RFC 8601). Automatic answers (RFC
3834) are told apart.
"""

from __future__ import annotations

import email
import email.header
import email.policy
import hashlib
import re
from email.message import Message
from email.utils import parseaddr
from html import unescape
from typing import Final

from msgspec import Struct

from ..channels.base import Request, Secret
from ..importers.values import iso
from ..limits import MAIL_PARTS_ITEMS_MAX, MAIL_TEXT_CHARS_MAX
from . import verify
from .services import Service, UnreadableError, service
from .translate import News

_QUOTED: Final = re.compile(
    r"^\s*(>|-{2,}\s*(original|forwarded|ursprüngliche|message d'origine|mensaje original)|_{10,}"
    r"|(on|am|le|el|il|op)\b.{0,200}\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef)\b.{0,100}:\s*$"
    r"|(from|von|de|da|van):\s.+@)",
    re.IGNORECASE,
)
_TAG: Final = re.compile(
    r"<(?:style|script)\b.{0,100000}?</(?:style|script)>|<[^>]{0,5000}>", re.IGNORECASE | re.DOTALL
)
_LINES: Final = re.compile(r"<(?:br|/p|/div|/tr|/li)\b[^>]{0,1000}>", re.IGNORECASE)


class MailboxSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`secret` is `user:password` (Basic), which the mail server shows; `authserv` the name under which it
    writes what it checked.
    """

    secret: Secret
    previous_secret: Secret = ""
    authserv: str = ""


def _verify(settings: MailboxSettings, request: Request) -> None:
    verify.basic([one for one in (settings.secret, settings.previous_secret) if one], request)


def _news(settings: MailboxSettings, request: Request) -> News | None:
    try:
        mail = email.message_from_bytes(request.body, policy=email.policy.compat32)
        name, address = parseaddr(_header(mail, "from"))
        if "@" not in address:
            raise UnreadableError("the mail does not say who wrote it", where="From")
        if settings.authserv and not _passed(mail, settings.authserv):
            return None
        ident = _header(mail, "message-id").strip()[:500]
        document = {
            "kind": "automatic" if automatic(mail) else "reply",
            "from": address.strip().lower(),
            "name": name[:200],
            "to": parseaddr(_header(mail, "to"))[1][:320],
            "subject": _header(mail, "subject")[:300],
            "text": own_words(text_of(mail)),
            "in_reply_to": _header(mail, "in-reply-to").strip()[:500],
        }
    except (RecursionError, LookupError, ValueError, AttributeError, TypeError):
        # The standard parser raises these on mails made to hurt it.
        raise UnreadableError("the mail cannot be read", where="body") from None
    digest = hashlib.blake2b(
        (ident or "").encode("utf-8", "replace") or request.body, digest_size=16
    ).hexdigest()
    return News(topic="mail", id=digest, received=iso(request.received), documents=(document,))


def automatic(mail: Message) -> bool:
    """Whether a mail was written by a machine: out of office, a list, a delivery report."""
    submitted = _header(mail, "auto-submitted").strip().lower()
    bulk = _header(mail, "precedence").strip().lower() in ("bulk", "junk", "list", "auto_reply")
    named = any(
        mail.get(one) for one in ("x-autoreply", "x-autorespond", "list-id", "x-auto-response-suppress")
    )
    returned = mail.get_content_type() == "multipart/report" or _header(mail, "return-path").strip() == "<>"
    return submitted not in ("", "no") or bulk or named or returned


def text_of(mail: Message) -> str:
    """The text of a mail, bounded: its first plain part, else its first HTML part without the markup."""
    found = {"text/plain": "", "text/html": ""}
    for count, part in enumerate(mail.walk()):
        if count >= MAIL_PARTS_ITEMS_MAX:
            break
        kind = part.get_content_type()
        if kind in found and not found[kind] and part.get_content_disposition() != "attachment":
            raw = part.get_payload(decode=True)
            text = raw if isinstance(raw, bytes) else b""
            charset = part.get_content_charset() or "utf-8"
            try:
                found[kind] = text[: 4 * MAIL_TEXT_CHARS_MAX].decode(charset, "replace")
            except LookupError:
                found[kind] = text[: 4 * MAIL_TEXT_CHARS_MAX].decode("utf-8", "replace")
    if found["text/plain"].strip():
        return found["text/plain"]
    return unescape(_TAG.sub("", _LINES.sub("\n", found["text/html"])))


def own_words(text: str) -> str:
    """What somebody wrote themselves: the lines before what they quote, at most MAIL_TEXT_CHARS_MAX
    characters.
    """
    kept: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if _QUOTED.match(line[:400]) or line.rstrip() == "--":
            break
        kept.append(line.rstrip())
    return "\n".join(kept).strip()[:MAIL_TEXT_CHARS_MAX]


def _passed(mail: Message, authserv: str) -> bool:
    """Whether the server's own, topmost word on the mail is that it is its sender's."""
    for value in mail.get_all("authentication-results") or ():
        server, _, results = str(value).partition(";")
        if server.split()[:1] == [authserv]:
            return re.search(r"\bdmarc\s*=\s*pass\b", results, re.IGNORECASE) is not None
    return False


def _header(mail: Message, name: str) -> str:
    value = mail.get(name)
    if value is None:
        return ""
    parts = email.header.decode_header(str(value)[:2_000])
    return "".join(
        part.decode(charset or "utf-8", "replace") if isinstance(part, bytes) else part
        for part, charset in parts
    )


service(
    Service(
        name="mailbox",
        settings=MailboxSettings,
        verify=_verify,
        news=_news,
        summary="Replies by e-mail, handed over by the mail server",
    )
)

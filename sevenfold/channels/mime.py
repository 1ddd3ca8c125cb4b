"""A rendered message as the bytes of an e-mail: RFC 5322 headers, RFC 2045 parts, ready to be signed and
sent.

Written by hand rather than by the standard library, which breaks a List-Unsubscribe of more than about 78
characters into encoded words, so that one-click unsubscribing fails (RFC 8058). Nothing that a template or a
person wrote can begin a header: control characters never reach one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses
from hashlib import blake2b
from typing import Final

from email_validator import EmailNotValidError, validate_email
from msgspec import Struct

from .base import Outgoing

_LINE_CHARS: Final = 76
"""RFC 2047, 2: lines with encoded words; others are kept as short where blanks allow it."""
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,70}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~. ]*")
_ADDRESS: Final = re.compile(
    r"[^\s<>@,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[^\s<>@,;:\"()\[\]\\\x00-\x1f\x7f]{1,253}"
)
_HIGH: Final = bytes(range(128, 256))
_FEEDBACK: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_OURS: Final = frozenset(
    {
        *("from", "to", "cc", "bcc", "sender", "reply-to", "subject", "date", "message-id", "mime-version"),
        *("content-type", "content-transfer-encoding", "return-path", "received", "dkim-signature"),
        *("feedback-id", "resent-from", "resent-to", "resent-sender"),
    }
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class BadAddressError(ValueError):
    """An address that no e-mail can carry. The message does not repeat it."""


class Address(Struct, frozen=True):
    """A mailbox: what people call it, and `local@domain` with the domain in ASCII."""

    name: str
    email: str

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]

    @property
    def needs_utf8(self) -> bool:
        """Whether only servers with SMTPUTF8 (RFC 6531) can take it."""
        return not self.email.isascii()


class Mail(Struct, frozen=True):
    """An e-mail's parts, before they are bytes: what providers with an API of their own ask for."""

    sender: Address
    recipient: Address
    reply_to: Address | None
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    """What goes along besides: List-Unsubscribe, Feedback-ID and the like, without control characters."""


class NoSenderError(ValueError):
    """Neither the template nor the channel says whom mails are from."""


class NoContentError(ValueError):
    """There is nothing in the message."""


def address(text: str) -> Address:
    """`Name <local@domain>` or `local@domain`. Raises BadAddressError for anything that is not exactly
    one.
    """
    if _CONTROL.search(text) or text != _whole(text):
        raise BadAddressError("an address has control characters")
    found = getaddresses([text])
    if len(found) != 1 or not _ADDRESS.fullmatch(found[0][1]):
        raise BadAddressError("not one e-mail address")
    name, email = found[0]
    local, _, domain = email.rpartition("@")
    if not domain.isascii():
        try:
            domain = _in_idna(domain)
        except EmailNotValidError:
            raise BadAddressError("the domain cannot be written in ASCII") from None
    return Address(" ".join(name.split()), f"{local}@{domain}")


def _in_idna(domain: str) -> str:
    """A domain as the DNS knows it. Raises EmailNotValidError."""
    found = validate_email(f"x@{domain}", check_deliverability=False, test_environment=True)
    return str(found.ascii_domain)


def mail(message: Outgoing, *, sender: str = "", extra: Mapping[str, str] | None = None) -> Mail:
    """The parts of a message. `sender` is the channel's, used where the template has none; `extra` headers go
    along where they are not empty.

    Raises BadAddressError (the recipient), NoSenderError, NoContentError.
    """
    content = message.content
    recipient = address(message.address or "")
    from_text = content.from_ or sender
    try:
        from_ = address(from_text)
        reply_to = address(content.reply_to) if content.reply_to else None
    except BadAddressError:
        raise NoSenderError("the sender is not one e-mail address") from None
    text, html = _whole(content.text or content.body or ""), _whole(content.html or "")
    if not text.strip() and not html.strip():
        raise NoContentError("there is neither text nor HTML")
    headers: dict[str, str] = {}
    for name, value in {**content.headers, **(extra or {})}.items():
        if _HEADER_NAME.fullmatch(name) and name.lower() not in _OURS and value:
            headers[name] = _in_ascii(name, one_line(_whole(value)))
    headers["Feedback-ID"] = feedback_id(message, from_.domain)
    return Mail(from_, recipient, reply_to, one_line(_whole(content.subject or "")), text, html, headers)


def _whole(text: str) -> str:
    """A text that can be encoded: half a surrogate pair, which no e-mail can carry, becomes a question
    mark.
    """
    return text.encode("utf-8", "replace").decode()


def feedback_id(message: Outgoing, sender: str) -> str:
    """What Gmail's Postmaster Tools group complaints by: template, journey, category, sender; no person."""
    data = message.data
    parts = (message.content.template, data.get("journey"), data.get("category"), sender)
    return ":".join(_FEEDBACK.sub("-", str(part or "none"))[:60] for part in parts)


def raw(parts: Mail, *, message_id: str, date: int, seed: str) -> bytes:
    """The e-mail as bytes with CRLF. `message_id` is `local@domain`, `date` ms UTC; `seed` tells the
    boundary, so that the same message has the same bytes.
    """
    lines = [
        _address_line("From", parts.sender),
        _address_line("To", parts.recipient),
        *([_address_line("Reply-To", parts.reply_to)] if parts.reply_to else []),
        folded("Subject", parts.subject),
        f"Date: {date_text(date)}",
        f"Message-ID: <{message_id}>",
        *(folded(name, value) for name, value in parts.headers.items()),
        "MIME-Version: 1.0",
    ]
    if parts.text and parts.html:
        # A quoted-printable line never holds `=_`, and base64 no `_`: the boundary cannot stand in a part.
        boundary = f"=_{blake2b(seed.encode(), digest_size=12).hexdigest()}"
        lines.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
        body = b"".join(
            b"--" + boundary.encode() + b"\r\n" + part + b"\r\n"
            for part in (_part("plain", parts.text), _part("html", parts.html))
        )
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body + b"--" + boundary.encode() + b"--\r\n"
    only = _part("plain", parts.text) if parts.text else _part("html", parts.html)
    return "\r\n".join(lines).encode() + b"\r\n" + only


def _part(kind: str, text: str) -> bytes:
    """A part with its headers. Quoted-printable keeps Latin scripts readable; base64 is smaller for
    others.
    """
    data = "\n".join(text.splitlines()).encode("utf-8", "replace") + b"\n"
    if 3 * (len(data) - len(data.translate(None, _HIGH))) > len(data):
        encoding, body = b"base64", base64.encodebytes(data.replace(b"\n", b"\r\n"))
    else:
        encoding, body = b"quoted-printable", binascii.b2a_qp(data, istext=True)
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\r\n'.encode()
        + b"Content-Transfer-Encoding: "
        + encoding
        + b"\r\n\r\n"
        + body.replace(b"\n", b"\r\n")
    )


# --------------------------------------------------------------------------------------------------- headers


def one_line(text: str) -> str:
    """A text without control characters and line ends, as it may stand in a header."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _in_ascii(name: str, value: str) -> str:
    """Addresses in List- headers are URIs: what is not ASCII in them is escaped, not turned into words."""
    if value.isascii() or not name.lower().startswith("list-"):
        return value
    return "".join(char if char.isascii() else _percent(char) for char in value)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))


def folded(name: str, value: str) -> str:
    """A header, folded at blanks only, so that no URI is ever broken; in encoded words where it is not
    ASCII.
    """
    if not value.isascii() or "=?" in value:
        return f"{name}: " + "\r\n ".join(encoded_words(value, len(name) + 2))
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line) + 1 + len(word) > _LINE_CHARS and line.strip() != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line])


def encoded_words(text: str, taken: int = 1) -> list[str]:
    """RFC 2047 words for a text, cut between characters; `taken` characters stand before the first."""
    words, piece = [], b""
    room = _room(taken)
    for char in text:
        coded = char.encode("utf-8", "replace")
        if len(piece) + len(coded) > room:
            words.append(piece)
            piece, room = b"", _room(1)
        piece += coded
    return [f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in [*words, piece]]


def _room(taken: int) -> int:
    """Bytes of UTF-8 that fit in an encoded word after so many characters of its line."""
    return max((min(_LINE_CHARS - taken, 75) - 12) // 4 * 3, 12)


def written(one: Address) -> str:
    """A mailbox for APIs that encode headers themselves: `Name <local@domain>`, the name quoted where it must
    be.
    """
    if not one.name:
        return one.email
    name = one_line(one.name)
    plain = _ATOM.fullmatch(name) and "." not in name
    return f"{name if plain else _quoted(name)} <{one.email}>"


def _name(name: str, taken: int) -> str:
    name = one_line(name)
    if not name.isascii() or "=?" in name:
        return "\r\n ".join(encoded_words(name, taken))
    if _ATOM.fullmatch(name) and "." not in name:
        return name
    return _quoted(name)


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _address_line(header: str, one: Address) -> str:
    if not one.name:
        return f"{header}: {one.email}"
    name = _name(one.name, len(header) + 2)
    last = name.rpartition("\r\n")[2]
    fold = "\r\n" if len(header) + 5 + len(last) + len(one.email) > _LINE_CHARS else ""
    return f"{header}: {name}{fold} <{one.email}>"


def date_text(ms: int) -> str:
    """A time as RFC 5322 writes it, in English whatever the locale."""
    at = _EPOCH + timedelta(milliseconds=ms)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"{day}, {at.day:02} {month} {at.year} {at.hour:02}:{at.minute:02}:{at.second:02} +0000"

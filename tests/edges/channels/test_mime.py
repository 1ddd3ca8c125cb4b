"""Any text becomes an e-mail that the standard parser reads back, in lines that every server takes."""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header, make_header
from email.utils import getaddresses
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sevenfold.channels import mime
from sevenfold.channels.dkim import Signer, header_fields, private_pem, relaxed_body, relaxed_header
from tests.edges.channels.conformance import ADDRESS, outgoing

TEXTS = st.text(max_size=300) | st.text(alphabet='aä✓ 漢\t\r\n=?.,<>"', max_size=300)


def raw(parts: mime.Mail, message_id: str = "x@shop.test") -> bytes:
    return mime.raw(parts, message_id=message_id, date=1_790_000_000_000, seed="x")


def parsed(data: bytes) -> Any:
    return email.message_from_bytes(data, policy=email.policy.default)


def seen(text: str) -> str:
    """A text as a header can hold it."""
    return mime.one_line(text.encode("utf-8", "replace").decode())


@given(TEXTS)
@example("x" * 2_000)
@example("漢" * 200)
@example("=?utf-8?q?x?= and more")
@example("\ud800 half a pair")
def test_a_subject_comes_back(subject: str) -> None:
    parts = mime.mail(outgoing(content=msgspec.structs.replace(outgoing().content, subject=subject)))
    mail = parsed(raw(parts))
    assert str(mail["Subject"] or "").split() == seen(subject).split()
    assert mail["To"] == ADDRESS
    assert mail.get_content_type() == "multipart/alternative"
    assert not mail.defects


@given(TEXTS, TEXTS)
def test_both_bodies_come_back(text: str, html: str) -> None:
    content = msgspec.structs.replace(outgoing().content, text=f"t{text}", html=f"h{html}")
    mail = parsed(raw(mime.mail(outgoing(content=content))))
    plain, rich = mail.get_body(("plain",)).get_content(), mail.get_body(("html",)).get_content()
    assert plain.splitlines() == f"t{text}".encode("utf-8", "replace").decode().splitlines()
    assert rich.splitlines() == f"h{html}".encode("utf-8", "replace").decode().splitlines()


@given(TEXTS, TEXTS)
def test_lines_are_ascii_and_short_enough(subject: str, text: str) -> None:
    content = msgspec.structs.replace(outgoing().content, subject=subject, text=text or "x")
    data = raw(mime.mail(outgoing(content=content)))
    assert data.isascii()
    assert b"\r\n" in data
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", data), "a bare CR or LF"
    for line in data.split(b"\r\n"):
        limit = 78 if b"=?utf-8?b?" in line else 998
        assert len(line) <= limit or b" " not in line.strip(), line


@given(st.text(max_size=80))
def test_a_senders_name_comes_back(name: str) -> None:
    try:
        sender = mime.address(f'"{name}" <hello@shop.test>')
    except mime.BadAddressError:
        return
    data = raw(msgspec.structs.replace(mime.mail(outgoing()), sender=sender))
    assert [one.addr_spec for one in parsed(data)["From"].addresses] == ["hello@shop.test"]
    # The newer parser puts a blank between the encoded words of a name, which RFC 2047 (6.2) drops.
    ((shown, _),) = getaddresses([email.message_from_bytes(data)["From"]])
    assert str(make_header(decode_header(shown))).split() == sender.name.split()
    assert mime.address(mime.written(sender)).email == "hello@shop.test"


@given(st.text(max_size=60))
@example("a@b\r\nBcc: x@y")
@example("a@b, c@d")
@example("\ud800@x.test")
def test_an_address_is_one_address_or_none(text: str) -> None:
    try:
        found = mime.address(text)
    except mime.BadAddressError:
        return
    assert found.email.count("@") == 1
    assert not re.search(r"[\s<>,;]", found.email)
    assert found.domain.isascii()
    found.email.encode()


@given(st.dictionaries(st.text(max_size=30), TEXTS, max_size=4))
def test_no_header_of_a_template_does_harm(headers: dict[str, str]) -> None:
    content = msgspec.structs.replace(outgoing().content, headers=headers)
    mail = parsed(raw(mime.mail(outgoing(content=content))))
    assert mail.get_content_type() == "multipart/alternative"
    ours = {"From", "To", "Subject", "Date", "Message-ID", "Feedback-ID", "MIME-Version", "Content-Type"}
    assert set(mail.keys()) - ours <= set(headers)
    assert len(mail.get_all("To")) == 1


@pytest.mark.parametrize(
    ("written", "name", "email_"),
    [
        ("Ada <ada@x.test>", "Ada", "ada@x.test"),
        ("ada@x.test", "", "ada@x.test"),
        ('"Lovelace, Ada" <ada@x.test>', "Lovelace, Ada", "ada@x.test"),
        ("Grüße <a@bücher.example>", "Grüße", "a@xn--bcher-kva.example"),
    ],
)
def test_addresses_are_read(written: str, name: str, email_: str) -> None:
    assert mime.address(written) == mime.Address(name, email_)


def test_the_same_message_has_the_same_bytes() -> None:
    assert raw(mime.mail(outgoing())) == raw(mime.mail(outgoing()))


def test_a_link_beyond_ascii_stays_a_link() -> None:
    content = msgspec.structs.replace(outgoing().content, headers={"List-Unsubscribe": "<https://x.test/ü>"})
    assert b"List-Unsubscribe: <https://x.test/%C3%BC>\r\n" in raw(mime.mail(outgoing(content=content)))


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (1_790_000_000_000, "Mon, 21 Sep 2026 14:13:20 +0000"),
        (951_827_696_000, "Tue, 29 Feb 2000 12:34:56 +0000"),
    ],
)
def test_dates_are_written_in_english(ms: int, text: str) -> None:
    assert mime.date_text(ms) == text


# ----------------------------------------------------------------------------------------- canonical forms
# The examples of RFC 6376, 3.4.5.


def test_relaxed_forms_are_those_of_the_standard() -> None:
    head = b"A: X\r\nB : Y\t\r\n\tZ  \r\n"
    body = b" C \r\nD \t E\r\n\r\n\r\n"
    assert b"".join(relaxed_header(one) for _, one in header_fields(head)) == b"a:X\r\nb:Y Z\r\n"
    assert relaxed_body(body) == b" C\r\nD E\r\n"
    assert relaxed_body(b"") == b""
    assert relaxed_body(b"\r\n\r\n") == b""
    assert relaxed_body(b"x") == b"x\r\n"


@given(TEXTS, TEXTS)
def test_any_mail_can_be_signed(subject: str, text: str) -> None:
    content = msgspec.structs.replace(outgoing().content, subject=subject, text=f"x{text}", html=None)
    header = SIGNER.header(raw(mime.mail(outgoing(content=content))), 1_790_000_000_000)
    assert header.startswith(b"DKIM-Signature: v=1; a=ed25519-sha256;")
    assert header.endswith(b"\r\n")
    assert all(len(line) <= 100 for line in header.split(b"\r\n"))


def _signer() -> Signer:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Signer("shop.test", "s1", private_pem(Ed25519PrivateKey.generate()))


SIGNER = _signer()

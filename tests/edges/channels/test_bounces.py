"""Mails that come back: real reports of Postfix, complaints, prose; and nothing that strangers make up."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.channels.base import ChannelError, Heard, Request, UnverifiedError
from sevenfold.channels.bounces import ReturnAddress, ReturnedMail, heard
from sevenfold.channels.correlation import effect_of, signed, token, verified

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
EFFECT = "5f0c9a1be2d34c77"
ADDRESS = "perm@dest.test"
BACK = ReturnAddress("bounces@bounce.shop.test", "a secret of the channel")


def report(
    *,
    to: str = BACK.bounce(EFFECT),
    envelope: str = "",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <perm@dest.test>: Recipient address rejected: User unknown",
    message_id: str = "",
) -> bytes:
    """A delivery report as Postfix writes it."""
    lines = [
        f"Original-Envelope-Id: {envelope}" if envelope else "X-Queue-ID: F3C6526C923",
        "Arrival-Date: Sun, 22 Nov 2026 05:19:13 +0000 (UTC)",
    ]
    return "\r\n".join(
        [
            "From: MAILER-DAEMON@mta.test",
            f"To: {to}",
            "Subject: Undelivered Mail Returned to Sender",
            "Auto-Submitted: auto-replied",
            "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
            "",
            "--b",
            "Content-Type: text/plain",
            "",
            "This is the mail system at host mta.test.",
            "",
            "--b",
            "Content-Type: message/delivery-status",
            "",
            "Reporting-MTA: dns; mta.test",
            *lines,
            "",
            f"Final-Recipient: rfc822; {ADDRESS}",
            f"Original-Recipient: rfc822;{ADDRESS}",
            f"Action: {action}",
            f"Status: {status}",
            f"Diagnostic-Code: {diagnostic}",
            "",
            "--b",
            "Content-Type: text/rfc822-headers",
            "",
            "From: hello@shop.test",
            f"Message-ID: {message_id or '<x@shop.test>'}",
            "",
            "--b--",
            "",
        ]
    ).encode()


# ---------------------------------------------------------------------------------------------------- tokens


@given(st.text(alphabet="0123456789abcdef", min_size=1, max_size=32) | st.text(min_size=1, max_size=9))
def test_an_id_comes_back_from_its_token(effect: str) -> None:
    made = token(effect)
    assert effect_of(made) == effect
    assert effect_of(made.upper()) == effect, "mail systems change the case"
    assert verified(signed(effect, "secret"), "secret") == effect
    assert verified(signed(effect, "secret").upper(), "secret") == effect
    for address in (BACK.bounce(effect), BACK.unsubscribe(effect)):
        assert len(address.partition("@")[0]) <= 64
        assert "+" not in address or BACK.read(address)[0] == effect


def test_the_ids_of_the_fold_fit_into_an_address() -> None:
    local, _, domain = BACK.bounce(EFFECT).partition("@")
    assert len(local) <= 64
    assert domain == "bounce.shop.test"
    assert BACK.read(BACK.bounce(EFFECT)) == (EFFECT, False)
    assert BACK.read(BACK.unsubscribe(EFFECT)) == (EFFECT, True)


def test_an_id_too_long_for_an_address_goes_without_one() -> None:
    for effect in ("a" * 32, "A" * 36, "A" * 37):
        long = ReturnAddress(f"{'b' * 20}@bounce.shop.test", "secret")
        assert long.bounce(effect) == f"{'b' * 20}@bounce.shop.test"
        assert long.unsubscribe(effect) == ""
    assert token("A" * 37) == ""


@pytest.mark.parametrize("text", ["", "x", "x1", "e", "no!", "5f0c.", "5f0c9a1be2d34c77.aaaaaaaaaaaaaaaa"])
def test_what_we_did_not_sign_means_nothing(text: str) -> None:
    assert verified(text, "secret") == ""
    assert BACK.read(text) == ("", False)
    assert BACK.read(f"bounces+{text}@bounce.shop.test")[0] == ""


def test_a_token_of_another_secret_means_nothing() -> None:
    assert BACK.read(ReturnAddress("bounces@bounce.shop.test", "other").bounce(EFFECT)) == ("", False)


@given(st.text(max_size=40))
def test_no_text_makes_reading_fail(text: str) -> None:
    assert verified(text, "secret") == ""
    assert isinstance(effect_of(text), str)


@pytest.mark.parametrize("address", ["bounces", "a+b@x.test", "@x.test", f"{'x' * 21}@x.test", "b b@x.test"])
def test_an_address_that_cannot_take_tokens_is_refused(address: str) -> None:
    with pytest.raises(ChannelError):
        ReturnAddress(address, "secret")


# ---------------------------------------------------------------------------------------------------- reports


def test_a_report_suppresses_the_address_it_is_about() -> None:
    (found,) = heard(report(), BACK)
    assert (found.outcome, found.effect, found.reason, found.permanent) == (
        "bounced",
        EFFECT,
        "bad_address",
        True,
    )
    assert found.address == ADDRESS
    assert ADDRESS not in str(found.detail)


@pytest.mark.parametrize(
    ("status", "diagnostic", "reason", "permanent"),
    [
        ("5.1.1", "smtp; 550 5.1.1 unknown", "bad_address", True),
        ("5.2.1", "smtp; 550 5.2.1 disabled", "mailbox_disabled", True),
        ("5.4.4", "X-Postfix; Host or domain name not found", "bad_domain", True),
        ("5.2.2", "smtp; 552 5.2.2 full", "mailbox_full", False),
        ("4.2.2", "smtp; 452 4.2.2 full, queue expired", "mailbox_full", False),
        ("4.4.1", "X-Postfix; connect to mx: Connection timed out", "unroutable", False),
        ("5.7.1", "smtp; 550 5.7.1 spam", "policy", False),
        ("5.0.0", "smtp; 550 5.1.1 unknown", "bad_address", True),
        ("5.0.0", "smtp; 550 user unknown", "bad_address", True),
        ("5.0.0", "smtp; 550 message blocked", "policy", False),
        ("", "smtp; 550 5.1.1 unknown", "bad_address", True),
    ],
)
def test_a_failure_says_whether_it_is_for_good(
    status: str, diagnostic: str, reason: str, permanent: bool
) -> None:
    (found,) = heard(report(status=status, diagnostic=diagnostic), BACK)
    assert (found.reason, found.permanent) == (reason, permanent)


@pytest.mark.parametrize(
    ("action", "outcomes"),
    [
        ("failed", ["bounced"]),
        ("delayed", []),
        ("relayed", ["delivered"]),
        ("delivered", ["delivered"]),
        ("", []),
    ],
)
def test_each_action_is_understood(action: str, outcomes: list[str]) -> None:
    assert [one.outcome for one in heard(report(action=action), BACK)] == outcomes


@pytest.mark.parametrize("way", ["address", "envelope", "message id", "delivered to"])
def test_a_report_is_matched_by_whatever_carries_the_token(way: str) -> None:
    given_ = {
        "address": report(),
        "envelope": report(to="bounces@bounce.shop.test", envelope=BACK.token(EFFECT)),
        "message id": report(to="postmaster@shop.test", message_id=f"<{BACK.token(EFFECT)}@shop.test>"),
        "delivered to": b"Delivered-To: " + BACK.bounce(EFFECT).encode() + b"\r\n" + report(to="x@shop.test"),
    }[way]
    (found,) = heard(given_, BACK)
    assert found.effect == EFFECT


@pytest.mark.parametrize(
    "raw",
    [
        report(to="bounces@bounce.shop.test"),
        report(to=f"bounces+{EFFECT}@bounce.shop.test"),
        report(to="bounces@bounce.shop.test", envelope=EFFECT, message_id=f"<{EFFECT}@shop.test>"),
        report(to=f"bounces+{signed(EFFECT, 'guessed')}@bounce.shop.test"),
    ],
    ids=["bare", "unsigned", "unsigned ids", "wrong secret"],
)
def test_strangers_cannot_suppress_anybody(raw: bytes) -> None:
    assert heard(raw, BACK) == []


def test_a_repeated_report_has_the_same_key_and_another_one_another() -> None:
    keys = [heard(raw, BACK)[0].key for raw in (report(), report(), report(status="5.2.1"))]
    assert keys[0] == keys[1] != keys[2]


def test_reports_of_a_real_postfix_are_understood() -> None:
    path = SHARED / "captures" / "smtp-and-dsn.json"
    if not path.exists():
        pytest.skip("../shared is absent")
    found = []
    for one in json.loads(path.read_text("utf-8"))["postfix_dsn"]:
        if "raw" not in one:
            continue
        name = one["to"][0].partition("tok-")[2].partition("@")[0]
        theirs = ReturnAddress("bounces@bounces.test", "secret")
        # The recorded address had a token without a signature; everything else stays as Postfix wrote it.
        raw = one["raw"].replace(one["to"][0], theirs.bounce(name))
        found += [(one_.effect, one_.outcome, one_.permanent) for one_ in heard(raw.encode(), theirs)]
    assert ("perm", "bounced", True) in found
    assert all(permanent == (effect == "perm") for effect, _, permanent in found), found


# ------------------------------------------------------------------------------------------------- complaints


def complaint(kind: str = "abuse", *, original: str = BACK.bounce(EFFECT)) -> bytes:
    """A complaint in the Abuse Reporting Format (RFC 5965)."""
    return "\r\n".join(
        [
            "From: staff@provider.test",
            "To: abuse@shop.test",
            "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
            "",
            "--b",
            "Content-Type: text/plain",
            "",
            "This is an abuse report.",
            "--b",
            "Content-Type: message/feedback-report",
            "",
            f"Feedback-Type: {kind}",
            "User-Agent: Provider/1.0",
            "Version: 1",
            f"Original-Mail-From: <{original}>",
            f"Original-Rcpt-To: <{ADDRESS}>",
            "",
            "--b",
            "Content-Type: message/rfc822",
            "",
            "From: hello@shop.test",
            f"Message-ID: <{BACK.token(EFFECT)}@shop.test>",
            "Subject: Hello",
            "",
            "text",
            "--b--",
            "",
        ]
    ).encode()


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("abuse", "complained"), ("fraud", "complained"), ("opt-out", "unsubscribed"), ("not-spam", None)],
)
def test_a_complaint_is_heard(kind: str, outcome: str | None) -> None:
    found = heard(complaint(kind), BACK)
    assert [one.outcome for one in found] == ([outcome] if outcome else [])
    assert all((one.effect, one.address) == (EFFECT, ADDRESS) for one in found)


def test_a_complaint_is_matched_by_the_mail_it_returns() -> None:
    (found,) = heard(complaint(original="somebody@else.test"), BACK)
    assert found.effect == EFFECT


# ------------------------------------------------------------------------------------------------ other mails


def plain(to: str, text: str = "", **headers: str) -> bytes:
    lines = [f"To: {to}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + f"\r\nContent-Type: text/plain\r\n\r\n{text}\r\n").encode()


def test_a_mail_to_the_unsubscribe_address_unsubscribes() -> None:
    to = BACK.unsubscribe(EFFECT)
    (found,) = heard(plain(f"Unsubscribe <{to.upper()}>", From="ada@customer.test"), BACK)
    assert (found.outcome, found.effect) == ("unsubscribed", EFFECT)
    assert heard(plain(to, Auto_Submitted="auto-replied"), BACK) == []


def test_an_automatic_answer_to_a_mail_says_nothing() -> None:
    raw = plain(BACK.bounce(EFFECT), "I am away until 550 days from now", From="ada@customer.test")
    assert heard(raw, BACK) == []


@pytest.mark.parametrize(
    ("text", "reason", "permanent"),
    [
        (
            "Hi. This is the qmail-send program.\n<a@b.test>:\nRemote host said: 550 5.1.1 unknown",
            "bad_address",
            True,
        ),
        ("Delivery failed: 552 mailbox full", "mailbox_full", False),
        ("could not deliver: 450 4.2.0 try later", "mailbox_refused", False),
    ],
)
def test_prose_of_a_mail_server_is_understood(text: str, reason: str, permanent: bool) -> None:
    (found,) = heard(plain(BACK.bounce(EFFECT), text, From="MAILER-DAEMON@old.test"), BACK)
    assert (found.outcome, found.reason, found.permanent) == ("bounced", reason, permanent)


# ---------------------------------------------------------------------------------------------------- the
# hook


def hear(raw: bytes, user: str = "bounces", password: str = "pass") -> list[Heard]:
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {"authorization": f"Basic {basic}"}
    request = Request(method="POST", url="", headers=headers, query={}, body=raw, received=0)
    return list(asyncio.run(ReturnedMail(BACK, "pass").hear(request))[0])


def test_only_our_mail_server_hands_mails_over() -> None:
    assert len(hear(report())) == 1
    for user, password in (("bounces", "other"), ("", ""), ("pass", "bounces")):
        with pytest.raises(UnverifiedError):
            hear(report(), user, password)


def nested(levels: int) -> bytes:
    """Parts in parts in parts."""
    parts = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels)
    )
    return b"To: " + BACK.bounce(EFFECT).encode() + b"\r\nMIME-Version: 1.0\r\n" + parts


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"\xff" * 1_000,
        nested(2_000),
        report()[:500],
        report().replace(b"message/delivery-status", b"message/rfc822"),
        b"To: " + b"a," * 100_000 + b"\r\n\r\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=\r\n\r\nx",
    ],
    ids=range(8),
)
def test_mails_made_to_hurt_say_nothing(raw: bytes) -> None:
    assert [one for one in heard(raw, BACK) if one.permanent] == []


@given(st.data())
def test_a_damaged_report_never_raises(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from([report(), complaint()])))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=12))
        raw = raw or bytearray(b"x")
    for found in heard(bytes(raw), BACK):
        assert found.effect == EFFECT

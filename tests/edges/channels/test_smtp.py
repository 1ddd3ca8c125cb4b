"""E-mail by SMTP, against a real mail server on loopback: what arrives, and what each of its answers
means.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import dkim
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from sevenfold.channels.base import Adapter, ChannelError, Result
from sevenfold.channels.bounces import ReturnAddress
from sevenfold.channels.dkim import Signer, private_pem
from sevenfold.channels.smtp import SmtpAdapter, SmtpSettings
from sevenfold.channels.smtp_codes import verdict
from sevenfold.clock import SetClock
from tests.edges.channels.conformance import (
    ADDRESS,
    EFFECT,
    SUBJECT,
    WORDS,
    AdapterConformance,
    Behaviour,
    Stand,
    closing,
    outgoing,
    run,
    send,
)
from tests.edges.channels.peers.http import Answered, Asked, HttpPeer
from tests.edges.channels.peers.smtp import PASSWORD, USER, Authority, Fault, SmtpPeer

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
NOW = 1_790_000_000_000
BACK = {"bounce_address": "bounces@bounce.shop.test", "bounce_secret": "a secret of the channel"}


def settings(peer: SmtpPeer | None = None, **changes: Any) -> SmtpSettings:
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": peer.port if peer else 0,
        "security": "none",
        "from": "hello@shop.test",
    }
    return msgspec.convert(given | changes, SmtpSettings)


class SmtpStand(Stand):
    secrets = (PASSWORD,)
    absent = {"retry_after": "SMTP has no way to say how long to wait"}  # noqa: RUF012
    short_s = 0.3

    def __init__(self, peer: SmtpPeer) -> None:
        self.peer = peer

    def adapter(
        self, *, impatient: bool = False, port: int | None = None, password: str = PASSWORD
    ) -> Adapter:
        timeout_s = self.short_s if impatient else 5.0
        changes = {"timeout_s": timeout_s, "accept_timeout_s": timeout_s, "connections": 4}
        changes |= {"username": USER, "password": password}
        if port is not None:
            changes["port"] = port
        return SmtpAdapter(settings(self.peer, **changes), SetClock(NOW))

    def bad_credentials(self) -> Adapter:
        return self.adapter(password="wrong")

    def behave(self, how: Behaviour) -> None:
        faults = {
            "permanent": Fault("recipient", f"554 5.7.1 <{ADDRESS}>: blocked by policy"),
            "bad_recipient": Fault("recipient", f"550 5.1.1 <{ADDRESS}> user unknown"),
            "transient": Fault("data", "451 4.3.0 try again"),
            "throttled": Fault("recipient", "421 4.7.0 too many connections"),
            "auth": Fault("auth"),
            "garbage": Fault("data", "certainly, with pleasure"),
            "hang": Fault("data", how="hang"),
            "hang_up": Fault("data", how="hang_up"),
        }
        self.peer.next(faults[how])

    def taken(self) -> Sequence[str]:
        ids = [str(email.message_from_bytes(one.content)["Message-ID"]) for one in self.peer.taken]
        return [one.strip("<>").partition("@")[0] for one in ids]


class TestSmtp(AdapterConformance):
    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with SmtpPeer(login=True) as peer:
            yield SmtpStand(peer)


@pytest.fixture
def peer() -> Iterator[SmtpPeer]:
    with SmtpPeer() as started:
        yield started


def through(peer: SmtpPeer, *messages: Any, **changes: Any) -> list[Result]:
    return send(SmtpAdapter(settings(peer, **changes), SetClock(NOW)), *messages)


# ------------------------------------------------------------------------------------------------------- what
# arrives


def test_what_was_rendered_arrives(peer: SmtpPeer) -> None:
    (result,) = through(peer, outgoing())
    assert (result.verdict, result.provider_id) == ("accepted", "Q00001")
    mail = email.message_from_bytes(peer.taken[0].content, policy=email.policy.default)
    assert mail["Subject"] == SUBJECT
    assert str(mail["From"]) == "Café Gewürz <hello@shop.test>"
    assert mail["To"] == ADDRESS
    assert mail["Feedback-ID"] == "order:welcome:news:shop.test"
    assert mail["Date"].datetime.timestamp() * 1_000 == NOW
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail.get_body(("plain",)).get_content().strip() == WORDS
    assert mail.get_body(("html",)).get_content().strip() == f"<p>{WORDS}</p>"
    assert not mail.defects


def test_a_long_unsubscribe_link_arrives_in_one_piece(peer: SmtpPeer) -> None:
    link = f"<https://go.shop.test/u/{'t' * 400}>"
    content = msgspec.structs.replace(outgoing().content, headers={"List-Unsubscribe": link})
    through(peer, outgoing(content=content))
    assert f"List-Unsubscribe: {link}\r\n".encode() in peer.taken[0].content


def test_lines_that_begin_with_a_dot_stay_whole(peer: SmtpPeer) -> None:
    text = "one\n.\n..two\n.three"
    through(peer, outgoing(content=msgspec.structs.replace(outgoing().content, text=text, html=None)))
    mail = email.message_from_bytes(peer.taken[0].content, policy=email.policy.default)
    assert mail.get_content().replace("\r\n", "\n").strip() == text


@pytest.mark.parametrize(
    "field", ["subject", "from_", "reply_to", "list", "address", "template", "journey", "name"]
)
def test_nothing_in_a_message_can_begin_a_header(peer: SmtpPeer, field: str) -> None:
    evil = "x\r\nBcc: eve@evil.test\r\n\r\nbody"
    message, replace = outgoing(), msgspec.structs.replace
    changed = {
        "subject": lambda: replace(message, content=replace(message.content, subject=evil)),
        "from_": lambda: replace(message, content=replace(message.content, from_=f"{evil} <a@shop.test>")),
        "reply_to": lambda: replace(message, content=replace(message.content, reply_to=f"a@b.test{evil}")),
        "list": lambda: replace(message, content=replace(message.content, headers={"List-Help": evil})),
        "address": lambda: replace(message, address="ada@customer.test\r\nRCPT TO:<eve@evil.test>"),
        "template": lambda: replace(message, content=replace(message.content, template=evil)),
        "journey": lambda: replace(message, data={"journey": evil}),
        "name": lambda: replace(message, content=replace(message.content, headers={evil: "x", "Bcc\0": "y"})),
    }[field]()
    through(peer, changed)
    for taken in peer.taken:
        assert taken.recipients == [ADDRESS]
        mail = email.message_from_bytes(taken.content)
        assert mail["Bcc"] is None
        assert mail.get_content_type() == "multipart/alternative"


def test_a_template_cannot_replace_headers_that_are_ours(peer: SmtpPeer) -> None:
    headers = {"To": "eve@evil.test", "DKIM-Signature": "v=1", "From": "ceo@bank.test", "X-Fine": "yes"}
    through(peer, outgoing(content=msgspec.structs.replace(outgoing().content, headers=headers)))
    mail = email.message_from_bytes(peer.taken[0].content)
    assert (mail.get_all("To"), len(mail.get_all("From")), mail["DKIM-Signature"]) == ([ADDRESS], 1, None)
    assert mail["X-Fine"] == "yes"


def test_a_mail_leaves_from_an_address_of_its_own_and_asks_for_reports(peer: SmtpPeer) -> None:
    through(peer, outgoing(), **BACK)
    (taken,) = peer.taken
    back = ReturnAddress(*BACK.values())
    assert back.read(taken.sender) == (EFFECT, False)
    envid = next(one for one in taken.options if one.startswith("ENVID="))
    assert back.read(envid.removeprefix("ENVID=")) == (EFFECT, False)
    assert {"RET=HDRS", "NOTIFY=FAILURE,DELAY"} <= set(taken.options)
    assert f"ORCPT=rfc822;{ADDRESS.replace('+', '+2B')}" in taken.options
    mail = email.message_from_bytes(taken.content)
    assert back.read(str(mail["Message-ID"])) == (EFFECT, False)
    link, by_mail = str(mail["List-Unsubscribe"]).replace("\r\n", "").split(", ")
    assert link.startswith("<https://go.shop.test/u/")
    assert back.read(by_mail.removeprefix("<mailto:").partition("?")[0]) == (EFFECT, True)


def test_a_server_without_reports_is_not_asked_for_them() -> None:
    with SmtpPeer(dsn=False) as peer:
        through(peer, outgoing(), **BACK)
        assert not [one for one in peer.taken[0].options if one.startswith(("RET", "ENVID", "NOTIFY"))]


def test_an_address_beyond_ascii_needs_a_server_that_takes_it(peer: SmtpPeer) -> None:
    beyond, domain = outgoing(address="jörg@müller.test"), outgoing(1, address="joerg@müller.test")
    first, second = through(peer, beyond, domain)
    assert (first.verdict, second.verdict) == ("accepted", "accepted")
    assert peer.taken[0].recipients == ["jörg@xn--mller-kva.test"]
    assert peer.taken[1].recipients == ["joerg@xn--mller-kva.test"]
    with SmtpPeer(utf8=False) as other:
        first, second = through(other, beyond, domain)
        assert (first.verdict, first.reason, first.suppress) == ("permanent", "unsupported_address", False)
        assert second.verdict == "accepted"


@pytest.mark.parametrize(
    ("change", "verdict_", "reason"),
    [
        ({"address": None}, "permanent", "bad_address"),
        ({"address": "nobody"}, "permanent", "bad_address"),
        ({"address": "a@x.test, b@x.test"}, "permanent", "bad_address"),
        ({"content": {"from_": None}}, "config_error", "no_sender"),
        ({"content": {"text": " ", "html": None}}, "permanent", "no_content"),
        ({"content": {"html": "x" * 3_000_000}}, "permanent", "too_large"),
    ],
)
def test_what_is_no_mail_is_never_sent(
    peer: SmtpPeer, change: dict[str, Any], verdict_: str, reason: str
) -> None:
    message = outgoing()
    if isinstance(change.get("content"), dict):
        change = {"content": msgspec.structs.replace(message.content, **change["content"])}
    (result,) = through(peer, msgspec.structs.replace(message, **change), **{"from": ""})
    assert (result.verdict, result.reason) == (verdict_, reason)
    assert not peer.sessions


# ------------------------------------------------------------------------------------------------------
# signatures


def keys() -> tuple[rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey]:
    return rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()


def test_signatures_are_verified_by_another_implementation(
    peer: SmtpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = keys()
    changes = {"dkim_domain": "shop.test", "dkim_selector": "s1", "dkim_key": private_pem(first)}
    changes |= {"dkim_second_selector": "s2", "dkim_second_key": private_pem(second)}
    through(peer, outgoing(), **BACK, **changes)
    raw = peer.taken[0].content
    records = {
        b"s1._domainkey.shop.test.": Signer("shop.test", "s1", private_pem(first)).record(),
        b"s2._domainkey.shop.test.": Signer("shop.test", "s2", private_pem(second)).record(),
    }

    def dns(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        return records[name].encode()

    monkeypatch.setattr(dkim, "nacl", _Nacl, raising=False)
    assert raw.count(b"DKIM-Signature:") == 2
    for index in (0, 1):
        verifier = dkim.DKIM(raw)
        assert verifier.verify(idx=index, dnsfunc=dns), index
        named = {name.lower() for name, _ in verifier.signed_headers}
        assert {b"from", b"to", b"subject", b"list-unsubscribe", b"list-unsubscribe-post"} <= named
    changed = raw.replace(b"go.shop.test", b"go.evil.test")
    assert not dkim.DKIM(changed).verify(idx=0, dnsfunc=dns)
    with pytest.raises(dkim.ValidationError, match="body hash"):
        dkim.DKIM(raw.replace(b"seventeen", b"eighteen")).verify(idx=1, dnsfunc=dns)
    twice = b"List-Unsubscribe: <https://evil.test>\r\n" + raw
    assert not dkim.DKIM(twice).verify(idx=1, dnsfunc=dns), "a second header was not noticed"


class _Nacl:
    """What dkimpy asks of PyNaCl to verify Ed25519, by `cryptography`."""

    class encoding:  # noqa: N801
        class Base64Encoder:
            pass

    class exceptions:  # noqa: N801
        class ValueError(ValueError):  # noqa: A001
            pass

        class BadSignatureError(Exception):
            pass

    class signing:  # noqa: N801
        class VerifyKey:
            def __init__(self, key: bytes, encoder: object = None) -> None:
                import base64

                self._key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(key))

            def verify(self, data: bytes, signature: bytes) -> bytes:
                from cryptography.exceptions import InvalidSignature

                try:
                    self._key.verify(signature, data)
                except InvalidSignature as error:
                    raise _Nacl.exceptions.BadSignatureError from error
                return data


@pytest.mark.parametrize(
    "key", ["not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", ""]
)
def test_a_key_that_cannot_sign_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ChannelError) as raised:
        Signer("shop.test", "s1", key)
    assert "AAAA" not in str(raised.value)


# -----------------------------------------------------------------------------------------------------
# connections


def test_a_connection_carries_many_mails(peer: SmtpPeer) -> None:
    results = through(peer, *(outgoing(n) for n in range(1, 8)), messages_per_connection=5)
    assert {one.verdict for one in results} == {"accepted"}
    assert [one.session for one in peer.taken] == [1, 1, 1, 1, 1, 2, 2]


def test_a_connection_goes_on_after_a_refusal(peer: SmtpPeer) -> None:
    peer.next(Fault("recipient", "550 5.1.1 unknown"))
    first, second = through(peer, outgoing(1), outgoing(2))
    assert (first.verdict, second.verdict, peer.sessions) == ("permanent", "accepted", 1)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("sender", "421 4.3.2 closing, idle too long"),
        Fault("sender", how="hang_up"),
        Fault("recipient", how="hang_up"),
        Fault("data_command", how="hang_up"),
    ],
    ids=str,
)
def test_a_kept_connection_that_ended_costs_nothing(peer: SmtpPeer, fault: Fault) -> None:
    async def work() -> list[Result]:
        async with closing(SmtpAdapter(settings(peer), SetClock(NOW))) as adapter:
            first = await adapter.send(outgoing(1))
            peer.next(fault)
            return [first, await adapter.send(outgoing(2))]

    first, second = run(work)
    assert (first.verdict, second.verdict) == ("accepted", "accepted")
    assert (len(peer.taken), peer.sessions) == (2, 2)


def test_a_new_connection_that_ends_before_the_mail_is_handed_over_is_transient(peer: SmtpPeer) -> None:
    peer.next(Fault("data_command", how="hang_up"))
    (result,) = through(peer, outgoing())
    assert (result.verdict, result.reason) == ("transient", "unreachable")


def test_no_more_connections_than_allowed(peer: SmtpPeer) -> None:
    async def work() -> list[Result]:
        async with closing(SmtpAdapter(settings(peer, connections=3), SetClock(NOW))) as adapter:
            return await asyncio.gather(*(adapter.send(outgoing(n)) for n in range(1, 31)))

    assert {one.verdict for one in run(work)} == {"accepted"}
    assert (len(peer.taken), peer.sessions <= 3) == (30, True)


# -------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_password_goes_over_tls_that_is_checked(authority: Authority, security: str) -> None:
    login = {"username": USER, "password": PASSWORD}
    with SmtpPeer(tls=authority.server, implicit=security == "tls", login=security == "starttls") as peer:
        trusted = {"security": security, "ca_file": str(authority.file), "host": "localhost"}
        trusted |= login if security == "starttls" else {}
        (result,) = through(peer, outgoing(), **trusted)
        assert result.verdict == "accepted", result
        assert peer.taken[0].tls
        (result,) = through(peer, outgoing(), **(trusted | {"ca_file": ""}))
        assert (result.verdict, result.reason) == ("config_error", "tls")
        assert len(peer.taken) == 1


def test_a_server_that_offers_no_tls_gets_neither_password_nor_mail(peer: SmtpPeer) -> None:
    (result,) = through(peer, outgoing(), security="starttls", username=USER, password=PASSWORD)
    assert (result.verdict, result.reason, result.scope) == ("config_error", "tls", "account")
    assert not peer.taken


# ----------------------------------------------------------------------------------------- codes and settings


@pytest.mark.parametrize(
    ("code", "text", "stage", "expected"),
    [
        (550, "5.1.1 user unknown", "recipient", ("permanent", "bad_address", "recipient", True)),
        (550, "no such user", "recipient", ("permanent", "bad_address", "recipient", True)),
        (550, "blocked using a DNSBL", "recipient", ("permanent", "policy", "message", False)),
        (550, "5.7.1 unknown user here", "recipient", ("permanent", "policy", "message", False)),
        (550, "5.7.26 unauthenticated", "data", ("permanent", "sender_auth", "account", False)),
        (552, "5.2.2 over quota", "recipient", ("permanent", "mailbox_full", "recipient", False)),
        (452, "4.2.2 mailbox full", "recipient", ("transient", "mailbox_full", "recipient", False)),
        (550, "5.2.1 disabled", "recipient", ("permanent", "mailbox_disabled", "recipient", True)),
        (556, "5.1.10 null MX", "recipient", ("permanent", "bad_domain", "recipient", True)),
        (550, "5.4.1 access denied", "recipient", ("permanent", "unroutable", "recipient", False)),
        (450, "4.2.0 greylisted", "recipient", ("transient", "mailbox_refused", "recipient", False)),
        (450, "4.7.1 greylisted", "recipient", ("throttled", "rate", "account", False)),
        (421, "4.7.0 too many", "recipient", ("throttled", "rate", "account", False)),
        (421, "closing", "sender", ("transient", "provider", "account", False)),
        (552, "5.3.4 message too big", "data", ("permanent", "too_large", "message", False)),
        (554, "spam", "data", ("permanent", "rejected", "message", False)),
        (550, "5.1.0 sender rejected", "sender", ("config_error", "sender_rejected", "account", False)),
        (530, "5.7.0 authentication required", "sender", ("config_error", "auth", "account", False)),
        (535, "5.7.8 bad credentials", "auth", ("config_error", "auth", "account", False)),
        (454, "4.7.0 temporary", "auth", ("transient", "auth_unavailable", "account", False)),
        (554, "no service for you", "connect", ("config_error", "blocked", "account", False)),
        (501, "syntax", "sender", ("permanent", "protocol", "message", False)),
    ],
)
def test_each_code_says_whose_fault_it_is(
    code: int, text: str, stage: Any, expected: tuple[str, str, str, bool]
) -> None:
    found = verdict(code, text, stage)
    assert (found.verdict, found.reason, found.scope, found.suppress) == expected


def test_codes_of_a_real_server_are_understood() -> None:
    path = SHARED / "captures" / "smtp-and-dsn.json"
    if not path.exists():
        pytest.skip("../shared is absent")
    expected = {
        "rcpt_perm": ("permanent", True),
        "rcpt_temp": ("transient", False),
        "rcpt_full": ("transient", False),
        "rcpt_policy": ("permanent", False),
        "rcpt_rate": ("throttled", False),
        "data_451": ("transient", False),
        "data_552": ("permanent", False),
        "mailfrom_550": ("config_error", False),
    }
    seen = 0
    for case in json.loads(path.read_text("utf-8"))["aiosmtplib_outcomes"]:
        if case["case"] not in expected:
            continue
        stage: Any = {"d": "data", "m": "sender", "r": "recipient"}[case["case"][0]]
        code, text = (case.get("recipients") or [[case["code"], case["message"]]])[0][:2]
        found = verdict(code, text, stage, "perm@x")
        assert (found.verdict, found.suppress) == expected[case["case"]], case
        assert "@" not in found.detail
        seen += 1
    assert seen == len(expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "mail.shop.test"},
        {"username": "x"},
        {"bounce_address": "b@x.test"},
        {"dkim_domain": "x.test"},
        {"connections": 0},
        {"colour": "red"},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**changes)


class TokenPeer(HttpPeer):
    """Gives access tokens, one after the other."""

    def __init__(self, *tokens: str) -> None:
        super().__init__()
        self.tokens, self.forms = list(tokens), list[dict[str, list[str]]]()

    def accept(self, asked: Asked) -> Answered:
        self.forms.append(parse_qs(asked.body.decode()))
        if not self.tokens:
            return Answered(400, {"error": "invalid_grant"})
        return Answered(200, {"access_token": self.tokens.pop(0), "expires_in": 3_600})


@pytest.mark.parametrize("refresh", ["", "refresh-me"])
def test_a_server_is_logged_in_to_with_an_access_token_that_is_fetched_once(
    authority: Authority, refresh: str
) -> None:
    with TokenPeer("right") as tokens, SmtpPeer(tls=authority.server, login=True, token="right") as peer:
        more = {"oauth_refresh_token": refresh, "oauth_client_secret": "s3cret", "oauth_client_id": "us"}
        given = {"username": USER, "oauth_url": f"{tokens.url}/token", **more}
        more = {"security": "starttls", "ca_file": str(authority.file), "host": "localhost"}
        results = through(peer, outgoing(1), outgoing(2), **given, **more)
        assert [one.verdict for one in results] == ["accepted", "accepted"]
        (form,) = tokens.forms
        grant = "refresh_token" if refresh else "client_credentials"
        assert (form["grant_type"], form["client_secret"]) == ([grant], ["s3cret"])
        assert form.get("refresh_token", [""]) == [refresh]


def test_a_token_that_is_refused_is_fetched_anew_and_a_grant_that_is_over_pauses_the_channel(
    authority: Authority,
) -> None:
    tls = authority.server
    with TokenPeer("old", "right") as tokens, SmtpPeer(tls=tls, login=True, token="right") as peer:
        given = {"username": USER, "oauth_url": f"{tokens.url}/token", "oauth_client_id": "us"}
        more = {"security": "starttls", "ca_file": str(authority.file), "host": "localhost"}
        results = through(peer, outgoing(1), outgoing(2), **given, **more)
        assert [(one.verdict, one.reason) for one in results] == [("config_error", "auth"), ("accepted", "")]
        (over,) = through(peer, outgoing(3), **given, **more)
        assert (over.verdict, over.reason) == ("config_error", "auth")
        assert "old" not in str(results) and "us" not in over.detail.split()

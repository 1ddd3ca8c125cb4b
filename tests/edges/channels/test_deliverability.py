"""What a sending domain's DNS must say, how fast to begin, when to stop, and what a former provider knew."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Any, Literal

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.channels.deliverability import (
    WARM_UP,
    Counts,
    Dns,
    Domain,
    Finding,
    Suppressed,
    Thresholds,
    allowance,
    controls,
    count,
    days_for,
    examine,
    import_bodies,
    read_export,
    related,
    tags_of,
    verdict,
)
from sevenfold.channels.dkim import Signer, private_pem
from sevenfold.channels.suppression_files import ExportError
from sevenfold.cli import main
from sevenfold.limits import OPT_OUT_IMPORT_ROWS_MAX

RECORD = Signer("shop.test", "s1", private_pem(rsa.generate_private_key(65537, 2048))).record()
OTHER = Signer("shop.test", "s1", private_pem(rsa.generate_private_key(65537, 2048))).record()
SMALL = Signer("shop.test", "s1", private_pem(rsa.generate_private_key(65537, 1024))).record()
ED25519 = Signer("shop.test", "s1", private_pem(ed25519.Ed25519PrivateKey.generate())).record()
Zone = dict[tuple[str, str], list[str]]
GOOD: Zone = {
    ("bounce.shop.test", "TXT"): ["v=spf1 include:spf.provider.test -all"],
    ("spf.provider.test", "TXT"): ["v=spf1 ip4:192.0.2.0/24 ~all"],
    ("bounce.shop.test", "MX"): ["10 mail.shop.test"],
    ("shop.test", "MX"): ["10 mail.shop.test"],
    ("s1._domainkey.shop.test", "TXT"): [RECORD],
    ("_dmarc.shop.test", "TXT"): ["v=DMARC1; p=reject; rua=mailto:dmarc@shop.test"],
    ("go.shop.test", "CNAME"): ["sevenfold.shop.test"],
}
DOMAIN = Domain(
    sender="shop.test",
    envelope="bounce.shop.test",
    spf_include="spf.provider.test",
    dkim={"s1": RECORD},
    tracking="go.shop.test",
    tracking_target="sevenfold.shop.test",
)


class Zones:
    """The DNS as a table; `silent` names do not answer."""

    def __init__(
        self, zone: Mapping[tuple[str, str], list[str]], silent: frozenset[str] = frozenset()
    ) -> None:
        self._zone, self._silent = zone, silent

    async def lookup(self, name: str, kind: Literal["TXT", "MX", "CNAME", "A", "AAAA"]) -> list[str]:
        if name in self._silent:
            raise OSError(f"the DNS did not answer about {name}")
        return self._zone.get((name, kind), [])


async def _fine(host: str) -> None:
    assert host == "go.shop.test"


def examined(
    zone: Mapping[tuple[str, str], list[str]],
    domain: Domain = DOMAIN,
    handshake: Any = _fine,
    silent: frozenset[str] = frozenset(),
) -> dict[str, Finding]:
    found = asyncio.run(examine(domain, Zones(zone, silent), handshake))
    return {one.what: one for one in found}


# ------------------------------------------------------------------------------------------------ the domain


def test_a_domain_that_is_set_up_well_is_fine() -> None:
    found = examined(GOOD)
    assert list(found) == ["spf", "mx", "dmarc", "dkim s1", "tracking", "tls", "alignment"]
    assert {one.standing for one in found.values()} == {"fine"}, found


@pytest.mark.parametrize(
    ("what", "name", "kind", "records", "standing", "says"),
    [
        ("spf", "bounce.shop.test", "TXT", [], "wrong", "has no SPF record"),
        ("spf", "bounce.shop.test", "TXT", ["v=spf1 -all", "v=spf1 ~all"], "wrong", "2 SPF records"),
        ("spf", "bounce.shop.test", "TXT", ["v=spf1 mx -all"], "wrong", "does not allow spf.provider.test"),
        ("spf", "bounce.shop.test", "TXT", ["v=spf1 include:spf.provider.test +all"], "wrong", "everybody"),
        (
            "spf",
            "bounce.shop.test",
            "TXT",
            ["v=spf1 include:spf.provider.test"],
            "warning",
            "what to do with others",
        ),
        ("mx", "bounce.shop.test", "MX", [], "wrong", "bounces and answers are lost"),
        ("mx", "shop.test", "MX", ["0 "], "wrong", "null MX"),
        ("dmarc", "_dmarc.shop.test", "TXT", [], "wrong", "no DMARC policy"),
        ("dmarc", "_dmarc.shop.test", "TXT", ["v=DMARC1; p=none"], "warning", "nobody gets the reports"),
        (
            "dmarc",
            "_dmarc.shop.test",
            "TXT",
            ["v=DMARC1; p=none; rua=mailto:x@y"],
            "warning",
            "let forgeries pass",
        ),
        ("dmarc", "_dmarc.shop.test", "TXT", ["v=DMARC1; p=maybe"], "wrong", "`maybe`"),
        ("dmarc", "_dmarc.shop.test", "TXT", ["v=DMARC1; p=none", "v=DMARC1; p=none"], "wrong", "2 records"),
        ("dkim s1", "s1._domainkey.shop.test", "TXT", [], "wrong", "no key"),
        ("dkim s1", "s1._domainkey.shop.test", "TXT", ["v=DKIM1; p="], "wrong", "revoked"),
        (
            "dkim s1",
            "s1._domainkey.shop.test",
            "TXT",
            [OTHER],
            "wrong",
            "not the one that mails are signed with",
        ),
        ("dkim s1", "s1._domainkey.shop.test", "TXT", [f"{RECORD}; t=y"], "warning", "a test"),
        ("tracking", "go.shop.test", "CNAME", [], "wrong", "leads nowhere"),
        ("tracking", "go.shop.test", "CNAME", ["else.test"], "wrong", "leads to else.test"),
    ],
)
def test_each_fault_is_found_and_says_what_to_do(
    what: str, name: str, kind: str, records: list[str], standing: str, says: str
) -> None:
    found = examined(GOOD | {(name, kind): records})
    assert found[what].standing == standing
    assert says in found[what].said
    assert found[what].fix
    others = {key for key, one in found.items() if one.standing != "fine"}
    assert others == {what}, found


def test_a_missing_record_is_written_out() -> None:
    spf = examined(GOOD | {("bounce.shop.test", "TXT"): []})["spf"]
    assert spf.record == ("bounce.shop.test", "TXT", "v=spf1 include:spf.provider.test ~all")
    spf = examined(GOOD | {("bounce.shop.test", "TXT"): ["v=spf1 mx -all"]})["spf"]
    assert spf.record == ("bounce.shop.test", "TXT", "v=spf1 include:spf.provider.test mx -all")
    dkim = examined(GOOD | {("s1._domainkey.shop.test", "TXT"): []})["dkim s1"]
    assert dkim.record == ("s1._domainkey.shop.test", "TXT", RECORD)


@pytest.mark.parametrize(
    ("record", "standing"),
    [(RECORD, "fine"), (ED25519, "fine"), (SMALL, "warning"), ("v=DKIM1; p=AAAA", "wrong"), ("p=!", "wrong")],
    ids=["2048", "ed25519", "1024", "no key", "no base64"],
)
def test_a_providers_key_is_looked_at(record: str, standing: str) -> None:
    domain = Domain(sender="shop.test", dkim={"s1": ""})
    found = examined({("s1._domainkey.shop.test", "TXT"): [record]}, domain)
    assert found["dkim s1"].standing == standing, found["dkim s1"]


def test_without_dkim_nothing_is_fine() -> None:
    found = examined(GOOD, Domain(sender="shop.test"))
    assert found["dkim"].standing == "wrong"


def test_spf_stops_at_ten_look_ups() -> None:
    zone: Zone = {("shop.test", "TXT"): ["v=spf1 include:a0.test ~all"]}
    zone |= {(f"a{n}.test", "TXT"): [f"v=spf1 mx include:a{n + 1}.test ~all"] for n in range(12)}
    found = examined(zone, Domain(sender="shop.test", dkim={"s1": ""}))
    assert found["spf"].standing == "wrong"
    assert "receivers stop at 10" in found["spf"].said
    circle: Zone = {
        ("shop.test", "TXT"): ["v=spf1 include:b.test ~all"],
        ("b.test", "TXT"): ["v=spf1 include:b.test ~all"],
    }
    assert examined(circle, Domain(sender="shop.test"))["spf"].standing == "fine"


def test_a_policy_above_holds_for_what_is_below() -> None:
    zone = {("_dmarc.shop.test", "TXT"): ["v=DMARC1; p=none; sp=reject; rua=mailto:x@shop.test"]}
    found = examined(zone, Domain(sender="news.shop.test"))["dmarc"]
    assert (found.standing, found.said) == ("fine", "shop.test has p=reject")


def test_a_return_address_elsewhere_is_told() -> None:
    aligned = Domain(sender="shop.test", envelope="bounce.provider.test", dkim={"s1": RECORD})
    assert examined(GOOD, aligned)["alignment"].standing == "warning"
    assert (
        examined(GOOD, Domain(sender="shop.test", envelope="b.provider.test"))["alignment"].standing
        == "wrong"
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("shop.test", "shop.test", True),
        ("go.shop.test", "shop.test", True),
        ("a.shop.example", "b.shop.example", True),
        ("shop.test", "otherShop.test", False),
        ("notshop.test", "shop.test", False),
        ("a.test", "b.test", False),
    ],
)
def test_domains_are_related_below_a_common_name(one: str, other: str, same: bool) -> None:
    assert related(one, other) is same
    assert related(other, one) is same


@pytest.mark.parametrize(
    ("error", "says"),
    [(ssl.SSLCertVerificationError("expired"), "not trusted"), (ConnectionRefusedError(), "port 443")],
)
def test_a_tracking_host_without_tls_is_found(error: Exception, says: str) -> None:
    async def fail(host: str) -> None:
        raise error

    found = examined(GOOD, handshake=fail)["tls"]
    assert found.standing == "wrong"
    assert says in found.said


def test_a_silent_dns_is_unknown_and_not_wrong() -> None:
    found = examined(GOOD, silent=frozenset({"_dmarc.shop.test"}))
    assert {what for what, one in found.items() if one.standing != "fine"} == {"dmarc"}
    assert found["dmarc"].standing == "unknown"


@given(st.text(max_size=60))
def test_no_record_breaks_the_checks(text: str) -> None:
    assert isinstance(tags_of(text), dict)
    zone = {key: [text, f"v=spf1 {text}"] for key in GOOD} | {
        ("_dmarc.shop.test", "TXT"): [f"v=DMARC1; {text}"]
    }
    assert len(examined(zone)) >= 5


# ------------------------------------------------------------------------------------------ the DNS itself


@pytest.fixture
def name_server() -> Iterator[int]:
    """A name server on loopback, asked over UDP."""
    long = "v=spf1 " + "ip4:192.0.2.1 " * 30 + "-all"
    halves = f'"{long[:200]}" "{long[200:400]}" "{long[400:]}"'
    zone = {
        ("shop.test.", "TXT"): [halves],
        ("shop.test.", "MX"): ["10 mail.shop.test."],
        ("go.shop.test.", "CNAME"): ["target.shop.test."],
    }
    server = socket(AF_INET, SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while True:
            raw, who = server.recvfrom(4_096)
            if stop.is_set():
                return
            asked = dns.message.from_wire(raw)
            question = asked.question[0]
            name, kind = str(question.name), dns.rdatatype.to_text(question.rdtype)
            answer = dns.message.make_response(asked)
            answer.flags |= dns.flags.RA
            if name == "broken.test.":
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif not any(known == name for known, _ in zone):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif (name, kind) in zone:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *zone[name, kind]))
            server.sendto(answer.to_wire(), who)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    stop.set()
    server.sendto(b"", server.getsockname())
    thread.join(5)
    server.close()


def test_a_real_name_server_is_asked(name_server: int) -> None:
    async def asked() -> tuple[list[str], ...]:
        resolver = Dns(["127.0.0.1"], name_server)
        return (
            await resolver.lookup("shop.test", "TXT"),
            await resolver.lookup("shop.test", "MX"),
            await resolver.lookup("go.shop.test", "CNAME"),
            await resolver.lookup("shop.test", "A"),
            await resolver.lookup("nobody.test", "TXT"),
        )

    text, mx, alias, nothing, nobody = asyncio.run(asked())
    assert text[0].startswith("v=spf1")
    assert text[0].endswith("-all")
    assert len(text[0]) > 400, "a record of several strings is one text"
    assert (mx, alias, nothing, nobody) == (["10 mail.shop.test"], ["target.shop.test"], [], [])

    async def broken(name: str) -> None:
        await Dns(["127.0.0.1"], name_server).lookup(name, "TXT")

    for name in ("broken.test", "a" * 64 + ".test"):
        with pytest.raises(OSError, match="did not answer"):
            asyncio.run(broken(name))


# ------------------------------------------------------------------------------------------------ reputation


@pytest.mark.parametrize(
    ("counts", "action", "measure"),
    [
        (Counts(sent=0), "go", ""),
        (Counts(sent=10_000, delivered=9_900, hard_bounced=100, complained=5), "go", ""),
        (Counts(sent=10_000, delivered=10_000, complained=10), "warn", "complaints"),
        (Counts(sent=10_000, delivered=10_000, complained=30), "pause", "complaints"),
        (Counts(sent=1_000, delivered=950, hard_bounced=50), "warn", "bounces"),
        (Counts(sent=1_000, delivered=900, hard_bounced=100), "pause", "bounces"),
        (Counts(sent=1_000, delivered=700, blocked=300), "pause", "blocks"),
        (Counts(sent=1_000, delivered=590, hard_bounced=110, blocked=300, complained=1), "pause", "bounces"),
        (Counts(sent=1_000, delivered=880, hard_bounced=110, complained=1), "pause", "bounces"),
        (Counts(sent=50, delivered=45, hard_bounced=5, complained=1), "go", ""),
        (Counts(sent=100, delivered=70, hard_bounced=30), "pause", "bounces"),
    ],
)
def test_a_channel_stops_when_too_much_goes_wrong(counts: Counts, action: str, measure: str) -> None:
    found = verdict(counts)
    assert (found.action, found.measure) == (action, measure)
    assert bool(found.said) == bool(found.fix) == (action != "go")


def test_outcomes_are_counted_by_whose_fault_they_are() -> None:
    outcomes = [
        ("sent", None, False, 1_000),
        ("delivered", None, False, 900),
        ("opened", None, False, 400),
        ("bounced", "bad_address", True, 30),
        ("bounced", "mailbox_full", False, 9),
        ("bounced", "blocked", False, 20),
        ("failed", "policy", False, 5),
        ("failed", "unsubscribed", False, 3),
        ("complained", "abuse", True, 2),
    ]
    assert count(outcomes) == Counts(sent=1_000, delivered=900, hard_bounced=30, blocked=25, complained=2)
    assert count([("bounced", "bad_address", True, 50)]) == Counts(sent=50, hard_bounced=50)
    assert verdict(count([("bounced", "bad_address", True, 50)])).action == "pause"
    assert count([]) == Counts(sent=0)


numbers = st.integers(0, 5_000)


@given(
    st.builds(
        Counts, sent=st.integers(5_000, 20_000), hard_bounced=numbers, blocked=numbers, complained=numbers
    )
)
def test_more_going_wrong_never_looks_better(counts: Counts) -> None:
    order: Callable[[str], int] = ["go", "warn", "pause"].index
    before = order(verdict(counts).action)
    for field in ("hard_bounced", "blocked", "complained"):
        worse = {name: getattr(counts, name) for name in counts.__struct_fields__}
        worse[field] += 1_000
        assert order(verdict(Counts(**worse)).action) >= before


def test_thresholds_can_be_set() -> None:
    counts = Counts(sent=1_000, delivered=1_000, complained=1)
    assert verdict(counts, Thresholds(complaint_pause=0.001)).action == "pause"
    assert verdict(counts, Thresholds(complaint_warning=0.01, complaint_pause=0.02)).action == "go"


def test_a_new_sender_begins_slowly() -> None:
    assert [allowance(day) for day in (0, 1, 14)] == [50, 100, 25_000]
    assert allowance(len(WARM_UP)) is None
    assert all(before < after <= 2 * before for before, after in pairwise(WARM_UP))
    assert [days_for(n) for n in (1, 50, 51, 150, 151)] == [1, 1, 2, 2, 3]
    assert days_for(sum(WARM_UP)) == len(WARM_UP)
    assert days_for(sum(WARM_UP) + 1) == len(WARM_UP) + 1


# ---------------------------------------------------------------------------------------------- former
# provider

U, B, C, M = "unsubscribed", "bounce", "complaint", "manual"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("email,created\na@x.test,1\nb@x.test,2\n", [("a@x.test", U), ("b@x.test", U)]),
        ('status,reason,email,created\n5.1.1,"550, unknown",a@x.test,1\n', [("a@x.test", B)]),
        (
            "reason,email,created\nMail domain mentioned in email address is unknown,a@x.test,1\n",
            [("a@x.test", B)],
        ),
        ("ip,email,created\n1.2.3.4,a@x.test,1\n", [("a@x.test", C)]),
        (
            "EmailAddress,SuppressionReason,Origin,CreatedAt\na@x.test,HardBounce,Recipient,1\n"
            "b@x.test,SpamComplaint,Recipient,1\nc@x.test,ManualSuppression,Customer,1\n",
            [("a@x.test", B), ("b@x.test", C), ("c@x.test", U)],
        ),
        (
            "Email Address,First Name,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON\n"
            "a@x.test,Ada,2026-01-01,News,No longer interested\nb@x.test,Bo,2026-01-01,News,Spam\n",
            [("a@x.test", U), ("b@x.test", C)],
        ),
        ("Email Address,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE\na@x.test,2026-01-01,News\n", [("a@x.test", B)]),
        (
            "Email Address,Status\na@x.test,Subscribed\nb@x.test,Unsubscribed\nc@x.test,Cleaned\n",
            [("b@x.test", U), ("c@x.test", B)],
        ),
        (
            "EmailAddress,Reason,LastUpdateTime\na@x.test,BOUNCE,1\nb@x.test,COMPLAINT,1\n",
            [("a@x.test", B), ("b@x.test", C)],
        ),
        (
            "a@x.test,BOUNCE\nb@x.test,COMPLAINT\nc@x.test\n",
            [("a@x.test", B), ("b@x.test", C), ("c@x.test", M)],
        ),
        ("\ufeffemail\na@x.test\nnot an address\n\n", [("a@x.test", U)]),
        ("", []),
    ],
    ids=[
        "sendgrid unsubscribes",
        "sendgrid bounces",
        "sendgrid invalid",
        "sendgrid spam reports",
        "postmark",
        "mailchimp unsubscribed",
        "mailchimp cleaned",
        "one list with states",
        "ses",
        "ses import",
        "marked",
        "empty",
    ],
)
def test_exports_of_former_providers_are_read(text: str, expected: list[tuple[str, str]]) -> None:
    found = list(read_export(text.splitlines(keepends=True)))
    assert [(one.address, one.kind) for one in found] == expected


def test_a_file_that_says_no_reason_takes_the_one_given() -> None:
    assert [one.kind for one in read_export(["email\n", "a@x.test\n"], "bounce")] == ["bounce"]
    assert [one.kind for one in read_export(["a@x.test\n"], "complaint")] == ["complaint"]


@pytest.mark.parametrize("lines", [["name,phone\n", "Ada,1\n"], ["x" * 200_000 + "\n"]])
def test_a_file_without_addresses_is_refused(lines: list[str]) -> None:
    with pytest.raises(ExportError):
        list(read_export(lines))


def test_what_was_read_becomes_control_records() -> None:
    found = [
        Suppressed("a@x.test", "unsubscribed"),
        Suppressed("b@x.test", "bounce"),
        Suppressed("c@x.test", "complaint"),
    ]
    assert list(controls(found, "mail", "mailchimp")) == [
        {"op": "suppress", "channel": "mail", "address": "b@x.test", "reason": "bounce"},
        {"op": "suppress", "channel": "mail", "address": "c@x.test", "reason": "complaint"},
        {
            "op": "import_opt_outs",
            "opt_outs": ["a@x.test", "c@x.test"],
            "channel": "mail",
            "source": "mailchimp",
        },
    ]
    many = (Suppressed(f"{n}@x.test", "unsubscribed") for n in range(OPT_OUT_IMPORT_ROWS_MAX + 1))
    assert [len(one["opt_outs"]) for one in controls(many, "mail", "x")] == [OPT_OUT_IMPORT_ROWS_MAX, 1]


def test_the_api_takes_what_was_read() -> None:
    found = [
        Suppressed("a@x.test", "unsubscribed"),
        Suppressed("b@x.test", "bounce"),
        Suppressed("c@x.test", "complaint"),
    ]
    bodies = list(import_bodies(found, "mail", "ses"))
    assert [(one["kind"], one["addresses"]) for one in bodies] == [
        ("opt_out", ["a@x.test", "c@x.test"]),
        ("suppression", ["b@x.test", "c@x.test"]),
    ]
    assert {(one["channel"], one["source"]) for one in bodies} == {("mail", "ses")}


# -------------------------------------------------------------------------------------------- the command
# line


def invoked(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["mail", *arguments])


def test_a_key_is_made_for_its_owner_alone_and_never_over_another(tmp_path: Path) -> None:
    out = tmp_path / "dkim.pem"
    done = invoked("key", "shop.test", "--selector", "s7", "--out", str(out))
    assert done.exit_code == 0, done.output
    record = Signer("shop.test", "s7", out.read_text()).record()
    assert f's7._domainkey.shop.test TXT "{record}"' in done.output
    assert out.stat().st_mode & 0o077 == 0
    before = out.read_text()
    assert invoked("key", "shop.test", "--out", str(out), "--ed25519").exit_code == 2
    assert out.read_text() == before


def test_the_state_of_a_domain_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sevenfold.channels.deliverability.Dns", lambda servers: Zones(GOOD))
    plain = ("domain", "shop.test", "--return-address", "bounce.shop.test", "--spf", "spf.provider.test")
    done = invoked(*plain, "--selector", "s1")
    assert done.exit_code == 0, done.output
    assert "ok spf" in done.output
    done = invoked(*plain, "--selector", "s2", "--json")
    assert done.exit_code == 1
    standing = {one["what"]: one["standing"] for one in json.loads(done.output)}
    assert standing["dkim s2"] == "wrong"
    assert standing["spf"] == "fine"


def test_an_export_becomes_requests(tmp_path: Path) -> None:
    file, out = tmp_path / "export.csv", tmp_path / "requests.ndjson"
    file.write_text("EmailAddress,SuppressionReason\na@x.test,HardBounce\nb@x.test,ManualSuppression\n")
    done = invoked("suppressions", str(file), "--channel", "mail", "--source", "postmark", "--out", str(out))
    assert "2 addresses: 1 unsubscribed, 1 bounce" in done.output
    assert [json.loads(line)["kind"] for line in out.read_text().splitlines()] == ["opt_out", "suppression"]
    file.write_text("name\nAda\n")
    done = invoked("suppressions", str(file), "--channel", "mail")
    assert done.exit_code == 2
    assert "no column of addresses" in done.output


def test_the_fold_takes_these_records() -> None:
    from sevenfold.engine.fold import Fold
    from sevenfold.messages.policy import Consent, ConsentCategory, DeliveryChannel
    from sevenfold.workspace.models import Workspace

    consent = Consent(categories={"news": ConsentCategory(default="opt_out")})
    channels = {"mail": DeliveryChannel(type="email")}
    fold = Fold(Workspace(name="shop", channels=channels, consent=consent))
    found = read_export(
        ["EmailAddress,SuppressionReason\n", "a@x.test,HardBounce\n", "b@x.test,ManualSuppression\n"]
    )
    kinds = []
    for record in controls(found, "mail", "postmark"):
        effects = fold.control(1_000, record)
        kinds += [effect.kind for effect in effects]
    assert "suppressed" in kinds
    assert "opt_outs" in kinds

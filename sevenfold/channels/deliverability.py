"""Whether mails of a domain will arrive: what its DNS must say, how fast to begin, and when to stop.

`examine` asks the DNS and a host for its certificate, through a resolver that is given. How fast to begin and
when to stop is `reputation`, what a former provider knew `suppression_files`; both are offered here too. The
senders' requirements of Gmail and Yahoo (since February 2024) are why: SPF and DKIM, DMARC aligned, one-click
unsubscribing, complaints below 0.3 %.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, Literal, Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from msgspec import Struct

from .calling import trusting
from .reputation import WARM_UP, Assessment, Counts, Thresholds, allowance, count, days_for, verdict
from .suppression_files import Suppressed, controls, import_bodies, read_export

Standing = Literal["fine", "warning", "wrong", "unknown"]
_LOOKUPS_MAX: Final = 10
"""RFC 7208, 4.6.4: an SPF record that needs more is an error to receivers."""
_DNS_S: Final = 5.0
_RSA_BITS_MIN: Final = 1_024
_RSA_BITS_GOOD: Final = 2_048
_TERM: Final = re.compile(r"[+?~-]?(include|a|mx|ptr|exists|redirect)(?:[:=/]|$)", re.IGNORECASE)
_TAG: Final = re.compile(r"\s*([a-z]+)\s*=\s*(.*?)\s*", re.IGNORECASE | re.DOTALL)


class Resolver(Protocol):
    """Asks the DNS."""

    async def lookup(self, name: str, kind: Literal["TXT", "MX", "CNAME", "A", "AAAA"]) -> list[str]:
        """The records as texts (MX as `preference host`), empty where there are none. Raises OSError when
        nobody answers.
        """
        ...


class Dns:
    """The system's resolver, or the servers given."""

    def __init__(self, servers: Sequence[str] = (), port: int = 53) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = list(servers)
            self._resolver.port = port
        self._resolver.lifetime = _DNS_S

    async def lookup(self, name: str, kind: Literal["TXT", "MX", "CNAME", "A", "AAAA"]) -> list[str]:
        try:
            found = await self._resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, UnicodeError, ValueError) as error:
            raise OSError(f"the DNS did not answer about {name[:200]}") from error
        if kind == "TXT":
            return [b"".join(one.strings).decode("utf-8", "replace") for one in found]
        if kind == "MX":
            return [f"{one.preference} {str(one.exchange).rstrip('.')}" for one in found]
        return [str(one).rstrip(".") for one in found]


class Finding(Struct, frozen=True, kw_only=True):
    """One thing looked at: what was found, and what to do where it is not fine. `record` is the DNS record to
    make: (name, type, value).
    """

    what: str
    standing: Standing
    said: str
    fix: str = ""
    record: tuple[str, str, str] | None = None


class Domain(Struct, frozen=True, kw_only=True):
    """What to look at. `sender` is the domain mails are from, `envelope` that of their return address (not
    given: the same), `spf_include` the provider's SPF name (`amazonses.com`, `sendgrid.net`), `dkim`
    selectors with the record each should have ("" where only the provider knows it), `tracking` the host of
    links, which should lead to `tracking_target`.
    """

    sender: str
    envelope: str = ""
    spf_include: str = ""
    dkim: dict[str, str] = {}
    tracking: str = ""
    tracking_target: str = ""


Handshake = Callable[[str], Awaitable[None]]
"""Makes a TLS connection to a host. Raises OSError (ssl.SSLError among them) when that fails."""


async def examine(domain: Domain, resolver: Resolver, handshake: Handshake | None = None) -> list[Finding]:
    """Every check of a sending domain, in the order in which to put things right."""
    checks: list[tuple[str, Awaitable[Finding]]] = [
        ("spf", _spf(domain, resolver)),
        ("mx", _mx(domain, resolver)),
        ("dmarc", _dmarc(domain, resolver)),
        *((f"dkim {name}", _dkim(domain, name, record, resolver)) for name, record in domain.dkim.items()),
    ]
    if domain.tracking:
        checks.append(("tracking", _tracking(domain, resolver)))
        checks.append(("tls", _tls(domain, handshake or connect)))
    found = list(await asyncio.gather(*(_answered(what, one) for what, one in checks)))
    if not domain.dkim:
        message = "no DKIM selector is known"
        found.append(
            Finding(what="dkim", standing="wrong", said=message, fix="sign mails, and name the selector")
        )
    return [*found, _alignment(domain)]


async def _answered(what: str, check: Awaitable[Finding]) -> Finding:
    try:
        return await check
    except OSError as error:
        return Finding(what=what, standing="unknown", said=str(error), fix="try again later")


# ------------------------------------------------------------------------------------------------------- SPF


async def _spf(domain: Domain, resolver: Resolver) -> Finding:
    """RFC 7208, of the domain in the return address: that is the one receivers look at."""
    name = domain.envelope or domain.sender
    records = [one for one in await resolver.lookup(name, "TXT") if one.lower().startswith("v=spf1")]
    wanted = f"v=spf1 {f'include:{domain.spf_include} ' if domain.spf_include else 'mx '}~all"
    if not records:
        said = f"{name} has no SPF record"
        return Finding(what="spf", standing="wrong", said=said, fix="add it", record=(name, "TXT", wanted))
    if len(records) > 1:
        said = f"{name} has {len(records)} SPF records, and receivers then take none"
        return Finding(what="spf", standing="wrong", said=said, fix="join them into one")
    record = records[0]
    terms = record.split()
    if domain.spf_include and f"include:{domain.spf_include}" not in [
        one.lstrip("+").lower() for one in terms
    ]:
        fixed = " ".join([terms[0], f"include:{domain.spf_include}", *terms[1:]])
        said = f"the SPF record of {name} does not allow {domain.spf_include} to send"
        return Finding(what="spf", standing="wrong", said=said, fix="change it", record=(name, "TXT", fixed))
    if any(one.lower() in ("+all", "all") for one in terms):
        said = f"the SPF record of {name} allows everybody to send"
        return Finding(what="spf", standing="wrong", said=said, fix="end it in ~all or -all")
    lookups = await _lookups(record, resolver, set())
    if lookups > _LOOKUPS_MAX:
        said = f"the SPF record of {name} needs {lookups} look-ups; receivers stop at {_LOOKUPS_MAX}"
        return Finding(what="spf", standing="wrong", said=said, fix="remove what no longer sends for you")
    if not any(one.lower().lstrip("+-~?") == "all" or one.lower().startswith("redirect=") for one in terms):
        said = f"the SPF record of {name} does not say what to do with others"
        return Finding(what="spf", standing="warning", said=said, fix="end it in ~all or -all")
    return Finding(what="spf", standing="fine", said=f"{name} says who may send ({lookups} look-ups)")


async def _lookups(record: str, resolver: Resolver, seen: set[str]) -> int:
    """How many look-ups an SPF record costs, what it includes counted too."""
    count = 0
    for term in record.split()[1:]:
        match = _TERM.match(term)
        if match is None:
            continue
        count += 1
        kind = match[1].lower()
        target = re.split(r"[:=]", term, maxsplit=1)[-1].lower()
        if kind in ("include", "redirect") and target not in seen and count + len(seen) <= 2 * _LOOKUPS_MAX:
            seen.add(target)
            found = [one for one in await resolver.lookup(target, "TXT") if one.lower().startswith("v=spf1")]
            count += await _lookups(found[0], resolver, seen) if found else 0
    return count


# ------------------------------------------------------------------------------------------------ DKIM, DMARC


async def _dkim(domain: Domain, selector: str, wanted: str, resolver: Resolver) -> Finding:
    """RFC 6376, 3.6: the key that signatures are checked with."""
    name, what = f"{selector}._domainkey.{domain.sender}", f"dkim {selector}"
    records = await resolver.lookup(name, "TXT")
    record = (name, "TXT", wanted) if wanted else None
    if not records:
        fix = "add the record" if wanted else "copy the record from your provider"
        said = f"there is no key at {name}"
        return Finding(what=what, standing="wrong", said=said, fix=fix, record=record)
    tags = tags_of(records[0])
    key = re.sub(r"\s", "", tags.get("p", ""))
    if not key:
        said = f"the key at {name} is revoked"
        return Finding(what=what, standing="wrong", said=said, fix="add the new one", record=record)
    if wanted and key != re.sub(r"\s", "", tags_of(wanted).get("p", "")):
        said = f"the key at {name} is not the one that mails are signed with"
        return Finding(what=what, standing="wrong", said=said, fix="change the record", record=record)
    bits = _key_bits(key, tags.get("k", "rsa").lower())
    if bits == 0:
        said = f"the key at {name} cannot be read"
        return Finding(what=what, standing="wrong", said=said, fix="change the record", record=record)
    if tags.get("k", "rsa").lower() == "rsa" and bits < _RSA_BITS_GOOD:
        standing: Standing = "warning" if bits >= _RSA_BITS_MIN else "wrong"
        said = f"the key at {name} has {bits} bits"
        return Finding(what=what, standing=standing, said=said, fix=f"use one of {_RSA_BITS_GOOD:,}")
    if "y" in tags.get("t", "").lower().split(":"):
        said = f"the key at {name} is marked as a test, so receivers may ignore it"
        return Finding(what=what, standing="warning", said=said, fix="remove t=y")
    return Finding(what=what, standing="fine", said=f"the key at {name} is there")


def _key_bits(key: str, kind: str) -> int:
    """The size of a published key; 0 when it is none."""
    try:
        raw = base64.b64decode(key, validate=True)
        if kind == "ed25519":
            return 256 if len(raw) == 32 else 0
        found = load_der_public_key(raw)
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return 0
    return found.key_size if isinstance(found, RSAPublicKey) else 0


async def _dmarc(domain: Domain, resolver: Resolver) -> Finding:
    """RFC 7489: at the domain itself, else at the one above that people register."""
    for name in _dmarc_names(domain.sender):
        records = [
            one
            for one in await resolver.lookup(f"_dmarc.{name}", "TXT")
            if one.lower().startswith("v=dmarc1")
        ]
        if len(records) > 1:
            said = f"_dmarc.{name} has {len(records)} records, and receivers then take none"
            return Finding(what="dmarc", standing="wrong", said=said, fix="keep one")
        if records:
            return _policy(name, tags_of(records[0]), domain)
    name = f"_dmarc.{domain.sender}"
    record = (name, "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain.sender}")
    said = f"there is no DMARC policy for {domain.sender}; Gmail and Yahoo refuse bulk mail without one"
    return Finding(what="dmarc", standing="wrong", said=said, fix="begin with this one", record=record)


def _policy(name: str, tags: dict[str, str], domain: Domain) -> Finding:
    policy = tags.get("sp" if name != domain.sender and "sp" in tags else "p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        said = f"the DMARC policy of {name} is `{policy[:20]}`"
        return Finding(what="dmarc", standing="wrong", said=said, fix="p is none, quarantine or reject")
    if not tags.get("rua"):
        said = f"{name} has p={policy}, and nobody gets the reports"
        fix = "add rua=mailto: and an address, to see who sends in your name"
        return Finding(what="dmarc", standing="warning", said=said, fix=fix)
    if policy == "none":
        said = f"{name} has p=none: receivers report, and let forgeries pass"
        fix = "once the reports show only your own senders, change to quarantine, then reject"
        return Finding(what="dmarc", standing="warning", said=said, fix=fix)
    return Finding(what="dmarc", standing="fine", said=f"{name} has p={policy}")


def _dmarc_names(name: str) -> Iterator[str]:
    """The domain, then those above it, down to two labels."""
    labels = name.split(".")
    for start in range(len(labels) - 1):
        yield ".".join(labels[start:])


def _alignment(domain: Domain) -> Finding:
    """RFC 7489, 3.1: SPF counts only for a return address under the same registered domain; DKIM, signed as
    the sender, always does.
    """
    envelope = domain.envelope or domain.sender
    if related(envelope, domain.sender):
        return Finding(what="alignment", standing="fine", said=f"{envelope} belongs to {domain.sender}")
    said = f"mails from {domain.sender} come back to {envelope}, so SPF says nothing for DMARC"
    if domain.dkim:
        return Finding(
            what="alignment",
            standing="warning",
            said=said,
            fix=f"DKIM alone must hold; or set up a return address below {domain.sender}",
        )
    return Finding(what="alignment", standing="wrong", said=said, fix="sign with DKIM as the sender's domain")


def related(one: str, other: str) -> bool:
    """Whether one domain is the other, or below it, or both are below the same (relaxed alignment, as far as
    it can be told without the list of public suffixes).
    """
    a, b = one.lower().rstrip("."), other.lower().rstrip(".")
    return a == b or a.endswith(f".{b}") or b.endswith(f".{a}") or _parent(a) == _parent(b) != ""


def _parent(name: str) -> str:
    above = name.partition(".")[2]
    return above if above.count(".") >= 1 else ""


def tags_of(record: str) -> dict[str, str]:
    """`a=b; c=d` of DKIM and DMARC records."""
    found = (_TAG.fullmatch(part) for part in record.split(";"))
    return {match[1].lower(): match[2] for match in found if match}


# ------------------------------------------------------------------------------------------- MX, tracking,
# TLS


async def _mx(domain: Domain, resolver: Resolver) -> Finding:
    """Whether mails can come back: bounces to the envelope, answers to the sender."""
    for name in dict.fromkeys((domain.envelope or domain.sender, domain.sender)):
        records = await resolver.lookup(name, "MX")
        if any(one.split(" ", 1)[-1] in ("", ".") for one in records):
            said = f"{name} says that it takes no mail (null MX); receivers refuse what comes from it"
            return Finding(what="mx", standing="wrong", said=said, fix="let a mail server take mail for it")
        if not records and not await resolver.lookup(name, "A"):
            said = f"nothing takes mail for {name}: bounces and answers are lost"
            return Finding(
                what="mx", standing="wrong", said=said, fix="add an MX record with your mail server"
            )
    return Finding(what="mx", standing="fine", said="bounces and answers can come back")


async def _tracking(domain: Domain, resolver: Resolver) -> Finding:
    """The host of links: below the sender's domain, and leading to us."""
    name, target = domain.tracking, domain.tracking_target.rstrip(".")
    aliases = await resolver.lookup(name, "CNAME")
    reached = aliases or await resolver.lookup(name, "A") or await resolver.lookup(name, "AAAA")
    record = (name, "CNAME", target) if target else None
    if not reached:
        said = f"{name} leads nowhere, so no link in a mail does"
        return Finding(what="tracking", standing="wrong", said=said, fix="add the record", record=record)
    if target and aliases and aliases[0].lower() != target.lower():
        said = f"{name} leads to {aliases[0]}"
        return Finding(what="tracking", standing="wrong", said=said, fix="change the record", record=record)
    if not related(name, domain.sender):
        said = f"links lead to {name}, which does not belong to {domain.sender}; filters distrust that"
        return Finding(
            what="tracking", standing="warning", said=said, fix=f"use a host below {domain.sender}"
        )
    return Finding(what="tracking", standing="fine", said=f"{name} leads to {reached[0]}")


async def _tls(domain: Domain, handshake: Handshake) -> Finding:
    """One-click unsubscribing asks for https (RFC 8058), and browsers for a certificate they trust."""
    try:
        async with asyncio.timeout(2 * _DNS_S):
            await handshake(domain.tracking)
    except ssl.SSLError:
        said = f"the certificate of {domain.tracking} is not trusted, has ended, or is another's"
        return Finding(what="tls", standing="wrong", said=said, fix="get a certificate for that name")
    except (OSError, TimeoutError):
        said = f"{domain.tracking} does not answer on port 443"
        return Finding(what="tls", standing="wrong", said=said, fix="serve https there")
    return Finding(what="tls", standing="fine", said=f"{domain.tracking} has a trusted certificate")


async def connect(host: str, port: int = 443) -> None:
    """A TLS connection, closed at once. Raises OSError."""
    _, writer = await asyncio.open_connection(host, port, ssl=trusting())
    writer.close()
    await writer.wait_closed()


__all__ = [
    "WARM_UP",
    "Assessment",
    "Counts",
    "Dns",
    "Domain",
    "Finding",
    "Resolver",
    "Suppressed",
    "Thresholds",
    "allowance",
    "connect",
    "controls",
    "count",
    "days_for",
    "examine",
    "import_bodies",
    "read_export",
    "related",
    "tags_of",
    "verdict",
]

"""`sevenfold mail`: is a sending domain set up, a key to sign with, and what a former provider knew."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from sevenfold.commands.base import json_option, print_json

if TYPE_CHECKING:
    from sevenfold.channels.deliverability import Finding

_MARKS: Final = {"fine": "ok", "warning": "!", "wrong": "x", "unknown": "?"}
_KINDS: Final = ("unsubscribed", "bounce", "complaint", "manual")


@click.group("mail")
def mail_group() -> None:
    """What makes mails arrive: the sending domain, its keys, and addresses to leave alone."""


@mail_group.command("domain")
@click.argument("domain")
@click.option(
    "--return-address", "envelope", default="", help="The domain bounces go to, where it is another."
)
@click.option("--spf", "spf_include", default="", help="The provider's SPF name, such as amazonses.com.")
@click.option("--selector", "selectors", multiple=True, help="A DKIM selector; may be given several times.")
@click.option("--tracking", default="", help="The host of links in mails.")
@click.option("--tracking-target", default="", help="Where that host should lead (CNAME).")
@click.option("--dns", "servers", multiple=True, help="A name server to ask instead of the system's.")
@json_option
def domain_command(
    domain: str,
    envelope: str,
    spf_include: str,
    selectors: tuple[str, ...],
    tracking: str,
    tracking_target: str,
    servers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Look at the DNS of a sending domain: SPF, DKIM, DMARC, alignment, MX, the tracking host and its
    certificate. What is wrong comes with the record to change. Exits with 1 when something is wrong.

    \b
    Example:
      sevenfold mail domain shop.example --selector s1 --spf amazonses.com
    """
    # The DNS and TLS libraries, which other commands need not wait for.
    from sevenfold.channels.deliverability import Dns, Domain, examine

    asked = Domain(
        sender=domain,
        envelope=envelope,
        spf_include=spf_include,
        dkim=dict.fromkeys(selectors, ""),
        tracking=tracking,
        tracking_target=tracking_target,
    )
    found = asyncio.run(examine(asked, Dns(servers)))
    if as_json:
        print_json([msgspec.to_builtins(one) for one in found])
    else:
        for one in found:
            click.echo(shown(one))
    if any(one.standing == "wrong" for one in found):
        sys.exit(1)


def shown(found: Finding) -> str:
    """A finding as people read it."""
    lines = [f"{_MARKS[found.standing]:<2} {found.what:<12} {found.said}"]
    if found.fix:
        lines.append(f"{'':<15} {found.fix}")
    if found.record is not None:
        name, kind, value = found.record
        lines.append(f'{"":<15} {name} {kind} "{value}"')
    return "\n".join(lines)


@mail_group.command("key")
@click.argument("domain")
@click.option("--selector", default="s1", show_default=True, help="The name of the key in the DNS.")
@click.option("--ed25519", is_flag=True, help="Ed25519 instead of RSA of 2,048 bits, as a second key.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, exists=False),
    help="The file for the private key.",
)
@json_option
def key_command(domain: str, selector: str, ed25519: bool, out: Path, as_json: bool) -> None:
    """Make a key to sign mails with (DKIM), and show its DNS record. The file is readable by you alone; a
    channel names it with `dkim_key: file:PATH`.

    \b
    Example:
      sevenfold mail key shop.example --out dkim.pem
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    from sevenfold.channels.dkim import Signer, private_pem

    pem = private_pem(Ed25519PrivateKey.generate() if ed25519 else generate_private_key(65537, 2048))
    record = Signer(domain, selector, pem).record()
    out.touch(mode=0o600, exist_ok=False)
    out.write_text(pem, encoding="ascii")
    name = f"{selector}._domainkey.{domain}"
    if as_json:
        print_json({"name": name, "type": "TXT", "value": record, "file": str(out)})
        return
    click.echo(f"The private key is in {out}. Add to the DNS:")
    click.echo(f'{name} TXT "{record}"')


@mail_group.command("suppressions")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--channel", required=True, help="The channel of the workspace that the addresses are for.")
@click.option(
    "--source", default="import", show_default=True, help="Where they come from, as it is remembered."
)
@click.option("--kind", type=click.Choice(_KINDS), help="What the file is, where it does not say.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the requests for the API to a file.",
)
@json_option
def suppressions_command(
    file: Path, channel: str, source: str, kind: Any, out: Path | None, as_json: bool
) -> None:
    """Read a former provider's export (CSV of SendGrid, Mailchimp, Postmark or Amazon SES): how many
    unsubscribed, bounced or complained. With --out each line of the file becomes a request body for
    `POST /api/suppressions/import`.

    \b
    Example:
      sevenfold mail suppressions bounces.csv --channel email --out requests.ndjson
    """
    from sevenfold.channels.suppression_files import import_bodies, read_export

    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        found = list(read_export(lines, kind))
    counts = {name: sum(one.kind == name for one in found) for name in _KINDS}
    bodies = list(import_bodies(found, channel, source))
    if out is not None:
        out.write_bytes(b"".join(msgspec.json.encode(body) + b"\n" for body in bodies))
    if as_json:
        print_json({"addresses": len(found), **counts, "requests": len(bodies)})
        return
    parts = [f"{count:,} {name}" for name, count in counts.items() if count]
    click.echo(f"{len(found):,} addresses: {', '.join(parts) or 'none'}")
    if out is not None:
        click.echo(f"{len(bodies):,} requests for POST /api/suppressions/import in {out}")


__all__ = ["domain_command", "key_command", "mail_group", "shown", "suppressions_command"]

"""Commands about personal data: everything about a person, and erasure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sevenfold.commands.api import connected, service_options
from sevenfold.commands.base import console, json_option, print_json


@click.command("export-person")
@click.argument("identifier")
@click.option(
    "--to", "file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The zip to write."
)
@service_options
@json_option
def export_person_command(
    identifier: str, file: Path, url: str | None, key: str | None, as_json: bool
) -> None:
    """Write everything that a running service knows about a person to a zip of JSON files.

    \b
    Example:
      sevenfold export-person ada@example.com --to ada.zip
    """
    with connected(url, key) as api:
        ident = api.get("/api/people/lookup", value=identifier)["id"]
        packed = api.download(f"/api/people/{ident}/export")
    file.touch(mode=0o600)
    file.write_bytes(packed)
    if as_json:
        print_json({"person": ident, "file": str(file), "bytes": len(packed)})
    else:
        console().print(f"{len(packed):,} bytes in {file}")


@click.command("erase")
@click.argument("identifier")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--certificate",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the certificate here.",
)
@service_options
@json_option
def erase_command(
    identifier: str, yes: bool, file: Path | None, url: str | None, key: str | None, as_json: bool
) -> None:
    """Erase a person from a running service for ever: log, state, snapshots, history, tasks, messages.

    It cannot be taken back. What was removed where is said in a signed certificate, which the service keeps.

    \b
    Example:
      sevenfold erase ada@example.com --certificate ada-erased.json
    """
    from msgspec import json

    with connected(url, key) as api:
        ident = api.get("/api/people/lookup", value=identifier)["id"]
        profile = api.get(f"/api/people/{ident}")
        if not as_json:
            held = [one for values in profile["identifiers"].values() for one in values]
            console().print(f"Person {ident}: {', '.join(held)}", soft_wrap=True, markup=False)
        if not yes:
            click.confirm("Erase this person for ever?", abort=True, err=as_json)
        certificate: dict[str, Any] = api.post(f"/api/people/{ident}/erase", {})
    if file is not None:
        file.write_bytes(json.format(json.encode(certificate), indent=2))
    if as_json:
        print_json(certificate)
        return
    for where, counts in certificate["removed"].items():
        told = ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in counts.items() if count)
        console().print(f"  {where.replace('_', ' ')}: {told or 'nothing'}")
    console().print(f"Erased. Certificate {certificate['id']}.")

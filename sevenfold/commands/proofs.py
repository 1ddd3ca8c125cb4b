"""`sevenfold proof-secret`: what a site's server proves its users with."""

from __future__ import annotations

from pathlib import Path

import click

from sevenfold.commands.base import json_option, print_json
from sevenfold.settings import load_settings


@click.command("proof-secret")
@click.argument("source")
@click.option("--data", "data_folder", type=click.Path(file_okay=False, path_type=Path), help="Data folder.")
@json_option
def proof_secret_command(source: str, data_folder: Path | None, as_json: bool) -> None:
    """Show the proof secret of a source of events (the name a write key was made for).

    The site's own server proves with it who is logged in: hex(HMAC-SHA256(secret, user id)), handed to
    `sevenfold.identify(userId, {}, {proof})` in the page. Keep it on the server.

    \b
    Example:
      sevenfold proof-secret website --data data
    """
    # The server's libraries, which other commands need not wait for.
    from sevenfold.server.inapp.visitors import proof_secret
    from sevenfold.server.secrets import SecretBox

    folder = load_settings(None, data_folder=data_folder).data_folder
    secret = proof_secret(SecretBox.of_folder(folder), source)
    if as_json:
        print_json({"source": source, "secret": secret})
    else:
        click.echo(secret)

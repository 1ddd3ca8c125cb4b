"""The command that runs the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from sevenfold.commands.base import console
from sevenfold.library import load
from sevenfold.settings import Settings, load_settings

if TYPE_CHECKING:
    from sevenfold.server.serve import Started


@click.command("serve")
@click.argument("workspace", required=False)
@click.option("--data", "data_folder", type=click.Path(file_okay=False, path_type=Path), help="Data folder.")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 for any that is free.")
@click.option("--public-url", help="How the world reaches the service.")
@click.option("--trusted-proxies", help="Networks whose forwarding headers are believed.")
@click.option("--snapshot-minutes", type=click.IntRange(1), help="Minutes between snapshots.")
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as one line of JSON.")
def serve_command(workspace: str | None, data_folder: Path | None, as_json: bool, **flags: str | int) -> None:
    """Run the service: events in over HTTP, messages out, until it is interrupted.

    WORKSPACE (a folder or the name of a pack) is put in force when the data folder is new; later `sevenfold
    apply` changes it. Every option is also an environment variable (SEVENFOLD_PORT ...); see
    docs/reference/settings.md.

    \b
    Examples:
      sevenfold serve seven-stage
      sevenfold serve my-workspace --data data --port 8700
    """
    import uvloop

    from sevenfold.server.logs import to_stderr
    from sevenfold.server.serve import serve

    settings = load_settings(None, data_folder=data_folder, **flags)
    name = workspace or settings.workspace
    definition = load(name) if name else None
    to_stderr()

    def say(started: Started) -> None:
        if as_json:
            click.echo(msgspec.json.encode(started))
        else:
            _tell(started, settings)

    uvloop.run(serve(settings, definition, say))


def _tell(started: Started, settings: Settings) -> None:
    out = console()
    out.print(f"Sevenfold listens at [bold]{started.url}[/bold]; its data are in {settings.data_folder}.")
    if started.write_key:
        out.print("Two keys were made. They are shown this once; `sevenfold keys` makes more.")
        out.print(f"  write key (events)   {started.write_key}", soft_wrap=True)
        out.print(f"  API key (admin)      {started.api_key}", soft_wrap=True)
        out.print("Send a first event:")
        event = '{"userId": "u1", "event": "Signed Up"}'
        out.print(f"  curl -u {started.write_key}: {started.url}/v1/track -d '{event}'", soft_wrap=True)
    if started.setup_token:
        out.print("Nobody can log in yet. The first admin sets up the console at")
        # After `#`: a browser sends it nowhere, so that no log on the way has it.
        out.print(f"  {settings.public_url or started.url}/setup#{started.setup_token}", soft_wrap=True)
    out.print("Interrupt (Ctrl-C) to stop.")

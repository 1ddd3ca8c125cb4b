"""Commands of operation: backups, their restoration, upgrades. They work on data folders, without the API."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sevenfold.clock import SystemClock
from sevenfold.commands.base import console, existing, json_option, new_folder, print_json
from sevenfold.playback.tables import iso
from sevenfold.settings import load_settings

data_option = click.option(
    "--data", "data_folder", type=new_folder(), help="Data folder [SEVENFOLD_DATA_FOLDER]."
)


@click.command("backup")
@click.argument("folder", type=new_folder())
@data_option
@json_option
def backup_command(folder: Path, data_folder: Path | None, as_json: bool) -> None:
    """Copy the data folder to FOLDER, which must be new or empty, while the service runs or not.

    The copy holds keys and personal data as the data folder does: keep it as safe.

    \b
    Example:
      sevenfold backup /backups/2024-03-01
    """
    from sevenfold.server.backup import backup

    made = backup(load_settings(None, data_folder=data_folder).data_folder, folder, SystemClock())
    if as_json:
        print_json(msgspec.to_builtins(made))
        return
    size = sum(one.bytes for one in made.files.values())
    console().print(
        f"{len(made.files)} files, {size:,} bytes: the log up to position {made.position:,}"
        + (f" ({iso(made.time)})" if made.time else "")
    )


@click.command("restore")
@click.argument("folder", type=existing(file_okay=False))
@data_option
@json_option
def restore_command(folder: Path, data_folder: Path | None, as_json: bool) -> None:
    """Make the data folder, which must be new or empty, from the backup in FOLDER.

    Every file is compared with what the backup says of it first. People who were erased after the backup was
    made are in it again: erase them again (docs/guides/privacy.md).

    \b
    Example:
      sevenfold restore /backups/2024-03-01 --data sevenfold-data
    """
    from sevenfold.server.backup import restore

    target = load_settings(None, data_folder=data_folder).data_folder
    found = restore(folder, target)
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        console().print(f"{target} is as it was at log position {found.position:,}, made {iso(found.made)}.")


@click.command("upgrade")
@data_option
@click.option("--check", "only_check", is_flag=True, help="Only say what would be done.")
@json_option
def upgrade_command(data_folder: Path | None, only_check: bool, as_json: bool) -> None:
    """Bring a data folder to this version of the program, while the service is stopped.

    Looks at the format of everything first and changes nothing when this version cannot go on with it. Then
    the state is folded to the end of the log, a snapshot is written, and the log says which version goes on.

    \b
    Example:
      sevenfold upgrade --check
    """
    from sevenfold.server.upgrade import check_formats, upgrade

    folder = load_settings(None, data_folder=data_folder).data_folder
    parts = check_formats(folder)
    done = None if only_check else upgrade(folder, SystemClock())
    if as_json:
        print_json(msgspec.to_builtins(done if done is not None else {"parts": parts}))
        return
    out = console()
    for part in parts:
        found = "-" if part.found is None else part.found
        out.print(f"{part.name:<10} format {found}, this version has {part.wanted}: {part.verdict}")
    if done is not None:
        how = "folded from the start of the log" if done.refolded else "folded on from a snapshot"
        out.print(f"Version {done.version} goes on at log position {done.position:,} ({how}).")

"""Cut a damaged log at its first damaged record: `python -m sevenfold.log.repair FOLDER [--cut]`.

Without --cut it only says what it found. With it, what is beyond the damage moves to FOLDER/cut-<position>/;
nothing is deleted, and the log opens again with everything before the damage.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click
from msgspec import Struct

from sevenfold.errors import LogDamagedError
from sevenfold.log import segments


class Damage(Struct):
    """The first damaged place: `position`, the file, and what is wrong with it."""

    position: int
    path: Path
    problem: str


def find_damage(folder: Path) -> Damage | None:
    """Read every record; None when all are as they were written."""
    for first, path in segments.list_of(folder):
        position = first
        try:
            connection = segments.connect(path, read_only=True)
            with segments.explained(path):
                for row in connection.execute("SELECT * FROM records ORDER BY id"):
                    position = row[0] // 2
                    position = segments.decode(row, path).end
            connection.close()
        except LogDamagedError as error:
            return Damage(position, path, error.message)
    return None


def cut(folder: Path, damage: Damage) -> Path:
    """Move the damaged segment and all later ones aside; keep the records before the damage."""
    aside = folder / f"cut-{damage.position}"
    aside.mkdir()
    for _, path in segments.list_of(folder):
        if path >= damage.path:
            for part in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                if part.exists():
                    part.rename(aside / part.name)
    _copy_sound_rows(aside / damage.path.name, folder, damage)
    return aside


def _copy_sound_rows(damaged: Path, folder: Path, damage: Damage) -> None:
    first = int(damage.path.stem.split("-")[1])
    target = segments.create(folder, first, 0)
    source = segments.connect(damaged, read_only=True)
    try:
        for row in source.execute("SELECT * FROM records ORDER BY id"):
            segments.decode(row, damaged)
            target.execute(segments.INSERT, row)
    except (LogDamagedError, sqlite3.DatabaseError):
        pass  # this is the damage: everything before it has been copied
    finally:
        source.close()
        target.close()


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--cut", "do_cut", is_flag=True, help="Cut the log at the first damaged record.")
def main(folder: Path, do_cut: bool) -> None:
    damage = find_damage(folder)
    if damage is None:
        click.echo("Every record is as it was written.")
        return
    click.echo(f"{damage.path}, position {damage.position}: {damage.problem}")
    if do_cut:
        click.echo(f"Cut there. What lay beyond is in {cut(folder, damage)}")
    else:
        click.echo("Restore the file from a backup, or cut the log there with --cut.")


if __name__ == "__main__":
    main()

"""Keys of a data folder: listed, made, rotated, revoked. They count within a second in a service that
runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.table import Table

from sevenfold.clock import SystemClock
from sevenfold.commands.base import Time, console, json_option, print_json
from sevenfold.errors import SevenfoldError
from sevenfold.journeys.times import parse_duration
from sevenfold.report.decisions import moment
from sevenfold.server.audit import LOCAL, Audit
from sevenfold.server.keys import SCOPES, Key, Keys, Made, Scope
from sevenfold.server.store import open_store
from sevenfold.settings import load_settings

Command = TypeVar("Command", bound=Callable[..., Any])


@contextmanager
def _opened(folder: Path | None) -> Iterator[tuple[Keys, Audit]]:
    """The keys of a data folder, and the audit log to note changes in."""
    clock = SystemClock()
    where = load_settings(None, data_folder=folder).data_folder
    store: sqlite3.Connection = open_store(where)
    keys = Keys(where, clock, store=store)
    try:
        yield keys, Audit(where, clock, store=store)
    finally:
        keys.close()
        store.close()


def data_option(command: Command) -> Command:
    """`--data`: the folder of the service."""
    return click.option(
        "--data",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Data folder of the service.",
    )(command)


@click.group("keys")
def keys_group() -> None:
    """Write keys for sources of events, API keys with a scope.

    Only digests are kept: a key is shown once, when it is made.
    """


@keys_group.command("list")
@data_option
@json_option
def list_keys(folder: Path | None, as_json: bool) -> None:
    """List keys, revoked and expired ones included.

    \b
    Example:
      sevenfold keys list --data data
    """
    with _opened(folder) as (keys, _):
        found, now = keys.list(), keys.clock.now()
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("There are no keys. Next: sevenfold keys write website")
        return
    table = Table(
        "id", "key", "name", "for", "created", "last used", "", box=None, header_style="dim", pad_edge=False
    )
    for key in found:
        used = moment(key.used) if key.used is not None else "never"
        about = key.source if key.kind == "write" else f"API, {key.scope}"
        table.add_row(key.id, key.hint, key.name, about, moment(key.created), used, _state(key, now))
    console().print(table)


def _state(key: Key, now: int) -> str:
    if key.revoked is not None:
        return f"revoked {moment(key.revoked)}"
    if key.expires is not None:
        return f"{'expired' if key.expires <= now else 'until'} {moment(key.expires)}"
    return ""


@keys_group.command("write")
@click.argument("source")
@click.option("--name", default="", help="What it is for; the source's name when not given.")
@click.option("--expires", type=Time(), help="When it ends (UTC), e.g. 2027-01-01.")
@data_option
@json_option
def make_write_key(source: str, name: str, expires: int | None, folder: Path | None, as_json: bool) -> None:
    """Make a key to write events of a SOURCE with.

    \b
    Example:
      sevenfold keys write website
    """
    with _opened(folder) as (keys, audit):
        made = keys.make_write_key(source, name, expires=expires)
        audit.note(LOCAL, "key.make", made.key.id, detail={"kind": "write", "source": source})
    _show(made, as_json)


@keys_group.command("api")
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default="read",
    show_default=True,
    help="Each includes those before it.",
)
@click.option("--expires", type=Time(), help="When it ends (UTC), e.g. 2027-01-01.")
@data_option
@json_option
def make_api_key(name: str, scope: Scope, expires: int | None, folder: Path | None, as_json: bool) -> None:
    """Make a key for the API, called NAME.

    \b
    Example:
      sevenfold keys api "our back office" --scope write
    """
    with _opened(folder) as (keys, audit):
        made = keys.make_api_key(name, scope, expires=expires)
        audit.note(LOCAL, "key.make", made.key.id, detail={"kind": "api", "scope": scope})
    _show(made, as_json)


@keys_group.command("rotate")
@click.argument("key_id")
@click.option("--overlap", default="24h", show_default=True, help="How long the old key stays valid.")
@data_option
@json_option
def rotate_key(key_id: str, overlap: str, folder: Path | None, as_json: bool) -> None:
    """Make a key in place of KEY_ID, which stays valid for a while.

    \b
    Example:
      sevenfold keys rotate key_0123456789ab --overlap 2d
    """
    overlap_ms = parse_duration(overlap).ms
    with _opened(folder) as (keys, audit):
        made = keys.rotate(key_id, overlap_ms)
        audit.note(LOCAL, "key.rotate", key_id, detail={"by_key": made.key.id, "overlap_ms": overlap_ms})
    _show(made, as_json)


@keys_group.command("revoke")
@click.argument("key_id")
@data_option
@json_option
def revoke_key(key_id: str, folder: Path | None, as_json: bool) -> None:
    """Let KEY_ID open nothing any more, at once and for ever.

    \b
    Example:
      sevenfold keys revoke key_0123456789ab
    """
    with _opened(folder) as (keys, audit):
        try:
            key = keys.revoke(key_id)
        except SevenfoldError as error:
            audit.note(LOCAL, "key.revoke", key_id, result=error.code)
            raise
        audit.note(LOCAL, "key.revoke", key_id)
    if as_json:
        print_json(key)
    else:
        click.echo(f"{key.hint} ({key.name}) opens nothing any more.")


def _show(made: Made, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(made))
        return
    click.echo(made.secret)
    click.echo(f"This is the only time it is shown. It is {made.key.id}, `{made.key.name}`.", err=True)

"""Members of a data folder: listed, added, given another role or password, removed. They count at once in a
service that runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.table import Table

from sevenfold.clock import SystemClock
from sevenfold.commands.base import console, json_option, print_json
from sevenfold.commands.keys import data_option
from sevenfold.report.decisions import moment
from sevenfold.server.audit import LOCAL, Audit
from sevenfold.server.members import ROLES, Invitation, Member, MemberError, Members, Role, Sessions
from sevenfold.server.store import open_store
from sevenfold.settings import Settings, load_settings


@contextmanager
def _opened(folder: Path | None) -> Iterator[tuple[Members, Sessions, Audit, Settings]]:
    clock = SystemClock()
    settings = load_settings(None, data_folder=folder)
    store = open_store(settings.data_folder)
    try:
        audit = Audit(settings.data_folder, clock, store=store)
        yield Members(store, clock), Sessions(store, clock), audit, settings
    finally:
        store.close()


def _named(members: Members, email: str) -> Member:
    found = members.with_email(email)
    if found is None:
        raise MemberError(f"there is no member `{email}`", fix="see `sevenfold members list`")
    return found


@click.group("members")
def members_group() -> None:
    """Who may work with the console, and what: viewer, editor, publisher, admin.

    Passwords are kept as argon2id; an invitation is shown once, and good for a week.
    """


@members_group.command("list")
@data_option
@json_option
def list_members(folder: Path | None, as_json: bool) -> None:
    """List members by name.

    \b
    Example:
      sevenfold members list --data data
    """
    with _opened(folder) as (members, *_):
        found = members.list()
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("There are no members. Next: sevenfold members add mona@example.com --role admin")
        return
    table = Table(
        "name", "address", "role", "logs in with", "last seen", box=None, header_style="dim", pad_edge=False
    )
    for one in found:
        ways = [name for name, has in (("password", one.password), ("provider", one.provider)) if has]
        seen = moment(one.seen) if one.seen is not None else "never"
        table.add_row(one.name, one.email, one.role, ", ".join(ways) or "nothing yet", seen)
    console().print(table)


@members_group.command("add")
@click.argument("email")
@click.option("--name", default="", help="What they are called; the start of the address when not given.")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@click.option("--acts-as", default=None, help="Their name in the catalogue of people who act.")
@data_option
@json_option
def add_member(
    email: str, name: str, role: Role, acts_as: str | None, folder: Path | None, as_json: bool
) -> None:
    """Add somebody; prints the invitation with which they choose a password.

    \b
    Example:
      sevenfold members add mona@example.com --role admin
    """
    with _opened(folder) as (members, _, audit, settings):
        member = members.add(email, name, role, by=LOCAL, acts_as=acts_as)
        invitation = members.invite(member)
        audit.note(LOCAL, "member.add", member.id, detail={"role": role})
        _show(invitation, settings, as_json)


@members_group.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice(ROLES))
@data_option
@json_option
def change_role(email: str, role: Role, folder: Path | None, as_json: bool) -> None:
    """Give EMAIL another ROLE; they have to log in again.

    \b
    Example:
      sevenfold members role mona@example.com publisher
    """
    with _opened(folder) as (members, sessions, audit, _):
        before = _named(members, email)
        member = members.change(before.id, role=role)
        sessions.end_all(member.id)
        audit.note(LOCAL, "member.change", member.id, detail={"role": role, "before": before.role})
    if as_json:
        print_json(member)
    else:
        click.echo(f"{member.name} is {member.role} now.")


@members_group.command("remove")
@click.argument("email")
@data_option
@json_option
def remove_member(email: str, folder: Path | None, as_json: bool) -> None:
    """Remove EMAIL, and log them out at once.

    \b
    Example:
      sevenfold members remove mona@example.com
    """
    with _opened(folder) as (members, _, audit, _settings):
        member = members.remove(_named(members, email).id)
        audit.note(LOCAL, "member.remove", member.id)
    if as_json:
        print_json(member)
    else:
        click.echo(f"{member.name} comes in no more.")


@members_group.command("password")
@click.argument("email")
@data_option
@json_option
def reset_password(email: str, folder: Path | None, as_json: bool) -> None:
    """Print an invitation with which EMAIL chooses another password.

    \b
    Example:
      sevenfold members password mona@example.com
    """
    with _opened(folder) as (members, _, audit, settings):
        invitation = members.invite(member := _named(members, email))
        audit.note(LOCAL, "member.invite", member.id)
        _show(invitation, settings, as_json)


def _show(invitation: Invitation, settings: Settings, as_json: bool) -> None:
    if as_json:
        print_json(invitation)
        return
    url = settings.public_url or f"http://{settings.host}:{settings.port}"
    click.echo(f"{url}/welcome#token={invitation.token}")
    click.echo(f"This is the only time it is shown. It is good until {moment(invitation.expires)}.", err=True)

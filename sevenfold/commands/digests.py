"""`sevenfold digests`: saved questions that a running service sends on a schedule."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.table import Table

from sevenfold.commands.api import connected, service_options
from sevenfold.commands.base import SevenfoldGroup, console, json_option, print_json


@click.group("digests", cls=SevenfoldGroup)
def digests_group() -> None:
    """Send the answers to saved questions by e-mail or to Slack, on a schedule.

    \b
    Example:
      sevenfold digests keep weekly --question sign-ups --question retention \\
        --schedule "weekly monday 09:00" --channel mail --to growth@example.com
    """


def _path(name: str, rest: str = "") -> str:
    return f"/api/digests/{quote(name, safe='')}{rest}"


def _shown(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if not found:
        console().print("There are no digests.")
        return
    table = Table()
    for column in ("name", "schedule", "channel", "questions", "next (UTC)", "last"):
        table.add_column(column)
    for one in found:
        digest, last = one["digest"], one["last"]
        became = (
            ", ".join(sorted({each["state"] for each in last["deliveries"]})) or last["state"] if last else ""
        )
        due = "paused" if digest["paused"] else _time(one["due"])
        questions = ", ".join(digest["questions"])
        table.add_row(digest["name"], digest["schedule"], digest["channel"], questions, due, became)
    console().print(table)


def _time(ms: int | None) -> str:
    return "never" if ms is None else f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%d %H:%M}"


@digests_group.command("list")
@service_options
@json_option
def list_command(url: str | None, key: str | None, as_json: bool) -> None:
    """Show all digests, when they are due next, and what became of the last.

    \b
    Example:
      sevenfold digests list --json
    """
    with connected(url, key) as api:
        _shown(api.get("/api/digests"), as_json)


@digests_group.command("keep")
@click.argument("name")
@click.option(
    "--question", "questions", multiple=True, required=True, help="A saved question; may be repeated."
)
@click.option("--schedule", required=True, help="`weekly monday 09:00`, `daily 08:00`, or an RRULE.")
@click.option("--channel", required=True, help="A channel of the workspace: e-mail or chat.")
@click.option("--to", multiple=True, help="An address; may be repeated. A webhook needs none.")
@click.option("--timezone", default="", help="Of the schedule; the workspace's otherwise.")
@click.option("--period", default="7d", show_default=True, help="Time before it is due that is asked about.")
@click.option("--title", default="", help="Subject; the name otherwise.")
@click.option("--paused", is_flag=True, help="Keep it without sending it.")
@service_options
@json_option
def keep_command(
    name: str, questions: tuple[str, ...], schedule: str, channel: str, to: tuple[str, ...], timezone: str,
    period: str, title: str, paused: bool, url: str | None, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Keep a digest, or change it.

    \b
    Example:
      sevenfold digests keep weekly --question sign-ups --schedule "weekly monday 09:00" --channel team
    """
    given = {
        "questions": list(questions), "schedule": schedule, "channel": channel, "to": list(to),
        "timezone": timezone, "period": period, "title": title, "paused": paused,
    }  # fmt: skip
    with connected(url, key) as api:
        _shown([api.put(_path(name), given)], as_json)


@digests_group.command("forget")
@click.argument("name")
@service_options
@json_option
def forget_command(name: str, url: str | None, key: str | None, as_json: bool) -> None:
    """Forget a digest.

    \b
    Example:
      sevenfold digests forget weekly
    """
    with connected(url, key) as api:
        _shown(api.delete(_path(name)), as_json)


@digests_group.command("preview")
@click.argument("name")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="File for the HTML part.")
@service_options
@json_option
def preview_command(name: str, html: Path | None, url: str | None, key: str | None, as_json: bool) -> None:
    """Show what a digest would say now. Nobody gets it.

    \b
    Example:
      sevenfold digests preview weekly --html weekly.html
    """
    with connected(url, key) as api:
        found = api.post(_path(name, "/preview"), {}, once=False)
    if html is not None:
        html.write_text(found["html"], "utf-8")
    if as_json:
        print_json(found)
    else:
        click.echo(found["text"])


@digests_group.command("send")
@click.argument("name")
@service_options
@json_option
def send_command(name: str, url: str | None, key: str | None, as_json: bool) -> None:
    """Send a digest now, besides its schedule.

    \b
    Example:
      sevenfold digests send weekly
    """
    with connected(url, key) as api:
        found = api.post(_path(name, "/send"), {}, once=False)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{name} is on its way; `sevenfold digests list` says what becomes of it.")

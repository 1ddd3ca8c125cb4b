"""`sevenfold import-scheduled`: fetches what is connected by a schedule, while no service runs."""

from __future__ import annotations

import asyncio

import click

from sevenfold.clock import SystemClock
from sevenfold.commands.base import console, json_option, print_json
from sevenfold.connectors.fetching import Fetched
from sevenfold.errors import SevenfoldError
from sevenfold.library import load
from sevenfold.playback import open_log
from sevenfold.playback.feed import LOG_FOLDER
from sevenfold.server.background import fetch_due, inbox_over
from sevenfold.server.inbound_store import InboundStore
from sevenfold.settings import load_settings


@click.command("import-scheduled")
@click.argument("workspace")
@click.option("--only", help="The connector to fetch; all of them without it.")
@click.option("--now", "even_if_not_due", is_flag=True, help="Fetch also what is not due.")
@json_option
def import_scheduled_command(workspace: str, only: str | None, even_if_not_due: bool, as_json: bool) -> None:
    """Fetch the connectors of WORKSPACE whose schedule has come round.

    Queries, files, addresses and CRMs become events in the log of the data folder. A running service does
    this by itself; without one, run this from cron. What was fetched before is known, so that it can be run
    at any time.

    \b
    Example:
      sevenfold import-scheduled my-workspace --only nightly --now
    """
    model, settings, clock = load(workspace), load_settings(), SystemClock()
    if only is not None and only not in model.connectors:
        known = ", ".join(model.connectors) or "it has none"
        raise SevenfoldError(f"the workspace has no connector `{only}`", fix=known)
    log = open_log(settings.data_folder / LOG_FOLDER)
    store = InboundStore(settings.data_folder)
    try:
        inbox = inbox_over(log, model, store, clock)
        found = asyncio.run(
            fetch_due(model, inbox, store, clock.now(), only=only, even_if_not_due=even_if_not_due)
        )
    finally:
        store.close()
        log.close()
    if as_json:
        print_json({name: _shown(one) for name, one in found.items()})
    for name, one in found.items() if not as_json else ():
        told = ", ".join(f"{count} {what}" for what, count in _shown(one).items())
        console().print(f"{name}: {told}" if isinstance(one, Fetched) else f"{name}: {one}")
    if not found and not as_json:
        console().print("Nothing is due.")
    if any(isinstance(one, SevenfoldError) for one in found.values()):
        raise SystemExit(1)


def _shown(one: Fetched | SevenfoldError) -> dict[str, object]:
    if isinstance(one, SevenfoldError):
        return dict(one.to_json())
    return {"events": one.events, "known": one.known, "refused": one.refused + one.bad}

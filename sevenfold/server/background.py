"""What goes on beside requests: news that waited, recommendations, scheduled fetches, what is written to
CRMs, and advertising audiences.

One task of the process that serves HTTP. Each part fails and tries again by itself; nothing here holds up a
request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..channels.outside import Outside
from ..connectors.crm_client import connected
from ..connectors.fetching import FETCHED, Fetched, fetch, is_due
from ..connectors.model import Connector
from ..connectors.services import settings_of
from ..connectors.writing import KINDS, CrmWriter, concerns
from ..errors import SevenfoldError
from ..limits import BACKGROUND_PAUSE_S, CRM_EFFECTS_ITEMS_MAX
from ..log.base import Log
from ..workspace.models import Workspace
from .audiences import Audiences
from .inbound import Inbox
from .inbound_store import InboundStore
from .measures.assembling import digests_of
from .returning import Returning
from .secrets import look_up
from .services import Services
from .tracking.choices import asked
from .tracking.referrals import Referrals

_log = logging.getLogger("sevenfold.background")


async def run(services: Services, outside: Outside | None = None) -> None:
    """Runs for ever; ends when it is cancelled."""
    back = Returning.of(services)
    referrals = Referrals(back)

    async def fetched() -> object:
        return await fetch_due(
            services.live.workspace, back.inbox, back.store, services.clock.now(), outside=outside
        )

    async def written() -> object:
        return await write_step(back, outside)

    parts: dict[str, Callable[[], Awaitable[object]]] = {
        "waiting": back.inbox.sweep,
        "referrals": referrals.step,
        "fetches": fetched,
        "crm": written,
        "digests": digests_of(services).step,
        "audiences": Audiences(services.live, services.settings.data_folder, services.clock).step,
    }
    await asyncio.gather(*(_again(name, part) for name, part in parts.items()))


async def _again(name: str, part: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            more = await part()
        except SevenfoldError as error:
            _log.warning("background_failed", extra={"part": name, "code": error.code})
            more = False
        except Exception:
            # A defect of ours, which must not end the others.
            _log.exception("background_defect", extra={"part": name})
            more = False
        await asyncio.sleep(0 if more is True else BACKGROUND_PAUSE_S)


# -----------------------------------------------------------------------------------------------------
# fetches


async def fetch_due(
    workspace: Workspace,
    inbox: Inbox,
    store: InboundStore,
    now: int,
    *,
    only: str | None = None,
    even_if_not_due: bool = False,
    outside: Outside | None = None,
) -> dict[str, Fetched | SevenfoldError]:
    """Fetches the connectors whose schedule has come round, or `only` one; what became of each. A fetch that
    failed is tried again when its schedule comes round, from the last one that did not.
    """
    found: dict[str, Fetched | SevenfoldError] = {}
    for name, model in workspace.connectors.items():
        begun, since, _ = store.fetched(name)
        wanted = only in (None, name) and model.type in FETCHED
        if not wanted or not (even_if_not_due or is_due(model, begun, now, workspace.timezone)):
            continue
        try:
            found[name] = await _fetch(name, model, inbox, since, now, outside)
            store.keep_fetch(name, now, now)
        except SevenfoldError as error:
            found[name] = error
            store.keep_fetch(name, now, since, error.code)
            _log.warning("fetch_failed", extra={"connector": name, "code": error.code})
    return found


async def _fetch(
    name: str, model: Connector, inbox: Inbox, since: int, now: int, outside: Outside | None
) -> Fetched:
    settings = settings_of(name, model, look_up)
    return await fetch(name, model, settings, inbox.store, since=since, now=now, outside=outside)


def inbox_over(log: Log, workspace: Workspace, store: InboundStore, clock: Any) -> Inbox:
    """An inbox that appends to a log without a service around it, for commands."""
    return Inbox(_LogAlone(log, workspace), _NoHistory(), store, clock)  # type: ignore[arg-type]


class _LogAlone:
    """As much of `Live` as storing events takes."""

    def __init__(self, log: Log, workspace: Workspace) -> None:
        self._log, self.workspace = log, workspace

    async def append(self, new: Any) -> Any:
        return await asyncio.to_thread(self._log.append, new)

    async def drop(self, dropped: Any) -> None:
        await asyncio.to_thread(self._log.add_dead_letters, dropped)


class _NoHistory:
    """Nothing is known of any message."""

    def effect_of(self, channel: str, provider_id: str) -> None:
        return None

    def outcomes(self, effect: str) -> list[Any]:
        return []

    def message(self, effect: str) -> None:
        return None


# ---------------------------------------------------------------------------------------------------- CRM


async def write_step(back: Returning, outside: Outside | None = None) -> bool:
    """Writes what effects since the last time lead to; whether there may be more. An effect counts as done
    once all CRMs took it, so that one that is down holds up the others' news, and loses none.
    """
    services = back.services
    models = {name: one for name, one in services.live.workspace.connectors.items() if one.write is not None}
    if not models:
        return False
    mark = back.store.mark("crm")
    if mark is None:
        back.store.keep_mark("crm", services.history.status()["through"] - 1)
        return False
    page = await asyncio.to_thread(
        services.history.effects, kind=KINDS, after=mark, limit=CRM_EFFECTS_ITEMS_MAX
    )
    for effect in page.items:
        for name, model in models.items():
            if model.write is not None and concerns(model.write, effect):
                settings = settings_of(name, model, look_up)
                async with connected(settings, outside) as client:
                    await _write(back, CrmWriter(name, model, settings, client, back.store), effect)
        back.store.keep_mark("crm", effect.number)
    return len(page.items) >= CRM_EFFECTS_ITEMS_MAX


async def _write(back: Returning, writer: CrmWriter, effect: Any) -> None:
    live = back.services.live
    if effect.kind == "task_closed":
        await writer.closed(effect.data)
        return
    try:
        profile: Mapping[str, Any] = await asked(live, "profile", of=effect.of, id=effect.subject)
    except SevenfoldError:
        return
    if effect.kind == "band":
        await writer.account(profile)
        return
    if effect.of == "account":
        key = next(iter(profile["identifiers"].get("account_id") or ()), None)
    else:
        accounts = profile.get("accounts") or []
        key = accounts[0]["key"] if len(accounts) == 1 else None
    await writer.opened(effect.data, key)

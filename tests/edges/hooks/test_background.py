"""What goes on beside requests: it runs, one part's failure is not the others', and it ends when it is told
to.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sevenfold.channels.base import Heard
from sevenfold.server import background
from sevenfold.server.inbound_store import InboundStore, forget_person, news_key
from tests.edges.hooks.support import NOW, World

DAY = 86_400_000


def test_news_that_waits_is_looked_for_while_another_part_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sevenfold.server.inbound.NEWS_WAIT_S_MAX", 0.1)
    monkeypatch.setattr(background, "BACKGROUND_PAUSE_S", 0.01)

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(background, "fetch_due", broken)

    async def story() -> None:
        effect = str((await world.send(sent=False)).data["effect"])
        await world.back.inbox.hear("mail", [Heard(key="1", outcome="delivered", provider_id="p-9")])
        working = asyncio.create_task(background.run(world.services))
        await asyncio.sleep(0.05)
        await world.tell({"effect": effect, "outcome": "sent", "provider_id": "p-9", "channel": "mail"})
        async with asyncio.timeout(5):
            while "got_delivered" not in (await world.person())["segments"]:
                await asyncio.sleep(0.02)
        assert not working.done()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        assert working.cancelled()

    asyncio.run(story())


def test_keys_of_news_outlive_the_process_and_are_forgotten_in_time(tmp_path: Path) -> None:
    keys = [news_key("mail", str(one)) for one in range(1_200)]
    store = InboundStore(tmp_path)
    store.remember(keys, NOW)
    store.close()
    store = InboundStore(tmp_path)
    assert store.seen([*keys, news_key("text", "1")]) == set(keys)
    store.forget_old(NOW + 31 * DAY)
    assert store.seen(keys) == set()
    assert (tmp_path / "inbound.sqlite").stat().st_mode & 0o077 == 0
    store.close()


def test_who_came_by_whose_link_can_be_erased(tmp_path: Path) -> None:
    assert forget_person(tmp_path, ["web-1"], []) == {"visits": 0} and not list(tmp_path.iterdir())
    store = InboundStore(tmp_path)
    for visitor, code in (("web-1", "A"), ("web-2", "A"), ("web-3", "B")):
        store.land(visitor, code, NOW)
    store.close()
    assert forget_person(tmp_path, ["web-3"], ["A"]) == {"visits": 3}
    assert b"web-" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())

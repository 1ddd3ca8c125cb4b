"""Links and the pixel: what they lead to, what they count, and that nobody is led elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sevenfold.log.base import New
from sevenfold.server.live import BusyError
from sevenfold.server.tokens import OPEN, UNSUBSCRIBE, About
from tests.edges.hooks.support import World

CHROME = {"user-agent": "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"}
SHOP = "https://shop.test/cups?utm_source=mail&x=a%20b#top"


async def sent(world: World) -> str:
    """A message that was sent a minute ago, with one link."""
    effect = str((await world.send()).data["effect"])
    world.link(effect, "abc123", SHOP)
    world.clock.advance(60_000)
    return effect


def test_a_link_counts_the_click_and_leads_to_where_it_led(world: World) -> None:
    async def story() -> None:
        await sent(world)
        async with world.client() as client:
            answer = await client.get("/l/abc123", headers=CHROME, follow_redirects=False)
        assert answer.status_code == 302 and answer.headers["location"] == SHOP
        assert answer.headers["cache-control"].startswith("no-store") and "set-cookie" not in answer.headers
        assert (await world.person())["signals"]["mails_clicked"] == 1
        assert world.controls[-1]["link"] == "abc123"

    asyncio.run(story())


@pytest.mark.parametrize(
    "path",
    [
        "/l/none",
        "/l/https:%2F%2Fevil.test",
        "/l/abc123?url=https://evil.test",
        "/l/%2e%2e%2fabc123",
        "/l/" + "a" * 5_000,
    ],
)
def test_nobody_is_led_to_an_address_that_was_not_stored(world: World, path: str) -> None:
    async def story() -> None:
        await sent(world)
        async with world.client() as client:
            answer = await client.get(f"/l/{path}", headers=CHROME, follow_redirects=False)
        assert "evil" not in answer.headers.get("location", "")
        assert answer.status_code == 404 or answer.headers["location"] == SHOP

    asyncio.run(story())


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil.test", "https://a\r\nset-cookie: x=1", "ftp://x.test/", ""]
)
def test_a_stored_address_that_is_no_web_address_leads_nowhere(world: World, url: str) -> None:
    async def story() -> None:
        effect = await sent(world)
        world.link(effect, "bad", url)
        async with world.client() as client:
            answer = await client.get("/l/bad", headers=CHROME, follow_redirects=False)
        assert answer.status_code == 404 and "location" not in answer.headers

    asyncio.run(story())


def test_machines_are_led_on_and_marked_and_change_nothing(world: World) -> None:
    async def story() -> None:
        await sent(world)
        async with world.client() as client:
            head = await client.head("/l/abc123", headers=CHROME, follow_redirects=False)
            scan = await client.get("/l/abc123", headers={"user-agent": "curl/8"}, follow_redirects=False)
        assert head.status_code == scan.status_code == 302
        assert [one["why"] for one in world.controls[-2:]] == ["head", "scanner"]
        assert "got_clicked" not in (await world.person())["segments"]

    asyncio.run(story())


def test_a_scanner_that_follows_every_link_is_found_at_the_third(world: World) -> None:
    async def story() -> None:
        effect = await sent(world)
        for at in range(4):
            world.link(effect, f"link{at}", SHOP)
        async with world.client() as client:
            for at in range(4):
                await client.get(f"/l/link{at}", headers=CHROME, follow_redirects=False)
        assert [one.get("why") for one in world.controls[-4:]] == [None, None, "several", "several"]

    asyncio.run(story())


def test_who_calls_again_and_again_is_led_on_and_no_more_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sevenfold.server.tracking.looks.LOOKS_PER_MESSAGE_ITEMS_MAX", 3)

    async def story() -> None:
        await sent(world)
        async with world.client() as client:
            for _ in range(6):
                answer = await client.get("/l/abc123", headers=CHROME, follow_redirects=False)
                assert answer.status_code == 302
        assert (await world.person())["signals"]["mails_clicked"] == 3

    asyncio.run(story())


def test_nobody_waits_for_a_log_that_is_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        await sent(world)

        async def busy(new: list[New]) -> Any:
            raise BusyError

        monkeypatch.setattr(world.live, "append", busy)
        async with world.client() as client:
            answer = await client.get("/l/abc123", headers=CHROME, follow_redirects=False)
        assert answer.status_code == 302

    asyncio.run(story())


def test_the_pixel_counts_an_opening(world: World) -> None:
    async def story() -> None:
        effect = await sent(world)
        token = world.back.tokens.sign(OPEN, About(effect=effect))
        async with world.client() as client:
            answer = await client.get(f"/o/{token}.gif", headers=CHROME)
            again = await client.get(f"/o/{token}.gif", headers={"user-agent": "Mozilla/5.0"})
        assert answer.status_code == again.status_code == 200
        assert answer.headers["content-type"] == "image/gif" and answer.content.startswith(b"GIF89a")
        assert (await world.person())["signals"]["mails_opened"] == 1
        assert world.controls[-1]["why"] == "privacy_proxy"

    asyncio.run(story())


@pytest.mark.parametrize("change", ["none", "cut", "other_purpose", "garbage"])
def test_a_pixel_that_was_not_signed_here_counts_nothing_and_looks_the_same(
    world: World, change: str
) -> None:
    async def story() -> None:
        effect = await sent(world)
        before = world.live.log.next_position
        token = world.back.tokens.sign(
            UNSUBSCRIBE if change == "other_purpose" else OPEN, About(effect=effect)
        )
        path = {"none": "x", "cut": token[:-2], "other_purpose": token, "garbage": "%ff%00..."}[change]
        async with world.client() as client:
            answer = await client.get(f"/o/{path}.gif", headers=CHROME)
        assert answer.status_code == 200 and answer.content.startswith(b"GIF89a")
        assert world.live.log.next_position == before

    asyncio.run(story())

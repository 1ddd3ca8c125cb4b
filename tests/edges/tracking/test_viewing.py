"""A message as a page: what was sent, to whoever holds its address, and nothing in it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sevenfold.engine.definition import record_of
from sevenfold.log.base import NewControl
from sevenfold.messages.book import TemplateBook
from sevenfold.server.sender.versions import FolderVersions
from sevenfold.server.tokens import UNSUBSCRIBE, VIEW, About
from tests.edges.hooks.support import TEMPLATE, World, workspace

HTML = (
    "<html><body><p>Hello {{ person.first_name }}</p><a href='https://shop.test/x'>Cups</a> "
    "{{ links.unsubscribe }}</body></html>"
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    template = {key: value for key, value in TEMPLATE.items() if key != "text"} | {"html": HTML}
    return World(tmp_path, workspace(templates={"hello": template}))


def test_a_message_is_shown_as_it_was_sent_and_looking_is_no_opening(world: World) -> None:
    async def story() -> None:
        await world.back.inbox.say({"user_id": "u1"}, "identify", {"first_name": "<script>alert(1)</script>"})
        effect = await world.send()
        await world.back.inbox.say({"user_id": "u1"}, "identify", {"first_name": "Later"})
        before = world.live.log.next_position
        token = world.back.tokens.sign(VIEW, About(effect=str(effect.data["effect"])))
        async with world.client() as client:
            page = await client.get(f"/view/{token}")
        assert page.status_code == 200
        assert (
            "&lt;script&gt;alert(1)" in page.text and "<script" not in page.text and "Later" not in page.text
        )
        assert "/l/" in page.text and "/o/" not in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "sandbox" in policy and "allow-scripts" not in policy
        assert world.live.log.next_position == before

    asyncio.run(story())


def test_a_message_of_an_older_template_is_shown_as_it_was(world: World, tmp_path: Path) -> None:
    async def story() -> None:
        kept = FolderVersions(tmp_path / "templates")
        version = TemplateBook(world.live.workspace).version("hello")
        assert version is not None
        kept.keep(version)
        await world.back.inbox.say({"user_id": "u1"}, "identify", {"first_name": "Ada"})
        effect = await world.send()
        changed = workspace(
            templates={"hello": TEMPLATE | {"text": "Something else {{ links.unsubscribe }}"}}
        )
        await world.live.append([NewControl(record_of(changed))])
        token = world.back.tokens.sign(VIEW, About(effect=str(effect.data["effect"])))
        async with world.client() as client:
            page = await client.get(f"/view/{token}")
        assert "Cups" in page.text and "Something else" not in page.text

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["garbage", "unknown", "other_purpose"])
def test_what_was_not_sent_is_not_shown(world: World, kind: str) -> None:
    async def story() -> None:
        effect = str((await world.send()).data["effect"])
        tokens = world.back.tokens
        path = {
            "garbage": "x.y",
            "unknown": tokens.sign(VIEW, About(effect="0" * 16)),
            "other_purpose": tokens.sign(UNSUBSCRIBE, About(effect=effect)),
        }[kind]
        async with world.client() as client:
            assert (await client.get(f"/view/{path}")).status_code == 404

    asyncio.run(story())

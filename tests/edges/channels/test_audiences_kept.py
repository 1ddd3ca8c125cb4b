"""Audiences of segments are kept up to date by a schedule, of who agreed and of nobody else."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold.channels.audience_networks import GoogleAudienceSettings, MetaAudienceSettings
from sevenfold.channels.audience_platforms import AudienceFileSettings, AudienceWebhookSettings
from sevenfold.server.audiences import Audiences, Done
from sevenfold.server.questions import QuestionError
from tests.edges.hooks.support import NOW, World, workspace

HOUR = 3_600_000


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def shop(folder: Path, **settings: Any) -> Any:
    given = {"path": str(folder / "out" / "buyers.csv"), "segment": "buyers", "category": "adverts"}
    ads = {"type": "ads", "provider": "audience_file", "settings": given | settings}
    return workspace(
        channels={"ads": ads, "mail": {"type": "email"}},
        consent={"categories": {"adverts": {"default": "opt_in"}, "care": {"default": "opt_out"}}},
        signals={"orders": {"kind": "count", "event": "Order Completed"}},
        segments={"buyers": {"when": "orders >= 1"}},
        journeys={},
    )


async def buys(world: World, user: str) -> None:
    traits = {"email": f"{user}@shop.test"}
    await world.event("Order Completed", user, context={"traits": traits})


async def says(world: World, user: str, status: str) -> None:
    person = {"user_id": user}
    told = {"op": "consent", "person": person, "category": "adverts", "status": status}
    await world.live.control(told | {"at": world.clock.now()})


def test_an_audience_follows_its_segment_and_what_people_say(tmp_path: Path) -> None:
    async def story() -> list[Done | None]:
        world = World(tmp_path, shop(tmp_path))
        kept = Audiences(world.live, tmp_path, world.clock)
        found: list[Done | None] = [kept.last("ads")]
        for user in ("ada", "ben", "eve"):
            await buys(world, user)
        # Ada and Ben agreed, Eve was never asked; Zoe agreed and bought nothing.
        await says(world, "ada", "in")
        await says(world, "ben", "in")
        await world.event("Signed Up", "zoe", context={"traits": {"email": "zoe@shop.test"}})
        await says(world, "zoe", "in")
        await kept.step()
        found.append(kept.last("ads"))
        assert file.read_text().splitlines()[1:] == sorted(
            f"{digest(f'{one}@shop.test')}," for one in ("ada", "ben")
        )
        await says(world, "ada", "out")
        await buys(world, "zoe")
        world.clock.advance(23 * HOUR)
        await kept.step()
        found.append(kept.last("ads"))
        world.clock.advance(HOUR)
        # Another process goes on where the first was.
        await Audiences(world.live, tmp_path, world.clock).step()
        found.append(kept.last("ads"))
        assert file.read_text().splitlines()[1:] == sorted(
            f"{digest(f'{one}@shop.test')}," for one in ("ben", "zoe")
        )
        return found

    file = tmp_path / "out" / "buyers.csv"
    first = Done(at=NOW, members=2, added=2)
    assert asyncio.run(story()) == [
        None,
        first,
        first,
        Done(at=NOW + 24 * HOUR, members=2, added=1, removed=1),
    ]
    assert all(b"@" not in one.read_bytes() for one in (tmp_path / "audiences").iterdir())


def test_one_that_fails_is_tried_again_after_a_quarter_of_an_hour(tmp_path: Path) -> None:
    async def story() -> list[str]:
        (tmp_path / "out").write_text("in the way")
        world = World(tmp_path, shop(tmp_path))
        kept = Audiences(world.live, tmp_path, world.clock)
        await buys(world, "ada")
        await says(world, "ada", "in")
        found = []
        for minutes in (0, 14, 1):
            world.clock.advance(minutes * 60_000)
            if minutes == 1:
                (tmp_path / "out").unlink()
            await kept.step()
            last = kept.last("ads")
            assert last is not None
            found.append(last.failed)
        return found

    assert asyncio.run(story()) == ["unwritable", "unwritable", ""]


@pytest.mark.parametrize("wrong", [{"segment": "byers"}, {"category": "advertising"}])
def test_a_segment_or_category_that_is_not_there_is_a_fault_and_empties_nothing(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    async def story() -> Done:
        world = World(tmp_path, shop(tmp_path, **wrong))
        return await Audiences(world.live, tmp_path, world.clock).synchronise("ads")

    done = asyncio.run(story())
    assert (done.failed, done.removed) == (QuestionError.code, 0)


def test_a_channel_without_a_segment_is_left_to_journeys(tmp_path: Path) -> None:
    async def story() -> Done | None:
        world = World(tmp_path, shop(tmp_path, segment=""))
        kept = Audiences(world.live, tmp_path, world.clock)
        await kept.step()
        return kept.last("ads")

    assert asyncio.run(story()) is None


def test_many_members_are_asked_for_in_pages(tmp_path: Path) -> None:
    async def story() -> list[int]:
        world = World(tmp_path, shop(tmp_path))
        for number in range(7):
            await buys(world, f"u{number}")
            await says(world, f"u{number}", "in")
        sizes, after = [], 0
        while after is not None:
            page = await world.live.ask(
                "audience", channel="ads", category="adverts", segment="buyers", limit=3, after=after
            )
            sizes.append(len(page["items"]))
            after = page["next"]
        return sizes

    assert asyncio.run(story()) == [3, 3, 1]


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        (GoogleAudienceSettings, {"service_account": "x", "account_id": "1", "audience_id": "1"}),
        (MetaAudienceSettings, {"access_token": "x", "audience_id": "1"}),
        (AudienceFileSettings, {"path": "x"}),
        (AudienceWebhookSettings, {"url": "https://x.test"}),
    ],
)
def test_a_segment_needs_a_category(settings: Any, more: dict[str, str]) -> None:
    msgspec.convert(more | {"segment": "buyers", "category": "adverts"}, settings)
    with pytest.raises(msgspec.ValidationError, match="category"):
        msgspec.convert(more | {"segment": "buyers"}, settings)

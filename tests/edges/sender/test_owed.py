"""What the fold answers about what is owed."""

from __future__ import annotations

from typing import Any

from sevenfold.server.questions import answer
from tests.edges.sender.world import World, run


async def backlog(world: World, number: int, name: str = "Go") -> None:
    for place in range(number):
        await world.event(f"user{place}", name)


def asked(world: World, question: str, **arguments: Any) -> Any:
    return answer(world.live.fold, question, arguments)


def group(world: World, held: list[str], each: int, limit: int) -> Any:
    return asked(world, "owed", channel="email", transactional=True, held=held, each=each, limit=limit)


def test_channels_with_something_owed_are_listed_transactional_ones_apart() -> None:
    async def go() -> None:
        world = World()
        assert asked(world, "owed_groups") == []
        await backlog(world, 3)
        await backlog(world, 2, "News")
        assert asked(world, "owed_groups") == [
            {"channel": "email", "transactional": True, "unclaimed": 3, "heads": {"go": 3}},
            {"channel": "email", "transactional": False, "unclaimed": 2, "heads": {"news": 2}},
        ]

    run(go())


def test_little_is_given_whole_and_much_as_far_as_it_can_be_sent() -> None:
    async def go() -> None:
        world = World()
        await backlog(world, 3)
        await backlog(world, 3)
        whole = group(world, [], 10, 10)
        assert whole["all"] is True
        assert [one["effect"] for one in whole["messages"][:2]] == [world.messages[0], world.messages[3]]
        some = group(world, [], 10, 4)
        assert some["all"] is False
        assert [one["effect"] for one in some["messages"]] == world.messages[:3]
        rest = group(world, world.messages[:4], 10, 4)
        assert rest["all"] is True
        assert [one["effect"] for one in rest["messages"]] == world.messages[4:]
        first = whole["messages"][0]
        assert (first["owed"], first["journey"], first["of"], first["tries"]) == (
            "message",
            "go",
            "person",
            0,
        )

    run(go())


def test_what_is_unresolved_comes_in_pages_none_twice_and_none_left_out() -> None:
    async def go() -> None:
        world = World()
        await backlog(world, 7)
        claims = [{"effect": one, "outcome": "claimed"} for one in world.messages]
        await world.live.control({"op": "outcomes", "outcomes": claims})
        await world.live.control({"op": "outcome", "effect": world.messages[2], "outcome": "unknown"})
        found: list[Any] = []
        after = None
        while True:
            page = asked(world, "unresolved", after=after, limit=3)
            found += page["items"]
            if after == world.messages[2]:
                # One that is resolved between two pages does not hide the others.
                await world.live.control({"op": "outcome", "effect": world.messages[0], "outcome": "sent"})
            after = page["next"]
            if after is None:
                break
        assert [one["effect"] for one in found] == world.messages
        assert [one["state"] for one in found].count("unknown") == 1
        states = asked(world, "owed_states", effects=[*world.messages[:3], "nobody"])
        assert list(states.values()) == ["over", "claimed", "unknown", "over"]

    run(go())


def test_a_claim_says_by_which_channel_it_goes() -> None:
    async def go() -> None:
        world = World()
        await backlog(world, 1)
        claim = {"op": "outcome", "effect": world.messages[0], "outcome": "claimed", "channel": "spare"}
        await world.live.control(claim)
        # A second claim changes nothing.
        await world.live.control({**claim, "channel": "other"})
        (one,) = asked(world, "unresolved")["items"]
        assert one["via"] == "spare"

    run(go())


def test_nothing_is_owed_where_nothing_was_decided() -> None:
    world = World()
    assert asked(world, "leases") == {"items": [], "next": None}
    assert asked(world, "unresolved") == {"items": [], "next": None}
    assert group(world, [], 5, 5) == {"all": True, "messages": []}

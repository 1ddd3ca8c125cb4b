"""A message on its way: claimed, handed over, told."""

from __future__ import annotations

from tests.edges.sender.world import World, run


def test_a_message_is_claimed_before_it_is_handed_over_and_told_of_after() -> None:
    async def go() -> None:
        world = World()
        async with world.running():
            await world.event("ada")
            await world.time.settle()
        assert world.outcomes() == ["claimed", "sent"]
        ((_, sent),) = world.provider.calls
        assert sent.effect == world.messages[0]
        assert sent.address == "ada@example.com"
        assert sent.content.subject == "Hello"
        assert sent.content.headers["List-Unsubscribe"].startswith("<https://shop.example/u/")

    run(go())

"""A message on its way: claimed, handed over, tried again, told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from sevenfold.channels.base import Outgoing, Result
from sevenfold.engine.definition import record_of
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.server.sender.carriers import Alert
from tests.edges.sender.world import (
    ACCEPTED,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    TRANSIENT,
    UNKNOWN,
    Provider,
    World,
    journey,
    mail,
    run,
    workspace,
)

BROKEN = Result(verdict="config_error", reason="auth", detail="535 no", scope="account")


def sending(work: Callable[[World], Awaitable[None]], world: World | None = None) -> World:
    """Runs a test with a sender that works."""
    made: list[World] = []

    async def go() -> None:
        made.append(world or World())
        async with made[0].running():
            await work(made[0])

    run(go())
    return made[0]


def test_a_message_is_claimed_before_it_is_handed_over_and_told_of_after() -> None:
    async def go() -> None:
        seen: list[list[str]] = []
        world = World(make=Provider(lambda _: seen.append(world.outcomes()) or ACCEPTED))
        async with world.running():
            await world.event("ada")
            await world.time.settle()
        assert seen == [["claimed"]]
        assert world.outcomes() == ["claimed", "sent"]
        ((_, sent),) = world.provider.calls
        assert sent.effect == world.messages[0]
        assert sent.address == "ada@example.com"
        assert sent.content.subject == "Hello"
        assert sent.content.headers["List-Unsubscribe"].startswith("<https://shop.example/u/")

    run(go())


def test_what_a_transient_fault_held_up_is_tried_again_at_longer_and_longer_intervals() -> None:
    world = World(make=Provider([TRANSIENT] * 4))

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(HOUR)

    sending(work, world)
    at = [when - START for when, _ in world.provider.calls]
    waits = [(later - one) / SECOND for one, later in pairwise(at)]
    for wait, most in zip(waits, (10, 20, 40, 80), strict=True):
        assert 0.8 * most <= wait <= most
    assert world.outcomes() == ["claimed", "rate_limited"] * 4 + ["claimed", "sent"]


def test_a_message_whose_time_is_over_is_expired_and_gives_its_place_back() -> None:
    found = workspace(
        messaging={"caps": {"one": {"limit": 1, "per": "30d"}}},
        journeys={"go": journey("Go", "news", ttl="1h")},
    )
    world = World(found, Provider(TRANSIENT))

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(2 * HOUR)
        await world.event("ada")

    sending(work, world)
    assert world.outcomes(world.messages[0])[-1] == "expired"
    assert len(world.messages) == 2
    assert all(when < START + HOUR for when, one in world.provider.calls if one.effect == world.messages[0])


def test_later_messages_to_the_same_person_wait_while_the_first_is_tried_again() -> None:
    world = World(make=Provider(lambda one: TRANSIENT if world.clock.now() < START + MINUTE else ACCEPTED))

    async def work(world: World) -> None:
        world.provider.answer = lambda one: (
            TRANSIENT if one.effect == world.messages[0] and world.clock.now() < START + MINUTE else ACCEPTED
        )
        await world.event("ada")
        await world.event("bob")
        await world.event("ada")
        await world.time.advance(20 * SECOND)
        assert [one.address for one in world.provider.accepted] == ["bob@example.com"]
        await world.time.advance(5 * MINUTE)

    sending(work, world)
    assert [one.effect for one in world.provider.accepted if one.address == "ada@example.com"] == [
        world.messages[0],
        world.messages[2],
    ]


def test_a_transactional_message_overtakes_one_that_nobody_asked_for() -> None:
    async def work(world: World) -> None:
        world.provider.answer = lambda one: ACCEPTED if one.transactional else TRANSIENT
        await world.event("ada", "News")
        await world.event("ada", "Go")
        await world.time.settle()
        assert [one.transactional for one in world.provider.accepted] == [True]

    sending(work)


def test_retry_after_is_honoured_and_a_throttled_channel_slows_for_everybody() -> None:
    world = World(make=Provider([Result(verdict="throttled", reason="rate", retry_after_s=90)]))

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        await world.event("bob")
        await world.time.advance(89 * SECOND)
        assert len(world.provider.calls) == 1
        assert world.sender.status()["channels"]["email"]["state"] == "throttled"
        await world.time.advance(SECOND)

    sending(work, world)
    assert [(when - START) // SECOND for when, _ in world.provider.calls] == [0, 90, 90]


def test_a_throttled_recipient_slows_nobody_else() -> None:
    slow = Result(verdict="throttled", reason="pair_rate", retry_after_s=60, scope="recipient")
    world = World(make=Provider([slow]))

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        await world.event("bob")
        await world.time.settle()
        assert [one.address for one in world.provider.accepted] == ["bob@example.com"]
        await world.time.advance(61 * SECOND)

    sending(work, world)
    assert len(world.provider.accepted) == 2


def test_a_channel_that_is_set_up_wrongly_pauses_and_burns_no_recipient() -> None:
    alerts: list[Alert] = []
    provider = Provider([BROKEN])
    provider.works = BROKEN
    world = World(make=provider, alert=alerts.append)

    async def work(world: World) -> None:
        for user in ("ada", "bob", "cleo"):
            await world.event(user)
            await world.time.settle()
        await world.time.advance(MINUTE)
        status = world.sender.status()["channels"]["email"]
        assert (status["state"], status["reason"]) == ("paused", "auth")
        assert len(provider.calls) == 1 and provider.checks >= 2
        provider.works = ACCEPTED
        await world.time.advance(6 * MINUTE)

    sending(work, world)
    assert [one.what for one in alerts] == ["paused", "resumed"]
    assert len(provider.accepted) == 3
    assert world.outcomes(world.messages[0]) == ["claimed", "rate_limited", "claimed", "sent"]


def test_a_person_can_say_that_a_paused_channel_works_again() -> None:
    provider = Provider([BROKEN])
    provider.works = BROKEN
    world = World(make=provider)

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        await world.live.control({"op": "channel", "name": "email", "on": True, "resume": True})
        await world.time.settle()

    sending(work, world)
    assert len(provider.accepted) == 1


def test_a_channel_without_a_provider_is_paused_and_says_why() -> None:
    # Nobody gives adapters here, so the registry is asked, and this channel names no provider.
    world = World()
    world._given = None
    from sevenfold.server.sender import Sender
    from tests.edges.sender.world import SECRETS

    async def go() -> None:
        world.sender = Sender(
            world.live,
            clock=world.clock,
            store=world.shelf,
            secrets=SECRETS,
            time=world.time,
            threads=False,
        )
        async with world.running():
            await world.event("ada")
            await world.time.settle()
            status = world.sender.status()["channels"]["email"]
            assert (status["state"], status["reason"]) == ("paused", "channel_invalid")
            assert world.outcomes() == []

    run(go())


def test_a_bad_address_is_left_alone_from_then_on() -> None:
    bad = Result(verdict="permanent", reason="bad_address", scope="recipient", suppress=True)
    world = World(make=Provider(bad))

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        await world.event("ada")

    sending(work, world)
    assert world.outcomes() == ["claimed", "bounced"]
    assert [one.data["reason"] for one in world.effects if one.kind == "held"] == ["suppressed"]


def test_what_a_provider_will_never_take_fails_and_blames_no_address() -> None:
    world = World(make=Provider(Result(verdict="permanent", reason="too_large")))

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        await world.event("ada")

    sending(work, world)
    assert world.outcomes() == ["claimed", "failed"] * 2


def test_an_unknown_outcome_is_held_listed_and_resolved_by_a_person() -> None:
    world = World(make=Provider([UNKNOWN]))

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(DAY)
        assert len(world.provider.calls) == 1
        assert world.sender.status()["unknown"] == 1
        listed = await world.live.ask("unresolved")
        assert [(one["effect"], one["state"]) for one in listed["items"]] == [(world.messages[0], "unknown")]
        await world.live.control({"op": "outcome", "effect": world.messages[0], "outcome": "sent"})
        assert (await world.live.ask("unresolved"))["items"] == []

    sending(work, world)
    assert world.outcomes() == ["claimed", "unknown", "sent"]


def test_an_unknown_message_holds_up_nobody() -> None:
    world = World(make=Provider([UNKNOWN]))

    async def work(world: World) -> None:
        await world.event("ada")
        await world.event("ada")
        await world.time.settle()

    sending(work, world)
    assert [one.effect for one in world.provider.accepted] == [world.messages[1]]


@pytest.mark.parametrize("how", ["deduplicates", "retry"])
def test_an_unknown_message_is_sent_again_where_the_provider_or_the_channel_says_so(how: str) -> None:
    rule = {"type": "email", "unknown": "retry" if how == "retry" else "hold"}
    provider = Provider([UNKNOWN, TRANSIENT], deduplicates=how == "deduplicates")
    world = World(workspace(channels={"email": rule}), provider)

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(MINUTE)

    sending(work, world)
    assert [one.effect for _, one in provider.calls] == [world.messages[0]] * 3
    assert world.outcomes() == ["claimed", "unknown", "claimed", "unknown", "claimed", "sent"]


def fallen_back(answer: Any) -> tuple[World, Provider, Provider]:
    """Eight messages over a channel whose provider answers like this, and which has another to fall back
    on.
    """
    channels = {"email": {"type": "email", "fallback": "spare"}, "spare": {"type": "email"}}
    first, second = Provider(answer), Provider()
    world = World(workspace(channels=channels), {"email": first, "spare": second})

    async def work(world: World) -> None:
        for number in range(8):
            await world.event(f"user{number}")
            await world.time.settle()
        await world.time.advance(5 * SECOND)

    sending(work, world)
    return world, first, second


def test_another_provider_takes_over_while_the_first_is_down() -> None:
    world, first, second = fallen_back(TRANSIENT)
    assert len(first.calls) == 5
    # The last that failed and all that came later; the first four wait for their time.
    assert [one.effect for one in second.accepted] == sorted(world.messages[4:], key=world.messages.index)


def test_another_provider_takes_over_when_the_first_is_set_up_wrongly() -> None:
    _, first, second = fallen_back(BROKEN)
    assert len(first.calls) == 1 and len(second.accepted) == 8


def test_nobody_takes_over_what_the_first_may_have_sent() -> None:
    world, first, second = fallen_back(UNKNOWN)
    assert len(first.calls) == 5
    assert {one.effect for one in second.accepted} == set(world.messages[5:])
    assert world.sender.status()["unknown"] == 5


def test_what_a_provider_takes_once_and_may_have_is_never_given_to_another() -> None:
    channels = {"email": {"type": "email", "fallback": "spare"}, "spare": {"type": "email"}}
    first, second = Provider([UNKNOWN, BROKEN], deduplicates=True), Provider()
    first.works = BROKEN
    world = World(workspace(channels=channels), {"email": first, "spare": second})

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        await world.event("bob")
        await world.time.advance(MINUTE)
        assert world.sender.status()["channels"]["email"]["state"] == "paused"
        assert [one.address for one in second.accepted] == ["bob@example.com"]
        first.works = ACCEPTED
        await world.time.advance(HOUR)

    sending(work, world)
    assert [one.address for one in first.accepted] == ["ada@example.com"]
    assert len(second.accepted) == 1


def test_a_sender_that_was_started_again_gives_it_to_nobody_else_either() -> None:
    channels = {"email": {"type": "email", "fallback": "spare"}, "spare": {"type": "email"}}
    first, second = Provider(BROKEN), Provider([UNKNOWN], deduplicates=True)
    first.works = BROKEN
    world = World(workspace(channels=channels), {"email": first, "spare": second})

    async def go() -> None:
        async with world.running():
            await world.event("ada")
            await world.time.settle()
        assert len(second.calls) == 1
        first.answer = first.works = ACCEPTED
        world.new_sender()
        async with world.running():
            await world.time.advance(HOUR)

    run(go())
    assert first.accepted == []
    assert [one.effect for one in second.accepted] == world.messages


@pytest.mark.parametrize("how", ["rate", "provider"])
def test_a_channel_keeps_its_rate(how: str) -> None:
    channel = {"type": "email", "rate": "2 per 1s"} if how == "rate" else {"type": "email"}
    provider = Provider(rate_per_s=100.0 if how == "rate" else 2.0)
    world = World(workspace(channels={"email": channel}), provider)

    async def work(world: World) -> None:
        for number in range(6):
            await world.event(f"user{number}")
        await world.time.advance(10 * SECOND)

    sending(work, world)
    assert [(when - START) // SECOND for when, _ in provider.calls] == [0, 0, 1, 1, 2, 2]


def test_a_journey_keeps_its_rate_says_so_once_and_slows_no_other() -> None:
    journeys = {"news": journey("News", "news", limits={"rate": "1 per 1m"})}
    world = World(workspace(journeys=journeys))

    async def work(world: World) -> None:
        for number in range(3):
            await world.event(f"user{number}", "News")
        await world.event("ada", "Go")
        await world.time.advance(5 * MINUTE)

    sending(work, world)
    assert [(when - START) // MINUTE for when, _ in world.provider.calls] == [0, 0, 1, 2]
    assert world.outcomes().count("rate_limited") == 2


def test_no_more_calls_at_a_time_than_the_provider_takes() -> None:
    provider = Provider(concurrency=3, latency_ms=100)
    world = World(make=provider)

    async def work(world: World) -> None:
        for number in range(20):
            await world.event(f"user{number}")
        await world.time.advance(5 * SECOND)

    sending(work, world)
    assert provider.most == 3 and len(provider.accepted) == 20


def test_a_new_domain_warms_up_while_what_was_asked_for_goes_at_once() -> None:
    class Two:
        sent = 0

        def room(self, channel: str, now: int) -> int:
            return 2 - self.sent if now < START + HOUR else 100

        def took(self, channel: str, now: int) -> None:
            self.sent += 1

        def next(self, channel: str, now: int) -> int:
            return START + HOUR

    world = World(allowance=Two())

    async def work(world: World) -> None:
        for number in range(4):
            await world.event(f"user{number}", "News")
        await world.event("ada", "Go")
        await world.time.settle()
        # One that was asked for went at once, and counts.
        assert [one.transactional for one in world.provider.accepted].count(True) == 1
        assert len(world.provider.accepted) in (2, 3)
        await world.time.advance(2 * HOUR)

    sending(work, world)
    assert len(world.provider.accepted) == 5


def test_a_message_that_cannot_be_rendered_says_so_and_gives_its_place_back() -> None:
    found = workspace(
        messaging={"caps": {"one": {"limit": 1, "per": "30d"}}},
        templates={"news": mail(transactional=False, subject="{{ person.first_name }}")},
    )
    world = World(found)

    async def work(world: World) -> None:
        await world.event("ada", "News")
        await world.time.settle()
        await world.identify("ada", first_name="Ada", email="ada@example.com")
        await world.event("ada", "News")
        await world.time.settle()

    sending(work, world)
    assert world.outcomes() == ["render_error", "claimed", "sent"]
    assert [one.content.subject for one in world.provider.accepted] == ["Ada"]
    (told,) = [one for one in world.effects if one.data.get("outcome") == "render_error"]
    assert told.data["reason"] == "missing_value"


def test_what_was_decided_is_sent_whatever_is_known_or_written_later() -> None:
    provider = Provider([BROKEN])
    provider.works = BROKEN
    text = "{{ person.first_name }} {{ links.unsubscribe }}"
    world = World(
        workspace(templates={"hello": mail(subject="Old {{ person.first_name }}", text=text)}), provider
    )

    async def work(world: World) -> None:
        await world.identify("ada", first_name="Ada", email="ada@example.com")
        await world.event("ada")
        await world.time.settle()
        await world.identify("ada", first_name="Augusta")
        newer = workspace(templates={"hello": mail(subject="New {{ person.first_name }}", text=text)})
        await world.live.control(record_of(newer))
        await world.event("ada")
        provider.works = ACCEPTED
        await world.time.advance(MINUTE)

    sending(work, world)
    assert [one.content.subject for one in provider.accepted] == ["Old Ada", "New Augusta"]


def test_what_a_merge_took_back_is_not_sent() -> None:
    provider = Provider([BROKEN])
    provider.works = BROKEN
    # The message waits on its step for an outcome, so its run is alive when the two turn out to be one
    # person.
    once = journey("Go", "hello")
    once["steps"]["s0"]["on"] = {"opened": "exit"}
    once["re_entry"] = "once"
    world = World(workspace(journeys={"go": once}), provider)

    async def work(world: World) -> None:
        for user in ("ada", "bob"):
            await world.event(user)
            await world.time.settle()
        await world.live.control({"op": "merge", "members": [{"user_id": "ada"}, {"user_id": "bob"}]})
        provider.works = ACCEPTED
        await world.time.advance(MINUTE)

    sending(work, world)
    taken_back = [one.data["effect"] for one in world.effects if one.kind == "cancelled"]
    assert taken_back == world.messages[1:]
    assert [one.effect for one in provider.accepted] == world.messages[:1]


def test_a_backlog_larger_than_the_sender_holds_is_sent_whole_and_in_order() -> None:
    world = World(make=Provider(concurrency=2), room=5)

    async def work(world: World) -> None:
        world.provider.works = BROKEN
        for number in range(300):
            await world.event(f"user{number % 7}", "Go" if number % 3 else "News")
        assert world.sender.status()["waiting"] <= 200
        await world.time.advance(MINUTE)
        assert world.sender.status()["asking"] == []

    sending(work, world)
    accepted = [one.effect for one in world.provider.accepted]
    assert sorted(accepted) == sorted(world.messages)
    for user in range(7):
        for transactional in (True, False):
            line = [
                one.effect
                for one in world.provider.accepted
                if one.address == f"user{user}@example.com" and one.transactional is transactional
            ]
            assert line == sorted(line, key=world.messages.index)


def test_a_sender_that_stops_finishes_what_is_on_its_way_and_gives_back_the_rest() -> None:
    async def go() -> None:
        provider = Provider(concurrency=1, latency_ms=50)
        world = World(make=provider)
        async with world.running():
            for number in range(5):
                await world.event(f"user{number}")
            await world.time.settle()
            stopping = asyncio.ensure_future(world.sender.stop(5.0))
            await world.time.settle()
            await world.time.advance(SECOND)
            await stopping
        assert len(provider.accepted) == 1
        assert (await world.live.ask("unresolved"))["items"] == []
        assert provider.closed
        world.new_sender()
        async with world.running():
            await world.time.advance(SECOND)
        assert sorted(one.effect for one in provider.accepted) == sorted(world.messages)

    run(go())


def test_an_adapter_that_raises_leaves_the_outcome_unknown() -> None:
    def fails(_: Outgoing) -> Result:
        raise RuntimeError("a defect")

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()

    world = sending(work, World(make=Provider(fails)))
    assert world.outcomes() == ["claimed", "unknown"]


def test_a_sender_that_stops_while_it_recovers_simply_ends() -> None:
    async def go() -> None:
        world = World()
        asked = asyncio.Event()

        async def never(question: str, /, **arguments: Any) -> Any:
            asked.set()
            await asyncio.Event().wait()

        world.live.ask = never  # type: ignore[method-assign]  # the fold is not there yet
        task = asyncio.create_task(world.sender.run())
        await asked.wait()
        await world.sender.stop(1.0)
        await asyncio.wait_for(task, 5)

    run(go())


def test_a_changed_channel_is_used_at_once_and_the_old_one_is_closed() -> None:
    old, new = Provider(BROKEN), Provider()
    old.works = BROKEN

    def make(name: str, model: DeliveryChannel) -> Provider:
        found = new if model.rate else old
        found.time = world.time
        return found

    world = World(make=make)

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        assert old.calls and not new.calls
        fixed = workspace(channels={"email": {"type": "email", "rate": "9 per 1s"}})
        await world.live.control(record_of(fixed))
        await world.time.advance(SECOND)
        assert old.closed

    sending(work, world)
    assert [one.effect for one in new.accepted] == world.messages


def test_what_a_program_asks_for_goes_the_same_way() -> None:
    found = workspace(templates={"hello": mail(subject="Order {{ event.order }}")})

    async def work(world: World) -> None:
        asked = {"op": "send", "key": "k1", "template": "hello", "person": {"email": "ada@example.com"}}
        for _ in range(2):
            await world.live.control({**asked, "data": {"order": "A7"}, "locale": "de-AT"})
            await world.time.settle()

    world = sending(work, World(found))
    (sent,) = world.provider.accepted
    assert (sent.address, sent.content.subject, sent.transactional) == ("ada@example.com", "Order A7", True)
    assert world.outcomes() == ["claimed", "sent"]

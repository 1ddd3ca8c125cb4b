"""What providers tell becomes part of the log once, and everything that asks for it sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sevenfold.channels.base import Heard
from sevenfold.log.base import New
from sevenfold.messages.outcomes import OUTCOMES as ALL
from sevenfold.server.live import BusyError
from tests.edges.hooks.support import NOW, OUTCOMES, World, journey, workspace

ON = [one for one in OUTCOMES if one != "sent"]


@pytest.mark.parametrize("outcome", ON)
def test_an_outcome_that_comes_back_takes_the_run_its_way_and_the_person_into_the_segment(
    tmp_path: Path, outcome: str
) -> None:
    async def story() -> None:
        world = World(tmp_path, workspace(journeys={"hello": journey(ON)}))
        # What is limited or cannot be rendered never was sent.
        message = await world.send(sent=outcome not in ("rate_limited", "render_error"))
        told = Heard(key="news-1", outcome=outcome, effect=str(message.data["effect"]), permanent=True)
        await world.back.inbox.hear("mail", [told])
        person = await world.person()
        assert person["traits"].get("hello_was") == outcome
        assert f"got_{outcome}" in person["segments"]

    asyncio.run(story())


def test_every_outcome_of_a_provider_is_told_here() -> None:
    assert {*ALL} - {*OUTCOMES} == {"claimed", "expired", "unknown"}


def test_news_that_is_repeated_counts_once(world: World) -> None:
    async def story() -> None:
        message = await world.send()
        told = Heard(key="open-1", outcome="opened", provider_id=f"p-{message.data['effect']}")
        for _ in range(3):
            await world.back.inbox.hear("mail", [told, told])
        assert [one["outcome"] for one in world.controls if one.get("key") == "open-1"] == ["opened"]
        assert (await world.person())["signals"]["mails_opened"] == 1
        assert world.back.inbox.counts["repeated"] == 2

    asyncio.run(story())


def test_news_told_twice_at_the_same_time_counts_once(world: World) -> None:
    async def story() -> None:
        message = await world.send()
        told = Heard(key="click-1", outcome="clicked", provider_id=f"p-{message.data['effect']}")
        await asyncio.gather(*(world.back.inbox.hear("mail", [told]) for _ in range(5)))
        assert (await world.person())["signals"]["mails_clicked"] == 1

    asyncio.run(story())


def test_news_that_was_stored_just_before_a_crash_is_found_in_the_history(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        message = await world.send()
        told = Heard(key="open-1", outcome="opened", provider_id=f"p-{message.data['effect']}")
        world.back.store.remember = lambda keys, now: None  # type: ignore[method-assign]  # the crash
        await world.back.inbox.hear("mail", [told])
        world.project()
        del world.back.store.remember
        await world.back.inbox.hear("mail", [told])
        assert (await world.person())["signals"]["mails_opened"] == 1

    asyncio.run(story())


def test_what_could_not_be_stored_is_taken_when_it_is_told_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        message = await world.send()
        told = Heard(key="d-1", outcome="delivered", provider_id=f"p-{message.data['effect']}")

        async def busy(new: list[New]) -> Any:
            raise BusyError

        with monkeypatch.context() as full:
            full.setattr(world.live, "append", busy)
            with pytest.raises(BusyError):
                await world.back.inbox.hear("mail", [told])
        await world.back.inbox.hear("mail", [told])
        assert "got_delivered" in (await world.person())["segments"]

    asyncio.run(story())


def test_a_state_that_comes_late_takes_nothing_back(world: World) -> None:
    async def story() -> None:
        message = await world.send()
        effect = str(message.data["effect"])
        await world.back.inbox.hear("mail", [Heard(key="1", outcome="delivered", effect=effect)])
        world.project()
        late = [
            Heard(key="2", outcome="failed", effect=effect),
            Heard(key="3", outcome="sent", effect=effect),
        ]
        await world.back.inbox.hear("mail", late)
        assert world.back.inbox.counts["out_of_order"] == 2
        segments = (await world.person())["segments"]
        assert "got_delivered" in segments and "got_failed" not in segments

    asyncio.run(story())


def test_a_bounce_after_delivery_is_believed(world: World) -> None:
    async def story() -> None:
        effect = str((await world.send()).data["effect"])
        await world.back.inbox.hear("mail", [Heard(key="1", outcome="delivered", effect=effect)])
        world.project()
        bounce = Heard(key="2", outcome="bounced", effect=effect, permanent=True, reason="bad_address")
        await world.back.inbox.hear("mail", [bounce])
        assert await world.live.ask("suppressed", address="ada@example.org") == [
            {"channel": "mail", "reason": "bounce"}
        ]

    asyncio.run(story())


def test_a_complaint_leaves_the_address_alone(world: World) -> None:
    async def story() -> None:
        effect = str((await world.send()).data["effect"])
        await world.back.inbox.hear("mail", [Heard(key="1", outcome="complained", effect=effect)])
        assert await world.live.ask("suppressed", address="ADA@example.org") == [
            {"channel": "mail", "reason": "complaint"}
        ]

    asyncio.run(story())


def test_news_of_a_message_nobody_knows_waits_until_it_is_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sevenfold.server.inbound.NEWS_WAIT_S_MAX", 0.2)

    async def story() -> None:
        effect = str((await world.send(sent=False)).data["effect"])
        await world.back.inbox.hear("mail", [Heard(key="1", outcome="delivered", provider_id="p-9")])
        assert world.back.inbox.counts["strangers"] == 1
        assert await world.back.inbox.sweep() == 0
        await world.tell({"effect": effect, "outcome": "sent", "provider_id": "p-9", "channel": "mail"})
        assert await world.back.inbox.sweep() == 1
        assert "got_delivered" in (await world.person())["segments"]
        assert await world.back.inbox.sweep() == 0

    asyncio.run(story())


def test_a_complaint_about_a_message_nobody_knows_counts_for_the_address(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sevenfold.server.inbound.NEWS_WAIT_S_MAX", 0.1)

    async def story() -> None:
        told = Heard(key="1", outcome="complained", provider_id="p-0", address="eve@example.org")
        await world.back.inbox.hear("mail", [told])
        assert (await world.live.ask("suppressed", address="eve@example.org"))[0]["reason"] == "complaint"

    asyncio.run(story())


def test_who_says_no_to_a_provider_is_out_of_the_whole_channel_and_start_takes_it_back(world: World) -> None:
    async def story() -> None:
        await world.send()
        stop = Heard(key="s:stop", outcome="unsubscribed", address="+491701234567", reason="keyword")
        await world.back.inbox.hear("text", [stop])
        person = await world.person()
        said = (await world.live.ask("consent", id=person["id"]))["statuses"]
        assert {one["status"] for one in said if one["channel"] == "text" and not one["required"]} == {"out"}
        assert {one["status"] for one in said if one["channel"] == "mail"} == {None}
        event = {
            "type": "track",
            "event": "SMS Received",
            "context": {"traits": {"phone": "+491701234567"}},
            "properties": {"text": "START", "keyword": "start"},
            "timestamp": NOW,
        }
        world.clock.advance(1_000)
        await world.back.inbox.hear("text", [Heard(key="s2", address="+491701234567", event=event)])
        said = (await world.live.ask("consent", id=person["id"]))["statuses"]
        assert {one["status"] for one in said if one["channel"] == "text"} == {"in"}

    asyncio.run(story())


def test_a_reply_is_an_event_of_whoever_has_the_number_and_a_task_for_somebody(tmp_path: Path) -> None:
    replies = {
        "triggers": [{"kind": "event", "event": "SMS Received", "where": "property.keyword == ''"}],
        "re_entry": {"unlimited": 100},
        "steps": {
            "answer": {"kind": "task", "task": "reply", "reason": "they wrote back", "next": "end"},
            "end": {"kind": "exit"},
        },
    }
    model = workspace(
        journeys={"hello": journey([]), "replies": replies},
        tasks={"reply": {"title": "Answer", "outcomes": ["answered"], "due": "4h"}},
    )

    async def story() -> None:
        world = World(tmp_path, model)
        await world.send()
        event = {
            "type": "track",
            "event": "SMS Received",
            "context": {"traits": {"phone": "+491701234567"}},
            "properties": {"text": "Is it blue?", "keyword": ""},
        }
        await world.back.inbox.hear("text", [Heard(key="s7", address="+491701234567", event=event)])
        task = next(one for one in world.effects if one.kind == "task")
        assert task.subject == (await world.person())["id"]
        assert world.events[-1]["messageId"] == "s7"

    asyncio.run(story())


def test_a_press_that_makes_no_sense_is_counted_and_does_not_stop_the_rest(world: World) -> None:
    async def story() -> None:
        effect = str((await world.send()).data["effect"])
        press = Heard(key="1", control={"op": "task", "action": "juggle", "task": "none"})
        await world.back.inbox.hear("mail", [press, Heard(key="2", outcome="delivered", effect=effect)])
        assert world.back.inbox.counts["refused"] == 1
        assert "got_delivered" in (await world.person())["segments"]

    asyncio.run(story())

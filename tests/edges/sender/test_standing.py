"""A warm-up's days, and a halt when too much comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from sevenfold.channels.base import Outgoing, Result
from sevenfold.channels.registry import doubts
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.server.alerts import Figures, evaluate
from sevenfold.server.history import History, HistoryWriter
from sevenfold.server.live import Watched
from sevenfold.server.sender import Observer, Standing
from tests.edges.sender.world import ACCEPTED, DAY, HOUR, SECOND, START, Provider, World, run, workspace

GONE = Result(verdict="permanent", reason="unknown_user", scope="recipient", suppress=True)


def answer(message: Outgoing) -> Result:
    return GONE if message.address.startswith("gone") else ACCEPTED


class Kept:
    """A world whose history is written, and a sender that is watched by it."""

    def __init__(self, folder: Path, **channel: Any) -> None:
        self.writer = HistoryWriter(folder)
        self.standing = Standing()
        self.world = World(
            workspace(channels={"email": {"type": "email", **channel}}),
            Provider(answer),
            allowance=self.standing,
        )
        self.history = History(folder, self.world.live.log)
        self.observer = self._observer()
        self._heard = 0

    def _observer(self) -> Observer:
        return Observer(self.standing, self.history, self.world.live, self.world.time)

    async def look(self) -> None:
        """The history is written, and looked at; the standing hears what came of it."""
        self.store()
        await self.observer.look()
        self._hear()

    def store(self) -> None:
        self.writer.take_effects(Watched(0, self.world.effects))
        self.writer.take_records(self.world.live.log.read())
        self.writer.commit()

    def _hear(self) -> None:
        for effect in self.world.effects[self._heard :]:
            self.standing.take(effect)
        self._heard = len(self.world.effects)

    async def again(self) -> None:
        """As after a restart."""
        self.store()
        self.standing = Standing()
        self.world.options["allowance"] = self.standing
        self.observer = self._observer()
        await self.observer.recall(self.world.new_sender())

    async def resume(self) -> None:
        await self.world.live.control({"op": "channel", "name": "email", "on": True, "resume": True})
        self._hear()

    def close(self) -> None:
        self.history.close()
        self.writer.close()

    def sent(self) -> int:
        return len(self.world.provider.accepted)


def test_too_many_addresses_that_do_not_exist_halt_a_channel_until_somebody_resumes_it(
    tmp_path: Path,
) -> None:
    kept = Kept(tmp_path)

    async def go() -> None:
        world = kept.world
        async with world.running():
            for number in range(19):
                await world.event(f"gone{number}", "News")
            await world.time.settle()
            await kept.look()
            assert kept.standing.room("email", START) > 0
            await world.event("gone19", "News")
            await world.time.settle()
            await kept.look()
            assert kept.standing.status(world.clock.now())["email"]["halted"]["reason"] == "bounces"
            await world.event("ada", "News")
            await world.event("ada", "Go")
            await world.time.advance(HOUR)
            assert [one.transactional for one in world.provider.accepted] == [True]
        await kept.again()
        async with world.running():
            await world.event("bob", "News")
            await world.time.advance(6 * HOUR)
            assert kept.sent() == 1
            await kept.resume()
            await world.time.advance(HOUR)
            assert kept.sent() == 3
            # What was there before somebody looked at it does not count again.
            await kept.look()
            assert kept.standing.room("email", world.clock.now()) > 0

    run(go())
    halts = [one.data for one in kept.world.effects if one.kind == "channel"]
    assert [one.get("held") for one in halts] == ["bounces", None]
    assert halts[0]["on"] is True
    kept.close()


def test_a_warm_up_allows_fifty_on_its_first_day_and_a_hundred_on_the_next_also_over_a_restart(
    tmp_path: Path,
) -> None:
    kept = Kept(tmp_path, warm_up="2025-10-09")
    today = START // DAY * DAY

    async def go() -> None:
        world = kept.world
        await kept.again()
        async with world.running():
            for number in range(40):
                await world.event(f"user{number}", "News")
            await world.time.settle()
        await kept.again()
        async with world.running():
            for number in range(40, 200):
                await world.event(f"user{number}", "News")
            await world.event("ada", "Go")
            await world.time.settle()
            # A receipt goes before all others, and counts.
            assert kept.sent() == 50
            assert kept.standing.status(world.clock.now())["email"] == {"left_today": 0}
            await world.time.advance(today + DAY + SECOND - world.clock.now())
            assert kept.sent() == 150

    run(go())
    kept.close()


def test_a_rate_remembers_over_a_restart_what_was_sent(tmp_path: Path) -> None:
    kept = Kept(tmp_path, rate="3 per 6h")

    async def go() -> None:
        world = kept.world
        async with world.running():
            for name in ("ada", "bob", "cleo", "dora"):
                await world.event(name)
            await world.time.settle()
            assert kept.sent() == 3
        await kept.again()
        async with world.running():
            await world.time.advance(5 * HOUR)
            assert kept.sent() == 3
            await world.time.advance(HOUR + 60 * SECOND)
            assert kept.sent() == 4

    run(go())
    kept.close()


def test_people_are_told_of_a_halt_and_of_what_comes_near_one() -> None:
    standing = {
        "email": {
            "action": "halted",
            "halted": {"reason": "complaints", "said": "9 of 900"},
            "fix": "see who",
        },
        "news": {"action": "warn", "said": "2 of 900", "fix": "see where"},
        "calm": {"left_today": 12},
    }
    found = evaluate(Figures(now=START, status={"delivery": {"standing": standing}}))
    assert [one.key for one in found] == ["halted email", "standing news"]
    assert "9 of 900" in found[0].detail
    assert found[0].fix.endswith("then resume the channel")


def test_a_warm_up_that_begins_on_no_day_is_told() -> None:
    model = msgspec.convert({"type": "email", "warm_up": "2026-13-01"}, DeliveryChannel)
    assert [one.place for one in doubts(model)] == [("warm_up",)]

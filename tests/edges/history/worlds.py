"""A log, the fold that follows it, and what was told; and a simulated company in one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sevenfold.clock import SetClock
from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.engine.definition import UNDEFINED, record_of
from sevenfold.events.dedup import message_key
from sevenfold.events.times import parse_ms
from sevenfold.log.base import Entry, New, NewControl, NewEvents, Record
from sevenfold.log.memory import MemoryLog
from sevenfold.server.live import Watched
from sevenfold.simulate import SaasCompany
from sevenfold.snapshots import Recovered, fold_record, records_from
from sevenfold.workspace.loading import load

PACK = Path(__file__).parents[3] / "packs" / "seven-stage"
START = 1_704_067_200_000


class World:
    """A log, the fold that follows it, and what was told, in order."""

    def __init__(self) -> None:
        self.log = MemoryLog(SetClock(START))
        self.told: list[Watched] = []
        self._found = Recovered(Fold(UNDEFINED))

    @property
    def fold(self) -> Fold:
        return self._found.fold

    @property
    def effects(self) -> list[Effect]:
        return [effect for one in self.told for effect in one.effects]

    @property
    def records(self) -> list[Record]:
        return self.log.read(0, 10_000)

    def append(self, new: Sequence[New]) -> list[Effect]:
        self.log.append(new)
        effects: list[Effect] = []
        for record in records_from(self.log, self._found.position):
            first = self.fold.emitted
            found = fold_record(self._found, record)
            self.told += [Watched(first, found)] if found else []
            effects += found
        return effects


def outcomes(effect: Effect, number: int) -> list[New]:
    """What a provider tells about a message: mostly well, now and then not."""
    about = {"op": "outcome", "effect": effect.data["effect"], "channel": effect.data["channel"]}
    sent = {**about, "outcome": "sent", "provider_id": f"p-{effect.data['effect']}", "at": effect.time + 5}
    last = ("delivered", "bounced", "opened")[number % 3]
    told = [{**about, "outcome": "claimed"}, sent, {**about, "outcome": last, "reason": "because"}]
    told.append({**about, "outcome": "opened", "machine": True})
    return [NewControl(one, effect.time) for one in told]


def company(accounts: int, days: int) -> World:
    """A simulated company under the seven-stage pack, with outcomes of its messages."""
    world = World()
    world.append([NewControl(record_of(load(PACK)), START)])
    events = SaasCompany(seed=11, accounts=accounts, days=days).events()
    timed = sorted(((parse_ms(event["timestamp"]) or 0, event) for event in events), key=lambda one: one[0])
    for at in range(0, len(timed), 40):
        some = timed[at : at + 40]
        entries = [Entry("site", time, msgspec.json.encode(event), time) for time, event in some]
        keys = [message_key("site", event["messageId"]) for _, event in some]
        for number, effect in enumerate(world.append([NewEvents(entries, keys)])):
            if effect.kind == "message":
                world.append(outcomes(effect, number))
    return world

"""Business events: a price drop or an incident enters everybody whom it concerns, all at once or at a pace.

A wave goes through the subjects in order of row. Whom it concerns is asked when it comes to them, so that
somebody who joined the audience meanwhile is not missed, and somebody who left is not troubled.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from ..engine.controls import ControlError, control
from ..profiles.signals.values import ValuesKind
from ..profiles.wheel import NEVER, OP_BITS
from .compiled import CompiledJourney, as_key
from .entry import Trigger
from .limits_text import limit_of
from .plan import OnBusinessEvent

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from .runtime import Journeys

STEP_MS = 1_000
"""A paced wave lets people in at most once a second."""

HEARD_NAMES_MAX = 20_000
"""Names of events for which it is remembered whether any is heard."""


@dataclass(slots=True)
class Wave:
    """One business event on its way through the subjects of one journey."""

    journey: str
    place: int
    seq: int
    te: int
    key: str
    value: str
    properties: dict[str, Any]
    began: int
    due: int
    row: int = 1
    entered: int = 0


class Business:
    """The business events of a fold, and the waves under way."""

    def __init__(self, journeys: Journeys) -> None:
        self.journeys = journeys
        self.waves: dict[int, Wave] = {}
        self.last = 0
        self._heard: dict[tuple[str, str], bool] = {}

    def declare(self) -> None:
        self._low = self.journeys.timer("business", self._fire)
        self._some = any(plan.business for plan in self.journeys.plans)

    def hears(self, type_: str, event: str) -> bool:
        """Whether an event of this name is one for some version of a journey; asked for every event."""
        if not self._some:
            return False
        key = (type_, event)
        found = self._heard.get(key)
        if found is None:
            if len(self._heard) >= HEARD_NAMES_MAX:
                self._heard.clear()
            found = any(one.hears(*key) for plan in self.journeys.plans for one in plan.business)
            self._heard[key] = found
        return found

    def happened(self, key: tuple[str, str], event: Any, te: int) -> None:
        """An event came: every journey that it is meant for begins a wave."""
        for plan in self.journeys.entered():
            for listener in plan.business:
                if listener.hears(*key) and listener.matches(event.properties, event):
                    self._begin(plan, listener.place, event.properties, te)
                    break

    def _begin(self, plan: CompiledJourney, place: int, p: Any, te: int) -> None:
        fold = self.journeys.fold
        trigger = plan.model.triggers[place]
        assert isinstance(trigger, OnBusinessEvent)
        value = ""
        if trigger.match is not None:
            field = plan.unit.properties[trigger.match["property"]]
            value = as_key(getattr(p, field, UNSET))
        self.last += 1
        wave = Wave(plan.name, place, fold.seq, te, plan.key_of(p), value, plan.kept_of(p), fold.t, NEVER)
        self.waves[self.last] = wave
        told = {"event": trigger.event, "wave": self.last, "pace": trigger.pace}
        fold.emit_about("wave", plan.name, told)
        self._go_on(self.last, wave)

    def _fire(self, number: int, due: int) -> None:
        wave = self.waves.get(number)
        if wave is not None and wave.due == due:
            self._go_on(number, wave)

    def _go_on(self, number: int, wave: Wave) -> None:
        """Lets in whom the pace allows by now, and sets the timer for the rest."""
        journeys = self.journeys
        fold = journeys.fold
        index = journeys.current.get(wave.journey)
        if index is None:
            del self.waves[number]
            return
        plan = journeys.plans[index]
        trigger = plan.model.triggers[wave.place] if wave.place < len(plan.model.triggers) else None
        if not isinstance(trigger, OnBusinessEvent):
            del self.waves[number]
            return
        allowed = NEVER
        if trigger.pace is not None:
            n, per = limit_of(trigger.pace)
            allowed = (fold.t - wave.began) * n // per + max(1, n * STEP_MS // per)
        gone = fold.forward if plan.of_person else {}
        rows = plan.unit.table.rows
        while wave.row < rows and wave.entered < allowed:
            row = wave.row
            wave.row += 1
            if row in gone or not self._matches(plan, trigger, row, wave.value):
                continue
            fired = Trigger(trigger.event, wave.seq, wave.te, wave.key, wave.properties)
            # It came in time; that its turn comes later is the pace's doing.
            fired.te = max(wave.te, fold.t - plan.late_after) if fold.t > wave.began else wave.te
            slot, _ = journeys.entries.admit(plan, row, fold.t, fired)
            if slot:
                wave.entered += 1
                journeys.ready(slot, 0)
        if wave.row >= rows:
            fold.emit_about("wave_over", plan.name, {"wave": number, "entered": wave.entered})
            del self.waves[number]
            return
        wave.due = fold.t + STEP_MS
        fold.wheel.push(wave.due, self._low + (number << OP_BITS))

    @staticmethod
    def _matches(plan: CompiledJourney, trigger: OnBusinessEvent, row: int, value: str) -> bool:
        """Whether the value is among those that the subject's signal remembers."""
        if trigger.match is None:
            return True
        if not value:
            return False
        signal = plan.unit.signals[trigger.match["signal"]]
        if isinstance(signal, ValuesKind):
            code = signal.codes.codes.get(value)
            return any(one[0] == code for one in signal.memory(row))
        return bool(as_key(plan.unit.show(signal.slot, row)) == value)

    def dump(self) -> Any:
        return [self.last, [[number, *astuple(wave)] for number, wave in self.waves.items()]]

    def load(self, held: Any) -> None:
        self.last = held[0]
        self.waves = {number: Wave(*rest) for number, *rest in held[1]}


@control("business")
def _business(fold: Fold, record: dict[str, Any]) -> None:
    """A business event that no person sent: `event` and `properties`."""
    if fold.journeys is None or not fold.journeys.business.hears("track", str(record.get("event"))):
        raise ControlError(
            f"no journey listens for the business event `{record.get('event')}`",
            fix="give a journey a trigger of kind `business`",
        )
    sent = {"type": "track", "event": record["event"], "properties": record.get("properties") or {}}
    event = fold.decoder.decode(msgspec.json.encode(sent))
    fold.journeys.business.happened(("track", str(record["event"])), event, fold.t)

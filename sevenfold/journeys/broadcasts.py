"""Broadcasts: a message to many at once, acknowledged, paced and tested; each person's part is a run."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..profiles.expressions import parse_duration
from ..profiles.wheel import OP_BITS
from . import broadcast_plan as plans
from .limits_text import limit_of
from .people import Broadcast
from .sending import Sending, in_test, paced, places_of, too_many, variant_of, winner
from .serving import QUEUED, MessageNews, Service, is_run
from .telling import stable_id
from .times import NEVER, at_local, next_at
from .zones import DAY, UTC_ZONE, zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.fold import Fold
    from .runtime import Journeys

_ACTIVE = frozenset({"scheduled", "sending", "testing"})


class Broadcasts(Service):
    """The broadcasts of a fold, by name."""

    def __init__(self, fold: Fold, runtime: Journeys) -> None:
        super().__init__(fold, runtime)
        self.all = {name: OneBroadcast(self, name, one) for name, one in fold.workspace.broadcasts.items()}
        self._by_journey = {plans.journey_name(name): one for name, one in self.all.items()}

    def declare(self) -> None:
        for one in self.all.values():
            one.declare()

    def finish(self) -> None:
        for one in self.all.values():
            one.finish()

    def arm(self, t: int) -> None:
        """Broadcasts whose size the workspace itself acknowledges are scheduled as the log begins."""
        for one in self.all.values():
            if one.model.acknowledged is not None and one.is_ahead(t):
                one.acknowledge(one.model.acknowledged, t)

    def on_message(self, news: MessageNews) -> None:
        one = self._by_journey.get(news.journey)
        if one is not None and news.first:
            one.heard(news.step, news.outcome)

    def dump(self) -> Any:
        return {name: msgspec.to_builtins(one.sending) for name, one in self.all.items()}

    def load(self, held: Any) -> None:
        for name, state in held.items():
            if name in self.all:
                self.all[name].sending = msgspec.convert(state, Sending)


class OneBroadcast:
    """One broadcast: its rules from the workspace, and how far it is."""

    def __init__(self, service: Broadcasts, name: str, model: Broadcast) -> None:
        self.service, self.fold, self.name, self.model = service, service.fold, name, model
        shares = plans.templates_of(name, model)
        self.templates = list(shares)
        self.ends = places_of(list(shares.values()))
        self.zone = zone(model.zone) if model.zone is not None else UTC_ZONE
        self.planned = plans.planned_at(name, model, self.zone)
        self.pace = limit_of(model.pace) if model.pace is not None else None
        self.test_for, self.ttl = parse_duration(model.test_for), parse_duration(model.ttl)
        self.tests = len(self.templates) > 1 and model.test_share < 100
        self.sending = Sending(sent=[0] * len(shares), won=[0] * len(shares))
        self._asks: list[Callable[[int], bool]] = []

    def declare(self) -> None:
        runtime, person = self.service.runtime, self.fold.person
        self._low = runtime.timer(f"broadcast {self.name}", self._fire)
        if self.model.audience is not None:
            runtime.watch_later(person, self.model.audience)

    def finish(self) -> None:
        runtime, person = self.service.runtime, self.fold.person
        if self.model.audience is not None:
            self._asks.append(runtime.asks(person, self.model.audience))
        if self.model.segment is not None:
            self._segment = person.segments[self.model.segment].slot
            self._asks.append(lambda row: bool(person.show(self._segment, row)))

    # ---------------------------------------------------------------------------------------- audience

    def audience(self) -> list[int]:
        """The rows of everybody whom it concerns now, ascending."""
        gone, rows = self.fold.forward, range(1, self.fold.person.table.rows)
        return [row for row in rows if row not in gone and all(ask(row) for ask in self._asks)]

    def shown(self) -> dict[str, Any]:
        """What its author is shown before they acknowledge it: how many it concerns now, how many are in
        the test, and how many of those who start first draw each variant.
        """
        rows = self.audience()
        first = [row for row in rows if in_test(self.name, self._unit(row), self.model.test_share)]
        drawn = [self._variant(row) for row in (first if self.tests else rows)]
        variants = {each: drawn.count(place) for place, each in enumerate(self.templates)}
        return {"size": len(rows), "test": len(first) if self.tests else 0, "variants": variants}

    def is_ahead(self, t: int) -> bool:
        """Whether its time is still to come; without one it begins when somebody says so."""
        return self.planned is not None and self.planned >= t

    def acknowledge(self, size: int, t: int) -> str:
        """Somebody saw the size and agrees: it is scheduled, or begins. "" or the reason why not."""
        sending = self.sending
        if sending.state not in ("planned", "refused", "scheduled"):
            return sending.state
        sending.acknowledged = size
        sending.at = t if self.planned is None else max(t, self.planned)
        if sending.at > t and too_many(now := len(self.audience()), size) and self.fold.seq:
            return self._refuse(now)
        sending.state = "scheduled"
        self._tell("scheduled", acknowledged=size, at=sending.at)
        if sending.at <= t:
            self._begin(t)
        else:
            self._arm(sending.at)
        return ""

    def _refuse(self, size: int) -> str:
        self.sending.state, self.sending.size = "refused", size
        self._tell("refused", reason="larger_than_acknowledged", acknowledged=self.sending.acknowledged)
        return "larger_than_acknowledged"

    def _begin(self, t: int) -> None:
        """Its time has come: the audience is taken as it is now."""
        sending, rows = self.sending, self.audience()
        if too_many(len(rows), sending.acknowledged):
            self._refuse(len(rows))
            return
        sending.size, sending.state = len(rows), "sending"
        if self.tests:
            first = [row for row in rows if in_test(self.name, self._unit(row), self.model.test_share)]
            taken = set(first)
            sending.rest = array("i", [row for row in rows if row not in taken]).tobytes()
            rows = first
        self._tell("started", test=len(rows) if self.tests else None)
        self._plan(rows, [self._variant(row) for row in rows], t)

    def _variant(self, row: int) -> int:
        return variant_of(self.name, self._unit(row), self.ends) if len(self.templates) > 1 else 0

    def _unit(self, row: int) -> str:
        return self.fold.id_of(self.fold.person, row)

    def _plan(self, rows: Sequence[int], variants: Sequence[int], t: int, after: int | None = None) -> None:
        """Says when each of these people starts: now, or at their local time (with `after` the next such)."""
        found: list[tuple[int, int, int]] = []
        for row, variant in zip(rows, variants, strict=True):
            at = self._local(row, after) if self.model.local else t
            if at + self.ttl <= t:
                self.sending.leave_out("missed")
            else:
                found.append((max(at, t), row, variant))
        found.sort()
        dues = paced([at for at, _, _ in found], self.pace, t)
        self.sending.plan([row for _, row, _ in found], [variant for _, _, variant in found], dues)
        self._go_on(t)

    def _local(self, row: int, after: int | None) -> int:
        wall = plans.wall_of(self.name, self.model.at or "")
        theirs = self.service.runtime.zone(row)
        if after is None:
            return at_local(wall // DAY, wall % DAY, theirs)
        return next_at(after, wall % DAY, theirs)

    # ------------------------------------------------------------------------------------------ course

    def _fire(self, row: int, due: int) -> None:
        sending = self.sending
        if sending.due != due or sending.state not in _ACTIVE:
            return
        sending.due = NEVER
        if sending.state == "scheduled":
            self._begin(due)
        elif sending.state == "testing":
            self.promote(None, due)
        else:
            self._go_on(due)

    def _go_on(self, t: int) -> None:
        """Starts everybody who is due, and sees what comes next."""
        sending = self.sending
        while sending.state == "sending" and sending.next_due() <= t:
            self._start(*sending.at_hand())
        if sending.state != "sending":
            return
        following = sending.next_due()
        if following != NEVER:
            self._arm(following)
        elif sending.rest:
            sending.state, sending.decide = "testing", t + self.test_for
            self._tell("tested", decide=sending.decide)
            self._arm(sending.decide)
        else:
            sending.state = "done"
            self._tell("done")

    def _start(self, row: int, variant: int) -> None:
        fold, sending = self.fold, self.sending
        row = fold.forward.get(row, row)
        if not row:
            sending.leave_out("erased")
            return
        properties = {"variant": str(variant + 1)}
        answer = self.service.runtime.start(
            plans.journey_name(self.name), fold.person, row, f"broadcast {self.name}", properties
        )
        if is_run(answer) or answer == QUEUED:
            sending.started += 1
        else:
            sending.leave_out(answer)

    def _arm(self, due: int) -> None:
        self.sending.due = due
        self.fold.wheel.push(due, self._low + (1 << OP_BITS))

    def heard(self, step: str, outcome: str) -> None:
        """Something became of one of its messages."""
        for place in range(len(self.templates)):
            if step == plans.step_of(place):
                self.sending.sent[place] += outcome == "sent"
                self.sending.won[place] += outcome == self.model.metric

    def promote(self, template: str | None, t: int) -> str:
        """The rest gets a variant: the one named, or that which won. "" or the reason why not."""
        sending = self.sending
        if sending.state != "testing":
            return sending.state
        if template is not None and template not in self.templates:
            return "unknown_variant"
        won = winner(sending.sent, sending.won) if template is None else self.templates.index(template)
        counts = {
            each: {"sent": sending.sent[place], self.model.metric: sending.won[place]}
            for place, each in enumerate(self.templates)
        }
        how = "outcomes" if template is None else "asked"
        data = {"variant": self.templates[won], "by": how, "counts": counts}
        self.fold.emit_about("broadcast_winner", self.name, data)
        rows = array("i", sending.rest)
        sending.rest, sending.state, sending.decide = b"", "sending", NEVER
        self._plan(rows, [won] * len(rows), t, after=t)
        return ""

    # ---------------------------------------------------------------------------------------- controls

    def pause(self) -> str:
        """Nobody starts until `resume`; runs that started go on. "" or the reason why not."""
        sending = self.sending
        if sending.state not in _ACTIVE:
            return sending.state
        sending.paused, sending.state, sending.due = sending.state, "paused", NEVER
        self._tell("paused")
        return ""

    def resume(self, t: int) -> str:
        """Goes on: what fell due meanwhile starts now, in its order and at the pace."""
        sending = self.sending
        if sending.state != "paused":
            return sending.state
        sending.state, sending.paused = sending.paused, ""  # type: ignore[assignment]
        self._tell("resumed")
        if sending.state == "scheduled":
            if sending.at <= t:
                self._begin(t)
            else:
                self._arm(sending.at)
        elif sending.state == "testing":
            if sending.decide <= t:
                self.promote(None, t)
            else:
                self._arm(sending.decide)
        else:
            waiting = sending.waiting()
            dues = paced([max(due, t) for _, _, due in waiting], self.pace, t)
            sending.plan([row for row, _, _ in waiting], [variant for _, variant, _ in waiting], dues)
            self._go_on(t)
        return ""

    def cancel(self) -> str:
        """Nobody else starts, and runs under way end; what was sent is sent."""
        sending, runtime = self.sending, self.service.runtime
        if sending.state in ("done", "cancelled"):
            return sending.state
        left = len(sending.waiting()) + len(sending.rest) // 4
        sending.state, sending.due, sending.rest = "cancelled", NEVER, b""
        sending.plan([], [], array("q"))
        self._tell("cancelled", not_started=left)
        at = runtime.current.get(plans.journey_name(self.name))
        for slot in runtime.runs.of_plan(at) if at is not None else ():
            runtime.end_run(slot, "cancelled")
        return ""

    def _tell(self, action: str, **data: Any) -> None:
        fold, sending = self.fold, self.sending
        ident = stable_id("broadcast", self.name, action, fold.t, fold.seq)
        told = {"id": ident, "action": action, **sending.told(), **data}
        fold.emit_about("broadcast", self.name, {key: one for key, one in told.items() if one is not None})


__all__ = ["Broadcasts", "OneBroadcast"]

"""Entering a journey: who may, who may again, who walks as a ghost; pauses and their queues."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from ..limits import ENTITY_KEY_DAYS
from ..messages.holdouts import held_out, share_of
from ..profiles import expressions as x
from .limits_text import limit_of
from .plan import OnCall, ReEntry
from .runs import GHOST, packed, run_ident
from .steps.split import SplitLogic

if TYPE_CHECKING:
    from ..lifecycle.compile import CompiledUnit
    from .compiled import CompiledJourney
    from .runtime import Journeys

DAY = 86_400_000
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(strict=False).decode


@dataclass(slots=True)
class Trigger:
    """What fired: `name` for people, `seq` of its record (None: a timer), the event's time, key,
    properties.
    """

    name: str
    seq: int | None
    te: int
    key: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    by_event: bool = False


@dataclass(slots=True)
class Pause:
    """A journey that stands still since `at`; `finish`: only entries are stopped."""

    at: int
    clock: str = "freeze"
    queue: bool = True
    finish: bool = False
    waiting: list[Any] = field(default_factory=list)
    """Entries that wait: (row, trigger as a tuple)."""
    timed: dict[int, int] = field(default_factory=dict)
    """Runs whose timer was set during the pause, by slot: when. Their clock has stood still since then."""


class Entries:
    """Admission to journeys, and the memory that re-entry needs."""

    def __init__(self, journeys: Journeys) -> None:
        self.journeys = journeys
        self.paused: dict[str, Pause] = {}
        self.counted: dict[str, dict[str, int]] = {}
        """How many entries were refused, by journey and reason."""
        self.running: dict[str, int] = {}
        self.arbitration = 0

    def declare(self) -> None:
        fold = self.journeys.fold
        self.messaging = fold.workspace.messaging
        if self.messaging.arbitration is not None:
            self.arbitration = x.parse_duration(self.messaging.arbitration)
        self.order = {name: place for place, name in enumerate(fold.workspace.journeys)}
        for plan in self.journeys.plans:
            self.order.setdefault(plan.name, len(self.order))
        self._bags = {unit.kind: unit.table.add_bag(".j.entries") for unit in fold.compiled}
        """Of each subject: {journey: last entry ms, or times of entries, or {key digest: ms}}."""

    def stands_still(self, journey: str) -> bool:
        """Whether the runs of a journey must not move."""
        paused = self.paused.get(journey)
        return paused is not None and not paused.finish

    def timed(self, slot: int, journey: str, t: int) -> None:
        """A run's timer is set during a pause."""
        if self.stands_still(journey):
            self.paused[journey].timed[slot] = max(t, self.paused[journey].at)

    # ------------------------------------------------------------------------------------------ who enters

    def enter(self, unit: CompiledUnit, row: int, t: int, news: Any, heard: Any) -> list[tuple[int, int]]:
        """Starts the runs that what happened asks for; each at its first step."""
        found: dict[int, tuple[int, Trigger]] = {}
        for plan_index, place, name in news:
            if plan_index not in found or place < found[plan_index][0]:
                found[plan_index] = (place, Trigger(name, self._seq(), t))
        if heard is not None:
            key, event, te = heard
            for plan in self.journeys.listening(unit, key):
                for listener in plan.triggers:
                    if listener is None or not listener.hears(*key):
                        continue
                    if plan.index in found and found[plan.index][0] < listener.place:
                        break
                    if listener.matches(event.properties, event):
                        p = event.properties
                        fired = Trigger(key[1] or key[0], self.journeys.fold.seq, te, plan.key_of(p), {})
                        fired.properties, fired.by_event = plan.kept_of(p), True
                        found[plan.index] = (listener.place, fired)
                        break
        started = []
        order = self.order
        for plan_index in sorted(found, key=lambda one: (order[self.journeys.plans[one].name], one)):
            plan = self.journeys.plans[plan_index]
            if self.journeys.current.get(plan.name) != plan_index:
                continue
            slot, _ = self.admit(plan, row, t, found[plan_index][1])
            if slot:
                started.append((slot, 0))
        return started

    def _seq(self) -> int | None:
        cause = self.journeys.fold._cause
        if cause.__class__ is int or cause[0] in ("timer", "expiry", "day close", "tick", "account"):  # type: ignore[index]
            return None
        return self.journeys.fold.seq

    def admit(self, plan: CompiledJourney, row: int, t: int, fired: Trigger) -> tuple[int, str]:
        """A run for the subject, or the reason why not: (slot or 0, reason)."""
        model, journeys = plan.model, self.journeys
        paused = self.paused.get(plan.name)
        if paused is not None:
            if not paused.queue:
                return self._refuse(plan, row, "paused")
            told = [row, fired.name, fired.seq, fired.te, fired.key, fired.properties, fired.by_event]
            paused.waiting.append(told)
            return 0, "queued"
        if model.state not in ("published", "shadow"):
            return 0, model.state
        if t - fired.te > plan.late_after:
            return self._refuse(plan, row, "late", late_by=t - fired.te - plan.late_after)
        if model.key is not None and fired.by_event and not fired.key:
            return self._refuse(plan, row, "no_key")
        # The slot is taken on trial, so that conditions see the run they are asked about.
        slot = self._seat(plan, row, t, fired)
        run = journeys.view.at(slot)
        run.t = t
        reason = ""
        if plan.audience is not None and not plan.audience(run):
            reason = "audience"
        elif any(rule.ask is not None and rule.ask(run) for rule in plan.exits):
            reason = "exit_holds"
        else:
            reason = self._again(plan, row, t, fired.key, slot) or self._limits(plan, row, t, slot)
        if reason:
            journeys.runs.last_number -= 1
            journeys.runs.release(slot)
            if reason in ("audience", "again"):
                self._count(plan, reason)
                return 0, reason
            return self._refuse(plan, row, reason)
        self._begin(plan, row, t, fired, slot)
        return slot, ""

    def _seat(self, plan: CompiledJourney, row: int, t: int, fired: Trigger) -> int:
        runs, fold = self.journeys.runs, self.journeys.fold
        slot = runs.take()
        # A number may have been another run's, that was not let in.
        self.journeys.view.forget()
        subject = fold.id_of(plan.unit, row)
        position = f"{fired.seq}" if fired.seq is not None else f"{fold.seq}@{t}"
        runs.ident[slot] = run_ident(plan.name, subject, fired.key, position)
        runs.subject[slot] = row
        runs.plan[slot] = plan.index
        runs.seq[slot] = fired.seq or 0
        runs.started[slot] = runs.since[slot] = t
        runs.due[slot] = 1 << 62
        runs.key[slot] = fired.key or None
        runs.properties[slot] = packed(fired.properties)
        return slot

    def _begin(self, plan: CompiledJourney, row: int, t: int, fired: Trigger, slot: int) -> None:
        journeys = self.journeys
        runs = journeys.runs
        heads: Any = journeys.fold.env.scope[journeys.heads[plan.unit.kind]]
        runs.next[slot] = heads[row]
        heads[row] = slot
        if plan.asking.of_person:
            journeys.follow_person(plan, row)
        self.running[plan.name] = self.running.get(plan.name, 0) + 1
        self._remember(plan, row, t, fired.key)
        level = self._ghost(plan, row)
        if level:
            runs.flags[slot] |= GHOST
        run = journeys.view.at(slot)
        data: dict[str, Any] = {"run": run.id, "version": plan.version, "trigger": fired.name}
        if fired.key:
            data["key"] = fired.key
        if level:
            data["ghost"] = level
        journeys.fold.emit(plan.unit, row, "run", plan.name, data)

    def _ghost(self, plan: CompiledJourney, row: int) -> str:
        """What keeps messages from the subject: shadow, universal, programme, journey, or nothing."""
        messaging, model = self.messaging, plan.model
        if model.state == "shadow":
            return "shadow"
        if messaging.holdout is not None and self._drawn(
            messaging.holdout.salt or "universal", messaging.holdout, plan, row
        ):
            return "universal"
        programme = messaging.programmes.get(model.programme or "")
        if programme is not None and self._drawn(
            programme.salt or f"programme {model.programme}", programme, plan, row
        ):
            return "programme"
        share = share_of(messaging, plan.name, model.holdout)
        if held_out(share, f"journey {plan.name}", self.unit_id(plan, row)):
            return "journey"
        return ""

    def _drawn(self, salt: str, holdout: Any, plan: CompiledJourney, row: int) -> bool:
        return held_out(holdout.share, salt, self.unit_id(plan, row, account=holdout.unit == "account"))

    def unit_id(self, plan: CompiledJourney, row: int, *, account: bool = False) -> str:
        """The id that draws: the person's, with `account` their first account's; an account's own."""
        fold = self.journeys.fold
        person = plan.person_of(row)
        if account and person:
            held = fold._accounts[person]
            if held:
                return fold.id_of(fold.account, held)
        if plan.of_account or not person:
            return fold.id_of(plan.unit, row)
        return fold.id_of(fold.person, person)

    def _refuse(self, plan: CompiledJourney, row: int, reason: str, **data: Any) -> tuple[int, str]:
        self._count(plan, reason)
        self.journeys.fold.emit(plan.unit, row, "refused", plan.name, {"reason": reason, **data})
        return 0, reason

    def _count(self, plan: CompiledJourney, reason: str) -> None:
        reasons = self.counted.setdefault(plan.name, {})
        reasons[reason] = reasons.get(reason, 0) + 1

    # ------------------------------------------------------------------------------------------- again

    def _held(self, kind: str, row: int) -> dict[str, Any]:
        packed_memory = self.journeys.fold.env.scope[self._bags[kind]][row]
        return {} if packed_memory is None else _UNPACK(packed_memory)

    def _memory(self, plan: CompiledJourney, row: int) -> Any:
        return self._held(plan.unit.kind, row).get(plan.name)

    def _again(self, plan: CompiledJourney, row: int, t: int, key: str, trial: int) -> str:
        rule = plan.model.re_entry
        here = [
            slot
            for slot in self.journeys.of_subject(plan.unit, row)
            if self.journeys.plans[self.journeys.runs.plan[slot]].name == plan.name
        ]
        same = [slot for slot in here if (self.journeys.runs.key[slot] or "") == key]
        memory = self._memory(plan, row)
        if rule == "once":
            return "again" if memory is not None else ""
        if rule == "after_exit":
            return "again" if same else ""
        assert isinstance(rule, ReEntry)
        if rule.unlimited is not None:
            return "again" if len(here) >= rule.unlimited else ""
        if rule.per_entity:
            return "again" if same or (memory is not None and _digest(key) in memory) else ""
        if same:
            return "again"
        if rule.after is not None and memory is not None:
            last = memory[-1] if isinstance(memory, list) else memory
            return "again" if t - last < x.parse_duration(rule.after) else ""
        return ""

    def _limits(self, plan: CompiledJourney, row: int, t: int, trial: int) -> str:
        limits = plan.model.limits
        if limits.runs is not None and self.running.get(plan.name, 0) >= limits.runs:
            return "limit_runs"
        if limits.entries is not None:
            n, per = limit_of(limits.entries)
            memory = self._memory(plan, row)
            times = memory.values() if isinstance(memory, dict) else memory
            if isinstance(memory, list | dict) and sum(1 for at in times if at > t - per) >= n:
                return "limit_entries"
        most = self.messaging.concurrent_journeys
        if most is not None:
            overlooked, plans = plan.overlooks(), self.journeys.plans
            slots = self.journeys.of_subject(plan.unit, row)
            if sum(plans[self.journeys.runs.plan[slot]].name not in overlooked for slot in slots) >= most:
                return "limit_concurrent"
        return ""

    def _remember(self, plan: CompiledJourney, row: int, t: int, key: str) -> None:
        rule, limits = plan.model.re_entry, plan.model.limits
        forgets = rule == "after_exit" or (isinstance(rule, ReEntry) and rule.unlimited is not None)
        if forgets and limits.entries is None:
            return
        held = self._held(plan.unit.kind, row)
        before = held.get(plan.name)
        memory: Any = t
        if isinstance(rule, ReEntry) and rule.per_entity:
            memory = {d: at for d, at in (before or {}).items() if t - at < ENTITY_KEY_DAYS * DAY}
            memory[_digest(key)] = t
        elif limits.entries is not None:
            _, per = limit_of(limits.entries)
            keep = max(per, x.parse_duration(rule.after) if isinstance(rule, ReEntry) and rule.after else 0)
            memory = [*(at for at in before or () if at > t - keep), t]
        held[plan.name] = memory
        self.journeys.fold.env.scope[self._bags[plan.unit.kind]][row] = _PACK(held)

    def left(self, plan: CompiledJourney, slot: int) -> None:
        """A run ended."""
        self.running[plan.name] -= 1
        if plan.name in self.paused:
            self.paused[plan.name].timed.pop(slot, None)

    def contaminate(self, winner: int, loser: int, running: set[int]) -> None:
        """Two people are one who were treated differently: measurements leave that one out. Tells which
        experiments of journeys that either was in (`running`: versions with a run of theirs).
        """
        journeys = self.journeys
        entered = self._held("person", winner).keys() | self._held("person", loser).keys()
        for plan in journeys.plans:
            current = journeys.current.get(plan.name) == plan.index
            if not plan.of_person or not (plan.index in running or (current and plan.name in entered)):
                continue
            found = []
            ghosts = self._ghost(plan, winner), self._ghost(plan, loser)
            if ghosts[0] != ghosts[1]:
                found.append(f"holdout {ghosts[0] or ghosts[1]}")
            units = self.unit_id(plan, winner), self.unit_id(plan, loser)
            for logic in plan.steps:
                if isinstance(logic, SplitLogic) and logic.path_of(units[0]) != logic.path_of(units[1]):
                    found.append(f"split {logic.site.step}")
            if found:
                data = {"experiments": found, "loser": journeys.fold.id_of(plan.unit, loser)}
                journeys.fold.emit(plan.unit, winner, "contaminated", plan.name, data)

    def merge(self, winner: int, loser: int) -> None:
        """Who had entered before has, whoever of the two it was."""
        theirs, mine = self._held("person", loser), self._held("person", winner)
        if not theirs:
            return
        for name, memory in theirs.items():
            held = mine.get(name)
            if held is None:
                mine[name] = memory
            elif isinstance(held, dict):
                mine[name] = held | {d: max(at, held.get(d, at)) for d, at in memory.items()}
            elif isinstance(held, list):
                mine[name] = sorted([*held, *memory])
            else:
                mine[name] = max(held, memory)
        self.journeys.fold.env.scope[self._bags["person"]][winner] = _PACK(mine)

    # -------------------------------------------------------------------------------------------- state

    def dump(self) -> Any:
        pauses = [
            [name, one.at, one.clock, one.queue, one.finish, one.waiting, one.timed]
            for name, one in self.paused.items()
        ]
        return [pauses, list(self.running.items()), {k: list(v.items()) for k, v in self.counted.items()}]

    def load(self, held: Any) -> None:
        pauses, running, counted = held
        self.paused = {name: Pause(*rest) for name, *rest in pauses}
        self.running = dict(running)
        self.counted = {name: dict(reasons) for name, reasons in counted.items()}


def _digest(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


__all__ = ["Entries", "OnCall", "Pause", "Trigger"]

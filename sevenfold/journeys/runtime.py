"""Journeys inside the fold: who enters, what wakes whom, and the order in which runs move.
docs/explain/journeys.md.

The runtime hangs one node on each kind of subject, after all others: when something a run waits for
has changed, the node notes the subject, and once the subject has come to rest its runs are looked
at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import SevenfoldError
from ..limits import EVALUATION_PASSES_MAX, JOURNEY_VERSIONS_MAX
from ..profiles.wheel import NEVER, OP_BITS
from ..profiles.wheel import low as packed_low
from ..workspace.base import Condition
from .compiled import CompiledJourney
from .entry import Entries, Trigger
from .plan import Journey
from .runs import DECIDED, PROPOSED, Runs, RunView
from .serving import Service
from .splits import Splits
from .steps.base import END, STAY, Move, Why
from .triggers import Triggers
from .zones import UTC_ZONE

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..events.model import Event
    from ..lifecycle.compile import CompiledUnit
    from .zones import Zone

RUN_KIND = 7
"""The place of runs among the kinds at one instant: after all subjects."""
SESSION_GAP_MS = 30 * 60_000


Versions = dict[str, tuple[int, list[tuple[int, Journey]]]]
"""By journey: the number of its newest version, and older versions that still have runs."""


class Journeys:
    """All journeys of a fold. `services` are what steps share: messages, tasks and the like, by name."""

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.runs = Runs()
        self.view = RunView(self)
        self.services: dict[str, Service] = {}
        self.plans: list[CompiledJourney] = []
        self.current: dict[str, int] = {}
        """The version that new runs take, by journey."""
        self.heads: dict[str, str] = {}
        """The column of a kind of subject that holds its newest run's slot."""
        self.bits: dict[str, int] = {}
        self.flagged: dict[tuple[int, int], None] = {}
        """Subjects (kind's place, row) with a run that may have to move."""
        self.holding = False
        """Whether an event is under way: what is flagged waits for its end."""
        self.busy = False
        self.splits = Splits()
        self.entries = Entries(self)
        self.triggers = Triggers(self)
        self.pending: dict[int, Move] = {}
        """Runs of paused journeys that were woken: where they go at resume."""
        self.proposals: list[tuple[int, int, int, int]] = []
        self.waking: list[tuple[int, Move]] = []
        """Runs that a control record set going."""
        self.started: list[tuple[int, Move]] = []
        """Runs that steps of other runs started."""
        self.written: dict[tuple[int, int], int] = {}
        """Nodes to evaluate for traits that steps wrote, by subject."""
        self._listening: list[dict[tuple[str, str], tuple[CompiledJourney, ...]]] = []
        self._timer_low = 0

    # ---------------------------------------------------------------------------------------- compiling

    def add_version(self, name: str, version: int, model: Journey) -> CompiledJourney:
        """A version becomes part of the fold being compiled."""
        if len(self.plans) >= JOURNEY_VERSIONS_MAX:
            raise SevenfoldError(f"more than {JOURNEY_VERSIONS_MAX} versions of journeys have runs")
        plan = CompiledJourney(self, name, version, model, len(self.plans))
        self.plans.append(plan)
        return plan

    def entered(self) -> list[CompiledJourney]:
        """The versions that new runs take."""
        return [self.plans[index] for index in self.current.values()]

    def declare(self) -> None:
        """Columns, hidden segments and operations. After units have declared theirs, before nodes are
        ordered.
        """
        fold = self.fold
        self._timer_low = packed_low(RUN_KIND, fold.add_op(RUN_KIND, self._timer, True, "journeys"), True)
        for unit in fold.compiled:
            self.heads[unit.kind] = unit.table.add(".j.runs", "int32").name
        self._seen = fold.person.table.add(".j.active").name if self._sessions() else ""
        self.triggers.declare()
        self.entries.declare()
        for service in self.services.values():
            service.declare()

    def order_nodes(self) -> None:
        """The node of each kind that looks at its runs, after all others."""
        for unit in self.fold.compiled:
            self.bits[unit.kind] = unit.node(_nothing)

    def watch(self) -> None:
        for plan in self.plans:
            plan.watch(self.bits[plan.unit.kind])
        self.triggers.watch()

    def name_properties(self) -> None:
        for plan in self.plans:
            plan.name_properties()

    def finish(self) -> None:
        """Functions, once all columns and properties have their place."""
        for unit in self.fold.compiled:
            unit.nodes[self.bits[unit.kind].bit_length() - 1] = self._node(unit)
            self._hang_on(unit)
            self._listening.append({})
        self.triggers.finish()
        for service in self.services.values():
            service.finish()
        for plan in self.plans:
            plan.finish()

    def bit_of(self, unit: CompiledUnit) -> int:
        """The mask of the node that looks at a kind's runs."""
        return self.bits[unit.kind]

    def asks(self, unit: CompiledUnit, condition: Condition) -> Callable[[int], bool]:
        """For services: whether a condition is true for a row. Ask in `finish`, register in `declare`."""
        from ..profiles.build import code

        true = unit.conditions.truth(unit.tree(condition))[0]
        made = unit.env.function("asked", ["row"], code("return TEST", TEST=true))
        return lambda row: bool(made(row))

    def watch_later(self, unit: CompiledUnit, condition: Condition) -> None:
        """For services: `asks` will be called with this condition."""
        self.triggers.asked.append((unit, condition))

    def hidden(
        self, unit: CompiledUnit, condition: Condition, told: Callable[[int, int, bool], None]
    ) -> None:
        """For services, in `declare`: keeps a condition for every subject and tells when it changes."""
        self.triggers.hidden(unit, condition, told)

    def timer(self, owner: str, fire: Callable[[int, int], None]) -> int:
        """For services, in `declare`: the constant to push timers of one's own with."""

        def fired(row: int, due: int, entries: int, value: int) -> int:
            self.fold._cause = ("timer", owner, 0)
            fire(row, due)
            self.settle_all()
            return 0

        return packed_low(RUN_KIND, self.fold.add_op(RUN_KIND, fired, True, owner), True)

    def _node(self, unit: CompiledUnit) -> Callable[[int, int], int]:
        heads: Any = self.fold.env.scope
        column, index, flagged = self.heads[unit.kind], unit.index, self.flagged

        def node(row: int, t: int) -> int:
            if heads[column][row]:
                flagged[index, row] = None
            return 0

        return node

    def _hang_on(self, unit: CompiledUnit) -> None:
        """After a subject has come to rest its runs are looked at, unless an event is under way."""
        evaluate, flagged, news = unit.evaluate, self.flagged, self.triggers.news

        def rest(row: int, t: int, dirty: int) -> None:
            evaluate(row, t, dirty)
            if (flagged or news) and not self.holding and not self.busy:
                self.settle_all()

        unit.evaluate = rest  # type: ignore[method-assign]

    def _sessions(self) -> bool:
        return any(getattr(step, "session", False) for plan in self.plans for step in plan.models)

    # -------------------------------------------------------------------------------------------- events

    def arm(self, t: int) -> None:
        """The first record comes: schedules begin."""
        self.triggers.arm_all(t)
        for service in self.services.values():
            service.arm(t)

    def hears(self, type_: str, name: str) -> bool:
        """Whether an event of this name can concern a run or start one."""
        key = (type_, name)
        if self._seen and type_ in ("track", "page", "screen"):
            return True
        if any(service.listens(*key) for service in self.services.values()):
            return True
        return any(self.listening(unit, key) for unit in self.fold.compiled)

    def begin(self) -> None:
        """A record comes: what it changes is gathered until `end` or `release`."""
        self.holding = True

    def release(self) -> None:
        """The record was no event that anybody listens for, or is done: what is noted happens now."""
        self.holding = False
        if self.flagged or self.triggers.news or self.waking:
            self.settle_all()

    def end(self, row: int, account: int, entities: Any, key: tuple[str, str], event: Event, te: int) -> None:
        """The event's subjects have come to rest: their runs hear it, in the order of the law.

        `row` is 0 when the person does not see the event (one about an entity of its own).
        """
        self.holding = False
        t = self.fold.t
        heard = (key, event, te)
        if row:
            session = self._seen_at(row, key[0], te) if self._seen else False
            for service in self.services.values():
                if service.listens(*key):
                    service.on_event(row, event, key, te, t)
            self._subject(self.fold.person, row, t, heard, session)
        for unit, _, entity, _ in entities:
            self._subject(unit, entity, t, heard)
        if account:
            self._subject(self.fold.account, account, t, heard)
        if self.flagged or self.triggers.news:
            self.settle_all()

    def _seen_at(self, row: int, type_: str, te: int) -> bool:
        """Whether the event begins a session of the person."""
        if type_ not in ("track", "page", "screen"):
            return False
        seen: Any = self.fold.env.scope[self._seen]
        before = seen[row]
        if te > before:
            seen[row] = te
        return bool(te > before + SESSION_GAP_MS)

    def listening(self, unit: CompiledUnit, key: tuple[str, str]) -> tuple[CompiledJourney, ...]:
        """The versions over a kind of subject that listen for events of this name."""
        known = self._listening[unit.index]
        found = known.get(key)
        if found is None:
            if len(known) >= 20_000:
                known.clear()
            found = known[key] = tuple(
                plan
                for plan in self.plans
                if plan.unit is unit and any(one.hears(*key) for one in plan.listeners())
            )
        return found

    def _subject(self, unit: CompiledUnit, row: int, t: int, heard: Any, session: bool = False) -> None:
        plans = self.listening(unit, heard[0])
        flagged = (unit.index, row) in self.flagged
        if plans or flagged or session or (self.triggers.news and (unit.index, row) in self.triggers.news):
            self.phase(unit, row, t, heard if plans else None, session=session)

    # ------------------------------------------------------------------------------------------ settling

    def ready(self, slot: int, move: Move) -> None:
        """A run moves when the record at hand has done its part: it goes to the step `move`."""
        self.waking.append((slot, move))

    def ready_at(self, slot: int, step: int) -> None:
        """The same, for a run that stands at that step already and comes to it anew."""
        self.runs.visits[slot] = {**(self.runs.visits[slot] or {})}
        self.waking.append((slot, step))

    def settle_all(self) -> None:
        """Looks at the runs of every subject noted, in order of kind and row."""
        if self.busy:
            return
        while self.waking:
            slot, move = self.waking.pop(0)
            if self.runs.number[slot]:
                self.view.t = self.fold.t
                run = self.view.at(slot)
                self.phase(run.plan.unit, run.row, self.fold.t, None, ready=[(slot, move)])
        while self.flagged or self.triggers.news:
            index, row = min([*self.flagged, *self.triggers.news])
            self.phase(self.fold.compiled[index], row, self.fold.t, None)

    def phase(
        self,
        unit: CompiledUnit,
        row: int,
        t: int,
        heard: Any,
        *,
        session: bool = False,
        ready: list[tuple[int, Move]] | None = None,
    ) -> None:
        """The journeys' part of an operation on one subject: at most eight rounds of consequences."""
        outer, self.busy = self.busy, True
        self.view.t = t
        moved = list(ready or ())
        try:
            for _ in range(EVALUATION_PASSES_MAX):
                at = (unit.index, row)
                flagged = self.flagged.pop(at, 0) is None
                news = self.triggers.news.pop(at, ())
                if self._head(unit, row) and (flagged or heard is not None or session):
                    moved += self._look(unit, row, t, heard, session, flagged, {slot for slot, _ in moved})
                if news or heard is not None:
                    moved += self.entries.enter(unit, row, t, news, heard)
                self._rounds(moved, t)
                moved, heard, session = [], None, False
                mask = self.written.pop(at, 0)
                if mask:
                    unit.evaluate(row, t, mask)
                if at not in self.flagged and at not in self.triggers.news:
                    return
            self.flagged.pop((unit.index, row), None)
            self.triggers.news.pop((unit.index, row), None)
            self.fold.emit(unit, row, "overflow", "journeys", {"passes": EVALUATION_PASSES_MAX})
        finally:
            self.busy = outer

    def _head(self, unit: CompiledUnit, row: int) -> int:
        return self.fold.env.scope[self.heads[unit.kind]][row]  # type: ignore[no-any-return]

    def of_subject(self, unit: CompiledUnit, row: int) -> list[int]:
        """Slots of a subject's active runs, by number."""
        found, slot = [], self._head(unit, row)
        while slot:
            found.append(slot)
            slot = self.runs.next[slot]
        found.sort(key=lambda one: self.runs.number[one])
        return found

    def _look(
        self, unit: CompiledUnit, row: int, t: int, heard: Any, session: bool, flagged: bool, skip: set[int]
    ) -> list[tuple[int, Move]]:
        """Exits, goals and waits of the runs that are there."""
        woken: list[tuple[int, Move]] = []
        for slot in self.of_subject(unit, row):
            if slot in skip or not self.runs.number[slot]:
                continue
            run = self.view.at(slot)
            concerns = heard is not None and self._concerns(run, heard)
            if self._ends(run, heard if concerns else None, flagged):
                continue
            step = self.runs.step[slot]
            logic = run.plan.steps[step]
            move = STAY
            if concerns:
                p = heard[1].properties
                for listener in run.plan.heard[step]:
                    if listener.hears(*heard[0]) and listener.matches(p, heard[1]):
                        run.heard = listener.place
                        move = logic.heard(run, listener.place)
                        break
            if move == STAY and flagged:
                move = logic.changed(run)
            if move == STAY and session and getattr(logic.model, "session", False):
                move = logic.wake(run, "session")
            if move != STAY:
                woken.append((slot, move))
        return woken

    def _concerns(self, run: RunView, heard: Any) -> bool:
        """Whether an event is about a run: it carries the run's key, or none."""
        key = run.key
        if not key:
            return True
        carried = run.plan.key_of(heard[1].properties)
        return not carried or carried == key

    def _ends(self, run: RunView, heard: Any, flagged: bool) -> bool:
        """Exits and goals, now. True when the run is over."""
        plan, t = run.plan, run.t
        for rule in plan.exits:
            if self._rule(rule, run, heard, flagged):
                self.end_run(run.slot, rule.label)
                return True
        for rule in plan.goals:
            if self.runs.reached[run.slot] & (1 << plan.goal_places[rule.label]):
                continue
            if rule.within is not None and t - run.started > rule.within:
                continue
            if self._rule(rule, run, heard, flagged):
                value = rule.value
                if isinstance(value, str):
                    value = getattr(heard[1].properties, plan.unit.properties[value], None) if heard else None
                run.reach(rule.label, value if isinstance(value, int | float) else None)
                if rule.exit:
                    self.end_run(run.slot, f"goal {rule.label}")
                    return True
        return False

    @staticmethod
    def _rule(rule: Any, run: RunView, heard: Any, flagged: bool) -> bool:
        if rule.listener is not None:
            return (
                heard is not None
                and rule.listener.hears(*heard[0])
                and rule.listener.matches(heard[1].properties, heard[1])
            )
        return rule.ask is not None and (flagged or heard is not None) and rule.ask(run)

    # -------------------------------------------------------------------------------------------- moving

    def _rounds(self, moved: list[tuple[int, Move]], t: int) -> None:
        """Runs move until each stays or ends; what they propose is decided between rounds."""
        while moved:
            moved.sort(key=lambda one: self.runs.number[one[0]])
            for slot, move in moved:
                self._walk(slot, move)
            moved = [*self._decided(t), *self.started]
            self.started.clear()

    def _walk(self, slot: int, move: Move) -> None:
        run = self.view.at(slot)
        plan = run.plan
        if plan.name in self.entries.paused and not self.entries.paused[plan.name].finish:
            self.pending[slot] = move
            self.runs.due[slot] = NEVER
            return
        runs = self.runs
        while move != STAY:
            if move == END:
                self.end_run(slot, run.end_reason)
                return
            if not self._come_to(run, move):
                return
            run.end_reason = "completed"
            move = plan.steps[move].enter(run)
            # Steps may have moved the view to other runs (a journey started from here).
            run = self.view.at(slot)
        if runs.due[slot] == NEVER and not self._alive(run):
            self.end_run(slot, "stranded")

    def _alive(self, run: RunView) -> bool:
        if self.runs.flags[run.slot] & PROPOSED or any(one[3] == run.slot for one in self.proposals):
            return True
        at: int = self.runs.step[run.slot]
        return run.plan.steps[at].alive(run)

    def _come_to(self, run: RunView, step: int) -> bool:
        """The run is at a step now; False when it has been there too often."""
        runs, slot = self.runs, run.slot
        visit = 1
        if step in run.plan.cyclic:
            counts = runs.visits[slot]
            if counts is None:
                counts = runs.visits[slot] = {}
            visit = counts[step] = counts.get(step, 0) + 1
            if visit > run.plan.model.visits_max:
                self.end_run(slot, "loop_limit")
                return False
        runs.step[slot] = step
        runs.visit[slot] = visit
        runs.since[slot] = run.t
        runs.due[slot] = NEVER
        runs.mark[slot] = 0
        runs.flags[slot] &= ~(PROPOSED | DECIDED)
        return True

    def propose(self, slot: int, priority: int) -> None:
        """The message at the run's step is to be decided: with this operation's, or with the pool's."""
        runs, window = self.runs, self.entries.arbitration
        if window and not runs.flags[slot] & DECIDED:
            pool = [
                one
                for one in self.of_subject(self.view.plan.unit, self.view.row)
                if runs.flags[one] & PROPOSED
            ]
            due = runs.due[pool[0]] if pool else self.view.t + window
            runs.flags[slot] |= PROPOSED
            self.view.until(due)
            return
        plan = self.plans[runs.plan[slot]]
        self.proposals.append((-priority, self.entries.order[plan.name], runs.number[slot], slot))

    def _decided(self, t: int) -> list[tuple[int, Move]]:
        proposals, self.proposals = sorted(self.proposals), []
        moved = []
        self.view.decided = []
        for _, _, _, slot in proposals:
            run = self.view.at(slot)
            self.runs.flags[slot] = (self.runs.flags[slot] & ~PROPOSED) | DECIDED
            move = run.plan.steps[self.runs.step[slot]].decide(run)
            if move != STAY:
                moved.append((slot, move))
        return moved

    def end_run(self, slot: int, reason: str) -> None:
        """The run is over; its slot is free."""
        run = self.view.at(slot)
        runs, plan = self.runs, run.plan
        for service in self.services.values():
            service.run_ended(run)
        data: dict[str, Any] = {"reason": reason, "after": run.t - run.started}
        if run.ghost:
            data["ghost"] = True
        run.tell("ended", plan.name, **data)
        heads: Any = self.fold.env.scope[self.heads[plan.unit.kind]]
        row, before, at = run.row, 0, heads[run.row]
        while at != slot:
            before, at = at, runs.next[at]
        if before:
            runs.next[before] = runs.next[slot]
        else:
            heads[row] = runs.next[slot]
        self.pending.pop(slot, None)
        self.entries.left(plan, slot)
        runs.release(slot)

    # -------------------------------------------------------------------------------------------- timers

    def push(self, due: int, slot: int) -> None:
        """A timer for a run; when it fires it is compared with the run's due."""
        self.fold.wheel.push(due, self._timer_low + (slot << OP_BITS))

    def _timer(self, slot: int, due: int, entries: int, value: int) -> int:
        runs = self.runs
        if runs.due[slot] != due or not runs.number[slot]:
            return 0
        plan = self.plans[runs.plan[slot]]
        paused = self.entries.paused.get(plan.name)
        if paused is not None and not paused.finish:
            return 0
        fold = self.fold
        fold._cause = ("timer", f"{plan.name}.{plan.ids[runs.step[slot]]}", 0)
        self.wake(slot, "timer")
        return 0

    def wake(self, slot: int, why: Why) -> None:
        """Wakes one run; what follows is one operation on its subject."""
        runs = self.runs
        self.view.t = self.fold.t
        run = self.view.at(slot)
        unit, row = run.plan.unit, run.row
        if why == "timer" and runs.flags[slot] & PROPOSED:
            # The pool is decided together, by whichever run's timer comes first.
            for one in self.of_subject(unit, row):
                if runs.flags[one] & PROPOSED and runs.due[one] == self.fold.t:
                    runs.flags[one] |= DECIDED
                    runs.due[one] = NEVER
                    self.propose(one, self.plans[runs.plan[one]].model.priority)
            self.busy, outer = True, self.busy
            moved = self._decided(self.fold.t)
            self.busy = outer
            self.phase(unit, row, self.fold.t, None, ready=moved)
        else:
            move = run.plan.steps[runs.step[slot]].wake(run, why)
            ready = [(slot, move)] if move != STAY else []
            if ready or self.proposals:
                self._after(unit, row, ready)
        if (self.flagged or self.triggers.news) and not self.holding and not self.busy:
            self.settle_all()

    def _after(self, unit: CompiledUnit, row: int, ready: list[tuple[int, Move]]) -> None:
        outer, self.busy = self.busy, True
        more = self._decided(self.fold.t) if self.proposals else []
        self.busy = outer
        self.phase(unit, row, self.fold.t, None, ready=[*ready, *more])

    def wake_outcome(self, slot: int, number: int, code: int) -> None:
        """For services: the outcome a run waits for came. Nothing, when that run is elsewhere by now."""
        if slot < self.runs.count and self.runs.number[slot] == number:
            self.view.at(slot).heard = code
            self.wake(slot, "outcome")

    def wake_task(self, slot: int, number: int, code: int) -> None:
        """For services: the task a run waits for was closed."""
        if slot < self.runs.count and self.runs.number[slot] == number:
            self.view.at(slot).heard = code
            self.wake(slot, "task")

    def start(
        self,
        journey: str,
        unit: CompiledUnit,
        row: int,
        trigger: str,
        properties: dict[str, Any],
        key: str = "",
    ) -> str:
        """Starts a run, if the journey's rules allow it: the run's id, or the reason why not."""
        self.view.t = self.fold.t
        found = Trigger(trigger, None, self.fold.t, key, properties)
        slot, reason = self.entries.admit(self.plans[self.current[journey]], row, self.fold.t, found)
        if slot:
            ident = self.view.at(slot).id
            if self.busy:
                # In the middle of another run's step: it moves within this operation, after this round.
                self.started.append((slot, 0))
            else:
                self.phase(unit, row, self.fold.t, None, ready=[(slot, 0)])
            return ident
        return reason

    # --------------------------------------------------------------------------------------- the subject

    def zone_of(self, person: int, account: int = 0) -> tuple[str, str]:
        """The time zone of a person (or account): its name, and person, account, inferred or workspace."""
        return self.zones_of(person, account)[:2]

    def zones_of(self, person: int, account: int = 0) -> tuple[str, str, str]:
        """The zone, its source, and the country (a hint where the zone is not known)."""
        return self.triggers.zones_of(person, account)

    def zone(self, person: int, account: int = 0) -> Zone:
        """The zone itself."""
        from .zones import zone

        name, _ = self.zone_of(person, account)
        return zone(name) if name != "UTC" else UTC_ZONE

    def trait_written(self, unit: CompiledUnit, row: int, mask: int) -> None:
        """A step changed traits of its subject: they are evaluated when no run moves any more."""
        at = (unit.index, row)
        self.written[at] = self.written.get(at, 0) | mask

    def merge(self, winner: int, loser: int, t: int) -> None:
        """The loser's runs are the winner's; of two with one key the older stays."""
        person = self.fold.person
        heads: Any = self.fold.env.scope[self.heads[person.kind]]
        self.view.t = t
        mine, theirs = self.of_subject(person, winner), self.of_subject(person, loser)
        heads[loser] = 0
        known: dict[tuple[str, str], int] = {}
        for slot in sorted([*mine, *theirs], key=lambda one: self.runs.number[one]):
            if slot in theirs:
                self.runs.subject[slot] = winner
                self.runs.next[slot] = heads[winner]
                heads[winner] = slot
        for slot in self.of_subject(person, winner):
            run = self.view.at(slot)
            first = known.setdefault((run.plan.name, run.key), slot)
            if first != slot:
                self.end_run(slot, "merged")
        self.entries.merge(winner, loser)
        for service in self.services.values():
            service.merge(winner, loser, t)
        if heads[winner]:
            self.flagged[person.index, winner] = None

    # ------------------------------------------------------------------------------------------ versions

    def versions_under(self, workspace: Any) -> Versions:
        """The versions that a fold of another workspace has to know: the numbers go on, and those with runs
        stay.
        """
        found: Versions = {}
        for name, (number, _) in self.fold.versions.items():
            found[name] = (number, [])
        for plan in self.plans:
            number, older = found.setdefault(plan.name, (plan.version, []))
            number = max(number, plan.version)
            model = workspace.journeys.get(plan.name)
            is_current = self.current.get(plan.name) == plan.index
            if is_current and model is not None and model != plan.model:
                number = plan.version + 1
            if not (is_current and model == plan.model) and self.runs.of_plan(plan.index):
                older.append((plan.version, plan.model))
            found[plan.name] = (number, older)
        return found

    def packed_versions(self) -> list[Any]:
        """What `unpacked_versions` reads."""
        found = []
        for plan in self.entered():
            older = [
                [other.version, msgspec.to_builtins(other.model)]
                for other in self.plans
                if other.name == plan.name and other is not plan
            ]
            found.append([plan.name, plan.version, older])
        known = {name for name, *_ in found}
        for name, (number, older_models) in self.fold.versions.items():
            if name not in known:
                found.append([name, number, [[n, msgspec.to_builtins(one)] for n, one in older_models]])
        return found

    def take_over(self, old: Journeys) -> None:
        """The runs of the fold before this one go on here."""
        self.load(old.dump())

    def hidden_bits(self) -> dict[str, int]:
        """The nodes of hidden conditions, by kind: they are looked at anew under another workspace."""
        found: dict[str, int] = {}
        for node, _ in self.triggers._hidden:
            found[node.unit.kind] = found.get(node.unit.kind, 0) | node.bit
        return found

    # ------------------------------------------------------------------------------------------ snapshots

    def dump(self) -> dict[str, Any]:
        """The state, for msgpack. Columns of subjects are in their tables."""
        return {
            "runs": self.runs.dump(),
            "pending": list(self.pending.items()),
            "splits": self.splits.dump(),
            "entries": self.entries.dump(),
            "triggers": self.triggers.dump(),
            "services": {name: service.dump() for name, service in self.services.items()},
            "plans": [(plan.name, plan.version) for plan in self.plans],
        }

    def load(self, held: dict[str, Any]) -> None:
        """What `dump` gave; versions are matched by name and number."""
        places = {(plan.name, plan.version): plan.index for plan in self.plans}
        self.runs.load(held["runs"])
        moved = [places.get((name, version), -1) for name, version in held["plans"]]
        if moved != list(range(len(moved))):
            for slot in self.runs.active():
                self.runs.plan[slot] = moved[self.runs.plan[slot]]
        self.pending = dict(held["pending"])
        self.splits.load(held["splits"])
        self.entries.load(held["entries"])
        self.triggers.load(held["triggers"])
        for name, state in held["services"].items():
            if name in self.services:
                self.services[name].load(state)


def journeys_of(fold: Fold) -> Journeys | None:
    """The runtime for a fold that is being compiled; None when its workspace has nothing that runs."""
    # They know the runtime, which therefore meets them late.
    from ..messages.desk import Messages
    from .services import journeys_made, needed, services_of

    workspace = fold.workspace
    running = {
        name: one for name, one in workspace.journeys.items() if one.state not in ("draft", "archived")
    }
    running |= journeys_made(workspace)
    shared = needed(workspace) or workspace.consent.categories
    if not running and not shared and not any(older for _, older in fold.versions.values()):
        return None
    journeys = Journeys(fold)
    journeys.services = {"messages": Messages(fold, journeys), **services_of(fold, journeys)}
    for name, model in running.items():
        number = fold.versions[name][0] if name in fold.versions else 1
        journeys.current[name] = journeys.add_version(name, number, model).index
    for name, (_, older) in fold.versions.items():
        for number, model in older:
            journeys.add_version(name, number, model)
    return journeys


def unpacked_versions(held: list[Any]) -> Versions:
    """What `Journeys.packed_versions` wrote."""
    return {
        name: (number, [(n, msgspec.convert(model, Journey)) for n, model in older])
        for name, number, older in held
    }


def _nothing(row: int, t: int) -> int:
    return 0


__all__ = ["RUN_KIND", "Journeys"]

"""How runs move: an operation's rounds, from step to step, what they propose, timers, ends.

The order is docs/explain/journeys.md, "An operation".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..limits import EVALUATION_PASSES_MAX
from ..profiles.wheel import NEVER, OP_BITS
from .compiled import CompiledJourney
from .entry import Entries, Trigger
from .looking import ends, look
from .runs import DECIDED, PROPOSED, Runs, RunView
from .serving import Service
from .splits import Splits
from .steps.base import END, STAY, Move, Why
from .triggers import Triggers
from .zones import UTC_ZONE
from .zones import zone as zone_named

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..lifecycle.compile import CompiledUnit
    from .zones import Zone


class Moving:
    """The runs of a fold, and everything that makes them move."""

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.runs = Runs()
        self.view = RunView(self)  # type: ignore[arg-type]
        self.services: dict[str, Service] = {}
        self.told_of_ends: list[Service] = []
        """The services that something follows for when a run ends."""
        self.told_of_goals: list[Service] = []
        self.plans: list[CompiledJourney] = []
        self.current: dict[str, int] = {}
        """The version that new runs take, by journey."""
        self.archived: set[str] = set()
        """Journeys that a control record has closed: nobody enters until they are published again."""
        self.heads: dict[str, str] = {}
        """The column of a kind of subject that holds its newest run's slot."""
        self.bits: dict[str, int] = {}
        self.person_bit = 0
        """The node that looks at the runs of a person's entities, when any of them ask about the person."""
        self.theirs: dict[int, dict[tuple[int, int], None]] = {}
        """Entities (kind's place, row) with runs that look at changes of their person, by the person."""
        self.flagged: dict[tuple[int, int], None] = {}
        """Subjects (kind's place, row) with a run that may have to move."""
        self.holding = False
        """Whether an event is under way: what is flagged waits for its end."""
        self.busy = False
        self.splits = Splits()
        self.entries = Entries(self)  # type: ignore[arg-type]
        self.triggers = Triggers(self)  # type: ignore[arg-type]
        self.reasons: dict[int, str] = {}
        """Why runs will end that were woken to do so, by slot."""
        self.pending: dict[int, Move] = {}
        """Runs of paused journeys that were woken: where they go at resume."""
        self.proposals: list[tuple[int, int, int, int]] = []
        self.waking: dict[int, Move] = {}
        """Runs that a control record set going, by slot: where they go, in the order in which they were."""
        self.started: list[tuple[int, Move]] = []
        """Runs that steps of other runs started."""
        self.written: dict[tuple[int, int], int] = {}
        """Nodes to evaluate for traits that steps wrote, by subject."""
        self._timer_low = 0

    # ------------------------------------------------------------------------------------------ settling

    def ready(self, slot: int, move: Move) -> None:
        """A run moves when the record at hand has done its part: it goes to the step `move`, or ends for the
        reason that the view has.
        """
        self.waking[slot] = move
        if move == END:
            self.reasons.setdefault(slot, self.view.end_reason)

    def settle_all(self) -> None:
        """Looks at the runs of every subject noted, in order of kind and row."""
        if self.busy:
            return
        while self.waking:
            slot = next(iter(self.waking))
            move = self.waking.pop(slot)
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
                    moved += look(self, unit, row, heard, session, flagged, {slot for slot, _ in moved})
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

    def entered(self) -> list[CompiledJourney]:
        """The versions that new runs take."""
        return [self.plans[index] for index in self.current.values()]

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
        if self.entries.stands_still(plan.name):
            # Whatever else happens to it meanwhile: it has been woken once, and that is where it goes.
            self.pending.setdefault(slot, move)
            self.runs.due[slot] = NEVER
            return
        runs = self.runs
        if not runs.visit[slot] and ends(self, run, None, True):
            # A goal was there before its first step.
            return
        run.end_reason = self.reasons.pop(slot, "completed")
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
        counts, cyclic = runs.visits[slot], step in run.plan.cyclic
        # On no loop a step is come to once, unless somebody was moved there.
        if cyclic or (counts is not None and step in counts):
            if counts is None:
                counts = runs.visits[slot] = {}
            visit = counts[step] = counts.get(step, 0) + 1
            if cyclic and visit > run.plan.model.visits_max:
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
        run.end_reason = reason
        for service in self.told_of_ends:
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
        if plan.asking.of_person and not heads[row]:
            self._forget_person(plan, row)
        self.pending.pop(slot, None)
        self.waking.pop(slot, None)
        self.reasons.pop(slot, None)
        self.entries.left(plan, slot)
        runs.release(slot)
        # The next run that ends without a word of its own is completed.
        run.end_reason = "completed"

    def follow_person(self, plan: CompiledJourney, row: int) -> None:
        """A run of an entity looks at what becomes of the entity's person."""
        person = plan.person_of(row)
        if person:
            self.theirs.setdefault(person, {})[plan.unit.index, row] = None

    def _forget_person(self, plan: CompiledJourney, row: int) -> None:
        person = plan.person_of(row)
        held = self.theirs.get(person)
        if held is not None:
            held.pop((plan.unit.index, row), None)
            if not held:
                del self.theirs[person]

    # -------------------------------------------------------------------------------------------- timers

    def push(self, due: int, slot: int) -> None:
        """A timer for a run; when it fires it is compared with the run's due."""
        self.fold.wheel.push(due, self._timer_low + (slot << OP_BITS))

    def _timer(self, slot: int, due: int, entries: int, value: int) -> int:
        runs = self.runs
        if runs.due[slot] != due or not runs.number[slot]:
            return 0
        plan = self.plans[runs.plan[slot]]
        if self.entries.stands_still(plan.name):
            return 0
        fold = self.fold
        fold._cause = ("timer", f"{plan.name}.{plan.ids[runs.step[slot]]}", 0)
        self.wake(slot, "timer")
        return 0

    def wake(self, slot: int, why: Why) -> None:
        """Wakes one run; what follows is one operation on its subject."""
        if slot in self.pending or slot in self.waking:
            # It is on its way already.
            return
        runs = self.runs
        self.view.t = self.fold.t
        run = self.view.at(slot)
        unit, row = run.plan.unit, run.row
        if why == "timer" and runs.flags[slot] & PROPOSED:
            # The pool is decided together, by whichever run's timer comes first.
            for one in self.of_subject(unit, row):
                if self.entries.stands_still(self.plans[runs.plan[one]].name):
                    continue
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
        name, _ = self.zone_of(person, account)
        return zone_named(name) if name != "UTC" else UTC_ZONE

    def trait_written(self, unit: CompiledUnit, row: int, mask: int) -> None:
        """A step changed traits of its subject: they are evaluated when no run moves any more."""
        at = (unit.index, row)
        self.written[at] = self.written.get(at, 0) | mask

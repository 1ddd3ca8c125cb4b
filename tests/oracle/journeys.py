"""The reference of docs/explain/journeys.md: runs as plain objects, every rule asked anew in every operation.

Nothing here is remembered about what may have changed: after each operation every exit, goal and wait of the
subject's runs is looked at, and every value trigger is compared with how it stood before. Comments beginning
with "Choice" mark where the page leaves something open.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from sevenfold.effects import Effect
from sevenfold.journeys import plan as p
from sevenfold.limits import ENTITY_KEY_DAYS, EVALUATION_PASSES_MAX
from sevenfold.messages.holdouts import draw
from sevenfold.profiles import expressions as ex
from sevenfold.workspace.models import PERSON

from .choices import ReferenceChoices
from .journey_runs import Fired, Pause, Run, Sent, crosses, digest, foretold, key_of, trigger_name
from .journey_waits import Waiting
from .signals import Seen, matches
from .subject import Subject, TraitState
from .values import DAY, RECORD, TIMER, Value, bare, parse, truth

if TYPE_CHECKING:
    from .fold import ReferenceFold

END = "exit"
RUN_KIND = 7
"""Runs come after all kinds of subjects at one instant."""
SESSION_GAP = 30 * 60_000
Move = str | None
"""A step to go to, or None: the run stays."""


class ReferenceJourneys:
    """The journeys' part of a `ReferenceFold`."""

    def __init__(self, fold: ReferenceFold) -> None:
        self.fold = fold
        self.workspace = fold.workspace
        self.plans = dict(self.workspace.journeys)
        self.runs: list[Run] = []
        self.count = 0
        self.free: list[int] = []
        self.highest = 0
        self.entered: dict[Subject, list[tuple[str, int, str]]] = {}
        self.seen: dict[Subject, int] = {}
        self.read_to: dict[Subject, int] = {}
        self.stood: dict[Subject, dict[tuple[str, int], Any]] = {}
        self.noted: dict[Subject, set[tuple[str, int]]] = {}
        self.proposed: list[Run] = []
        self.begun: list[tuple[Run, str]] = []
        self.released: list[Run] = []
        """Runs that may go on after a pause and have not yet."""
        self.written: list[Subject] = []
        self.paused: dict[str, Pause] = {}
        self.sent: dict[Subject, list[Sent]] = {}
        self.waiting = Waiting(self)
        self.choices = ReferenceChoices()

    @property
    def t(self) -> int:
        return self.fold.now[0]

    # ------------------------------------------------------------------------------------ conditions, names

    def holds(self, subject: Subject, condition: Any, properties: dict[str, Any]) -> bool | None:
        """Whether a condition is true, untrue or unknown for a subject, `event.NAME` being the properties."""
        return truth(parse(condition), lambda name: self.fact(subject, name, properties))

    def fact(self, subject: Subject, name: ex.Name, properties: dict[str, Any]) -> Value:
        if name.parts[0] == "event":
            value: Any = properties
            for part in name.parts[1:]:
                value = value.get(part) if isinstance(value, dict) else None
            return bare(value)
        return subject.fact(name, self.fold.now)

    def of_subject(self, subject: Subject) -> list[Run]:
        return [run for run in self.runs if run.active and run.subject is subject]

    def follow(self, run: Run, name: str) -> str:
        """The step after one: its `next`, else the next written, else the end."""
        model, names = run.plan.steps[name], list(run.plan.steps)
        if model.next is not None:
            return model.next
        place = names.index(name) + 1
        return names[place] if place < len(names) else END

    def tell(self, kind: str, run: Run, **data: Any) -> None:
        self.fold._emit(kind, run.subject, run.journey, run.told() | data)

    def until(self, run: Run, due: int | None) -> None:
        run.due = due
        pause = self.paused.get(run.journey)
        if pause is not None:
            pause.timed[run.number] = self.t
        if due is not None:
            self.fold._schedule((due, TIMER, RUN_KIND, run.slot, 0))

    # -------------------------------------------------------------------------------------- one operation

    def part(self, subject: Subject, event: Seen | None = None) -> None:
        """The journeys' part of an operation on one subject."""
        if not self.workspace.journeys:
            return
        session = event is not None and subject.of == PERSON and self._session(subject, event)
        self._part(subject, event, session, [])

    def _part(
        self, subject: Subject, event: Seen | None, session: bool, moved: list[tuple[Run, str]]
    ) -> None:
        for _ in range(EVALUATION_PASSES_MAX):
            ready = list(moved)
            there = [run for run in self.of_subject(subject) if run not in [r for r, _ in moved]]
            for run in there:
                self._look(run, event, session, ready)
            for run in self._enter(subject, event):
                ready.append((run, next(iter(run.plan.steps))))
            self._rounds(ready)
            event, session, moved = None, False, []
            if not self.written:
                return
            self.written = []
            self.fold._settle(subject)
        if self._stirred(subject):
            self.fold._emit("overflow", subject, "", {})

    def _stirred(self, subject: Subject) -> bool:
        """Whether anything would happen if the part began once more."""
        return bool(self._fired_by_values(subject))

    def _session(self, person: Subject, event: Seen) -> bool:
        before = self.seen.get(person)
        self.seen[person] = event.te if before is None else max(before, event.te)
        return before is None or event.te >= before + SESSION_GAP

    def _look(self, run: Run, event: Seen | None, session: bool, ready: list[tuple[Run, str]]) -> None:
        """Exits, goals, and the wait a run is in."""
        heard = event if event is not None and self._concerns(run, event) else None
        if not self._ends(run, heard) and not self._on_its_way(run):
            to = self.waiting.look(run, heard, session)
            if to is not None:
                ready.append((run, to))

    def _on_its_way(self, run: Run) -> bool:
        """Whether what it waited for has come, and it only has not moved yet."""
        pause = self.paused.get(run.journey)
        return run in self.released or (pause is not None and run.number in pause.woken)

    def _ends(self, run: Run, heard: Seen | None) -> bool:
        """Exits and goals; whether the run is over."""
        for rule in run.plan.exits:
            if self._rule(run, rule, heard):
                self.end(run, rule.reason or "exit")
                return True
        for name, goal in run.plan.goals.items():
            late = goal.within is not None and self.t - run.started > ex.parse_duration(goal.within)
            if name in run.reached or late or not self._rule(run, goal, heard):
                continue
            value: Any = goal.value
            if isinstance(value, str):
                value = None if heard is None else heard.properties.get(value)
            self.reach(run, name, value)
            if goal.exit:
                self.end(run, f"goal {name}")
                return True
        return False

    def _concerns(self, run: Run, event: Seen) -> bool:
        carried = key_of(run.plan, event.properties)
        return not run.key or not carried or carried == run.key

    def _rule(self, run: Run, rule: Any, heard: Seen | None) -> bool:
        if rule.event is not None:
            return heard is not None and matches(rule.event, rule.where, heard)
        return self.holds(run.subject, rule.when, run.properties) is True

    def reach(self, run: Run, name: str, value: Any) -> None:
        run.reached.add(name)
        self.choices.reached(run, name, self.t)
        data: dict[str, Any] = {"goal": name}
        if isinstance(value, int | float):
            data["value"] = value
        self.tell("goal", run, **data)

    def end(self, run: Run, reason: str, cut: bool = True) -> None:
        """The run is over; its slot is free."""
        word = "cancelled" if reason == "merged" else "revoked"
        for effect, template, step, may in run.owed if cut else ():
            if not (may or reason == "merged"):
                continue
            told = {"effect": effect, "run": run.id, "step": step, "template": template}
            self.fold._emit(word, run.subject, run.journey, told)
            self.fold._emit("released", run.subject, run.journey, {**told, "reason": word})
            sent = self.sent[run.subject]
            sent[:] = [one for one in sent if one.effect != effect]
        self.tell("ended", run, reason=reason)
        run.active = False
        self.free.append(run.slot)
        for pause in self.paused.values():
            pause.woken.pop(run.number, None)

    # --------------------------------------------------------------------------------------------- entries

    def _enter(self, subject: Subject, event: Seen | None) -> list[Run]:
        by_values, started = self._fired_by_values(subject), []
        for name, plan in self.plans.items():
            if plan.of != subject.of:
                continue
            for place, trigger in enumerate(plan.triggers):
                fired = None
                if (name, place) in by_values:
                    fired = Fired(trigger_name(trigger), self._position(), self.t)
                elif isinstance(trigger, p.OnEvent) and self._hears(trigger, event):
                    assert event is not None
                    key = key_of(plan, event.properties)
                    fired = Fired(event.name, str(self.fold.seq), event.te, key, event.properties, True)
                if fired is not None:
                    run = self.admit(name, subject, fired)
                    started += [run] if isinstance(run, Run) else []
                    break
        return started

    def _hears(self, trigger: p.OnEvent, event: Seen | None) -> bool:
        return event is not None and matches(trigger.event, trigger.where, event)

    def _position(self) -> str:
        """The record's number, "" for what time alone has started."""
        return str(self.fold.seq) if self.fold.now[1] == RECORD else ""

    def note(self, subject: Subject) -> None:
        """The subject is at rest in the middle of a record: what fired now is heard at the end of it."""
        self.noted.setdefault(subject, set()).update(self._changes(subject))

    def _fired_by_values(self, subject: Subject) -> set[tuple[str, int]]:
        return self.noted.pop(subject, set()) | self._changes(subject)

    def _changes(self, subject: Subject) -> set[tuple[str, int]]:
        """Value triggers whose change has happened since the last operation of the subject."""
        effects = self.fold.effects
        news = [e for e in effects[self.read_to.get(subject, 0) :] if e.subject == subject.id]
        self.read_to[subject] = len(effects)
        stood, fired = self.stood.setdefault(subject, {}), set()
        moves, subject.moves = subject.moves, []
        for name, plan in self.plans.items():
            for place, trigger in enumerate(plan.triggers):
                if plan.of != subject.of:
                    continue
                at = (name, place)
                if isinstance(trigger, p.OnSegment):
                    happened = any(e.kind == trigger.change and e.name == trigger.segment for e in news)
                elif isinstance(trigger, p.OnStage):
                    end = "to" if trigger.change == "entered" else "from"
                    happened = any(
                        e.kind == "stage" and e.name == trigger.lifecycle and e.data[end] == trigger.stage
                        for e in news
                    )
                elif isinstance(trigger, p.OnScore):
                    # A jump from other weights is no crossing.
                    happened = any(n == trigger.score and crosses(trigger, a, b) for n, a, b in moves)
                elif isinstance(trigger, p.OnCondition | p.OnPrediction):
                    condition = trigger.when if isinstance(trigger, p.OnCondition) else foretold(trigger)
                    now = self.holds(subject, condition, {}) is True
                    happened = now and not stood.get(at, False)
                    stood[at] = now
                elif isinstance(trigger, p.OnTrait):
                    value = subject.trait(trigger.trait)
                    happened = value != stood.get(at) and (trigger.to is None or value == trigger.to)
                    stood[at] = value
                else:
                    continue
                if happened:
                    fired.add(at)
        return fired

    def admit(self, name: str, subject: Subject, fired: Fired) -> Run | str:
        """A new run, or the reason why not."""
        plan, t = self.plans[name], self.t
        if name in self.paused:
            if self.paused[name].entries == "drop":
                return self._refused(name, subject, "paused")
            self.paused[name].queue.append((subject, fired))
            return "queued"
        if plan.state not in ("published", "shadow"):
            return plan.state
        if t - fired.te > ex.parse_duration(plan.late_after):
            return self._refused(name, subject, "late")
        if plan.key is not None and fired.by_event and not fired.key:
            return self._refused(name, subject, "no_key")
        if plan.audience is not None and self.holds(subject, plan.audience, fired.properties) is not True:
            return "audience"
        for rule in plan.exits:
            if rule.when is not None and self.holds(subject, rule.when, fired.properties) is True:
                return self._refused(name, subject, "exit_holds")
        if not self._again(name, plan, subject, fired.key):
            return "again"
        limit = self._limited(name, plan, subject)
        if limit:
            return self._refused(name, subject, limit)
        return self._start(name, plan, subject, fired)

    def _refused(self, name: str, subject: Subject, reason: str) -> str:
        self.fold._emit("refused", subject, name, {"reason": reason})
        return reason

    def _again(self, name: str, plan: p.Journey, subject: Subject, key: str) -> bool:
        rule = plan.re_entry
        active = [run for run in self.of_subject(subject) if run.journey == name]
        same = [run for run in active if run.key == key]
        before = [(at, k) for n, at, k in self.entered.get(subject, []) if n == name]
        if rule == "once":
            return not before
        if rule == "after_exit":
            return not same
        assert isinstance(rule, p.ReEntry)
        if rule.unlimited is not None:
            return len(active) < rule.unlimited
        if rule.per_entity:
            return not same and not any(k == key and self.t - at < ENTITY_KEY_DAYS * DAY for at, k in before)
        assert rule.after is not None
        last = max((at for at, _ in before), default=None)
        return not same and (last is None or self.t - last >= ex.parse_duration(rule.after))

    def _limited(self, name: str, plan: p.Journey, subject: Subject) -> str:
        limits = plan.limits
        if limits.runs is not None and sum(r.active and r.journey == name for r in self.runs) >= limits.runs:
            return "limit_runs"
        if limits.entries is not None:
            most, per = limits.entries.split(" per ")
            since = self.t - ex.parse_duration(per)
            if sum(n == name and at > since for n, at, _ in self.entered.get(subject, [])) >= int(most):
                return "limit_entries"
        most_runs = self.workspace.messaging.concurrent_journeys
        if most_runs is not None and len(self.of_subject(subject)) >= most_runs:
            return "limit_concurrent"
        return ""

    def _start(self, name: str, plan: p.Journey, subject: Subject, fired: Fired) -> Run:
        self.count += 1
        if self.free:
            slot = self.free.pop()
        else:
            self.highest += 1
            slot = self.highest
        position = fired.position or f"{self.fold.seq}@{self.t}"
        ident = digest(f"{name}\0{subject.id}\0{fired.key}\0{position}")
        run = Run(self.count, slot, ident, name, plan, subject, fired.key, fired.properties, self.t)
        run.since, run.step = self.t, next(iter(plan.steps))
        run.ghost = self._ghost(name, plan, subject)
        self.runs.append(run)
        self.entered.setdefault(subject, []).append((name, self.t, fired.key))
        data = {"run": ident, "trigger": fired.name}
        data |= {"key": fired.key} if fired.key else {}
        data |= {"ghost": run.ghost} if run.ghost else {}
        self.fold._emit("run", subject, name, data)
        return run

    def _ghost(self, name: str, plan: p.Journey, subject: Subject) -> str:
        if plan.state == "shadow":
            return "shadow"
        messaging = self.workspace.messaging
        levels = [("universal", "universal", messaging.holdout)]
        levels.append(
            ("programme", f"programme {plan.programme}", messaging.programmes.get(plan.programme or ""))
        )
        for level, salt, model in levels:
            if model is not None and draw(model.salt or salt, subject.id) < round(model.share * 100):
                return level
        usual = messaging.journey_holdout
        share = plan.holdout
        if share is None:
            share = 0.0 if usual is None or name in usual.except_ else usual.share
        return "journey" if draw(f"journey {name}", subject.id) < round(share * 100) else ""

    # ---------------------------------------------------------------------------------------------- rounds

    def _rounds(self, ready: list[tuple[Run, str]]) -> None:
        while ready:
            for run, to in sorted(ready, key=lambda one: one[0].number):
                self._walk(run, to)
            ready = self._decide()
            ready += self.begun
            self.begun = []

    def _walk(self, run: Run, to: Move) -> None:
        pause = self.paused.get(run.journey)
        if pause is not None and not pause.finish:
            assert to is not None
            pause.woken.setdefault(run.number, to)
            run.due = None
            return
        if not run.visits and self._ends(run, None):
            return
        while to is not None:
            if to == END:
                self.end(run, run.reason, cut=run.reason == "date_past")
                return
            run.visits[to] = run.visits.get(to, 0) + 1
            if run.visits[to] > run.plan.visits_max:
                self.end(run, "loop_limit")
                return
            run.step, run.visit, run.since, run.due = to, run.visits[to], self.t, None
            run.true_before, run.resets, run.opening, run.reason = set(), 0, None, "completed"
            run.noted = None
            model = run.plan.steps[to]
            to = self._steps[str(model.__struct_config__.tag)](self, run, model)

    def _branch(self, run: Run, model: Any) -> Move:
        for path in model.paths:
            held = self.holds(run.subject, path.when, run.properties)
            if held is True or (held is None and path.unknown):
                self.tell("step", run, outcome=path.name or path.go)
                return str(path.go)
        self.tell("step", run, outcome="else")
        return model.else_ or self.follow(run, run.step)

    def _split(self, run: Run, model: Any) -> Move:
        if model.by == "bandit":
            name, place, share = self.choices.choose(run, model, self.t)
            self.tell("step", run, outcome=name, place=place, share=share)
            return model.paths[name].go or self.follow(run, run.step)
        salt, unit = model.salt or f"{run.journey}/{run.step}", run.subject.id
        place, before = draw(salt, unit if model.again == "sticky" else f"{unit} {run.id}"), 0
        for name, path in model.paths.items():
            before += round(path.share * 100)
            if place < before:
                self.tell("step", run, outcome=name, place=place, share=path.share)
                return path.go or self.follow(run, run.step)
        raise AssertionError("shares add up to 100")

    def _exit(self, run: Run, model: Any) -> Move:
        run.reason = model.reason
        return END

    def _goal(self, run: Run, model: Any) -> Move:
        if model.goal not in run.reached:
            value = run.properties.get(model.value) if isinstance(model.value, str) else model.value
            self.reach(run, model.goal, value)
        self.tell("step", run, outcome="reached")
        return self.follow(run, run.step)

    def _update(self, run: Run, model: Any) -> Move:
        subject, told = run.subject, {}
        for trait, given in model.set.items():
            value = given
            if isinstance(given, dict) and "add" in given:
                known = subject.trait(trait)
                value = (known if isinstance(known, Fraction) else Fraction(0)) + Fraction(str(given["add"]))
                value = int(value) if value == int(value) else float(value)
            elif isinstance(given, dict):
                value = run.properties.get(str(given["from"]).removeprefix("event."))
            if value is not None and value != "":
                told[trait] = value
        before = {name: subject.trait(name) for name in self.workspace.traits}
        for trait, value in told.items():
            subject.traits[trait] = TraitState(self.t, self.fold.seq, value)
        subject.changed |= {name: self.t for name in before if subject.trait(name) != before[name]}
        self.tell("step", run, outcome="updated" if told else "unknown", **({"traits": told} if told else {}))
        self.written += [subject] if told else []
        return self.follow(run, run.step)

    def _hand_on(self, run: Run, model: Any) -> Move:
        fired = Fired(f"journey {run.journey}", "", self.t, run.key, run.properties)
        new = self.admit(model.journey, run.subject, fired) if model.journey in self.plans else "closed"
        if isinstance(new, Run):
            self.begun.append((new, next(iter(new.plan.steps))))
        answer = new.id if isinstance(new, Run) else new
        self.tell("step", run, outcome="handed on", journey=model.journey, answer=answer)
        return self.follow(run, run.step)

    def _wait(self, run: Run, model: Any) -> Move:
        return self.waiting.enter(run, model)

    def _message(self, run: Run, model: Any) -> Move:
        self.proposed.append(run)
        return None

    _steps: ClassVar[dict[str, Callable[[ReferenceJourneys, Run, Any], Move]]] = {
        "branch": _branch,
        "split": _split,
        "exit": _exit,
        "goal": _goal,
        "update_trait": _update,
        "start_journey": _hand_on,
        "wait": _wait,
        "message": _message,
    }

    # -------------------------------------------------------------------------------------------- messages

    def _decide(self) -> list[tuple[Run, str]]:
        """What was proposed: highest priority first, then journeys as written, then runs by number."""
        order, proposed = list(self.plans), self.proposed
        self.proposed = []
        proposed.sort(key=lambda r: (-r.plan.priority, order.index(r.journey), r.number))
        moved = []
        for run in proposed:
            to = self._gates(run, run.plan.steps[run.step])
            if to is not None:
                moved.append((run, to))
        return moved

    def _gates(self, run: Run, model: Any) -> Move:
        template, cap = model.templates()[0], self.workspace.messaging.caps.get("all")
        sent, ttl = self.sent.setdefault(run.subject, []), ex.parse_duration(model.ttl or run.plan.ttl)
        held = run.plan.suppressed_by
        if held is not None and self.holds(run.subject, held, run.properties) is True:
            return self._held(run, model, "stage_suppressed")
        if cap is not None and cap.per is not None:
            per = ex.parse_duration(cap.per)
            inside = sorted(s.t for s in sent if s.t > self.t - per and (run.ghost or not s.ghost))
            if len(inside) >= cap.limit:
                over = model.on_cap or cap.over
                free_at = inside[len(inside) - cap.limit] + per if cap.limit else None
                if over != "defer":
                    return self._held(run, model, "capped")
                if free_at is None or free_at >= run.since + ttl:
                    return self._held(run, model, "expired")
                self.tell("deferred", run, reason="capped", until=free_at, template=template)
                self.until(run, free_at)
                return None
        effect = digest(f"{run.id}\0{run.step}\0{run.visit}\0{run.subject.id}")
        sent.append(Sent(self.t, bool(run.ghost), effect))
        if run.ghost:
            self.tell("would_send", run, template=template)
            return self._went(run, model, "would_send")
        self.tell("message", run, template=template, effect=effect, expires=run.since + ttl)
        run.owed.append((effect, template, run.step, model.revoke))
        return self._went(run, model, "decided")

    def _held(self, run: Run, model: Any, reason: str) -> Move:
        self.tell("held", run, reason=reason, template=model.templates()[0])
        return self._went(run, model, reason)

    def _went(self, run: Run, model: Any, outcome: str) -> Move:
        self.tell("step", run, outcome=outcome)
        return model.on.get(outcome) or self.follow(run, run.step)

    # ------------------------------------------------------------------------------- timers, merges, pauses

    def fire(self, due: int, slot: int) -> None:
        """A run's timer, if it still is that run's."""
        run = next((r for r in self.runs if r.active and r.slot == slot and r.due == due), None)
        if run is None or (run.journey in self.paused and not self.paused[run.journey].finish):
            return
        model: Any = run.plan.steps[run.step]
        if model.__struct_config__.tag == "message":
            self.proposed.append(run)
            self._part(run.subject, None, False, self._decide())
            return
        to = self.waiting.timer(run, model)
        if to is not None:
            self._part(run.subject, None, False, [(run, to)])

    def merge(self, winner: Subject, loser: Subject) -> None:
        """The loser's runs are the winner's; of two of one journey and key the one with the smaller number
        stays, unless re-entry is unlimited.
        """
        for run in self.of_subject(loser):
            run.subject = winner
        kept: set[tuple[str, str]] = set()
        for run in self.of_subject(winner):
            many = isinstance(run.plan.re_entry, p.ReEntry) and run.plan.re_entry.unlimited is not None
            if (run.journey, run.key) in kept and not many:
                self.end(run, "merged")
            kept.add((run.journey, run.key))
        self.entered.setdefault(winner, []).extend(self.entered.pop(loser, []))
        self.sent.setdefault(winner, []).extend(self.sent.pop(loser, []))
        if loser in self.seen:
            self.seen[winner] = max(self.seen[loser], self.seen.get(winner, self.seen[loser]))

    def control(self, record: dict[str, Any]) -> None:
        """`pause`, `resume`, `archive` of a journey."""
        name = record.get("journey", "")
        mine = [run for run in self.runs if run.active and run.journey == name]
        told = {"pause": "paused", "resume": "resumed", "archive": "archived"}[record["op"]]
        self.fold.effects.append(Effect(self.t, told, "workspace", "", name, {}))
        if record["op"] == "pause":
            clock, entries = record.get("clock", "freeze"), record.get("entries", "queue")
            self.paused[name] = Pause(self.t, clock, entries, record.get("finish", False))
        elif record["op"] == "archive":
            for run in mine:
                self.end(run, "archived")
            self.paused.pop(name, None)
            del self.plans[name]
        elif record["op"] == "resume":
            self._resume(name, mine)

    def _resume(self, name: str, mine: list[Run]) -> None:
        pause = self.paused.pop(name)
        ready: list[tuple[Run, str]] = []
        for run in mine:
            if run.number in pause.woken:
                ready.append((run, pause.woken[run.number]))
            elif run.due is not None and not pause.finish:
                due = run.due
                if pause.clock == "freeze":
                    due = self.waiting.thawed(run, due, self.t - pause.timed.get(run.number, pause.at))
                self.until(run, due if due > self.t else self.t + 1)
        for subject, fired in pause.queue:
            subject = self.fold._now(subject)
            if subject in self.fold.gone:
                continue
            fired.te = max(fired.te, self.t - ex.parse_duration(self.plans[name].late_after))
            run_or = self.admit(name, subject, fired)
            if isinstance(run_or, Run):
                ready.append((run_or, next(iter(run_or.plan.steps))))
        self.released = [run for run, _ in ready]
        for run, to in ready:
            self.released.remove(run)
            if run.active:
                self._part(run.subject, None, False, [(run, to)])

"""Journeys inside the fold: who enters, what wakes whom, and the order in which runs move.
docs/explain/journeys.md.

The runtime hangs one node on each kind of subject, after all others: when something a run waits for
has changed, the node notes the subject, and once the subject has come to rest its runs are looked
at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import SevenfoldError
from ..limits import JOURNEY_VERSIONS_MAX
from ..profiles.evaluation import PLANS_MAX, NodeFunction
from ..profiles.wheel import low as packed_low
from ..workspace.base import Condition
from .business import Business
from .compiled import CompiledJourney
from .moving import Moving
from .plan import Journey
from .serving import Service
from .version_state import Versions as Versions
from .version_state import packed_versions, versions_under
from .version_state import unpacked_versions as unpacked_versions

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..events.model import Event
    from ..lifecycle.compile import CompiledUnit

RUN_KIND = 7
"""The place of runs among the kinds at one instant: after all subjects."""
SESSION_GAP_MS = 30 * 60_000
LISTENED_NAMES_MAX = 20_000
"""Names of events for which it is remembered who listens."""
Hearers = tuple[tuple[Service, ...], bool, bool]


class Journeys(Moving):
    """All journeys of a fold. `services` are what steps share: messages, tasks and the like, by name."""

    def __init__(self, fold: Fold) -> None:
        super().__init__(fold)
        self.business = Business(self)
        self._hearing: dict[tuple[str, str], Hearers] = {}
        self._listening: list[dict[tuple[str, str], tuple[CompiledJourney, ...]]] = []
        self._resting: dict[int, _Resting] = {}

    # ---------------------------------------------------------------------------------------- compiling

    def add_version(self, name: str, version: int, model: Journey) -> CompiledJourney:
        """A version becomes part of the fold being compiled."""
        if len(self.plans) >= JOURNEY_VERSIONS_MAX:
            raise SevenfoldError(f"more than {JOURNEY_VERSIONS_MAX} versions of journeys have runs")
        plan = CompiledJourney(self, name, version, model, len(self.plans))
        self.plans.append(plan)
        return plan

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
        self.business.declare()
        for service in self.services.values():
            service.declare()

    def order_nodes(self) -> None:
        """The node of each kind that looks at its runs, after all others."""
        for unit in self.fold.compiled:
            self.bits[unit.kind] = unit.node(_nothing)
        if any(not (plan.of_person or plan.of_account) for plan in self.plans):
            self.person_bit = self.fold.person.node(self._of_person)

    def _of_person(self, row: int, t: int) -> int:
        """Something about a person has changed that runs of their entities look at."""
        if row in self.theirs:
            self.flagged.update(self.theirs[row])
        return 0

    def watch(self) -> None:
        for plan in self.plans:
            plan.watch(self.bits[plan.unit.kind])
        self.triggers.watch()

    def name_properties(self) -> None:
        for plan in self.plans:
            plan.gather()
        # What a journey hands on, the next ones may ask for: as many times as journeys can follow each other.
        for _ in self.current:
            for plan in self.plans:
                for name in plan.hands_on() & self.current.keys():
                    plan.kept |= self.plans[self.current[name]].kept
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
        """After a subject has come to rest its runs are looked at, unless a record is under way."""
        functions = self._resting[unit.index] = _Resting(self, unit)

        def rest(row: int, t: int, dirty: int) -> None:
            functions[dirty](row, t)

        unit.evaluate = rest  # type: ignore[method-assign]

    def resting(self, unit: CompiledUnit) -> dict[int, NodeFunction]:
        """The functions that evaluate masks, after each of which the subject's runs are looked at."""
        return self._resting[unit.index]

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
        return self.business.hears(*key) or any(self.listening(unit, key) for unit in self.fold.compiled)

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
        hearing = self._hearing.get(key)
        services, of_person, of_account = self._hearers(key) if hearing is None else hearing
        if row:
            session = self._seen_at(row, key[0], te) if self._seen else False
            for service in services:
                service.on_event(row, event, key, te, t)
            # Nobody listens, mostly, and nothing has changed that runs look at.
            if of_person or session or self.flagged or self.triggers.news:
                self._subject(self.fold.person, row, t, (key, event, te), session)
        for unit, _, entity, _ in entities:
            self._subject(unit, entity, t, (key, event, te))
        if account and (of_account or self.flagged or self.triggers.news):
            self._subject(self.fold.account, account, t, (key, event, te))
        if self.business.hears(*key):
            self.business.happened(key, event, te)
        if self.flagged or self.triggers.news or self.waking:
            self.settle_all()

    def _hearers(self, key: tuple[str, str]) -> Hearers:
        """Who listens for events of this name: services, versions over people, and over accounts."""
        fold = self.fold
        services = tuple(service for service in self.services.values() if service.listens(*key))
        found = services, bool(self.listening(fold.person, key)), bool(self.listening(fold.account, key))
        if len(self._hearing) >= LISTENED_NAMES_MAX:
            self._hearing.clear()
        self._hearing[key] = found
        return found

    def consents(self, row: int, given: dict[str, Any], te: int) -> None:
        """An event brings the person's consent in its context, whatever its name is."""
        desk: Any = self.services["messages"]
        desk.consents_given(row, given, te)

    def _seen_at(self, row: int, type_: str, te: int) -> bool:
        """Whether the event begins a session of the person."""
        if type_ not in ("track", "page", "screen"):
            return False
        seen: Any = self.fold.env.scope[self._seen]
        before = seen[row]
        if te > before:
            seen[row] = te
        return bool(te >= before + SESSION_GAP_MS)

    def listening(self, unit: CompiledUnit, key: tuple[str, str]) -> tuple[CompiledJourney, ...]:
        """The versions over a kind of subject that listen for events of this name."""
        known = self._listening[unit.index]
        found = known.get(key)
        if found is None:
            if len(known) >= LISTENED_NAMES_MAX:
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

    def merge(self, winner: int, loser: int, t: int) -> None:
        """The loser's runs are the winner's; of two with one key the older stays."""
        person = self.fold.person
        heads: Any = self.fold.env.scope[self.heads[person.kind]]
        self.view.t = t
        mine, theirs = self.of_subject(person, winner), self.of_subject(person, loser)
        self.entries.contaminate(winner, loser, {self.runs.plan[slot] for slot in (*mine, *theirs)})
        heads[loser] = 0
        if self._seen:
            seen: Any = self.fold.env.scope[self._seen]
            seen[winner] = max(seen[winner], seen[loser])
        known: dict[tuple[str, str], int] = {}
        for slot in sorted([*mine, *theirs], key=lambda one: self.runs.number[one]):
            if slot in theirs:
                self.runs.subject[slot] = winner
                self.runs.next[slot] = heads[winner]
                heads[winner] = slot
        for slot in self.of_subject(person, winner):
            run = self.view.at(slot)
            first = known.setdefault((run.plan.name, run.key), slot)
            if first != slot and not run.plan.many:
                self.end_run(slot, "merged")
        if loser in self.theirs:
            self.theirs.setdefault(winner, {}).update(self.theirs.pop(loser))
        self.entries.merge(winner, loser)
        for service in self.services.values():
            service.merge(winner, loser, t)
        if heads[winner]:
            self.flagged[person.index, winner] = None

    # -------- versions

    def versions_under(self, workspace: Any) -> Versions:
        """The versions that a fold of another workspace has to know."""
        return versions_under(self, workspace)

    def packed_versions(self) -> list[Any]:
        """What `unpacked_versions` reads."""
        return packed_versions(self)

    def take_over(self, old: Journeys) -> None:
        """The runs of the fold before this one go on here."""
        self.load(old.dump())
        for name, service in self.services.items():
            if name in old.services:
                service.take_over(old.services[name])

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
            "reasons": list(self.reasons.items()),
            "business": self.business.dump(),
            "splits": self.splits.dump(),
            "entries": self.entries.dump(),
            "triggers": self.triggers.dump(),
            "archived": sorted(self.archived),
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
        for slot in self.runs.active() if any(plan.asking.of_person for plan in self.plans) else ():
            plan = self.plans[self.runs.plan[slot]]
            if plan.asking.of_person:
                self.follow_person(plan, self.runs.subject[slot])
        self.pending = dict(held["pending"])
        self.reasons = dict(held.get("reasons", ()))
        self.business.load(held["business"])
        self.splits.load(held["splits"])
        self.entries.load(held["entries"])
        self.triggers.load(held["triggers"])
        self.archived = set(held["archived"])
        for name in self.archived:
            self.current.pop(name, None)
        for name, state in held["services"].items():
            if name in self.services:
                self.services[name].load(state)


class _Resting(dict[int, NodeFunction]):
    """Functions by mask; each looks up its own anew, for masks that are met often get better ones."""

    def __init__(self, journeys: Journeys, unit: CompiledUnit) -> None:
        super().__init__()
        self._journeys, self._functions = journeys, unit.functions

    def __missing__(self, mask: int) -> NodeFunction:
        if len(self) >= PLANS_MAX:
            self.clear()
        journeys, functions = self._journeys, self._functions
        flagged, news = journeys.flagged, journeys.triggers.news

        def rest(row: int, t: int) -> int:
            functions[mask](row, t)
            if (flagged or news) and not journeys.holding and not journeys.busy:
                journeys.settle_all()
            return 0

        self[mask] = rest
        return rest


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
    # Addresses to leave alone are remembered from the first channel on.
    shared = needed(workspace) or workspace.consent.categories or workspace.channels
    if not running and not shared and not any(older for _, older in fold.versions.values()):
        return None
    journeys = Journeys(fold)
    journeys.services = {"messages": Messages(fold, journeys), **services_of(fold, journeys)}
    journeys.told_of_ends = [
        service for service in journeys.services.values() if type(service).run_ended is not Service.run_ended
    ]
    journeys.told_of_goals = [
        service
        for service in journeys.services.values()
        if type(service).goal_reached is not Service.goal_reached
    ]
    for name, model in running.items():
        number = fold.versions[name][0] if name in fold.versions else 1
        journeys.current[name] = journeys.add_version(name, number, model).index
    for name, (_, older) in fold.versions.items():
        for number, model in older:
            journeys.add_version(name, number, model)
    return journeys


def _nothing(row: int, t: int) -> int:
    return 0


__all__ = ["RUN_KIND", "Journeys"]

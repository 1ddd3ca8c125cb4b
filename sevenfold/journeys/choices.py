"""The service of choices that are learned: what was chosen, the outcomes that come of it, and when each
choice learns of them. docs/explain/choices.md.

A choice is *open* until its reward's time is over. Then its outcome is due, and at the end of the period in
which it is, it is known: the choice closes. Decisions look at what is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..learning.action_model import ActionModel
from ..learning.bandits import place_of
from ..limits import CHOICE_OPEN_ENTRIES_MAX
from ..profiles.expressions import parse_duration
from ..profiles.wheel import OP_BITS
from ..workspace.base import PERSON
from .action_bank import Bank, Choosing, Reading
from .choice_plan import BestTime, Learn, Reward
from .choice_policies import GHOSTS, Policy, Told
from .compiled import Listener
from .habits import Habits
from .serving import MessageNews, Service
from .steps.choose import Choose
from .steps.split import Split
from .telling import stable_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.fold import Fold
    from ..events.model import Event
    from ..lifecycle.compile import CompiledUnit
    from .compiled import CompiledJourney, StepSite
    from .runs import RunView
    from .runtime import Journeys


_ANSWERS: Final = {"opened": ("opened", "clicked"), "clicked": ("clicked",)}
"""Outcomes that are a response: who clicks has opened."""


class Open(msgspec.Struct, array_like=True, gc=False):
    """A choice whose outcome is awaited."""

    id: str
    policy: str
    option: str
    """What was chosen; `GHOSTS` for a ghost."""
    unit: int
    row: int
    run: int
    """The run's number."""
    t: int
    due: int
    rewarded: bool = False


class Answer(msgspec.Struct, array_like=True):
    """What somebody said to a person's standing next best action."""

    t: int
    answer: str
    action: str
    by: str


class Choices(Service):
    """The choices of a fold, by `journey/step`."""

    def __init__(self, fold: Fold, runtime: Journeys) -> None:
        super().__init__(fold, runtime)
        self.policies: dict[str, Policy] = {}
        self.bank = Bank(fold.workspace.actions)
        self.standing: ActionModel | None = None
        """The policy of the standing next best action of people; None: the written order of the bank."""
        self.answers: dict[int, Answer] = {}
        """What was last said to a person's standing action, by row."""
        self.contexts: dict[str, list[str]] = {}
        """The values that each choice among actions looks at."""
        self.eligible: dict[str, Callable[[int], bool]] = {}
        """Of actions for people, whether one may be taken for a row."""
        self.habits: Habits | None = None
        """What people answer to and when, where a step asks for it."""
        self._listeners: dict[str, Listener] = {}
        self.open: dict[int, Open] = {}
        self.free: list[int] = []
        self.slots = 0
        self.left_out = 0
        """Choices that were made while too many were open."""
        self._of_run: dict[int, list[int]] = {}
        self._of_row: dict[tuple[int, int], list[int]] = {}

    # -------------------------------------------------------------------------------------- compiling

    def declare(self) -> None:
        for plan in self.runtime.plans:
            for step_id, step in plan.written.items():
                self._found(plan, step_id, step)
        for policy, listener in self._listeners.items():
            listener.name(self._heard_by(policy))
        for action in self.bank.actions.values():
            if action.when is not None and action.of == PERSON:
                self.runtime.watch_later(self.fold.person, action.when)
        if self.policies:
            self._close_low = self.runtime.timer("choices", self._close_due)
            self._due_low = self.runtime.timer("outcomes of choices", self._outcome_due)

    def _found(self, plan: CompiledJourney, step_id: str, step: Any) -> None:
        key = f"{plan.name}/{step_id}"
        if key in self.policies:
            return
        self._found_habits(plan, key, step)
        if isinstance(step, Split) and step.by == "bandit":
            written = {name: round(path.share * 10_000) for name, path in step.paths.items()}
            names = list(step.paths)
        elif isinstance(step, Choose):
            names, written = step.options(), {}
            self.contexts[key] = step.context
            for name in step.context:
                Reading(plan.unit, name).watch()
        else:
            return
        learn = step.learning if isinstance(step, Split) else step.learn
        self.policies[key] = Policy(plan.name, step_id, names, written, learn, plan.model.autonomy)
        reward = learn.reward
        if reward.event is not None:
            self._listeners[key] = Listener(reward.event, reward.where, 0)

    def _found_habits(self, plan: CompiledJourney, key: str, step: Any) -> None:
        """Steps that choose an hour or a channel by what people answered to: what comes of each is logged."""
        hour = getattr(step, "send_time", None) or getattr(step, "best", None)
        for word, asked in (
            ("hour", hour is not None),
            ("channel", getattr(step, "choose", "") == "learned"),
        ):
            if asked:
                if self.habits is None:
                    alike = self.fold.workspace.messaging.alike
                    self.habits = Habits(self.fold, self.runtime, alike)
                learn = Learn(reward=Reward(response="opened", within="2d"), refresh="1d")
                policy = Policy(plan.name, key.partition("/")[2], [], {}, learn, plan.model.autonomy)
                policy.key = f"{key}:{word}"
                self.policies[policy.key] = policy

    def _heard_by(self, policy: str) -> CompiledUnit:
        return self.fold.person

    def finish(self) -> None:
        for policy, listener in self._listeners.items():
            listener.finish(self._heard_by(policy))
        for name, action in self.bank.actions.items():
            if action.when is not None and action.of == PERSON:
                self.eligible[name] = self.runtime.asks(self.fold.person, action.when)

    # ------------------------------------------------------------------------------------------ choosing

    def actions(self, model: Choose, site: StepSite) -> Choosing:
        """A step that chooses among actions, compiled."""
        return Choosing(self, model, site)

    def best_time(self, run: RunView, model: BestTime) -> int:
        """The instant at which a run had best speak, logged."""
        assert self.habits is not None
        within, explore = parse_duration(model.within), round(model.explore * 10_000)
        found = self.habits.best_time(run, within, explore)
        self.took(run, self.policies[f"{run.plan.name}/{run.step}:hour"], found.told)
        return found.due

    def place(self, run: RunView, policy: Policy) -> int:
        """The draw of a run at its present step and visit, among a million places: other ones when the
        choice has learned something.
        """
        return place_of("choice", run.id, run.step, run.visit, policy.state.version)

    def took(self, run: RunView, policy: Policy, told: dict[str, Any]) -> None:
        """Something was chosen: it is logged with the probabilities it was drawn by, and its outcome awaited.

        `told` has `context`, `actions` (each allowed, or why not), `propensities`, `chosen`, `place`.
        """
        # A step may choose an hour and a channel at one visit.
        word = policy.key.partition(":")[2]
        ident = stable_id("choice", run.id, run.step, run.visit, *([word] if word else []))
        data = {"choice": ident, "policy": policy.key, "version": policy.state.version, **told}
        data |= {"level": policy.level, "within": policy.within}
        if run.ghost:
            data["ghost"] = True
        run.tell("choice", run.plan.name, **data)
        if run.plan.shadow:
            return
        if len(self.open) >= CHOICE_OPEN_ENTRIES_MAX:
            self.left_out += 1
            return
        option = GHOSTS if run.ghost else told["chosen"]
        due = run.t + policy.within
        at = (run.plan.unit.index, run.row)
        self._keep(self._slot(), Open(ident, policy.key, option, *at, run.number, run.t, due))

    def _slot(self) -> int:
        if self.free:
            return self.free.pop()
        self.slots += 1
        return self.slots

    def _keep(self, slot: int, one: Open) -> None:
        self._put(slot, one)
        self.fold.wheel.push(one.due, self._due_low + (slot << OP_BITS))

    def _put(self, slot: int, one: Open) -> None:
        self.open[slot] = one
        self._of_run.setdefault(one.run, []).append(slot)
        self._of_row.setdefault((one.unit, one.row), []).append(slot)

    def _drop(self, slot: int) -> Open:
        one = self.open.pop(slot)
        for slots in (self._of_run[one.run], self._of_row[one.unit, one.row]):
            slots.remove(slot)
        if not self._of_run[one.run]:
            del self._of_run[one.run]
        if not self._of_row[one.unit, one.row]:
            del self._of_row[one.unit, one.row]
        self.free.append(slot)
        return one

    # ----------------------------------------------------------------------------------------- outcomes

    def goal_reached(self, run: RunView, goal: str) -> None:
        """A run reached a goal: the choices on its way are rewarded that were for it."""
        for slot in self._of_run.get(run.number, ()):
            reward = self._reward(slot)
            if reward is None or reward.event is not None or reward.response is not None:
                continue
            if reward.goal in (None, goal):
                self._rewarded(slot)

    def listens(self, type_: str, event: str) -> bool:
        return any(listener.hears(type_, event) for listener in self._listeners.values())

    def on_event(self, row: int, event: Event, key: tuple[str, str], te: int, t: int) -> None:
        fold = self.fold
        account = fold._accounts[row]
        subjects = [(fold.person.index, row), *([(fold.account.index, account)] if account else [])]
        for at in subjects:
            for slot in self._of_row.get(at, ()):
                listener = self._listeners.get(self.open[slot].policy)
                if (
                    listener is not None
                    and listener.hears(*key)
                    and listener.matches(event.properties, event)
                ):
                    self._rewarded(slot)

    def on_message(self, news: MessageNews) -> None:
        if self.habits is not None and news.first and news.unit is self.fold.person:
            self._habit(self.habits, news)
        for slot in self._of_row.get((news.unit.index, news.row), ()):
            reward = self._reward(slot)
            mine = self.open[slot].policy.partition("/")[0] == news.journey
            if mine and reward is not None and news.outcome in _ANSWERS.get(reward.response or "", ()):
                self._rewarded(slot)

    def _habit(self, habits: Habits, news: MessageNews) -> None:
        template = self.fold.workspace.templates.get(news.template)
        if template is None:
            return
        if news.outcome == "sent":
            habits.sent(template.channel)
        elif news.outcome in _ANSWERS["opened"]:
            habits.answered(news.row, template.channel)

    def _reward(self, slot: int) -> Reward | None:
        policy = self.policies.get(self.open[slot].policy)
        return None if policy is None else policy.learn.reward

    def _rewarded(self, slot: int) -> None:
        one = self.open[slot]
        if one.rewarded or self.fold.t >= one.due:
            return
        one.rewarded = True
        self._tell(one, "rewarded", {"choice": one.id, "after": self.fold.t - one.t})

    def _tell(self, one: Open, kind: str, data: dict[str, Any]) -> None:
        policy = self.policies[one.policy]
        data |= {"policy": one.policy, "option": one.option} if one.option else {"policy": one.policy}
        self.fold.emit(self.fold.compiled[one.unit], one.row, kind, policy.journey, data)

    def _outcome_due(self, slot: int, due: int) -> None:
        one = self.open.get(slot)
        if one is None or one.due != due:
            return
        self._drop(slot)
        policy = self.policies.get(one.policy)
        if policy is not None:
            self._arm(policy.due(one.option, one.rewarded, due))

    def _arm(self, due: int) -> None:
        if due:
            self.fold.wheel.push(due, self._close_low)

    # ------------------------------------------------------------------------------------------ learning

    def _close_due(self, row: int, due: int) -> None:
        for key in sorted(self.policies):
            policy = self.policies[key]
            if policy.state.due == due:
                told, again = policy.close(due)
                self.say(policy, told)
                self._arm(again)

    def say(self, policy: Policy, told: list[Told]) -> None:
        """What a choice has to tell, as effects about its journey."""
        for one in told:
            data = {"policy": policy.key, "step": policy.step, **one.data}
            self.fold.emit_about(one.kind, policy.journey, data)

    def arm_for(self, told: tuple[list[Told], int], policy: Policy) -> None:
        """Says what somebody's record brought, and when the choice closes."""
        self.say(policy, told[0])
        self._arm(told[1])

    # ------------------------------------------------------------------------------------------- people

    def merge(self, winner: int, loser: int, t: int) -> None:
        at = self.fold.person.index
        for slot in self._of_row.pop((at, loser), ()):
            self.open[slot].row = winner
            self._of_row.setdefault((at, winner), []).append(slot)
        self.bank.merge((at, winner), (at, loser))
        if self.habits is not None:
            self.habits.merge(winner, loser)
        theirs, mine = self.answers.pop(loser, None), self.answers.get(winner)
        if theirs is not None and (mine is None or mine.t < theirs.t):
            self.answers[winner] = theirs

    def erase(self, unit: CompiledUnit, row: int) -> int:
        """Outcomes of a subject that is erased are not awaited; counts that are known hold nobody's name."""
        slots = list(self._of_row.get((unit.index, row), ()))
        for slot in slots:
            self._drop(slot)
        if unit is self.fold.person:
            self.answers.pop(row, None)
            if self.habits is not None:
                self.habits.own.pop(row, None)
        return len(slots) + (self.bank.taken.pop((unit.index, row), None) is not None)

    def keeps(self, unit: CompiledUnit, row: int) -> bool:
        return (unit.index, row) in self._of_row

    # -------------------------------------------------------------------------------------------- state

    def dump(self) -> Any:
        return {
            "policies": {key: msgspec.to_builtins(one.state) for key, one in self.policies.items()},
            "open": [[slot, msgspec.to_builtins(one)] for slot, one in self.open.items()],
            "free": self.free,
            "slots": self.slots,
            "left_out": self.left_out,
            "bank": self.bank.dump(),
            "habits": None if self.habits is None else self.habits.dump(),
            "standing": msgspec.to_builtins(self.standing),
            "answers": [[row, msgspec.to_builtins(one)] for row, one in self.answers.items()],
        }

    def load(self, held: Any) -> None:
        for key, state in held["policies"].items():
            if key in self.policies:
                self.policies[key].load(state)
        self.free, self.slots, self.left_out = list(held["free"]), held["slots"], held["left_out"]
        self.bank.load(held["bank"])
        if self.habits is not None and held["habits"] is not None:
            self.habits.load(held["habits"])
        self.standing = msgspec.convert(held["standing"], ActionModel | None)
        self.answers = {row: msgspec.convert(one, Answer) for row, one in held["answers"]}
        self.open, self._of_run, self._of_row = {}, {}, {}
        for slot, one in held["open"]:
            self._put(slot, msgspec.convert(one, Open))


def policies_of(runtime: Journeys, journey: str) -> list[Policy]:
    """The choices of a journey, in order of steps."""
    service = runtime.services.get("choices")
    if not isinstance(service, Choices):
        return []
    return [one for _, one in sorted(service.policies.items()) if one.journey == journey]


__all__ = ["Answer", "Choices", "Open", "policies_of"]

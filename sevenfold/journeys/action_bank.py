"""The bank of actions at work: which may be taken now, and which of them is.

Constraints are looked at before anything is chosen; what they refuse is logged with its reason. Limits over
all subjects are read as of the last closed tick (engine rule 3), so within one second more may pass.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Any

from ..learning.bandits import MILLION, drawn, ends_of
from ..limits import CHOICE_ACTIONS_TAKEN_ENTRIES_MAX
from ..profiles import expressions as x
from ..profiles.columns import UNKNOWN
from .choice_plan import Action
from .choice_policies import NOTHING, Policy
from .evidence import name_of
from .limits_text import limit_of

if TYPE_CHECKING:
    from ..learning.action_model import ActionModel
    from ..lifecycle.compile import CompiledUnit
    from ..profiles.conditions import Place
    from .asking import Ask
    from .choices import Choices
    from .compiled import StepSite
    from .runs import RunView
    from .steps.choose import Choose

MICRO = 1_000_000
TICK_MS = 1_000
"""Accounts, and what all subjects share, close at whole seconds."""


class Reading:
    """One value of a context, in the fold's own units: counts, 1e-6 units of numbers, 1e-3 points, ms."""

    def __init__(self, unit: CompiledUnit, text: str) -> None:
        self.text, self._unit = text, unit
        self._at = x.Name(name_of(text))
        self._place: Place | None = None

    def watch(self) -> None:
        """Members see an account's facts only where somebody says that he looks."""
        if self._unit.place(self._at).via_account:
            self._unit.conditions.watch_name(self._at, 0)

    def read(self, row: int, t: int) -> int | None:
        """The value of a row, None where it is unknown."""
        unit = self._unit
        place = self._place
        if place is None:
            place = self._place = unit.place(self._at)
        slot, scope = place.slot, unit.env.scope
        column, clock = slot.column, slot.clock
        if place.via_account:
            row = scope[unit.account_of][row]
            if not row or not scope[unit.closed][row]:
                return None
            column = slot.shadow or slot.column
        if clock is not None:
            base = scope[(place.via_account and clock.shadow_base) or clock.base][row]
            return None if base in (clock.base_unknown, UNKNOWN) else int(abs(t - base))
        value: int = scope[column][row]
        if slot.bit:
            return int(bool(value & slot.bit))
        if slot.unknown is not None and value == slot.unknown:
            return None
        return int(value == 2) if slot.type == "boolean" else value


class Tally:
    """How much has been used in a sliding time, as of the last closed tick: (second, amount) oldest first."""

    def __init__(self, limit: int, per: int) -> None:
        self.limit, self.per = limit, per
        self.held: deque[list[int]] = deque()
        self.total = 0

    def full(self, t: int, more: int) -> bool:
        """Whether there is no room for `more`."""
        while self.held and self.held[0][0] * TICK_MS <= t - self.per:
            self.total -= self.held.popleft()[1]
        now = self.held[-1][1] if self.held and self.held[-1][0] == t // TICK_MS else 0
        return self.total - now + more > self.limit

    def use(self, t: int, amount: int) -> None:
        second = t // TICK_MS
        if self.held and self.held[-1][0] == second:
            self.held[-1][1] += amount
        else:
            self.held.append([second, amount])
        self.total += amount


class Bank:
    """What has been taken of the workspace's actions: by whom, and in all."""

    def __init__(self, actions: dict[str, Action]) -> None:
        self.actions = actions
        self.alls = {n: Tally(*limit_of(a.limits.all)) for n, a in actions.items() if a.limits.all}
        self.budgets: dict[str, Tally] = {}
        for name, action in actions.items():
            if action.limits.budget is not None:
                most, per = limit_of(action.limits.budget)
                self.budgets[name] = Tally(most * MICRO, per)
        self.each = {n: limit_of(a.limits.person) for n, a in actions.items() if a.limits.person}
        self.longest = max((per for _, per in self.each.values()), default=0)
        self.taken: dict[tuple[int, int], list[tuple[int, str]]] = {}
        """By kind of subject and row: (time, action), oldest first, of actions with a limit for a person."""

    def refuses(self, name: str, at: tuple[int, int], t: int) -> str:
        """Why limits or costs refuse an action; "" when they do not."""
        limit = self.each.get(name)
        if limit is not None:
            most, per = limit
            if sum(action == name and then > t - per for then, action in self.taken.get(at, ())) >= most:
                return "person_limit"
        tally = self.alls.get(name)
        if tally is not None and tally.full(t, 1):
            return "limit"
        budget = self.budgets.get(name)
        if budget is not None and budget.full(t, self.cost(name)):
            return "budget"
        return ""

    def cost(self, name: str) -> int:
        """In 1e-6 of the workspace's currency."""
        return round(self.actions[name].cost * MICRO) if name in self.actions else 0

    def take(self, name: str, at: tuple[int, int], t: int) -> None:
        if name in self.alls:
            self.alls[name].use(t, 1)
        if name in self.budgets:
            self.budgets[name].use(t, self.cost(name))
        if name in self.each:
            kept = [one for one in self.taken.get(at, ()) if one[0] > t - self.longest]
            self.taken[at] = [*kept, (t, name)][-CHOICE_ACTIONS_TAKEN_ENTRIES_MAX:]

    def merge(self, at: tuple[int, int], loser: tuple[int, int]) -> None:
        theirs = self.taken.pop(loser, None)
        if theirs:
            self.taken[at] = sorted([*self.taken.get(at, ()), *theirs])

    def dump(self) -> Any:
        tallies = [
            [kind, name, [list(one) for one in tally.held]]
            for kind, all_ in (("all", self.alls), ("budget", self.budgets))
            for name, tally in all_.items()
        ]
        return {"tallies": tallies, "taken": [[*at, held] for at, held in self.taken.items()]}

    def load(self, held: Any) -> None:
        for kind, name, entries in held["tallies"]:
            tally = (self.alls if kind == "all" else self.budgets).get(name)
            if tally is not None:
                tally.held = deque(list(one) for one in entries)
                tally.total = sum(amount for _, amount in entries)
        self.taken = {(unit, row): [(t, name) for t, name in each] for unit, row, each in held["taken"]}


class Choosing:
    """One step `choose` of one version."""

    def __init__(self, choices: Choices, model: Choose, site: StepSite) -> None:
        self.choices, self.model, self.site = choices, model, site
        self.policy: Policy = choices.policies[f"{site.journey}/{site.step}"]
        self.bank: Bank = choices.bank
        self._asks: dict[str, Ask] = {
            name: site.asks(action.when) for name, action in model.bank.items() if action.when is not None
        }
        self._context = [Reading(site.plan.unit, name) for name in model.context]
        self._fatigue = limit_of(model.fatigue) if model.fatigue is not None else None

    def choose(self, run: RunView) -> str:
        """Chooses and logs; gives the name of the action, or `nothing`."""
        row, t, policy = run.row, run.t, self.policy
        at = (run.plan.unit.index, row)
        reasons = {name: self._refused(run, name, at) for name in self.model.actions}
        allowed = [name for name, reason in reasons.items() if not reason]
        told: dict[str, Any] = {name: reason or "allowed" for name, reason in reasons.items()}
        if self.model.nothing or not allowed:
            allowed.append(NOTHING)
            told[NOTHING] = "allowed"
        values = {one.text: one.read(row, t) for one in self._context}
        using, coming = policy.state.using, policy.state.coming
        by_using, by_coming = (self._promised(one, allowed, values) for one in (using, coming))
        net = dict(zip(allowed, zip(by_using, by_coming, strict=True), strict=True))
        shares = policy.wanted(net, allowed)
        place = self.choices.place(run, policy)
        chosen = allowed[drawn(ends_of(shares), place)]
        data: dict[str, Any] = {"context": values, "actions": told, "chosen": chosen, "place": place}
        data["propensities"] = dict(zip(allowed, shares, strict=True))
        if using is not None:
            data["model"] = using.version
        if policy.state.mix and coming is not None:
            data["coming"] = {"model": coming.version, "mix": policy.state.mix}
        self.choices.took(run, policy, data)
        if chosen != NOTHING and not run.ghost:
            self.bank.take(chosen, at, t)
        return chosen

    def _refused(self, run: RunView, name: str, at: tuple[int, int]) -> str:
        """Why an action may not be taken now; "" when it may."""
        if name in self.policy.state.halted:
            return "halted"
        ask = self._asks.get(name)
        if ask is not None and not ask(run):
            return "not_eligible"
        refused = self.bank.refuses(name, at, run.t)
        if refused:
            return refused
        step = self.model.ways.get(name)
        logic: Any = run.plan.steps[run.plan.ids.index(step)] if step is not None else None
        would = getattr(logic, "would", None)
        if would is None:
            return ""
        if self._fatigue is not None and self._tired(run):
            return "fatigue"
        return str(would(run))

    def _tired(self, run: RunView) -> bool:
        """Whether the person was sent enough lately."""
        assert self._fatigue is not None
        most, per = self._fatigue
        desk: Any = self.site.service("messages")
        if not run.person:
            return False
        sent = 0
        for ledger in desk.ledgers(run.person, run.ghost):
            sent += len(ledger) - bisect_right(ledger, _after(run.t - per))
        return sent >= most

    def _promised(
        self, model: ActionModel | None, allowed: list[str], values: dict[str, int | None]
    ) -> list[int | None]:
        """What actions promise by a policy: the reward's worth less what they cost, if it has a worth."""
        if model is None:
            return [None] * len(allowed)
        held = model.held([values.get(each) for each in model.features])
        found = [model.promise(name, held) for name in allowed]
        worth = self.policy.worth
        if not worth:
            return found
        return [
            None if one is None else one * worth // MILLION - self.bank.cost(name)
            for name, one in zip(allowed, found, strict=True)
        ]


def _after(t: int) -> int:
    from ..messages.ledger import CODE_BITS, CODE_MASK

    return t << CODE_BITS | CODE_MASK


__all__ = ["Bank", "Choosing", "Reading", "Tally"]

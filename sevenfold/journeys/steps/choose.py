"""`kind: choose`: the next best action among those of the bank that may be taken now, or none of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ...limits import CHOICE_ACTIONS_ITEMS_MAX, CHOICE_CONTEXT_ITEMS_MAX
from ...workspace.base import ACCOUNT, Condition
from ..choice_plan import Action, Learn, audit_learn
from .base import Logic, Move, Run, Site, StepBase, StepKind
from .message import Message, Recipients
from .playbook import OpenPlaybook
from .task import Task
from .wait import Wait

if TYPE_CHECKING:
    from ..audit.step import StepFields

READABLE = frozenset({"count", "number", "score", "duration", "clock", "date", "boolean"})
"""Types of values that a context may have."""
NOTHING = "nothing"
"""The option to do nothing; no action of the bank has this name."""


class Choose(StepBase, tag="choose", frozen=True, kw_only=True):
    """Chooses one of ``actions`` of the workspace's bank, the most important first, or ``nothing``.

    An action that may not be taken now (its ``when``, limits, costs, ``fatigue``, and of a message every gate
    that would hold it) is refused with its reason before anything is chosen. Until a policy was trained the
    first action that is left is taken, but for what is explored. ``context`` are the values that a policy may
    look at, and that are logged. The action is done, and the run goes to ``go`` (by action) or on.
    ``fatigue`` holds messages back from whoever was sent so many lately (``3 per 7d``).
    """

    actions: list[str]
    nothing: bool = True
    context: list[str] = []
    learn: Learn = Learn()
    fatigue: str | None = None
    go: dict[str, str] = {}
    ways: dict[str, str] = {}
    """Written out by the engine: the step that does each action."""
    bank: dict[str, Action] = {}
    """Written out by the engine: the actions."""

    def options(self) -> list[str]:
        """What can be chosen, in written order."""
        return [*self.actions, *([NOTHING] if self.nothing else [])]

    def targets(self) -> Iterable[tuple[str, str]]:
        return ((f"actions.{name}", step) for name, step in (self.ways or self.go).items())

    def asked(self) -> Iterable[tuple[str, Condition]]:
        for name, action in self.bank.items():
            if action.when is not None:
                yield f"actions.{name}", action.when

    def falls_through(self) -> bool:
        return NOTHING not in self.go

    def expand(
        self, step_id: str, following: str, bank: Mapping[str, Action] | None = None
    ) -> dict[str, StepBase]:
        """`ID` itself, and `ID.ACTION` for each action that the bank says how to do."""
        bank = bank or {}
        used = {name: bank[name] for name in self.actions if name in bank}
        ways, made = dict[str, str](), dict[str, StepBase]()
        for name, action in used.items():
            step = done(name, action, self.go.get(name) or following)
            if step is not None:
                ways[name] = f"{step_id}.{name}"
                made[f"{step_id}.{name}"] = step
        if NOTHING in self.go:
            ways[NOTHING] = self.go[NOTHING]
        chosen = msgspec.structs.replace(self, ways=ways, bank=used, next=following)
        return {step_id: chosen, **made}

    def audit(self, at: StepFields) -> None:
        options = self.options()
        if not 1 < len(options) <= CHOICE_ACTIONS_ITEMS_MAX:
            fix = f"from 2 to {CHOICE_ACTIONS_ITEMS_MAX}, doing nothing included"
            at.error("actions", "wrong_value", f"a choice among {len(options)}", fix)
        for index, name in enumerate(self.actions):
            place = ("actions", index)
            if name in self.actions[:index]:
                at.error(place, "wrong_value", f"action `{name}` stands twice")
            if at.known(place, "action", name, at.workspace.actions, "declare it under `actions`"):
                of = at.workspace.actions[name].of
                if of != at.of:
                    message = f"action `{name}` is about {of}, and this journey is of {at.of}"
                    at.error(place, "wrong_subject", message, f"use one with `of: {at.of}`")
        if len(self.context) > CHOICE_CONTEXT_ITEMS_MAX:
            fix = f"at most {CHOICE_CONTEXT_ITEMS_MAX}"
            at.error("context", "too_large", f"a context of {len(self.context)} values", fix)
        for index, name in enumerate(self.context):
            found = at.value(("context", index), name, at.of)
            if found is not None and found.type not in READABLE:
                message = f"`{name}` is a {found.type}, and a policy weighs numbers"
                at.error(("context", index), "type_mismatch", message, "a signal, score, date or segment")
        for name in self.go:
            at.known(("go", name), "option", name, [*self.actions, NOTHING])
        at.limit("fatigue", self.fatigue)
        message = "this is written out by the engine"
        written = at.is_written and bool(self.ways or self.bank)
        at.without(written, "ways" if self.ways else "bank", message, "leave it out")
        audit_learn(at, self.learn, options)


def done(name: str, action: Action, go: str) -> StepBase | None:
    """The step that does an action, then goes on; None for one that the bank does not say how to do."""
    said: dict[str, Any] = {"title": action.title, "next": go}
    if action.template is not None:
        to = Recipients(roles=action.roles) if action.of == ACCOUNT else None
        said |= {"template": action.template, "offer": action.offer, "to": to, "expires": action.expires}
        return Message(topic=action.topic, intent=action.intent, ttl=action.ttl, **said)
    if action.task is not None:
        return Task(task=action.task, reason=action.reason or name, **said)
    if action.playbook is not None:
        return OpenPlaybook(playbook=action.playbook, reason=action.reason or name, **said)
    return Wait(for_=action.wait, **said) if action.wait is not None else None


class ChooseLogic(Logic):
    """Constraints first, then one draw by the propensities; see `journeys.action_bank`."""

    def __init__(self, model: Choose, site: Site) -> None:
        super().__init__(model, site)
        choices: Any = site.service("choices")
        self._choosing = choices.actions(model, site)
        self._targets = dict.fromkeys(model.options(), self.following) | {
            name: site.target(step) for name, step in model.ways.items()
        }

    def enter(self, run: Run) -> Move:
        chosen = self._choosing.choose(run)
        run.tell("step", self.site.journey, outcome=chosen)
        return self._targets.get(chosen, self.following)


KIND = StepKind(Choose, ChooseLogic, "Next best action")

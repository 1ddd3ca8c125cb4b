"""Whether the actions of the bank can be done: what they name, for whom they are, what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...limits import NUMBER_MAGNITUDE_MAX
from ...workspace.base import ACCOUNT, PERSON
from ..choice_plan import Action
from ..choice_policies import NOTHING
from .attention import purpose
from .fields import Desk, Fields


def audit_actions(desk: Desk) -> None:
    """Reports everything wrong with the bank of actions."""
    for name, action in desk.workspace.actions.items():
        at = Fields(desk, ("actions", name), action)
        if name == NOTHING:
            at.error((), "bad_name", "`nothing` is the option to do nothing", "choose another name")
        if at.kind_of_subject("of", action.of):
            _action(at, action)


def _action(at: Fields, action: Action) -> None:
    forms = action.forms()
    if sum(forms.values()) > 1:
        at.exactly_one((), forms, "an action")
    workspace = at.workspace
    templates = [action.template] if isinstance(action.template, str) else action.template or []
    for index, template in enumerate(templates):
        place = "template" if isinstance(action.template, str) else ("template", index)
        at.known(place, "template", template, workspace.templates)
    if action.offer is not None:
        at.known("offer", "pool of offers", action.offer, workspace.offers)
    message = "only a message has this"
    for field in ("offer", "topic", "intent", "ttl", "expires"):
        at.without(getattr(action, field) is not None and not templates, field, message)
    at.without(bool(action.roles) and action.of != ACCOUNT, "roles", "only an account has members")
    about = {action.of, ACCOUNT} if action.of == ACCOUNT else {action.of, ACCOUNT, PERSON}
    kinds: dict[str, tuple[str | None, Mapping[str, Any]]]
    kinds = {"task": (action.task, workspace.tasks), "playbook": (action.playbook, workspace.playbooks)}
    for field, (name, table) in kinds.items():
        if name is not None and at.known(field, field, name, table) and table[name].of not in about:
            wrong = f"{field} `{name}` is about {table[name].of}, and the action about {action.of}"
            at.error(field, "wrong_subject", wrong)
    for field in ("wait", "ttl", "expires"):
        at.duration(field, getattr(action, field))
    at.condition("when", action.when, action.of)
    at.doubt("when", action.when, action.of, if_never="nobody may get it")
    at.number("cost", action.cost, 0, NUMBER_MAGNITUDE_MAX)
    for field in ("person", "all", "budget"):
        at.limit(("limits", field), getattr(action.limits, field))
    free = action.limits.budget is not None and not action.cost
    at.without(free, ("limits", "budget"), "what costs nothing needs no budget", "give it a `cost`")
    purpose(at, action)


__all__ = ["audit_actions"]

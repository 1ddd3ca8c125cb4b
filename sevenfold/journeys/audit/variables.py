"""Whether templates get what they speak of from the journeys and broadcasts that use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...messages.templates import Template
from ..plan import Journey, OnBusinessEvent, OnCall, OnEvent
from ..steps.message import Message
from ..steps.webhook import Webhook
from .fields import Desk, Fields, Place
from .graph import StepGraph
from .step import StepFields

if TYPE_CHECKING:
    from ...messages.variables import Use

Uses = Mapping[str, Iterable["Use"]]
"""The names each template reads."""


def audit_variables(desk: Desk, uses: Uses, only: str | None = None) -> None:
    """Reports what templates need and a journey's step or a broadcast does not give."""
    for name, journey in desk.workspace.journeys.items():
        if only not in (None, name):
            continue
        graph = StepGraph(journey, bank=desk.workspace.actions)
        for step_id, step in graph.steps.items():
            origin = graph.origin[step_id]
            whole = step is not journey.steps[origin]
            at = StepFields(desk, name, journey, origin, step, whole=whole)
            if isinstance(step, Message):
                for index, template in enumerate(step.templates()):
                    place: Place = "template" if isinstance(step.template, str) else ("template", index)
                    given = _Given(_brings(journey), step.data, step.offer is not None)
                    _template(at, place, template, uses, given)
            elif isinstance(step, Webhook) and step.template is not None:
                _template(at, "template", step.template, uses, _Given(_brings(journey), {}, False))
    if only is None:
        for name, broadcast in desk.workspace.broadcasts.items():
            fields = Fields(desk, ("broadcasts", name), broadcast)
            given = _Given("never", broadcast.data, False)
            for place, template in _of_broadcast(broadcast):
                _template(fields, place, template, uses, given)


class _Given:
    """What a message can show besides facts of people: the event (always, sometimes, never), data, a code."""

    def __init__(self, event: str, data: Mapping[str, Any], offer: bool) -> None:
        self.event, self.data, self.offer = event, data, offer


def _brings(journey: Journey) -> str:
    brings = [isinstance(trigger, OnEvent | OnBusinessEvent | OnCall) for trigger in journey.triggers]
    return "always" if all(brings) else "sometimes" if any(brings) else "never"


def _of_broadcast(broadcast: Any) -> Iterable[tuple[Place, str]]:
    if broadcast.template is not None:
        yield "template", broadcast.template
    if broadcast.resend is not None:
        yield "resend", broadcast.resend
    for name in broadcast.variants:
        yield ("variants", name), name


def _template(at: Fields, place: Place, name: str, uses: Uses, given: _Given) -> None:
    template = at.workspace.templates.get(name)
    if template is None:
        return
    told = set()
    for use in uses.get(name, ()):
        root, *rest = use.name
        if not use.needed or _default(template, use.dotted) or use.dotted in told:
            continue
        told.add(use.dotted)
        if root == "event":
            _event(at, place, name, use.dotted, given.event)
        elif root == "offer" and not given.offer:
            message = f"`{name}` shows `{use.dotted}`, and no pool of offers is named here"
            at.error(place, "unknown_name", message, "add `offer: POOL`, or a `default` in the template")
        elif (root == "step" and rest and rest[0] not in given.data) or (
            root in template.variables and root not in given.data
        ):
            key = rest[0] if root == "step" else root
            message = f"`{name}` shows `{use.dotted}`, and `data` does not give it here"
            fix = f"add `data: {{{key}: ...}}`, or a default in the template"
            at.error(place, "unknown_name", message, fix)


def _event(at: Fields, place: Place, name: str, dotted: str, brings: str) -> None:
    fix = "use a fact of the person, or give it a `default` in the template"
    if brings == "never":
        message = f"`{name}` shows `{dotted}`, and nothing here begins with an event"
        at.error(place, "unknown_name", message, fix)
    elif brings == "sometimes":
        message = f"`{name}` shows `{dotted}`, and some triggers of this journey bring no event"
        at.warning(place, "never_known", message, fix)


def _default(template: Template, dotted: str) -> bool:
    variable = template.variables.get(dotted) or template.variables.get(dotted.partition(".")[0])
    return variable is not None and variable.default is not None

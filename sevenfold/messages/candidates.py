"""What is fixed about the templates of a message step, worked out when the journey is compiled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .cases import Candidate
from .ledger import Kind
from .templates import texts_of, version_of

if TYPE_CHECKING:
    from ..journeys.compiled import StepSite
    from ..journeys.steps.base import StepBase
    from ..journeys.steps.message import Message
    from ..workspace.models import Workspace
    from .desk import Messages

_EVENT = re.compile(r"""\bevent(?:\.(\w+)|\[\s*["']([^"']+)["']\s*\])""")
"""Where a template speaks of the event that started the run."""


def candidate(desk: Messages, model: Message, site: StepSite, name: str) -> Candidate:
    """One template of a step: what it is, and what of the policy concerns it.

    The category is the template's, else the step's, else the journey's; topic and intent the step's, else the
    template's, else the journey's.
    """
    journey, workspace, rules = site.plan.model, desk.fold.workspace, desk.rules
    template = workspace.templates.get(name)
    channel = desk.channels.of_template(template.channel) if template else desk.channels.all[0]
    kind = Kind(
        site.journey,
        site.step,
        name,
        channel.name,
        (template.category if template else None) or model.category or journey.category,
        model.topic or (template.topic if template else None) or journey.topic,
        model.intent or (template.intent if template else None) or journey.intent,
        tuple(dict.fromkeys([*model.tags, *journey.tags])),
        bool(template and template.transactional),
    )
    caps = rules.caps_over(kind)
    return Candidate(
        template=name,
        channel=channel,
        purpose=desk.consents.purpose(kind.category, channel),
        kind=kind,
        version=version_of(name, template, workspace.partials, channel.kind).digest if template else "",
        deliverable=template is not None,
        transactional=kind.transactional,
        guards=rules.guards(kind),
        caps=caps,
        least=min((cap.least for cap in caps), default=0),
        quiet=[entry for entry in rules.quiet if entry.covers(kind)],
        once_per=rules.once_per(kind.topic),
        conflicts=rules.conflicts.get(kind.intent, {}) if kind.intent else {},
        gap=rules.gap,
        holdout=model.holdout,
        on_cap=model.on_cap,
        on_quiet=model.quiet_hours or journey.quiet_hours,
    )


def spoken_of(workspace: Workspace, step: StepBase) -> set[str]:
    """Properties of the event that started the run in the templates of a message or webhook."""
    named = getattr(step, "template", None)
    found: set[str] = set()
    for name in [named] if isinstance(named, str) else named or ():
        template = workspace.templates.get(name)
        if template is not None:
            version = version_of(name, template, workspace.partials)
            for text in (*texts_of(template), *version.partials.values()):
                found.update(one or other for one, other in _EVENT.findall(text))
    return found


__all__ = ["candidate", "spoken_of"]

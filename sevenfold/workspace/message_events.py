"""Events that tell what became of a message: ``$message OUTCOME`` and ``$message OUTCOME TEMPLATE``."""

from __future__ import annotations

from collections.abc import Iterable

from ..journeys.steps.message import OUTCOMES
from .problems import likely

WORD = "$message"


def fault_of(event: str, templates: Iterable[str]) -> tuple[str, str] | None:
    """What is wrong with such a name and the likely fix; None when nothing is, or it is another event's name.

    A name that ends with ``*`` stands for every name that begins like it.
    """
    word, _, rest = event.partition(" ")
    if word.rstrip("*") != WORD or (word != WORD and rest):
        return None
    outcome, blank, template = rest.partition(" ")
    if event.endswith("*") and not blank:
        return None
    if outcome not in OUTCOMES:
        fix = likely(outcome, OUTCOMES) or f"one of {', '.join(OUTCOMES)}"
        return f"unknown outcome `{outcome}` of a message", fix
    known = list(templates)
    if blank and not template.endswith("*") and template not in known:
        return f"unknown template `{template}`", likely(template, known)
    return None

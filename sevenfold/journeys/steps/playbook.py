"""`kind: playbook`: an ordered checklist is opened for the subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...workspace.base import ACCOUNT, PERSON
from ..evidence import event_properties, names_in
from .base import Logic, Move, Run, Site, StepBase, StepKind

if TYPE_CHECKING:
    from ..audit.step import StepFields


class OpenPlaybook(StepBase, tag="playbook", frozen=True, kw_only=True):
    """Opens the workspace's playbook ``playbook`` for the journey's subject (or the account or person it
    belongs to, as the playbook's ``of`` says). One that is open is joined, one closed not long ago is
    opened again. ``reason`` may name values in braces. The run goes on.
    """

    playbook: str
    reason: str = ""

    def audit(self, at: StepFields) -> None:
        for name in names_in(self.reason):
            at.shown("reason", name, at.of, at.knows_event)
        if not at.known("playbook", "playbook", self.playbook, at.workspace.playbooks):
            return
        of = at.workspace.playbooks[self.playbook].of
        about = {at.of, ACCOUNT} if at.of == ACCOUNT else {at.of, ACCOUNT, PERSON}
        if of not in about:
            message = f"playbook `{self.playbook}` is about {of}, and this journey is of {at.of}"
            at.error("playbook", "wrong_subject", message, f"use a playbook with `of: {at.of}`")

    def reads(self) -> Iterable[str]:
        return event_properties(names_in(self.reason))


class PlaybookLogic(Logic):
    """Ghosts open nothing."""

    def __init__(self, model: OpenPlaybook, site: Site) -> None:
        super().__init__(model, site)
        self._playbooks: Any = site.service("playbooks")
        self._playbooks.model(model.playbook)

    def enter(self, run: Run) -> Move:
        model, playbooks, unit = self.model, self._playbooks, run.plan.unit
        reason = playbooks.tasks.evidence.render(unit, run.row, model.reason, run.all_properties(), {})
        if run.ghost:
            run.tell("would_playbook", self.site.journey, playbook=model.playbook, reason=reason)
            outcome = "would_playbook"
        else:
            slot = run.slot
            about, row = playbooks.about(playbooks.model(model.playbook).of, unit, run.row)
            told = {"journey": self.site.journey, "run": run.id, "step": run.step, "visit": run.visit}
            playbooks.open(model.playbook, about, row, reason, told)
            # Its messages are runs of their own, at which the view has looked meanwhile.
            playbooks.runtime.view.at(slot)
            outcome = "opened"
        run.tell("step", self.site.journey, outcome=outcome)
        return self.following


KIND = StepKind(OpenPlaybook, PlaybookLogic, "Playbook")

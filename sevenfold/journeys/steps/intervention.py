"""`kind: intervention`: three layers against a stall or decline, each only if the one before did not help.

A block: it writes itself out into messages, waits, a branch and a task before anything else, so that
everything that knows those steps (audit, reports, migration) knows it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ...profiles.expressions import ExpressionError, parse_duration
from ...workspace.base import Condition, Model
from ..evidence import names_in
from .base import Logic, StepBase, StepKind
from .branch import Branch, BranchPath
from .message import Message, Recipients
from .task import Task
from .wait import Wait, WaitPath

if TYPE_CHECKING:
    from ..audit.step import StepFields
    from ..choice_plan import Action


class FirstLayer(Model, frozen=True, kw_only=True):
    """A message about exactly what stalled, and how long it may take to help. An account's goes ``to`` some
    of its members.
    """

    template: str | list[str]
    to: Recipients | None = None
    within: str = "48h"


class SecondLayer(Model, frozen=True, kw_only=True):
    """In the product, when the subject is next there: waits for the next session at most ``wait``, then
    gives it ``within`` to help. An account has no sessions: what is shown ``to`` its members lies ready for
    ``wait`` and ``within`` together.
    """

    template: str | list[str]
    to: Recipients | None = None
    wait: str = "7d"
    within: str = "24h"


class ThirdLayer(Model, frozen=True, kw_only=True):
    """A human, for those who are worth it (``when``), and how long the outcome is waited for."""

    task: str
    when: Condition | None = None
    reason: str = ""
    evidence: list[str] = []
    within: str = "14d"


class Intervention(StepBase, tag="intervention", frozen=True, kw_only=True):
    """Three layers: a ``message``, something ``in_app`` at the next session, a ``human``; each only if the
    subject has not ``recovered`` in the time of the one before. On recovery the run goes to ``saved``
    (default: the next step), after the last layer without it to ``lost`` (default: the next step). Any
    layer may be left out.
    """

    recovered: Condition
    message: FirstLayer | None = None
    in_app: SecondLayer | None = None
    human: ThirdLayer | None = None
    saved: str | None = None
    lost: str | None = None

    def targets(self) -> Iterable[tuple[str, str]]:
        return ((field, step) for field in ("saved", "lost") if (step := getattr(self, field)) is not None)

    def watched(self) -> Iterable[tuple[str, Condition]]:
        yield "recovered", self.recovered

    def asked(self) -> Iterable[tuple[str, Condition]]:
        if self.human is not None and self.human.when is not None:
            yield "human.when", self.human.when

    def waits(self) -> bool:
        return True

    def audit(self, at: StepFields) -> None:
        layers = {"message": self.message, "in_app": self.in_app, "human": self.human}
        if not any(layers.values()):
            at.error(
                (), "missing_field", "an intervention without any layer", "add `message`, `in_app` or `human`"
            )
        for layer, given in layers.items():
            for field in ("wait", "within"):
                at.duration((layer, field), getattr(given, field, None))
            for place, name in _templates(layer, given):
                at.known(place, "template", name, at.workspace.templates)
        if self.human is not None:
            at.known(("human", "task"), "task", self.human.task, at.workspace.tasks)
            for index, name in enumerate(self.human.evidence):
                at.shown(("human", "evidence", index), name, at.of, at.knows_event)
            for name in names_in(self.human.reason):
                at.shown(("human", "reason"), name, at.of, at.knows_event)

    def expand(
        self, step_id: str, following: str, bank: Mapping[str, Action] | None = None
    ) -> dict[str, StepBase]:
        """`ID` (is it needed at all?), `ID.message`, `ID.helped`, `ID.session`, ... in the order of the
        layers.
        """
        saved, lost = self.saved or following, self.lost or following
        recovered = WaitPath(when=self.recovered, go=saved, name="recovered")
        worth = f"{step_id}.worth" if self.human is not None and self.human.when is not None else ""
        human = lost if self.human is None else worth or f"{step_id}.task"
        in_app = human
        if self.in_app is not None:
            in_app = f"{step_id}.session" if self.in_app.to is None else f"{step_id}.in_app"
        first = in_app if self.message is None else f"{step_id}.message"
        made: dict[str, StepBase] = {
            step_id: Branch(paths=[BranchPath(when=self.recovered, go=saved, name="recovered")], else_=first)
        }
        if self.message is not None:
            made[f"{step_id}.message"] = Message(template=self.message.template, to=self.message.to)
            made[f"{step_id}.helped"] = Wait(
                paths=[recovered], timeout=self.message.within, on_timeout=in_app
            )
        if self.in_app is not None and self.in_app.to is not None:
            made[f"{step_id}.in_app"] = Message(
                template=self.in_app.template, to=self.in_app.to, expires=_both(self.in_app)
            )
            made[f"{step_id}.helped_in_app"] = Wait(
                paths=[recovered], timeout=_both(self.in_app), on_timeout=human
            )
        elif self.in_app is not None:
            # Somebody who does not come back sees nothing in the product: the next layer is due.
            made[f"{step_id}.session"] = Wait(
                session=True, paths=[recovered], timeout=self.in_app.wait, on_timeout=human
            )
            # What was not seen by then is taken back: the next layer is due.
            made[f"{step_id}.in_app"] = Message(template=self.in_app.template, expires=self.in_app.within)
            made[f"{step_id}.helped_in_app"] = Wait(
                paths=[recovered], timeout=self.in_app.within, on_timeout=human
            )
        if self.human is not None:
            if self.human.when is not None:
                paths = [BranchPath(when=self.human.when, go=f"{step_id}.task", name="worth a human")]
                made[worth] = Branch(paths=paths, else_=lost)
            made[f"{step_id}.task"] = Task(
                task=self.human.task, reason=self.human.reason or step_id, evidence=self.human.evidence
            )
            made[f"{step_id}.helped_by_human"] = Wait(
                paths=[recovered], timeout=self.human.within, on_timeout=lost
            )
        return made


def _both(layer: SecondLayer) -> str:
    """The time to come back and the time to help, as one duration; empty where one of them is none."""
    try:
        return f"{(parse_duration(layer.wait) + parse_duration(layer.within)) // 1_000}s"
    except ExpressionError:
        return ""


def _templates(layer: str, given: Model | None) -> Iterable[tuple[tuple[str | int, ...], str]]:
    """The templates of a layer, each with its place in the step."""
    template = getattr(given, "template", [])
    if isinstance(template, str):
        yield (layer, "template"), template
    else:
        yield from (((layer, "template", index), name) for index, name in enumerate(template))


KIND = StepKind(Intervention, Logic, "Three layers")

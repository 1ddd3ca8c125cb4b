"""`kind: branch`: the first path in written order whose condition is true."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ...workspace.base import Condition, Model
from .base import Logic, Move, Run, Site, StepBase, StepKind


class BranchPath(Model, frozen=True, kw_only=True):
    """One way out of a branch. ``unknown: true`` takes it also when the condition is unknown."""

    when: Condition
    go: str
    name: str = ""
    unknown: bool = False


class Branch(StepBase, tag="branch", frozen=True, kw_only=True):
    """Goes the first path whose condition is true. Unknown is not true, unless the path says so.
    ``else`` is the way when none is (default: the step after).
    """

    paths: list[BranchPath]
    else_: str | None = msgspec.field(default=None, name="else")

    def targets(self) -> Iterable[tuple[str, str]]:
        for place, path in enumerate(self.paths):
            yield f"paths.{place}.go", path.go
        if self.else_ is not None:
            yield "else", self.else_

    def asked(self) -> Iterable[tuple[str, Condition]]:
        return ((f"paths.{place}.when", path.when) for place, path in enumerate(self.paths))

    def falls_through(self) -> bool:
        return self.else_ is None


class BranchLogic(Logic):
    """First match wins; the trace says which path was taken and why."""

    def __init__(self, model: Branch, site: Site) -> None:
        super().__init__(model, site)
        self._otherwise = site.target(model.else_) if model.else_ is not None else self.following
        self._paths = [
            (
                site.asks(p.when),
                site.asks_unknown(p.when) if p.unknown else None,
                site.target(p.go),
                p.name or p.go,
            )
            for p in model.paths
        ]

    def enter(self, run: Run) -> Move:
        for holds, unknown, target, name in self._paths:
            if holds(run) or (unknown is not None and unknown(run)):
                run.tell("step", self.site.journey, outcome=name)
                return target
        run.tell("step", self.site.journey, outcome="else")
        return self._otherwise


KIND = StepKind(Branch, BranchLogic, "Branch")

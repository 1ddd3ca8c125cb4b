"""`kind: branch`: the first path in written order whose condition is true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from ...limits import JOURNEY_RULES_ITEMS_MAX
from ...workspace.base import Condition, Model
from ..proof import always, implies, never
from .base import Logic, Move, Run, Site, StepBase, StepKind

if TYPE_CHECKING:
    from ..audit.step import StepFields


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

    def audit(self, at: StepFields) -> None:
        if not 0 < len(self.paths) <= JOURNEY_RULES_ITEMS_MAX:
            fix = f"from 1 to {JOURNEY_RULES_ITEMS_MAX}; the rest is `else`"
            at.error("paths", "wrong_value", f"a branch has {len(self.paths)} paths", fix)
        trees = [at.tree(path.when) for path in self.paths]
        sure = len(self.paths)
        for index, (path, tree) in enumerate(zip(self.paths, trees, strict=True)):
            if tree is None:
                continue
            if never(tree, at.counts) and not path.unknown:
                message = "this can never be true, so nobody takes the path"
                at.warning(("paths", index, "when"), "unreachable", message, "remove the path, or correct it")
            for before in range(index):
                earlier = trees[before]
                taken = earlier is not None and implies(tree, earlier)
                if sure < index or (taken and (not path.unknown or self.paths[before].unknown)):
                    message = f"whoever could take this path takes path {min(before, sure) + 1} before"
                    fix = "put it first, or remove it"
                    at.warning(("paths", index), "unreachable", message, fix)
                    break
            if always(tree, at.counts):
                sure = min(sure, index)
        if sure < len(self.paths) and self.else_ is not None:
            message = f"path {sure + 1} is always taken, so `else` never is"
            at.warning("else", "unreachable", message)


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

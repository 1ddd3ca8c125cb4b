"""`kind: split`: a random share of subjects goes each way, the same way each time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ...workspace.base import Model
from .base import Logic, StepBase, StepKind


class SplitPath(Model, frozen=True, kw_only=True):
    """One way out, with its share in per cent (all shares add up to 100)."""

    share: float
    go: str | None = None


class Split(StepBase, tag="split", frozen=True, kw_only=True):
    """Sends each subject one way by ``hash(salt, unit) mod 10000``. ``unit: account`` keeps an
    account's members together. ``again: redraw`` draws anew for each run. Changed shares move
    the fewest subjects. ``salt`` defaults to the journey and step.
    """

    paths: dict[str, SplitPath]
    unit: Literal["subject", "person", "account"] = "subject"
    salt: str | None = None
    again: Literal["sticky", "redraw"] = "sticky"

    def targets(self) -> Iterable[tuple[str, str]]:
        return ((f"paths.{name}.go", path.go) for name, path in self.paths.items() if path.go is not None)

    def falls_through(self) -> bool:
        return any(path.go is None for path in self.paths.values())


class SplitLogic(Logic):
    """Sticky assignment; the trace carries the variant and its probability."""


KIND = StepKind(Split, SplitLogic, "Split")

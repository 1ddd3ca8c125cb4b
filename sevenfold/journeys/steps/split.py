"""`kind: split`: a random share of subjects goes each way, the same way each time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from ...limits import JOURNEY_RULES_ITEMS_MAX
from ...messages.holdouts import draw
from ...workspace.base import Model
from .base import Logic, Move, Run, Site, StepBase, StepKind

if TYPE_CHECKING:
    from ..audit.step import StepFields


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

    def audit(self, at: StepFields) -> None:
        if not 1 < len(self.paths) <= JOURNEY_RULES_ITEMS_MAX:
            fix = f"from 2 to {JOURNEY_RULES_ITEMS_MAX}"
            at.error("paths", "wrong_value", f"a split has {len(self.paths)} paths", fix)
        places = [at.share(("paths", name, "share"), path.share) for name, path in self.paths.items()]
        held = [place for place in places if place is not None]
        if len(held) == len(places) and places and sum(held) != 10_000:
            fix = f"{abs(10_000 - sum(held)) / 100:g} too {'much' if sum(held) > 10_000 else 'little'}"
            at.error("paths", "wrong_value", f"the shares add up to {sum(held) / 100:g}, not to 100", fix)
        if self.unit == "person" and at.of == "account":
            message = "an account's journey is about no single person"
            at.error("unit", "wrong_subject", message, "`subject` or `account`")
        at.without(self.salt == "", "salt", "an empty salt is none", "leave it out, or give it a text")


class SplitLogic(Logic):
    """Sticky assignment; the trace carries the variant, its place and its share."""

    def __init__(self, model: Split, site: Site) -> None:
        super().__init__(model, site)
        self._salt = model.salt or f"{site.journey}/{site.step}"
        self._names = list(model.paths)
        self._targets = [
            site.target(path.go) if path.go is not None else self.following for path in model.paths.values()
        ]
        shares = {name: round(path.share * 100) for name, path in model.paths.items()}
        self._table = site.plan.journeys.splits.table(self._salt, shares)

    def path_of(self, unit: str) -> str:
        """The path that a unit is drawn into, whichever run asks; "" when every run draws anew."""
        model: Split = self.model
        return self._names[self._table[draw(self._salt, unit)]] if model.again == "sticky" else ""

    def enter(self, run: Run) -> Move:
        model: Split = self.model
        unit = run.unit_id(account=model.unit == "account")
        place = draw(self._salt, unit if model.again == "sticky" else f"{unit} {run.id}")
        chosen = self._table[place]
        name = self._names[chosen]
        share = model.paths[name].share
        run.tell("step", self.site.journey, outcome=name, place=place, share=share, split=self._salt)
        return self._targets[chosen]


KIND = StepKind(Split, SplitLogic, "Split")

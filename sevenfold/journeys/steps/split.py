"""`kind: split`: a random share of subjects goes each way, the same way each time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from ...learning.bandits import MILLION, drawn
from ...limits import JOURNEY_RULES_ITEMS_MAX
from ...messages.holdouts import draw
from ...workspace.base import Model
from ..choice_plan import Learn, audit_learn
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

    ``by: bandit`` learns which way is best (``learn``), beginning with the shares as written: each run draws
    by the present shares, which move as far as the journey's ``autonomy`` allows.
    """

    paths: dict[str, SplitPath]
    unit: Literal["subject", "person", "account"] = "subject"
    salt: str | None = None
    again: Literal["sticky", "redraw"] = "sticky"
    by: Literal["share", "bandit"] = "share"
    learn: Learn | None = None

    @property
    def learning(self) -> Learn:
        """How a bandit learns."""
        return self.learn or Learn()

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
        bandit = self.by == "bandit"
        message = "only a split `by: bandit` learns"
        at.without(self.learn is not None and not bandit, "learn", message, "write `by: bandit`")
        if bandit:
            message = "a bandit draws for each run, by what is known then"
            sticky = self.salt is not None or self.unit != "subject" or self.again != "sticky"
            at.without(sticky, (), message, "leave `salt`, `unit` and `again` out")
            audit_learn(at, self.learning, list(self.paths))


class SplitLogic(Logic):
    """Sticky assignment; the trace carries the variant, its place and its share."""

    def __init__(self, model: Split, site: Site) -> None:
        super().__init__(model, site)
        self._salt = model.salt or f"{site.journey}/{site.step}"
        self._names = list(model.paths)
        self._targets = [
            site.target(path.go) if path.go is not None else self.following for path in model.paths.values()
        ]
        self._bandit: Bandit | None = None
        self._table = b""
        if model.by == "bandit":
            self._bandit = Bandit(site, tuple(self._names))
        else:
            shares = {name: round(path.share * 100) for name, path in model.paths.items()}
            self._table = site.plan.journeys.splits.table(self._salt, shares)

    def path_of(self, unit: str) -> str:
        """The path that a unit is drawn into, whichever run asks; "" when every run draws anew."""
        model: Split = self.model
        if model.again != "sticky" or self._bandit is not None:
            return ""
        return self._names[self._table[draw(self._salt, unit)]]

    def enter(self, run: Run) -> Move:
        model: Split = self.model
        if self._bandit is not None:
            chosen, place, per_cent = self._bandit.choose(run)
            told = {"outcome": self._names[chosen], "place": place, "share": per_cent, "places": MILLION}
        else:
            unit = run.unit_id(account=model.unit == "account")
            place = draw(self._salt, unit if model.again == "sticky" else f"{unit} {run.id}")
            chosen = self._table[place]
            name = self._names[chosen]
            told = {"outcome": name, "place": place, "share": model.paths[name].share}
        run.tell("step", self.site.journey, **told, split=self._salt)
        return self._targets[chosen]


class Bandit:
    """The learned half of a split: `journeys.choices` keeps what is known of it."""

    def __init__(self, site: Site, names: tuple[str, ...]) -> None:
        self._choices: Any = site.service("choices")
        self._policy = self._choices.policies[f"{site.journey}/{site.step}"]
        self._names = names

    def choose(self, run: Run) -> tuple[int, int, float]:
        """(place of the path, the draw of a million, the path's share in per cent), logged."""
        policy, names = self._policy, self._names
        shares, ends = policy.shares(names)
        place = self._choices.place(run, policy)
        chosen = drawn(ends, place)
        halted = policy.state.halted
        told = {"context": {}, "chosen": names[chosen], "place": place}
        told["actions"] = {name: "halted" if name in halted else "allowed" for name in names}
        told["propensities"] = dict(zip(names, shares, strict=True))
        self._choices.took(run, policy, told)
        return chosen, place, shares[chosen] / 10_000


KIND = StepKind(Split, SplitLogic, "Split")

"""What is to be foretold: a prediction of the workspace as learning sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ..profiles.expressions import parse_duration
from ..workspace import models as m

Kind = Literal["probability", "amount", "time_to"]
DAY_MS: Final = 86_400_000
HIDDEN: Final = "learning of "
"""How the names of objects begin that learning adds to a workspace for itself; a blank keeps them apart."""
STAGE_TIME: Final = f"{HIDDEN}stage "
"""And those of the clocks since a stage of a lifecycle was entered."""


@dataclass(frozen=True)
class Fallback:
    """A score of 0 to 100 that stands in for a model. `falling`: a low score foretells the target."""

    score: str
    falling: bool = False


@dataclass(frozen=True)
class Asked:
    """One prediction: whom it is about, what counts as having come true, and from what it is told.

    `target` are names of events, narrowed by `where`; or `becomes`, a condition that turns true. `horizon_ms`
    is how far ahead; `retrain_ms` how often, in engine time.
    """

    name: str
    of: str
    target: tuple[str, ...]
    horizon_ms: int
    where: m.Condition | None = None
    becomes: m.Condition | None = None
    population: m.Condition | None = None
    features: tuple[str, ...] = ()
    """Names as in conditions; none means all numeric signals, scores, stages and how long they have lasted.
    """
    excluded: tuple[str, ...] = ()
    kind: Kind = "probability"
    amount: str = ""
    """The property of the target that holds the amount."""
    minimum_outcomes: int = 50
    fallback: Fallback | None = None
    retrain_ms: int = 7 * DAY_MS
    rescore_ms: int = DAY_MS

    @property
    def events(self) -> tuple[str, ...]:
        """The stream of the target; of a condition, the entries to its segment."""
        return self.target if self.becomes is None else (f"$segment {self.label('becomes')}",)

    @property
    def standing(self) -> tuple[str, str] | None:
        """(lifecycle, stage) where the target is entering a stage: whoever stands there is no case."""
        if len(self.target) != 1 or not self.target[0].startswith("$stage "):
            return None
        lifecycle, _, stage = self.target[0].removeprefix("$stage ").partition("/")
        return lifecycle, stage

    def label(self, what: str) -> str:
        """The name of an object that learning adds for this prediction."""
        return f"{HIDDEN}{self.name} {what}"


def asked_of(workspace: m.Workspace) -> list[Asked]:
    """The predictions of a workspace, in written order."""
    return [_asked(name, one) for name, one in workspace.predictions.items()]


def _asked(name: str, one: m.Prediction) -> Asked:
    event = one.target.event
    return Asked(
        name=name,
        of=one.of,
        target=() if event is None else (event,) if isinstance(event, str) else tuple(event),
        horizon_ms=parse_duration(one.horizon),
        where=one.target.where,
        becomes=one.target.when,
        population=one.population,
        features=tuple(one.features or ()),
        excluded=one.excluded,
        kind=one.kind,
        amount=one.target.property or "",
        minimum_outcomes=one.minimum_outcomes,
        fallback=None if one.fallback is None else Fallback(one.fallback.score, one.fallback.falling),
        retrain_ms=parse_duration(one.retrain),
        rescore_ms=parse_duration(one.rescore),
    )

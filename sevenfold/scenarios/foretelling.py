"""What a scenario foretells of somebody: the records that a model and its values would be in a log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from sevenfold.learning.records import PredictionModel, record_of, score_records, version_of
from sevenfold.scenarios.timeline import ScenarioError, Step, moment
from sevenfold.workspace.problems import likely

if TYPE_CHECKING:
    from sevenfold.scenarios.world import World

VERSION: Final = version_of("a scenario")
"""The model of every prediction in scenarios: what it would say is written there."""


def foretelling(world: World, step: Step) -> Iterator[dict[str, Any]]:
    """Control records that give a subject its values; before the first of a prediction its model. Raises
    UnknownSubjectError, and ScenarioError for a value that is none.
    """
    fold = world.fold
    ident, _ = world.subject(step.of, step.subject)
    for name, value in (step.predictions or {}).items():
        declared = fold.workspace.predictions
        if name not in declared or declared[name].of != step.of:
            mine = [label for label, one in declared.items() if one.of == step.of]
            fix = likely(name, mine) or f"there are {', '.join(mine) or 'none'}"
            where = f"{world.scenario.file}:{step.line}"
            raise ScenarioError(f"there is no prediction `{name}` of a {step.of}", where=where, fix=fix)
        kind = declared[name].kind
        if name not in fold.predictions:
            yield record_of(
                PredictionModel(
                    prediction=name,
                    version=VERSION,
                    trained_at=step.time_ms,
                    as_of=step.time_ms,
                    kind=kind,
                    features=["what the scenario says"],
                )
            )
        yield from score_records(name, VERSION, step.time_ms, [ident], [_units(world, step, kind, value)])


def _units(world: World, step: Step, kind: str, value: Any) -> int | None:
    if value is None:
        return None
    if kind == "time_to":
        return moment(value, world.scenario.start_ms, step.time_ms)
    return round(float(value) * 1_000_000)


__all__ = ["VERSION", "foretelling"]

"""Predictions of the engine against the reference fold, and against themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sevenfold.carry import carry
from sevenfold.effects import Effect, subject_id
from sevenfold.engine import Fold, predictions
from sevenfold.learning.records import PredictionModel, record_of, score_records
from sevenfold.workspace.models import Workspace
from tests.oracle.fold import ReferenceFold

from . import test_journeys as with_journeys
from .journey_strategies import START, Record, journey_workspaces
from .journey_strategies import records as journey_records
from .running import AFTER, state, told
from .strategies import Step, streams, workspaces
from .workspaces import Draw

VERSION = "0123456789abcdef"
VALUES: dict[str, list[int | None]] = {
    "probability": [0, 299_999, 300_000, 700_000, 700_000, 1_000_000, None],
    "amount": [-5, 300_000, 700_001, 12_000_000, None],
    "time_to": [1_728_000_000_000, 1_728_090_000_000, 1_729_000_000_000, None],
}


@dataclass(frozen=True)
class Told:
    """A step of a stream, or a control record at engine time `t`."""

    t: int
    step: Step | None = None
    control: dict[str, Any] | None = None


def _scores(draw: Draw, name: str, of: str, kind: str, t: int) -> dict[str, Any]:
    """Values of some of those who were created first, nobody among them; often of somebody twice over."""
    numbers = draw(st.lists(st.integers(1, 14), min_size=1, max_size=12))
    ids = [subject_id(of, number) for number in numbers]
    values = [draw(st.sampled_from(VALUES[kind])) for _ in ids]
    as_of = t - draw(st.sampled_from([0, 0, 1, 3_600_000, 86_400_000]))
    (record,) = score_records(name, VERSION, as_of, ids, values)
    return record


def _model(name: str, kind: Any) -> dict[str, Any]:
    model = PredictionModel(
        prediction=name, version=VERSION, trained_at=0, as_of=0, kind=kind, features=["n"]
    )
    return record_of(model)


@st.composite
def told_streams(draw: Draw, workspace: Workspace) -> list[Told]:
    """A stream of events in which values of predictions come in between, their models first."""
    steps = draw(streams(most=25))
    found = [Told(steps[0].t, control=_model(name, one.kind)) for name, one in workspace.predictions.items()]
    for step in steps:
        found.append(Told(step.t, step))
        if draw(st.integers(0, 2)) == 0:
            name = draw(st.sampled_from(sorted(workspace.predictions)))
            one = workspace.predictions[name]
            found.append(Told(step.t, control=_scores(draw, name, one.of, one.kind, step.t)))
    return found


@st.composite
def foretold(draw: Draw) -> tuple[Workspace, list[Told]]:
    workspace = draw(workspaces(foretold=True))
    return workspace, draw(told_streams(workspace))


def run(fold: Fold, stream: Iterable[Told], size: int = 1) -> list[Effect]:
    effects: list[Effect] = []
    batch: list[tuple[int, bytes]] = []
    for one in stream:
        plain = one.step is not None and one.step.event is not None
        if not plain or len(batch) == size:
            effects += fold.events(batch)
            batch = []
        if one.control is not None:
            effects += fold.control(one.t, one.control)
        elif not plain:
            effects += fold.advance(one.t)
        else:
            assert one.step is not None
            batch.append((one.t, one.step.raw()))
    return effects + fold.events(batch)


def engine(workspace: Workspace, stream: Sequence[Told], size: int = 1) -> tuple[Fold, list[Effect]]:
    fold = Fold(workspace)
    effects = run(fold, stream, size)
    return fold, effects + fold.advance(stream[-1].t + AFTER)


def reference(workspace: Workspace, stream: Sequence[Told]) -> ReferenceFold:
    fold = ReferenceFold(workspace)
    for one in stream:
        if one.control is not None:
            fold.control(one.t, one.control)
        elif one.step is not None and one.step.event is not None:
            fold.event(one.t, one.step.plain())
        else:
            fold.tick(one.t)
    fold.tick(stream[-1].t + AFTER)
    return fold


def decided(effects: Iterable[Effect]) -> list[tuple[Any, ...]]:
    """Effects but those that say which model is in force."""
    return told(effect for effect in effects if effect.kind != "model")


def shown(fold: Fold | ReferenceFold, workspace: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for of in ("person", "account"):
        subjects = fold.subjects(of)
        found[of] = state(subjects)
        for ident, subject in subjects.items():
            told_ = subject["predictions"].items()
            found[of][ident]["predictions"] = {
                name: (one["value"], one["as_of"]) if isinstance(one, dict) else one for name, one in told_
            }
    return found


def _examples(share: float) -> settings:
    return settings(max_examples=max(1, round(settings().max_examples * share)))


@_examples(0.15)
@given(foretold())
def test_predictions_move_what_the_reference_fold_says(drawn: tuple[Workspace, list[Told]]) -> None:
    workspace, stream = drawn
    expected = reference(workspace, stream)
    fold, effects = engine(workspace, stream)
    assert decided(effects) == decided(expected.effects)
    assert shown(fold, workspace) == shown(expected, workspace)


@_examples(0.07)
@given(foretold(), st.sampled_from([3, 17]), st.integers(0, 40))
def test_neither_batches_nor_a_snapshot_nor_an_equal_workspace_change_what_predictions_do(
    drawn: tuple[Workspace, list[Told]], size: int, cut: int
) -> None:
    workspace, stream = drawn
    fold, effects = engine(workspace, stream)
    batched, same = engine(workspace, stream, size)
    assert told(same) == told(effects)
    first = Fold(workspace)
    pieces = run(first, stream[:cut])
    second = carry(Fold.restore(workspace, first.snapshot()), workspace)
    pieces += run(second, stream[cut:]) + second.advance(stream[-1].t + AFTER)
    assert told(pieces) == told(effects)
    assert shown(second, workspace) == shown(fold, workspace) == shown(batched, workspace)
    assert second.predictions == fold.predictions == batched.predictions


@_examples(0.07)
@given(foretold())
def test_values_written_all_at_once_do_what_they_do_one_by_one(drawn: tuple[Workspace, list[Told]]) -> None:
    workspace, stream = drawn
    fold, effects = engine(workspace, stream)
    wanted, predictions.SINGLY = predictions.SINGLY, True
    try:
        other, singly = engine(workspace, stream)
    finally:
        predictions.SINGLY = wanted
    assert told(singly) == told(effects)
    assert shown(other, workspace) == shown(fold, workspace)
    assert other.predictions == fold.predictions


@st.composite
def journeys_foretold(draw: Draw) -> list[Record]:
    found = [Record(START, control=_model("churn", "probability"))]
    for one in draw(journey_records(most=20)):
        found.append(one)
        if draw(st.integers(0, 2)) == 0:
            scores = _scores(draw, "churn", "person", "probability", one.t)
            found.append(Record(one.t, control=scores))
    return found


@_examples(0.12)
@given(journey_workspaces(), journeys_foretold())
def test_journeys_started_by_predictions_go_as_the_reference_says(
    workspace: Workspace, stream: list[Record]
) -> None:
    engine = [one for one in with_journeys.engine(workspace, stream) if one[1] != "model"]
    assert engine == with_journeys.reference(workspace, stream)

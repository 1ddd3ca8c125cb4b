"""What the packs promise: they load without a complaint, keep to the engine's budget, name their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.workspace import models
from sevenfold.workspace.loading import examine, load

ROOT = Path(__file__).resolve().parents[2]
PACKS = sorted(folder.parent for folder in (ROOT / "packs").glob("*/workspace.yaml"))
EXAMPLES = sorted(folder.parent for folder in (ROOT / "examples/workspaces").glob("*/workspace.yaml"))
PERSON_SIGNALS_MAX = 85
WINDOWED_SIGNALS_PER_BUSY_EVENT_MAX = 6
BUSY_EVENTS = ("Signed In", "Feature Used", "API Called", "Home", "Docs", "Pricing", "Product")
WINDOWED = (
    models.Count, models.Sum, models.Min, models.Max, models.Average, models.Distinct, models.ActiveDays,
    models.Sessions, models.Sequence,
)  # fmt: skip


def label(folder: Path) -> str:
    return folder.name


def events_of(signal: models.Signal) -> list[str]:
    """Names of the events a signal sees."""
    if isinstance(signal, models.Sequence):
        given = [signal.first, signal.then]
    elif isinstance(signal, models.Milestones):
        given = [signal.start, *(step.event for step in signal.steps)]
    elif isinstance(signal, models.StreamSignal):
        given = [signal.event]
    else:
        return []
    return [name for names in given for name in ([names] if isinstance(names, str) else names)]


def windowed(signal: models.Signal) -> bool:
    if isinstance(signal, (models.Baseline, models.Trend)):
        return True
    return isinstance(signal, WINDOWED) and signal.window is not None


@pytest.mark.parametrize("folder", [*PACKS, *EXAMPLES], ids=label)
def test_it_loads_without_errors_or_warnings(folder: Path) -> None:
    assert [str(problem) for problem in examine(folder).problems] == []


@pytest.mark.parametrize("folder", PACKS, ids=label)
def test_it_keeps_few_signals_on_a_person_and_few_windows_on_busy_events(folder: Path) -> None:
    signals = load(folder).signals
    assert sum(signal.of == models.PERSON for signal in signals.values()) <= PERSON_SIGNALS_MAX
    for event in BUSY_EVENTS:
        watching = [n for n, s in signals.items() if windowed(s) and event in events_of(s)]
        assert len(watching) <= WINDOWED_SIGNALS_PER_BUSY_EVENT_MAX, (event, watching)


@pytest.mark.parametrize("folder", PACKS, ids=label)
def test_it_says_where_every_weight_and_point_comes_from(folder: Path) -> None:
    silent = []
    for name, score in load(folder).scores.items():
        silent += [f"{name}: weights {number}" for number, w in enumerate(score.weights) if not w.source]
        silent += [f"{name}.{label}" for label, m in score.measures.items() if m.points and not m.source]
    assert silent == []


@pytest.mark.parametrize("folder", PACKS, ids=label)
def test_its_weights_name_measures_that_exist(folder: Path) -> None:
    for score in load(folder).scores.values():
        for weights in score.weights:
            assert weights.weights.keys() <= score.measures.keys()

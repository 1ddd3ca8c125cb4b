"""Every scenario file, run through the engine's public face: what happened, and where everybody stands."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sevenfold.effects import ENTERED, STAGE, Effect
from sevenfold.engine import Fold
from sevenfold.workspace.loading import load
from tests.scenarios.timeline import Scenario, Step, load_scenario

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted(HERE.glob("*/*.yaml"))
assert FILES, "no scenarios found"


def workspace_folder(scenario: Scenario, scratch: Path) -> Path:
    """The folder to load: the pack or example, or a new folder that extends it by the scenario's `with`."""
    folder = ROOT / (scenario.workspace if "/" in scenario.workspace else f"packs/{scenario.workspace}")
    if not scenario.overlay:
        return folder
    above = {"name": "scenario", "extends": os.path.relpath(folder, scratch), **scenario.overlay}
    (scratch / "workspace.yaml").write_text(yaml.safe_dump(above, sort_keys=False), encoding="utf-8")
    return scratch


class World:
    """A fold that has lived through part of a scenario, and all effects so far."""

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.effects: list[Effect] = []

    def live(self, events: list[tuple[int, bytes]], until_ms: int) -> None:
        self.effects += self.fold.events(events)
        self.effects += self.fold.advance(until_ms)

    def subject(self, of: str, name: str) -> tuple[str, dict[str, Any]]:
        """The one subject of a kind that has the identifier. Fails when there is none."""
        everybody = self.fold.subjects(of).items()
        found = [(k, v) for k, v in everybody if name in _values(v["identifiers"].values())]
        assert len(found) == 1, f"{len(found)} subjects of {of} are known as {name}"
        return found[0]

    def happened(self, kind: str, subject: str) -> list[Effect]:
        return [effect for effect in self.effects if effect.kind == kind and effect.subject == subject]


def _values(held: Iterable[Any]) -> set[str]:
    flat = (one for value in held for one in (value if isinstance(value, (list, tuple, set)) else [value]))
    return {str(one) for one in flat}


def verify(world: World, step: Step) -> None:
    """Compares one subject with what the scenario expects of it now."""
    expected = step.expected or {}
    subject, now = world.subject(expected.get("of", "person"), step.subject)
    wrong = [*_state(expected, now), *_history(expected, world, subject)]
    assert not wrong, f"{step.subject}: " + "; ".join(wrong)


def _state(expected: dict[str, Any], now: dict[str, Any]) -> Iterable[str]:
    for section, key in (("stage", "stages"), ("band", "bands"), ("signals", "signals")):
        for name, value in expected.get(section, {}).items():
            found = now[key].get(name)
            if found != value:
                yield f"{section} {name} is {found!r}, expected {value!r}"
    for name, bounds in expected.get("score", {}).items():
        low, high = (float(part) for part in str(bounds).split(".."))
        found = now["scores"][name]["value"]
        if found is None or not low <= found <= high:
            yield f"score {name} is {found}, expected {bounds}"
    for name in expected.get("in", []):
        if name not in now["segments"]:
            yield f"not in {name} (in {', '.join(sorted(now['segments']))})"
    for name in expected.get("not_in", []):
        if name in now["segments"]:
            yield f"in {name}"
    missing = {str(one) for one in expected.get("identifiers", [])} - _values(now["identifiers"].values())
    if missing:
        yield f"lacks the identifiers {', '.join(sorted(missing))}"


def _history(expected: dict[str, Any], world: World, subject: str) -> Iterable[str]:
    for lifecycle, stages in expected.get("path", {}).items():
        moves = [effect for effect in world.happened(STAGE, subject) if effect.name == lifecycle]
        found = [effect.data["to"] for effect in moves]
        if found != stages:
            yield f"the path through {lifecycle} is {' > '.join(found)}, expected {' > '.join(stages)}"
    entered = {effect.name for effect in world.happened(ENTERED, subject)}
    for name in expected.get("ever_in", []):
        if name not in entered:
            yield f"was never in {name}"
    for name in expected.get("never_in", []):
        if name in entered:
            yield f"was in {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_goes_as_the_scenario_says(path: Path, tmp_path: Path) -> None:
    scenario = load_scenario(path)
    world = World(Fold(load(workspace_folder(scenario, tmp_path))))
    waiting: list[tuple[int, bytes]] = []
    for step in scenario.steps:
        if step.expected is None:
            waiting.append((step.time_ms, step.raw))
            continue
        world.live(waiting, step.time_ms)
        waiting = []
        verify(world, step)

"""Running a scenario: it passes, or says what was expected, what happened instead, and how."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sevenfold.effects import Effect
from sevenfold.engine.controls import ControlError
from sevenfold.playback.delivery import DeliveringFold
from sevenfold.playback.tables import iso
from sevenfold.scenarios.asking import wrong
from sevenfold.scenarios.timeline import DAY_ONE_MS, Scenario, ScenarioError, Step, shown
from sevenfold.scenarios.world import UnknownSubjectError, World
from sevenfold.workspace.exporting import to_yaml
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import PERSON, Workspace


class Failure(Struct):
    """Something that is not as it was expected, and what had been decided about the subject until then."""

    line: int
    time: int
    at: str
    subject: str
    question: str
    expected: str
    happened: str
    trace: list[Effect]


class Report(Struct):
    """What became of one scenario. `checks` is how many questions were asked."""

    title: str
    file: str
    checks: int
    failures: list[Failure]
    start_ms: int = DAY_ONE_MS

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """The report for programs."""
        failures = [
            {
                "line": one.line, "time": iso(one.time), "at": one.at, "subject": one.subject,
                "question": one.question, "expected": one.expected, "happened": one.happened,
                "trace": [
                    {"time": iso(e.time), "kind": e.kind, "name": e.name, "data": e.data} for e in one.trace
                ],
            }
            for one in self.failures
        ]  # fmt: skip
        return {
            "title": self.title, "file": self.file, "passed": self.passed, "checks": self.checks,
            "failures": failures,
        }  # fmt: skip


def run(scenario: Scenario, workspace: Workspace, *, fresh: DeliveringFold | None = None) -> Report:
    """Runs a scenario in virtual time. Raises ScenarioError when a step of it cannot be done.

    `fresh` is a fold of the workspace that has lived nothing yet; without it one is made.
    """
    world = World(workspace, scenario, fresh)
    report = Report(scenario.title, scenario.file, 0, [], scenario.start_ms)
    for step in scenario.steps:
        try:
            if step.expected is None:
                world.live(step)
                continue
            world.pass_to(step.time_ms)
            report.checks += len(step.expected.keys() - {"of"})
            report.failures += _failures(world, step)
        except (UnknownSubjectError, ControlError) as error:
            said = error.message if isinstance(error, ControlError) else str(error)
            raise ScenarioError(said, where=f"{scenario.file}:{step.line}") from error
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            if step.expected is None:
                raise
            text = f"the expectation cannot be read: {error}"
            fix = "docs/guides/testing-journeys.md shows the form of each"
            raise ScenarioError(text, where=f"{scenario.file}:{step.line}", fix=fix) from error
    if scenario.nothing_else_sent:
        report.checks += 1
        report.failures += _unasked(world)
    return report


def _failures(world: World, step: Step) -> Iterator[Failure]:
    try:
        found = wrong(world, step)
    except UnknownSubjectError as error:
        found = [("who", step.subject, str(error))]
        yield from (_failure(world, step, one, []) for one in found)
        return
    if found:
        of = str((step.expected or {}).get("of", PERSON))
        subject, _ = world.subject(of, step.subject)
        trace = [effect for _, effect in world.about(of, subject)]
        yield from (_failure(world, step, one, trace) for one in found)


def _failure(world: World, step: Step, one: tuple[str, str, str], trace: list[Effect]) -> Failure:
    question, expected, happened = one
    at = shown(step.time_ms, world.scenario.start_ms)
    return Failure(step.line, step.time_ms, at, step.subject, question, expected, happened, trace)


def _unasked(world: World) -> Iterator[Failure]:
    """Messages that no expectation has named."""
    for place, effect in enumerate(world.effects):
        if effect.kind in ("message", "webhook") and place not in world.told:
            person = str(effect.data.get("recipient") or effect.subject)
            at = shown(effect.time, world.scenario.start_ms)
            trace = [one for _, one in world.about(effect.of, effect.subject)]
            yield Failure(
                0, effect.time, at, _name(world, person), "nothing else sent", "nothing",
                f"{effect.data.get('template') or effect.data.get('channel')}: {at}", trace,
            )  # fmt: skip


def _name(world: World, subject: str) -> str:
    """An identifier of a person by subject id."""
    for one, now in world.fold.subjects(PERSON).items():
        if one == subject:
            held = [value for values in now["identifiers"].values() for value in values]
            return str(held[0]) if held else subject
    return subject


@contextmanager
def overlaid(scenario: Scenario, folder: Path) -> Iterator[Workspace]:
    """The workspace in `folder` with the scenario's `with` laid over it. Raises WorkspaceError."""
    heed = scenario.holdouts
    if not scenario.overlay:
        yield load(folder) if heed else treated(load(folder))
        return
    with tempfile.TemporaryDirectory(prefix="sevenfold-") as scratch:
        above = {"name": "scenario", "extends": folder.resolve().as_posix(), **scenario.overlay}
        (Path(scratch) / "workspace.yaml").write_text(to_yaml(above), encoding="utf-8")
        yield load(Path(scratch)) if heed else treated(load(Path(scratch)))


def treated(workspace: Workspace) -> Workspace:
    """The workspace without its holdout for every journey: who is kept from something by lot is no matter of
    what was agreed.
    """
    messaging = msgspec.structs.replace(workspace.messaging, journey_holdout=None)
    return msgspec.structs.replace(workspace, messaging=messaging)


def scenario_files(paths: list[Path]) -> list[Path]:
    """Scenario files, and those in folders, in order of their names."""
    found: list[Path] = []
    for path in paths:
        found += sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")]) if path.is_dir() else [path]
    return found


__all__ = ["Failure", "Report", "overlaid", "run", "scenario_files"]

"""Every scenario file, of the tests and of the packs, run as `sevenfold test` runs it.

Compiling a pack takes a hundred times as long as a story in it, so each workspace is compiled once, and each
scenario lives in a copy of that process.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from sevenfold.playback.delivery import DeliveringFold
from sevenfold.scenarios.running import Report, overlaid, run, treated
from sevenfold.scenarios.timeline import load_scenario
from sevenfold.workspace.loading import load

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted([*HERE.glob("*/*.yaml"), *ROOT.glob("packs/*/scenarios/*.yaml")])
assert FILES, "no scenarios found"


def workspace_folder(path: Path, named: str) -> Path:
    """The folder of the pack or example that a file names, or of the pack it lies in."""
    if not named:
        return path.parents[1]
    return ROOT / (named if "/" in named else f"packs/{named}")


@cache
def fresh(folder: Path) -> DeliveringFold:
    """A workspace's fold that has lived nothing yet, and in this process never will."""
    return DeliveringFold(treated(load(folder)))


def in_a_copy(work: Callable[[], Report]) -> Report:
    """What `work` gives in a copy of this process, which ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with os.fdopen(writing, "wb") as out:
                try:
                    told: Report | Exception = work()
                except Exception as error:
                    told = RuntimeError(repr(error))
                pickle.dump(told, out)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    report = pickle.loads(said)
    if isinstance(report, Exception):
        raise report
    assert isinstance(report, Report)
    return report


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parents[0].name}/{path.stem}")
def test_it_goes_as_the_scenario_says(path: Path) -> None:
    scenario = load_scenario(path)
    folder = workspace_folder(path, scenario.workspace)
    if scenario.overlay or scenario.holdouts:
        with overlaid(scenario, folder) as workspace:
            report = run(scenario, workspace)
    else:
        fold = fresh(folder)
        report = in_a_copy(lambda: run(scenario, fold.workspace, fresh=fold))
    told = [
        f"{one.at}, {one.subject}, {one.question}: {one.expected}, not {one.happened}"
        for one in report.failures
    ]
    assert not told, "\n".join(told)
    assert report.checks

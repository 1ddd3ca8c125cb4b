"""Every scenario file, of the tests and of the packs, run as `sevenfold test` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.scenarios.running import overlaid, run
from sevenfold.scenarios.timeline import load_scenario

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted([*HERE.glob("*/*.yaml"), *ROOT.glob("packs/*/scenarios/*.yaml")])
assert FILES, "no scenarios found"


def workspace_folder(path: Path, named: str) -> Path:
    """The folder of the pack or example that a file names, or of the pack it lies in."""
    if not named:
        return path.parents[1]
    return ROOT / (named if "/" in named else f"packs/{named}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parents[0].name}/{path.stem}")
def test_it_goes_as_the_scenario_says(path: Path) -> None:
    scenario = load_scenario(path)
    with overlaid(scenario, workspace_folder(path, scenario.workspace)) as workspace:
        report = run(scenario, workspace)
    told = [
        f"{one.at}, {one.subject}, {one.question}: {one.expected}, not {one.happened}"
        for one in report.failures
    ]
    assert not told, "\n".join(told)
    assert report.checks

"""Weights that were advised are laid over a workspace, put in force, and taken back by the same record."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sevenfold.workspace.comparing import diff
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace
from tests.unit.journeys.running import Running

BASE = """
name: base
signals: {logins: {kind: count, event: Signed In}, bugs: {kind: count, event: Bug Reported}}
lifecycles: {life: {stages: [{name: new}, {name: used, enter: logins >= 3}]}}
scores:
  health:
    lifecycle: life
    measures:
      logins: {signal: logins, points: [[0, 0], [10, 100]]}
      bugs: {signal: bugs, points: [[0, 100], [2, 0]]}
    weights: [{stage: new, weights: {logins: 1}}, {stage: used, weights: {logins: 3, bugs: 1}}]
    bands: [{name: red, from: 0}, {name: green, from: 40}]
journeys:
  save: {triggers: [{kind: score, score: health, below: 40}], steps: {rest: {kind: wait, for: 9d}}}
"""


def folder(root: Path, overrides: str) -> Workspace:
    (root / "base").mkdir(exist_ok=True)
    (root / "base" / "workspace.yaml").write_text(BASE)
    (root / "mine").mkdir(exist_ok=True)
    (root / "mine" / "workspace.yaml").write_text("name: mine\nextends: ../base\n")
    (root / "mine" / "overrides.yaml").write_text(overrides)
    return load(root / "mine")


def test_advice_is_accepted_by_an_overlay_and_taken_back_without_a_trace_in_values(tmp_path: Path) -> None:
    before = folder(tmp_path, "")
    advised = folder(tmp_path, "health.health.weights[1].weights: {logins: 1, bugs: 3}\n")
    assert [(one.section, one.name) for one in diff(before, advised)] == [("scores", "health")]
    running = Running({})
    running.fold.tell(running.fold.t, {"op": "workspace", "workspace": msgspec.to_builtins(before)})
    for number in range(8):
        running.track(f"{number}m", "a", "Signed In")
    running.track("9m", "a", "Bug Reported")
    running.track("10m", "a", "Bug Reported")

    def health() -> tuple[float, str, int]:
        score = running.fold.read("person", 1)["scores"]["health"]
        return score["value"], score["band"], score["numerator"]

    stood = health()
    assert stood[:2] == (60.0, "green")
    told = running.control("1h", "workspace", workspace=msgspec.to_builtins(advised))
    assert health()[:2] == (20.0, "red")
    assert [effect.kind for effect in told] == ["jump", "workspace"], "marked, and nobody is started by it"
    told = running.control("2h", "workspace", workspace=msgspec.to_builtins(before))
    assert health() == stood
    assert "run" not in {effect.kind for effect in told}

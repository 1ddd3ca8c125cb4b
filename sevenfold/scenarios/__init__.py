"""Scenarios: what somebody does, as a file that marketers read, and what a workspace must answer."""

from __future__ import annotations

from sevenfold.scenarios.exporting import export
from sevenfold.scenarios.running import Failure, Report, run
from sevenfold.scenarios.timeline import Scenario, ScenarioError, load_scenario

__all__ = ["Failure", "Report", "Scenario", "ScenarioError", "export", "load_scenario", "run"]

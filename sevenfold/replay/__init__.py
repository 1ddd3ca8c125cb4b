"""Recorded history through the live engine in virtual time, and what came of it as tables."""

from __future__ import annotations

from sevenfold.replay.explain import Explanation, explain
from sevenfold.replay.feed import open_log, sort_events
from sevenfold.replay.outcome import Outcome
from sevenfold.replay.run import Progress, replay

__all__ = ["Explanation", "Outcome", "Progress", "explain", "open_log", "replay", "sort_events"]

"""Recorded history through the live engine in virtual time, and what came of it as tables."""

from __future__ import annotations

from sevenfold.playback.explain import Explanation, explain
from sevenfold.playback.feed import open_log, sort_events
from sevenfold.playback.outcome import Outcome
from sevenfold.playback.run import Progress, replay

__all__ = ["Explanation", "Outcome", "Progress", "explain", "open_log", "replay", "sort_events"]
